# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The levels of x86-64 that this machine runs give the same bits.

Run as a program it writes what every elementwise record gives on the level that STEPWELL_CPU names.
"""

import os
import subprocess
import sys
from pathlib import Path

import elementwise_table as table
import numpy as np
import stepwell as sw


def results():
    """mnemonic -> bits of its float32 result; conversions to the small floats and back."""
    found = {}
    for mnemonic, record in table.RECORDS.items():
        if mnemonic == "cast" or "float32" not in {d.name for d in record["dtypes"]}:
            continue
        rng = np.random.default_rng(1)
        ordinary = (rng.normal(size=800) * 30).astype(np.float32)
        any_bits = rng.integers(0, 2**32, 1000, np.uint32).view(np.float32)
        x = np.concatenate([table.values("float32", rng, 200), ordinary, any_bits])
        arrays = [rng.permutation(x) for _ in record["operands"]]
        if mnemonic == "where":
            arrays[0] = arrays[0] > 0
        result = table.function(mnemonic)(*(sw.from_numpy(a) for a in arrays))
        found[mnemonic] = result.numpy()
    for small in ("float16", "bfloat16"):
        for wide in (sw.float32, sw.float64):
            rounded = sw.from_numpy(x).to(wide).to(getattr(sw, small)).to(wide)
            found[f"{small} {wide.name}"] = rounded.numpy()
    return found


def run(level, *command):
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "STEPWELL_CPU": level, "PYTHONPATH": str(Path(sw.__file__).parents[1])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def runnable():
    done = run("none", "-c", "import stepwell; stepwell.ones(1)")
    assert "RuntimeError: STEPWELL_CPU=none: this machine runs " in done.stderr
    return done.stderr.strip().rsplit("this machine runs ", 1)[1].split(", ")


def test_lower_levels_give_the_same_bits(tmp_path):
    levels = runnable()
    assert set(levels) <= {
        "x86-64-v4+amx", "x86-64-v4", "x86-64-v3", "x86-64-v2", "x86-64", "generic"
    }  # fmt: skip
    expected = results()
    for level in levels:
        done = run(level, __file__, str(tmp_path / "found.npz"))
        assert done.returncode == 0, done.stderr
        with np.load(tmp_path / "found.npz") as found:
            assert set(found) == set(expected)
            for name, bits in expected.items():
                np.testing.assert_array_equal(found[name], bits, err_msg=f"{name} on {level}")
                zeros = bits == 0
                assert (np.signbit(found[name]) == np.signbit(bits))[zeros].all()


def test_the_level_is_in_the_key(tmp_path, monkeypatch):
    monkeypatch.setenv("STEPWELL_CACHE_DIR", str(tmp_path))
    program = "import stepwell as s; s.ones(3).exp(); print(s.kernel_stats()['compiles'])"
    # A level with tile registers has kernels of its own for bf16 only.
    for level in (level for level in runnable() if not level.endswith("+amx")):
        first, second = (int(run(level, "-c", program).stdout) for _ in range(2))
        assert first > 0 and second == 0, level


if __name__ == "__main__":
    np.savez(sys.argv[1], **results())
