"""Pools, borders, sizes and patches: functions without parameters, at given points. Each takes a row of numbers as a sequence
[12, 4], an image [4, 6, 2] or a volume [2, 4, 3, 2], channels last, and gives one; PyTorch's have the channels second."""
import torch
import torch.nn.functional as F

from edges import Edges

POINTS = [[round(v, 3) for v in row] for row in torch.randn(2, 48, generator=torch.Generator().manual_seed(3), dtype=torch.float64).tolist()]
SHAPES = {'sequence': (12, 4), 'image': (4, 6, 2), 'volume': (2, 4, 3, 2)}
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


def padded(mode):
    """The function of each number of dimensions, plain and with borders of several widths."""
    name = {'constant': 'constant', 'reflect': 'reflection', 'replicate': 'replication', 'circular': 'circular'}[mode]
    for make, dims, options, widths in [
            (lines, 1, 'before = 3, after = 2', (3, 2)), (images, 2, 'top = 1, bottom = 2, left = 3, right = 0', (3, 0, 1, 2)),
            (volumes, 3, 'front = 1, back = 0, top = 2, bottom = 3, left = 2, right = 1', (2, 1, 2, 3, 1, 0))]:
        yield make(f'{name}_pad{dims}d(V)', lambda x, d=dims: F.pad(x, (1, 1) * d, mode))
        yield make(f'{name}_pad{dims}d(V, {options}{", value = -2" if mode == "constant" else ""})',
                   lambda x, w=widths: F.pad(x, w, mode, **({'value': -2} if mode == 'constant' else {})))


def patches(x, kernel, stride, pad):
    """By rows, columns, channels; PyTorch's are by channels first."""
    u = F.unfold(x, kernel, padding=pad, stride=stride).reshape(len(x), x.shape[1], kernel**2, -1)
    high, wide = ((n + 2 * pad - kernel) // stride + 1 for n in x.shape[2:])
    return u.transpose(1, 2).reshape(len(x), -1, high, wide)


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
        lines('adaptive_average_pool1d(V, 5)', lambda x: F.adaptive_avg_pool1d(x, 5)), images('adaptive_average_pool2d(V, 3, 4)', lambda x: F.adaptive_avg_pool2d(x, (3, 4))),
        volumes('adaptive_average_pool3d(V, 1, 3, 2)', lambda x: F.adaptive_avg_pool3d(x, (1, 3, 2))),
        lines('adaptive_max_pool1d(V, 5)', lambda x: F.adaptive_max_pool1d(x, 5)), images('adaptive_max_pool2d(V, 3, 4)', lambda x: F.adaptive_max_pool2d(x, (3, 4))),
        volumes('adaptive_max_pool3d(V, 1, 3, 2)', lambda x: F.adaptive_max_pool3d(x, (1, 3, 2))),
    ], VIEWS),
    Edges('shapes_borders', [
        *(e for mode in ('constant', 'reflect', 'replicate', 'circular') for e in padded(mode)),
        lines('crop1d(V)', lambda x: x[:, :, 1:-1]), lines('crop1d(V, before = 3, after = 0)', lambda x: x[:, :, 3:]),
        images('crop2d(V)', lambda x: x[:, :, 1:-1, 1:-1]), images('crop2d(V, top = 0, bottom = 2, left = 1, right = 3)', lambda x: x[:, :, :2, 1:3]),
        volumes('crop3d(V, front = 1, back = 0, top = 0, bottom = 2, left = 0, right = 1)', lambda x: x[:, :, 1:, :2, :2]),
    ], VIEWS),
    Edges('shapes_sizes', [
        images('center_crop(V, 2, 3)', lambda x: x[:, :, 1:3, 1:4]), lines('upsample1d(V)', lambda x: F.interpolate(x, scale_factor=2)),
        lines('upsample1d(V, scale = 3)', lambda x: F.interpolate(x, scale_factor=3)), volumes('upsample3d(V)', lambda x: F.interpolate(x, scale_factor=2)),
        volumes('upsample3d(V, scale = 3)', lambda x: F.interpolate(x, scale_factor=3)), images('nearest_resize2d(V, 3, 8)', lambda x: F.interpolate(x, (3, 8))),
        *(make(f'{name}(V, {", ".join(map(str, size))}{", align = true" if align else ""})', lambda x, m=mode, s=size, a=align: F.interpolate(x, s, mode=m, align_corners=a))
          for align in (False, True) for make, name, mode, size in [
              (lines, 'linear_resize1d', 'linear', (7,)), (lines, 'linear_resize1d', 'linear', (17,)), (images, 'bilinear_resize2d', 'bilinear', (3, 9)),
              (volumes, 'trilinear_resize3d', 'trilinear', (3, 2, 5)), (images, 'bicubic_resize2d', 'bicubic', (3, 9)), (images, 'bicubic_resize2d', 'bicubic', (1, 5))]),
        images('bilinear_upsample2d(V, scale = 3)', lambda x: F.interpolate(x, scale_factor=3, mode='bilinear')),
        lines('channel_shuffle(V, groups = 2)', lambda x: F.channel_shuffle(x, 2)), volumes('channel_shuffle(doubled(V), groups = 2)', lambda x: F.channel_shuffle(torch.cat([x, x * x], 1), 2)),
        images('unfold(V)', lambda x: patches(x, 3, 1, 0)), images('unfold(V, kernel = 2, stride = 2, pad = 1)', lambda x: patches(x, 2, 2, 1)),
        images('fold(unfold(V), 4, 6)', lambda x: F.fold(F.unfold(x, 3), (4, 6), 3)),
        images('fold(unfold(V, kernel = 2, stride = 2, pad = 1), 4, 6, kernel = 2, stride = 2, pad = 1)', lambda x: F.fold(F.unfold(x, 2, padding=1, stride=2), (4, 6), 2, padding=1, stride=2)),
        ('repeat_vector(A, 3)', lambda a: a[:, None].expand(-1, 3, -1), POINTS), lines('reverse(V)', lambda x: x.flip(2)),
    ], VIEWS + 'fn doubled(x[b, .., c]) = concat(x, square(x))\n'),
]
