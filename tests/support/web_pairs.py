"""Events of a pair, at random, that the TypeScript core has to judge in the same way (chapter 08).

python tests/support/web_pairs.py --runs 5000 --seed 1
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from dataclasses import replace
from typing import Any, Final

import web_packages

from e2ee import pair as pairs
from e2ee import snapshot
from e2ee.constants import PREKEY_LIFE_MS
from e2ee.content import Sync, SyncKind, Top
from e2ee.ids import DhPublic, SessionId
from e2ee.numbers import Number
from e2ee.pair import Change, Pair, Standing

START_MS: Final = 1_764_000_000_000
EPOCH: Final = START_MS // 60_000
JUMPS_MS: Final = (0, 1, 60_000, 600_000, 86_400_000, 7 * 86_400_000, 14 * 86_400_000)
EVENTS: Final = (
    *("hear", "start", "answer", "answer", "message", "tell", "sync", "ask"),
    *("repeat", "lose", "pass_time", "pass_time", "take", "take", "told"),
)
Step = dict[str, Any]


def judged(pair: Pair) -> Pair:
    """The pair without what is counted beside its events: budgets, asks for a gap, our own numbers."""
    new = Pair()
    return replace(
        pair, asked_ms=0, gap_asks=new.gap_asks, rolled_back_ms=0, budget=new.budget, given=new.given
    )


class Script:
    """One pair and what happens to it."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.pair = Pair()
        self.now_ms = START_MS
        self.n = 0

    def run(self, steps: int) -> list[Step]:
        """The steps, each with what followed from it."""
        return [self.step() for _ in range(steps)]

    def step(self) -> Step:
        self.now_ms += self.random.choice(JUMPS_MS) if self.random.random() < 0.4 else 0
        event = self.random.choice(EVENTS)
        step: Step = {"event": event, "now_ms": self.now_ms, **self.details(event)}
        change = self.change(step)
        self.pair = change.pair
        gone = [] if event == "lose" else [one.hex() for one in change.gone]
        flags = "".join(str(int(flag)) for flag in (change.proven, change.activated, change.is_doubted))
        found = [finding.value for finding in change.findings]
        stored = snapshot.encode_pair(judged(self.pair)).hex()
        return step | {"expect": f"{stored} {','.join(gone)} {flags} {','.join(found)}"}

    def details(self, event: str) -> Step:
        known = [one.id.hex() for one in self.pair.sessions]
        session = self.random.choice(known) if known and self.random.random() < 0.95 else "00" * 32
        if event in {"hear", "start"}:
            epoch = max(self.pair.known + 1, EPOCH) + self.random.choice((-2, -1, 0, 0, 0, 1, 2_000_000))
            beside = self.random.choice((None, "01" * 32, "02" * 32)) if event == "start" else None
            new = self.random.randbytes(32).hex()
            return {"session": new, "epoch": min(epoch, 2**32 - 1), "beside": beside}
        if event == "answer":
            return {"session": session, "key": self.random.choice(("01" * 32, "02" * 32, "03" * 32))}
        if event in {"tell", "sync"}:
            ask_id = self.pair.ask.id.hex() if self.pair.ask and self.random.random() < 0.6 else "00" * 8
            named = {"ask_id": ask_id} if event == "tell" else {}
            return {"session": session, "top": self.top(), **named}
        if event in {"take", "told"}:
            return {"number": self.number(), "session": session, "top": None}
        more: Step = {"session": session}
        if event == "ask":
            more |= {
                "ask_id": self.random.randbytes(8).hex(),
                "patience_ms": self.random.choice((600_000, 86_400_000)),
            }
        return more | {"texts_wait": self.random.random() < 0.5}

    def top(self) -> list[Any] | None:
        if self.random.random() < 0.3:
            return None
        if self.pair.sessions and self.random.random() < 0.4:
            one = self.random.choice(self.pair.sessions)
            return [one.epoch, one.id[:8].hex()]
        epoch = max(self.pair.known, EPOCH) + self.random.choice((-1, 0, 1, 2, 2_000_000))
        return [min(epoch, 2**32 - 1), self.random.randbytes(8).hex()]

    def number(self) -> list[Any]:
        self.n = max(1, self.n + self.random.choice((-3, -1, 0, 1, 1, 1, 2, 3, 9_000, 20_000)))
        line = self.random.choice(("6c696e65", "6c696e65", "7477696e", "6d6f7265"))
        first = self.random.choice((1, max(1, self.n - 2), self.n, self.n + 1))
        return [self.n, line, min(first, self.n + 1)]

    def change(self, step: Step) -> Change:
        now_ms = self.now_ms
        session = SessionId(bytes.fromhex(step["session"]))
        match step["event"]:
            case "hear":
                return pairs.heard(self.pair, self.made(step), now_ms)
            case "start":
                return pairs.started(self.pair, self.made(step), now_ms)
            case "answer":
                return pairs.opened(self.pair, session, DhPublic(bytes.fromhex(step["key"])), now_ms)
            case "message":
                return pairs.opened(self.pair, session, None, now_ms)
            case "tell" | "sync" | "told":
                return pairs.synced(self.pair, session, self.sync(step), now_ms)
            case "ask":
                ask_id = bytes.fromhex(step["ask_id"])
                asked = pairs.asked(self.pair, ask_id, step["patience_ms"], now_ms)
                return Change(pairs.ask_taken(asked, ask_id, now_ms))
            case "repeat":
                return Change(pairs.repeated(self.pair, now_ms))
            case "lose":
                return Change(pairs.lost(self.pair, now_ms))
            case "take":
                return pairs.numbered(self.pair, self.number_of(step))
            case _:
                return pairs.tick(self.pair, now_ms, connected=True, texts_wait=step["texts_wait"])

    def made(self, step: Step) -> Standing:
        beside = None if step["beside"] is None else DhPublic(bytes.fromhex(step["beside"]))
        session, ends_ms = SessionId(bytes.fromhex(step["session"])), self.now_ms + PREKEY_LIFE_MS
        return Standing(session, step["epoch"], step["event"] == "start", self.now_ms, ends_ms, beside=beside)

    def sync(self, step: Step) -> Sync:
        top = None if step["top"] is None else Top(step["top"][0], bytes.fromhex(step["top"][1]))
        ask_id = bytes.fromhex(step["ask_id"]) if "ask_id" in step else None
        given = self.number_of(step) if "number" in step else None
        return replace(Sync(SyncKind.TELL, None, None, None, 0), ask_id=ask_id, top=top, given=given)

    def number_of(self, step: Step) -> Number:
        n, line, first = step["number"]
        return Number(n, bytes.fromhex(line), first)


def differences(runs: int, seed: int, steps: int = 40) -> list[str]:
    """What the TypeScript core judged otherwise."""
    scripts = [Script(f"{seed} {run}").run(steps) for run in range(runs)]
    done = web_packages.run("packages/core/tests/pairs.ts", given=json.dumps(scripts))
    if done.returncode != 0:
        return [done.stderr[-2_000:]]
    found: list[str] = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="events of pairs that both cores have to judge in one way")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = differences(options.runs, options.seed)
    print(f"{options.runs} scripts, {len(found)} differences")
    print("\n".join(found[:8]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
