"""Reports of runs that come from seeds: each further block of seeds is added to what was found before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HEAD = ("seeds", "runs", "faults")


def recorded(path: Path | None) -> dict[str, Any]:
    """Return the report so far, empty where there is none."""
    return {} if path is None or not path.exists() else json.loads(path.read_text("utf-8"))


def grown(
    before: Mapping[str, Any], first: int, runs: int, faults: int, figures: Counter[str]
) -> dict[str, Any]:
    """Return the report with a block of seeds more.

    Raises:
        ValueError: some of them are in it already.
    """
    blocks = sorted([*map(_block, before.get("seeds", [])), (first, first + runs - 1)])
    joined: list[tuple[int, int]] = []
    for begin, end in blocks:
        if joined and begin <= joined[-1][1]:
            raise ValueError(f"the seeds {begin} to {end} are recorded already")
        if joined and begin == joined[-1][1] + 1:
            begin = joined.pop()[0]
        joined.append((begin, end))
    known = Counter({key: count for key, count in before.items() if key not in _HEAD})
    return {
        "seeds": [f"{begin} to {end}" for begin, end in joined],
        "runs": before.get("runs", 0) + runs,
        "faults": before.get("faults", 0) + faults,
        **dict(sorted((known + figures).items())),
    }


def record(path: Path, report: Mapping[str, Any]) -> None:
    """Write the report."""
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def _block(text: str) -> tuple[int, int]:
    begin, _, end = text.partition(" to ")
    return int(begin), int(end)
