"""Values and gradients where slopes are not ordinary: 0, ties, far out, equal arguments, nothing at all."""
import torch
import torch.nn.functional as F

from engine import Draws

LINE = [0, 1, -1, 100, -100, 0.5, -0.5, 3, -3, 6, -6, 2]
OTHER = [0, 1, 1, 100, 100, 0.5, 2, -3, -3, 0, 0, 5]
SCORES = [[100, -100, 0], [-3, 2, 1], [0.5, 0.2, -0.1], [0, 0, 0], [1, 1, 1], [-100, 100, 100]]
LABELS, BOTH = [0, 1, 2, 0, 1, 0], [0, 1, 1, 0, 1, 0]
VECTORS, EQUAL = [[0, 0, 0], [1, -1, 0], [100, -100, 1], [0, 0, 0]], [[0, 0, 0], [1, -1, 0], [3, 4, 0], [1, 2, 3]]
BLOCKS = [[[[0, 0], [1, -1]], [[3, 2], [100, 0.5]]]] * 3


WEIGHTS = {2: 'i + 2 * j', 3: 'i + 2 * j + 3 * k', 4: 'i + 2 * j + 3 * k + 5 * l'}


def weighed(value):
    """A value of several dimensions as one number that tells its elements apart."""
    w = torch.ones_like(value)
    for d in range(value.ndim): w = w + (1, 2, 3, 5)[d] * torch.arange(value.shape[d]).reshape([-1] + [1] * (value.ndim - d - 1))
    return (value * w).sum()


class Edges(Draws):
    """entries: text of a function of a, b, ..., the same in PyTorch, and the points of a, b, ...; all in one program. Each point is
    moved by a parameter d that starts as 0, and each value is multiplied by 1 + m: after one step of sgd(1), d is minus the gradient
    and m minus the value (of several dimensions, weighed)."""

    def __init__(self, name, entries, definitions=''):
        self.name, self.entries, self.definitions, self.tolerance = name, entries, definitions, None

    def text(self):
        lines, terms = [], []
        for j, (text, _, *points) in enumerate(self.entries, 1):
            for letter, p in zip('abc', points):
                shape = list(torch.tensor(p).shape)
                index = 'ijkl'[:len(shape)]
                lines += [f'p_{j}{letter} = {p}', f'param d_{j}{letter}{shape} = 0',
                          f'{letter}_{j}[{", ".join(f"{i} < {n}" for i, n in zip(index, shape))}] = p_{j}{letter}[{", ".join(index)}] + d_{j}{letter}[{", ".join(index)}]']
            call = text
            for letter in 'abc'[:len(points)]: call = call.replace(letter.upper(), f'{letter}_{j}')
            value = self.value(j)
            line, rank = value.ndim == 1, value.ndim
            call = f'weigh{rank}({call})' if rank > 1 else call
            lines += [f'param m_{j}{[len(value)] if line else ""} = 0', f'y_{j} = (1 + m_{j}) * ({call})']
            terms.append(f'sum(y_{j})' if line else f'y_{j}')
        ranks = sorted({v.ndim for v in map(self.value, range(1, len(self.entries) + 1))} & set(WEIGHTS))
        helpers = ''.join(f'fn weigh{r}(y[{", ".join("nmpq"[:r])}]) = sum[{", ".join("ijkl"[:r])}] y[{", ".join("ijkl"[:r])}] * (1 + {WEIGHTS[r]})\n' for r in ranks)
        body = ''.join(f'    {line}\n' for line in lines)
        return (f'data rows = table {{\n    x = [0]\n}}\n{self.definitions}{helpers}model net(x[batch]) -> e {{\n{body}    e = {" + ".join(terms)}\n}}\n'
                'train net on rows {\n    loss      = e\n    optimizer = sgd(1)\n    batch     = all\n    steps     = 1\n}\n')

    def value(self, j):
        _, f, *points = self.entries[j - 1]
        return f(*(torch.tensor(p, dtype=torch.float64) for p in points))

    def run(self, nnc):
        self.program, self.blocks = self.text(), []
        for j, (_, f, *points) in enumerate(self.entries, 1):
            args = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in points]
            value = f(*args)
            kept = weighed(value.permute(0, 2, 3, 1) if value.ndim == 4 else value) if value.ndim > 1 else value
            kept.sum().backward()
            self.blocks.append((f'net.m_{j}', lambda v=kept: -v.detach()))
            for letter, a in zip('abc', args):
                self.blocks.append((f'net.d_{j}{letter}', lambda a=a: torch.zeros_like(a) if a.grad is None else -a.grad))
        super().run(nnc)


def focal(gamma):
    def f(a):
        logp = F.log_softmax(a, -1)[torch.arange(len(LABELS)), torch.tensor(LABELS)]
        return -((-torch.expm1(logp)).clamp(min=1e-300)**gamma * logp).mean()
    return f


def weighted(a, w):
    return (a * w).sum() / w.sum() if w.sum() != 0 else 0 * a.sum()


def ragged(a):
    return torch.stack([r[:n].mean() if n else 0 * r.sum() for r, n in zip(a, [0, 1, 2, 3])])


def attend(a, b, c):
    seen = (torch.arange(2)[None] < torch.tensor([0, 1, 2])[:, None])[:, None, :].expand(3, 2, 2)
    return F.scaled_dot_product_attention(a, b, c, seen)


SIDES, WEIGHTS3 = [[6, 2, 3, 4], [1, -2, 3, 0], [8, 7, 1, 1], [0, -1, 2, 0]], [0.5, -1, 2]
TAPS = [[0, 1, 2], [3, 0.5, 1], [2, 1, 0]]


def taken(a, kept):
    """What stands on the side not taken is 1 to PyTorch, so that its logarithm is finite and its slope 0."""
    return torch.where(kept, a, torch.ones_like(a))


def sides(a, b):
    kept = a[:, :3] > 5
    return (taken(a, kept.any(1, keepdim=True)).relu().log()[:, :, None] * b * kept[:, None]).sum((1, 2))


def alone(a, b):
    kept = a[:, :3] > 5
    return (taken(a[:, 0], kept.any(1)).relu().log()[:, None] * b * kept).sum(1)


def rests(a, b):
    n = torch.tensor([0, 1, 2, 3])
    return (torch.log(a[:, 0]**2 * n.clamp(min=1))[:, None] * b * (torch.arange(3) < n[:, None])).sum(1)


def twice(a, b):
    kept, more = a[:, :3] > 5, a[:, 1] > 1
    t = taken(a[:, 0]**2, kept.any(1) | more).log()
    return (t[:, None] * b * kept).sum(1) + torch.where(more, t * t, 0)


def taps(a, b):
    i, p = torch.meshgrid(torch.arange(3), torch.arange(3), indexing='ij')
    kept = (i + p >= 1) & (i + p <= 3)
    return (a[(i + p - 1).clamp(0, 2)] * taken(b, kept).relu().log() * kept).sum(1)


E = Edges
CASES = [
    E('edges_activations', [(f'{name}(A)', f, LINE) for name, f in {
        'relu': F.relu, 'relu6': F.relu6, 'leaky_relu': F.leaky_relu, 'elu': F.elu, 'selu': F.selu, 'celu': F.celu, 'sigmoid': torch.sigmoid,
        'tanh': torch.tanh, 'softplus': lambda a: F.softplus(a, threshold=1e9), 'log_sigmoid': F.logsigmoid, 'softsign': F.softsign, 'silu': F.silu,
        'mish': F.mish, 'gelu': F.gelu, 'gelu_tanh': lambda a: F.gelu(a, approximate='tanh'), 'hard_sigmoid': F.hardsigmoid, 'hard_tanh': F.hardtanh,
        'hard_swish': F.hardswish, 'soft_shrink': F.softshrink, 'hard_shrink': F.hardshrink, 'tanh_shrink': F.tanhshrink, 'abs': torch.abs,
        'norm': torch.linalg.vector_norm, 'prelu': lambda a: F.prelu(a, torch.tensor(0.25)), 'softmax': lambda a: F.softmax(a, -1),
        'log_softmax': lambda a: F.log_softmax(a, -1), 'logsumexp': lambda a: torch.logsumexp(a, -1), 'mean': torch.mean,
        'variance': lambda a: a.var(correction=0), 'glu': F.glu}.items()] + [
        ('max(A, 0)', F.relu, LINE), ('max(0, A)', F.relu, LINE), ('min(A, 0)', lambda a: -F.relu(-a), LINE), ('min(0, A)', lambda a: -F.relu(-a), LINE),
        ('max(A, B)', torch.maximum, LINE, OTHER), ('min(A, B)', torch.minimum, LINE, OTHER), ('norm(A)', torch.linalg.vector_norm, [0, 0, 0]),
        ('elu(A, alpha = 0.5)', lambda a: F.elu(a, 0.5), LINE), ('celu(A, alpha = 2)', lambda a: F.celu(a, 2.0), LINE),
        ('threshold(A, 0.5, 2)', lambda a: F.threshold(a, 0.5, 2), LINE)]),
    E('edges_losses', [
        ('mse(A, B)', F.mse_loss, LINE, OTHER), ('mae(A, B)', F.l1_loss, LINE, OTHER), ('huber(A, B)', F.huber_loss, LINE, OTHER),
        ('smooth_l1(A, B, beta = 2)', lambda a, b: F.smooth_l1_loss(a, b, beta=2.0), LINE, OTHER),
        ('poisson(A, B)', F.poisson_nll_loss, [0, 1, -1, -100], [0, 0, 1, 100]),
        ('gaussian_nll(A, B, C)', F.gaussian_nll_loss, [0, 0.001, 1, 1, 2], [0, 0, 1, 2, 2], [0, 0, 1, 1e-9, 100]),
        ('gaussian_nll(A, B, C, eps = 0.5)', lambda a, b, c: F.gaussian_nll_loss(a, b, c, eps=0.5), [0, 1, 100], [0, 0, 1], [0, 0.4, 0.6]),
        ('binary_cross_entropy(A, B)', F.binary_cross_entropy_with_logits, LINE, [0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0.5]),
        ('cross_entropy(A, labels)', lambda a: F.cross_entropy(a, torch.tensor(LABELS)), SCORES),
        ('cross_entropy(A, labels, smoothing = 0.1)', lambda a: F.cross_entropy(a, torch.tensor(LABELS), label_smoothing=0.1), SCORES),
        ('soft_cross_entropy(A, B)', F.cross_entropy, SCORES[:3], [[1, 0, 0], [0, 0, 1], [0.5, 0.5, 0]]),
        ('kl_divergence(A, shares)', lambda a: F.kl_div(a, torch.tensor([[1, 0, 0], [0, 0.5, 0.5]]), reduction='batchmean'), [[-1, -100, 0], [0, 0, -1]]),
        ('multi_margin(A, labels)', lambda a: F.multi_margin_loss(a, torch.tensor(LABELS)), SCORES),
        ('hinge(A, B)', lambda a, b: F.relu(1 - a * b).mean(), LINE, [1, 1, -1, 1, 1, -1, 1, -1, 1, 1, -1, 1]),
        ('cosine_similarity(A, B)', F.cosine_similarity, VECTORS, EQUAL),
        ('cosine_similarity(B, A)', lambda a, b: F.cosine_similarity(b, a), VECTORS, EQUAL)] + [
        (f'focal(A, labels, gamma = {g})', focal(g), SCORES) for g in (0, 0.5, 1, 2)],
      f'labels = {LABELS}\nshares = [[1, 0, 0], [0, 0.5, 0.5]]\n'),
    E('edges_nothing', [
        ('average(A, weight = B)', weighted, [1, -2, 3], [0, 0, 0]), ('average(A, weight = B)', weighted, [1, -2, 3], [0, 2, 0]),
        ('mse(A, far, weight = B)', lambda a, w: weighted((a - 100)**2, w), [1, 2, 3], [0, 0, 0]),
        ('cross_entropy(A, labels, weight = B)', lambda a, w: weighted(F.cross_entropy(a, torch.tensor(LABELS), reduction='none'), w), SCORES, [0] * 6),
        ('ragged(A, lengths)', ragged, VECTORS), ('spread(A, lengths)', lambda a: torch.stack([r[:n].var(correction=0) if n else 0 * r.sum() for r, n in zip(a, [0, 1, 2, 3])]), VECTORS),
        ('attend(A, B, C, lengths3)', attend, [[[1, 2], [3, -4]]] * 3, [[[0.5, 1], [-1, 2]]] * 3, [[[1, 2], [3, 4]]] * 3),
        ('softmax(masked_all(A))', lambda a: 0 * a, SCORES), ('layer_norm(A)', lambda a: F.layer_norm(a, (3,)), VECTORS),
        ('rms_norm(A)', lambda a: F.rms_norm(a, (3,), eps=1e-6), VECTORS), ('batch_norm(A)', lambda a: F.batch_norm(a, None, None, training=True), [[1, 0, -100]] * 4),
        ('group_norm(A, groups = 1)', lambda a: F.group_norm(a.permute(0, 3, 1, 2), 1), BLOCKS), ('instance_norm(A)', lambda a: F.instance_norm(a.permute(0, 3, 1, 2)), BLOCKS),
        ('instance_norm(A)', lambda a: 0 * a, [[[[5, -7]]]]),
    ], '''labels   = ''' + f'{LABELS}' + '''
far      = [100, 100, 100]
lengths  = [0, 1, 2, 3]
lengths3 = [0, 1, 2]
fn ragged(x[b, n], length[b]: int) -> y[b] {
    y[i] = mean[t if t < length[i]] x[i, t]
}
fn spread(x[b, n], length[b]: int) -> y[b] {
    y[i] = variance[t if t < length[i]] x[i, t]
}
fn masked_all(x[b, n]) -> y[b, n] {
    y[i, j] = x[i, j] if x[i, j] > 1000 else -inf
}
fn attend(q[b, t, d], k[b, s, d], v[b, s, d], length[b]: int) -> y[b, t, d] {
    score[i, m, j < s] = (sum[l] q[i, m, l] * k[i, j, l]) / sqrt(d) if j < length[i] else -inf
    p                  = softmax(score)
    y[i, m, l]         = sum[j] p[i, m, j] * v[i, j, l]
}
'''),
    E('edges_conditions', [('sides(A, B)', sides, SIDES, WEIGHTS3), ('alone(A, B)', alone, SIDES, WEIGHTS3),
                           ('rests(A, B, lengths)', rests, [[2], [3], [0.5], [-1]], WEIGHTS3), ('twice(A, B)', twice, SIDES, WEIGHTS3), ('taps(A, B)', taps, [1, -2, 3], TAPS)],
      '''lengths = [0, 1, 2, 3]
fn sides(x[b, n], w[k]) -> y[b] {
    t[i, j] = log(max(0, x[i, j]))
    y[i]    = sum[j, u < 3] (t[i, j] * w[u] if x[i, u] > 5 else 0)
}
fn alone(x[b, n], w[k]) -> y[b] {
    t[i] = log(max(0, x[i, 0]))
    y[i] = sum[u < 3] (t[i] * w[u] if x[i, u] > 5 else 0)
}
fn rests(x[b, n], w[k], length[b]: int) -> y[b] {
    t[i] = log(x[i, 0]^2 * length[i])
    y[i] = sum[u < 3] (t[i] * w[u] if u < length[i] else 0)
}
fn twice(x[b, n], w[k]) -> y[b] {
    t[i] = log(x[i, 0]^2)
    y[i] = (sum[u < 3] (t[i] * w[u] if x[i, u] > 5 else 0)) + (t[i]^2 if x[i, 1] > 1 else 0)
}
fn taps(x[n], w[n, k]) -> y[n] {
    t[i, p] = log(max(0, w[i, p]))
    y[i]    = sum[p < 3] (x[i + p - 1] * t[i, p] if i + p >= 1 and i + p <= n else 0)
}
'''),
]
