# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensor as a Python object: data in and out, repr, copies, indexing, identity."""

import copy
import pickle
import weakref

import numpy as np
import pytest
import stepwell as sw


def test_repr():
    assert repr(sw.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(sw.tensor([1.5, -2.25])) == "tensor([ 1.5000, -2.2500])"
    assert repr(sw.tensor([[1, 2], [30, 4]])) == "tensor([[ 1,  2],\n        [30,  4]])"
    assert repr(sw.tensor([True, False])) == "tensor([ True, False])"
    assert repr(sw.tensor(3.0, dtype=sw.float64)) == "tensor(3., dtype=stepwell.float64)"
    assert repr(sw.zeros(0)) == "tensor([])"
    assert repr(sw.zeros(0, 2)) == "tensor([], size=(0, 2))"
    assert repr(sw.ones(1, requires_grad=True)) == "tensor([1.], requires_grad=True)"
    assert repr(sw.zeros(2000)) == "tensor([0., 0., 0.,  ..., 0., 0., 0.])"


def test_numpy_shares_memory_both_ways():
    array = np.arange(6.0).reshape(2, 3)
    tensor = sw.from_numpy(array[:, ::-1])
    tensor[0, 0] = 20
    assert array[0, 2] == 20
    back = tensor.numpy()
    back[1, 1] = 40
    assert array[1, 1] == 40
    assert np.asarray(tensor).base is not None
    del array, back
    assert tensor.tolist() == [[20.0, 1.0, 0.0], [5.0, 40.0, 3.0]]


def test_dlpack_shares_memory_both_ways():
    x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
    array = np.from_dlpack(x.T)
    x[0, 1] = 20
    assert array.tolist() == [[1.0, 3.0], [20.0, 4.0]]
    made = sw.from_dlpack(x)
    assert made.data_ptr() == x.data_ptr()
    made[1, 0] = 30
    assert x.tolist() == [[1.0, 20.0], [30.0, 4.0]]
    with pytest.raises(RuntimeError, match="requires grad"):
        np.from_dlpack(sw.ones(2, requires_grad=True))


def test_numbers():
    assert sw.tensor([[1.5]]).item() == 1.5
    assert float(sw.tensor(2)) == 2.0 and int(sw.tensor(2.5)) == 2
    assert [10, 20, 30][sw.tensor(1)] == 20
    assert bool(sw.tensor([0.0])) is False
    assert f"{sw.tensor(1.25):.1f}" == "1.2"
    with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
        sw.zeros(2).item()


def test_dtypes_of_data():
    assert sw.tensor([1, 2]).dtype is sw.int64
    assert sw.tensor([1, 2.0]).dtype is sw.float32
    assert sw.tensor([True]).dtype is sw.bool
    assert sw.tensor([1.7, -1.7], dtype=sw.int32).tolist() == [1, -1]
    assert sw.tensor(np.float64(2)).dtype is sw.float64 or sw.tensor(2.0).dtype is sw.float32
    assert sw.float is sw.float32 and sw.long is sw.int64
    assert pickle.loads(pickle.dumps(sw.bfloat16)) is sw.bfloat16


def test_copies():
    x = sw.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    x.note = "kept"
    for made in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert made.tolist() == x.tolist() and made.requires_grad and made.note == "kept"
        assert made.data_ptr() != x.data_ptr()
    assert pickle.loads(pickle.dumps(x.detach().T)).tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert pickle.loads(pickle.dumps(sw.ones(2, dtype=sw.bfloat16))).dtype is sw.bfloat16


def test_python_protocols():
    x = sw.tensor([[1, 2], [3, 4]])
    assert len(x) == 2 and [row.tolist() for row in x] == [[1, 2], [3, 4]]
    assert len({x: 1, x.T: 2}) == 2
    reference = weakref.ref(x)
    assert reference() is x
    del x
    assert reference() is None
    with pytest.raises(TypeError, match="0-d"):
        len(sw.tensor(1))


def test_grad_is_one_object():
    x = sw.ones(2, requires_grad=True)
    x.sum().backward()
    assert x.grad is x.grad


def test_indexing():
    array = np.arange(24).reshape(2, 3, 4)
    tensor = sw.from_numpy(array)
    for index in [0, -1, (1, 2), (slice(None), 1), (Ellipsis, -1), (0, None, slice(2, None)),
                  (slice(None), slice(None, None, -1)), (slice(5, 9),), None, (..., None)]:  # fmt: skip
        np.testing.assert_array_equal(tensor[index].numpy(), array[index])


def test_subclass():
    class Parameter(sw.Tensor):
        def __new__(cls, data, requires_grad=True):
            return sw._core._subclass(cls, data, requires_grad)

    p = Parameter(sw.ones(2))
    assert isinstance(p, sw.Tensor) and p.requires_grad and p.is_leaf
    assert type(p + 1) is sw.Tensor
    assert isinstance(copy.deepcopy(p), Parameter)


def test_documents_come_from_the_records():
    assert sw.add.__text_signature__ == "(input, other, *, out=None)"
    assert "Elementwise sum" in sw.add.__doc__ and "wrap around" in sw.Tensor.add.__doc__


def test_every_rank():
    for rank in range(17):
        shape = [2 if i in (0, rank // 2, rank - 1) else 1 for i in range(rank)]
        array = np.arange(np.prod(shape, dtype=int), dtype="f4").reshape(shape)
        t = sw.tensor(array)
        turned = t.permute(tuple(reversed(range(rank))))
        assert turned.shape == array.T.shape and t.shape == array.shape
        np.testing.assert_array_equal((turned + 1).numpy(), array.T + 1)
        # Sizes that had been many, then few, then many again.
        np.testing.assert_array_equal(
            turned.reshape(-1).reshape(shape).numpy(), array.T.reshape(shape)
        )
    many = sw.ones(*[1] * 16)
    for grown in (
        lambda: sw.ones(*[1] * 17),
        lambda: sw.ones(1).reshape(*[1] * 17),
        lambda: sw.ones(1).expand(*[1] * 17),
        lambda: many.unsqueeze(0),
        lambda: sw.stack([many, many]),
        lambda: sw.tensordot(many, many, dims=0),
        lambda: sw.sum(many.unsqueeze(3)),
    ):
        with pytest.raises(RuntimeError, match="(at most|more than) 16 dimensions"):
            grown()
