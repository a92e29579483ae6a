# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Long runs keep their memory; several Python threads get right results."""

import copy
import gc
import pickle
import threading

import numpy as np
import pytest
import stepwell as sw

# A leak of one small tensor per round would take five times this.
ROUNDS, BOUND = 10_000, 1 << 20


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def one_round(w, x, index, hooked, module):
    """About thirty operations and views, with the tape, hooks, indices and in-place writes."""
    y = (x @ w).tanh() + x[:, ::2].sum(1, keepdim=True)
    z = y.transpose(0, 1).reshape(-1)[1:-1]
    z = sw.where(z > 0, z, z * 0.5) + x[index].mean()
    loss = (z * z).sum() + y.softmax(1).diagonal().prod()
    loss.backward()
    with sw.no_grad():
        w -= 0.001 * w.grad
    w.grad = None
    handle = hooked.register_hook(lambda gradient: gradient * 2)
    (hooked * 3).sum().backward()
    handle.remove()
    hooked.grad = None
    sw.autograd.grad((module(x) ** 2).sum(), module.weight, create_graph=True)
    copy = x.clone()
    copy[0] = 1
    copy[index] += 1
    copy.add_(1).mul_(2)
    return sw.cat([copy, x]).tolist()


def test_three_hundred_thousand_operations_keep_their_memory():
    sw.manual_seed(0)
    w = sw.randn(4, 4).requires_grad_()
    arguments = (
        w,
        sw.randn(4, 4),
        sw.tensor([0, 3]),
        sw.ones(3).requires_grad_(),
        sw.nn.Linear(4, 2),
    )
    for _ in range(500):
        one_round(*arguments)
    gc.collect()
    before = resident()
    for _ in range(ROUNDS):
        one_round(*arguments)
    gc.collect()
    grown = resident() - before
    assert grown < BOUND, f"{grown / ROUNDS:.0f} bytes for each round of about 30 operations"


def test_wrong_calls_keep_their_memory():
    x, y = sw.ones(64, 64), sw.ones(63, 64)

    def wrong():
        for call in (
            lambda: x + y,
            lambda: x[[0, 64]],
            lambda: x.view(3),
            lambda: sw.cat([x, y], 1),
        ):
            try:
                call()
            except (RuntimeError, ValueError, IndexError):
                continue
            raise AssertionError("no error")

    for _ in range(200):
        wrong()
    before = resident()
    for _ in range(5000):
        wrong()
    assert resident() - before < BOUND


def in_threads(count, work):
    errors, start = [], threading.Barrier(count)

    def run(i):
        try:
            start.wait()
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_threads_compute_and_compile_at_once():
    """Sizes on both sides of where Python's lock is let go; every thread has kernels of its own, too."""
    data = {
        (i, n): np.random.default_rng(i).normal(size=(n, n)) for i in range(4) for n in (3, 300)
    }

    def work(i):
        for turn in range(20):
            for n in (3, 300):
                values = data[i, n]
                x = sw.tensor(values).requires_grad_()
                y = (x * (i + 1) + turn).clamp(min=-1.0 - turn) @ x.t()
                grown = np.maximum(values * (i + 1) + turn, -1.0 - turn)
                np.testing.assert_allclose(
                    y.detach().numpy(), grown @ values.T, rtol=1e-9, atol=1e-9
                )
                (x[::2] ** 2).sum().backward()
                expected = np.zeros((n, n))
                expected[::2] = 2 * values[::2]
                np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)
            # A new shape and a new power: a kernel that no other thread asked for.
            odd = sw.ones(*[2] * (i + 1), 3 + turn % 3)
            assert (odd.cumsum(-1) ** (i + 2)).sum().item() == 2 ** (i + 1) * sum(
                k ** (i + 2) for k in range(1, 4 + turn % 3)
            )

    in_threads(4, work)


def test_threads_compile_functions():
    @sw.compile
    def shared(x, y):
        return (x * y).sum(0) + x.mean()

    def work(i):
        for size in (4, 5, 6):
            x, y = np.random.default_rng([i, size]).normal(size=(2, size, 3))

            @sw.compile
            def own(x):
                return x * (i + 2) - x.amax(0)

            for _ in range(5):
                np.testing.assert_allclose(
                    shared(sw.tensor(x), sw.tensor(y)).numpy(),
                    (x * y).sum(0) + x.mean(),
                    rtol=1e-12,
                )
                np.testing.assert_allclose(
                    own(sw.tensor(x)).numpy(), x * (i + 2) - x.max(0), rtol=1e-12, atol=1e-14
                )

    in_threads(4, work)


def test_one_kernel_wanted_by_all_threads():
    x = np.random.default_rng(0).normal(size=(50, 1000))  # large: the lock is let go
    results = [None] * 6

    def work(i):
        results[i] = (sw.tensor(x).exp().log1p() * 0.125).sum(1).numpy()

    in_threads(6, work)
    for result in results:
        np.testing.assert_allclose(result, (np.log1p(np.exp(x)) * 0.125).sum(1), rtol=1e-12)


def views_of_views(tmp_path):
    x = sw.ones(4, 6, requires_grad=True)
    base = sw.zeros(8, 6)
    v = base[1:7].t()[2:].unsqueeze(0).expand(3, 4, 6)[1].reshape(24)[::2].view(3, 4)
    assert v.shape == (3, 4)
    w = (x * 1).t().select(0, 1)[1:]
    w.add_(1)
    w.view(-1).mul_(2)
    base[:4].narrow(1, 0, 3).transpose(0, 1)[0].fill_(2.0)
    base.diagonal()[2:4] += 1
    (w.sum() + x.permute(1, 0).flatten().unsqueeze(1).squeeze(1)[3]).backward()


def compiled_calls(tmp_path):
    x = sw.ones(5, requires_grad=True)
    x.grad = None
    y, z = shared_step(x, sw.ones(5))
    (y.sum() + z).backward()
    with sw.no_grad():
        shared_step(x, sw.zeros(5))


@sw.compile
def shared_step(x, y):
    return x.tanh() * y, (x - y).sum()


def errors(tmp_path):
    x = sw.ones(3, 4, requires_grad=True)
    y = (x * 2).sum()
    y.backward()
    for call in (
        lambda: y.backward(),
        lambda: x.sum(2),
        lambda: x @ x,
        lambda: x.add_(1),
        lambda: sw.tensor([[1, 2], [3]]),
        lambda: sw.tensor("text"),
        lambda: sw.ones(2, 3).to(5),
        lambda: x[5],
        lambda: x.grad_fn.missing,
        lambda: sw.no_such_function,
        lambda: sw.autograd.grad(x.sum(), sw.ones(1, requires_grad=True)),
        lambda: x.reshape(5),
        lambda: x.index_select(0, sw.tensor([7])),
        lambda: sw.load_file(str(tmp_path / "missing")),
        lambda: sw.load(str(tmp_path / "missing")),
        lambda: shared_step(x),
    ):
        try:
            call()
        except (RuntimeError, ValueError, IndexError, TypeError, AttributeError, OSError):
            continue
        raise AssertionError(f"no error in line {call.__code__.co_firstlineno}")


def files(tmp_path):
    path, name = str(tmp_path / "x.safetensors"), str(tmp_path / "x.stepwell")
    tensors = {"a": sw.ones(3, 4), "b": sw.tensor([1, 2])}
    sw.save_file(tensors, path)
    sw.load_file(path)
    if not (tmp_path / "x.stepwell").exists():
        sw.export(lambda x: x * 2 + tensors["a"], (sw.ones(3, 4),)).save(name)
    (tmp_path / "bad").write_bytes(b"\xff" * 100)
    for bad in (sw.load_file, sw.load):
        try:
            bad(str(tmp_path / "bad"))
        except ValueError:
            continue
        raise AssertionError("no error")


def exchange(tmp_path):
    x = sw.ones(4, 4)
    a = x.numpy()
    y = sw.from_numpy(a)
    z = sw.from_numpy(np.ones((3, 3)))[1:]
    copy.deepcopy({"x": x, "z": z})
    pickle.loads(pickle.dumps(x[1:]))
    memoryview(y).tolist()
    sw.tensor([[1.0, 2.0], [3.0, 4.0]]).tolist()
    assert a.sum() == y.sum().item() == 16
    repr(x)
    str(y[:, 0])


def cycles(tmp_path):
    x = sw.ones(3, requires_grad=True)
    x.itself = x
    x.register_hook(lambda gradient: gradient + 0 * x.detach())
    module = sw.nn.Sequential(sw.nn.Linear(3, 2), sw.nn.ReLU())
    module.itself = [module]
    module.register_forward_hook(lambda *_: module.itself.clear())
    (module(x).sum() + x.sum()).backward()


@pytest.mark.parametrize(
    "kind, rounds",
    [
        (views_of_views, 3000),
        (compiled_calls, 3000),
        (errors, 2000),
        (files, 300),
        (exchange, 2000),
        (cycles, 1500),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_every_kind_of_use_keeps_its_memory(kind, rounds, tmp_path):
    sw.manual_seed(0)
    for _ in range(100):
        kind(tmp_path)
    gc.collect()
    before = resident()
    for _ in range(rounds):
        kind(tmp_path)
    gc.collect()
    grown = resident() - before
    assert grown < rounds * 128 + (1 << 19), f"{grown / rounds:.0f} bytes for each round"
