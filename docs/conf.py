# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sphinx. `make docs` copies the generated pages of the dialect to docs/reference first."""

import inspect
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import namespaces  # noqa: E402

project = "Stepwell"
author = "The Stepwell authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
html_theme = "furo"
html_title = "Stepwell"
html_static_path = ["_static"]
html_css_files = ["stepwell.css"]
# A word between single backticks is code, in docstrings as in these pages.
default_role = "code"
add_module_names = False
autosummary_generate = False
autodoc_typehints = "none"
# A method that a base class documents is shown there.
autodoc_inherit_docstrings = False
# TableGen, MLIR and console output have no lexer of ours.
suppress_warnings = ["misc.highlighting_failure"]


def write_reference(app):
    """A page for each namespace, whose names are those that the package has."""
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    for namespace, what in namespaces.NAMESPACES.items():
        found = namespaces.entries(namespace)
        lines = [namespace, "=" * len(namespace), "", what + ".", ""]
        values = [e for e in found if not callable(e.value)]
        calls = [e for e in found if callable(e.value)]
        lines += [f".. currentmodule:: {namespace.removesuffix('.Tensor')}", ""]
        prefix = "Tensor." if namespace == "stepwell.Tensor" else ""
        if values and not prefix:
            lines += ["Values: " + ", ".join(f"``{e.name}``" for e in values) + ".", ""]
        lines += [".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {prefix}{e.name}" for e in calls] + [""]
        for name, value in calls:
            kind = "method" if prefix else "function"
            if inspect.isclass(value):
                kind = "exception" if issubclass(value, Exception) else "class"
            lines += [f".. auto{kind}:: {prefix}{name}"]
            if kind == "class" and namespace + "." + name not in namespaces.NAMESPACES:
                lines += ["   :members:"]
            lines += [""]
        page = folder / f"{namespace}.rst"
        text = "\n".join(lines)
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def without_fences(app, what, name, value, options, lines):
    """Examples between fences, as records have them, become examples of reStructuredText."""
    if any(line.startswith("```") for line in lines):
        lines[:] = ["" if line.startswith("```") else line for line in lines]


def setup(app):
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-process-docstring", without_fences)
