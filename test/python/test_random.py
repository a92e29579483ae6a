# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random numbers: known answers, their distributions, the generator's state."""

import copy
import math
import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import stepwell as sw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import philox  # noqa: E402

# Random123's kat_vectors for philox4x32 with 10 rounds: counter, key, result.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
FLOATS = {sw.float64: 53, sw.float32: 24, sw.float16: 11, sw.bfloat16: 8}


def word(number):
    number %= 2**64
    return sw.tensor(number - 2**64 if number >= 2**63 else number)


def signed(number):
    return number - 2**64 if number >= 2**63 else number


@pytest.fixture(autouse=True)
def seeded():
    sw.manual_seed(1234)


# --- The numbers -------------------------------------------------------------


@pytest.mark.parametrize("counter, key, words", KNOWN)
def test_published_answers(counter, key, words):
    assert tuple(int(w) for w in philox.blocks(counter, key)) == words
    offset, stream = counter[0] | counter[1] << 32, signed(counter[2] | counter[3] << 32)
    state = word(key[0] | key[1] << 32), word(offset)
    one = sw.zeros(1)
    low = sw._core.array.random_bits(*state, one, 32, stream).item()
    both = sw._core.array.random_bits(*state, one, 64, stream).item()
    assert low % 2**32 == words[0]
    assert both % 2**64 == words[0] | words[1] << 32


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3, 5), (1, 4, 1), (0,), (3, 0), (70, 1000)])
def test_bits_go_by_the_row_major_position(shape):
    count = math.prod(shape)
    like = sw.zeros(()).expand(shape)
    got = sw._core.array.random_bits(word(-3), word(2**64 - 2), like, 64).numpy()
    assert got.shape == shape and got.dtype == np.int64
    expected = philox.bits64(-3, 2**64 - 2, count)
    np.testing.assert_array_equal(got.reshape(-1).view(np.uint64), expected)


@pytest.mark.parametrize("kind", FLOATS, ids=str)
def test_uniform_is_the_upper_bits(kind):
    g = sw.Generator().manual_seed(-5)
    got = sw.rand(3, 1000, dtype=kind, generator=g).double().numpy().reshape(-1)
    np.testing.assert_array_equal(got, philox.uniform(-5, 0, 3000, FLOATS[kind]))
    assert got.min() >= 0 and got.max() < 1


@pytest.mark.parametrize("kind", FLOATS, ids=str)
def test_normal_is_box_and_muller(kind):
    g = sw.Generator().manual_seed(2**63 + 11)
    got = sw.randn(20000, dtype=kind, generator=g).double().numpy()
    expected = philox.normal(2**63 + 11, 0, 20000, kind is sw.float64)
    # f16 and bf16 are the f32 number, rounded.
    wide = 2**-52 if kind is sw.float64 else 2**-23
    last = {sw.float16: 2**-11, sw.bfloat16: 2**-8}.get(kind, 0)
    bound = 4 * wide * np.maximum(np.abs(expected), 1) + last * np.abs(expected)
    assert np.all(np.abs(got - expected) <= bound)


def test_normal_has_its_tails_and_no_infinity():
    values = sw.randn(3_000_000).numpy()
    assert np.isfinite(values).all() and 4.8 < np.abs(values).max() < 8.2


@pytest.mark.parametrize(
    "low, high", [(0, 10), (-5, 6), (0, 2**63 - 1), (-(2**63), 2**63 - 1), (3, 4), (-7, 2**40)]
)
def test_integers_are_the_upper_half_of_a_product(low, high):
    g = sw.Generator().manual_seed(9)
    got = sw.randint(low, high, (500,), generator=g).tolist()
    assert got == philox.integers(9, 0, 500, low, high)
    assert min(got) >= low and max(got) < high


# --- Distributions: the seed is fixed, so these are exact statements ---------


def largest_gap(values, cumulative):
    """Kolmogorov and Smirnov's distance, times sqrt(n)."""
    values = np.sort(values)
    n = len(values)
    expected = cumulative(values)
    steps = np.arange(n + 1) / n
    return math.sqrt(n) * max(np.max(expected - steps[:-1]), np.max(steps[1:] - expected))


@pytest.mark.parametrize("kind", [sw.float32, sw.float64], ids=str)
def test_uniform_distribution(kind):
    values = sw.rand(200_000, dtype=kind).double().numpy()
    assert abs(values.mean() - 0.5) < 0.002
    assert abs(values.var() - 1 / 12) < 0.001
    assert largest_gap(values, lambda x: x) < 1.63  # the 1% level
    pairs, _, _ = np.histogram2d(values[::2], values[1::2], bins=10, range=[[0, 1]] * 2)
    assert ((pairs - 1000) ** 2 / 1000).sum() < 135  # chi-squared of 99 degrees, the 1% level


@pytest.mark.parametrize("kind", [sw.float32, sw.float64], ids=str)
def test_normal_distribution(kind):
    values = sw.randn(200_000, dtype=kind).double().numpy()
    assert abs(values.mean()) < 0.006
    assert abs(values.var() - 1) < 0.01
    assert abs((values**3).mean()) < 0.02 and abs((values**4).mean() - 3) < 0.06
    erf = np.vectorize(math.erf)
    assert largest_gap(values, lambda x: (1 + erf(x / math.sqrt(2))) / 2) < 1.63


def test_integers_are_equally_likely():
    counts = np.bincount(sw.randint(7, (70_000,)).numpy(), minlength=7)
    assert counts.sum() == 70_000
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 16.8


def test_different_seeds_have_nothing_in_common():
    a = sw.rand(10_000, generator=sw.Generator().manual_seed(1)).numpy()
    b = sw.rand(10_000, generator=sw.Generator().manual_seed(2)).numpy()
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03 and not np.any(a == b)


# --- The generator -----------------------------------------------------------


def test_a_seed_says_everything():
    sw.manual_seed(5)
    first = sw.rand(4).tolist(), sw.randn(4).tolist(), sw.randint(100, (4,)).tolist()
    assert sw.rand(4).tolist() != first[0]
    assert sw.manual_seed(5) is sw.default_generator
    assert (sw.rand(4).tolist(), sw.randn(4).tolist(), sw.randint(100, (4,)).tolist()) == first
    assert sw.initial_seed() == 5


def test_draws_continue_each_other():
    sw.manual_seed(6)
    whole = sw.rand(10, 10).numpy().reshape(-1)
    sw.manual_seed(6)
    parts = [sw.rand(3).numpy(), sw.rand(1, 7).numpy()[0], sw.rand(90).numpy()]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_state_goes_back_and_forth():
    g = sw.Generator()
    assert g.initial_seed() == 67280421310721 and g.device == sw.device("cpu")
    sw.rand(3, generator=g)
    state = g.get_state()
    assert state.dtype is sw.uint8 and state.shape == (16,)
    expected = sw.rand(3, generator=g).tolist()
    assert g.set_state(state) is g and sw.rand(3, generator=g).tolist() == expected
    other = copy.deepcopy(g.set_state(state))
    assert sw.rand(3, generator=other).tolist() == expected == sw.rand(3, generator=g).tolist()
    kept = sw.get_rng_state()
    expected = sw.rand(2).tolist()
    sw.set_rng_state(kept)
    assert sw.rand(2).tolist() == expected


def test_negative_seeds_are_those_modulo_two_to_64():
    assert sw.Generator().manual_seed(-1).initial_seed() == 2**64 - 1
    a, b = sw.Generator().manual_seed(-1), sw.Generator().manual_seed(2**64 - 1)
    assert sw.rand(2, generator=a).tolist() == sw.rand(2, generator=b).tolist()


def test_a_seed_nobody_foresees():
    a, b = sw.Generator(), sw.Generator()
    assert a.seed() == a.initial_seed() != b.seed()
    assert sw.seed() == sw.initial_seed()


def test_a_new_seed_compiles_nothing():
    def draw():
        sw.rand(5), sw.randn(2, 3), sw.randint(0, 7, (4,)), sw.dropout(sw.ones(9), 0.3)

    draw()
    before = sw._core.kernel_stats()["compiles"]
    for seed in range(3):
        sw.manual_seed(seed)
        draw()
    sw.rand(2, 2, 2), sw.randint(-1, 2**50, (3, 1))
    assert sw._core.kernel_stats()["compiles"] == before


def test_threads_share_a_generator():
    parts = []

    def draw():
        for _ in range(100):
            parts.append(sw.rand(50).numpy())

    sw.manual_seed(8)
    threads = [threading.Thread(target=draw) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # as many switches as there can be
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    sw.manual_seed(8)
    expected = sw.rand(4 * 100, 50).numpy()
    assert {p.tobytes() for p in parts} == {row.tobytes() for row in expected}


def test_a_forked_child_draws_on():
    sw.manual_seed(3)
    expected = sw.rand(2).tolist()
    sw.manual_seed(3)
    read, write = os.pipe()
    held, done = threading.Event(), threading.Event()

    def hold():  # the child does not have this thread
        with sw._random._lock:
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os.write(write, repr(sw.rand(2).tolist()).encode())
        os._exit(0)
    done.set()
    holder.join()
    os.waitpid(child, 0)
    os.close(write)
    assert os.read(read, 100).decode() == repr(expected)
    os.close(read)


SCRIPT = """
import hashlib, stepwell as sw
sw.manual_seed(77)
made = [sw.rand(300_001), sw.randn(301, 1003), sw.randn(300_001, dtype=sw.float64),
        sw.randint(9, (1_000, 301)), sw.rand(70_001, 3, dtype=sw.bfloat16)]
print([hashlib.sha256(t._bytes()).hexdigest() for t in made])
"""


def test_threads_and_processors_make_no_difference():
    def output(**environment):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONPATH": str(Path(sw.__file__).parents[1])} | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    expected = output(STEPWELL_NUM_THREADS="1")
    assert output(STEPWELL_NUM_THREADS="2") == expected
    if platform.machine() == "x86_64":
        assert output(STEPWELL_CPU="x86-64-v2") == expected


# --- Factories and methods ---------------------------------------------------


def test_factories_have_pytorch_signatures():
    x = sw.zeros(2, 3, dtype=sw.float64)
    assert sw.rand(2, 3).shape == sw.rand((2, 3)).shape == sw.randn([2, 3]).shape == (2, 3)
    assert sw.rand(2).dtype is sw.float32 and sw.rand(2, device="cpu").dtype is sw.float32
    assert sw.randn(2, requires_grad=True).requires_grad and sw.rand().shape == ()
    assert sw.rand_like(x).dtype is sw.float64 and sw.rand_like(x).shape == (2, 3)
    assert sw.randn_like(x, dtype=sw.float16).dtype is sw.float16
    assert sw.randint(3, (2,)).dtype is sw.int64 and sw.randint(1, 3, (2,)).shape == (2,)
    assert sw.randint(3, size=(2,)).shape == sw.randint(high=3, size=(2,)).shape == (2,)
    assert sw.randint(low=1, high=3, size=[4]).shape == (4,)
    assert sw.randint_like(x, 3).dtype is sw.float64
    assert sw.randint_like(x, 5, 6).tolist() == [[5.0] * 3] * 2


@pytest.mark.parametrize(
    "kind", [sw.uint8, sw.int8, sw.int16, sw.int32, sw.int64, sw.float16, sw.float32], ids=str
)
def test_integers_of_every_element_type(kind):
    values = sw.randint(0, 100, (2000,), dtype=kind)
    assert values.dtype is kind and sorted(set(values.tolist())) == list(range(100))


def test_random_fills_the_range_of_the_type():
    assert sorted(set(sw.zeros(4000, dtype=sw.int8).random_().tolist())) == list(range(128))
    assert sorted(set(sw.zeros(100, dtype=sw.bool).random_().tolist())) == [False, True]
    wide = sw.zeros(1000, dtype=sw.int64).random_().numpy()
    assert wide.min() >= 0 and wide.max() > 2**62
    half = sw.zeros(5000, dtype=sw.float16).random_().numpy()
    assert half.max() > 2000 and half.max() <= 2048 and np.all(half == np.round(half))
    assert set(sw.zeros(100).random_(3).tolist()) == {0, 1, 2}
    assert set(sw.zeros(100, dtype=sw.int32).random_(-2, 1).tolist()) == {-2, -1, 0}


@pytest.mark.parametrize("kind", FLOATS, ids=str)
def test_methods_overwrite(kind):
    x = sw.zeros(300, dtype=kind)
    assert x.uniform_(-2, 6) is x
    values = x.double().numpy()
    assert -2 <= values.min() < -1.8 and 5.8 < values.max() <= 6
    assert x.normal_(10, 0.5) is x
    assert abs(x.double().numpy().mean() - 10) < 0.1
    assert x.bernoulli_(0.25) is x
    assert set(x.tolist()) == {0.0, 1.0} and 50 < x.double().numpy().sum() < 100


def test_methods_write_through_views():
    x = sw.zeros(4, 6)
    sw.manual_seed(4)
    x.T[1:3].uniform_()
    sw.manual_seed(4)
    np.testing.assert_array_equal(x.numpy().T[1:3], sw.rand(2, 4).numpy())
    assert x.numpy()[:, [0, 3, 4, 5]].any() == 0


def test_bernoulli():
    p = sw.tensor([[0.0], [1.0], [0.3]]).expand(3, 20_000)
    made = sw.bernoulli(p)
    assert made.dtype is sw.float32 and made.shape == p.shape
    means = made.numpy().mean(axis=1)
    assert means[0] == 0 and means[1] == 1 and abs(means[2] - 0.3) < 0.01
    assert sw.bernoulli(sw.zeros(3, dtype=sw.int64), 1).tolist() == [1, 1, 1]
    x = sw.zeros(2, dtype=sw.int32).bernoulli_(sw.tensor([0.0, 1.0], dtype=sw.float64))
    assert x.tolist() == [0, 1]
    assert not sw.bernoulli(sw.full((2,), 0.5).requires_grad_()).requires_grad


def test_normal_of_tensors():
    mean, std = sw.tensor([[1.0], [100.0]]), sw.tensor([0.0, 2.0])
    made = sw.normal(mean.expand(2, 2), std)
    assert made.shape == (2, 2) and made[0, 0].item() == 1 and made[1, 0].item() == 100
    assert sw.normal(sw.zeros(3, dtype=sw.float64)).dtype is sw.float64
    assert sw.normal(2.0, sw.zeros(3)).tolist() == [2, 2, 2]
    sw.manual_seed(1)
    shifted = sw.normal(3.0, 2.0, (4,)).numpy()
    sw.manual_seed(1)
    np.testing.assert_array_equal(shifted, sw.randn(4).numpy() * np.float32(2) + np.float32(3))
    assert not sw.normal(sw.zeros(2).requires_grad_()).requires_grad


# --- Dropout -----------------------------------------------------------------


@pytest.mark.parametrize("kind", FLOATS, ids=str)
def test_dropout(kind):
    x = (sw.rand(4000) + 1)._cast(kind).requires_grad_()
    y = sw.dropout(x, 0.25)
    assert y.dtype is kind
    y.sum().backward()
    kept = y.detach().double().numpy() != 0
    assert abs(kept.mean() - 0.75) < 0.02
    scale = sw.tensor(1.0, dtype=kind) / 0.75
    np.testing.assert_array_equal(x.grad.double().numpy(), kept * scale.item())
    assert y.tolist() == (x * x.grad).tolist()


def test_dropout_does_nothing_when_told_so():
    x = sw.ones(5)
    assert sw.dropout(x, 0.5, training=False) is x and sw.dropout(x, 0.0) is x
    assert sw.dropout(x, 1.0).tolist() == [0.0] * 5


# --- What is refused ---------------------------------------------------------

ONE = sw.ones(2)
REFUSED = [
    (RuntimeError, "negative size", lambda: sw.rand(-1)),
    (RuntimeError, "negative size", lambda: sw.randint(5, (2, -3))),
    (RuntimeError, "overflowed with sizes", lambda: sw.randn(2**40, 2**40)),
    (
        NotImplementedError,
        "not defined for elements of type int32",
        lambda: sw.rand(2, dtype=sw.int32),
    ),
    (
        NotImplementedError,
        "not defined for elements of type int64",
        lambda: sw.randn_like(sw.zeros(2).long()),
    ),
    (NotImplementedError, "not defined for", lambda: sw.zeros(2).long().uniform_()),
    (RuntimeError, "from=5 >= to=5", lambda: sw.randint(5, 5, (1,))),
    (RuntimeError, "from=0 >= to=0", lambda: sw.zeros(2).random_(0)),
    (RuntimeError, "out of bounds", lambda: sw.randint(0, 300, (1,), dtype=sw.uint8)),
    (RuntimeError, "out of bounds", lambda: sw.randint(-1, 3, (1,), dtype=sw.uint8)),
    (RuntimeError, "std >= 0.0, but found std -1", lambda: sw.normal(0.0, -1.0, (2,))),
    (RuntimeError, "all elements of std", lambda: sw.normal(0.0, sw.tensor([1.0, -1.0]))),
    (RuntimeError, "found from=2.0 > to=1.0", lambda: sw.zeros(2).uniform_(2, 1)),
    (RuntimeError, "in .0, 1., but got p=1.5", lambda: sw.zeros(2).bernoulli_(1.5)),
    (RuntimeError, "in .0, 1.", lambda: sw.bernoulli(ONE * 1.5)),
    (RuntimeError, "in .0, 1.", lambda: sw.bernoulli(ONE * float("nan"))),
    (RuntimeError, "between 0 and 1, but got -0.1", lambda: sw.dropout(ONE, -0.1)),
    (RuntimeError, "between 0 and 1, but got nan", lambda: sw.dropout(ONE, math.nan)),
    (RuntimeError, "cannot be of type int64", lambda: sw.dropout(ONE.long())),
    (RuntimeError, "leaf Variable", lambda: sw.ones(2, requires_grad=True).uniform_()),
    (RuntimeError, "not in", lambda: sw.manual_seed(2**64)),
    (RuntimeError, "16 bytes", lambda: sw.set_rng_state(sw.zeros(3, dtype=sw.uint8))),
    (TypeError, "uint8", lambda: sw.set_rng_state(sw.zeros(16))),
    (TypeError, "must be Tensor", lambda: sw.set_rng_state([1])),
    (TypeError, "must be Generator, not int", lambda: sw.rand(2, generator=3)),
    (TypeError, "must be int", lambda: sw.Generator().manual_seed(1.5)),
    (TypeError, "must be int", lambda: sw.randint(0.5, 3, (1,))),
    (TypeError, "missing 1 required argument: 'size'", lambda: sw.randint(3)),
    (TypeError, "needs a size", lambda: sw.normal(0.0, 1.0)),
    (TypeError, "takes no size", lambda: sw.normal(ONE, 1.0, (2,))),
    (TypeError, "must be stepwell.dtype", lambda: sw.rand(2, dtype="float32")),
    (TypeError, "must be Tensor", lambda: sw.dropout([1.0])),
    (TypeError, "must be Tensor", lambda: sw.rand_like(3)),
    (
        ValueError,
        "32 or 64 random bits",
        lambda: sw._core.array.random_bits(word(0), word(0), ONE, 16),
    ),
]


@pytest.mark.parametrize("kind, message, call", REFUSED, ids=[m for _, m, _ in REFUSED])
def test_refused(kind, message, call):
    with pytest.raises(kind, match=message) as caught:
        call()
    assert type(caught.value) is kind


def test_what_is_refused_draws_nothing():
    before = sw.get_rng_state().tolist()
    for kind, message, call in REFUSED:
        if message != "leaf Variable":  # refused by the copy
            with pytest.raises(kind):
                call()
    assert sw.get_rng_state().tolist() == before
