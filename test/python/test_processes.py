# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Threads, forks, interpreters and the end of a process: right results or a clear refusal."""

import os
import subprocess
import sys

import numpy as np
import pytest
import stepwell as sw
from test_reliability import in_threads


def python(program, *flags, timeout=300):
    """What it prints; it may not crash, and not hang."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", program],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stderr[-2000:]}"
    return done.stdout.strip()


# ===--- What a kernel reads while Python's lock is let go -------------------------------------------


def test_memory_that_is_replaced_while_a_kernel_reads_it():
    # The memory is given back to the system at once: reading it afterwards is a crash.
    out = python("""
import threading
import stepwell as sw
n = 12 << 20
x = sw.ones(n)
stop = False
def replace():
    while not stop:
        x.data = sw.ones(n)
other = threading.Thread(target=replace)
x.sin().amax()
x.add_(0.0)
other.start()
for _ in range(40):
    assert float(x.sin().amax()) == float(sw.ones(1).sin())
    x.add_(0.0)
stop = True
other.join()
print("right")
""")
    assert out == "right"


def test_gradients_of_threads_are_added_up():
    # Large enough for the lock to be let go, in the first gradient and in the sums.
    w = sw.ones(1 << 20, requires_grad=True)
    for _ in range(10):
        w.grad = None
        in_threads(4, lambda i: [(w * (i + 1)).sum().backward() for _ in range(10)])
        assert np.all(w.grad.numpy() == 10 * (1 + 2 + 3 + 4))


def test_threads_go_back_through_one_graph():
    x = sw.ones(1 << 16, requires_grad=True)

    def work(i):
        for _ in range(5):
            (gradient,) = sw.autograd.grad(loss, x, retain_graph=True)
            assert np.all(gradient.numpy() == gradient.numpy()[0])
            np.testing.assert_allclose(
                gradient.numpy()[0], np.cos(1) * np.cos(np.sin(1)), rtol=1e-6
            )

    loss = x.sin().sin().sum()
    in_threads(4, work)
    # One frees what the others read: each has the gradient or the error that says so.
    for _ in range(5):
        loss = x.sin().sin().sum()

        def release(i, loss=loss):
            try:
                sw.autograd.grad(loss, x)
            except RuntimeError as error:
                assert "second time" in str(error)

        in_threads(4, release)


def test_threads_compile_and_run_one_function_that_writes():
    @sw.compile
    def step(state, x):
        state.mul_(0.5)
        state.add_(x)
        return state.sum()

    def work(i):
        for size in (4, 1 << 15):
            state = sw.zeros(size)
            for _ in range(10):
                step(state, sw.ones(size))
            assert np.allclose(state.numpy(), 2 - 2.0**-9)

    in_threads(4, work)


# ===--- Tensor objects that are asked for while they die ----------------------------------------------


def test_a_gradient_that_is_asked_for_while_its_object_dies():
    out = python("""
import gc, weakref
import stepwell as sw

w = sw.ones(3, requires_grad=True)
kept = []
class Asks:
    def __del__(self):
        kept.append(w.grad)
for way in ("attribute", "weakref"):
    g = sw.ones(3) * 2
    w.grad = g
    if way == "attribute":
        g.note = Asks()
    else:
        reference = weakref.ref(g, lambda _: kept.append(w.grad))
    del g
    gc.collect()
    others = [sw.zeros(3) for _ in range(300)]
    assert kept[-1].tolist() == [2.0, 2.0, 2.0], kept[-1].tolist()
    assert kept[-1] is w.grad
    del others
kept.clear()
print("right")
""")
    assert out == "right"


# ===--- Interpreters --------------------------------------------------------------------------------


def test_a_subinterpreter_is_refused():
    out = python("""
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import stepwell as sw
code = '''
import sys
sys.path[:] = %r
try:
    import stepwell
except ImportError as error:
    print("refused:", "subinterpreter" in str(error), flush=True)
''' % sys.path
interpreters.run_string(interpreters.create(), code)
print((sw.ones(2) + 1).tolist())
""")
    assert out.splitlines() == ["refused: True", "[2.0, 2.0]"]


def test_a_subinterpreter_that_comes_first_is_refused():
    out = python("""
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
import sys
sys.path[:] = %r
try:
    import stepwell
except ImportError as error:
    print("refused:", "subinterpreter" in str(error), flush=True)
''' % sys.path
interpreters.run_string(interpreters.create(), code)
import stepwell as sw
print((sw.ones(2) + 1).tolist())
""")
    assert out.splitlines() == ["refused: True", "[2.0, 2.0]"]


def test_free_threaded_python_is_refused():
    out = python("""
import sys
sys.abiflags += "t"
try:
    import stepwell
except ImportError as error:
    print(error)
""")
    assert out.startswith("stepwell does not support free-threaded Python")


def test_a_second_import_is_refused():
    out = python("""
import sys
import stepwell as sw
x = sw.ones(2)
for name in [name for name in sys.modules if name.startswith("stepwell")]:
    del sys.modules[name]
try:
    import stepwell
except ImportError as error:
    print("refused:", "before" in str(error))
print((x + 1).tolist())
""")
    assert out.splitlines() == ["refused: True", "[2.0, 2.0]"]


# ===--- Forks and ends --------------------------------------------------------------------------------

FORKS = """
import os, sys, threading
import stepwell as sw
sw.set_num_threads(4)
x = sw.ones(1 << 20)
stop = False
def busy():
    while not stop:
        {work}
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads:
    thread.start()
for turn in range(8):
    child = os.fork()
    if child == 0:
        # Kernels that are there, one that is new, and many threads of its own.
        good = float((x * 2).sum()) == 2 << 20
        good &= (sw.ones(*[2] * (turn % 7 + 1), 3).cumsum(-1) - turn).amax().item() == 3 - turn
        y = sw.ones(1 << 20, requires_grad=True)
        (y * y).sum().backward()
        good &= float(y.grad.sum()) == 2 << 20
        os._exit(0 if good else 1)
    status = os.waitpid(child, 0)[1]
    if status:
        print("child", turn, status, flush=True)
        os._exit(1)
stop = True
for thread in threads:
    thread.join()
print("right")
"""


@pytest.mark.parametrize(
    "work",
    [
        "(x + 1).exp().sum()",
        "sw.compile(lambda a: (a * 3).sum(0) - 1)(sw.ones(3, 5))",
        "(lambda w: (w * w).sum().backward())(sw.ones(1 << 17, requires_grad=True))",
    ],
    ids=["computes", "compiles", "backward"],
)
def test_fork_while_threads_work(work, tmp_path, monkeypatch):
    monkeypatch.setenv("STEPWELL_CACHE_DIR", str(tmp_path))  # the children compile
    assert python(FORKS.format(work=work)) == "right"


def test_a_forked_child_goes_back_through_its_parents_graph():
    w = sw.ones(1 << 17, requires_grad=True)
    loss = (w * 3).sum()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        loss.backward()
        os.write(writer, b"%d" % int(w.grad.sum().item() == 3 << 17))
        os._exit(0)
    os.close(writer)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reader, 10) == b"1"
    os.close(reader)
    loss.backward()
    assert w.grad.sum().item() == 3 << 17


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM", "SIGUSR1", "SIGCHLD"])
def test_signals_reach_pythons_main_thread_while_workers_run(signal):
    # A worker of the pool that took one would end the process or lose it.
    out = python(f"""
import os, signal, threading
import stepwell as sw
sw.set_num_threads(4)
seen = []
signal.signal(signal.{signal}, lambda number, frame: seen.append(threading.current_thread() is threading.main_thread()))
x = sw.ones(1 << 21)
total = 0.0
for turn in range(20):
    os.kill(os.getpid(), signal.{signal})
    total += float((x + turn).sin().amax())
assert len(seen) > 0 and all(seen), seen
print("right")
""")
    assert out == "right"


@pytest.mark.parametrize("how", ["sys.exit()", "os.kill(os.getpid(), signal.SIGTERM)", "1 / 0"])
def test_a_process_ends_while_the_pool_works(how):
    # In the main thread, after work in the pool, and with a child of its own pool.
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"""
import os, signal, sys
import stepwell as sw
sw.set_num_threads(4)
x = (sw.ones(1 << 21) + 1).exp()
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] in (0, 15, 256), "child"
x = (x + 1).log()
print("computed", flush=True)
{how}
""",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.count("computed") == 2, done.stderr
    assert done.returncode in (0, -15, 1) and "child" not in done.stderr
