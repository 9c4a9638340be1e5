"""Turn the raw results of pytest-benchmark into `results/latest.json`, a table and a picture.

    python bench/report.py reports/bench-raw.json

Host and commit are left out: figures are read as ratios, and these hold for the versions that are named, and
for the core that is: the reference or the extension, compiled or not.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from e2ee.primitives import IN_USE

RESULTS = Path(__file__).resolve().parent / "results"
LIBRARIES = ("cryptography", "PyNaCl", "cbor2", "pytest-benchmark")
_COLUMNS = ("row", "ours us", "floor us", "ratio", "per s", "target", "")

Record = dict[str, Any]


def summary(raw: Record) -> Record:
    """Reduce pytest-benchmark's document to what is kept."""
    return {
        "date": raw["datetime"][:10],
        "python": platform.python_version(),
        "core": IN_USE,
        "libraries": {name: version(name) for name in LIBRARIES},
        "rows": [_row(benchmark) for benchmark in raw["benchmarks"]],
    }


def _row(benchmark: Record) -> Record:
    """One row: its name, what its test noted, and how often per second the fastest block did it."""
    noted = _noted(benchmark)
    target = noted["target"]
    return {
        "name": _name(benchmark["fullname"]),
        **noted,
        "per_s": round(1e6 / noted["ours_us"]),
        "met": None if target is None else noted["floor_ratio"] <= target,
    }


def _noted(benchmark: Record) -> Record:
    """What `Row` notes; a test that measures its floor by itself notes `messages` and `floor_seconds`."""
    noted: Record = dict(benchmark["extra_info"])
    if "ours_us" in noted:
        return noted
    messages, floor_s = noted.pop("messages"), noted.pop("floor_seconds")
    best_s = benchmark["stats"]["min"]
    return {
        **noted,
        "operations": messages,
        "unit": "message",
        "beside": "floor",
        "target": None,
        "ours_us": round(best_s / messages * 1e6, 3),
        "floor_us": round(floor_s / messages * 1e6, 3),
        "floor_ratio": round(best_s / floor_s, 3),
    }


def _name(fullname: str) -> str:
    """`bench/test_burst.py::test_encrypt[1 KiB]` becomes `burst: encrypt 1 KiB`."""
    place, _, test = fullname.partition("::")
    words = f"{Path(place).stem}: {test}".replace("test_", "").replace("_", " ")
    return words.replace("[", " ").replace("]", "")


def table(result: Record) -> str:
    """Return the rows as text, aligned; `beside` is named where it is not a floor."""
    lines = [_COLUMNS, *(_cells(row) for row in result["rows"])]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_COLUMNS))]
    text = [
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    return "\n".join(line.rstrip() for line in (text[0], "-" * len(text[0]), *text[1:]))


def _cells(row: Record) -> tuple[str, ...]:
    target = row["target"]
    return (
        row["name"] if row["beside"] == "floor" else f"{row['name']} (beside {row['beside']})",
        f"{row['ours_us']:.1f}",
        f"{row['floor_us']:.1f}",
        f"{row['floor_ratio']:.2f}",
        f"{row['per_s']:,}",
        "" if target is None else f"<= {target:.2f}",
        "" if target is None else ("met" if row["met"] else "MISSED"),
    )


def picture(result: Record, path: Path) -> None:
    """Draw each row's ratio as a bar; a stroke marks the target."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = list(reversed(result["rows"]))
    figure, axes = pyplot.subplots(figsize=(9, 1.4 + 0.32 * len(rows)), layout="constrained")
    colours = ["#2f6f9f" if row["met"] is not False else "#b5442e" for row in rows]
    bars = axes.barh([row["name"] for row in rows], [row["floor_ratio"] for row in rows], color=colours)
    axes.bar_label(bars, [f"{row['floor_ratio']:.2f}" for row in rows], padding=4, fontsize=8)
    for at, row in enumerate(rows):
        if row["target"] is not None:
            axes.plot([row["target"]] * 2, [at - 0.45, at + 0.45], color="black", linewidth=2)
    axes.axvline(1, color="grey", linestyle=":")
    axes.set_xlabel("time as a multiple of the bare library calls (dotted: 1); black stroke: target")
    axes.set_title(f"Python {result['python']}, {result['core']}, {result['date']}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main() -> int:
    """Write what is kept and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("raw", type=Path, help="document written by --benchmark-json")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write into")
    chosen = parser.parse_args()
    result = summary(json.loads(chosen.raw.read_text(encoding="utf-8")))
    chosen.results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    (chosen.results / "latest.json").write_text(text, encoding="utf-8")
    picture(result, chosen.results / "latest.png")
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
