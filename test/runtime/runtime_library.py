# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The runtime's test build, through ctypes."""

import ctypes
import os
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    Union,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
)
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))


class Arg(Union):
    _fields_ = [("pointer", c_void_p), ("i64", c_int64), ("f32", c_float), ("f64", c_double)]


class Error(Structure):
    _fields_ = [("code", c_int32), ("site", c_int32), ("detail", c_int64 * 4)]


class Context(Structure):
    _fields_ = [
        ("abi_version", c_uint32),
        ("num_threads", c_uint32),
        ("workspace", c_void_p),
        ("workspace_bytes", c_int64),
        ("stream", c_void_p),
        ("parallel_for", c_void_p),
        ("error", Error),
    ]


class Kernel(Structure):
    _fields_ = [("run", c_void_p), ("workspace_size", c_void_p)]


class Digest(Structure):
    _fields_ = [("bytes", ctypes.c_uint8 * 32)]


Body = CFUNCTYPE(None, c_void_p, c_int64, c_int64)
KernelFunction = CFUNCTYPE(c_int32, POINTER(Context), POINTER(Arg))
Deleter = CFUNCTYPE(None, c_void_p, c_void_p)

# name: (result, arguments)
FUNCTIONS = {
    "stepwell_context_init": (None, [POINTER(Context), c_int]),
    "stepwell_context_release": (None, [POINTER(Context)]),
    "stepwell_context_reserve": (c_int32, [POINTER(Context), c_int64]),
    "stepwell_runtime_parallel_for": (None, [POINTER(Context), c_int64, c_int64, Body, c_void_p]),
    "stepwell_runtime_parallel_for_serial": (
        None,
        [POINTER(Context), c_int64, c_int64, Body, c_void_p],
    ),
    "stepwell_runtime_set_num_threads": (None, [c_int32]),
    "stepwell_runtime_get_num_threads": (c_int32, []),
    "stepwell_object_load": (c_void_p, [c_char_p, c_size_t, c_char_p, c_size_t]),
    "stepwell_object_function": (c_void_p, [c_void_p, c_char_p]),
    "stepwell_object_data": (c_void_p, [c_void_p, c_char_p]),
    "stepwell_object_size": (c_size_t, [c_void_p]),
    "stepwell_object_unload": (None, [c_void_p]),
    "stepwell_device_cpu": (c_void_p, []),
    "stepwell_cpu_allocator_set_limit": (None, [c_int64]),
    "stepwell_cpu_allocator_cached_bytes": (c_int64, []),
    "stepwell_storage_create": (c_void_p, [c_void_p, c_int64, c_void_p]),
    "stepwell_storage_wrap": (c_void_p, [c_void_p, c_void_p, c_int64, Deleter, c_void_p]),
    "stepwell_storage_retain": (None, [c_void_p]),
    "stepwell_storage_release": (None, [c_void_p]),
    "stepwell_storage_use_count": (c_int64, [c_void_p]),
    "stepwell_sha256": (Digest, [c_char_p, c_size_t]),
    "stepwell_sha256_portable": (Digest, [c_char_p, c_size_t]),
    "stepwell_sha256_two": (Digest, [c_char_p, c_size_t, c_char_p, c_size_t]),
    "stepwell_cache_open": (c_void_p, [c_char_p, c_int64]),
    "stepwell_cache_close": (None, [c_void_p]),
    "stepwell_cache_folder": (c_char_p, [c_void_p]),
    "stepwell_cache_problem": (c_char_p, [c_void_p]),
    "stepwell_cache_get": (
        c_int,
        [c_void_p, POINTER(Digest), POINTER(c_void_p), POINTER(c_size_t)],
    ),
    "stepwell_cache_put": (c_int, [c_void_p, POINTER(Digest), c_char_p, c_size_t]),
    "stepwell_cache_free": (None, [c_void_p]),
    "stepwell_pack_open": (c_void_p, [c_char_p]),
    "stepwell_pack_close": (None, [c_void_p]),
    "stepwell_pack_count": (c_int64, [c_void_p]),
    "stepwell_pack_find": (
        c_int,
        [c_void_p, POINTER(Digest), POINTER(c_void_p), POINTER(c_size_t)],
    ),
}


def load_runtime():
    library = ctypes.CDLL(str(BUILD / "lib" / "libstepwell-runtime-test.so"))
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
