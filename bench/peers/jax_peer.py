#!/usr/bin/env python3
"""JAX's side: jax_peer.py WORKLOAD MODE THREADS FOLDER, run by bench/run.

MODE is step (the whole step jitted, its state donated) or scan (many steps in one call, by lax.scan). Each workload is one function of
the parameters `p` by nn's names, in nn's layout, which is JAX's, and of the fields. Running statistics of batch norms are left out: a
little less work than nn does.
"""
import os
import frame

case = frame.case_of_arguments()
os.environ['XLA_FLAGS'] = os.environ.get('XLA_FLAGS', '') + \
    f' --xla_cpu_multi_thread_eigen={"true" if case.threads > 1 else "false"} intra_op_parallelism_threads={case.threads}'
os.environ['JAX_PLATFORMS'] = 'cpu'
import jax, jax.numpy as jnp
import numpy as np

rule = case.workload.optimizer


def cross_entropy(logits, label):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), label[..., None], -1))


def mse(y, target):
    return jnp.mean((y - target) ** 2)


def linear(p, layer, x):
    y = x @ p[layer + '.w']
    return y + p[layer + '.b'] if layer + '.b' in p else y


def mlp(p, x, layers):
    for k in range(1, layers): x = jax.nn.relu(linear(p, f'dense_{k}', x))
    return linear(p, f'dense_{layers}', x)


def conv(p, layer, x, stride=1, pad=0, groups=1):
    y = jax.lax.conv_general_dilated(x, p[layer + '.k'], (stride, stride), ((pad, pad), (pad, pad)),
                                     dimension_numbers=('NHWC', 'HWIO', 'NHWC'), feature_group_count=groups)
    shift = p.get(layer + '.shift', p.get(layer + '.bias'))
    return y if shift is None else y + shift


def pool(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), 'VALID')


def norm(p, layer, x):
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * p[layer + '.gain'] + p[layer + '.shift']


def causal(q, k, v):
    """[batch, heads, time, width]"""
    score = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    seen = jnp.tril(jnp.ones(score.shape[-2:], bool))
    return jax.nn.softmax(jnp.where(seen, score, -jnp.inf)) @ v


def w1(p, x, t):
    return mse(jax.nn.sigmoid(linear(p, 'dense_1', x))[:, 0], t)


def w2(p, x, y):
    return mse(mlp(p, x, 3), y)


def w3(p, image, label):
    return cross_entropy(mlp(p, image, 2), label)


w3a = w3


def w4(p, image, label):
    return cross_entropy(mlp(p, image, 3), label)


def w5(p, x, label):
    for k in range(3): x = jax.nn.relu(linear(p, f'dense_1[{k}]', x))
    return cross_entropy(linear(p, 'dense_2', x), label)


w5a = w5


def w6(p, image, label):
    x = pool(jax.nn.relu(conv(p, 'conv2d_1', image, pad=2)))
    x = pool(jax.nn.relu(conv(p, 'conv2d_2', x)))
    return cross_entropy(mlp(p, x.reshape(len(x), -1), 3), label)


def w7(p, image, label):
    x = pool(jax.nn.relu(conv(p, 'conv2d_2', jax.nn.relu(conv(p, 'conv2d_1', image)))))
    return cross_entropy(mlp(p, x.reshape(len(x), -1), 2), label)


def w8(p, image, label):
    relu = jax.nn.relu
    x = relu(norm(p, 'conv_norm_1.batch_norm_1', conv(p, 'conv_norm_1.conv2d_1', image, pad=1)))
    for name, stride in frame.RESIDUALS:
        h = relu(norm(p, name + '.conv_norm_1.batch_norm_1', conv(p, name + '.conv_norm_1.conv2d_1', x, stride, 1)))
        h = norm(p, name + '.conv_norm_2.batch_norm_1', conv(p, name + '.conv_norm_2.conv2d_1', h, pad=1))
        if stride > 1: x = jnp.pad(x[:, ::2, ::2], [(0, 0)] * 3 + [(x.shape[3] // 2,) * 2])
        x = relu(h + x)
    return cross_entropy(linear(p, 'dense_1', x.mean((1, 2))), label)


def w9(p, token, next):
    n, units = len(token), 256
    table = p['embedding_1.table'] @ p['lstm_1.wx'].reshape(64, -1) + p['lstm_1.bias'].reshape(-1)

    def cell(carried, z):
        h, c = carried
        i, f, g, o = jnp.split(z + h @ p['lstm_1.wh'].reshape(units, -1), 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h
    zero = jnp.zeros((n, units))
    h = jax.lax.scan(cell, (zero, zero), table[token.T])[1]
    return cross_entropy(linear(p, 'dense_1', h), next.T)


def w10(p, token, next):
    def gain(layer, x):
        return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * p[layer + '.gain']
    x = p['tied_embedding_1.table'][token] + p['positions_1.table']
    for k in range(4):
        block = f'block_1[{k}].'
        z = linear(p, block + 'causal_1.dense_1', gain(block + 'norm_gain_1', x))
        q, k_, v = (t.reshape(*t.shape[:2], 4, 32).swapaxes(1, 2) for t in jnp.split(z, 3, -1))
        x = x + linear(p, block + 'causal_1.dense_2', causal(q, k_, v).swapaxes(1, 2).reshape(x.shape))
        h = jax.nn.gelu(linear(p, block + 'dense_1', gain(block + 'norm_gain_2', x)), approximate=False)
        x = x + linear(p, block + 'dense_2', h)
    return cross_entropy(gain('norm_gain_1', x) @ p['tied_embedding_1.table'].T, next)


def w11(p, word, label):
    return cross_entropy(linear(p, 'dense_1', p['embedding_1.table.rows'].mean(1)), label)


def w12(p, image, label):
    x = conv(p, 'conv2d_1', image, pad=1)
    for k in range(4):
        name = f'separable_1[{k}].'
        x = jax.nn.relu(norm(p, name + 'batch_norm_1', conv(p, name + 'depthwise_conv2d_1', x, pad=1, groups=64)))
        x = jax.nn.relu(norm(p, name + 'batch_norm_2', conv(p, name + 'conv2d_1', x)))
    return cross_entropy(linear(p, 'dense_1', x.mean((1, 2))), label)


def w13(p, user, item, stars):
    return mse((p['embedding_1.table'][user] * p['embedding_2.table'][item]).sum(1), stars)


def w14(p, x, length, label):
    units = 128
    zx = (x @ p['gru_1.wx'].reshape(64, -1) + p['gru_1.bx'].reshape(-1)).swapaxes(0, 1)

    def cell(h, at):
        t, z = at
        r, u, new = jnp.split(h @ p['gru_1.wh'].reshape(units, -1) + p['gru_1.bh'].reshape(-1), 3, 1)
        zr, zu, zn = jnp.split(z, 3, 1)
        update = jax.nn.sigmoid(zu + u)
        new = jnp.tanh(zn + jax.nn.sigmoid(zr + r) * new)
        return jnp.where((t < length)[:, None], (1 - update) * new + update * h, h), None
    h = jax.lax.scan(cell, jnp.zeros((len(x), units)), (jnp.arange(x.shape[1]), zx))[0]
    return cross_entropy(linear(p, 'dense_1', h), label)


def w15(p, query, key, value, target):
    q, k, v = (x * p[f'gained_{n}.gain'][:, None] for n, x in ((1, query), (2, key), (3, value)))
    return mse(causal(q, k, v), target)


loss_of = globals()[case.network]


def step(state, batch):
    """Of a table of which the step reads few rows, gradient and update (which SGD allows) are those rows'."""
    p, first, second, made = state
    gathered = case.workload.gathered
    seen = {name: w for name, w in p.items() if name not in gathered}
    seen |= {name + '.rows': p[name][batch[field]] for name, field in gathered.items()}
    loss, gradient = jax.value_and_grad(lambda q: loss_of(q, **batch))(seen)
    made, p = made + 1, dict(p)
    for name, field in gathered.items():
        p[name] = p[name].at[batch[field]].add(-rule['lr'] * gradient.pop(name + '.rows'))
    for name, g in gradient.items():
        w, decay = p[name], rule['decay'] if p[name].ndim >= 2 or rule['kind'] == 'sgd' else 0
        if rule['kind'] == 'adam':
            first[name] = 0.9 * first[name] + 0.1 * g
            second[name] = rule['beta2'] * second[name] + (1 - rule['beta2']) * g * g
            u = (first[name] / (1 - 0.9 ** made)) / (jnp.sqrt(second[name] / (1 - rule['beta2'] ** made)) + 1e-8)
            p[name] = w * (1 - rule['lr'] * decay) - rule['lr'] * u
        elif rule['momentum']:
            first[name] = rule['momentum'] * first[name] + g + decay * w
            p[name] = w - rule['lr'] * first[name]
        else:
            p[name] = w - rule['lr'] * g
    return (p, first, second, made), loss


def main():
    p = {}
    for name, w in case.weights():
        if '.running_' in name: continue
        depthwise = name.endswith('.k') and w.ndim == 3
        p[name] = jnp.array(w[:, :, None] if depthwise else w)
    zeros = lambda wanted: {name: jnp.zeros_like(w) for name, w in p.items()} if wanted else {}
    moments = zeros(rule['kind'] == 'adam' or rule['momentum']), zeros(rule['kind'] == 'adam')
    state = p, *moments, jnp.zeros(())
    fields = {name: jnp.array(values.astype(np.int32) if values.dtype.kind in 'iu' else values)
              for name, values in case.fields().items()}

    def one(state, fields, at):
        return step(state, {name: values[at] for name, values in fields.items()})

    def many(state, fields, rows):
        return jax.lax.scan(lambda state, at: one(state, fields, at), state, rows)
    compiled = jax.jit(many if case.mode == 'scan' else one, donate_argnums=0)

    def run(rows):
        nonlocal state
        if case.mode == 'scan': state, losses = compiled(state, fields, rows)
        else:
            for at in rows: state, losses = compiled(state, fields, at)
        jax.block_until_ready((state, losses))
        return list(np.ravel(losses))
    frame.serve(case, fields, 'JAX ' + jax.__version__, run, case.workload.scan if case.mode == 'scan' else 1)


main()
