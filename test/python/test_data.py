# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""utils.data: data sets, the order of samples, batches."""

import pickle
from collections import namedtuple

import numpy as np
import pytest
import stepwell as sw
from stepwell.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
    random_split,
)


class Squares(Dataset):
    def __init__(self, count):
        self.count = count

    def __getitem__(self, index):
        return index, index**2

    def __len__(self):
        return self.count


class Stream(IterableDataset):
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return iter(range(self.count))

    def __len__(self):
        return self.count


def pairs(count):
    return TensorDataset(sw.tensor([[i, -i] for i in range(count)]), sw.tensor(list(range(count))))


# --- Data sets ---------------------------------------------------------------


def test_tensor_dataset():
    data = pairs(5)
    assert len(data) == 5
    assert [t.tolist() for t in data[2]] == [[2, -2], 2]
    assert [t.tolist() for t in data[-1]] == [[4, -4], 4]
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(sw.ones(3), sw.ones(4))
    with pytest.raises(IndexError):
        data[5]


def test_parts_and_sums():
    part = Subset(pairs(6), [4, 1])
    assert len(part) == 2 and part[1][1].item() == 1
    assert [s[1] for s in Subset(Squares(9), [3, 5]).__getitems__([1, 0])] == [25, 9]
    both = Squares(3) + Squares(2)
    assert isinstance(both, ConcatDataset) and len(both) == 5
    assert [both[i][0] for i in (0, 2, 3, 4, -1, -5)] == [0, 2, 0, 1, 1, 0]
    with pytest.raises(ValueError, match="exceed dataset length"):
        both[5]
    with pytest.raises(AssertionError, match="IterableDataset"):
        Squares(2) + Stream(2)
    with pytest.raises(AssertionError, match="empty iterable"):
        ConcatDataset([])
    with pytest.raises(TypeError, match="iterate over it"):
        Stream(3)[0]
    with pytest.raises(TypeError, match="__getitem__"):
        type("Without", (Dataset,), {})()


def test_random_split():
    sw.manual_seed(0)
    parts = random_split(Squares(10), [7, 3])
    assert [len(p) for p in parts] == [7, 3]
    assert sorted([*parts[0].indices, *parts[1].indices]) == list(range(10))
    assert parts[0].indices != list(range(7))
    sw.manual_seed(0)
    assert random_split(Squares(10), [7, 3])[0].indices == parts[0].indices
    assert [len(p) for p in random_split(Squares(11), [0.5, 0.25, 0.25])] == [6, 3, 2]
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(Squares(10), [7, 4])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between"):
        random_split(Squares(10), [1.5, -0.5])


# --- Order -------------------------------------------------------------------


def test_samplers():
    assert list(SequentialSampler(Squares(3))) == [0, 1, 2]
    sw.manual_seed(3)
    first, second = list(RandomSampler(Squares(20))), list(RandomSampler(Squares(20)))
    assert sorted(first) == sorted(second) == list(range(20)) and first != second
    assert first != list(range(20))
    sw.manual_seed(3)
    assert list(RandomSampler(Squares(20))) == first
    drawn = list(RandomSampler(Squares(3), replacement=True, num_samples=50))
    assert set(drawn) == {0, 1, 2} and len(drawn) == 50
    more = list(RandomSampler(Squares(4), num_samples=10))
    assert len(more) == 10 and sorted(more[:4]) == sorted(more[4:8]) == [0, 1, 2, 3]
    assert list(RandomSampler(Squares(0))) == []
    assert list(RandomSampler(Squares(0), num_samples=3)) == []
    chosen = SubsetRandomSampler([5, 7, 9])
    assert sorted(chosen) == [5, 7, 9] and len(chosen) == 3
    batches = BatchSampler(SequentialSampler(Squares(5)), 2, drop_last=False)
    assert list(batches) == [[0, 1], [2, 3], [4]] and len(batches) == 3
    batches = BatchSampler(range(5), 2, drop_last=True)
    assert list(batches) == [[0, 1], [2, 3]] and len(batches) == 2
    with pytest.raises(ValueError, match="batch_size should be a positive integer"):
        BatchSampler(range(5), 0, False)
    with pytest.raises(ValueError, match="drop_last should be a boolean"):
        BatchSampler(range(5), 1, 0)
    with pytest.raises(TypeError, match="replacement should be a boolean"):
        RandomSampler(Squares(2), replacement=1)
    with pytest.raises(ValueError, match="num_samples should be a positive"):
        RandomSampler(Squares(2), num_samples=0)


# --- Batches -----------------------------------------------------------------


def test_collate():
    Pair = namedtuple("Pair", "a b")
    batch = default_collate([{"x": Pair(1, 2.5), "y": ["u", b"v"]}, {"x": Pair(3, 4.5), "y": "uv"}])
    assert isinstance(batch["x"], Pair) and batch["y"] == [("u", "u"), (b"v", "v")]
    assert batch["x"].a.tolist() == [1, 3] and batch["x"].a.dtype is sw.int64
    assert batch["x"].b.tolist() == [2.5, 4.5] and batch["x"].b.dtype is sw.float64
    arrays = default_collate([np.ones(2, np.float32), np.zeros(2, np.float32)])
    assert arrays.tolist() == [[1.0, 1.0], [0.0, 0.0]] and arrays.dtype is sw.float32
    assert default_collate([np.float32(1), np.float32(2)]).dtype is sw.float32
    assert default_collate([True, False]).dtype is sw.bool
    assert default_collate([sw.ones(3), sw.zeros(3)]).shape == (2, 3)
    with pytest.raises(TypeError, match="found <class 'object'>"):
        default_collate([object()])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1, 2], [1]])


def test_loader_in_order():
    loader = DataLoader(pairs(5), batch_size=2)
    batches = list(loader)
    assert len(loader) == 3
    assert [y.tolist() for _, y in batches] == [[0, 1], [2, 3], [4]]
    assert batches[1][0].tolist() == [[2, -2], [3, -3]]
    batches[0][0].fill_(9)  # the data set is not changed by what happens to a batch
    assert next(iter(loader))[0].tolist() == [[0, 0], [1, -1]]
    assert [y.tolist() for _, y in DataLoader(pairs(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert [x.tolist() for x, _ in DataLoader(Squares(3), 2)] == [[0, 1], [2]]


@pytest.mark.parametrize("data", [pairs(20), Subset(pairs(30), range(20)), Squares(20)])
def test_loader_shuffles(data):
    def epoch(loader):
        return [x.flatten()[0].item() for x, _ in loader]

    sw.manual_seed(1)
    loader = DataLoader(data, shuffle=True)
    first, second = epoch(loader), epoch(loader)
    assert sorted(first) == sorted(second) == list(range(20)) and first != second
    sw.manual_seed(1)
    assert epoch(loader) == first
    own = sw.Generator().manual_seed(5)
    chosen = epoch(DataLoader(data, shuffle=True, generator=own))
    own.manual_seed(5)
    assert epoch(DataLoader(data, shuffle=True, generator=own)) == chosen


def test_whole_batches_are_those_of_single_samples():
    data = TensorDataset(sw.rand(20, 3, 2), sw.rand(20).requires_grad_())
    order = [[3, 1, 2], [19, 0], [7], [4, 5, 6], [-1, -2], [-2, -1]]
    for part in (data, Subset(data, list(range(19, -1, -1)))):
        for indices, batch in zip(order, DataLoader(part, batch_sampler=order), strict=True):
            singles = default_collate([part[i] for i in indices])
            assert [t.tolist() for t in batch] == [t.tolist() for t in singles]
    with pytest.raises(IndexError):
        list(DataLoader(data, batch_sampler=[[19, 20]]))
    with pytest.raises(IndexError):
        list(DataLoader(data, batch_sampler=[[20, 0]]))


def test_samples_of_subclasses_are_theirs():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(t * 2 for t in super().__getitem__(index))

    class Negative(Subset):
        def __getitems__(self, indices):
            return [-i for i in indices]

    data = Doubled(sw.tensor([1, 2, 3]))
    for part in (data, Subset(data, [0, 1, 2])):
        assert [x.tolist() for (x,) in DataLoader(part, 2)] == [[2, 4], [6]]
    assert [b.tolist() for b in DataLoader(Negative(pairs(3), [0, 1]), 2)] == [[0, -1]]


def test_pickles():
    loader = pickle.loads(pickle.dumps(DataLoader(Subset(pairs(4), [3, 1]), 2)))
    assert [y.tolist() for _, y in loader] == [[3, 1]]


def test_options_of_the_loader():
    assert list(DataLoader(pairs(2), batch_size=None))[1][1].tolist() == 1
    assert len(DataLoader(Squares(3), batch_size=None)) == 3
    assert isinstance(
        next(iter(DataLoader([np.ones(2)], batch_size=None))), sw.Tensor
    )  # converted, not collated
    assert list(DataLoader(Squares(3), 2, collate_fn=len)) == [2, 1]
    assert list(DataLoader(pairs(3), 2, collate_fn=len)) == [2, 1]
    assert [x.tolist() for x, _ in DataLoader(Squares(5), sampler=[4, 2])] == [[4], [2]]
    assert len(DataLoader(Squares(5), batch_sampler=[[1, 2], [0]])) == 2

    class Whole(Squares):
        def __getitems__(self, indices):
            return [(-i, -i) for i in indices]

    assert [x.tolist() for x, _ in DataLoader(Whole(3), 3)] == [[0, -1, -2]]


def test_loader_of_a_stream():
    assert [b.tolist() for b in DataLoader(Stream(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Stream(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Stream(2), batch_size=None)) == [0, 1]
    assert len(DataLoader(Stream(5), 2)) == 3 and len(DataLoader(Stream(5), None)) == 5
    for options in ({"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}):
        with pytest.raises(ValueError, match="IterableDataset: expected unspecified"):
            DataLoader(Stream(5), **options)


def test_what_the_loader_refuses():
    with pytest.raises(ValueError, match="num_workers=2: loading in other processes is not there"):
        DataLoader(Squares(3), num_workers=2)
    with pytest.raises(ValueError, match="mutually exclusive with shuffle"):
        DataLoader(Squares(3), shuffle=True, sampler=[1])
    with pytest.raises(ValueError, match="batch_sampler option is mutually exclusive"):
        DataLoader(Squares(3), batch_size=2, batch_sampler=[[1]])
    with pytest.raises(ValueError, match="disables auto-batching"):
        DataLoader(Squares(3), batch_size=None, drop_last=True)
