# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The package of the build folder, with a kernel cache that outlives one run of the suite."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
PACKAGE = str(BUILD / "python")
if (BUILD / "python" / "stepwell").is_dir():
    sys.path.insert(0, PACKAGE)
os.environ.setdefault("STEPWELL_CACHE_DIR", str(BUILD / "test-cache"))
# Tests say which objects were made in advance: none.
os.environ["STEPWELL_KERNEL_PACKS"] = ""
# Where the sources of the bindings cannot be had, all the rest is built (docs/build.md).
if not (BUILD / "python" / "stepwell" / "mlir").is_dir():
    collect_ignore = ["test_mlir_bindings.py"]
