# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions, normalisations, scans, and what selects elements."""

from case import Case, Group, arrays, f32


def cases() -> list[Case]:
    big, small, tall = (
        arrays(a=f32(1024, 1024)),
        arrays(a=f32(256, 256)),
        arrays(a=f32(32, 128, 768)),
    )
    out = []
    for name in ("sum", "mean", "amax", "argmax", "prod", "var", "logsumexp"):
        for label, data in (("1024x1024", big), ("256x256", small)):
            for dim in (0, 1):
                setup = "a = 1 + 0.01 * a" if name == "prod" else ""
                out.append(Case(f"{name} dim {dim} {label}", f"a.{name}({dim})", data, setup=setup))
    out += [
        Case("sum all 1M", "a.sum()", big),
        Case("sum all 8M", "a.sum()", arrays(a=f32(1 << 23))),
        Case("max all 1M", "a.amax((0, 1))", big),
        Case("sum dims 0, 2 of 32x128x768", "a.sum((0, 2))", tall),
        Case("sum dim 1 of 32x128x768", "a.sum(1)", tall),
        Case("sum int64 1M", "a.sum()", lambda rng: {"a": rng.integers(-100, 100, 1 << 20)}),
        Case("sum f64 dim 1 1024x1024", "a.sum(1)", big, setup="a = a.double()"),
        Case("any dim 1 1024x1024", "(a > 9).any(1)", big),
        Case("sum transposed dim 1", "a.T.sum(1)", big),
        Case("cumsum dim 0 1024x1024", "a.cumsum(0)", big, tolerance=1e-4),
        Case("cumsum dim 1 1024x1024", "a.cumsum(1)", big, tolerance=1e-4),
        Case(
            "gather dim 1 1024x1024",
            "a.gather(1, i)",
            lambda rng: {**big(rng), "i": rng.integers(0, 1024, (1024, 1024))},
        ),
        Case(
            "index_select rows",
            "a.index_select(0, i)",
            lambda rng: {**big(rng), "i": rng.integers(0, 1024, 512)},
        ),
        Case(
            "embedding 512 of 1024x1024",
            "F.embedding(i, a)",
            lambda rng: {**big(rng), "i": rng.integers(0, 1024, 512)},
        ),
        Case("sort 1M", "a.flatten().sort(stable=True)[0]", big),
        Case("sort rows of 1024x1024", "a.sort(dim=1, stable=True)[0]", big),
        Case("sort dim 0 of 1024x1024", "a.sort(dim=0, stable=True)[0]", big),
        Case("argsort 1M", "a.flatten().argsort(stable=True)", big),
        Case("topk 10 of 1024x1024", "a.topk(10, 1)[0]", big),
        Case("cat dim 0", "torch.cat([a, a])", big),
        Case("cat dim 1", "torch.cat([a, a], 1)", big),
    ]
    for label, data in (("1024x1024", big), ("256x256", small), ("32x128x768", tall)):
        for dim in (-1, 0):
            out.append(Case(f"softmax dim {dim} {label}", f"torch.softmax(a, {dim})", data))
            out.append(Case(f"log_softmax dim {dim} {label}", f"torch.log_softmax(a, {dim})", data))
        width = label.split("x")[-1]
        out.append(
            Case(
                f"layer_norm {label}",
                f"F.layer_norm(a, ({width},), w, b)",
                lambda rng, data=data, width=int(width): {
                    **data(rng),
                    "w": f32(width)(rng),
                    "b": f32(width)(rng),
                },
            )
        )
    return out


GROUP = Group("reduce", mean=1.2, worst=0.95, cases=cases)
