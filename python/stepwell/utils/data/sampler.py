# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""In which order samples come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

from stepwell._random import randint

Index = TypeVar("Index", covariant=True)


def draws(length: int, count: int, generator: Any) -> list[int]:
    """So many numbers in [0, length), each drawn from all."""
    return randint(0, length, (count,), generator=generator).tolist()


def permutation(length: int, generator: Any) -> list[int]:
    """The numbers in [0, length) in a random order: that of keys drawn for them."""
    keys = draws(2**62, length, generator)
    return sorted(range(length), key=keys.__getitem__)


class Sampler(Generic[Index]):
    """Numbers of samples. A subclass defines ``__iter__`` and, for most uses, ``__len__``.

    Example:
        >>> class Backwards(Sampler):
        ...     def __init__(self, data):
        ...         self.data = data
        ...     def __iter__(self):
        ...         return iter(range(len(self.data) - 1, -1, -1))
        ...
        >>> list(Backwards('abc'))
        [2, 1, 0]
    """

    def __iter__(self) -> Iterator[Index]:
        raise TypeError(f"{type(self).__name__} does not define __iter__")


class SequentialSampler(Sampler[int]):
    """Every sample, in order.

    Args:
        data_source: what has the samples.

    Example:
        >>> list(SequentialSampler('abc'))
        [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Samples in a random order, another one each time.

    Args:
        data_source: what has the samples.
        replacement: draws each one anew from all.
        num_samples: how many; none: as many as there are.
        generator: where the random numbers come from; none: the generator of ``manual_seed``.

    Raises:
        ValueError: ``num_samples`` is not positive.
        TypeError: ``replacement`` is not a bool.

    Example:
        >>> sorted(RandomSampler('abc'))
        [0, 1, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        if num_samples is not None and (not isinstance(num_samples, int) or num_samples <= 0):
            raise ValueError(
                f"num_samples should be a positive integer value, but got num_samples={num_samples}"
            )
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples

    @property
    def num_samples(self) -> int:
        """How many numbers come."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        length = len(self.data_source)
        wanted = self.num_samples if length else 0
        if self.replacement:
            yield from draws(length, wanted, self.generator)
            return
        while wanted > 0:
            order = permutation(length, self.generator)[:wanted]
            yield from order
            wanted -= len(order)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """These samples in a random order.

    Args:
        indices: their numbers.
        generator: where the random numbers come from; none: the generator of ``manual_seed``.

    Example:
        >>> sorted(SubsetRandomSampler([4, 5, 9]))
        [4, 5, 9]
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        return (self.indices[i] for i in permutation(len(self.indices), self.generator))

    def __len__(self) -> int:
        return len(self.indices)


class BatchSampler(Sampler[list[int]]):
    """The numbers of another sampler, some at a time.

    Args:
        sampler: yields single numbers.
        batch_size: how many at a time.
        drop_last: leaves out the last ones if they are fewer.

    Raises:
        ValueError: ``batch_size`` is not positive, or ``drop_last`` is not a bool.

    Example:
        >>> list(BatchSampler(SequentialSampler('abcde'), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(islice(numbers, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
