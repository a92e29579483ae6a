# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What queries find in keys and values."""

from __future__ import annotations

import math

from stepwell import _core
from stepwell._arguments import flag, tensors, wrong
from stepwell._core import Tensor
from stepwell._factories import ones
from stepwell._random import dropout
from stepwell.nn.functional._definition import library_function

_NAME = "scaled_dot_product_attention"


def _check(query: Tensor, key: Tensor, value: Tensor) -> None:
    tensors(_NAME, query=query, key=key, value=value)
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            f"{_NAME}: Expected query, key, and value to have the same dtype, but got "
            f"query.dtype: {query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} "
            "instead."
        )
    if not query.dtype.is_floating_point:
        raise RuntimeError(f"{_NAME}: expected a floating point type, but got {query.dtype}")
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            f"{_NAME}: Expected query, key, and value to all be at least 2 dimensional, but got "
            f"query.dim: {query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"{_NAME}: the shapes {tuple(query.shape)}, {tuple(key.shape)} and "
            f"{tuple(value.shape)} are not (..., l, e), (..., s, e) and (..., s, v)"
        )


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all of them stretch to."""
    rank = max(map(len, shapes))
    result = []
    for sizes in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        wide = [size for size in sizes if size != 1]
        if any(size != wide[0] for size in wide[1:]):
            raise RuntimeError(
                f"{_NAME}: the leading dimensions {', '.join(map(str, shapes))} do not broadcast"
            )
        result.append(wide[0] if wide else 1)
    return tuple(result)


def _grouped(query: Tensor, tensor: Tensor) -> Tensor:
    """Each head of keys or values as often as there are queries' heads for it."""
    if min(query.ndim, tensor.ndim) < 3:
        raise RuntimeError(f"{_NAME}: enable_gqa needs heads: three dimensions or more")
    have, want = tensor.shape[-3], query.shape[-3]
    if have == want:
        return tensor
    if not have or want % have:
        raise RuntimeError(
            f"{_NAME}: Number of heads in key and value must divide the number of heads in query"
        )
    *batch, _, length, width = tensor.shape
    wide = tensor.unsqueeze(-3).expand(*batch, have, want // have, length, width)
    return wide.reshape(*batch, want, length, width)


def _as_mask(mask: Tensor, query: Tensor) -> Tensor:
    tensors(_NAME, attn_mask=mask)
    if mask.dtype not in (_core.bool, _core.float32, query.dtype):
        raise RuntimeError(
            f"{_NAME}: Expected attn_mask dtype to be bool or float or to match query dtype, but "
            f"got attn_mask.dtype: {mask.dtype} and query.dtype: {query.dtype} instead."
        )
    return mask if mask.dtype is _core.bool else mask.to(query.dtype)


def _spread(mask: Tensor, batch: tuple[int, ...], length: int, keys: int) -> Tensor:
    """In four dimensions; what all queries, heads or batches share stays a 1."""
    while mask.ndim < 4:
        mask = mask.unsqueeze(0)
    rows = mask.shape[-2]
    if rows not in (1, length) or mask.shape[-1] not in (1, keys):
        mask.expand(*batch, length, keys)  # says what does not fit
    if len(batch) > 2 and any(size != 1 for size in mask.shape[:-3]):
        return mask.expand(*batch, rows, keys).reshape(-1, batch[-1], rows, keys)
    while mask.ndim > 4:
        mask = mask[0]
    return mask.expand(*mask.shape[:-1], keys)


def _with_dropout(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, p: float
) -> Tensor:
    scores = (query * scale) @ key.transpose(-2, -1)
    if mask is not None and mask.dtype is _core.bool:
        scores = _core.where(mask, scores, -math.inf)
    elif mask is not None:
        scores = scores + mask
    weights = _core.array.masked_softmax(scores, scores.ndim - 1)
    return dropout(weights, p) @ value


@library_function
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``softmax(query @ key.transpose(-2, -1) * scale + attn_mask) @ value``, in one kernel.

    `query` is `(..., l, e)`, `key` `(..., s, e)` and `value` `(..., s, v)`; the result is
    `(..., l, v)`. The leading dimensions broadcast. All are of one float type; f16 and bf16 are
    computed in float32. The scores never exist as a whole: the memory that is needed besides the
    result and two numbers for each query does not depend on the lengths. So it is in the
    derivative, unless that of a floating-point `attn_mask` is wanted: that computes all scores.

    Args:
        attn_mask: what broadcasts to `(..., l, s)`: bool, set where a query sees a key, or of
            floating point, added to the scores. A query that sees no key has the result 0.
        dropout_p: the probability with which a weight is dropped, always, whatever the mode of a
            module. Above 0 this is several operations, with all scores in memory.
        is_causal: query `i` sees the keys up to `i`. Not together with `attn_mask`.
        scale: `1 / sqrt(e)` if it is None.
        enable_gqa: the third dimension from the end, the heads, of `key` and `value` may divide
            that of `query`: neighbouring heads of queries share one.

    Raises:
        TypeError: an argument is no tensor, or `scale` no number.
        RuntimeError: types or shapes do not fit, or `is_causal` is set beside a mask.

    >>> q, k, v = (stepwell.ones(1, 2, length, 4) for length in (3, 5, 5))
    >>> scaled_dot_product_attention(q, k, v).shape
    (1, 2, 3, 4)
    """
    _check(query, key, value)
    if scale is not None and not isinstance(scale, (int, float)):
        raise wrong(_NAME, "scale", "float", scale)
    flag(_NAME, "is_causal", is_causal)
    flag(_NAME, "enable_gqa", enable_gqa)
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if attn_mask is not None and is_causal:
        raise RuntimeError(f"{_NAME}: Explicit attn_mask should not be set when is_causal=True")
    mask = None if attn_mask is None else _as_mask(attn_mask, query)
    if enable_gqa:
        key, value = _grouped(query, key), _grouped(query, value)
    width = query.shape[-1]
    factor = float(scale) if scale is not None else 1 / math.sqrt(width) if width else 1.0

    (length, keys) = query.shape[-2], key.shape[-2]
    leading = [tuple(each.shape[:-2]) for each in (query, key, value)]
    if mask is not None:
        leading.append(tuple(mask.shape[:-2]))
    batch = _broadcast(*leading)
    if dropout_p > 0:
        if is_causal:
            mask = ones(length, keys, dtype=_core.bool).tril()
        return _with_dropout(query, key, value, mask, factor, dropout_p)

    # Two leading dimensions: what there is, or all but the last of them as one.
    def four(tensor: Tensor, rows: int, columns: int) -> Tensor:
        full = tensor.expand(*batch, rows, columns)
        if len(batch) > 2:
            return full.reshape(-1, batch[-1], rows, columns)
        while full.ndim < 4:
            full = full.unsqueeze(0)
        return full

    operands = (
        four(query, length, width),
        four(key, keys, width),
        four(value, keys, value.shape[-1]),
    )
    if is_causal:
        result = _core.array.causal_attention(*operands, factor)[0]
    elif mask is None:
        result = _core.array.attention(*operands, factor)[0]
    else:
        stretched = _spread(mask, batch, length, keys)
        attend = (
            _core.array.masked_attention
            if mask.dtype is _core.bool
            else _core.array.biased_attention
        )
        result = attend(*operands, stretched, factor)[0]
    return result.reshape(*batch, length, value.shape[-1])
