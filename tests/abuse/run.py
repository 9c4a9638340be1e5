"""What attackers do to others: latency of a well-behaved pair, and the relay's memory, attack by attack.

    python tests/abuse/run.py [--seconds N] [--copies N]

A real relay process; a pair that sends, receives and acknowledges one message after the other, in this
process; the attackers of abuse_crowd.py in a third. Before each attack there are quiet spells as long as it;
the best of each kind counts. What must hold: the pair loses nothing; its 99th percentile under attack is
within 3 times that of the quiet spells; the relay's memory grows within a bound; it logs no fault, drains,
and ends with status 0. Writes `reports/abuse.json`. Run it with priority where others use the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from abuse_crowd import ATTACKS  # noqa: E402  # found on the path above
from frame_fuzz import Findings, Pair, judge, rss_mib  # noqa: E402
from relay_process import RelayProcess  # noqa: E402

TIMES: Final = 3.0
Figures = dict[str, dict[str, Any]]
SETTINGS = (
    "creations=1e6/1e6",
    "creations_global=1e6/1e6",
    "contact_messages=1e6/1e6",
    "mailbox_messages=1e6/1e6",
    "mailbox_b=1e12/1e12",
    "max_handshakes=300",
)
LIMITS = (
    "Loopback, without TLS, attackers on the relay's own machine at low priority: they take processor time"
    " from the relay and from the pair that is measured. A flood that fills the line is not for a relay to"
    " stop."
)


def percentile(latencies: Sequence[float]) -> float:
    """The 99th percentile in milliseconds."""
    return round(statistics.quantiles(latencies, n=100)[98] * 1000, 2)


def _p99(spell: dict[str, float]) -> float:
    return spell["p99 ms"]


class Trial:
    """One relay, one pair, one attack after the other."""

    def __init__(self, relay: RelayProcess, findings: Findings, seconds: float, copies: int) -> None:
        self._relay = relay
        self._findings = findings
        self._seconds = seconds
        self._copies = copies

    async def spell(self, attack: str | None) -> dict[str, float]:
        """Return what the pair saw for so long."""
        begun = len(self._findings.latencies)
        before = rss_mib(self._relay.pid)
        if attack is None:
            await asyncio.sleep(self._seconds)
        else:
            await self._attacked(attack)
        seen = self._findings.latencies[begun:]
        return {
            "messages": len(seen),
            "p50 ms": round(statistics.median(seen) * 1000, 2),
            "p99 ms": percentile(seen),
            "longest ms": round(max(seen) * 1000, 1),
            "memory MiB, before": round(before, 1),
            "memory MiB, after": round(rss_mib(self._relay.pid), 1),
        }

    async def _attacked(self, attack: str) -> None:
        script = str(ROOT / "tests/support/abuse_crowd.py")
        words = [script, str(self._relay.port), attack, str(self._seconds), "--copies", str(self._copies)]
        process = await asyncio.create_subprocess_exec(sys.executable, *words)
        if await process.wait() != 0:
            self._findings.faults.append(f"the attackers failed at {attack!r}")


async def watch(pid: int, findings: Findings) -> None:
    while True:
        findings.rss.append(rss_mib(pid))
        await asyncio.sleep(0.1)


async def examine(relay: RelayProcess, findings: Findings, options: argparse.Namespace) -> Figures:
    """Quiet and attacked by turns; return the figures of each attack."""
    pair = Pair(findings)
    running = [
        asyncio.create_task(pair.talk(relay.port)),
        asyncio.create_task(watch(relay.pid, findings)),
    ]
    trial = Trial(relay, findings, options.seconds, options.copies)
    figures: Figures = {}
    await asyncio.sleep(1.0)
    findings.latencies.clear()
    try:
        for attack in options.only or ATTACKS:
            spells = [(await trial.spell(None), await trial.spell(attack)) for _ in range(options.repeats)]
            quiet, attacked = (min(column, key=_p99) for column in zip(*spells, strict=True))
            times = round(attacked["p99 ms"] / quiet["p99 ms"], 2)
            figures[attack] = {"p99 to quiet p99": times, "quiet": quiet, "attacked": attacked}
            print(f"{attack}: {times} times, p99 {attacked['p99 ms']} ms", flush=True)
    finally:
        findings.faults += ["the pair could not go on"] if running[0].done() else []
        pair.is_over = True
        running[1].cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return figures


def overall(figures: Figures, findings: Findings) -> dict[str, object]:
    """All attacks against all quiet spells; short spells have few messages beyond their 99th percentile."""
    quiet = statistics.median(one["quiet"]["p99 ms"] for one in figures.values())
    worst = max(figures, key=lambda name: figures[name]["attacked"]["p99 ms"])
    most = figures[worst]["attacked"]["p99 ms"]
    if most > TIMES * quiet:
        findings.faults.append(f"{worst}: p99 of others {most} ms, quiet {quiet} ms")
    return {"quiet p99 ms, median": quiet, "worst attack": worst, "worst p99 ms": most}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Abuse of a relay.")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3, help="spells; the best of each kind counts")
    parser.add_argument("--only", action="append", choices=ATTACKS)
    options = parser.parse_args(arguments)
    findings = Findings()
    with (
        tempfile.TemporaryDirectory(prefix="abuse-") as folder,
        RelayProcess(Path(folder) / "relay", *SETTINGS) as relay,
    ):
        figures = asyncio.run(examine(relay, findings, options))
        whole = overall(figures, findings)
        faults = judge(relay, findings)
    report = {
        "name": "abuse",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": " ".join(["python tests/abuse/run.py", *arguments]),
        "result": "fail" if faults else "pass",
        "figures": {
            **whole,
            "most memory MiB": round(max(findings.rss), 1),
            "seconds each": options.seconds,
            "attackers": options.copies,
            "attacks": figures,
            "what must not be": faults,
        },
        "limits": LIMITS,
    }
    (ROOT / "reports" / "abuse.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(*faults, f"{len(faults)} faults: {report['result']}; {whole}", sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
