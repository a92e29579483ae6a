# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The object loader: runs what clang makes, refuses the rest without a crash."""

import ctypes
import random
import re
import struct
import subprocess
import sys

import pytest
from runtime_library import BUILD, ROOT, Arg, Context, KernelFunction

# Reads rodata and a zeroed table, calls another function and a function pointer in data: the
# relocations that kernels may have.
KERNEL = """
static const float scale[4] = {1, 2, 3, 4};
static double zeroed[100];
float plain[2] = {10, 20};
static __attribute__((noinline)) float twice(float x) { return x + x; }
static float (*volatile pointer)(float) = twice;
int64_t stepwell_kernel_workspace_size(const stepwell_arg *args) { return 4 * args[1].i64; }
int32_t stepwell_kernel(stepwell_context *context, const stepwell_arg *args) {
  float *out = args[0].pointer;
  for (int64_t i = 0; i < args[1].i64; ++i) {
    zeroed[i % 100] += 1;
    out[i] = pointer(scale[i % 4]) + twice(plain[i % 2]) + (float)zeroed[i % 100];
  }
  return 0;
}
"""


def load(runtime, image):
    error = ctypes.create_string_buffer(256)
    handle = runtime.stepwell_object_load(image, len(image), error, len(error))
    return handle, error.value.decode()


def refused(runtime, image):
    handle, error = load(runtime, image)
    assert handle is None and error
    return error


@pytest.mark.parametrize(
    "flags", [["-fPIC"], ["-fno-pic", "-mcmodel=large"], ["-ffunction-sections"]]
)
def test_a_kernel_runs(runtime, compile_object, flags):
    handle, error = load(runtime, compile_object(KERNEL, *flags, "-fvisibility=hidden"))
    assert handle, error
    kernel = KernelFunction(runtime.stepwell_object_function(handle, b"stepwell_kernel"))
    out = (ctypes.c_float * 6)()
    args = (Arg * 2)(Arg(pointer=ctypes.addressof(out)), Arg(i64=6))
    assert kernel(Context(), args) == 0
    assert list(out) == [23, 45, 27, 49, 23, 45]
    runtime.stepwell_object_unload(handle)


def test_unaligned_bytes(runtime, compile_object):
    image = compile_object(KERNEL, "-fvisibility=hidden")
    error = ctypes.create_string_buffer(256)
    shifted = ctypes.create_string_buffer(b"x" + image)
    address = ctypes.cast(ctypes.addressof(shifted) + 1, ctypes.c_char_p)
    handle = runtime.stepwell_object_load(address, len(image), error, len(error))
    assert handle, error.value
    runtime.stepwell_object_unload(handle)


def test_symbols(runtime, compile_object):
    handle, _ = load(runtime, compile_object(KERNEL, "-fvisibility=hidden"))
    data = runtime.stepwell_object_data(handle, b"plain")
    assert list((ctypes.c_float * 2).from_address(data)) == [10, 20]
    assert runtime.stepwell_object_function(handle, b"plain") is None
    assert runtime.stepwell_object_data(handle, b"stepwell_kernel") is None
    assert runtime.stepwell_object_function(handle, b"twice") is None  # local
    assert runtime.stepwell_object_function(handle, b"absent") is None
    runtime.stepwell_object_unload(handle)


def test_no_page_is_writable_and_executable(runtime, compile_object):
    handle, _ = load(runtime, compile_object(KERNEL, "-fvisibility=hidden"))

    def permissions(address):
        with open("/proc/self/maps") as maps:
            for line in maps:
                begin, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
                if int(begin, 16) <= address < int(end, 16):
                    return mode[:3]

    assert permissions(runtime.stepwell_object_function(handle, b"stepwell_kernel")) == "r-x"
    assert permissions(runtime.stepwell_object_data(handle, b"stepwell_abi_version")) == "r--"
    assert permissions(runtime.stepwell_object_data(handle, b"plain")) == "rw-"
    runtime.stepwell_object_unload(handle)


@pytest.mark.parametrize(
    ("source", "flags", "message"),
    [
        ("float expf(float); float f(float x) { return expf(x); }", [], "undefined symbol 'expf'"),
        (
            "__attribute__((weak)) void other(void); void *f(void) { return other; }",
            ["-fno-pic", "-mcmodel=large"],
            "undefined symbol 'other'",
        ),
        ("int x; int *f(void) { return &x; }", [], "relocation of type 42 is"),  # GOTPCREL
        ("__thread int x; int f(void) { return x; }", [], "kind that kernels do not have"),
        ("int x; int *f(void) { return &x; }", ["-fcommon", "-fno-pic"], "in no section"),
        (
            "static volatile int x; __attribute__((constructor)) void f(void) { ++x; }",
            [],
            "kind that kernels do not have",
        ),
        (
            "static int x[9]; int f(int i) { x[i] = 1; return x[i + 1]; }",
            ["-fno-pic"],
            "does not reach",
        ),
        ("int f(void) { return 1; }", ["-m32"], "not a relocatable little-endian ELF64"),
        ("int f(void) { return 1; }", ["--target=aarch64-linux-gnu"], "not x86-64"),
    ],
)
def test_what_kernels_do_not_have_is_refused(runtime, compile_object, source, flags, message):
    system = ["-ffreestanding", "-nostdlibinc"]
    assert message in refused(runtime, compile_object(source, *system, *flags))


def test_version(runtime, compile_object):
    code = "int f(void) { return 1; }"
    assert "no stepwell_abi_version" in refused(runtime, compile_object(code, abi=False))
    later = "const int stepwell_abi_version = 3;" + code
    error = refused(runtime, compile_object(later, abi=False))
    assert error == "a kernel of ABI version 3, this runtime has 2"
    short = "const char stepwell_abi_version = 2;" + code
    assert "no stepwell_abi_version" in refused(
        runtime, compile_object(short, "-fdata-sections", abi=False)
    )


@pytest.mark.parametrize("image", [b"", b"\x7fELF", b"#!/bin/sh\n" * 20, bytes(4096)])
def test_other_files(runtime, image):
    assert re.match("not an? ", refused(runtime, image))


def test_a_shared_library_is_refused(runtime):
    image = (BUILD / "lib" / "libstepwell-runtime-test.so").read_bytes()
    assert "not a relocatable" in refused(runtime, image)


def test_a_message_is_cut_to_the_room_there_is(runtime):
    error = ctypes.create_string_buffer(b"zzzzzzzz", 8)
    assert runtime.stepwell_object_load(b"hello", 5, error, 8) is None
    assert error.value == b"not an "
    assert runtime.stepwell_object_load(b"hello", 5, None, 0) is None


def test_every_truncation_is_refused(runtime, compile_object):
    image = compile_object(KERNEL, "-fvisibility=hidden")
    for size in range(len(image)):  # the section table is last
        assert refused(runtime, image[:size])


FUZZ = """
import ctypes, random, sys
sys.path.insert(0, sys.argv[1])
from runtime_library import load_runtime
lib = load_runtime()
image = open(sys.argv[2], 'rb').read()
error = ctypes.create_string_buffer(256)
refused = 0
def attempt(data):
    global refused
    handle = lib.stepwell_object_load(data, len(data), error, len(error))
    if handle:
        lib.stepwell_object_unload(handle)
    else:
        assert error.value
        refused += 1
for at in range(len(image)):
    for value in (0, 0x7f, 0x80, 0xff, image[at] ^ 1, image[at] ^ 0x10):
        attempt(image[:at] + bytes([value]) + image[at + 1:])
generator = random.Random(7)
for _ in range(4000):
    data = bytearray(image)
    for _ in range(generator.randint(2, 12)):
        at = generator.randrange(len(data) - 8)
        data[at:at + 8] = generator.choice([generator.randbytes(8), b'\\xff' * 8, bytes(8)])
    attempt(bytes(data[:generator.randrange(len(data) // 2, len(data) + 1)]))
print(refused)
"""


def test_corrupt_objects_never_crash(compile_object, tmp_path):
    compile_object(KERNEL, "-fvisibility=hidden")
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(ROOT / "test" / "runtime"), str(tmp_path / "kernel.o")],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 4000


def patch_sections(image, change):
    """The image with change(name, header fields) applied to each section header."""
    image = bytearray(image)
    (table,) = struct.unpack_from("<Q", image, 40)
    count, names_index = struct.unpack_from("<HH", image, 60)
    layout = "<IIQQQQIIQQ"
    keys = [
        "name",
        "type",
        "flags",
        "address",
        "offset",
        "size",
        "link",
        "info",
        "align",
        "entsize",
    ]

    def read(i):
        return dict(zip(keys, struct.unpack_from(layout, image, table + 64 * i)))

    names = read(names_index)["offset"]
    for i in range(count):
        header = read(i)
        begin = names + header["name"]
        change(bytes(image[begin : image.index(0, begin)]).decode(), header)
        struct.pack_into(layout, image, table + 64 * i, *header.values())
    return bytes(image)


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        (".text", "size", 2**63),
        (".text", "offset", 2**64 - 1),
        (".text", "align", 3),
        (".text", "align", 2**63),
        (".text", "flags", 7),
        (".bss", "size", 2**40),
        (".symtab", "entsize", 0),
        (".symtab", "entsize", 8),
        (".symtab", "link", 999),
        (".symtab", "size", 24),
        (".strtab", "size", 0),
        (".strtab", "offset", 2**64 - 2),
        (".rela.text", "info", 70000),
        (".rela.text", "link", 0),
        (".rela.text", "size", 2**64 - 8),
        (".rela.text", "type", 9),
    ],
)
def test_hostile_headers(runtime, compile_object, section, field, value):
    seen = []

    def change(name, header):
        if name == section:
            seen.append(name)
            header[field] = value

    image = compile_object(KERNEL, "-fvisibility=hidden")
    assert refused(runtime, patch_sections(image, change))
    assert seen


def test_random_bytes_after_a_valid_header(runtime, compile_object):
    image = compile_object(KERNEL, "-fvisibility=hidden")
    generator = random.Random(3)
    for _ in range(500):
        assert refused(runtime, image[:64] + generator.randbytes(len(image) - 64))
