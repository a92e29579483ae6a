#!/usr/bin/env python3
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fits the polynomials of lib/Transforms/ExpandMath and prints Coefficients.h.

Each is a Chebyshev fit in 60 digits (within a small factor of minimax), rounded to f64; a
row tells what is fitted, so that a line of the header can be checked against its formula.
Needs mpmath.

    fit.py > lib/Transforms/ExpandMath/Coefficients.h
"""

from mpmath import (
    atan,
    atanh,
    cos,
    erf,
    erfc,
    exp,
    floor,
    ln,
    mp,
    mpf,
    nstr,
    pi,
    sin,
    sqrt,
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
    ("LogSingle", "(2 atanh(s)/s - 2) / s^2 over z = s^2", even(lambda s: (2 * atanh(s) / s - 2) / s**2), (0, S_MAX**2), 6),
    ("Log2Single", "the same by 1/ln2", even(lambda s: (2 * atanh(s) / s - 2) / s**2 / ln(2)), (0, S_MAX**2), 6),
    ("Log10Single", "the same by 1/ln10", even(lambda s: (2 * atanh(s) / s - 2) / s**2 / ln(10)), (0, S_MAX**2), 6),
    ("SinSingle", "(sin(r)/r - 1) / z over z = r^2, |r| <= pi/2", even(lambda r: (sin(r) / r - 1) / r**2), (0, (2 * R_MAX) ** 2), 7),
    ("SinQuarterSingle", "the same, |r| <= pi/4", even(lambda r: (sin(r) / r - 1) / r**2), (0, R_MAX**2), 6),
    ("CosQuarterSingle", "(cos(r) - 1) / z over z = r^2, |r| <= pi/4", even(lambda r: (cos(r) - 1) / r**2), (0, R_MAX**2), 6),
    ("ErfSingle", "erf(x)/x over t = x^2/8 - 1, |x| <= 4", lambda t: even(lambda x: erf(x) / x)(8 * (1 + t)), (-1, 1), 26),
    ("ErfcSingle", "(x + 3) exp(x^2) erfc(x) over t = 1 - 6 / (x + 3), 0 <= x <= 10.5",
     lambda t: (lambda x: (x + 3) * exp(x * x) * erfc(x))(6 / (1 - t) - 3), (-1, mpf("0.556")), 15),
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
