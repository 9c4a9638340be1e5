"""Measure how cost grows, and draw it: `make bench-growth`.

    python -m bench.growth                      all, into bench/results/growth.json, .md and .png
    python -m bench.growth --only relay --most 10000 --results /tmp

Each size of each axis has a process of its own, so that the memory is its own as well. Times are processor
time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("", "client", "server", "tests/support")]

from bench.growth import report  # noqa: E402 - after the path
from bench.growth.axes import AXES  # noqa: E402
from bench.growth.subject import measure  # noqa: E402


def sizes_of(axis: str, most: int) -> list[int]:
    """Return the sizes up to one, at least two."""
    sizes = AXES[axis].sizes
    return [size for place, size in enumerate(sizes) if size <= most or place < 2]


def in_process(axis: str, size: int) -> dict[str, object]:
    """Measure one size in a process of its own."""
    command = [sys.executable, "-m", "bench.growth", "--one", axis, str(size)]
    run = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    if run.returncode:
        raise SystemExit(run.stderr)
    found: dict[str, object] = json.loads(run.stdout)
    return found


def one(axis: str, size: int) -> None:
    """Measure one size here; nothing that is measured needs the disk to be one."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        print(json.dumps(measure(AXES[axis].make, size, Path(folder), time.process_time)))


def main() -> int:
    """Measure all axes, or some."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--one", nargs=2, metavar=("AXIS", "SIZE"), help="one size, as JSON")
    parser.add_argument("--only", default="", help="axes with this in their name")
    parser.add_argument("--most", type=int, default=10**9, help="no size above this one")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results", help="folder to write into")
    chosen = parser.parse_args()
    if chosen.one:
        one(chosen.one[0], int(chosen.one[1]))
        return 0
    measured: dict[str, dict[int, dict[str, object]]] = {}
    for axis in (name for name in AXES if chosen.only in name):
        for size in sizes_of(axis, chosen.most):
            print(f"==> {axis}: {size:,}", file=sys.stderr)
            measured.setdefault(axis, {})[size] = in_process(axis, size)
    report.write(report.result(measured), chosen.results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
