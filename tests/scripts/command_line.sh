#!/bin/bash
# The command line: help, mistakes and their exit codes, fmt on files, messages as JSON.
set -u
. "$ROOT/tests/support/command.sh"

gives 2 'what shall it do'
gives 0 'nnc run digits.nn' --help
gives 0 'nnc run digits.nn' help
gives 0 '^nnc [0-9]' --version
for command in build run check summary explain grad gradcheck fmt; do
    gives 0 "^nnc $command" "$command" --help
    [[ $("$NNC" $command --help | head -n 1) =~ ^\ \ nnc\ $command\  ]] || fail "the help of $command does not lead with an example"
done
gives 2 'did you mean `build`' bild x.nn
gives 2 'a command stands before the file' x.nn
gives 2 'takes a file' build
gives 2 'did you mean `--blas`' build --bals none x.nn
gives 2 'one of auto|openblas|none' build --blas mkl x.nn
gives 2 'one of 0|1|2|3' build -O7 x.nn
gives 2 'whole number from 1' build --batch 0 x.nn
gives 2 'whole number from 1' build --batch=ten x.nn
gives 2 'takes NAME=VALUE' build --set lr x.nn
gives 2 'takes FILE' build x.nn -o
gives 2 'is given twice' build -o a -o b x.nn
gives 2 'is no option of `nnc fmt`' fmt --emit obj x.nn
gives 2 'one file' check x.nn y.nn
gives 2 'only `nnc run`' build x.nn -- --epochs 3
gives 3 'No such file' check missing.nn
gives 3 'directory' check .
gives 3 'No such file' fmt missing.nn

# fmt prints; --check judges; --write replaces, keeps the mode, and follows a link to its file.
printf 'a=1\nbcd = 2 # two\n' >messy.nn
printf 'a   = 1\nbcd = 2  # two\n' >tidy.nn
"$NNC" fmt messy.nn | cmp -s - tidy.nn || fail 'fmt prints something else'
gives 1 'canonical' fmt --check messy.nn
gives 0 '' fmt --check tidy.nn
chmod 640 messy.nn
ln -sf messy.nn link.nn
gives 0 '' fmt --write link.nn
cmp -s messy.nn tidy.nn || fail 'fmt --write wrote something else'
[ -L link.nn ] || fail 'fmt --write replaced a link'
[ "$(stat -c %a messy.nn)" = 640 ] || fail 'fmt --write changed the mode'
printf 'a = = 1\n' >wrong.nn
gives 1 'error' fmt --write wrong.nn
[ "$(cat wrong.nn)" = 'a = = 1' ] || fail 'fmt wrote over a wrong file'
[ -z "$(ls ./*.nn.* 2>/dev/null)" ] || fail 'fmt leaves files behind'

# Messages as JSON, one object a line.
printf 'a = 3 3\nb = "\n' >two.nn
"$NNC" check --json two.nn >two.json 2>/dev/null
[ $? -eq 1 ] || fail 'check --json: exit code'
[ "$(grep -c '^{"file":"two.nn","line":[12],"column":[0-9]*,"end_line":[12],"end_column":[0-9]*,"severity":"error","code":"[A-Z_]*","message":".*","notes":\[\]}$' two.json)" = 2 ] ||
    fail "check --json prints $(cat two.json)"
exit $bad
