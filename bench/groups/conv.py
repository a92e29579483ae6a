# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions of ResNet's and MobileNet's shapes and their gradients; pooling and batch normalisation."""

from case import Case, Group, arrays, f32

# Name, batch, channels in, out, size of the image, kernel, stride, padding, dilation, groups.
CONVOLUTIONS = (
    ("3x3", 1, 64, 64, 56, 3, 1, 1, 1, 1),
    ("3x3", 8, 64, 64, 56, 3, 1, 1, 1, 1),
    ("3x3", 1, 128, 128, 28, 3, 1, 1, 1, 1),
    ("3x3", 8, 256, 256, 14, 3, 1, 1, 1, 1),
    ("3x3 stride 2", 1, 64, 128, 56, 3, 2, 1, 1, 1),
    ("1x1", 1, 256, 64, 56, 1, 1, 0, 1, 1),
    ("1x1", 8, 64, 256, 56, 1, 1, 0, 1, 1),
    ("1x1 stride 2", 8, 256, 512, 28, 1, 2, 0, 1, 1),
    ("7x7 stride 2", 1, 3, 64, 224, 7, 2, 3, 1, 1),
    ("depthwise 3x3", 1, 128, 128, 56, 3, 1, 1, 1, 128),
    ("depthwise 3x3", 8, 128, 128, 28, 3, 1, 1, 1, 128),
    ("grouped 3x3", 1, 128, 128, 28, 3, 1, 1, 1, 4),
    ("dilated 3x3", 1, 64, 64, 56, 3, 1, 2, 2, 1),
)
# Gradients take long; these stand for the others.
TRAINED = (0, 1, 4, 6, 8, 9, 11)


def _convolution(parameters: tuple, gradient: str) -> Case:
    kind, n, c, o, size, kernel, stride, padding, dilation, groups = parameters
    out = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    call = f"F.conv2d(x, w, None, {stride}, {padding}, {dilation}, {groups})"
    name = f"{kind}, {n}x{c}x{size}x{size} to {o}"
    data = {
        "x": f32(n, c, size, size),
        "w": f32(o, c // groups, kernel, kernel),
        "g": f32(n, o, out, out),
    }
    if not gradient:
        del data["g"]
        return Case(name, call, arrays(**data))
    return Case(
        f"{name}, d{gradient}",
        f"torch.autograd.grad(y, {gradient}, g, retain_graph=True)",
        arrays(**data),
        setup=f"{gradient}.requires_grad_()\ny = {call}",
        check=f"torch.autograd.grad(y, {gradient}, g, retain_graph=True)[0]",
    )


def cases() -> list[Case]:
    out = [_convolution(parameters, "") for parameters in CONVOLUTIONS]
    for gradient in "xw":
        out += [_convolution(CONVOLUTIONS[i], gradient) for i in TRAINED]
    return out


def pooling() -> list[Case]:
    out = []
    for n, c, size in ((1, 64, 112), (8, 64, 56)):
        shape, data = f"{n}x{c}x{size}x{size}", arrays(x=f32(n, c, size, size))
        out.append(Case(f"max_pool 3 stride 2, {shape}", "F.max_pool2d(x, 3, 2, 1)", data))
        out.append(Case(f"max_pool 2, {shape}", "F.max_pool2d(x, 2)", data))
        out.append(Case(f"avg_pool 2, {shape}", "F.avg_pool2d(x, 2)", data))
        statistics = dict(m=f32(c), v=f32(c, low=0.5), w=f32(c), b=f32(c))
        for mode in ("False", "True"):
            out.append(
                Case(
                    f"batch_norm, training {mode}, {shape}",
                    f"F.batch_norm(x, m, v, w, b, {mode})",
                    arrays(x=f32(n, c, size, size), **statistics),
                )
            )
    return out


GROUP = Group("conv", mean=1.0, worst=0.5, cases=cases)
POOLING = Group("pooling", mean=1.2, worst=0.8, cases=pooling)
