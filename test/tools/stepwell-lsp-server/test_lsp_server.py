# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The language server knows our dialects: it accepts a program and points into a wrong one."""

import json
import os
import subprocess
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", Path(__file__).parents[3] / "build"))

GOOD = """func.func @main(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %0 = array.add %x, %y : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
"""
WRONG = GOOD.replace("%y: tensor<3xf32>", "%y: tensor<4xf32>").replace(
    "(tensor<3xf32>, tensor<3xf32>)", "(tensor<3xf32>, tensor<4xf32>)"
)


def message(method, params, number=None):
    body = {"jsonrpc": "2.0", "method": method, "params": params}
    if number is not None:
        body["id"] = number
    text = json.dumps(body)
    return f"Content-Length: {len(text)}\r\n\r\n{text}"


def session_with(source):
    """What an editor sends that opens the source and ends."""
    document = {"uri": "file:///program.mlir", "languageId": "mlir", "version": 1, "text": source}
    return (
        message("initialize", {"processId": None, "rootUri": None, "capabilities": {}}, 1)
        + message("initialized", {})
        + message("textDocument/didOpen", {"textDocument": document})
        + message("shutdown", None, 2)
        + message("exit", None)
    )


def diagnostics(source):
    """What the server reports on opening the source."""
    done = subprocess.run(
        [str(BUILD / "bin" / "stepwell-lsp-server")],
        input=session_with(source),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    for part in done.stdout.split("Content-Length: ")[1:]:
        answer = json.loads(part.split("\n\n", 1)[1])
        if answer.get("method") == "textDocument/publishDiagnostics":
            return answer["params"]["diagnostics"]
    raise AssertionError(done.stderr)


def test_a_program_has_no_diagnostics():
    assert diagnostics(GOOD) == []


def test_a_wrong_shape_is_reported_on_its_line():
    found = diagnostics(WRONG)
    assert {item["range"]["start"]["line"] for item in found} == {1}
    assert "(3,) and (4,) do not broadcast" in found[0]["message"]


# The parser is not ours, and dies on this: that is said.
CRASHES = "module attributes {a = array<index: 4>} {}\n"


@pytest.mark.parametrize("tool", ["stepwell-opt", "stepwell-lsp-server"])
def test_a_crash_of_the_parser_is_told(tool):
    done = subprocess.run(
        [str(BUILD / "bin" / tool)],
        input=CRASHES if tool == "stepwell-opt" else session_with(CRASHES),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 70
    assert f"{tool}: internal error: it crashed with signal 11" in done.stderr
