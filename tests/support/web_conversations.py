"""Conversations of the core that the TypeScript core has to repeat, byte by byte and state by state.

    python tests/support/web_conversations.py --runs 1000 --seed 1

Two sessions talk with loss, reordering, repeats, flipped bits and jumps of time. Each random draw and each
encapsulation is written down,
and after each step the code, the bytes and the state. The other core repeats it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from typing import Any, Final

import web_packages
from vector_devices import list_of, our_device, responder_keys
from vector_files import load, unhex

from e2ee import content, prekeys, session, snapshot
from e2ee.content import Content, Text, WayBack
from e2ee.errors import E2eeError
from e2ee.ids import ContentId
from e2ee.numbers import Number
from e2ee.primitives import kem
from e2ee.session import Session, Started
from e2ee.wire import envelope

DAY_MS: Final = 86_400_000
STEPS_MS: Final = (0, 1, 1_000, 60_000, 3_600_000)
Step = dict[str, Any]


def state_of(ours: Session | None) -> str:
    """SHA-256 of the stored session and of the rows of its skipped keys; empty without a session."""
    if ours is None:
        return ""
    rows = sorted(
        place.hex() + value.hex() for place, value in map(snapshot.encode_skipped, ours.ratchet.skipped)
    )
    return hashlib.sha256((snapshot.encode_session(ours).hex() + "".join(rows)).encode()).hexdigest()


class Conversation:
    """One run: what two sessions did, step by step."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.vectors = load("handshake.json")
        self.case = self.random.choice(self.vectors["cases"])
        self.now_ms = int(self.vectors["now_ms"])
        self.sides: dict[str, Session | None] = {"A": None, "B": None}
        self.messages: list[tuple[str, bytes]] = []
        self.waiting: dict[str, list[int]] = {"A": [], "B": []}
        self.draws: list[str] = []
        self.encapsulated: list[str] | None = None
        self.steps: list[Step] = []

    def rng(self, size_b: int) -> bytes:
        """Draw, and write it down."""
        draw = self.random.randbytes(size_b)
        self.draws.append(draw.hex())
        return draw

    def encapsulate(self, key: bytes) -> tuple[bytes, bytes]:
        """Encapsulate, and write it down."""
        ciphertext, secret = kem.encapsulate(key)
        self.encapsulated = [ciphertext.hex(), secret.hex()]
        return ciphertext, secret

    def run(self, steps: int) -> dict[str, Any]:
        """Hold the conversation; return it as the other side reads it."""
        self.start()
        for _ in range(steps):
            self.now_ms += self.random.choice(STEPS_MS)
            if self.random.random() < 0.01:
                self.now_ms += self.random.choice((DAY_MS, 13 * DAY_MS, 31 * DAY_MS))
            self.any_step()
        given = {name: self.case[name] for name in ("bundle", "spk", "opk", "pqk")}
        sides = {"A": self.vectors["initiator"], "B": self.vectors["responder"]}
        return {"seed": self.seed, **given, **sides, "steps": self.steps}

    def any_step(self) -> None:
        side = self.random.choice("AB")
        waiting = self.waiting[side]
        chance = self.random.random()
        if chance < 0.45 and self.sides[side] is not None:
            self.seal(side)
        elif chance < 0.85 and waiting:
            self.arrive(side, waiting.pop(self.random.randrange(len(waiting))))
        elif chance < 0.92 and waiting:
            waiting.pop(self.random.randrange(len(waiting)))
        elif self.messages and (side == "B" or self.sides["A"] is not None):
            self.arrive(side, self.random.randrange(len(self.messages)), flip=chance < 0.97)

    def note(self, side: str, action: str, given: Step, made: bytes | None, code: str | None) -> None:
        expect = {
            "code": code,
            "made": None if made is None else hashlib.sha256(made).hexdigest(),
            "state": state_of(self.sides[side]),
        }
        drawn = {"draws": self.draws, "encapsulated": self.encapsulated}
        step = {"side": side, "action": action, "now_ms": self.now_ms, **given, **drawn, "expect": expect}
        self.steps.append(step)
        self.draws, self.encapsulated = [], None

    def start(self) -> None:
        theirs = our_device(self.vectors["responder"]).record.account_id
        bundle = prekeys.verify_bundle(theirs, None, [], unhex(self.case["bundle"]), self.now_ms)
        ours, epoch = self.vectors["initiator"], self.random.randrange(2**32)
        self.sides["A"] = session.initiate(
            our_device(ours), list_of(ours), bundle, epoch, self.now_ms, self.rng, self.encapsulate
        )
        self.note("A", "start", {"epoch": epoch}, None, None)

    def seal(self, side: str) -> None:
        ours = self.sides[side]
        assert ours is not None
        back = WayBack(bytes(16), bytes(32), "wss://relay.example/")
        text = Text("x" * self.random.choice((1, 100, 300, 1_200, 5_000)))
        way_back = back if isinstance(ours.phase, Started) else None
        number, named = Number(1, b"line", 1), ContentId(self.random.randbytes(16))
        whole = Content(named, self.now_ms, text, way_back=way_back, number=number)
        sealed, code = None, None
        try:
            self.sides[side], sealed = session.seal(ours, whole, self.now_ms, self.rng, self.encapsulate)
            self.waiting["B" if side == "A" else "A"].append(len(self.messages))
            self.messages.append((side, sealed))
        except E2eeError as error:
            code = error.code
        self.note(side, "seal", {"content": content.encode(whole).hex()}, sealed, code)

    def arrive(self, side: str, message: int, *, flip: bool = False) -> None:
        whole = bytearray(self.messages[message][1])
        place = self.random.randrange(len(whole)) if flip else None
        bits = 1 << self.random.randrange(8)
        if place is not None:
            whole[place] ^= bits
        max_jump = self.random.choice((1_000, 1_000, 1_000, 3))
        opened, code = None, None
        try:
            self.sides[side], opened = self.opened(side, bytes(whole), max_jump)
        except E2eeError as error:
            code = error.code
        given = {"message": message, "flip": place, "bits": bits, "max_jump": max_jump}
        self.note(side, "open", given, None if opened is None else content.encode(opened), code)

    def opened(self, side: str, whole: bytes, max_jump: int) -> tuple[Session, Content]:
        raw, ours = envelope.decode(whole), self.sides[side]
        if ours is not None:
            after = session.open_(ours, raw, self.now_ms, max_jump)
            return after.session, after.content
        keys = responder_keys(self.vectors["responder"], self.case)
        accepted = session.respond(raw, keys, lambda _: None, self.now_ms, max_jump)
        return accepted.opened.session, accepted.opened.content


def repeated(runs: int, seed: int, steps: int = 40) -> tuple[list[str], int]:
    """What the TypeScript core did otherwise in so many conversations, and how many steps there were."""
    held = [Conversation(f"{seed} {run}").run(steps) for run in range(runs)]
    done = web_packages.run("packages/core/tests/replay.ts", given=json.dumps(held))
    if done.returncode != 0:
        return [done.stderr[-2_000:]], 0
    faults: list[str] = json.loads(done.stdout)
    return faults, sum(len(one["steps"]) for one in held)


def main() -> int:
    parser = argparse.ArgumentParser(description="conversations that both cores hold")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    faults, steps = repeated(options.runs, options.seed, options.steps)
    print(f"{options.runs} conversations, {steps} steps, {len(faults)} differences")
    print("\n".join(faults[:20]))
    return int(bool(faults) or steps == 0)


if __name__ == "__main__":
    sys.exit(main())
