# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The generator that reads dialects/Array/*.td: what it writes, and what stops it."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "stepwell-records"))

import generate  # noqa: E402
import records  # noqa: E402


def llvm_folder(kind):
    config = shutil.which("llvm-config-22") or shutil.which("llvm-config") or "llvm-config"
    return subprocess.run([config, kind], capture_output=True, text=True, check=True).stdout.strip()


def dump(source, tmp_path):
    """The JSON of records that stand after those of the dialect."""
    file = tmp_path / "extra.td"
    file.write_text('include "ArrayOps.td"\n' + source)
    return subprocess.run(
        [
            f"{llvm_folder('--bindir')}/llvm-tblgen",
            "-dump-json",
            f"-I{ROOT}/dialects/Array",
            f"-I{llvm_folder('--includedir')}",
            str(file),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def generated(source, tmp_path):
    result = dump(source, tmp_path)
    assert result.returncode == 0, result.stderr
    code, docs = generate.generate(result.stdout)
    return code | docs


def refused(source, tmp_path):
    with pytest.raises(records.RecordError) as caught:
        generated(source, tmp_path)
    return str(caught.value)


TWICE = """
def Array_TwiceOp : Array_UnaryOp<"twice"> {
  let summary = "Twice the input";
  let scalar = Scalar<"arith.addf(input, input)">;
  let vjp = ["VJP"];
  let python = ["twice(input)"];
}
"""


def test_a_record_is_all_that_an_operation_needs(tmp_path):
    files = generated(TWICE.replace("VJP", "2 * g"), tmp_path)
    assert "TwiceOp::inferReturnTypes" in files["stepwell/Array/ArrayInference.inc"]
    assert (
        '"arith.addf", {operands[0], operands[0]}' in files["stepwell/Array/ArrayScalarBodies.inc"]
    )
    assert "{2.0, g}" in files["stepwell/Array/ArrayVJP.inc"]
    assert '.mnemonic = "twice"' in files["stepwell/Array/OpTable.inc"]
    stub = files["_ops.pyi"]
    assert "\ndef twice(input: Tensor, *, out: Tensor | None = None) -> Tensor:\n" in stub
    assert "\n    def twice(self) -> Tensor:\n" in stub.partition("class Methods:")[2]
    ast.parse(stub)
    assert "## array.twice" in files["reference/extra.md"]


def test_rows_are_sorted_for_the_lookup(tmp_path):
    table = generated(TWICE.replace("VJP", "g"), tmp_path)["stepwell/Array/OpTable.inc"]
    mnemonics = re.findall(r'\.mnemonic = "(\w+)"', table)
    assert mnemonics == sorted(mnemonics) and "twice" in mnemonics


@pytest.mark.parametrize(
    "vjp, needs",
    [
        ("g", (True, 0, 0, 0, 0)),
        ("g * input", (False, 1, 0, 0, 0)),
        ("g * result", (False, 0, 0, 1, 0)),
        ("broadcast_like(g, input)", (False, 0, 1, 0, 0)),
        ("broadcast_like(g, result) * input", (False, 1, 0, 0, 1)),
        ("cast(g, dtype=dtype(input))", (False, 0, 0, 0, 0)),
    ],
)
def test_what_a_gradient_reads(vjp, needs, tmp_path):
    table = generated(TWICE.replace("VJP", vjp), tmp_path)["stepwell/Array/OpTable.inc"]
    row = table[table.index('"twice"') :]
    found = re.search(
        r"isCotangent = (\w+), \.operands = (\d+), \.operandShapes = (\d+), "
        r"\.results = (\d+), \.resultShapes = (\d+)",
        row,
    ).groups()
    assert (found[0] == "true", *map(int, found[1:])) == needs


def test_an_operation_without_derivative_does_not_build(tmp_path):
    result = dump(TWICE.replace('let vjp = ["VJP"];', ""), tmp_path)
    assert result.returncode != 0
    assert "operation twice has neither a derivative nor nonDifferentiable" in result.stderr


@pytest.mark.parametrize(
    "vjp, message",
    [
        ("g * other", "'other' is no operand, result or attribute of 'twice'"),
        ("nosuch(input)", "'nosuch' is no operation"),
        ("g *", "not an expression"),
        ("g if input else g", "is not understood"),
        ("sum(g)", "'sum' needs the attribute 'dims'"),
        ("sum(g, dims=[0], axis=1)", "'sum' has no attribute 'axis'"),
        ("exp()", "'exp' takes 1 operands"),
        ("exp(g, g)", "too many arguments for 'exp'"),
        ("pow(g)", "'pow' takes 2 operands"),
        ("nosuch.f(g)", "is not understood"),
        ("sum(g, [0], dims=[0], keepdim=True)", "'sum' gets 'dims' twice"),
        ("sum(g, dims=0, keepdim=True)", "0 is no value of the attribute 'dims'"),
        ("sum(g, dims=[0], keepdim=1)", "1 is no value of the attribute 'keepdim'"),
        ("number(1, g, 2)", "'number' takes a number and a value"),
        ('g", "g', "2 vjp expressions for 1 operands"),
    ],
)
def test_an_expression_that_makes_no_sense_stops_with_the_record(vjp, message, tmp_path):
    text = refused(TWICE.replace("VJP", vjp), tmp_path)
    assert re.match(r"extra\.td:3: Array_TwiceOp: ", text) and message in text


@pytest.mark.parametrize(
    "body, message",
    [
        ("arith.addf(input, x)", "'x' is no operand of 'twice'"),
        ("llvm.add(input, input)", "'llvm.add' is neither an arith nor a math operation"),
        ("arith.addf('olt', input, input)", "'arith.addf' takes no predicate"),
        ("arith.addf(input)", "'arith.addf' takes 2 values"),
        ("arith.addf(input, input, input)", "'arith.addf' takes 2 values"),
        ("arith.addf(input, rhs=input)", "'arith.addf' takes 2 values"),
        ("arith.select(input, input)", "'arith.select' takes 3 values"),
        ("arith.nosuch(input, input)", "'arith.nosuch' is no operation that a scalar may call"),
        ("math.nosuch(input)", "'math.nosuch' is no operation that a scalar may call"),
        ("math.exp()", "'math.exp' takes 1 values"),
        ("arith.cmpf(input, input)", "'arith.cmpf' takes a predicate first"),
        ("arith.cmpf('slt', input, input)", "'arith.cmpf' takes a predicate first"),
        ("arith.cmpi('olt', input, input)", "'arith.cmpi' takes a predicate first"),
        ("arith.cmpf('olt', input)", "'arith.cmpf' takes 2 values"),
        ("convert(input, input)", "'convert' takes 1 arguments"),
        ("nosuch(input)", "is not understood"),
    ],
)
def test_a_scalar_body_that_makes_no_sense(body, message, tmp_path):
    source = TWICE.replace("VJP", "g").replace("arith.addf(input, input)", body)
    text = refused(source, tmp_path)
    assert re.match(r"extra\.td:3: Array_TwiceOp: ", text) and message in text


@pytest.mark.parametrize(
    "lines, message",
    [
        ('["nosuch(input)"]', "'nosuch' is no operation"),
        ('["exp(input, input)"]', "too many arguments for 'exp'"),
        ('["exp()"]', "'exp' takes 1 operands"),
        ('["x = exp(input)", "add(x)"]', "'add' takes 2 operands"),
        ('["exp(y)"]', "'y' is no operand"),
    ],
)
def test_a_decomposition_that_makes_no_sense(lines, message, tmp_path):
    decomposition = f"let decomposition = {lines};\n  let scalar"
    source = TWICE.replace("VJP", "g").replace("let scalar", decomposition)
    text = refused(source, tmp_path)
    assert text.startswith("extra.td:3: Array_TwiceOp: ") and message in text


def test_main_reports_in_one_line(tmp_path):
    (tmp_path / "records.json").write_text(dump(TWICE.replace("VJP", "nosuch(g)"), tmp_path).stdout)
    result = subprocess.run(
        [sys.executable, ROOT / "tools/stepwell-records/generate.py", tmp_path / "records.json",
         "--out", tmp_path, "--docs", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr == (
        "error: extra.td:3: Array_TwiceOp: vjp \"nosuch(g)\": 'nosuch' is no operation\n"
    )
    assert not (tmp_path / "_ops.pyi").exists()


def test_the_page_lists_the_fields_of_the_schema():
    source = (ROOT / "dialects/Array/ArrayBase.td").read_text()
    body = source[source.index("class Array_Op<") :]
    fields = set(re.findall(r"^  (?:string|bit|Scalar|list<\w+>) (\w+)", body, re.MULTILINE))
    assert {"inference", "vjp", "slots"} <= fields
    page = (ROOT / "docs/record-schema.md").read_text()
    listed = {name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
              for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
    assert fields <= listed


@pytest.mark.parametrize(
    "field", ["numbers", "heldNumbers", "naturalNumbers", "nonzero", "checked"]
)
def test_lists_of_operands_name_operands(field, tmp_path):
    source = TWICE.replace("VJP", "2 * g")
    ends = source.rindex("}")
    wrong = source[:ends] + f'let {field} = ["other"];\n' + source[ends:]
    assert f"{field} names 'other', which is no operand" in refused(wrong, tmp_path)
    right = generated(wrong.replace('"other"', '"input"'), tmp_path)
    if field == "nonzero":
        assert "scalar_twice, 1}" in right["stepwell/Array/ArrayScalarBodies.inc"]
    else:
        table = right["stepwell/Array/OpTable.inc"]
        assert f".{field} = 1," in table[table.index('"twice"') :]
    if field == "numbers":
        assert (
            "\ndef twice(input: Tensor | Number, *, out: Tensor | None = None) -> Tensor:\n"
            in right["_ops.pyi"]
        )


def test_why_bool_is_refused(tmp_path):
    source = TWICE.replace("VJP", "2 * g")
    ends = source.rindex("}")
    files = generated(source[:ends] + 'let boolRefusal = "of no use";\n' + source[ends:], tmp_path)
    assert '.boolRefusal = "of no use"' in files["stepwell/Array/OpTable.inc"]
