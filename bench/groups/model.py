# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks as people write them, eager: forward, and a whole training step."""

from case import Case, Group, arrays, f32

MLP = """
class MLP(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 128), torch.nn.ReLU(),
            torch.nn.Linear(128, 10),
        )
    def forward(self, x):
        return self.layers(x)
model = MLP()
"""

CNN = """
class CNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(
            torch.nn.Conv2d(3, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(32, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        )
        self.head = torch.nn.Linear(64 * 8 * 8, 10)
    def forward(self, x):
        return self.head(self.features(x).flatten(1))
model = CNN()
"""

ENCODER = """
class Encoder(torch.nn.Module):
    def __init__(self, width=256, heads=4, hidden=1024):
        super().__init__()
        self.heads = heads
        self.qkv = torch.nn.Linear(width, 3 * width)
        self.out = torch.nn.Linear(width, width)
        self.up = torch.nn.Linear(width, hidden)
        self.down = torch.nn.Linear(hidden, width)
        self.norm1 = torch.nn.LayerNorm(width)
        self.norm2 = torch.nn.LayerNorm(width)
    def forward(self, x):
        batch, length, width = x.shape
        size = width // self.heads
        q, k, v = self.qkv(self.norm1(x)).reshape(batch, length, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        weights = torch.softmax((q @ k.transpose(-2, -1)) * size**-0.5, -1)
        attended = (weights @ v).transpose(1, 2).reshape(batch, length, width)
        x = x + self.out(attended)
        return x + self.down(F.gelu(self.up(self.norm2(x))))
model = Encoder()
"""

# The same weights in both libraries, whatever their random numbers are.
WEIGHTS = """
import numpy
rng = numpy.random.default_rng(1)
with torch.no_grad():
    for p in model.parameters():
        scale = 1 / numpy.sqrt(max(1, p.shape[-1] if len(p.shape) < 4 else p.shape[1] * 9))
        p.copy_(torch.tensor((scale * rng.standard_normal(tuple(p.shape))).astype("float32")))
"""

STEP = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
def step():
    optimizer.zero_grad()
    loss = LOSS
    loss.backward()
    optimizer.step()
    return loss
"""


def classified(*shape: int):
    return lambda rng: {"x": f32(*shape)(rng), "y": rng.integers(0, 10, shape[0])}


def cases() -> list[Case]:
    out = []
    for name, model, data, loss in (
        ("MLP 784-256-128-10, batch 64", MLP, classified(64, 784), "F.cross_entropy(model(x), y)"),
        ("CNN 3x32x32, batch 16", CNN, classified(16, 3, 32, 32), "F.cross_entropy(model(x), y)"),
        ("encoder layer 8x64x256", ENCODER, arrays(x=f32(8, 64, 256)), "model(x).pow(2).mean()"),
    ):
        forward = (
            model + WEIGHTS + "def call():\n    with torch.no_grad():\n        return model(x)\n"
        )
        out.append(Case(f"{name}, forward", "call()", data, setup=forward, tolerance=1e-4))
        step = model + WEIGHTS + STEP.replace("LOSS", loss)
        out.append(Case(f"{name}, training step", "step()", data, setup=step, tolerance=1e-4))
    return out


GROUP = Group("model", mean=1.0, worst=0.9, cases=cases)
