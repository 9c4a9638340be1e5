"""Random erasures on real engines and stores: `python tests/support/erase_runs.py --runs N --write FILE`.

A company and a customer, with one or two devices each side beside the desk, say things that stand nowhere
else. One side erases, the customer withdraws, or time goes by, while power is cut and older stores are put
back. When all have been on for a while, what was to go is left on no device: in no file, row or backup, and
nothing that was ever copied or sent opens.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("", "client", "server", "tests/support")]

from e2ee_client.errors import SealroomError  # noqa: E402 - after the path
from engine_world import OPEN  # noqa: E402
from erase_faults import FAULTS, planted  # noqa: E402
from erase_orders import Run  # noqa: E402
from erase_talk import WAYS, Fault  # noqa: E402

from e2ee.errors import E2eeError  # noqa: E402

LIMITS: Final = (
    "Honest devices that have been on since. Copies of a whole store from before, what the other person has"
    " copied, and devices that stay off keep what they have; so does one that ordered the erasure and was"
    " then set back to before its order, which it has by hearsay alone."
)


def run(seed: int, folder: Path) -> Counter[str]:
    """Play and check one room; return what happened in it.

    Raises:
        Fault.
    """
    played = Run(seed, folder)
    try:
        played.play()
    finally:
        played.world.close()
        while OPEN:
            OPEN.pop().relay.close()
    return played.figures


class Found:
    """What was played, and what broke."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.figures: Counter[str] = Counter()
        self.faults: list[str] = []

    def play(self, seed: int) -> None:
        """Play one room; an error that its people would see is a fault as well."""
        way = WAYS[seed % len(WAYS)]
        self.runs[way] += 1
        fault = played(seed, self.figures)
        if fault is not None:
            self.faults.append(f"seed {seed}: {fault}")
            sys.stdout.write(self.faults[-1] + "\n")
            sys.stdout.flush()


def played(seed: int, figures: Counter[str] | None = None) -> str | None:
    """Play one room in a folder that goes afterwards; return what broke."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = run(seed, Path(folder))
        except (Fault, SealroomError, E2eeError) as fault:
            return f"{type(fault).__name__}: {fault}"
    if figures is not None:
        figures += found
    return None


def caught(name: str, seeds: Iterable[int]) -> str | None:
    """Play rooms over a planted fault until it is found; return what was found."""
    with planted(name):
        return next((fault for seed in seeds if (fault := played(seed)) is not None), None)


def report(found: Found, first: int, controls: dict[str, str | None]) -> dict[str, Any]:
    """Runs by what erases, and each planted fault with what found it."""
    rows = [
        {"name": f"runs: {way}", "expected": 0, "got": sum(f": {way}: " in one for one in found.faults)}
        for way in found.runs
    ]
    rows += [
        {"name": f"control: {name}", "result": "fail" if what is None else "pass", "found": what}
        for name, what in controls.items()
    ]
    good = not found.faults and all(controls.values())
    return {
        "name": "erasure",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": "python tests/support/erase_runs.py",
        "result": "pass" if good else "fail",
        "limits": LIMITS,
        "seeds": f"{first} to {first + sum(found.runs.values()) - 1}",
        "runs": dict(found.runs),
        "figures": dict(sorted(found.figures.items())),
        "faults": found.faults,
        "rows": rows,
    }


def main() -> int:
    """Play many, then plant each fault; write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=210)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-controls", action="store_true")
    parser.add_argument("--write", type=Path, default=ROOT / "reports" / "erasure.json")
    chosen = parser.parse_args()
    found = Found()
    for number, seed in enumerate(range(chosen.seed, chosen.seed + chosen.runs), 1):
        found.play(seed)
        if not number % 7:
            print(f"{number} of {chosen.runs} rooms", flush=True)
    controls: dict[str, str | None] = {}
    for name in () if chosen.no_controls else FAULTS:
        controls[name] = caught(name, range(60))
        print(f"control, {name}: {controls[name] or 'NOT FOUND'}", flush=True)
    content = report(found, chosen.seed, controls)
    chosen.write.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(json.dumps({key: content[key] for key in ("result", "runs", "figures")}) + "\n")
    return 0 if content["result"] == "pass" else 1


if __name__ == "__main__":
    sys.exit(main())
