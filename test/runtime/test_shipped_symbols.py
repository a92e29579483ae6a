# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a shipped binary takes from the system: libc, and threads only where asked for."""

import subprocess

import pytest
from runtime_library import BUILD


def archive(name):
    return BUILD / "lib" / f"lib{name}.a"


def undefined(name):
    """The symbols that the archive's members do not define among themselves."""
    listing = subprocess.run(
        ["nm", "-A", str(archive(name))], check=True, capture_output=True, text=True
    ).stdout
    wanted, given = set(), set()
    for line in listing.splitlines():
        kind, symbol = line.split()[-2:]
        (wanted if kind in "Uw" else given).add(symbol)
    return wanted - given


@pytest.mark.parametrize("name", ["stepwell-runtime", "stepwell-runtime-serial"])
def test_libc_is_enough(name, tmp_path):
    # -z defs: an undefined symbol that libc and libm lack is an error.
    output = tmp_path / "all.so"
    subprocess.run(
        ["clang-22", "-shared", "-nodefaultlibs", "-Wl,-z,defs", "-Wl,--whole-archive"]
        + [str(archive(name)), "-Wl,--no-whole-archive", "-lc", "-lm", "-o", str(output)],
        check=True,
    )
    loaded = subprocess.run(["ldd", str(output)], check=True, capture_output=True, text=True)
    libraries = {line.split()[0].split("/")[-1] for line in loaded.stdout.splitlines()}
    assert libraries <= {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


@pytest.mark.parametrize("name", ["stepwell-runtime", "stepwell-runtime-serial"])
def test_nothing_of_cplusplus_or_the_compiler(name):
    symbols = undefined(name)
    assert symbols
    foreign = ("_Z", "__cxa_throw", "__gxx", "_Unwind", "LLVM", "mlir", "__stack_chk")
    assert [symbol for symbol in symbols if symbol.startswith(foreign)] == []


def test_the_serial_runtime_starts_no_thread():
    assert not [symbol for symbol in undefined("stepwell-runtime-serial") if "thread" in symbol]
    assert "pthread_create" in undefined("stepwell-runtime")
