"""Spectra against PyTorch's, and mel filters by their formula."""
import numpy as np
import torch

from edges import Edges

WAVES = [[round(v, 3) for v in wave] for wave in torch.rand(2, 60, generator=torch.Generator().manual_seed(9)).tolist()]


def spectrogram(x, size, stride):
    return torch.stft(x, size, stride, window=torch.hann_window(size, dtype=x.dtype), center=False, return_complex=True).abs().square().transpose(1, 2)


def filters(rate, size, mels, low, high):
    """Triangles between points that are equally far apart in mels, by numpy's interpolation."""
    points = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + high / 700), mels + 2)
    points = 700 * (10**(points / 2595) - 1)
    pitches = np.arange(size // 2 + 1) * rate / size
    rows = [np.interp(pitches, points[m:m + 3], [0, 1, 0], left=0, right=0) for m in range(mels)]
    return torch.tensor(np.array(rows))


def mel(x, rate, size, stride, mels, low, high): return spectrogram(x, size, stride) @ filters(rate, size, mels, low, high).T


CASES = [Edges('functions_sounds', [
    ('spectrogram(A, size = 16, stride = 8)', lambda a: spectrogram(a, 16, 8), WAVES),
    ('spectrogram(A, size = 15, stride = 7)', lambda a: spectrogram(a, 15, 7), WAVES),
    ('mel_spectrogram(A, rate = 8_000, size = 32, stride = 10, mels = 5)', lambda a: mel(a, 8000, 32, 10, 5, 0, 4000), WAVES),
    ('mel_spectrogram(A, rate = 100, size = 24, stride = 12, mels = 4, low = 3, high = 30)', lambda a: mel(a, 100, 24, 12, 4, 3, 30), WAVES),
    ('dot(A, mel_filters(8_000, size = 16, mels = 3))', lambda a: (a * filters(8000, 16, 3, 0, 4000)).sum(), [[round(0.1 * i * j - 0.3, 2) for i in range(9)] for j in range(3)]),
    ('dot(A, mel_filters(8_000, size = 16, mels = 3, low = 300, high = 3_500))', lambda a: (a * filters(8000, 16, 3, 300, 3500)).sum(), [[round(0.1 * i * j - 0.3, 2) for i in range(9)] for j in range(3)]),
])]
