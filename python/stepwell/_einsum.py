# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sums of products in Einstein's notation."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from . import _core
from ._core import Tensor
from ._definition import library_function

# Dimensions that "..." stands for, aligned at the last one: names that nobody can write.
_ELLIPSIS = [f"...{i}" for i in range(16)]


def _names(text: str, offset: int) -> list[str]:
    names: list[str] = []
    text_without = text.replace("...", ".", 1)
    if "." in text_without.replace(".", "", 1) or ("." in text and "..." not in text):
        raise RuntimeError(
            "einsum(): found '.' in the equation that is not part of any ellipsis ('...')"
        )
    for at, letter in enumerate(text_without):
        if letter == ".":
            names.append("...")
        elif letter in string.ascii_letters:
            names.append(letter)
        elif letter != " ":
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {at + offset} in the equation string, "
                "subscripts must be in [a-zA-Z]"
            )
    return names


def _expanded(names: list[str], rank: int, position: int) -> list[str]:
    """A name for each dimension of an operand."""
    if "..." not in names:
        if len(names) != rank:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(names)}) does not match "
                f"the number of dimensions ({rank}) for operand {position} and no ellipsis was given"
            )
        return names
    covered = rank - (len(names) - 1)
    if covered < 0:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(names) - 1}) is more than "
            f"the number of dimensions ({rank}) for operand {position}"
        )
    at = names.index("...")
    return names[:at] + _ELLIPSIS[16 - covered :] + names[at + 1 :]


def _diagonals(tensor: Tensor, names: list[str], position: int) -> tuple[Tensor, list[str]]:
    """A name that an operand repeats stands for its diagonal."""
    names = list(names)
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            first = names.index(name)
            second = names.index(name, first + 1)
            sizes = tensor.shape[second], tensor.shape[first]
            if sizes[0] != sizes[1]:
                raise RuntimeError(
                    f"einsum(): subscript {name} is repeated for operand {position} but the sizes "
                    f"don't match, {sizes[0]} != {sizes[1]}"
                )
            tensor = tensor.diagonal(0, first, second)
            del names[second], names[first]
            names.append(name)
    return tensor, names


def _product(a: Tensor, b: Tensor, of_a: list[str], of_b: list[str], keep: set[str]) -> Any:
    """Two operands contracted over the names that nobody reads any more."""
    for name in [n for n in of_a if n in of_b]:
        i, j = of_a.index(name), of_b.index(name)
        if a.shape[i] == b.shape[j] == 1 and name not in keep:  # no sum
            a, b = a.squeeze(i), b.squeeze(j)
            del of_a[i], of_b[j]
            continue
        # Of the size 1 and another: as if the one was not there.
        if a.shape[i] != b.shape[j]:
            if a.shape[i] == 1:
                a = a.squeeze(i)
                del of_a[i]
            else:
                b = b.squeeze(j)
                del of_b[j]
    for names, others, which in ((of_a, of_b, 0), (of_b, of_a, 1)):
        gone = [i for i, n in enumerate(names) if n not in others and n not in keep]
        if gone:
            summed = (a, b)[which]
            if any(summed.shape[i] != 1 for i in gone):
                summed = _core.sum(summed, tuple(gone))  # of integers int64
            else:
                summed = summed.squeeze(tuple(gone))
            a, b = (summed, b) if which == 0 else (a, summed)
            names[:] = [n for i, n in enumerate(names) if i not in gone]
    shared = [n for n in of_a if n in of_b]
    batch = [n for n in shared if n in keep]
    contract = [n for n in shared if n not in keep]
    if a.dtype is not b.dtype:
        if contract:
            raise RuntimeError(f"expected scalar type {a.dtype.name} but found {b.dtype.name}")
        wide = _core._promote(a.dtype, b.dtype)
        a, b = a._cast(wide), b._cast(wide)
    if a.dtype is _core.bool and not contract:
        a = a.permute([of_a.index(n) for n in batch + [n for n in of_a if n not in shared]])
        b = b.permute([of_b.index(n) for n in batch + [n for n in of_b if n not in shared]])
        lone = [n for n in of_a if n not in shared], [n for n in of_b if n not in shared]
        a = a.reshape([*a.shape, *(1 for _ in lone[1])])
        b = b.reshape([*b.shape[: len(batch)], *(1 for _ in lone[0]), *b.shape[len(batch) :]])
        return a & b, batch + lone[0] + lone[1]
    result = _core.array.dot_general(
        a,
        b,
        tuple(of_a.index(n) for n in batch),
        tuple(of_b.index(n) for n in batch),
        tuple(of_a.index(n) for n in contract),
        tuple(of_b.index(n) for n in contract),
    )
    names = batch + [n for n in of_a if n not in shared] + [n for n in of_b if n not in shared]
    return result, names


def _subscripts(arguments: Sequence[Any]) -> tuple[str, list[Tensor]]:
    """einsum(a, [0, 1], b, [1, 2], [0, 2]) as an equation."""
    letters = string.ascii_uppercase + string.ascii_lowercase

    def text(listed: Any) -> str:
        return "".join("..." if each is Ellipsis else letters[each] for each in listed)

    operands = list(arguments[0 : len(arguments) // 2 * 2 : 2])
    equation = ",".join(text(each) for each in arguments[1 : len(arguments) // 2 * 2 : 2])
    if len(arguments) % 2:
        equation += "->" + text(arguments[-1])
    return equation, operands


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sums of products in Einstein's notation: "ij,jk->ik" is a matrix product.

    A letter names a dimension of each operand that has it; a letter that the right side lacks is
    summed over; without "->" the result has the letters that occur once, in alphabetical order.
    "..." stands for all other dimensions, which broadcast; a letter that one operand repeats is its
    diagonal. Operands are contracted from left to right.

    RuntimeError: an equation that does not fit the operands.

    >>> einsum("bij,bjk->bik", ones(2, 3, 4), ones(2, 4, 5)).shape
    (2, 3, 5)
    """
    if not isinstance(equation, str):
        equation, operands = _subscripts((equation, *operands))  # type: ignore[assignment]
    elif len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    for position, operand in enumerate(operands):
        if not isinstance(operand, Tensor):
            raise TypeError(
                f"einsum(): operand {position} must be Tensor, not {type(operand).__name__}"
            )
    return _einsum(equation, operands)


@library_function
def _einsum(equation: str, operands: Sequence[Tensor]) -> Tensor:
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        few = "fewer" if len(terms) > len(operands) else "more"
        raise RuntimeError(f"einsum(): {few} operands were provided than specified in the equation")
    tensors: list[Tensor] = []
    named: list[list[str]] = []
    offset = 0
    for position, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        names = _expanded(_names(term, offset), operand.ndim, position)
        offset += len(term) + 1
        tensor, names = _diagonals(operand, names, position)
        tensors.append(tensor)
        named.append(names)
    sizes: dict[str, int] = {}
    for position, (tensor, names) in enumerate(zip(tensors, named, strict=True)):
        for name, size in zip(names, tensor.shape, strict=True):
            seen = sizes.setdefault(name, size)
            if size != seen and 1 not in (size, seen):
                raise RuntimeError(
                    f"einsum(): subscript {name} has size {size} for operand {position} which does "
                    f"not broadcast with previously seen size {seen}"
                )
            sizes[name] = max(seen, size) if seen and size else min(seen, size)
    spread = [n for n in _ELLIPSIS if n in sizes]
    if arrow:
        output = []
        for name in _names(right, len(left) + 2):
            output += spread if name == "..." else [name]
        for name in output:
            if output.count(name) > 1:
                raise RuntimeError(
                    f"einsum(): output subscript {name} appears more than once in the output"
                )
            if name not in sizes:
                raise RuntimeError(
                    f"einsum(): output subscript {name} does not appear in the equation for any "
                    "input operand"
                )
    else:
        once = [n for n in left if n in string.ascii_letters and left.count(n) == 1]
        output = spread + sorted(once)

    result, have = tensors[0], named[0]
    for position in range(1, len(tensors)):
        keep = set(output).union(*named[position + 1 :])
        result, have = _product(result, tensors[position], list(have), named[position], keep)
    gone = tuple(i for i, n in enumerate(have) if n not in output)
    if gone:
        # A product keeps its type; of one operand this is `sum`, integers in int64.
        result = _core.sum(result, gone, dtype=result.dtype if len(tensors) > 1 else None)
        have = [n for n in have if n in output]
    if not output:
        return result
    ordered = result.permute(*(have.index(n) for n in output))
    # What was computed here lies row by row, compiled or not; what was not is a view.
    return ordered.contiguous() if gone or len(tensors) > 1 else ordered


__all__ = ["einsum"]
