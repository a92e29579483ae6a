# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Matrix products: square, skinny, with tails, batched, transposed."""

from case import Case, Group, arrays, f32

SQUARE = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1000, 1024, 1536, 2048)
OTHER = (
    (1, 1024, 1024),
    (4, 1024, 1024),
    (8, 1024, 1024),
    (17, 100, 33),
    (1000, 333, 777),
    (128, 3072, 768),
    (512, 3072, 768),
    (2048, 64, 2048),
    (64, 2048, 64),
    (1024, 1024, 1),
)


def cases() -> list[Case]:
    out = []
    for m, k, n in [(s, s, s) for s in SQUARE] + list(OTHER):
        out.append(Case(f"f32 {m}x{k}x{n}", "a @ b", arrays(a=f32(m, k), b=f32(k, n))))
    for m, k, n in ((64, 64, 64), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024)):
        out.append(
            Case(
                f"f64 {m}x{k}x{n}",
                "a @ b",
                arrays(a=f32(m, k), b=f32(k, n)),
                setup="a = a.double(); b = b.double()",
            )
        )
    for m, k, n in ((64, 64, 64), (256, 256, 256), (1024, 1024, 1024)):
        data = arrays(a=f32(k, m), b=f32(n, k))
        out.append(
            Case(f"f32 {m}x{k}x{n}, B transposed", "a @ b.T", arrays(a=f32(m, k), b=f32(n, k)))
        )
        out.append(
            Case(f"f32 {m}x{k}x{n}, A transposed", "a.T @ b", arrays(a=f32(k, m), b=f32(k, n)))
        )
        out.append(Case(f"f32 {m}x{k}x{n}, both", "a.T @ b.T", data))
    for batch, m, k, n in (
        (128, 32, 32, 32),
        (32, 128, 128, 64),
        (12, 512, 512, 64),
        (16, 256, 64, 256),
    ):
        out.append(
            Case(
                f"f32 batch {batch}, {m}x{k}x{n}",
                "a @ b",
                arrays(a=f32(batch, m, k), b=f32(batch, k, n)),
            )
        )
    for m, k, n in ((1, 768, 768), (32, 768, 3072), (512, 768, 768)):
        out.append(
            Case(
                f"linear {m}x{k}x{n}",
                "F.linear(x, w, b)",
                arrays(x=f32(m, k), w=f32(n, k), b=f32(n)),
            )
        )
    return out


def narrow() -> list[Case]:
    """Element types that this library widens where it packs them; PyTorch has kernels of its own for some."""
    out = []
    for name, cast in (("bf16", "bfloat16()"), ("f16", "half()")):
        for m, k, n in ((1, 1024, 1024), (64, 64, 64), (256, 256, 256)):
            data = arrays(a=f32(m, k), b=f32(k, n))
            setup = f"a = a.{cast}; b = b.{cast}"
            out.append(Case(f"{name} {m}x{k}x{n}", "a @ b", data, setup=setup, tolerance=1e-2))
    for m, k, n in ((64, 64, 64), (256, 256, 256)):
        bytes_ = lambda rng, m=m, k=k, n=n: {  # noqa: E731
            "a": rng.integers(-8, 8, (m, k)).astype("int8"),
            "b": rng.integers(-8, 8, (k, n)).astype("int8"),
        }
        out.append(Case(f"int8 {m}x{k}x{n}", "a @ b", bytes_))
    return out


GROUP = Group("matmul", mean=0.97, worst=0.82, cases=cases)
NARROW = Group("matmul-narrow", mean=0.0, worst=0.0, cases=narrow)
