"""The core and the reader written from the text alone agree about random rooms that no vector shows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import independent_heads as heads

from e2ee.ids import AccountId, DeviceId
from e2ee.rooms import transcript
from e2ee.rooms.acts import RoomAct, What, condition
from e2ee.rooms.entry import Author, DeviceTag, Entry, EntryHash, Header, Link, RoomId, device_tag
from e2ee.rooms.head import Team, choose, judge, path_to
from e2ee.rooms.order import keys
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.state import Guard, Setter, State, WrittenState

PEOPLE = {bytes((at,)) * 16: rank for at, rank in enumerate((3, 3, 2, 2, 1, 0))}
ROSTERS: heads.Rosters = {
    (1, 1, bytes(32)): PEOPLE,
    (1, 2, bytes(32)): {one: rank for one, rank in PEOPLE.items() if one[0] != 1},
    (1, 2, b"\1" * 32): {one: min(rank, 2) for one, rank in PEOPLE.items() if one[0] != 2},
    (2, 1, bytes(32)): {one: 1 if one[0] == 2 else rank for one, rank in PEOPLE.items()},
}
OPEN, OTHER = b"o" * 32, b"p" * 32
ROOMS = 400


def random_state(dice: random.Random, root: bytes | None, before: heads.State | None) -> dict[int, Any]:
    """A state above another, with one or two changes of any kind."""
    new: dict[int, Any] = {
        1: 1,
        2: 1,
        3: root,
        4: 1,
        5: [],
        6: None,
        7: None if root is None else [1, bytes(32)],
        8: [1, 1, bytes(32)],
        9: None if root is None else bytes(32),
        10: [2, 100],
        11: 0,
        12: 0,
        13: [],
        14: None,
        15: [],
    }
    if before is not None:
        new = before.map | {2: before.map[2] + 1, 3: before.hash, 14: None, 15: []}
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        change(dice, new)
    return new


def change(dice: random.Random, new: dict[int, Any]) -> None:
    """One change, allowed or not."""
    someone, key = dice.choice(sorted(PEOPLE)), dice.choice((2, 3, 4, 4, 5, 5, 5, 6, 7, 8, 8, 9, 10, 11))
    values: dict[int, list[Any]] = {
        2: [max(1, new[2] - 1), new[2] + 1],
        3: [OPEN, OTHER],
        4: [1, 2, 3, 4, 5],
        5: [
            sorted({*new[5], someone}),
            sorted({*new[5], someone}),
            sorted({*new[5]} - ({someone} - {new[6]})),
        ],
        6: [None, *new[5]],
        7: [None, [1, bytes(32)], [1, b"l" * 32], [2, bytes(32)]],
        8: [*map(list, ROSTERS), [1, 3, bytes(32)]],
        9: [None, bytes(32), b"n" * 32],
        10: [[kind, ttl_s] for kind in (2, 3) for ttl_s in (99, 100, 101)],
        11: [0, 1, 2, 3],
    }
    new[key] = dice.choice(values[key])
    new[14], new[15] = dice.choice((None, "why")), dice.choice(([], [b"a" * 32]))
    if new[3] is None:
        new[2] = 1


def random_room(dice: random.Random) -> tuple[bytes | None, list[heads.State], set[bytes]]:
    """The beginning of a room, its states, some of them not here, and who is suspended."""
    root = dice.choice((OPEN, OPEN, None))
    states: list[heads.State] = []
    for _ in range(dice.randint(1, 12)):
        before = dice.choice(states[-3:]) if states and dice.randrange(8) else None
        made = random_state(dice, root, before)
        author = dice.choice(sorted(PEOPLE)[:5])
        states.append(heads.State(dice.randbytes(32), author, dice.randrange(6), made))
    if dice.randrange(6) == 0:
        states.remove(dice.choice(states))
    suspended = {one for one in PEOPLE if dice.randrange(4) == 0}
    return root, states, suspended


def rooms() -> Iterator[tuple[bytes | None, list[heads.State], set[bytes]]]:
    """The rooms of this test, the same each time."""
    dice = random.Random("rooms")
    return (random_room(dice) for _ in range(ROOMS))


def of_core(states: list[heads.State]) -> dict[EntryHash, WrittenState]:
    """The same states as the core takes them."""
    return {
        EntryHash(one.hash): WrittenState(EntryHash(one.hash), DeviceId(one.author), one.n, State.of(one.map))
        for one in states
    }


def test_verdicts_and_heads() -> None:
    """ROOM-05 to ROOM-11, ROOM-28"""
    tables = {
        RosterRef(*ref): {DeviceId(one): rank for one, rank in ranks.items()}
        for ref, ranks in ROSTERS.items()
    }
    seen = set()
    for root, states, suspended in rooms():
        team = Team(tables.get, frozenset(map(DeviceId, suspended)))
        given, start = of_core(states), None if root is None else EntryHash(root)
        ours = judge(given, start, team)
        theirs = heads.verdicts(states, root, ROSTERS)
        assert {bytes(one): verdict.value for one, verdict in ours.items()} == theirs
        head = choose(given, ours, start, team)
        assert (None if head is None else bytes(head.hash)) == heads.head(states, root, ROSTERS, suspended)
        seen |= set(theirs.values()) | {head is None}
    assert seen == {"valid", "held", "refused", True, False}


# --- acts ---

ACTS = sorted({*heads.ACT_PHASES, *heads.COUNTERS.values(), "sensitive"})


def test_what_holds_in_a_room() -> None:
    """ROOM-13, ROOM-14, ROOM-27: phase, mark, hold, and what stands above an erasure."""
    dice = random.Random("acts")
    tables = {
        RosterRef(*ref): {DeviceId(one): rank for one, rank in ranks.items()}
        for ref, ranks in ROSTERS.items()
    }
    seen = set()
    for _ in range(ROOMS):
        states, given_acts = room_with_acts(dice)
        valid, team = {one.hash: one for one in states}, Team(tables.get)
        given = of_core(states)
        verdicts = judge(given, EntryHash(OPEN), team)
        assert {verdict.value for verdict in verdicts.values()} == {"valid"}
        path = path_to(choose(given, verdicts, EntryHash(OPEN), team), given)
        suspended = frozenset(one for one in sorted(PEOPLE) if dice.randrange(4) == 0)
        line = heads.Line(valid, heads.path_to(valid, path[-1].hash), ROSTERS, suspended)
        order = sorted(given_acts, key=lambda one: one.place)
        setters = [
            Setter(one, guard)
            for one in given.values()
            for guard in one.state.guards() - guards_before(one, given)
        ]
        since = Team(tables.get, frozenset(map(DeviceId, suspended)))
        ranks = {one.hash: since.still(one.state.roster) for one in path}
        ours = condition(
            path, ranks, [RoomAct(EntryHash(one.hash), What(one.what)) for one in order], setters
        )
        theirs = heads.holds(line, given_acts)
        assert (ours.phase, ours.is_sensitive, ours.keeps) == theirs
        seen |= set(theirs)
    assert seen == {1, 2, 3, 4, 5, False}


def guards_before(one: WrittenState, given: dict[EntryHash, WrittenState]) -> frozenset[Guard]:
    """What the state before one has."""
    parent = None if one.state.parent is None else given.get(one.state.parent)
    return frozenset() if parent is None else parent.state.guards()


def room_with_acts(dice: random.Random) -> tuple[list[heads.State], list[heads.Act]]:
    """Valid states that answer some of some acts, in whatever way."""
    given_acts = [
        heads.Act(dice.randbytes(32), (at // 2, dice.randbytes(32)), dice.choice(ACTS))
        for at in range(dice.randint(1, 6))
    ]
    states: list[heads.State] = []
    tries = 0
    while len(states) < 5 and tries < 60:
        tries += 1
        before = dice.choice(states[-2:]) if states else None
        made = random_state(dice, OPEN, before)
        holds_ = [one.hash for one in states]
        named = {one for one in [act.hash for act in given_acts] + holds_ if dice.randrange(3) == 0}
        made[15], made[14] = sorted(named), dice.choice((None, "why"))
        one = heads.State(dice.randbytes(32), dice.choice(sorted(PEOPLE)[:4]), dice.randrange(6), made)
        if heads.verdicts([*states, one], OPEN, ROSTERS)[one.hash] == "valid":
            states.append(one)
    return states, given_acts


# --- chains and order ---

ROOM = RoomId(b"r" * 16)


def random_entries(dice: random.Random) -> list[Entry]:
    """Entries of three devices that fork, restart, and link what may never come."""
    made: list[Entry] = []
    for _ in range(dice.randint(2, 12)):
        device, n = bytes((dice.randrange(3),)) * 16, dice.randrange(5)
        others = [one for one in made if one.author.device_id != device]
        linked = {device_tag(ROOM, one.author.device_id): one for one in others if dice.randrange(3) == 0}
        seen = sorted(
            Link(tag, one.header.n, dice.choice((one.hash, EntryHash(bytes(32)))))
            for tag, one in linked.items()
        )
        before = [one.hash for one in made if (one.author.device_id, one.header.n) == (device, n - 1)]
        prev = None
        if n > 0 and dice.randrange(5):
            prev = dice.choice(before * 4 + [EntryHash(b"?" * 32)])
        author, hash_ = Author(AccountId(bytes(32)), DeviceId(device)), EntryHash(dice.randbytes(32))
        sent_ms = 10**12 + dice.choice((0, 1, 2, 5, heads.MONTH_MS, heads.MONTH_MS + 1, 2 * heads.MONTH_MS))
        header = Header(b"", ROOM, 3, n, prev, tuple(seen), None, sent_ms)
        signature = bytes(64) if device[0] else None
        made.append(Entry(author, header, bytes(32), None, signature, hash_))
    return made


def map_of(entry: Entry) -> dict[int, Any]:
    """The header as the reader takes it."""
    header = entry.header
    found: dict[int, Any] = {2: header.kind, 3: header.n, 5: list(header.seen), 7: header.sent_ms}
    return found if header.prev is None else found | {4: header.prev}


def test_chains() -> None:
    """TRN-06, TRN-07, TRN-09, TRN-13: findings, gaps and links, in whatever order entries come."""
    dice = random.Random("chains")
    kinds = set()
    for _ in range(ROOMS):
        theirs, view = heads.View(), transcript.View(DeviceTag(bytes(8)))
        rows: dict[tuple[DeviceTag, int], transcript.Held] = {}
        findings: set[transcript.Finding] = set()

        def held(
            tag: DeviceTag, n: int, rows: dict[tuple[DeviceTag, int], transcript.Held] = rows
        ) -> transcript.Held | None:
            return rows.get((tag, n))

        for entry in dice.sample(made := random_entries(dice), len(made)):
            tag = device_tag(ROOM, entry.author.device_id)
            taken = transcript.take(view, entry, held, 0)
            view, findings = taken.view, findings | set(taken.findings)
            if taken.outcome is transcript.Outcome.TAKEN:
                rows[tag, entry.header.n] = transcript.Held(
                    entry.hash, entry.header.prev, entry.signature is not None
                )
            theirs.take(tag, entry.hash, map_of(entry), signed=entry.signature is not None)
        assert {(one.kind.value, one.tag, one.n, one.by) for one in findings} == set(theirs.findings)
        gaps = transcript.gaps(view, transcript.GAP_AFTER_MS)
        assert sorted((gap.tag, gap.first, gap.last) for gap in gaps) == theirs.missing()
        links, _ = transcript.links(view, held)
        assert [tuple(link) for link in links] == theirs.links()
        kinds |= {one.kind.value for one in findings}
    assert kinds == {"differ", "equivocation", "restarted"}


def test_order() -> None:
    """TRN-16: with and without the beginning of the room."""
    dice = random.Random("order")
    for _ in range(ROOMS):
        made = random_entries(dice)
        headers = {one.hash: one.header for one in made}
        root = dice.choice((made[0].hash, EntryHash(bytes(32))))
        ours = keys(headers, root)
        assert dict(ours) == heads.ordered({one.hash: map_of(one) for one in made}, root)
