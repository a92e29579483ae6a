# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A fuzzer of something that is wrong on purpose: lists of numbers, some of which are fatal."""

import os
import signal
import time


def generate(random):
    return [random.randrange(100) for _ in range(random.randrange(1, 5))]


def group(case):
    return ""


def smaller(case):
    for i in range(len(case)):
        if len(case) > 1:
            yield case[:i] + case[i + 1 :]


def check(case):
    for number in case:
        if number == 97:
            os.kill(os.getpid(), signal.SIGSEGV)
        if number == 98:
            time.sleep(3600)
        if number == 99:
            return "wrong value: 99"
        if number == 96:
            1 // 0
    return None
