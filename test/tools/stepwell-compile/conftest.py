# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of stepwell-compile share."""

import shutil

import pytest
from shipping import MODEL, Workshop


@pytest.fixture
def workshop(tmp_path):
    shop = Workshop(tmp_path)
    shop.write("model.mlir", MODEL)
    yield shop
    shutil.rmtree(tmp_path, ignore_errors=True)
