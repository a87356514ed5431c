# A thousand layers cost nnc at most ten times what a hundred cost, in processor time; both train.
set -eu
fail() { echo "$*"; exit 1; }
cost() { # LAYERS: milliseconds of processor time
    sed "s/LAYERS/$1/" >"deep$1.nn" <<'NN'
data d = synthetic(64) {
    x[8] = uniform(0, 1)
    t[8] = uniform(0, 1)
}

model net(x[batch, 8]) -> y[batch, 8] {
    x |> repeat LAYERS { dense(8) |> tanh }
}

train net on d {
    loss      = mse(y, t)
    optimizer = sgd(lr = 0.1)
    steps     = 3
}
NN
    local TIMEFORMAT='%U %S'
    { time "$NNC" build "deep$1.nn"; } 2>&1 | awk '{printf "%d", 1000 * ($1 + $2)}'
}
hundred=$(cost 100)
thousand=$(cost 1000)
./deep100 --quiet || fail "a hundred layers do not train"
./deep1000 --quiet || fail "a thousand layers do not train"
[ "$thousand" -le $((10 * hundred)) ] || fail "a thousand layers take $thousand ms, a hundred $hundred ms"
