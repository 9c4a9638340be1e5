"""Rooms in which somebody lies, on the real code: `python tests/support/room_runs.py [runs] [first seed]`.

A run of the transcript has two honest devices and one that forks, leaves out, or hides behind a restart, over
a relay that reorders. A run of the states has honest stewards with views that differ and hostile ones beside.
The program plays 20 000 of each, or as many as it is told, and stops at the first that goes wrong.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import room_states  # noqa: E402  # a script finds its modules by itself
from room_people import NOW_MS, Person  # noqa: E402
from room_states import EVER, dev, head_of  # noqa: E402

from e2ee.rooms import transcript  # noqa: E402
from e2ee.rooms.entry import (  # noqa: E402
    DeviceTag,
    Entry,
    EntryHash,
    carrier,
)
from e2ee.rooms.head import path_to  # noqa: E402
from e2ee.rooms.order import order  # noqa: E402
from e2ee.rooms.payloads import Mark, RoomText  # noqa: E402
from e2ee.rooms.state import HOLD, WrittenState  # noqa: E402
from e2ee.rooms.transcript import FindingKind, Held, View  # noqa: E402

LIES = ("fork", "omit", "omit and restart")
LATE_MS = 90_000
Rows = dict[tuple[DeviceTag, int], Held]
Entries = dict[EntryHash, Entry]
SET_BACK: tuple[View, Rows, Entries] = (View(DeviceTag(bytes(8))), {}, {})
"""Stands in the place of a copy once a store is that copy."""


class Liar:
    """A device that tells two others one thing, until it does not."""

    def __init__(self, rnd: random.Random) -> None:
        self.person = Person("E", rnd.random() < 0.5)
        self.lie: str | None = None
        self._rnd, self._n, self._hidden = rnd, 0, False
        self._prev: tuple[EntryHash | None, EntryHash | None] = (None, None)

    def write(self, sent_ms: int) -> tuple[Entry, Entry | None]:
        """What each of the two gets; None is left out."""
        now = self._rnd.choice((None, None, *LIES)) if self.lie is None else None
        self.lie = self.lie or now
        if self._hidden:
            self._n, self._prev, self._hidden = sent_ms, (None, None), False
        left, right = self._prev
        one = self.person.make(self._n, left, sent_ms, RoomText("ja"))
        other = self.person.make(self._n, right, sent_ms, RoomText("nein" if now == "fork" else "ja"))
        self._n += 1
        if now in ("omit", "omit and restart"):
            self._prev, self._hidden = (one.hash, one.hash), now == "omit and restart"
            return one, None
        self._prev = one.hash, other.hash
        return one, other


def talk(seed: int) -> tuple[Liar, Person, Person, int]:
    """Play one conversation; at its end all that was sent is there, and both honest devices mark twice."""
    rnd = random.Random(seed)
    a, b, liar, now_ms = Person("A"), Person("B", rnd.random() < 0.5), Liar(rnd), NOW_MS
    queues: dict[str, list[tuple[Person, Entry]]] = {"A": [], "B": []}
    for _ in range(rnd.randint(4, 20)):
        now_ms += rnd.randint(-500, 5_000)
        who = rnd.choice("ABE")
        if who == "E":
            for name, entry in zip("AB", liar.write(now_ms), strict=True):
                queues[name] += [] if entry is None else [(liar.person, entry)]
        else:
            sender, name = (a, "B") if who == "A" else (b, "A")
            queues[name].append((sender, sender.write(now_ms)))
        for one in (a, b):
            while queues[one.name] and rnd.random() < 0.5:
                _receive(one, *queues[one.name].pop(rnd.randrange(len(queues[one.name]))), now_ms)
    for one in (a, b):
        for sender, entry in reversed(queues[one.name]):
            _receive(one, sender, entry, now_ms)
    for sender, other in ((a, b), (b, a)) * 2:
        now_ms += 1
        _receive(other, sender, sender.mark(now_ms), now_ms)
    return liar, a, b, now_ms + LATE_MS


def _receive(one: Person, sender: Person, entry: Entry, now_ms: int) -> None:
    one.receive(carrier(entry), sender, now_ms)


def noticed(one: Person, now_ms: int) -> bool:
    """Whether a device has found anything, or misses something."""
    alarms = [found for found in one.findings if found.kind is not FindingKind.RESTARTED]
    return bool(alarms) or bool(one.gaps(now_ms))


def check_talk(seed: int) -> str:
    """Every lie is noticed by whom it parts from the other; where there is none, nothing is."""
    liar, a, b, now_ms = talk(seed)
    if liar.lie is None:
        assert not noticed(a, now_ms)
        assert not noticed(b, now_ms)
        _check_order(a, b, seed)
    else:
        assert noticed(b, now_ms), (seed, liar.lie)
        assert liar.lie != "fork" or noticed(a, now_ms), seed
    return liar.lie or "honest"


def _check_order(a: Person, b: Person, seed: int) -> None:
    """All have the same entries, in the same order, each behind what its author had (TRN-16)."""
    shown = order(a.headers(), None)
    shuffled = list(b.headers().items())
    random.Random(seed).shuffle(shuffled)
    assert order(dict(shuffled), None) == shown
    place = {one: at for at, one in enumerate(shown)}
    for one, header in a.headers().items():
        named = [link.hash for link in header.seen] + ([] if header.prev is None else [header.prev])
        assert all(place[other] < place[one] for other in named)


class Honest:
    """Honest devices over a relay that drops: some join late, some are set back to an older store.

    `told` has, for each entry, whom its author wrote to: these may have it when they ask.
    """

    def __init__(self, seed: int) -> None:
        self.rnd, self.now_ms = random.Random(seed), NOW_MS
        self.people = [Person("D"), Person("A"), Person("C", False)]
        self.told: list[tuple[Person, Entry, list[Person]]] = []
        self._naming: set[tuple[str, str]] = set()
        self._copies: dict[str, tuple[View, Rows, Entries]] = {}

    def write(self, person: Person, *, drop: float = 0.2, mark: bool = False) -> None:
        """Write to everybody; the relay drops some copies."""
        self.now_ms += self.rnd.randint(-2_000, 5_000)
        others = [one for one in self.people if one is not person]
        new = [one for one in others if one.late and (person.name, one.name) not in self._naming]
        self._naming |= {(person.name, one.name) for one in new}
        restart = person.name in self._copies and self._copies[person.name] is SET_BACK
        self._copies.pop(person.name, None)
        state = EntryHash(b"s" * 32) if new and not mark else None
        entry = person.write(self.now_ms, Mark() if mark else None, state=state, restart=restart)
        self.told.append((person, entry, others))
        for other in others:
            if self.rnd.random() >= drop:
                self._give(other, entry, person, begins=other in new and state is not None)

    def _give(self, other: Person, entry: Entry, by: Person, *, begins: bool = False) -> None:
        forwarded_by = None if by.author == entry.author else by
        other.take(entry, self.now_ms, forwarded_by, begins=begins)

    def join(self) -> None:
        """A device comes; each author names a state with it in its next entry."""
        if len(self.people) < 6:
            self.people.append(Person(f"J{len(self.people)}", late=True))

    def set_back(self, person: Person) -> None:
        """A store becomes an older copy of itself, and notices it: its next entry is a restart (TRN-07)."""
        copy = self._copies.get(person.name)
        if copy is None or copy is SET_BACK:
            self._copies[person.name] = person.view, dict(person.rows), dict(person.entries)
            return
        person.view, person.rows, person.entries = copy[0], dict(copy[1]), dict(copy[2])
        self._copies[person.name] = SET_BACK

    def settle(self) -> None:
        """Everybody writes once more, and asks for what is missing until nothing more comes."""
        for person in list(self.people):
            self.write(person, drop=0.0)
        for _ in range(40):
            before = sum(len(one.entries) for one in self.people)
            for person in self.people:
                self._answer(person)
            if sum(len(one.entries) for one in self.people) == before:
                return

    def _answer(self, person: Person) -> None:
        """Answers, from the newest number down (TRN-14, TRN-15, TRN-17)."""
        ranges = transcript.wanted(person.view)
        found = [
            (author, entry, others)
            for author, entry, others in self.told
            if any(author.tag == tag and first <= entry.header.n <= last for tag, first, last in ranges)
            and (person in others or person is author)
        ]
        for author, entry, others in sorted(found, key=lambda row: -row[1].header.n):
            helpers = [one for one in (author, *others) if entry.hash in one.entries and one is not person]
            named = entry.header.state is not None and person.late
            if helpers:
                self._give(person, entry, self.rnd.choice(helpers), begins=named)


def check_honest(seed: int) -> str:
    """Nobody is accused, and nothing is missing in the end but what a customer's older store has lost."""
    world = Honest(seed)
    for _ in range(world.rnd.randint(10, 40)):
        what = world.rnd.random()
        if what < 0.04:
            world.join()
        elif what < 0.14:
            world.set_back(world.rnd.choice(world.people))
        else:
            world.write(world.rnd.choice(world.people))
    world.settle()
    quiet = {FindingKind.RESTARTED, FindingKind.ROLLED_BACK}
    for one in world.people:
        assert {found.kind for found in one.findings} <= quiet, (seed, one.name)
        # What a customer's device has lost of its own is hearsay for everybody who had not got it.
        lost = {
            author.tag for author, entry, _ in world.told if not author.is_company and entry.header.restarts
        }
        gaps = [gap for gap in one.gaps(world.now_ms + LATE_MS) if gap.tag not in lost]
        assert not gaps, (seed, one.name, gaps)
    return "set back" if any(one.findings for one in world.people) else "calm"


def check_heads(seed: int) -> str:
    """The head is one, whatever the order; no hold is dropped, nobody suspended comes back (ROOM-11)."""
    run = room_states.run(seed)
    everything = [*run.honest, *run.hostile]
    heads = set()
    for turn in range(3):
        random.Random(seed + turn).shuffle(everything)
        heads.add(head_of(everything, EVER))
    (head,) = heads
    before = head_of(run.honest, EVER)
    assert head is not None
    assert before is not None
    suspended = any(one.state.roster.seq >= 2 for one in run.honest)
    if suspended and dev("X") not in before.state.members:
        assert dev("X") not in head.state.members, seed
    if before.state.has(HOLD):
        assert head.state.has(HOLD) or (not suspended and _cleared_by_x(head, everything)), seed
    return "moved" if head != before else "stayed"


def _cleared_by_x(head: WrittenState, states: list[WrittenState]) -> bool:
    """A supervisor that was in force then may clear a hold."""
    path = path_to(head, {one.hash: one for one in states})
    return any(
        one.state.has(HOLD) and not two.state.has(HOLD) and two.author == dev("X")
        for one, two in itertools.pairwise(path)
    )


def main() -> None:
    runs, first = (*map(int, sys.argv[1:]), *(20_000, 0)[len(sys.argv) - 1 :])
    for name, check in (("transcript", check_talk), ("honest", check_honest), ("states", check_heads)):
        print(name, dict(Counter(check(seed) for seed in range(first, first + runs))))


if __name__ == "__main__":
    main()
