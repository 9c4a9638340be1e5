"""`python -m demo.audit`: the whole search twice, of an honest relay and of one that leaks into each place.

It passes if the honest relay is found to hold nothing, and the leaking one is caught in every place into
which it leaks. The result goes to `reports/canary-scan.json`. It needs root, tshark and gdb.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from .__main__ import perform
from .encodings import NAMES
from .evidence import Evidence
from .processes import ProcessFailed
from .scan import ScanRefused
from .screen import TEAM, Screen
from .script import ScriptError

LEAKS: Final = (
    *("core", "file data/analytics.db", "file relay.log", "file relay.out"),
    *("file tmp", "memory", "wire"),
)
_REPORT: Final = Path(__file__).resolve().parent.parent / "reports" / "canary-scan.json"
_LIMITS: Final = (
    "Finds what stands in one piece in a known encoding; texts under 8 bytes are not judged. Memory is "
    "read at two moments of each run. The relay runs without TLS, so the capture shows what TLS would wrap."
)


def run(screen: Screen, *, leaky: bool) -> Evidence:
    """Play and search once, with everything."""
    with tempfile.TemporaryDirectory(prefix="sealroom-audit-") as folder:
        return asyncio.run(perform(None, Path(folder), screen, leaky=leaky, deep=True))


def verdict(honest: Evidence, leaking: Evidence) -> list[str]:
    """Return what is wrong; nothing if all is as it should be."""
    problems = [f"found in an honest relay: {hit.thing} in {hit.place}" for hit in honest.hits]
    caught = set(leaking.found_in())
    return problems + [f"the leak into {place} was not found" for place in LEAKS if place not in caught]


def result(honest: Evidence, leaking: Evidence, problems: list[str]) -> dict[str, Any]:
    """Return the machine-readable result."""
    return {
        "name": "canary-scan",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": "python -m demo.audit",
        "result": "fail" if problems else "pass",
        "figures": {
            "patterns": honest.patterns,
            "seconds_by_place": honest.places,
            "hits_honest": len(honest.hits),
            "hits_leaking": len(leaking.hits),
            "leaks_caught_in": leaking.found_in(),
            "encodings": NAMES,
            "problems": problems,
        },
        "limits": _LIMITS,
    }


def main() -> int:
    """Run both and write the report."""
    screen = Screen(TEAM)
    try:
        honest, leaking = run(screen, leaky=False), run(screen, leaky=True)
    except (ScriptError, ProcessFailed, ScanRefused) as error:
        print(f"canary-scan: fail, no evidence: {error}")
        return 1
    problems = verdict(honest, leaking)
    _REPORT.parent.mkdir(exist_ok=True)
    _REPORT.write_text(json.dumps(result(honest, leaking, problems), indent=2) + "\n", "utf-8")
    for problem in problems:
        print(problem)
    caught = f"{len(LEAKS)} leaks caught" if not problems else f"{len(problems)} problems"
    state = "fail" if problems else "pass"
    print(
        f"canary-scan: {state}, {honest.patterns} patterns in {len(honest.places)} kinds of places, {caught}"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
