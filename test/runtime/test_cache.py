# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The disk cache: complete files or none, whatever happens around it."""

import ctypes
import hashlib
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from runtime_library import ROOT, Digest

HEADER = 64


def digest_of(text):
    return Digest((ctypes.c_uint8 * 32)(*hashlib.sha256(text.encode()).digest()))


def name_of(text):
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Cache:
    def __init__(self, runtime, folder, limit=0):
        self.runtime = runtime
        self.handle = runtime.stepwell_cache_open(str(folder).encode() if folder else None, limit)

    folder = property(lambda self: self.runtime.stepwell_cache_folder(self.handle).decode())
    problem = property(lambda self: self.runtime.stepwell_cache_problem(self.handle).decode())

    def put(self, key, content):
        return self.runtime.stepwell_cache_put(self.handle, digest_of(key), content, len(content))

    def get(self, key):
        content, size = ctypes.c_void_p(), ctypes.c_size_t()
        if not self.runtime.stepwell_cache_get(self.handle, digest_of(key), content, size):
            return None
        result = ctypes.string_at(content, size.value)
        self.runtime.stepwell_cache_free(content)
        return result


@pytest.fixture
def cache(runtime, tmp_path):
    cache = Cache(runtime, tmp_path / "cache")
    yield cache
    runtime.stepwell_cache_close(cache.handle)


def path_of(cache, key):
    return os.path.join(cache.folder, name_of(key))


@pytest.mark.parametrize("size", [*range(130), 1000, 4096, 100_001])
def test_sha256(runtime, size):
    content = random.Random(size).randbytes(size)
    assert bytes(runtime.stepwell_sha256(content, size).bytes) == hashlib.sha256(content).digest()


@pytest.mark.parametrize("content", [b"", b"x", b"\x00" * 77, os.urandom(100_000)])
def test_put_then_get(cache, content):
    assert cache.get("key") is None
    assert cache.put("key", content) == 1
    assert cache.get("key") == content
    assert cache.get("other") is None
    assert os.listdir(cache.folder) == [name_of("key")]


def test_put_replaces(cache):
    cache.put("key", b"old")
    cache.put("key", b"new and longer")
    assert cache.get("key") == b"new and longer"


def test_privacy(cache):
    cache.put("key", b"code")
    assert stat.S_IMODE(os.stat(cache.folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(path_of(cache, "key")).st_mode) == 0o600


def test_a_folder_that_others_may_write_is_refused(runtime, tmp_path):
    (tmp_path / "objects-1").mkdir()
    os.chmod(tmp_path / "objects-1", 0o777)
    cache = Cache(runtime, tmp_path)
    assert cache.folder == "" and "writable by other users" in cache.problem
    assert cache.put("key", b"code") == 0 and cache.get("key") is None


def test_a_linked_folder_is_refused(runtime, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "objects-1").symlink_to(tmp_path / "elsewhere")
    assert Cache(runtime, tmp_path).folder == ""


def test_a_file_in_the_folders_place(runtime, tmp_path):
    (tmp_path / "file").write_text("here first")
    cache = Cache(runtime, tmp_path / "file")
    assert "Not a directory" in cache.problem
    assert cache.put("key", b"code") == 0 and cache.get("key") is None


def test_the_folder_may_vanish(cache):
    cache.put("key", b"code")
    shutil.rmtree(cache.folder)
    assert cache.get("key") is None
    assert cache.put("key", b"code") == 0


def test_every_damaged_byte_is_a_miss(cache):
    content = random.Random(1).randbytes(120)
    cache.put("key", content)
    path = path_of(cache, "key")
    with open(path, "rb") as file:
        good = file.read()
    assert len(good) == HEADER + 120
    for at in range(len(good)):
        with open(path, "wb") as file:
            file.write(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
        assert cache.get("key") is None
        assert not os.path.exists(path)  # and is not read twice
    for size in range(len(good)):
        with open(path, "wb") as file:
            file.write(good[:size])
        assert cache.get("key") is None
    with open(path, "wb") as file:
        file.write(good + b"!")
    assert cache.get("key") is None
    with open(path, "wb") as file:
        file.write(good)
    assert cache.get("key") == content


def test_another_keys_file_is_a_miss(cache):
    cache.put("one", b"code of one")
    os.rename(path_of(cache, "one"), path_of(cache, "two"))
    assert cache.get("two") is None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_strange_files_do_not_hang(cache, make):
    cache.put("key", b"code")
    os.unlink(path_of(cache, "key"))
    make(path_of(cache, "key"))
    assert cache.get("key") is None


def test_a_link_is_not_followed(cache, tmp_path):
    cache.put("key", b"code")
    os.rename(path_of(cache, "key"), tmp_path / "moved")
    os.symlink(tmp_path / "moved", path_of(cache, "key"))
    assert cache.get("key") is None


def age(cache, key, seconds):
    moment = time.time() - seconds
    os.utime(path_of(cache, key), (moment, moment))


def test_the_oldest_go_first_and_a_hit_renews(runtime, tmp_path):
    cache = Cache(runtime, tmp_path, 20_000)
    for i in range(4):
        assert cache.put(str(i), bytes(4000))
        age(cache, str(i), 10_000 - i)
    assert cache.get("0") is not None  # used just now
    assert cache.put("4", bytes(4000))
    left = {str(i) for i in range(5) if cache.get(str(i)) is not None}
    assert left == {"0", "3", "4"}  # three quarters of the limit hold three


def test_the_folder_stays_within_its_limit(runtime, tmp_path):
    cache = Cache(runtime, tmp_path, 50_000)
    for i in range(100):
        assert cache.put(str(i), bytes(1000 + 37 * i))
        sizes = [os.path.getsize(entry) for entry in os.scandir(cache.folder)]
        assert sum(sizes) <= 50_000
    assert cache.get("99") is not None


def test_what_is_larger_than_the_limit_is_not_kept(runtime, tmp_path):
    cache = Cache(runtime, tmp_path, 1000)
    assert cache.put("small", bytes(100)) == 1
    assert cache.put("large", bytes(1000)) == 0
    assert cache.get("small") is not None


def test_foreign_files_are_left_alone(runtime, tmp_path):
    cache = Cache(runtime, tmp_path, 10_000)
    notes = os.path.join(cache.folder, "notes.txt")
    with open(notes, "wb") as file:
        file.write(bytes(50_000))
    for i in range(10):
        cache.put(str(i), bytes(3000))
    assert os.path.exists(notes)


@contextmanager
def child(code, *arguments, **environment):
    prelude = (
        "import ctypes, os, random, sys, time\n"
        f"sys.path.insert(0, {str(ROOT / 'test' / 'runtime')!r})\n"
        "from runtime_library import load_runtime\nfrom test_cache import *\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", prelude + code, *map(str, arguments)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


RACE = """
folder, seed = sys.argv[1], int(sys.argv[2])
cache = Cache(load_runtime(), folder, 300_000)
generator = random.Random(seed)
hits = 0
for turn in range(600):
    number = generator.randrange(40)
    content = cache.get(str(number))
    if content is None:
        cache.put(str(number), bytes([number]) * (5000 + 300 * number))
    else:
        assert content == bytes([number]) * (5000 + 300 * number), number
        hits += 1
print(hits)
"""


def test_eight_racing_processes(runtime, tmp_path):
    # 40 kernels of 11 KB on average do not fit: files come and go under the readers.
    from contextlib import ExitStack

    with ExitStack() as stack:
        racers = [stack.enter_context(child(RACE, tmp_path, seed)) for seed in range(8)]
        for racer in racers:
            output, errors = racer.communicate(timeout=300)
            assert racer.returncode == 0, errors
            assert int(output) > 0
    names = os.listdir(tmp_path / "objects-1")
    assert names and not [name for name in names if name.startswith(".")]


WRITER = """
cache = Cache(load_runtime(), sys.argv[1])
print('ready', flush=True)
content = os.urandom(8 << 20)
while True:
    cache.put('key', content)
"""


def test_killed_writers_leave_nothing_wrong(runtime, tmp_path):
    folder = tmp_path / "objects-1"
    for turn in range(6):
        with child(WRITER, tmp_path) as process:
            assert process.stdout.readline() == "ready\n"
            deadline = time.monotonic() + 60
            # Strike while a file is being written.
            while not list(folder.glob(".new-*")) and time.monotonic() < deadline:
                pass
            process.send_signal(signal.SIGKILL)
            process.wait()
    cache = Cache(runtime, tmp_path)
    content = cache.get("key")
    assert content is None or len(content) == 8 << 20
    leftover = folder / ".new-999999999-0-0"  # of a process that does not exist
    leftover.write_bytes(b"half")
    mine = folder / f".new-{os.getpid()}-77-0"  # of one that is still writing
    mine.write_bytes(b"half")
    assert cache.put("other", b"code") == 1
    assert [path.name for path in folder.glob(".new-*")] == [mine.name]
    os.utime(mine, (0, 0))  # nobody writes for years
    fresh = Cache(runtime, tmp_path)
    assert fresh.put("third", b"code") == 1
    assert list(folder.glob(".new-*")) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"STEPWELL_CACHE_DIR": "{}/a", "XDG_CACHE_HOME": "{}/b", "HOME": "{}/c"}, "a/objects-1"),
        ({"XDG_CACHE_HOME": "{}/b", "HOME": "{}/c"}, "b/stepwell/objects-1"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "{}/c"}, "c/.cache/stepwell/objects-1"),
        ({"STEPWELL_CACHE_DIR": "", "HOME": "{}/c"}, "c/.cache/stepwell/objects-1"),
    ],
)
def test_the_default_folder(runtime, tmp_path, monkeypatch, variables, expected):
    for name in ("STEPWELL_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    code = "print(Cache(load_runtime(), None).folder)"
    environment = {name: value.format(tmp_path) for name, value in variables.items()}
    with child(code, **environment) as process:
        output, errors = process.communicate(timeout=60)
    assert output.strip() == str(tmp_path / expected), errors


READER = """
folder, user = sys.argv[1], int(sys.argv[2])
lib = load_runtime()
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(user); os.setuid(user)
cache = Cache(lib, folder)
print(cache.get('key') == b'code', cache.put('other', b'code'))
"""


def test_a_read_only_folder_still_serves(cache, tmp_path):
    # Read by an ordinary user: root may write anywhere.
    cache.put("key", b"code")
    os.chmod(path_of(cache, "key"), 0o444)
    os.chmod(cache.folder, 0o555)
    shared = tmp_path / "cache"
    for folder in (shared, *shared.parents):
        if os.stat(folder).st_uid == os.geteuid() and folder != folder.parent:
            os.chmod(folder, stat.S_IMODE(os.stat(folder).st_mode) | 0o055)
        if folder.name.startswith("pytest-of"):
            break
    try:
        with child(READER, shared, 65534) as process:
            output, errors = process.communicate(timeout=60)
        assert output.split() == ["True", "0"], errors
    finally:
        os.chmod(cache.folder, 0o700)
