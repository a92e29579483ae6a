# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls that are refused, with PyTorch's class of exception; those of one rule beside each other."""

import math

import pytest
import stepwell
import stepwell.nn.functional as F
from stepwell import ones, tensor, zeros

INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
FLOATS = ("float64", "float32", "float16", "bfloat16")


def of(kind, *values):
    return tensor(list(values), dtype=getattr(stepwell, kind))


def refuses(error, call):
    """The very class: a subclass is another finding of the fuzzer."""
    with pytest.raises(error) as caught:
        call()
    assert caught.type is error
    return str(caught.value)


@pytest.mark.parametrize("name", ["maximum", "minimum", "atan2"])
@pytest.mark.parametrize("number", [3, 2.5, True])
def test_these_take_tensors_only(name, number):
    x = ones(2)
    for call in (
        lambda: getattr(stepwell, name)(x, number),
        lambda: getattr(x, name)(number),
        lambda: getattr(stepwell, name)(number, x),
    ):
        refuses(TypeError, call)


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic_takes_tensors_only(name):
    refuses(TypeError, lambda: getattr(stepwell, name)(ones(2), 1))
    refuses(TypeError, lambda: getattr(ones(2), name)(True))


@pytest.mark.parametrize(
    ("name", "result"),
    [("add", 5), ("sub", 1), ("mul", 6), ("div", 1.5), ("floor_divide", 1), ("remainder", 1),
     ("pow", 9), ("bitwise_and", 2), ("bitwise_left_shift", 12)],
)  # fmt: skip
def test_a_number_may_be_the_first_operand(name, result):
    assert getattr(stepwell, name)(3, tensor([2])).tolist() == [result]


@pytest.mark.parametrize("name", ["eq", "lt", "ge", "clamp_min", "relu", "sum"])
def test_a_number_is_no_first_operand_of_others(name):
    args = (2,) if name in ("relu", "sum") else (2, ones(2))
    refuses(TypeError, lambda: getattr(stepwell, name)(*args))


@pytest.mark.parametrize("kind", [*INTEGERS, "bool"])
@pytest.mark.parametrize("name", ["mean", "std", "var", "norm"])
def test_what_no_integer_expresses(kind, name):
    x = of(kind, 1, 0, 1)
    refuses(RuntimeError, lambda: getattr(stepwell, name)(x))
    refuses(RuntimeError, lambda: getattr(x, name)())


def test_a_mean_says_its_type():
    assert of("int64", 1, 2).mean(dtype=stepwell.float64).item() == 1.5
    refuses(RuntimeError, lambda: ones(2).mean(dtype=stepwell.int32))


@pytest.mark.parametrize(
    "call",
    [
        lambda b: stepwell.sub(b, b), lambda b: 1 - b, lambda b: -b, lambda b: b.relu(),
    ],
)  # fmt: skip
def test_bool_has_no_sign(call):
    assert "ool" in refuses(RuntimeError, lambda: call(tensor([True])))


@pytest.mark.parametrize(
    "call",
    [
        lambda b: b // b, lambda b: b % b, lambda b: b**b, lambda b: b.abs(), lambda b: b.floor(),
        lambda b: b.round(), lambda b: b << b, lambda b: b @ b, lambda b: b.dot(b),
        lambda b: b.softmax(0),
    ],
)  # fmt: skip
def test_bool_that_there_is_no_kernel_for(call):
    refuses(NotImplementedError, lambda: call(tensor([True])))


@pytest.mark.parametrize("kind", FLOATS)
def test_floats_have_no_bits(kind):
    x = of(kind, 1.0)
    for call in (lambda: x & x, lambda: x | 1, lambda: x ^ x, lambda: x << 1, lambda: x >> x):
        refuses(NotImplementedError, call)
    refuses(NotImplementedError, x.bitwise_not)
    refuses(TypeError, lambda: ~x)


@pytest.mark.parametrize("kind", ["int16", "int8", "uint8", "float32", "bool"])
def test_an_index_is_an_int32_or_int64(kind):
    x, at = zeros(3), of(kind, 0)
    for call in (
        lambda: x.gather(0, at),
        lambda: x.index_select(0, at),
        lambda: x.index_add(0, at, ones(1)),
        lambda: x.index_copy(0, at, ones(1)),
        lambda: x.scatter_add(0, at, ones(1)),
        lambda: x.scatter(0, at, ones(1)),
        lambda: x.scatter(0, at, 1),
        lambda: stepwell.take_along_dim(x, at, 0),
        lambda: F.embedding(at, ones(3, 2)),
    ):
        refuses(RuntimeError, call)
    refuses(IndexError, lambda: x.index_fill(0, at, 1.0))


def test_a_condition_is_bool_or_uint8():
    refuses(RuntimeError, lambda: stepwell.where(ones(2), 1.0, ones(2)))
    chosen = stepwell.where(of("uint8", 2, 0), 1.0, zeros(2))
    assert chosen.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize(
    ("divide", "of_seven_by_two"),
    [
        (lambda a, b: a // b, 3), (lambda a, b: a % b, 1),
        (stepwell.floor_divide, 3), (stepwell.remainder, 1),
    ],
)  # fmt: skip
def test_integers_are_not_divided_by_zero(kind, divide, of_seven_by_two):
    many = stepwell.arange(1, 100)._cast(getattr(stepwell, kind))
    zero = of(kind, *[1] * 70, 0, *[1] * 28)
    compiled = stepwell.compile(divide)
    for a, b in [
        (of(kind, 5), 0),
        (of(kind, 5), of(kind, 0)),
        (5, of(kind, 1, 0)),
        (many, zero),
        (many.reshape(9, 11).t(), zero.reshape(9, 11).t()),
        (many, zero[70]),
    ]:
        assert "ZeroDivisionError" in refuses(RuntimeError, lambda a=a, b=b: divide(a, b))
        if isinstance(a, stepwell.Tensor):
            assert "ZeroDivisionError" in refuses(RuntimeError, lambda a=a, b=b: compiled(a, b))
    # The next call is a call like any other.
    assert divide(of(kind, 7), of(kind, 2)).item() == of_seven_by_two
    assert compiled(of(kind, 7), of(kind, 2)).item() == of_seven_by_two
    nothing = zeros(0, dtype=getattr(stepwell, kind))
    assert divide(nothing, 0).shape == (0,)
    assert divide(nothing, of(kind, 0)).shape == (0,)


def test_a_write_does_not_divide_by_zero():
    x = of("int32", 4, 5)
    refuses(RuntimeError, lambda: x.floor_divide_(0))
    refuses(RuntimeError, lambda: x.remainder_(of("int32", 1, 0)))


@pytest.mark.parametrize("kind", ["int64", "int32", "int16", "int8"])
def test_the_least_integer_by_minus_one(kind):
    info = {"int64": 63, "int32": 31, "int16": 15, "int8": 7}[kind]
    least = of(kind, *[-(2**info)] * 40)
    assert (least // of(kind, *[-1] * 40)).tolist() == [-(2**info)] * 40
    assert (least % of(kind, *[-1] * 40)).tolist() == [0] * 40
    assert (least // -1).tolist() == [-(2**info)] * 40


def test_floats_are_divided_by_zero():
    assert (tensor([5.0, -5.0]) // 0).tolist() == [math.inf, -math.inf]
    assert math.isnan((tensor([5.0]) % 0).item())


def test_integers_have_no_negative_powers():
    refuses(RuntimeError, lambda: tensor([2]) ** -1)
    refuses(RuntimeError, lambda: tensor([2]).pow(-2))
    refuses(RuntimeError, lambda: stepwell.compile(lambda x: x**-3)(tensor([2])))
    assert (tensor([2, 1]) ** tensor([-1, -1])).tolist() == [0, 1]
    assert (tensor([2]) ** -1.0).item() == 0.5
    assert (tensor([2.0]) ** -1).item() == 0.5
    assert (2 ** tensor([-1])).item() == 0
    assert (tensor([2]) ** 3).item() == 8


@pytest.mark.parametrize(("kind", "low", "high"), [("uint8", -3, 300), ("int8", -200, 3)])
def test_a_bound_is_held_by_the_type(kind, low, high):
    x = of(kind, 1, 100)
    for call in (lambda: x.clamp(low, high), lambda: stepwell.clamp(x, low, high)):
        assert "without overflow" in refuses(RuntimeError, call)
    assert x.clamp(2, 50).tolist() == [2, 50]
    assert x.clamp(-300.0, 2.5).dtype is stepwell.float32


def test_stable_is_told_by_name():
    x = tensor([[2, 1], [3, 0]])
    refuses(TypeError, lambda: stepwell.sort(x, 0, True, True))
    refuses(TypeError, lambda: x.sort(0, dim=0))
    refuses(TypeError, lambda: x.sort(down=True))
    refuses(TypeError, lambda: x.sort(stable=1))
    assert x.sort(stable=True, dim=0, descending=True).values.tolist() == [[3, 1], [2, 0]]
    assert x.sort(0, True, stable=True).values.tolist() == [[3, 1], [2, 0]]
    assert x.argsort(0, descending=True).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (TypeError, lambda x: x.argmax(dim=(0,))),
        (RuntimeError, lambda x: zeros(0).amax()),
        (IndexError, lambda x: zeros(0, 2).argmin()),
        (TypeError, lambda x: x.max(dim=(0,))),
        (IndexError, lambda x: tensor(1.0).max(7)),
        (IndexError, lambda x: zeros(0, 2).argmin(0)),
        (IndexError, lambda x: x.sum((0, 0, 5))),
        (RuntimeError, lambda x: x.sum((0, 0))),
        (IndexError, lambda x: zeros(0).kthvalue(1)),
        (RuntimeError, lambda x: x.kthvalue(9)),
        (TypeError, lambda x: x.equal(3)),
        (TypeError, lambda x: x.isclose(3.0)),
        (RuntimeError, lambda x: x.isclose(x, rtol=-1.0)),
        (RuntimeError, lambda x: x.allclose(x, atol=-1.0)),
        (TypeError, lambda x: x.type_as(3)),
        (TypeError, lambda x: x.masked_fill(1.5, 0.0)),
        (RuntimeError, lambda x: x.masked_fill(x > 0, ones(1))),
        (RuntimeError, lambda x: x.masked_fill(x, 0.0)),
        (TypeError, lambda x: x.mm(3)),
        (TypeError, lambda x: stepwell.addmm(x, x, 3)),
        (RuntimeError, lambda x: stepwell.addmm(x.double(), x, x)),
        (RuntimeError, lambda x: stepwell.addmm(ones(5), x, x)),
        (RuntimeError, lambda x: stepwell.addmm(ones(3, 2, 2), x, x)),
        (RuntimeError, lambda x: x.norm("x")),
        (RuntimeError, lambda x: stepwell.roll(x, [])),
        (RuntimeError, lambda x: stepwell.roll(x, (1, 2))),
        (RuntimeError, lambda x: x.flip(0, 0)),
        (RuntimeError, lambda x: stepwell.eye(-1)),
        (RuntimeError, lambda x: stepwell.eye(2, -1)),
        (NotImplementedError, lambda x: stepwell.arange(3, dtype=stepwell.bool)),
        (NotImplementedError, lambda x: stepwell.linspace(0, 1, 3, dtype=stepwell.bool)),
        (RuntimeError, lambda x: stepwell.arange(0, math.nan)),
        (RuntimeError, lambda x: stepwell.arange(0, math.inf)),
        (RuntimeError, lambda x: stepwell.linspace(0, math.inf, 3, dtype=stepwell.int64)),
    ],
)  # fmt: skip
def test_arguments(error, call):
    refuses(error, lambda: call(tensor([[1.0, 2.0], [3.0, 4.0]])))


X = ones(3, 4)
CLASSES = zeros(3, dtype=stepwell.int64)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (RuntimeError, lambda f: f(X, zeros(3))),
        (RuntimeError, lambda f: f(X, zeros(3, dtype=stepwell.int8))),
        (RuntimeError, lambda f: f(X, zeros(3, dtype=stepwell.bool))),
        (ValueError, lambda f: f(X, CLASSES[:2])),
        (RuntimeError, lambda f: f(X, CLASSES.reshape(3, 1))),
        (RuntimeError, lambda f: f(X, CLASSES, ones(4, dtype=stepwell.float64))),
        (RuntimeError, lambda f: f(X, CLASSES, ones(3))),
        (IndexError, lambda f: f(X, CLASSES + 9)),
        (RuntimeError, lambda f: f(ones(2, 3, 4), zeros(2, 5, dtype=stepwell.int64))),
        (ValueError, lambda f: f(X, CLASSES, reduction="x")),
        (NotImplementedError, lambda f: f(X.long(), CLASSES)),
        (TypeError, lambda f: f(X, 3)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
def test_losses_of_classes(loss, error, call):
    refuses(error, lambda: call(loss))


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ValueError, lambda: F.nll_loss(tensor(1.0), tensor(0))),
        (RuntimeError, lambda: F.cross_entropy(tensor(1.0), tensor(0))),
        (RuntimeError, lambda: F.cross_entropy(X, X.long())),
        (RuntimeError, lambda: F.cross_entropy(X, X, ignore_index=1)),
        (RuntimeError, lambda: F.cross_entropy(X, CLASSES, label_smoothing=2.0)),
        (NotImplementedError, lambda: F.mse_loss(X.long(), X.long())),
        (RuntimeError, lambda: F.l1_loss(X.long(), X.long())),
        (RuntimeError, lambda: F.batch_norm(X, zeros(4), None)),
        (RuntimeError, lambda: F.batch_norm(X, None, None)),
        (ValueError, lambda: F.batch_norm(X, zeros(4), None, training=True)),
        (RuntimeError, lambda: F.batch_norm(ones(4), zeros(4), ones(4))),
        (RuntimeError, lambda: F.batch_norm(tensor(1.0), zeros(1), ones(1))),
        (NotImplementedError, lambda: F.batch_norm(X.long(), zeros(4), ones(4))),
        (RuntimeError, lambda: F.linear(X, tensor(1.0))),
        (RuntimeError, lambda: F.linear(tensor(1.0), ones(2, 1))),
        (AssertionError, lambda: F.embedding(tensor(1), ones(3, 2), padding_idx=9)),
        (NotImplementedError, lambda: F.logsigmoid(X.long())),
        (ValueError, lambda: F.dropout(X.long(), -0.1)),
    ],
)  # fmt: skip
def test_layers(error, call):
    refuses(error, call)


@pytest.mark.parametrize("name", ["permute", "expand", "reshape", "view", "repeat"])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_sizes_are_given(name, shape):
    refuses(TypeError, getattr(ones(*shape), name))
    assert getattr(tensor(1.0), name)(()).shape == ()


def test_squeeze_takes_several_dimensions():
    x = ones(2, 1, 3, 1)
    assert x.squeeze((1, -1)).shape == (2, 3)
    assert stepwell.squeeze(x, [0, 1]).shape == (2, 3, 1)
    assert x.squeeze(()).shape == x.shape
    refuses(RuntimeError, lambda: x.squeeze((1, -3)))
    refuses(IndexError, lambda: x.squeeze((1, 7)))


@pytest.mark.parametrize(
    ("error", "index", "source"),
    [
        (IndexError, [0], ones(2, 3)),
        (IndexError, [0, 1], ones(1, 3)),
        (IndexError, [0, 1], ones(2)),
        (IndexError, [0, 1], tensor(1.0)),
        (IndexError, [[0, 1]], ones(2, 3)),
        (RuntimeError, [0, 1], ones(2, 2)),
        (RuntimeError, [0], tensor(1.0)),
        (RuntimeError, [0.0], ones(1, 3)),
        (RuntimeError, [0], ones(1, 3, dtype=stepwell.int32)),
        (TypeError, [0], 1.0),
    ],
)
def test_what_index_copy_copies(error, index, source):
    refuses(error, lambda: zeros(2, 3).index_copy(0, tensor(index), source))
    refuses(error, lambda: zeros(2, 3).index_copy_(0, tensor(index), source))


@pytest.mark.parametrize("kind", ["float32", "int64"])
def test_what_is_written_has_the_targets_type(kind):
    source = of("float64", 1.0)
    for name in ("index_copy", "index_add", "scatter_add"):
        refuses(RuntimeError, lambda name=name: getattr(of(kind, 0), name)(0, tensor([0]), source))


def test_scatter_counts_from_the_start():
    for call in (
        lambda: zeros(3).scatter(0, tensor([-1]), ones(1)),
        lambda: zeros(3).scatter_(0, tensor([0, -3]), 1.0),
        lambda: zeros(2, 3).scatter_(1, tensor([[-1]]), ones(1, 1)),
    ):
        refuses(IndexError, call)
    refuses(RuntimeError, lambda: tensor(0.0).scatter(0, zeros(2, 2, dtype=stepwell.int64), 1.0))
    refuses(TypeError, lambda: zeros(2).scatter(0.5, tensor([0]), 1.0))


def test_a_leaf_that_is_a_view_is_not_written_through_a_view():
    for make in (lambda: ones(3, 2).T, lambda: ones(3, 2)[1:], lambda: ones(6).view(3, 2)):
        x = make().requires_grad_()
        for write in (
            lambda x: x.index_fill_(0, tensor([0]), 1.0),
            lambda x: x[0].fill_(2.0),
            lambda x: x.T.add_(1),
            lambda x: x.__setitem__(0, 1.0),
        ):
            refuses(RuntimeError, lambda x=x, write=write: write(x))
        with stepwell.no_grad():
            x[0].fill_(2.0)
        (x[0] * 3).sum().backward()
        assert x.grad[0].tolist() == [3.0] * x.shape[1]


@pytest.mark.parametrize(("target", "result"), [("float16", "float16"), ("float64", "float64")])
def test_binary_cross_entropy_has_the_targets_type(target, result):
    loss = F.binary_cross_entropy_with_logits(zeros(2), of(target, 0.0, 1.0))
    assert loss.dtype is getattr(stepwell, result)
    for kind in ("int64", "bool"):
        refuses(
            RuntimeError,
            lambda kind=kind: F.binary_cross_entropy_with_logits(zeros(2), of(kind, 0, 1)),
        )


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (TypeError, lambda: F.gelu(ones(2), approximate=None)),
        (NotImplementedError, lambda: F.pad(ones(2), (1, 1), "reflect")),
        (RuntimeError, lambda: stepwell.dropout(ones(2), 2.0)),
        (ValueError, lambda: F.dropout(ones(2), 2.0)),
        (TypeError, lambda: ones(2).max(keepdim=True)),
        (TypeError, lambda: ones(2).median(keepdim=True)),
        (TypeError, lambda: ones(2).max(0, None)),
        (TypeError, lambda: ones(2).topk(1, 0, 1)),
        (TypeError, lambda: ones(2).kthvalue(1, 0, None)),
        (TypeError, lambda: ones(2).nonzero(as_tuple=None)),
        (TypeError, lambda: stepwell.nonzero(ones(2), True)),
        (TypeError, lambda: ones(2).view_as((2,))),
        (TypeError, lambda: ones(2).to(())),
        (TypeError, lambda: ones(2).new_full((1,), 1.0, stepwell.int64)),
        (TypeError, lambda: stepwell.meshgrid(ones(2), 3)),
        (TypeError, lambda: F.linear(ones(2), True)),
        (RuntimeError, lambda: F.linear(ones(1, 2), ones(2, 2, dtype=stepwell.float16))),
        (ValueError, lambda: stepwell.einsum("->")),
        (TypeError, lambda: stepwell.einsum("i,j", ones(2), ones(2), None)),
        (ValueError, lambda: stepwell.arange(0, 1, 0.5, dtype=stepwell.int64)),
        (RuntimeError, lambda: stepwell.arange(0, 1, 0)),
        (RuntimeError, lambda: ones(2, 0).norm(-1, 1)),
        (RuntimeError, lambda: ones(0).norm(math.inf)),
        (RuntimeError, lambda: ones(0, 2).amax(())),
        (RuntimeError, lambda: stepwell.linspace(-1.5, 2, 2, dtype=stepwell.uint8)),
        (RuntimeError, lambda: stepwell.linspace(0, 127.5, 2, dtype=stepwell.int8)),
        (RuntimeError, lambda: F.pad(of("uint8", 1), (0, 1), value=-1.0)),
        (IndexError, lambda: F.avg_pool2d(ones(3, 2), 2)),
        (TypeError, lambda: F.embedding(tensor([0]), ones(2, 2), padding_idx=0.5)),
        (ValueError, lambda: F.mse_loss(tensor(True), tensor(True), reduction="x")),
        (ValueError, lambda: F.l1_loss(tensor(True), tensor(True), reduction="x")),
        (RuntimeError, lambda: F.avg_pool2d(ones(3, 2), [])),
        (RuntimeError, lambda: F.avg_pool2d(ones(3, 2), 2, divisor_override=0)),
        (NotImplementedError, lambda: stepwell.bernoulli(tensor([1, 0]))),
        (IndexError, lambda: ones(3)[of("int8", 0)]),
        (IndexError, lambda: ones(3).index_put_((of("int16", 0),), tensor(1.0))),
        (RuntimeError, lambda: of("uint8", 1).masked_fill(tensor(True), tensor(300.0))),
        (RuntimeError, lambda: ones(2).fill_(1.0).index_fill(0, tensor([0]), ones(2))),
        (TypeError, lambda: ones(2).index_fill(0, tensor([0]), [])),
        (RuntimeError, lambda: tensor(1).flip(0, -1)),
        (RuntimeError, lambda: F.nll_loss(ones(2, 3, 2), zeros(2, 2, dtype=stepwell.uint8))),
        (ValueError, lambda: F.nll_loss(ones(2, 3), ones(2), reduction="x")),
        (NotImplementedError, lambda: stepwell.addmm(*[ones(2, 2, dtype=stepwell.bool)] * 3)),
    ],
)  # fmt: skip
def test_one_mistake_has_its_class(error, call):
    refuses(error, call)


def test_what_is_taken():
    assert stepwell.cat([zeros(0), zeros(0)], 5).shape == (0,)
    assert stepwell.arange(0.3, 7.0, 0.5, dtype=stepwell.int8).tolist() == [0] * 14
    assert stepwell.arange(-3, 0, 0.3, dtype=stepwell.int32).tolist() == [-3] * 10
    assert zeros(4, 2, 0).roll((2, 50), (7, -1)).shape == (4, 2, 0)
    assert stepwell.linspace(100, math.inf, 1, dtype=stepwell.int32).tolist() == [100]
    assert tensor([True, False]).to(stepwell.uint8, False, True).tolist() == [1, 0]
    assert tensor([True]).dtype is stepwell.dropout(tensor([True]), 1.0).dtype
    for smoothing in (0.0, 0.5):
        assert math.isnan(F.cross_entropy(zeros(0), zeros(0), label_smoothing=smoothing).item())
    assert ones(2).index_put_((of("uint8", 0, 1),), tensor(3.0)).tolist() == [1.0, 3.0]
    index = zeros(0, 1, dtype=stepwell.int64)
    assert stepwell.take_along_dim(ones(1, 3), index, 1).shape == (0, 1)
    # A number that fits once it has wrapped around, as in PyTorch.
    assert stepwell.linspace(-128, 100, 3, dtype=stepwell.uint8).tolist() == [128, 114, 100]
    assert of("uint8", 1, 100).clamp(-3, 50).tolist() == [50, 50]
    assert of("uint8", 1, 100).fill_(-3).tolist() == [253, 253]


@pytest.mark.parametrize("grads", [(True, False), (False, True)])
def test_what_addmm_does_not_read_has_a_gradient(grads):
    x, m = ones(2, 2).requires_grad_(grads[0]), ones(2, 2).requires_grad_(grads[1])
    for scale in ({"beta": 0}, {"alpha": 0}, {"alpha": 0, "beta": 0}):
        made = stepwell.addmm(x, m, ones(2, 2), **scale)
        assert made.requires_grad
        (grad,) = stepwell.autograd.grad(made.sum(), [x if grads[0] else m])
        reads = ("beta" not in scale) if grads[0] else ("alpha" not in scale)
        assert grad.tolist() == [[2.0 * reads if not grads[0] else 1.0 * reads] * 2] * 2


HALVES = [ones(2, 2, dtype=stepwell.float16)] * 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.linear(ones(4), ones(17, 4), True),
        lambda: F.linear(ones(2, 1), ones(4, 1), 1),
        lambda: F.binary_cross_entropy_with_logits(ones(2), ones(2), True),
        lambda: F.binary_cross_entropy_with_logits(ones(2), ones(2), pos_weight=2.0),
        lambda: F.layer_norm(ones(1), "x", bias=ones(3)),
        lambda: F.pad(ones(2), (), value="x"),
        lambda: F.nll_loss(ones(2, 3), tensor([0, 1]), ignore_index=1.5),
        lambda: F.scaled_dot_product_attention(*HALVES, is_causal=None),
        lambda: F.scaled_dot_product_attention(*HALVES, enable_gqa="x"),
        lambda: ones(3, 3).std(dim=(0, 0, 7), correction="x"),
        lambda: ones(3, 3).std(0, unbiased=1.5),
        lambda: stepwell.addmm(*[ones(2, 2, dtype=stepwell.int32)] * 3, alpha="x"),
        lambda: ones(3, 3).var(9, unbiased=3),
        lambda: ones(2).index_fill((), zeros(2, 4, dtype=stepwell.int64), True),
        lambda: ones(2, 2).index_copy(0, None, ones(3)),
        lambda: ones(2, 2).index_add("0", tensor([0]), ones(3)),
        lambda: stepwell.arange(1.0, 1, 0.3, 1),
        lambda: stepwell.arange(3, dtype="x"),
        lambda: stepwell.linspace(1e20, "x", 1),
        lambda: stepwell.linspace(1, (), 1, dtype=stepwell.float64),
        lambda: stepwell.linspace(0, 1, 2, stepwell.float64),
        lambda: stepwell.ones_like(ones(2), None),
        lambda: stepwell.full((2,), 1.0, stepwell.float64),
        lambda: stepwell.tril(ones(2, 2), 1.5),
        lambda: stepwell.roll(ones(3), 1, "x"),
        lambda: ones(2).flip(),
        lambda: ones(2).allclose(ones(2), equal_nan=None),
        lambda: ones(2).to(stepwell.float64, "x"),
        lambda: ones(2).to(stepwell.float64, None),
        lambda: ones(2).to(ones(2), False, False, True),
        lambda: ones(1).squeeze(0, "x"),
        lambda: stepwell.squeeze(ones(1), 0, True),
    ],
)
def test_a_wrong_type_is_told_before_other_mistakes(call):
    refuses(TypeError, call)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ValueError, lambda: F.nll_loss(ones(3), tensor([1, 2]))),
        (ValueError, lambda: F.cross_entropy(ones(3), zeros(0, dtype=stepwell.int64))),
        (RuntimeError, lambda: F.nll_loss(ones(3), tensor([[1]]))),
        (ValueError, lambda: F.mse_loss(ones(3), ones(3), reduction=3)),
        (ValueError, lambda: F.binary_cross_entropy_with_logits(ones(1), (), reduction="x")),
        (ValueError, lambda: F.batch_norm(ones(1, 3), ones(3), (), training=True)),
        (ValueError, lambda: F.dropout(ones(1), -0.1, True, None)),
        (RuntimeError, lambda: stepwell.tensordot(ones(2, 2), ones(2, 2), "x")),
        (RuntimeError, lambda: stepwell.tensordot(ones(2, 2), ones(2, 2), 1.5)),
        (ValueError, lambda: stepwell.tensordot(ones(2, 2), ones(2, 2), [1])),
        (RuntimeError, lambda: stepwell.arange(2.5, 2, dtype=stepwell.int16)),
        (NotImplementedError, lambda: F.max_pool2d(ones(1, 1, 2, 2, dtype=stepwell.bool), 1)),
        (NotImplementedError, lambda: F.max_pool2d(ones(0, 1, 2, 2, dtype=stepwell.bool), 1)),
        (NotImplementedError, lambda: F.conv2d(*[ones(1, 1, 2, 2, dtype=stepwell.bool)] * 2)),
        *((RuntimeError, lambda n=n: F.binary_cross_entropy_with_logits(ones(4), ones(4), **{n: ones(3, 1)}))
          for n in ("weight", "pos_weight")),
        *((RuntimeError, lambda b=b: F.linear(ones(3), ones(4, 3), b))
          for b in (ones(4).long(), ones(1).double(), ones(4).half(), ones(2, 4))),
        (RuntimeError, lambda: stepwell.arange(0.3, 0, dtype=stepwell.int64)),
        (NotImplementedError, lambda: F.batch_norm(tensor([[1], [2]]), None, None, training=True)),
    ],
)  # fmt: skip
def test_values_and_sizes_have_their_class(error, call):
    refuses(error, call)


def test_forms_that_are_taken():
    x = ones(2, 1, 1, 3)
    assert x.squeeze(1, 2).shape == x.squeeze(dim=(1, 2)).shape == (2, 3)
    assert x.squeeze(1, 2, -1).shape == (2, 3)
    assert x.count_nonzero(1, 3).shape == x.count_nonzero(dim=(1, 3)).shape == (2, 1)
    assert stepwell.softmax(x, 1, stepwell.float64).dtype is stepwell.float64
    assert x.log_softmax(1, None).dtype is stepwell.float32
    assert x.to("cpu", stepwell.float64).dtype is x.to(device="cpu", dtype=stepwell.float64).dtype
    assert x.to(None) is x and x.to(x, False, True) is not x
    # What is put around nothing is not read.
    assert F.pad(x.half(), (-1, 0), value=1e20).shape == (2, 1, 1, 2)
