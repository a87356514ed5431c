# The code in the documents: every fenced block of nn is checked (a file with `train` as a program, else as a library), every block
# of c is compiled against the header of examples/digits, so are those of cpp and rust, every block of python finds its module, every block of sh runs in a folder that holds the examples' files. A block
# of text is what the block of sh before it prints, to the letter, and the last column of a table below it, where it is code, quotes
# lines of it.
set -u
bad=0
mkdir -p docs && cd docs || exit 1
cp "$ROOT"/examples/*/*.nn "$ROOT"/examples/*/*.csv "$ROOT"/examples/*/*.txt "$ROOT"/examples/shapes/draw.c . 2>/dev/null
"$NNC" build digits.nn --emit obj || exit 1
for page in "$ROOT"/README.md "$ROOT"/docs/*.md "$ROOT"/examples/*/README.md; do
    name=$(basename "$page" .md)
    awk -v name="$name" '
        /^```[a-z]+$/ && !open { kind = substr($0, 4); open = 1; n++; file = sprintf("%s.%02d.%s", name, n, kind); printf "" > file; next }
        /^```$/ { if (open) { open = 0; close(file) } else open = 2; next }
        /^```/ { open = open ? 0 : 2; next }
        open == 1 { print > file; next }
        /^#/ { kind = "" }
        kind == "text" && /^\|.*`.*` \|$/ { sub(/^.*\| `/, ""); sub(/` \|$/, ""); print > sprintf("%s.%02d.lines", name, n) }' "$page"
done
for block in *.[0-9][0-9].nn; do
    [ -e "$block" ] || continue
    "$NNC" check "$block" >out.txt 2>&1 || { echo "$block:"; cat "$block" out.txt; bad=1; }
done
for block in *.[0-9][0-9].c; do
    [ -e "$block" ] || continue
    gcc -std=c99 -Wall -Wextra -Wconversion -Werror -I. "$block" digits.o -L"$BUILD" -lnn -lm -lpthread -o block >out.txt 2>&1 && ./block >out.txt 2>&1 ||
        { echo "$block:"; cat out.txt; bad=1; }
done
for block in *.[0-9][0-9].cpp; do
    g++ -x c++ -std=c++17 -Wall -Wextra -Werror -I. "$block" -x none digits.o -L"$BUILD" -lnn -lm -o block >out.txt 2>&1 && ./block >out.txt 2>&1 ||
        { echo "$block:"; cat out.txt; bad=1; }
done
# Of a sanitized library another compiler cannot link what it needs. Where there is no Rust, epochs.c holds what the block declares.
if [ -z "${SANITIZED:-}" ] && command -v rustc >/dev/null; then
    "$NNC" build digits.nn --emit lib -o libdigits.a || exit 1
    for block in *.[0-9][0-9].rust; do
        cp "$block" block.rs && rustc --edition 2021 -D warnings -L . block.rs -o block >out.txt 2>&1 && ./block >out.txt 2>&1 || { echo "$block:"; cat out.txt; bad=1; }
    done
fi
# Blocks for Python use the module of the same program. A sanitized library loads into no other program.
if [ -z "${SANITIZED:-}" ] && command -v python3 >/dev/null; then
    "$NNC" build digits.nn --emit python || exit 1
    for block in *.[0-9][0-9].python; do
        python3 -B -W error "$block" >out.txt 2>&1 || { echo "$block:"; cat out.txt; bad=1; }
    done
fi
PATH=$BUILD:$PATH
cp -n "$ROOT"/examples/embed/embed.c main.c
for block in *.[0-9][0-9].sh; do
    [ -e "$block" ] || continue
    LIBRARY_PATH=$BUILD bash -eu "$block" >out.txt 2>err.txt || { echo "$block:"; cat "$block" out.txt err.txt; bad=1; }
    number=${block%.sh}
    expected=${number%.*}.$(printf '%02d' $((10#${number##*.} + 1))).text
    [ ! -e "$expected" ] || { diff -u "$expected" out.txt && touch "$expected.seen"; } || { echo "$block prints something else"; bad=1; }
done
for expected in *.[0-9][0-9].text; do
    [ -e "$expected" ] || continue
    [ -e "$expected.seen" ] || { echo "$expected follows no block of sh that prints it"; bad=1; }
    quoted=${expected%.text}.lines
    [ -e "$quoted" ] || continue
    sed 's/^ *//' "$expected" | grep -vxFf - "$quoted" && { echo "$quoted: not in $expected"; bad=1; }
done
exit $bad
