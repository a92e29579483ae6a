#!/usr/bin/env python3
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fits the polynomials of lib/Transforms/ExpandMath and prints Coefficients.h.

Each is a Chebyshev fit in 60 digits (within a small factor of minimax), rounded to f64; a
row tells what is fitted, so that a line of the header can be checked against its formula. Those
for f32 are least squares over Chebyshev's nodes, coefficient by coefficient: each is rounded, and
what it lost is made up for by those after it. Needs mpmath.

    fit.py > lib/Transforms/ExpandMath/Coefficients.h
"""

import struct

from mpmath import (
    atan,
    atanh,
    cos,
    erf,
    erfc,
    exp,
    floor,
    ln,
    log,
    lu_solve,
    matrix,
    mp,
    mpf,
    nstr,
    pi,
    sin,
    sqrt,
    tanh,
    taylor,
)

mp.dps = 60
TINY = mpf(10) ** -40


def series(f, order, drop):
    """(f(x) - its first terms) / x**drop by its Taylor series, which does not cancel near 0."""
    terms = taylor(f, 0, order)
    return lambda x: sum(terms[i] * x ** (i - drop) for i in range(drop, order + 1))


def even(f):
    return lambda z: f(sqrt(z)) if z > TINY else f(sqrt(TINY))


HALF_LN2 = ln(2) / 2 * mpf("1.01")
TAN_PI_8 = sqrt(mpf(2)) - 1
S_MAX = (sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1) * mpf("1.001")
R_MAX = pi / 4 * mpf("1.001")

FITS = [
    ("Exp", "(exp(r) - 1 - r) / r^2, |r| <= ln2/2", series(exp, 40, 2), (-HALF_LN2, HALF_LN2), 11),
    ("Exp2", "(2^r - 1) / r, |r| <= 1/2", series(lambda x: exp(x * ln(2)), 45, 1), (-0.505, 0.505), 13),
    ("Log", "(2 atanh(s)/s - 2) / s^2 over z = s^2", even(lambda s: (2 * atanh(s) / s - 2) / s**2), (0, S_MAX**2), 8),
    ("LogTail", "(2 atanh(s)/s - 2 - 2z/3) / z^2", even(lambda s: (2 * atanh(s) / s - 2 - 2 * s**2 / 3) / s**4), (0, S_MAX**2), 8),
    ("Sin", "(sin(r)/r - 1) / z over z = r^2", even(lambda r: (sin(r) / r - 1) / r**2), (0, R_MAX**2), 8),
    ("Cos", "(cos(r) - 1 + z/2) / z^2", even(lambda r: (cos(r) - 1 + r**2 / 2) / r**4), (0, R_MAX**2), 8),
    ("Atan", "(atan(t)/t - 1) / z over z = t^2", even(lambda t: (atan(t) / t - 1) / t**2), (0, TAN_PI_8**2 * mpf("1.001")), 12),
    ("Erf", "erf(x)/x over z = x^2, |x| <= 1", even(lambda x: erf(x) / x), (0, mpf("1.001")), 15),
    ("Erfcx", "(1 + 2x) exp(x^2) erfc(x) over t = (x-4)/(x+4), 0.45 <= x <= 28",
     lambda t: (lambda x: (1 + 2 * x) * exp(x * x) * erfc(x))(4 * (1 + t) / (1 - t)), (mpf("-0.8"), mpf("0.755")), 24),
    # For f32: good to 2^-47 or so, which leaves one rounding, the last.
    ("Exp2Single", "(2^r - 1) / r, |r| <= 1/2", series(lambda x: exp(x * ln(2)), 45, 1), (-0.501, 0.501), 10),
    ("Log2Single", "(2 atanh(s)/s - 2) / s^2 over z = s^2 by 1/ln2", even(lambda s: (2 * atanh(s) / s - 2) / s**2 / ln(2)), (0, S_MAX**2), 6),
    ("SinSingle", "(sin(r)/r - 1) / z over z = r^2, |r| <= pi/2", even(lambda r: (sin(r) / r - 1) / r**2), (0, (2 * R_MAX) ** 2), 7),
    ("SinQuarterSingle", "the same, |r| <= pi/4", even(lambda r: (sin(r) / r - 1) / r**2), (0, R_MAX**2), 6),
    ("CosQuarterSingle", "(cos(r) - 1) / z over z = r^2, |r| <= pi/4", even(lambda r: (cos(r) - 1) / r**2), (0, R_MAX**2), 6),
    ("ErfcSingle", "(x + 3) exp(x^2) erfc(x) over t = 1 - 6 / (x + 3), 0 <= x <= 10.5",
     lambda t: (lambda x: (x + 3) * exp(x * x) * erfc(x))(6 / (1 - t) - 3), (-1, mpf("0.556")), 15),
]  # fmt: skip


def to_f32(c):
    return mpf(struct.unpack("f", struct.pack("f", float(c)))[0])


def fit_f32(f, interval, count, weight, nodes=60):
    """Coefficients that are f32, and the largest error times `weight`."""
    a, b = map(mpf, interval)
    points = [(a + b) / 2 + (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * nodes)) for i in range(nodes)]
    weights, values = [weight(x) for x in points], [f(x) for x in points]
    known = []

    def error(row):
        x = points[row]
        return weights[row] * (values[row] - sum(c * x**j for j, c in enumerate(known)))

    while len(known) < count:
        terms = range(len(known), count)
        left = matrix([[weights[row] * x**j for j in terms] for row, x in enumerate(points)])
        right = matrix([error(row) for row in range(nodes)])
        known.append(to_f32(lu_solve(left, right)[0]))
    return known, max(abs(error(row)) for row in range(nodes))


def log_of_one_plus(scale):
    def f(x):
        small = abs(x) < mpf(10) ** -10
        return scale * (-mpf(1) / 2 + x / 3 if small else (log(1 + x) - x) / x**2)

    return f


LN10 = ln(mpf(10))
GELU_C = mpf("2.75")


def tail(t):
    a = 2 * GELU_C / (1 - t) - GELU_C
    return (a + GELU_C) * exp(a * a / 2) * erfc(a / sqrt(mpf(2))) / 2


def near_tanh(z):
    return (tanh(sqrt(z)) / sqrt(z) - 1) / z if z > mpf(10) ** -12 else -mpf(1) / 3


def of_log(x):
    return x * x / log(1 + x)


THIRD = mpf("0.33367")
# As above, and the weight: errors are relative to the function that is made of it.
FITS_F32 = [
    ("ExpF32", "(exp(r) - 1 - r) / r^2, |r| <= ln2/2", series(exp, 40, 2), (-HALF_LN2, HALF_LN2), 5, lambda r: r * r),
    ("Exp2F32", "(2^r - 1) / r, |r| <= 1/2", series(lambda x: exp(x * ln(2)), 45, 1), (-0.501, 0.501), 6, lambda r: r * r),
    ("LogF32", "(log(1 + f) - f) / f^2, |f| <= 1/3", log_of_one_plus(1), (-THIRD, THIRD), 9, of_log),
    ("Log2F32", "the same by 1/ln2", log_of_one_plus(1 / ln(mpf(2))), (-THIRD, THIRD), 9, lambda x: of_log(x) * ln(mpf(2))),
    ("Log10F32", "the same by 1/ln10", log_of_one_plus(1 / LN10), (-THIRD, THIRD), 9, lambda x: of_log(x) * LN10),
    ("TanhF32", "(tanh(x)/x - 1) / z over z = x^2, |x| <= 0.6", near_tanh, (0, 0.36), 5, lambda z: z),
    ("ErfNearF32", "erf(x)/x - 1 over z = x^2, |x| <= 1", even(lambda x: erf(x) / x - 1), (0, mpf("1.001")), 8,
     even(lambda x: x / erf(x))),
    ("ErfFarF32", "-log(erfc(x)), 1 <= x <= 3.95", lambda a: -log(erfc(a)), (1, mpf("3.95")), 7, lambda a: erfc(a) / erf(a)),
    ("GeluF32", "(a + c) exp(a^2/2) erfc(a/sqrt2) / 2 over t = 1 - 2c / (a + c), c = 2.75, 0 <= a <= 15",
     tail, (-1, 1 - 2 * GELU_C / (15 + GELU_C)), 11, lambda t: 1 / tail(t)),
]  # fmt: skip


def main():
    print("//===- Coefficients.h - Printed by tools/minimax/fit.py ---------*- C++ -*-===//")
    print("//\n// Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.")
    print("// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n//")
    print("//===----------------------------------------------------------------------===//")
    print("#ifndef STEPWELL_TRANSFORMS_EXPANDMATH_COEFFICIENTS_H")
    print("#define STEPWELL_TRANSFORMS_EXPANDMATH_COEFFICIENTS_H\n")
    print("#include <cstdint>\n\nnamespace stepwell::expandmath {\n// clang-format off")
    for name, what, f, interval, count in FITS:
        mp.dps = 45
        poly, error = mp.chebyfit(f, [mpf(interval[0]), mpf(interval[1])], count, error=True)
        mp.dps = 60
        print(f"\n// {what}; error {nstr(error, 2)}")
        print(f"inline constexpr double k{name}[] = {{")
        for c in reversed(poly):
            print(f"    {float(c).hex()},")
        print("};")
    for name, what, f, interval, count, weight in FITS_F32:
        mp.dps = 40
        known, error = fit_f32(f, interval, count, weight)
        mp.dps = 60
        print(f"\n// {what}; error {nstr(error, 2)}")
        if name == "GeluF32":  # whose first coefficient is added in two words
            print(f"inline constexpr double k{name}First = {float(known.pop(0)).hex()};")
        print(f"inline constexpr float k{name}[] = {{")
        for c in known:
            print(f"    {float(c).hex()}f,")
        print("};")
    mp.prec = 1600
    bits = int(floor(2 / pi * mpf(2) ** (64 * 20)))
    print("\n// The bits of 2/pi, the first just below the binary point.")
    print("inline constexpr uint64_t kTwoOverPi[] = {")
    for i in range(20):
        print(f"    0x{(bits >> (64 * (19 - i))) & (2**64 - 1):016x},")
    print("};")
    rest, parts = pi / 2, []
    for width in (33, 33, 53):
        part = floor(rest * mpf(2) ** (width - 1 - floor(ln(rest) / ln(2))))
        part = part / mpf(2) ** (width - 1 - floor(ln(rest) / ln(2)))
        parts.append(part)
        rest -= part
    print("\n// pi/2 = A + B + C: the first two have 33 bits.")
    for name, part in zip("ABC", parts, strict=True):
        print(f"inline constexpr double kPiOver2{name} = {float(part).hex()};")
    print("\n// clang-format on\n\n} // namespace stepwell::expandmath\n\n#endif")


main()
