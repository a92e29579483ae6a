# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a captured function can read from outside, noted so that each later call compares it.

Before a function is traced, everything is noted that it can read by the names in its code and in the
code that this can call: the walk goes from the function, and from the arguments that are no tensors,
through globals, cells, attributes, containers and classes. A dictionary of attributes counts where
the name of an attribute is somewhere in that code; other containers count as a whole. Code of
libraries is not walked into, but which function has a name is noted. `python/src/Guards.cpp`
compares.
"""

from __future__ import annotations

import abc
import builtins
import contextvars
import functools
import gc
import importlib.util
import io
import itertools
import os
import pickle
import sys
import threading
import types
import warnings
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from . import _core
from ._core import Guards, Tensor
from ._reads import merge_keys, reads_of

# Enough for a large model; a walk that reaches more was led astray (a data set, say).
_MOST_OBJECTS = 50_000

_PLAIN = {bool, int, float, complex, str, bytes, type(None), type(...), type(NotImplemented),
          _core.dtype, range, slice, CodeType}  # fmt: skip
_UNWATCHED = {types.CoroutineType, types.FrameType, types.TracebackType,
              types.AsyncGeneratorType, types.GetSetDescriptorType, types.MemberDescriptorType,
              types.WrapperDescriptorType, types.MethodDescriptorType,
              types.ClassMethodDescriptorType, types.MethodWrapperType}  # fmt: skip
# Dictionaries of a module whose entries are attributes to its users.
_ATTRIBUTES = ("_parameters", "_buffers", "_modules")
# Parts of Python's library whose objects serve the process, and hold nothing that is computed with.
_SERVICES = {
    "logging", "threading", "_thread", "multiprocessing", "concurrent", "asyncio", "io", "_io",
    "socket", "ssl", "selectors", "subprocess", "warnings", "unittest", "tempfile", "time", "http", "urllib", "email", "sqlite3", "importlib", "inspect",
    "_frozen_importlib", "_frozen_importlib_external", "zipimport", "ast", "dis", "gc", "signal",
    "_contextvars", "_weakref", "_abc", "re",
}  # fmt: skip
# What functools remembers of its own.
_CACHES = {"dispatch_cache", "cache_token", "cache"}

_INSTALLED = {"site-packages", "dist-packages"}
_CONTAINERS = (dict, OrderedDict, list, set, deque)
_COUNTERS = (int, float)
_MADE_IN_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE

_CONSTRUCTION = frozenset(
    ("__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__")
)
_COPIES = frozenset(
    "__reduce__ __reduce_ex__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__".split()
)
_TEXTS = frozenset(("__repr__", "__str__", "__format__"))
_COMPARISONS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__")
_NOT_CALLED = {"__doc__", "__module__", "__dict__", "__weakref__", "__annotations__", "__name__",
               "__qualname__", "__del__", "__reduce__", "__reduce_ex__", "__getstate__",
               "__setstate__", "__sizeof__", "__dir__", "__init_subclass__", "__set_name__",
               "__getnewargs__", "__getnewargs_ex__"}  # fmt: skip
# Methods that Python itself calls.
_SPECIAL = frozenset(
    name
    for kind in (int, float, complex, str, bytes, list, tuple, dict, set, type, FunctionType, deque)
    for name in dir(kind)
    if name.startswith("__")
).union(
    "__getattr__ __missing__ __enter__ __exit__ __set__ __delete__ __bool__ __len__ __iter__ __next__ "
    "__reversed__ __contains__ __getitem__ __setitem__ __delitem__ __matmul__ __rmatmul__ "
    "__imatmul__ __index__ __length_hint__ __array__ __array_interface__ __fspath__ "
    "__instancecheck__ __subclasscheck__ __subclasshook__ __copy__ __deepcopy__ "
    "__buffer__ __mro_entries__ __float__ __int__ __iadd__ __isub__ __imul__ __itruediv__ "
    "__ifloordiv__ __imod__ __ipow__ __iand__ __ior__ __ixor__ __ilshift__ __irshift__".split()
) - (_NOT_CALLED | _CONSTRUCTION | _TEXTS)

_State = tuple[str, Callable[[], tuple[Any, ...]], tuple[Any, ...]]


class _Recording(threading.local):
    """What the captures of this thread were told, the innermost last."""

    def __init__(self) -> None:
        self.reaches: list[Reach] = []


_recording = _Recording()


def depend_on(reason: str, state: Callable[[], tuple[Any, ...]]) -> None:
    """Says that the function being captured relies on what `state()` returns now.

    Before each later call the items are compared, plain ones by value and others by identity;
    `reason` is what STEPWELL_LOG=recompiles prints when one differs. Outside of a capture, nothing
    happens.
    """
    if _recording.reaches:
        _recording.reaches[-1].states.append((reason, state, state()))


def depend_on_object(value: Any) -> None:
    """Says that the function being captured reads this object, wherever it has it from."""
    if _recording.reaches:
        _recording.reaches[-1].late.append(value)


@functools.cache
def _library_folder() -> str:
    return os.path.dirname(os.path.abspath(os.__file__)) + os.sep


def _is_library(module: str | None) -> bool:
    """Whether code of a module of that name is a library's, which holds nothing of the user's."""
    top = (module or "").partition(".")[0]
    if top in ("stepwell", "numpy", "builtins"):
        return True
    # A user's file may have the name of a module of Python's.
    found = sys.modules.get(top)
    file = vars(found).get("__file__") if isinstance(found, ModuleType) else None
    if top in sys.stdlib_module_names:
        return file is None or os.path.abspath(file).startswith(_library_folder())
    if file is None or not _INSTALLED & set(file.split(os.sep)):
        return False
    return not _knows_us(top, len(sys.modules))


@functools.cache
def _knows_us(package: str, _: int) -> bool:
    """Whether an installed package imports stepwell: then it may hold tensors and what they need."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == package and isinstance(module, ModuleType):
            for value in list(vars(module).values()):
                kind = ModuleType if type(value) is ModuleType else type(value)
                owner = value.__name__ if kind is ModuleType else getattr(value, "__module__", "")
                if isinstance(owner, str) and owner.partition(".")[0] == "stepwell":
                    return True
    return False


def _is_library_function(function: FunctionType) -> bool:
    return _is_library(function.__globals__.get("__name__"))


def _static(kind: type, name: str) -> Any:
    """An attribute of a class, without any code of its metaclass."""
    return next((vars(owner)[name] for owner in kind.__mro__ if name in vars(owner)), None)


def _noted_elsewhere(kind: type) -> frozenset[str]:
    return _static(kind, "_noted_elsewhere") or frozenset()


def _module_of(kind: type) -> str:
    module = type.__dict__["__module__"].__get__(kind)
    return module if isinstance(module, str) else ""


def _top(kind: type) -> str:
    return _module_of(kind).partition(".")[0]


def _is_library_class(owner: type) -> bool:
    module = _module_of(owner)
    if module == "builtins":  # so says a class that `exec` made in a namespace without a name, too
        return not owner.__flags__ & _MADE_IN_PYTHON
    return _is_library(module)


def _co_names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _co_names(constant)
    return found


_inherited: weakref.WeakKeyDictionary[type, frozenset[str] | None] = weakref.WeakKeyDictionary()


def _inherited_names(kind: type) -> frozenset[str] | None:
    """The names in the methods that a class has from libraries; None: any."""
    if kind not in _inherited:
        names: set[str] = set()
        any_name = False
        for owner in kind.__mro__:
            if not _is_library_class(owner):
                continue
            here: set[str] = set()
            for key, item in vars(owner).items():
                if key in _NOT_CALLED | _CONSTRUCTION | _TEXTS or key == "__class_getitem__":
                    continue
                function = getattr(item, "__func__", getattr(item, "fget", item))
                if isinstance(function, FunctionType):
                    here |= _co_names(function.__code__)
            names |= here
            if _top(owner) != "stepwell":
                any_name |= not here.isdisjoint(("__dict__", "vars", "getattr"))
        _inherited[kind] = None if any_name else frozenset(names)
    return _inherited[kind]


def _own(value: Any) -> dict[str, Any] | None:
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return own if type(own) is dict else None


def _joined(path: str, name: Any) -> str:
    name = name if isinstance(name, (str, int)) else type(name).__name__
    return f"{path}.{name}" if path else str(name)


def _is_counter(cell: Any) -> bool:
    try:
        return type(cell.cell_contents) in _COUNTERS
    except ValueError:
        return False


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _iterator_state(iterator: Any) -> tuple[Any, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(_frozen(iterator.__reduce__()[1:]))


def _generator_state(generator: Any) -> tuple[Any, ...]:
    frame = generator.gi_frame
    return () if frame is None else (frame.f_lasti, *frame.f_locals.values())


def _moves(value: Any, kind: type) -> bool:
    """Whether it is a source of random numbers or a text in memory, which each use changes."""
    top = _top(kind)
    if top == "numpy":
        return hasattr(value, "bit_generator") or hasattr(value, "get_state")
    if top == "random":  # the system's own source has no state
        return hasattr(value, "getstate") and kind.__name__ != "SystemRandom"
    return kind in (io.StringIO, io.BytesIO)


def _position(value: Any) -> Any:
    if isinstance(value, (io.StringIO, io.BytesIO)):
        return None if value.closed else (value.tell(), value.getvalue())
    if hasattr(value, "getstate"):
        return value.getstate()
    generator = getattr(value, "bit_generator", None)
    return pickle.dumps(value.get_state() if generator is None else generator.state)


def _iterates(kind: type) -> bool:
    return (
        _top(kind) in ("builtins", "itertools")
        and _static(kind, "__next__")
        and kind.__reduce__ is not object.__reduce__
    )


class _Attributes:
    """A dictionary of which those entries count whose names are read."""

    __slots__ = ("owner", "mapping", "path", "names", "is_class")

    def __init__(self, owner: Any, mapping: Any, path: str, names: frozenset[str], is_class: bool):
        self.owner, self.mapping, self.path = owner, mapping, path
        self.names, self.is_class = names, is_class


class _Contents:
    """A container, or an iterator, that counts as a whole, or only where constants index it, or not at all."""

    __slots__ = ("value", "path", "names", "visited", "whole", "noted")

    def __init__(self, value: Any, path: str):
        self.value, self.path = value, path
        self.names: set[str] = set()
        self.visited: set[Any] = set()
        self.whole = False
        self.noted: bool | None = None  # as a whole?


class Reach:
    """What `roots` can reach: found now, compared after the trace and before each later call."""

    def __init__(self, roots: Iterable[tuple[str, Any]]):
        self.states: list[_State] = []
        self.late: list[Any] = []
        self._guards = Guards()
        self._names: dict[int, str] = {}
        self._seen: set[int] = set()
        # Some of what is met (a bound method) exists only as long as it is looked at.
        self._keep: list[Any] = []
        self._found: list[tuple[Any, str, str | None]] = []
        self._stack: list[tuple[Any, str, str | None]] = []
        # What the code that was met reads.
        self._attributes: set[str] = set()
        self._keys: dict[str, set[Any] | None] = {}
        self._any_name = self._compares = self._abstract = False
        self._codes: set[CodeType] = set()
        self._counted: set[str] = set()
        # What waits until a name is met.
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        self._of_libraries: dict[str, list[Callable[[], None]]] = {}
        self._libraries: list[ModuleType] = []
        self._comparers: list[Callable[[], None]] = []
        self._opened: list[_Attributes] = []
        self._classes: dict[type, _Attributes] = {}
        self._containers: dict[int, _Contents] = {}
        self._globals: dict[int, tuple[dict[str, Any], set[str]]] = {}
        self._noted = 0
        for path, root in roots:
            self._stack.append((root, path, None))
            self._walk()
        self._note()

    def __enter__(self) -> Reach:
        """Around the trace: collects what `depend_on` is told."""
        _recording.reaches.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _recording.reaches.pop()

    def names(self) -> dict[int, str]:
        """The path to each tensor, as a user writes it, by the tensor's id."""
        return self._names

    def guards(self, arguments: list[Tensor]) -> Guards:
        """What to compare before a call of what was traced on these arguments."""
        late = [value for value in self.late if id(value) not in self._seen]
        if late:
            before = frozenset(self._attributes)
            self._stack += [(value, type(value).__name__, None) for value in reversed(late)]
            self._walk()
            self._note(frozenset(self._attributes) - before)
        # An argument that is closed over, too: the trace cannot tell which of the two was read.
        for index, tensor in enumerate(arguments):
            if id(tensor) in self._names:
                self._guards.pin(index, tensor)
        for reason, state, then in self.states:
            self._guards.watch_state(state, then, reason)
        return self._guards

    # --- The walk -----------------------------------------------------------------

    def _walk(self) -> None:
        while self._stack:
            while self._stack:
                value, path, name = self._stack.pop()
                self._visit(value, path, name)
                self._stack += reversed(self._found)
                self._found.clear()
            for each in list(self._containers.values()):
                self._look_into(each)
            self._stack += reversed(self._found)
            self._found.clear()

    def _edge(self, value: Any, path: str, name: str | None = None) -> None:
        if type(value) not in _PLAIN:
            self._found.append((value, path, name))

    def _all(self, values: Iterable[Any], path: str) -> None:
        for value in values:
            self._edge(value, path)

    def _look_into(self, each: _Contents) -> None:
        if each.whole:
            return
        value = each.value
        keys: set[Any] = set()
        for name in each.names:
            more = None if self._any_name else self._keys.get(name)
            if more is None or (more and not isinstance(value, dict)):
                each.whole = True
                if _iterates(type(value)):
                    self._all(gc.get_referents(value), each.path)
                    return
                pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
                for key, item in pairs:
                    self._edge(key, each.path)
                    self._edge(item, _joined(each.path, key))
                return
            keys |= more
        if isinstance(value, dict):
            for key in keys - each.visited:
                if key in value:
                    self._edge(value[key], _joined(each.path, key))
        each.visited |= keys

    def _visit(self, value: Any, path: str, name: str | None) -> None:
        kind = type(value)
        if kind in _PLAIN or kind in _UNWATCHED:
            return
        contents = kind in _CONTAINERS or _iterates(kind)
        if contents:
            self._container(value, path, name)
        if id(value) in self._seen:
            if issubclass(kind, type):
                self._constructed(value)
            return
        self._seen.add(id(value))
        self._keep.append(value)
        if len(self._seen) == _MOST_OBJECTS:
            warnings.warn(
                f"a compiled function can read more than {_MOST_OBJECTS} objects: changes of others "
                "are not seen",
                RuntimeWarning,
                stacklevel=2,
            )
        if len(self._seen) >= _MOST_OBJECTS or contents:
            return
        if issubclass(kind, Tensor):
            self._tensor(value, path)
        elif kind is FunctionType:
            self._function(value, path)
        elif kind is MethodType:
            self._edge(value.__self__, path)
            self._edge(value.__func__, path)
        elif kind is types.BuiltinMethodType:
            if not isinstance(value.__self__, (ModuleType, type(None))):
                self._edge(value.__self__, path)
        elif issubclass(kind, ModuleType):
            self._module(value, path)
        elif issubclass(kind, type):
            self._class(value, path)
            self._constructed(value)
        else:
            self._contents(value, kind, path)

    def _tensor(self, value: Tensor, path: str) -> None:
        if path:
            self._names.setdefault(id(value), path)
        own = _core._own_attributes(value)
        if own is not None:
            self._container(own, path, None)
        if not _is_library_class(type(value)):
            self._class(type(value), path)

    def _container(self, value: Any, path: str, name: str | None) -> None:
        each = self._containers.get(id(value))
        if each is None:
            each = self._containers[id(value)] = _Contents(value, path)
            self._keep.append(value)
        # A name that is no code's has no keys: the container counts as a whole.
        each.names.add("" if name is None else name)
        if name is None:
            self._keys[""] = None
        self._look_into(each)

    # --- Code ---------------------------------------------------------------------

    def _when(self, name: str, action: Callable[[], None]) -> None:
        if self._any_name or name in self._attributes:
            action()
        else:
            self._waiting.setdefault(name, []).append(action)

    def _code(self, code: CodeType, mapping: dict[str, Any]) -> None:
        reads = reads_of(code)
        if code not in self._codes:
            self._codes.add(code)
            merge_keys(self._keys, reads.keys)
            self._name(reads.attributes)
            self._count(reads.counted)
            if reads.makes_texts:
                self._name(_TEXTS)
            if not {"type", "__class__"}.isdisjoint(reads.globals | reads.attributes):
                self._name(_CONSTRUCTION)
            if not {"import_module", "__import__"}.isdisjoint(reads.globals | reads.attributes):
                self._name_modules()
            if not {"copy", "deepcopy"}.isdisjoint(reads.globals | reads.attributes):
                self._name(_COPIES)
            if reads.compares and not self._compares:
                self._compares = True
                for action in self._comparers:
                    action()
            if reads.any_name and not self._any_name:
                self._any_name = True
                waiting, self._waiting = self._waiting, {}
                for actions in waiting.values():
                    for action in actions:
                        action()
        self._named_globals(mapping, reads.globals)
        for name in reads.counted_globals:
            if type(mapping.get(name)) not in _COUNTERS:
                self._named_globals(mapping, [name])
        if reads.any_global:
            self._container(mapping, "", None)
        for module, level in reads.modules:
            self._imported(mapping, module, level)

    def _name(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._attributes:
                self._attributes.add(name)
                for waiting in (self._waiting, self._of_libraries):
                    for action in waiting.pop(name, ()):
                        action()

    def _count(self, names: Iterable[str]) -> None:
        """Constants are added to attributes of these names; what is no number may change itself."""
        for name in set(names) - self._counted:
            self._counted.add(name)
            for each in self._opened:
                if name in each.mapping and type(each.mapping[name]) not in _COUNTERS:
                    self._name([name])

    def _named_globals(self, mapping: dict[str, Any], names: Iterable[str]) -> None:
        _, known = self._globals.setdefault(id(mapping), (mapping, set()))
        for name in sorted(set(names) - known):
            known.add(name)
            if name in mapping:
                self._edge(mapping[name], name, name)
            elif mapping is not vars(builtins):
                self._named_globals(vars(builtins), [name])

    def _imported(self, mapping: dict[str, Any], module: str, level: int) -> None:
        if level:
            package = mapping.get("__package__") or ""
            try:
                module = importlib.util.resolve_name("." * level + module, package)
            except ImportError:
                return
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            self._loaded(".".join(parts[:count]))

    def _loaded(self, name: str) -> None:
        _, known = self._globals.setdefault(id(sys.modules), (sys.modules, set()))  # type: ignore[arg-type]
        known.add(name)
        if name in sys.modules:
            self._edge(sys.modules[name], name)

    def _function(self, function: FunctionType, path: str) -> None:
        cells = list(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        if _is_library_function(function):
            # They read a library's own variable, which the user's code changes.
            if function in (os.getenv, os.path.expandvars):
                self._edge(os.environ, "os.environ")
            for name, cell in cells:
                if name not in _CACHES:
                    self._cell(cell, name)
            return
        self._guards.watch_function(function, path or function.__name__)
        self._code(function.__code__, function.__globals__)
        reads = reads_of(function.__code__)
        for name, cell in cells:
            if name in reads.cells or (name in reads.counted_cells and not _is_counter(cell)):
                self._cell(cell, name, name)
        self._all(function.__defaults__ or (), "")
        if function.__kwdefaults__:
            self._container(function.__kwdefaults__, "", None)
        self._open(function, vars(function), path, frozenset())
        self._described(function, FunctionType, path)

    def _described(self, value: Any, kind: type, path: str) -> None:
        """The attributes that a function or a class has besides those in its dictionary."""
        for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
            member = vars(kind).get(name)
            if hasattr(member, "__get__"):
                self._when(name, functools.partial(self._slot, value, member, _joined(path, name)))

    def _cell(self, cell: Any, path: str, name: str | None = None) -> None:
        self._guards.watch_cell(cell, path)
        try:
            value = cell.cell_contents
        except ValueError:
            return
        if path == "__class__" and isinstance(value, type):  # for super(), which makes no objects
            self._class(value, value.__name__)
        else:
            self._edge(value, path, name)

    # --- Attributes ---------------------------------------------------------------

    def _open(
        self,
        owner: Any,
        mapping: Mapping[str, Any],
        path: str,
        names: frozenset[str],
        is_class: bool = False,
    ) -> _Attributes:
        made = _Attributes(owner, mapping, path, names, is_class)
        self._opened.append(made)
        for name in list(mapping):
            if name in self._counted and type(mapping[name]) not in _COUNTERS:
                self._name([name])
            if name in names:
                self._attribute(made, name, None)
            else:
                self._when(name, functools.partial(self._attribute, made, name, name))
        return made

    def _attribute(self, each: _Attributes, key: str, name: str | None) -> None:
        if key not in each.mapping:
            return
        value = each.mapping[key]
        path = each.path if key in _ATTRIBUTES else _joined(each.path, key)
        if each.is_class:
            if key in _COMPARISONS and "__dataclass_fields__" in each.mapping:
                # Made from the fields: it names them all.
                if not self._compares:
                    self._comparers.append(functools.partial(self._edge, value, path, name))
                    return
            if type(value) in (staticmethod, classmethod):
                if type(value) is classmethod:
                    self._constructed(each.owner)
                value = value.__func__
            elif type(value) is property:
                self._all((value.fget, value.fset, value.fdel), path)
                return
        self._edge(value, path, name)

    def _class(self, kind: type, path: str) -> None:
        for owner in reversed(kind.__mro__):
            if owner in self._classes or owner is object:
                continue
            if type(owner) not in (type, abc.ABCMeta):
                self._class(type(owner), path)
            if isinstance(owner, abc.ABCMeta):
                self._is_abstract()
            if _is_library_class(owner):
                if _top(owner) == "stepwell":
                    made = _Attributes(owner, vars(owner), owner.__name__, frozenset(), True)
                    self._classes[owner] = made
                    self._guards.watch_class(owner, None, owner.__name__)
                continue
            self._keep.append(owner)
            self._classes[owner] = self._open(
                owner, vars(owner), owner.__name__, _SPECIAL, is_class=True
            )
            self._described(owner, type, owner.__name__)
            if vars(owner).get("_is_protocol"):  # `isinstance` asks for all of its attributes
                self._name([*vars(owner), *vars(owner).get("__annotations__", ())])
            patterns = vars(owner).get("__match_args__")
            if isinstance(patterns, tuple):
                self._when("__match_args__", functools.partial(self._name, _words(patterns)))
        inherited = _inherited_names(kind)
        self._called(kind, frozenset(vars(kind)) if inherited is None else inherited)

    def _called(self, kind: type, names: frozenset[str]) -> None:
        """Attributes of the class that others than its own code read."""
        for owner in kind.__mro__:
            each = self._classes.get(owner)
            if each is not None and not _is_library_class(owner) and not names <= each.names:
                more = names - each.names
                each.names |= more
                for name in more & vars(owner).keys():
                    self._attribute(each, name, None)

    def _constructed(self, kind: type) -> None:
        """Objects of the class may be made."""
        self._called(kind, _CONSTRUCTION)

    def _module(self, module: ModuleType, path: str) -> None:
        if not _is_library(module.__name__):
            self._open(module, vars(module), path, frozenset(("__getattr__", "__dir__")))
            return
        # Its own: which function has a name. That others are imported later is no change.
        _, known = self._globals.setdefault(id(vars(module)), (vars(module), set()))
        self._libraries.append(module)
        for name in list(vars(module)):
            action = functools.partial(self._of_library, module, name, known)
            if name in self._attributes:
                action()
            else:
                self._of_libraries.setdefault(name, []).append(action)

    def _of_library(self, module: ModuleType, name: str, known: set[str]) -> None:
        if name in known or name not in vars(module):
            return
        known.add(name)
        value = vars(module)[name]
        if value is sys.modules:
            self._name_modules()
        elif not (isinstance(value, type) and _is_library_class(value)):
            self._edge(value, name)
        elif isinstance(value, abc.ABCMeta):
            self._is_abstract()

    def _name_modules(self) -> None:
        for name in list(sys.modules):
            self._when(name.partition(".")[0], functools.partial(self._loaded, name))

    # --- Objects --------------------------------------------------------------------

    def _state(self, path: str, what: str, state: Callable[[], tuple[Any, ...]]) -> None:
        self._guards.watch_state(state, state(), f"'{path}' {what}")

    def _is_abstract(self) -> None:
        if not self._abstract:
            self._abstract = True
            reason = "a class was registered with an abstract one"
            self._guards.watch_state(_registered, _registered(), reason)

    def _contents(self, value: Any, kind: type, path: str) -> None:
        """What a container or any other object holds."""
        self._items(value, kind, path)
        library = _is_library_class(kind)
        top = _top(kind)
        if kind is functools.partial or issubclass(kind, functools.partial):
            for name in ("func", "args", "keywords"):
                self._guards.watch_member(value, vars(functools.partial)[name], _joined(path, name))
            self._edge(value.func, path)
            self._all(value.args, path)
            self._container(value.keywords, path, None)
        elif issubclass(kind, weakref.ref):
            self._state(path, "was replaced", lambda: (value(),))
            self._edge(value(), path)
        elif kind is contextvars.ContextVar:
            self._state(path, "was replaced", lambda: (value.get(None),))
            self._edge(value.get(None), path)
        elif issubclass(kind, threading.local):
            self._state(path, "was replaced", lambda: tuple(vars(value).items()))
            self._all(vars(value).values(), path)
        elif kind in (weakref.ProxyType, weakref.CallableProxyType):
            self._edge(value.__init__.__self__, path)
        elif kind is functools._lru_cache_wrapper:
            self._edge(value.__wrapped__, path)
        elif kind is types.GeneratorType:
            if value.gi_frame is not None:
                self._code(value.gi_code, value.gi_frame.f_globals)
            self._state(path, "was advanced", lambda: _generator_state(value))
            self._all(gc.get_referents(value), path)
        elif _moves(value, kind):
            self._state(path, "was moved on", lambda: (_position(value),))
        elif library and top in _SERVICES:
            return
        elif top in ("operator", "_operator"):
            self._name(word for word in _words(value.__reduce__()[1:]))
        elif top == "stepwell" and library:
            self._of_stepwell(value, kind, path)
        elif not (library and top == "numpy"):
            self._object(value, kind, path, library)

    def _items(self, value: Any, kind: type, path: str) -> None:
        if issubclass(kind, (dict, list, set, deque)):  # a subclass
            self._container(value, path, None)
        elif issubclass(kind, tuple):
            for index, item in enumerate(tuple.__iter__(value)):
                self._edge(item, _joined(path, index))
        elif issubclass(kind, frozenset):
            self._all(list(frozenset.__iter__(value)), path)
        elif _module_of(kind) == "numpy" and kind.__name__ == "ndarray" and value.dtype.hasobject:
            self._state(path, "was replaced", lambda: tuple(value.ravel().tolist()))
            self._all(value.ravel().tolist(), path)
        elif not issubclass(kind, (str, bytes)) and not kind.__name__ == "memmap":
            self._guards.watch_buffer(value, path)

    def _of_stepwell(self, value: Any, kind: type, path: str) -> None:
        """An object of one of our own classes."""
        own = _own(value)
        if own is not None and "__wrapped__" in own:  # a compiled function: not into its caches
            self._edge(own["__wrapped__"], path)
            return
        self._class(kind, path)
        if own is None:
            return
        self._guards.watch_object(value, path)
        skipped: frozenset[str] = _noted_elsewhere(kind)
        self._open(value, own, path, frozenset(own) - skipped)

    def _object(self, value: Any, kind: type, path: str, library: bool) -> None:
        self._guards.watch_object(value, path)
        self._class(kind, path)
        names = _inherited_names(kind)
        own = _own(value)
        if own is not None:
            if names is None:
                self._open(value, own, path, frozenset(own))
            else:
                self._open(value, own, path, names - _noted_elsewhere(kind))
        for owner in kind.__mro__:
            if not _is_library_class(owner):
                for name, member in list(vars(owner).items()):
                    if type(member) is types.MemberDescriptorType:
                        self._when(
                            name, functools.partial(self._slot, value, member, _joined(path, name))
                        )
        containers = (dict, list, tuple, set, frozenset, deque)
        if not any("__slots__" in vars(owner) for owner in kind.__mro__) and not issubclass(
            kind, containers
        ):
            # What an object that is written in C holds, it shows to the garbage collector.
            self._all((each for each in gc.get_referents(value) if each is not own), path)

    def _slot(self, value: Any, member: Any, path: str) -> None:
        self._guards.watch_member(value, member, path)
        try:
            self._edge(member.__get__(value), path)
        except AttributeError:
            pass

    # --- Notes ----------------------------------------------------------------------

    def _note(self, new: frozenset[str] | None = None) -> None:
        """Says to the guards what was met since it was said before; `new` names are since then."""
        attributes = frozenset(self._attributes)
        sets: dict[frozenset[str], frozenset[str]] = {}

        def watch(each: _Attributes, names: frozenset[str] | None) -> None:
            if each.is_class:
                self._guards.watch_class(each.owner, names, each.path)
            else:
                self._guards.watch_dict(each.mapping, names, each.path)

        if new:
            for each in self._opened[: self._noted]:
                watch(each, new)
        for each in self._opened[self._noted :]:
            names = sets.setdefault(each.names, each.names | attributes)
            watch(each, None if self._any_name else names)
        self._noted = len(self._opened)
        for container in self._containers.values():
            if container.whole and not container.noted:
                self._note_whole(container.value, container.path)
            elif container.visited and not container.whole:
                self._guards.watch_keys(container.value, container.visited, container.path)
            container.noted = container.whole
        for module in self._libraries if self._any_name else ():
            self._globals[id(vars(module))][1].update(vars(module))
        for mapping, known in self._globals.values():
            self._guards.watch_keys(mapping, known, "")

    def _note_whole(self, value: Any, path: str) -> None:
        if _iterates(type(value)):
            self._state(path, "was advanced", lambda: _iterator_state(value))
            return
        if isinstance(value, dict):
            self._guards.watch_dict(value, None, path)
        if isinstance(value, list):
            self._guards.watch_list(value, path)
        elif not isinstance(value, dict) or isinstance(value, OrderedDict):
            self._guards.watch_items(value, path)


def _registered() -> tuple[Any, ...]:
    return (abc.get_cache_token(),)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split(".")
    elif isinstance(value, (tuple, list)):
        yield from itertools.chain.from_iterable(map(_words, value))
