// The networks of networks.h. Params stand for everything that is differentiated by, inputs for what is not.
#include "support/networks.h"

static const Network list[] = {
    {"dense, relu, mean squared error",
     "input x[batch, 5]\nparam w[5, 3]\nparam c[3]\ninput t[batch, 3]\ntemp z[batch, 3]\n"
     "temp y[batch, 3]\noutput loss[]\nfunction step step\n"
     "    z[b, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:3 n:5\n"
     "    y[b, u] = max(z[b, u] + c[u], 0)    | b:batch u:3\n"
     "    loss[] = sum[b, u] (y[b, u] - t[b, u]) * (y[b, u] - t[b, u]) / (3 * rows)    | b:batch u:3\n",
     2.2, 9},
    {"shared weight, tanh twice",
     "param x[batch, 5]\nparam w[5, 5]\ninput t[batch, 5]\ntemp p[batch, 5]\ntemp h[batch, 5]\n"
     "temp q[batch, 5]\ntemp y[batch, 5]\noutput loss[]\nfunction step step\n"
     "    p[b, u] = sum[n] x[b, n] * w[n, u]    | b:batch u:5 n:5\n"
     "    h[b, u] = tanh(p[b, u])    | b:batch u:5\n"
     "    q[b, u] = sum[n] h[b, n] * w[n, u]    | b:batch u:5 n:5\n"
     "    y[b, u] = tanh(q[b, u])    | b:batch u:5\n"
     "    loss[] = sum[b, u] (y[b, u] - t[b, u]) * (y[b, u] - t[b, u]) / rows    | b:batch u:5\n",
     2.6, 0},
    {"softmax, cross-entropy",
     "input x[batch, 5]\nparam w[5, 4]\ninput label[batch] int in 0..3\ntemp z[batch, 4]\n"
     "temp m[batch]\ntemp s[batch]\ntemp e[batch]\noutput loss[]\nfunction step step\n"
     "    z[b, c] = sum[n] x[b, n] * w[n, c]    | b:batch c:4 n:5\n"
     "    m[b] = max[c] z[b, c]    | b:batch c:4\n"
     "    s[b] = sum[c] exp(z[b, c] - stop_gradient(m[b]))    | b:batch c:4\n"
     "    e[b] = log(s[b]) + stop_gradient(m[b]) - z[b, label[b]]    | b:batch\n"
     "    loss[] = sum[b] e[b] / rows    | b:batch\n",
     1.5, 8},
    {"convolution k3 s1 p1 d1",
     "param x[batch, 8, 8, 3]\nparam w[3, 3, 3, 4]\ninput g[batch, 8, 8, 4]\ntemp y[batch, 8, 8, 4]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] (x[b, i + p - 1, j + q - 1, c] if i + p - 1 in 0..7 and j + q - "
     "1 in 0..7 else 0.0) * w[p, q, c, f]    | b:batch i:8 j:8 f:4 p:3 q:3 c:3\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:8 j:8 f:4\n",
     2.1, 5},
    {"convolution k3 s2 p1 d1",
     "param x[batch, 8, 8, 3]\nparam w[3, 3, 3, 4]\ninput g[batch, 4, 4, 4]\ntemp y[batch, 4, 4, 4]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] (x[b, 2*i + p - 1, 2*j + q - 1, c] if 2*i + p - 1 in 0..7 and "
     "2*j + q - 1 in 0..7 else 0.0) * w[p, q, c, f]    | b:batch i:4 j:4 f:4 p:3 q:3 c:3\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:4 j:4 f:4\n",
     2.1, 8},
    {"convolution k5 s1 p0 d1",
     "param x[batch, 8, 8, 3]\nparam w[5, 5, 3, 4]\ninput g[batch, 4, 4, 4]\ntemp y[batch, 4, 4, 4]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] x[b, i + p, j + q, c] * w[p, q, c, f]    | b:batch i:4 j:4 f:4 "
     "p:5 q:5 c:3\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:4 j:4 f:4\n",
     2.1, 5},
    {"convolution k3 s1 p2 d2",
     "param x[batch, 8, 8, 3]\nparam w[3, 3, 3, 4]\ninput g[batch, 8, 8, 4]\ntemp y[batch, 8, 8, 4]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] (x[b, i + 2*p - 2, j + 2*q - 2, c] if i + 2*p - 2 in 0..7 and j "
     "+ 2*q - 2 in 0..7 else 0.0) * w[p, q, c, f]    | b:batch i:8 j:8 f:4 p:3 q:3 c:3\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:8 j:8 f:4\n",
     2.1, 5},
    {"convolution k3 s2 p2 d2",
     "param x[batch, 8, 8, 3]\nparam w[3, 3, 3, 4]\ninput g[batch, 4, 4, 4]\ntemp y[batch, 4, 4, 4]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] (x[b, 2*i + 2*p - 2, 2*j + 2*q - 2, c] if 2*i + 2*p - 2 in 0..7 "
     "and 2*j + 2*q - 2 in 0..7 else 0.0) * w[p, q, c, f]    | b:batch i:4 j:4 f:4 p:3 q:3 c:3\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:4 j:4 f:4\n",
     2.1, 8},
    {"convolution k1 s2 p0 d1",
     "param x[batch, 8, 8, 3]\nparam w[1, 1, 3, 4]\ninput g[batch, 4, 4, 4]\ntemp y[batch, 4, 4, 4]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] x[b, 2*i + p, 2*j + q, c] * w[p, q, c, f]    | b:batch i:4 j:4 "
     "f:4 p:1 q:1 c:3\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:4 j:4 f:4\n",
     2.1, 5},
    {"convolution k4 s3 p1 d1",
     "param x[batch, 8, 8, 3]\nparam w[4, 4, 3, 4]\ninput g[batch, 3, 3, 4]\ntemp y[batch, 3, 3, 4]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, f] = sum[p, q, c] (x[b, 3*i + p - 1, 3*j + q - 1, c] if 3*i + p - 1 in 0..7 and "
     "3*j + q - 1 in 0..7 else 0.0) * w[p, q, c, f]    | b:batch i:3 j:3 f:4 p:4 q:4 c:3\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:3 j:3 f:4\n",
     2.1, 13},
    {"convolution in groups",
     "param x[batch, 6, 6, 4]\nparam w[2, 3, 3, 2, 3]\ninput g[batch, 6, 6, 6]\ntemp y[batch, 6, 6, 6]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, 3*r + f] = sum[p, q, c] (x[b, i + p - 1, j + q - 1, 2*r + c] if i + p - 1 in 0..5 "
     "and j + q - 1 in 0..5 else 0.0) * w[r, p, q, c, f]    | b:batch i:6 j:6 r:2 f:3 p:3 q:3 c:2\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:6 j:6 f:6\n",
     2.1, 0},
    {"convolution by channel, stride 2",
     "param x[batch, 8, 8, 3]\nparam w[3, 3, 3]\ninput g[batch, 4, 4, 3]\ntemp y[batch, 4, 4, 3]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, i, j, c] = sum[p, q] (x[b, 2*i + p - 1, 2*j + q - 1, c] if 2*i + p - 1 in 0..7 and 2*j + "
     "q - 1 in 0..7 else 0.0) * w[p, q, c]    | b:batch i:4 j:4 c:3 p:3 q:3\n"
     "    loss[] = sum[b, i, j, c] y[b, i, j, c] * g[b, i, j, c]    | b:batch i:4 j:4 c:3\n",
     2.1, 0},
    {"transposed convolution k4 s2 p1",
     "param x[batch, 4, 4, 3]\nparam w[4, 4, 3, 5]\ninput g[batch, 8, 8, 5]\ntemp y[batch, 8, 8, 5]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, h, v, f] = sum[i, j, p, q, c] (x[b, i, j, c] * w[p, q, c, f] if 2*i + p - 1 - h == 0 and "
     "2*j + q - 1 - v == 0 else 0.0)    | b:batch h:8 v:8 f:5 i:4 j:4 p:4 q:4 c:3\n"
     "    loss[] = sum[b, h, v, f] y[b, h, v, f] * g[b, h, v, f]    | b:batch h:8 v:8 f:5\n",
     2.2, 0},
    {"max pool k2 s2 p0",
     "param x[batch, 8, 8, 3]\ninput g[batch, 4, 4, 3]\ntemp y[batch, 4, 4, 3]\noutput loss[]\n"
     "function step step\n"
     "    y[b, i, j, c] = max[p, q] x[b, 2*i + p, 2*j + q, c]    | b:batch i:4 j:4 c:3 p:2 q:2\n"
     "    loss[] = sum[b, i, j, c] y[b, i, j, c] * g[b, i, j, c]    | b:batch i:4 j:4 c:3\n",
     0, 0},
    {"max pool k3 s2 p1",
     "param x[batch, 8, 8, 3]\ninput g[batch, 4, 4, 3]\ntemp y[batch, 4, 4, 3]\noutput loss[]\n"
     "function step step\n"
     "    y[b, i, j, c] = max[p, q] (x[b, 2*i + p - 1, 2*j + q - 1, c] if 2*i + p - 1 in 0..7 and 2*j + "
     "q - 1 in 0..7 else -inf)    | b:batch i:4 j:4 c:3 p:3 q:3\n"
     "    loss[] = sum[b, i, j, c] y[b, i, j, c] * g[b, i, j, c]    | b:batch i:4 j:4 c:3\n",
     0, 0},
    {"max pool k3 s2 p1 with ties",
     "param ties[batch, 8, 8, 3]\ninput g[batch, 4, 4, 3]\ntemp y[batch, 4, 4, 3]\noutput loss[]\n"
     "function step step\n"
     "    y[b, i, j, c] = max[p, q] (ties[b, 2*i + p - 1, 2*j + q - 1, c] if 2*i + p - 1 in 0..7 and "
     "2*j + q - 1 in 0..7 else -inf)    | b:batch i:4 j:4 c:3 p:3 q:3\n"
     "    loss[] = sum[b, i, j, c] y[b, i, j, c] * g[b, i, j, c]    | b:batch i:4 j:4 c:3\n",
     0, 0},
    {"avg pool k2 s2 p0",
     "param x[batch, 8, 8, 3]\ninput g[batch, 4, 4, 3]\ntemp y[batch, 4, 4, 3]\noutput loss[]\n"
     "function step step\n"
     "    y[b, i, j, c] = sum[p, q] x[b, 2*i + p, 2*j + q, c] / 4    | b:batch i:4 j:4 c:3 p:2 q:2\n"
     "    loss[] = sum[b, i, j, c] y[b, i, j, c] * g[b, i, j, c]    | b:batch i:4 j:4 c:3\n",
     0, 0},
    {"avg pool k3 s2 p1",
     "param x[batch, 8, 8, 3]\ninput g[batch, 4, 4, 3]\ntemp y[batch, 4, 4, 3]\noutput loss[]\n"
     "function step step\n"
     "    y[b, i, j, c] = sum[p, q] (x[b, 2*i + p - 1, 2*j + q - 1, c] if 2*i + p - 1 in 0..7 and 2*j + "
     "q - 1 in 0..7 else 0.0) / 9    | b:batch i:4 j:4 c:3 p:3 q:3\n"
     "    loss[] = sum[b, i, j, c] y[b, i, j, c] * g[b, i, j, c]    | b:batch i:4 j:4 c:3\n",
     0, 0},
    {"max over a row, with ties",
     "param ties[batch, 9]\ninput g[batch]\ntemp y[batch]\noutput loss[]\nfunction step step\n"
     "    y[b] = max[c] ties[b, c]    | b:batch c:9\n"
     "    loss[] = sum[b] y[b] * g[b]    | b:batch\n",
     0, 0},
    {"min over the batch",
     "param x[batch, 3]\ninput g[3]\ntemp y[3]\noutput loss[]\nfunction step step\n"
     "    y[c] = min[b] x[b, c]    | b:batch c:3\n"
     "    loss[] = sum[c] y[c] * g[c]    | c:3\n",
     0, 0},
    {"batch norm",
     "param x[batch, 3, 3, 2]\nparam s[2]\nparam o[2]\ninput g[batch, 3, 3, 2]\ntemp m[2]\ntemp v[2]\n"
     "temp y[batch, 3, 3, 2]\noutput loss[]\nfunction step step\n"
     "    m[c] = sum[b, h, w] x[b, h, w, c] / (9 * rows)    | b:batch h:3 w:3 c:2\n"
     "    v[c] = sum[b, h, w] (x[b, h, w, c] - m[c]) * (x[b, h, w, c] - m[c]) / (9 * rows)    | b:batch "
     "h:3 w:3 c:2\n"
     "    y[b, h, w, c] = (x[b, h, w, c] - m[c]) / sqrt(v[c] + 1e-5) * s[c] + o[c]    | b:batch h:3 w:3 "
     "c:2\n"
     "    loss[] = sum[b, h, w, c] y[b, h, w, c] * g[b, h, w, c]    | b:batch h:3 w:3 c:2\n",
     3, 14},
    {"layer norm",
     "param x[batch, 7]\nparam s[7]\nparam o[7]\ninput g[batch, 7]\ntemp m[batch]\ntemp v[batch]\n"
     "temp y[batch, 7]\noutput loss[]\nfunction step step\n"
     "    m[b] = sum[c] x[b, c] / 7    | b:batch c:7\n"
     "    v[b] = sum[c] (x[b, c] - m[b]) * (x[b, c] - m[b]) / 7    | b:batch c:7\n"
     "    y[b, c] = (x[b, c] - m[b]) / sqrt(v[b] + 1e-5) * s[c] + o[c]    | b:batch c:7\n"
     "    loss[] = sum[b, c] y[b, c] * g[b, c]    | b:batch c:7\n",
     3, 14},
    {"root mean square norm",
     "param x[batch, 7]\nparam s[7]\ninput g[batch, 7]\ntemp v[batch]\ntemp y[batch, 7]\noutput loss[]\n"
     "function step step\n"
     "    v[b] = sum[c] x[b, c] * x[b, c] / 7    | b:batch c:7\n"
     "    y[b, c] = x[b, c] / sqrt(v[b] + 1e-6) * s[c]    | b:batch c:7\n"
     "    loss[] = sum[b, c] y[b, c] * g[b, c]    | b:batch c:7\n",
     3.5, 0},
    {"embedding",
     "param table[6, 3]\ninput token[batch, 5] int in 0..5\ninput g[batch, 5, 3]\ntemp y[batch, 5, 3]\n"
     "output loss[]\nfunction step step\n"
     "    y[b, t, d] = table[token[b, t], d]    | b:batch t:5 d:3\n"
     "    loss[] = sum[b, t, d] y[b, t, d] * g[b, t, d]    | b:batch t:5 d:3\n",
     0, 0},
    {"sums of chosen rows",
     "param table[5, 3]\nparam w[3, 4]\ninput token[batch, 5] int in 0..4\ninput g[batch, 5, 4]\n"
     "temp x[batch, 5, 3]\ntemp y[batch, 5, 4]\noutput loss[]\nfunction step step\n"
     "    x[b, t, d] = table[token[b, t], d]    | b:batch t:5 d:3\n"
     "    y[b, t, u] = sum[d] x[b, t, d] * w[d, u]    | b:batch t:5 u:4 d:3\n"
     "    loss[] = sum[b, t, u] tanh(y[b, t, u]) * g[b, t, u]    | b:batch t:5 u:4\n",
     0, 0},
    {"causal attention",
     "param x[batch, 6, 6]\nparam wq[6, 6]\nparam wk[6, 6]\nparam wv[6, 6]\nparam wo[6, 6]\n"
     "input g[batch, 6, 6]\ntemp q[batch, 6, 6]\ntemp k[batch, 6, 6]\ntemp v[batch, 6, 6]\n"
     "temp o[batch, 6, 6]\ntemp y[batch, 6, 6]\ntemp a[batch, 2, 6, 6]\ntemp mx[batch, 2, 6]\n"
     "temp e[batch, 2, 6, 6]\ntemp s[batch, 2, 6]\ntemp p[batch, 2, 6, 6]\noutput loss[]\n"
     "function step step\n"
     "    q[b, t, m] = sum[n] x[b, t, n] * wq[n, m]    | b:batch t:6 m:6 n:6\n"
     "    k[b, t, m] = sum[n] x[b, t, n] * wk[n, m]    | b:batch t:6 m:6 n:6\n"
     "    v[b, t, m] = sum[n] x[b, t, n] * wv[n, m]    | b:batch t:6 m:6 n:6\n"
     "    a[b, h, t, s] = sum[d] q[b, t, 3*h + d] * k[b, s, 3*h + d] / 1.7320508075688772    | b:batch "
     "h:2 t:6 s:6 d:3\n"
     "    mx[b, h, t] = max[s] (a[b, h, t, s] if t - s in 0..5 else -inf)    | b:batch h:2 t:6 s:6\n"
     "    e[b, h, t, s] = exp((a[b, h, t, s] if t - s in 0..5 else -inf) - stop_gradient(mx[b, h, t]))  "
     "  | b:batch h:2 t:6 s:6\n"
     "    s[b, h, t] = sum[s] e[b, h, t, s]    | b:batch h:2 t:6 s:6\n"
     "    p[b, h, t, s] = e[b, h, t, s] / s[b, h, t]    | b:batch h:2 t:6 s:6\n"
     "    o[b, t, 3*h + d] = sum[s] p[b, h, t, s] * v[b, s, 3*h + d]    | b:batch t:6 h:2 d:3 s:6\n"
     "    y[b, t, n] = sum[m] o[b, t, m] * wo[m, n]    | b:batch t:6 n:6 m:6\n"
     "    loss[] = sum[b, t, n] y[b, t, n] * g[b, t, n]    | b:batch t:6 n:6\n",
     2.2, 30},
    {"gelu",
     "param x[batch, 5]\ninput g[batch, 5]\ntemp y[batch, 5]\noutput loss[]\nfunction step step\n"
     "    y[i, j] = 0.5 * x[i, j] * (1 + erf(x[i, j] / 1.4142135623730951))    | i:batch j:5\n"
     "    loss[] = sum[i, j] y[i, j] * g[i, j]    | i:batch j:5\n",
     0, 0},
    {"silu",
     "param x[batch, 5]\ninput g[batch, 5]\ntemp y[batch, 5]\noutput loss[]\nfunction step step\n"
     "    y[i, j] = x[i, j] * sigmoid(3 * x[i, j])    | i:batch j:5\n"
     "    loss[] = sum[i, j] y[i, j] * g[i, j]    | i:batch j:5\n",
     0, 0},
    {"sigmoid far out",
     "param x[batch, 5]\ninput g[batch, 5]\ntemp y[batch, 5]\noutput loss[]\nfunction step step\n"
     "    y[i, j] = sigmoid(20 * x[i, j])    | i:batch j:5\n"
     "    loss[] = sum[i, j] y[i, j] * g[i, j]    | i:batch j:5\n",
     0, 0},
    {"logarithm where it is defined",
     "param x[batch, 5]\ninput g[batch, 5]\ntemp y[batch, 5]\noutput loss[]\nfunction step step\n"
     "    y[i, j] = select((0.0 < x[i, j]), log(x[i, j]), 0.0)    | i:batch j:5\n"
     "    loss[] = sum[i, j] y[i, j] * g[i, j]    | i:batch j:5\n",
     0, 0},
    {"softplus, powers",
     "param x[batch, 5]\ninput g[batch, 5]\ntemp y[batch, 5]\noutput loss[]\nfunction step step\n"
     "    y[i, j] = softplus(x[i, j]) * x[i, j]^3 + abs(x[i, j])    | i:batch j:5\n"
     "    loss[] = sum[i, j] y[i, j] * g[i, j]    | i:batch j:5\n",
     0, 0},
    {"dropout",
     "param x[batch, 5]\ninput g[batch, 5]\ntemp u[batch, 5]\ntemp y[batch, 5]\noutput loss[]\n"
     "function step step\n"
     "    u[i, j] = draw_uniform(77, 5*i + j)    | i:batch j:5\n"
     "    y[i, j] = select((u[i, j] < 0.7), x[i, j] / 0.7, 0.0)    | i:batch j:5\n"
     "    loss[] = sum[i, j] y[i, j] * g[i, j]    | i:batch j:5\n",
     0, 0},
    {"cumulative sum",
     "param x[batch, 6]\ninput g[batch, 6]\ntemp y[batch, 6]\noutput loss[]\nfunction step step\n"
     "    y[b, i] = sum[j] (x[b, j] if i - j in 0..5 else 0.0)    | b:batch i:6 j:6\n"
     "    loss[] = sum[b, i] y[b, i] * g[b, i]    | b:batch i:6\n",
     0, 0},
    {"product with a zero",
     "param x[batch, 5]\ninput g[batch]\ntemp z[batch, 5]\ntemp y[batch]\noutput loss[]\n"
     "function step step\n"
     "    z[b, i] = (x[b, i] * 0 if i - 1 == 0 else x[b, i])    | b:batch i:5\n"
     "    y[b] = prod[i] z[b, i]    | b:batch i:5\n"
     "    loss[] = sum[b] y[b] * g[b]    | b:batch\n",
     0, 0},
    {"product",
     "param x[batch, 5]\ninput g[batch]\ntemp y[batch]\noutput loss[]\nfunction step step\n"
     "    y[b] = prod[i] x[b, i]    | b:batch i:5\n"
     "    loss[] = sum[b] y[b] * g[b]    | b:batch\n",
     0, 0},
    {"diagonal, reverse, stride, pinned",
     "param x[6, 6]\ninput g[6]\ntemp y[6]\ntemp s[3, 3]\ntemp rev[6, 6]\ntemp o[3, 3]\noutput loss[]\n"
     "function step step\n"
     "    y[i] = x[i, i] + x[i, 3] + 2 * x[4, i]    | i:6\n"
     "    s[a, b] = x[2*a, 2*b + 1]^3    | a:3 b:3\n"
     "    rev[j, k] = x[5 - j, 5 - k]    | j:6 k:6\n"
     "    o[m, n] = x[2*m, n] * x[2*m, n + 1] + x[2*m + 1, 2] * x[2*m, 3]    | m:3 n:3\n"
     "    loss[] = sum[i, a, m, n, k] (y[i] * g[i] / 162 + s[a, m] / 108 + rev[3, 2] * rev[5, 5] / 324 "
     "+ o[m, n] / 36)    | i:6 a:3 m:3 n:3 k:2\n",
     0, 0},
    {"flatten, dense",
     "param x[batch, 3, 4]\nparam w[12, 5]\ninput g[batch, 5]\ntemp flat[batch, 12]\ntemp y[batch, 5]\n"
     "output loss[]\nfunction step step\n"
     "    flat[b, 4*i + j] = x[b, i, j] * x[b, i, j]    | b:batch i:3 j:4\n"
     "    y[b, u] = sum[n] flat[b, n] * w[n, u]    | b:batch u:5 n:12\n"
     "    loss[] = sum[b, u] y[b, u] * g[b, u]    | b:batch u:5\n",
     2.5, 0},
    {"cosine similarity",
     "param x[batch, 6]\nparam y[batch, 6]\ninput g[batch]\ntemp d[batch]\ntemp m[batch]\n"
     "temp n[batch]\ntemp r[batch]\noutput loss[]\nfunction step step\n"
     "    d[b] = sum[c] x[b, c] * y[b, c]    | b:batch c:6\n"
     "    m[b] = sum[c] x[b, c] * x[b, c]    | b:batch c:6\n"
     "    n[b] = sum[c] y[b, c] * y[b, c]    | b:batch c:6\n"
     "    r[b] = d[b] / (sqrt(m[b]) * sqrt(n[b]))    | b:batch\n"
     "    loss[] = sum[b] r[b] * g[b]    | b:batch\n",
     0, 0},
    {"upsample by 2",
     "param x[batch, 3, 3, 2]\ninput g[batch, 6, 6, 2]\ntemp y[batch, 6, 6, 2]\noutput loss[]\n"
     "function step step\n"
     "    y[b, i, j, c] = x[b, (i // 2), (j // 2), c]    | b:batch i:6 j:6 c:2\n"
     "    loss[] = sum[b, i, j, c] y[b, i, j, c] * g[b, i, j, c]    | b:batch i:6 j:6 c:2\n",
     0, 0},
    {"upsample, written in place",
     "param x[batch, 3, 2]\ninput g[batch, 6, 2]\ntemp h[batch, 3, 2]\ntemp y[batch, 6, 2]\n"
     "output loss[]\nfunction step step\n"
     "    h[b, i, c] = tanh(x[b, i, c])    | b:batch i:3 c:2\n"
     "    y[b, 2*i + r, c] = h[b, i, c]    | b:batch i:3 r:2 c:2\n"
     "    loss[] = sum[b, i, c] y[b, i, c] * y[b, i, c] * g[b, i, c]    | b:batch i:6 c:2\n",
     0, 0},
    {"channels repeat",
     "param x[batch, 3]\ninput g[batch, 9]\ntemp y[batch, 9]\noutput loss[]\nfunction step step\n"
     "    y[b, c] = x[b, mod(c, 3)] * x[b, (c // 3)]    | b:batch c:9\n"
     "    loss[] = sum[b, c] y[b, c] * g[b, c]    | b:batch c:9\n",
     0, 0},
    {"pixel shuffle",
     "param x[batch, 3, 3, 8]\ninput g[batch, 6, 6, 2]\ntemp y[batch, 6, 6, 2]\noutput loss[]\n"
     "function step step\n"
     "    y[b, i, j, c] = x[b, (i // 2), (j // 2), 4*c + 2*mod(i, 2) + mod(j, 2)]    | b:batch i:6 j:6 "
     "c:2\n"
     "    loss[] = sum[b, i, j, c] y[b, i, j, c] * g[b, i, j, c]    | b:batch i:6 j:6 c:2\n",
     0, 0},
    {"rows against rows",
     "param x[batch, 3]\nparam y[batch, 3]\ntemp s[batch, batch]\ntemp e[batch]\noutput loss[]\n"
     "function step step\n"
     "    s[b, c] = sum[d] x[b, d] * y[c, d]    | b:batch c:batch d:3\n"
     "    e[b] = sum[c] exp(s[b, c])    | b:batch c:batch\n"
     "    loss[] = sum[b] (log(e[b]) - s[b, b]) / rows    | b:batch\n",
     0, 0},
    {"concatenation, slices",
     "param x[batch, 3]\nparam y[batch, 4]\ninput g[batch, 7]\ntemp z[batch, 7]\noutput loss[]\n"
     "function step step\n"
     "    z[b, c] = (x[b, c] if c in 0..2 else y[b, c - 3])    | b:batch c:7\n"
     "    loss[] = sum[b, c] z[b, c] * z[b, c] * g[b, c]    | b:batch c:7\n",
     0, 0},
    {"a filter by length",
     "param x[batch, 6]\ninput length[batch] int in 1..6\ntemp m[batch]\noutput loss[]\n"
     "function step step\n"
     "    m[b] = sum[t] (x[b, t] * x[b, t] if length[b] - t - 1 in 0..5 else 0.0) / length[b]    | "
     "b:batch t:6\n"
     "    loss[] = sum[b] m[b] / rows    | b:batch\n",
     0, 0},
    {"constant of the batch",
     "param w[3]\ninput x[batch, 3]\ntemp y[batch, 3]\noutput loss[]\nfunction step step\n"
     "    y[b, c] = w[c] * w[c]    | b:batch c:3\n"
     "    loss[] = sum[b, c] y[b, c] / rows    | b:batch c:3\n",
     0, 0},
    {"residual block",
     "input x[batch, 4, 4, 2]\nparam k[3, 3, 2, 2]\nparam l[3, 3, 2, 2]\ninput g[batch, 4, 4, 2]\n"
     "temp u[batch, 4, 4, 2]\ntemp un[batch, 4, 4, 2]\ntemp r[batch, 4, 4, 2]\ntemp v[batch, 4, 4, 2]\n"
     "temp vn[batch, 4, 4, 2]\ntemp y[batch, 4, 4, 2]\ntemp um[2]\ntemp uv[2]\ntemp vm[2]\ntemp vv[2]\n"
     "output loss[]\nfunction step step\n"
     "    u[b, i, j, f] = sum[p, q, c] (x[b, i + p - 1, j + q - 1, c] if i + p - 1 in 0..3 and j + q - "
     "1 in 0..3 else 0.0) * k[p, q, c, f]    | b:batch i:4 j:4 f:2 p:3 q:3 c:2\n"
     "    um[f] = sum[b, i, j] u[b, i, j, f] / (16 * rows)    | b:batch i:4 j:4 f:2\n"
     "    uv[f] = sum[b, i, j] (u[b, i, j, f] - um[f]) * (u[b, i, j, f] - um[f]) / (16 * rows)    | "
     "b:batch i:4 j:4 f:2\n"
     "    un[b, i, j, f] = (u[b, i, j, f] - um[f]) / sqrt(uv[f] + 1e-5)    | b:batch i:4 j:4 f:2\n"
     "    r[b, i, j, f] = max(un[b, i, j, f], 0)    | b:batch i:4 j:4 f:2\n"
     "    v[b, i, j, f] = sum[p, q, c] (r[b, i + p - 1, j + q - 1, c] if i + p - 1 in 0..3 and j + q - "
     "1 in 0..3 else 0.0) * l[p, q, c, f]    | b:batch i:4 j:4 f:2 p:3 q:3 c:2\n"
     "    vm[f] = sum[b, i, j] v[b, i, j, f] / (16 * rows)    | b:batch i:4 j:4 f:2\n"
     "    vv[f] = sum[b, i, j] (v[b, i, j, f] - vm[f]) * (v[b, i, j, f] - vm[f]) / (16 * rows)    | "
     "b:batch i:4 j:4 f:2\n"
     "    vn[b, i, j, f] = (v[b, i, j, f] - vm[f]) / sqrt(vv[f] + 1e-5)    | b:batch i:4 j:4 f:2\n"
     "    y[b, i, j, f] = max(x[b, i, j, f] + vn[b, i, j, f], 0)    | b:batch i:4 j:4 f:2\n"
     "    loss[] = sum[b, i, j, f] y[b, i, j, f] * g[b, i, j, f]    | b:batch i:4 j:4 f:2\n",
     3, 0},
    {"convolution, relu, pool, dense",
     "input x[batch, 8, 8, 1]\nparam k[3, 3, 1, 4]\nparam o[4]\nparam w[64, 3]\n"
     "input label[batch] int in 0..2\ntemp c[batch, 8, 8, 4]\ntemp h[batch, 8, 8, 4]\n"
     "temp p[batch, 4, 4, 4]\ntemp flat[batch, 64]\ntemp z[batch, 3]\ntemp m[batch]\ntemp s[batch]\n"
     "output loss[]\nfunction step step\n"
     "    c[b, i, j, f] = sum[p, q, d] (x[b, i + p - 1, j + q - 1, d] if i + p - 1 in 0..7 and j + q - "
     "1 in 0..7 else 0.0) * k[p, q, d, f]    | b:batch i:8 j:8 f:4 p:3 q:3 d:1\n"
     "    h[b, i, j, f] = max(c[b, i, j, f] + o[f], 0)    | b:batch i:8 j:8 f:4\n"
     "    p[b, i, j, f] = max[u, v] h[b, 2*i + u, 2*j + v, f]    | b:batch i:4 j:4 f:4 u:2 v:2\n"
     "    flat[b, 16*i + 4*j + f] = p[b, i, j, f]    | b:batch i:4 j:4 f:4\n"
     "    z[b, u] = sum[n] flat[b, n] * w[n, u]    | b:batch u:3 n:64\n"
     "    m[b] = max[c] z[b, c]    | b:batch c:3\n"
     "    s[b] = sum[c] exp(z[b, c] - stop_gradient(m[b]))    | b:batch c:3\n"
     "    loss[] = sum[b] (log(s[b]) + stop_gradient(m[b]) - z[b, label[b]]) / rows    | b:batch\n",
     2.2, 0},
};

const Network *networks(int *count) {
    *count = (int)(sizeof list / sizeof *list);
    return list;
}
