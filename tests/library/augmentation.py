"""Pictures seen a little different each time: what is computed of given numbers against PyTorch, values and slopes; what layers draw by the
mean over all draws (midpoints of many intervals, or many samples)."""
import math
import torch
import torch.nn.functional as F

from edges import Edges
from engine import Draws

random = torch.Generator().manual_seed(6)
PICTURES = [[[[round(v, 3) for v in pixel] for pixel in line] for line in picture] for picture in torch.rand(2, 4, 5, 3, generator=random).tolist()]
MAPS = [[[0.9, 0.3, 0.4], [-0.23, 1.17, -0.31]], [[1.1, -0.4, 0.2], [0.5, 0.7, 1.3]]]


def channels_first(x): return x.permute(0, 3, 1, 2)


def affine(x, m):
    """By PyTorch's grids, which count from -1 to 1, columns first. x: [n, c, h, w], m in pixels, rows first."""
    h, w = x.shape[2:]
    i, j = torch.arange(h) - (h - 1) / 2, torch.arange(w) - (w - 1) / 2
    row = m[:, 0, 0, None, None] * i[:, None] + m[:, 0, 1, None, None] * j + m[:, 0, 2, None, None]
    column = m[:, 1, 0, None, None] * i[:, None] + m[:, 1, 1, None, None] * j + m[:, 1, 2, None, None]
    grid = torch.stack((column * 2 / (w - 1), row * 2 / (h - 1)), -1)
    return F.grid_sample(x, grid.to(x.dtype), align_corners=True)


def contrasted(x, t):
    middle = x.mean((1, 2), keepdim=True)
    return middle + t[:, None, None, None] * (x - middle)


def saturated(x, t):
    grey = (x * torch.tensor([0.299, 0.587, 0.114])).sum(-1, keepdim=True)
    return t[:, None, None, None] * x + (1 - t[:, None, None, None]) * grey


def tinted(x, turn):
    """By way of hue, saturation and value, as torchvision's adjust_hue."""
    r, g, b = x.unbind(-1)
    high, low = x.amax(-1), x.amin(-1)
    wide = (high - low).clamp(min=1e-12)
    hue = torch.where(r == high, (g - b) / wide, torch.where(g == high, 2 + (b - r) / wide, 4 + (r - g) / wide)) / 6
    hue = (hue + turn[:, None, None]) % 1
    share = (high - low) / high.clamp(min=1e-12)
    sextant = torch.floor(hue * 6)
    f = hue * 6 - sextant
    p, q, t = high * (1 - share), high * (1 - share * f), high * (1 - share * (1 - f))
    table = torch.stack([torch.stack(c, -1) for c in ((high, t, p), (q, high, p), (p, high, t), (p, q, high), (t, p, high), (high, p, q))])
    return torch.gather(table, 0, (sextant.long() % 6)[None, ..., None].expand(1, *x.shape))[0]


def rectangle(shape, top, left, height, width):
    inside = torch.zeros(shape, dtype=torch.bool)
    for n in range(shape[0]): inside[n, top[n]:top[n] + height[n], left[n]:left[n] + width[n]] = True
    return inside


BOX = rectangle((2, 4, 5, 3), [1, 0], [0, 2], [2, 3], [3, 9])


CASES = [Edges('functions_pictures', [
    ('affine2d(A, B)', lambda a, b: affine(channels_first(a), b), PICTURES, MAPS),
    ('contrasted(A, B)', lambda a, b: channels_first(contrasted(a, b)), PICTURES, [0.4, 1.3]),
    ('saturated(A, B)', lambda a, b: channels_first(saturated(a, b)), PICTURES, [0.4, 1.3]),
    ('tinted(A, B)', lambda a, b: channels_first(tinted(a, b)), PICTURES, [0.11, -0.38]),
    ('erased(A, top, left, height, width)', lambda a: channels_first(a.masked_fill(BOX, 0)), PICTURES),
    ('erased(A, top, left, height, width, value = 0.7)', lambda a: channels_first(a.masked_fill(BOX, 0.7)), PICTURES),
    ('mixed(A, others, B)', lambda a, b: channels_first(b[:, None, None, None] * a + (1 - b[:, None, None, None]) * a.flip(0)), PICTURES, [0.3, 0.8]),
    ('pasted(A, others, top, left, height, width)', lambda a: channels_first(torch.where(BOX, a.flip(0), a)), PICTURES),
], 'others = [1, 0]\ntop    = [1, 0]\nleft   = [0, 2]\nheight = [2, 3]\nwidth  = [3, 9]\n')]


def middles(low, high, count=500): return low + (high - low) * (torch.arange(count) + 0.5) / count


def mapped(coded, maps):
    """The mean over maps, pairs of pairs."""
    m = torch.zeros(len(maps[0][0]), 2, 3, dtype=torch.float64)
    for i in range(2):
        for j in range(2): m[:, i, j] = maps[i][j]
    return affine(coded.double().expand(len(m), 1, 3, 4), m).mean((0, 1))


def erasing(coded, chance, low, high, value, count=200000):
    g = torch.Generator().manual_seed(1)
    def uniform(a, b): return a + (b - a) * torch.rand(count, generator=g, dtype=torch.float64)
    h, w = coded.shape
    share, ratio = uniform(low, high), torch.exp(uniform(-math.log(3), math.log(3)))
    height = torch.floor((share * h * w * ratio).sqrt() + 0.5).clamp(max=h)
    width = torch.floor((share * h * w / ratio).sqrt() + 0.5).clamp(max=w)
    top, left = torch.floor(uniform(0, 1) * (h - height + 1)), torch.floor(uniform(0, 1) * (w - width + 1))
    i, j = torch.arange(h)[:, None], torch.arange(w)
    total = torch.zeros(h, w, dtype=torch.float64)
    for t, l, a, b in zip(*(v[:, None, None].split(20000) for v in (top, left, height, width))):
        total += ((i >= t) & (i < t + a) & (j >= l) & (j < l + b)).double().sum(0)
    inside = chance * total / count
    return (1 - inside) * coded + inside * value


def second_of(alpha):
    """Of two numbers drawn from 0 .. 1 and mixed by Beta(alpha, alpha), the mean square."""
    square = (alpha + 1) / (2 * (2 * alpha + 1))      # E of part^2, and of (1 - part)^2
    return 2 * square / 3 + (1 - 2 * square) / 4


def second_of_boxes(alpha, h=3, w=4, count=400000):
    g = torch.Generator().manual_seed(2)
    part = torch.distributions.Beta(alpha, alpha)
    torch.manual_seed(3)
    side = (1 - part.sample((count,)).double()).sqrt()
    def span(n):
        middle, half = torch.floor(n * torch.rand(count, generator=g, dtype=torch.float64)), torch.floor(side * n / 2)
        return (middle + half).clamp(max=n) - (middle - half).clamp(min=0)
    kept = 1 - span(h) * span(w) / (h * w)
    return ((kept**2 + (1 - kept)**2) / 3 + 2 * kept * (1 - kept) / 4).mean()


PAIRS = """data rows = synthetic(4000) {
    x[3, 4, 2] = uniform(0, 1)
    split      = ordered(test = 10%)
}
layer pairs(x[b, h, w, c]) -> y[b, h, w, c] {
    param g = 1
    flat[n, i < h, j < w, d < c] = g * x[n, 0, 0, 0]
    own[n, i < 2] = x[n, 0, 0, 0]
    both = MIX
    y[n, i, j, d] = both.y[n, i, j, d] if d == 0 else both.t[n, 1]
}
model net(x[batch, 3, 4, 2]) -> y[batch, 3, 4, 2] {
    x |> pairs
}
train net on rows {
    loss      = mean(y)
    optimizer = sgd(lr = 0)
    batch     = 400
    epochs    = 1
    metrics   = [
        agree  = 1 + mean[n] abs((mean[i, j] y[n, i, j, 0]) - y[n, 0, 0, 1]),
        second = mean[n] y[n, 0, 0, 1]^2
    ]
}
"""


def pairs(name, call, second):
    return Draws('draws_' + name, PAIRS.replace('MIX', call), [('log.agree', lambda: 1), ('log.test.agree', lambda: 1), ('log.second', lambda: second), ('log.test.second', lambda: 1 / 3)], 0.03)


CASES += [pairs('mixup', 'mixup(flat, own)', second_of(0.2)), pairs('mixup_alpha', 'mixup(flat, own, alpha = 0.7)', second_of(0.7)),
          pairs('cutmix', 'cutmix(flat, own)', second_of_boxes(1.0)), pairs('cutmix_alpha', 'cutmix(flat, own, alpha = 0.4)', second_of_boxes(0.4))]


def draw(drawing, places, second, coded, moments):
    """The layers of one picture, on `coded`: 1 .. 12 in both channels."""
    zero, one = torch.zeros(500), torch.ones(500)
    def turns(by):
        a = middles(-by, by) * math.pi / 180
        return mapped(coded, [[a.cos(), a.sin()], [-a.sin(), a.cos()]])
    def sizes(low, high):
        s = middles(low, high)
        return mapped(coded, [[1 / s, zero], [zero, 1 / s]])
    def leans(by): return mapped(coded, [[one, zero], [(middles(-by, by) * math.pi / 180).tan(), one]])
    drawing('random_flip_both', 'random_flip(chance = 0.3, vertical = 0.4)', [
        (*places, 0.6 * (0.7 * coded + 0.3 * coded.flip(1)) + 0.4 * (0.7 * coded + 0.3 * coded.flip(1)).flip(0), coded)], moments)
    windows = sum(coded[i:i + 2, j:j + 3] for i in range(2) for j in range(2)) / 4
    drawing('random_crop', 'random_crop(2, 3) |> constant_pad2d(before = 0, after = 1)', [
        (*places, F.pad(windows, (0, 1, 0, 1)), F.pad(coded[0:2, 0:3], (0, 1, 0, 1)))], moments)
    for options, value in (('', turns(15)), ('(by = 90)', turns(90))):
        drawing('random_rotate' + ('_by' if options else ''), 'random_rotate' + options, [(*places, value, coded)], moments)
    for options, value in (('', sizes(0.8, 1.2)), ('(low = 0.5, high = 3)', sizes(0.5, 3))):
        drawing('random_zoom' + ('_options' if options else ''), 'random_zoom' + options, [(*places, value, coded)], moments)
    for options, value in (('', leans(10)), ('(by = 40)', leans(40))):
        drawing('random_shear' + ('_by' if options else ''), 'random_shear' + options, [(*places, value, coded)], moments)
    square = coded.square().mean()
    for by in (0.2, 3):
        drawing('random_brightness' + ('' if by == 0.2 else '_by'), 'random_brightness' + ('' if by == 0.2 else f'(by = {by})'), [
            (*places, coded, coded), (*second, square + by**2 / 3, square)], moments)
    for by in (0.2, 0.9):
        drawing('random_contrast' + ('' if by == 0.2 else '_by'), 'random_contrast' + ('' if by == 0.2 else f'(by = {by})'), [
            (*places, coded, coded), (*second, coded.mean()**2 + (1 + by**2 / 3) * coded.var(correction=0), square)], moments)
    colours = 'fn colours(x[b, h, w, c]) -> y[b, h, w, 3] {\n    y[n, i, j, d] = x[n, i, j, 0] * (1 + d)\n}\nfn two(x[b, h, w, 3]) -> y[b, h, w, 2] {\n    y[n, i, j, d] = x[n, i, j, d]\n}\n'
    coloured = coded[..., None] * torch.tensor([1., 2, 3])
    def changed(f, values): return torch.stack([f(coloured[None].double(), v[None])[0, ..., :2] for v in values.double()])
    for name, f, cases in (('saturation', saturated, ((0.2, ''), (0.8, '(by = 0.8)'))), ('hue', tinted, ((0.05, ''), (0.4, '(by = 0.4)')))):
        for by, options in cases:
            seen = changed(f, middles(1 - by, 1 + by) if name == 'saturation' else middles(-by, by))
            drawing(f'random_{name}' + ('_by' if options else ''), f'colours |> random_{name}{options} |> two', [
                (*places, seen.mean((0, 3)), coloured[..., :2].mean(2)), (*second, seen.square().mean(), coloured[..., :2].square().mean())], moments + colours)
    for options, value in (('', erasing(coded, 0.5, 0.02, 0.33, 0)), ('(chance = 0.9, low = 0.2, high = 0.6, value = 5)', erasing(coded, 0.9, 0.2, 0.6, 5))):
        drawing('random_erase' + ('_options' if options else ''), 'random_erase' + options, [(*places, value, coded)], moments)
