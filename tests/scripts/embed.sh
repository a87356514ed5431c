# examples/embed by its Makefile, and from an installed nn by pkg-config and by CMake's find_package.
set -eu
fail() { echo "$*"; exit 1; }
cp -r "$ROOT/examples/embed" "$ROOT/examples/digits" .
cmake --install "$BUILD" --prefix "$PWD/prefix" >/dev/null
cd embed
make -s NNC="$NNC" NN="$BUILD" || fail "make"
./embed ../digits/digits.csv >out.txt || fail "embed: exit $?"
awk '/test rows right/ {right = $3} END {exit !(right >= 310)}' out.txt || fail "embed: $(tail -n 1 out.txt)"
export PKG_CONFIG_PATH=$PWD/../prefix/lib/pkgconfig:$(ls -d "$PWD"/../prefix/lib/*/pkgconfig 2>/dev/null | head -n 1)
../prefix/bin/nnc build ../digits/digits.nn --emit obj -o digits.o || fail "the installed nnc"
gcc -I. embed.c digits.o $(pkg-config --cflags --libs nn) -o by-pkg-config || fail "pkg-config"
./by-pkg-config ../digits/digits.csv | cmp - out.txt || fail "pkg-config: other numbers"
cmake -S . -B by-cmake -DCMAKE_PREFIX_PATH="$PWD/../prefix" >/dev/null && cmake --build by-cmake >/dev/null || fail "cmake"
./by-cmake/embed ../digits/digits.csv | cmp - out.txt || fail "cmake: other numbers"
../prefix/bin/nnc build ../digits/digits.nn -o trainer && ./trainer --data ../digits --epochs 1 --quiet || fail "the installed nnc links no trainer"
