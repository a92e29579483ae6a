# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real handwritten digits, from tensors to a binary that needs neither Python nor a compiler.

A small convolutional network is trained twice on scikit-learn's digits (1797 images, 8 by 8): eagerly,
operation by operation, and with the whole training step compiled into one executable. The second one is
exported, compiled to a native program, and run on the test images.

    python examples/digits.py [--out FOLDER] [--epochs N]
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import stepwell as sw
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from stepwell import nn
from stepwell.utils.data import DataLoader, TensorDataset
from tqdm import tqdm


def data():
    """Images (N, 1, 8, 8) between 0 and 1 and their classes: train, then test."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]
    split = train_test_split(
        images, digits.target, test_size=360, random_state=0, stratify=digits.target
    )
    x, x_test, y, y_test = (sw.from_numpy(np.ascontiguousarray(part)) for part in split)
    return TensorDataset(x, y), x_test, y_test


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(32 * 2 * 2, 10),
    )


def train(title, dataset, x_test, y_test, epochs, compiled):
    """Trains a fresh network; returns it with its test accuracy and the seconds that training took."""
    sw.manual_seed(0)
    model = network()
    optimizer = sw.optim.AdamW(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()

    def step(images, labels):
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    if compiled:
        step = sw.compile(step)
    loader = DataLoader(dataset, batch_size=64, shuffle=True, drop_last=True)
    start = time.perf_counter()
    with tqdm(total=epochs * len(loader), desc=title, unit="step", file=sys.stdout) as bar:
        for _ in range(epochs):
            for images, labels in loader:
                loss = step(images, labels)
                bar.update()
            bar.set_postfix(loss=f"{loss.item():.4f}", refresh=False)
    seconds = time.perf_counter() - start
    model.eval()
    with sw.no_grad():
        predicted = model(x_test).argmax(1)
    accuracy = (predicted == y_test).float().mean().item()
    return model, accuracy, seconds


def tool(name):
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else name


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--out", type=Path, default=Path("build/digits"), help="folder of the files"
    )
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    spent = {}

    def timed(what, function, *args, **kwargs):
        start = time.perf_counter()
        result = function(*args, **kwargs)
        spent[what] = time.perf_counter() - start
        return result

    dataset, x_test, y_test = timed("reading the images", data)
    common = (dataset, x_test, y_test, options.epochs)
    _, eager, seconds = timed("training eagerly", train, "eager   ", *common, compiled=False)
    print(f"eager:    test accuracy {eager:.1%}, {seconds:.1f} s")
    model, compiled, seconds = timed("training compiled", train, "compiled", *common, compiled=True)
    print(f"compiled: test accuracy {compiled:.1%}, {seconds:.1f} s")

    def classify(images):
        return model(images).argmax(1)

    package, binary = out / "digits.stepwell", out / "digits"
    with sw.no_grad():
        expected = classify(x_test).numpy()
        timed("exporting", lambda: sw.export(classify, (x_test,)).save(package))
        timed("writing each level", lambda: sw.explain(classify, x_test).save(out / "levels"))
    command = [tool("stepwell-compile"), str(package), "-o", str(binary)]
    timed("compiling the binary", subprocess.run, command, check=True)

    np.save(out / "images.npy", x_test.numpy())
    command = [str(binary.resolve()), "images.npy", "--out-prefix=predicted_"]
    timed(
        "running the binary", subprocess.run, command, check=True, cwd=out, stdout=subprocess.PIPE
    )
    (result,) = out.glob("predicted_*.npy")
    predicted = np.load(result)
    same = int((predicted == expected).sum())
    right = float((predicted == y_test.numpy()).mean())
    size = os.path.getsize(binary)
    print(f"binary:   {size / 1e6:.2f} MB, test accuracy {right:.1%}, {same} of {len(expected)} "
          "predictions equal Python's")  # fmt: skip

    print("\nWhere the time went:")
    for what, seconds in spent.items():
        print(f"  {seconds:6.2f} s  {what}")
    stats = sw.kernel_stats()
    print(f"  {time.perf_counter() - began:6.2f} s  in all; {stats['compiles']} kernels compiled, "
          f"{stats['disk_hits']} taken from disk")  # fmt: skip
    print("\nEach level of the way down:")
    for path in sorted((out / "levels").iterdir()):
        print(f"  {path}")
    if same != len(expected) or min(eager, compiled, right) < 0.97:
        sys.exit("the binary and Python disagree, or the accuracy is below 97 %")


if __name__ == "__main__":
    main()
