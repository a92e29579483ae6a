# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where samples come from."""

from __future__ import annotations

import bisect
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from stepwell._core import Tensor
from stepwell._factories import tensor
from stepwell.utils.data.sampler import permutation

Sample = TypeVar("Sample", covariant=True)


class Dataset(ABC, Generic[Sample]):
    """Samples by number. A subclass defines ``__getitem__`` and, for most uses, ``__len__``.

    ``__getitems__(indices)``, if defined, returns the list of samples of a whole batch.

    Example:
        >>> class Squares(Dataset):
        ...     def __getitem__(self, index):
        ...         return index * index
        ...     def __len__(self):
        ...         return 4
        ...
        >>> [batch.tolist() for batch in DataLoader(Squares(), batch_size=2)]
        [[0, 1], [4, 9]]
    """

    @abstractmethod
    def __getitem__(self, index: Any) -> Sample:
        """The sample of this number."""

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Sample]):
    """Samples one after the other. A subclass defines ``__iter__``.

    Example:
        >>> class Countdown(IterableDataset):
        ...     def __iter__(self):
        ...         return iter([3, 2, 1])
        ...
        >>> [batch.tolist() for batch in DataLoader(Countdown(), batch_size=2)]
        [[3, 2], [1]]
    """

    @abstractmethod
    def __iter__(self) -> Iterator[Sample]:
        """The samples, in the order they come."""

    def __getitem__(self, index: Any) -> Sample:
        raise TypeError(f"{type(self).__name__} has no samples by number: iterate over it")


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Sample `i` is the tuple of all tensors' slices `i`.

    Args:
        tensors: of equal size along their first dimension.

    Raises:
        AssertionError: the first sizes differ.

    Example:
        >>> data = TensorDataset(stepwell.arange(3), stepwell.ones(3, 2))
        >>> data[2], len(data)
        ((tensor(2), tensor([1., 1.])), 3)
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors or any(t.size(0) != tensors[0].size(0) for t in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class ConcatDataset(Dataset[Any]):
    """Data sets one after the other.

    Args:
        datasets: each with a length.

    Raises:
        AssertionError: there is none, or one is iterable only.

    Example:
        >>> a, b = TensorDataset(stepwell.arange(2)), TensorDataset(stepwell.arange(3))
        >>> len(ConcatDataset([a, b])), ConcatDataset([a, b])[2]
        (5, (tensor(0),))
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = list(accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise ValueError("absolute value of index should not exceed dataset length")
        index %= len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]


class Subset(Dataset[Sample]):
    """Chosen samples of a data set.

    Args:
        dataset: the whole.
        indices: the numbers, in it, of the samples.

    Example:
        >>> Subset(TensorDataset(stepwell.arange(9)), [7, 8])[0]
        (tensor(7),)
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Sample:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list[Sample]:
        chosen = [self.indices[i] for i in indices]
        if hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__(chosen)
        return [self.dataset[i] for i in chosen]

    def __len__(self) -> int:
        return len(self.indices)


def collated(dataset: Any, indices: Sequence[int]) -> list[Tensor] | None:
    """The batch that default_collate makes of these samples, from one selection per tensor.

    None if only the samples themselves can tell: a subclass may make them in its own way.
    """
    kind = type(dataset)
    if isinstance(dataset, Subset):
        if (kind.__getitem__, kind.__getitems__) != (Subset.__getitem__, Subset.__getitems__):
            return None
        return collated(dataset.dataset, [dataset.indices[i] for i in indices])
    if not isinstance(dataset, TensorDataset) or hasattr(dataset, "__getitems__"):
        return None
    if kind.__getitem__ is not TensorDataset.__getitem__ or not indices:
        return None
    first, count = indices[0], len(indices)
    if first >= 0 and all(i == first + n for n, i in enumerate(indices)):
        if first + count > len(dataset):
            raise IndexError(f"index {first + count - 1} is out of range")
        return [t[first : first + count].clone() for t in dataset.tensors]
    chosen = tensor(list(indices))
    return [t[chosen] for t in dataset.tensors]


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Any = None
) -> list[Subset[Any]]:
    """Splits a data set at random into parts without common samples.

    Args:
        dataset: what to split.
        lengths: the sizes of the parts, or fractions that sum to 1; what rounding leaves is dealt
            to the parts in turn.
        generator: where the random numbers come from; none: the generator of ``manual_seed``.

    Raises:
        ValueError: the lengths do not sum to the length of the data set, or a fraction is not in
            [0, 1].

    Example:
        >>> parts = random_split(TensorDataset(stepwell.arange(10)), [0.8, 0.2])
        >>> [len(part) for part in parts]
        [8, 2]
    """
    sizes = list(lengths)
    if math.isclose(sum(sizes), 1) and sum(sizes) <= 1:
        for i, fraction in enumerate(sizes):
            if not 0 <= fraction <= 1:
                raise ValueError(f"Fraction at index {i} is not between 0 and 1")
        counts = [math.floor(len(dataset) * fraction) for fraction in sizes]
        for i in range(len(dataset) - sum(counts)):
            counts[i % len(counts)] += 1
    else:
        counts = [int(size) for size in sizes]
    if sum(counts) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = permutation(len(dataset), generator)
    ends = list(accumulate(counts))
    return [
        Subset(dataset, order[end - count : end]) for end, count in zip(ends, counts, strict=True)
    ]
