# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A kernel key to an object through the C API: what works, what fails, what is survived."""

import ctypes
import os
import platform
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
LIBRARY = BUILD / "lib" / "libstepwell-compiler.so"
# The chip of the tests: any that every machine of this architecture has.
CHIP = "x86-64-v2" if platform.machine() == "x86_64" else "generic"


class Bytes(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]

    @classmethod
    def of(cls, text):
        return cls(text.encode(), len(text.encode()))

    def get(self):
        address = ctypes.cast(self.data, ctypes.c_void_p)
        return ctypes.string_at(address, self.size) if self.size else b""


class Raw(ctypes.Structure):
    """Bytes as the library returns them: zeros inside."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]

    def get(self):
        return ctypes.string_at(self.data, self.size) if self.size else b""


class Compiler:
    def __init__(self):
        self.c = c = ctypes.CDLL(str(LIBRARY))
        c.stepwellCompilerBuildId.restype = ctypes.c_char_p
        c.stepwellCompile.argtypes = [Bytes] * 3
        c.stepwellCompile.restype = ctypes.c_void_p
        c.stepwellCompilationOk.argtypes = [ctypes.c_void_p]
        c.stepwellCompilationDestroy.argtypes = [ctypes.c_void_p]
        for name in ("Object", "Error", "Reproducer"):
            function = getattr(c, f"stepwellCompilation{name}")
            function.argtypes, function.restype = [ctypes.c_void_p], Raw
        self.build_id = c.stepwellCompilerBuildId().decode()

    def key(self, program, options="", target=f"cpu {CHIP}"):
        return (
            f"stepwell-key 1\nabi 2\nbuild {self.build_id}\ntarget {target}\n"
            f"options {options}\n\n{program}"
        )

    def compile(self, key, locations="", dump=""):
        """(object, error, reproducer); there is an object or an error, never both."""
        c = self.c
        compilation = c.stepwellCompile(Bytes.of(key), Bytes.of(locations), Bytes.of(dump))
        try:
            parts = [
                getattr(c, f"stepwellCompilation{name}")(compilation).get()
                for name in ("Object", "Error", "Reproducer")
            ]
            assert bool(c.stepwellCompilationOk(compilation)) == bool(parts[0])
            assert bool(parts[0]) != bool(parts[1])
            return parts[0], parts[1].decode(), parts[2].decode()
        finally:
            c.stepwellCompilationDestroy(compilation)


@pytest.fixture(scope="module")
def compiler():
    return Compiler()


ADD = """"builtin.module"() ({
  "func.func"() <{function_type = (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>, sym_name = "main"}> ({
  ^bb0(%0: tensor<?xf32>, %1: tensor<?xf32>):
    %2 = "array.add"(%0, %1) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    "func.return"(%2) : (tensor<?xf32>) -> ()
  }) : () -> ()
}) : () -> ()
"""


def test_add_is_an_elf_object(compiler):
    binary, _, _ = compiler.compile(compiler.key(ADD))
    assert binary.startswith(b"\x7fELF")
    assert b"stepwell_kernel\0" in binary
    assert b"stepwell_kernel_workspace_size\0" in binary


def test_entry_option_names_the_symbols(compiler):
    binary, _, _ = compiler.compile(compiler.key(ADD, "entry=mine"))
    assert b"mine\0" in binary and b"mine_workspace_size\0" in binary
    assert b"stepwell_kernel" not in binary


def test_equal_keys_give_equal_objects(compiler):
    assert compiler.compile(compiler.key(ADD)) == compiler.compile(compiler.key(ADD))


def test_error_names_the_users_line(compiler):
    _, error, reproducer = compiler.compile(compiler.key(ADD, "plant=error"), "model.py:7")
    assert error == "model.py:7: planted error"
    assert "mlir_reproducer" in reproducer


@pytest.mark.parametrize("kind, reason", [("fatal", "planted fatal error"), ("crash", "signal 11")])
def test_compiler_bug_becomes_an_error(compiler, capfd, kind, reason):
    _, error, reproducer = compiler.compile(compiler.key(ADD, f"plant={kind}"))
    assert error.startswith("internal error of the Stepwell compiler: ")
    assert reason in error and "\n" not in error
    assert "array.add" in reproducer and f"stepwell-plant-failure{{kind={kind}}}" in reproducer
    assert capfd.readouterr() == ("", "")
    # And life goes on.
    assert compiler.compile(compiler.key(ADD))[0]


def test_reproducer_reproduces(compiler, tmp_path):
    _, _, reproducer = compiler.compile(compiler.key(ADD, "plant=error"))
    file = tmp_path / "failure.mlir"
    file.write_text(reproducer)
    again = subprocess.run(
        [BUILD / "bin" / "stepwell-opt", "--run-reproducer", file], capture_output=True, text=True
    )
    assert again.returncode == 1
    assert "planted error" in again.stderr


@pytest.mark.parametrize(
    "line, replacement, message",
    [
        (0, "junk", "malformed kernel key, line 1: expected 'stepwell-key'"),
        (0, "stepwell-key 9", "malformed kernel key, line 1: version '9', expected 1"),
        (1, "abi 7", "malformed kernel key, line 2: ABI '7', this compiler makes 2"),
        (2, "build 0", "malformed kernel key, line 3: for build '0', this compiler is "),
        (3, "target", "malformed kernel key, line 4: expected 'target <name> <chip> <features>'"),
        (3, "target abacus", "there is no target 'abacus'"),
        (4, "options a", "malformed kernel key, line 5: option 'a' is not name=value"),
        (4, "options entry=9", "malformed kernel key, line 5: '9' is no C identifier"),
        (4, "options companion=9", "malformed kernel key, line 5: companion is always or needed"),
        (5, "x", "malformed kernel key, line 6: expected an empty line"),
    ],
)
def test_malformed_key_is_one_clear_line(compiler, line, replacement, message):
    lines = compiler.key(ADD).split("\n")
    lines[line] = replacement
    _, error, reproducer = compiler.compile("\n".join(lines))
    assert error.startswith(message) and "\n" not in error
    assert not reproducer


def test_empty_key(compiler):
    assert compiler.compile("")[1] == "malformed kernel key, line 1: expected 'stepwell-key'"


def test_malformed_program_says_where(compiler):
    _, error, _ = compiler.compile(compiler.key("module {"))
    assert error.startswith("program:1:")
    wrong = ADD.replace("-> tensor<?xf32>\n", "-> tensor<?xf64>\n")
    _, error, _ = compiler.compile(compiler.key(wrong))
    assert error.startswith("program:5:")


def test_ill_typed_program_is_refused(compiler):
    wrong = ADD.replace(
        "tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>\n",
        "tensor<?xf32>, tensor<?xf32>) -> tensor<3xf64>\n",
    )
    wrong = wrong.replace("(%2) : (tensor<?xf32>)", "(%2) : (tensor<3xf64>)")
    assert "array.add" in compiler.compile(compiler.key(wrong))[1]


def test_dump_holds_every_step(compiler, tmp_path):
    compiler.compile(compiler.key(ADD), dump=str(tmp_path / "steps"))
    names = sorted(file.name for file in (tmp_path / "steps").iterdir())
    assert names[0] == "00-program.mlir"
    steps = [name.split("-", 1)[1] for name in names]
    order = ["convert-array-to-linalg.mlir", "stepwell-lower-entry.mlir", "stepwell-bufferize.mlir"]
    assert [step for step in steps if step in order] == order
    assert "array.add" in (tmp_path / "steps" / names[0]).read_text()


def test_unwritable_dump_folder_fails_nothing(compiler):
    assert compiler.compile(compiler.key(ADD), dump="/proc/nowhere")[0]


def test_fork_after_a_compile(compiler):
    expected = compiler.compile(compiler.key(ADD))[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if compiler.compile(compiler.key(ADD))[0] == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_contexts_are_recycled(compiler):
    # More than one context serves, each with another program.
    for index in range(70):
        program = ADD.replace("?xf32", f"{index + 2}xf32")
        assert compiler.compile(compiler.key(program))[0]


def test_build_id_is_beside_the_library(compiler):
    text = (BUILD / "lib" / "libstepwell-compiler.buildid").read_text()
    assert text == compiler.build_id + "\n"
    assert len(compiler.build_id) == 16 and int(compiler.build_id, 16) >= 0
