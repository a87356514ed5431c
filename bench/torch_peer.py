#!/usr/bin/env python3
"""PyTorch's side of a workload: torch_peer.py WORKLOAD MODE THREADS, MODE one of eager, compile, whole.

Reads a number of steps a line from standard input, makes them, and answers with microseconds a step. A step takes a batch of
shuffled rows from tensors in memory, computes the loss, its gradient and the update. `whole`: gradient and update in one
compiled function. Tuned as an expert would: fused optimizer, no gradient buffers kept, subnormals flushed, channels_last.
"""
import sys, time
import torch, torch.nn as nn, torch.nn.functional as F

workload, mode, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
torch.set_flush_denormal(True)
torch.manual_seed(0)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.f1, self.f2, self.f3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.f3(F.relu(self.f2(F.relu(self.f1(x.flatten(1))))))


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.f1, self.f2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c2(F.relu(self.c1(x)))), 2)
        return self.f2(F.relu(self.f1(x.flatten(1))))


def mlp(*widths):
    layers = [layer for a, b in zip(widths, widths[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


ROWS = {'w1': 4, 'w2': 1000}
BATCH = {'w1': 4, 'w2': 32, 'w4': 128}
rows, batch = ROWS.get(workload, 10_000), BATCH.get(workload, 64)
adam = workload in ('w3a', 'w4', 'w7')
model, x, y, loss_of, lr = {
    'w1': lambda: (nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()), torch.rand(rows, 2), torch.rand(rows, 1), F.mse_loss, 0.1),
    'w2': lambda: (mlp(10, 10, 10, 1), torch.rand(rows, 10), torch.rand(rows, 1), F.mse_loss, 0.01),
    'w3': lambda: (mlp(784, 128, 10), torch.rand(rows, 784), torch.randint(0, 10, (rows,)), F.cross_entropy, 0.01),
    'w3a': lambda: (mlp(784, 128, 10), torch.rand(rows, 784), torch.randint(0, 10, (rows,)), F.cross_entropy, 1e-3),
    'w4': lambda: (mlp(784, 512, 512, 10), torch.rand(rows, 784), torch.randint(0, 10, (rows,)), F.cross_entropy, 1e-3),
    'w7': lambda: (Cnn(), torch.rand(rows, 1, 28, 28), torch.randint(0, 10, (rows,)), F.cross_entropy, 1e-3),
    'w6': lambda: (LeNet(), torch.rand(rows, 1, 28, 28), torch.randint(0, 10, (rows,)), F.cross_entropy, 0.01),
}[workload]()
if workload in ('w6', 'w7'):
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
optimizer = (torch.optim.Adam if adam else torch.optim.SGD)(model.parameters(), lr=lr, fused=True)


def whole_step():
    import torch._inductor.config
    torch._inductor.config.cpp_wrapper = True
    from torch.func import functional_call, grad_and_value
    names, weights = [n for n, _ in model.named_parameters()], [p.detach().clone() for p in model.parameters()]
    means, squares = [torch.zeros_like(w) for w in weights], [torch.zeros_like(w) for w in weights]
    made = torch.zeros(())

    def update(weights, means, squares, made, x, y):
        g, value = grad_and_value(lambda p: loss_of(functional_call(model, dict(zip(names, p)), (x,)), y))(weights)
        if not adam:
            torch._foreach_add_(weights, g, alpha=-lr)
            return value
        made += 1
        for w, m, v, d in zip(weights, means, squares, g):
            m.lerp_(d, 0.1)
            v.mul_(0.999).addcmul_(d, d, value=0.001)
            w -= lr * (m / (1 - 0.9 ** made)) / (torch.sqrt(v / (1 - 0.999 ** made)) + 1e-8)
        return value
    compiled = torch.compile(update, fullgraph=True)

    def step(x, y):
        with torch.no_grad():
            return compiled(weights, means, squares, made, x, y)
    return step


forward = lambda x, y: loss_of(model(x), y)
if mode == 'compile':
    forward = torch.compile(forward)


def plain_step(x, y):
    optimizer.zero_grad(set_to_none=True)
    value = forward(x, y)
    value.backward()
    optimizer.step()
    return value


step = whole_step() if mode == 'whole' else plain_step
position, order = 0, torch.randperm(rows)


def run(count):
    """Full batches only: a shape that changes would make torch.compile compile again."""
    global position, order
    for _ in range(count):
        if position + batch > rows:
            position, order = 0, torch.randperm(rows)
        at = order[position:position + batch]
        position += batch
        step(x[at], y[at])


run(30)
print('ready', torch.__version__, flush=True)
for line in sys.stdin:
    count = int(line)
    start = time.perf_counter()
    run(count)
    print((time.perf_counter() - start) / count * 1e6, flush=True)
