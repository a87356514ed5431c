"""The losses of the programs of tests/reads as PyTorch computes them, in NAME.ref: reads.py NNC. In double
precision, from the trainer's initial weights and rows with seed 3."""
import math, pathlib, sys
import torch
from engine import Trainer

SEED = '3'
READS = pathlib.Path(__file__).resolve().parent.parent / 'reads'


def short_batch(r, w): return w['net.e'][r[:, 0].long()].sum(1)


def guarded_gather(r, w):
    token = r[:, :9].long()
    word = w['net.embedding_1.table'][token]
    pair = (word[:, :-1] * word[:, 1:] * (token[:, 1:, None] != 0)).sum(1)
    return (pair @ w['net.dense_1.w'] + w['net.dense_1.b'])[:, 0]


def nested_guard(r, w):
    z = r[:, :18] @ w['net.dense_1.w'] + w['net.dense_1.b']
    at = r[:, 18:36].long()[:, 3:] - 2
    h = torch.where((at >= 0) & (at < 18), z.gather(1, at.clamp(0, 17)), 0)
    return (torch.cat([h, torch.zeros(len(r), 3)], 1) @ w['net.dense_2.w'] + w['net.dense_2.b'])[:, 0]


def padded_embedding(r, w):
    h = w['net.embedding_1.table'][r[:, :2].long()]
    k = w['net.conv1d_1.k']
    y = torch.nn.functional.conv1d(h.transpose(1, 2), k.permute(2, 1, 0), w['net.conv1d_1.shift'], padding=k.shape[0] // 2)
    return y[:, 0, 0]


def reversed_filter(r, w):
    token, length = r[:, :11].long(), r[:, 11].long()
    i = torch.arange(11)
    at = length[:, None] - 1 - i
    read = token.gather(1, at.clamp(0))
    counts = ((at >= 0) & (read != 7))[:, :, None]
    return (w['net.e'][read] / (i[:, None] + torch.arange(3) + 1) * counts).sum((1, 2))


def largest(r, w):
    x, i = r[:, :19], torch.arange(19)
    e, chosen = w['net.e'], w['net.at'].detach().clamp(0, 4).floor().long()
    best = x.argmax(1)[:, None]
    cut = (4 * x.clamp(0).sqrt()).clamp(2, 6).floor().long()    # of NaN the least
    swapped = torch.where(i < 3, best, (best + i) % 19)
    return (e[swapped, chosen] * torch.where(cut == 2, 1, e[cut - 2, 0]))[:, :-1].sum(1)


def product(r, w):
    h = torch.nn.functional.pad(r[:, :6] @ w['net.dense_1.w'], (1, 1))
    return h[:, 1] / 1 + h[:, 2] / 2


def logic(r, w):
    x, h = r[:, :5], r[:, :5] @ w['net.dense_1.w'] + w['net.dense_1.b']
    columns = []
    for i in range(5):
        up = (h[:, i - 2] > 0) & (h[:, i - 1] < 0.5) if i >= 2 else torch.zeros(len(r), dtype=torch.bool)
        low = h[:, i - 1] > 0 if i >= 1 else torch.ones(len(r), dtype=torch.bool)
        back = torch.where((x[:, i - 2] > 0) & (x[:, i - 1] < x[:, i]), h[:, i - 2], 0.5 * h[:, i]) if i >= 2 else 0.5 * h[:, i]
        columns.append(up * h[:, i] + torch.where(low, h[:, i]**2, 0) + back)
    return (torch.stack(columns, 1) @ w['net.dense_2.w'] + w['net.dense_2.b'])[:, 0]


def unpool(r, w):
    x = (r[:, :48].reshape(-1, 4, 6, 2) @ w['net.dense_1.w'] + w['net.dense_1.b']).permute(0, 3, 1, 2)
    y, at = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    y = torch.nn.functional.max_unpool2d(y, at, 2).permute(0, 2, 3, 1)
    return (y.flatten(1) @ w['net.dense_2.w'] + w['net.dense_2.b'])[:, 0]


def reshapes(r, w):
    v = (r[:, :24] @ w['net.dense_1.w'] + w['net.dense_1.b']).reshape(-1, 3, 8).flip(1)
    u = v.reshape(-1, 4, 6).flip(2)**2
    return (u.reshape(-1, 24) @ w['net.dense_2.w'] + w['net.dense_2.b'])[:, 0]


def unchosen(r, w): return w['net.e'][r[:, 0].long()].log().sum(1)


def kept_part(r, w):
    s = 2 * r[:, :5].mean(0)
    return ((r[:, :5] + s[0] * s[2]) @ w['net.dense_1.w'] + w['net.dense_1.b'])[:, 0]


class Seeded(Trainer):
    def call(self, *words): return super().call(*words, '--seed', SEED)


def conditions(r, w):
    h, token, length = w['net.s'] * r[:, :6], r[:, 6:13].long(), r[:, 13:14].long()
    e, i = w['net.e'], torch.arange(7)
    a = (h[:, 1:] * h[:, :-1] * (h[:, 1:] > 0.2)).sum(1)
    after, before = token[:, (i + 1).clamp(max=6)], token[:, (i - 1).clamp(0)]
    counts = (i + 1 < length) & (after != 3) & ((i < 1) | (before < 5))
    c = (e[after] * torch.where(i[:, None] > 0, e[before], 1) * counts[:, :, None]).sum((1, 2))
    there = token.gather(1, (length - 1 - i).clamp(0))
    g = torch.where((length > i) & ((there == 2) | (i < 2)), e[there, 0], -math.inf).amax(1)
    return a + c + torch.where(length[:, 0] > 0, g, 0)


PROGRAMS = {'conditions': (conditions, 16, 0.001, 20), 'short_batch': (short_batch, 21, 0.01, 20),
            'guarded_gather': (guarded_gather, 300, 0.1, 20), 'nested_guard': (nested_guard, 300, 0.01, 20),
            'padded_embedding': (padded_embedding, 16, 0.1, 1), 'reversed': (reversed_filter, 40, 0.01, 60),
            'largest': (largest, 22, 0.0001, 40), 'product': (product, 16, 0.1, 20),
            'logic': (logic, 300, 0.01, 20), 'unpool': (unpool, 300, 0.01, 20),
            'reshapes': (reshapes, 300, 0.01, 20), 'unchosen': (unchosen, 300, 0.01, 20),
            'kept_part': (kept_part, 300, 0.01, 20)}


def losses_of(trainer, network, batch, lr, steps):
    w, losses, epoch = trainer.start(()), [], 0
    optimizer = torch.optim.SGD(list(w.values()), lr=lr)
    while True:
        rows = trainer.rows(epoch)
        for piece in rows.split(batch):
            optimizer.zero_grad()
            loss = ((network(piece, w) - piece[:, -1])**2).mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == steps: return losses
        epoch += 1


for name, settings in PROGRAMS.items():
    lines = losses_of(Seeded(sys.argv[1], READS / f'{name}.nn', READS), *settings)
    (READS / f'{name}.ref').write_text(''.join(f'{v!r}\n' for v in lines))
