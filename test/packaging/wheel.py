# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`pip install .` in a fresh environment, then the package and the tools used from there.

Run by `make test-packaging`; apart from the other tests because it builds everything again
(quickly where ccache is there).
"""

import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

USE = """
import stepwell
assert stepwell.__file__.startswith({prefix!r}), stepwell.__file__
a = stepwell.tensor([1.0, 2.0])
assert (a + a).tolist() == [2.0, 4.0]
from stepwell.mlir import ir
with ir.Context():
    ir.Module.parse("module {{}}")
print("stepwell and stepwell.mlir work")
import ast, pathlib
stub = pathlib.Path(stepwell.__file__).with_name("_ops.pyi")
assert "exp" in [getattr(node, "name", None) for node in ast.parse(stub.read_text()).body]
w = stepwell.tensor([[1.0], [2.0]])
stepwell.export(lambda x: x @ w, (stepwell.ones(3, 2),)).save("model.stepwell")
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python = environment / "bin" / "python"
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROOT],
            check=True,
        )
        # Away from the source tree: what is imported must be what was installed.
        use = USE.format(prefix=str(environment))
        subprocess.run([python, "-c", use], cwd=folder, check=True)
        opt = environment / "bin" / "stepwell-opt"
        text = subprocess.run(
            [opt, "-"], input="module {}", capture_output=True, text=True, check=True
        )
        assert "module" in text.stdout, text.stdout
        print("stepwell-opt works")
        compiler = environment / "bin" / "stepwell-compile"
        subprocess.run([compiler, "model.stepwell", "-o", "model"], cwd=folder, check=True)
        (Path(folder) / "x.bin").write_bytes(struct.pack("<6f", 1, 2, 3, 4, 5, 6))
        subprocess.run(["./model", "x.bin"], cwd=folder, check=True)
        result = (Path(folder) / "out0.npy").read_bytes()
        assert struct.unpack("<3f", result[-12:]) == (5, 11, 17), result
        print("stepwell-compile works")


if __name__ == "__main__":
    main()
