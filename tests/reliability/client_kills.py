"""`kill -9` of clients and their relay while clocks are wrong, a clone runs, or a backup is restored twice.

    python tests/reliability/client_kills.py [--runs N] [--rounds N] [--seed S]

Company, customer and relay are programs with stores on disk (tests/support/kill_scenes.py). In each round one
of them is killed while a text is sent, and started again. Clocks are wrong by up to a year either way; a copy
of a store runs beside its original; one backup becomes two devices. In the end both sides write to each other
again, nothing is shown twice, and what is lost was told. Writes `reports/client-kills.json`; exits 1 if
anything must not be.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from kept_result import keep, result  # noqa: E402  # found on the path above
from kill_scenes import SCENES, KillScenes, play  # noqa: E402

LIMITS: Final = (
    "Kills come within 30 ms of a sending, at random; each system call of a conversation is the matter of the"
    " run `crash`. Clients' clocks are moved in steps, the relay's is the machine's. After a rollback that"
    " nobody notices a text may be known to its sender alone."
)


async def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="kill -9 of clients in bad moments.")
    parser.add_argument("--runs", type=int, default=10, help="of each scene")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    began, rows = time.monotonic(), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="client-kills-") as name:
        for place, scene in enumerate(SCENES):
            rows.append(await _runs(scene, Path(name) / str(place), options))
            print(f"{scene}: {rows[-1]['kills']} kills, {rows[-1]['what must not be'] or 'good'}", flush=True)
    good = all(row["result"] == "pass" for row in rows)
    kills = sum(sum(row["kills"].values()) for row in rows)
    figures = {"scenes": rows, "kills": kills, "seconds": round(time.monotonic() - began)}
    keep(result("client-kills", arguments, "pass" if good else "fail", figures, LIMITS))
    print(f"{kills} kills in {options.runs} runs of {len(rows)} scenes: {'pass' if good else 'fail'}")
    return 0 if good else 1


async def _runs(name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Play a scene with some seeds; return its row."""
    kills, told, found, texts = Counter[str](), Counter[str](), list[str](), 0
    for seed in range(options.seed, options.seed + options.runs):
        scene, faults = await play(name, folder / str(seed), seed, options.rounds)
        kills.update(scene.kills)
        told.update(_told(scene))
        texts += sum(map(len, scene.sent.values()))
        found += [f"seed {seed}: {fault}" for fault in faults]
    return {
        "name": name,
        "result": "fail" if found else "pass",
        "runs": options.runs,
        "kills": dict(kills),
        "texts": texts,
        "events": dict(told),
        "what must not be": found,
    }


def _told(scene: KillScenes) -> Counter[str]:
    """The events about what was lost, or runs twice."""
    names = ("Gap", "Parted", "RolledBack", "SecondCopy", "NewDevice", "DeviceReplaced", "Churn")
    whole = Counter[str]()
    for one in scene.people.values():
        whole.update({name: one.account.told[name] for name in names if one.account.told[name]})
        whole["Unconfirmed"] += len(one.account.given_up)
    return whole


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
