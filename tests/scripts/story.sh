# What a run says on a terminal of 40, 80 and 200 columns, and into a pipe: its beginning, the table of epochs, why it ended, the
# best epoch, what to do next; what it warns of; matrices of counts. Compared with story.txt, but for times and speeds.
set -u
. "$ROOT/tests/support/command.sh"
command -v script >/dev/null || fail "script(1) is needed for a terminal"
cp "$ROOT"/examples/digits/digits.nn "$ROOT"/examples/digits/digits.csv .
"$NNC" build --cpu x86-64-v2 digits.nn || fail "digits does not build"

# Live lines are written over, and left out; times and speeds are not looked at.
settled() { sed -E 's/\r//g; s/.*\x1b\[K//; s|^( *[0-9]+/[0-9]+ .*[^ ]) +[0-9.]+[kMG]? +[0-9]+\.[0-9]$|\1  SPEED TIME|; s/, [0-9]+\.[0-9] s$/, TIME/; s/[0-9.]+( [kMG])? samples\/s  [0-9.]+ s$/SPEED TIME/'; }
on() { # COLUMNS COMMAND: on a terminal of so many
    echo "== $1: $2"
    script -qec "stty cols $1; $2" /dev/null </dev/null | settled
}
program() { # NAME SETTINGS: three classes, one without a training row; an input that hardly differs
    {
        echo 'a,b,kind'
        for k in $(seq 40); do echo "$((k % 7)),3,0"; echo "$((k % 5 + 4)),3.0000001,1"; done
        printf '%s,4,2\n' 1 2 3 4
    } >points.csv
    cat >"$1.nn" <<PROGRAM
data points = csv("points.csv") {
    x[2] = columns(0 .. 1)
    kind = class(column(2), 3)
    split = ordered(test = 25%)
}

model net(x[batch, 2]) -> logits[batch, 3] = x |> dense(3)

train net on points {
    loss      = cross_entropy(logits, kind)
    metrics   = [accuracy(logits, kind), confusion(logits, kind)]
    batch     = 20
    $2
}
PROGRAM
    "$NNC" build --cpu x86-64-v2 "$1.nn" || fail "$1 does not build"
}
program points 'optimizer = sgd(0.1)
    epochs    = 300
    stop      = plateau(test.loss, patience = 3 epochs)'
program long 'optimizer = sgd(0.1)
    epochs    = 100_000_000'
# An ascent: the loss rises from the first epoch on.
program rises 'optimizer = sgd(-0.05)
    epochs    = 20'
{
    for columns in 40 80 200; do on $columns './digits --threads 1 --epochs 3'; done
    on 120 './digits --threads 1 --epochs 5 --resume'
    on 80 './points --threads 1'
    on 40 './points eval'
    on 80 './rises --threads 1'
    on 80 './points --threads 1 --lr 1e38 --out wild'
    echo "== 200: Ctrl-C, then resumed"
    (sleep 1; printf '\003') | script -qec "stty cols 200; trap : INT; ./long --threads 1; echo exit \$?" /dev/null |
        settled | sed -nE '/interrupted/,$ { s/(epoch|step) [0-9]+/\1 N/g; /^best/d; p }'
    on 80 './long --threads 1 --resume --steps 3' | sed -nE '/goes on/ { s/[0-9]+$/N/; p }'
    echo "== pipe"
    ./digits --threads 1 --epochs 2 --out "an other" 2>&1 | settled
    ./points eval
} >said 2>&1
diff -u "$ROOT/tests/scripts/story.txt" said || fail "another story"
exit $bad
