# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a launcher does with a manifest (docs/abi.md), in a few lines of Python."""

import json
import struct

import numpy as np

MARK = "stepwell "
BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,  # of sizes: not negative
    "&": lambda a, b: a & b,
    "max": max,
    "min": min,
    "=": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
}


def evaluate(postfix, words):
    stack = []
    for token in postfix.split():
        if token in BINARY:
            right, left = stack.pop(), stack.pop()
            stack.append(BINARY[token](left, right))
        elif token == "?":
            otherwise, then, condition = stack.pop(), stack.pop(), stack.pop()
            stack.append(then if condition else otherwise)
        elif token[0] == "w":
            stack.append(words[int(token[1:])])
        else:
            stack.append(int(token))
    (result,) = stack
    return result


def from_ptx(text):
    first = text.splitlines()[0]
    assert first.startswith("// " + MARK)
    return json.loads(first[len("// " + MARK) :])


def from_spirv(binary):
    """The one OpSourceExtension (4) that begins with our mark."""
    words = struct.unpack(f"<{len(binary) // 4}I", binary)
    at = 5
    while at < len(words):
        length, opcode = words[at] >> 16, words[at] & 0xFFFF
        if opcode == 4:
            text = struct.pack(f"<{length - 1}I", *words[at + 1 : at + length])
            text = text.split(b"\0")[0].decode()
            if text.startswith(MARK):
                return json.loads(text[len(MARK) :])
        at += length
    raise AssertionError("the module has no manifest")


def pack_words(arguments, pointer):
    """The flat list of the launch ABI; `pointer(array)` is a tensor's first word."""
    words = []
    for argument in arguments:
        if argument.ndim == 0 and isinstance(argument, np.generic):
            words.append(int.from_bytes(argument.tobytes(), "little"))
            continue
        words.append(pointer(argument))
        words += argument.shape
        words += (stride // argument.itemsize for stride in argument.strides)
    return words
