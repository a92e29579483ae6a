# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rows that class numbers name."""

from __future__ import annotations

from stepwell import _core
from stepwell._arguments import wrong
from stepwell._core import Tensor
from stepwell.nn.functional._definition import checked_function, library_function


@checked_function
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64, with a new last dimension: 1 at each class number, 0 elsewhere.

    `num_classes` -1 means one more than the largest number.

    Raises:
        RuntimeError: the input is not int64, or a class is not in [0, num_classes).

    >>> one_hot(stepwell.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.dtype is not _core.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type int64")
    if not _core._capturing() and tensor.numel():
        if _core.amin(tensor).item() < 0:
            raise RuntimeError("Class values must be non-negative.")
        largest = _core.amax(tensor).item()
        num_classes = largest + 1 if num_classes == -1 else num_classes
        if largest >= num_classes:
            raise RuntimeError("Class values must be smaller than num_classes.")
    elif num_classes == -1:
        raise RuntimeError(
            "one_hot: give num_classes: it cannot be found in an empty tensor or a captured function"
        )
    return _core.array.one_hot(tensor, num_classes)


@library_function
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of ``weight`` that integers name.

    Args:
        input: integers in ``[0, len(weight))``, of any shape.
        weight: ``(rows, dim)``.
        padding_idx: a row that gets no gradient.

    Returns:
        ``(*input.shape, dim)``.

    Raises:
        IndexError: an integer is out of range.
        AssertionError: ``padding_idx`` is no row.

    Example:
        >>> F.embedding(stepwell.tensor([2, 0]), stepwell.tensor([[1.0], [2.0], [3.0]]))
        tensor([[3.],
                [1.]])
    """
    if padding_idx is not None and not -len(weight) <= padding_idx < len(weight):
        raise AssertionError("Padding_idx must be within num_embeddings")
    if padding_idx is not None and not hasattr(padding_idx, "__index__"):
        raise wrong("embedding", "padding_idx", "int", padding_idx)
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if input.dtype not in (_core.int32, _core.int64):
        raise RuntimeError(
            "Expected tensor for argument 'input' to have one of the following scalar types: "
            f"Long, Int; but got {input.dtype} instead"
        )
    if input.ndim:
        rows = _core.index_select(weight, 0, input)
    else:
        rows = _core.index_select(weight, 0, input).squeeze(0)
    if padding_idx is None:
        return rows
    padding = (input == padding_idx % len(weight)).unsqueeze(-1)
    return _core.where(padding, rows.detach(), rows)
