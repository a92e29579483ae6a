# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tables, JSON and the plot of a run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from case import Row
from groups import GROUPS

RESULTS = Path(__file__).parent / "results"


def cpu() -> dict[str, str]:
    """The processor's name and x86-64 level, and the folder that its results go to."""
    name, flags = "unknown CPU", set[str]()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name":
            name = value
        if key == "flags":
            flags = set(value.split())
            break
    level = "x86-64-v4" if "avx512vl" in flags else "x86-64-v3" if "avx2" in flags else "x86-64-v2"
    if "amx_tile" in flags:
        level += "-amx"
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    return {"name": name, "level": level, "folder": "-".join([*words, level])}


def geometric_mean(ratios: list[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def seconds(value: float) -> str:
    for unit, scale in (("s ", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:8.2f} {unit}"
    return f"{value / 1e-9:8.1f} ns"


def amount(value: float, unit: str) -> str:
    return seconds(value) if unit == "s" else f"{value:8.1f} {unit}"


def table(rows: list[Row]) -> str:
    """The rows of one group and number of threads, their mean and their worst."""
    group = GROUPS[rows[0].group]
    lines = [
        f"{group.name}, {rows[0].threads} thread(s)".ljust(52) + "Stepwell      PyTorch    ratio"
    ]
    for row in rows:
        mark = "" if row.ratio >= group.worst else "  <"
        lines.append(
            f"  {row.name:<46}{amount(row.ours, row.unit)}  {amount(row.theirs, row.unit)}  {row.ratio:7.2f}{mark}"
        )
    worst = min(rows, key=lambda row: row.ratio)
    mean_target, worst_target = (
        f" (target {target:.2f})" if target else "" for target in (group.mean, group.worst)
    )
    lines.append(
        f"  geometric mean {geometric_mean([r.ratio for r in rows]):.2f}{mean_target},"
        f" worst {worst.ratio:.2f}{worst_target}: {worst.name}"
    )
    return "\n".join(lines)


def save(rows: list[Row], versions: dict[str, str]) -> Path:
    """Merges the rows into the results of this CPU: a run of some groups leaves the others as they are."""
    machine = cpu()
    path = RESULTS / machine["folder"] / "results.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: list[dict[str, Any]] = json.loads(path.read_text())["rows"] if path.exists() else []
    new = {(row.group, row.threads, row.name): row for row in rows}
    whole = {(row.group, row.threads) for row in rows}
    merged = [r for r in kept if (r["group"], r["threads"]) not in whole]
    merged += [
        {
            **vars(row),
            "ours": float(f"{row.ours:.4g}"),
            "theirs": float(f"{row.theirs:.4g}"),
            "ratio": round(row.ratio, 3),
        }
        for row in new.values()
    ]
    order = list(GROUPS)
    merged.sort(
        key=lambda r: (order.index(r["group"]) if r["group"] in order else len(order), r["threads"])
    )
    document = {"cpu": machine["name"], "level": machine["level"], **versions, "rows": merged}
    path.write_text(json.dumps(document, indent=1) + "\n")
    plot(merged, path.with_name("ratios.svg"), f"{machine['name']} ({machine['level']})")
    return path


def plot(rows: list[dict[str, Any]], path: Path, title: str) -> None:
    """One dot a case: how many times as fast as PyTorch, group by group."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "stepwell"
    from matplotlib import pyplot

    names = [name for name in GROUPS if any(r["group"] == name for r in rows)]
    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.5 * len(names)))
    threads = sorted({r["threads"] for r in rows})
    for which, count in enumerate(threads):
        x, y = [], []
        for line, name in enumerate(names):
            ratios = [r["ratio"] for r in rows if r["group"] == name and r["threads"] == count]
            x += ratios
            y += [line + 0.25 * (which - (len(threads) - 1) / 2)] * len(ratios)
            if ratios:
                axes.plot([geometric_mean(ratios)] * 2, [y[-1] - 0.12, y[-1] + 0.12], color="black")
        axes.scatter(x, y, s=9, alpha=0.6, label=f"{count} thread(s)")
    axes.axvline(1.0, color="grey", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("PyTorch's time / Stepwell's time (bar: geometric mean)")
    axes.set_title(title)
    axes.legend(loc="best", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
