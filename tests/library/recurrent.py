"""Loops over time: recurrent layers, decoders and ctc; sequences are [batch, 5, 3], where nothing else is said."""
import math
import torch
import torch.nn.functional as F
from engine import Case, dense

SEQUENCE = 'fn sequence(x[b, n]) = reshape(x, b, 5, 3)\n'
MSE = ('mse(out, y)', lambda o, r: F.mse_loss(o, r.y))
CASES = []


def sequence(h): return h.reshape(len(h), 5, 3)
def zeros(h, units): return torch.zeros(1, len(h), units)
def matrix(w): return w.flatten(1).T


def case(name, text, f, definitions='', **kw):
    CASES.append(Case(name, hidden=(text, f), width=15, definitions=SEQUENCE + definitions, loss=MSE, **kw))


def rnn(x, w, name):
    parts = [matrix(w[name + '.wx']), matrix(w[name + '.wh']), w[name + '.bias'], torch.zeros_like(w[name + '.bias'])]
    return torch._VF.rnn_tanh(x, zeros(x, len(w[name + '.wh'])), parts, True, 1, 0., True, False, True)[0]


def lstm(x, w, name, start=None):
    bias = w[name + '.bias'].flatten()
    parts = [matrix(w[name + '.wx']), matrix(w[name + '.wh']), bias, torch.zeros_like(bias)]
    start = start or (zeros(x, len(w[name + '.wh'])),) * 2
    return torch._VF.lstm(x, start, parts, True, 1, 0., True, False, True)


def gru(x, w, name):
    parts = [matrix(w[name + '.wx']), matrix(w[name + '.wh']), w[name + '.bx'].flatten(), w[name + '.bh'].flatten()]
    return torch._VF.gru(x, zeros(x, len(w[name + '.wh'])), parts, True, 1, 0., True, False, True)[0]


def ragged(layer, x, length, backward=False):
    """Past its length a sequence waits: forwards it keeps its last state, backwards it has not begun."""
    rows = []
    for row, n in zip(x, length.tolist()):
        h = layer((row[:n].flip(0) if backward else row[:n])[None])[0]
        rest = torch.zeros(len(row) - n, h.shape[1]) if backward else h[-1:].expand(len(row) - n, -1)
        rows.append(torch.cat([h.flip(0) if backward else h, rest]))
    return torch.stack(rows)


case('layer_rnn', 'sequence |> rnn(7) |> flatten', lambda h, w: rnn(sequence(h), w, 'net.rnn_1').flatten(1))
case('layer_rnn_relu', 'sequence |> rnn(4, activation = relu) |> last', lambda h, w: steps_relu(sequence(h), w)[-1])
case('layer_lstm', 'sequence |> lstm(7) |> flatten', lambda h, w: lstm(sequence(h), w, 'net.lstm_1')[0].flatten(1))
case('layer_lstm_last', 'sequence |> lstm(7) |> last', lambda h, w: lstm(sequence(h), w, 'net.lstm_1')[1][0])
case('layer_gru', 'sequence |> gru(7) |> flatten', lambda h, w: gru(sequence(h), w, 'net.gru_1').flatten(1))
case('layer_rnn_backward', 'sequence |> rnn(7, backward = true) |> flatten',
     lambda h, w: rnn(sequence(h).flip(1), w, 'net.rnn_1').flip(1).flatten(1))
case('layer_lstm_backward', 'sequence |> lstm(7, backward = true) |> flatten',
     lambda h, w: lstm(sequence(h).flip(1), w, 'net.lstm_1')[0].flip(1).flatten(1))
case('layer_gru_backward', 'sequence |> gru(7, backward = true) |> flatten',
     lambda h, w: gru(sequence(h).flip(1), w, 'net.gru_1').flip(1).flatten(1))
case('layer_recurrent_stacked', 'sequence |> repeat 2 { lstm(4) |> dropout(0) } |> gru(3) |> flatten',
     lambda h, w: gru(lstm(lstm(sequence(h), w, 'net.lstm_1[0]')[0], w, 'net.lstm_1[1]')[0], w, 'net.gru_1').flatten(1))
case('layer_recurrent_one_step', 'one |> lstm(4) |> gru(3) |> flatten',
     lambda h, w: gru(lstm(h[:, None], w, 'net.lstm_1')[0], w, 'net.gru_1').flatten(1), 'fn one(x[b, n]) = reshape(x, b, 1, n)\n')
case('layer_recurrent_shared', 'twice |> flatten', lambda h, w: rnn(rnn(sequence(h), w, 'net.twice_1.cell'), w, 'net.twice_1.cell').flatten(1),
     'layer twice(x[b, n]) -> y[b, 5, 3] {\n    cell = rnn(3)\n    y    = x |> sequence |> cell |> cell\n}\n')


case('layer_bidirectional', 'sequence |> bidirectional(rnn(2), gru(4)) |> flatten', lambda h, w: torch.cat(
    [rnn(sequence(h), w, 'net.rnn_1'), gru(sequence(h).flip(1), w, 'net.gru_1').flip(1)], 2).flatten(1))


def conv_lstm(x, w, dims, kernel):
    """Keras's ConvLSTM with padding = 'same', return_sequences = True: input, forget, new, output."""
    def product(x, k): return (F.conv1d, F.conv2d, F.conv3d)[dims - 1](x, k.flatten(-2).movedim((-1, -2), (0, 1)), padding=kernel // 2)
    p, made = f'net.conv_lstm{dims}d_1.', []
    h = s = torch.zeros_like(x[:, 0, ..., :1]).expand(*x[:, 0].shape[:-1], w[p + 'bias'].shape[1]).movedim(-1, 1)
    for t in range(x.shape[1]):
        z = product(x[:, t].movedim(-1, 1), w[p + 'wx']) + product(h, w[p + 'wh'])
        i, f, g, o = (z.movedim(1, -1) + w[p + 'bias'].flatten()).movedim(-1, 1).chunk(4, 1)
        s = f.sigmoid() * s + i.sigmoid() * g.tanh()
        h = o.sigmoid() * s.tanh()
        made.append(h.movedim(1, -1))
    return torch.stack(made, 1).flatten(1)


for dims, shape, kernel in [(1, (3, 4, 2), 3), (2, (3, 2, 3, 2), 3), (3, (3, 2, 2, 2, 1), 3), (1, (3, 5, 2), 5), (2, (2, 3, 3, 2), 5), (3, (2, 3, 2, 2, 1), 1)]:
    ending, option = ('', '') if kernel == 3 else ('_kernel', f', kernel = {kernel}')
    CASES.append(Case(f'layer_conv_lstm{dims}d{ending}', width=math.prod(shape), loss=MSE,
                      hidden=(f'film |> conv_lstm{dims}d(2{option}) |> flatten', lambda h, w, d=dims, s=shape, k=kernel: conv_lstm(h.reshape(len(h), *s), w, d, k)),
                      definitions=f'fn film(x[b, n]) = reshape(x, b, {", ".join(map(str, shape))})\n'))


def steps_relu(x, w):
    h, made = torch.zeros(len(x), 4), []
    for t in range(x.shape[1]):
        h = torch.relu(x[:, t] @ w['net.rnn_1.wx'] + h @ w['net.rnn_1.wh'] + w['net.rnn_1.bias'])
        made.append(h)
    return made


case('layer_lstm_start', 'started |> flatten', lambda h, w: lstm(
    sequence(h), w, 'net.started_1.lstm_1', (w['net.started_1.h'].expand(1, len(h), 4), h[None, :, :4]))[0].flatten(1),
     'layer started(x[b, n]) -> y[b, 5, 4] {\n    param h[4] = normal(0, 0.5)\n    first[i < b, u] = h[u]\n'
     '    y = lstm(sequence(x), 4, start_h = first, start_c = x[:, 0 .. 3]).h\n}\n'.replace('x[:, 0 .. 3]', 'second')
     .replace('    y =', '    second[i, u < 4] = x[i, u]\n    y ='))


def stateful(h, w):
    """The state goes on from batch to batch; it is no part of the weights."""
    y, *after = lstm(sequence(h), w, 'net.stateful_lstm_1.lstm_1', getattr(w, 'state', None))
    w.state = tuple(s.detach() for s in after)
    return y.flatten(1)


case('layer_stateful_lstm', 'sequence |> stateful_lstm(4) |> flatten', stateful, batch=4)


def lagged(h, w):
    x, a, c = sequence(h), w['net.lagged_1.a'], w['net.lagged_1.c']
    made = [torch.zeros(len(h), 3) + 0.5] * 2
    for t in reversed(range(5)): made.append(torch.tanh(x[:, t] + a * made[-1] + made[-2] @ c))
    return torch.stack(made[:1:-1], 1).flatten(1)


case('layer_lagged', 'sequence |> lagged |> flatten', lagged,
     'layer lagged(x[b, time, n]) -> h[b, time, n] {\n    param a[n]    = normal(0, 0.5)\n    param c[n, n] = normal(0, 0.5)\n'
     '    recur t from h = 0.5 {\n        back[b, t, u] = sum[v] h[b, t + 2, v] * c[v, u]\n'
     '        h[b, t, u]    = tanh(x[b, t, u] + a[u] * h[b, t + 1, u] + back[b, t, u])\n    }\n}\n')


def decode(h, w):
    """A decoder that looks at a memory at each of its steps."""
    n, x = 'net.decoder_1.', sequence(h)
    m = torch.tanh(x).flip(1)[:, :4]
    keys, state, made = dense(m, w, n + 'key'), m[:, 3], []
    for t in range(5):
        e = (torch.tanh(keys + dense(state, w, n + 'ask')[:, None]) @ w[n + 'score.w'])[:, :, 0]
        context = (torch.softmax(e, 1)[:, :, None] * m).sum(1)
        state = torch.tanh(dense(torch.cat([x[:, t], context, state], 1), w, n + 'cell'))
        made.append(state)
    return torch.stack(made, 1).flatten(1)


case('layer_decoder', 'decoder |> flatten', decode,
     'layer decoder(x[b, n]) -> h[b, 5, 3] {\n    cell  = dense(3)\n    ask   = dense(2)\n    key   = dense(2)\n    score = dense(1, bias = false)\n'
     '    z     = sequence(x)\n    m[i, s < 4, u] = tanh(z[i, 4 - s, u])\n    keys  = key(m)\n'
     '    recur t from h = m[:, 3, :] {\n        asked[i, t, :]   = ask(h[i, t - 1, :])\n'
     '        e[i, t, j, :]    = score(tanh(asked[i, t, :] + keys[i, j, :]))\n        a[i, t, :]       = softmax(e[i, t, :, 0])\n'
     '        context[i, t, u] = sum[j] a[i, t, j] * m[i, j, u]\n'
     '        y[i, t, :]       = cell(concat(concat(z[i, t, :], context[i, t, :]), h[i, t - 1, :]))\n        h[i, t, u]       = tanh(y[i, t, u])\n    }\n}\n')

# ---- three updates each: 1e-6 in double, 1e-3 in single precision (tests/unit/library_test.c) ----

def short(name, shape, text, f, definitions='', **kw):
    """Sequences of this shape. A mask of nothing but 0 and 2 is what dropout with a rate of a half multiplies by."""
    CASES.append(Case(f'layer_short_{name}', hidden=(text, lambda h, w: f(h.reshape(len(h), *shape), w)), width=math.prod(shape), loss=MSE, steps=3,
                      definitions=f'fn steps_of(x[b, n]) = reshape(x, b, {shape[0]}, {shape[1]})\n' + definitions, **kw))


def stacked(x, w, mask=None):
    """torch.nn.LSTM(num_layers = 2): what is dropped stands between the layers, and nowhere else."""
    between = lstm(x, w, 'net.lstm_1')[0]
    return lstm(between if mask is None else between * mask, w, 'net.lstm_2')[0].flatten(1)


def two_layers(x, w):
    parts = []
    for name in ('net.lstm_1', 'net.lstm_2'):
        bias = w[name + '.bias'].flatten()
        parts += [matrix(w[name + '.wx']), matrix(w[name + '.wh']), bias, torch.zeros_like(bias)]
    return torch._VF.lstm(x, (torch.zeros(2, len(x), 5),) * 2, parts, True, 2, 0., True, False, True)[0].flatten(1)


short('stacked', (5, 3), 'steps_of |> lstm(5) |> dropout(0) |> lstm(5) |> flatten', two_layers)
CASES.append(Case('layer_short_dropped', loss=MSE, steps=3, definitions='fn steps_of(x[b, n]) = reshape(x, b, 5, 3)\n', model=(
    'net(x[batch, 4], k[batch, 3]: int) -> out[batch, 3] {\n    h                = x |> dense(15) |> steps_of |> lstm(5)\n'
    '    kept[n, t, u]    = 2 * k[n, mod(t + u, 3)]\n    between[n, t, u] = kept[n, t, u] * h[n, t, u]\n'.replace('kept[n, t, u]    =', 'kept[n < batch, t < 5, u < 5] =')
    + '    out              = between |> lstm(5) |> flatten |> dense(3)\n}\n',
    lambda r, w: dense(stacked(sequence(dense(r.x, w, 'net.dense_1')), w,
                               2 * r.t[:, (torch.arange(5)[:, None] + torch.arange(5)) % 3]), w, 'net.dense_2'))))


def kept_rnn(x, w):
    """The state goes on from batch to batch, as a number without a slope."""
    h, made = getattr(w, 'state', torch.zeros(len(x), 5)), []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ w['net.kept_1.wx'] + h @ w['net.kept_1.wh'] + w['net.kept_1.bias'])
        made.append(h)
    w.state = h.detach()
    return torch.stack(made, 1).flatten(1)


KEPT = ('layer kept(x[b, time, n], units) -> y[b, time, units] {\n    param wx[n, units]     = normal(0, 0.5)\n'
        '    param wh[units, units] = normal(0, 0.5)\n    param bias[units]      = 0.1\n    state h[b, units]      = 0\n'
        '    recur t from y = h {\n'
        '        y[b, t, u] = tanh(sum[i] x[b, t, i] * wx[i, u] + sum[v] y[b, t - 1, v] * wh[v, u] + bias[u])\n    }\n    h = last(y)\n}\n')
for shape in (5, 3), (1, 7):
    short(f'kept_{shape[0]}', shape, 'steps_of |> kept(5) |> flatten', kept_rnn, KEPT, batch=4)


def two_back(x, w):
    """What is before the first step is trained, and is read by the first two."""
    n = 'net.two_back_1.'
    made = [w[n + 'start'].expand(len(x), -1)] * 2
    for t in range(x.shape[1]): made.append(torch.tanh(x[:, t] + w[n + 'a'] * made[-1] + made[-2] @ w[n + 'm']))
    return made[2:]


TWO_BACK = ('layer two_back(x[b, time, n]) -> h[b, time, n] {\n    param a[n]     = normal(0, 0.5)\n    param m[n, n]  = normal(0, 0.5)\n'
            '    param start[n] = 0.3\n    first[i < b, u] = start[u]\n    recur t from h = first {\n'
            '        h[b, t, u] = tanh(x[b, t, u] + a[u] * h[b, t - 1, u] + sum[v] h[b, t - 2, v] * m[v, u])\n    }\n}\n')
for shape in (5, 3), (1, 7), (2, 9), (3, 1), (17, 1):
    short(f'two_back_{shape[0]}', shape, 'steps_of |> two_back |> flatten', lambda x, w: torch.stack(two_back(x, w), 1).flatten(1), TWO_BACK)
short('two_back_last', (5, 3), 'steps_of |> two_back |> last', lambda x, w: two_back(x, w)[-1], TWO_BACK)
short('two_back_one', (1, 5), 'steps_of |> two_back |> last', lambda x, w: two_back(x, w)[-1], TWO_BACK)
for shape, units in ((1, 5), 7), ((3, 7), 1), ((7, 1), 3):
    ends = f'{shape[0]}_{units}'
    short('rnn_' + ends, shape, f'steps_of |> rnn({units}) |> last', lambda x, w: rnn(x, w, 'net.rnn_1')[:, -1])
    short('lstm_' + ends, shape, f'steps_of |> lstm({units}) |> last', lambda x, w: lstm(x, w, 'net.lstm_1')[0][:, -1])
    short('gru_' + ends, shape, f'steps_of |> gru({units}) |> last', lambda x, w: gru(x, w, 'net.gru_1')[:, -1])

LENGTHS = [('layer_gru_length', 'gru(7, length = reach)', lambda x, n, w: ragged(lambda r: gru(r, w, 'net.gru_1'), x, n)),
           ('layer_rnn_length', 'rnn(7, length = reach, backward = true)', lambda x, n, w: ragged(lambda r: rnn(r, w, 'net.rnn_1'), x, n, True)),
           ('layer_lstm_length', 'lstm(7, length = reach)', lambda x, n, w: ragged(lambda r: lstm(r, w, 'net.lstm_1')[0], x, n))]
for cell, f in ('gru', gru), ('lstm', lambda *a: lstm(*a)[0]):
    LENGTHS.append((f'layer_bidirectional_{cell}', f'bidirectional_{cell}(4, length = reach)', lambda x, n, w, f=f, p=f'net.bidirectional_{cell}_1.{cell}_': torch.cat(
        [ragged(lambda r: f(r, w, p + '1'), x, n), ragged(lambda r: f(r, w, p + '2'), x, n, True)], 2)))
for name, text, f in LENGTHS:
    CASES.append(Case(name, definitions=SEQUENCE, loss=MSE, model=(
        f'net(x[batch, 4], k[batch, 3]: int) -> out[batch, 3] {{\n    h = x |> dense(15) |> sequence\n    reach[n] = 2 + k[n, 0] + 2 * k[n, 1]\n'
        f'    h |> {text} |> flatten |> dense(3)\n}}\n',
        lambda r, w, f=f: dense(f(sequence(dense(r.x, w, 'net.dense_1')), (2 + r.t[:, 0] + 2 * r.t[:, 1]).long(), w).flatten(1), w, 'net.dense_2'))))


def ctc(o, r):
    frames, letters = (7 - r.t[:, 0]).long(), (1 + r.t[:, 1] + r.t[:, 2]).long()
    return F.ctc_loss(F.log_softmax(o.permute(1, 0, 2), 2), (r.t + 1).long(), frames, letters)


CASES.append(Case('loss_ctc', fields='    word[3] = class(columns(8 .. 10) + 1, 3)\n', loss=('spoken(out, word, k)', ctc), definitions=(
    'fn spoken(logits[b, time, c], word[b, n]: class, k[b, m]: int) -> loss {\n    frames[i]  = 7 - k[i, 0]\n'
    '    letters[i] = 1 + k[i, 1] + k[i, 2]\n    loss       = ctc(logits, word, frames, letters)\n}\n'), model=(
    'net(x[batch, 4]) -> out[batch, 7, 4] {\n    h   = x |> dense(9) |> tanh |> dense(28)\n    out = reshape(h, batch, 7, 4)\n}\n',
    lambda r, w: dense(torch.tanh(dense(r.x, w, 'net.dense_1')), w, 'net.dense_2').reshape(len(r), 7, 4))))
