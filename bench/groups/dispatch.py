# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a call costs when there is next to nothing to compute."""

from case import Case, Group, arrays, f32

MLP = """
w1 = torch.nn.Parameter(w1); b1 = torch.nn.Parameter(b1)
w2 = torch.nn.Parameter(w2); b2 = torch.nn.Parameter(b2)
def step():
    for p in (w1, b1, w2, b2):
        p.grad = None
    loss = ((torch.relu(x @ w1 + b1) @ w2 + b2) - y).pow(2).mean()
    loss.backward()
    return loss
"""


def cases() -> list[Case]:
    vectors = arrays(a=f32(8), b=f32(8))
    matrices = arrays(a=f32(8, 8), b=f32(8, 8))
    leaf = "a.requires_grad_()"
    return [
        Case("add 8", "a + b", vectors),
        Case("add 8, out of a leaf", "a + b", vectors, setup=leaf),
        Case("add 8, a number", "a + 1.5", vectors),
        Case("add 8, in place", "a.add_(0.0)", vectors),
        Case("mul 8x8", "a * b", matrices),
        Case("add 8x8, a row", "a + b", arrays(a=f32(8, 8), b=f32(8))),
        Case("exp 8", "a.exp()", vectors),
        Case("torch.exp 8", "torch.exp(a)", vectors),
        Case("lt 8", "a < b", vectors),
        Case("sum 8", "a.sum()", vectors),
        Case("sum 8x8, dim 1", "a.sum(1)", matrices),
        Case("matmul 8x8", "a @ b", matrices),
        Case("transpose view", "a.T", matrices),
        Case("reshape view", "a.reshape(4, 16)", matrices),
        Case("unsqueeze view", "a.unsqueeze(0)", matrices),
        Case("row view", "a[3]", matrices),
        Case("slice view", "a[1:5, 2:]", matrices),
        Case("index by tensor", "a[i]", lambda rng: {**matrices(rng), "i": rng.integers(0, 8, 4)}),
        Case("write a row", "a[3] = 1.0", matrices, check="a"),
        Case("item", "a.item()", arrays(a=f32())),
        Case("softmax 8x8", "torch.softmax(a, 1)", matrices),
        Case("empty 8", "torch.empty(8)", check="torch.empty(8).shape[0]"),
        Case("zeros 8", "torch.zeros(8)"),
        Case(
            "MLP 4x8, forward and backward",
            "step()",
            arrays(x=f32(4, 8), y=f32(4, 2), w1=f32(8, 16), b1=f32(16), w2=f32(16, 2), b2=f32(2)),
            setup=MLP,
        ),
        Case("detach", "a.detach()", vectors),
        Case("shape", "a.shape", vectors, check="tuple(a.shape)"),
    ]


GROUP = Group("dispatch", mean=2.0, worst=2.0, cases=cases)
