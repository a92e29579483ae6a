# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a fuzzer found once is checked again with every run of the tests."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import harness
import run

run.environment()


def test_what_was_kept_stays_right():
    assert harness.failures_of_kept() == {}


def test_a_kept_case_that_fails_is_told(tmp_path):
    (tmp_path / "planted").mkdir()
    for i, case in enumerate([[1, 2], [3, 97], [99], [4]]):
        text = json.dumps({"was": "", "case": case})
        (tmp_path / "planted" / f"{i}.json").write_text(text, encoding="utf-8")
    assert harness.failures_of_kept(tmp_path) == {
        "planted/1.json": "crash: SIGSEGV",
        "planted/2.json": "wrong value: 99",
    }


def test_a_planted_crash_hang_and_wrong_value_are_found_and_made_small():
    # With this seed, one of the cases hangs: each time takes all of its seconds.
    count, findings = harness.run("planted", seed=417, seconds=600, cases=60, case_seconds=3)
    kinds = {finding.kind: finding for finding in findings}
    assert count == 60
    assert set(kinds) == {"crash", "hang", "wrong value", "ZeroDivisionError in planted.py:33"}
    assert kinds["crash"].case == [97]
    assert kinds["hang"].case == [98]
    assert kinds["wrong value"].case == [99]


def test_so_many_cases_are_checked_and_a_slow_machine_fails_nothing(monkeypatch, capsys):
    monkeypatch.setattr(run, "FUZZERS", {"planted": (1, 5)})
    monkeypatch.setattr(sys, "argv", ["run.py", "--fixed", "--seed", "1"])
    assert run.main() == 0
    assert capsys.readouterr().out.endswith("fuzzing: planted: 5 cases, 0 findings\n")
    monkeypatch.setattr(run, "FIXED_SECONDS", 0)
    assert run.main() == 0
    assert "planted: 0 of 5 cases" in capsys.readouterr().out
