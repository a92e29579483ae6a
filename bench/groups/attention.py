# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scaled dot-product attention: lengths, sizes of heads, masks."""

import numpy as np
from case import Case, Group, arrays, f32

# Batch, heads, length, size of a head.
SHAPES = (
    (8, 12, 128, 64),
    (1, 12, 512, 64),
    (1, 8, 512, 128),
    (1, 12, 1024, 64),
    (1, 8, 2048, 64),
    (1, 4, 2048, 128),
)


def _case(
    batch: int, heads: int, length: int, size: int, kind: str, backward: bool = False
) -> Case:
    shape = (batch, heads, length, size)
    data = {name: f32(*shape) for name in "qkv"}
    more = {
        "": "",
        "causal": ", is_causal=True",
        "bool mask": ", attn_mask=mask",
        "float mask": ", attn_mask=mask",
        "key padding": ", attn_mask=mask",
        "bf16": "",
        "split from (b, l, h, e)": "",
    }[kind]
    setup = ""
    if kind == "bool mask":
        data["mask"] = lambda rng: rng.uniform(size=(length, length)) < 0.8
    if kind == "float mask":
        data["mask"] = f32(length, length)
    if kind == "key padding":
        data["mask"] = lambda rng: np.arange(length) < rng.integers(1, length, (batch, 1, 1, 1))
    if kind == "bf16":
        setup = "q, k, v = q.bfloat16(), k.bfloat16(), v.bfloat16()"
    if kind.startswith("split"):
        data = {name: f32(batch, length, heads, size) for name in "qkv"}
        setup = "q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)"
    name = f"attention {batch}x{heads}x{length}x{size}" + (f", {kind}" if kind else "")
    call = f"F.scaled_dot_product_attention(q, k, v{more})"
    if not backward:
        return Case(name, call, arrays(**data), setup=setup)
    data["g"] = data["q"] if not kind.startswith("split") else f32(batch, heads, length, size)
    setup += "\ng = g.to(q.dtype)\nq, k, v = (x.detach().requires_grad_() for x in (q, k, v))"
    call = f"torch.autograd.grad({call}, (q, k, v), g)"
    return Case(f"{name}, forward and backward", call, arrays(**data), setup=setup)


def cases() -> list[Case]:
    out = [_case(*shape, "") for shape in SHAPES]
    out += [_case(*shape, "causal") for shape in SHAPES]
    for kind in ("bool mask", "float mask", "key padding", "split from (b, l, h, e)", "bf16"):
        out.append(_case(*SHAPES[1], kind))
    for kind in ("", "causal"):
        out += [_case(*shape, kind, backward=True) for shape in SHAPES]
    for kind in ("bool mask", "float mask", "key padding", "split from (b, l, h, e)", "bf16"):
        out.append(_case(*SHAPES[1], kind, backward=True))
    return out


GROUP = Group("attention", mean=1.0, worst=0.8, cases=cases)
