#!/usr/bin/env python3
"""PyTorch's side: torch_peer.py WORKLOAD MODE THREADS FOLDER, run by bench/run.

MODE is eager, compile (model and loss by torch.compile, then the fused optimizer) or whole (forward, backward and update as one
compiled graph), for images with `-channels_last` after it; `sparse` where PyTorch has an optimizer for few rows.
Each workload is one function of the parameters `p` by nn's names, in PyTorch's own layout, and of the fields. Tuned: fused
optimizers, gradients not kept, subnormals flushed, PyTorch's own attention, LSTM, packed GRU and embedding bag.
"""
import sys
import frame
import torch, torch.nn.functional as F

case = frame.case_of_arguments()
mode, _, layout = case.mode.partition('-')
torch.set_num_threads(case.threads)
torch.set_flush_denormal(True)
rule = case.workload.optimizer


def linear(p, layer, x):
    return F.linear(x, p[layer + '.w'], p.get(layer + '.b'))


def mlp(p, x, layers):
    for k in range(1, layers): x = F.relu(linear(p, f'dense_{k}', x))
    return linear(p, f'dense_{layers}', x)


def conv(p, layer, x, stride=1, pad=0, groups=1):
    shift = p.get(layer + '.shift', p.get(layer + '.bias'))
    return F.conv2d(x, p[layer + '.k'], shift, stride, pad, groups=groups)


def norm(p, layer, x):
    return F.batch_norm(x, p.get(layer + '.running_mean'), p.get(layer + '.running_variance'), p[layer + '.gain'],
                        p[layer + '.shift'], training=True)


def w1(p, x, t):
    return F.mse_loss(torch.sigmoid(linear(p, 'dense_1', x))[:, 0], t)


def w2(p, x, y):
    return F.mse_loss(mlp(p, x, 3), y)


def w3(p, image, label):
    return F.cross_entropy(mlp(p, image, 2), label)


w3a = w3


def w4(p, image, label):
    return F.cross_entropy(mlp(p, image, 3), label)


def w5(p, x, label):
    for k in range(3): x = F.relu(linear(p, f'dense_1[{k}]', x))
    return F.cross_entropy(linear(p, 'dense_2', x), label)


w5a = w5


def w6(p, image, label):
    x = F.max_pool2d(F.relu(conv(p, 'conv2d_1', image, pad=2)), 2)
    x = F.max_pool2d(F.relu(conv(p, 'conv2d_2', x)), 2)
    return F.cross_entropy(mlp(p, flat(x), 3), label)


def w7(p, image, label):
    x = F.relu(conv(p, 'conv2d_2', F.relu(conv(p, 'conv2d_1', image))))
    return F.cross_entropy(mlp(p, flat(F.max_pool2d(x, 2)), 2), label)


def flat(x):
    """In nn's order, rows and columns before channels: that of the weights that come next. Nothing moves with channels last."""
    return x.permute(0, 2, 3, 1).flatten(1)


def w8(p, image, label):
    x = F.relu(norm(p, 'conv_norm_1.batch_norm_1', conv(p, 'conv_norm_1.conv2d_1', image, pad=1)))
    for name, stride in frame.RESIDUALS:
        h = F.relu(norm(p, name + '.conv_norm_1.batch_norm_1', conv(p, name + '.conv_norm_1.conv2d_1', x, stride, 1)))
        h = norm(p, name + '.conv_norm_2.batch_norm_1', conv(p, name + '.conv_norm_2.conv2d_1', h, pad=1))
        if stride > 1: x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2))
        x = F.relu(h + x)
    return F.cross_entropy(linear(p, 'dense_1', x.mean((2, 3))), label)



def w9(p, token, next):
    x = F.embedding(token, p['embedding_1.table'])
    zero = x.new_zeros(1, len(x), 256)
    biases = p['lstm_1.bias'], x.new_zeros(1024)
    h = torch.lstm(x, (zero, zero), [p['lstm_1.wx'], p['lstm_1.wh'], *biases], True, 1, 0.0, True, False, True)[0]
    return F.cross_entropy(linear(p, 'dense_1', h).flatten(0, 1), next.flatten())


def w10(p, token, next):
    gain = lambda layer, x: F.layer_norm(x, (128,), p[layer + '.gain'])
    x = F.embedding(token, p['tied_embedding_1.table']) + p['positions_1.table']
    for k in range(4):
        block = f'block_1[{k}].'
        z = linear(p, block + 'causal_1.dense_1', gain(block + 'norm_gain_1', x))
        q, k_, v = (t.unflatten(2, (4, 32)).transpose(1, 2) for t in z.split(128, 2))
        mixed = F.scaled_dot_product_attention(q, k_, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + linear(p, block + 'causal_1.dense_2', mixed)
        h = F.gelu(linear(p, block + 'dense_1', gain(block + 'norm_gain_2', x)))
        x = x + linear(p, block + 'dense_2', h)
    logits = F.linear(gain('norm_gain_1', x), p['tied_embedding_1.table'])
    return F.cross_entropy(logits.flatten(0, 1), next.flatten())


def w11(p, word, label):
    if 'embedding_1.table.rows' in p: bag = p['embedding_1.table.rows'].mean(1)
    else: bag = F.embedding_bag(word, p['embedding_1.table'], mode='mean', sparse=mode == 'sparse')
    return F.cross_entropy(linear(p, 'dense_1', bag), label)


def w12(p, image, label):
    x = conv(p, 'conv2d_1', image, pad=1)
    for k in range(4):
        name = f'separable_1[{k}].'
        x = F.relu(norm(p, name + 'batch_norm_1', conv(p, name + 'depthwise_conv2d_1', x, pad=1, groups=64)))
        x = F.relu(norm(p, name + 'batch_norm_2', conv(p, name + 'conv2d_1', x)))
    return F.cross_entropy(linear(p, 'dense_1', x.mean((2, 3))), label)


def w13(p, user, item, stars):
    u = F.embedding(user, p['embedding_1.table'], sparse=mode == 'sparse')
    v = F.embedding(item, p['embedding_2.table'], sparse=mode == 'sparse')
    return F.mse_loss((u * v).sum(1), stars)


def w14(p, x, length, label):
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, length, batch_first=True, enforce_sorted=False)
    parameters = [p['gru_1.wx'], p['gru_1.wh'], p['gru_1.bx'], p['gru_1.bh']]
    h = torch.gru(packed.data, packed.batch_sizes, x.new_zeros(1, len(x), 128), parameters, True, 1, 0.0, True, False)[1]
    return F.cross_entropy(linear(p, 'dense_1', h[0][packed.unsorted_indices]), label)


def w15(p, query, key, value, target):
    q, k, v = (x * p[f'gained_{n}.gain'][:, None] for n, x in ((1, query), (2, key), (3, value)))
    return F.mse_loss(F.scaled_dot_product_attention(q, k, v, is_causal=True), target)


loss_of = globals()[case.network]


def laid_out(name, w):
    """nn's weights are [in, out]; PyTorch's are [out, in], filters before channels before places."""
    kind, w = name.rpartition('.')[2], torch.from_numpy(w)
    if kind in ('w', 'wx', 'wh'): w = w.flatten(1).T
    elif kind == 'k' and w.dim() == 4: w = w.permute(3, 2, 0, 1)
    elif kind == 'k': w = w.permute(2, 0, 1)[:, None]
    elif kind in ('bias', 'bx', 'bh'): w = w.flatten()
    return w.contiguous(memory_format=torch.channels_last if layout and w.dim() == 4 else torch.contiguous_format)


def data():
    fields = {}
    for name, values in case.fields().items():
        values = torch.from_numpy(values)
        if case.workload.images and name == 'image' and not layout: values = values.permute(0, 3, 1, 2).contiguous()
        fields[name] = values if values.is_floating_point() else values.long()
    return fields


def batch_of(fields, at):
    """Rows of every field. With channels last an image is kept as nn keeps it, and only seen in PyTorch's order."""
    rows = {name: values[at] for name, values in fields.items()}
    if layout: rows['image'] = rows['image'].permute(0, 3, 1, 2)
    return rows


def plain(states, parameters):
    """eager, compile and sparse: the gradient by autograd, the update by PyTorch's optimizers."""
    decayed = [w for w in parameters.values() if w.dim() >= 2]
    rest = [w for w in parameters.values() if w.dim() < 2]
    if mode == 'sparse':
        sparse = {'adam': torch.optim.SparseAdam, 'sgd': torch.optim.SGD}[rule['kind']]
        optimizer = sparse(list(parameters.values()), lr=rule['lr'])
    elif rule['kind'] == 'sgd':
        optimizer = torch.optim.SGD(decayed + rest, lr=rule['lr'], momentum=rule['momentum'], weight_decay=rule['decay'],
                                    fused=True)
    elif rule['decay']:
        groups = [dict(params=decayed, weight_decay=rule['decay']), dict(params=rest, weight_decay=0.0)]
        optimizer = torch.optim.AdamW(groups, lr=rule['lr'], betas=(0.9, rule['beta2']), fused=True)
    else:
        optimizer = torch.optim.Adam(decayed + rest, lr=rule['lr'], betas=(0.9, rule['beta2']), fused=True)
    p = {**states, **parameters}
    for w in parameters.values(): w.requires_grad_()

    def forward(batch):
        with torch.autocast('cpu', torch.bfloat16, enabled=case.workload.bfloat16):
            return loss_of(p, **batch)
    if mode == 'compile': forward = torch.compile(forward)

    def step(batch):
        optimizer.zero_grad(set_to_none=True)
        loss = forward(batch)
        loss.backward()
        optimizer.step()
        return loss.detach()
    return step


def whole(parameters):
    """One graph. Running statistics of batch norms are left out: a little less work than nn does. Of a table of which the step reads
    few rows, gradient and update (which SGD allows) are those rows'."""
    import torch._inductor.config
    from torch.func import grad_and_value
    torch._inductor.config.cpp_wrapper = True
    moments = [{name: torch.zeros_like(w) for name, w in parameters.items()} for _ in range(2 if rule['kind'] == 'adam' else 1)]
    made = torch.zeros(())

    def update(p, moments, made, batch):
        seen = {name: w for name, w in p.items() if name not in case.workload.gathered}
        for name, field in case.workload.gathered.items(): seen[name + '.rows'] = p[name][batch[field]]

        def loss(q):
            with torch.autocast('cpu', torch.bfloat16, enabled=case.workload.bfloat16):
                return loss_of(q, **batch)
        gradient, value = grad_and_value(loss)(seen)
        made += 1
        for name, field in case.workload.gathered.items():
            rows = gradient.pop(name + '.rows').flatten(0, 1)
            p[name].index_add_(0, batch[field].flatten(), rows, alpha=-rule['lr'])
        for name, g in gradient.items():
            w = p[name]
            if rule['kind'] == 'adam':
                m, v = moments[0][name], moments[1][name]
                if rule['decay'] and w.dim() >= 2: w.mul_(1 - rule['lr'] * rule['decay'])
                m.lerp_(g, 0.1)
                v.mul_(rule['beta2']).addcmul_(g, g, value=1 - rule['beta2'])
                w -= rule['lr'] * (m / (1 - 0.9 ** made)) / (torch.sqrt(v / (1 - rule['beta2'] ** made)) + 1e-8)
            elif rule['momentum']:
                m = moments[0][name]
                m.mul_(rule['momentum']).add_(g + rule['decay'] * w)
                w -= rule['lr'] * m
            else:
                w -= rule['lr'] * g
        return value
    compiled = torch.compile(update, fullgraph=True)

    def step(batch):
        with torch.no_grad():
            return compiled(parameters, moments, made, batch)
    return step


def main():
    parameters, states = {}, {}
    for name, w in case.weights():
        (states if '.running_' in name else parameters)[name] = laid_out(name, w)
    fields = data()
    step = whole(parameters) if mode == 'whole' else plain(states, parameters)

    def run(rows):
        for at in torch.from_numpy(rows): loss = step(batch_of(fields, at))
        return [loss.item()]
    frame.serve(case, fields, 'torch ' + torch.__version__, run)


main()
