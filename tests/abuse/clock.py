"""Whether a client can tell refusals apart by their time, over a socket to a real relay process (RLY-31).

    python tests/abuse/clock.py [--rounds N]

One connection asks for one refusal after the other, a class each, in an order drawn anew each round. What
must hold: no pair of classes is further apart than BEYOND deviations of the rank sum in each of three runs;
and in a relay that leaves early, as a control, an unknown mailbox is. On a busy machine the control takes
more rounds, so they are doubled until it is noticed, and the relay is asked as often. Writes
`reports/refusals.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from e2ee_relay.protocol import (  # noqa: E402  # found on the path above
    Done,
    ErrorCode,
    Role,
    Send,
    SendResults,
    TokenRevoke,
    decode_frames,
    encode_frames,
    token_hash,
)
from frame_sessions import peer_of  # noqa: E402
from raw_websocket import BINARY, RawWebSocket, frame  # noqa: E402
from refusals import requests  # noqa: E402
from relay_actors import Owner  # noqa: E402
from relay_process import PROGRAM, RelayProcess  # noqa: E402
from timing import BEYOND, distances, shift  # noqa: E402

RUNS = 3
MAILBOXES = 300
MOST_ROUNDS = 16 * 4000
CONTROL = "unknown mailbox / unknown token"
FAULTY: Final = (sys.executable, "-m", "refusals")
SETTINGS = (
    "creations=1e6/1e6",
    "creations_global=1e6/1e6",
    "directory_b=1e9/1e9",
    "directory_b_global=1e9/1e9",
    "requests=1e9/1e9",
    "auths=1e6/1e6",
)
LIMITS = (
    "Loopback, one machine, an asker who asks as fast as answers come: more than a network gives. What is not"
    " told apart here may be with more requests; the shifts of the medians say how little is left."
)
Pairs = dict[str, dict[str, float]]


async def prepare(port: int) -> list[Owner]:
    """Make mailboxes with a contact whose token is revoked."""
    peer = await peer_of(port)
    owners = [Owner() for _ in range(MAILBOXES)]
    for owner in owners:
        await owner.set_up(peer)
        await peer.expect(Done, TokenRevoke(peer.next_id(), owner.mailbox, (token_hash(owner.token),)))
    await peer.link.close()
    return owners


async def measure(port: int, owners: list[Owner], rounds: int) -> dict[str, list[float]]:
    """Ask, and return the seconds of each answer by class."""
    socket = await RawWebSocket.greet(port)
    await socket.listen(5, messages=1)
    makers, chance = requests(owners), random.Random(rounds)
    times: dict[str, list[float]] = {name: [] for name in makers}
    names = list(makers)
    for _ in range(rounds):
        chance.shuffle(names)
        for name in names:
            message = frame(BINARY, encode_frames([Send(9, (makers[name](),))]))
            socket.heard.messages.clear()
            begun = time.perf_counter()
            socket.writer.write(message)
            await socket.listen(30, messages=1)
            times[name].append(time.perf_counter() - begun)
            (answer,) = decode_frames(socket.heard.messages[0], Role.CLIENT)
            if not isinstance(answer, SendResults) or answer.results[0].code is not ErrorCode.DENIED:
                raise AssertionError(f"not denied: {answer}")
    socket.abort()
    return times


async def examine(program: Sequence[str], rounds: int) -> Pairs:
    """Return the least distance of each pair over some runs, and the greatest shift in microseconds."""
    found: Pairs = {}
    path = os.pathsep.join(str(ROOT / one) for one in ("tests/support", ".", "client", "server"))
    with (
        tempfile.TemporaryDirectory(prefix="refusals-") as folder,
        RelayProcess(
            Path(folder) / "relay", *SETTINGS, environment={"PYTHONPATH": path}, program=program
        ) as relay,
    ):
        owners = await prepare(relay.port)
        for _ in range(RUNS):
            times = await measure(relay.port, owners, rounds)
            for (one, other), apart in distances(times).items():
                pair = found.setdefault(f"{one} / {other}", {"deviations": 1e9, "shift in us": 0.0})
                pair["deviations"] = round(min(pair["deviations"], apart), 1)
                moved = abs(shift(times[one], times[other])) * 1e6
                pair["shift in us"] = round(max(pair["shift in us"], moved), 2)
    return found


def control(rounds: int) -> tuple[int, Pairs]:
    """Examine the relay that leaves early, and return in how many rounds it was noticed, if it was."""
    while True:
        early = asyncio.run(examine(FAULTY, rounds))
        if CONTROL in told_apart(early) or rounds >= MOST_ROUNDS:
            return rounds, early
        rounds *= 2


def told_apart(pairs: Pairs) -> list[str]:
    """Return the pairs that are further apart than BEYOND in each run."""
    return [pair for pair, one in pairs.items() if one["deviations"] > BEYOND]


def judge(proper: Pairs, early: Pairs) -> list[str]:
    """Say what must not be."""
    faults = [f"told apart: {pair}" for pair in told_apart(proper)]
    noticed = told_apart(early)
    if CONTROL not in noticed:
        faults.append("the control was not noticed")
    if "unknown mailbox / unknown mailbox, again" in noticed:
        faults.append("equal classes were told apart")
    return faults


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Refusals by the clock.")
    parser.add_argument("--rounds", type=int, default=4000)
    rounds, early = control(parser.parse_args(arguments).rounds)
    proper = asyncio.run(examine(PROGRAM, rounds))
    faults = judge(proper, early)
    report = {
        "name": "refusals",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": " ".join(["python tests/abuse/clock.py", *arguments]),
        "result": "fail" if faults else "pass",
        "figures": {
            "requests of each class and run": rounds,
            "runs": RUNS,
            "told apart beyond, deviations": BEYOND,
            "relay": proper,
            "control that leaves early": early,
            "what must not be": faults,
        },
        "limits": LIMITS,
    }
    (ROOT / "reports" / "refusals.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report["figures"], indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
