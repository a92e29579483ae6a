# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls that an hour of ordinary use makes, so that their kernels can be compiled in advance.

A kernel serves a class of shapes (docs/kernel-key.md): each call is made on the smallest shapes of a class.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import stepwell as torch

F = torch.nn.functional
Calls = list[Callable[[], object]]

FLOATS = (torch.float32, torch.float64)
NUMBERS = (*FLOATS, torch.int64)
BINARY = "add sub mul div maximum minimum lt le eq ne gt ge".split()
UNARY = "neg abs exp log sqrt rsqrt sin cos tanh sigmoid relu floor round square reciprocal".split()
ALONG = "sum mean amax amin argmax argmin softmax log_softmax cumsum".split()


def numbers(*sizes: int, dtype=torch.float32, grad: bool = False):
    made = (torch.ones(*sizes) + 0.5).to(dtype)
    return made.requires_grad_() if grad else made


def arithmetic() -> Calls:
    calls: Calls = []
    for dtype, name in product(NUMBERS, BINARY):
        # Alike, with a row, with a column, with a number, transposed.
        a, b = numbers(3, 4, dtype=dtype), numbers(3, 4, dtype=dtype)
        row, column = numbers(4, dtype=dtype), numbers(3, 1, dtype=dtype)
        takes_numbers = name not in ("maximum", "minimum")
        others = (2, 1.5) if takes_numbers else ()
        for other in (b, row, column, *others, numbers(4, 3, dtype=dtype).T):
            calls.append(lambda name=name, a=a, other=other: getattr(torch, name)(a, other))
        if name in ("add", "sub", "mul", "div") and dtype in FLOATS:
            for other in (b, row, 1.5):
                calls.append(
                    lambda name=name, a=a, other=other: getattr(a.clone(), name + "_")(other)
                )
    for dtype, name in product(FLOATS, UNARY):
        for x in (
            numbers(12, dtype=dtype),
            numbers(4, 3, dtype=dtype).T,
            numbers(4, 6, dtype=dtype)[:, :3],
        ):
            calls.append(lambda name=name, x=x: getattr(torch, name)(x))
    for x in (numbers(3, 4), numbers(3, 4, dtype=torch.int64)):
        calls += [
            lambda x=x: x**2,
            lambda x=x: x * x,
            lambda x=x: 1 - x,
            lambda x=x: 2 / x,
            lambda x=x: x // 2,
            lambda x=x: x % 2,
            lambda x=x: -x,
            lambda x=x: (x > 1) & (x < 2),
            lambda x=x: ~(x > 1),
            lambda x=x: torch.where(x > 1, x, 0),
            lambda x=x: x.clamp(0, 1),
            lambda x=x: x[x > 1],
        ]
    return calls


def reductions() -> Calls:
    calls: Calls = []
    for dtype, name in product(FLOATS, ALONG):
        x = numbers(2, 3, 4, dtype=dtype)
        for each in (x, x[0]):
            for dim in (0, -1):
                calls.append(lambda name=name, each=each, dim=dim: getattr(each, name)(dim))
    for dtype in (*NUMBERS, torch.bool):
        x = numbers(3, 4, dtype=dtype)
        calls += [
            lambda x=x: x.sum(),
            lambda x=x: x.any(),
            lambda x=x: x.all(),
            lambda x=x: x.sum(0),
        ]
    x = numbers(3, 4)
    calls += [
        lambda: x.mean(),
        lambda: x.max(),
        lambda: x.min(),
        lambda: x.argmax(),
        lambda: x.std(),
        lambda: x.var(0),
        lambda: x.norm(),
    ]
    return calls


def movement() -> Calls:
    calls: Calls = []
    for dtype in (*NUMBERS, torch.float16, torch.bfloat16, torch.int32, torch.uint8, torch.bool):
        x = numbers(3, 4).to(dtype)
        calls += [
            lambda x=x: x.clone(),
            lambda x=x: x.T.contiguous(),
            lambda x=x: x[:, :2].contiguous(),
            lambda x=x: torch.zeros_like(x),
            lambda x=x: x[torch.tensor([0, 1])],
            lambda x=x: torch.cat([x, x]),
            lambda x=x: torch.cat([x, x], 1),
            lambda x=x: torch.stack([x, x]),
        ]
        for other in (torch.float32, torch.float64, torch.int64, torch.bool):
            calls.append(lambda x=x, other=other: x.to(other))
    x = numbers(3, 4)
    calls += [
        lambda: torch.arange(5),
        lambda: torch.arange(5.0),
        lambda: torch.linspace(0, 1, 5),
        lambda: torch.eye(3),
        lambda: torch.rand(4),
        lambda: torch.randn(4),
        lambda: torch.randint(0, 9, (4,)),
        lambda: x.masked_fill(x > 1, 0.0),
        lambda: x.gather(1, torch.tensor([[0], [1], [2]])),
        lambda: F.one_hot(torch.tensor([0, 2]), 3),
        lambda: x.clone().fill_(2.0),
        lambda: x.flip(0),
        lambda: x.cumsum(0),
        lambda: x.sort(),
        lambda: x[0].sort(),
        lambda: x.argsort(descending=True),
        lambda: x.topk(2),
    ]
    return calls


def products() -> Calls:
    calls: Calls = []
    for dtype in FLOATS:
        a, b = numbers(3, 4, dtype=dtype), numbers(4, 5, dtype=dtype)
        batch = numbers(2, 3, 4, dtype=dtype)
        calls += [
            lambda a=a, b=b: a @ b,
            lambda a=a: a @ a.T,
            lambda a=a: a.T @ a,
            lambda a=a, b=b: b.T @ a.T,
            lambda batch=batch, b=b: batch @ b,
            lambda batch=batch: batch @ batch.transpose(1, 2),
            lambda a=a, b=b: a[0] @ b,
            lambda a=a, b=b: a @ b[:, 0],
            lambda a=a: a[0] @ a[1],
        ]
    a, b = numbers(3, 4).bfloat16(), numbers(4, 5).bfloat16()
    calls += [lambda: a @ b, lambda: a @ a.T, lambda: a.T @ a]
    return calls


def attention() -> Calls:
    """Heads of the usual sizes, packed and split from rows of all heads, with their derivative."""

    def call(size, split, dtype=torch.float32, grad=True, **arguments) -> Callable[[], object]:
        def operand():
            shape = (2, 3, 2, size) if split else (2, 2, 3, size)
            made = numbers(*shape, dtype=dtype)
            return made.transpose(1, 2) if split else made

        def run() -> None:
            leaves = [operand().requires_grad_(grad) for _ in range(3)]
            result = F.scaled_dot_product_attention(*leaves, **arguments)
            if grad:
                torch.autograd.grad(result, leaves, operand())

        return run

    calls: Calls = []
    sees = torch.tensor([True, True, False])
    for size in (64, 128):
        for split, causal in product((False, True), (False, True)):
            calls.append(call(size, split, is_causal=causal))
        for causal in (False, True):
            calls.append(call(size, True, torch.bfloat16, grad=False, is_causal=causal))
        calls.append(call(size, True, attn_mask=sees.expand(2, 1, 1, 3).clone()))
    for mask in (sees.expand(3, 3).clone(), numbers(3, 3)):
        calls.append(call(64, True, attn_mask=mask))
    return calls


def training() -> Calls:
    """Forward, backward and a step of each optimiser, of networks from the first tutorials."""

    def train(model, x, loss, make) -> Callable[[], None]:
        def run() -> None:
            optimizer = make(model.parameters())
            for _ in range(2):
                optimizer.zero_grad()
                loss(model(x)).backward()
                optimizer.step()

        return run

    nn = torch.nn
    labels = torch.tensor([0, 1, 1])
    mlp = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    smooth = nn.Sequential(
        nn.Linear(4, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 2), nn.Tanh(), nn.Sigmoid()
    )
    dropped = nn.Sequential(
        nn.Linear(4, 8),
        nn.BatchNorm1d(8) if hasattr(nn, "BatchNorm1d") else nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(8, 2),
    )
    x = numbers(3, 4)
    adam, sgd = torch.optim.Adam, torch.optim.SGD
    return [
        train(mlp, x, lambda y: F.cross_entropy(y, labels), lambda p: sgd(p, lr=0.1)),
        train(
            mlp,
            x,
            lambda y: F.cross_entropy(y, labels),
            lambda p: sgd(p, lr=0.1, momentum=0.9, weight_decay=0.1),
        ),
        train(smooth, x, lambda y: F.mse_loss(y, numbers(3, 2)), lambda p: adam(p, lr=0.1)),
        train(dropped, x, lambda y: y.pow(2).mean(), lambda p: torch.optim.AdamW(p, lr=0.1)),
        lambda: (numbers(3, 4, grad=True) * numbers(3, 4)).sum().backward(),
        lambda: (numbers(3, 4, grad=True) ** 2).mean().backward(),
        lambda: numbers(3, 4, grad=True).exp().sum().backward(),
    ]


def all_calls() -> Calls:
    return [*arithmetic(), *reductions(), *movement(), *products(), *attention(), *training()]
