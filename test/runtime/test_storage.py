# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Storage and the CPU allocator: counted, aligned, reused, bounded."""

import ctypes
import threading

import pytest
from runtime_library import Deleter


class Storage(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("bytes", ctypes.c_int64)]


def data_of(storage):
    return Storage.from_address(storage).data


@pytest.fixture
def cpu(runtime):
    runtime.stepwell_cpu_allocator_set_limit(0)  # nothing kept from other tests
    runtime.stepwell_cpu_allocator_set_limit(1 << 20)
    yield runtime.stepwell_device_cpu()
    runtime.stepwell_cpu_allocator_set_limit(128 << 20)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 100, 4096, 100_000, 1 << 25, (1 << 25) + 1])
def test_alignment_and_room(runtime, cpu, size):
    storage = runtime.stepwell_storage_create(cpu, size, None)
    assert data_of(storage) % 64 == 0
    assert Storage.from_address(storage).bytes == size
    ctypes.memset(data_of(storage), 0x5A, size)
    runtime.stepwell_storage_release(storage)


def test_every_size_class_has_room_and_is_counted_exactly(runtime, cpu):
    runtime.stepwell_cpu_allocator_set_limit(1 << 30)
    for size in [*range(1300), *(2**k + d for k in range(11, 22) for d in (-1, 0, 1))]:
        storage = runtime.stepwell_storage_create(cpu, size, None)
        runtime.stepwell_storage_release(storage)
        kept = runtime.stepwell_cpu_allocator_cached_bytes()
        assert size <= kept <= max(64, size * 5 // 4 + 16)
        runtime.stepwell_cpu_allocator_set_limit(0)
        assert runtime.stepwell_cpu_allocator_cached_bytes() == 0
        runtime.stepwell_cpu_allocator_set_limit(1 << 30)


def test_a_freed_block_is_used_again(runtime, cpu):
    first = runtime.stepwell_storage_create(cpu, 5000, None)
    address = data_of(first)
    runtime.stepwell_storage_release(first)
    second = runtime.stepwell_storage_create(cpu, 4900, None)
    assert data_of(second) == address
    third = runtime.stepwell_storage_create(cpu, 4900, None)
    assert data_of(third) != address
    runtime.stepwell_storage_release(second)
    runtime.stepwell_storage_release(third)


def test_what_is_kept_is_bounded(runtime, cpu):
    held = [runtime.stepwell_storage_create(cpu, 30_000, None) for _ in range(100)]
    for storage in held:
        runtime.stepwell_storage_release(storage)
    assert 900_000 < runtime.stepwell_cpu_allocator_cached_bytes() <= 1 << 20
    runtime.stepwell_cpu_allocator_set_limit(100_000)
    assert runtime.stepwell_cpu_allocator_cached_bytes() <= 100_000


def test_what_lies_about_makes_room_for_what_was_just_freed(runtime, cpu):
    held = [runtime.stepwell_storage_create(cpu, 300_000, None) for _ in range(5)]
    for storage in held:
        runtime.stepwell_storage_release(storage)
    first = runtime.stepwell_storage_create(cpu, 250_000, None)
    address = data_of(first)
    runtime.stepwell_storage_release(first)
    assert runtime.stepwell_cpu_allocator_cached_bytes() <= 1 << 20
    second = runtime.stepwell_storage_create(cpu, 250_000, None)
    kept = runtime.stepwell_cpu_allocator_cached_bytes()
    assert data_of(second) == address
    runtime.stepwell_storage_release(second)
    assert runtime.stepwell_cpu_allocator_cached_bytes() >= kept + 250_000


@pytest.mark.parametrize("size", [-1, 1 << 60, (1 << 63) - 1])
def test_impossible_sizes_are_refused(runtime, cpu, size):
    assert runtime.stepwell_storage_create(cpu, size, None) is None


def test_the_count_and_the_deleter(runtime, cpu):
    calls = []
    deleter = Deleter(lambda data, environment: calls.append((data, environment)))
    buffer = ctypes.create_string_buffer(16)
    address = ctypes.addressof(buffer)
    storage = runtime.stepwell_storage_wrap(cpu, address, 16, deleter, 1234)
    assert data_of(storage) == address
    runtime.stepwell_storage_retain(storage)
    assert runtime.stepwell_storage_use_count(storage) == 2
    runtime.stepwell_storage_release(storage)
    assert calls == [] and runtime.stepwell_storage_use_count(storage) == 1
    runtime.stepwell_storage_release(storage)
    assert calls == [(address, 1234)]
    assert runtime.stepwell_cpu_allocator_cached_bytes() == 0


def test_borrowed_memory_is_never_freed(runtime, cpu):
    buffer = ctypes.create_string_buffer(b"kept", 64)
    null = ctypes.cast(None, Deleter)
    storage = runtime.stepwell_storage_wrap(cpu, ctypes.addressof(buffer), 64, null, None)
    runtime.stepwell_storage_release(storage)
    assert buffer.value == b"kept" and runtime.stepwell_cpu_allocator_cached_bytes() == 0
    runtime.stepwell_storage_release(None)


def test_many_threads(runtime, cpu):
    failures = []

    def worker(tag):
        for turn in range(200):
            size = 64 + (turn * 37) % 4000
            storage = runtime.stepwell_storage_create(cpu, size, None)
            ctypes.memset(data_of(storage), tag, size)
            if ctypes.string_at(data_of(storage), size) != bytes([tag]) * size:
                failures.append(tag)
            runtime.stepwell_storage_release(storage)

    workers = [threading.Thread(target=worker, args=(tag,)) for tag in range(8)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert not failures


def test_the_workspace_grows_and_goes(runtime):
    from runtime_library import Context

    context = Context()
    runtime.stepwell_context_init(context, 0)
    assert runtime.stepwell_context_reserve(context, 0) == 0 and not context.workspace
    assert runtime.stepwell_context_reserve(context, 100) == 0
    first = context.workspace
    assert first % 64 == 0 and context.workspace_bytes == 128
    assert runtime.stepwell_context_reserve(context, 50) == 0 and context.workspace == first
    assert runtime.stepwell_context_reserve(context, -1) == 4  # out of memory
    assert runtime.stepwell_context_reserve(context, 1 << 60) == 4
    assert context.workspace is None and context.workspace_bytes == 0
    runtime.stepwell_context_release(context)
