# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the install rules put side by side is enough; test/packaging/wheel.py tries a whole wheel."""

import subprocess

import numpy as np
from shipping import BUILD, model_inputs, model_result


def test_the_installed_tool(workshop):
    prefix = workshop.folder / "prefix"
    for component in ("tools", "python"):
        subprocess.run(
            ["cmake", "--install", BUILD, "--prefix", prefix, "--component", component],
            check=True,
            capture_output=True,
        )
    tool = prefix / "bin" / "stepwell-compile"
    for name, value in model_inputs().items():
        np.save(workshop.folder / f"{name}.npy", value)
    for threading in ("--serial", "--threads"):
        workshop.run(tool, "model.mlir", threading, "-o", "model")
        workshop.run("./model", "x.npy", "layer.weight.npy", "layer.bias.npy")
        result = np.load(workshop.folder / "y.npy")
        np.testing.assert_allclose(result, model_result(model_inputs()), rtol=1e-5)
    (prefix / "stepwell" / "lib" / "libstepwell-runtime.a").unlink()
    done = workshop.run(tool, "model.mlir", "-o", "model", check=False)
    assert workshop.one_line(done, "stepwell-compile") == (
        f"the runtime is not installed beside {prefix}/stepwell/libstepwell-compiler.so"
    )
