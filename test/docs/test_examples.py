# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The examples of docstrings, and the Python of the README and of docs, are run."""

import doctest
import importlib
import inspect
import re
import sys
from pathlib import Path

import pytest
import stepwell
from stepwell import nn
from stepwell.nn import functional

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))
import namespaces

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def documented():
    """Every public object that has examples, once."""
    seen = set()
    for namespace in namespaces.NAMESPACES:
        for name, value in namespaces.entries(namespace):
            text = getattr(value, "__doc__", None)
            members = [(f"{namespace}.{name}", text)]
            if inspect.isclass(value) and value is not stepwell.Tensor:
                members += [
                    (f"{namespace}.{name}.{each}", getattr(getattr(value, each), "__doc__", None))
                    for each in dir(value)
                    if each[0] != "_"
                ]
            for title, each in members:
                if each and ">>>" in each and each not in seen:
                    seen.add(each)
                    yield pytest.param(namespace, each, id=title)


@pytest.mark.parametrize("namespace, docstring", list(documented()))
def test_docstring(namespace, docstring, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {name: getattr(stepwell, name) for name in dir(stepwell) if name[0] != "_"}
    names |= {name: getattr(functional, name) for name in functional.__all__}
    names |= {"stepwell": stepwell, "nn": nn, "F": functional}
    if namespace != "stepwell.Tensor":
        names |= dict(namespaces.entries(namespace))
    text = namespaces.examples(docstring)
    test = doctest.DocTestParser().get_doctest(text, names, request.node.callspec.id, None, 0)
    assert test.examples
    said = []
    stepwell.manual_seed(0)
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert not failed, "".join(said)


# What a page's Python takes for granted.
BEFORE = {
    "docs/functions.md": "x, y, step = stepwell.rand(3, 4), stepwell.rand(3, 4), 0.5",
    "docs/compile.md": (
        "images, labels = stepwell.rand(8, 4), stepwell.randint(0, 3, (8,))\n"
        "model = stepwell.nn.Linear(4, 3)\n"
        "def train_step(images, labels):\n"
        "    return stepwell.nn.functional.cross_entropy(model(images), labels)\n"
    ),
    "docs/shipping.md": "images, model = stepwell.rand(8, 4), stepwell.nn.Linear(4, 3)",
}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def python_of(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize(
    "page", [p for p in PAGES if python_of(p)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # A function is traced by its source, which a file has.
    source = ["import stepwell", BEFORE.get(str(page.relative_to(ROOT)), ""), *python_of(page)]
    (tmp_path / "page.py").write_text("\n".join(source), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("page", None)
    try:
        importlib.import_module("page")
    finally:
        sys.modules.pop("page", None)


def test_public_classes_are_meant():
    found = {name for name, value in namespaces.entries("stepwell") if inspect.isclass(value)}
    assert found <= set(stepwell.__all__)


# Listed before pages add methods of their own to Tensor.
NAMED = {namespace: namespaces.entries(namespace) for namespace in namespaces.NAMESPACES}


@pytest.mark.parametrize("namespace", NAMED)
def test_everything_is_described(namespace):
    def text(name, value):
        # The binding's own first line is a signature.
        return re.sub(rf"\A{name}\(.*\n?", "", value.__doc__ or "").strip()

    calls = [entry for entry in NAMED[namespace] if callable(entry.value)]
    assert not [entry.name for entry in calls if not text(*entry)]


def test_a_wrong_example_is_seen():
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(optionflags=FLAGS).run(test, out=lambda _: None).failed == 1
