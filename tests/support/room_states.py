"""States of a room that honest and hostile stewards write, for tests of validity and head."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from e2ee.identity import ListHead
from e2ee.ids import DeviceId, ListHash
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.head import States, Team, choose, judge
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.state import (
    HOLD,
    Phase,
    Retention,
    RetentionClass,
    State,
    WrittenState,
)
from e2ee.wire import cbor

ROOT = EntryHash(b"open".ljust(32, b"."))
NOTICE = b"notice".ljust(32, b".")
LIST = ListHead(1, ListHash(b"list".ljust(32, b".")))
KEPT = Retention(RetentionClass.DEFAULT, 90 * 86_400)
SUPERVISOR, DESK, AGENT, BOT = 3, 2, 1, 0


def dev(name: str) -> DeviceId:
    """The device id of a name."""
    return DeviceId(name.encode().ljust(16, b"."))


def ids(names: Iterable[str]) -> tuple[DeviceId, ...]:
    """The device ids of names, ascending."""
    return tuple(sorted(dev(name) for name in names))


def roster(seq: int, mandate_seq: int = 1, mark: bytes = b"") -> RosterRef:
    """A reference to a roster; `mark` makes another one of the same number."""
    return RosterRef(mandate_seq, seq, hashlib.sha256(b"%d %d %b" % (mandate_seq, seq, mark)).digest())


def team(ranks: Mapping[RosterRef, Mapping[str, int]], suspended: Iterable[str] = ()) -> Team:
    """Who is in force by each roster that is known."""
    known = {ref: {dev(name): rank for name, rank in row.items()} for ref, row in ranks.items()}
    return Team(known.get, frozenset(map(dev, suspended)))


def written(author: str, n: int, state: State) -> WrittenState:
    """A state with a hash over all that a real entry's covers here."""
    digest = hashlib.sha256(cbor.encode([dev(author), n, state.value()])).digest()
    return WrittenState(EntryHash(digest), dev(author), n, state)


def first(author: str, n: int = 0, members: Iterable[str] = (), **other: Any) -> WrittenState:
    """The first state of a room."""
    given: dict[str, Any] = {
        "version": 1,
        "epoch": 1,
        "parent": ROOT,
        "phase": Phase.OPEN,
        "members": ids(members),
        "assigned": None,
        "customer_list": LIST,
        "roster": roster(1),
        "notice": NOTICE,
        "retention": KEPT,
    }
    return written(author, n, State(**{**given, **other}))


def after(before: WrittenState, author: str, n: int, **changed: Any) -> WrittenState:
    """The next state, with some changes."""
    old = before.state
    kept: dict[str, Any] = {name: getattr(old, name) for name in ("version", "phase", "members", "assigned")}
    kept |= {name: getattr(old, name) for name in ("customer_list", "roster", "notice", "retention", "flags")}
    given: dict[str, Any] = {**kept, "epoch": old.epoch + 1, "parent": before.hash, **changed}
    return written(author, n, State(**given))


def head_of(states: Iterable[WrittenState], who: Team, root: EntryHash | None = ROOT) -> WrittenState | None:
    """The head of a set of states."""
    known: States = {one.hash: one for one in states}
    return choose(known, judge(known, root, who), root, who)


TEAM = {"F1": DESK, "F2": DESK, "S": SUPERVISOR, "A": AGENT, "B": AGENT, "X": SUPERVISOR, "Y": DESK}
SUSPENDED = {name: rank for name, rank in TEAM.items() if name != "X"}
EVER = team({roster(1): TEAM} | {roster(seq): SUSPENDED for seq in range(2, 6)})
HONEST = ("F1", "F2", "S")


class Run(NamedTuple):
    """All that honest stewards wrote, and all that hostile ones did beside it."""

    honest: list[WrittenState]
    hostile: list[WrittenState]


def run(seed: int) -> Run:
    """Stewards F1, F2 and S change a room with views that differ; X is suspended, Y a hostile desk in force.

    Y forks from anywhere, by the newest roster; X by the old one; A has no rank and writes all the same.
    """
    rnd = random.Random(seed)
    root = first("S", members=("F1", "F2", "X", "Y"))
    views = {name: {root.hash: root} for name in HONEST}
    honest = {root.hash: root}
    newest = 2
    for step in range(1, rnd.randint(4, 15)):
        newest += rnd.random() < 0.3 and newest < 5
        who = rnd.choice(HONEST)
        state = _honest_change(rnd, views[who], who, step, newest)
        if state is not None:
            honest[state.hash] = views[who][state.hash] = state
        for _ in range(2):
            if rnd.random() < 0.7:
                one, other = rnd.sample(HONEST, 2)
                views[other].update(views[one])
    return Run(list(honest.values()), _hostile(rnd, list(honest.values()), newest))


def _honest_change(
    rnd: random.Random, view: dict[EntryHash, WrittenState], who: str, n: int, newest: int
) -> WrittenState | None:
    head = head_of(view.values(), EVER)
    assert head is not None
    ref = max(head.state.roster, roster(newest))
    ranks = EVER.ranks(ref)
    assert ranks is not None
    members = {one for one in head.state.members if one in ranks}
    flags, text, what = head.state.flags, None, rnd.random()
    if what < 0.4:
        members.add(dev(rnd.choice(("A", "B", "F1", "F2"))))
    elif what < 0.6 and members:
        one = rnd.choice(sorted(members))
        members -= {one} if ranks[one] < ranks[dev(who)] or one == dev(who) else set()
    elif what < 0.8 and who == "S":
        flags, text = flags | HOLD, "held"
    return after(
        head, who, n, members=tuple(sorted(members)), flags=flags, text=text, roster=ref, assigned=None
    )


def _hostile(rnd: random.Random, honest: list[WrittenState], newest: int) -> list[WrittenState]:
    made: list[WrittenState] = []
    for _ in range(4):
        at = rnd.choice(sorted(honest, key=lambda one: one.hash))
        who = rnd.choice(("X", "Y", "Y", "A"))
        for _ in range(rnd.randint(1, 15)):
            old = rnd.choice((roster(1), at.state.roster))
            ref = max(at.state.roster, roster(newest) if who == "Y" else old)
            ranks = EVER.ranks(ref) or {}
            members = {one for one in at.state.members if one in ranks} | ({dev("X")} & set(ranks))
            cleared = rnd.random() < 0.5
            at = after(
                *(at, who, rnd.randint(0, 40)),
                members=tuple(sorted(members)),
                flags=0 if cleared else at.state.flags,
                text="cleared" if cleared else None,
                roster=ref,
            )
            made.append(at)
    return made
