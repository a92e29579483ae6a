# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Philox-4x32-10 and what docs/random.md makes of it, in NumPy, for tests to compare with."""

import numpy as np

LOW = np.uint64(0xFFFFFFFF)
U32 = np.uint64(32)


def blocks(counter, key):
    """The four words (uint64, below 2**32) under a key of two words; `counter` has four."""
    x = [np.asarray(word, np.uint64) for word in counter]
    k = [np.uint64(word) for word in key]
    for _ in range(10):
        a, b = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        x = [(b >> U32) ^ x[1] ^ k[0], b & LOW, (a >> U32) ^ x[3] ^ k[1], a & LOW]
        k = [(k[0] + np.uint64(0x9E3779B9)) & LOW, (k[1] + np.uint64(0xBB67AE85)) & LOW]
    return x


def words(seed, offset, count, stream=0):
    """The words of elements 0 to count - 1."""
    at = np.arange(count, dtype=np.uint64) + np.uint64(offset % 2**64)
    seed, stream = seed % 2**64, stream % 2**64
    counter = (at & LOW, at >> U32, np.uint64(stream % 2**32), np.uint64(stream >> 32))
    return blocks(counter, (seed % 2**32, seed >> 32))


def bits64(seed, offset, count, stream=0):
    w = words(seed, offset, count, stream)
    return w[0] | w[1] << U32


def fraction64(high, low):
    return (high >> np.uint64(6)) * 2.0**-26 + (low >> np.uint64(5)) * 2.0**-53


def uniform(seed, offset, count, bits):
    w = words(seed, offset, count)
    if bits == 53:
        return fraction64(w[1], w[0])
    return (w[0] >> np.uint64(32 - bits)) * 2.0**-bits


def normal(seed, offset, count, double):
    """In float64, from the same u and v, to a few units in the last place."""
    w = words(seed, offset, count)
    eight = np.uint64(8)
    if double:
        u, v = fraction64(w[1], w[0]) + 2.0**-53, fraction64(w[3], w[2])
    else:
        head, tail = (w[0] >> eight) * 2.0**-24, ((w[1] >> eight) + np.uint64(1)) * 2.0**-48
        u = (head + tail).astype(np.float32).astype(np.float64)
        v = (w[2] >> eight) * 2.0**-24
    quarter = np.round(4 * v)
    rest = 2 * np.pi * (v - quarter / 4)
    sine, cosine = np.sin(rest), np.cos(rest)
    turned = np.choose(quarter.astype(int) % 4, [cosine, -sine, -cosine, sine])
    return np.sqrt(-2 * np.log(u)) * turned


def integers(seed, offset, count, low, high):
    return [low + (int(bits) * (high - low) >> 64) for bits in bits64(seed, offset, count).tolist()]
