"""Cases of grad(e, x): penalties on a slope by the input and by a weight, a second derivative, a force inside a model."""
import torch
import torch.nn.functional as F

from engine import Case, dense


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
