# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors whose every operation walks down through MLIR."""

from __future__ import annotations

import os as _os
import sys as _sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

if "t" in getattr(_sys, "abiflags", ""):
    raise ImportError(
        "stepwell does not support free-threaded Python (its tensors are guarded by the global "
        "interpreter lock): use an ordinary build of Python"
    )

from . import _core
from ._core import *  # noqa: F403  (the operations, from the records)
from ._core import Tensor, dtype

# What compiled and library functions are made of is for the package's own modules.
for _name in ("Compiled", "Executable", "Function", "Guards", "HostExpression"):
    del globals()[_name]


def _find_compiler() -> str:
    """libstepwell-compiler.so: beside the package, or in the build folder's lib."""
    here = _os.path.dirname(_os.path.abspath(_core.__file__))
    for folder in (here, _os.path.join(here, "..", "..", "lib")):
        path = _os.path.join(folder, "libstepwell-compiler.so")
        if _os.path.exists(path):
            return _os.path.normpath(path)
    return "libstepwell-compiler.so"


_core._set_compiler(_find_compiler())
_core._set_kernel_packs(_os.path.join(_os.path.dirname(_os.path.abspath(__file__)), "kernels"))

from . import _hooks, _tensor  # noqa: E402, F401  (add the methods that are written in Python)
from . import autograd, func, optim  # noqa: E402
from ._compile import compile, explain  # noqa: E402
from ._function import Number, function  # type: ignore[assignment, unused-ignore]  # noqa: E402
from ._factories import (  # noqa: E402
    arange,
    as_tensor,
    device,
    empty,
    empty_like,
    eye,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from ._random import (  # noqa: E402
    Generator,
    bernoulli,
    default_generator,
    dropout,
    get_rng_state,
    initial_seed,
    manual_seed,
    normal,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    seed,
    set_rng_state,
)
from ._einsum import einsum  # noqa: E402
from ._elementwise import *  # noqa: E402, F403
from ._joining import *  # noqa: E402, F403
from ._products import *  # noqa: E402, F403
from ._sorting import *  # noqa: E402, F403
from ._views import *  # noqa: E402, F403

# These take more than the records say (`alpha`), which are seen only beside a build.
from ._indexing import *  # type: ignore[assignment, unused-ignore]  # noqa: E402, F403
from ._reductions import *  # type: ignore[assignment, unused-ignore]  # noqa: E402, F403
from .autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled  # noqa: E402

bool = _core.bool
uint8 = _core.uint8
int8 = _core.int8
int16 = short = _core.int16
int32 = int = _core.int32
int64 = long = _core.int64
float16 = half = _core.float16
bfloat16 = _core.bfloat16
float32 = float = _core.float32
float64 = double = _core.float64

if _TYPE_CHECKING:
    from . import nn, utils
    from .nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d, max_pool2d
    from ._export import Dim, ExportedProgram, export, load
    from .safetensors import load_file, save_file


def __getattr__(name: str) -> _Any:
    """What is imported only once it is used, so that `import stepwell` is quick."""
    if name in ("nn", "utils"):
        return _import_module(f"stepwell.{name}")
    if name in ("load_file", "save_file"):
        return getattr(_import_module("stepwell.safetensors"), name)
    if name in ("Dim", "ExportedProgram", "export", "load"):
        return getattr(_import_module("stepwell._export"), name)
    if name in ("adaptive_avg_pool2d", "avg_pool2d", "conv2d", "max_pool2d"):
        found = getattr(_import_module("stepwell.nn.functional"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'stepwell' has no attribute '{name}'")


__version__ = "0.1.0"
__all__ = [
    "Dim",
    "ExportedProgram",
    "Generator",
    "Number",
    "Tensor",
    "adaptive_avg_pool2d",
    "arange",
    "as_tensor",
    "autograd",
    "avg_pool2d",
    "bernoulli",
    "compile",
    "conv2d",
    "default_generator",
    "device",
    "dropout",
    "dtype",
    "einsum",
    "empty",
    "empty_like",
    "enable_grad",
    "explain",
    "export",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "func",
    "function",
    "get_rng_state",
    "initial_seed",
    "is_grad_enabled",
    "load",
    "linspace",
    "load_file",
    "manual_seed",
    "max_pool2d",
    "nn",
    "no_grad",
    "normal",
    "ones",
    "ones_like",
    "optim",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "save_file",
    "seed",
    "set_grad_enabled",
    "set_rng_state",
    "tensor",
    "utils",
    "zeros",
    "zeros_like",
]
