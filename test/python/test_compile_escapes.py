# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values of a captured function that are used outside of it, or asked for their value inside."""

import copy
import pickle

import numpy as np
import pytest
import stepwell as sw


def appended():
    kept = []
    sw.compile(lambda x: kept.append(x * 2) or x + 1)(sw.ones(3))
    return kept[0]


def raised():
    class Carrier(Exception):
        pass

    def function(x):
        raise Carrier(x * 2)

    with pytest.raises(Carrier) as caught:
        sw.compile(function)(sw.ones(3))
    return caught.value.args[0]


def view_kept_in_a_module():
    class Keeps(sw.nn.Module):
        def forward(self, x):
            self.last = (x * x)[1:]
            return x

    module = Keeps()
    sw.compile(module)(sw.ones(4, requires_grad=True))
    return module.last


USES = {
    "arithmetic": lambda t: t + 1,
    "operand": lambda t: sw.ones(3) * t,
    "sum": lambda t: t.sum(),
    "matmul": lambda t: t @ t,
    "sort": lambda t: t.sort(),
    "clone": lambda t: t.clone(),
    "copied from": lambda t: sw.zeros(3).copy_(t),
    "copied to": lambda t: t.detach().copy_(sw.zeros(3)),
    "filled": lambda t: t.detach().fill_(0),
    "in place": lambda t: t.detach().add_(1),
    "item": lambda t: t[0].item(),
    "bool": lambda t: bool(t[0]),
    "float": lambda t: float(t[0]),
    "tolist": lambda t: t.tolist(),
    "numpy": lambda t: t.detach().numpy(),
    "array": lambda t: np.asarray(t.detach()),
    "dlpack": lambda t: np.from_dlpack(t.detach()),
    "pickle": lambda t: pickle.dumps(t.detach()),
    "deepcopy": lambda t: copy.deepcopy(t.detach()),
    "data_ptr": lambda t: t.data_ptr(),
    "indices": lambda t: t[[0, 1]],
    "as an index": lambda t: sw.ones(3)[t.long()],
    "mask": lambda t: t[t > 0],
    "nonzero": lambda t: sw.nonzero(t),
    "view": lambda t: t.reshape(-1)[:2] + 1,
    "cat": lambda t: sw.cat([t, t]),
    "backward": lambda t: t.sum().backward(),
    "argument": lambda t: sw.compile(lambda x: x + 1)(t),
    "closed over": lambda t: sw.compile(lambda x: x + t)(sw.ones(3)),
    "softmax": lambda t: t.softmax(0),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("escape", [appended, raised, view_kept_in_a_module])
def test_a_value_that_escapes_is_refused(escape, use):
    sw.ones(3) + 1  # this call has a plan
    escaped = escape()[:3]
    with pytest.raises(RuntimeError, match="captured"):
        USES[use](escaped)
    assert isinstance(repr(escaped), str)
    assert (sw.ones(3) + 1).tolist() == [2.0, 2.0, 2.0]


def test_going_back_from_a_value_that_escapes_is_refused():
    w, kept = sw.ones(3, requires_grad=True), []
    sw.compile(lambda w: kept.append((w + w).sum()))(w)
    with pytest.raises(RuntimeError, match="captured"):
        kept[0].backward()
    with pytest.raises(RuntimeError, match="captured"):
        sw.autograd.grad(kept[0], w)
    assert w.grad is None


ASKS = {
    "0-d mask": lambda x: x[x.sum() > 0],
    "0-d mask of another": lambda x: sw.ones(3)[x.sum() > 0],
    "mask": lambda x: x[x > 0],
    "mask written": lambda x: x.__setitem__(x > 0, 1.0),
    "mask from outside": lambda x: x[OUTSIDE],
    "nonzero": lambda x: sw.nonzero(x),
    "masked_select": lambda x: sw.masked_select(x, x > 0),
    "item": lambda x: x.sum().item(),
    "bool": lambda x: 1 if x.sum() > 0 else 2,
    "int": lambda x: int(x.sum()),
    "float": lambda x: float(x.sum()),
    "tolist": lambda x: x.tolist(),
    "range": lambda x: list(range(x.sum().long())),
    "a size": lambda x: sw.zeros(x.sum().long()),
    "numpy": lambda x: x.numpy(),
    "a slice": lambda x: x[: x.sum().long()],
    "a list of values": lambda x: sw.tensor([x.sum(), 1.0]),
    "max": lambda x: max(x[0], x[1]),
}
OUTSIDE = sw.tensor(True)


@pytest.mark.parametrize("ask", ASKS)
def test_a_value_that_is_asked_for_is_refused_at_its_line(ask):
    line = ASKS[ask].__code__.co_firstlineno
    with pytest.raises(RuntimeError, match=rf"test_compile_escapes\.py:{line}: "):
        sw.compile(ASKS[ask])(sw.ones(3))
    assert (sw.ones(3) + 1).tolist() == [2.0, 2.0, 2.0]


def test_data_is_not_assigned_inside():
    def function(x):
        x.data = x * 2

    x = sw.ones(2)
    with pytest.raises(RuntimeError, match=r"assigning \.data cannot be captured"):
        sw.compile(function)(x)
    assert x.tolist() == [1.0, 1.0]
