# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Module: members, walks, state, conversions, hooks, text, copies, and its compiled calls."""

import copy
import pickle

import numpy as np
import pytest
import stepwell as sw
from stepwell import nn


class Affine(nn.Module):
    def __init__(self, sizes=(3, 2)):
        super().__init__()
        count = sizes[0] * sizes[1]
        self.weight = nn.Parameter(sw.tensor([i * 0.5 for i in range(count)]).reshape(*sizes))
        self.register_parameter("bias", None)
        self.register_buffer("calls", sw.zeros((), dtype=sw.int64))
        self.register_buffer("scratch", sw.ones(1), persistent=False)

    def forward(self, x):
        return x @ self.weight

    def extra_repr(self):
        return "by hand"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Affine()
        self.act = nn.ReLU()
        self.last = Affine((2, 4))

    def forward(self, x):
        return self.last(self.act(self.first(x)))


# --- Members -----------------------------------------------------------------


def test_attributes_become_members():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["first.weight", "last.weight"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "act", "last"]
    assert [n for n, _ in net.named_children()] == ["first", "act", "last"]
    assert len(list(net.buffers())) == 4 and len(list(net.buffers(recurse=False))) == 0
    assert net.first.bias is None and "bias" in net.first._parameters
    assert net.get_parameter("last.weight") is net.last.weight
    assert net.get_submodule("act") is net.act and net.get_submodule("") is net
    assert net.get_buffer("first.calls") is net.first.calls
    assert "first" in dir(net) and "weight" in dir(net.first)
    del net.act
    assert not hasattr(net, "act")
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'act'"):
        net.act


def test_members_change_kind():
    net = Net()
    net.act = nn.Parameter(sw.ones(2))
    assert "act" in dict(net.named_parameters()) and "act" not in dict(net.named_children())
    net.act = None
    assert net.act is None and "act" not in dict(net.named_parameters())
    net.plain = 3
    net.plain = nn.Tanh()
    assert "plain" not in vars(net) and dict(net.named_children())["plain"] is net.plain
    net.mean = nn.Buffer(sw.zeros(2))
    net.first.scratch = sw.zeros(3)  # stays a buffer, and out of the state
    assert "mean" in net.state_dict() and "first.scratch" not in net.state_dict()
    assert net.get_buffer("first.scratch").shape == (3,)
    net.once = nn.Buffer(sw.zeros(2), persistent=False)
    assert "once" in dict(net.named_buffers()) and "once" not in net.state_dict()


def test_shared_members_come_once():
    net = Net()
    net.again = net.first
    net.last.weight = net.first.weight
    assert [n for n, _ in net.named_parameters()] == ["first.weight"]
    assert [n for n, _ in net.named_parameters(remove_duplicate=False)] == [
        "first.weight",
        "last.weight",
        "again.weight",
    ]
    assert len(list(net.children())) == 3
    assert {"first.weight", "last.weight", "again.weight"} <= set(net.state_dict())


def test_what_is_no_member():
    net = Net()
    with pytest.raises(TypeError, match="cannot assign 'Tensor' as parameter 'weight'"):
        net.first.weight = sw.ones(3, 2)
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'act'"):
        net.act = 3
    with pytest.raises(TypeError, match="cannot assign 'int' as buffer 'calls'"):
        net.first.calls = 3
    with pytest.raises(KeyError, match="parameter name can.*t contain"):
        net.register_parameter("a.b", nn.Parameter(sw.ones(1)))
    with pytest.raises(KeyError, match="buffer name can.*t be empty string"):
        net.register_buffer("", sw.ones(1))
    with pytest.raises(KeyError, match="attribute 'forward' already exists"):
        net.add_module("forward", nn.ReLU())
    with pytest.raises(TypeError, match="Tensor is not a Module subclass"):
        net.add_module("x", sw.ones(1))
    with pytest.raises(TypeError, match="required"):
        net.register_buffer("x", 3)
    with pytest.raises(AttributeError, match="Net has no attribute `middle`"):
        net.get_submodule("middle.weight")
    with pytest.raises(AttributeError, match="before Module.__init__"):
        type("Early", (nn.Module,), {"__init__": lambda s: setattr(s, "p", nn.ReLU())})()
    with pytest.raises(AttributeError, match="no attribute 'forward'"):
        nn.Module()(3)


def test_parameter():
    data = sw.tensor([1.0, 2.0])
    p = nn.Parameter(data)
    assert isinstance(p, sw.Tensor) and p.requires_grad and p.is_leaf
    assert p.data_ptr() == data.data_ptr() and not data.requires_grad
    assert repr(p) == "Parameter containing:\ntensor([1., 2.], requires_grad=True)"
    assert type(p + 1) is sw.Tensor
    with sw.no_grad():
        assert p.add_(1.0) is p and data.tolist() == [2.0, 3.0]
    assert not nn.Parameter(sw.tensor([1]), requires_grad=False).requires_grad
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(sw.tensor([1]))
    with pytest.raises(TypeError, match="expected a Tensor, got list"):
        nn.Parameter([1.0])
    for made in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(made) is nn.Parameter and made.tolist() == p.tolist() and made.requires_grad


# --- The whole tree ----------------------------------------------------------


def test_train_eval_apply():
    net = Net()
    assert net.eval() is net and not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())
    with pytest.raises(ValueError, match="boolean"):
        net.train(1)
    order = []
    net.apply(lambda m: order.append(type(m).__name__))
    assert order == ["Affine", "ReLU", "Affine", "Net"]


def test_gradients_of_parameters():
    net = Net()
    net(sw.ones(1, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert [p.grad.sum().item() for p in net.parameters()] == [0.0, 0.0]
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(sw.ones(1, 3)).requires_grad


def test_dtypes():
    net = Net()
    weight = net.first.weight
    net(sw.ones(1, 3)).sum().backward()
    assert net.to(sw.float64) is net
    assert net.first.weight is weight and weight.dtype is sw.float64 and weight.is_leaf
    assert weight.grad.dtype is sw.float64 and net.first.scratch.dtype is sw.float64
    assert net.first.calls.dtype is sw.int64  # only floating point
    net(sw.ones(1, 3, dtype=sw.float64)).sum().backward()
    for name in ("float", "half", "bfloat16"):
        assert getattr(net, name)().first.weight.dtype is getattr(sw, name)
    assert net.double().to(sw.ones(1)).first.weight.dtype is sw.float32
    assert net.to("cpu").first.weight.dtype is sw.float32
    with pytest.raises(TypeError, match="only accepts floating point"):
        net.to(sw.int32)


# --- State -------------------------------------------------------------------


def test_state_round_trip():
    net, other = Net(), Net()
    with sw.no_grad():
        net.first.weight.mul_(3.0)
        net.first.calls.add_(7)
    state = net.state_dict()
    assert list(state) == ["first.weight", "first.calls", "last.weight", "last.calls"]
    assert state["first.weight"].data_ptr() == net.first.weight.data_ptr()
    assert not state["first.weight"].requires_grad
    assert net.state_dict(keep_vars=True)["first.weight"] is net.first.weight
    kept = other.first.weight
    result = other.load_state_dict(state)
    assert str(result) == "<All keys matched successfully>" and other.first.weight is kept
    for name, tensor in other.state_dict().items():
        assert tensor.tolist() == state[name].tolist()
        assert tensor.data_ptr() != state[name].data_ptr()


def test_loading_what_does_not_fit():
    state = Net().state_dict()
    state["extra"] = sw.ones(1)
    del state["first.weight"]
    state["last.weight"] = sw.ones(4, 2)
    net = Net()
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    assert str(error.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tUnexpected key(s) in state_dict: "extra". \n'
        '\tMissing key(s) in state_dict: "first.weight". \n'
        "\tsize mismatch for last.weight: copying a param with shape (4, 2) from checkpoint, "
        "the shape in current model is (2, 4)."
    )
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict(state, strict=False)
    del state["last.weight"]
    keys = net.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["first.weight", "last.weight"]
    assert keys.unexpected_keys == ["extra"]
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        net.load_state_dict([1])
    with pytest.raises(RuntimeError, match="Tensor-like object from checkpoint but received"):
        net.load_state_dict({**Net().state_dict(), "last.weight": [1.0]})


def test_assigning_state():
    net = Net()
    state = {name: tensor.to(sw.float64) for name, tensor in net.state_dict().items()}
    net.load_state_dict(state, assign=True)
    assert type(net.first.weight) is nn.Parameter and net.first.weight.requires_grad
    assert net.first.weight.data_ptr() == state["first.weight"].data_ptr()


# --- Hooks -------------------------------------------------------------------


def test_order_of_hooks():
    log = []

    def note(name):
        return lambda *given: log.append((name, len(given)))

    act = nn.ReLU()
    first = act.register_forward_pre_hook(note("pre"))
    act.register_forward_pre_hook(note("earlier"), prepend=True)
    act.register_forward_hook(note("post"))
    act.register_forward_hook(note("post with names"), with_kwargs=True)
    assert act(sw.tensor([-1.0])).tolist() == [0.0]
    assert log == [("earlier", 2), ("pre", 2), ("post", 3), ("post with names", 4)]
    first.remove()
    first.remove()
    log.clear()
    act(sw.tensor([-1.0]))
    assert ("pre", 2) not in log and len(log) == 3


def test_hooks_replace():
    act = nn.ReLU()
    with act.register_forward_pre_hook(lambda m, args: args[0] * -1.0):
        assert act(sw.tensor([-2.0])).tolist() == [2.0]
    with act.register_forward_hook(lambda m, args, out: out + 10.0):
        assert act(sw.tensor([-2.0])).tolist() == [10.0]
    rename = act.register_forward_pre_hook(
        lambda m, args, kwargs: ((), {"input": kwargs["x"]}), with_kwargs=True
    )
    assert act(x=sw.tensor([3.0])).tolist() == [3.0]
    rename.remove()
    act.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        act(sw.ones(1))


def test_hook_after_an_error():
    log = []
    act = nn.ReLU()
    act.register_forward_hook(lambda m, args, out: log.append(out), always_call=True)
    act.register_forward_hook(lambda m, args, out: log.append("not called"))
    with pytest.raises(TypeError):
        act(3)
    assert log == [None]
    log.clear()
    with pytest.raises(ZeroDivisionError):
        act.register_forward_hook(lambda m, args, out: 1 // 0, prepend=True)
        act(sw.ones(1))
    assert log == [None]
    log.clear()
    act = nn.ReLU()
    act.register_forward_hook(lambda m, args, out: log.append("once"), always_call=True)
    act.register_forward_hook(lambda m, args, out: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        act(sw.ones(1))
    assert log == ["once"]


# --- Text and copies ---------------------------------------------------------


def test_repr():
    assert repr(Net()) == (
        "Net(\n  (first): Affine(by hand)\n  (act): ReLU()\n  (last): Affine(by hand)\n)"
    )
    assert repr(nn.ReLU(inplace=True)) == "ReLU(inplace=True)"
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
    net = nn.Sequential(nn.Sequential(nn.Tanh()))
    net.extra_repr = lambda: "two\nlines"
    assert repr(net) == ("Sequential(\n  two\n  lines\n  (0): Sequential(\n    (0): Tanh()\n  )\n)")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(copied):
    net = Net().eval()
    net.last.weight = nn.Parameter(net.first.weight.detach().T.contiguous())
    net.shared = net.first
    x = sw.tensor([[1.0, -2.0, 3.0]])
    made = copied(net)
    assert made.shared is made.first and not made.act.training
    assert np.array_equal(made.first(x).detach().numpy(), net.first(x).detach().numpy())
    with sw.no_grad():
        made.first.weight.zero_()
    assert net.first.weight.sum().item() != 0
    assert "first.scratch" not in made.state_dict()
    made.act.register_forward_hook(lambda m, args, out: None)
    assert not net.act._forward_hooks


# --- Compiled ----------------------------------------------------------------


def test_training_step_compiled_as_eager():
    def train(compiled):
        net = nn.Sequential(Affine(), nn.Tanh(), Affine((2, 4)))
        optimizer = sw.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

        def step(x, y):
            optimizer.zero_grad()
            error = net(x) - y
            loss = (error * error).sum()
            loss.backward()
            optimizer.step()
            return loss

        step = sw.compile(step) if compiled else step
        random = np.random.default_rng(0)
        losses = []
        for _ in range(4):
            x, y = (sw.from_numpy(random.random((5, n)).astype(np.float32)) for n in (3, 4))
            losses.append(step(x, y).item())
        return losses, net.state_dict()

    (expected, state), (losses, compiled) = train(False), train(True)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for name in state:
        np.testing.assert_allclose(compiled[name].numpy(), state[name].numpy(), rtol=1e-4)


def test_compiled_module_notices_changes(capfd, monkeypatch):
    class Mode(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(sw.tensor([2.0]))

        def forward(self, x):
            return x * self.scale if self.training else x + self.scale

    monkeypatch.setenv("STEPWELL_LOG", "recompiles")
    net = Mode()
    compiled = sw.compile(net)
    assert [p.tolist() for p in compiled.parameters()] == [[2.0]]
    x = sw.tensor([5.0])
    assert compiled(x).tolist() == [10.0]
    assert compiled.eval()(x).tolist() == [7.0] and compiled(x).tolist() == [7.0]
    net.train()
    assert compiled(x).tolist() == [10.0]
    net.scale = nn.Parameter(sw.tensor([3.0]))
    assert compiled(x).tolist() == [15.0]
    net.double()
    assert compiled(x).dtype is sw.float64
    net.register_forward_hook(lambda m, args, out: out + 1.0)
    assert compiled(x).tolist() == [16.0]
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 4 and all(": recompiling Mode: " in line for line in lines)


def test_compiled_function_notices_modules_without_tensors():
    class Double(nn.Module):
        def forward(self, x):
            return x * 2.0 if self.training else x

    net = nn.Sequential(Affine(), Double())
    x = sw.ones(1, 3)
    compiled = sw.compile(lambda x: net(x))
    trained = compiled(x).tolist()
    net.eval()
    assert compiled(x).tolist() == [[v / 2 for v in trained[0]]]
    net[1].register_forward_hook(lambda m, args, out: out * 4.0)
    assert compiled(x).tolist() == [[v * 2 for v in trained[0]]]
