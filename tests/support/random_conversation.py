"""Random conversations of two real engines under a hostile relay, losses of state and wrong clocks.

    python tests/support/random_conversation.py --runs 20000 --seed 1 --jobs 2 --write
    reports/random-conversations.json

A run: a company and a customer who know each other, a hostile stretch, then an honest relay for some weeks.
What has to hold is checked in `Conversation.check`, and in `_posted` for each letter.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from e2ee_client.engine import (
    Channel,
    Close,
    Commit,
    Effect,
    Engine,
    Notify,
    Open,
    Ports,
    Setup,
    Transmit,
    Work,
)
from e2ee_client.errors import SealroomError
from e2ee_client.events import Event, MessageReceived, Parted, Unconfirmed
from e2ee_client.rows import Continuity
from engine_world import Rows, SeededRng
from hostile_relay import Connections, HostileRelay, Letter
from seeded_report import grown, record, recorded

from e2ee import pair as pairs
from e2ee.errors import E2eeError
from e2ee.primitives import kem

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
START_MS: Final = 1_764_000_000_000
RELAY_URL: Final = "wss://relay.example/"
STEPS: Final = (1, 1, 5, 11, 30, 61, 400, 1_445, 3 * 1_440, 7 * 1_440, 17 * 1_440)
"""Jumps of time in minutes."""


class Fault(AssertionError):
    """A promise was broken."""


@dataclass
class Copy:
    """A copy of one side's store, with what its application had been told until then."""

    rows: Rows
    given: list[bytes]


class Side:
    """One client: its engine, its store, its clock, and what its application was told."""

    def __init__(self, name: str, relay: HostileRelay, rng: SeededRng) -> None:
        self.name = name
        self.rows = Rows()
        self.ports = Ports(rng, kem.encapsulate)
        self.net = Connections(relay)
        self.offset_ms = 0
        self.waiting: list[Channel] = []
        self.given: list[bytes] = []
        self.events: Counter[type[Event]] = Counter()
        self.unconfirmed: set[bytes] = set()
        self.engine: Engine
        self.peer_id = b""

    def carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Commit(changes):
                    self.rows.commit(changes)
                case Open(channel):
                    self.net.connect(channel)
                    self.waiting.append(channel)
                case Close(channel):
                    self.net.close(channel)
                case Transmit(channel, data):
                    self.net.transmit(channel, data)
                case Notify(event):
                    self._told(event)
                case Work():
                    raise Fault("this relay asks for no work")

    def _told(self, event: Event) -> None:
        self.events[type(event)] += 1
        if isinstance(event, MessageReceived):
            self.given.append(event.message_id)
        elif isinstance(event, Unconfirmed):
            self.unconfirmed.add(event.message_id)


class Conversation:
    """One run."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.now_ms = START_MS
        self.relay = HostileRelay()
        self.relay.now_ms = lambda: self.now_ms
        self.relay.on_letter = self._posted
        self.relay.stock_at_first = self.rng.choice((100, 100, 100, 49))
        self.sides = {name: Side(name, self.relay, SeededRng(f"{seed} {name}")) for name in "AB"}
        self.kept: dict[str, list[Letter]] = {"A": [], "B": []}
        self.saved: dict[str, Copy] = {}
        self.texts: dict[bytes, tuple[str, int]] = {}
        self.figures: Counter[str] = Counter()
        self.is_clean = True

    # --- small steps ---

    def other(self, name: str) -> Side:
        return self.sides["B" if name == "A" else "A"]

    def now_of(self, side: Side) -> int:
        return self.now_ms + side.offset_ms

    def run_side(self, side: Side) -> None:
        """Let a client hear everything that its relay answers, letters apart."""
        for _ in range(2_000):
            if side.waiting:
                side.carry_out(side.engine.connected(side.waiting.pop(0), self.now_of(side)))
            elif side.net.inbox:
                channel, data = side.net.inbox.popleft()
                side.carry_out(side.engine.received(channel, data, self.now_of(side)))
            else:
                return
        raise Fault("endless talk with the relay")

    def run_both(self) -> None:
        for side in self.sides.values():
            self.run_side(side)

    def box(self, name: str) -> list[Letter]:
        """Return the letters that wait for a side."""
        side = self.sides[name]
        mailboxes = [one.id for one in side.engine._state.mailboxes.values()]
        for mailbox in mailboxes:
            letters = self.relay.letters.setdefault(mailbox, [])
            if letters:
                return letters
        return self.relay.letters.setdefault(mailboxes[0], [])

    def past(self, name: str) -> list[Letter]:
        side = self.sides[name]
        return [one for key in side.engine._state.mailboxes for one in self.relay.sent.get(key, [])]

    def deliver(self, name: str, letter: Letter) -> None:
        """Hand a letter over. One that is refused may ask for a sign of life; more may follow."""
        self.run_both()
        side = self.sides[name]
        channel = side.net.listening(letter.mailbox)
        if channel is None:
            return
        before = _print_of(side)
        authentic = len(side.rows.tables.get("meta", {}))
        side.carry_out(side.engine.received(channel, self.relay.delivery(letter), self.now_of(side)))
        refused = sum(key.startswith(b"refused:") for key in side.rows.tables.get("meta", {}))
        was_refused = b"refused:" + letter.mailbox + letter.msg_id in side.rows.tables.get("meta", {})
        if was_refused and _print_of(side) != before and refused <= authentic + 1:
            raise Fault("bytes that do not authenticate changed the state")
        self.run_both()

    def say(self, name: str) -> None:
        side = self.sides[name]
        text = f"{name} {len(self.texts)}"
        (content_id,), effects = side.engine.send_texts(side.peer_id, [text], self.now_of(side))
        self.texts[content_id] = (name, self.now_ms)
        self.figures["texts"] += 1
        side.carry_out(effects)
        self.run_both()

    def tick(self) -> None:
        for side in self.sides.values():
            self.tick_side(side)

    def tick_side(self, side: Side) -> None:
        for _ in range(40):
            wake_ms = side.engine.next_wake_ms
            if wake_ms is not None and wake_ms > self.now_of(side):
                break
            side.carry_out(side.engine.tick(self.now_of(side)))
            self.run_both()
            if wake_ms is None:
                break

    def _posted(self, letter: Letter) -> None:
        """In a pair that has met, a text leaves a second time only on a proven session (SES-37), and none
        leaves on an unproven one (SES-22).
        """
        for side in self.sides.values():
            state = side.engine._state
            for peer in state.peers_of(side.peer_id):
                lane = state.outbox.lane(peer.account_id, peer.device_id)
                for item, _ in lane.flying.values():
                    standing = peer.pair.session(item.session_id)
                    is_early = item.shown and standing is not None and not standing.proven
                    if item.msg_id == letter.msg_id and is_early and peer.pair.met:
                        raise Fault("a text left on a session that is not proven")

    # --- life of a client ---

    def reopen(self, side: Side, rows: Rows, continuity: Continuity = Continuity.CONTINUOUS) -> None:
        side.net = Connections(self.relay)
        side.waiting = []
        side.rows = rows
        side.engine, effects = Engine.load(rows, continuity, side.ports, self.now_of(side))
        side.carry_out(effects)
        side.carry_out(side.engine.start(self.now_of(side)))
        self.run_both()

    def put_back(self, name: str, copy: Copy, *, noticed: bool) -> None:
        side = self.sides[name]
        side.given = list(copy.given)
        self.is_clean = False
        self.reopen(side, copy.rows.copy(), Continuity.ROLLED_BACK if noticed else Continuity.CONTINUOUS)

    def save(self, name: str) -> None:
        side = self.sides[name]
        self.saved[name] = Copy(side.rows.copy(), list(side.given))

    def run_clone(self, name: str) -> None:
        """A second copy of the store talks for a while, then dies."""
        side, copy = self.sides[name], self.saved[name]
        kept = (side.rows, list(side.given), dict(self.texts))
        self.put_back(name, copy, noticed=False)
        for _ in range(self.rng.randrange(1, 6)):
            step = self.rng.random()
            if step < 0.5:
                self.say(name)
            elif self.box(name) and step < 0.8:
                self.deliver(name, self.box(name).pop(0))
            else:
                self.now_ms += 11 * MINUTE_MS
                self.tick()
        side.given, self.texts = kept[1], kept[2]
        self.reopen(side, kept[0])
        self.figures["clones"] += 1

    # --- a run ---

    def begin(self) -> None:
        """A company with an entry, a customer with its card; first texts."""
        for name, publish in (("A", False), ("B", True)):
            side = self.sides[name]
            setup = Setup(RELAY_URL, name=name, publish=publish, front_desk=publish)
            side.engine, _, effects = Engine.create(setup, side.ports, side.rows, self.now_ms)
            side.carry_out(effects)
            side.carry_out(side.engine.start(self.now_ms))
            self.run_side(side)
        customer, company = self.sides["A"], self.sides["B"]
        customer.peer_id, effects = customer.engine.add_contact(company.engine.card(), self.now_ms)
        company.peer_id = customer.engine.account_id
        customer.carry_out(effects)
        self.run_both()
        self.say("A")
        self.tick()
        self.all_through()
        company.carry_out(company.engine.accept_contact(company.peer_id, self.now_ms))
        self.run_both()
        if self.rng.random() < 0.8:
            for name in "BAB":
                self.all_through()
                self.say(name)

    def all_through(self) -> None:
        """Deliver everything in an order of chance."""
        for _ in range(400):
            names = [name for name in "AB" if self.box(name)]
            if not names:
                return
            name = self.rng.choice(names)
            self.deliver(name, self.box(name).pop(0))
        raise Fault("endless talk of the two")

    def hostile(self, steps: int, *, losses: bool, skew: int) -> None:
        for _ in range(steps):
            name = self.rng.choice("AB")
            step = self.rng.random()
            if step < 0.2:
                self.say(name)
            elif step < 0.76:
                self._relay_step(name, step)
            elif step < 0.93:
                self.now_ms += self.rng.choice(STEPS) * MINUTE_MS
                self.tick()
            elif step < 0.97:
                if losses:
                    self._loss(name)
            elif skew:
                choices = [0, 0, DAY_MS, -DAY_MS, self.rng.randrange(-DAY_MS, DAY_MS)]
                choices += [365 * DAY_MS] if skew > 1 else []
                self.sides[name].offset_ms = self.rng.choice(choices)
                self.tick()

    def _relay_step(self, name: str, step: float) -> None:
        box, kept, past = self.box(name), self.kept[name], self.past(name)
        if step < 0.44 and box:
            self.deliver(name, box.pop(0))
        elif step < 0.52 and box:
            self.deliver(name, box.pop(self.rng.randrange(len(box))))
        elif step < 0.57 and box:
            box.pop(self.rng.randrange(len(box)))
        elif step < 0.61 and box:
            kept.append(box.pop(self.rng.randrange(len(box))))
        elif step < 0.65 and kept:
            self.deliver(name, kept.pop(self.rng.randrange(len(kept))))
        elif step < 0.70 and past:
            letter = self.rng.choice(past)
            self.deliver(name, Letter(letter.mailbox, self.rng.randbytes(16), letter.body))
        elif past:
            self._garble(name, self.rng.choice(past))

    def _garble(self, name: str, letter: Letter) -> None:
        """Slip in bytes that are not authentic: a changed body, a foreign tag, a true prefix with another
        body.
        """
        body = bytearray(letter.body)
        at = self.rng.choice([2, 10, len(body) - 20, self.rng.randrange(2, len(body))])
        body[at] ^= self.rng.randrange(1, 256)
        self.deliver(name, Letter(letter.mailbox, self.rng.randbytes(16), bytes(body)))

    def _loss(self, name: str) -> None:
        side, chance = self.sides[name], self.rng.random()
        if chance < 0.3 or name not in self.saved:
            self.save(name)
            if self.rng.random() < 0.5:
                self.reopen(side, side.rows)
        elif chance < 0.45:
            self.is_clean = False
            self.reopen(side, side.rows, Continuity.UNKNOWN)
            self.figures["losses"] += 1
        elif chance < 0.65:
            self.put_back(name, self.saved[name], noticed=True)
            self.figures["noticed rollbacks"] += 1
        elif chance < 0.9:
            self.put_back(name, self.saved[name], noticed=False)
            self.figures["unnoticed rollbacks"] += 1
        else:
            self.run_clone(name)

    def run(self) -> None:
        losses = self.rng.random() < 0.7
        skew = self.rng.choice([0, 1, 1, 2]) if self.rng.random() < 0.6 else 0
        self.begin()
        self.hostile(self.rng.randrange(20, 90), losses=losses, skew=skew)
        if self.rng.random() < 0.5 or skew > 1:
            for side in self.sides.values():
                side.offset_ms = 0
        honest_ms = self.now_ms
        for turn in range(46):
            self.all_through()
            if turn < 40 and turn % 3 == 0:
                self.say(self.rng.choice("AB"))
                self.all_through()
            name = self.rng.choice("AB")
            if turn < 30 and self.rng.random() < 0.2 and self.kept[name]:
                self.deliver(name, self.kept[name].pop())
                self.all_through()
            self.now_ms += 11 * MINUTE_MS if turn < 14 else 6 * HOUR_MS if turn < 24 else 25 * HOUR_MS
            self.tick()
        self.all_through()
        for _ in range(3):
            self.now_ms += 2_000
            self.tick()
            self.all_through()
        self.check(honest_ms)

    # --- what has to hold ---

    def check(self, honest_ms: int) -> None:
        tops = {name: _top(side) for name, side in self.sides.items()}
        if tops["A"] is None or tops["A"] != tops["B"]:
            raise Fault(f"no one active session at the end: {tops}")
        for name, side in self.sides.items():
            if len(side.given) != len(set(side.given)):
                raise Fault("a text was shown twice")
            if side.events[Parted] and self.is_clean:
                raise Fault("parted without loss, rollback or clone")
            self._check_texts(side, self.other(name), honest_ms)

    def _check_texts(self, sender: Side, receiver: Side, honest_ms: int) -> None:
        got = {key[33:] for key in receiver.rows.tables.get("message", {}) if not key[0]}
        missing = _received(receiver)
        for content_id, (name, at_ms) in self.texts.items():
            if name != sender.name or content_id in got:
                continue
            if not _is_stored(sender, content_id):
                continue  # the sender's own store was set back to before it
            if at_ms > honest_ms + 3 * DAY_MS:
                raise Fault("a text of the honest weeks did not arrive")
            self._check_lost(sender, receiver, content_id, missing)

    def _check_lost(self, sender: Side, receiver: Side, content_id: bytes, missing: bool) -> None:
        if content_id in sender.unconfirmed:
            self.figures["only the sender sees it"] += 1
            return
        items = [
            one
            for _, lane in sender.engine._state.outbox.of(sender.peer_id)
            for one in lane.all()
            if one.content_id == content_id
        ]
        if any(not one.sendings for one in items):
            raise Fault("a text still waits")
        if missing or receiver.events[Parted]:
            self.figures["gap"] += 1
            return
        raise Fault(f"a text was lost without an event: {items}")


def _print_of(side: Side) -> object:
    state = side.engine._state
    pairs = [
        (key, peer.pair.known, peer.pair.met, sorted((one.id, one.proven) for one in peer.pair.sessions))
        for key, peer in state.peers.items()
    ]
    return pairs, len(side.rows.tables.get("message", {})), len(state.prekeys)


def _pairs(side: Side) -> Iterator[pairs.Pair]:
    for peer in side.engine._state.peers_of(side.peer_id):
        yield peer.pair


def _top(side: Side) -> object:
    return next((pair.top for pair in _pairs(side)), None)


def _received(side: Side) -> bool:
    return any(pair.received.missing for pair in _pairs(side))


def _is_stored(side: Side, content_id: bytes) -> bool:
    return any(key[33:] == content_id for key in side.rows.tables.get("message", {}) if key[0])


class Outcome(NamedTuple):
    """What one run counted, and the promise that it broke."""

    seed: int
    figures: Counter[str]
    fault: str | None


def play(seed: int) -> Outcome:
    """Run one conversation; an error that its people would see is a fault as well."""
    run = Conversation(seed)
    fault = None
    try:
        run.run()
    except (Fault, SealroomError, E2eeError) as broken:
        fault = f"{type(broken).__name__}: {broken}"
    run.figures["runs without loss"] += run.is_clean
    return Outcome(seed, run.figures, fault)


def main() -> None:
    """Run many and print what was found; a report grows by the seeds of this call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    figures: Counter[str] = Counter()
    faults = 0
    begun = time.monotonic()
    seeds = range(options.seed, options.seed + options.runs)
    with ProcessPoolExecutor(options.jobs) as processes:
        for done, outcome in enumerate(processes.map(play, seeds, chunksize=10), 1):
            figures.update(outcome.figures)
            if outcome.fault is not None:
                faults += 1
                print(outcome.seed, outcome.fault, flush=True)
            if done % 500 == 0:
                print(f"{done} of {options.runs}, {time.monotonic() - begun:.0f} s", flush=True)
    print(json.dumps(grown({}, options.seed, options.runs, faults, figures), indent=1))
    if options.write:
        record(options.write, grown(recorded(options.write), options.seed, options.runs, faults, figures))
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
