"""What attackers do to others: latency of well-behaved users, and the relay's memory, attack by attack.

    python tests/abuse/run.py [--seconds N] [--spells N] [--copies N] [--only ATTACK] [--disk]

A real relay process, one without and one with TLS; pairs of users in this process that talk at a steady rate,
and newcomers who connect ten times a second (abuse_victims.py); attackers in a process of their own that get
the processor when nobody else wants it (abuse_crowd.py), with what they achieved in the report. Quiet and
attacked spells take turns, so that whatever else the machine does meets both alike. What must hold, attack by
attack: the 99th percentile of the users' latency over all attacked spells is within 3 times that over the
quiet ones beside them (tails.py: at least a thousand messages each, with a bootstrap interval); no message is
lost, refused or seen twice; every newcomer gets in; the relay's memory grows within a bound; it logs no
fault, drains, and ends with status 0. Writes `reports/abuse.json`.

Whatever disturbs the quiet spells makes the bound wider. So the relay's data lies in memory where the system
has a file system there (`--disk`: where temporary files are), since a disk that others use stalls for longer
than any attack; and the run takes what priority it is given for its whole session.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from abuse_crowd import ATTACKS, Attacker  # noqa: E402  # found on the path above
from abuse_victims import Seen, Talkers, come_anew  # noqa: E402
from frame_fuzz import Findings, judge, rss_mib  # noqa: E402
from relay_process import RelayProcess  # noqa: E402
from service_certificate import write_pair  # noqa: E402
from tails import blocks, percentile, pooled, tail_ratio  # noqa: E402

TIMES: Final = 3.0
PAIRS: Final = 4
RATE: Final = 75.0
_SETTLE_S: Final = 0.3
_MEMORY: Final = Path("/dev/shm")
_AUTOGROUP: Final = Path("/proc/self/autogroup")
OVER_TLS: Final = ("handshakes", "hellos of TLS")
PLAIN: Final = tuple(name for name in ATTACKS if name != "hellos of TLS")
Figures = dict[str, dict[str, Any]]
SETTINGS = (
    "creations=1e6/1e6",
    "creations_global=1e6/1e6",
    "directory_b=1e9/1e9",
    "directory_b_global=1e9/1e9",
    "contact_messages=1e6/1e6",
    "mailbox_messages=1e6/1e6",
    "mailbox_b=1e12/1e12",
    "max_handshakes=300",
)
LIMITS = (
    "Loopback, one machine for the relay, its users and the attackers, who get what the others leave of its"
    " processors. All come from one address that is not counted, so the bounds for an address do not help."
    " A flood that fills the line is not for a relay to stop."
)


class Spells:
    """The spells of one kind, quiet or attacked: latencies by block, newcomers, memory, what was done."""

    def __init__(self) -> None:
        self.blocks: list[list[float]] = []
        self.newcomers: list[float] = []
        self.done: Counter[str] = Counter()
        self.spans: list[tuple[float, float]] = []

    def fill(self, seen: Seen) -> None:
        """Take over what was seen within the spells, now that all of it has arrived."""
        for begun, seconds in self.spans:
            self.blocks += blocks(seen.messages, begun, seconds)
            self.newcomers += [took for due, took in seen.newcomers if begun <= due < begun + seconds]

    def figures(self) -> dict[str, float]:
        """Milliseconds, of the users and of the newcomers, and what was done in each second."""
        seen = pooled(self.blocks)
        shown: dict[str, float] = {"messages": len(seen)}
        shown |= {f"p{part} ms": round(percentile(seen, part) * 1000, 2) for part in (50, 99)}
        shown["longest ms"] = round(max(seen) * 1000, 1)
        shown["newcomers"] = len(self.newcomers)
        for part in (50, 100):
            name = "newcomers p50 ms" if part == 50 else "newcomers longest ms"
            shown[name] = round(percentile(self.newcomers or [0.0], part) * 1000, 1)
        whole_s = sum(seconds for _, seconds in self.spans)
        for name, count in self.done.items():
            shown[f"attackers' {name} a second"] = round(count / whole_s)
        return shown


class Trial:
    """One relay and its users, one attack after the other."""

    def __init__(self, relay: RelayProcess, findings: Findings, options: argparse.Namespace) -> None:
        self._relay = relay
        self._findings = findings
        self._options = options
        self._seen = Seen()

    async def run(self, attacks: Sequence[str], tls: ssl.SSLContext | None) -> Figures:
        """Return the figures of each attack."""
        port = self._relay.port
        Attacker.tls = tls
        talkers = [await Talkers.begin(self._seen, port, tls, RATE) for _ in range(PAIRS)]
        beside = [
            asyncio.create_task(come_anew(self._seen, partial(Attacker.greet, port))),
            asyncio.create_task(self._watch()),
        ]
        try:
            await asyncio.sleep(1.0)
            return {
                name if tls is None else f"{name}, TLS": await self._one(name, tls is not None)
                for name in attacks
            }
        finally:
            for one in beside:
                one.cancel()
            ends = await asyncio.gather(*beside, return_exceptions=True)
            self._findings.faults += [repr(end) for end in ends if isinstance(end, Exception)]
            await asyncio.gather(*(one.end() for one in talkers))
            self._findings.faults += self._seen.faults
            self._findings.latencies += [took for _, took in self._seen.messages]

    async def _one(self, attack: str, tls: bool) -> dict[str, Any]:
        quiet, attacked, before = Spells(), Spells(), rss_mib(self._relay.pid)
        words = [str(ROOT / "tests/support/abuse_crowd.py"), str(self._relay.port), attack]
        words += ["--copies", str(self._options.copies), *(["--tls"] if tls else [])]
        pipe = asyncio.subprocess.PIPE
        crowd = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe)
        await self._command(crowd, 0.0)
        for _ in range(self._options.spells):
            for spells, order in ((quiet, None), (attacked, crowd)):
                await asyncio.sleep(_SETTLE_S)
                begun = time.monotonic()
                if order is None:
                    await asyncio.sleep(self._options.seconds)
                else:
                    spells.done.update(await self._command(order, self._options.seconds))
                spells.spans.append((begun, time.monotonic() - begun))
        await crowd.communicate()
        await asyncio.sleep(_SETTLE_S)
        for spells in (quiet, attacked):
            spells.fill(self._seen)
        return self._figures(attack, quiet, attacked, before)

    async def _command(self, crowd: asyncio.subprocess.Process, seconds: float) -> dict[str, int]:
        if crowd.stdin is None or crowd.stdout is None:
            raise RuntimeError("attackers without pipes")
        crowd.stdin.write(f"{seconds}\n".encode())
        line = await crowd.stdout.readline()
        if not line:
            raise RuntimeError("the attackers failed")
        done: dict[str, int] = json.loads(line)
        return done

    def _figures(self, attack: str, quiet: Spells, attacked: Spells, before: float) -> dict[str, Any]:
        times, least, most = (round(one, 2) for one in tail_ratio(quiet.blocks, attacked.blocks))
        print(f"{attack}: {times} times ({least} to {most}); {attacked.figures()}", flush=True)
        return {
            "p99 to quiet p99": times,
            "95 % interval": [least, most],
            "quiet": quiet.figures(),
            "attacked": attacked.figures(),
            "memory MiB, before": round(before, 1),
            "memory MiB, after": round(rss_mib(self._relay.pid), 1),
        }

    async def _watch(self) -> None:
        while True:
            self._findings.rss.append(rss_mib(self._relay.pid))
            await asyncio.sleep(0.1)


def beyond(figures: Figures) -> list[str]:
    """The attacks under which others wait too long."""
    return [
        f"{name}: p99 of others {one['p99 to quiet p99']} times the quiet one ({one['95 % interval']})"
        for name, one in figures.items()
        if one["p99 to quiet p99"] > TIMES
    ]


def examine(options: argparse.Namespace) -> tuple[Figures, float, list[str]]:
    """Attack a relay without TLS, then one with it; return figures, most memory in MiB, and faults."""
    figures: Figures = {}
    most, faults = 0.0, []
    place = None if options.disk or not os.access(_MEMORY, os.W_OK) else _MEMORY
    with tempfile.TemporaryDirectory(prefix="abuse-", dir=place) as folder:
        chain, key = write_pair(Path(folder), 1)
        for names, context in ((PLAIN, None), (OVER_TLS, ssl.create_default_context(cafile=chain))):
            chosen = [name for name in names if name in (options.only or ATTACKS)]
            if not chosen:
                continue
            findings, secured = Findings(), context is not None
            settings = (*SETTINGS, f"tls_cert={chain}", f"tls_key={key}") if secured else SETTINGS
            with RelayProcess(Path(folder) / f"relay-{secured}", *settings) as relay:
                if context is not None:
                    relay.trust(context)
                figures |= asyncio.run(Trial(relay, findings, options).run(chosen, context))
                faults += judge(relay, findings)
            most = max(most, *findings.rss)
    return figures, most, faults + beyond(figures)


@contextmanager
def urgent() -> Iterator[None]:
    """Where Linux weighs sessions against each other, give this one the priority that the process has."""
    before = None
    try:
        before = _AUTOGROUP.read_text("ascii").rsplit(maxsplit=1)[-1]
        _AUTOGROUP.write_text(str(os.getpriority(os.PRIO_PROCESS, 0)), "ascii")
    except OSError:
        before = None
    try:
        yield
    finally:
        if before is not None:
            _AUTOGROUP.write_text(before, "ascii")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Abuse of a relay.")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--spells", type=int, default=4, help="of each kind, quiet and attacked in turn")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--only", action="append", choices=ATTACKS)
    parser.add_argument("--disk", action="store_true", help="keep the relay's data with temporary files")
    options = parser.parse_args(arguments)
    with urgent():
        figures, most, faults = examine(options)
    worst = max(figures, key=lambda name: figures[name]["p99 to quiet p99"])
    report = {
        "name": "abuse",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": " ".join(["python tests/abuse/run.py", *arguments]),
        "result": "fail" if faults else "pass",
        "figures": {
            "worst attack": worst,
            "worst p99 to quiet p99": figures[worst]["p99 to quiet p99"],
            "not more than": TIMES,
            "messages of users a second": PAIRS * RATE,
            "most memory MiB": round(most, 1),
            "seconds of each kind": options.seconds * options.spells,
            "attackers": options.copies,
            "attacks": figures,
            "what must not be": faults,
        },
        "limits": LIMITS,
    }
    (ROOT / "reports" / "abuse.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(*faults, f"{len(faults)} faults: {report['result']}; worst: {worst}", sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
