# Writes the .npz files beside it, as NumPy does: stored and deflated, of several types, one larger than what a head may be.
import numpy as np

rows = np.arange(12 * 6, dtype=np.float32).reshape(12, 2, 3) / 4
labels = (np.arange(12) % 3).astype(np.int64)
wide = (np.arange(12 * 8192) % 251).astype(np.uint8).reshape(12, 8192)
np.savez_compressed("small.npz", x=rows[:3])
np.savez("stored.npz", rows=rows, labels=labels)
np.savez_compressed("deflated.npz", rows=rows, labels=labels, wide=wide, other=np.zeros(5))
