// Networks that recur, for the tests of networks.h: what goes from step to step, backwards too, at every size
// that has a rule of its own (one step, a lag as long as the sequence), and what has to leave the steps.
#include "support/networks.h"

static const Network list[] = {
    {"recur: rnn",
     "input x[batch, 5, 3]\nparam wx[3, 4]\nparam wh[4, 4]\nparam c[4]\ninput g[batch, 5, 4]\n"
     "temp zx[batch, 5, 4] along 1\ntemp zh[batch, 5, 4] along 1\ntemp h[batch, 5, 4] along 1\n"
     "output loss[]\nfunction step step\n"
     "    zx[b, t, u] = sum[i] x[b, t, i] * wx[i, u]    | b:batch t:5 u:4 i:3\n"
     "    zh[b, t, u] = sum[v] (h[b, t - 1, v] if t - 1 in 0..4 else 0.0) * wh[v, u]    | b:batch t:5 u:4 "
     "v:4\n"
     "    h[b, t, u] = tanh(zx[b, t, u] + zh[b, t, u] + c[u])    | b:batch t:5 u:4\n"
     "    loss[] = sum[b, t, u] h[b, t, u] * g[b, t, u]    | b:batch t:5 u:4\n",
     3, 0},
    {"recur: one step",
     "input x[batch, 1, 3]\nparam wx[3, 4]\nparam wh[4, 4]\ninput g[batch, 1, 4]\n"
     "temp zh[batch, 1, 4] along 1\ntemp h[batch, 1, 4] along 1\n"
     "temp zx[batch, 1, 4]\noutput loss[]\nfunction step step\n"
     "    zx[b, t, u] = sum[i] x[b, t, i] * wx[i, u]    | b:batch t:1 u:4 i:3\n"
     "    zh[b, t, u] = sum[v] (h[b, t - 1, v] if t - 1 in 0..0 else 0.0) * wh[v, u]    | b:batch t:1 u:4 "
     "v:4\n"
     "    h[b, t, u] = tanh(zx[b, t, u] + zh[b, t, u])    | b:batch t:1 u:4\n"
     "    loss[] = sum[b, t, u] h[b, t, u] * g[b, t, u]    | b:batch t:1 u:4\n",
     0, 0},
    {"recur: two steps, the state before them given and trained",
     "input x[batch, 2, 3]\nparam wx[3, 4]\nparam wh[4, 4]\nparam s[4]\ninput g[batch, 2, 4]\n"
     "temp zx[batch, 2, 4] along 1\ntemp zh[batch, 2, 4] along 1\ntemp h[batch, 2, 4] along 1\n"
     "output loss[]\nfunction step step\n"
     "    zx[b, t, u] = sum[i] x[b, t, i] * wx[i, u]    | b:batch t:2 u:4 i:3\n"
     "    zh[b, t, u] = sum[v] (h[b, t - 1, v] if t - 1 in 0..1 else s[v]) * wh[v, u]    | b:batch t:2 u:4 "
     "v:4\n"
     "    h[b, t, u] = tanh(zx[b, t, u] + zh[b, t, u])    | b:batch t:2 u:4\n"
     "    loss[] = sum[b, t, u] h[b, t, u] * g[b, t, u]    | b:batch t:2 u:4\n",
     0, 0},
    {"recur: lag as long as the sequence, downwards, loss on the last step alone",
     "input x[batch, 3, 3]\nparam wx[3, 4]\nparam a[4]\nparam c[4]\ninput g[batch, 4]\n"
     "temp zx[batch, 3, 4] along 1 reversed\ntemp h[batch, 3, 4] along 1 reversed\n"
     "output loss[]\nfunction step step\n"
     "    zx[b, t, u] = sum[i] x[b, t, i] * wx[i, u]    | b:batch t:3 u:4 i:3\n"
     "    h[b, t, u] = tanh(zx[b, t, u] + a[u] * (h[b, t + 1, u] if t + 1 in 0..2 else 0.0) + c[u] * (h[b, t "
     "+ 2, "
     "u] if t + 2 in 0..2 else 0.0))    | b:batch t:3 u:4\n"
     "    loss[] = sum[b, u] h[b, 0, u] * g[b, u]    | b:batch u:4\n",
     0, 0},
    {"recur: lstm, two layers",
     "param x[batch, 4, 3]\nparam wx[3, 4, 5]\nparam wh[5, 4, 5]\nparam c[4, 5]\nparam vx[5, 4, 5]\n"
     "param vh[5, 4, 5]\ninput g[batch, 5]\nparam s[batch, 5]\n"
     "temp zx[batch, 4, 4, 5] along 1\ntemp zh[batch, 4, 4, 5] along 1\ntemp z[batch, 4, 4, 5] along 1\n"
     "temp m[batch, 4, 5] along 1\ntemp h[batch, 4, 5] along 1\n"
     "temp yx[batch, 4, 4, 5] along 1\ntemp yh[batch, 4, 4, 5] along 1\n"
     "temp n[batch, 4, 5] along 1\ntemp y[batch, 4, 5] along 1\n"
     "output loss[]\nfunction step step\n"
     "    zx[b, t, k, u] = sum[i] x[b, t, i] * wx[i, k, u]    | b:batch t:4 k:4 u:5 i:3\n"
     "    zh[b, t, k, u] = sum[v] (h[b, t - 1, v] if t - 1 in 0..3 else 0.0) * wh[v, k, u]    | b:batch t:4 "
     "k:4 "
     "u:5 v:5\n"
     "    z[b, t, k, u] = zx[b, t, k, u] + zh[b, t, k, u] + c[k, u]    | b:batch t:4 k:4 u:5\n"
     "    m[b, t, u] = sigmoid(z[b, t, 1, u]) * (m[b, t - 1, u] if t - 1 in 0..3 else s[b, u]) + "
     "sigmoid(z[b, t, "
     "0, u]) * tanh(z[b, t, 2, u])    | b:batch t:4 u:5\n"
     "    h[b, t, u] = sigmoid(z[b, t, 3, u]) * tanh(m[b, t, u])    | b:batch t:4 u:5\n"
     "    yx[b, t, k, u] = sum[i] h[b, t, i] * vx[i, k, u]    | b:batch t:4 k:4 u:5 i:5\n"
     "    yh[b, t, k, u] = sum[v] (y[b, t - 1, v] if t - 1 in 0..3 else 0.0) * vh[v, k, u]    | b:batch t:4 "
     "k:4 "
     "u:5 v:5\n"
     "    n[b, t, u] = sigmoid(yx[b, t, 1, u] + yh[b, t, 1, u]) * (n[b, t - 1, u] if t - 1 in 0..3 else 0.0) "
     "+ "
     "sigmoid(yx[b, t, 0, u] + yh[b, t, 0, u]) * tanh(yx[b, t, 2, u] + yh[b, t, 2, u])    | b:batch t:4 u:5\n"
     "    y[b, t, u] = sigmoid(yx[b, t, 3, u] + yh[b, t, 3, u]) * tanh(n[b, t, u])    | b:batch t:4 u:5\n"
     "    loss[] = sum[b, u] y[b, 3, u] * g[b, u]    | b:batch u:5\n",
     3.5, 0},
    {"recur: gru with lengths, downwards",
     "input x[batch, 4, 3]\ninput len[batch] int in 0..4\nparam wx[3, 3, 5]\nparam wh[5, 3, 5]\nparam c[3, "
     "5]\n"
     "input g[batch, 4, 5]\ntemp before[batch, 4, 5] along 1 reversed\n"
     "temp zx[batch, 4, 3, 5] along 1 reversed\ntemp zh[batch, 4, 3, 5] along 1 reversed\n"
     "temp reset[batch, 4, 5] along 1 reversed\ntemp update[batch, 4, 5] along 1 reversed\n"
     "temp new[batch, 4, 5] along 1 reversed\ntemp h[batch, 4, 5] along 1 reversed\n"
     "output loss[]\nfunction step step\n"
     "    before[b, t, u] = h[b, t + 1, u] if t + 1 in 0..3 else 0.0    | b:batch t:4 u:5\n"
     "    zx[b, t, k, u] = sum[i] x[b, t, i] * wx[i, k, u]    | b:batch t:4 k:3 u:5 i:3\n"
     "    zh[b, t, k, u] = sum[v] before[b, t, v] * wh[v, k, u]    | b:batch t:4 k:3 u:5 v:5\n"
     "    reset[b, t, u] = sigmoid(zx[b, t, 0, u] + zh[b, t, 0, u])    | b:batch t:4 u:5\n"
     "    update[b, t, u] = sigmoid(zx[b, t, 1, u] + zh[b, t, 1, u])    | b:batch t:4 u:5\n"
     "    new[b, t, u] = tanh(zx[b, t, 2, u] + reset[b, t, u] * (zh[b, t, 2, u] + c[2, u]))    | b:batch t:4 "
     "u:5\n"
     "    h[b, t, u] = ((1 - update[b, t, u]) * new[b, t, u] + update[b, t, u] * before[b, t, u] if len[b] - "
     "t - 1 "
     "in 0..4 else before[b, t, u])    | b:batch t:4 u:5\n"
     "    loss[] = sum[b, t, u] h[b, t, u] * g[b, t, u]    | b:batch t:4 u:5\n",
     3, 0},
    {"recur: along the outermost dimension, a maximum and a state that is only passed on",
     "param x[5, batch, 3]\nparam a[3]\ninput g[5, batch, 3]\ntemp top[5, batch] along 0\n"
     "temp h[5, batch, 3] along 0\ntemp kept[5, batch, 3] along 0\noutput loss[]\nfunction step step\n"
     "    kept[t, b, u] = h[t - 1, b, u] if t - 1 in 0..4 else 0.5    | b:batch t:5 u:3\n"
     "    top[t, b] = max[u] (a[u] * kept[t, b, u])    | b:batch t:5 u:3\n"
     "    h[t, b, u] = tanh(x[t, b, u] + kept[t, b, u] * a[u] - top[t, b])    | b:batch t:5 u:3\n"
     "    loss[] = sum[t, b, u] h[t, b, u] * g[t, b, u]    | b:batch t:5 u:3\n",
     0, 0},
};

const Network *recurrences(int *count) {
    *count = (int)(sizeof list / sizeof *list);
    return list;
}
