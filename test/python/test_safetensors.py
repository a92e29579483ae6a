# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Safetensors files: what is written is read, and malformed files are refused in one line."""

import json
import struct

import numpy as np
import pytest
import stepwell as sw
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from stepwell import safetensors

DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()


def test_round_trip_of_every_dtype(tmp_path):
    tensors = {name: sw.tensor([[0.0, 1.0], [2.0, 3.0]]).to(getattr(sw, name)) for name in DTYPES}
    tensors["view"] = sw.tensor([[1.0, 2.0], [3.0, 4.0]]).T
    tensors["number"] = sw.tensor(2.5, requires_grad=True)
    tensors["none"] = sw.zeros(0, 3)
    path = tmp_path / "all.safetensors"
    sw.save_file(tensors, path, {"made by": "a test"})
    loaded = sw.load_file(str(path))
    assert set(loaded) == set(tensors)
    for name, tensor in tensors.items():
        assert loaded[name].dtype is tensor.dtype and loaded[name].shape == tensor.shape
        assert loaded[name].tolist() == tensor.tolist()
        assert not loaded[name].requires_grad
    again = safetensors.load(safetensors.save(tensors))
    assert {n: t.tolist() for n, t in again.items()} == {n: t.tolist() for n, t in loaded.items()}


def test_files_of_others(tmp_path):
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array([-1, 2])}
    save_arrays(arrays, tmp_path / "theirs")
    assert sw.load_file(tmp_path / "theirs")["w"].tolist() == arrays["w"].tolist()
    sw.save_file({"w": sw.tensor([[1.5, 2.5]]).T}, tmp_path / "ours")
    assert load_arrays(tmp_path / "ours")["w"].tolist() == [[1.5], [2.5]]


def file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


MALFORMED = {
    "empty": b"",
    "short length": b"\1\2",
    "length beyond the file": struct.pack("<Q", 100) + b"{}",
    "huge length": struct.pack("<Q", 2**63) + b"{}",
    "no JSON": file(b"hello"),
    "no UTF-8": file(b'{"\xff": 1}'),
    "truncated data": file({"a": entry("F32", [2], 0, 8)}, b"\0" * 4),
    "data after the end": file({"a": entry("F32", [2], 0, 8)}, b"\0" * 9),
    "unknown dtype": file({"a": entry("F33", [2], 0, 8)}, b"\0" * 8),
    "dtype of others": file({"a": entry("F8_E4M3", [8], 0, 8)}, b"\0" * 8),
    "offsets overlap": file(
        {"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, b"\0" * 12
    ),
    "offsets reversed": file({"a": entry("F32", [2], 8, 0)}, b"\0" * 8),
    "a gap": file({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 8, 12)}, b"\0" * 12),
    "wrong size": file({"a": entry("F32", [3], 0, 8)}, b"\0" * 8),
    "overflowing shape": file({"a": entry("F32", [2**62, 8], 0, 8)}, b"\0" * 8),
    "too many dimensions": file({"a": entry("F32", [1] * 40, 0, 4)}, b"\0" * 4),
    "size beyond 64 bits": file({"a": entry("F32", [2**63, 0], 0, 0)}),
    "negative shape": file({"a": entry("F32", [-2], 0, 8)}, b"\0" * 8),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name, tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(MALFORMED[name])
    with pytest.raises(ValueError) as error:
        sw.load_file(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    with pytest.raises(ValueError, match="^safetensors data: "):
        safetensors.load(MALFORMED[name])


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="'a' is list"):
        sw.save_file({"a": [1.0]}, tmp_path / "x")
    with pytest.raises(ValueError, match="Expected a dict"):
        sw.save_file([sw.ones(1)], tmp_path / "x")
    with pytest.raises(OSError):
        sw.save_file({"a": sw.ones(1)}, tmp_path / "none" / "x")
    with pytest.raises(FileNotFoundError):
        sw.load_file(tmp_path / "none")
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        sw.load_file(tmp_path / "none", device="cuda")
