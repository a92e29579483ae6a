# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Names of arguments, results and functions in C and C++."""

import re

import pytest

HOSTILE = [
    *"asm linux unix int64_t NULL I EOF errno stdin assert bool true class new this".split(),
    *"template typename operator and or not xor bitand compl typeof inline restrict".split(),
    *"alignas constexpr co_await requires export float int words context status runs".split(),
    *"INT64_MAX UINT8_C size_t uintptr_t SIGINT NAN INFINITY _Bool __linux__ i386 main".split(),
    *"first first_kernel first_weight0 stepwell_context stepwell_arg guarded wchar_t".split(),
]
ODD = [
    "",
    " ",
    "a b",
    "a.b",
    "a_b",
    "a-b",
    "0",
    "1x",
    "名前",
    "é",
    "\u202e",
    "*/",
    '\\"',
    "%s",
    "??/",
]


def write(workshop, names, open_sizes=False):
    """A program whose arguments have these names; it returns the first."""
    kind = "tensor<?xf32>" if open_sizes else "tensor<4xf32>"
    escaped = ["".join(f"\\{b:02X}" for b in name.encode()) for name in names]
    parameters = ", ".join(
        f'%a{i}: {kind} {{stepwell.name = "{name}"}}' for i, name in enumerate(escaped)
    )
    workshop.write(
        "p.mlir",
        f"func.func @main({parameters}) -> {kind} {{\n"
        f"  %0 = array.exp %a0 : ({kind}) -> {kind}\n  return %0 : {kind}\n}}",
    )


def check(workshop, names, *, open_sizes=False):
    write(workshop, names, open_sizes)
    workshop.compile("p.mlir", "--emit=object", "-o", "first.o")
    includes = (
        "#include <stdlib.h>\n#include <errno.h>\n#include <stdio.h>\n#include <signal.h>\n"
        "#include <math.h>\n#include <assert.h>\n#include <iso646.h>\n#include <stddef.h>\n"
    )
    text = includes + '#include "first.h"\nint main(void) { return first != 0 ? 0 : 1; }\n'
    workshop.write("user.c", "#include <complex.h>\n" + text)
    workshop.write("user.cpp", text)
    for command in (["clang-22", "-std=gnu11", "user.c"], ["clang-22", "-std=gnu2x", "user.c"],
                    ["clang++-22", "-std=gnu++20", "user.cpp"]):  # fmt: skip
        workshop.run(*command, "-Wall", "-Wno-address", "-Wno-tautological-pointer-compare",
                     "-fsyntax-only")  # fmt: skip
    header = (workshop.folder / "first.h").read_text()
    (prototype,) = re.findall(r"int32_t first\((.*?)\);", header, re.DOTALL)
    found = re.findall(r"(\w+)(?:,|$)", prototype)
    assert len(set(found)) == len(found) == (len(names) + 1) * (2 if open_sizes else 1)
    assert all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in found)


def test_keywords_and_macros(workshop):
    check(workshop, HOSTILE)


def test_odd_names(workshop):
    check(workshop, ODD)


def test_names_that_collide(workshop):
    """After escaping, and with the names of sizes."""
    names = ["a.b", "a_b", "a-b", "a_b_1", "x", "x_size0", "x", "x_size0", "out0", "out0_size0"]
    check(workshop, names, open_sizes=True)
    check(workshop, ["asm", "asm_", "asm__1", "asm", "linux_", "linux"])


@pytest.mark.parametrize(
    "name", ["asm", "linux", "int64_t", "NULL", "class", "malloc", "free", "exp", "main", "index",
             "stepwell_context_call", "_Bool", "__x", "9a", "a-b", "a b", "é"]
)  # fmt: skip
def test_functions_that_cannot_be_named_so(workshop, name):
    write(workshop, ["x"])
    message = workshop.refused("p.mlir", "--emit=object", f"--name={name}", "-o", "p.o")
    assert message == f"--name: '{name}' cannot name a C function"


@pytest.mark.parametrize(
    "file", ["asm", "linux", "malloc", "exp", "main", "é", "1", "a b", "a,b", "class", "-"]
)
def test_functions_that_files_name(workshop, file):
    """The name of the file, as far as C allows."""
    write(workshop, ["x"])
    workshop.compile("p.mlir", "--emit=shared", "-o", f"./lib{file}.so")
    header = (workshop.folder / f"lib{file}.h").read_text()
    (name,) = re.findall(r"^int32_t (\w+)\(const float", header, re.MULTILINE)
    listing = workshop.run("nm", "-D", "--defined-only", f"./lib{file}.so").stdout
    assert f" T {name}\n" in listing
    workshop.write("user.c", f'#include <math.h>\n#include <stdlib.h>\n#include "lib{file}.h"\n')
    workshop.run("clang-22", "-Wall", "-Werror", "-fsyntax-only", "user.c")


def test_an_object_is_not_overwritten_by_its_header(workshop):
    write(workshop, ["x"])
    message = workshop.refused("p.mlir", "--emit=object", "-o", "p.h")
    assert message == "-o p.h: the header beside it would have that name"
