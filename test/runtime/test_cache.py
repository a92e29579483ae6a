# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The disk cache: complete files or none, whatever happens around it."""

import ctypes
import hashlib
import os
import random
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from runtime_library import ROOT, Digest

HEADER = 96
BLOCK = 4096  # what a file takes on disk is a multiple


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


def objects(folder):
    """The kernels in it, without the cache's own notes."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


@pytest.mark.parametrize("size", [*range(130), 1000, 4096, 100_001])
def test_sha256(runtime, size):
    content = random.Random(size).randbytes(size)
    expected = hashlib.sha256(content).digest()
    assert bytes(runtime.stepwell_sha256(content, size).bytes) == expected
    assert bytes(runtime.stepwell_sha256_portable(content, size).bytes) == expected
    for first in (0, 64, 192):
        whole = random.Random(first).randbytes(first) + content
        digest = runtime.stepwell_sha256_two(whole[:first], first, content, size)
        assert bytes(digest.bytes) == hashlib.sha256(whole).digest()


@pytest.mark.parametrize("content", [b"", b"x", b"\x00" * 77, os.urandom(100_000)])
def test_put_then_get(cache, content):
    assert cache.get("key") is None
    assert cache.put("key", content) == 1
    assert cache.get("key") == content
    assert cache.get("other") is None
    assert objects(cache.folder) == [name_of("key")]


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


def test_the_folder_may_vanish_and_is_made_again(cache):
    cache.put("key", b"code")
    shutil.rmtree(cache.folder)
    assert cache.get("key") is None
    assert cache.put("key", b"code") == 1
    assert cache.get("key") == b"code" and cache.problem == ""
    assert stat.S_IMODE(os.stat(cache.folder).st_mode) == 0o700


OTHER = 12345  # a user that this one is not


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_becomes_writable_by_others_is_not_used(cache, mode):
    cache.put("key", b"code")
    os.chmod(cache.folder, mode)
    assert cache.get("key") is None
    assert cache.put("key", b"code") == 0
    assert "writable by other users" in cache.problem


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_a_miss(cache, mode):
    cache.put("key", b"code")
    os.chmod(path_of(cache, "key"), mode)
    assert cache.get("key") is None
    assert not os.path.exists(path_of(cache, "key"))
    assert cache.put("key", b"code") == 1 and cache.get("key") == b"code"


def test_a_relative_folder_stays_where_it_was(runtime, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = Cache(runtime, "here")
    assert cache.put("key", b"code") == 1
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cache.get("key") == b"code" and cache.put("other", b"code") == 1
    assert not list((tmp_path / "elsewhere").iterdir())
    assert cache.folder == str(tmp_path / "here" / "objects-1")


def test_a_replaced_folder_is_noticed(cache, tmp_path):
    cache.put("key", b"code")
    os.rename(cache.folder, tmp_path / "moved")
    os.symlink(tmp_path / "moved", cache.folder)
    assert cache.get("key") is None
    assert cache.put("other", b"code") == 0
    assert cache.problem != ""
    assert objects(tmp_path / "moved") == [name_of("key")]


def world_readable(path):
    """Lets other users reach a folder below pytest's, which is private."""
    for folder in (path, *path.parents):
        if os.stat(folder).st_uid == os.geteuid() and folder != folder.parent:
            os.chmod(folder, stat.S_IMODE(os.stat(folder).st_mode) | 0o055)
        if folder.name.startswith("pytest-of"):
            break


def give_away(path):
    """Makes it another user's; without root's rights, another user's to write."""
    if os.geteuid() == 0:
        os.chown(path, OTHER, OTHER)
    else:
        os.chmod(path, 0o777)


def test_what_belongs_to_another_user_is_not_run(cache):
    cache.put("key", b"code")
    give_away(path_of(cache, "key"))
    assert cache.get("key") is None
    assert cache.put("key", b"code") == 1
    give_away(cache.folder)
    assert cache.get("key") is None
    assert "other user" in cache.problem.replace("another", "other")


@contextmanager
def full_disk(folder, inodes=False):
    """A disk with hardly any room where this user may mount one; else files may not grow."""
    folder.mkdir()
    options = "nr_inodes=3" if inodes else "size=64k"
    command = ["mount", "-t", "tmpfs", "-o", options + ",mode=700", "tmpfs", str(folder)]
    mounted = shutil.which("mount") and subprocess.run(command, capture_output=True).returncode == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0 if inodes else 60_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("inodes", [False, True], ids=["bytes", "inodes"])
def test_a_full_disk_is_a_problem_and_no_error(runtime, tmp_path, inodes):
    with full_disk(tmp_path / "disk", inodes):
        cache = Cache(runtime, tmp_path / "disk")
        kept = cache.put("small", bytes(1000))
        assert cache.put("large", bytes(100_000)) == 0
        assert "No space left" in cache.problem or "too large" in cache.problem
        assert cache.get("large") is None
        assert (cache.get("small") is not None) == bool(kept)
        assert len(objects(cache.folder)) == kept  # and nothing half written
        assert not [name for name in os.listdir(cache.folder) if name.startswith(".new-")]
        runtime.stepwell_cache_close(cache.handle)


@pytest.mark.parametrize("place", ["/proc/self/nowhere", "/dev/null", "/sys/stepwell"])
def test_where_nothing_can_be_made(runtime, place):
    cache = Cache(runtime, place)
    assert cache.folder == "" and cache.problem.startswith(place)
    assert cache.put("key", b"code") == 0 and cache.get("key") is None


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
    cache = Cache(runtime, tmp_path, 4 * BLOCK)
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
        assert on_disk(cache.folder) <= 50_000
    assert cache.get("99") is not None


def on_disk(folder):
    sizes = [os.path.getsize(os.path.join(folder, name)) for name in objects(folder)]
    return sum(-size // BLOCK * -BLOCK for size in sizes)


def test_processes_that_keep_one_kernel_each_stay_within_the_limit_together(runtime, tmp_path):
    for i in range(60):
        cache = Cache(runtime, tmp_path, 50_000)
        assert cache.put(str(i), bytes(1000 + 37 * i))
        assert on_disk(cache.folder) <= 50_000
        runtime.stepwell_cache_close(cache.handle)


def test_the_folder_is_not_looked_through_for_each_kernel(runtime, tmp_path):
    # What the note says is believed for an hour, in any process: a file that it does not count stays.
    cache = Cache(runtime, tmp_path, 50_000)
    assert cache.put("first", bytes(100))
    leftover = tmp_path / "objects-1" / ".new-999999999-0-0"
    leftover.write_bytes(b"half")
    os.utime(leftover, (0, 0))
    for i in range(5):
        assert Cache(runtime, tmp_path, 50_000).put(str(i), bytes(100))
        assert leftover.exists()
    note = tmp_path / "objects-1" / ".size"
    # One byte for each block, after the time.
    assert note.stat().st_size == 8 + 6
    note.write_bytes(struct.pack("<q", int(time.time()) - 4000) + bytes(6))
    assert cache.put("late", bytes(100))
    assert not leftover.exists()


@pytest.mark.parametrize("content", [b"", b"short", bytes(8), b"\xff" * 100, None])
def test_whatever_the_note_says(runtime, tmp_path, content):
    cache = Cache(runtime, tmp_path, 50_000)
    note = tmp_path / "objects-1" / ".size"
    for i in range(30):
        assert cache.put(str(i), bytes(4000))
        note.unlink()
        if content is None:
            note.mkdir() if i % 2 else note.symlink_to("/dev/zero")
        else:
            note.write_bytes(content)
        assert on_disk(cache.folder) <= 50_000
        if note.is_dir() and not note.is_symlink():
            note.rmdir()
            note.touch()


def test_what_is_larger_than_the_limit_is_not_kept(runtime, tmp_path):
    cache = Cache(runtime, tmp_path, BLOCK)
    assert cache.put("small", bytes(100)) == 1
    assert cache.put("large", bytes(BLOCK)) == 0
    assert cache.get("small") is not None


@pytest.mark.parametrize(
    ("text", "limit"),
    [("20480", 5), ("20k", 5), ("20K", 5), ("1M", 256), ("", None), ("1G", None), ("1T", None)],
)
def test_the_size_option(runtime, tmp_path, text, limit):
    code = """
cache = Cache(load_runtime(), sys.argv[1])
assert cache.problem == "", cache.problem
for i in range(300):
    assert cache.put(str(i), bytes(100))
print(len(objects(cache.folder)))
"""
    with child(code, tmp_path, STEPWELL_CACHE_SIZE=text) as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert int(output) == 300 if limit is None else 0 < int(output) <= limit


@pytest.mark.parametrize(
    "text", ["many", "-1", "1.5G", "1GB", "9999999999G", "1 ", "0x10", "99" * 20]
)
def test_a_size_that_is_none_is_a_problem(tmp_path, text):
    code = "cache = Cache(load_runtime(), sys.argv[1]); print(cache.problem, cache.put('key', b'code'))"
    with child(code, tmp_path, STEPWELL_CACHE_SIZE=text) as process:
        output, errors = process.communicate(timeout=60)
    expected = f"STEPWELL_CACHE_SIZE={text}: not a size such as 500M or 2G; 1G is used 1"
    assert output.strip() == expected, errors


def test_a_size_of_nothing_is_no_cache(tmp_path):
    code = "cache = Cache(load_runtime(), sys.argv[1]); print([cache.folder, cache.problem, cache.put('key', b'code'), cache.get('key')])"
    with child(code, tmp_path / "cache", STEPWELL_CACHE_SIZE="0") as process:
        output, errors = process.communicate(timeout=60)
    assert output.strip() == "['', '', 0, None]", errors
    assert not (tmp_path / "cache").exists()


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
    assert names and not [name for name in names if name.startswith(".new-")]


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
    fresh = folder / ".new-999999999-1-0"  # and that may be in another container
    fresh.write_bytes(b"half")
    os.utime(leftover, (time.time() - 100, time.time() - 100))
    mine = folder / f".new-{os.getpid()}-77-0"  # of one that is still writing
    mine.write_bytes(b"half")
    for path in folder.glob(".new-*"):
        if path not in (mine, fresh):
            os.utime(path, (time.time() - 100, time.time() - 100))
    (folder / ".size").unlink(missing_ok=True)
    assert cache.put("other", b"code") == 1
    assert {path.name for path in folder.glob(".new-*")} == {mine.name, fresh.name}
    os.utime(mine, (0, 0))  # nobody writes for years
    os.utime(fresh, (0, 0))
    (folder / ".size").unlink()
    assert Cache(runtime, tmp_path).put("third", b"code") == 1
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
    world_readable(shared)
    try:
        with child(READER, shared, 65534) as process:
            output, errors = process.communicate(timeout=60)
        assert output.split() == ["True", "0"], errors
    finally:
        os.chmod(cache.folder, 0o700)
