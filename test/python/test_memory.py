# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data in and out: buffers of all kinds, sequences, memory that others own or may not write."""

import array
import contextlib
import copy
import ctypes
import gc
import os
import pickle
import subprocess
import sys
import textwrap
from collections import deque

import numpy as np
import pytest
import stepwell as sw

KINDS = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


# --- Sequences ---------------------------------------------------------------


class Items:
    """A sequence by the protocol alone."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


@pytest.mark.parametrize(
    "data",
    [
        range(3), (0, 1, 2), deque([0, 1, 2]), Items(0, 1, 2), bytearray([0, 1, 2]),
        array.array("h", [0, 1, 2]), (ctypes.c_int * 3)(0, 1, 2), memoryview(b"\0\1\2"),
        [np.int64(0), 1, 2], [sw.tensor(0), sw.tensor([1]), 2],
    ],
    ids=lambda data: type(data).__name__,
)  # fmt: skip
def test_sequences(data):
    made = sw.tensor(data)
    assert made.tolist() == [0, 1, 2] and made.dtype is sw.int64
    assert sw.tensor([data, data]).shape == (2, 3)
    assert sw.Tensor(data).tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("kind", KINDS)
def test_elements_of_numpy_keep_their_type(kind):
    one = np.ones((), kind)[()]
    wanted = getattr(sw, kind)
    assert sw.tensor(one).dtype is wanted
    assert sw.tensor([one, one]).dtype is wanted
    assert sw.tensor([np.ones(2, kind), np.ones(2, kind)]).dtype is wanted
    assert sw.tensor([sw.ones((), dtype=wanted)]).dtype is wanted
    assert sw.full((1,), one, dtype=wanted).tolist() == [1]


def test_element_types_are_promoted():
    assert sw.tensor([np.int8(1), np.int16(2)]).dtype is sw.int16
    assert sw.tensor([sw.tensor(1.5, dtype=sw.float64), 2]).dtype is sw.float64
    assert sw.tensor([True, 1]).dtype is sw.int64 and sw.tensor([True, 1.5]).dtype is sw.float32
    assert sw.tensor([]).dtype is sw.float32 and sw.tensor([[], []]).shape == (2, 0)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("abc", TypeError), (b"abc", TypeError), ({1: 2}, RuntimeError), ({1}, RuntimeError),
        ([None], RuntimeError), ([1, [2]], TypeError), ([[1], 2], TypeError),
        ([[1, 2], [3]], ValueError), ([1j], RuntimeError), ([sw.ones(2)], ValueError),
        (iter([1]), RuntimeError),
    ],
)  # fmt: skip
def test_what_is_no_data(data, error):
    with pytest.raises(error):
        sw.tensor(data)


def nested_in_itself():
    made = []
    made.append(made)
    return made


def test_sequences_without_an_end():
    with pytest.raises(ValueError, match="too many dimensions"):
        sw.tensor(nested_in_itself())
    wide = []
    for _ in range(40):
        wide = [wide, wide]
    with pytest.raises(ValueError, match="too many dimensions"):
        sw.tensor(wide)
    with pytest.raises(RuntimeError, match="not enough memory"):
        sw.tensor(range(1 << 42))


class Changing:
    """A number that changes the list it is in when it is asked for its value."""

    def __init__(self, owner, change):
        self.owner, self.change = owner, change

    def number(self):
        self.change(self.owner)
        return 1


class ByIndex(Changing):
    __index__ = Changing.number


class ByFloat(Changing):
    def __float__(self):
        return float(self.number())


@pytest.mark.parametrize("kind", [ByIndex, ByFloat])
@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.parametrize("at", [0, 1, 99])
@pytest.mark.parametrize(
    "change", [list.clear, lambda owner: owner.append(1), lambda owner: owner.__setitem__(0, [1])]
)
def test_lists_that_change_while_they_are_read(kind, outer, at, change):
    inner = [1] * 100
    data = [inner, [1] * 100] if outer else inner
    inner[at] = kind(data if outer else inner, change)
    try:
        made = sw.tensor(data)
    except (RuntimeError, TypeError, ValueError):
        return
    assert made.shape == ((2, 100) if outer else (100,))
    assert set(made.reshape(-1).tolist()) == {1}


@pytest.mark.parametrize("change", [list.clear, lambda owner: owner.append(1)])
def test_sizes_that_change_while_they_are_read(change):
    for call in (
        lambda x, sizes: x.sum(sizes), lambda x, sizes: x.permute(sizes),
        lambda x, sizes: x.view(sizes), lambda x, sizes: x.expand(sizes),
        lambda x, sizes: sw.zeros(sizes), lambda x, sizes: x.flip(sizes),
        lambda x, sizes: sw.count_nonzero(x, sizes), lambda x, sizes: x[sizes],
    ):  # fmt: skip
        for at in (0, 1):
            sizes = [1] * 100
            sizes[at] = ByIndex(sizes, change)
            with contextlib.suppress(TypeError, RuntimeError, IndexError, ValueError):
                assert call(sw.ones(1), sizes).numel() <= 1


def test_an_error_of_an_item_is_the_error():
    class Broken:
        def __index__(self):
            raise KeyError("mine")

    for call in (
        lambda: sw.tensor([Broken()]),
        lambda: sw.ones(3)[Broken()],
        lambda: sw.ones(3).fill_(Broken()),
    ):
        with pytest.raises(KeyError, match="mine"):
            call()


# --- Buffers -----------------------------------------------------------------


def test_buffers_without_strides():
    memory = (ctypes.c_float * 3)(1, 2, 3)
    shared = sw.from_numpy(memory)
    assert shared.tolist() == [1, 2, 3] and sw.tensor(memory).tolist() == [1, 2, 3]
    memory[1] = 7
    assert shared.tolist() == [1, 7, 3]
    grid = (ctypes.c_double * 3 * 2)()
    grid[1][2] = 5
    assert sw.from_numpy(grid).tolist() == [[0, 0, 0], [0, 0, 5]]
    assert sw.from_numpy((ctypes.c_int8 * 0)()).shape == (0,)


def test_strides_of_all_kinds():
    base = np.arange(24.0).reshape(4, 6)
    for view in (
        base[::-1], base[:, ::-2], base[::-1, ::-1].T, base[1:1], base[:, 3:2:-1],
        np.broadcast_to(base[0], (3, 6)), np.lib.stride_tricks.sliding_window_view(base[0], 3),
        base[2, 3], np.lib.stride_tricks.as_strided(base, (1, 2), (10**12, 8)),
    ):  # fmt: skip
        made = sw.from_numpy(np.asarray(view))
        assert made.tolist() == view.tolist()
        assert (made + 1).tolist() == (view + 1).tolist()
    flipped = sw.from_numpy(base[::-1, ::-1])
    flipped[0, 0] = -1
    assert base[3, 5] == -1


@pytest.mark.parametrize("kind", [">f4", ">i8", "!i2"])
def test_another_byte_order(kind):
    with pytest.raises(ValueError, match="byte order"):
        sw.from_numpy(np.ones(3, kind.replace("!", ">")))


@pytest.mark.parametrize("kind", ["U1", "c16", "M8[s]", "O", "i4,f4", "u2", "u4", "u8", "g"])
def test_formats_that_are_no_elements(kind):
    with pytest.raises((TypeError, ValueError)):
        sw.from_numpy(np.zeros(3, kind))


def test_unaligned_memory():
    values = np.frombuffer(bytearray(b"\0" + np.arange(4, dtype="f4").tobytes()), "u1")[1:]
    odd = values.view("f4")
    with pytest.raises(ValueError, match="aligned"):
        sw.from_numpy(odd)
    assert sw.tensor(odd).tolist() == [0, 1, 2, 3]
    fields = np.zeros(3, "i4,u1,f4")
    with pytest.raises(ValueError):
        sw.from_numpy(fields["f2"])


def test_what_a_tensor_exports():
    x = sw.arange(6.0).reshape(2, 3)
    assert bytes(memoryview(x)) == np.arange(6, dtype="f4").tobytes()
    assert memoryview(x.T).strides == (4, 12)
    ctypes.c_float.from_buffer(x).value = 9
    assert x[0, 0].item() == 9
    with pytest.raises((BufferError, TypeError, ValueError)):
        ctypes.c_float.from_buffer(x.T)


# --- Memory that is not to be written ----------------------------------------


def read_only(values=(1.0, 2.0, 3.0, 4.0)):
    made = np.array(values, dtype="f4")
    made.flags.writeable = False
    return made


WRITES = {
    "add_": lambda x: x.add_(1),
    "iadd": lambda x: x.__iadd__(1),
    "fill_": lambda x: x.fill_(1),
    "zero_": lambda x: x.zero_(),
    "copy_": lambda x: x.copy_(sw.zeros(4)),
    "setitem": lambda x: x.__setitem__(0, 1.0),
    "setitem by a tensor": lambda x: x.__setitem__(sw.tensor([0]), 1.0),
    "setitem by a mask": lambda x: x.__setitem__(x > 0, 1.0),
    "index_put_": lambda x: x.index_put_((sw.tensor([0]),), sw.tensor(1.0)),
    "index_add_": lambda x: x.index_add_(0, sw.tensor([0]), sw.ones(1)),
    "scatter_": lambda x: x.scatter_(0, sw.tensor([0]), 1.0),
    "masked_fill_": lambda x: x.masked_fill_(x > 0, 1.0),
    "clamp_": lambda x: x.clamp_(0, 1),
    "a view": lambda x: x[1:].mul_(2),
    "a reshaped view": lambda x: x.view(2, 2).T.mul_(2),
    "data": lambda x: x.data.mul_(2),
    "detached": lambda x: x.detach().mul_(2),
    "compiled": lambda x: sw.compile(lambda y: y.add_(1))(x),
    "compiled, a view": lambda x: sw.compile(lambda y: y[1:].fill_(1))(x),
    "optimiser": lambda x: step(x),
    "normal_": lambda x: x.normal_(),
}


def step(x):
    x.requires_grad_()
    x.grad = sw.ones(4)
    sw.optim.SGD([x], lr=0.1).step()


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("source", ["array", "bytes", "memmap", "dlpack"])
def test_read_only_memory(write, source, tmp_path):
    memory = read_only()
    if source == "bytes":
        memory = np.frombuffer(memory.tobytes(), "f4")
    if source == "memmap":
        memory.tofile(tmp_path / "data")
        memory = np.memmap(tmp_path / "data", "f4", "r")
    x = sw.from_dlpack(memory) if source == "dlpack" else sw.from_numpy(memory)
    assert (x + 1).tolist() == [2, 3, 4, 5]
    for _ in range(2):  # the second call has a plan
        with pytest.raises(RuntimeError, match="not to be written"):
            WRITES[write](x)
    assert memory.tolist() == [1, 2, 3, 4]


def test_read_only_memory_is_exported_so():
    x = sw.from_numpy(read_only())
    assert not x.numpy().flags.writeable and memoryview(x).readonly
    with pytest.raises((BufferError, TypeError)):
        ctypes.c_float.from_buffer(x)
    assert x.clone().add_(1).tolist() == [2, 3, 4, 5]
    assert sw.tensor(read_only()).add_(1).tolist() == [2, 3, 4, 5]
    assert copy.deepcopy(x).add_(1).tolist() == [2, 3, 4, 5]


# --- Bytes that are no bools -------------------------------------------------

ODD = np.array([[2, 0, 255], [1, 4, 128]], "u1")


@pytest.mark.parametrize("make", [sw.from_numpy, sw.from_dlpack, sw.tensor, sw.as_tensor])
@pytest.mark.parametrize("layout", [lambda a: a, lambda a: a.T, lambda a: a[::-1, ::2]])
def test_bytes_that_are_no_bools(make, layout):
    odd = layout(ODD.copy()).view(bool) if layout(ODD).flags.c_contiguous else layout(
        ODD.copy().view(bool)
    )  # fmt: skip
    wanted = np.array(odd.tolist())
    x = make(odd)
    assert x.tolist() == wanted.tolist()
    assert x.all().item() == wanted.all() and x.any().item() == wanted.any()
    assert x.all(1).tolist() == wanted.all(1).tolist()
    assert x.argmax(1).tolist() == wanted.argmax(1).tolist()
    assert x.max(1)[1].tolist() == wanted.argmax(1).tolist()
    assert x.sort(1)[0].tolist() == np.sort(wanted, 1).tolist()
    assert x.sum().item() == wanted.sum() and len(x.nonzero()) == wanted.sum()
    assert (x == True).all().item() == wanted.all()  # noqa: E712
    assert (~x).tolist() == (~wanted).tolist() and x.int().sum().item() == wanted.sum()
    assert x.clone().numpy().view("u1").max() == 1


READS = {
    "all": lambda x: x.all(),
    "all rows": lambda x: x.all(1),
    "all columns": lambda x: x.all(0),
    "any": lambda x: x.any(),
    "any rows": lambda x: x.any(1),
    "any columns": lambda x: x.any(0),
    "amax": lambda x: x.amax(1),
    "amin": lambda x: x.amin(0),
    "argmax": lambda x: x.argmax(1),
    "argmin": lambda x: x.argmin(0),
    "max": lambda x: x.max(0)[1],
    "sort": lambda x: x.sort(1)[1],
    "sort descending": lambda x: x.sort(0, descending=True)[1],
    "argsort": lambda x: x.reshape(-1).argsort(),
    "topk": lambda x: x.topk(3)[1],
    "kthvalue": lambda x: x.kthvalue(4)[1],
    "sum": lambda x: x.sum(0),
    "prod": lambda x: x.prod(1),
    "cumsum": lambda x: x.cumsum(1),
    "not": lambda x: ~x,
    "xor": lambda x: x ^ x.flip(0),
    "equal": lambda x: x == x.flip(1),
    "less": lambda x: x < x.flip(1),
    "where": lambda x: sw.where(x, 1.0, 2.0),
    "fill": lambda x: sw.zeros(7, 10).masked_fill(x, 3.0),
    "uint8": lambda x: x.to(sw.uint8),
    "float": lambda x: x.to(sw.float32),
    "index_add": lambda x: sw.zeros(3, 10, dtype=sw.bool).index_add(
        0, sw.tensor([0, 1, 2, 0, 1, 2, 0]), x
    ),
    "copies": lambda x: sw.cat([x.clone(), x.T.contiguous().reshape(7, 10)]).all(1),
}


@pytest.mark.parametrize("how", [lambda f: f, sw.compile], ids=["eager", "compiled"])
@pytest.mark.parametrize("all_true", [False, True])
@pytest.mark.parametrize("name", READS)
def test_bytes_written_after_they_were_shared(name, all_true, how):
    odd = (np.arange(70, dtype="u1") * 5 % 9).reshape(7, 10) + np.uint8(all_true)
    x = sw.tensor(odd != 0)
    x.numpy().view("u1")[:] = odd
    wanted, got = READS[name](sw.tensor(odd != 0)), how(READS[name])(x)
    np.testing.assert_array_equal(got.numpy(), wanted.numpy())
    if got.dtype == sw.bool:
        assert got.numpy().view("u1").max() <= 1


def test_bools_share_memory():
    memory = np.array([True, False])
    x = sw.from_numpy(memory)
    x.fill_(True)
    assert memory.tolist() == [True, True]


# --- Data that is replaced ---------------------------------------------------


@pytest.mark.parametrize("export", [lambda x: x.numpy(), np.from_dlpack, np.asarray, memoryview])
@pytest.mark.parametrize("size", [4, 100_000])
def test_exported_memory_outlives_an_assignment(export, size):
    x = sw.ones(size)
    exported = export(x)
    x.data = sw.ones(size) * 7
    del x
    gc.collect()
    others = [sw.zeros(size) + i for i in range(50)]
    assert set(np.asarray(exported).tolist()) == {1.0} and len(others) == 50


def test_backward_after_the_data_of_a_base_was_replaced():
    for size in (2, 4, 1000):
        x = sw.ones(4, requires_grad=True)
        y = x * 1
        loss = (y[:2] * y[:2]).sum()
        y.data = sw.ones(size) * 5
        gc.collect()
        loss.backward()
        assert x.grad.tolist() == [2, 2, 0, 0]


def test_what_data_may_be():
    x = sw.ones(3, requires_grad=True)
    x.data = sw.ones(2, 2)
    assert x.shape == (2, 2)
    with pytest.raises(RuntimeError, match="must be floating point"):
        x.data = sw.ones(3).long()
    for wrong in (3, None, np.ones(3)):
        with pytest.raises(TypeError):
            x.data = wrong


def test_what_a_gradient_may_be():
    x = sw.ones(3, requires_grad=True)
    for wrong in (sw.ones(2), sw.ones(3).double(), sw.ones(3).long(), x):
        with pytest.raises(RuntimeError):
            x.grad = wrong
    for wrong in (3, "a", np.ones(3, "f4")):
        with pytest.raises(TypeError):
            x.grad = wrong
    assert x.grad is None
    x.grad = sw.ones(3)
    x.grad = None


# --- Copies ------------------------------------------------------------------


def through_pickle(value):
    return pickle.loads(pickle.dumps(value))


def test_copy_shares_memory():
    x = sw.ones(3, requires_grad=True)
    y = copy.copy(x)
    assert y is not x and y.requires_grad and y.data_ptr() == x.data_ptr()
    module = sw.nn.Linear(2, 2)
    weight = copy.copy(module.weight)
    assert type(weight) is sw.nn.Parameter and weight.data_ptr() == module.weight.data_ptr()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
@pytest.mark.parametrize("size", [4, 2000])
def test_views_of_one_memory_stay_so(duplicate, size):
    x = sw.ones(size)
    whole, part, same, other = duplicate([x, x[2:], x, x.clone()])
    assert same is whole and part.storage_offset() == 2
    whole.fill_(3)
    assert part.tolist() == [3] * (size - 2) and other.tolist() == [1] * size
    assert x.tolist() == [1] * size
    assert duplicate(x.view(2, -1).T).stride() == (1, size // 2)
    wide = duplicate(sw.ones(1).expand(1 << 40))
    assert wide.stride() == (0,) and wide.shape == (1 << 40,)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
@pytest.mark.parametrize("kind", [*KINDS, "bfloat16"])
def test_copies_of_all_types(duplicate, kind):
    x = sw.tensor([0, 1, 1]).to(getattr(sw, kind))
    assert duplicate(x).tolist() == x.tolist() and duplicate(x).dtype is x.dtype
    assert duplicate(x[:0]).shape == (0,) and duplicate(x[1]).shape == ()


def test_copies_while_capturing():
    x = sw.arange(3.0)
    assert sw.compile(lambda x: copy.deepcopy(x) + 1)(x).tolist() == [1, 2, 3]
    for call in (pickle.dumps, lambda x: pickle.dumps(x * 2), lambda x: (x * 2).tolist()):
        with pytest.raises(RuntimeError, match="not known while a function is captured"):
            sw.compile(call)(x)


def test_a_pickle_holds_its_tensor_only():
    """Small tensors lie in larger blocks, which had other tensors' numbers in them."""
    for _ in range(100):
        secret = sw.full((16,), 1234567.0)
        del secret
        x = sw.zeros(1)
        assert np.float32(1234567).tobytes() not in pickle.dumps(x)


# --- Threads and processes that end ------------------------------------------

ENDING = """
    import os, sys, threading, time
    import stepwell as sw
    x = sw.ones({size}, requires_grad=True)
    hooked = x * 2
    hooked.register_hook(lambda gradient: gradient * 2)
    def work():
        while True:
            with sw.no_grad():
                (x * 1.0001 + 1).clone().sum()
            y = x * 1
            y.register_hook(lambda gradient: sum((gradient for _ in range(20)), gradient))
            y.sum().backward()
    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    time.sleep({wait})
"""


@pytest.mark.parametrize("size", [8, 200_000])
def test_daemon_threads_at_the_end(size):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for i in range(8):
        code = textwrap.dedent(ENDING.format(size=size, wait=0.05 * i))
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, timeout=120
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]


def test_a_forked_process_computes():
    x = sw.ones(300_000)
    assert (x + x).sum().item() == 600_000
    child = os.fork()
    if child == 0:
        right = (x * 3).sum().item() == 900_000
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (x * 2).sum().item() == 600_000
