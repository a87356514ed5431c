#!/usr/bin/env python3
"""Small pictures of every kind, and what is to be read from them: good/, broken/, and a .txt for each size.

Needs numpy and Pillow; the tests need neither. Sizes are by the definition in docs/language.md, in exact fractions, with
weights as matrices.
"""
import io, math, os, struct, zlib
from fractions import Fraction
import numpy as np
from PIL import Image

rng = np.random.default_rng(4)
here = os.path.dirname(os.path.abspath(__file__))
seen = {}  # name: the picture as red, green, blue, before it is made as large as a row


def smooth(h, w, c):
    """Waves and a little noise: JPEG keeps them."""
    y, x = np.mgrid[0:h, 0:w]
    a = [127 + 90 * np.sin(y / (3 + k) + k) * np.cos(x / (4 + 2 * k)) + rng.normal(0, 8, (h, w)) for k in range(c)]
    return np.clip(np.stack(a, -1), 0, 255).astype(np.uint8)


def grey_of(rgb):
    return ((rgb.astype(int) @ np.array([19595, 38470, 7471]) + 32768) >> 16)[..., None]


def on_white(rgb, alpha):
    a = alpha.astype(int)[..., None]
    return (rgb * a + 255 * (255 - a) + 127) // 255


def threefold(grey):
    return np.repeat(grey.reshape(grey.shape[0], grey.shape[1], 1), 3, 2)


# ---- PNG, written here, as Pillow writes neither interlaced files nor three colours of 16 bits ----

def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def packed(lines, depth):
    """Numbers [h, samples] as the bytes of lines, each with the filter 0 before it."""
    out = b''
    for line in lines:
        bits = ''.join(format(int(v), '0%db' % depth) for v in line)
        bits += '0' * (-len(bits) % 8)
        out += b'\0' + bytes(int(bits[k:k + 8], 2) for k in range(0, len(bits), 8))
    return out


def png(samples, colour, depth, palette=None, transparent=None, interlaced=False):
    h, w, n = samples.shape
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    data = b''
    for y, x, dy, dx in passes if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        if part.size:
            data += packed(part.reshape(part.shape[0], -1), depth)
    out = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, depth, colour, 0, 0, interlaced))
    if palette is not None:
        out += chunk(b'PLTE', palette.astype(np.uint8).tobytes())
    if transparent is not None:
        out += chunk(b'tRNS', transparent)
    return out + chunk(b'IDAT', zlib.compress(data, 9)) + chunk(b'IEND', b'')


# ---- JPEG ----

def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, 'JPEG', **options)
    return out.getvalue()


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def exif(data, orientation, big):
    order = '>' if big else '<'
    tiff = (b'MM\0*' if big else b'II*\0') + struct.pack(order + 'IH', 8, 2)
    tiff += struct.pack(order + 'HHIHH', 0x100, 3, 1, 9, 0) + struct.pack(order + 'HHIHH', 0x112, 3, 1, orientation, 0)
    tiff += struct.pack(order + 'I', 0)
    body = b'Exif\0\0' + tiff
    return data[:2] + b'\xff\xe1' + struct.pack('>H', len(body) + 2) + body + data[2:]


TURNED = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
          5: lambda a: a.swapaxes(0, 1), 6: lambda a: a[::-1].swapaxes(0, 1), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
          8: lambda a: a[:, ::-1].swapaxes(0, 1)}


def good(name, data, rgb):
    with open(os.path.join(here, 'good', name), 'wb') as f:
        f.write(data)
    seen[name] = np.asarray(rgb).astype(int)


def make_good():
    os.makedirs(os.path.join(here, 'good'), exist_ok=True)
    for depth in (1, 2, 4, 8, 16):
        a = rng.integers(0, 1 << depth, (9, 13, 1))
        full = (a * 255 * 2 + (1 << depth) - 1) // (2 * ((1 << depth) - 1))  # rounded half up
        good('grey_%d.png' % depth, png(a, 0, depth), threefold(full))
    a = rng.integers(0, 256, (11, 8, 3))
    good('colour.png', png(a, 2, 8), a)
    good('colour_interlaced.png', png(a, 2, 8, interlaced=True), a)
    a = rng.integers(0, 65536, (5, 6, 3))
    good('colour_16.png', png(a, 2, 16), (a * 255 * 2 + 65535) // (2 * 65535))
    a = rng.integers(0, 256, (7, 7, 4))
    good('alpha.png', png(a, 6, 8), on_white(a[..., :3], a[..., 3]))
    a = rng.integers(0, 256, (7, 9, 2))
    good('grey_alpha.png', png(a, 4, 8), on_white(threefold(a[..., :1]), a[..., 1]))
    colours, alphas = rng.integers(0, 256, (5, 3)), rng.integers(0, 256, 5)
    a = rng.integers(0, 5, (10, 12, 1))
    good('palette.png', png(a, 3, 4, colours), colours[a[..., 0]])
    good('palette_alpha.png', png(a, 3, 8, colours, bytes(alphas.tolist())), on_white(colours[a[..., 0]], alphas[a[..., 0]]))
    good('palette_interlaced.png', png(a, 3, 4, colours, interlaced=True), colours[a[..., 0]])
    a = rng.integers(0, 256, (6, 6, 3))
    key = a[2, 3]
    good('colour_key.png', png(a, 2, 8, transparent=struct.pack('>HHH', *key.tolist())),
         np.where((a == key).all(-1, keepdims=True), 255, a))
    one = png(rng.integers(0, 256, (1, 1, 3)), 2, 8)
    good('one.png', one, decoded(one))
    good('png_called.jpg', one, decoded(one))

    for name, options in (('colour', {'quality': 90}), ('fine', {'quality': 95, 'subsampling': 0}),
                          ('progressive', {'quality': 80, 'progressive': True})):
        data = jpeg(Image.fromarray(smooth(21, 30, 3)), **options)
        good(name + '.jpg', data, decoded(data))
    data = jpeg(Image.fromarray(smooth(17, 19, 1)[..., 0]), quality=90)
    good('grey.jpg', data, threefold(decoded(data)))
    good('upper.JPEG', data, threefold(decoded(data)))
    inks = Image.frombytes('CMYK', (18, 16), smooth(16, 18, 4).tobytes())
    data = jpeg(inks, quality=90)
    c = 255 - decoded(data).astype(int)  # Pillow turns Adobe's round
    good('inks.jpg', data, (c[..., :3] * c[..., 3:] + 127) // 255)
    data = jpeg(Image.fromarray(smooth(14, 23, 3)), quality=92)
    for orientation in range(1, 9):
        good('turned_%d.jpg' % orientation, exif(data, orientation, orientation % 2),
             TURNED[orientation](decoded(data)))
    good('turned_badly.jpg', exif(data, 9, False), decoded(data))


def make_broken():
    os.makedirs(os.path.join(here, 'broken'), exist_ok=True)
    picture = open(os.path.join(here, 'good', 'colour.png'), 'rb').read()
    photo = open(os.path.join(here, 'good', 'colour.jpg'), 'rb').read()
    waves = open(os.path.join(here, 'good', 'progressive.jpg'), 'rb').read()
    head = lambda w, h: b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, 8, 2, 0, 0, 0)) + \
        chunk(b'IDAT', zlib.compress(bytes(100))) + chunk(b'IEND', b'')
    frame = photo.index(b'\xff\xc0')
    sized = lambda w, h: photo[:frame + 5] + struct.pack('>HH', h, w) + photo[frame + 9:]
    damaged = bytearray(picture)
    damaged[-14] ^= 1
    files = {'cut.png': picture[:-30], 'cut.jpg': photo[:len(photo) * 2 // 3], 'cut_progressive.jpg': waves[:len(waves) // 2],
             'cut_in_head.png': picture[:20], 'cut_in_head.jpg': photo[:40], 'empty.png': b'', 'text.jpg': b'no picture\n',
             'damaged.png': bytes(damaged), 'no_pixels.png': head(0, 5), 'no_pixels.jpg': sized(0, 5),
             'huge.png': head(90000, 90000), 'wide.png': head(0x7fffffff, 1), 'large.png': head(9000, 9000),
             'huge.jpg': sized(65000, 65000), 'large.jpg': sized(9000, 9000)}
    for name, data in files.items():
        with open(os.path.join(here, 'broken', name), 'wb') as f:
            f.write(data)


# ---- sizes ----

def weights(size, n, begin, length, way):
    m = np.full((n, size), Fraction(0))
    for i in range(n):
        low, high = begin + length * Fraction(i, n), begin + length * Fraction(i + 1, n)
        if way == 'area':
            for k in range(size):
                m[i, k] = max(Fraction(0), min(Fraction(k + 1), high) - max(Fraction(k), low)) * n / length
        else:
            middle = (low + high) / 2
            first = math.floor(middle - Fraction(1, 2))
            for k in (first, first + 1):
                m[i, min(max(k, 0), size - 1)] += 1 - abs(k + Fraction(1, 2) - middle)
    return m


def fitted(a, h, w):
    H, W = a.shape[:2]
    tall = H * w > W * h
    lh, lw = (Fraction(W * h, w), Fraction(W)) if tall else (Fraction(H), Fraction(H * w, h))
    way = 'area' if (W >= w if tall else H >= h) else 'bilinear'
    y = weights(H, h, math.floor((H - lh) / 2), lh, way)
    x = weights(W, w, math.floor((W - lw) / 2), lw, way)
    value = [y.dot(a[..., c].astype(object)).dot(x.T) for c in range(a.shape[2])]
    return [math.floor(value[c][i, j] + Fraction(1, 2)) for i in range(h) for j in range(w) for c in range(a.shape[2])]


def make_sizes():
    for h, w, c in ((6, 5, 3), (4, 9, 1), (25, 19, 1), (13, 13, 3)):
        with open(os.path.join(here, '%dx%dx%d.txt' % (h, w, c)), 'w') as f:
            for name in sorted(seen):
                a = seen[name] if c == 3 else grey_of(seen[name])
                print(name, *fitted(a, h, w), file=f)


make_good()
make_broken()
make_sizes()
