# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The groups of benchmarks, in the order of the report."""

from case import Group

from . import cold, compiled, conv, dispatch, elementwise, matmul, memory, model, reduce

GROUPS: dict[str, Group] = {
    group.name: group
    for group in (
        dispatch.GROUP,
        elementwise.GROUP,
        reduce.GROUP,
        matmul.GROUP,
        matmul.NARROW,
        conv.GROUP,
        conv.POOLING,
        model.GROUP,
        compiled.BANDWIDTH,
        compiled.PRODUCTS,
        cold.GROUP,
        memory.GROUP,
    )
}
