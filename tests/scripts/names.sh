#!/bin/bash
# Any file name: of programs, of results, of data, libraries, folders and logs. No name is an option or a script to the tools that
# link, and what the C interface's names begin with is a name that a user may write.
set -u
. "$ROOT/tests/support/command.sh"
printf 'a,b,t\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n' >plain.csv
number=0
try() { # NAME PREFIX
    local name=$1 prefix=$2 folder=$((number += 1))
    mkdir "$folder" && cd "$folder" || exit 1
    cp ../plain.csv "./$name.csv"
    printf 'fn twice(v[..]) -> y[..] { y = 2 * v }\n' >"./$name.lib.nn"
    cat >"./$name.nn" <<'END'
data points = csv("plain.csv") {
    x[2] = columns(0 .. 1)
    t    = column("t")
}
model net(x[batch, 2]) -> y[batch] { y = (x |> dense(1))[:, 0] }
train net on points {
    loss      = mse(y, t)
    optimizer = sgd(lr = 0.1)
    batch     = 4
    epochs    = 2
}
END
    gives 0 '^$' build --library "./$name.lib.nn" "./$name.nn"
    "./$name" --quiet --data "./$name.csv" --out "$name.out" --log "$name.log" || fail "$name: the trainer fails"
    [ -f "./$name.out/weights.safetensors" ] && [ -f "./$name.log" ] || fail "$name: no results: $(ls)"
    "./$name" eval --data "./$name.csv" --out "$name.out" >/dev/null || fail "$name: eval fails"
    gives 0 '^$' build -o "$name.two" "./$name.nn"
    gives 0 '^$' build --emit obj "./$name.nn"
    grep -q "^struct $prefix;\|[ *]${prefix}_create(" "./$name.h" || fail "$name: the prefix is not $prefix: $(grep _create "./$name.h")"
    printf '#include "%s"\nint main(void) { %s_destroy(%s_create(0)); return 0; }\n' "h.h" "$prefix" "$prefix" >main.c
    cp "./$name.h" h.h && cp "./$name.o" o.o
    cc -Wall -Wextra -Werror -pedantic -std=c99 main.c o.o "$BUILD/libnn.a" -lm -lpthread -o main && ./main || fail "$name: the object does not link"
    gives 0 '^$' build --emit lib "./$name.nn"
    cp "./$name.a" a.a && cc main.c a.a -lm -lpthread -o main && ./main || fail "$name: the archive does not link"
    gives 0 '' run "./$name.nn" -- --data "../plain.csv" --out run --quiet
    [ -z "$(find . -name '.nnc*')" ] || fail "$name: left behind: $(ls -A)"
    cd ..
}
try -dash dash
try 数据 model
try $'a  b\nc' a_b_c
try '@file' file
try "it's \"\$(x);\`\\%n" it_s_x_n
try '__x__' x
try int nn_int
try '-Wl,--help' Wl_help
mkdir other && cd other || exit 1
cp ../1/-dash.nn .nn
gives 3 'it is the model file' build ./.nn
cmp -s .nn ../1/-dash.nn || fail 'a build replaced its program'
mkdir pets && cp ../1/-dash.nn pets.nn # a folder of pictures, say
gives 3 'another name, as in `-o pets-trainer`' build pets.nn
gives 3 'cannot write `pets`: Is a directory$' build -o pets pets.nn
for prefix in __x _x x_ x__y int nn nn_x 数 ''; do
    gives 2 'no name that a C interface can begin with' build --emit obj --prefix "$prefix" .nn
done
# A relative folder in PATH, and one without a name, mean what they meant where the command was given.
mkdir bin && ln -s "$(command -v cc)" bin/cc
gives 0 '^$' build -o one ./.nn
(PATH=bin:$PATH; gives 0 '^$' build -o two ./.nn; exit $bad) || bad=1
cmp one two || fail 'another PATH gives another trainer'
exit $bad
