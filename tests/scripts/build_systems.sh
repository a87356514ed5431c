# Models in the projects of others, from an installed nn: CMake's nnc_add_library and nnc_add_trainer, Meson, Make. What is built is built
# anew when the program, a library of it, an option or nnc changes, and only then.
set -eu
export CC=gcc CXX=g++
fail() { echo "$*"; [ ! -e out.txt ] || tail -n 20 out.txt; exit 1; }
cmake --install "$BUILD" --prefix "$PWD/prefix" >/dev/null
PATH=$PWD/prefix/bin:$PATH
export PKG_CONFIG_PATH=$PWD/prefix/lib/pkgconfig:$(ls -d "$PWD"/prefix/lib/*/pkgconfig 2>/dev/null | head -n 1)
mkdir app && cd app
cp "$ROOT/tests/host/caller.nn" sensors.nn
cat >own.nn <<'END'
layer widened(x[b, n], by = 3) -> y[b, by * n] = x |> dense(by * n) |> tanh
END
cat >rows.nn <<'END'
width = 4
data rows = synthetic(64) {
    x[2] = uniform(0, 1)
    t    = x[0] * x[1]
}
model net(x[batch, 2]) -> y[batch] {
    h    = x |> own.widened(width)
    y[b] = (h |> dense(1))[b, 0]
}
train net on rows {
    loss      = mse(y, t)
    optimizer = adam(1e-2)
    epochs    = 2
}
END
cat >main.cpp <<'END'
#include "sensors.h"
#include "wide.h"
#include <cstdio>
int main() {
    sensors *m = sensors_create(nullptr);
    wide *w = wide_create(nullptr);
    const float x[2] = {1, 2};
    float y;
    if (!m || !w || wide_predict(w, x, 2, 1, &y, 1) != NN_OK) return 1;
    std::printf("%d\n", WIDE_PARAMETERS);
    sensors_destroy(m);
    wide_destroy(w);
}
END
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(app LANGUAGES CXX)
find_package(nn REQUIRED)
nnc_add_library(sensors sensors.nn)
nnc_add_library(wide-net rows.nn PREFIX wide CHECKED LIBRARIES own.nn OPTIONS --set width=${WIDTH})
nnc_add_trainer(rows rows.nn LIBRARIES own.nn)
add_executable(app main.cpp)
target_link_libraries(app PRIVATE sensors wide-net)
set(trainer $<TARGET_PROPERTY:rows,NNC_TRAINER>)
add_custom_command(OUTPUT weights COMMAND ${trainer} --epochs 1 --quiet --out weights DEPENDS ${trainer})
add_custom_target(weights_made ALL DEPENDS weights)
END
compiled() { sed -n /Compiling/p out.txt | wc -l; }
make_again() { # WANTED WHAT: how many models are compiled
    cmake --build by-cmake >out.txt 2>&1 || fail "$generator: after $2"
    [ "$(compiled)" = "$1" ] || fail "$generator: $2 compiles $(compiled) models, not $1"
}
for generator in Ninja "Unix Makefiles"; do
    rm -rf by-cmake out.txt
    # Nothing that an object needs not is asked for.
    cmake -G "$generator" -S . -B by-cmake -DCMAKE_PREFIX_PATH="$PWD/../prefix" -DWIDTH=5 -DCMAKE_DISABLE_FIND_PACKAGE_Threads=ON \
        -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON >out.txt 2>&1 || fail "$generator: cmake"
    make_again 3 "a first build"
    [ "$(./by-cmake/app)" = 41 ] || fail "$generator: the program: $(./by-cmake/app)"
    [ -e by-cmake/weights/weights.safetensors ] || fail "$generator: the trainer is no command"
    ./by-cmake/nn/rows/rows info >/dev/null || fail "$generator: no trainer"
    make_again 0 "no change"
    sleep 1
    touch sensors.nn && make_again 1 "a program"
    touch own.nn && make_again 2 "a library of a program"
    touch ../prefix/bin/nnc && make_again 3 "the compiler"
    make_again 0 "no change"
    cmake by-cmake -DWIDTH=6 >/dev/null && cmake --build by-cmake >out.txt 2>&1 || fail "$generator: another option"
    [ "$generator" != Ninja ] || [ "$(./by-cmake/app)" = 49 ] || fail "$generator: another option is not seen"
done
cmake -S . -B refused -DCMAKE_PREFIX_PATH="$PWD/../prefix" >/dev/null
sed -i 's/wide-net rows.nn/wide-net rows.nn --verify/' CMakeLists.txt
cmake -S . -B refused >out.txt 2>&1 && fail "an option that is none is taken"
grep -q "Options of nnc stand behind OPTIONS" out.txt || fail "an option that is none"
cd ..
# The blocks of the document, in a folder with its program and its first block of C.
mkdir page && cd page && cp "$ROOT/examples/digits/digits.nn" .
block() { awk -v kind="$1" '/^```/ { if (open) exit; open = $0 == "```" kind; next } open' "$ROOT/docs/embedding.md"; }
block c >main.c && block cmake >CMakeLists.txt && block meson >meson.build && block make >Makefile
again() { # NAME COMMAND...: builds, runs, has nothing to do, and sees a program that changed
    local name=$1
    shift
    "$@" >out.txt 2>&1 || fail "$name"
    "$@" >out.txt 2>&1 && ! grep -q -e Compiling -e "emit obj" -e "Generating digits" out.txt || fail "$name: no change"
    sleep 1
    touch digits.nn
    "$@" >out.txt 2>&1 && tr '\r' '\n' <out.txt | grep -q -e Compiling -e "emit obj" -e "Generating digits" || fail "$name: a program that changed"
}
cmake -S . -B by-cmake -DCMAKE_PREFIX_PATH="$PWD/../prefix" >out.txt 2>&1 || fail "cmake: the document's block"
again cmake cmake --build by-cmake && ./by-cmake/app && ./by-cmake/nn/trainer/trainer info >out.txt || fail "cmake: the program"
again make make && ./app && ./trainer info >out.txt || fail "make: the program"
rm app trainer digits.[oh]
if command -v meson >/dev/null; then
    meson setup by-meson >out.txt 2>&1 || fail "meson: the document's block"
    again meson ninja -v -C by-meson && ./by-meson/app && ./by-meson/trainer info >out.txt || fail "meson: the program"
fi
# examples/embed builds by each as well.
cd .. && cp -r "$ROOT/examples/embed" "$ROOT/examples/digits" . && cd embed
make -s NN="$BUILD" && make -q NN="$BUILD" || fail "make: the example"
if command -v meson >/dev/null; then
    meson setup by-meson >out.txt 2>&1 && ninja -C by-meson >out.txt 2>&1 && ./by-meson/embed ../digits/digits.csv >/dev/null || fail "meson: the example"
fi
