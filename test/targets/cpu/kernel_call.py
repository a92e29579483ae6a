# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls kernels as the launch ABI says, with a `parallel_for` of the test's own."""

import ctypes
import re
from pathlib import Path

import numpy as np

HEADER = Path(__file__).resolve().parents[3] / "runtime/include/stepwell/abi.h"
ABI = int(re.search(r"^#define STEPWELL_ABI_VERSION (\d+)$", HEADER.read_text(), re.M).group(1))
Body = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
ParallelFor = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, Body, ctypes.c_void_p
)


class Context(ctypes.Structure):
    _fields_ = [
        ("abi_version", ctypes.c_uint32),
        ("num_threads", ctypes.c_uint32),
        ("workspace", ctypes.c_void_p),
        ("workspace_bytes", ctypes.c_int64),
        ("stream", ctypes.c_void_p),
        ("parallel_for", ParallelFor),
        ("error", ctypes.c_int64 * 5),
    ]


def call_with(parallel_for, library, *arrays):
    words = []
    for array in arrays:
        words.append(array.ctypes.data)
        words += array.shape
        words += (stride // array.itemsize for stride in array.strides)
    arguments = (ctypes.c_int64 * len(words))(*words)
    library.stepwell_kernel_workspace_size.restype = ctypes.c_int64
    room = library.stepwell_kernel_workspace_size(arguments) + 64
    workspace = np.empty(room, "i1")
    context = Context(
        abi_version=ABI,
        num_threads=2,
        parallel_for=parallel_for,
        workspace=-(-workspace.ctypes.data // 64) * 64,
        workspace_bytes=room - 64,
    )
    assert library.stepwell_kernel(ctypes.byref(context), arguments) == 0
