#!/bin/bash
# A condition after `with`: parameters and the optimizer's states keep their values where it does not hold, and the updates it skips
# are not counted, over a resume too.
set -u
fail() { echo "$*"; exit 1; }
mkdir -p conditions && cd conditions || exit 1
cat >line.nn <<'END'
data points = table {
    x = [0, 1, 2, 3]
    t = [1, 3, 5, 7]
}
model line(x[batch]) -> y[batch] {
    param w = 0
    param b = 0
    y[n] = w * x[n] + b
}
train line on points {
    minimize mse(y, t)
        over line.w with adam(0.1) if mod(step, 3) == 0
        over rest   with sgd(0.05)
    steps = 7
}
END
"$NNC" build line.nn || fail "line is not built"
w_after() { # STEPS OPTION...: w = y(1) - y(0)
    ./line --quiet --steps "$1" --out "run.$1" "${@:2}" || fail "training of $1 steps"
    printf 'x\n0\n1\n' | ./line predict --out "run.$1" --format json | sed 's/.*: \([^}]*\)}/\1/' |
        awk 'NR == 1 {b = $1} NR == 2 {printf "%.5f\n", $1 - b}'
}
# Adam's first and second update by hand: 0.1, and 0.1 + 0.1 * 0.98523 from the gradients -17 and -13.1335.
[ "$(w_after 1)" = 0.10000 ] || fail "the first update: $(w_after 1)"
[ "$(w_after 3)" = 0.10000 ] || fail "two updates are skipped: $(w_after 3)"
[ "$(w_after 4)" = 0.19852 ] || fail "the second update is counted as the second: $(w_after 4)"
w_after 7 >whole.txt
cp -r run.3 again && ./line --quiet --steps 7 --resume --out again || fail "resume"
cmp again/weights.safetensors run.7/weights.safetensors || fail "resumed, other weights"
"$NNC" gradcheck line.nn >out.txt 2>&1 || fail "gradcheck: $(cat out.txt)"
# what a program promises of its memory, gradcheck in double does not
sed '$a assert memory < 1 KB' line.nn >tight.nn
memory=$("$NNC" summary line.nn | sed -n 's/^memory *\([0-9]*\) bytes.*/\1/p')
sed -i "s/1 KB/$((memory + 1)) B/" tight.nn
"$NNC" check tight.nn >out.txt 2>&1 && "$NNC" gradcheck tight.nn >out.txt 2>&1 || fail "an assertion of memory: $(cat out.txt)"
"$NNC" summary tight.nn --precision double >out.txt 2>&1 && fail "the memory of double is not asserted"
sed 's/mod(step, 3) == 0/y > 3/' line.nn >rows.nn
"$NNC" check rows.nn >out.txt 2>&1 && fail "a condition that reads rows is accepted"
grep -q 'cannot speak of `y`' out.txt || fail "rows: $(cat out.txt)"

# ---- what a stop_gradient stops is no mistake, and the rest is compared ----
cat >stop.nn <<'END_NN'
data d = table {
    x[2] = [[0, 1], [1, 0], [1, 1]]
    t    = [1, 0, 0.5]
}
model net(x[batch, 2]) -> y[batch] {
    param w[2] = 0.3
    param v    = 0.5
    h[n] = sum[i] w[i] * x[n, i]
    y[n] = v * h[n] + stop_gradient(h[n])^2
}
train net on d {
    loss      = mse(y, t)
    optimizer = sgd(0.1)
    steps     = 3
}
END_NN
"$NNC" gradcheck stop.nn >out.txt 2>&1 || fail "stopped: $(cat out.txt)"
grep -q '^net.w .*not compared: a stop_gradient stands between$' out.txt && grep -q '4 derivatives checked, all agree; 2 are stopped' out.txt || fail "stopped: $(cat out.txt)"

# Where a conjunction does not hold, of which one half is known from the condition around it, the other half does not.
cat >thirds.nn <<'END'
data rows = synthetic(8) {
    x[3] = normal(0, 1)
    t[9] = normal(0, 1)
}
model net(x[batch, 3]) -> y[batch, 9] {
    param w[9] = 1
    y[b, i] = w[i] * (x[b, i] if i < 3 else x[b, i - 3] if 3 <= i and i < 6 else x[b, i - 6])
}
train net on rows {
    loss      = mse(y, t)
    optimizer = sgd(0.1)
    steps     = 2
}
END
"$NNC" check thirds.nn || fail "what a condition leaves is not known"
sed 's/i - 6\]/i - 7]/' thirds.nn >fourths.nn
"$NNC" check fourths.nn >out.txt 2>&1 && fail "i - 7 leaves x"
grep -qF '`x[b, i - 7]` may leave `x`' out.txt || fail "fourths: $(cat out.txt)"
exit 0
