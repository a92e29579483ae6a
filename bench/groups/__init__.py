# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The groups of benchmarks, in the order of the report."""

from case import Group

from . import dispatch, elementwise, matmul, reduce

GROUPS: dict[str, Group] = {
    module.GROUP.name: module.GROUP for module in (dispatch, elementwise, reduce, matmul)
}
