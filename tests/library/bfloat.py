"""Precision bf16: products whose operands, also those of both gradients, are rounded by PyTorch's bfloat16; sums are exact."""
import torch
import torch.nn.functional as F

from engine import Case


def rounded(x): return x.float().bfloat16().to(x.dtype)


class Product(torch.autograd.Function):
    """By any rule that is linear in both: `multiply`, `first` and `second` are it and its gradients."""

    @staticmethod
    def forward(ctx, x, w, multiply, first, second):
        ctx.save_for_backward(x, w)
        ctx.first, ctx.second = first, second
        return multiply(rounded(x), rounded(w))

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return ctx.first(x, rounded(w), rounded(g)), ctx.second(rounded(x), w, rounded(g)), None, None, None


def matmul(x, w):
    return Product.apply(x, w, torch.matmul, lambda x, w, g: g @ w.mT,
                         lambda x, w, g: (x.mT @ g if w.dim() > 2 else x.flatten(0, -2).T @ g.flatten(0, -2)))


def conv(x, k):
    return Product.apply(x, k, lambda x, k: F.conv2d(x, k, padding=1), lambda x, k, g: torch.nn.grad.conv2d_input(x.shape, k, g, padding=1),
                         lambda x, k, g: torch.nn.grad.conv2d_weight(x, k.shape, g, padding=1))


def dense(x, w, name): return matmul(x, w[f'net.{name}.w']) + w[f'net.{name}.b']


def conv_network(r, w):
    x = dense(r.x, w, 'dense_1').tanh().unflatten(1, (4, 4, 3)).permute(0, 3, 1, 2)
    y = conv(x, w['net.conv2d_1.k'].permute(3, 2, 0, 1)) + w['net.conv2d_1.shift'][:, None, None]
    return dense(F.relu(y).permute(0, 2, 3, 1).flatten(1), w, 'dense_2')


def attention_network(r, w):
    x = dense(r.x, w, 'dense_1').tanh().unflatten(1, (6, 8))
    q, k, v = (matmul(x, w[f'net.attend_1.{name}']) for name in ('wq', 'wk', 'wv'))
    return dense(matmul(matmul(q, k.mT).softmax(2), v).flatten(1), w, 'dense_2')


ATTEND = '''fn tokens(x[b, n]) = reshape(x, b, 6, 8)
layer attend(x[b, t, n]) -> y[b, t, n] {
    param wq[n, n] = glorot_uniform(n, n)
    param wk[n, n] = glorot_uniform(n, n)
    param wv[n, n] = glorot_uniform(n, n)
    q[b, t, d] = sum[n] x[b, t, n] * wq[n, d]
    k[b, t, d] = sum[n] x[b, t, n] * wk[n, d]
    v[b, t, d] = sum[n] x[b, t, n] * wv[n, d]
    s[b, t, r] = sum[d] q[b, t, d] * k[b, r, d]
    p = softmax(s)
    y[b, t, d] = sum[r] p[b, t, r] * v[b, r, d]
}
'''

CASES = [
    Case('bf16_dense', width=32, steps=3, layer='dense', model=('net(x[batch, 4]) -> out[batch, 3] {\n    x |> dense(32) |> relu |> dense(20) |> tanh |> dense(3)\n}\n',
         lambda r, w: dense(dense(F.relu(dense(r.x, w, 'dense_1')), w, 'dense_2').tanh(), w, 'dense_3'))),
    Case('bf16_conv2d', steps=3, definitions='fn image(x[b, n]) = reshape(x, b, 4, 4, 3)\n',
         model=('net(x[batch, 4]) -> out[batch, 3] {\n    x |> dense(48) |> tanh |> image |> conv2d(16, kernel = 3, pad = 1) |> relu |> flatten |> dense(3)\n}\n', conv_network)),
    Case('bf16_attention', steps=3, definitions=ATTEND,
         model=('net(x[batch, 4]) -> out[batch, 3] {\n    x |> dense(48) |> tanh |> tokens |> attend |> flatten |> dense(3)\n}\n', attention_network)),
]
