# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lit's configuration; loaded through the build folder's test/lit.site.cfg.py."""

import os

import lit.formats

config.name = "stepwell"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["CMakeLists.txt", "Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.stepwell_build, "test")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.stepwell_build, "bin"), config.llvm_tools, os.environ.get("PATH", "")]
)
