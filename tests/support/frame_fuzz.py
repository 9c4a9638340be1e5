"""Ill-behaved clients against a real relay process, while a well-behaved pair talks and the relay is watched.

    python tests/support/frame_fuzz.py [--rounds N] [--scale N] [--copies N]

Every attack of frame_attacks.py and frame_sessions.py runs in `copies` at a time. What must hold: each attack
ends as it should, the pair loses nothing and sees nothing twice or out of order, the relay's memory stays
under a bound, it logs no fault, and it drains and ends with status 0. Writes `reports/frames.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from e2ee_relay.protocol import Message  # noqa: E402  # found on the path above
from frame_attacks import ALL, LONG, Attack  # noqa: E402
from frame_sessions import SESSIONS, peer_of  # noqa: E402
from relay_actors import Owner, Peer  # noqa: E402
from relay_process import RelayProcess  # noqa: E402

# What one connection may make the relay hold: 8 MiB that it does not read (RLY-71), or a message of 1 MiB on
# its way in and four behind it (RLY-02). Two attacks never read.
RSS_BOUND_MIB = 64
LIMITS = (
    "One relay process without TLS on the loopback device, on one machine with its attackers. Floods are as"
    " fast as these clients are; a flood that fills the network is not for a relay to stop."
)
SETTINGS = (
    "creations=100000/100000",
    "creations_global=100000/100000",
    "directory_b=1000000000/1000000000",
    "directory_b_global=1000000000/1000000000",
    "contact_messages=1000000/1000000",
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much: rounds one after the other, the length of a flood, how many of each attack at a time."""

    rounds: int = 1
    scale: int = 1
    copies: int = 1


@dataclass(slots=True)
class Findings:
    """What was seen: faults, the pair's latencies in seconds, the relay's memory in MiB."""

    faults: list[str] = field(default_factory=list)
    attacks: int = 0
    latencies: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Counts, milliseconds and MiB."""
        spread = statistics.quantiles(self.latencies, n=100) if len(self.latencies) > 1 else [0.0] * 99
        return {
            "attacks": self.attacks,
            "messages of the pair": len(self.latencies),
            "latency ms, median": round(spread[49] * 1000, 1),
            "latency ms, 99 %": round(spread[98] * 1000, 1),
            "latency ms, longest": round(max(self.latencies, default=0) * 1000, 1),
            "memory MiB, at first": round(self.rss[0], 1),
            "memory MiB, most": round(max(self.rss), 1),
            "memory MiB, at last": round(self.rss[-1], 1),
        }


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


class Pair:
    """A sender and an owner who do everything right."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._owner = Owner()
        self.is_over = False

    async def talk(self, port: int) -> None:
        """Send, receive and acknowledge one message after the other until it `is_over`."""
        sender, receiver = await peer_of(port), await peer_of(port)
        await self._owner.set_up(receiver)
        await self._owner.subscribe(receiver)
        number = 0
        while not self.is_over:
            number += 1
            await self._one(sender, receiver, str(number).encode())
            await asyncio.sleep(0.02)
        await sender.link.close()
        await receiver.link.close()

    async def _one(self, sender: Peer, receiver: Peer, body: bytes) -> None:
        began = time.monotonic()
        await sender.send(self._owner.item(body))
        message = await receiver.push(Message)
        self._findings.latencies.append(time.monotonic() - began)
        if message.body != body:
            self._findings.faults.append(f"the pair awaited {body!r} and got {message.body!r}")
        await self._owner.ack(receiver, message)


async def watch(pid: int, findings: Findings) -> None:
    """Note the relay's memory until cancelled."""
    while True:
        findings.rss.append(rss_mib(pid))
        await asyncio.sleep(0.05)


async def attack_once(name: str, attack: Attack, port: int, scale: int, findings: Findings) -> None:
    findings.attacks += 1
    try:
        wrong = await attack(port, scale)
    except (ConnectionError, TimeoutError) as error:
        wrong = f"the relay was not there ({type(error).__name__})"
    if wrong is not None:
        findings.faults.append(f"{name}: {wrong}")


async def attack_all(
    relay: RelayProcess, attacks: Mapping[str, Attack], findings: Findings, size: Size
) -> None:
    """Run the attacks beside the pair."""
    watching = asyncio.create_task(watch(relay.pid, findings))
    pair = Pair(findings)
    talking = asyncio.create_task(pair.talk(relay.port))
    try:
        for number in range(1, size.rounds + 1):
            if size.rounds > 1:
                most = max(findings.rss, default=0)
                print(f"round {number} of {size.rounds}, {most:.0f} MiB at most", flush=True)
            await attack_in_a_crowd(relay.port, attacks, findings, size)
        await asyncio.sleep(1.0)
    finally:
        findings.faults += ["the pair could not go on"] if talking.done() else []
        findings.faults += ["the relay ended by itself"] if watching.done() else []
        pair.is_over = True
        watching.cancel()
        await asyncio.gather(talking, watching, return_exceptions=True)


async def attack_in_a_crowd(port: int, attacks: Mapping[str, Attack], findings: Findings, size: Size) -> None:
    crowd = [(name, one) for name, one in attacks.items() for _ in range(size.copies)]
    await asyncio.gather(*(attack_once(name, one, port, size.scale, findings) for name, one in crowd))


def judge(relay: RelayProcess, findings: Findings) -> list[str]:
    """End the relay and say what must not be."""
    alive = relay.get("/livez")[0] == 200
    status = relay.stop()
    lines = [json.loads(line) for line in relay.log().splitlines()]
    found = list(findings.faults)
    found += [] if alive else ["the relay does not answer"]
    found += [] if status == 0 else [f"the relay ended with status {status}"]
    found += [f"the relay logged {line}" for line in lines if line["level"] == "error"]
    grown = max(findings.rss) - findings.rss[0]
    found += [f"its memory grew by {grown:.0f} MiB"] if grown > RSS_BOUND_MIB else []
    found += [] if len(findings.latencies) > 10 else ["the pair could hardly talk"]
    return found


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Frame fuzz of the relay.")
    for name, default in (("--rounds", 20), ("--scale", 5), ("--copies", 2)):
        parser.add_argument(name, type=int, default=default)
    options = parser.parse_args(arguments)
    findings, began = Findings(), time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="frames-") as folder,
        RelayProcess(Path(folder) / "relay", *SETTINGS) as relay,
    ):
        size = Size(options.rounds, options.scale, options.copies)
        await attack_all(relay, {**ALL, **SESSIONS}, findings, size)
        await attack_all(relay, LONG, findings, Size(copies=options.copies))
        faults = judge(relay, findings)
    write_report(findings, faults, time.monotonic() - began, arguments)
    return 1 if faults else 0


def write_report(findings: Findings, faults: list[str], seconds: float, arguments: Sequence[str]) -> None:
    result = "fail" if faults else "pass"
    figures = {**findings.figures(), "bound of growth, MiB": RSS_BOUND_MIB, "seconds": round(seconds)}
    report = {
        "name": "frames",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": " ".join(["python tests/support/frame_fuzz.py", *arguments]),
        "result": result,
        "figures": {**figures, "what must not be": faults},
        "limits": LIMITS,
    }
    path = ROOT / "reports" / "frames.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(*faults, *(f"{name}: {value}" for name, value in figures.items()), sep="\n")
    print(f"{findings.attacks} attacks, {len(faults)} faults: {result}")


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
