"""Convolutions of one, two and three dimensions: options, rectangular windows, odd sizes. Each stands between two dense layers."""
import torch
import torch.nn.functional as F

from engine import Case, dense
from layers import largest, lengths

SHAPES = {1: (11, 4), 2: (3, 5, 4), 3: (2, 3, 3, 4)}
VIEWS = {d: f'fn view(x[b, n]) = reshape(x, b, {", ".join(map(str, shape))})\n' for d, shape in SHAPES.items()}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TURNED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
CASES = []


def case(name, dims, text, f, **options):
    """f(x, w): x with its channels second."""
    shape = SHAPES[dims]

    def g(h, w):
        return f(h.reshape(len(h), *shape).movedim(-1, 1), w).movedim(1, -1).flatten(1)
    CASES.append(Case(f'window_{name}{dims}d', hidden=(f'view |> {text} |> flatten', g), width=torch.Size(shape).numel(), definitions=VIEWS[dims], **options))


def said(values): return str(values[0]) if len(values) == 1 else f'[{", ".join(map(str, values))}]'
def ours(k): return k.movedim(-1, 0).movedim(-1, 1)      # [kernel.., in, out] as [out, in, kernel..]


def bordered(x, before, after):
    return F.pad(x, [n for pair in reversed(list(zip(before, after))) for n in pair])


def convolve(x, k, bias, stride, before, after, dilation=1, groups=1):
    return CONV[x.dim() - 2](bordered(x, before, after), k, bias, stride, 0, dilation, groups)


def same(n, kernel, stride, dilation=1):
    """TensorFlow's: as few as are needed, the odd one behind."""
    total = max(0, ((n + stride - 1) // stride - 1) * stride + dilation * (kernel - 1) + 1 - n)
    return total // 2, total - total // 2


def tf_conv(x, k, bias, stride):
    pads = [same(n, kernel, s) for n, kernel, s in zip(x.shape[2:], k.shape[2:], stride)]
    return convolve(x, k, bias, stride, *zip(*pads))


def deep(x, w, n, window, bias=True):
    return convolve(x, w[n + '.k'].movedim(-1, 0)[:, None], w[n + '.shift'] if bias else None, *window, groups=x.shape[1])


def turned(x, k, bias, stride, pad=0, more=0, dilation=1, groups=1):
    return TURNED[x.dim() - 2](x, k.movedim(-1, 0).movedim(-1, 0), bias, stride, pad, more, groups, dilation)


def tf_turned(x, k, bias, stride):
    """n * stride of them: what stands before and behind is cut, or, where the kernel is smaller, is more."""
    y = turned(x, k, bias, stride, 0, tuple(max(0, s - size) for size, s in zip(k.shape, stride)))
    for i, (size, n, s) in enumerate(zip(k.shape, x.shape[2:], stride)): y = y.narrow(2 + i, max(0, size - s) // 2, n * s)
    return y


def convolutions(d):
    kernel, stride, pad, after, dilation = (3, 2, 1)[:d], (2, 1, 2)[:d], (1, 0, 2)[:d], (2, 1, 0)[:d], (2, 1, 1)[:d]
    even, one = (4, 2, 3)[:d], (1,) * d
    window = stride, pad, after, dilation
    text = f'kernel = {said(kernel)}, stride = {said(stride)}, pad = {said(pad)}, after = {said(after)}, dilation = {said(dilation)}'
    conv, name = CONV[d], f'net.conv{d}d_'
    case('conv', d, f'conv{d}d(3) |> tanh |> conv{d}d(2, kernel = 2, stride = 2, pad = 1)', lambda x, w: conv(
        torch.tanh(conv(x, ours(w[name + '1.k']), w[name + '1.shift'], 1, 1)), ours(w[name + '2.k']), w[name + '2.shift'], 2, 1))
    case('conv_options_', d, f'conv{d}d(6, {text}, bias = false, weights = he_uniform) |> tanh',
         lambda x, w: torch.tanh(convolve(x, ours(w[name + '1.k']), None, *window)))
    case('conv_groups_', d, f'conv{d}d(6, {text}, groups = 2) |> tanh |> conv{d}d(6, groups = 3)', lambda x, w: conv(
        torch.tanh(convolve(x, ours(w[name + '1.k']), w[name + '1.shift'], *window, groups=2)), ours(w[name + '2.k']), w[name + '2.shift'], 1, 1, groups=3))
    case('conv_same_', d, f'conv{d}d(3, kernel = {said(even)}, stride = {said(stride)}, pad = same) |> tanh |> conv{d}d(2, kernel = 1, pad = valid)',
         lambda x, w: conv(torch.tanh(tf_conv(x, ours(w[name + '1.k']), w[name + '1.shift'], stride)), ours(w[name + '2.k']), w[name + '2.shift']))

    lone = f'net.depthwise_conv{d}d_'
    case('depthwise', d, f'depthwise_conv{d}d({text}, multiplier = 2) |> tanh |> depthwise_conv{d}d(bias = false, weights = he_normal)',
         lambda x, w: deep(torch.tanh(deep(x, w, lone + '1', window)), w, lone + '2', (1, one, one), False))

    def separable(x, w, number, window, bias):
        n = f'net.separable_conv{d}d_{number}.'
        z = deep(x, w, f'{n}depthwise_conv{d}d_1', window, False).movedim(1, -1)
        return (dense(z, w, n + 'dense_1') if bias else z @ w[n + 'dense_1.w']).movedim(-1, 1)
    case('separable', d, f'separable_conv{d}d(5, {text}, multiplier = 2) |> tanh |> separable_conv{d}d(2, bias = false, weights = he_normal)',
         lambda x, w: separable(torch.tanh(separable(x, w, 1, window, True)), w, 2, (1, one, one), False))


def transposed(d):
    name = f'net.transposed_conv{d}d_'
    case('transposed', d, f'transposed_conv{d}d(2) |> tanh |> transposed_conv{d}d(2, kernel = 3, stride = 2, pad = 1, bias = false, weights = he_normal)',
         lambda x, w: turned(torch.tanh(turned(x, w[name + '1.k'], w[name + '1.shift'], 2)), w[name + '2.k'], None, 2, 1))
    kernel, stride, pad, more, dilation = (3, 2, 1)[:d], (2, 1, 2)[:d], (1, 0, 0)[:d], (1, 0, 1)[:d], (2, 2, 1)[:d]
    case('transposed_options_', d, f'transposed_conv{d}d(2, kernel = {said(kernel)}, stride = {said(stride)}, pad = {said(pad)}, more = {said(more)}, '
         f'dilation = {said(dilation)}) |> tanh', lambda x, w: torch.tanh(turned(x, w[name + '1.k'], w[name + '1.shift'], stride, pad, more, dilation)))
    even, wide = (4, 1, 3)[:d], (3, 2, 2)[:d]
    case('transposed_groups_', d, f'conv{d}d(6, 1) |> transposed_conv{d}d(4, groups = 2) |> tanh', lambda x, w: torch.tanh(turned(
        CONV[d](x, ours(w[f'net.conv{d}d_1.k']), w[f'net.conv{d}d_1.shift']), w[name + '1.k'], w[name + '1.shift'], 2, groups=2)))
    case('transposed_same_', d, f'transposed_conv{d}d(2, kernel = {said(even)}, stride = {said(wide)}, pad = same) |> tanh',
         lambda x, w: torch.tanh(tf_turned(x, w[name + '1.k'], w[name + '1.shift'], wide)))


def through(d):
    names = [f'net.{word}_1' for word in (f'conv{d}d', f'depthwise_conv{d}d', f'transposed_conv{d}d', 'spectral_norm')]

    def f(x, w):
        h = torch.tanh(CONV[d](x, ours(largest(w[names[0] + '.k'], w, names[3])), w[names[0] + '.shift'], 1, 1))
        k = lengths(w[names[1] + '.k'], w, 'net.weight_norm_1').movedim(-1, 0)[:, None]
        h = torch.tanh(CONV[d](h, k, w[names[1] + '.shift'], 1, 1, 1, 3))
        return turned(h, lengths(w[names[2] + '.k'], w, 'net.weight_norm_2'), w[names[2] + '.shift'], 2)
    case('through_', d, f'conv{d}d(3, through = spectral_norm) |> tanh |> depthwise_conv{d}d(through = weight_norm) |> tanh |> transposed_conv{d}d(2, through = weight_norm)',
         f, test=40, states=('_1.u', '_1.v'))


for dims in SHAPES:
    through(dims)
    convolutions(dims)
    transposed(dims)
