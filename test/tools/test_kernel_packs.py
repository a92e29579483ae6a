# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels that were compiled in advance are found, whatever cache there is, and need no compiler."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
TOOL = ROOT / "tools" / "stepwell-kernels" / "make_packs.py"

# The first calls of ordinary use are sums of float32.
USE = """
import json
import stepwell
a = stepwell.ones(5) + 0.5
result = (a + a).tolist()
maps = open("/proc/self/maps").read()
print(json.dumps([result, stepwell.kernel_stats(), "libMLIR" in maps]))
"""


def run(arguments, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(BUILD / "python"), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def level_of_this_machine():
    levels = {"avx512vl": "x86-64-v4", "avx2": "x86-64-v3"}
    flags = Path("/proc/cpuinfo").read_text().split()
    return next((level for flag, level in levels.items() if flag in flags), "x86-64-v2")


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    run([TOOL, folder, "--limit", 2, "--level", level_of_this_machine(), "--level", "x86-64-v2"])
    return folder


def test_the_tool_writes_a_file_for_each_level(packs):
    assert sorted(p.name for p in packs.iterdir()) == sorted(
        {f"{level_of_this_machine()}.pack", "x86-64-v2.pack"}
    )


@pytest.mark.parametrize("chip", ["", "x86-64-v2"])
def test_shipped_kernels_need_no_compiler(packs, tmp_path, chip):
    environment = {
        "STEPWELL_KERNEL_PACKS": str(packs),
        "STEPWELL_CACHE_DIR": str(tmp_path),
        "STEPWELL_CPU": chip,
    }
    result, stats, compiler = json.loads(run(["-c", USE], **environment))
    assert result == [3.0] * 5
    assert stats["compiles"] == 0 and stats["disk_hits"] == 0 and stats["shipped_hits"] > 0
    assert not compiler


def test_a_broken_pack_is_no_pack(packs, tmp_path):
    name = f"{level_of_this_machine()}.pack"
    (tmp_path / name).write_bytes((packs / name).read_bytes()[:-100])
    environment = {
        "STEPWELL_KERNEL_PACKS": str(tmp_path),
        "STEPWELL_CACHE_DIR": str(tmp_path / "cache"),
        "STEPWELL_CPU": "",
    }
    result, stats, _ = json.loads(run(["-c", USE], **environment))
    assert result == [3.0] * 5 and stats["shipped_hits"] == 0 and stats["compiles"] > 0


def test_tile_registers_have_kernels_for_bf16_only(tmp_path):
    """For all else their level shares the keys, and so the pack, of the level without them."""
    asked = """
import json
import stepwell
from stepwell import _core
found = []
for dtype in (stepwell.float32, stepwell.bfloat16):
    a = stepwell.ones(3, 4, dtype=dtype)
    programs = _core._record_programs(lambda: a @ a.T)
    found.append(len({_core._compile_for(programs[-1], l)[0] for l in ("x86-64-v4", "x86-64-v4+amx")}))
print(json.dumps(found))
"""
    assert json.loads(run(["-c", asked], STEPWELL_CACHE_DIR=str(tmp_path))) == [1, 2]
    sys.path.insert(0, str(TOOL.parent))
    from make_packs import wanted_for

    texts = ["tensor<2xf32>", "tensor<2xbf16>"]
    assert wanted_for("x86-64-v4", texts) == texts
    assert wanted_for("x86-64-v4+amx", texts) == texts[1:]


ATTENTION = """
import sys
sys.path.insert(0, TOOLS)
import stepwell
from ordinary_use import attention
from stepwell import _core
shipped = set(_core._record_programs(lambda: [call() for call in attention()]))
def train():
    q, k, v = (
        stepwell.ones(8, 128, 12, 64).transpose(1, 2).detach().requires_grad_() for _ in range(3)
    )
    y = stepwell.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    rows = y.transpose(1, 2).reshape(8, 128, 768)
    stepwell.autograd.grad(rows, (q, k, v), stepwell.ones(8, 128, 768))
# What is known already is not asked for again.
made = [text for text in _core._record_programs(train) if "attention" in text]
print(sum("attention" in text for text in shipped) > 20, made)
"""


def test_attention_is_shipped_for_all_lengths(tmp_path):
    program = ATTENTION.replace("TOOLS", repr(str(TOOL.parent)))
    assert run(["-c", program], STEPWELL_CACHE_DIR=str(tmp_path)) == "True []\n"
