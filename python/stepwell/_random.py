# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random tensors. Which number an element gets is defined in docs/random.md."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from math import prod
from typing import Any

from . import _core, autograd
from ._arguments import flag
from ._core import Tensor, dtype
from ._factories import _element_type, _finish, _like, _sizes, _wrong
from ._factories import device as _device

_WORD = 1 << 64

# A draw is two kernels: one reads the offset, one moves it. Not held by what
# `stepwell.compile` made, whose one kernel does both.
_lock = threading.RLock()


def _unlock_in_child() -> None:
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_unlock_in_child)


def _signed(word: int) -> int:
    """A number modulo 2**64 as int64 has it."""
    return (word + _WORD // 2) % _WORD - _WORD // 2


def _word(number: int) -> Tensor:
    return _core._from_bytes((number % _WORD).to_bytes(8, sys.byteorder), _core.int64, ())


class Generator:
    """Where random numbers come from: a seed, and how many were drawn since.

    Two generators with one seed give the same numbers, on every device. A new one has PyTorch's
    seed, 67280421310721.

    Example:
        >>> g = stepwell.Generator().manual_seed(0)
        >>> stepwell.rand(3, generator=g)
        tensor([0.3990, 0.9722, 0.0194])
        >>> stepwell.rand(3, generator=g.manual_seed(0))
        tensor([0.3990, 0.9722, 0.0194])
    """

    def __init__(self, device: Any = "cpu"):
        self.device = _device(device)
        self._key, self._offset = _word(67280421310721), _word(0)

    def manual_seed(self, seed: int) -> Generator:
        """Starts again from a seed in [-2**63, 2**64); negative ones mean 2**64 + seed."""
        if isinstance(seed, float) or not hasattr(seed, "__int__"):
            raise _wrong("manual_seed", "seed", "int", seed)
        seed = int(seed)
        if not -_WORD // 2 <= seed < _WORD:
            raise RuntimeError(f"manual_seed(): seed {seed} is not in [-2**63, 2**64)")
        self._set(seed, 0)
        return self

    def seed(self) -> int:
        """Starts again from a seed that nobody foresees, and returns it."""
        seed = int.from_bytes(os.urandom(8), "little")
        self._set(seed, 0)
        return seed

    def initial_seed(self) -> int:
        """The seed, in [0, 2**64)."""
        return self._key.item() % _WORD

    def get_state(self) -> Tensor:
        """What `set_state` takes to go on from here: 16 uint8."""
        with _lock:
            return _core._from_bytes(self._key._bytes() + self._offset._bytes(), _core.uint8, (16,))

    def set_state(self, new_state: Tensor) -> Generator:
        """Goes on from where `get_state` was called."""
        if not isinstance(new_state, Tensor):
            raise _wrong("set_state", "new_state", "Tensor", new_state)
        if new_state.dtype is not _core.uint8:
            raise TypeError("RNG state must be a stepwell.uint8 tensor")
        if new_state.shape != (16,):
            raise RuntimeError(f"RNG state is 16 bytes, not of size {tuple(new_state.shape)}")
        data = new_state.contiguous()._bytes()
        self._set(int.from_bytes(data[:8], sys.byteorder), int.from_bytes(data[8:], sys.byteorder))
        return self

    def _set(self, key: int, offset: int) -> None:
        # In place: captured functions have these tensors as inputs.
        with _lock:
            self._key.fill_(_signed(key))
            self._offset.fill_(_signed(offset))

    def _draw(self, size: tuple[int, ...], make: Callable[..., Tensor]) -> Tensor:
        """`make(key, offset, like)` of a tensor of `size`, from the next counters."""
        if any(n < 0 for n in size):
            raise RuntimeError(f"negative size in {size}")
        capturing = _core._capturing()
        like = _core._empty(_core.float32, size) if capturing else _cell.expand(size)
        with _lock:
            made = make(self._key, self._offset, like)
            self._offset.add_(prod(size))
        return made


# Of what is drawn only the sizes matter: one element stands for all.
_cell = _core._empty(_core.float32, ())
default_generator = Generator()
default_generator._key = _word(int.from_bytes(os.urandom(8), sys.byteorder))


def manual_seed(seed: int) -> Generator:
    """Starts the default generator again from a seed (see `Generator.manual_seed`).

    Example:
        >>> _ = stepwell.manual_seed(1)
        >>> stepwell.rand(2)
        tensor([0.8903, 0.6720])
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Starts the default generator again from a seed that nobody foresees, and returns it.

    Example:
        >>> stepwell.seed() == stepwell.initial_seed()
        True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """The default generator's seed.

    Example:
        >>> _ = stepwell.manual_seed(1)
        >>> stepwell.initial_seed()
        1
    """
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state (see `Generator.get_state`).

    Example:
        >>> stepwell.get_rng_state().shape
        (16,)
    """
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Sets the default generator's state (see `Generator.set_state`).

    Example:
        >>> state = stepwell.get_rng_state()
        >>> x = stepwell.rand(3)
        >>> stepwell.set_rng_state(state)
        >>> stepwell.equal(x, stepwell.rand(3))
        True
    """
    default_generator.set_state(new_state)


# --- Draws -------------------------------------------------------------------


def _source(generator: Any, function: str) -> Generator:
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise _wrong(function, "generator", "Generator", generator)
    return generator


def _floating(kind: dtype, function: str) -> dtype:
    if not kind.is_floating_point:
        raise NotImplementedError(
            f"{function}(): not defined for elements of type {kind.name}: its result has fractions"
        )
    return kind


def _number(value: Any, name: str, function: str) -> float:
    if isinstance(value, Tensor) or not hasattr(value, "__float__"):
        raise _wrong(function, name, "number", value)
    return float(value)


def _uniform(size: tuple[int, ...], kind: dtype, generator: Any, function: str) -> Tensor:
    _floating(kind, function)
    return _source(generator, function)._draw(
        size, lambda key, offset, like: _core.array.random_uniform(key, offset, like, kind)
    )


def _normal(size: tuple[int, ...], kind: dtype, generator: Any, function: str) -> Tensor:
    _floating(kind, function)
    return _source(generator, function)._draw(
        size, lambda key, offset, like: _core.array.random_normal(key, offset, like, kind)
    )


# The integers that an element type can hold, or, of floats, all of which it can count.
_LIMITS = {
    dtype: (
        -(2**dtype._digits) if dtype.is_signed else 0,
        2**dtype._digits - (not dtype.is_floating_point),
    )
    for dtype in _core._safetensors_dtypes.values()
}


def _integers(
    low: Any, high: Any, size: tuple[int, ...], kind: dtype, generator: Any, function: str
) -> Tensor:
    """Integers in [low, high)."""
    for name, bound in (("low", low), ("high", high)):
        if not hasattr(bound, "__index__"):
            raise _wrong(function, name, "int", bound)
    low, high = int(low), int(high)
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    least, most = _LIMITS[kind]
    if low < least or high - 1 > most:
        raise RuntimeError(f"{function}(): [{low}, {high}) is out of bounds for {kind}")
    bounds = _word(low), _word(high)
    made = _source(generator, function)._draw(
        size, lambda key, offset, like: _core.array.random_integers(key, offset, *bounds, like)
    )
    return made._cast(kind)


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers uniform in [0, 1).

    Raises:
        NotImplementedError: `dtype` is no float type.
        RuntimeError: a size is negative.

    Example:
        >>> _ = stepwell.manual_seed(0)
        >>> stepwell.rand(2, 3)
        tensor([[0.3990, 0.9722, 0.0194],
                [0.7874, 0.9345, 0.4503]])
    """
    kind = _element_type(dtype, _core.float32, "rand")
    return _finish(_uniform(_sizes(size, "rand"), kind, generator, "rand"), device, requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers of the normal distribution with mean 0 and variance 1.

    Raises:
        NotImplementedError: `dtype` is no float type.
        RuntimeError: a size is negative.

    Example:
        >>> _ = stepwell.manual_seed(0)
        >>> stepwell.randn(2, 3)
        tensor([[-0.1215, -0.0819,  1.7764],
                [-0.5473,  0.3439, -0.6066]])
    """
    kind = _element_type(dtype, _core.float32, "randn")
    return _finish(_normal(_sizes(size, "randn"), kind, generator, "randn"), device, requires_grad)


def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers uniform in [low, high): `randint(high, size)` or `randint(low, high, size)`.

    int64 unless `dtype` says otherwise.

    Raises:
        RuntimeError: `low >= high`, `dtype` does not have the integers, or a size is negative.

    Example:
        >>> _ = stepwell.manual_seed(0)
        >>> stepwell.randint(10, (2, 3))
        tensor([[8, 3, 3],
                [4, 6, 0]])
    """
    if size is None and high is not None and not hasattr(high, "__index__"):
        low, high, size = 0, low, high  # randint(high, size)
    elif high is None:
        low, high = 0, low  # randint(high, size=size)
    if size is None:
        raise TypeError("randint() missing 1 required argument: 'size'")
    kind = _element_type(dtype, _core.int64, "randint")
    made = _integers(low, high, _sizes(size, "randint"), kind, generator, "randint")
    return _finish(made, device, requires_grad)


def rand_like(
    input: Tensor,
    dtype: dtype | None = None,
    *,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`rand` of the input's size and element type.

    Raises:
        NotImplementedError: the element type is no float type.

    Example:
        >>> stepwell.rand_like(stepwell.zeros(2, 2))
        tensor([[0.3990, 0.9722],
                [0.0194, 0.7874]])
    """
    kind = _element_type(dtype, _like(input, "rand_like").dtype, "rand_like")
    return _finish(_uniform(input.shape, kind, generator, "rand_like"), None, requires_grad)


def randn_like(
    input: Tensor,
    dtype: dtype | None = None,
    *,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`randn` of the input's size and element type.

    Raises:
        NotImplementedError: the element type is no float type.

    Example:
        >>> stepwell.randn_like(stepwell.zeros(2, 2))
        tensor([[-0.1215, -0.0819],
                [ 1.7764, -0.5473]])
    """
    kind = _element_type(dtype, _like(input, "randn_like").dtype, "randn_like")
    return _finish(_normal(input.shape, kind, generator, "randn_like"), None, requires_grad)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    dtype: dtype | None = None,
    *,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`randint` of the input's size and element type: `randint_like(input, high)`, or with `low`.

    Example:
        >>> stepwell.randint_like(stepwell.zeros(4), 10)
        tensor([8., 3., 3., 4.])
    """
    if high is None:
        low, high = 0, low
    kind = _element_type(dtype, _like(input, "randint_like").dtype, "randint_like")
    made = _integers(low, high, input.shape, kind, generator, "randint_like")
    return _finish(made, None, requires_grad)


def _scaled(
    size: tuple[int, ...], mean: Any, std: Any, kind: dtype, generator: Any, function: str
) -> Tensor:
    """Normal numbers with a mean and a deviation, of which f16 and bf16 are rounded last."""
    if isinstance(std, Tensor):
        if not _core._capturing() and (std < 0).long().sum().item():
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif not _number(std, "std", function) >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    wide = kind if kind is _core.float64 else _core.float32
    made = _normal(size, wide if kind.is_floating_point else kind, generator, function)
    if isinstance(std, Tensor) or std != 1:
        made = made * std
    if isinstance(mean, Tensor) or mean != 0:
        made = made + mean
    return made._cast(kind)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers. `mean` and `std` are two numbers with a `size`, or one or both are tensors.

    Tensors broadcast; the result then has their float type and is not differentiable.

    Raises:
        RuntimeError: a `std` is below 0.
        TypeError: there are two numbers and no size, or a tensor and a size.

    Example:
        >>> stepwell.normal(1.0, 0.5, (2, 3))
        tensor([[0.9392, 0.9591, 1.8882],
                [0.7263, 1.1720, 0.6967]])
        >>> stepwell.normal(stepwell.zeros(3), 2.0)
        tensor([ 0.7882, -0.3414,  3.1058])
    """
    tensors = [t for t in (mean, std) if isinstance(t, Tensor)]
    for name, value in (("mean", mean), ("std", std)):
        if not isinstance(value, Tensor):
            _number(value, name, "normal")
    if tensors:
        if size is not None:
            raise TypeError("normal() takes no size when mean or std is a Tensor")
        with autograd.no_grad():
            pattern = tensors[0] if len(tensors) == 1 else mean + std
            kind = _element_type(dtype, pattern.dtype, "normal")
            made = _scaled(pattern.shape, mean, std, kind, generator, "normal")
        return _finish(made, device, requires_grad)
    if size is None:
        raise TypeError("normal() needs a size when mean and std are numbers")
    kind = _element_type(dtype, _core.float32, "normal")
    made = _scaled(_sizes(size, "normal"), mean, std, kind, generator, "normal")
    return _finish(made, device, requires_grad)


def _chance(p: Any, function: str) -> None:
    """Checks probabilities; those of a tensor that is being captured are not known yet."""
    if isinstance(p, Tensor):
        _floating(p.dtype, function)
        if not _core._capturing():
            outside = 1 - ((p >= 0) & (p <= 1)).long()
            if outside.sum().item():
                raise RuntimeError(f"{function} expects p to be in [0, 1]")
    elif not 0 <= _number(p, "p", function) <= 1:
        raise RuntimeError(f"{function} expects p to be in [0, 1], but got p={p}")


def _trials(size: tuple[int, ...], p: Any, generator: Any, function: str) -> Tensor:
    """bool: true with probability `p`, to 2**-24, or 2**-53 where `p` is float64."""
    double = isinstance(p, Tensor) and p.dtype is _core.float64
    kind = _core.float64 if double else _core.float32
    with autograd.no_grad():
        _chance(p, function)
        return _uniform(size, kind, generator, function) < p


def bernoulli(input: Tensor, p: Any = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that the input says, else 0; with a number `p`, for all elements alike.

    The result has the input's shape and element type, and no gradient.

    Raises:
        RuntimeError: a probability is outside [0, 1].

    Example:
        >>> stepwell.bernoulli(stepwell.tensor([0.0, 0.5, 1.0]))
        tensor([0., 0., 1.])
    """
    _like(input, "bernoulli")
    chance = input if p is None else p
    return _trials(input.shape, chance, generator, "bernoulli")._cast(input.dtype)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zeroes elements with probability `p` and divides the others by `1 - p`; itself when not training.

    Differentiable: what was zeroed gets no gradient.

    Raises:
        RuntimeError: `p` is outside [0, 1], or the input has no float type.

    Example:
        >>> stepwell.dropout(stepwell.ones(6), 0.5)
        tensor([2., 0., 2., 0., 0., 2.])
    """
    kind = _like(input, "dropout").dtype
    flag("dropout", "training", training)
    if not 0 <= _number(p, "p", "dropout") <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * _core._full(kind, (), 0)
    if not kind.is_floating_point:
        raise RuntimeError(f"dropout(): the result, of floats, cannot be of type {kind.name}")
    kept = _trials(input.shape, 1 - p, None, "dropout")
    return input * (kept._cast(kind) / (1 - p))


# --- Methods -----------------------------------------------------------------


def uniform_(
    self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrites the tensor with numbers uniform in [from, to).

    Example:
        >>> stepwell.empty(3).uniform_(-1, 1)
        tensor([-0.2019,  0.9445, -0.9611])
    """
    low, high = _number(from_, "from", "uniform_"), _number(to, "to", "uniform_")
    if not low <= high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}"
        )
    made = _uniform(self.shape, self.dtype, generator, "uniform_")
    if (low, high) != (0, 1):
        wide = _core.float64 if self.dtype is _core.float64 else _core.float32
        made = made._cast(wide) * (high - low) + low
    return self.copy_(made)


def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrites the tensor with normal numbers.

    Example:
        >>> stepwell.empty(3).normal_(10.0)
        tensor([ 9.8785,  9.9181, 11.7764])
    """
    mean, std = _number(mean, "mean", "normal_"), _number(std, "std", "normal_")
    return self.copy_(_scaled(self.shape, mean, std, self.dtype, generator, "normal_"))


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrites the tensor with 1 where a trial of probability `p` succeeds, and 0.

    Example:
        >>> stepwell.empty(6).bernoulli_(0.5)
        tensor([1., 0., 1., 0., 0., 1.])
    """
    return self.copy_(_trials(self.shape, p, generator, "bernoulli_"))


def random_(
    self: Tensor,
    from_: int | None = None,
    to: int | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Overwrites the tensor with integers in [from, to): `random_(to)` or `random_(from, to)`.

    Without bounds they are all that the element type has from 0 on; of floats, those up to which it
    has every integer.

    Example:
        >>> stepwell.empty(4, dtype=stepwell.int64).random_(10)
        tensor([8, 3, 3, 4])
    """
    low, high = from_, to
    if high is None:
        low, high = 0, _LIMITS[self.dtype][1] + 1 if from_ is None else from_
    return self.copy_(_integers(low, high, self.shape, self.dtype, generator, "random_"))


for _function in (uniform_, normal_, bernoulli_, random_):
    setattr(Tensor, _function.__name__, _function)
