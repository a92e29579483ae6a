# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tape follows, what it refuses, and what it frees."""

import asyncio
import subprocess
import sys
import threading

import pytest
import stepwell
from stepwell import autograd, no_grad, ones, tensor, zeros


def leaf(*values):
    return tensor(list(values), requires_grad=True)


# --- Views of expanded tensors ---------------------------------------------------------------------

VIEWS = {
    "slice": lambda e: e[1:3],
    "steps": lambda e: e[::2],
    "slices": lambda e: e[1:, :, ::2],
    "select": lambda e: e[2],
    "select last": lambda e: e[..., 1],
    "diagonal": lambda e: e.diagonal(),
    "diagonal of others": lambda e: e.diagonal(1, 2, 0),
    "reshape": lambda e: e.reshape(-1),
    "view": lambda e: e.view(4, 3, 2, 1)[1:, :, 0],
    "flip": lambda e: e.flip(0)[1:],
    "transpose": lambda e: e.transpose(0, 2)[1, :, :2],
    "expand again": lambda e: e.unsqueeze(0).expand(2, 4, 3, 2)[1, 1:],
    "nothing": lambda e: e[3:1],
    "narrow": lambda e: e.narrow(0, 1, 2).select(1, 2).narrow(0, 0, 1),
    "split": lambda e: e.split(2)[1],
    "mask": lambda e: e[e > 1.5],
    "index": lambda e: e[tensor([0, 3, 3])],
}
BASES = {
    "front": (lambda x: x.expand(4, 3, 2), (3, 2)),
    "middle": (lambda x: x.expand(4, 3, 2), (4, 1, 2)),
    "all": (lambda x: x.expand(4, 3, 2), ()),
    "transposed": (lambda x: x.t().expand(4, 3, 2), (2, 3)),
    "of a slice": (lambda x: x[1:].expand(4, 3, 2), (2, 2)),
}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("view", VIEWS)
def test_views_of_expanded_tensors_have_the_gradient_of_views_of_a_copy(view, base):
    expand, shape = BASES[base]
    count = len(zeros(*shape).reshape(-1)) if shape else 1
    start = stepwell.arange(1.0, count + 1.0).reshape(shape) / 2
    gradients = []
    for stretch in (expand, lambda x: expand(x).clone()):
        x = start.clone().requires_grad_()
        seen = VIEWS[view](stretch(x))
        weights = stepwell.arange(1.0, seen.numel() + 1).reshape(seen.shape)
        (first,) = autograd.grad((seen * seen * seen * weights).sum(), x, create_graph=True)
        (second,) = autograd.grad((first * start).sum(), x)
        gradients.append((first.detach().tolist(), second.tolist()))
    assert gradients[0] == gradients[1]


@pytest.mark.parametrize("view", [name for name in VIEWS if name != "mask"])
def test_the_adjoint_of_the_adjoint_of_views_is_the_views(view):
    places = stepwell.arange(72.0).reshape(3, 4, 3, 2)
    x = places.clone().requires_grad_()
    made = VIEWS[view](x[1:][1])[..., :1]
    given = ones(*made.shape).requires_grad_()
    (first,) = autograd.grad(made, x, given, create_graph=True)
    (again,) = autograd.grad(first, given, places)
    assert again.tolist() == made.tolist()


def test_a_view_of_an_expanded_view_follows_writes_into_its_base():
    x = leaf(1.0, 2.0, 3.0)
    h = x * 1
    e = h.expand(2, 3)
    late = e[1:, 1:]
    h.mul_(2)
    e[1].mul_(3)
    assert late.tolist() == [[12.0, 18.0]]
    (late * late).sum().backward()
    assert x.grad.tolist() == [0.0, 144.0, 216.0]


READ_STALE = {
    "clone": lambda v: v.clone(),
    "double": lambda v: v.double(),
    "cat": lambda v: stepwell.cat([v.reshape(1), v.reshape(1)]).sum() / 2,
    "joined": lambda v: stepwell.stack([v]).sum(),
    "max": lambda v: v.max(0)[0],
    "copied": lambda v: zeros(()).copy_(v),
    "added": lambda v: v + 0,
    "shown": lambda v: v.reshape(1).sum(),
}


@pytest.mark.parametrize("read", READ_STALE)
@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
def test_a_view_is_read_after_a_write_that_the_tape_follows(read, together):
    """The view's place on the tape is found when it is read."""
    x = tensor(2.0, requires_grad=True)
    view = tensor([1.0]).reshape(())
    view.mul_(x)
    made = READ_STALE[read](view)
    roots = [made, view] if together else [made]
    (found,) = autograd.grad(roots, [x], [ones(()).to(each.dtype) for each in roots])
    assert found.item() == len(roots)


def test_hooks_see_a_view_after_a_write_that_the_tape_follows():
    x = tensor([2.0], requires_grad=True)
    layer = stepwell.nn.Flatten(0)
    layer.register_full_backward_hook(lambda module, wanted, given: None)
    view = tensor([1.0, 1.0])[:1]
    view.mul_(x)
    assert autograd.grad(layer(view).sum(), x)[0].tolist() == [1.0]


def test_what_is_written_nowhere_is_followed_like_a_write():
    index, source = zeros(0, 1).long(), ones(2, 2, requires_grad=True)
    made = zeros(2, 2).scatter(1, index, source)
    assert made.requires_grad
    made.sum().backward()
    assert source.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


WRITES_BY_RESULT = ["exp_", "expm1_", "tanh_", "sigmoid_", "sqrt_"]


@pytest.mark.parametrize("name", WRITES_BY_RESULT)
def test_the_second_derivative_of_a_write_into_a_view(name):
    """Its first one reads what was written, so that the way back comes to the write twice."""
    found = []
    for is_view in (True, False):
        x = leaf(0.25, 0.5)
        y = x * 1
        part = y[:1] if is_view else y[:1].clone()
        getattr(part, name)()
        whole = y if is_view else stepwell.cat([part, y[1:]])
        (first,) = autograd.grad((whole * whole).sum(), x, create_graph=True)
        (second,) = autograd.grad((first * first).sum(), x)
        found.append(second.tolist())
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_a_followed_write_into_a_view_of_overlapping_memory_is_refused():
    base = ones(1).expand(4).detach()
    base[1:2].mul_(2)
    with pytest.raises(RuntimeError, match="single memory location"):
        base[1:2].mul_(leaf(3.0))


@pytest.mark.parametrize("shapes", [((10,), (10, 10)), ((3, 1), (1, 4)), ((), (2, 2)), ((2, 2), ()),
                                    ((0,), (3, 0)), ((1, 3), (2, 1))])  # fmt: skip
def test_masked_select_broadcasts_and_sums_the_gradient(shapes):
    of_input, of_mask = shapes
    x = (stepwell.arange(float(zeros(*of_input).numel())) + 1).reshape(of_input).requires_grad_()
    mask = (stepwell.arange(zeros(*of_mask).numel()) % 3 != 1).reshape(of_mask)
    picked = x.masked_select(mask)
    wide = (zeros(*of_input) + zeros(*of_mask)).shape
    assert picked.numel() == int(mask.expand(wide).sum())
    (picked * picked).sum().backward()
    y = x.detach().clone().requires_grad_()
    (stepwell.where(mask, y, 0.0).expand(wide) ** 2).sum().backward()
    assert x.grad.tolist() == y.grad.tolist()


# --- Views that the tape cannot follow ---------------------------------------------------------------


def _without_grad(y):
    with no_grad():
        return y[:2]


REFUSED = {
    "no_grad": (_without_grad, "created in no_grad mode and is being modified"),
    "view of no_grad": (lambda y: _without_grad(y)[:1], "a view of a view which was created in no_grad"),
    "split": (lambda y: y.split(2)[0], "multiple views"),
    "chunk": (lambda y: y.chunk(2)[1], "multiple views"),
    "unbind": (lambda y: y.unbind()[0], "multiple views"),
    "iteration": (lambda y: next(iter(y)), "multiple views"),
    "view of split": (lambda y: y.split(2)[0][:1], "multiple views"),
}  # fmt: skip
WRITES = {
    "mul_": lambda v, w: v.mul_(w),
    "+=": lambda v, w: v.__iadd__(w),
    "copy_": lambda v, w: v.copy_(w.expand(v.shape)),
    "fill": lambda v, w: v.fill_(2),
    "index": lambda v, w: v.__setitem__(..., w),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("made", REFUSED)
def test_a_followed_write_into_such_a_view_is_refused(made, write):
    make, message = REFUSED[made]
    view = make(leaf(1.0, 2.0, 3.0, 4.0) * 1)
    with pytest.raises(RuntimeError, match=message):
        WRITES[write](view, tensor(2.0))
    # So is one that only the written value makes the tape follow.
    if write != "fill":
        owner = ones(4)
        view = make(owner)
        with pytest.raises(RuntimeError, match="created in no_grad|multiple views"):
            WRITES[write](view, tensor(2.0, requires_grad=True))
    # One that nothing follows is not.
    owner = ones(4)
    view = make(owner)
    WRITES[write](view, tensor(2.0))


@pytest.mark.parametrize("made", REFUSED)
def test_such_a_view_is_not_read_after_a_write_into_its_base(made):
    y = leaf(1.0, 2.0, 3.0, 4.0) * 1
    view = REFUSED[made][0](y)
    y.mul_(2)
    with pytest.raises(RuntimeError, match="its base or another view of its base has been"):
        view * 2
    assert "Invalid" in repr(view)


def test_a_view_made_without_grad_of_a_leaf_requires_one_and_has_no_history():
    x = leaf(1.0, 2.0)
    with no_grad():
        view = x[:1]
    assert view.requires_grad and view.is_leaf


def test_an_intermediate_result_that_happens_to_be_a_view_can_be_written():
    with no_grad():
        y = ones(3, 2).t().reshape(6)
        z = ones(3) @ ones(3, 2)
    for made in (y, z):
        made.mul_(tensor(2.0, requires_grad=True))
        assert made.requires_grad


# --- What is overwritten ------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [
    lambda y: y.fill_(3), lambda y: y.zero_(), lambda y: y.copy_(tensor([5.0, 6.0])),
    lambda y: y.copy_(tensor(5.0)), lambda y: y.__setitem__(..., 1.0),
    lambda y: y.__setitem__(slice(None), tensor([1.0, 2.0])), lambda y: y.sign_(), lambda y: y.floor_(),
    lambda y: y[:].fill_(2), lambda y: y.view(2, 1).zero_(),
])  # fmt: skip
def test_what_is_overwritten_has_gradient_zero(write):
    x = leaf(1.5, 2.5)
    y = x * 1
    write(y)
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_floor_divide_requires_a_gradient_that_there_is_not():
    x = leaf(3.0, 4.0)
    for y in (x.floor_divide(2), x // 2, (x * 1).floor_divide_(2)):
        assert y.requires_grad
        with pytest.raises(
            RuntimeError, match="derivative for aten::floor_divide is not implemented"
        ):
            y.sum().backward()
    assert not (x > 1).requires_grad and not x.argmax().requires_grad


# --- What is kept and what is freed --------------------------------------------------------------------

FREE = {
    "add": lambda x: x + x, "sub": lambda x: x - 2, "neg": lambda x: -x, "sum": lambda x: x.sum(),
    "view": lambda x: x[1:].view(-1), "clone": lambda x: x.clone(), "mean": lambda x: x.mean(),
    "cat": lambda x: stepwell.cat([x, x]), "cumsum": lambda x: x.cumsum(0), "floor": lambda x: x.floor(),
    "double": lambda x: x.double(), "expand": lambda x: x.expand(2, 3), "flip": lambda x: x.flip(0),
}  # fmt: skip
KEEPING = {
    "mul": lambda x: x * x, "scaled": lambda x: x * 2, "div": lambda x: x / 2, "exp": lambda x: x.exp(),
    "pow": lambda x: x**2, "relu": lambda x: x.relu(), "index": lambda x: x[tensor([0, 1])],
    "max": lambda x: x.max(), "matmul": lambda x: x @ x,
}  # fmt: skip


@pytest.mark.parametrize("name", FREE)
def test_what_keeps_nothing_runs_backward_twice(name):
    x = leaf(1.0, 2.0, 3.0)
    y = FREE[name](x).sum()
    y.backward()
    once = x.grad.clone()
    y.backward()
    assert x.grad.tolist() == (2 * once).tolist()


@pytest.mark.parametrize("name", KEEPING)
def test_what_was_kept_is_freed(name):
    y = KEEPING[name](leaf(1.0, 2.0, 3.0)).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


MAY_WRITE_RESULT = {
    "div": lambda x: 3 / x, "mul": lambda x: x * x, "log": lambda x: x.log(), "sin": lambda x: x.sin(),
    "abs": lambda x: x.abs(), "clamp": lambda x: x.clamp(0, 1), "pow": lambda x: x**3,
    "silu": stepwell.nn.functional.silu, "var": lambda x: x.var(), "maximum": lambda x: x.maximum(-x),
    "sum": lambda x: x.sum(), "matmul": lambda x: x @ x,
}  # fmt: skip
MAY_WRITE_INPUT = {
    "exp": lambda x: x.exp(), "tanh": lambda x: x.tanh(), "sigmoid": lambda x: x.sigmoid(),
    "sqrt": lambda x: x.sqrt(), "rsqrt": lambda x: x.rsqrt(), "reciprocal": lambda x: x.reciprocal(),
    "relu": lambda x: x.relu(), "softmax": lambda x: x.softmax(0), "log_softmax": lambda x: x.log_softmax(0),
    "tan": lambda x: x.tan(), "expm1": lambda x: x.expm1(), "add": lambda x: x + 1, "sum": lambda x: x.sum(),
    "mean": lambda x: x.mean(), "where": lambda x: stepwell.where(tensor([True, False]), x, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", MAY_WRITE_RESULT)
def test_a_result_that_no_derivative_reads_may_be_written(name):
    x, z = leaf(0.5, 0.75), leaf(0.5, 0.75)
    y = MAY_WRITE_RESULT[name](x)
    y.add_(1)
    y.sum().backward()
    MAY_WRITE_RESULT[name](z).sum().backward()
    assert x.grad.tolist() == z.grad.tolist()


@pytest.mark.parametrize("name", MAY_WRITE_INPUT)
def test_an_input_that_no_derivative_reads_may_be_written(name):
    x, z = leaf(0.5, 0.75), leaf(0.5, 0.75)
    h = x * 1
    y = MAY_WRITE_INPUT[name](h)
    h.add_(1)
    y.sum().backward()
    MAY_WRITE_INPUT[name](z).sum().backward()
    assert x.grad.tolist() == z.grad.tolist()


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "sqrt", "relu", "softmax"])
def test_a_result_that_the_derivative_reads_may_not_be_written(name):
    y = MAY_WRITE_INPUT[name](leaf(0.5, 0.75))
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_gradient_with_respect_to_a_result_leaves_the_graph_below_it():
    x = leaf(1.0, 2.0)
    y = x.exp()
    z = y * y
    (of_y,) = autograd.grad(z.sum(), y)
    assert of_y.tolist() == (2 * y.detach()).tolist()
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    with pytest.raises(RuntimeError, match="second time"):
        z.sum().backward()


def test_only_what_leads_to_the_inputs_is_read():
    a, b = leaf(2.0), leaf(3.0)
    u, v = a * 1, b * 1
    y = u * v
    u.add_(1)  # the gradient of b reads it, that of a does not
    (of_a,) = autograd.grad(y.sum(), a)
    assert of_a.tolist() == [3.0]


def test_backward_for_inputs():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * w
    y.sum().backward(inputs=[x, y], retain_graph=True)
    assert x.grad.tolist() == [3.0, 4.0] and y.grad.tolist() == [1.0, 1.0] and w.grad is None
    kept = x.grad
    y.sum().backward(inputs=x)
    assert kept.tolist() == [6.0, 8.0]
    with pytest.raises(RuntimeError, match="cannot be empty"):
        x.sum().backward(inputs=[])
    with pytest.raises(RuntimeError, match="cannot be empty"):
        autograd.grad(x.sum(), [])


def test_unused_inputs():
    x, w = leaf(1.0), leaf(1.0)
    with pytest.raises(RuntimeError, match="not have been used"):
        autograd.grad(x.sum(), w)
    assert autograd.grad(x.sum(), w, allow_unused=True) == (None,)
    assert autograd.grad(x.sum(), w, materialize_grads=True)[0].tolist() == [0.0]
    with pytest.raises(ValueError, match="allow_unused"):
        autograd.grad(x.sum(), w, allow_unused=False, materialize_grads=True)


def test_an_empty_vector_that_cat_drops_has_an_empty_gradient():
    x, nothing = ones(2, 2).requires_grad_(), zeros(0).requires_grad_()
    stepwell.cat([x, nothing], 1).sum().backward()
    assert nothing.grad.shape == (0,)


# --- Long chains -----------------------------------------------------------------------------------------

CHAINS = {
    "grad": """
kept = zeros(1)
for _ in range(300_000):
    x = zeros(1); x.grad = kept; kept = x
""",
    "nodes": """
kept = zeros(1, requires_grad=True)
for _ in range(300_000):
    kept = kept + 1
""",
    "gradients that leaves keep": """
kept = zeros(1, requires_grad=True)
for _ in range(300_000):
    x = zeros(1, requires_grad=True); x.grad = kept + 1; kept = x
""",
    "hooks": """
kept = zeros(1, requires_grad=True)
for _ in range(300_000):
    x = zeros(1, requires_grad=True); x.register_hook(lambda g, kept=kept: None); kept = x
""",
    "hooks of results": """
kept = zeros(1, requires_grad=True)
for _ in range(300_000):
    x = zeros(1, requires_grad=True) * 1; x.register_hook(lambda g, kept=kept: None); kept = x
""",
    "attributes": """
kept = zeros(1)
for _ in range(300_000):
    x = zeros(1); x.next = kept; kept = x
""",
    "detach while captured": """
def f(x):
    for _ in range(300_000):
        x = x.detach()
    return None
try:
    compile(f)(zeros(1))
except RuntimeError:
    pass
kept = None
""",
    "views while captured": """
def f(x):
    for _ in range(300_000):
        x = x.t()
    return None
try:
    compile(f)(zeros(2, 2))
except RuntimeError:
    pass
kept = None
""",
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_long_chain_is_freed_without_recursion(name):
    text = "from stepwell import compile, zeros\n" + CHAINS[name] + "del kept\nprint('done')\n"
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr


# --- Grad modes --------------------------------------------------------------------------------------------

enabled = stepwell.is_grad_enabled


def test_a_decorated_generator_computes_in_its_mode_and_its_caller_in_another():
    @no_grad()
    def numbers():
        try:
            got = yield enabled()
            got = yield (got, enabled())
        except KeyError:
            yield ("error", enabled())
        finally:
            seen.append(enabled())
        return "end"

    seen = []
    running = numbers()
    assert next(running) is False and enabled()
    assert running.send(5) == (5, False) and enabled()
    assert running.throw(KeyError()) == ("error", False) and enabled()
    with pytest.raises(StopIteration) as stop:
        next(running)
    assert stop.value.value == "end" and seen == [False] and enabled()
    running = numbers()
    next(running)
    running.close()
    assert seen == [False, False] and enabled()


def test_a_decorated_coroutine_computes_in_its_mode_and_others_in_theirs():
    @no_grad()
    async def inside():
        seen = [enabled()]
        await asyncio.sleep(0)
        return [*seen, enabled()]

    @no_grad()
    async def several():
        for _ in range(2):
            await asyncio.sleep(0)
            yield enabled()

    async def outside():
        seen = []
        for _ in range(3):
            seen.append(enabled())
            await asyncio.sleep(0)
        return seen

    async def main():
        made = await asyncio.gather(inside(), outside())
        return [*made, [each async for each in several()], enabled()]

    assert asyncio.run(main()) == [[False, False], [True] * 3, [False, False], True]


def test_one_decorated_function_serves_threads_and_recursion():
    entered, leave = threading.Barrier(2), threading.Barrier(2)
    after = []

    @no_grad()
    def inside(wait):
        if wait:
            entered.wait(10)
            leave.wait(10)

    def other():
        autograd.set_grad_enabled(True)
        entered.wait(10)
        inside(False)
        leave.wait(10)
        after.append(enabled())

    thread = threading.Thread(target=other)
    thread.start()
    inside(True)
    thread.join()
    assert enabled() and after == [True]

    @no_grad()
    def countdown(n):
        with stepwell.enable_grad():
            assert enabled()
            if n:
                countdown(n - 1)
            assert enabled()
        assert not enabled()

    countdown(3)
    assert enabled()


def test_one_mode_object_may_be_entered_by_several_threads_and_again():
    mode = no_grad()
    with mode, mode:
        assert not enabled()
        seen = []

        def other():
            with mode:
                seen.append(enabled())
            seen.append(enabled())

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert seen == [False, True]
    assert enabled()


def test_set_grad_enabled_as_a_call_a_with_and_a_decorator():
    with autograd.set_grad_enabled(False):
        assert not enabled()
    assert enabled()
    stepwell.set_grad_enabled(False)
    assert not enabled()
    stepwell.set_grad_enabled(True)

    @stepwell.set_grad_enabled(False)
    def inside():
        return enabled()

    assert enabled() and inside() is False and enabled()


class Model:
    @no_grad
    def plain(self):
        return enabled()

    @no_grad()
    def called(self, n):
        """Says something."""
        return (n, enabled())

    @staticmethod
    @no_grad()
    def still():
        return enabled()


def test_methods_may_be_decorated():
    assert Model().plain() is False
    assert Model().called(3) == (3, False) and Model.called(Model(), 4) == (4, False)
    assert Model.still() is False and Model.called.__doc__ == "Says something."
    with pytest.warns(FutureWarning, match="Decorating classes"):
        no_grad()(Model)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("join", ["cat", "stack"])
def test_what_is_joined_is_no_view_and_may_be_written(join, shape):
    for dim in range(len(shape)):
        x = stepwell.ones(shape, requires_grad=True)
        joined = getattr(stepwell, join)([x, x], dim)
        joined[:1] = 2
        joined.sum().backward()
        rows = stepwell.ones(joined.shape)
        rows[:1] = 0
        y = stepwell.ones(shape, requires_grad=True)
        (getattr(stepwell, join)([y, y], dim) * rows).sum().backward()
        assert x.grad.tolist() == y.grad.tolist()
