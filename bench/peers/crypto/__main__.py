"""Measures our crypto path beside its peers, in one run, and keeps a table, a picture and all figures.

    make bench-peers ONLY=crypto        (or: python -m bench.peers.crypto --repetitions 3 --results FOLDER)

Within a repetition every peer makes each row once, one after the other, so that a busy moment meets all of
them; the best repetition of each counts. Rows that wait for nothing are measured in processor time of their
process, those that store in wall time.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from . import report
from .peer import ROWS, InProcess, Measured, NotOffered

RESULTS: Final = Path(__file__).resolve().parents[2] / "results"
_PYTHON: Final = {
    "vodozemac": ("vodozemac_peer", "Vodozemac"),
    "doubleratchet": ("doubleratchet_peer", "DoubleRatchet"),
    "python-olm": ("olm_peer", "Olm"),
}


def offered() -> list[Measured]:
    """Return those that are installed, we first, and say why the others are not there."""
    found: list[Measured] = [_in_process("sealroom_peer", "Sealroom")]
    for name, place in _PYTHON.items():
        _add(found, name, partial(_in_process, *place))
    node = Path(sys.prefix) / "node"
    _add(found, "libsignal", partial(_made, "libsignal_peer", "Libsignal", node))
    return sorted(found, key=lambda peer: report.ORDER.index(peer.name))


def _made(module: str, name: str, *arguments: Any) -> Any:
    return getattr(importlib.import_module(f"{__package__}.{module}"), name)(*arguments)


def _in_process(module: str, name: str) -> Measured:
    return InProcess(_made(module, name))


def _add(found: list[Measured], name: str, make: Callable[[], Measured]) -> None:
    try:
        found.append(make())
    except (ImportError, NotOffered) as reason:
        print(f"left out: {name}: {reason}")


def measure(peers: list[Measured], repetitions: int) -> dict[str, dict[str, list[float]]]:
    """Return seconds per operation, by row and peer, of every repetition."""
    times: dict[str, dict[str, list[float]]] = {row.name: {} for row in ROWS}
    for repetition in range(repetitions):
        print(f"repetition {repetition + 1} of {repetitions}", file=sys.stderr)
        for row in ROWS:
            for peer in peers:
                try:
                    taken_s = peer.seconds(row)
                except NotOffered:
                    continue
                times[row.name].setdefault(peer.name, []).append(taken_s / row.operations)
    return times


def main() -> int:
    """Measure, keep, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--results", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    peers = offered()
    result = report.summary(peers, measure(peers, chosen.repetitions))
    report.write(result, chosen.results)
    print(report.table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
