"""What every peer shares: the data and first weights that nn's trainer exported, the order of the rows, the talk with bench/run.

A peer gives serve() a function `run(rows)`: rows is an array of row numbers [steps, batch], a step takes those rows from the fields in
memory, computes the loss, its gradient and the update, and the answer is the losses, at least the last one, when all work is done.

The talk, a JSON object a line on standard output: after the first call {"version"}, which ends the time of starting; then
{"losses"}, the first three; then for each line of standard input, a number of steps, {"us", "steps", "memory"}: microseconds a
step, how many were made, and the peak of resident memory in KB.
"""
import json, os, pathlib, resource, struct, sys, time
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from workloads import WORKLOADS

PARITY = 3  # steps whose losses are compared
# ResNet-20's blocks by nn's names, and their strides.
RESIDUALS = [*((f'residual_1[{k}]', 1) for k in range(3)), ('residual_2', 2), *((f'residual_3[{k}]', 1) for k in range(2)),
             ('residual_4', 2), *((f'residual_5[{k}]', 1) for k in range(2))]


class Case:
    """One workload as exported to a folder; `mode` says which of the framework's ways."""

    def __init__(self, name, mode, threads, folder):
        self.name, self.mode, self.threads, self.folder = name, mode, threads, pathlib.Path(folder)
        self.workload, self.network = WORKLOADS[name], WORKLOADS[name].file or name

    def weights(self):
        """Names, without the model's own before them, and arrays; read one after the other."""
        with open(self.folder / 'weights.safetensors', 'rb') as file:
            size, = struct.unpack('<Q', file.read(8))
            header = json.loads(file.read(size))
            for name, entry in header.items():
                if name != '__metadata__' and not name.startswith('data.'):
                    begin, end = entry['data_offsets']
                    file.seek(8 + size + begin)
                    values = np.frombuffer(bytearray(file.read(end - begin)), np.float32)
                    yield name.partition('.')[2], values.reshape(entry['shape'])

    def fields(self):
        return {path.name.split('.')[1]: np.load(path) for path in sorted(self.folder.glob('train.*.npy'))}


class Order:
    """Row numbers of full batches: first in the order of the files, then each epoch in an order of its own."""

    def __init__(self, rows, batch):
        self.random, self.batch = np.random.default_rng(0), batch
        self.epoch, self.at = np.arange(rows - rows % batch), 0

    def take(self, steps):
        parts, need = [], steps * self.batch
        while need:
            if self.at == len(self.epoch):
                self.epoch, self.at = self.random.permutation(len(self.epoch)), 0
            part = self.epoch[self.at:self.at + need]
            parts.append(part)
            self.at, need = self.at + len(part), need - len(part)
        return np.concatenate(parts).reshape(steps, self.batch)


def say(**answer):
    print(json.dumps(answer), flush=True)


def serve(case, fields, version, run, chunk=1):
    """`chunk`: how many steps a call makes, where that is fixed."""
    order = Order(len(next(iter(fields.values()))), case.workload.batch)
    losses = list(run(order.take(chunk)))
    say(version=version)
    while len(losses) < PARITY: losses += run(order.take(chunk))
    say(losses=[float(loss) for loss in losses[:PARITY]])
    for line in sys.stdin:
        calls = -(-int(line) // chunk)
        batches = [order.take(chunk) for _ in range(calls)] if chunk > 1 else [order.take(calls)]
        start = time.perf_counter()
        for rows in batches: run(rows)
        took = time.perf_counter() - start
        say(us=took / (calls * chunk) * 1e6, steps=calls * chunk,
            memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def case_of_arguments():
    """PEER WORKLOAD MODE THREADS FOLDER; the process keeps to as many processors as it has threads."""
    name, mode, threads, folder = sys.argv[1:]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(threads)])
    return Case(name, mode, int(threads), folder)
