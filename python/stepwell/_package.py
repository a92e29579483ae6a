# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The .stepwell file: a safetensors file whose metadata holds a program (docs/shipping.md)."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterable
from typing import Any, TypeGuard

from . import _core
from ._core import Tensor

_VERSION = "1"
_ALIGNMENT = 64
_LARGEST_HEADER = 100_000_000  # as in the safetensors format
_MOST_DIMENSIONS = 16
# What a safetensors file calls an element type.
SAFETENSORS_DTYPES = _core._safetensors_dtypes
_NAMES = {dtype: name for name, dtype in SAFETENSORS_DTYPES.items()}
_NO_DIGEST = "0" * 64


def _digest(parts: Iterable[bytes | memoryview]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def write_package(
    path: str | os.PathLike[str], program: str, signature: str, tensors: dict[str, Tensor]
) -> None:
    """Writes the file whole or not at all."""
    entries: dict[str, Any] = {
        "__metadata__": {
            "stepwell": _VERSION,
            "sha256": _NO_DIGEST,
            "signature": signature,
            "program": program,
        }
    }
    parts: list[bytes] = []
    size = 0
    for name, tensor in tensors.items():
        data = tensor.detach().contiguous()._bytes()
        entries[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [size, size + len(data)],
        }
        parts.append(data)
        size += len(data)
    header = json.dumps(entries, ensure_ascii=False).encode()
    header += b" " * (-(8 + len(header)) % _ALIGNMENT)
    parts.insert(0, len(header).to_bytes(8, "little"))
    parts.insert(1, header)
    # The field comes before anything that a user wrote.
    parts[1] = header.replace(_NO_DIGEST.encode(), _digest(parts).encode(), 1)
    folder = os.path.dirname(os.fspath(path)) or "."
    handle, temporary = tempfile.mkstemp(prefix=".stepwell-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _are_sizes(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 62 for n in value)


def _tensor(name: str, entry: Any, data: memoryview) -> Tensor:
    def wrong(why: str) -> ValueError:
        return ValueError(f"tensor '{name}' {why}")

    if not isinstance(entry, dict):
        raise wrong("has no description")
    dtype, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in SAFETENSORS_DTYPES:
        raise wrong("has an unknown dtype")
    if not _are_sizes(shape) or not _are_sizes(offsets):
        raise wrong("has no shape or no place in the file")
    if len(offsets) != 2 or not offsets[0] <= offsets[1] <= len(data):
        raise wrong("is cut short")
    if len(shape) > _MOST_DIMENSIONS:
        raise wrong(f"has more than {_MOST_DIMENSIONS} dimensions")
    part = bytes(data[offsets[0] : offsets[1]])
    if len(part) != math.prod(shape) * SAFETENSORS_DTYPES[dtype].itemsize:
        raise wrong("has the wrong number of bytes")
    if dtype == "BOOL" and part.translate(None, b"\0\1"):
        raise wrong("has bytes that are neither 0 nor 1")
    return _core._from_bytes(part, SAFETENSORS_DTYPES[dtype], tuple(shape))


def read_package(content: bytes) -> tuple[str, Any, dict[str, Tensor]]:
    """Program, signature (parsed JSON) and tensors by name; ValueError says what is wrong."""
    if len(content) < 8:
        raise ValueError("too short")
    size = int.from_bytes(content[:8], "little")
    if size > min(len(content) - 8, _LARGEST_HEADER):
        raise ValueError("not a .stepwell file, or cut short")
    try:
        entries = json.loads(content[8 : 8 + size])
    except (ValueError, RecursionError):
        raise ValueError("the header is not JSON") from None
    metadata = entries.pop("__metadata__", None) if isinstance(entries, dict) else None
    if not isinstance(metadata, dict) or "stepwell" not in metadata:
        raise ValueError("this file holds no program")
    if metadata["stepwell"] != _VERSION:
        raise ValueError(f"format version {metadata['stepwell']!r}; this Stepwell reads {_VERSION}")
    digest, program, signature = (metadata.get(k) for k in ("sha256", "program", "signature"))
    if not all(isinstance(text, str) for text in (digest, program, signature)):
        raise ValueError("the program, its signature or the checksum is missing")
    try:
        (str(program) + str(signature)).encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can say
        raise ValueError("the program or its signature is no text") from None
    at = content.find(str(digest).encode(errors="replace"))
    view = memoryview(content)
    if digest != _digest([view[:at], _NO_DIGEST.encode(), view[at + len(_NO_DIGEST) :]]):
        raise ValueError("the file is damaged: its checksum is another")
    data = view[8 + size :]
    tensors = {name: _tensor(name, entry, data) for name, entry in entries.items()}
    try:
        return str(program), json.loads(str(signature)), tensors
    except (ValueError, RecursionError):
        raise ValueError("the signature is not JSON") from None
