# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that see gradients: of tensors, of modules, and what retain_grad keeps."""

import gc
import weakref

import pytest
import stepwell as sw
from stepwell import nn


def leaf(*values):
    return sw.tensor(list(values)).requires_grad_()


def seen_by(tensor):
    seen = []
    handle = tensor.register_hook(lambda gradient: seen.append(gradient.tolist()))
    return seen, handle


# --- Tensors -----------------------------------------------------------------


def test_a_leaf_is_told_the_sum():
    x = leaf(1.0, 2.0)
    seen, handle = seen_by(x)
    (x * 3 + x * x).sum().backward()
    assert seen == [[5.0, 7.0]]
    assert x.grad.tolist() == [5.0, 7.0]
    x.sum().backward()
    assert seen == [[5.0, 7.0], [1.0, 1.0]]  # of this pass, not what is in .grad
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert len(seen) == 2 and x.grad.tolist() == [7.0, 9.0]


def test_a_result_is_told_the_sum_and_what_follows_sees_the_change():
    x = leaf(1.0, 2.0)
    y = x * 2
    seen, _ = seen_by(y)
    y.register_hook(lambda gradient: gradient * 10)
    after, _ = seen_by(y)
    (y * 3 + y * y).sum().backward()
    assert seen == [[7.0, 11.0]] and after == [[70.0, 110.0]]
    assert x.grad.tolist() == [140.0, 220.0]


def test_the_hook_of_a_leaf_changes_its_grad():
    x = leaf(1.0, 2.0)
    with x.register_hook(lambda gradient: -gradient):
        x.sum().backward()
    assert x.grad.tolist() == [-1.0, -1.0]
    x.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_the_root_and_a_view():
    x = leaf(1.0, 2.0, 3.0)
    part = x[1:]
    root = (part * part).sum()
    of_part, _ = seen_by(part)
    of_root, _ = seen_by(root)
    root.backward()
    assert of_root == [1.0] and of_part == [[4.0, 6.0]]
    assert x.grad.tolist() == [0.0, 4.0, 6.0]


def test_only_one_of_several_results():
    x = leaf(3.0, 1.0, 2.0)
    first, second = x.split([1, 2])
    seen, _ = seen_by(first)
    second.sum().backward()
    assert seen == []
    first.sum().backward()
    assert seen == [[1.0]]


def test_a_retained_graph_calls_again():
    x = leaf(1.0)
    y = x * 2
    seen, _ = seen_by(y)
    z = (y * y).sum()
    z.backward(retain_graph=True)
    z.backward(retain_graph=True)
    assert seen == [[4.0], [4.0]]


def test_autograd_grad_sees_what_the_hook_made():
    x, other = leaf(1.0), leaf(2.0)
    y = x * 2
    x.register_hook(lambda gradient: gradient + 1)
    y.register_hook(lambda gradient: gradient * 5)
    other_seen, _ = seen_by(other)
    of_x, of_y = sw.autograd.grad((y * other).sum(), (x, y))
    assert of_y.tolist() == [10.0] and of_x.tolist() == [21.0]
    assert other_seen == [] and x.grad is None  # nobody asked for it


def test_a_hook_is_differentiated():
    x = leaf(2.0)
    x.register_hook(lambda gradient: gradient * gradient)
    (gradient,) = sw.autograd.grad((x**3).sum(), x, create_graph=True)
    assert gradient.item() == 144.0  # (3 x²)²
    (second,) = sw.autograd.grad(gradient.sum(), x)
    # 36 x³, and the hook squares it
    assert second.item() == 288.0**2


def test_hooks_may_change_the_hooks():
    x = leaf(1.0)
    calls = []

    def once(gradient):
        calls.append("once")
        handle.remove()
        x.register_hook(lambda gradient: calls.append("later"))

    handle = x.register_hook(once)
    x.sum().backward()
    assert calls == ["once"]
    x.sum().backward()
    assert calls == ["once", "later"]


def test_wrong_hooks():
    with pytest.raises(
        RuntimeError, match="cannot register a hook on a tensor that doesn't require"
    ):
        sw.ones(2).register_hook(print)
    x = leaf(1.0, 2.0)
    with pytest.raises(TypeError, match="expected a function"):
        x.register_hook(3)
    for made, kind, message in (
        (3, TypeError, "expected Tensor, but hook returned 'int'"),
        (sw.ones(3), RuntimeError, r"hook has changed the size of value: \(2,\) to \(3,\)"),
        (sw.ones(2).double(), RuntimeError, "changed the type of value: float32 to float64"),
    ):
        with x.register_hook(lambda gradient, made=made: made):
            with pytest.raises(kind, match=message):
                x.sum().backward()
    assert x.grad is None

    def stop(gradient):
        raise KeyError("mine")

    y = x * 2
    with y.register_hook(stop), pytest.raises(KeyError, match="mine"):
        y.sum().backward()


def hooked_by_itself():
    x = leaf(1.0)
    x.register_hook(lambda gradient: x.sum())
    y = x * 2
    y.register_hook(lambda gradient: y.sum())
    return weakref.ref(x), weakref.ref(y)


def test_hooks_do_not_keep_tensors_alive():
    gone = hooked_by_itself()
    for _ in range(3):  # what y keeps is seen to be garbage after y
        gc.collect()
    assert [each() for each in gone] == [None, None]


def test_compiled_hooks():
    @sw.compile
    def gradient(x):
        x = x.detach().requires_grad_()
        y = x * 2
        y.register_hook(lambda g: g * 10)
        y.retain_grad()
        (y * y).sum().backward()
        return x.grad + y.grad

    for _ in range(2):
        assert gradient(sw.tensor([1.0, 3.0])).tolist() == [120.0, 360.0]


# --- retain_grad -------------------------------------------------------------


def test_retain_grad():
    x = leaf(1.0, 2.0)
    y = x * 2
    assert not y.retains_grad and not x.retains_grad
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    y.register_hook(lambda gradient: gradient * 10)  # comes before, whenever it was registered
    z = (y * y).sum()
    z.backward(retain_graph=True)
    assert y.grad.tolist() == [40.0, 80.0] and x.grad.tolist() == [80.0, 160.0]
    z.backward()
    assert y.grad.tolist() == [80.0, 160.0]
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(
        RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"
    ):
        sw.ones(2).retain_grad()


def test_what_is_retained_is_not_written_again():
    x = leaf(1.0)
    y = x + 1  # its gradient is that of x
    y.retain_grad()
    y.sum().backward()
    (x * 5).sum().backward()
    assert y.grad.tolist() == [1.0] and x.grad.tolist() == [6.0]


# --- Modules -----------------------------------------------------------------


class Two(nn.Module):
    def forward(self, x, factor, y):
        return x * factor, (x * y).sum()


def test_module_hooks_see_both_sides():
    module, calls = Two(), []
    module.register_full_backward_hook(
        lambda *seen: calls.append(("after", seen[0] is module, seen[1], seen[2]))
    )
    module.register_full_backward_pre_hook(
        lambda *seen: calls.append(("before", seen[0] is module, seen[1]))
    )
    x, y = leaf(1.0, 2.0), sw.tensor([3.0, 4.0])
    first, second = module(x, 5.0, y)
    (first.sum() * 2 + second).backward()
    assert x.grad.tolist() == [13.0, 14.0]
    (before, its_module, grads), (after, same, grad_input, grad_output) = calls
    assert (before, after) == ("before", "after") and its_module and same
    assert [g.tolist() for g in grads] == [[2.0, 2.0], 1.0]
    assert [g.tolist() for g in grad_output] == [[2.0, 2.0], 1.0]
    assert len(grad_input) == 3 and grad_input[1] is None
    assert grad_input[0].tolist() == [13.0, 14.0]


def test_module_hooks_replace():
    layer = nn.Linear(2, 2, bias=False)
    with sw.no_grad():
        layer.weight.copy_(sw.eye(2))
    handles = [
        layer.register_full_backward_pre_hook(lambda m, g: (g[0] * 10,)),
        layer.register_full_backward_hook(lambda m, i, o: i[0] + 1),
        layer.register_full_backward_hook(lambda m, i, o: (i[0] * 2,)),
    ]
    x = leaf(1.0, 2.0)
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == [[10.0, 20.0], [10.0, 20.0]]
    assert x.grad.tolist() == [22.0, 22.0]
    for handle in handles:
        handle.remove()
    x.grad = None
    layer(x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_order_of_module_hooks():
    module, calls = nn.ReLU(), []
    module.register_full_backward_hook(lambda *_: calls.append("second"))
    module.register_full_backward_hook(lambda *_: calls.append("first"), prepend=True)
    module(leaf(1.0)).sum().backward()
    assert calls == ["first", "second"]


def test_a_module_without_inputs_that_require_gradients():
    layer, calls = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, i, o: calls.append((i, o[0].tolist())))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        layer(sw.ones(2)).sum().backward()
    assert calls == [((None,), [1.0])]
    with sw.no_grad():
        assert not layer(sw.ones(2)).requires_grad
    layer.register_full_backward_hook(lambda m, i, o: o)
    with pytest.warns(UserWarning), pytest.raises(RuntimeError, match="should always return None"):
        layer(sw.ones(2)).sum().backward()


def test_wrong_module_hooks():
    layer = nn.Linear(2, 1)
    with layer.register_full_backward_hook(lambda m, i, o: (i[0], i[0])):
        with pytest.raises(
            RuntimeError, match="invalid number of grad_input, got 2, but expected 1"
        ):
            layer(leaf(1.0, 2.0)).sum().backward()
    with layer.register_full_backward_pre_hook(lambda m, g: ()):
        with pytest.raises(
            RuntimeError, match="invalid number of grad_output, got 0, but expected 1"
        ):
            layer(leaf(1.0, 2.0)).sum().backward()


def test_module_hooks_in_a_network():
    sw.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = sw.randn(5, 3)
    net(x).square().sum().backward()
    plain = [p.grad.tolist() for p in net.parameters()]
    norms = {}
    for name, module in net.named_children():
        module.register_full_backward_hook(
            lambda m, i, o, name=name: norms.__setitem__(name, tuple(o[0].shape))
        )
    net.zero_grad()
    with pytest.warns(UserWarning):
        net(x).square().sum().backward()
    assert [p.grad.tolist() for p in net.parameters()] == plain
    assert norms == {"2": (5, 2), "1": (5, 4), "0": (5, 4)}

    step = sw.compile(lambda x: net(x).square().sum())
    assert step(x).item() == pytest.approx(net(x).square().sum().item(), rel=1e-6)


class InPlace(nn.Module):
    def forward(self, x):
        return x.mul_(3)


def test_modules_that_write_into_their_arguments():
    module, seen = InPlace(), []
    module.register_full_backward_hook(lambda m, i, o: seen.append(o[0].tolist()))
    x = leaf(1.0, 2.0)
    y = x * 2
    z = module(y)
    assert y.tolist() == z.tolist() == [6.0, 12.0]
    (z * y).sum().backward()  # what was written is what y is now
    assert x.grad.tolist() == [72.0, 144.0]
    with pytest.raises(RuntimeError, match="view of a leaf Variable that requires grad"):
        module(x)
    assert x.tolist() == [1.0, 2.0]


def test_writes_into_what_a_module_returned():
    layer, seen = nn.Linear(2, 2, bias=False), []
    with sw.no_grad():
        layer.weight.copy_(sw.eye(2))
    layer.register_full_backward_hook(lambda m, i, o: seen.append(o[0].tolist()))
    x = leaf(1.0, 2.0)
    layer(x).mul_(5).sum().backward()
    assert seen == [[5.0, 5.0]] and x.grad.tolist() == [5.0, 5.0]
