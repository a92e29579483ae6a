# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sequential, ModuleList, ModuleDict, ParameterList."""

import pytest
import stepwell as sw
from stepwell import nn


class Plus(nn.Module):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def forward(self, x):
        return x + self.number

    def extra_repr(self):
        return str(self.number)


def numbers(modules):
    return [m.number for m in modules]


def test_sequential():
    net = nn.Sequential(Plus(1), Plus(10), Plus(100))
    assert net(sw.zeros(1)).tolist() == [111.0]
    assert numbers(net[:2]) == [1, 10] and isinstance(net[:2], nn.Sequential)
    assert net[-1] is net[2] and len(net) == 3
    net[1] = Plus(20)
    del net[0]
    assert numbers(net) == [20, 100] and list(net._modules) == ["0", "1"]
    net.insert(0, Plus(3))
    assert numbers(net.append(Plus(4))) == [3, 20, 100, 4]
    assert net.pop(1).number == 20 and numbers(net) == [3, 100, 4]
    assert numbers(net + nn.Sequential(Plus(5))) == [3, 100, 4, 5]
    assert nn.Sequential()(3) == 3
    with pytest.raises(IndexError, match="index 3 is out of range"):
        net[3]
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        nn.Sequential(3)


def test_sequential_by_name():
    net = nn.Sequential({"one": Plus(1), "two": Plus(2), "three": Plus(3)})
    assert net.two.number == 2 and list(net[1:]._modules) == ["two", "three"]
    assert repr(net[:1]) == "Sequential(\n  (one): Plus(1)\n)"
    net[0] = Plus(7)
    assert net.one.number == 7


def test_module_list():
    rows = nn.ModuleList([Plus(1), Plus(1), Plus(2)])
    assert repr(rows) == "ModuleList(\n  (0-1): 2 x Plus(1)\n  (2): Plus(2)\n)"
    rows += [Plus(3)]
    rows.insert(-1, Plus(9))
    assert numbers(rows) == [1, 1, 2, 9, 3]
    del rows[1:3]
    assert numbers(rows) == [1, 9, 3] and list(rows._modules) == ["0", "1", "2"]
    assert rows[0] in rows and Plus(1) not in rows
    assert numbers(rows[::-1]) == [3, 9, 1]
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_module_dict():
    named = nn.ModuleDict({"a": Plus(1)})
    named["b"] = Plus(2)
    named.update([("c", Plus(3))])
    assert list(named) == ["a", "b", "c"] and "b" in named and len(named) == 3
    assert numbers(named.values()) == [1, 2, 3] and list(named.keys()) == list(dict(named.items()))
    assert named.pop("a").number == 1 and "a" not in named
    del named["b"]
    named["c"] = Plus(4)
    assert named["c"].number == 4
    named.clear()
    assert len(named) == 0
    with pytest.raises(KeyError, match="attribute 'keys' already exists"):
        named["keys"] = Plus(1)


def test_parameter_list():
    weights = nn.ParameterList([sw.ones(2, 3), nn.Parameter(sw.zeros(1))])
    weights.append(sw.ones(4))
    assert [n for n, _ in weights.named_parameters()] == ["0", "1", "2"]
    assert all(type(p) is nn.Parameter for p in weights) and weights[-1].shape == (4,)
    weights[0] = sw.zeros(5)
    assert [p.shape for p in weights[:2]] == [(5,), (1,)]
    assert repr(weights[:1]) == (
        "ParameterList(\n  (0): Parameter containing: [stepwell.float32 of size 5]\n)"
    )
    assert set(weights.state_dict()) == {"0", "1", "2"}
    with pytest.raises(TypeError, match="iterable, but got Tensor"):
        weights.extend(sw.ones(2))
