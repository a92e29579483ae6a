# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is not arrays: so far, data sets."""

from stepwell.utils import data

__all__ = ["data"]
