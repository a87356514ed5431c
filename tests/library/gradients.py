"""Cases of grad(e, x): penalties on a slope by the input and by a weight, a second derivative, a force inside a model."""
import torch
import torch.nn.functional as F

from engine import BATCH, FIELDS, HERE, ROWS, STEPS, Case, Rows, Trainer, dense, ema, flat, write


def network(rows, w):
    """The plain network; the rows keep what a loss needs to derive it again."""
    rows.w = w
    return dense(torch.tanh(dense(rows.x, w, 'net.dense_1')), w, 'net.dense_2')


def by_input(rows):
    """The network on rows that can be derived by."""
    rows.x = rows.x.detach().requires_grad_(True)
    return network(rows, rows.w)


def slope(e, x): return torch.autograd.grad(e.sum(), x, create_graph=True)[0]


@torch.enable_grad()
def penalty(out, rows):
    out = by_input(rows)
    s = slope(out.logsumexp(1), rows.x)
    return F.cross_entropy(out, rows.label) + 0.1 * ((s.norm(dim=1) - 0.5)**2).mean()


@torch.enable_grad()
def second(out, rows):
    out = by_input(rows)
    first = slope(out[:, 0], rows.x)
    twice = slope(first[:, 0], rows.x)
    return ((twice[:, 0] + twice[:, 1] - rows.y[:, 0])**2).mean()


@torch.enable_grad()
def of_weights(out, rows):
    e = F.cross_entropy(network(rows, rows.w), rows.label)
    return e + 0.3 * slope(e, rows.w['net.dense_1.w']).square().sum()


@torch.enable_grad()
def force(rows, w):
    x = rows.x.detach().requires_grad_(True)
    part = x[:, :2].clone()
    h = torch.cat([part, x[:, 2:]], 1)
    h = h * torch.tanh(h)**2
    e = (F.softplus(dense(h, w, 'net.dense_1')) + x.sum(1, keepdim=True)**2).sum(1)
    f = torch.autograd.grad(e.sum(), part, create_graph=True)[0]
    return dense(torch.cat([f, x], 1), w, 'net.dense_2')


FORCE = '''net(x[batch, 4]) -> out[batch, 3] {
    part[n, i < 2] = x[n, i]
    h[n, i < 4]    = bent(part[n, i] if i < 2 else x[n, i])
    energy[n]      = sum[i] (h |> dense(8) |> softplus)[n, i] + 8 * (sum[i] x[n, i])^2
    force          = grad(energy, part)
    both[n, i < 6] = force[n, i] if i < 2 else x[n, i - 2]
    both |> dense(3)
}
'''


@torch.enable_grad()
def sloped(rows, w):
    h = dense(rows.x, w, 'net.dense_1')
    return dense(1 - torch.tanh(h)**2 + 3 * h**2, w, 'net.dense_2')


CASES = [
    Case('grad_penalty', loss=('cross_entropy(out, label) + 0.1 * mean[n] (norm[i] slope[n, i] - 0.5)^2', penalty), test=25,
         model=(Case('').network_text(), network),
         extra='    energy[n] = logsumexp[k] out[n, k]\n    slope     = grad(energy, x)\n'),
    Case('grad_accumulate', loss=('cross_entropy(out, label) + 0.1 * mean[n] (norm[i] slope[n, i] - 0.5)^2', penalty), batch=2, accumulate=3,
         at_once=True, model=(Case('').network_text(), network),
         extra='    accumulate = 3\n    energy[n]  = logsumexp[k] out[n, k]\n    slope      = grad(energy, x)\n'),
    Case('grad_second', loss=('mean[n] (twice[n, 0] + twice[n, 1] - y[n, 0])^2', second), test=25,
         model=(Case('').network_text(), network),
         extra='    first     = grad(out[:, 0], x)\n    twice     = grad(first[:, 0], x)\n'),
    Case('grad_weights', loss=('mistake + 0.3 * sum(slope^2)', of_weights), test=25,
         model=(Case('').network_text(), network),
         extra='    mistake   = cross_entropy(out, label)\n    slope     = grad(mistake, net.dense_1.w)\n'),
    Case('grad_force', model=(FORCE, force), test=25, definitions='fn bent(a) = a * tanh(a)^2\n'),
    Case('grad_elementwise', model=('net(x[batch, 4]) -> out[batch, 3] {\n    x |> dense(8) |> sloped |> dense(3)\n}\n', sloped),
         definitions='fn sloped(a) = grad(tanh(a) + a^3, a)\n'),
]


class Players:
    """Two models, each with its `minimize` line: the second sees what the first has changed. losses(rows, weights) gives those of both;
    every: the second line runs at each so many steps. The loss is that of both lines before either changes anything."""

    def __init__(self, name, lines, losses, first, second, every=1, clip=None, extra='', width=4, average=None):
        self.name, self.lines, self.losses, self.first, self.second = name, lines, losses, first, second
        self.every, self.clip, self.extra, self.width, self.average = every, clip, extra, width, average

    def text(self):
        return (f'# {self.name}.nn: written by reference.py.\ndata rows = csv("rows.csv") {{\n{FIELDS}}}\n'
                'model artist(z[batch, 3]) -> fake[batch, 4] = z |> dense(6) |> tanh |> dense(4)\n'
                'model judge(x[batch, 4]) -> score[batch, 1] = x |> dense(5) |> tanh |> dense(1)\n'
                f'train artist, judge on rows {{\n    {"fake":{self.width}} = artist(p)\n{self.lines}'
                f'    batch   = {BATCH}\n    shuffle = false\n    steps   = {STEPS}\n{self.extra}}}\n')

    def update(self, loss, parameters, optimizer):
        optimizer.zero_grad()
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters)): p.grad = g
        if self.clip: self.clip(parameters)
        optimizer.step()

    def run(self, nnc):
        source = HERE / f'{self.name}.nn'
        source.write_text(self.text())
        w = Trainer(nnc, source, HERE).start(())
        of = {m: [v for k, v in w.items() if k.startswith(m)] for m in ('judge', 'artist')}
        first, second, rows, losses = self.first(of['judge']), self.second(of['artist']), Rows.load(), []
        averaged = self.average(w) if self.average else None
        while len(losses) < STEPS:
            for k in range(0, ROWS, BATCH):
                r = rows[k:k + BATCH]
                one, two = self.losses(r, w)
                losses.append((one + two).item())
                self.update(one, of['judge'], first)
                if (len(losses) - 1) % self.every == 0: self.update(self.losses(r, w)[1], of['artist'], second)
                if averaged: averaged.update()
                if len(losses) == STEPS: break
        if averaged: w = averaged.weights(w)
        write(self.name, [('losses', losses)] + [(k, flat(w[k].detach())) for k in sorted(w)])


def artist(z, w): return dense(torch.tanh(dense(z, w, 'artist.dense_1')), w, 'artist.dense_2')
def judge(x, w): return dense(torch.tanh(dense(x, w, 'judge.dense_1')), w, 'judge.dense_2')
def judged(score, truth): return F.binary_cross_entropy_with_logits(score, torch.full_like(score, truth))


def gan(r, w):
    fake = artist(r.p, w)
    return judged(judge(r.x, w), 1.) + judged(judge(fake, w), 0.), judged(judge(fake, w), 1.)


def wgan(r, w):
    fake = artist(r.p, w)
    between = 0.3 * r.x + 0.7 * fake
    penalty = ((slope(judge(between, w), between).norm(dim=1) - 1)**2).mean()
    return judge(fake, w).mean() - judge(r.x, w).mean() + 10 * penalty, -judge(fake, w).mean()


CASES += [
    Players('players_gan', '''    minimize binary_cross_entropy(judge(x), 1) + binary_cross_entropy(judge(fake), 0)
        over judge with adam(lr = 0.02)
    minimize binary_cross_entropy(judge(fake), 1) over artist with sgd(lr = 0.3, momentum = 0.5)
''', gan, lambda ps: torch.optim.Adam(ps, lr=0.02), lambda ps: torch.optim.SGD(ps, lr=0.3, momentum=0.5)),
    Players('players_wgan', '''    between[n, i] = 0.3 * x[n, i] + 0.7 * fake[n, i]
    slope         = grad(judge(between), between)
    penalty       = mean[n] (norm[i] slope[n, i] - 1)^2
    minimize mean(judge(fake)) - mean(judge(x)) + 10 * penalty over judge with adam(lr = 0.01)
    minimize -mean(judge(fake)) over artist with adam(lr = 0.02) if mod(step, 3) == 0
''', wgan, lambda ps: torch.optim.Adam(ps, lr=0.01), lambda ps: torch.optim.Adam(ps, lr=0.02), every=3,
            clip=lambda ps: torch.nn.utils.clip_grad_norm_(ps, 2.), extra='    clip    = norm(2)\n', width=13),
    Players('players_average', '''    minimize binary_cross_entropy(judge(x), 1) + binary_cross_entropy(judge(fake), 0)
        over judge with adam(lr = 0.02)
    minimize binary_cross_entropy(judge(fake), 1) over artist with sgd(lr = 0.3) if mod(step, 2) == 0
''', gan, lambda ps: torch.optim.Adam(ps, lr=0.02), lambda ps: torch.optim.SGD(ps, lr=0.3), every=2,
            extra='    average = ema(0.9)\n', average=ema(0.9)),
]
