# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled functions against torch.compile: what memory bounds, and what products of matrices bound."""

from case import Case, Group, arrays, f32

from .model import CNN, ENCODER, MLP, WEIGHTS, classified


def function(expression: str, arguments: str = "x", before: str = "") -> str:
    return before + f"def body({arguments}):\n    return {expression}\ncall = torch.compile(body)\n"


def bandwidth() -> list[Case]:
    rows, flat = arrays(x=f32(1024, 1024)), arrays(x=f32(1 << 20), y=f32(1 << 20), z=f32(1 << 20))
    weighted = arrays(x=f32(1024, 1024), w=f32(1024), b=f32(1024))
    masked = lambda rng: {"x": f32(1024, 1024)(rng), "m": rng.random((1024, 1024)) > 0.3}  # noqa: E731
    adam = """
def body(p, g, m, v):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    return p - 0.001 * m / (v.sqrt() + 1e-8), m, v
call = torch.compile(body)
v = v.abs()
"""
    four = arrays(p=f32(1 << 20), g=f32(1 << 20), m=f32(1 << 20), v=f32(1 << 20))
    return [
        Case(
            "pointwise chain 1M",
            "call(x, y, z)",
            flat,
            setup=function("(x * y + z).sigmoid() * x - z", "x, y, z"),
        ),
        Case("gelu of a sum 1M", "call(x, y)", flat, setup=function("F.gelu(x + y)", "x, y")),
        Case(
            "layer_norm and residual 1024x1024",
            "call(x, w, b)",
            weighted,
            setup=function("x + F.layer_norm(x, (1024,), w, b)", "x, w, b"),
        ),
        Case(
            "softmax of a scaled input",
            "call(x)",
            rows,
            setup=function("torch.softmax(x * 0.125, -1)"),
        ),
        Case(
            "masked softmax",
            "call(x, m)",
            masked,
            setup=function("torch.softmax(torch.where(m, x, -1e9), -1)", "x, m"),
        ),
        Case(
            "cross entropy 1024x1024",
            "call(x, y)",
            lambda rng: {"x": f32(1024, 1024)(rng), "y": rng.integers(0, 1024, 1024)},
            setup=function("F.cross_entropy(x, y)", "x, y"),
        ),
        Case(
            "mean squared error 1M",
            "call(x, y)",
            flat,
            setup=function("((x - y) ** 2).mean()", "x, y"),
        ),
        Case("Adam step 1M", "call(p, g, m, v)", four, setup=adam),
    ]


def products() -> list[Case]:
    out = [
        Case(
            f"linear and gelu {m}x{k}x{n}",
            "call(x, w, b)",
            arrays(x=f32(m, k), w=f32(n, k), b=f32(n)),
            setup=function("F.gelu(F.linear(x, w, b))", "x, w, b"),
            tolerance=1e-4,
        )
        for m, k, n in ((64, 256, 256), (512, 768, 768), (1, 1024, 1024))
    ]
    for name, model, data in (
        ("MLP 784-256-128-10, batch 64", MLP, classified(64, 784)),
        ("CNN 3x32x32, batch 16", CNN, classified(16, 3, 32, 32)),
        ("encoder layer 8x64x256", ENCODER, arrays(x=f32(8, 64, 256))),
    ):
        setup = model + WEIGHTS + "compiled = torch.compile(model)\n"
        setup += "def call():\n    with torch.no_grad():\n        return compiled(x)\n"
        out.append(Case(f"{name}, forward", "call()", data, setup=setup, tolerance=1e-4))
    return out


BANDWIDTH = Group("compiled-bandwidth", mean=1.3, worst=1.0, cases=bandwidth)
PRODUCTS = Group("compiled-products", mean=1.0, worst=0.9, cases=products)
