# Pictures: every kind as computed by tests/pictures/make.py, classes by folders, paths and masks in a csv file, the unreadable ones of many,
# what a prediction says of which file.
set -u
. "$ROOT/tests/support/command.sh"
[ -e "$BUILD/libnn-pictures.a" ] || { echo "this build has no libnn-pictures.a: libpng-dev, libjpeg-dev"; exit 1; }
good=$ROOT/tests/pictures/good broken=$ROOT/tests/pictures/broken
export LC_ALL=C

program() { # SOURCE SHAPE FIELDS...: a network that reads the first field, x, and learns t
    local source=$1 shape=$2
    shift 2
    printf 'data d = %s {\n' "$source"
    printf '    %s\n' "$@"
    printf '}\nmodel net(x[batch, %s]) -> y[batch, 3] = x |> flatten |> dense(3)\n' "$shape"
    printf 'train net on d {\n    loss = cross_entropy(y, t)\n    optimizer = sgd(0.01)\n    batch = 4\n    epochs = 2\n'
    printf '    predict = [name, kind = restore(argmax[i] y[.., i], t)]\n}\n'
}
build() { program "$@" >net.nn && "$NNC" build net.nn || fail "no program: $*"; }

# ---- every kind, as large as a row ----
for size in 6x5x3 4x9x1 25x19x1 13x13x3; do
    IFS=x read -r h w c <<<"$size"
    printf 'data d = images("%s") {\n    x[%d, %d, %d] = resize(pixels, %d, %d)\n}\n' "$good" "$h" "$w" "$c" "$h" "$w" >net.nn
    printf 'model net(x[batch, %d, %d, %d]) -> y[batch, 1] = x |> flatten |> dense(1)\n' "$h" "$w" "$c" >>net.nn
    printf 'train net on d {\n    loss = mean(y^2)\n    optimizer = sgd(0.01)\n    epochs = 1\n}\n' >>net.nn
    "$NNC" build net.nn || fail "no program for $size"
    for on in "" "taskset -c 0"; do
        $on ./net data 2>/dev/null | tail -n +2 | tr , ' ' | paste -d' ' <(cut -d' ' -f1 "$ROOT/tests/pictures/$size.txt") - >found.txt
        # JPEG's own arithmetic may differ by one between versions of the library.
        awk '{
            getline other <"found.txt"
            if (split($0, a, " ") != split(other, b, " ") || a[1] != b[1]) {print "rows differ: " $1; exit 1}
            most = tolower(a[1]) ~ /jpe?g$/ && a[1] !~ /^png/ ? 1 : 0
            for (k = 2; k in a; k++) if ((d = a[k] - b[k]) > most || d < -most) {print a[1] ", number " k - 1 ": " b[k] " for " a[k]; exit 1}
        }' "$ROOT/tests/pictures/$size.txt" >said.txt || fail "$size: $on $(cat said.txt)"
        [ "$(wc -l <found.txt)" = "$(wc -l <"$ROOT/tests/pictures/$size.txt")" ] || fail "$size: $(wc -l <found.txt) rows"
    done
done

# ---- folders are classes, in the order of their bytes; what is no picture is told ----
mkdir -p pets/10 pets/Cats pets/NA/deep
cp "$good"/grey_8.png pets/10/b.png
cp "$good"/grey.jpg pets/10/a.jpg
cp "$good"/colour.png pets/Cats/
cp "$good"/colour.jpg pets/NA/deep/
cp "$good"/fine.jpg pets/NA/.hidden.jpg
touch pets/NA/notes.txt pets/list
build 'images("pets")' '5, 5, 3' 'x[5, 5, 3] = resize(pixels, 5, 5) / 255' 't = class(folder, 3)' 'cat = folder == "Cats"' 'name = path'
./net data 2>/dev/null | tail -n +2 | cut -d, -f76-77 >found.txt
[ "$(tr '\n' ' ' <found.txt)" = "0,0 0,0 1,1 2,0 " ] || fail "the classes are $(cat found.txt)"
./net >said.txt 2>&1 || fail "pets do not train: $(cat said.txt)"
grep -q '^warning: pets: 2 files are left out, as no name ends in png, jpg or jpeg (the first is' said.txt || fail "left out: $(head -n 2 said.txt)"
readelf -d net | grep -q 'NEEDED.*libpng' || fail "a trainer of pictures does not link libpng"

# ---- a prediction of a folder, of a file; of other classes ----
[ "$(./net predict --data pets | cut -d, -f1 | tr '\n' ' ')" = "name 10/a.jpg 10/b.png Cats/colour.png NA/deep/colour.jpg " ] || fail "predict of a folder: $(./net predict --data pets)"
[ "$(./net predict --data "$good/grey.jpg" | tail -n 1 | cut -d, -f1)" = grey.jpg ] || fail "predict of a file"
./net predict --data "$good" >all.txt || fail "predict of pictures that lie in no folder"
[ "$(wc -l <all.txt)" = "$(($(ls "$good" | wc -l) + 1))" ] || fail "predict of $(wc -l <all.txt) pictures"
cut -d, -f2 all.txt | tail -n +2 | grep -qvxE '10|Cats|NA' && fail "predicted: $(cat all.txt)"
(mkdir -p other && cd other && ../net predict --out ../net.run --data ../pets/Cats | grep -q '^colour.png,') || fail "predict from elsewhere"
mkdir -p more/pets/10 more/pets/dogs
cp "$good"/grey_8.png more/pets/10/
cp "$good"/grey_4.png more/pets/dogs/
expect 4 '^error: more/pets: expected one of the classes that the model was trained with, found "dogs" \(field t\)$' ./net eval --data more
expect 4 '^error: more/pets: expected 3 classes in field t, found 2: "10", "dogs"$' ./net --data more --out new
cp "$good"/grey_4.png pets/
expect 4 '^error: pets: grey_4.png lies in no folder of its class: it should be pets/CLASS/grey_4.png$' ./net --out new
rm pets/grey_4.png
mkdir -p nothing/pets
expect 4 '^error: nothing/pets: no pictures' ./net --data nothing --out new
expect 3 '^error: cannot find the data file /nowhere; looked for /nowhere' ./net --data /nowhere --out new

# ---- a part in a folder of its own, whose classes are those of the block ----
mkdir -p held/NA held/10
cp "$good"/colour.png held/NA/
build 'images("pets")' '5, 5, 3' 'x[5, 5, 3] = resize(pixels, 5, 5) / 255' 't = class(folder, 3)' 'name = path' 'test = images("held")'
[ "$(./net data --part test 2>/dev/null | tail -n +2 | cut -d, -f76)" = 2 ] || fail "a part in a folder: $(./net data --part test)"
./net --quiet --out held.run && ./net eval --out held.run 2>&1 | grep -q '^test: 1 row' || fail "a part in a folder is not evaluated"
cp -r held/NA held/other
expect 4 '^error: held: expected one of the classes that the model was trained with, found "other" \(field t\)$' ./net --quiet --out new

# ---- without resize all are alike already ----
build 'images("pets")' '9, 13, 1' 'x[9, 13, 1] = pixels' 't = class(folder, 3)' 'name = path'
expect 4 '^  Cats/colour.png: expected 9 pixels high and 13 wide, found 11 and 8 \(`resize` makes all alike\)$' ./net --out new
mkdir -p same/pets/{a,b,c}
for k in a b c; do cp "$good"/grey_8.png same/pets/$k/; done
./net --data same --out new --quiet || fail "pictures of the right size"

# ---- the unreadable ones are named together ----
build 'images("many")' '6, 5, 1' 'x[6, 5, 1] = resize(pixels, 6, 5)' 't = class(folder, 3)' 'name = path'
mkdir -p many/{a,b,c}
for k in $(seq 1 95); do for f in a b c; do cp "$good"/one.png many/$f/$k.png; done; done
cp "$broken"/* many/b/
./net --out new >said.txt 2>&1
[ $? -eq 4 ] || fail "broken pictures: exit code $?"
cat >expected.txt <<'TEXT'
error: many: 15 of 300 pictures cannot be read:
  b/cut.jpg: the JPEG file is cut off
  b/cut.png: the PNG file is cut off
  b/cut_in_head.jpg: the JPEG file is cut off
  b/cut_in_head.png: the PNG file is cut off
  b/cut_progressive.jpg: the JPEG file is cut off
  b/damaged.png: the PNG file is damaged (IDAT: CRC error)
  b/empty.png: the file is empty
  b/huge.jpg: its head claims 65000 x 65000 pixels, more than are read (100 million)
  b/huge.png: its head claims 90000 x 90000 pixels, more than are read (100 million)
  b/large.jpg: its head claims 9000 x 9000 pixels, more than the file can hold
  b/large.png: its head claims 9000 x 9000 pixels, more than the file can hold
  b/no_pixels.jpg: the JPEG file is damaged (Empty JPEG image (DNL not supported))
  b/no_pixels.png: the PNG file is damaged (Invalid IHDR data)
  b/text.jpg: neither a PNG nor a JPEG file, by its first bytes
  b/wide.png: its head claims 2147483647 x 1 pixels, more than are read (100 million)
TEXT
diff expected.txt said.txt || fail "the unreadable ones"
[ -e new/log.jsonl.new ] && fail "a run began with broken pictures"
(ulimit -v 1000000 && [ -z "${SANITIZED:-}" ] && ./net --out new 2>&1 | diff expected.txt -) || [ -n "${SANITIZED:-}" ] || fail "huge sizes take memory"
for k in 1 2 3 4 5 6 7 8; do cp "$broken"/cut.png many/c/x$k.png; done
./net --out new >said.txt 2>&1
[ "$(head -n 1 said.txt)" = "error: many: 23 of 308 pictures cannot be read (here are 20):" ] && [ "$(wc -l <said.txt)" = 21 ] || fail "more than twenty: $(cat said.txt)"
rm many/b/*[a-z].* many/c/x*
ln -s nowhere many/c/gone.png
expect 4 '^  c/gone.png: No such file or directory$' ./net --out new
rm many/c/gone.png
mkfifo many/c/pipe.png
timeout 20 ./net --quiet --out new 2>/dev/null || fail "300 small pictures do not train"
rm many/c/pipe.png

# ---- paths and labels in a csv file, with masks: numbers of the file itself, the nearest ----
mkdir -p rows/p
cp "$good"/{colour.jpg,colour.png,grey_8.png,palette.png,palette_interlaced.png,grey_2.png} rows/p
printf 'image,mask,label\np/colour.jpg,p/palette.png,b\np/colour.png,p/palette_interlaced.png,a\np/grey_8.png,p/grey_2.png,c\n' >rows/list.csv
build 'csv("list.csv")' '5, 5, 3' 'x[5, 5, 3] = resize(pixels(column("image")), 5, 5) / 255' 't = class(column("label"), 3)' \
    'm[10, 12] = class(resize(pixels(column("mask")), 10, 12), 5)' 'some[10, 12, 1] = resize(pixels(column("mask")), 10, 12) > 1' 'name = column("image")'
./net --data rows --quiet || fail "a csv file of pictures does not train"
./net data --data rows | tail -n +2 | cut -d, -f77-196 >mask.txt
[ "$(sed -n 1p mask.txt)" = "$(sed -n 2p mask.txt)" ] || fail "a mask and the same one interlaced"
[ "$(sed -n 1p mask.txt | tr , '\n' | sort -n | tail -n 1)" = 4 ] || fail "the numbers of a palette: $(sed -n 1p mask.txt)"
[ "$(sed -n 3p mask.txt | tr , '\n' | sort -n | tail -n 1)" = 3 ] || fail "the numbers of 2 bits: $(sed -n 3p mask.txt)"
[ "$(sed -n 1p mask.txt | tr ' ,' '\n\n' | awk '{print ($1 > 1) + 0}' | paste -sd,)" = "$(./net data --data rows | sed -n 2p | cut -d, -f197-316)" ] || fail "a condition of a mask"
[ "$(./net predict --data rows/list.csv | cut -d, -f1 | tail -n +2 | paste -sd' ')" = "p/colour.jpg p/colour.png p/grey_8.png" ] || fail "predict of a list"
[ "$(cd rows && ../net predict --out ../net.run <list.csv | wc -l)" = 4 ] || fail "a list on standard input"
sed -i '3s,p/palette_interlaced.png,p/colour.png,' rows/list.csv
expect 4 '^  .*p/colour.png: a mask has one number of 8 bits a pixel, grey or of a palette' ./net --data rows --out new
sed -i '3s,p/colour.png,,; 3s,p/colour.png,p/palette.png,' rows/list.csv
expect 4 'list.csv:3:1: expected the path of a file, found ""$' ./net --data rows --out new
sed -i 's/, 5)$/, 4)/' net.nn
sed -i '3s,^,p/colour.png,' rows/list.csv
"$NNC" build net.nn && expect 4 'rows/p/palette.png: expected a whole number 0 .. 3 \(field m\), found 4' ./net --data rows --out new

# ---- where there is nothing to link ----
mkdir tools
printf '#!/bin/sh\ncase $1 in -print-file-name=libjpeg*) echo "${1#*=}" ;; *) exec '"$(command -v cc)"' "$@" ;; esac\n' >tools/cc
chmod +x tools/cc
PATH=$PWD/tools:$PATH "$NNC" build net.nn -o lacking >said.txt 2>&1
[ $? -eq 3 ] && grep -q 'this program reads pictures, and there is no libjpeg to link' said.txt && grep -q 'apt install libpng-dev libjpeg-dev' said.txt && [ ! -e lacking ] ||
    fail "the missing library: $(cat said.txt)"
exit $bad
