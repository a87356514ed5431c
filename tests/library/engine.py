"""How a case becomes a program, a PyTorch network and a reference: see reference.py."""
import copy, csv, json, math, pathlib, struct, subprocess, tempfile
import torch
from torch.optim import swa_utils

HERE = pathlib.Path(__file__).resolve().parent
STEPS, BATCH, ROWS = 50, 5, 12
QUANTILES = 32
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)      # so that sums are made in one order

FIELDS = '''    x[4]   = columns(0 .. 3)
    label  = class(column("label"), 3)
    y[3]   = columns(5 .. 7)
    t[3]   = columns(8 .. 10)
    p[3]   = columns(11 .. 13)
    k[3]   = int(columns(8 .. 10), 2)
    weight = column("weight")
'''


def draw_rows():
    """Four inputs, a class, three real targets, three 0/1 targets, three probabilities, a weight."""
    g = torch.Generator().manual_seed(1)
    with open(HERE / 'rows.csv', 'w') as f:
        f.write('x0,x1,x2,x3,label,y0,y1,y2,t0,t1,t2,p0,p1,p2,weight\n')
        for _ in range(ROWS):
            x = [round(v, 3) for v in (torch.randn(4, generator=g)).tolist()]
            label = int(torch.randint(0, 3, (1,), generator=g))
            y = [round(v, 3) for v in (2 * torch.randn(3, generator=g)).tolist()]
            t = torch.randint(0, 2, (3,), generator=g).tolist()
            a, b = sorted(round(v, 2) for v in torch.rand(2, generator=g).tolist())
            w = round(float(torch.rand(1, generator=g)) + 0.25, 2)
            f.write(','.join(map(str, [*x, label, *y, *t, a, round(b - a, 2), round(1 - b, 2), w])) + '\n')


class Rows:
    """Some rows of the table: the fields as tensors."""

    def __init__(self, table):
        self.table = table
        self.x, self.label, self.y, self.t, self.p, self.weight = (
            table[:, :4], table[:, 4].long(), table[:, 5:8], table[:, 8:11], table[:, 11:14], table[:, 14])

    def __len__(self): return len(self.table)
    def __getitem__(self, s): return Rows(self.table[s])

    @staticmethod
    def load():
        with open(HERE / 'rows.csv') as f:
            return Rows(torch.tensor([[float(v) for v in r] for r in list(csv.reader(f))[1:]]))


def read_safetensors(path):
    raw = open(path, 'rb').read()
    n, = struct.unpack('<Q', raw[:8])
    head, out = json.loads(raw[8:8 + n]), {}
    for k, v in head.items():
        if k == '__metadata__': continue
        a, b = v['data_offsets']
        t = {'F64': torch.float64, 'F32': torch.float32, 'I32': torch.int32}[v['dtype']]
        out[k] = torch.frombuffer(bytearray(raw[8 + n + a:8 + n + b]), dtype=t).reshape(v['shape']).clone() if b > a else torch.zeros(v['shape'])
    return out


class Weights(dict):
    """The tensors by name, and whether the network trains."""
    training = True


class Averaged:
    """PyTorch's averages of the weights by name; `start`: so many updates are made before the first that counts."""

    def __init__(self, named, start=0, **how):
        self.named, self.start, self.made, self.own = named, start, 0, torch.nn.ParameterList(named.values())
        self.model = swa_utils.AveragedModel(self.own, **how)

    def update(self):
        self.made += 1
        if self.made > self.start: self.model.update_parameters(self.own)

    def weights(self, w):
        out = copy.copy(w)
        if self.made > self.start: out.update(zip(self.named, self.model.module))
        return out


def ema(d): return lambda named: Averaged(named, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(d))
def swa(start): return lambda named: Averaged(named, start)


class Pairs:
    """Rows of inputs and targets."""

    def __init__(self, table, inputs): self.table, self.inputs, self.x, self.y = table, inputs, table[:, :inputs], table[:, inputs:]
    def __len__(self): return len(self.table)
    def __getitem__(self, s): return Pairs(self.table[s], self.inputs)


class Trainer:
    """A built program: its initial weights, and its rows where it draws them itself."""

    def __init__(self, nnc, source, data):
        self.tmp, self.data = tempfile.TemporaryDirectory(), str(data)
        subprocess.run([nnc, 'build', str(source), '--precision', 'double', '-o', f'{self.tmp.name}/t'], check=True)

    def start(self, states):
        self.call('--epochs', '0', '--out', f'{self.tmp.name}/r', '--quiet')
        w = Weights(read_safetensors(f'{self.tmp.name}/r/weights.safetensors'))
        for k, v in w.items():
            if not k.endswith(states): v.requires_grad_(True)
        return w

    def call(self, *words):
        return subprocess.run([f'{self.tmp.name}/t', *words, '--data', self.data], check=True, capture_output=True, text=True).stdout

    def rows(self, epoch):
        """As the network sees them, in the order of an epoch."""
        lines = list(csv.reader(self.call('data', '--epoch', str(epoch)).splitlines()))
        return torch.tensor([[float(v) for v in r] for r in lines[1:]])


def write(name, blocks):
    with open(HERE / f'{name}.ref', 'w') as f:
        for key, values in blocks:
            f.write(f'{key} {len(values)}\n' + ''.join(f'{v!r}\n' for v in values))


def flat(value): return torch.as_tensor(value, dtype=torch.float64).flatten().tolist()


def dense(x, w, name): return x @ w[name + '.w'] + w[name + '.b']


class Case:
    """hidden: what stands between the layers, as text and as a function of (value, weights). loss: text, function(out, rows).
    optimizer: text, function(parameters) -> torch optimizer. schedule: function(optimizer) -> scheduler, stepped after each
    update, epoch, or with the epoch's loss (`pace`). metrics: key in the log -> text and function(out, rows) over a whole part. accumulate: batches of an update; at_once: the reference takes their rows as one batch. clip: on the
    parameters before the update, constrain: after it, on those that `constrained` says by name; average: of what is updated then, by `ema` or `swa`. model: its text and a function of (rows, weights), instead of `hidden`. definitions: what else the file holds. fields: what else the data block holds. states: ends of names that are no parameters. steps: updates."""

    def __init__(self, name, loss=None, hidden=None, optimizer=None, schedule=None, pace='step', extra='', clip=None, constrain=None,
                 layer='dense', width=8, definitions='', states=('.running_mean', '.running_variance', '.u'), metrics=None, batch=BATCH,
                 accumulate=1, at_once=False, test=0, model=None, fields='', average=None, constrained=lambda name: True, steps=STEPS):
        self.name, self.extra, self.clip, self.constrain, self.layer, self.pace = name, extra, clip, constrain, layer, pace
        self.width, self.definitions, self.states, self.metrics, self.batch = width, definitions, states, metrics or {}, batch
        self.accumulate, self.at_once, self.test, self.model, self.fields, self.average = accumulate, at_once, test, model, fields, average
        self.loss = loss or ('cross_entropy(out, label)', lambda o, r: torch.nn.functional.cross_entropy(o, r.label))
        self.hidden = hidden or ('tanh', lambda h, w: torch.tanh(h))
        self.optimizer = optimizer or ('sgd(lr = 0.1)', lambda ps: torch.optim.SGD(ps, lr=0.1))
        self.schedule, self.constrained, self.steps = schedule, constrained, steps

    def network_text(self):
        return f'net(x[batch, 4]) -> out[batch, 3] {{\n    x |> {self.layer}({self.width}) |> {self.hidden[0]} |> {self.layer}(3)\n}}\n'

    def text(self):
        split = f'    split  = ordered(test = {self.test}%)\n' if self.test else ''
        listed = ',\n'.join(f'        {entry}' for entry, _ in self.metrics.values()) + '\n'
        metrics = f'    metrics   = [\n{listed}    ]\n' if self.metrics else ''
        network = self.network_text()
        how = self.optimizer[0] if 'minimize' in self.optimizer[0] else f'    loss      = {self.loss[0]}\n    optimizer = {self.optimizer[0]}\n'
        return (f'# {self.name}.nn: written by reference.py.\ndata rows = csv("rows.csv") {{\n{FIELDS}{self.fields}{split}}}\n{self.definitions}'
                f'model {self.model[0] if self.model else network}train net on rows {{\n{how}    batch     = {self.batch}\n    shuffle   = false\n    steps     = {self.steps}\n{self.extra}{metrics}}}\n')

    def forward(self, rows, w):
        if self.model: return self.model[1](rows, w)
        x = rows.x
        p = 'net.' + self.layer.split('.')[-1]
        return dense(self.hidden[1](dense(x, w, p + '_1'), w), w, p + '_2')

    def measure(self, w, rows, log):
        w.training = False
        with torch.no_grad():
            out = self.forward(rows, w)
            for k, (_, f) in self.metrics.items(): log.setdefault('test.' + k, []).extend(flat(f(out, rows)))
            log.setdefault('test.loss', []).append(self.loss[1](out, rows).item())
        w.training = True

    def run(self, nnc):
        source = HERE / f'{self.name}.nn'
        source.write_text(self.text())
        w = Trainer(nnc, source, HERE).start(self.states)
        named = {k: v for k, v in w.items() if v.requires_grad}
        everything = Rows.load()
        held = int(len(everything) * self.test / 100 + 0.5)
        rows, test = everything[:ROWS - held], everything[ROWS - held:]
        blocks = train(self, w, named, lambda epoch: rows, test if held else None)
        write(self.name, blocks + [(k, flat(w[k].detach())) for k in sorted(w)])


def train(case, w, named, rows_of, test):
    """Updates as the trainer makes them; the blocks of what was seen on the way."""
    parameters, losses, rates, log = list(named.values()), [], [], {}
    averaged = case.average(named) if case.average else None
    opt = case.optimizer[1](parameters)
    sched = case.schedule(opt) if case.schedule else None
    epoch = 0
    while len(losses) < case.steps:
        rows, seen, first = rows_of(epoch), [], len(losses)
        pieces = [rows[k:k + case.batch] for k in range(0, len(rows), case.batch)]
        for k in range(0, len(pieces), case.accumulate):
            group = pieces[k:k + case.accumulate]
            if case.at_once: group = [rows[k * case.batch:(k + case.accumulate) * case.batch]]
            count = sum(len(r) for r in group)
            opt.zero_grad()
            total = 0
            for r in group:
                out = case.forward(r, w)
                loss = case.loss[1](out, r) * (len(r) / count)
                loss.backward()
                total += loss.item()
                seen.append(out.detach())
            losses.append(total)
            rates.append(opt.param_groups[0]['lr'] if hasattr(opt, 'param_groups') else 0)
            if case.clip: case.clip(parameters)
            opt.step()
            if case.constrain:
                with torch.no_grad():
                    for name, p in named.items():
                        if case.constrained(name): p.copy_(case.constrain(p))
            if averaged: averaged.update()
            if sched and case.pace == 'step': sched.step()
            if len(losses) == case.steps: break
        else:
            for k, (_, f) in case.metrics.items(): log.setdefault(k, []).extend(flat(f(torch.cat(seen), rows)))
            if test is not None: case.measure(averaged.weights(w) if averaged else w, test, log)
            mean = sum(losses[first:]) / (len(losses) - first)
            if sched and case.pace == 'epoch': sched.step()
            if sched and case.pace == 'loss': sched.step(mean)
            epoch += 1
    if averaged: w.update(averaged.weights(w))
    blocks = [('losses', losses)] + ([('lr', rates)] if sched else [])
    return blocks + [('log.' + k, v) for k, v in log.items()]


class Example(Case):
    """A program of examples/, on its own rows in its own order; forward(x, w) and loss(out, rows of (x, y)) in PyTorch."""

    def __init__(self, name, inputs, forward, loss, optimizer, batch):
        super().__init__('example_' + name, loss=('', loss), optimizer=('', optimizer), batch=batch)
        self.program, self.inputs, self.network = HERE.parent.parent / 'examples' / name / f'{name}.nn', inputs, forward

    def forward(self, rows, w): return self.network(rows.x, w)

    def run(self, nnc):
        trainer = Trainer(nnc, self.program, self.program.parent)
        w = trainer.start(self.states)
        blocks = train(self, w, w, lambda epoch: Pairs(trainer.rows(epoch), self.inputs), None)
        write(self.name, blocks + [(k, flat(w[k].detach())) for k in sorted(w)])


class Draws:
    """A program whose numbers are drawn: what is expected of them, within `tolerance` of the largest."""

    def __init__(self, name, text, blocks, tolerance): self.name, self.program, self.blocks, self.tolerance = name, text, blocks, tolerance

    def run(self, nnc):
        (HERE / f'{self.name}.nn').write_text(f'# {self.name}.nn: written by reference.py.\n' + self.program)
        torch.manual_seed(0)
        write(self.name, ([('tolerance', [self.tolerance])] if self.tolerance else []) + [(k, flat(v())) for k, v in self.blocks])


def order_statistics(values):
    """Evenly spaced ones without the ends: the shape of a distribution and its scale."""
    s = values.flatten().sort().values
    return s[[(2 * k + 1) * len(s) // (2 * QUANTILES) for k in range(QUANTILES)]]
