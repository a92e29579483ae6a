# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arithmetic and copies of arrays in the first-level cache, in the last one and in memory."""

import numpy as np
from case import Case, Group, arrays, f32

SIZES = {"4K": 4096, "32K": 32768, "1M": 1 << 20, "8M": 1 << 23}
FUNCTIONS = (
    "exp exp2 expm1 log log1p log2 sqrt rsqrt sin cos tan tanh sigmoid erf abs neg relu floor round reciprocal"
).split()


def cases() -> list[Case]:
    out = []
    for label, n in SIZES.items():
        pair = arrays(a=f32(n), b=f32(n))
        out.append(Case(f"add f32 {label}", "a + b", pair))
        out.append(Case(f"mul by a number f32 {label}", "a * 1.5", pair))
        out.append(Case(f"copy f32 {label}", "a.clone()", pair))
    n = SIZES["1M"]
    pair = arrays(a=f32(n), b=f32(n))
    out += [
        Case("sub f32 1M in place", "a.sub_(b)", pair),
        Case("div f32 1M", "a / b", arrays(a=f32(n), b=f32(n, low=0.5, high=2))),
        Case("maximum f32 1M", "torch.maximum(a, b)", pair),
        Case("where f32 1M", "torch.where(c, a, b)", pair, setup="c = a > 0"),
        Case("lt f32 1M", "a < b", pair),
        Case("fill f32 1M", "torch.full((1 << 20,), 1.5)"),
        Case("clamp f32 1M", "a.clamp(-0.5, 0.5)", pair),
    ]
    for name in FUNCTIONS:
        positive = name in ("log", "log1p", "log2", "sqrt", "rsqrt", "reciprocal")
        x = arrays(a=f32(32768, low=0.1, high=8) if positive else f32(32768, low=-4, high=4))
        out.append(Case(f"{name} f32 32K", f"torch.{name}(a)", x))
    out += [
        Case("gelu f32 32K", "F.gelu(a)", arrays(a=f32(32768))),
        Case("silu f32 32K", "F.silu(a)", arrays(a=f32(32768))),
        Case("pow f32 32K", "a ** b", arrays(a=f32(32768, low=0.1, high=4), b=f32(32768))),
        Case("exp f32 1M", "torch.exp(a)", pair),
        Case("tanh f32 1M", "torch.tanh(a)", pair),
        Case("exp f64 32K", "torch.exp(a)", arrays(a=f32(32768)), setup="a = a.double()"),
        Case("add f64 1M", "a + b", pair, setup="a = a.double(); b = b.double()"),
        Case("add f32 f64 1M", "a + b", pair, setup="b = b.double()"),
        Case("add bf16 1M", "a + b", pair, setup="a = a.bfloat16(); b = b.bfloat16()"),
        Case("add f16 1M", "a + b", pair, setup="a = a.half(); b = b.half()"),
    ]
    for dtype in ("int8", "int32", "int64"):
        ints = lambda rng, dtype=dtype: {  # noqa: E731
            "a": rng.integers(-100, 100, n).astype(dtype),
            "b": rng.integers(1, 100, n).astype(dtype),
        }
        out.append(Case(f"add {dtype} 1M", "a + b", ints))
        out.append(Case(f"mul {dtype} 1M", "a * b", ints))
    ints = lambda rng: {"a": rng.integers(-100, 100, n), "b": rng.integers(1, 100, n)}  # noqa: E731
    out.append(Case("floor division int64 1M", "a // b", ints))
    square = arrays(a=f32(1024, 1024), b=f32(1024, 1024), r=f32(1024), c=f32(1024, 1))
    out += [
        Case("add a row 1024x1024", "a + r", square),
        Case("add a column 1024x1024", "a + c", square),
        Case("row + column 1024x1024", "r + c", square),
        Case("add transposed 1024x1024", "a + b.T", square),
        Case("add both transposed 1024x1024", "a.T + b.T", square),
        Case("copy transposed 1024x1024", "a.T.contiguous()", square),
        Case("copy transposed 256x256", "a.T.contiguous()", arrays(a=f32(256, 256))),
        Case(
            "permute copy 32x64x128", "a.permute(2, 0, 1).contiguous()", arrays(a=f32(32, 64, 128))
        ),
        Case(
            "NCHW to NHWC 8x64x56x56",
            "a.permute(0, 2, 3, 1).contiguous()",
            arrays(a=f32(8, 64, 56, 56)),
        ),
        Case("every second column 1024x1024", "a[:, ::2] + 1.0", square),
        Case("strided rows 1024x1024", "a[::2] * 2.0", square),
        Case("cast f32 to f64 1M", "a.double()", pair),
        Case("cast f64 to f32 1M", "d.float()", pair, setup="d = a.double()"),
        Case("cast f32 to bf16 1M", "a.bfloat16()", pair),
        Case(
            "cast f32 to int32 1M",
            "a.int()",
            lambda rng: {"a": rng.uniform(-1e6, 1e6, n).astype(np.float32)},
        ),
        Case("cast f32 to bool 1M", "a.bool()", pair),
    ]
    return out


GROUP = Group("elementwise", mean=1.2, worst=0.95, cases=cases)
