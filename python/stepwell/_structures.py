# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Nested arguments and results: their tensors, and what is left without them.

The structure is `Tensor` for a tensor, `("constant", type, value)`, `("number", type)`, or a container's
class with what is in it. Structures of arguments are compared: what cannot be told apart by `==`
stands in them as a `Leaf`.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from . import _core
from ._core import Tensor
from ._numbers import TracedNumber

_EQUAL = (str, bytes, bool, int, float, type(None), type(...), range, _core.dtype)
# Classes whose objects cannot change, and that their text tells apart.
_BY_TEXT = (fractions.Fraction, decimal.Decimal, pathlib.PurePath, datetime.date, datetime.time,
            datetime.timedelta, complex)  # fmt: skip
_identities: set[type] = set()


class Leaf:
    """A constant among arguments, which equals those of the same key."""

    __slots__ = ("key", "value")

    def __init__(self, key: Any, value: Any) -> None:
        self.key, self.value = key, value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Leaf) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _leaf(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return Leaf(value.hex(), value)
    if kind in _EQUAL:
        return value
    if kind in _BY_TEXT or issubclass(kind, pathlib.PurePath):
        return Leaf(repr(value), value)
    if kind.__module__ == "numpy" and hasattr(value, "tobytes") and not value.dtype.hasobject:
        return Leaf((value.dtype.str, getattr(value, "shape", ()), value.tobytes()), value)
    if kind not in _identities and kind.__module__ != "numpy":
        # Which object it is says it all; the guards look into it.
        _identities.add(kind)
        _core._add_identity_type(kind)
    return Leaf(id(value), value)


def _is_record(kind: type, value: Any) -> bool:
    """Whether it is a dataclass's object that has its fields and nothing else."""
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is None or issubclass(kind, enum.Enum):
        return False
    return hasattr(value, "__dict__") and vars(value).keys() <= fields.keys()


def flatten(value: Any, tensors: list[Tensor], numbers: list[Any] | None = None) -> Any:
    """The structure; tensors are taken out, and numbers if they go anywhere."""
    return _flatten(value, tensors, numbers, numbers is not None)


def _flatten(value: Any, tensors: list[Tensor], numbers: list[Any] | None, compared: bool) -> Any:
    if isinstance(value, Tensor):
        tensors.append(value)
        return Tensor
    kind = type(value)
    if kind is TracedNumber:
        value = value._known()
        kind = type(value)
    if issubclass(kind, (list, tuple)):
        # Lists take half the time of generators, and every call passes here.
        items = [_flatten(item, tensors, numbers, compared) for item in value]
        return (kind, tuple(items))
    if issubclass(kind, dict):
        pairs = [(key, _flatten(item, tensors, numbers, compared)) for key, item in value.items()]
        made = OrderedDict if kind is OrderedDict else dict
        # 1 and True are equal keys.
        return (made, tuple(pairs), tuple([type(key) for key, _ in pairs]))
    if numbers is not None and (kind is int or kind is float):
        numbers.append(value)
        return ("number", kind)
    if kind is slice:
        ends = (value.start, value.stop, value.step)
        return (slice, tuple([_flatten(end, tensors, None, compared) for end in ends]))
    if kind is set or kind is frozenset:
        return (kind, tuple([_flatten(item, tensors, None, compared) for item in value]))
    if _is_record(kind, value):
        fields = vars(value).items()
        pairs = [(name, _flatten(item, tensors, None, compared)) for name, item in fields]
        return (kind, tuple(pairs))
    return ("constant", kind, _leaf(value) if compared else value)


def unflatten(structure: Any, tensors: Iterator[Any], numbers: Iterator[Any] = iter(())) -> Any:
    """The inverse of `flatten`."""
    if structure is Tensor:
        return next(tensors)
    kind, *rest = structure
    if kind == "constant":
        return rest[1].value if type(rest[1]) is Leaf else rest[1]
    if kind == "number":
        return next(numbers)
    if kind is dict or kind is OrderedDict:
        return kind((key, unflatten(item, tensors, numbers)) for key, item in rest[0])
    if _has_names(kind):
        made = object.__new__(kind)
        for name, item in rest[0]:
            object.__setattr__(made, name, unflatten(item, tensors, numbers))
        return made
    items = [unflatten(item, tensors, numbers) for item in rest[0]]
    if kind is slice or hasattr(kind, "_fields"):
        return kind(*items)
    return kind(items)


def objects(structure: Any) -> list[Any]:
    """What in the structure of arguments may read more than is in the structure."""
    if structure is Tensor:
        return []
    kind, *rest = structure
    if kind == "number":
        return []
    if kind == "constant":
        return [rest[1].value if type(rest[1]) is Leaf else rest[1]]
    items = [item for _, item in rest[0]] if _has_names(kind) else rest[0]
    found = [each for item in items for each in objects(item)]
    return found if kind in (list, tuple, dict, slice, set, frozenset) else [kind, *found]


def _has_names(kind: type) -> bool:
    """Whether the structure has pairs: that of a dictionary or of a dataclass's object."""
    if issubclass(kind, (list, tuple)):
        return False
    return kind is dict or kind is OrderedDict or hasattr(kind, "__dataclass_fields__")


def _own(tensor: Tensor) -> Any:
    """A tensor's own attributes, and its class if that is not Tensor."""
    own = _core._own_attributes(tensor)
    kind = type(tensor)
    if own is None:
        return None if kind is Tensor else kind
    inside: list[Tensor] = []
    structure = _flatten(own, inside, None, True)
    return (kind, structure, tuple([id(tensor) for tensor in inside]))


def signature(tensors: list[Tensor], structure: Any) -> tuple[Any, ...]:
    """What two calls have in common for which a function is traced once."""
    each = [(t.dtype, t.shape, t.requires_grad, t.is_leaf, _own(t)) for t in tensors]
    return (structure, tuple(each), _core.is_grad_enabled())
