"""What was measured, as JSON, as a table and as a picture."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.growth.axes import AXES
from bench.growth.fit import slopes

Measured = Mapping[str, Mapping[int, Mapping[str, Any]]]
_COLUMNS: Final = 3


def result(measured: Measured) -> dict[str, Any]:
    """Return what is kept: for each operation its times by size and its slopes."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "clock": "processor time, the fastest round",
        "axes": {axis: _axis(axis, by_size) for axis, by_size in measured.items()},
    }


def _axis(axis: str, by_size: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    sizes = sorted(by_size)
    most = by_size[sizes[-1]]
    return {
        "item": AXES[axis].item,
        "memory_b_an_item": round(most["memory_b"]),
        "disk_b_an_item": round(most["disk_b"]),
        "rows": [_row(by_size, sizes, "seconds", name) for name in most["seconds"]],
        "floors": [_row(by_size, sizes, "floor", name) for name in most["floor"]],
    }


def _row(by_size: Mapping[int, Mapping[str, Any]], sizes: list[int], kind: str, name: str) -> dict[str, Any]:
    costs = {size: by_size[size][kind][name] for size in sizes}
    found = slopes(costs)
    return {
        "name": name,
        "us": {str(size): round(cost * 1e6, 3) for size, cost in costs.items()},
        "slope": round(found.whole, 2),
        "slope_of_last_decade": round(found.end, 2),
        "grows": found.grows,
    }


def table(kept: Mapping[str, Any]) -> str:
    """Return the rows as a table in Markdown; the memory stands in the row of the axis."""
    lines = [
        "| Operation | least | most | us at least | us at most | slope | last decade |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for axis, found in kept["axes"].items():
        lines.append(f"| **{axis}** ({found['memory_b_an_item']:,} B {found['item']}) | | | | | | |")
        for row in (*found["rows"], *found["floors"]):
            (least, first), *_, (most, last) = row["us"].items()
            is_floor = "floor: " if row in found["floors"] else ""
            cells = (
                f"{is_floor}{row['name']}",
                f"{int(least):,}",
                f"{int(most):,}",
                f"{first:.3g}",
                f"{last:.3g}",
                f"{row['slope']:.2f}",
                f"{row['slope_of_last_decade']:.2f}" + (" **grows**" if row["grows"] else ""),
            )
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def picture(kept: Mapping[str, Any], path: Path) -> None:
    """Draw each axis: time of one operation over the number of items, both logarithmic; floors are dotted."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = list(kept["axes"].items())
    lines = -(-len(axes) // _COLUMNS)
    figure, places = pyplot.subplots(
        lines, _COLUMNS, figsize=(16, 4.6 * lines), layout="constrained", squeeze=False
    )
    for place in places.flat[len(axes) :]:
        place.set_visible(False)
    for place, (axis, found) in zip(places.flat, axes, strict=False):
        for row in (*found["rows"], *found["floors"]):
            is_floor = row in found["floors"]
            place.loglog(
                [int(size) for size in row["us"]],
                list(row["us"].values()),
                linestyle=":" if is_floor else "-",
                color="grey" if is_floor else None,
                marker="" if is_floor else "o",
                markersize=3,
                label=f"{row['name']} ({row['slope_of_last_decade']:+.2f})",
            )
        place.set_title(f"{axis}: {found['memory_b_an_item']:,} B {found['item']}", fontsize=10)
        place.set_ylabel("us", fontsize=8)
        place.legend(fontsize=6)
        place.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"us of one operation, slope of the last decade: Python {kept['python']}, {kept['date']}")
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def write(found: Mapping[str, Any], folder: Path) -> None:
    """Write `growth.json`, `growth.md` and `growth.png`, and print the table; other axes stay as they
    were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = folder / "growth.json"
    known = json.loads(before.read_text(encoding="utf-8"))["axes"] if before.exists() else {}
    axes = {**known, **found["axes"]}
    kept = {**found, "axes": {axis: axes[axis] for axis in AXES if axis in axes}}
    (folder / "growth.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    (folder / "growth.md").write_text(table(kept) + "\n", encoding="utf-8")
    picture(kept, folder / "growth.png")
    print(table(kept))
