# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Module: parameters, buffers and modules in a tree, with a ``forward``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from stepwell import _core
from stepwell._core import Tensor
from stepwell._factories import device
from stepwell._guards import depend_on_object
from stepwell.autograd import no_grad
from stepwell.nn.hooks import BackwardHooks, Hook, RemovableHandle
from stepwell.nn.parameter import Buffer, Parameter

Self = TypeVar("Self", bound="Module")
Member = TypeVar("Member")


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` found missing, and what it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


def _indented(text: str, spaces: int) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * spaces + line for line in rest)])


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


class Module:
    """The base class of layers and networks.

    A subclass calls ``super().__init__()``, assigns parameters and modules as attributes, and
    defines ``forward``. Calling the module calls ``forward``, with the hooks around it.

    Example:
        >>> class Net(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.scale = nn.Parameter(stepwell.ones(3))
        ...     def forward(self, x):
        ...         return x * self.scale
        >>> Net()(stepwell.ones(2, 3)).shape
        (2, 3)
    """

    training: bool
    forward: Callable[..., Any]
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        # Not by way of __setattr__, which needs these to exist.
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _modules={},
            _forward_pre_hooks={},
            _forward_hooks={},
            _backward_pre_hooks={},
            _backward_hooks={},
        )

    # --- What is inside -------------------------------------------------------

    def _check_name(self, kind: str, name: str, known: str) -> None:
        if known not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[known]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, or a name for one that is absent (``None``)."""
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}' "
                "(stepwell.nn.Parameter or None required)"
            )
        if param is not None and not param.is_leaf:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
                f"created explicitly. To express '{name}' as a function of another Tensor, "
                "compute the value in the forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is moved and saved with the module but not trained.

        Args:
            name: the attribute it becomes.
            tensor: the buffer; none: a name for one that is absent.
            persistent: whether ``state_dict()`` has it.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' "
                "(stepwell.Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_module(self, name: str, module: Module | None) -> None:
        """Adds a child module, or a name for one that is absent (``None``)."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = module

    add_module = register_module

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, Parameter):
            self._forget(name, "_buffers", "_modules")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._forget(name, "_buffers", "_parameters")
            self.register_module(name, value)
        elif isinstance(value, Buffer) or name in own.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as buffer '{name}' "
                    "(stepwell.nn.Buffer, stepwell.Tensor or None expected)"
                )
            stays = name not in own.get("_non_persistent_buffers_set", ())
            self._forget(name, "_parameters", "_modules")
            self.register_buffer(name, value, getattr(value, "persistent", stays))
        elif name in own.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as parameter '{name}' "
                    "(stepwell.nn.Parameter or None expected)"
                )
            self._parameters[name] = None
        elif name in own.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as child module '{name}' "
                    "(stepwell.nn.Module or None expected)"
                )
            self._modules[name] = None
        else:
            object.__setattr__(self, name, value)

    def _forget(self, name: str, *where: str) -> None:
        """An attribute that becomes another kind of member is no longer what it was."""
        own = self.__dict__
        own.pop(name, None)
        for members in where:
            own.get(members, {}).pop(name, None)
        own.get("_non_persistent_buffers_set", set()).discard(name)

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for members in ("_parameters", "_buffers", "_modules"):
            if name in own.get(members, ()):
                return own[members][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for members in (self._parameters, self._buffers, self._modules):
            if name in members:
                del members[name]  # type: ignore[attr-defined]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *self._parameters, *self._buffers, *self._modules}
        return sorted(name for name in names if not name[:1].isdigit())

    # --- Walks over the tree --------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below, with dotted names."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                below = prefix + ("." if prefix else "") + name
                yield from module.named_modules(memo, below, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below, each once."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules right below, each once."""
        memo = set()
        for name, module in self._modules.items():
            if module is not None and module not in memo:
                memo.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules right below, each once."""
        for _, module in self.named_children():
            yield module

    def _named_members(
        self,
        members: Callable[[Module], dict[str, Member | None]],
        prefix: str,
        recurse: bool,
        remove_duplicate: bool,
    ) -> Iterator[tuple[str, Member]]:
        seen = set()
        where = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in where:
            for name, member in members(module).items():
                if member is None or member in seen:
                    continue
                if remove_duplicate:
                    seen.add(member)
                yield path + ("." if path else "") + name, member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with dotted names; a shared one comes once."""
        return self._named_members(lambda m: m._parameters, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """What an optimiser wants."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Buffers with dotted names; a shared one comes once."""
        return self._named_members(lambda m: m._buffers, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted name; ``""`` is this one.

        Raises:
            AttributeError: there is none.
        """
        module = self
        for name in target.split(".") if target else []:
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted name.

        Raises:
            AttributeError: there is none.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        found = getattr(module, name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted name.

        Raises:
            AttributeError: there is none.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return getattr(module, name)

    # --- Changes to the whole tree --------------------------------------------

    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Calls ``fn`` on every module below, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: Self, mode: bool = True) -> Self:
        """Says that the module is being trained: matters to dropout and batch norm."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: Self) -> Self:
        """Says that the module is being used."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Trains all parameters, or none."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters, or fills them with zero."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = parameter.grad.detach().zero_()

    def _apply(self: Self, convert: Callable[[Tensor], Tensor]) -> Self:
        """Parameters stay the objects that an optimiser knows; buffers are replaced."""
        with no_grad():
            for parameter in self.parameters():
                parameter.data = convert(parameter.data)
                if parameter.grad is not None:
                    parameter.grad = convert(parameter.grad)
            for module in self.modules():
                for name, buffer in module._buffers.items():
                    if buffer is not None:
                        module._buffers[name] = convert(buffer)
        return self

    def _cast(self: Self, dtype: _core.dtype) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def to(self: Self, *args: Any, dtype: _core.dtype | None = None) -> Self:
        """Parameters and buffers of floating point in another dtype, in place.

        Args:
            args: a dtype, a device, or a tensor that has both.
            dtype: the dtype by name.

        Raises:
            TypeError: the dtype is not of floating point.
        """
        for arg in args:
            if isinstance(arg, (Tensor, _core.dtype)):
                dtype = arg.dtype if isinstance(arg, Tensor) else arg
            else:
                device(arg)
        if dtype is None:
            return self
        if not dtype.is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )
        return self._cast(dtype)

    def float(self: Self) -> Self:
        """Parameters and buffers of floating point become float32."""
        return self._cast(_core.float32)

    def double(self: Self) -> Self:
        """Parameters and buffers of floating point become float64."""
        return self._cast(_core.float64)

    def half(self: Self) -> Self:
        """Parameters and buffers of floating point become float16."""
        return self._cast(_core.float16)

    def bfloat16(self: Self) -> Self:
        """Parameters and buffers of floating point become bfloat16."""
        return self._cast(_core.bfloat16)

    # --- State ----------------------------------------------------------------

    def _own_state(self) -> dict[str, Tensor]:
        """This module's parameters and persistent buffers, not those below."""
        left_out = self._non_persistent_buffers_set
        every = {
            **self._parameters,
            **{name: b for name, b in self._buffers.items() if name not in left_out},
        }
        return {name: tensor for name, tensor in every.items() if tensor is not None}

    def state_dict(
        self,
        *,
        destination: dict[str, Any] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name.

        Args:
            destination: where to put them; none: a new dictionary.
            prefix: before every name.
            keep_vars: gives the parameters themselves; else tensors that share their memory.
        """
        destination = {} if destination is None else destination
        for name, tensor in self._own_state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        return destination

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copies parameters and buffers from a dictionary like that of :meth:`state_dict`.

        Args:
            state_dict: tensors by dotted name.
            strict: whether a missing or an unexpected name is an error.
            assign: takes the tensors themselves instead of copying them.

        Raises:
            RuntimeError: a size differs or, when strict, a name. Tensors that fit are loaded.
            TypeError: ``state_dict`` is no mapping.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        errors: list[str] = []
        expected: list[str] = []
        for path, module in self.named_modules(remove_duplicate=False):
            for name in module._own_state():
                key = path + ("." if path else "") + name
                expected.append(key)
                if key in state_dict:
                    problem = module._load(name, state_dict[key], assign)
                    if problem:
                        errors.append(problem.format(key=key))
        known = set(expected)
        keys = IncompatibleKeys(
            [key for key in expected if key not in state_dict],
            [key for key in state_dict if key not in known],
        )
        if strict:
            if keys.missing_keys:
                errors.insert(0, f"Missing key(s) in state_dict: {_quoted(keys.missing_keys)}. ")
            if keys.unexpected_keys:
                errors.insert(
                    0, f"Unexpected key(s) in state_dict: {_quoted(keys.unexpected_keys)}. "
                )
        if errors:
            raise RuntimeError(
                "Error(s) in loading state_dict for {}:\n\t{}".format(
                    type(self).__name__, "\n\t".join(errors)
                )
            )
        return keys

    def _load(self, name: str, source: Any, assign: bool) -> str:
        """Takes one tensor over; what is wrong with it, with {key} for its name."""
        current = getattr(self, name)
        if not isinstance(source, Tensor):
            return (
                'While copying the parameter named "{key}", expected stepwell.Tensor or '
                "Tensor-like object from checkpoint but received " + str(type(source))
            )
        if source.shape != current.shape:
            return (
                "size mismatch for {key}: copying a param with shape "
                f"{source.shape} from checkpoint, the shape in current model is {current.shape}."
            )
        if not assign:
            with no_grad():
                current.copy_(source)
        elif isinstance(current, Parameter) and not isinstance(source, Parameter):
            self._parameters[name] = Parameter(source, current.requires_grad)
        else:
            setattr(self, name, source)
        return ""

    # --- Calls ----------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, args)`` before ``forward``; what it returns replaces ``args``.

        Args:
            hook: returns ``None``, one argument or a tuple of them.
            prepend: before the hooks that are there.
            with_kwargs: calls ``hook(module, args, kwargs)``, which returns ``None`` or both.
        """
        return RemovableHandle(self._forward_pre_hooks, Hook(hook, with_kwargs, False), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Calls ``hook(module, args, output)`` after ``forward``; what it returns replaces it.

        Args:
            hook: returns ``None`` or another output.
            prepend: before the hooks that are there.
            with_kwargs: calls ``hook(module, args, kwargs, output)``.
            always_call: also when ``forward`` or another hook raised; ``output`` is then ``None``.
        """
        return RemovableHandle(self._forward_hooks, Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, grad_input, grad_output)`` once the gradients of the arguments are known.

        Both are tuples, of the gradients of the positional arguments and of the results, with
        ``None`` for what is no tensor or has no gradient.

        Args:
            hook: returns ``None``, or what replaces ``grad_input``.
            prepend: before the hooks that are there.
        """
        return RemovableHandle(self._backward_hooks, hook, prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Calls ``hook(module, grad_output)`` before the module's own gradients are computed.

        Args:
            hook: returns ``None``, or what replaces ``grad_output``.
            prepend: before the hooks that are there.
        """
        return RemovableHandle(self._backward_pre_hooks, hook, prepend)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _core._capturing():
            depend_on_object(self)
        if not (
            self._forward_pre_hooks
            or self._forward_hooks
            or self._backward_pre_hooks
            or self._backward_hooks
        ):
            return self.forward(*args, **kwargs)
        return self._call_with_hooks(args, kwargs)

    def _call_with_hooks(self, args: Any, kwargs: Any) -> Any:
        waiting = {id: hook for id, hook in self._forward_hooks.items() if hook.always_call}
        output = None
        try:
            for hook in list(self._forward_pre_hooks.values()):
                if hook.with_kwargs:
                    changed = hook.function(self, args, kwargs)
                    if changed is not None:
                        if not isinstance(changed, tuple) or len(changed) != 2:
                            raise RuntimeError(
                                "forward pre-hook must return None or a tuple of "
                                f"(new_args, new_kwargs), but got {changed}."
                            )
                        args, kwargs = changed
                else:
                    changed = hook.function(self, args)
                    if changed is not None:
                        args = changed if isinstance(changed, tuple) else (changed,)
            watched = None
            if self._backward_hooks or self._backward_pre_hooks:
                watched = BackwardHooks(
                    self,
                    list(self._backward_hooks.values()),
                    list(self._backward_pre_hooks.values()),
                )
                args = watched.watch_inputs(args)
            output = self.forward(*args, **kwargs)
            for id, hook in list(self._forward_hooks.items()):
                waiting.pop(id, None)
                changed = self._call_after(hook, args, kwargs, output)
                if changed is not None:
                    output = changed
            if watched is not None:
                output = watched.watch_outputs(output)
        except Exception:
            for hook in waiting.values():
                self._call_after(hook, args, kwargs, None)
            raise
        return output

    def _call_after(self, hook: Hook, args: Any, kwargs: Any, output: Any) -> Any:
        if hook.with_kwargs:
            return hook.function(self, args, kwargs, output)
        return hook.function(self, args, output)

    # --- Text -----------------------------------------------------------------

    def extra_repr(self) -> str:
        """What ``repr`` shows between the parentheses, beside the modules below."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [
            f"({name}): {_indented(repr(module), 2)}" for name, module in self._modules.items()
        ]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({lines[0]})"
        if not lines and not children:
            return f"{self._get_name()}()"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"
