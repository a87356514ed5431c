"""Processor time of a trainer's step: for bench/models and bench/shapes."""
import pathlib, re, resource, subprocess, sys

BLOCK = 0.5  # seconds of a block


class Trainer:
    """Built for one thread, without what would end the run."""

    def __init__(self, nnc, exe, text, options=(), data=None):
        self.exe, self.work, self.times, self.steps = exe, str(pathlib.Path(exe).parent), [], 8
        pathlib.Path(f'{exe}.nn').write_text(re.sub(r'(?m)^ *stop *=.*$', '', text))
        built = subprocess.run([nnc, 'build', f'{exe}.nn', '-o', exe, *options], stderr=subprocess.PIPE, text=True)
        self.refused = built.stderr.split('\n')[0] if built.returncode else ''
        self.options = [*(('--data', data) if data else ()), '--threads', '1', '--quiet', '--out', f'{exe}.run']

    def run(self, steps):
        """Processor time of a run, in microseconds."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([self.exe, *self.options, '--steps', str(steps)], cwd=self.work, stderr=subprocess.PIPE, text=True)
        if done.returncode: sys.exit(f'{self.exe} ends with {done.returncode}: {done.stderr}')
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return 1e6 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)

    def settle(self, block=BLOCK):
        """As many steps as a block needs; what starting costs."""
        self.start = min(self.run(1) for _ in range(3))
        while self.run(self.steps) - self.start < block * 1e6: self.steps *= 2

    def block(self):
        self.times.append((self.run(self.steps) - self.start) / (self.steps - 1))
