# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Objects of any target, through the C API as the dispatcher uses it."""

import ctypes
import functools
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
if (BUILD / "python" / "stepwell").is_dir():  # for what is compared with the CPU
    sys.path.insert(0, str(BUILD / "python"))
os.environ.setdefault("STEPWELL_CACHE_DIR", str(BUILD / "test-cache"))


class Bytes(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]

    @classmethod
    def of(cls, text):
        data = text.encode()
        return cls(data, len(data))

    def get(self):
        return ctypes.string_at(self.data_address(), self.size)

    def data_address(self):
        return ctypes.c_void_p.from_buffer(self).value


@functools.cache
def library():
    compiler = ctypes.CDLL(str(BUILD / "lib" / "libstepwell-compiler.so"))
    compiler.stepwellCompilerBuildId.restype = ctypes.c_char_p
    compiler.stepwellCompile.restype = ctypes.c_void_p
    compiler.stepwellCompile.argtypes = [Bytes, Bytes, Bytes]
    compiler.stepwellCompilationOk.argtypes = [ctypes.c_void_p]
    compiler.stepwellCompilationDestroy.argtypes = [ctypes.c_void_p]
    for name in ("Object", "Error"):
        function = getattr(compiler, "stepwellCompilation" + name)
        function.restype = Bytes
        function.argtypes = [ctypes.c_void_p]
    return compiler


class CompileError(RuntimeError):
    pass


@functools.cache
def compiled(target, program):
    compiler = library()
    build = compiler.stepwellCompilerBuildId().decode()
    key = f"stepwell-key 1\nabi 2\nbuild {build}\ntarget {target}\noptions\n\n{program}"
    done = compiler.stepwellCompile(Bytes.of(key), Bytes.of(""), Bytes.of(""))
    try:
        if not compiler.stepwellCompilationOk(done):
            raise CompileError(compiler.stepwellCompilationError(done).get().decode())
        return compiler.stepwellCompilationObject(done).get()
    finally:
        compiler.stepwellCompilationDestroy(done)


@pytest.fixture
def compile_program():
    """compile_program("spirv vulkan", text of a module with @main) -> the object's bytes"""
    return compiled
