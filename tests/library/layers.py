"""Layers and functions of tensors: each stands between two dense layers; images are [batch, 3, 4, 4], sequences [batch, 4, 6]."""
import math
import torch
import torch.nn.functional as F
from engine import Case, dense

IMAGE = 'fn image(x[b, n]) = reshape(x, b, 3, 4, 4)\n'
SMALL = 'fn image(x[b, n]) = reshape(x, b, 2, 3, 4)\n'
SEQUENCE = 'fn sequence(x[b, n]) = reshape(x, b, 4, 6)\n'


def nchw(h, shape=(3, 4, 4)): return h.reshape(len(h), *shape).permute(0, 3, 1, 2)
def flat(x): return x.permute(0, 2, 3, 1).reshape(len(x), -1)
def sequence(h): return h.reshape(len(h), 4, 6)
def kernel(k): return k.permute(3, 2, 0, 1)


CASES = []


def layer(name, text, f, **kw): CASES.append(Case('layer_' + name, hidden=(text, f), **kw))
def image(name, text, f): layer(name, f'image |> {text} |> flatten', lambda h, w: flat(f(nchw(h), w)), width=48, definitions=IMAGE)


def small(name, text, f):
    layer(name, f'image |> {text} |> flatten', lambda h, w: flat(f(nchw(h, (2, 3, 4)), w)), width=24, definitions=SMALL)


layer('scale', 'scale', lambda h, w: h * w['net.scale_1.gain'])
CASES += [Case('layer_keras_dense', layer='keras.dense')]
layer('dense', 'dense(5, bias = false, weights = glorot_normal) |> tanh', lambda h, w: torch.tanh(h @ w['net.dense_2.w']))
CASES[-1].forward = lambda rows, w: dense(torch.tanh(dense(rows.x, w, 'net.dense_1') @ w['net.dense_2.w']), w, 'net.dense_3')
layer('keras_dense_plain', 'keras.dense(5, bias = false, weights = he_normal) |> tanh', None)
CASES[-1].forward = lambda rows, w: dense(torch.tanh(dense(rows.x, w, 'net.dense_1') @ w['net.dense_2.w']), w, 'net.dense_3')


def lengths(k, w, name):
    """torch.nn.utils.weight_norm of outputs, which stand last here."""
    return k * (w[name + '.gain'] / k.flatten(0, -2).norm(dim=0))


def largest(k, w, name):
    """torch.nn.utils.parametrizations.spectral_norm: one power iteration a step; its directions are constants."""
    m = k.flatten(0, -2)
    if w.training:
        with torch.no_grad():
            w[name + '.u'] = F.normalize(m.T @ w[name + '.v'], dim=0)
            w[name + '.v'] = F.normalize(m @ w[name + '.u'], dim=0)
    return k / (w[name + '.u'] @ (m.T @ w[name + '.v']))


CASES.append(Case('layer_weight_norm', model=(
    'net(x[batch, 4]) -> out[batch, 3] {\n    x |> dense(8, through = weight_norm) |> tanh |> dense(3, weights = he_normal, through = weight_norm)\n}\n',
    lambda r, w: torch.tanh(r.x @ lengths(w['net.dense_1.w'], w, 'net.weight_norm_1') + w['net.dense_1.b'])
    @ lengths(w['net.dense_2.w'], w, 'net.weight_norm_2') + w['net.dense_2.b'])))
CASES.append(Case('layer_spectral_norm', test=40, states=('_1.u', '_1.v'), model=(
    'net(x[batch, 4]) -> out[batch, 3] {\n    x |> dense(8) |> tanh |> dense(5, bias = false, through = spectral_norm) |> tanh |> dense(3)\n}\n',
    lambda r, w: dense(torch.tanh(torch.tanh(dense(r.x, w, 'net.dense_1')) @ largest(w['net.dense_2.w'], w, 'net.spectral_norm_1')), w, 'net.dense_3'))))
layer('prelu', 'prelu(slope = 0.1)', lambda h, w: F.prelu(h, w['net.prelu_1.a']))
layer('bilinear', 'pair', lambda h, w: F.bilinear(h, torch.tanh(h), w['net.pair_1.bilinear_1.w'].permute(2, 0, 1), w['net.pair_1.bilinear_1.b']),
      definitions='layer pair(x[b, n]) -> y[b, 5] {\n    y = bilinear(x, tanh(x), 5)\n}\n')
CASES.append(Case('layer_embedding', loss=('mse(out, y)', lambda o, r: F.mse_loss(o, r.y)), model=(
    'net(label[batch]: class) -> out[batch, 3] {\n    embedding(label, vocabulary = 3, width = 6, weights = normal(0, 0.5)) |> tanh |> dense(3)\n}\n',
    lambda r, w: dense(torch.tanh(F.embedding(r.label, w['net.embedding_1.table'])), w, 'net.dense_1'))))


# A table of which few rows are read: some by several positions, most by none.
def bag(name, optimizer):
    CASES.append(Case('layer_' + name, loss=('mse(out, y)', lambda o, r: F.mse_loss(o, r.y)), optimizer=optimizer, model=(
        'net(k[batch, 3]: int) -> out[batch, 3] {\n    param table[650, 3] = normal(0, 0.5)\n'
        '    h[n, d] = sum[j] table[300 * k[n, j] + 20 * j, d]\n    out = tanh(h) |> dense(3)\n}\n',
        lambda r, w: dense(torch.tanh(F.embedding_bag(300 * r.t.long() + 20 * torch.arange(3), w['net.table'], mode='sum')), w, 'net.dense_1'))))


bag('embedding_bag', ('sgd(lr = 0.2)', lambda ps: torch.optim.SGD(ps, lr=0.2)))
bag('embedding_bag_adagrad', ('adagrad(lr = 0.1)', lambda ps: torch.optim.Adagrad(ps, lr=0.1)))
bag('embedding_bag_adam', ('adam(lr = 0.02)', lambda ps: torch.optim.Adam(ps, lr=0.02)))


def tied(r, w):
    table = w['net.tied_embedding_1.table']
    h = F.embedding(r.t.long(), table) + w['net.positions_1.table']
    return dense(torch.tanh(h).flatten(1), w, 'net.dense_1') + h[:, 0] @ table[[0, 1, 0]].T


CASES.append(Case('layer_tied_embedding', loss=('mse(out, y)', lambda o, r: F.mse_loss(o, r.y)), model=(
    'net(k[batch, 3]: int) -> out[batch, 3] {\n    words = tied_embedding(k, vocabulary = 2, width = 4, deviation = 0.5)\n'
    '    h = words.y + positions(k, 4)\n    s = tanh(h) |> flatten |> dense(3)\n'
    '    out[n, j] = s[n, j] + sum[d] h[n, 0, d] * words.table[mod(j, 2), d]\n}\n', tied)))


def sinusoids(t, n):
    angle = torch.arange(t)[:, None] / 10_000**(2 * (torch.arange(n) // 2) / n)
    return torch.where(torch.arange(n) % 2 == 0, angle.sin(), angle.cos())


layer('sinusoidal_positions', 'sequence |> sinusoidal_positions |> tanh |> flatten',
      lambda h, w: torch.tanh(sequence(h) + sinusoids(4, 6)).flatten(1), width=24, definitions=SEQUENCE)

# convolutions and pools
def line(name, text, f):
    layer(name, f'sequence |> {text} |> flatten', lambda h, w: f(sequence(h).movedim(-1, 1), w).movedim(1, -1).flatten(1), width=24, definitions=SEQUENCE)


def volume(name, text, f):
    layer(name, f'volume |> {text} |> flatten', lambda h, w: f(h.reshape(len(h), 2, 3, 2, 4).movedim(-1, 1), w).movedim(1, -1).flatten(1), width=48,
          definitions='fn volume(x[b, n]) = reshape(x, b, 2, 3, 2, 4)\n')


image('conv2d', 'conv2d(5, kernel = 3, stride = 2, pad = 1, weights = he_uniform) |> tanh',
      lambda x, w: torch.tanh(F.conv2d(x, kernel(w['net.conv2d_1.k']), w['net.conv2d_1.shift'], 2, 1)))
image('conv2d_dilation', 'conv2d(5, kernel = 2, stride = 1, pad = 1, dilation = 2) |> tanh',
      lambda x, w: torch.tanh(F.conv2d(x, kernel(w['net.conv2d_1.k']), w['net.conv2d_1.shift'], 1, 1, 2)))
image('conv2d_plain', 'conv2d(5, kernel = 2, bias = false) |> tanh', lambda x, w: torch.tanh(F.conv2d(x, kernel(w['net.conv2d_1.k']), None, 1, 1)))
image('max_pool2d', 'max_pool2d(size = 3, stride = 2, pad = 1)', lambda x, w: F.max_pool2d(x, 3, 2, 1))
image('average_pool2d', 'average_pool2d(size = 2, stride = 1)', lambda x, w: F.avg_pool2d(x, 2, 1))
layer('global_average_pool', 'image |> tanh |> global_average_pool', lambda h, w: torch.tanh(nchw(h)).mean((2, 3)), width=48, definitions=IMAGE)
layer('max_pool1d', 'sequence |> max_pool1d(size = 2, stride = 1) |> flatten',
      lambda h, w: F.max_pool1d(sequence(h).permute(0, 2, 1), 2, 1).permute(0, 2, 1).flatten(1), width=24, definitions=SEQUENCE)
layer('global_max_pool', 'sequence |> global_max_pool', lambda h, w: sequence(h).amax(1), width=24, definitions=SEQUENCE)
small('upsample2d', 'upsample2d(scale = 3) |> tanh', lambda x, w: torch.tanh(F.interpolate(x, scale_factor=3)))
small('bilinear_upsample2d', 'bilinear_upsample2d |> tanh',
      lambda x, w: torch.tanh(F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)))
small('pixel_shuffle', 'pixel_shuffle(scale = 2) |> tanh', lambda x, w: torch.tanh(F.pixel_shuffle(x, 2)))
layer('pixel_unshuffle', 'image |> pixel_unshuffle |> tanh |> flatten', lambda h, w: flat(torch.tanh(F.pixel_unshuffle(nchw(h, (4, 6, 2)), 2))), width=48,
      definitions='fn image(x[b, n]) = reshape(x, b, 4, 6, 2)\n')
layer('pixel_unshuffle_scale', 'image |> pixel_unshuffle(scale = 3) |> tanh |> flatten', lambda h, w: flat(torch.tanh(F.pixel_unshuffle(nchw(h, (3, 6, 2)), 3))), width=36,
      definitions='fn image(x[b, n]) = reshape(x, b, 3, 6, 2)\n')

# norms
for name, text, gain in [('batch_norm', 'batch_norm(momentum = 0.2, eps = 1e-2)', True),
                         ('batch_norm_plain', 'batch_norm(scale = false)', False)]:
    layer(name, text + ' |> tanh', lambda h, w, g=gain: torch.tanh(F.batch_norm(
        h, w['net.batch_norm_1.running_mean'], w['net.batch_norm_1.running_variance'], w['net.batch_norm_1.gain'] if g else None,
        w['net.batch_norm_1.shift'] if g else None, w.training, 0.2 if g else 0.1, 1e-2 if g else 1e-5)), batch=4, test=40)
layer('layer_norm', 'layer_norm(eps = 1e-2) |> tanh',
      lambda h, w: torch.tanh(F.layer_norm(h, (8,), w['net.layer_norm_1.gain'], w['net.layer_norm_1.shift'], 1e-2)))
layer('rms_norm', 'rms_norm(eps = 1e-2) |> tanh', lambda h, w: torch.tanh(F.rms_norm(h, (8,), w['net.rms_norm_1.gain'], 1e-2)))
image('group_norm', 'group_norm(groups = 2, eps = 1e-2) |> tanh',
      lambda x, w: torch.tanh(F.group_norm(x, 2, w['net.group_norm_1.gain'], w['net.group_norm_1.shift'], 1e-2)))
image('local_response_norm', 'local_response_norm(3)', lambda x, w: F.local_response_norm(x, 3))
image('local_response_norm_options', 'local_response_norm(2, alpha = 0.5, beta = 0.6, k = 2)', lambda x, w: F.local_response_norm(x, 2, 0.5, 0.6, 2))
layer('norms_of_volumes', 'volume |> group_norm(groups = 2) |> tanh |> instance_norm |> flatten', lambda h, w: F.instance_norm(torch.tanh(F.group_norm(
    h.reshape(len(h), 2, 3, 2, 4).movedim(-1, 1), 2, w['net.group_norm_1.gain'], w['net.group_norm_1.shift']))).movedim(1, -1).flatten(1),
      width=48, definitions='fn volume(x[b, n]) = reshape(x, b, 2, 3, 2, 4)\n')
layer('norms_of_sequences', 'sequence |> group_norm(groups = 3) |> tanh |> instance_norm |> flatten', lambda h, w: F.instance_norm(torch.tanh(F.group_norm(
    sequence(h).movedim(-1, 1), 3, w['net.group_norm_1.gain'], w['net.group_norm_1.shift']))).movedim(1, -1).flatten(1), width=24, definitions=SEQUENCE)
image('instance_norm', 'instance_norm(eps = 1e-2) |> tanh', lambda x, w: torch.tanh(F.instance_norm(x, eps=1e-2)))


# attention
def attend(q, m, w, p, mask=None):
    heads = w[p + '.wq'].shape[1]

    def project(x, n): return torch.einsum('btn,nhd->bhtd', x, w[p + '.w' + n]) + w[p + '.b' + n][None, :, None]
    k, v = (project(m, n).repeat_interleave(heads // w[p + '.wk'].shape[1], 1) for n in 'kv')
    y = F.scaled_dot_product_attention(project(q, 'q'), k, v, mask)
    assert y.shape[1] == heads
    return torch.einsum('bhtd,hdn->btn', y, w[p + '.wo']) + w[p + '.bo']


CAUSAL = torch.ones(4, 4, dtype=torch.bool).tril()
layer('attention', 'two |> flatten', lambda h, w: attend(sequence(h), sequence(h)[:, :3].tanh(), w, 'net.two_1.attention_1').flatten(1), width=24,
      definitions=SEQUENCE + 'layer two(x[b, n]) -> y[b, 4, 6] {\n    h = sequence(x)\n    m[i, j, d] = tanh(h[i, j, d]) if j < 3\n'
      '    y = attention(h, m, heads = 2, width = 8)\n}\n'.replace('m[i, j, d] = tanh(h[i, j, d]) if j < 3', 'm[i, j < 3, d] = tanh(h[i, j, d])'))
layer('causal_attention', 'sequence |> multi_head_attention(heads = 3, causal = true) |> flatten',
      lambda h, w: attend(sequence(h), sequence(h), w, 'net.multi_head_attention_1.attention_1', CAUSAL).flatten(1), width=24, definitions=SEQUENCE)
layer('grouped_attention', 'sequence |> multi_head_attention(heads = 6, groups = 3, rate = 0) |> flatten',
      lambda h, w: attend(sequence(h), sequence(h), w, 'net.multi_head_attention_1.attention_1').flatten(1), width=24, definitions=SEQUENCE)
layer('grouped_cross_attention', 'both |> flatten', lambda h, w: attend(sequence(h), sequence(h).tanh(), w, 'net.both_1.attention_1').flatten(1), width=24,
      definitions=SEQUENCE + 'layer both(x[b, n]) -> y[b, 4, 6] {\n    h = sequence(x)\n    y = attention(h, tanh(h), heads = 6, groups = 2, rate = 0)\n}\n')


def additive(h, m, w, name, seen=None):
    score = (w[name + '.gain'] * torch.tanh(h[:, :, None] + m[:, None])).sum(-1)
    return torch.softmax(score if seen is None else score.masked_fill(~seen[:, None], -torch.inf), -1) @ m


layer('additive_attention', 'two |> flatten', lambda h, w: additive(sequence(h), sequence(h)[:, :3].tanh(), w, 'net.two_1.additive_attention_1').flatten(1), width=24,
      definitions=SEQUENCE + 'layer two(x[b, n]) -> y[b, 4, 6] {\n    h = sequence(x)\n    m[i, j < 3, d] = tanh(h[i, j, d])\n'
      '    y = additive_attention(h, m)\n}\n')


def additive_length(r, w):
    h = sequence(dense(r.x, w, 'net.dense_1'))
    return dense(additive(h, h, w, 'net.additive_attention_1', torch.arange(4)[None] < 1 + r.t[:, :1]).flatten(1), w, 'net.dense_2')


CASES.append(Case('layer_additive_attention_length', definitions=SEQUENCE, model=(
    'net(x[batch, 4], k[batch, 3]: int) -> out[batch, 3] {\n    h = x |> dense(24) |> sequence\n    reach[n] = 1 + k[n, 0]\n'
    '    additive_attention(h, h, length = reach) |> flatten |> dense(3)\n}\n', additive_length)))
layer('cross_attention', 'both |> flatten', lambda h, w: attend(sequence(h), sequence(h).tanh(), w, 'net.both_1.attention_1', CAUSAL).flatten(1), width=24,
      definitions=SEQUENCE + 'layer both(x[b, n]) -> y[b, 4, 6] {\n    h = sequence(x)\n    y = attention(h, tanh(h), heads = 2, causal = true)\n}\n')


def ragged(name):
    def f(r, w):
        h = sequence(dense(r.x, w, 'net.dense_1'))
        seen = torch.arange(4)[None] < 1 + r.t[:, :1]
        return dense(attend(h, h, w, name, seen[:, None, None]).flatten(1), w, 'net.dense_2')
    return f


for call, name in [('multi_head_attention(h', 'net.multi_head_attention_1.attention_1'), ('attention(h, h', 'net.attention_1')]:
    CASES.append(Case('layer_' + call.split('(')[0] + '_length', definitions=SEQUENCE, model=(
        'net(x[batch, 4], k[batch, 3]: int) -> out[batch, 3] {\n    h = x |> dense(24) |> sequence\n    reach[n] = 1 + k[n, 0]\n'
        f'    {call}, heads = 2, length = reach) |> flatten |> dense(3)\n}}\n', ragged(name))))


def block(causal):
    def f(h, w):
        p, x = 'net.transformer_block_1.', sequence(h)

        def norm(x, k): return F.layer_norm(x, (6,), w[f'{p}layer_norm_{k}.gain'], w[f'{p}layer_norm_{k}.shift'])
        n = norm(x, 1)
        x = x + attend(n, n, w, p + 'multi_head_attention_1.attention_1', CAUSAL if causal else None)
        return (x + dense(F.gelu(dense(norm(x, 2), w, p + 'dense_1')), w, p + 'dense_2')).flatten(1)
    return f


layer('transformer_block', 'sequence |> transformer_block(heads = 2, expand = 2, rate = 0) |> flatten', block(True), width=24, definitions=SEQUENCE)
layer('transformer_block_both', 'sequence |> transformer_block(heads = 3, causal = false, expand = 1) |> flatten', block(False), width=24,
      definitions=SEQUENCE)


def norm(x, w, name): return F.layer_norm(x, (6,), w[name + '.gain'], w[name + '.shift'])


def encoder(x, w, p, first, f, mask=None):
    """As torch.nn.TransformerEncoderLayer, without dropout."""
    def look(h): return attend(h, h, w, p + 'look.attention_1', mask)
    def feed(h): return dense(f(dense(h, w, p + 'feed.dense_1')), w, p + 'feed.dense_2')
    if first:
        h = x + look(norm(x, w, p + 'first'))
        return h + feed(norm(h, w, p + 'second'))
    h = norm(x + look(x), w, p + 'first')
    return norm(h + feed(h), w, p + 'second')


def decoder(x, m, w, p, first, f):
    """As torch.nn.TransformerDecoderLayer, the sequence looking back only."""
    def look(h): return attend(h, h, w, p + 'look.attention_1', CAUSAL)
    def seek(h): return attend(h, m, w, p + 'seek')
    def feed(h): return dense(f(dense(h, w, p + 'feed.dense_1')), w, p + 'feed.dense_2')
    for part, name in [(look, 'first'), (seek, 'second'), (feed, 'third')]:
        x = x + part(norm(x, w, p + name)) if first else norm(x + part(x), w, p + name)
    return x


for first in (False, True):
    options = ', norm_first = true, activation = gelu' if first else ''
    ending, bent = ('_first', F.gelu) if first else ('', F.relu)
    layer('transformer_encoder_layer' + ending, f'sequence |> transformer_encoder_layer(heads = 2, width = 5, rate = 0{options}) |> flatten',
          lambda h, w, g=first, f=bent: encoder(sequence(h), w, 'net.transformer_encoder_layer_1.', g, f).flatten(1), width=24, definitions=SEQUENCE)
    layer('transformer_decoder_layer' + ending, 'both |> flatten',
          lambda h, w, g=first, f=bent: decoder(sequence(h), sequence(h).tanh(), w, 'net.both_1.transformer_decoder_layer_1.', g, f).flatten(1), width=24,
          definitions=SEQUENCE + f'layer both(x[b, n]) -> y[b, 4, 6] {{\n    h = sequence(x)\n    y = transformer_decoder_layer(h, tanh(h), heads = 3, width = 5, rate = 0{options})\n}}\n')
layer('transformer_encoder_layer_causal', 'sequence |> transformer_encoder_layer(heads = 2, width = 5, rate = 0, causal = true) |> flatten',
      lambda h, w: encoder(sequence(h), w, 'net.transformer_encoder_layer_1.', False, F.relu, CAUSAL).flatten(1), width=24, definitions=SEQUENCE)


def encoder_length(r, w):
    seen = torch.arange(4)[None] < 1 + r.t[:, :1]
    h = encoder(sequence(dense(r.x, w, 'net.dense_1')), w, 'net.transformer_encoder_layer_1.', False, F.relu, seen[:, None, None])
    return dense(h.flatten(1), w, 'net.dense_2')


CASES.append(Case('layer_transformer_encoder_layer_length', definitions=SEQUENCE, model=(
    'net(x[batch, 4], k[batch, 3]: int) -> out[batch, 3] {\n    h = x |> dense(24) |> sequence\n    reach[n] = 1 + k[n, 0]\n'
    '    h |> transformer_encoder_layer(heads = 2, width = 5, rate = 0, length = reach) |> flatten |> dense(3)\n}\n', encoder_length)))


def rotary(h, w):
    x = h.reshape(len(h), 3, 2, 4)
    angle = (torch.arange(3)[:, None] / 10_000**(2 * (torch.arange(4) % 2) / 4))[:, None]
    turned = torch.cat([-x[..., 2:], x[..., :2]], -1)
    return torch.tanh(x * angle.cos() + turned * angle.sin()).flatten(1)


layer('rotary', 'heads |> rotary |> tanh |> flatten', rotary, width=24, definitions='fn heads(x[b, n]) = reshape(x, b, 3, 2, 4)\n')

# functions of tensors
layer('statistics', 'mix', lambda h, w: torch.tanh(h) * h.norm(dim=1, keepdim=True) - h.logsumexp(1, keepdim=True) + h.mean(1, keepdim=True) / 8
      + h.var() * h.clamp(-0.5, 0.5)**2 + (h * h.tanh()).sum() * (torch.arange(8) % 2 == 0) / 10,
      definitions='''fn mix(x[b, n]) -> y[b, n] {
    spread = variance(x, ddof = 1)
    both   = dot(x, tanh(x))
    y[i, j] = tanh(x[i, j]) * (norm[k] x[i, k]) - (logsumexp[k] x[i, k]) + (mean[k] x[i, k]) / (count[k] x[i, k])
            + spread * square(clamp(x[i, j], -0.5, 0.5)) + both * even(j) / 10
}
''')
layer('matmul', 'gram |> tanh', lambda h, w: torch.tanh(h @ (w['net.gram_1.m'] @ w['net.gram_1.m'].T)),
      definitions='layer gram(x[b, n]) -> y[b, n] {\n    param m[n, 5] = normal(0, 0.3)\n    y = matmul(x, matmul(m, transpose(m)))\n}\n')
layer('concat', 'join', lambda h, w: torch.cat([h.tanh(), sequence(h)[:, 3]], 1), width=24,
      definitions=SEQUENCE + 'fn join(x[b, n]) = concat(tanh(x), last(sequence(x)))\n')
