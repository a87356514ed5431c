"""The workloads: what bench/run, bench/guard's readers and the peers know of each. The network itself is NAME.nn; a peer writes it once
more, in bench/peers, from the weights and the data that the trainer of NAME.nn exports.

`macs` are the multiply-adds of a step, forward and backward, computed directly, and `bytes` what it has to move to and from memory
beyond the caches: neither depends on who computes. `goal` is the ratio to the best peer that nn aims at.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    network: str
    batch: int
    optimizer: dict
    macs: float
    bytes: float = 0
    goal: float = 0
    file: str = ''  # NAME.nn where it is not the workload's name
    options: tuple = ()  # of nnc build
    scan: int = 100  # steps of one call, where a peer makes several in one
    images: bool = False  # whether PyTorch is also tried with channels last
    gathered: dict = dataclasses.field(default_factory=dict)  # a table of which a step reads few rows: the field of their numbers
    bfloat16: bool = False
    tolerance: float = 2e-4  # between losses, relative


def sgd(lr, momentum=0.0, decay=0.0):
    return dict(kind='sgd', lr=lr, momentum=momentum, decay=decay)


def adam(lr=1e-3, beta2=0.999, decay=0.0):
    """`decay` as AdamW has it, of matrices only."""
    return dict(kind='adam', lr=lr, beta2=beta2, decay=decay)


def trained(rows, first, *rest):
    """Forward, by the weights and by the input; by the input of the first nothing is needed."""
    return rows * (2 * first + 3 * sum(rest))


def dense(rows, *widths):
    return trained(rows, *(a * b for a, b in zip(widths, widths[1:])))


def resnet20():
    stage = lambda side, before, after: side * side * 9 * after * (before + 5 * after)
    return trained(64, 32 * 32 * 27 * 16, stage(32, 16, 16), stage(16, 16, 32), stage(8, 32, 64), 640)


LENET = trained(64, 28 * 28 * 25 * 6, 10 * 10 * 150 * 16, 400 * 120, 120 * 84, 84 * 10)
CNN = trained(64, 26 * 26 * 9 * 32, 24 * 24 * 288 * 64, 9216 * 128, 128 * 10)
SEPARABLE = trained(32, 1024 * 27 * 64, 4 * 1024 * (9 * 64 + 64 * 64), 640)
# With 65 words in 2048 places, the product with the embeddings is a table of 65 rows.
LSTM = 3 * (65 * 64 * 1024 + 2048 * (256 * 1024 + 256 * 65))
GPT = 3 * (768 * (4 * 12 * 128 * 128 + 65 * 128) + 12 * 4 * 4 * 2 * (64 * 65 // 2) * 32)
GRU = trained(32 * 50.5, 64 * 384, 128 * 384)
ATTENTION = 3 * 4 * 2 * (1024 * 1025 // 2) * 64
WIDE = 3 * 4096 * 4096 + 4096 * 10

WORKLOADS = {
    'w1': Workload('one sigmoid neuron of two inputs, squared error', 4, sgd(0.1), 24, goal=2, scan=1000),
    'w2': Workload('10-10-10-1, relu, squared error', 32, sgd(0.01), dense(32, 10, 10, 10, 1), goal=15, scan=1000),
    'w3': Workload('784-128-10, relu, cross-entropy', 64, sgd(0.01), dense(64, 784, 128, 10), goal=1.65),
    'w3a': Workload('as W3', 64, adam(), dense(64, 784, 128, 10), goal=2.1),
    'w4': Workload('784-512-512-10', 128, adam(), dense(128, 784, 512, 512, 10), goal=1.5),
    'w5': Workload('4096-4096-4096-4096-10', 256, sgd(0.01), dense(256, 4096, 4096, 4096, 4096, 10),
                   bytes=12 * WIDE, goal=2.4, scan=4),
    'w5a': Workload('as W5', 32, adam(), dense(32, 4096, 4096, 4096, 4096, 10), bytes=28 * WIDE, goal=2.8, scan=4),
    'w6': Workload('LeNet-5 on 28 × 28 pixels', 64, sgd(0.01), LENET, goal=5.5, images=True),
    'w7': Workload('convolutions of 32 and 64 filters on 28 × 28 pixels, 128-10', 64, adam(), CNN, goal=2.5, scan=10,
                   images=True),
    'w8': Workload('ResNet-20 on 32 × 32 pixels', 64, sgd(0.1, momentum=0.9, decay=1e-4), resnet20(), goal=1.5, scan=5,
                   images=True, tolerance=1e-3),
    'w9': Workload('LSTM of 256, 65 characters, 64 times', 32, adam(), LSTM, goal=1.65, scan=5),
    'w10': Workload('GPT of 4 blocks of 128, 4 heads, 64 times', 12, adam(beta2=0.99, decay=0.1), GPT, goal=2.4, scan=10),
    'w11': Workload('mean of 20 of 100 000 embeddings of 64, 1000 classes', 256, sgd(0.01), dense(256, 64, 1000) + 256 * 64e3,
                    bytes=256 * 20 * 64 * 12, goal=2.2, scan=20,
                    gathered={'embedding_1.table': 'word'}),
    'w12': Workload('four depthwise and 1 × 1 convolutions of 64, batch norms, 32 × 32 pixels', 32, adam(), SEPARABLE,
                    goal=2, scan=5, images=True, tolerance=1e-3),
    'w13': Workload('two tables of 1 000 000 × 32, squared error', 1024, adam(), 3 * 1024 * 32, bytes=2 * 1024 * 32 * 24,
                    goal=20, scan=5),
    'w14': Workload('GRU of 128 on 64 inputs, lengths 1 to 100', 32, adam(), GRU, goal=2, scan=5),
    'w15': Workload('causal attention, 4 heads of 64, 1024 times', 1, sgd(0.1), ATTENTION, goal=3, scan=10),
}
for _name, _goal in (('w4', 1.8), ('w5', 1.8), ('w10', 1.8), ('w8', 1.2)):
    WORKLOADS[_name + '-bf16'] = dataclasses.replace(WORKLOADS[_name], file=_name, options=('--precision', 'bf16'),
                                                     goal=_goal, bfloat16=True, tolerance=2e-2)
