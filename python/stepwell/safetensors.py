# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors in .safetensors files: the names of safetensors.torch."""

from __future__ import annotations

import os
from typing import Any

from . import _core
from ._core import Tensor
from ._package import SAFETENSORS_DTYPES

__all__ = ["load", "load_file", "save", "save_file"]

_TRUTH = bytes([0, *[1] * 255])


def _specs(tensors: dict[str, Tensor]) -> tuple[dict[str, Any], list[Tensor]]:
    """What the package wants to know of each tensor, and the tensors whose memory it names."""
    from safetensors import TensorSpec

    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, Tensor] but received {type(tensors)}")
    specs, kept = {}, []
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise ValueError(
                f"Expected a dict of [str, Tensor], but {name!r} is {type(tensor).__name__}"
            )
        dense = tensor.detach().contiguous()
        kept.append(dense)
        specs[name] = TensorSpec(
            dtype=dense.dtype.name,
            shape=list(dense.shape),
            data_ptr=dense.data_ptr(),
            data_len=dense.numel() * dense.element_size(),
        )
    return specs, kept


def save(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The bytes of a .safetensors file.

    Args:
        tensors: tensors by name; each is saved whole, also where two share memory.
        metadata: texts to keep beside them.

    Raises:
        ValueError: not a dictionary of tensors.
    """
    from safetensors import serialize

    specs, _kept = _specs(tensors)
    return bytes(serialize(specs, metadata))


def save_file(
    tensors: dict[str, Tensor],
    filename: str | os.PathLike[str],
    metadata: dict[str, str] | None = None,
) -> None:
    """Writes a .safetensors file.

    Args:
        tensors: tensors by name; each is saved whole, also where two share memory.
        filename: replaced if it exists.
        metadata: texts to keep beside them.

    Raises:
        ValueError: not a dictionary of tensors.
        OSError: the file cannot be written.

    Example:
        >>> model = nn.Linear(4, 2)
        >>> stepwell.save_file(model.state_dict(), "model.safetensors")
        >>> sorted(stepwell.load_file("model.safetensors"))
        ['bias', 'weight']
    """
    data = save(tensors, metadata)
    with open(filename, "wb") as file:
        file.write(data)


def _loaded(data: bytes, where: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError, deserialize

    try:
        entries = deserialize(data)
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise ValueError(f"{where}: not a valid safetensors file: {reason}") from None
    made = {}
    for name, entry in entries:
        kind = SAFETENSORS_DTYPES.get(entry["dtype"])
        if kind is None:
            raise ValueError(f"{where}: no dtype for {entry['dtype']} of tensor '{name}'")
        shape = tuple(entry["shape"])
        content = bytes(entry["data"])
        if kind is _core.bool:  # any other byte is true
            content = content.translate(_TRUTH)
        try:
            made[name] = _core._from_bytes(content, kind, shape)
        except (RuntimeError, TypeError):
            raise ValueError(f"{where}: tensor '{name}' cannot have the shape {shape}") from None
    return made


def load(data: bytes) -> dict[str, Tensor]:
    """The tensors in the bytes of a .safetensors file.

    Raises:
        ValueError: the bytes are malformed, or have a dtype that Stepwell does not.
    """
    return _loaded(data, "safetensors data")


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """Reads a .safetensors file.

    Args:
        filename: the file.
        device: where the tensors go.

    Returns:
        Tensors by name, in memory of their own.

    Raises:
        ValueError: the file is malformed, or has a dtype that Stepwell does not.
        OSError: the file cannot be read.

    Example:
        >>> stepwell.save_file({"x": stepwell.arange(3)}, "x.safetensors")
        >>> stepwell.load_file("x.safetensors")
        {'x': tensor([0, 1, 2])}
    """
    from ._factories import device as known_device

    known_device(device)
    with open(filename, "rb") as file:
        return _loaded(file.read(), os.fspath(filename))
