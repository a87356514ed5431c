"""Averages of the weights against torch.optim.swa_utils, and rules of a file's own: clips, an optimizer that asks for totals."""
import copy

import torch
import torch.nn.functional as F

from engine import Case, Rows, dense, ema, swa
from formulas import Formula, ScheduleFreeAdamW

O = torch.optim


def average(name, text, make, optimizer=('sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5)), extra='', **kw):
    return Case('average_' + name, optimizer=optimizer, extra=f'    average   = {text}\n{extra}', average=make, **kw)


def last_layer(ps): return O.SGD([p for p in ps if p.shape[-1] == 3], lr=0.3)


CENTRED = '''clip centred(g[n, ..]) -> y[n, ..] {
    y[i, ..] = g[i, ..] - (mean[k] g[k, ..] if size(..) > 1 else 0)
}
'''
BY_TENSOR = 'clip by_tensor(g[..], most = 1) = g * min(1, most / (norm(g) + 1e-6))\n'
STEADY = '''clip steady(g[..], keep = 0.5) {
    state usual = 0
    size  = norm(g)
    usual = keep * usual + (1 - keep) * size if step > 1 else size
    g * min(1, usual / (size + 1e-6))
}
'''
LAMB = '''optimizer lamb_of_all(w[..], g[..], lr = 1e-2, beta1 = 0.9, beta2 = 0.999, eps = 1e-6) {
    state m[..] = 0
    state v[..] = 0
    m     = beta1 * m + (1 - beta1) * g
    v     = beta2 * v + (1 - beta2) * g^2
    u     = m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps)
    ratio = sqrt(total(sum(w^2)) / total(sum(u^2)))
    w    -= lr * ratio * u
}
'''


def centre(ps):
    for p in ps:
        if p.dim() > 1 and p[0].numel() > 1: p.grad -= p.grad.mean(dim=0, keepdim=True)


def by_tensor(ps):
    for p in ps: torch.nn.utils.clip_grad_norm_([p], 0.05)


class Steady:
    """The usual norm of each gradient is the most it may have."""

    def __init__(self, keep): self.keep, self.usual = keep, {}

    def __call__(self, ps):
        for p in ps:
            size = p.grad.norm()
            self.usual[p] = self.keep * self.usual[p] + (1 - self.keep) * size if p in self.usual else size
            p.grad *= torch.clamp(self.usual[p] / (size + 1e-6), max=1)


class LambOfAll(Formula):
    """Lamb with one ratio for all parameters."""

    def step(self):
        self.t += 1
        with torch.no_grad():
            us = []
            for p, m, v in zip(self.ps, self.m, self.v):
                m.mul_(0.9).add_(0.1 * p.grad)
                v.mul_(0.99).add_(0.01 * p.grad**2)
                us.append(m / (1 - 0.9**self.t) / ((v / (1 - 0.99**self.t)).sqrt() + 1e-3))
            ratio = (sum((p**2).sum() for p in self.ps) / sum((u**2).sum() for u in us)).sqrt()
            for p, u in zip(self.ps, us): p -= self.lr * ratio * u


class ScheduleFree:
    """The means that the optimizer keeps."""

    def __init__(self, **options): self.options = options

    def optimizer(self, ps):
        self.made = ScheduleFreeAdamW(ps, **self.options)
        return self.made

    def __call__(self, named):
        self.named = named
        return self

    def update(self): pass

    def weights(self, w):
        out = copy.copy(w)
        out.update(zip(self.named, self.made.x))
        return out


def schedule_free(name, text, optimizer, **options):
    made = ScheduleFree(**options)
    return average('schedule_free' + name, text, made, (optimizer, made.optimizer), test=25)


def scaled(r, w):
    """Two scalings of the rows, by what all of them say."""
    every = Rows.load().x
    low, high = every.min(0).values, every.max(0).values
    s, m = (r.x - every.mean(0)) / every.std(0, unbiased=False), (r.x - low) / (high - low)
    return dense(torch.tanh(dense(s + m, w, 'net.dense_1')), w, 'net.dense_2')


CASES = [
    Case('data_scaled', states=('.mean', '.deviation', '.low', '.high'), fields='    s[4]   = standardize(columns(0 .. 3))\n    m[4]   = minmax(columns(0 .. 3))\n',
         model=('net(s[batch, 4], m[batch, 4]) -> out[batch, 3] = (s + m) |> dense(8) |> tanh |> dense(3)\n', scaled)),
    average('ema', 'ema(0.9)', ema(0.9), ('adam(lr = 0.05)', lambda ps: O.Adam(ps, lr=0.05)), test=25),
    average('swa', 'swa(20 steps)', swa(20), test=25),
    average('swa_epochs', 'swa(start = 3 epochs)', swa(6), test=25),
    schedule_free('', 'schedule_free', 'schedule_free_adamw(lr = 0.02)', lr=0.02),
    schedule_free('_beta1', 'schedule_free(beta1 = 0.8)', 'schedule_free_adamw(lr = 0.02, beta1 = 0.8)', lr=0.02, beta1=0.8),
    average('accumulate', 'ema(d = 0.8)', ema(0.8), extra='    accumulate = 2\n', accumulate=2),
    average('constrain', 'ema(0.8)', ema(0.8), extra='    constrain = within\n', definitions='fn within(x) = clamp(x, -0.3, 0.4)\n',
            constrain=lambda p: p.clamp(-0.3, 0.4)),
    average('frozen', 'swa(0 steps)', swa(0), ('    minimize cross_entropy(out, label) over net.dense_2 with sgd(lr = 0.3)\n', last_layer)),
    average('batch_norm', 'ema(0.9)', ema(0.9), ('sgd(lr = 0.1)', lambda ps: O.SGD(ps, lr=0.1)), hidden=('batch_norm |> tanh', lambda h, w: torch.tanh(F.batch_norm(
        h, w['net.batch_norm_1.running_mean'], w['net.batch_norm_1.running_variance'], w['net.batch_norm_1.gain'], w['net.batch_norm_1.shift'],
        w.training, 0.1, 1e-5))), batch=4, test=40),
    average('embedding', 'ema(0.9)', ema(0.9), loss=('mse(out, y)', lambda o, r: F.mse_loss(o, r.y)), model=(
        'net(label[batch]: class) -> out[batch, 3] {\n    embedding(label, vocabulary = 3, width = 6, weights = normal(0, 0.5)) |> tanh |> dense(3)\n}\n',
        lambda r, w: dense(torch.tanh(F.embedding(r.label, w['net.embedding_1.table'])), w, 'net.dense_1'))),
    Case('clip_centred', optimizer=('sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5)), extra='    clip      = centred()\n', definitions=CENTRED, clip=centre),
    Case('clip_by_tensor', optimizer=('sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5)), extra='    clip      = by_tensor(0.05)\n', definitions=BY_TENSOR, clip=by_tensor),
    Case('clip_state', optimizer=('sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5)), extra='    clip      = steady(0.7)\n', definitions=STEADY, clip=Steady(0.7)),
    Case('optimizer_lamb_of_all', optimizer=('lamb_of_all(lr = 0.05, beta2 = 0.99, eps = 1e-3)', lambda ps: LambOfAll(ps, 0.05)), definitions=LAMB),
]
