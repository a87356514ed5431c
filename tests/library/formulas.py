"""Optimizers that PyTorch has not, as their authors write them: Keras 3's, Lion, LAMB."""
import math
import torch


class Formula:
    def __init__(self, ps, lr):
        self.ps, self.lr, self.t = ps, lr, 0
        self.m, self.v = [torch.zeros_like(p) for p in ps], [torch.zeros_like(p) for p in ps]

    def zero_grad(self):
        for p in self.ps: p.grad = None

    @torch.no_grad()
    def step(self):
        self.t += 1
        for k, p in enumerate(self.ps): self.update(p, p.grad, self.m[k], self.v[k], k)


class KerasSGD(Formula):
    def __init__(self, ps, lr=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(ps, lr)
        self.mu, self.nesterov, self.wd = momentum, nesterov, weight_decay

    def update(self, p, g, m, v, k):
        p -= p * self.wd * self.lr
        m.mul_(self.mu).sub_(self.lr * g)
        p += self.mu * m - self.lr * g if self.nesterov else m


class KerasAdam(Formula):
    def __init__(self, ps, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-7, weight_decay=0.0):
        super().__init__(ps, lr)
        self.b1, self.b2, self.eps, self.wd = beta1, beta2, eps, weight_decay

    def update(self, p, g, m, v, k):
        alpha = self.lr * math.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        p -= p * self.wd * self.lr
        m += (g - m) * (1 - self.b1)
        v += (g**2 - v) * (1 - self.b2)
        p -= m * alpha / (v.sqrt() + self.eps)


class KerasRMSprop(Formula):
    def __init__(self, ps, lr=1e-3, rho=0.9, momentum=0.0, eps=1e-7, centered=False):
        super().__init__(ps, lr)
        self.rho, self.mu, self.eps, self.centered = rho, momentum, eps, centered
        self.a = [torch.zeros_like(p) for p in ps]

    def update(self, p, g, m, v, k):
        v.mul_(self.rho).add_((1 - self.rho) * g**2)
        d = v + self.eps
        if self.centered:
            self.a[k].mul_(self.rho).add_((1 - self.rho) * g)
            d = d - self.a[k]**2
        u = self.lr * g / d.sqrt()
        if self.mu > 0:
            m.mul_(self.mu).add_(u)
            u = m
        p -= u


class Lion(Formula):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, ps, lr=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0):
        super().__init__(ps, lr)
        self.b1, self.b2, self.wd = beta1, beta2, weight_decay

    def update(self, p, g, m, v, k):
        c = self.b1 * m + (1 - self.b1) * g
        p -= self.lr * (c.sign() + self.wd * p)
        m.mul_(self.b2).add_((1 - self.b2) * g)


class Lamb(Formula):
    """You et al. 2020, algorithm 2, phi the identity."""

    def __init__(self, ps, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.01):
        super().__init__(ps, lr)
        self.b1, self.b2, self.eps, self.wd = beta1, beta2, eps, weight_decay

    def update(self, p, g, m, v, k):
        m.mul_(self.b1).add_((1 - self.b1) * g)
        v.mul_(self.b2).add_((1 - self.b2) * g**2)
        r = m / (1 - self.b1**self.t) / ((v / (1 - self.b2**self.t)).sqrt() + self.eps) + self.wd * p
        a, b = p.norm(), r.norm()
        p -= self.lr * (a / b if a > 0 and b > 0 else 1) * r


class Ftrl(Formula):
    """Keras 3's, after McMahan et al. 2013."""

    def __init__(self, ps, lr=1e-3, power=-0.5, initial=0.1, l1=0.0, l2=0.0, shrinkage=0.0, beta=0.0):
        super().__init__(ps, lr)
        self.power, self.l1, self.l2, self.shrinkage = power, l1, l2 + beta / (2 * lr), shrinkage
        for v in self.v: v.fill_(initial)

    def update(self, p, g, m, v, k):
        n = v + g**2
        m += g + 2 * self.shrinkage * p - (n**-self.power - v**-self.power) / self.lr * p
        p.copy_((m.clamp(-self.l1, self.l1) - m) / (n**-self.power / self.lr + 2 * self.l2))
        v.copy_(n)


class ScheduleFreeAdamW(Formula):
    """Defazio et al. 2024, algorithm 1 with weights 1 / t, as in Keras 3; self.x: the means, at which it is evaluated."""

    def __init__(self, ps, lr=2.5e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
        super().__init__(ps, lr)
        self.b1, self.b2, self.eps, self.wd = beta1, beta2, eps, weight_decay
        self.z, self.x = [p.detach().clone() for p in ps], [p.detach().clone() for p in ps]

    def update(self, p, g, m, v, k):
        v.mul_(self.b2).add_((1 - self.b2) * g**2)
        self.z[k] -= self.lr * (g / ((v / (1 - self.b2**self.t)).sqrt() + self.eps) + self.wd * p)
        self.x[k] += (self.z[k] - self.x[k]) / self.t
        p.copy_((1 - self.b1) * self.z[k] + self.b1 * self.x[k])


class Lbfgs:
    """Nocedal and Wright, algorithm 7.4 with a step of fixed length; a parameter each. A pair without curvature counts as none."""

    def __init__(self, ps, lr, memory):
        self.ps, self.lr, self.memory, self.pairs, self.before = ps, lr, memory, [[] for _ in ps], [None] * len(ps)

    def zero_grad(self):
        for p in self.ps: p.grad = None

    @torch.no_grad()
    def step(self):
        for k, p in enumerate(self.ps):
            if self.before[k]:
                w, g = self.before[k]
                self.pairs[k] = [(p - w, p.grad - g)] + self.pairs[k][:self.memory - 1]
            self.before[k] = p.clone(), p.grad.clone()
            p -= self.lr * self.direction(p.grad.clone(), self.pairs[k])

    @staticmethod
    def direction(q, pairs):
        rho, a = [1 / d if (d := (s * y).sum()) != 0 else 0 for s, y in pairs], []
        for (s, y), r in zip(pairs, rho):
            a.append(r * (s * q).sum())
            q = q - a[-1] * y
        if pairs:
            s, y = pairs[0]
            q = q * (s * y).sum() / d if (d := (y * y).sum()) != 0 else 0 * q
        for (s, y), r, alpha in reversed(list(zip(pairs, rho, a))): q = q + s * (alpha - r * (y * q).sum())
        return q


class Two:
    """One optimizer for the matrices, another for the rest."""

    def __init__(self, ps, matrices, rest):
        self.both = [matrices([p for p in ps if p.dim() == 2]), rest([p for p in ps if p.dim() != 2])]

    def zero_grad(self):
        for o in self.both: o.zero_grad()

    def step(self):
        for o in self.both: o.step()
