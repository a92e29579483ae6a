# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""DataLoader: a data set in batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from stepwell.utils.data.collate import default_collate, default_convert
from stepwell.utils.data.dataset import IterableDataset, collated
from stepwell.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler


class DataLoader:
    """Batches of a data set, anew in each ``for``.

    Args:
        dataset: samples by number (with a length), or an :class:`IterableDataset`.
        batch_size: samples per batch; none: samples come one by one, not collated.
        shuffle: another random order each time.
        sampler: yields sample numbers, in place of ``shuffle``.
        batch_sampler: yields lists of numbers, in place of all the others.
        num_workers: must be 0: samples are fetched in this process.
        collate_fn: makes a batch of a list of samples; none: :func:`default_collate`.
        drop_last: leaves out the last batch if it is smaller.
        generator: where the random order comes from; none: the generator of ``manual_seed``.

    Raises:
        ValueError: options exclude each other, or ``num_workers`` is not 0.

    Example:
        >>> images, labels = stepwell.rand(100, 3), stepwell.zeros(100)
        >>> for x, y in DataLoader(TensorDataset(images, labels), batch_size=64, shuffle=True):
        ...     print(x.shape, y.shape)
        (64, 3) (64,)
        (36, 3) (36,)
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        drop_last: bool = False,
        *,
        generator: Any = None,
    ) -> None:
        if num_workers != 0:
            raise ValueError(
                f"num_workers={num_workers}: loading in other processes is not there yet; "
                "use num_workers=0"
            )
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            for name, option in (
                ("shuffle", shuffle or None),
                ("sampler", sampler),
                ("batch_sampler", batch_sampler),
            ):
                if option is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, "
                        f"but got {name}={option}"
                    )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if not self._iterable:
            if sampler is None and batch_sampler is None:
                sampler = (
                    RandomSampler(dataset, generator=generator)
                    if shuffle
                    else SequentialSampler(dataset)
                )
            if sampler is not None and batch_size is not None:
                batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        batched = batch_size is not None or batch_sampler is not None
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self.drop_last = drop_last
        self.generator = generator

    def __iter__(self) -> Iterator[Any]:
        if self._iterable:
            return self._from_stream()
        if self.batch_sampler is None:
            return (self.collate_fn(self.dataset[i]) for i in self.sampler or ())
        return (self._fetch(indices) for indices in self.batch_sampler)

    def _fetch(self, indices: list[int]) -> Any:
        dataset = self.dataset
        if self.collate_fn is default_collate:
            batch = collated(dataset, indices)
            if batch is not None:
                return batch
        if hasattr(dataset, "__getitems__"):
            return self.collate_fn(dataset.__getitems__(indices))
        return self.collate_fn([dataset[i] for i in indices])

    def _from_stream(self) -> Iterator[Any]:
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, samples)
            return
        while batch := list(islice(samples, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield self.collate_fn(batch)

    def __len__(self) -> int:
        if not self._iterable:
            chosen: Any = self.sampler if self.batch_sampler is None else self.batch_sampler
            return len(chosen)
        count = len(self.dataset)
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else math.ceil(count / self.batch_size)
