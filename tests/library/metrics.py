"""Metrics, with a last batch that is smaller and a held-out part. Those of Keras alone are written as it defines them."""
import torch
import torch.nn.functional as F

from engine import Case

CASES = []


def argmax(o): return o.argmax(-1)


def counts(o, t, at=0.5):
    said = o.sigmoid() > at
    return (said * t).sum(), said.sum(), t.sum(), t.numel()


def matthews(o, r):
    said, truth = (o.sigmoid() > 0.4).double().flatten(), r.t.flatten()
    return torch.corrcoef(torch.stack([said, truth]))[0, 1] if len(set(said.tolist())) == len(set(truth.tolist())) == 2 else torch.tensor(0.0)


def confusion(o, r): return torch.stack([torch.stack([((r.label == i) & (argmax(o) == j)).sum() for j in range(3)]) for i in range(3)]).double()


def of_classes(f):
    def g(o, r):
        m = confusion(o, r)
        return torch.stack([f(m[i, i], m[i].sum(), m[:, i].sum()) for i in range(3)]).mean()
    return g


def auc(o, r):
    def column(score, truth):
        one, zero = score[truth == 1], score[truth == 0]
        return ((one[:, None] > zero).sum() + 0.5 * (one[:, None] == zero).sum()) / (len(one) * len(zero))
    return torch.stack([column(o[:, j], r.t[:, j]) for j in range(3)]).mean()


def precise(o, r):
    """Over sorted scores, of equal ones as they stand and the other way round."""
    def column(score, truth, turned):
        if turned: score, truth = score.flip(0), truth.flip(0)
        truth = truth[(-score).sort(stable=True).indices]
        return (truth * truth.cumsum(0) / torch.arange(1, len(truth) + 1)).sum() / truth.sum()
    return torch.stack([column(o[:, j], r.t[:, j], turned) for j in range(3) for turned in (False, True)]).mean()


def calibration(o, r):
    p, right = F.softmax(o, -1).max(-1).values, (argmax(o) == r.label).double()
    return sum((((p * 5).floor().clamp(max=4) == k) * (p - right)).sum().abs() for k in range(5)) / len(p)


def metrics(name, listed, **kw):
    CASES.append(Case('metric_' + name, batch=4, test=40, metrics={k: (text if text.startswith(k + '(') else f'{k} = {text}', f)
                                                                 for k, (text, f) in listed.items()}, **kw))


metrics('classes', {
    'accuracy': ('accuracy(out, label)', lambda o, r: (argmax(o) == r.label).double().mean()),
    'top2': ('top(out, label, k = 2)', lambda o, r: (o.topk(2).indices == r.label[:, None]).any(1).double().mean()),
    'perplexity': ('perplexity(out, label)', lambda o, r: F.cross_entropy(o, r.label).exp()),
    'confusion': ('confusion(out, label)', confusion),
    'macro_f1': ('macro_f1(out, label)', of_classes(lambda tp, y, p: 2 * tp / max(1, y + p))),
    'balanced_accuracy': ('balanced_accuracy(out, label)', of_classes(lambda tp, y, p: tp / max(1, y))),
    'iou': ('iou(out, label)', lambda o, r: (lambda m: m.diagonal() / (m.sum(0) + m.sum(1) - m.diagonal()).clamp(min=1))(confusion(o, r))),
    'mean_iou': ('mean_iou(out, label)', of_classes(lambda tp, y, p: tp / max(1, y + p - tp))),
    'calibration_error': ('calibration_error(out, label, bins = 5)', calibration),
})
metrics('binary', {
    'binary_accuracy': ('binary_accuracy(out, t)', lambda o, r: ((o > 0) == (r.t > 0.5)).double().mean()),
    'strict': ('binary_accuracy(out, t, at = 0.6)', lambda o, r: ((o.sigmoid() > 0.6) == (r.t > 0.5)).double().mean()),
    'precision': ('precision(out, t)', lambda o, r: (lambda tp, p, y, n: tp / max(1, p))(*counts(o, r.t))),
    'precision4': ('precision(out, t, at = 0.4)', lambda o, r: (lambda tp, p, y, n: tp / max(1, p))(*counts(o, r.t, 0.4))),
    'recall': ('recall(out, t)', lambda o, r: (lambda tp, p, y, n: tp / max(1, y))(*counts(o, r.t))),
    'recall6': ('recall(out, t, at = 0.6)', lambda o, r: (lambda tp, p, y, n: tp / max(1, y))(*counts(o, r.t, 0.6))),
    'f1': ('f1(out, t)', lambda o, r: (lambda tp, p, y, n: 2 * tp / max(1, p + y))(*counts(o, r.t))),
    'f1_at_4': ('f1(out, t, at = 0.4)', lambda o, r: (lambda tp, p, y, n: 2 * tp / max(1, p + y))(*counts(o, r.t, 0.4))),
    **{f'{name}{at or ""}': (f'{name}(out, t{f", at = 0.{at}" if at else ""})', lambda o, r, f=f, at=at: f(*counts(o, r.t, at / 10 or 0.5)))
       for at in (0, 4) for name, f in {
           'true_positives': lambda tp, p, y, n: tp, 'false_positives': lambda tp, p, y, n: p - tp, 'false_negatives': lambda tp, p, y, n: y - tp,
           'true_negatives': lambda tp, p, y, n: n - p - y + tp, 'fbeta': lambda tp, p, y, n: 2 * tp / max(1, p + y),
           'binary_iou': lambda tp, p, y, n: (tp / max(1, p + y - tp) + (n - p - y + tp) / max(1, n - tp)) / 2}.items()},
    'f2': ('fbeta(out, t, beta = 2)', lambda o, r: (lambda tp, p, y, n: 5 * tp / max(1, p + 4 * y))(*counts(o, r.t))),
    'matthews': ('matthews(out, t, at = 0.4)', matthews),
    'auc': ('auc(out, t)', auc),
    'average_precision': ('average_precision(out, t)', precise), 'precise_of_equals': ('average_precision(floor(out), t)', lambda o, r: precise(o.floor(), r)),
    'middle': ('quantile_of(out)', lambda o, r: o.quantile(0.5, 0)), 'high': ('quantile_of(out, q = 0.85)', lambda o, r: o.quantile(0.85, 0)),
}, loss=('binary_cross_entropy(out, t)', lambda o, r: F.binary_cross_entropy_with_logits(o, r.t)))


def at_cuts(cuts, choose):
    """At thresholds k / (cuts - 1), as in Keras: choose(true positives, said, true ones, all)."""
    def f(o, r):
        tp, p, y, n = (torch.stack([torch.as_tensor(c, dtype=torch.float64) for c in each])
                       for each in zip(*(counts(o, r.t, k / (cuts - 1)) for k in range(cuts))))
        return choose(tp, p, y, n)
    return f


def share(a, b): return torch.where(b > 0, a / b.clamp(min=1), 0)
def best(of, where): return torch.where(where, of, 0).max()


def pr_area(tp, p, y, n):
    """Davis and Goadrich 2006, as Keras's AUC(curve='PR')."""
    slope = share(tp[:-1] - tp[1:], p[:-1] - p[1:])
    start = tp[1:] - slope * p[1:]
    grown = torch.where((p[:-1] > 0) & (p[1:] > 0), p[:-1] / p[1:].clamp(min=1), 1)
    return (slope * (tp[:-1] - tp[1:] + start * grown.log()) / y[1:]).sum()


metrics('cuts', {
    name + (str(cuts) if cuts else ''): (f'{name}(out, t{value}{f", cuts = {cuts}" if cuts else ""})', at_cuts(cuts or 200, f))
    for cuts in (0, 9) for name, value, f in [
        ('precision_at_recall', ', 0.6', lambda tp, p, y, n: best(share(tp, p), share(tp, y) >= 0.6)),
        ('recall_at_precision', ', 0.6', lambda tp, p, y, n: best(share(tp, y), share(tp, p) >= 0.6)),
        ('sensitivity_at_specificity', ', 0.6', lambda tp, p, y, n: best(share(tp, y), share(n - y - p + tp, n - y) >= 0.6)),
        ('specificity_at_sensitivity', ', 0.6', lambda tp, p, y, n: best(share(n - y - p + tp, n - y), share(tp, y) >= 0.6)),
        ('pr_auc', '', pr_area)]
}, loss=('binary_cross_entropy(out, t)', lambda o, r: F.binary_cross_entropy_with_logits(o, r.t)))
metrics('numbers', {
    'mse': ('mse(out, y)', lambda o, r: F.mse_loss(o, r.y)),
    'mae': ('mae(out, y)', lambda o, r: F.l1_loss(o, r.y)),
    'rmse': ('rmse(out, y)', lambda o, r: F.mse_loss(o, r.y).sqrt()),
    'r2': ('r2(out, y)', lambda o, r: 1 - (r.y - o).square().sum() / (r.y - r.y.mean()).square().sum()),
    'concordance': ('concordance(out, y)', lambda o, r: 2 * ((o - o.mean()) * (r.y - r.y.mean())).mean()
                    / (o.var(correction=0) + r.y.var(correction=0) + (o.mean() - r.y.mean())**2)),
    'pearson': ('pearson(out, y)', lambda o, r: torch.corrcoef(torch.stack([o.flatten(), r.y.flatten()]))[0, 1]),
}, loss=('huber(out, y)', lambda o, r: F.huber_loss(o, r.y)))
