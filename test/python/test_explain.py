# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""explain(), STEPWELL_DUMP, and the file that a failed compile leaves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stepwell as sw

BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", Path(__file__).resolve().parents[2] / "build"))


def function(x):
    return (x * 2.0).exp().sum()


def numbers(names):
    return [int(name.split("-")[0]) for name in names]


def test_steps_are_in_order_and_named():
    steps = sw.explain(function, sw.ones(4, 5)).steps
    names = list(steps)
    assert numbers(names) == sorted(set(numbers(names)))
    order = [
        "program.mlir",
        "convert-array-to-linalg.mlir",
        "stepwell-lower-entry.mlir",
        "stepwell-bufferize.mlir",
        "cpu-lower-to-llvm.mlir",
        "llvm.ll",
        "llvm-optimised.ll",
        "assembly.s",
    ]
    assert [n.split("-", 1)[1] for n in names if n.split("-", 1)[1] in order] == order
    texts = list(steps.values())
    assert "array.exp" in texts[0] and "array.exp" not in texts[-1]
    assert "linalg." in steps["01-convert-array-to-linalg.mlir"]
    assert "define i32 @stepwell_kernel" in steps["90-llvm.ll"]
    assert "stepwell_kernel:" in steps["92-assembly.s"]


def test_an_explanation_prints_and_saves(tmp_path):
    explanation = sw.explain(sw.compile(function), sw.ones(3))
    for name, text in explanation.steps.items():
        assert f"// ----- {name} -----\n{text}" in repr(explanation)
    explanation.save(tmp_path / "new" / "steps")
    saved = {path.name: path.read_text() for path in (tmp_path / "new" / "steps").iterdir()}
    assert saved == explanation.steps


def test_an_exported_program_is_explained():
    program = sw.export(function, sw.ones(4))
    assert sw.explain(program, sw.ones(4)).steps == sw.explain(function, sw.ones(4)).steps


def test_a_step_can_go_on_with_stepwell_opt(tmp_path):
    explanation = sw.explain(function, sw.ones(4))
    explanation.save(tmp_path)
    opt = [BUILD / "bin" / "stepwell-opt", "00-program.mlir", "--convert-array-to-linalg"]
    done = subprocess.run(opt, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "linalg.generic" in done.stdout and "array." not in done.stdout


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(BUILD / "python"), **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_every_compile_is_dumped(tmp_path):
    python(
        "import stepwell as sw; a = sw.tensor([1.0, 2.0]); a + a; sw.compile(lambda x: x / x)(a)",
        STEPWELL_DUMP=str(tmp_path / "steps"),
    )
    programs = {
        folder.name: (folder / "00-program.mlir").read_text()
        for folder in (tmp_path / "steps").iterdir()
    }
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in programs)
    assert sum("array.add" in text for text in programs.values()) == 1
    assert sum("array.div" in text for text in programs.values()) == 1
    for name in programs:
        assert (tmp_path / "steps" / name / "92-assembly.s").is_file()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("error", "planted error"), ("fatal", "planted fatal error"), ("crash", "Stack dump")],
)
def test_a_failing_pass_leaves_a_file_that_reproduces_it(kind, reason, tmp_path):
    code = f"""
import stepwell as sw
x = sw.tensor([1.0, 2.0])
sw._core._set_compiler_options("plant={kind}")
try:
    sw.compile(lambda x: x * x)(x)
except RuntimeError as error:
    print(error)
"""
    message = python(code, TMPDIR=str(tmp_path))
    (file,) = tmp_path.glob("stepwell-reproducers-*/stepwell-reproducer-*.mlir")
    assert message.endswith(f"A file that reproduces this with stepwell-opt: {file}\n")
    opt = [BUILD / "bin" / "stepwell-opt", "--run-reproducer", file]
    again = subprocess.run(opt, capture_output=True, text=True, check=False)
    assert again.returncode != 0 and reason in again.stderr
    # Without what was planted, the rest of the file runs.
    text = file.read_text().replace(f"stepwell-plant-failure{{kind={kind}}},", "")
    file.write_text(text)
    subprocess.run(opt, capture_output=True, check=True)


REPRODUCE = """
import stepwell as sw
x = sw.tensor([1.0, 2.0])
sw._core._set_compiler_options("plant=error")
for i in range({count}):
    try:
        sw.compile(lambda x: x * (i + 1))(x)
    except RuntimeError as error:
        print("A file that reproduces" in str(error))
"""


def test_the_newest_reproducers_are_kept(tmp_path):
    assert python(REPRODUCE.format(count=20), TMPDIR=str(tmp_path)) == "True\n" * 20
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.iterdir())) == 16
    first = min(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    assert python(REPRODUCE.format(count=1), TMPDIR=str(tmp_path)) == "True\n"
    assert len(list(folder.iterdir())) == 16 and not first.exists()


@pytest.mark.parametrize("others", ["writable", "link"])
def test_no_reproducer_in_a_folder_that_others_may_write_to(others, tmp_path):
    folder = tmp_path / f"stepwell-reproducers-{os.geteuid()}"
    target = tmp_path / "elsewhere"
    target.mkdir()
    if others == "link":
        folder.symlink_to(target)
    else:
        folder.mkdir()
        folder.chmod(0o777)
    assert python(REPRODUCE.format(count=1), TMPDIR=str(tmp_path)) == "False\n"
    assert not list(folder.iterdir())


def test_the_way_back_is_explained_where_there_is_one():
    def product(x, w):
        return (x @ w).exp().sum()

    x, w = sw.ones(3, 4), sw.ones(4, 5).requires_grad_()
    steps = sw.explain(product, x, w).steps
    assert "-> (tensor<f32>, tensor<3x5xf32>)" in steps["00-program.mlir"]  # with a residual
    back = steps["gradient/00-program.mlir"]
    assert "autodiff.vjp" in back
    names = [name.removeprefix("gradient/") for name in steps if name.startswith("gradient/")]
    assert numbers(names) == sorted(set(numbers(names))) and names[-1] == "92-assembly.s"
    with sw.no_grad():
        assert not any("/" in name for name in sw.explain(product, x, w).steps)


def test_both_ways_are_saved(tmp_path):
    explanation = sw.explain(function, sw.ones(3).requires_grad_())
    explanation.save(tmp_path)
    for name, text in explanation.steps.items():
        assert (tmp_path / name).read_text() == text
