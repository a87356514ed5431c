"""Functions without parameters: values and slopes at given points, many in one program. What PyTorch has not is written as its
authors (Keras 3) define it."""
import torch
import torch.nn.functional as F

from edges import LINE, OTHER, SCORES, Edges

LABELS = [0, 1, 2, 0, 1, 0]
SOME = [0.3, -1.2, 2.5, 0.9, -0.4, 1.7]
SIGNS = [1, -1, -1, 1, -1, 1]
BITS = [[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0]]
LOGITS = [[1.3, -0.2, 0.4], [-0.3, 0.2, 1.1], [0.5, 0.25, -0.1], [2, 1, -2], [0.1, -1, 0.7], [-4, 3, 2]]
OTHERS = [[0.2, 0.7, -1], [1, -0.5, 0.3], [0.4, 0.2, 0.1], [-1, 2, 0.5], [0.3, 0.6, -0.8], [1, 1.5, -0.5]]
SHARES = [[0.2, 0.7, 0.1], [0.9, 0.5, 0.3], [0.4, 0.2, 0.1], [0.6, 0.8, 0.5], [0.3, 0.6, 0.45], [0.95, 0.15, 0.05]]
# no two are equally far from a third
UNITS = [[0.6, 0.8, 0], [0.28, 0.96, 0], [0, 0.6, 0.8], [0.8, 0, 0.6], [0, -0.28, 0.96], [0.36, 0.48, 0.8]]
SOME3 = [[[round(v, 3) for v in line] for line in part] for part in torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(5)).tolist()]
label = torch.tensor(LABELS)


def sparsemax(x):
    """Martins and Astudillo 2016, algorithm 1."""
    s = x.sort(-1, descending=True).values
    k = torch.arange(1, x.shape[-1] + 1)
    n = (1 + k * s > s.cumsum(-1)).sum(-1, keepdim=True)
    return F.relu(x - (s.cumsum(-1).gather(-1, n - 1) - 1) / n)


def sparse_plus(x): return torch.where(x <= -1, 0 * x, torch.where(x < 1, (x + 1)**2 / 4, x))


def categorical_hinge(y):
    t = F.one_hot(label, 3)
    return F.relu(((1 - t) * y).amax(-1) - (t * y).sum(-1) + 1).mean()


def multi_label_margin(x):
    listed = torch.tensor([[j for j in range(3) if row[j]] + [-1] * (3 - sum(row)) for row in BITS])
    return F.multilabel_margin_loss(x, listed)


def binary_focal(gamma, weight=None):
    def f(z, t):
        p = z.sigmoid()
        e = F.binary_cross_entropy(p, t, reduction='none') * (1 - t * p - (1 - t) * (1 - p))**gamma
        return e.mean() if weight is None else (e * weight).sum() / weight.sum()
    return f


def tversky(alpha, beta, eps):
    def f(p):
        t = torch.tensor(BITS, dtype=torch.float64)
        both = (p * t).sum(1)
        return (1 - both / (both + alpha * (p * (1 - t)).sum(1) + beta * ((1 - p) * t).sum(1) + eps)).mean()
    return f


def circle(gamma, margin):
    """Keras's, with itself as the reference."""
    def f(x):
        d = (1 - x @ x.T).clamp(min=0)
        same = (label[:, None] == label[None]) & ~torch.eye(len(x), dtype=torch.bool)
        near = (-gamma * (margin + d) * (margin - d)).masked_fill(~same, -torch.inf)
        far = (gamma * (1 + margin - d).clamp(min=0) * (1 - margin - d)).masked_fill(label[:, None] == label[None], -torch.inf)
        e = F.softplus(torch.logsumexp(near, 1) + torch.logsumexp(far, 1))
        return e[e > 0].mean()
    return f


def orthogonal(w):
    u = F.normalize(w, dim=1)
    p = u @ u.T
    return 0.5 * (p - torch.diag(p.diagonal())).abs().sum() / (len(w) * (len(w) - 1) / 2)


def cosine_far(a, b): return 1 - F.cosine_similarity(a, b)


def norms(f):
    def g(w):
        n = w.square().sum(0, keepdim=True).sqrt()
        return w * f(n) / (1e-7 + n)
    return g


CASES = [
    Edges('functions_activations', [(f'{text}', f, LINE) for text, f in {
        'squareplus(A)': lambda a: (a + (a * a + 4).sqrt()) / 2, 'squareplus(A, b = 0.3)': lambda a: (a + (a * a + 0.3).sqrt()) / 2,
        'sparse_plus(A)': sparse_plus, 'sparse_sigmoid(A)': lambda a: torch.where(a <= -1, 0, torch.where(a >= 1, 1, (a + 1) / 2)),
        'softmax(-A)': lambda a: F.softmin(a, -1), 'sparsemax(A)': sparsemax, 'l2_normalize(A)': lambda a: F.normalize(a, dim=-1)}.items()] + [
        ('sparsemax(A)', sparsemax, SCORES), ('l2_normalize(A, eps = 1.5)', lambda a: F.normalize(a, dim=-1, eps=1.5), SCORES),
    ]),
    Edges('functions_losses', [
        ('soft_margin(A, signs)', lambda a: F.soft_margin_loss(a, torch.tensor(SIGNS)), SOME), ('margin_ranking(A, B, signs)', lambda a, b: F.margin_ranking_loss(a, b, torch.tensor(SIGNS)), SOME, OTHER[:6]),
        ('margin_ranking(A, B, signs, margin = 0.5)', lambda a, b: F.margin_ranking_loss(a, b, torch.tensor(SIGNS), margin=0.5), SOME, OTHER[:6]),
        ('hinge_embedding(A, signs)', lambda a: F.hinge_embedding_loss(a, torch.tensor(SIGNS)), SOME),
        ('hinge_embedding(A, signs, margin = 2)', lambda a: F.hinge_embedding_loss(a, torch.tensor(SIGNS), margin=2), SOME),
        ('categorical_hinge(A, labels)', categorical_hinge, LOGITS), ('multi_label_margin(A, bits)', multi_label_margin, LOGITS),
        ('binary_cross_entropy(A, bits)', lambda a: F.multilabel_soft_margin_loss(a, torch.tensor(BITS)), LOGITS),
        ('cosine_embedding(A, B, signs)', lambda a, b: F.cosine_embedding_loss(a, b, torch.tensor(SIGNS)), LOGITS, OTHERS),
        ('cosine_embedding(A, B, signs, margin = -0.3)', lambda a, b: F.cosine_embedding_loss(a, b, torch.tensor(SIGNS), margin=-0.3), LOGITS, OTHERS),
        ('triplet(A, B, C, swap = true)', lambda a, b, c: F.triplet_margin_loss(a, b, c, swap=True, eps=0), LOGITS, OTHERS, SHARES),
        ('triplet(A, B, C, margin = 0.5, between = cosine_far)',
         lambda a, b, c: F.triplet_margin_with_distance_loss(a, b, c, distance_function=cosine_far, margin=0.5), LOGITS, OTHERS, SHARES),
        ('binary_focal(A, B)', binary_focal(2), LOGITS, BITS), ('binary_focal(A, B, gamma = 0.5)', binary_focal(0.5), LOGITS, SHARES),
        ('binary_focal(A, B, weight = shares)', binary_focal(2, torch.tensor(SHARES)), LOGITS, BITS),
        ('generalized_cross_entropy(A, labels)', lambda a: ((1 - F.softmax(a, -1).gather(1, label[:, None])**0.5) / 0.5).mean(), LOGITS),
        ('generalized_cross_entropy(A, labels, q = 0.8)', lambda a: ((1 - F.softmax(a, -1).gather(1, label[:, None])**0.8) / 0.8).mean(), LOGITS),
    ], f'labels = {LABELS}\nsigns  = {SIGNS}\nbits   = {BITS}\nshares = {SHARES}\n'
       'fn cosine_far(a[.., n], b[.., n]) -> y[..] {\n    y[..] = 1 - cosine_similarity(a, b)[..]\n}\n'),
    Edges('functions_of_choice', [
        ('scaled_dot_product_attention(A, B, C)', F.scaled_dot_product_attention, SOME3[:2], SOME3[2:4], SOME3[4:]),
        ('scaled_dot_product_attention(A, B, C, causal = true)', lambda a, b, c: F.scaled_dot_product_attention(a, b, c, is_causal=True), SOME3[:2], SOME3[2:4], SOME3[4:]),
        ('largest(A, 2)', lambda a: a.topk(2).values, LOGITS), ('sorted(A)', lambda a: a.sort(-1).values, LOGITS),
        ('dot(A, one_hot(labels, 3))', lambda a: (a * F.one_hot(label, 3)).sum(), LOGITS),
        ('bucketize(A, borders)', lambda a: torch.bucketize(a.detach(), torch.tensor([0, 0.5, 2.0]), right=True) + 0 * a, LINE),
    ], f'labels  = {LABELS}\nborders = [0, 0.5, 2]\n'),
    Edges('functions_of_many', [
        ('tversky(A, bits)', tversky(0.5, 0.5, 1e-7), SHARES), ('tversky(A, bits, alpha = 0.3, beta = 0.7, eps = 0.1)', tversky(0.3, 0.7, 0.1), SHARES),
        ('circle(A, labels)', circle(80, 0.4), UNITS), ('circle(A, labels, gamma = 2, margin = 0.25)', circle(2, 0.25), UNITS),
        ('orthogonal_penalty(A)', orthogonal, LOGITS), ('unit_norm(A)', norms(torch.ones_like), LOGITS), ('unit_norm(A)', norms(torch.ones_like), SOME),
        ('max_norm(A)', norms(lambda n: n.clamp(max=2)), LOGITS), ('max_norm(A, most = 0.5)', norms(lambda n: n.clamp(max=0.5)), LOGITS),
        ('min_max_norm(A)', norms(lambda n: n.clamp(0, 1)), LOGITS),
        ('min_max_norm(A, low = 3, high = 4, rate = 0.3)', norms(lambda n: 0.3 * n.clamp(3, 4) + 0.7 * n), LOGITS), ('non_negative(A)', F.relu, LINE),
    ], f'labels = {LABELS}\nbits   = {BITS}\n'),
]
