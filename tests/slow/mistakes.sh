#!/bin/bash
# Seeded mistakes in the compiler: for each of COUNT (300) numbers from FROM (1) one small change somewhere in compiler/{pass,llvm,grad,emit}
# (tests/support/mistakes.py), in a copy of the sources in WORK (./mistakes); it is built, and fast tests run until the first that fails. What
# the quick ones do not find meets all the others when every number has had its turn. At least 95 % are found. What changes no object file,
# or is no C, does not count. done.txt has a line for each, and what is there is not done again. `missed` in it is looked at: a test
# that is missing, or a change that only costs time (none, another schedule that is as right, a check of nnc against itself), for which
# `same` is written in its place.
set -u
work=${WORK:-$PWD/mistakes}
mkdir -p "$work" && cd "$work" && touch done.txt || exit 1
if [ ! -d source ]; then
    mkdir source && (cd "$ROOT" && cp -r CMakeLists.txt cmake compiler runtime stdlib tests bench examples "$work/source") && cp -r source/compiler right || exit 1
fi
put_back() { diff -rq right source/compiler | sed -n 's/^Files right\/\(.*\) and .*/\1/p' | while read -r file; do cp "right/$file" "source/compiler/$file"; done; }
put_back # what a run that was ended has left
# Those that find most for their time first.
quick=(goldens_test equations_test forms_test kernels_test measures_test ops_test module_test shared_test "compiled_programs_test 0 30" "texts_test 0 30"
    programs_test passes_test "library_test loss_")
rest=(errors check schedule_test library_test emit_test emit_ops_test products_test grad_test compiled_programs_test texts_test edges_test chains_test gradients_test)
executables() { printf '%s\n' "$@" | grep -oE '^\w+_test' | sort -u; }
build() { nice -n 19 cmake --build build --target nnc $(executables "$@") >build.log 2>&1; } # TEST...
[ -f build/build.ninja ] ||
    cmake -S source -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O1 -Werror=incompatible-pointer-types -Werror=int-conversion" >cmake.log ||
    { cat cmake.log; exit 1; }
build "${quick[@]}" || { tail build.log; exit 1; }

# Runs a test until it says that something is wrong; for ten minutes of processor time at most, in at most 8 GB: what hangs is found.
passes() {
    local command=(build/tests/$1) process status
    [[ $1 == *_test* ]] || command=(env JOBS=1 source/tests/run build "$1")
    (ulimit -v 8000000 -t 600; exec nice -n 19 setsid "${command[@]}") >test.log 2>&1 &
    process=$!
    while kill -0 $process 2>/dev/null && ! grep -qvE 'passed, 0 failed|^0 of [0-9]+ programs' test.log; do sleep 0.2; done
    kill -9 -- -$process 2>/dev/null && grep -qvE 'passed, 0 failed|^0 of [0-9]+ programs' test.log && { wait $process; return 1; }
    wait $process
}
object() { find build/CMakeFiles -path "*/compiler/$(basename "$(dirname "$1")")/$(basename "$1").o"; }

first_of() { # TEST...: the first that fails; none: 1
    local test
    for test; do passes "$test" || { echo "found by $test"; return; }; done
    return 1
}

judge() { # NUMBER WHAT-IS-KNOWN
    (cd source && python3 tests/support/mistakes.py "$1" compiler/pass compiler/llvm compiler/grad compiler/emit) >mistake || exit 1
    local file result tests=("${quick[@]}")
    [ "$2" != late ] || tests=("${rest[@]}")
    file=$(cut -d: -f1 mistake)
    cp "$(object "$file")" kept.o || exit 1
    if ! build "${tests[@]}"; then
        result='not C'
    elif cmp -s "$(object "$file")" kept.o; then
        result='same code'
    elif ! result=$(first_of "${tests[@]}"); then
        [ "$2" = late ] && result=missed || result=late
    fi
    put_back
    sed -i "/^$1 /d" done.txt
    echo "$1 $result: $(cat mistake)" >>done.txt
}

for test in "${quick[@]}"; do passes "$test" || { echo "$test fails without a mistake"; cat test.log; exit 1; }; done
for number in $(seq "${FROM:-1}" $((${FROM:-1} + ${COUNT:-300} - 1))); do
    grep -q "^$number " done.txt || judge "$number" ''
done
grep '^[0-9]* late' done.txt | cut -d' ' -f1 | while read -r number; do judge "$number" late; done
found=$(grep -c '^[0-9]* found' done.txt)
missed=$(grep -c '^[0-9]* missed' done.txt)
echo "$found found of $((found + missed)); $(grep -c '^[0-9]* same' done.txt) change nothing, $(grep -c '^[0-9]* not C' done.txt) are no C"
grep '^[0-9]* missed' done.txt
[ $((found * 100)) -ge $((95 * (found + missed))) ]
