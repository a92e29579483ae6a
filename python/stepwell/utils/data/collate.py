# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A batch out of a list of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepwell import _core
from stepwell._core import Tensor
from stepwell._factories import from_numpy, tensor
from stepwell._joining import stack


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "__array_interface__")


def default_convert(sample: Any) -> Any:
    """A sample with tensors instead of NumPy arrays."""
    if _is_numpy(sample):
        import numpy

        return from_numpy(numpy.asarray(sample))
    if isinstance(sample, Mapping):
        return {key: default_convert(value) for key, value in sample.items()}
    if isinstance(sample, tuple) and hasattr(sample, "_fields"):
        return type(sample)(*(default_convert(value) for value in sample))
    if isinstance(sample, Sequence) and not isinstance(sample, (str, bytes)):
        return [default_convert(value) for value in sample]
    return sample


def default_collate(batch: Sequence[Any]) -> Any:
    """Samples side by side: tensors and arrays stacked, numbers in a tensor, containers by part.

    Args:
        batch: samples of equal structure: tensors, NumPy arrays, numbers, texts, or dictionaries,
            tuples and lists of these.

    Returns:
        One sample's structure with a first dimension more; a tuple comes back as a list.

    Raises:
        RuntimeError: two samples have lists of different lengths, or tensors of different sizes.
        TypeError: a sample holds something else.

    Example:
        >>> default_collate([(1, 2.0), (3, 4.0)])
        [tensor([1, 3]), tensor([2., 4.], dtype=stepwell.float64)]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if _is_numpy(first):
        import numpy

        return from_numpy(numpy.stack(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype=_core.float64)
    if isinstance(first, int):
        return tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        parts = [default_collate(part) for part in zip(*batch, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )
