# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What each elementwise record computes, said in NumPy; values to try; distances in ULP.

A bfloat16 array is a float32 array here whose values bfloat16 holds.
"""

import math

import mpmath
import numpy as np
import stepwell as sw

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
ALL = ["bool", *INTEGERS, *FLOATS]
# Least exponent of a normal number, bits of the significand.
FORMATS = {
    "float16": (-14, 11),
    "bfloat16": (-126, 8),
    "float32": (-126, 24),
    "float64": (-1022, 53),
}


def storage(dtype):
    """The NumPy type that holds this dtype's values."""
    return np.dtype("float32" if dtype == "bfloat16" else dtype)


def round_to(values, dtype):
    """Floats rounded once to nearest, halves to even."""
    if (
        dtype in ("float32", "float64")
        or values.dtype in (np.float16, np.float32)
        and (dtype == "float16")
    ):
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    # NumPy goes through float32 here, which rounds twice.
    least, digits = FORMATS[dtype]
    limit = 2.0 ** (16 if dtype == "float16" else 128)
    wide = np.asarray(values, np.longdouble)
    with np.errstate(all="ignore"):
        _, exponent = np.frexp(np.where(np.isfinite(wide), wide, 0))
        quantum = np.ldexp(np.longdouble(1), np.maximum(exponent, least + 1) - digits)
        rounded = np.where(np.isfinite(wide), np.rint(wide / quantum) * quantum, wide)
        rounded = np.where(np.abs(rounded) >= limit, np.copysign(np.inf, wide), rounded)
        return np.copysign(rounded, wide).astype(storage(dtype))


def to_tensor(array, dtype):
    tensor = sw.from_numpy(np.asarray(array))
    return tensor.to(sw.bfloat16) if dtype == "bfloat16" else tensor


def to_array(tensor):
    return (tensor.to(sw.float32) if tensor.dtype is sw.bfloat16 else tensor).numpy()


def values(dtype, rng, count=23):
    """Ordinary and special values of a dtype; an odd number, so that vectors have a rest."""
    if dtype == "bool":
        return rng.random(count | 1) < 0.5
    if dtype in INTEGERS:
        info = np.iinfo(dtype)
        special = [0, 1, 2, 3, 7, 8, 31, 63, 64, 100, 127, info.min, info.max, info.max - 1]
        special += [-1, -2, -3, -8, -128] if info.min else [128, 200, 254, 1]
        return np.array([*special, *rng.integers(0, 9, count - 13)], dtype)
    least, digits = FORMATS[dtype]
    tiny, subnormal = 2.0**least, float(np.ldexp(1.0, least + 1 - digits))
    biggest = float(np.finfo(np.float64).max)
    if dtype != "float64":
        biggest = (2 - 2.0 ** (1 - digits)) * 2.0 ** (15 if dtype == "float16" else 127)
    special = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, -2.5, 3.5, 7.0, -7.0, 2.0, 3.0, 80.0, 0.25]
    special += [tiny, -tiny, subnormal, -3 * subnormal, biggest, -biggest]
    special += [np.inf, -np.inf, np.nan]
    return round_to(np.array([*special, *(rng.normal(size=count) * 4)]), dtype)


def divisible(mnemonic, arrays):
    """The operands, without integers that nothing is divided by: those are errors."""
    if mnemonic in ("floor_divide", "remainder") and arrays[1].dtype.kind in "iu":
        arrays[1] = np.where(arrays[1] == 0, arrays[1].dtype.type(5), arrays[1])
    return arrays


def ulps(found, exact, dtype):
    """How far from the exact values, in units of their last place in `dtype`.

    Equal infinities, NaNs and zeros of one sign are 0 apart; what differs in kind is infinitely far.
    """
    rounded = round_to(exact, dtype)
    least, digits = FORMATS[dtype]
    with np.errstate(all="ignore"):
        same = (found == rounded) & (np.signbit(found) == np.signbit(rounded))
        same |= np.isnan(found) & np.isnan(rounded)
        finite = np.where(np.isfinite(rounded), rounded, 1).astype(np.longdouble)
        _, exponent = np.frexp(finite)
        unit = np.ldexp(np.longdouble(1), np.maximum(exponent, least + 1) - digits)
        distance = np.abs(found.astype(np.longdouble) - exact.astype(np.longdouble)) / unit
    distance = np.where(np.isnan(distance), np.inf, distance)
    # Correctly rounded is at most half; an overflow has no distance of its own.
    return np.where(same & ~np.isfinite(rounded), 0, np.where(rounded == found, np.where(
        same, np.minimum(distance, 0.5), np.inf), distance)).astype(float)  # fmt: skip


# --- Integers, as Python's own -------------------------------------------------


def wrapped(function):
    """An elementwise function of Python's integers whose result wraps around."""

    def apply(*arrays):
        dtype = np.result_type(*arrays)
        bits = 8 * dtype.itemsize
        mask = (1 << bits) - 1
        unsigned = dtype.kind == "u"

        def one(*numbers):
            result = function(bits, *map(int, numbers)) & mask
            return result if unsigned or result < 1 << (bits - 1) else result - (1 << bits)

        return np.vectorize(one, otypes=[dtype])(*arrays)

    return apply


def integer_power(bits, base, exponent):
    if exponent < 0:
        return {1: 1, -1: -1 if exponent % 2 else 1}.get(base, 0)
    return pow(base, exponent, 1 << bits)


floor_divide = wrapped(lambda bits, x, y: x // y)
remainder = wrapped(lambda bits, x, y: x % y)
left_shift = wrapped(lambda bits, x, y: x << y if 0 <= y < bits else 0)
right_shift = wrapped(lambda bits, x, y: x >> (y if 0 <= y < bits else bits))


def float_floor_divide(x, y):
    """PyTorch's; NumPy's differs where the divisor is 0 or infinite."""
    r = np.fmod(x, y)
    quotient = (x - r) / y
    quotient = np.where((r != 0) & ((r < 0) != (y < 0)), quotient - 1, quotient)
    down = np.floor(quotient)
    down = np.where(quotient - down > 0.5, down + 1, down)
    down = np.where(quotient == 0, np.copysign(0, x / y), down)
    return np.where(y == 0, x / y, down)


def float_remainder(x, y):
    r = np.fmod(x, y)
    return np.where((r != 0) & ((r < 0) != (y < 0)), r + y, r)


def by_kind(floating, integer):
    def apply(*arrays):
        return (floating if arrays[-1].dtype.kind == "f" else integer)(*arrays)

    return apply


# --- The records ---------------------------------------------------------------


def linear_index(linear, index, size):
    wrapped = np.where(index < 0, index + size, index)
    fits = (linear >= 0) & (wrapped.view(f"u{size.itemsize}") < size.view(f"u{size.itemsize}"))
    return np.where(fits, linear * size + wrapped, np.array(-1, size.dtype))


# mnemonic: its value in the arrays' own type (bfloat16: in float32, then rounded). Equal bit for
# bit, but for NaN's payload.
EXACT = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply,
    "div": np.divide, "reciprocal": lambda x: x.dtype.type(1) / x, "sqrt": np.sqrt,
    "neg": np.negative, "abs": np.abs,
    "sign": lambda x: np.where(x != x, x.dtype.type(0), np.sign(x)) + x.dtype.type(0)
            if x.dtype != bool else x,
    **{name: by_kind(function, lambda x: x) for name, function in
       {"floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc}.items()},
    "relu": lambda x: np.where(x <= 0, x.dtype.type(0), x),
    "maximum": np.maximum, "minimum": np.minimum,
    "clamp_min": np.maximum, "clamp_max": np.minimum,
    "clamp": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "where": np.where,
    "floor_divide": by_kind(float_floor_divide, floor_divide),
    "remainder": by_kind(float_remainder, remainder),
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
    "logical_not": np.logical_not,
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor,
    "linear_index": linear_index,
    "bitwise_not": np.invert, "left_shift": left_shift, "right_shift": right_shift,
}  # fmt: skip


def erf(x):
    if x.dtype == np.longdouble:
        with mpmath.workprec(80):
            flat = [np.longdouble(mpmath.nstr(mpmath.erf(float(v)), 24)) for v in x.ravel()]
        return np.copysign(np.array(flat, np.longdouble).reshape(x.shape), x)
    return np.vectorize(math.erf, otypes=[x.dtype])(x)


# mnemonic: the function in a wider type, measured in ULP.
ROUNDED = {
    **{name: getattr(np, name) for name in
       "exp exp2 expm1 log log1p log2 log10 sin cos tan sinh cosh tanh".split()},
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2,
    "erf": erf, "rsqrt": lambda x: 1 / np.sqrt(x), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "pow": np.power,
}  # fmt: skip
# What is reached (docs/math.md): in float32 1 ULP and something, by the functions below, which are
# computed in float32 (the largest of all arguments); half of one by the others. float16 and bfloat16
# are rounded from float32.
BOUND = {"float16": 0.5001, "bfloat16": 0.50002, "float32": 0.5000001, "float64": 4.0}
BOUND_F32 = {
    "exp": 1.03, "exp2": 0.87, "expm1": 1.5, "log": 0.93, "log1p": 1.53, "log2": 1.42, "log10": 1.42,
    "tanh": 1.23, "erf": 1.06, "rsqrt": 1.48, "sigmoid": 1.95,
}  # fmt: skip


def bound(mnemonic, dtype):
    """The largest error in ULP that a function of ROUNDED may have."""
    return BOUND_F32.get(mnemonic, BOUND[dtype]) if dtype == "float32" else BOUND[dtype]


# Made of several functions: errors are measured against the input's size (test_activations.py).
ACTIVATIONS = {"gelu", "gelu_tanh", "silu"}


def exact(mnemonic, dtype, *arrays):
    """A function's values in a type that is wider by 11 bits and more."""
    wide = np.longdouble if dtype == "float64" else np.float64
    if dtype == "float32":  # what integers are computed in
        arrays = [a.astype(np.float32) for a in arrays]
    with np.errstate(all="ignore"):
        return ROUNDED[mnemonic](*(a.astype(wide) for a in arrays))


RECORDS = sw._core._elementwise_records()


def function(mnemonic):
    """What Python calls: public, or by the record's own name where a public function wraps it."""
    names = RECORDS[mnemonic]["functions"]
    return getattr(sw._core, names[0]) if names else getattr(sw._core.array, mnemonic)


def expected(mnemonic, dtype, *arrays):
    """What a record of EXACT gives, in the storage type of its result."""
    if mnemonic == "pow":
        return wrapped(integer_power)(*arrays)
    compute = np.float32 if dtype in ("float16", "bfloat16") else storage(dtype)
    if RECORDS[mnemonic]["toFloat"] and dtype not in FLOATS:
        dtype, compute = "float32", np.float32
    with np.errstate(all="ignore"):
        result = EXACT[mnemonic](*(a if a.dtype == bool else a.astype(compute) for a in arrays))
    return round_to(result, dtype) if result.dtype.kind == "f" else result
