# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The generated stub and reference pages say what can be imported, and all of it."""

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest
import stepwell as sw

BUILD = Path(sw.__file__).parents[2]
TREE = ast.parse((BUILD / "records" / "_ops.pyi").read_text())
FUNCTIONS = {node.name: node for node in TREE.body if isinstance(node, ast.FunctionDef)}
TABLE = (BUILD / "dialects/include/stepwell/Array/OpTable.inc").read_text()
# mnemonic -> schemas, "add(input, other)", as the dispatcher was built with; those with "_" are the package's own.
SCHEMAS = {
    mnemonic: re.findall(r'"((?!_)(?:[^"\\]|\\.)*)"', schemas)
    for mnemonic, schemas in re.findall(
        r'\.mnemonic = "(\w+)",\n    \.summary.*?\.python = \{(.*?)\},\n', TABLE, re.S
    )
}


def signature(function):
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, None if p.default is p.empty else repr(p.default)) for p in parameters]


def test_there_is_something_to_compare():
    assert len(FUNCTIONS) > 60
    assert {node.module for node in TREE.body if isinstance(node, ast.ImportFrom)} == {
        "collections.abc",
        "stepwell._core",
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_the_stub_promises_exists(name):
    arguments = FUNCTIONS[name].args
    defaults = [ast.unparse(d) for d in arguments.defaults]
    defaults = [None] * (len(arguments.args) - len(defaults)) + defaults
    promised = [(a.arg, d) for a, d in zip(arguments.args, defaults, strict=True)]
    only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    promised += [(a.arg, ast.unparse(d)) for a, d in only]
    function = getattr(sw, name)
    if isinstance(function, (FunctionType, sw._core.Function)):  # written in Python, and takes more
        inspect.signature(function).bind(*[argument.arg for argument in arguments.args])
    else:
        assert signature(function) == promised
    assert callable(getattr(sw.Tensor, name))
    assert all(a.annotation is not None for a in arguments.args) and FUNCTIONS[name].returns


def test_every_function_of_a_record_is_in_the_stub():
    names = {text.split("(")[0] for schemas in SCHEMAS.values() for text in schemas}
    assert names == set(FUNCTIONS)
    records = sw._core._elementwise_records().values()
    ours = {name for record in records for name in record["functions"]}
    assert {name for name in ours if not name.startswith("_")} <= names


def test_permute():
    x = sw.zeros(2, 3, 4)
    assert sw.permute(x, (2, 0, 1)).shape == sw.permute(input=x, dims=(-1, 0, 1)).shape == (4, 2, 3)
    assert sw.permute(x, (2, 0, 1)).data_ptr() == x.data_ptr()
    with pytest.raises(TypeError):
        sw.permute(x)
    with pytest.raises((RuntimeError, IndexError, ValueError)):
        sw.permute(x, (0, 0, 1))


def test_every_record_is_in_the_reference():
    pages = "\n".join(page.read_text() for page in (BUILD / "records/reference").glob("*.md"))
    titles = set(re.findall(r"^## array\.(\w+)$", pages, re.M))
    assert titles == set(SCHEMAS)
    listed = set(re.findall(r"^`stepwell\.(.*)`$", pages, re.M))
    assert listed == {text for schemas in SCHEMAS.values() for text in schemas}


def test_type_checkers_see_operations(tmp_path):
    """The stubs lie where the package is installed, and fit each other."""
    package = Path(sw.__file__).parent
    assert (package / "_ops.pyi").exists() and (package / "_core.pyi").exists()
    script = tmp_path / "use.py"
    script.write_text(
        "import stepwell as sw\n"
        "x = sw.ones(2, 3)\n"
        "reveal_type(sw.exp(x).sum(dim=0, dtype=sw.float64).clamp_(min=1))\n"
        "reveal_type((x + 1).shape)\n"
        "sw.exp('x')\n"
        "x.sum(dimension=0)\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file=", f"--cache-dir={tmp_path}", script]
    environment = {**os.environ, "MYPYPATH": str(package.parent)}
    found = subprocess.run(command, capture_output=True, text=True, env=environment).stdout
    lines = [line for line in found.splitlines() if line.startswith(str(script))]
    lines = [line for line in lines if "defined in" not in line]
    assert [line.split(": ", 1)[1] for line in lines] == [
        'note: Revealed type is "stepwell._core.Tensor"',
        'note: Revealed type is "tuple[int, ...]"',
        'error: Argument 1 to "exp" has incompatible type "str"; expected "Tensor"  [arg-type]',
        'error: Unexpected keyword argument "dimension" for "sum" of "Methods"  [call-arg]',
    ], found
