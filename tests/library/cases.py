"""The cases: activations, losses, optimizers, schedules, initializers and examples; layers stand in layers.py, metrics in metrics.py,
functions without parameters in functions.py
and shapes.py."""
import math
import pathlib
import tempfile
import unittest.mock

import torch
import torch.nn.functional as F

import augmentation
import bfloat
import edges
import functions
import gradients
import layers
import metrics
import recurrent
import run
import shapes
import sounds
import windows
from engine import STEPS, Case, Draws, Example, Trainer, dense, order_statistics
from formulas import Ftrl, KerasAdam, KerasRMSprop, KerasSGD, Lamb, Lbfgs, Lion, ScheduleFreeAdamW, Two

O = torch.optim
S = torch.optim.lr_scheduler


def activation(name, text, f): return Case('activation_' + name, hidden=(text, lambda h, w: f(h)))
def loss(name, text, f): return Case('loss_' + name, loss=(text, f))
def optimizer(name, text, f, **kw): return Case('optimizer_' + name, optimizer=(text, f), **kw)


def over(name, matrices, rest, of_matrices, of_rest, **kw):
    return Case('optimizer_' + name, **kw, optimizer=(
        f'    minimize cross_entropy(out, label)\n        over matrices(net) with {matrices}\n        over rest          with {rest}\n',
        lambda ps: Two(ps, of_matrices, of_rest)))


class Several:
    """Optimizers side by side, each of its own parameters."""

    def __init__(self, *parts): self.parts = parts

    def zero_grad(self):
        for o in self.parts: o.zero_grad()

    def step(self):
        for o in self.parts: o.step()


def muon(nesterov):
    """PyTorch's matrices are [out, in], ours [in, out]: it is given the transposed ones, which share their memory. It rounds to
    bfloat16 inside; here it must not."""
    def make(ps):
        turned = [torch.nn.Parameter(p.detach().T) for p in ps]
        opt = O.Muon(turned, lr=0.02, weight_decay=0.05, momentum=0.9, nesterov=nesterov, eps=1e-6)
        step, zero = opt.step, opt.zero_grad

        def turned_step():
            for t, p in zip(turned, ps): t.grad = p.grad.T
            with unittest.mock.patch.object(torch.Tensor, 'bfloat16', torch.Tensor.clone): step()

        def both_zero():
            zero()
            for p in ps: p.grad = None
        opt.step, opt.zero_grad = turned_step, both_zero
        return opt
    return make


SCALED = ('scale |> tanh', lambda h, w: torch.tanh(h * w['net.scale_1.gain']))   # a parameter without dimensions

CASES = layers.CASES + bfloat.CASES + recurrent.CASES + edges.CASES + functions.CASES + augmentation.CASES + gradients.CASES + metrics.CASES + run.CASES + shapes.CASES + sounds.CASES + windows.CASES + [
    activation('relu', 'relu', F.relu), activation('relu6', 'relu6', F.relu6),
    activation('leaky_relu', 'leaky_relu(slope = 0.2)', lambda h: F.leaky_relu(h, 0.2)),
    activation('elu', 'elu(alpha = 0.7)', lambda h: F.elu(h, 0.7)), activation('selu', 'selu', F.selu), activation('celu', 'celu(alpha = 1.5)', lambda h: F.celu(h, 1.5)),
    activation('sigmoid', 'sigmoid', torch.sigmoid), activation('tanh', 'tanh', torch.tanh),
    activation('unchanged', 'unchanged', lambda h: h), activation('softplus', 'softplus', F.softplus), activation('log_sigmoid', 'log_sigmoid', F.logsigmoid),
    activation('softsign', 'softsign', F.softsign), activation('silu', 'silu', F.silu), activation('mish', 'mish', F.mish),
    activation('gelu', 'gelu', F.gelu), activation('gelu_tanh', 'gelu_tanh', lambda h: F.gelu(h, approximate='tanh')),
    activation('hard_sigmoid', 'hard_sigmoid', F.hardsigmoid), activation('hard_swish', 'hard_swish', F.hardswish),
    activation('hard_tanh', 'hard_tanh(low = -0.3, high = 0.4)', lambda h: F.hardtanh(h, -0.3, 0.4)), activation('soft_shrink', 'soft_shrink(edge = 0.1)', lambda h: F.softshrink(h, 0.1)),
    activation('hard_shrink', 'hard_shrink(edge = 0.1)', lambda h: F.hardshrink(h, 0.1)), activation('tanh_shrink', 'tanh_shrink', F.tanhshrink),
    activation('threshold', 'threshold(0.1, 0.3)', lambda h: F.threshold(h, 0.1, 0.3)),
    activation('softmax', 'softmax', lambda h: F.softmax(h, -1)), activation('log_softmax', 'log_softmax', lambda h: F.log_softmax(h, -1)),
    activation('logaddexp', 'logaddexp(0.3)', lambda h: torch.logaddexp(h, torch.tensor(0.3))),
    Case('activation_inverse', hidden=('bell', lambda h, w: 1 / (1 + h * h)), definitions='fn bell(x) = inverse(1 + square(x))\n'),
    activation('glu', 'glu', lambda h: F.glu(h, -1)),
    loss('mse', 'mse(out, y)', lambda o, r: F.mse_loss(o, r.y)),
    loss('mse_weight', 'mse(out, y, weight = p)', lambda o, r: ((o - r.y)**2 * r.p).sum() / r.p.sum()),
    loss('mae_weight', 'mae(out, y, weight = p)', lambda o, r: ((o - r.y).abs() * r.p).sum() / r.p.sum()),
    Case('loss_mape', loss=('mape(out, y)', lambda o, r: ((r.y - o) / r.y.abs().clamp(min=1e-7)).abs().mean() * 100),
         optimizer=('sgd(lr = 1e-5)', lambda ps: O.SGD(ps, lr=1e-5))),
    loss('msle', 'msle(softplus(out), p)', lambda o, r: F.mse_loss(torch.log1p(F.softplus(o)), torch.log1p(r.p))),
    loss('poisson', 'poisson(out, p)', lambda o, r: F.poisson_nll_loss(o, r.p)),
    loss('gaussian_nll', 'gaussian_nll(out, y, p + 0.1)', lambda o, r: F.gaussian_nll_loss(o, r.y, r.p + 0.1)),
    loss('gaussian_nll_eps', 'gaussian_nll(out, y, p, eps = 0.3)', lambda o, r: F.gaussian_nll_loss(o, r.y, r.p, eps=0.3)),
    Case('loss_ignored', batch=1, extra='    clip      = norm(0.5)\n    kept[n]   = 0 if label[n] == 2 else 1\n',
         loss=('cross_entropy(out, label, weight = kept)', lambda o, r: edges.weighted(F.cross_entropy(o, r.label, reduction='none'), (r.label != 2).double())),
         optimizer=('adam(lr = 0.05)', lambda ps: O.Adam(ps, lr=0.05)), clip=lambda ps: torch.nn.utils.clip_grad_norm_(ps, 0.5)),
    loss('quantile', 'quantile(out, y, 0.3)', lambda o, r: torch.where(r.y > o, 0.3 * (r.y - o), 0.7 * (o - r.y)).mean()),
    loss('average', 'average((out - y)^2, weight = p)', lambda o, r: F.mse_loss(o, r.y, weight=r.p)),
    loss('mae', 'mae(out, y)', lambda o, r: F.l1_loss(o, r.y)),
    loss('huber', 'huber(out, y, delta = 0.7)', lambda o, r: F.huber_loss(o, r.y, delta=0.7)),
    loss('smooth_l1', 'smooth_l1(out, y, beta = 0.7)', lambda o, r: F.smooth_l1_loss(o, r.y, beta=0.7)),
    loss('log_cosh', 'log_cosh(out, y)', lambda o, r: torch.log(torch.cosh(o - r.y)).mean()),
    loss('cross_entropy', 'cross_entropy(out, label)', lambda o, r: F.cross_entropy(o, r.label)),
    loss('cross_entropy_smoothing', 'cross_entropy(out, label, smoothing = 0.1)', lambda o, r: F.cross_entropy(o, r.label, label_smoothing=0.1)),
    loss('cross_entropy_weight', 'cross_entropy(out, label, weight = weight)',
         lambda o, r: (F.cross_entropy(o, r.label, reduction='none') * r.weight).sum() / r.weight.sum()),
    Case('loss_cross_entropy_classes', extra='    price     = [0.2, 1, 3]\n    cost[n]   = price[label[n]]\n',
         loss=('cross_entropy(out, label, weight = cost)', lambda o, r: F.cross_entropy(o, r.label, weight=torch.tensor([0.2, 1, 3])))),
    loss('binary_cross_entropy', 'binary_cross_entropy(out, t)', lambda o, r: F.binary_cross_entropy_with_logits(o, r.t)),
    loss('binary_cross_entropy_positive', 'binary_cross_entropy(out, t, positive = 3)',
         lambda o, r: F.binary_cross_entropy_with_logits(o, r.t, pos_weight=torch.tensor(3.0))),
    loss('hinge', 'hinge(out, 2 * t - 1)', lambda o, r: torch.clamp(1 - (2 * r.t - 1) * o, min=0).mean()),
    loss('kl_divergence', 'kl_divergence(log_softmax(out), p)', lambda o, r: F.kl_div(F.log_softmax(o, -1), r.p, reduction='batchmean')),
    loss('soft_cross_entropy', 'soft_cross_entropy(out, p)', lambda o, r: F.cross_entropy(o, r.p)),
    loss('focal', 'focal(out, label, gamma = 1.5)',
         lambda o, r: ((1 - F.softmax(o, -1).gather(1, r.label[:, None])[:, 0])**1.5 * F.cross_entropy(o, r.label, reduction='none')).mean()),
    loss('focal_weight', 'focal(out, label, weight = weight)', lambda o, r: (
        (1 - F.softmax(o, -1).gather(1, r.label[:, None])[:, 0])**2 * F.cross_entropy(o, r.label, reduction='none') * r.weight).sum() / r.weight.sum()),
    loss('binary_cross_entropy_weight', 'binary_cross_entropy(out, t, weight = p)',
         lambda o, r: F.binary_cross_entropy_with_logits(o, r.t, weight=r.p, reduction='sum') / r.p.sum()),
    loss('kl_normal', 'kl_normal(out, y)', lambda o, r: torch.distributions.kl_divergence(
        torch.distributions.Normal(o, (r.y / 2).exp()), torch.distributions.Normal(torch.zeros(3), torch.ones(3))).sum(1).mean()),
    loss('squared_hinge', 'squared_hinge(out, 2 * t - 1)', lambda o, r: (torch.clamp(1 - (2 * r.t - 1) * o, min=0)**2).mean()),
    loss('multi_margin', 'multi_margin(out, label, margin = 0.6)', lambda o, r: F.multi_margin_loss(o, r.label, margin=0.6)),
    loss('cosine_distance', 'cosine_distance(out, y)', lambda o, r: (1 - F.cosine_similarity(o, r.y)).mean()),
    loss('distance', 'mean(distance(out, y))', lambda o, r: ((o - r.y).square().sum(1) + 1e-12).sqrt().mean()),
    loss('triplet', 'triplet(out, t, y, margin = 1.5)', lambda o, r: F.relu((o - r.t).norm(dim=1) - (o - r.y).norm(dim=1) + 1.5).mean()),
    loss('contrastive', 'contrastive(out, y, t[:, 0], margin = 4)', lambda o, r: (
        r.t[:, 0] * (o - r.y).square().sum(1) + (1 - r.t[:, 0]) * F.relu(4 - (o - r.y).norm(dim=1))**2).mean()),
    loss('dice', 'dice(sigmoid(out), t, smooth = 0.5)', lambda o, r: (1 - (2 * (o.sigmoid() * r.t).sum(1) + 0.5)
         / (o.sigmoid().sum(1) + r.t.sum(1) + 0.5)).mean()),

    optimizer('sgd', 'sgd(lr = 0.1)', lambda ps: O.SGD(ps, lr=0.1)),
    optimizer('sgd_momentum', 'sgd(lr = 0.05, momentum = 0.9)', lambda ps: O.SGD(ps, lr=0.05, momentum=0.9)),
    optimizer('sgd_dampening', 'sgd(lr = 0.05, momentum = 0.9, dampening = 0.3)', lambda ps: O.SGD(ps, lr=0.05, momentum=0.9, dampening=0.3)),
    optimizer('sgd_nesterov', 'sgd(lr = 0.05, momentum = 0.9, nesterov = true)', lambda ps: O.SGD(ps, lr=0.05, momentum=0.9, nesterov=True)),
    optimizer('sgd_decay', 'sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.01)', lambda ps: O.SGD(ps, lr=0.05, momentum=0.9, weight_decay=0.01)),
    optimizer('adagrad_plain', 'adagrad', lambda ps: O.Adagrad(ps)),
    optimizer('adagrad', 'adagrad(lr = 0.1, lr_decay = 0.01, weight_decay = 0.01, initial = 0.1, eps = 1e-3)',
              lambda ps: O.Adagrad(ps, lr=0.1, lr_decay=0.01, weight_decay=0.01, initial_accumulator_value=0.1, eps=1e-3)),
    optimizer('rmsprop', 'rmsprop', lambda ps: O.RMSprop(ps)),
    optimizer('rmsprop_options', 'rmsprop(lr = 0.01, alpha = 0.9, eps = 1e-2)', lambda ps: O.RMSprop(ps, lr=0.01, alpha=0.9, eps=1e-2)),
    optimizer('rmsprop_centered', 'rmsprop(lr = 0.01, centered = true, weight_decay = 0.01)', lambda ps: O.RMSprop(ps, lr=0.01, centered=True, weight_decay=0.01)),
    optimizer('rmsprop_momentum', 'rmsprop(lr = 0.01, momentum = 0.9)', lambda ps: O.RMSprop(ps, lr=0.01, momentum=0.9)),
    optimizer('rmsprop_both', 'rmsprop(lr = 0.003, momentum = 0.8, centered = true)', lambda ps: O.RMSprop(ps, lr=0.003, momentum=0.8, centered=True)),
    optimizer('adadelta', 'adadelta', lambda ps: O.Adadelta(ps)),
    optimizer('adadelta_options', 'adadelta(lr = 0.5, rho = 0.8, eps = 1e-4, weight_decay = 0.01)',
              lambda ps: O.Adadelta(ps, lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.01)),
    optimizer('adam', 'adam(0.01)', lambda ps: O.Adam(ps, lr=0.01)),
    optimizer('adam_decay', 'adam(0.01, weight_decay = 0.02)', lambda ps: O.Adam(ps, lr=0.01, weight_decay=0.02)),
    optimizer('adam_amsgrad', 'adam(0.01, beta1 = 0.8, beta2 = 0.9, eps = 1e-2, amsgrad = true)',
              lambda ps: O.Adam(ps, lr=0.01, betas=(0.8, 0.9), eps=1e-2, amsgrad=True)),
    optimizer('adamw', 'adamw(0.01)', lambda ps: O.AdamW(ps, lr=0.01)),
    optimizer('adamw_options', 'adamw(lr = 0.01, beta1 = 0.8, beta2 = 0.9, eps = 1e-2, weight_decay = 0.1)',
              lambda ps: O.AdamW(ps, lr=0.01, betas=(0.8, 0.9), eps=1e-2, weight_decay=0.1)),
    optimizer('adamax', 'adamax', lambda ps: O.Adamax(ps)),
    optimizer('adamax_options', 'adamax(lr = 0.01, beta1 = 0.8, beta2 = 0.9, eps = 1e-2, weight_decay = 0.01)',
              lambda ps: O.Adamax(ps, lr=0.01, betas=(0.8, 0.9), eps=1e-2, weight_decay=0.01)),
    optimizer('nadam', 'nadam', lambda ps: O.NAdam(ps)),
    optimizer('nadam_options', 'nadam(lr = 0.01, beta1 = 0.8, beta2 = 0.9, eps = 1e-2, weight_decay = 0.01, momentum_decay = 0.1)',
              lambda ps: O.NAdam(ps, lr=0.01, betas=(0.8, 0.9), eps=1e-2, weight_decay=0.01, momentum_decay=0.1)),
    optimizer('radam', 'radam', lambda ps: O.RAdam(ps)),
    optimizer('radam_options', 'radam(lr = 0.01, beta1 = 0.8, beta2 = 0.9, eps = 1e-2, weight_decay = 0.01)',
              lambda ps: O.RAdam(ps, lr=0.01, betas=(0.8, 0.9), eps=1e-2, weight_decay=0.01)),
    optimizer('rprop', 'rprop(lr = 0.02, shrink = 0.4, grow = 1.3, smallest = 1e-3, largest = 0.1)',
              lambda ps: O.Rprop(ps, lr=0.02, etas=(0.4, 1.3), step_sizes=(1e-3, 0.1))),
    optimizer('asgd', 'asgd(lr = 0.1, lambda = 0.01, alpha = 0.6, start = 10, weight_decay = 0.01)',
              lambda ps: O.ASGD(ps, lr=0.1, lambd=0.01, alpha=0.6, t0=10, weight_decay=0.01)),
    optimizer('lion', 'lion(lr = 0.003, beta1 = 0.8, beta2 = 0.9, weight_decay = 0.1)', lambda ps: Lion(ps, 0.003, 0.8, 0.9, 0.1)),
    optimizer('lamb', 'lamb(lr = 0.01, beta1 = 0.8, beta2 = 0.9, eps = 1e-3, weight_decay = 0.1)', lambda ps: Lamb(ps, 0.01, 0.8, 0.9, 1e-3, 0.1)),
    optimizer('lbfgs', 'lbfgs(lr = 0.05, memory = 2)', lambda ps: Lbfgs(ps, 0.05, 2), batch=12, loss=('mse(out, y)', lambda o, r: F.mse_loss(o, r.y)),
              model=('net(x[batch, 4]) -> out[batch, 3] = x |> dense(3)\n', lambda r, w: dense(r.x, w, 'net.dense_1'))),
    optimizer('ftrl', 'ftrl(lr = 0.05)', lambda ps: Ftrl(ps, 0.05)),
    optimizer('ftrl_options', 'ftrl(lr = 0.05, power = -0.6, initial = 0.2, l1 = 0.02, l2 = 0.01, shrinkage = 0.03, beta = 0.1)',
              lambda ps: Ftrl(ps, 0.05, -0.6, 0.2, 0.02, 0.01, 0.03, 0.1)),
    optimizer('schedule_free_adamw', 'schedule_free_adamw', ScheduleFreeAdamW),
    optimizer('schedule_free_adamw_options', 'schedule_free_adamw(lr = 0.02, beta1 = 0.8, beta2 = 0.9, eps = 1e-2, weight_decay = 0.1)',
              lambda ps: ScheduleFreeAdamW(ps, 0.02, 0.8, 0.9, 1e-2, 0.1)),
    optimizer('rprop_milestones', 'rprop(lr = milestones(0.05, at = [1_000 steps, 2_000 steps]))', lambda ps: O.Rprop(ps, lr=0.05)),
    *(Case(f'optimizer_{name}_scalar', hidden=SCALED, optimizer=(text, f)) for name, text, f in [
        ('lamb', 'lamb(lr = 0.01)', lambda ps: Lamb(ps, 0.01, 0.9, 0.999, 1e-6, 0.01)), ('nadam', 'nadam(lr = 0.01)', lambda ps: O.NAdam(ps, lr=0.01)),
        ('adam', 'adam(lr = 0.01)', lambda ps: O.Adam(ps, lr=0.01))]),
    over('adafactor_scalar', 'adafactor', 'adafactor_vector', O.Adafactor, O.Adafactor, hidden=SCALED),
    over('adafactor', 'adafactor(lr = 0.02, decay = -0.7, eps = 1e-2, tiny = 1e-6, d = 1.5, weight_decay = 0.01)',
         'adafactor_vector(lr = 0.02, decay = -0.7, eps = 1e-2, tiny = 1e-6, d = 1.5, weight_decay = 0.01)',
         *[lambda ps: O.Adafactor(ps, lr=0.02, beta2_decay=-0.7, eps=(1e-6, 1e-2), d=1.5, weight_decay=0.01)] * 2),
    over('muon', 'muon(lr = 0.02, weight_decay = 0.05, momentum = 0.9, nesterov = false, eps = 1e-6)', 'sgd(lr = 0.1)', muon(False), lambda ps: O.SGD(ps, lr=0.1)),
    over('muon_nesterov', 'muon(lr = 0.02, weight_decay = 0.05, momentum = 0.9, nesterov = true, eps = 1e-6)', 'sgd(lr = 0.1)', muon(True),
         lambda ps: O.SGD(ps, lr=0.1)),
    optimizer('keras_sgd_plain', 'keras.sgd', lambda ps: KerasSGD(ps)),
    optimizer('keras_sgd', 'keras.sgd(lr = 0.05, momentum = 0.9, weight_decay = 0.01)', lambda ps: KerasSGD(ps, 0.05, 0.9, weight_decay=0.01)),
    optimizer('keras_sgd_nesterov', 'keras.sgd(lr = 0.05, momentum = 0.9, nesterov = true)', lambda ps: KerasSGD(ps, 0.05, 0.9, True)),
    optimizer('keras_adam', 'keras.adam', lambda ps: KerasAdam(ps)),
    optimizer('keras_adam_options', 'keras.adam(lr = 0.01, beta1 = 0.8, beta2 = 0.9, eps = 1e-2, weight_decay = 0.1)',
              lambda ps: KerasAdam(ps, 0.01, 0.8, 0.9, 1e-2, 0.1)),
    optimizer('keras_rmsprop_plain', 'keras.rmsprop', lambda ps: KerasRMSprop(ps)),
    optimizer('keras_rmsprop_options', 'keras.rmsprop(lr = 0.01, rho = 0.8, eps = 1e-2)', lambda ps: KerasRMSprop(ps, 0.01, 0.8, eps=1e-2)),
    optimizer('keras_rmsprop', 'keras.rmsprop(0.01, momentum = 0.9, centered = true)', lambda ps: KerasRMSprop(ps, 0.01, momentum=0.9, centered=True)),
    optimizer('clip_norm', 'sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5), extra='    clip      = norm(0.2)\n',
              clip=lambda ps: torch.nn.utils.clip_grad_norm_(ps, 0.2)),
    over('clip_over', 'sgd(lr = 0.5)', 'adam(0.01)', lambda ps: O.SGD(ps, lr=0.5), lambda ps: O.Adam(ps, lr=0.01), extra='    clip      = norm(0.2)\n',
         clip=lambda ps: torch.nn.utils.clip_grad_norm_(ps, 0.2)),
    optimizer('clip_value', 'sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5), extra='    clip      = value(0.02)\n',
              clip=lambda ps: torch.nn.utils.clip_grad_value_(ps, 0.02)),
    optimizer('accumulate', 'sgd(lr = 0.3, momentum = 0.5)', lambda ps: O.SGD(ps, lr=0.3, momentum=0.5), extra='    accumulate = 2\n', accumulate=2),
    optimizer('accumulate_weight', 'sgd(lr = 0.3, momentum = 0.5)', lambda ps: O.SGD(ps, lr=0.3, momentum=0.5), extra='    accumulate = 3\n', accumulate=3, at_once=True, batch=5,
              loss=('cross_entropy(out, label, weight = weight)', lambda o, r: (F.cross_entropy(o, r.label, reduction='none') * r.weight).sum() / r.weight.sum())),
    optimizer('accumulate_clip', 'adam(lr = 0.03)', lambda ps: O.Adam(ps, lr=0.03), extra='    accumulate = 2\n    clip       = norm(0.1)\n', accumulate=2,
              clip=lambda ps: torch.nn.utils.clip_grad_norm_(ps, 0.1)),
    optimizer('constrain', 'sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5), extra='    constrain = within\n',
              definitions='fn within(x) = clamp(x, -0.3, 0.4)\n', constrain=lambda p: p.clamp(-0.3, 0.4)),
    optimizer('constrain_over', 'sgd(lr = 0.5)', lambda ps: O.SGD(ps, lr=0.5), extra='    constrain = shorter over [kernels(net.dense_2), net.dense_1.b]\n',
              definitions='fn shorter(w[..]) = w * min(1, 0.5 / norm(w))\n', constrain=lambda p: p * min(1, 0.5 / p.norm()),
              constrained=lambda name: name in ('net.dense_2.w', 'net.dense_1.b')),
    optimizer('over_paths', """    minimize cross_entropy(out, label)
        over [net.dense_2.w, net.dense_1.b] with sgd(lr = 0.3)
        over kernels(net.*)                 with adam(lr = 0.01)
        over net.*.b                        with sgd(lr = 0.1, momentum = 0.5)
""", lambda ps: Several(O.SGD([p for p in ps if p.shape in ((8, 3), (8,))], lr=0.3), O.Adam([p for p in ps if p.shape == (4, 8)], lr=0.01),
                        O.SGD([p for p in ps if p.shape == (3,)], lr=0.1, momentum=0.5))),
]


class Once:
    """Of a plateau scheduler, the first reduction only."""

    def __init__(self, optimizer, scheduler): self.optimizer, self.scheduler, self.first = optimizer, scheduler, optimizer.param_groups[0]['lr']

    def step(self, value):
        if self.optimizer.param_groups[0]['lr'] == self.first: self.scheduler.step(value)


class Looks:
    """A rate that is chosen anew at each epoch's end: choose(loss, gradients' norm, loss an epoch ago)."""

    def __init__(self, optimizer, first, choose):
        self.group, self.choose, self.before = optimizer.param_groups[0], choose, math.inf
        self.group['lr'] = first

    def step(self, value):
        norm = sum((p.grad**2).sum().item() for p in self.group['params'])**0.5
        self.group['lr'] = self.choose(value, norm, self.before)
        self.before = value


def schedule(name, text, make, lr=0.2, pace='step', **kw):
    CASES.append(Case('schedule_' + name, optimizer=(f'sgd(lr = {text})', lambda ps: O.SGD(ps, lr=lr)), schedule=make, pace=pace, **kw))


def by(f): return lambda o: S.LambdaLR(o, f)


schedule('staircase', 'staircase(0.2, gamma = 0.5, every = 3 epochs)', lambda o: S.StepLR(o, 3, 0.5), pace='epoch')
schedule('milestones', 'milestones(0.2, at = [10 steps, 30 steps], gamma = 0.1)', lambda o: S.MultiStepLR(o, [10, 30], 0.1))
schedule('exponential', 'exponential(0.2, gamma = 0.9)', lambda o: S.ExponentialLR(o, 0.9), pace='epoch')
schedule('cosine', 'cosine(0.2, floor = 0.01)', lambda o: S.CosineAnnealingLR(o, STEPS, 0.01))
schedule('cosine_warmup', 'cosine(0.2, warmup = 10 steps)',
         by(lambda k: k / 10 if k < 10 else 0.5 * (1 + math.cos(math.pi * (k - 10) / (STEPS - 10)))))
schedule('polynomial', 'polynomial(0.2, power = 2)', lambda o: S.PolynomialLR(o, STEPS, 2.0))
schedule('linear', 'linear(0.2, floor = 0.05)', lambda o: S.LinearLR(o, 1.0, 0.25, STEPS))
schedule('inverse_time', 'inverse_time(0.2, rate = 0.5, every = 10 steps)', by(lambda k: 1 / (1 + 0.5 * k / 10)))
schedule('one_cycle', 'one_cycle(0.2)', lambda o: S.OneCycleLR(o, 0.2, STEPS, cycle_momentum=False))
schedule('warmup', '0.2 * warmup(20 steps)', by(lambda k: min(1, k / 20)))
schedule('cosine_restarts', 'cosine_restarts(0.2, floor = 0.01, every = 12 steps)', lambda o: S.CosineAnnealingWarmRestarts(o, 12, eta_min=0.01))
schedule('cosine_restarts_grow', 'cosine_restarts(0.2, floor = 0.01, every = 6 steps, grow = 2)',
         lambda o: S.CosineAnnealingWarmRestarts(o, 6, T_mult=2, eta_min=0.01))


def restarts(k):
    """Keras's CosineDecayRestarts(first_decay_steps=7, t_mul=1.5, m_mul=0.6, alpha=0.05)."""
    height, length = 1.0, 7.0
    while k >= length - 1e-9: k, length, height = k - length, length * 1.5, height * 0.6
    return 0.05 + 0.95 * height * (1 + math.cos(math.pi * k / length)) / 2


schedule('cosine_restarts_keep', 'cosine_restarts(0.2, floor = 0.01, every = 7 steps, grow = 1.5, keep = 0.6)', by(restarts))
schedule('cyclic_keep', 'cyclic(0.05, 0.3, up = 7 steps, down = 5 steps, keep = 0.5)',
         lambda o: S.CyclicLR(o, 0.05, 0.3, step_size_up=7, step_size_down=5, mode='triangular2', cycle_momentum=False))
schedule('cyclic_gamma', 'cyclic(0.05, 0.3, up = 7 steps, down = 5 steps, gamma = 0.98)',
         lambda o: S.CyclicLR(o, 0.05, 0.3, step_size_up=7, step_size_down=5, mode='exp_range', gamma=0.98, cycle_momentum=False))
schedule('cosine_floor', 'cosine(0.2, floor = 0.01, warmup = 3 epochs)',
         by(lambda k: k / 9 if k < 9 else 0.05 + 0.475 * (1 + math.cos(math.pi * (k - 9) / (STEPS - 9)))))
schedule('polynomial_floor', 'polynomial(0.2, floor = 0.02, power = 1.5)', by(lambda k: 0.1 + 0.9 * (1 - k / STEPS)**1.5))
schedule('linear_length', 'linear(0.2, floor = 0.05, length = 20 steps)', lambda o: S.LinearLR(o, 1.0, 0.25, 20))
schedule('exponential_steps', 'exponential(0.2, gamma = 0.8, every = 7 steps)', lambda o: S.StepLR(o, 7, 0.8))
schedule('milestones_epochs', 'milestones(0.2, at = [3 epochs, 10 epochs], gamma = 0.3)', lambda o: S.MultiStepLR(o, [3, 10], 0.3), pace='epoch')
schedule('cyclic', 'cyclic(0.05, 0.3, up = 7 steps, down = 5 steps)',
         lambda o: S.CyclicLR(o, 0.05, 0.3, step_size_up=7, step_size_down=5, cycle_momentum=False))
schedule('one_cycle_options', 'one_cycle(0.2, rise = 40%, div = 10, final = 100)',
         lambda o: S.OneCycleLR(o, 0.2, STEPS, pct_start=0.4, div_factor=10, final_div_factor=100, cycle_momentum=False))
schedule('inverse_sqrt', 'inverse_sqrt(0.2, length = 10 steps)', by(lambda k: min(k / 10, math.sqrt(10 / k)) if k else 0))
schedule('warmup_stable_decay', 'warmup_stable_decay(0.2, warmup = 8 steps, decay = 30%)',
         by(lambda k: k / 8 if k < 8 else (STEPS - k) / (0.3 * STEPS) if k > 0.7 * STEPS else 1))
schedule('warmup_length', '0.2 * warmup(length = 2 epochs)', by(lambda k: min(1, k / 6)))
schedule('constant', '0.2', by(lambda k: 1))
schedule('reduce_on_plateau', 'reduce_on_plateau(3, loss, factor = 0.5, patience = 1 epochs)',
         lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=1), lr=3, pace='loss')
schedule('plateau', '3 if not plateau(loss, patience = 2 epochs) else 0.1',
         lambda o: Once(o, S.ReduceLROnPlateau(o, factor=1 / 30, patience=2)), lr=3, pace='loss')
schedule('change', '0.1 if change(loss) < 0.05 else 0.4', lambda o: Looks(o, 0.4, lambda v, _, before: 0.1 if abs(v - before) < 0.05 else 0.4), pace='loss')
schedule('gradient_norm', '0.1 if gradient_norm < 0.5 else 0.4', lambda o: Looks(o, 0.4, lambda _, norm, __: 0.1 if norm < 0.5 else 0.4), pace='loss')


# initial values: the order statistics of PyTorch's draws of the same layer
N, M = 400, 250
KEPT = 0.87962566103423978      # the deviation of a unit normal cut off at 2
I = torch.nn.init


def cut(w, deviation): return I.trunc_normal_(w, std=deviation / KEPT, a=-2 * deviation / KEPT, b=2 * deviation / KEPT)
def lecun(w): return cut(w, N**-0.5)


INITIAL = [   # text, PyTorch's, is it bounded
    ('glorot_uniform', I.xavier_uniform_, 1), ('glorot_uniform(gain = 2)', lambda w: I.xavier_uniform_(w, 2), 1),
    ('glorot_normal', I.xavier_normal_, 0), ('glorot_normal(gain = 3)', lambda w: I.xavier_normal_(w, 3), 0),
    ('he_uniform', lambda w: I.kaiming_uniform_(w, nonlinearity='relu'), 1), ('he_normal', lambda w: I.kaiming_normal_(w, nonlinearity='relu'), 0),
    ('lecun_uniform', lambda w: I.kaiming_uniform_(w, nonlinearity='linear'), 1), ('lecun_normal', lecun, 1),
    ('torch_uniform', lambda w: I.kaiming_uniform_(w, a=math.sqrt(5)), 1), ('orthogonal', I.orthogonal_, 0),
    ('variance_scaling', lambda w: cut(w, N**-0.5), 1), ('variance_scaling(scale = 2, from_in = 0.5)', lambda w: cut(w, (4 / (N + M))**0.5), 1),
    ('sparse', lambda w: I.sparse_(w, 0.1), 0), ('sparse(share = 0.3, deviation = 0.5)', lambda w: I.sparse_(w, 0.3, 0.5), 0),
    ('zeros', I.zeros_, 1), ('ones', I.ones_, 1), ('constant(0.3)', lambda w: I.constant_(w, 0.3), 1),
    ('truncated_normal(0.5, 0.2)', lambda w: I.trunc_normal_(w, 0.5, 0.2, 0.1, 0.9), 1), ('normal(0.1, 0.5)', lambda w: I.normal_(w, 0.1, 0.5), 0),
    ('uniform(-2, 1)', lambda w: I.uniform_(w, -2, 1), 1),
]


def initial_program(fields, signature, body, loss):
    return (f'data rows = synthetic(1) {{\n{fields}}}\nmodel net({signature}) -> e {{\n{body}}}\n'
            f'train net on rows {{\n    loss      = {loss}\n    optimizer = sgd(lr = 0)\n    steps     = 1\n}}\n')


def spread(name, make, bounded):
    """Blocks of one tensor's distribution; `make` fills it once for both."""
    kept = []

    def values():
        if not kept: kept.append(make().detach())
        return kept[0]
    blocks = [('sorted.' + name, lambda: order_statistics(values()))]
    return blocks + ([('range.' + name, lambda: torch.stack([values().min(), values().max()]))] if bounded else [])


body, blocks = '', []
for k, (text, fill, bounded) in enumerate(INITIAL, 1):
    body += f'    a_{k} = sum(dense(x, {M}, weights = {text}))\n'
    blocks += spread(f'net.dense_{k}.w', lambda fill=fill: fill(torch.empty(M, N)), bounded)   # PyTorch's are [out, in]
body += '    e = ' + ' + '.join(f'a_{k}' for k in range(1, len(INITIAL) + 1)) + '\n'
CASES.append(Draws('initial_values', initial_program(f'    x[{N}] = uniform(0, 1)\n', f'x[batch, {N}]', body, 'e'), blocks, 0.015))

body = """    a_1 = sum(dense(reshape(x, batch, 20 * 20 * 20), 100))
    a_2 = sum(conv2d(x, 200, kernel = 5))
    a_3 = sum(conv1d(reshape(x, batch, 40, 200), 200, kernel = 5))
    a_4 = sum(keras.dense(reshape(x, batch, 20, 400), 400))
    a_5 = sum(embedding(k, vocabulary = 8000, width = 20))
    e = a_1 + a_2 + a_3 + a_4 + a_5
"""
T = torch.nn
blocks = [b for name, make, bounded in [
    ('net.dense_1.w', lambda: T.Linear(8000, 100).weight, 1),
    ('net.conv2d_1.k', lambda: T.Conv2d(20, 200, 5).weight, 1), ('net.conv1d_1.k', lambda: T.Conv1d(200, 200, 5).weight, 1),
    ('net.dense_2.w', lambda: I.xavier_uniform_(torch.empty(400, 400)), 1), ('net.dense_2.b', lambda: torch.zeros(400), 1),
    ('net.embedding_1.table', lambda: T.Embedding(8000, 20).weight, 0)] for b in spread(name, make, bounded)]
CASES.append(Draws('initial_layers', initial_program('    x[20, 20, 20] = uniform(0, 1)\n    k = int(integer(0, 7999), 8000)\n', 'x[batch, 20, 20, 20], k[batch]: int',
                                                     body, 'e'), blocks, 0.015))

body = """    image = reshape(x, batch, 4, 4, 4)
    few   = reshape(x, batch, 4, 16)
    many  = reshape(w, batch, 2, 2, 2000)
    eight = reshape(x, batch, 8, 8)
    words = reshape(x, batch, 1, 64)
    short = reshape(x, batch, 2, 32)
    e = sum(dense(x, 2000)) + sum(conv2d(image, 2000)) + sum(conv1d(few, 2000)) + sum(conv2d(image, 1000, groups = 2))
            + sum(depthwise_conv2d(many)) + sum(transposed_conv2d(image, 2000)) + sum(bilinear(eight, eight, 2000)) + sum(dense(x, 100, bias = false, through = spectral_norm))
            + sum(dense(x, 2000, through = weight_norm)) + sum(multi_head_attention(words, 4)) + sum(attention(words, short, 4)) + sum(prelu(x))
            + sum(layer_norm(x)) + sum(rms_norm(x)) + sum(group_norm(many, 4)) + sum(batch_norm(x)) + sum(positions(k, 4000))
"""


def parts(make, *names): return [(name, lambda f=f: f(make()), kind) for name, f, kind in names]


ATTENTION, CROSS = 'net.multi_head_attention_1.attention_1.', 'net.attention_1.'
blocks = [b for name, make, bounded in [
    *parts(lambda: T.Linear(64, 2000), ('net.dense_1.w', lambda m: m.weight, 1), ('net.dense_1.b', lambda m: m.bias, 1)),
    *parts(lambda: T.Conv2d(4, 2000, 3), ('net.conv2d_1.k', lambda m: m.weight, 1), ('net.conv2d_1.shift', lambda m: m.bias, 1)),
    *parts(lambda: T.Conv1d(16, 2000, 3), ('net.conv1d_1.k', lambda m: m.weight, 1), ('net.conv1d_1.shift', lambda m: m.bias, 1)),
    *parts(lambda: T.Conv2d(4, 1000, 3, groups=2), ('net.conv2d_2.k', lambda m: m.weight, 1)),
    *parts(lambda: T.Conv2d(2000, 2000, 3, groups=2000), ('net.depthwise_conv2d_1.k', lambda m: m.weight, 1), ('net.depthwise_conv2d_1.shift', lambda m: m.bias, 1)),
    *parts(lambda: T.ConvTranspose2d(4, 2000, 2), ('net.transposed_conv2d_1.k', lambda m: m.weight, 1), ('net.transposed_conv2d_1.shift', lambda m: m.bias, 1)),
    *parts(lambda: T.Bilinear(8, 8, 2000), ('net.bilinear_1.w', lambda m: m.weight, 1), ('net.bilinear_1.b', lambda m: m.bias, 1)),
    *parts(lambda: T.utils.parametrizations.weight_norm(T.Linear(64, 2000)), ('net.dense_3.w', lambda m: m.parametrizations.weight.original1, 1),
           ('net.weight_norm_1.gain', lambda m: m.parametrizations.weight.original0, 0), ('net.dense_3.b', lambda m: m.bias, 1)),
    *parts(lambda: T.utils.parametrizations.spectral_norm(T.Linear(64, 100, bias=False)), ('net.dense_2.w', lambda m: m.parametrizations.weight.original, 1)),
    *parts(lambda: T.MultiheadAttention(64, 4), *((f'{ATTENTION}w{c}', lambda m, k=k: m.in_proj_weight.chunk(3)[k], 1) for k, c in enumerate('qkv')),
           (f'{ATTENTION}wo', lambda m: m.out_proj.weight, 1), *((f'{ATTENTION}b{c}', lambda m, k=k: m.in_proj_bias.chunk(3)[k], 1) for k, c in enumerate('qkv')),
           (f'{ATTENTION}bo', lambda m: m.out_proj.bias, 1)),
    *parts(lambda: T.MultiheadAttention(64, 4, kdim=32, vdim=32), *((f'{CROSS}w{c}', lambda m, c=c: getattr(m, c + '_proj_weight'), 1) for c in 'qkv'),
           (f'{CROSS}wo', lambda m: m.out_proj.weight, 1)),
    *parts(lambda: T.PReLU(64), ('net.prelu_1.a', lambda m: m.weight, 1)), *parts(lambda: T.RMSNorm(64), ('net.rms_norm_1.gain', lambda m: m.weight, 1)),
    *(part for name, make in [('layer_norm', lambda: T.LayerNorm(64)), ('group_norm', lambda: T.GroupNorm(4, 2000)), ('batch_norm', lambda: T.BatchNorm1d(64))]
      for part in parts(make, (f'net.{name}_1.gain', lambda m: m.weight, 1), (f'net.{name}_1.shift', lambda m: m.bias, 1))),
] for b in spread(name, make, bounded)]
CASES.append(Draws('initial_everywhere', initial_program('    x[64] = uniform(0, 1)\n    w[8000] = uniform(0, 1)\n    k[1] = int(integer(0, 1), 2)\n',
                                                         'x[batch, 64], w[batch, 8000], k[batch, 1]: int', body, 'e'), blocks, 0.12))


class Reads(Draws):
    """Initial values that are made of others: computed from those that the trainer drew."""

    def __init__(self, name, definitions, body, of):
        super().__init__(name, definitions + initial_program('    x[6] = uniform(0, 1)\n', 'x[batch, 6]', body, 'e'), None, None)
        self.of = of

    def run(self, nnc):
        with tempfile.TemporaryDirectory() as tmp:
            (pathlib.Path(tmp) / 'reads.nn').write_text(self.program)
            w = Trainer(nnc, f'{tmp}/reads.nn', tmp).start(())
            self.blocks = [(k, lambda f=f: f(w).detach()) for k, f in self.of.items()]
            super().run(nnc)


CASES.append(Reads('initial_reads', '''layer chain(x[b, n]) -> y[b, n] {
    param w[n]       = normal(0, 1)
    param total      = sum[i] w[i]
    state share[n]   = w / total
    param rest[i < n] = 1 - share[n - 1 - i]
    y[b, i] = x[b, i] * total * rest[i] + share[i]
}
''', '    e = sum(x |> chain) + sum(x |> dense(5, through = weight_norm)) + sum(x |> dense(5, through = spectral_norm))\n', {
    'net.chain_1.total': lambda w: w['net.chain_1.w'].sum(), 'net.chain_1.share': lambda w: w['net.chain_1.w'] / w['net.chain_1.w'].sum(),
    'net.chain_1.rest': lambda w: 1 - (w['net.chain_1.w'] / w['net.chain_1.w'].sum()).flip(0),
    'net.weight_norm_1.gain': lambda w: w['net.dense_1.w'].norm(dim=0),
    'gram.net.spectral_norm_1.u 5': lambda w: torch.ones(1),
    'gram.net.spectral_norm_1.v 6': lambda w: torch.ones(1)}))


body = """    a_1 = sum(dense(x, 30, weights = orthogonal))
    a_2 = sum(dense(x, 7, weights = orthogonal))
    a_3 = sum(dense(x, 20, weights = orthogonal))
    a_4 = sum(dense(x, 5, weights = identity))
    a_5 = sum(dense(x, 30, weights = identity(gain = 3)))
    e = a_1 + a_2 + a_3 + a_4 + a_5
"""
CASES.append(Draws('initial_orthogonal', initial_program('    x[20] = uniform(0, 1)\n', 'x[batch, 20]', body, 'e'), [
        ('gram.net.dense_1.w 20', lambda: torch.eye(20)), ('gram.net.dense_2.w 20', lambda: torch.eye(7)),
        ('gram.net.dense_3.w 20', lambda: torch.eye(20)), ('net.dense_4.w', lambda: torch.eye(20, 5)), ('net.dense_5.w', lambda: 3 * torch.eye(20, 30))], None))


class Named(Draws):
    """A parameter's initial values depend on its name alone: those of two programs are the same."""

    def __init__(self, name, body, other, same):
        super().__init__(name, initial_program('    x[6] = uniform(0, 1)\n', 'x[batch, 6]', body, 'e'), None, None)
        self.other, self.same = initial_program('    x[6] = uniform(0, 1)\n', 'x[batch, 6]', other, 'e'), same

    def run(self, nnc):
        with tempfile.TemporaryDirectory() as tmp:
            (pathlib.Path(tmp) / 'other.nn').write_text(self.other)
            w = Trainer(nnc, f'{tmp}/other.nn', tmp).start(())
            self.blocks = [(k, lambda k=k: w[k].detach()) for k in self.same]
            super().run(nnc)


CASES.append(Named('initial_names', '    e = sum(x |> dense(5) |> prelu |> bilinear(y = x, units = 5) |> scale |> dense(7))\n',
                   '    e = sum(x |> dense(5) |> dense(7))\n', ['net.dense_1.w', 'net.dense_1.b', 'net.dense_2.w', 'net.dense_2.b']))


# layers that draw: what is expected of many rows, and nothing changed in inference
def drawing(name, text, listed, definitions=''):
    entries = ',\n'.join(f'        {key} = {entry}' for key, entry, _, _ in listed)
    program = f"""data rows = synthetic(4000) {{
    x[3, 4, 2] = uniform(0, 1)
    split      = ordered(test = 10%)
}}
layer coded(x[b, h, w, c]) -> y[b, h, w, c] {{
    param g = 1
    y[n, i, j, d] = 0 * x[n, i, j, d] + g * (i * w + j + 1)
}}
{definitions}model net(x[batch, 3, 4, 2]) -> y[batch, 3, 4, 2] {{
    x |> coded |> {text}
}}
train net on rows {{
    loss      = mean(y)
    optimizer = sgd(lr = 0)
    batch     = 400
    epochs    = 1
    metrics   = [
{entries}
    ]
}}
"""
    blocks = [b for key, _, training, test in listed for b in ((f'log.{key}', lambda v=training: v), (f'log.test.{key}', lambda v=test: v))]
    CASES.append(Draws('draws_' + name, program, blocks, 0.02))


CODED = torch.arange(1., 13).reshape(3, 4)
MOMENTS = 'metric place(y[b, h, w, c]) -> m[h, w] {\n    m[i, j] = mean[n, d] y[n, i, j, d]\n}\n'


def shifted(by):
    padded, total = F.pad(CODED, [by] * 4), 0
    for i in range(2 * by + 1):
        for j in range(2 * by + 1): total = total + padded[i:i + 3, j:j + 4]
    return total / (2 * by + 1)**2


PLACES = ('place', 'place(y)')
SECOND = ('second', 'mean(y^2)')
ZEROS = ('zeros', 'mean[n, i, j, d] (y[n, i, j, d] == 0)')
drawing('dropout', 'dropout(rate = 0.3)', [(*PLACES, CODED, CODED), (*SECOND, CODED.square().mean() / 0.7, CODED.square().mean()), (*ZEROS, 0.3, 0)], MOMENTS)
drawing('dropout_default', 'dropout', [(*PLACES, CODED, CODED), (*ZEROS, 0.5, 0)], MOMENTS)
drawing('spatial_dropout', 'spatial_dropout(rate = 0.2)', [
    (*PLACES, CODED, CODED), ('zeros', '1 + ' + ZEROS[1], 1.2, 1), ('whole', 'mean[n, d] ((max[i, j] y[n, i, j, d] == 0) == (min[i, j] y[n, i, j, d] == 0))', 1, 1)], MOMENTS)
ALPHA = -1.7580993408473766      # selu's lowest value


def alpha(rate):
    """Mean and mean square after alpha_dropout."""
    a, b = ((1 - rate) * (1 + rate * ALPHA**2))**-0.5, -((1 - rate) * (1 + rate * ALPHA**2))**-0.5 * ALPHA * rate
    kept, left = a * CODED + b, a * ALPHA + b
    return (1 - rate) * kept + rate * left, ((1 - rate) * kept**2 + rate * left**2).mean()


for name, rate in [('alpha_dropout', 0.3), ('feature_alpha_dropout', 0.3), ('alpha_dropout_default', 0.5), ('feature_alpha_dropout_default', 0.5)]:
    low = ((1 - rate) * (1 + rate * ALPHA**2))**-0.5 * ALPHA * (1 - rate) + 1e-3
    whole = 'mean[n, d] ((max[i, j] y[n, i, j, d] < LOW) == (min[i, j] y[n, i, j, d] < LOW))'.replace('LOW', f'({low})')
    drawing(name, name.replace('_default', '') + (f'(rate = {rate})' if rate != 0.5 else ''), [(*PLACES, alpha(rate)[0], CODED), (*SECOND, alpha(rate)[1], CODED.square().mean())] + (
        [('whole', whole, 1, 1)] if 'feature' in name else []), MOMENTS)
drawing('gaussian_dropout', 'gaussian_dropout(rate = 0.2)', [(*PLACES, CODED, CODED), (*SECOND, CODED.square().mean() * 1.25, CODED.square().mean())], MOMENTS)
MINUS = 'fn minus(x[b, h, w, c]) = -x\n'
for options, low, high in [('', 1 / 8, 1 / 3), ('(low = 0.1, high = 0.5)', 0.1, 0.5)]:
    drawing('rrelu' + ('_options' if options else ''), f'minus |> rrelu{options}', [
        (*PLACES, -(low + high) / 2 * CODED, -(low + high) / 2 * CODED),
        (*SECOND, (low**2 + low * high + high**2) / 3 * CODED.square().mean(), ((low + high) / 2)**2 * CODED.square().mean())], MOMENTS + MINUS)
LOGISTIC = torch.special.logit((torch.arange(10000) + 0.5) / 10000)      # the difference of two draws of Gumbel's
for tau in (1, 0.5):
    soft = torch.stack([torch.sigmoid((CODED / 8 + z) / tau) for z in LOGISTIC])
    drawing('gumbel_softmax' + ('' if tau == 1 else '_tau'), 'tilted |> gumbel_softmax' + ('' if tau == 1 else '(tau = 0.5)'), [
        ('chance', 'mean[n, i, j] y[n, i, j, 0]', soft.mean(), soft.mean()), ('square', 'mean[n, i, j] y[n, i, j, 0]^2', soft.square().mean(), soft.square().mean())],
        'fn tilted(x[b, h, w, c]) -> y[b, h, w, c] {\n    y[n, i, j, d] = x[n, i, j, d] / 8 if d == 0 else 0\n}\n')
drawing('gaussian_noise', 'gaussian_noise(deviation = 2)', [(*PLACES, CODED, CODED), (*SECOND, CODED.square().mean() + 4, CODED.square().mean())], MOMENTS)
drawing('random_flip', 'random_flip(chance = 0.3)', [(*PLACES, 0.7 * CODED + 0.3 * CODED.flip(1), CODED)], MOMENTS)
drawing('random_shift', 'random_shift(by = 1)', [(*PLACES, shifted(1), CODED)], MOMENTS)
augmentation.draw(drawing, PLACES, SECOND, CODED, MOMENTS)


def fractional(size):
    """The mean over all draws: midpoints of 30 intervals for each."""
    u = (torch.arange(30) + 0.5) / 30
    both = torch.stack(torch.meshgrid(u, u, indexing='ij'), -1).reshape(900, 1, 2)
    return F.pad(F.fractional_max_pool2d(CODED.expand(900, 1, 3, 4), size, (2, 3), _random_samples=both).mean((0, 1)), (0, 1, 0, 1))


BACK = ' |> constant_pad2d(before = 0, after = 1)'
drawing('fractional_max_pool2d', 'fractional_max_pool2d([2, 3])' + BACK, [(*PLACES, fractional(2), fractional(2))], MOMENTS)
drawing('fractional_max_pool2d_size', 'fractional_max_pool2d([2, 3], size = 1)' + BACK, [(*PLACES, fractional(1), fractional(1))], MOMENTS)
# one of one dimension, of each row by itself: the places of its windows are those of the columns of two
LINES = 'fn line(x[b, h, w, c]) -> y[b, w, h] {\n    y[b, j, i] = x[b, i, j, 0]\n}\nfn image(x[b, w, h]) -> y[b, h, w + 1, 2] {\n    y[b, i, j, k] = extend(x, 0)[b, j, i]\n}\n'


def fractional_line(size):
    u = ((torch.arange(900) + 0.5) / 900)[:, None, None].expand(900, 3, 2)
    lines = CODED.reshape(1, 3, 4, 1).expand(900, 3, 4, 1)
    return F.pad(F.fractional_max_pool2d(lines, (size, 1), (3, 1), _random_samples=torch.stack([u[..., 0], u[..., 1]], -1)).mean(0)[..., 0], (0, 1))


for size in (2, 1):
    drawing('fractional_max_pool1d' + ('_size' if size == 1 else ''), f'line |> fractional_max_pool1d(3, size = {size}) |> image'.replace(', size = 2', ''),
            [(*PLACES, fractional_line(size), fractional_line(size))], MOMENTS + LINES)
for size in (2, 1):   # the two columns of the volume are alike, so that rows and planes alone are seen
    drawing('fractional_max_pool3d' + ('_size' if size == 1 else ''), f'volume |> fractional_max_pool3d([2, 3, 2], size = {size}) |> back'.replace(', size = 2', ''),
            [(*PLACES, fractional(size), fractional(size))], MOMENTS + 'fn volume(x[b, h, w, c]) = reshape(concat(x, x), b, h, w, 4, 1)\n'
            'fn back(x[b, d, h, w, c]) -> y[b, d + 1, h + 1, w] {\n    y[b, i, j, k] = extend(x, 0)[b, i, j, k, 0]\n}\n')

# the examples
CASES += [
    Example('neuron', 2, lambda x, w: torch.sigmoid(x @ w['neuron.w'] + w['neuron.b']), lambda o, r: F.mse_loss(o, r.y[:, 0]),
            lambda ps: O.SGD(ps, lr=0.01), 4),
    Example('regression', 10, lambda x, w: dense(F.relu(dense(F.relu(dense(x, w, 'net.dense_1')), w, 'net.dense_2')), w, 'net.dense_3'),
            lambda o, r: F.mse_loss(o, r.y), lambda ps: O.SGD(ps, lr=0.01), 32),
    Example('xor', 2, lambda x, w: dense(torch.tanh(dense(x, w, 'net.dense_1')), w, 'net.dense_2'),
            lambda o, r: F.binary_cross_entropy_with_logits(o, r.y), lambda ps: O.Adam(ps, lr=0.05), 32),
]
