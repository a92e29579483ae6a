# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sphinx; `make docs` copies the generated op reference to docs/reference first."""

project = "Stepwell"
author = "The Stepwell authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "description": "An array compiler used like PyTorch"}
# TableGen, MLIR and console output have no lexer of ours.
suppress_warnings = ["misc.highlighting_failure"]
