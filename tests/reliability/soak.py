"""Two hours of moderate load on a real relay that is drained or killed every few minutes.

    python tests/reliability/soak.py [--minutes N] [--relay OPTION ...]

Owners who are there and owners who come and go, mailboxes that are made and removed, short-lived messages
that expire, prekeys that are uploaded and fetched. The ledger (tests/support/load_ledger.py) keeps what was
confirmed and delivered. In the middle third the relay is left alone, so that a trend within one life can be
seen. Writes `reports/soak.json` every minute, marked incomplete until the end; exits 1 if anything must not
be.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from kept_result import INCOMPLETE, keep, result  # noqa: E402  # found on the path above
from soak_run import FILE_GROWTH, GROWTH_PER_HOUR, Soak, is_flat, judgement  # noqa: E402

LIMITS: Final = (
    "One machine, clients and relay on loopback; it did other work meanwhile. A killed process leaves what it"
    " wrote in the system's cache: power loss is another run. The application of the readers forgets"
    " an id when its deletion is confirmed, so what it was given twice before is counted and not a fault."
)


def report_of(run: Soak, arguments: Sequence[str]) -> dict[str, Any]:
    """The result as it stands."""
    verdict, trends = INCOMPLETE, dict[str, float]()
    if run.is_over:
        trends = judgement(run)
        verdict = "pass" if not run.ledger.fault_count and is_flat(trends) else "fail"
    figures = {
        "minutes": round(run.now_s() / 60, 1),
        "ledger": dict(run.ledger.counts),
        "lost, double or otherwise wrong": run.ledger.fault_count,
        "what must not be": run.ledger.faults[:20],
        "answers": dict(run.stage.results),
        "restarts": run.restarts,
        "seconds without a relay": {
            "longest": max(run.down_s, default=0),
            "in total": round(sum(run.down_s), 1),
        },
        "trends": {name: round(value, 4) for name, value in trends.items()},
        "bounds": {"growth an hour": GROWTH_PER_HOUR, "database": FILE_GROWTH},
        "samples": [one.row() for one in run.samples],
    }
    return result("soak", arguments, verdict, figures, LIMITS)


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Soak of a relay with restarts.")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--relay", nargs="*", default=[], help="further words behind `sealroom-relay serve`")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        run = Soak(options.minutes * 60, Path(name), options.relay, seed=options.seed)
        await run.run(lambda now: keep(report_of(now, arguments)))
        report = report_of(run, arguments)
        keep(report)
    counts = report["figures"]["ledger"]
    print(
        f"{counts['confirmed']} confirmed, {run.ledger.fault_count} lost, double or otherwise wrong,"
        f" {sum(run.restarts.values())} restarts: {report['result']}"
    )
    return 0 if report["result"] == "pass" else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
