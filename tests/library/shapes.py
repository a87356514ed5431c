"""Pools, borders, sizes and patches: functions without parameters, at given points. Each takes a row of numbers as a sequence
[12, 4], an image [4, 6, 2] or a volume [2, 4, 3, 2], channels last, and gives one; PyTorch's have the channels second."""
import itertools

import torch
import torch.nn.functional as F

from edges import Edges

POINTS = [[round(v, 3) for v in row] for row in torch.randn(2, 48, generator=torch.Generator().manual_seed(3), dtype=torch.float64).tolist()]
SHAPES = {'sequence': (12, 4), 'image': (4, 6, 2), 'volume': (2, 4, 3, 2)}
# places in pictures, some of them outside; none in the middle between two pixels
WAVES = (torch.rand(1, 3, 5, 2, generator=torch.Generator().manual_seed(8), dtype=torch.float64) * 2.6 - 1.3).round(decimals=3)
PICTURES = torch.randn(1, 4, 3, 2, generator=torch.Generator().manual_seed(9), dtype=torch.float64).round(decimals=3).tolist()
THETA = [[[0.8, 0.3, -0.2], [-0.4, 1.1, 0.1]], [[1, 0, 0], [0, 1, 0.5]]]
VIEWS = ''.join(f'fn {name}(x[b, n]) = reshape(x, b, {", ".join(map(str, shape))})\n' for name, shape in SHAPES.items())


def entry(view, call, f):
    """`call` has the view as V."""
    def g(a):
        x = a.reshape(len(a), *SHAPES[view]).movedim(-1, 1)
        return f(x).movedim(1, -1).flatten(1)
    return f'flatten({call.replace("V", f"{view}(A)")})', g, POINTS


def lines(call, f): return entry('sequence', call, f)
def images(call, f): return entry('image', call, f)
def volumes(call, f): return entry('volume', call, f)
def one(call, f): return (*images(call, f)[:2], POINTS[:1])


def padded(mode):
    """The function of each number of dimensions, plain and with borders of several widths."""
    name = {'constant': 'constant', 'reflect': 'reflection', 'replicate': 'replication', 'circular': 'circular'}[mode]
    for make, dims, options, widths in [
            (lines, 1, 'before = 3, after = 2', (3, 2)), (images, 2, 'before = [1, 3], after = [2, 0]', (3, 0, 1, 2)),
            (volumes, 3, 'before = [1, 2, 2], after = [0, 3, 1]', (2, 1, 2, 3, 1, 0))]:
        yield make(f'{name}_pad{dims}d(V)', lambda x, d=dims: F.pad(x, (1, 1) * d, mode))
        yield make(f'{name}_pad{dims}d(V, {options}{", value = -2" if mode == "constant" else ""})',
                   lambda x, w=widths: F.pad(x, w, mode, **({'value': -2} if mode == 'constant' else {})))


def said(size): return str(size[0]) if len(size) == 1 else f'[{", ".join(map(str, size))}]'


def cubic(size, align):
    """The bicubic one of an image of one row, which nothing mixes."""
    return lambda x: F.interpolate(x[:, :, None], (1, size), mode='bicubic', align_corners=align)[:, :, 0]


def tricubic(size, align=False):
    def f(x):
        n, c, d, h, w = x.shape
        flat = F.interpolate(x.reshape(n, c * d, h, w), size[1:], mode='bicubic', align_corners=align).reshape(n, c, d, *size[1:])
        lines = flat.permute(0, 1, 3, 4, 2).reshape(n, -1, d)
        return cubic(size[0], align)(lines).reshape(n, c, *size[1:], size[0]).permute(0, 1, 4, 2, 3)
    return f


def patches(x, kernel, stride, pad, dilation):
    """By places, then by the window's own places and channels, read one by one."""
    dims = x.dim() - 2
    x = F.pad(x, [p for p in reversed(pad) for _ in 'ab'])
    count = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation)]
    rows = []
    for place in itertools.product(*map(range, count)):
        rows.append(torch.stack([x[(slice(None), slice(None), *(a * s + o * d for a, s, o, d in zip(place, stride, offset, dilation)))]
                                 for offset in itertools.product(*map(range, kernel))], 1).flatten(1))
    return torch.stack(rows, 2).reshape(len(x), -1, *count)


def unfolded(x, y, options):
    """The transposed of `patches`: its slope by x, given y as the slope of its result."""
    with torch.enable_grad():
        z = torch.zeros(x.shape, requires_grad=True)
        return torch.autograd.grad(patches(z, *options), z, y, create_graph=True)[0]


def windows():
    """Patches of each number of dimensions and what they fold to."""
    for make, dims, size in (lines, 1, (12,)), (images, 2, (4, 6)), (volumes, 3, (2, 4, 3)):
        one = (1,) * dims
        several = [(2, 3, 2)[:dims], (2, 1, 1)[:dims], (1, 1, 0)[:dims], (1, 2, 2)[:dims] if dims > 1 else (2,)]
        text = f'kernel = {said(several[0])}, stride = {said(several[1])}, pad = {said(several[2])}, dilation = {said(several[3])}'
        small = [(2,) * dims, one, (0,) * dims, one]
        yield make(f'unfold{dims}d(V, kernel = 2)', lambda x, o=small: patches(x, *o))
        yield make(f'unfold{dims}d(V, {text})', lambda x, o=several: patches(x, *o))
        yield make(f'fold{dims}d(unfold{dims}d(V, kernel = 2), {said(size)}, kernel = 2)', lambda x, o=small: unfolded(x, patches(x, *o), o))
        yield make(f'fold{dims}d(unfold{dims}d(V, {text}), size = {said(size)}, {text})', lambda x, o=several: unfolded(x, patches(x, *o), o))


def same(x, size, stride, fill):
    """As many places around it as give one window for each `stride` elements, the odd one behind."""
    for i, (k, s) in enumerate(zip(size, stride)):
        n = x.shape[2 + i]
        total = max(0, ((n + s - 1) // s - 1) * s + k - n)
        widths = [0, 0] * (x.dim() - 3 - i) + [total // 2, total - total // 2]
        x = F.pad(x, widths, value=fill)
    return x


SIZES = '12', '[4, 6]', '[2, 4, 3]'
UNPOOLS = ''.join(f'''layer put_back{d}d(x[b, {', '.join('ijk'[:d])}, c]) = max_unpool{d}d(max_pool{d}d(x), argmax_pool{d}d(x))
layer put_wide{d}d(x[b, {', '.join('ijk'[:d])}, c]) -> y[b, {', '.join('ijk'[:d])}, c] {{
    y = max_unpool{d}d(max_pool{d}d(x, {o}), argmax_pool{d}d(x, {o}), {o}, count = {SIZES[d - 1]})
}}
''' for d, o in zip((1, 2, 3), ('size = 3, stride = 3, pad = 1', 'size = [3, 2], stride = [3, 2], pad = [1, 0]', 'size = [3, 2, 2], stride = [3, 2, 2], pad = [1, 0, 1]')))


def pools():
    """Rectangular ones, with borders, over the end, by what is inside alone."""
    unpool = F.max_unpool1d, F.max_unpool2d, F.max_unpool3d
    largest, mean = (F.max_pool1d, F.max_pool2d, F.max_pool3d), (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
    for make, dims in (lines, 1), (images, 2), (volumes, 3):
        size, stride, pad, dilation = (2, 3, 2)[:dims], (3, 2, 1)[:dims], (1, 1, 0)[:dims], (3, 2, 2)[:dims]
        if dims == 3: stride, dilation = (1, 2, 2), (1, 1, 2)
        text = f'size = {said(size)}, stride = {said(stride)}, pad = {said(pad)}'
        for ceil in False, True:
            tail = ', ceil = true' if ceil else ''
            yield make(f'max_pool{dims}d(V, {text}, dilation = {said(dilation)}{tail})', lambda x, d=dims, o=(size, stride, pad, dilation, ceil): largest[d - 1](x, *o))
            yield make(f'average_pool{dims}d(V, {text}{tail})', lambda x, d=dims, o=(size, stride, pad, ceil): mean[d - 1](x, *o))
            yield make(f'average_pool{dims}d(V, {text}, outside = false{tail})', lambda x, d=dims, o=(size, stride, pad, ceil): mean[d - 1](x, *o, count_include_pad=False))
        yield make(f'max_pool{dims}d(V, size = {said(size)}, stride = 2, pad = same)', lambda x, d=dims, s=size: largest[d - 1](same(x, s, (2,) * d, -torch.inf), s, 2))
        yield make(f'average_pool{dims}d(V, size = {said(size)}, stride = 2, pad = same, outside = false)', lambda x, d=dims, s=size: (
            mean[d - 1](same(x, s, (2,) * d, 0), s, 2) / mean[d - 1](same(torch.ones_like(x), s, (2,) * d, 0), s, 2)))
        yield make(f'argmax_pool{dims}d(V, {text}, dilation = {said(dilation)}, ceil = true)', lambda x, d=dims, o=(size, stride, pad, dilation, True): (
            largest[d - 1](x, *o, return_indices=True)[1] + 0 * largest[d - 1](x, *o)))
        if dims < 3: yield make(f'put_back{dims}d(V)', lambda x, d=dims: unpool[d - 1](*largest[d - 1](x, 2, return_indices=True), 2))
        yield make(f'put_wide{dims}d(V)', lambda x, d=dims, o=((3, 2, 2)[:dims], (3, 2, 2)[:dims], (1, 0, 1)[:dims]): unpool[d - 1](
            *largest[d - 1](x, *o, return_indices=True), *o, output_size=x.shape[2:]))
        yield make(f'lp_pool{dims}d(abs(V), p = 3, size = {said(size)}, stride = {said(stride)})', lambda x, d=dims, o=(size, stride): (
            mean[d - 1](x.abs()**3, *o) * torch.Size(o[0]).numel())**(1 / 3))


CASES = [
    Edges('shapes_pools', [
        lines('max_pool1d(V, size = 3, stride = 2, pad = 1)', lambda x: F.max_pool1d(x, 3, 2, 1)), volumes('max_pool3d(V)', lambda x: F.max_pool3d(x, 2)),
        volumes('max_pool3d(V, size = 2, stride = 1, pad = 1)', lambda x: F.max_pool3d(x, 2, 1, 1)),
        lines('average_pool1d(V)', lambda x: F.avg_pool1d(x, 2)), lines('average_pool1d(V, size = 3, stride = 2, pad = 1)', lambda x: F.avg_pool1d(x, 3, 2, 1)),
        images('average_pool2d(V, size = 3, stride = 2, pad = 1)', lambda x: F.avg_pool2d(x, 3, 2, 1)), volumes('average_pool3d(V)', lambda x: F.avg_pool3d(x, 2)),
        volumes('average_pool3d(V, size = 2, stride = 1, pad = 1)', lambda x: F.avg_pool3d(x, 2, 1, 1)),
        lines('lp_pool1d(V)', lambda x: F.lp_pool1d(x, 2, 2)), lines('lp_pool1d(abs(V), p = 3, size = 3, stride = 2)', lambda x: F.lp_pool1d(x.abs(), 3, 3, 2)),
        images('lp_pool2d(V)', lambda x: F.lp_pool2d(x, 2, 2)), images('lp_pool2d(V, p = 4, size = 3, stride = 1)', lambda x: F.lp_pool2d(x, 4, 3, 1)),
        volumes('lp_pool3d(V)', lambda x: F.lp_pool3d(x, 2, 2)), volumes('lp_pool3d(abs(V), p = 1, size = 2, stride = 1)', lambda x: F.lp_pool3d(x.abs(), 1, 2, 1)),
        *(make(f'global_{name}_pool(V)', lambda x, f=f: f(x, tuple(range(2, x.ndim)))[:, :, None])
          for make in (lines, images, volumes) for name, f in [('average', torch.mean), ('max', torch.amax)]),
        lines('adaptive_average_pool1d(V, 5)', lambda x: F.adaptive_avg_pool1d(x, 5)), images('adaptive_average_pool2d(V, [3, 4])', lambda x: F.adaptive_avg_pool2d(x, (3, 4))),
        volumes('adaptive_average_pool3d(V, [1, 3, 2])', lambda x: F.adaptive_avg_pool3d(x, (1, 3, 2))),
        lines('adaptive_max_pool1d(V, 5)', lambda x: F.adaptive_max_pool1d(x, 5)), images('adaptive_max_pool2d(V, [3, 4])', lambda x: F.adaptive_max_pool2d(x, (3, 4))),
        volumes('adaptive_max_pool3d(V, [1, 3, 2])', lambda x: F.adaptive_max_pool3d(x, (1, 3, 2))),
        *pools(),
    ], VIEWS + UNPOOLS),
    Edges('shapes_borders', [
        *(e for mode in ('constant', 'reflect', 'replicate', 'circular') for e in padded(mode)),
        lines('crop1d(V)', lambda x: x[:, :, 1:-1]), lines('crop1d(V, before = 3, after = 0)', lambda x: x[:, :, 3:]),
        images('crop2d(V)', lambda x: x[:, :, 1:-1, 1:-1]), images('crop2d(V, before = [0, 1], after = [2, 3])', lambda x: x[:, :, :2, 1:3]),
        volumes('crop3d(V, before = [1, 0, 0], after = [0, 2, 1])', lambda x: x[:, :, 1:, :2, :2]),
    ], VIEWS),
    Edges('shapes_sizes', [
        lines('center_crop1d(V, 5)', lambda x: x[:, :, 3:8]), volumes('center_crop3d(V, size = [1, 2, 2])', lambda x: x[:, :, :1, 1:3, :2]),
        images('center_crop2d(V, [2, 3])', lambda x: x[:, :, 1:3, 1:4]), lines('upsample1d(V)', lambda x: F.interpolate(x, scale_factor=2)),
        lines('upsample1d(V, scale = 3)', lambda x: F.interpolate(x, scale_factor=3)), volumes('upsample3d(V)', lambda x: F.interpolate(x, scale_factor=2)),
        volumes('upsample3d(V, scale = 3)', lambda x: F.interpolate(x, scale_factor=3)), images('nearest_resize2d(V, [3, 8])', lambda x: F.interpolate(x, (3, 8))),
        lines('nearest_resize1d(V, 7)', lambda x: F.interpolate(x, 7)), volumes('nearest_resize3d(V, size = [3, 6, 2])', lambda x: F.interpolate(x, (3, 6, 2))),
        images('upsample2d(V, scale = [3, 1])', lambda x: F.interpolate(x, scale_factor=(3, 1))),
        *(make(f'{name}(V, {said(size)}{", align = true" if align else ""})', lambda x, m=mode, s=size, a=align: F.interpolate(x, s, mode=m, align_corners=a))
          for align in (False, True) for make, name, mode, size in [
              (lines, 'linear_resize1d', 'linear', (7,)), (lines, 'linear_resize1d', 'linear', (17,)), (images, 'bilinear_resize2d', 'bilinear', (3, 9)),
              (volumes, 'trilinear_resize3d', 'trilinear', (3, 2, 5)), (images, 'bicubic_resize2d', 'bicubic', (3, 9)), (images, 'bicubic_resize2d', 'bicubic', (1, 5))]),
        lines('cubic_resize1d(V, 7)', cubic(7, False)), lines('cubic_resize1d(V, 17, align = true)', cubic(17, True)),
        volumes('tricubic_resize3d(V, size = [3, 2, 5])', tricubic((3, 2, 5))), volumes('tricubic_resize3d(V, [3, 2, 5], align = true)', tricubic((3, 2, 5), True)),
        images('bilinear_upsample2d(V, scale = 3)', lambda x: F.interpolate(x, scale_factor=3, mode='bilinear')),
        lines('linear_upsample1d(V)', lambda x: F.interpolate(x, scale_factor=2, mode='linear')), lines('linear_upsample1d(V, scale = 3)', lambda x: F.interpolate(x, scale_factor=3, mode='linear')),
        volumes('trilinear_upsample3d(V, scale = [1, 2, 3])', lambda x: F.interpolate(x, scale_factor=(1, 2, 3), mode='trilinear')),
        lines('channel_shuffle(V, groups = 2)', lambda x: F.channel_shuffle(x, 2)), volumes('channel_shuffle(doubled(V), groups = 2)', lambda x: F.channel_shuffle(torch.cat([x, x * x], 1), 2)),
        *windows(),
        one('grid_sample(V, waves)', lambda x: F.grid_sample(x, WAVES.double(), align_corners=False)),
        one('grid_sample(V, waves, align = true)', lambda x: F.grid_sample(x, WAVES.double(), align_corners=True)),
        *((f'flatten(affine_grid(A, 3, 4{text}))', lambda a, align=align: F.affine_grid(a, (2, 1, 3, 4), align_corners=align).flatten(1), THETA)
          for align, text in [(False, ''), (True, ', align = true')]),
        ('flatten(grid_sample(pictures, A))', lambda g: F.grid_sample(torch.tensor(PICTURES).double().permute(0, 3, 1, 2), g, align_corners=False).permute(0, 2, 3, 1).flatten(1), WAVES.tolist()),
        ('repeat_vector(A, 3)', lambda a: a[:, None].expand(-1, 3, -1), POINTS), lines('reverse(V)', lambda x: x.flip(2)),
    ], VIEWS + f'waves = {WAVES.tolist()}\npictures = {PICTURES}\n' + 'fn doubled(x[b, .., c]) = concat(x, square(x))\n'),
]
