# examples/embed by its Makefile, and from an installed nn by pkg-config and by CMake's find_package.
set -eu
fail() { echo "$*"; exit 1; }
cp -r "$ROOT/examples/embed" embed
cmake --install "$BUILD" --prefix "$PWD/prefix" >/dev/null
cp "$ROOT"/examples/digits/digits.nn "$ROOT"/examples/digits/digits.csv .
cd embed
make -s NNC="$NNC" NN="$BUILD" MODEL=../digits.nn || fail "make"
./embed ../digits.csv >out.txt || fail "embed: exit $?"
export PKG_CONFIG_PATH=$PWD/../prefix/lib/pkgconfig:$(ls -d "$PWD"/../prefix/lib/*/pkgconfig 2>/dev/null | head -n 1)
../prefix/bin/nnc build ../digits.nn --emit obj -o digits.o || fail "the installed nnc"
gcc -I. embed.c digits.o $(pkg-config --cflags --libs nn) -o by-pkg-config || fail "pkg-config"
./by-pkg-config ../digits.csv | cmp - out.txt || fail "pkg-config: other numbers"
cmake -S . -B by-cmake -DCMAKE_PREFIX_PATH="$PWD/../prefix" -DNNC="$PWD/../prefix/bin/nnc" >/dev/null && cmake --build by-cmake >/dev/null || fail "cmake"
./by-cmake/embed ../digits.csv | cmp - out.txt || fail "cmake: other numbers"
../prefix/bin/nnc build ../digits.nn -o trainer && ./trainer --data .. --epochs 1 --quiet || fail "the installed nnc links no trainer"
