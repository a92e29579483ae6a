# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a captured function took from outside, and whether it is still there.

A capture sees tensors, not names: `w` in the function's closure may be another tensor by the
next call, `model.training` another value. What the function can reach is noted before it is
traced; of that, what lies on the way to a tensor that the trace read is compared before each
later call, with the plain values (numbers, texts, None) beside it and in what the function names.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from . import _core
from ._core import Tensor

# Enough for a large model; a walk that reaches more was led astray (a data set, say).
_MOST_OBJECTS = 50_000
_DEEPEST = 64

_PLAIN = (bool, int, float, complex, str, bytes, type(None), _core.dtype)
_ABSENT = object()
# Dictionaries of a module whose entries are attributes to its users.
_ATTRIBUTES = ("_parameters", "_buffers", "_modules")
_OTHERS = {"stepwell", "numpy", "builtins", *sys.stdlib_module_names}

_State = tuple[str, Callable[[], tuple[Any, ...]], tuple[Any, ...]]


class _Recording(threading.local):
    """What the captures of this thread were told, the innermost last."""

    def __init__(self) -> None:
        self.states: list[list[_State]] = []


_recording = _Recording()


def depend_on(reason: str, state: Callable[[], tuple[Any, ...]]) -> None:
    """Says that the function being captured relies on what `state()` returns now.

    Before each later call the items are compared, plain ones by value and others by identity;
    `reason` is what STEPWELL_LOG=recompiles prints when one differs. Outside of a capture, nothing
    happens.
    """
    if _recording.states:
        _recording.states[-1].append((reason, state, state()))


def _names(code: CodeType) -> set[str]:
    """The global names and attributes that a function and the functions in it mention."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found


def _is_library(thing: Any) -> bool:
    """Whether a function or class belongs to a library, whose globals hold no user's tensors."""
    if isinstance(thing, FunctionType):  # made by exec(), it says builtins
        module = thing.__globals__.get("__name__", "")
    else:
        module = getattr(thing, "__module__", None) or "builtins"
    return module.partition(".")[0] in _OTHERS


class _Edge:
    """One step on the way from the function to a tensor."""

    __slots__ = ("container", "key", "value", "path", "watched")

    def __init__(self, container: Any, key: Any, value: Any, path: str, watched: bool = True):
        self.container, self.key, self.value = container, key, value
        self.path, self.watched = path, watched


class Reach:
    """What `roots` can reach: found now, asked after the trace."""

    def __init__(self, roots: Iterable[tuple[str, Any]]):
        self._nodes: dict[int, list[_Edge]] = {}
        # Functions and what they name: plain values there count without a tensor beside them.
        self._settings: set[int] = set()
        # Some of what is met (a bound method) exists only as long as it is looked at.
        self._keep: list[Any] = []
        self._roots = list(roots)
        for path, root in self._roots:
            self._visit(root, path, 0)
        self._states: list[_State] = []

    def __enter__(self) -> Reach:
        """Around the trace: collects what `depend_on` is told."""
        _recording.states.append(self._states)
        return self

    def __exit__(self, *_: Any) -> None:
        _recording.states.pop()

    def _visit(self, value: Any, path: str, depth: int) -> None:
        if isinstance(value, (*_PLAIN, Tensor, type)) or depth > _DEEPEST:
            return
        if id(value) in self._nodes or len(self._nodes) > _MOST_OBJECTS:
            return
        edges: list[_Edge] = []
        self._nodes[id(value)] = edges
        self._keep.append(value)
        if isinstance(value, functools.partial):
            self._fixed(edges, [value.func, *value.args, *value.keywords.values()], path)
        elif isinstance(value, MethodType):
            self._fixed(edges, [value.__self__, value.__func__], path)
        elif isinstance(value, FunctionType):
            if not _is_library(value):
                self._function(edges, value)
        elif isinstance(value, dict):
            self._mapping(edges, value, path)
        elif isinstance(value, list):
            join = path + "." if path else ""
            edges += [_Edge(value, i, item, f"{join}{i}") for i, item in enumerate(value)]
        elif isinstance(value, (tuple, set, frozenset)):
            self._fixed(edges, value, path)
        elif not isinstance(value, ModuleType):
            self._object(edges, value, path)
        if isinstance(value, (FunctionType, MethodType)):
            self._settings |= {id(value), *(id(edge.value) for edge in edges)}
        for edge in edges:
            self._visit(edge.value, edge.path, depth + 1)

    def _fixed(self, edges: list[_Edge], items: Iterable[Any], path: str) -> None:
        edges += [_Edge(None, None, item, path, watched=False) for item in items]

    def _mapping(self, edges: list[_Edge], value: Mapping[Any, Any], path: str) -> None:
        join = path + "." if path else ""
        for key, item in list(value.items()):
            name = key if isinstance(key, str) else type(key).__name__
            edges.append(_Edge(value, key, item, path if key in _ATTRIBUTES else join + name))

    def _function(self, edges: list[_Edge], function: FunctionType) -> None:
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            edges.append(_Edge(cell, None, _cell(cell), name))
        mentioned = _names(function.__code__)
        for name in mentioned & function.__globals__.keys():
            value = function.__globals__[name]
            edges.append(_Edge(function.__globals__, name, value, name))
            if isinstance(value, ModuleType) and value.__name__.partition(".")[0] not in _OTHERS:
                for inner in mentioned & vars(value).keys():
                    edges.append(_Edge(vars(value), inner, vars(value)[inner], inner))
        self._fixed(edges, function.__defaults__ or (), "")
        self._fixed(edges, (function.__kwdefaults__ or {}).values(), "")

    def _object(self, edges: list[_Edge], value: Any, path: str) -> None:
        own = getattr(value, "__dict__", None)
        if isinstance(own, dict):
            if "__wrapped__" in own:  # a compiled function: not into its caches
                return self._fixed(edges, [own["__wrapped__"]], path)
            self._mapping(edges, own, path)
        for owner in type(value).__mro__:
            if _is_library(owner):
                continue
            members = vars(owner)
            for key in list(members):
                item = members[key]
                if isinstance(item, (Tensor, FunctionType, dict, list, tuple)):
                    edges.append(_Edge(members, key, item, path + "." + key if path else key))

    def names(self) -> dict[int, str]:
        """The path to each tensor, as a user writes it, by the tensor's id."""
        found: dict[int, str] = {}
        for path, root in self._roots:
            if isinstance(root, Tensor):
                found.setdefault(id(root), path)
        for edges in self._nodes.values():
            for edge in edges:
                if isinstance(edge.value, Tensor) and edge.path:
                    found.setdefault(id(edge.value), edge.path)
        return found

    def guards(self, captured: Iterable[Tensor], arguments: list[Tensor]) -> Guards:
        """What to compare for an executable that reads these tensors."""
        # An argument that is closed over, too: the trace cannot tell which of the two was read.
        names = self.names() if arguments else {}
        pinned = [(i, tensor) for i, tensor in enumerate(arguments) if id(tensor) in names]
        leads = {id(tensor) for tensor in (*captured, *(tensor for _, tensor in pinned))}
        into: dict[int, list[int]] = {}
        for node, edges in self._nodes.items():
            for edge in edges:
                into.setdefault(id(edge.value), []).append(node)
        waiting = list(leads)
        while waiting:
            for node in into.get(waiting.pop(), ()):
                if node not in leads:
                    leads.add(node)
                    waiting.append(node)
        guards = Guards(self._states, pinned)
        for node in self._keep:
            if id(node) in leads or id(node) in self._settings:
                for edge in self._nodes[id(node)]:
                    if edge.watched and (id(edge.value) in leads or isinstance(edge.value, _PLAIN)):
                        guards.add(edge.container, edge.key, edge.value, edge.path)
        return guards


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _ABSENT


def _same(now: Any, then: Any) -> bool:
    return now is then or (type(now) is type(then) and isinstance(now, _PLAIN) and now == then)


class Guards:
    """Compared with `why_not` before a captured function runs again."""

    def __init__(self, states: list[_State], pinned: list[tuple[int, Tensor]]) -> None:
        self._pinned = pinned
        self._states: list[_State] = states
        self._cells: list[tuple[Any, Any, str]] = []
        self._lists: list[tuple[list[Any], int, Any, str]] = []
        self._mappings: list[tuple[Mapping[Any, Any], Any, Any, str]] = []

    def add(self, container: Any, key: Any, value: Any, path: str) -> None:
        if isinstance(container, list):
            self._lists.append((container, key, value, path))
        elif isinstance(container, Mapping):
            self._mappings.append((container, key, value, path))
        else:
            self._cells.append((container, value, path))

    def why_not(self, arguments: list[Tensor]) -> str | None:
        """What changed since the capture, in words; None if nothing did."""
        for index, tensor in self._pinned:
            if arguments[index] is not tensor:
                return f"argument {index} was a tensor that the function also closes over"
        for cell, then, path in self._cells:
            if not _same(_cell(cell), then):
                return f"'{path}', which the function closes over, was replaced"
        for mapping, key, then, path in self._mappings:
            now = mapping.get(key, _ABSENT)
            if now is not then and not _same(now, then):
                return f"'{path}' was replaced"
        for items, index, then, path in self._lists:
            now = items[index] if index < len(items) else _ABSENT
            if now is not then and not _same(now, then):
                return f"'{path}' was replaced"
        for reason, state, then_all in self._states:
            now_all = state()
            if len(now_all) != len(then_all) or not all(map(_same, now_all, then_all)):
                return reason
        return None
