# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The device table: the CPU's load, launch, copy."""

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_void_p,
)

import pytest
from runtime_library import Arg, Context, Kernel


class Device(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("dlpack_type", c_int32),
        ("index", c_int32),
        ("state", c_void_p),
        ("allocate", CFUNCTYPE(c_int32, c_void_p, c_int64, c_void_p, POINTER(c_void_p))),
        ("free", CFUNCTYPE(None, c_void_p, c_void_p, c_int64, c_void_p)),
        ("copy", CFUNCTYPE(c_int32, c_void_p, c_void_p, c_void_p, c_int64, c_int, c_void_p)),
        ("stream_create", CFUNCTYPE(c_int32, c_void_p, POINTER(c_void_p))),
        ("stream_synchronize", CFUNCTYPE(c_int32, c_void_p, c_void_p)),
        ("stream_destroy", CFUNCTYPE(None, c_void_p, c_void_p)),
        (
            "load",
            CFUNCTYPE(
                c_void_p,
                c_void_p,
                c_char_p,
                c_size_t,
                c_char_p,
                POINTER(Kernel),
                c_char_p,
                c_size_t,
            ),
        ),
        ("unload", CFUNCTYPE(None, c_void_p, c_void_p)),
        ("launch", CFUNCTYPE(c_int32, c_void_p, POINTER(Kernel), POINTER(Context), POINTER(Arg))),
    ]


# Fills its workspace, in parallel, then counts it into the result; 7 is a bad value.
SOURCE = """
int64_t NAME_workspace_size(const stepwell_arg *args) { return args[1].i64; }
static void fill(void *to, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) ((char *)to)[i] = 1;
}
int32_t NAME(stepwell_context *context, const stepwell_arg *args) {
  if (args[1].i64 == 7) {
    context->error.site = 5;
    return context->error.code = STEPWELL_BAD_VALUE;
  }
  context->parallel_for(context, args[1].i64, STEPWELL_SERIAL_COST, fill, context->workspace);
  int64_t sum = 0;
  for (int64_t i = 0; i < args[1].i64; ++i) sum += ((char *)context->workspace)[i];
  *(int64_t *)args[0].pointer = sum;
  return 0;
}
"""


@pytest.fixture
def cpu(runtime):
    address = runtime.stepwell_device_cpu()
    return address, Device.from_address(address)


def load(cpu, image, entry=b"count"):
    address, device = cpu
    kernel = Kernel()
    error = ctypes.create_string_buffer(256)
    module = device.load(address, image, len(image), entry, kernel, error, len(error))
    return module, kernel, error.value.decode()


@pytest.mark.parametrize("mode", [0, 1])
def test_load_and_launch(threads, cpu, compile_object, mode):
    address, device = cpu
    module, kernel, error = load(cpu, compile_object(SOURCE.replace("NAME", "count")))
    assert module, error
    context, result = Context(), c_int64()
    threads.stepwell_context_init(context, mode)

    def launch(count):
        args = (Arg * 2)(Arg(pointer=ctypes.addressof(result)), Arg(i64=count))
        return device.launch(address, kernel, context, args)

    assert launch(1000) == 0 and result.value == 1000
    assert context.workspace_bytes >= 1000 and context.workspace % 64 == 0
    assert launch(7) == 3 and (context.error.code, context.error.site) == (3, 5)
    assert launch(10) == 0 and (context.error.code, context.error.site) == (0, 0)
    assert launch(-1) == 4 and context.error.code == 4  # the size function overflowed
    threads.stepwell_context_release(context)
    device.unload(address, module)


def test_a_kernel_without_a_workspace_size_needs_none(threads, cpu, compile_object):
    address, device = cpu
    source = "int32_t count(stepwell_context *c, const stepwell_arg *args) { return args[0].i32; }"
    module, kernel, error = load(cpu, compile_object(source))
    assert module, error
    assert kernel.run and not kernel.workspace_size
    context = Context()
    threads.stepwell_context_init(context, 0)
    assert device.launch(address, kernel, context, (Arg * 1)(Arg(i64=0))) == 0
    assert device.launch(address, kernel, context, (Arg * 1)(Arg(i64=3))) == 3
    assert context.workspace_bytes == 0
    device.unload(address, module)


def test_a_missing_entry_is_named(cpu, compile_object):
    image = compile_object(SOURCE.replace("NAME", "count"))
    module, _, error = load(cpu, image, b"other")
    assert module is None and error == "the object has no entry 'other'"
    module, _, error = load(cpu, b"junk")
    assert module is None and error == "not an object file: 4 bytes"


def test_copy_and_streams(cpu):
    address, device = cpu
    assert (device.name, device.dlpack_type, device.index) == (b"cpu", 1, 0)
    buffer = ctypes.create_string_buffer(b"abcdef")
    base = ctypes.addressof(buffer)
    assert device.copy(address, base + 1, base, 3, 2, None) == 0
    assert buffer.value == b"aabcef"
    stream = c_void_p(1)
    assert device.stream_create(address, stream) == 0 and stream.value is None
    assert device.stream_synchronize(address, stream) == 0
    device.stream_destroy(address, stream)
