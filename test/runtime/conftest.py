# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the runtime's tests share."""

import subprocess

import pytest
from runtime_library import ROOT, load_runtime


@pytest.fixture(scope="session")
def runtime():
    return load_runtime()


@pytest.fixture
def threads(runtime):
    """Four threads, whatever the machine has."""
    before = runtime.stepwell_runtime_get_num_threads()
    runtime.stepwell_runtime_set_num_threads(4)
    yield runtime
    runtime.stepwell_runtime_set_num_threads(before)


@pytest.fixture
def compile_object(tmp_path):
    """C source to the bytes of a relocatable object."""

    def compile(source, *flags, abi=True):
        if abi:
            source = (
                "#include <stepwell/abi.h>\nconst int32_t stepwell_abi_version = STEPWELL_ABI_VERSION;\n"
                + source
            )
        file = tmp_path / "kernel.c"
        file.write_text(source)
        output = tmp_path / "kernel.o"
        include = f"-I{ROOT / 'runtime' / 'include'}"
        command = [
            "clang-22",
            "-c",
            "-O1",
            "-fPIC",
            "-fno-builtin",
            include,
            *flags,
            str(file),
            "-o",
            str(output),
        ]
        subprocess.run(command, check=True)
        return output.read_bytes()

    return compile
