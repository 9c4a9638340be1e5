"""The peers' table in Markdown, the JSON and the picture."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot

_NAME: Final = "peers-relay"
_SYNCS: Final = 200


def fsync_ms() -> float:
    """Return the median time of 4 KiB written and synchronised, where the servers' files are."""
    times: list[float] = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            begun = time.perf_counter()
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return round(sorted(times)[_SYNCS // 2] * 1000, 3)


def best(row: dict[str, Any]) -> dict[str, Any]:
    """Return the best closed round of a row."""
    return dict(max(row["closed"], key=lambda run: run["messages_per_s"]))


def table(document: dict[str, Any]) -> str:
    """Return the table."""
    lines = [
        "| Server | On disk when it confirms | msg/s closed | p50 / p99 ms at half | KiB/idle connection |",
        "| --- | --- | --: | --: | --: |",
    ]
    for row in document["rows"]:
        half = row["half"]["deliver_ms"]
        idle = row["idle"]
        kib = "" if idle is None else f"{idle['bytes_per_idle_connection'] / 1024:.1f}"
        rate = f"{best(row)['messages_per_s']:.0f}"
        lines.append(f"| {row['name']} | {row['durable']} | {rate} | {half['p50']} / {half['p99']} | {kib} |")
    return "\n".join(lines) + "\n"


def write(document: dict[str, Any], folder: Path) -> None:
    """Write JSON, table and picture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{_NAME}.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    (folder / f"{_NAME}.md").write_text(table(document), "utf-8")
    rows = list(reversed(document["rows"]))
    rates = [best(row)["messages_per_s"] for row in rows]
    figure, axes = pyplot.subplots(figsize=(9, 0.55 * len(rows) + 1.2))
    colours = ["#1f6f54" if row["name"].startswith("relay") else "#9a9a9a" for row in rows]
    bars = axes.barh([f"{row['name']}\non disk: {row['durable']}" for row in rows], rates, color=colours)
    axes.bar_label(bars, labels=[f"{rate:.0f}" for rate in rates], padding=4, fontsize=8)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.1)
    axes.set_xlabel("messages a second: sent, confirmed, delivered, acknowledged, deleted", fontsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(folder / f"{_NAME}.png", dpi=140)
    pyplot.close(figure)
