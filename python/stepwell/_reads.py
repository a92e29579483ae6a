# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a function's code reads: globals, cells, attributes, texts that may be names, keys.

Nothing is run. What is not certain counts as read. What is only written does not: a list that the
code appends to, an entry that it sets, a counter that it adds a constant to.
"""

from __future__ import annotations

import dis
import re
from dataclasses import dataclass, field
from functools import cache
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary

_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_GLOBALS"}
_CELL = {"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"}
_METHOD = {"LOAD_METHOD", "LOAD_ATTR"}
_ATTRIBUTE = _METHOD | {"LOAD_SUPER_ATTR", "IMPORT_FROM"}
_NAMES = _GLOBAL | _CELL | _ATTRIBUTE
_CONSTANT = {"LOAD_CONST", "LOAD_SMALL_INT"}
_LOCAL = {"LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW"}
_SIMPLE = _LOCAL | _GLOBAL | _CELL | _CONSTANT
_STORE = {"STORE_GLOBAL", "STORE_NAME", "STORE_DEREF", "STORE_ATTR"}
_SWAP = {"SWAP", "ROT_TWO", "ROT_THREE"}
_COPY = {"COPY", "DUP_TOP_TWO"}
_NO_CODE = {"EXTENDED_ARG", "CACHE", "NOP", "RESUME"}
_COMPARES = {"COMPARE_OP", "CONTAINS_OP"}
_TEXT = {"FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC", "CONVERT_VALUE"}

# Names of what makes texts of objects, and of what compares them.
_MAKES_TEXTS = {"str", "repr", "ascii", "print", "format", "join"}
_COMPARISONS = {
    *("set", "frozenset", "dict", "index", "count", "remove", "sort", "sorted", "min", "max", "add")
}
# Names of what reads attributes whose names are not in the code.
_BY_ANY_NAME = set(
    "vars dir __dict__ __getattribute__ attrgetter methodcaller asdict astuple fields getmembers "
    "getattr_static __getstate__ __reduce__ __reduce_ex__ dumps".split()
)
# And globals, too.
_BY_ANY_GLOBAL = {"eval", "exec", "globals", "__globals__", "f_globals"}
# Methods of containers that write, if nobody wants their result.
_WRITES = {"append", "appendleft", "add", "extend", "insert", "update", "clear", "discard"}
_WORD = re.compile(r"[^\W\d]\w*")

Keys = dict[str, set[Any] | None]


@dataclass
class Reads:
    """What some code reads, and the code in it.

    Attributes:
        globals, cells: their names.
        attributes: names of attributes, and words in texts, which `getattr` may be given.
        counted: names of attributes that nothing is done with but adding a constant to them; and
            `counted_globals`, `counted_cells`.
        modules: names of modules that it imports, with their level.
        keys: for a global, a cell or an attribute, the constants that it is indexed with; None if
            anything else is done with it but writing.
        any_name: attributes are read whose names are not in the code.
        any_global: and globals.
        compares, makes_texts: whether objects may be compared, or made a text of.
    """

    globals: set[str] = field(default_factory=set)
    cells: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)
    counted_globals: set[str] = field(default_factory=set)
    counted_cells: set[str] = field(default_factory=set)
    modules: set[tuple[str, int]] = field(default_factory=set)
    keys: Keys = field(default_factory=dict)
    any_name: bool = False
    any_global: bool = False
    compares: bool = False
    makes_texts: bool = False

    def add(self, inner: Reads) -> None:
        for name in ("globals", "cells", "attributes", "counted", "counted_globals",
                     "counted_cells", "modules"):  # fmt: skip
            getattr(self, name).update(getattr(inner, name))
        merge_keys(self.keys, inner.keys)
        for name in ("any_name", "any_global", "compares", "makes_texts"):
            setattr(self, name, getattr(self, name) or getattr(inner, name))


_known: WeakKeyDictionary[CodeType, Reads] = WeakKeyDictionary()


def reads_of(code: CodeType) -> Reads:
    """What the code, and the functions in it, can name."""
    found = _known.get(code)
    if found is None:
        found = _known[code] = _Analysis(code).reads
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                found.add(reads_of(constant))
    return found


def merge_keys(into: Keys, more: Keys) -> None:
    """Adds which constants more names are indexed with."""
    for name, keys in more.items():
        known = into.get(name, set())
        into[name] = None if known is None or keys is None else known | keys


@cache
def words(text: str) -> frozenset[str]:
    """The words of a text: it may be a name, or a format that mentions some."""
    return frozenset(_WORD.findall(text)) if len(text) < 10_000 else frozenset()


def _texts(constant: Any) -> set[str]:
    if isinstance(constant, str):
        return set(words(constant))
    if isinstance(constant, (tuple, frozenset)):
        return {word for item in constant for word in _texts(item)}
    return set()


class _Analysis:
    """One pass over the instructions, with looks at what follows the load of a name."""

    def __init__(self, code: CodeType) -> None:
        self.code = [each for each in dis.get_instructions(code) if each.opname not in _NO_CODE]
        self.reads = Reads()
        self._own_length: set[int] = set()
        texts: set[str] = set()
        for at, each in enumerate(self.code):
            if each.opname in _NAMES:
                self._name(at, each)
            elif each.opname in _CONSTANT:
                texts |= _texts(each.argval)
            else:
                self._other(at, each)
        reads = self.reads
        reads.any_name |= reads.any_global
        reads.attributes |= texts
        if "getattr" in reads.globals or reads.makes_texts or reads.any_name:
            merge_keys(reads.keys, dict.fromkeys(texts))

    def _operation(self, at: int) -> str:
        return self.code[at].opname if 0 <= at < len(self.code) else ""

    def _is(self, at: int, operation: str, text: tuple[str, ...]) -> bool:
        return self._operation(at) == operation and self.code[at].argrepr in text

    def _other(self, at: int, each: dis.Instruction) -> None:
        if each.opname == "IMPORT_NAME":
            self.reads.modules.add((each.argval, self.code[at - 2].argval))
        elif each.opname in _TEXT or self._is(at, "BINARY_OP", ("%", "%=")):
            self.reads.makes_texts = True
        elif each.opname in ("BINARY_MODULO", "INPLACE_MODULO"):
            self.reads.makes_texts = True
        elif each.opname in _COMPARES or each.opname.startswith("MATCH_"):
            self.reads.compares = True
            if each.opname == "MATCH_CLASS":
                self.reads.attributes.add("__match_args__")

    def _name(self, at: int, each: dis.Instruction) -> None:
        reads, name = self.reads, each.argval
        counted = self._is_counted(at, each)
        for operations, known, if_counted in (
            (_GLOBAL, reads.globals, reads.counted_globals),
            (_CELL, reads.cells, reads.counted_cells),
            (_ATTRIBUTE, reads.attributes, reads.counted),
        ):
            if each.opname in operations:
                (if_counted if counted else known).add(name)
        if counted or self._is_written(at) or at in self._own_length:
            reads.keys.setdefault(name, set())
        else:
            key = self._key_after(at)
            merge_keys(reads.keys, {name: set(key) if key else None})
        reads.any_name |= name in _BY_ANY_NAME
        reads.any_name |= name == "getattr" and not self._is_constant_getattr(at)
        reads.any_global |= name in _BY_ANY_GLOBAL
        reads.compares |= name in _COMPARISONS
        reads.makes_texts |= name in _MAKES_TEXTS

    def _adds_constant(self, at: int) -> int:
        """Behind `… += 3` where `…` was just loaded; 0 if that is not there."""
        if self._operation(at) in _CONSTANT and type(self.code[at].argval) in (int, float):
            if self._operation(at + 1).startswith("INPLACE_") or (
                self._operation(at + 1) == "BINARY_OP" and self.code[at + 1].argrepr.endswith("=")
            ):
                return at + 2
        return 0

    def _is_counted(self, at: int, each: dis.Instruction) -> bool:
        """`n += 1`, for a name or an attribute."""
        end = self._adds_constant(at + 1)
        while end and self._operation(end) in _SWAP:
            end += 1
        return bool(end) and self._operation(end) in _STORE and self.code[end].argval == each.argval

    def _is_written(self, at: int) -> bool:
        """`d[k] = …`, `d["k"] += 1`, `del d[k]`, `k.append(…)`, `next(k)` whose result nobody wants."""
        key, then = self._operation(at + 1), self._operation(at + 2)
        if key in _SIMPLE and then in ("STORE_SUBSCR", "DELETE_SUBSCR"):
            return True
        if key in _CONSTANT and then in _COPY:
            end = at + 3
            while self._operation(end) in _COPY:
                end += 1
            end = self._operation(end) == "BINARY_SUBSCR" and self._adds_constant(end + 1)
            while end and self._operation(end) in _SWAP:
                end += 1
            return bool(end) and self._operation(end) == "STORE_SUBSCR"
        if self._operation(at - 1) in _GLOBAL and self.code[at - 1].argval == "next":
            end = at + 1
            while self._operation(end) == "PRECALL":
                end += 1
            return self._operation(end).startswith("CALL") and self._operation(end + 1) == "POP_TOP"
        if key in _METHOD and self.code[at + 1].argval in _WRITES:
            call = self._call_of(at)
            if call and self._operation(call + 1) == "POP_TOP":
                self._note_own_length(at, call)
                return True
        return False

    def _call_of(self, at: int) -> int:
        """Where the method of what was loaded at `at` is called; 0 if that is not certain."""
        depth = 1
        for place in range(at + 1, len(self.code)):
            each = self.code[place]
            if each.opcode in dis.hasjrel or each.opcode in dis.hasjabs:
                return 0
            try:
                depth += dis.stack_effect(each.opcode, each.arg)
            except ValueError:
                return 0
            if depth == 1:
                return place if each.opname.startswith("CALL") else 0
        return 0

    def _note_own_length(self, at: int, call: int) -> None:
        """`k.append(len(k))`: it counts its own items."""
        for place in range(at + 2, call):
            before = place - 1
            if self._operation(before) in _LOCAL:
                before -= 1
            if (
                self.code[place].argval == self.code[at].argval
                and self._operation(place) == self._operation(at)
                and self._operation(before) in _GLOBAL
                and self.code[before].argval == "len"
                and self._operation(place + 1).startswith(("PRECALL", "CALL"))
            ):
                self._own_length.add(place)

    def _key_after(self, at: int) -> tuple[Any, ...]:
        """The constant that what was loaded at `at` is indexed with, in a tuple; or an empty one."""
        first, second = self._operation(at + 1), self._operation(at + 2)
        if first in _CONSTANT and (
            second == "BINARY_SUBSCR" or second in _COPY or self._is(at + 2, "BINARY_OP", ("[]",))
        ):
            return (self.code[at + 1].argval,)
        if first in _METHOD and self.code[at + 1].argval == "get" and second in _CONSTANT:
            return (self.code[at + 2].argval,)
        return ()

    def _is_constant_getattr(self, at: int) -> bool:
        """Whether `getattr` at `at` is given an object and a name that are written there."""
        at += 1
        if self._operation(at) not in _LOCAL | _GLOBAL | _CELL:
            return False
        at += 1
        while self._operation(at) == "LOAD_ATTR":
            at += 1
        if self._operation(at) != "LOAD_CONST" or type(self.code[at].argval) is not str:
            return False
        calls = ("PRECALL", "CALL")
        if self._operation(at + 1) in _SIMPLE:
            at += 1
        return self._operation(at + 1).startswith(calls)
