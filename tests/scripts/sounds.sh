# Sounds: every kind as tests/sounds/make.py computes it from the tone itself, classes by folders, paths in a csv file, the unreadable ones.
set -u
. "$ROOT/tests/support/command.sh"
[ -e "$BUILD/libnn-sounds.a" ] || { echo "this build has no libnn-sounds.a: libsndfile1-dev, libsamplerate0-dev"; exit 1; }
good=$ROOT/tests/sounds/good broken=$ROOT/tests/sounds/broken
export LC_ALL=C
program() { # SOURCE FIELDS...: a network that reads the first field, x, and learns t
    local source=$1
    shift
    printf 'data d = %s {\n' "$source"
    printf '    %s\n' "$@"
    printf '}\nmodel net(x[batch, n]) -> y[batch, 3] = x |> dense(3)\ntrain net on d {\n    loss = cross_entropy(y, t)\n    optimizer = sgd(0.01)\n'
    printf '    batch = 4\n    epochs = 2\n    predict = [name, kind = restore(argmax[i] y[.., i], t)]\n}\n'
}
build() { program "$@" >net.nn && "$NNC" build net.nn 2>build.txt || fail "no program: $*"; }

# ---- every kind ----
mkdir -p all/all
cp "$good"/* all/all/
build 'sounds("all", rate = 8_000)' 'x[260] = samples' 't = class(folder, 1)' 'name = path'
compare() { # ROWS OF THE LIST
    awk '{
        getline line <"found.txt"
        n = split(line, b, ",")
        if (n < NF - 2) {print "no row for " $1; exit 1}
        for (k = 3; k <= NF; k++) if ((d = $k - b[k - 2]) > $2 || d < -$2) {print $1 ", sample " k - 3 ": " b[k - 2] " for " $k; exit 1}
    }' "$1"
}
./net data | tail -n +2 >found.txt
[ "$(wc -l <found.txt)" = "$(ls "$good" | wc -l)" ] || fail "$(wc -l <found.txt) sounds"
compare "$ROOT/tests/sounds/8000.txt" || fail "sounds differ"
taskset -c 0 ./net data | tail -n +2 | cmp - found.txt || fail "one thread reads otherwise"
readelf -d net | grep -q 'NEEDED.*libsndfile' || fail "a trainer of sounds does not link libsndfile"

# ---- cut to the field's length ----
build 'sounds("all", rate = 8_000)' 'x[100] = samples' 't = class(folder, 1)' 'name = path'
cut -d' ' -f1-102 "$ROOT/tests/sounds/8000.txt" >short.txt
./net data | tail -n +2 >found.txt
compare short.txt || fail "beginnings differ"

# ---- classes, predictions, and what cannot be read ----
mkdir -p words/{no,yes,up}
cp "$good"/bits_16.wav words/no/a.wav
cp "$good"/three.flac words/yes/
cp "$good"/VORBIS.OGG words/up/
touch words/up/list.txt
program 'sounds("words", rate = 16_000)' 'x[500, 1] = samples' 't = class(folder, 3)' 'name = path' >net.nn
sed -i 's/model net(x\[batch, n\]) -> y\[batch, 3\] = x |>/model net(x[batch, n, 1]) -> y[batch, 3] = x |> flatten |>/' net.nn
"$NNC" build net.nn || fail "a sound of one channel"
./net --quiet 2>said.txt || fail "sounds do not train"
grep -q '1 file is left out, as no name ends in wav, flac or ogg (the first is up/list.txt)' said.txt || fail "left out: $(cat said.txt)"
[ "$(./net predict --data words | cut -d, -f1 | paste -sd' ')" = "name no/a.wav up/VORBIS.OGG yes/three.flac" ] || fail "predict of a folder"
[ "$(./net predict --data "$good/fast.flac" | tail -n 1 | cut -d, -f1)" = fast.flac ] || fail "predict of a file"
cp "$broken"/* words/up/
./net --out new 2>&1 | grep -v '^warning' >said.txt
cat >expected.txt <<'TEXT'
error: words: 10 of 13 sounds cannot be read:
  up/channels.wav: 900 channels and 8000 samples a second are not read at 16000
  up/cut.flac: the file is cut off or damaged
  up/cut.wav: the file is cut off
  up/cut_in_head.flac: the file is damaged, or of a kind that libsndfile does not know
  up/cut_in_head.wav: the file is damaged, or of a kind that libsndfile does not know
  up/empty.wav: the file is empty
  up/fast.wav: 1 channels and 2147483647 samples a second are not read at 16000
  up/head_alone.ogg: the file is damaged, or of a kind that libsndfile does not know
  up/rate.wav: 1 channels and 7 samples a second are not read at 16000
  up/text.ogg: neither a WAV, a FLAC nor an Ogg file, by its first bytes
TEXT
diff expected.txt said.txt || fail "the unreadable ones"

# ---- a test part in a folder of its own, whose rate is said again ----
mkdir -p other/all && cp "$good"/three.flac other/all/
build 'sounds("all", rate = 8_000)' 'x[260] = samples' 't = class(folder, 1)' 'name = path' 'test = sounds("other", rate = 8_000)'
./net --quiet 2>/dev/null && ./net eval | grep -q '^test: 1 rows$' || fail "a folder of its own for the test part"

# ---- paths in a csv file ----
mkdir -p list
cp -r "$good" list/good
(echo file,kind && ls "$good" | awk '{print "good/" $1 "," NR % 3}') >list/list.csv
build 'csv("list.csv")' 'x[260] = samples(column("file"), rate = 8_000)' 't = class(column("kind"), 3)' 'name = column("file")'
./net data --data list | tail -n +2 >found.txt
compare "$ROOT/tests/sounds/8000.txt" || fail "sounds of a list differ"
./net --data list --quiet 2>/dev/null && [ "$(./net predict --data list/list.csv | sed -n 2p | cut -d, -f1)" = good/VORBIS.OGG ] || fail "predict of a list"
exit $bad
