# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a fuzzer found once is checked again with every run of the tests."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import harness
import run

run.environment()


@pytest.fixture(scope="module")
def workers():
    """One worker for each fuzzer: a case that kills it fails alone."""
    started = {}
    yield lambda name: started.setdefault(name, harness.Worker(name, 120.0))
    for worker in started.values():
        worker.kill()


@pytest.mark.parametrize("name, path", [pytest.param(*k, id=k[1].stem) for k in harness.kept()])
def test_kept(workers, name, path):
    assert workers(name).check(json.loads(path.read_text(encoding="utf-8"))["case"]) is None


def test_a_planted_crash_hang_and_wrong_value_are_found_and_made_small():
    count, findings = harness.run("planted", seed=1, seconds=60, cases=300, case_seconds=0.5)
    kinds = {finding.kind: finding for finding in findings}
    assert count == 300
    assert set(kinds) == {"crash", "hang", "wrong value", "ZeroDivisionError in planted.py:33"}
    assert kinds["crash"].case == [97]
    assert kinds["hang"].case == [98]
    assert kinds["wrong value"].case == [99]
