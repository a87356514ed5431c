#!/usr/bin/env python3
"""Writes the programs of this folder and their references from PyTorch: reference.py NNC [NAME...].

Each case is a small network described twice: as .nn text and as PyTorch. The trainer's initial weights (--epochs 0, double
precision) start both; fifty steps later the losses before each update and the final weights must agree. NAME.ref holds them as
text, so that the test (tests/unit/library_test.c) needs neither Python nor PyTorch. Needs torch and numpy; rows.csv is drawn once.
"""
import csv, json, math, pathlib, struct, subprocess, sys, tempfile
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).resolve().parent
STEPS, BATCH, ROWS = 50, 5, 12
torch.set_default_dtype(torch.float64)

DATA = '''data rows = csv("rows.csv") {
    x[4]   = columns(0 .. 3)
    label  = class(column("label"), 3)
    y[3]   = columns(5 .. 7)
    t[3]   = columns(8 .. 10)
    p[3]   = columns(11 .. 13)
    weight = column("weight")
}
'''


def draw_rows():
    """Four inputs, a class, three real targets, three 0/1 targets, three probabilities, a weight."""
    g = torch.Generator().manual_seed(1)
    with open(HERE / 'rows.csv', 'w') as f:
        f.write('x0,x1,x2,x3,label,y0,y1,y2,t0,t1,t2,p0,p1,p2,weight\n')
        for _ in range(ROWS):
            x = [round(v, 3) for v in (torch.randn(4, generator=g)).tolist()]
            label = int(torch.randint(0, 3, (1,), generator=g))
            y = [round(v, 3) for v in (2 * torch.randn(3, generator=g)).tolist()]
            t = torch.randint(0, 2, (3,), generator=g).tolist()
            a, b = sorted(round(v, 2) for v in torch.rand(2, generator=g).tolist())
            w = round(float(torch.rand(1, generator=g)) + 0.25, 2)
            f.write(','.join(map(str, [*x, label, *y, *t, a, round(b - a, 2), round(1 - b, 2), w])) + '\n')


class Rows:
    def __init__(self):
        with open(HERE / 'rows.csv') as f:
            table = [[float(v) for v in r] for r in list(csv.reader(f))[1:]]
        a = torch.tensor(table)
        self.x, self.label, self.y, self.t, self.p, self.weight = a[:, :4], a[:, 4].long(), a[:, 5:8], a[:, 8:11], a[:, 11:14], a[:, 14]

    def batch(self, step):
        per_epoch = -(-ROWS // BATCH)
        k = step % per_epoch * BATCH
        return slice(k, min(k + BATCH, ROWS))


def dense(x, w, name): return x @ w[name + '.w'] + w[name + '.b']


class Case:
    """hidden: what stands between the layers, as text and as a function of (value, weights). loss: text, function(out, rows, slice).
    optimizer: text, function(parameters) -> torch optimizer or a step function. schedule: function(optimizer) -> scheduler."""

    def __init__(self, name, loss=None, hidden=None, optimizer=None, schedule=None, per_epoch=False, extra='', steps=STEPS, after=None, layer='dense'):
        self.name, self.extra, self.steps, self.after, self.layer, self.per_epoch = name, extra, steps, after, layer, per_epoch
        self.loss = loss or ('cross_entropy(out, label)', lambda o, r, s: F.cross_entropy(o, r.label[s]))
        self.hidden = hidden or ('tanh', lambda h, w: torch.tanh(h))
        self.optimizer = optimizer or ('sgd(lr = 0.1)', lambda ps: torch.optim.SGD(ps, lr=0.1))
        self.schedule = schedule

    def text(self):
        return (f'# {self.name}.nn: written by reference.py.\n' + DATA +
                f'model net(x[batch, 4]) -> out[batch, 3] {{\n    x |> {self.layer}(8) |> {self.hidden[0]} |> {self.layer}(3)\n}}\n'
                f'train net on rows {{\n    loss      = {self.loss[0]}\n    optimizer = {self.optimizer[0]}\n'
                f'    batch     = {BATCH}\n    shuffle   = false\n    steps     = {self.steps}\n{self.extra}}}\n')

    def forward(self, x, w):
        if self.layer == 'weight_norm_dense':
            def wn(x, n):
                v = w[n + '.v']
                return x @ (v * (w[n + '.gain'] / v.norm(dim=0))) + w[n + '.b']
            return wn(self.hidden[1](wn(x, 'net.weight_norm_dense_1'), w), 'net.weight_norm_dense_2')
        p = 'net.' + self.layer.split('.')[-1]
        return dense(self.hidden[1](dense(x, w, p + '_1'), w), w, p + '_2')


def read_safetensors(path):
    raw = open(path, 'rb').read()
    n, = struct.unpack('<Q', raw[:8])
    head, out = json.loads(raw[8:8 + n]), {}
    for k, v in head.items():
        if k == '__metadata__': continue
        a, b = v['data_offsets']
        t = {'F64': torch.float64, 'F32': torch.float32, 'I32': torch.int32}[v['dtype']]
        out[k] = torch.frombuffer(bytearray(raw[8 + n + a:8 + n + b]), dtype=t).reshape(v['shape']).clone() if b > a else torch.zeros(v['shape'])
    return out


def run(case, nnc):
    source = HERE / f'{case.name}.nn'
    source.write_text(case.text())
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([nnc, 'build', str(source), '--precision', 'double', '-o', f'{tmp}/t'], check=True)
        subprocess.run([f'{tmp}/t', '--epochs', '0', '--data', str(HERE), '--out', f'{tmp}/r', '--quiet'], check=True)
        start = read_safetensors(f'{tmp}/r/weights.safetensors')
    w = {k: v.requires_grad_(True) for k, v in start.items()}
    rows, losses = Rows(), []
    opt = case.optimizer[1](list(w.values()))
    sched = case.schedule(opt) if case.schedule else None
    per_epoch = -(-ROWS // BATCH)
    for step in range(case.steps):
        s = rows.batch(step)
        opt.zero_grad()
        loss = case.loss[1](case.forward(rows.x[s], w), rows, s)
        losses.append(loss.item())
        loss.backward()
        if case.after: case.after(list(w.values()))
        opt.step()
        if sched and (not case.per_epoch or (step + 1) % per_epoch == 0): sched.step()
    with open(HERE / f'{case.name}.ref', 'w') as f:
        f.write(f'losses {len(losses)}\n' + ''.join(f'{v!r}\n' for v in losses))
        for k in sorted(w):
            v = w[k].detach().flatten().tolist()
            f.write(f'{k} {len(v)}\n' + ''.join(f'{x!r}\n' for x in v))
    print(case.name, losses[0], '->', losses[-1])


class KerasSGD:
    """Keras 3: sgd with momentum and decoupled weight decay."""
    def __init__(self, ps, lr=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.ps, self.lr, self.mu, self.nesterov, self.wd = ps, lr, momentum, nesterov, weight_decay
        self.m = [torch.zeros_like(p) for p in ps]

    def zero_grad(self):
        for p in self.ps: p.grad = None

    @torch.no_grad()
    def step(self):
        for p, m in zip(self.ps, self.m):
            p -= p * self.wd * self.lr
            m.mul_(self.mu).sub_(self.lr * p.grad)
            p += self.mu * m - self.lr * p.grad if self.nesterov else m


class KerasAdam(KerasSGD):
    def __init__(self, ps, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-7):
        super().__init__(ps, lr)
        self.b1, self.b2, self.eps, self.t = beta1, beta2, eps, 0
        self.v = [torch.zeros_like(p) for p in ps]

    @torch.no_grad()
    def step(self):
        self.t += 1
        alpha = self.lr * math.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, m, v in zip(self.ps, self.m, self.v):
            m += (p.grad - m) * (1 - self.b1)
            v += (p.grad**2 - v) * (1 - self.b2)
            p -= m * alpha / (v.sqrt() + self.eps)


class KerasRMSprop(KerasSGD):
    def __init__(self, ps, lr=1e-3, rho=0.9, momentum=0.0, eps=1e-7, centered=False):
        super().__init__(ps, lr, momentum)
        self.rho, self.eps, self.centered = rho, eps, centered
        self.v, self.a = [torch.zeros_like(p) for p in ps], [torch.zeros_like(p) for p in ps]

    @torch.no_grad()
    def step(self):
        for p, m, v, a in zip(self.ps, self.m, self.v, self.a):
            v.mul_(self.rho).add_((1 - self.rho) * p.grad**2)
            d = v + self.eps
            if self.centered:
                a.mul_(self.rho).add_((1 - self.rho) * p.grad)
                d = d - a**2
            u = self.lr * p.grad / d.sqrt()
            if self.mu > 0:
                m.mul_(self.mu).add_(u)
                u = m
            p -= u


def activation(name, text, f): return Case('activation_' + name, hidden=(text, lambda h, w: f(h)))
def loss(name, text, f): return Case('loss_' + name, loss=(text, f))
def optimizer(name, text, f, **kw): return Case('optimizer_' + name, optimizer=(text, f), **kw)


O = torch.optim
S = torch.optim.lr_scheduler
EPOCH = -(-ROWS // BATCH)
CASES = [
    activation('relu', 'relu', F.relu), activation('relu6', 'relu6', F.relu6),
    activation('leaky_relu', 'leaky_relu(slope = 0.2)', lambda h: F.leaky_relu(h, 0.2)),
    activation('elu', 'elu', F.elu), activation('selu', 'selu', F.selu), activation('celu', 'celu(alpha = 1.5)', lambda h: F.celu(h, 1.5)),
    activation('sigmoid', 'sigmoid', torch.sigmoid), activation('tanh', 'tanh', torch.tanh),
    activation('softplus', 'softplus', F.softplus), activation('log_sigmoid', 'log_sigmoid', F.logsigmoid),
    activation('softsign', 'softsign', F.softsign), activation('silu', 'silu', F.silu), activation('mish', 'mish', F.mish),
    activation('gelu', 'gelu', F.gelu), activation('gelu_tanh', 'gelu_tanh', lambda h: F.gelu(h, approximate='tanh')),
    activation('hard_sigmoid', 'hard_sigmoid', F.hardsigmoid), activation('hard_swish', 'hard_swish', F.hardswish),
    activation('hard_tanh', 'hard_tanh', F.hardtanh), activation('soft_shrink', 'soft_shrink(edge = 0.1)', lambda h: F.softshrink(h, 0.1)),
    activation('hard_shrink', 'hard_shrink(edge = 0.1)', lambda h: F.hardshrink(h, 0.1)), activation('tanh_shrink', 'tanh_shrink', F.tanhshrink),
    activation('threshold', 'threshold(0.1, 0.3)', lambda h: F.threshold(h, 0.1, 0.3)),
    activation('softmax', 'softmax', lambda h: F.softmax(h, -1)), activation('log_softmax', 'log_softmax', lambda h: F.log_softmax(h, -1)),
    activation('glu', 'glu', lambda h: F.glu(h, -1)),
    Case('layer_scale', hidden=('scale', lambda h, w: torch.tanh(h) * 0 + h * w['net.scale_1.gain'])),
    Case('layer_weight_norm_dense', layer='weight_norm_dense'),
    Case('layer_keras_dense', layer='keras.dense'),

    loss('mse', 'mse(out, y)', lambda o, r, s: F.mse_loss(o, r.y[s])),
    loss('mae', 'mae(out, y)', lambda o, r, s: F.l1_loss(o, r.y[s])),
    loss('huber', 'huber(out, y, delta = 0.7)', lambda o, r, s: F.huber_loss(o, r.y[s], delta=0.7)),
    loss('smooth_l1', 'smooth_l1(out, y, beta = 0.7)', lambda o, r, s: F.smooth_l1_loss(o, r.y[s], beta=0.7)),
    loss('log_cosh', 'log_cosh(out, y)', lambda o, r, s: torch.log(torch.cosh(o - r.y[s])).mean()),
    loss('cross_entropy', 'cross_entropy(out, label)', lambda o, r, s: F.cross_entropy(o, r.label[s])),
    loss('cross_entropy_smoothing', 'cross_entropy(out, label, smoothing = 0.1)', lambda o, r, s: F.cross_entropy(o, r.label[s], label_smoothing=0.1)),
    loss('cross_entropy_weight', 'cross_entropy(out, label, weight = weight)',
         lambda o, r, s: (F.cross_entropy(o, r.label[s], reduction='none') * r.weight[s]).sum() / r.weight[s].sum()),
    Case('loss_cross_entropy_classes', extra='    price     = [0.2, 1, 3]\n    cost[n]   = price[label[n]]\n',
         loss=('cross_entropy(out, label, weight = cost)', lambda o, r, s: F.cross_entropy(o, r.label[s], weight=torch.tensor([0.2, 1, 3])))),
    loss('binary_cross_entropy', 'binary_cross_entropy(out, t)', lambda o, r, s: F.binary_cross_entropy_with_logits(o, r.t[s])),
    loss('binary_cross_entropy_positive', 'binary_cross_entropy(out, t, positive = 3)',
         lambda o, r, s: F.binary_cross_entropy_with_logits(o, r.t[s], pos_weight=torch.tensor(3.0))),
    loss('hinge', 'hinge(out, 2 * t - 1)', lambda o, r, s: torch.clamp(1 - (2 * r.t[s] - 1) * o, min=0).mean()),
    loss('kl_divergence', 'kl_divergence(log_softmax(out), p)', lambda o, r, s: F.kl_div(F.log_softmax(o, -1), r.p[s], reduction='batchmean')),

    optimizer('sgd', 'sgd(lr = 0.1)', lambda ps: O.SGD(ps, lr=0.1)),
    optimizer('sgd_momentum', 'sgd(lr = 0.05, momentum = 0.9)', lambda ps: O.SGD(ps, lr=0.05, momentum=0.9)),
    optimizer('sgd_dampening', 'sgd(lr = 0.05, momentum = 0.9, dampening = 0.3)', lambda ps: O.SGD(ps, lr=0.05, momentum=0.9, dampening=0.3)),
    optimizer('sgd_nesterov', 'sgd(lr = 0.05, momentum = 0.9, nesterov = true)', lambda ps: O.SGD(ps, lr=0.05, momentum=0.9, nesterov=True)),
    optimizer('sgd_decay', 'sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.01)', lambda ps: O.SGD(ps, lr=0.05, momentum=0.9, weight_decay=0.01)),
    optimizer('adagrad', 'adagrad(lr = 0.1, lr_decay = 0.01, weight_decay = 0.01, initial = 0.1)',
              lambda ps: O.Adagrad(ps, lr=0.1, lr_decay=0.01, weight_decay=0.01, initial_accumulator_value=0.1)),
    optimizer('rmsprop', 'rmsprop(lr = 0.01)', lambda ps: O.RMSprop(ps, lr=0.01)),
    optimizer('rmsprop_centered', 'rmsprop(lr = 0.01, centered = true, weight_decay = 0.01)', lambda ps: O.RMSprop(ps, lr=0.01, centered=True, weight_decay=0.01)),
    optimizer('rmsprop_momentum', 'rmsprop(lr = 0.01, momentum = 0.9)', lambda ps: O.RMSprop(ps, lr=0.01, momentum=0.9)),
    optimizer('adadelta', 'adadelta(weight_decay = 0.01)', lambda ps: O.Adadelta(ps, weight_decay=0.01)),
    optimizer('adam', 'adam(0.01)', lambda ps: O.Adam(ps, lr=0.01)),
    optimizer('adam_decay', 'adam(0.01, weight_decay = 0.02)', lambda ps: O.Adam(ps, lr=0.01, weight_decay=0.02)),
    optimizer('adam_amsgrad', 'adam(0.01, beta2 = 0.9, amsgrad = true)', lambda ps: O.Adam(ps, lr=0.01, betas=(0.9, 0.9), amsgrad=True)),
    optimizer('adamw', 'adamw(0.01, weight_decay = 0.1)', lambda ps: O.AdamW(ps, lr=0.01, weight_decay=0.1)),
    optimizer('adamax', 'adamax(0.01)', lambda ps: O.Adamax(ps, lr=0.01)),
    optimizer('nadam', 'nadam(0.01)', lambda ps: O.NAdam(ps, lr=0.01)),
    optimizer('radam', 'radam(0.01)', lambda ps: O.RAdam(ps, lr=0.01)),
    optimizer('keras_sgd', 'keras.sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.01)', lambda ps: KerasSGD(ps, 0.05, 0.9, weight_decay=0.01)),
    optimizer('keras_sgd_nesterov', 'keras.sgd(lr = 0.05, momentum = 0.9, nesterov = true)', lambda ps: KerasSGD(ps, 0.05, 0.9, True)),
    optimizer('keras_adam', 'keras.adam(0.01)', lambda ps: KerasAdam(ps, 0.01)),
    optimizer('keras_rmsprop', 'keras.rmsprop(0.01, momentum = 0.9, centered = true)', lambda ps: KerasRMSprop(ps, 0.01, momentum=0.9, centered=True)),
    optimizer('clip_norm', 'sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5), extra='    clip      = norm(0.2)\n',
              after=lambda ps: torch.nn.utils.clip_grad_norm_(ps, 0.2)),
    optimizer('clip_value', 'sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5), extra='    clip      = value(0.02)\n',
              after=lambda ps: torch.nn.utils.clip_grad_value_(ps, 0.02)),
]


def schedule(name, text, make, lr=0.2, per_epoch=False):
    CASES.append(Case('schedule_' + name, optimizer=(f'sgd(lr = {text})', lambda ps: O.SGD(ps, lr=lr)), schedule=make, per_epoch=per_epoch))


def by(f): return lambda o: S.LambdaLR(o, f)


schedule('staircase', 'staircase(0.2, gamma = 0.5, every = 3 epochs)', lambda o: S.StepLR(o, 3, 0.5), per_epoch=True)
schedule('milestones', 'milestones(0.2, at = [10 steps, 30 steps], gamma = 0.1)', lambda o: S.MultiStepLR(o, [10, 30], 0.1))
schedule('exponential', 'exponential(0.2, gamma = 0.9)', lambda o: S.ExponentialLR(o, 0.9), per_epoch=True)
schedule('cosine', 'cosine(0.2, floor = 0.01)', lambda o: S.CosineAnnealingLR(o, STEPS, 0.01))
schedule('cosine_warmup', 'cosine(0.2, warmup = 10 steps)',
         by(lambda k: k / 10 if k < 10 else 0.5 * (1 + math.cos(math.pi * (k - 10) / (STEPS - 10)))))
schedule('polynomial', 'polynomial(0.2, power = 2)', lambda o: S.PolynomialLR(o, STEPS, 2.0))
schedule('linear', 'linear(0.2, floor = 0.05)', lambda o: S.LinearLR(o, 1.0, 0.25, STEPS))
schedule('inverse_time', 'inverse_time(0.2, rate = 0.5, every = 10 steps)', by(lambda k: 1 / (1 + 0.5 * k / 10)))
schedule('one_cycle', 'one_cycle(0.2)', lambda o: S.OneCycleLR(o, 0.2, STEPS, cycle_momentum=False))
schedule('warmup', '0.2 * warmup(20 steps)', by(lambda k: min(1, k / 20)))


if __name__ == '__main__':
    if not (HERE / 'rows.csv').exists(): draw_rows()
    wanted = sys.argv[2:]
    for c in CASES:
        if not wanted or c.name in wanted: run(c, sys.argv[1])
