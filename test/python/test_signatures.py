# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The parameters of public functions are those that PyTorch documents, but for what is listed here."""

import ast
import inspect
import re

import pytest
import stepwell as sw
from signature_differences import ABSENT, DIFFERENCES, MOST

torch = pytest.importorskip("torch")


def parameters(arguments):
    """(name, default or None, keyword-only) of each parameter of a parsed definition."""

    def text(default):
        return None if default is None else ast.unparse(default)

    positional = arguments.posonlyargs + arguments.args
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    found = [(each.arg, text(d), False) for each, d in zip(positional, defaults, strict=True)]
    if arguments.vararg:
        found.append(("*" + arguments.vararg.arg, None, False))
    only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    # The documentation leaves out some defaults of what is given by name.
    return found + [(each.arg, text(d) or "None", True) for each, d in only]


def of_signature(function):
    text = re.sub(r"<class '[\w.]+'>|<[^>]*>", "None", str(inspect.signature(function)))
    text = re.sub(r"\s*->.*", "", text.replace("/, ", "").replace(", /", ""), flags=re.S)
    try:
        return parameters(ast.parse(f"def f{text}: pass").body[0].args)
    except SyntaxError:  # an annotation that is no text
        made = inspect.signature(function).parameters.values()
        return [
            (
                ("*" if each.kind is each.VAR_POSITIONAL else "") + each.name,
                None if each.default is each.empty else repr(each.default),
                each.kind is each.KEYWORD_ONLY,
            )
            for each in made
        ]


def documented(function):
    """The forms that PyTorch's documentation shows; none where it says nothing."""
    name = re.escape(function.__name__)
    shown = rf"(?:^|function::)\s*{name}\s*\((.*?)\)\s*(?:->|$)"
    forms = []
    for text in re.findall(shown, function.__doc__ or "", re.S | re.M):
        # "*size, *, out=None" and "start=0, end" are no Python.
        text = re.sub(r"(\*\w+), \*,", r"\1,", text.replace("\\*", "*"))
        text = re.sub(r"(start|low)=0, (end|high)", r"\1, \2=None", text)
        try:
            forms.append(parameters(ast.parse(f"def f({text}): pass").body[0].args))
        except SyntaxError:
            continue
    if not forms:
        try:
            forms.append(of_signature(function))
        except ValueError:
            pass
    return forms


def same_default(ours, theirs):
    try:
        return ast.literal_eval(ours) == ast.literal_eval(theirs)
    except (ValueError, SyntaxError):
        return ours == theirs


def difference(function, other):
    """What somebody notices who calls ours as theirs is documented: of several forms, the nearest."""
    ours = of_signature(function)
    return min((from_form(ours, form) for form in documented(other)), key=len)


def from_form(ours, theirs):
    theirs = [each for each in theirs if each[0] not in ABSENT]
    names = [name for name, _, _ in ours]
    notes = []
    for at, (name, default, by_name) in enumerate(theirs):
        if name not in names:
            notes.append(f"lacks {name}")
            continue
        _, own, own_by_name = ours[names.index(name)]
        if own_by_name and not by_name:
            notes.append(f"{name} by name only")
        elif not by_name and names.index(name) != at:
            notes.append(f"{name} at another place")
        # What must be given there may have a default here.
        if default is not None and (own is None or not same_default(own, default)):
            notes.append(f"{name}={own} for {default}")
    known = [name for name, _, _ in theirs]
    return "; ".join([*notes, *(f"adds {name}" for name in names if name not in known)])


def pairs():
    for prefix, ours, theirs in (
        ("", sw, torch),
        ("nn.functional.", sw.nn.functional, torch.nn.functional),
    ):
        for name in sorted(set(getattr(ours, "__all__", [])) | set(dir(ours))):
            function, other = getattr(ours, name), getattr(theirs, name, None)
            if name.startswith("_") or not callable(function) or not callable(other):
                continue
            if inspect.isclass(function) or inspect.isclass(other) or not documented(other):
                continue
            try:
                of_signature(function)
            except ValueError:  # of the runtime, without arguments
                continue
            yield prefix + name, function, other


PAIRS = {name: (function, other) for name, function, other in pairs()}


def test_there_is_something_to_compare():
    assert len(PAIRS) > 140


@pytest.mark.parametrize("name", PAIRS)
def test_parameters(name):
    assert difference(*PAIRS[name]) == DIFFERENCES.get(name, "")


def test_the_list_only_shrinks():
    """Whoever takes a line away lowers the number; nobody raises it."""
    assert set(DIFFERENCES) <= set(PAIRS)
    assert len(DIFFERENCES) == MOST
