# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""export(), .stepwell files, load(): exported = compiled, and what is refused."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import stepwell as sw

BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", Path(__file__).resolve().parents[2] / "build"))
RANDOM = np.random.default_rng(3)


def random(*shape, dtype=np.float32):
    return sw.from_numpy(RANDOM.normal(size=shape).astype(dtype))


def same(a, b):
    values = [t.detach().contiguous()._bytes() for t in (a, b)]
    return a.dtype is b.dtype and a.shape == b.shape and values[0] == values[1]


class Network:
    """A module as far as export() cares: no stepwell.nn needed."""

    def __init__(self):
        self.weight, self.bias = random(8, 3).requires_grad_(), random(3).requires_grad_()
        self.mean = random(8)

    def named_parameters(self):
        return iter({"fc.weight": self.weight, "fc.bias": self.bias}.items())

    def named_buffers(self):
        return iter({"norm.mean": self.mean}.items())

    def forward(self, x):
        return ((x - self.mean) @ self.weight * 0.5 + self.bias).exp()

    def __call__(self, x):
        return self.forward(x)


@pytest.fixture(scope="module")
def network():
    return Network()


def through_a_file(program, tmp_path):
    program.save(tmp_path / "m.stepwell")
    return sw.load(tmp_path / "m.stepwell")


def test_exported_is_compiled_is_loaded(network, tmp_path):
    x = random(4, 8)
    exported = sw.export(network, (x,))
    loaded = through_a_file(exported, tmp_path)
    result = exported(x)
    before = sw.kernel_stats()["compiles"]
    with sw.no_grad():
        assert same(sw.compile(network)(x), result)
    assert same(loaded(x=x), result)
    assert sw.kernel_stats()["compiles"] == before  # one kernel serves all three
    assert same(loaded(random(4, 8) * 0.0), exported(random(4, 8) * 0.0))


def test_signature_and_names(network):
    program = sw.export(network, random(4, 8))
    assert [str(spec) for spec in program.arguments] == ["x: float32 (4, 8)"]
    assert [str(spec) for spec in program.results] == ["out0: float32 (4, 3)"]
    assert list(program.weights) == ["norm.mean", "fc.weight", "fc.bias"]
    text = repr(program)
    assert text.startswith("// argument x: float32 (4, 8)\n// weight norm.mean: float32 (8,)\n")
    assert 'stepwell.name = "fc.weight"' in program.program and '"array.matmul"' in text


def test_weights_are_copies(network):
    other = Network()
    x = random(4, 8)
    program = sw.export(other.forward, (x,))
    before = program(x)
    with sw.no_grad():
        other.weight.mul_(0.0)
    assert same(program(x), before)
    assert not program(x).requires_grad


class Normalised(sw.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = sw.nn.Parameter(random(8, 3))
        self.register_buffer("mean", sw.zeros(1, 8))

    def forward(self, x):
        if self.training:
            with sw.no_grad():
                self.mean.mul_(0.9).add_(x * 0.1)
        return (x - self.mean) @ self.weight


def test_a_module_of_nn(tmp_path):
    model, x = sw.nn.Sequential(Normalised(), sw.nn.ReLU()), random(1, 8).expand(4, 8)
    with pytest.raises(RuntimeError, match=r"writes to '0.mean': .* exported after .eval\(\)"):
        sw.export(model, (x[:1],))
    program = through_a_file(sw.export(model.eval(), (x,)), tmp_path)
    assert list(program.weights) == ["0.mean", "0.weight"]
    with sw.no_grad():
        assert same(program(x), sw.compile(model)(x))
    wrapped = sw.export(lambda x: model(x) * 2.0, (x,))
    assert list(wrapped.weights) == ["model.0.mean", "model.0.weight"]


def test_names_of_what_a_function_closes_over():
    scale, table = random(3), {"shift": [random(3)]}
    program = sw.export(lambda x, scale_=scale: x * scale + table["shift"][0], (random(2, 3),))
    assert list(program.weights) == ["scale", "table.shift.0"]


def test_names_are_unique(network):
    weight, x = random(3), random(3)

    def function(weight_, x):
        return {"x": weight_ * weight, "weight_": x + (weight * 2.0)}

    program = sw.export(function, (weight, x))
    names = [spec.name for spec in (*program.arguments, *program.results)]
    assert names == ["weight_", "x", "x_1", "weight__1"]
    result = program(weight, x)
    assert same(result["x"], weight * weight) and same(result["weight_"], x + weight * 2.0)


def test_structures(tmp_path):
    a, b = random(2), random(3)

    def function(pair, *, flag, table, nothing=None, infinity=float("inf")):
        assert flag == "on" and nothing is None
        first, second = pair
        return {"sum": [first + table[7], None], "all": (second, (first, 3, infinity))}

    kwargs = {"table": {7: a}, "flag": "on", "nothing": None, "infinity": float("inf")}
    program = through_a_file(sw.export(function, ((a, b),), kwargs), tmp_path)
    assert [spec.name for spec in program.arguments] == ["pair.0", "pair.1", "table.7"]
    assert [spec.name for spec in program.results] == ["sum.0", "all.0", "all.1.0"]
    result = program((b[:2].contiguous(), b), **kwargs)
    assert same(result["sum"][0], b[:2] + a) and result["sum"][1] is None
    assert same(result["all"][0], b) and result["all"][1][1:] == (3, float("inf"))


def test_an_unused_argument_stays(tmp_path):
    program = through_a_file(sw.export(lambda x, y, z: z - x, (random(2),) * 3), tmp_path)
    assert [spec.name for spec in program.arguments] == ["x", "y", "z"]
    x, y, z = random(2), random(2), random(2)
    assert same(program(x, y, z), z - x)


@pytest.mark.parametrize("dtype", ["int64", "float64", "bfloat16", "bool", "uint8", "int16"])
def test_dtypes(dtype, tmp_path):
    weight = sw.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]], dtype=getattr(sw, dtype))
    program = through_a_file(sw.export(lambda x: (x == weight, weight + x), (weight,)), tmp_path)
    equal, total = program(weight)
    assert same(equal, weight == weight) and same(total, weight + weight)


def test_empty_and_scalar_tensors(tmp_path):
    empty, scalar = sw.zeros(0, 3), sw.tensor(2.5)
    program = through_a_file(sw.export(lambda x: (x + empty, scalar * 3.0), (empty,)), tmp_path)
    result = program(empty)
    assert result[0].shape == (0, 3) and result[1].item() == 7.5


def test_views_as_weights_and_arguments(tmp_path):
    table = random(4, 6)
    column = table.T[1:3]
    program = through_a_file(sw.export(lambda x: x * column, (random(2, 4),)), tmp_path)
    x = random(4, 2).T
    assert same(program(x), x * column)


def test_a_gradient_is_a_result(network, tmp_path):
    def function(x):
        with sw.enable_grad():
            return sw.autograd.grad(network(x).sum(), network.weight)[0]

    x = random(4, 8)
    program = through_a_file(sw.export(function, (x,)), tmp_path)
    assert "autodiff.vjp" in program.program
    assert same(program(x), sw.compile(function)(x))


def test_inside_of_other_functions(network):
    x = random(4, 8)
    program = sw.export(network, (x,))
    compiled = sw.compile(lambda x: program(x) * 2.0)
    np.testing.assert_allclose(compiled(x).numpy(), program(x).numpy() * 2, rtol=1e-6)
    x = x.requires_grad_()
    (program(x) * 1.0).sum().backward()
    expected = x.grad.numpy()
    x.grad = None
    network(x).sum().backward()
    np.testing.assert_allclose(expected, x.grad.numpy(), rtol=1e-5)
    again = sw.export(lambda x: program(x) + 1.0, (x,))
    assert any(name.startswith("program.") for name in again.weights)


def test_wrong_arguments(network):
    x = random(4, 8)
    program = sw.export(lambda x, flag: network(x), (x, True))
    shape = r"argument 'x' is float32 \(3, 8\), the program was exported for float32 \(4, 8\)"
    with pytest.raises(RuntimeError, match=shape):
        program(random(3, 8), True)
    with pytest.raises(RuntimeError, match="argument 'x' is float64"):
        program(random(4, 8, dtype=np.float64), True)
    with pytest.raises(TypeError, match="argument 'flag' is False, the program was exported for"):
        program(x, False)
    with pytest.raises(TypeError, match="argument 'x' is 3, .* for a Tensor"):
        program(3, True)
    with pytest.raises(TypeError, match="missing argument 'flag'"):
        program(x)
    with pytest.raises(TypeError, match="takes 2 arguments but 3 were given"):
        program(x, True, 1)
    with pytest.raises(TypeError, match="unexpected argument 'y'"):
        program(x, True, y=1)
    with pytest.raises(TypeError, match="multiple values for argument 'x'"):
        program(x, True, x=x)


def writes(x):
    x.add_(1.0)
    return x


def test_what_cannot_be_exported(network):
    x, kept = random(4, 8), random(4, 8)
    with pytest.raises(RuntimeError, match="writes to 'x': an exported program only returns"):
        sw.export(writes, (x,))
    with pytest.raises(RuntimeError, match=r"writes to 'kept'.*\.eval\(\)"):
        sw.export(lambda x: kept.add_(x), (x,))

    def backward(x):
        with sw.enable_grad():
            network(x).sum().backward()
        return x

    with pytest.raises(RuntimeError, match=r"reads or changes the .grad .*autograd.grad"):
        sw.export(backward, (x,))
    with pytest.raises(TypeError, match="the function returns no tensor"):
        sw.export(lambda x: 3, (x,))
    with pytest.raises(TypeError, match="the result holds a object"):
        sw.export(lambda x: (x, object()), (x,))
    with pytest.raises(TypeError, match="argument 'x' holds a set"):
        sw.export(lambda x: kept, (set(),))
    with pytest.raises(TypeError, match="args must be a tuple, not list"):
        sw.export(network, [x])
    with pytest.raises(RuntimeError, match=r"test_export.py:\d+: item\(\) or bool\(\) needs"):
        sw.export(lambda x: x if x.sum() > 0 else kept, (x,))
    with pytest.raises(RuntimeError, match="cannot run inside a function that is being captured"):
        sw.compile(lambda x: sw.export(network, (x,))(x))(x)


# --- Files ------------------------------------------------------------------------


@pytest.fixture
def file(network, tmp_path):
    path = tmp_path / "m.stepwell"
    sw.export(network, (random(4, 8),)).save(path)
    return path


def test_no_file_is_left_by_a_failed_save(network, tmp_path):
    program = sw.export(network, (random(4, 8),))
    with pytest.raises(OSError):
        program.save(tmp_path / "gone" / "m.stepwell")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        program.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        sw.load(tmp_path / "m.stepwell")


def test_the_file_is_a_safetensors_file(file, network):
    tensors = sw.load_file(file)
    assert set(tensors) >= {"fc.weight", "fc.bias", "norm.mean"}
    assert same(tensors["fc.weight"], network.weight)


def test_every_truncation_is_refused(file):
    content = file.read_bytes()
    for size in [*range(0, 64), *range(64, len(content), 41), len(content) - 1]:
        file.write_bytes(content[:size])
        with pytest.raises(ValueError, match="m.stepwell: "):
            sw.load(file)


def test_every_flipped_bit_is_refused(file):
    content = file.read_bytes()
    for at in RANDOM.integers(0, len(content), size=300):
        damaged = bytearray(content)
        damaged[at] ^= 1 << RANDOM.integers(8)
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="m.stepwell: "):
            sw.load(file)


def signed(header, data=b""):
    """A file with the right checksum, whatever it says."""
    header["__metadata__"]["sha256"] = "0" * 64
    text = json.dumps(header).encode()
    content = len(text).to_bytes(8, "little") + text + data
    return content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode(), 1)


def taken_apart(file):
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def change(header, path, value):
    for key in path[:-1]:
        header = header[key]
    header[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["__metadata__"], {}, "this file holds no program"),
        (["__metadata__", "stepwell"], "9", "format version '9'; this Stepwell reads 1"),
        (["__metadata__", "program"], 3, "the program, its signature or the checksum is missing"),
        (["__metadata__", "program"], "module {}", "the program is malformed: line 1: expected"),
        (["__metadata__", "signature"], "[", "the signature is not JSON"),
        (["__metadata__", "signature"], "[" * 100_000, "the signature is not JSON"),
        (["__metadata__", "signature"], "[]", "the signature is malformed"),
        (["__metadata__", "signature"], '{"arguments": [], "results": "tensor"}', "does not fit"),
        (["fc.bias", "dtype"], "F65", "tensor 'fc.bias' has an unknown dtype"),
        (["fc.bias", "dtype"], "I32", "tensor 'fc.bias' is int32 (3,), the program takes float32"),
        (["fc.bias", "shape"], [1, 3], "tensor 'fc.bias' is float32 (1, 3), the program takes"),
        (["fc.bias", "shape"], [-3], "tensor 'fc.bias' has no shape or no place in the file"),
        (["fc.bias", "shape"], [1] * 40, "tensor 'fc.bias' has more than 16 dimensions"),
        (["fc.bias", "shape"], [1 << 61] * 9, "tensor 'fc.bias' has the wrong number of bytes"),
        (["fc.bias", "data_offsets"], [0, 1 << 40], "tensor 'fc.bias' is cut short"),
        (["fc.bias", "data_offsets"], [12, 0], "tensor 'fc.bias' is cut short"),
        (["fc.bias"], None, "tensor 'fc.bias' has no description"),
        (["more"], {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}, "does not fit"),
    ],
)
def test_malformed_files(file, path, value, message):
    header, data = taken_apart(file)
    change(header, path, value)
    if path == ["__metadata__"]:
        text = json.dumps(header).encode()
        file.write_bytes(len(text).to_bytes(8, "little") + text + data)
    else:
        file.write_bytes(signed(header, data))
    with pytest.raises(ValueError) as caught:
        sw.load(file)
    assert str(caught.value).startswith(f"{file}: ") and message in str(caught.value)


FUZZ = """
import random, sys
import stepwell as sw
from stepwell import _core
program = sw.load(sys.argv[1])
text, tensors = program.program, program._tensors
generator = random.Random(5)
tokens = [c for c in '<>[](){}%#0123456789,:=x"-?'] + ["tensor<", "autodiff.vjp", "array.sum",
    "99999999999999999999", "%0", "into", "i64", "f16", "stepwell.scalar", "^bb0("]
refused = 0
for _ in range(3000):
    at = generator.randrange(len(text))
    to = min(len(text), at + generator.randrange(4))
    changed = text[:at] + generator.choice(tokens) + text[to:]
    try:
        _core._bind_program(changed, tensors)
    except ValueError as error:
        assert str(error), changed
        refused += 1
print(refused)
"""


def test_a_hostile_program_never_crashes(network, tmp_path):
    """In a process of its own, which must come to its end."""

    def function(x):
        with sw.enable_grad():
            return sw.autograd.grad(network(x).sum(), network.weight)[0]

    sw.export(function, (random(4, 8),)).save(tmp_path / "m.stepwell")
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, tmp_path / "m.stepwell"],
        env={**os.environ, "PYTHONPATH": str(BUILD / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 2000


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"array.exp"', '"array.frob"', "line 8: expected an operation of this build, not 'ar"),
        ('"array.exp"(%', '"array.exp"(%99', "line 8: expected a value that is defined above"),
        ("tensor<8x3xf32>", "tensor<8x-3xf32>", "line 2: expected a size"),
        ("tensor<8x3xf32>", "tensor<8x?xf32>", "of the types that function_type has"),
        ("tensor<8x3xf32>", "tensor<8x3xi7>", "line 2: expected an element type"),
        ("tensor<8x3xf32>", f"tensor<{'9' * 18}xf32>", "expected a tensor that fits into memory"),
        ("tensor<8x3xf32>", f"tensor<{'1x' * 17}f32>", "in at most 16 dimensions"),
        ("(tensor<4x8xf32>, ", "(tensor<4x8xf64>, ", "of the types that function_type has"),
        ("{stepwell.scalar", "{stepwell.into", "an attribute of an argument"),
    ],
)
def test_malformed_programs(network, old, new, message):
    program = sw.export(network, (random(4, 8),))
    text = program.program
    if old == "{stepwell.scalar":
        text, old = text.replace('{stepwell.name = "x"', "{stepwell.into = 0"), ""
    assert old in text
    with pytest.raises(ValueError) as caught:
        sw._core._bind_program(text.replace(old, new, 1) if old else text, program._tensors)
    assert message in str(caught.value)


# --- The tool ---------------------------------------------------------------------


def test_the_executable_gives_the_same_numbers(network, tmp_path):
    x = random(4, 8)
    program = sw.export(network, (x,))
    program.save(tmp_path / "m.stepwell")
    np.save(tmp_path / "x.npy", x.numpy())
    tool = BUILD / "bin" / "stepwell-compile"
    # The order of a sum, and so its last bit, is that of the processor's vectors.
    level = os.environ.get("STEPWELL_CPU")
    target = [f"--target={level}"] if level else []
    subprocess.run([tool, *target, "m.stepwell", "-o", "m"], cwd=tmp_path, check=True)
    (tmp_path / "m.stepwell").unlink()
    subprocess.run(["./m", "x.npy"], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_array_max_ulp(np.load(tmp_path / "out0.npy"), program(x).numpy(), maxulp=2)
