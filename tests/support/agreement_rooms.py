"""Random rooms that no vector shows: states, acts that they name, entries that fork and restart; and what the
core makes of them.
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import independent_heads as heads

from e2ee.ids import AccountId, DeviceId
from e2ee.rooms import transcript
from e2ee.rooms.acts import Condition, RoomAct, What
from e2ee.rooms.chain import Gap
from e2ee.rooms.entry import Author, DeviceTag, Entry, EntryHash, Header, Link, RoomId, device_tag
from e2ee.rooms.head import Team
from e2ee.rooms.room import Room, with_states
from e2ee.rooms.roster import RosterRef
from e2ee.rooms.state import State, WrittenState

PEOPLE = {bytes((at,)) * 16: rank for at, rank in enumerate((3, 3, 2, 2, 1, 0))}
ROSTERS: heads.Rosters = {
    (1, 1, bytes(32)): PEOPLE,
    (1, 2, bytes(32)): {one: rank for one, rank in PEOPLE.items() if one[0] != 1},
    (1, 2, b"\1" * 32): {one: min(rank, 2) for one, rank in PEOPLE.items() if one[0] != 2},
    (2, 1, bytes(32)): {one: 1 if one[0] == 2 else rank for one, rank in PEOPLE.items()},
}
TABLES = {
    RosterRef(*ref): {DeviceId(one): rank for one, rank in ranks.items()} for ref, ranks in ROSTERS.items()
}
OPEN, OTHER = b"o" * 32, b"p" * 32


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


def core_room(
    root: bytes | None, states: list[heads.State], acts: list[heads.Act], suspended: set[bytes]
) -> tuple[Room, Condition]:
    """The room as the core has it, and what holds in it."""
    team = Team(TABLES.get, frozenset(map(DeviceId, suspended)))
    written = [
        WrittenState(EntryHash(one.hash), DeviceId(one.author), one.n, State.of(one.map)) for one in states
    ]
    order = sorted(acts, key=lambda one: one.place)
    given = tuple(RoomAct(EntryHash(one.hash), What(one.what)) for one in order)
    room = with_states(Room(None if root is None else EntryHash(root), acts=given), written, team).room
    return room, room.condition(team)


# --- acts ---

ACTS = sorted({*heads.ACT_PHASES, *heads.COUNTERS.values(), "sensitive"})


def room_with_acts(dice: random.Random) -> tuple[list[heads.State], list[heads.Act]]:
    """Valid states that answer some of some acts, in whatever way."""
    given_acts = [
        heads.Act(dice.randbytes(32), (at // 2, dice.randbytes(32)), dice.choice(ACTS))
        for at in range(dice.randint(1, 6))
    ]
    states: list[heads.State] = []
    tries = 0
    size = dice.randint(2, 8)
    while len(states) < size and tries < 60:
        tries += 1
        before = dice.choice(states[-3:]) if states and dice.randrange(7) else None
        made = random_state(dice, OPEN, before)
        holds_ = [one.hash for one in states]
        named = {one for one in [act.hash for act in given_acts] + holds_ if dice.randrange(3) == 0}
        made[15], made[14] = sorted(named), dice.choice((None, "why"))
        one = heads.State(dice.randbytes(32), dice.choice(sorted(PEOPLE)[:4]), dice.randrange(6), made)
        if heads.verdicts([*states, one], OPEN, ROSTERS)[one.hash] == "valid":
            states.append(one)
    return states, given_acts


# --- entries ---

ROOM = RoomId(b"r" * 16)


def _nowhere(tag: DeviceTag, n: int) -> EntryHash:
    """The hash of an entry that never comes."""
    return EntryHash(tag + n.to_bytes(24, "big"))


def random_entries(dice: random.Random) -> list[Entry]:
    """Entries of three devices that fork, restart, and link what may never come."""
    made: list[Entry] = []
    for _ in range(dice.randint(2, 12)):
        device, n = bytes((dice.randrange(3),)) * 16, dice.randrange(5)
        others = [one for one in made if one.author.device_id != device]
        linked = {device_tag(ROOM, one.author.device_id): one for one in others if dice.randrange(3) == 0}
        seen = sorted(
            Link(tag, one.header.n, dice.choice((one.hash, _nowhere(tag, one.header.n))))
            for tag, one in linked.items()
        )
        before = [one.hash for one in made if (one.author.device_id, one.header.n) == (device, n - 1)]
        prev = None
        if n > 0 and dice.randrange(5):
            prev = dice.choice(before * 4 + [_nowhere(device_tag(ROOM, DeviceId(device)), n - 1)])
        author, hash_ = Author(AccountId(bytes(32)), DeviceId(device)), EntryHash(dice.randbytes(32))
        sent_ms = 10**12 + dice.choice((0, 1, 2, 5, heads.MONTH_MS, heads.MONTH_MS + 1, 2 * heads.MONTH_MS))
        header = Header(b"", ROOM, 3, n, prev, tuple(seen), None, sent_ms)
        signature = bytes(64) if device[0] else None
        made.append(Entry(author, header, bytes(32), None, signature, hash_))
    return made


class Chains(NamedTuple):
    """What a device that was there from the beginning knows after entries have come."""

    findings: set[transcript.Finding]
    missing: list[Gap]
    links: tuple[Link, ...]


def core_chains(entries: list[Entry]) -> Chains:
    """The same by the core; the entries come in this order."""
    view, rows = transcript.View(DeviceTag(bytes(8))), dict[tuple[DeviceTag, int], transcript.Held]()
    findings: set[transcript.Finding] = set()

    def held(tag: DeviceTag, n: int) -> transcript.Held | None:
        return rows.get((tag, n))

    for entry in entries:
        tag = device_tag(ROOM, entry.author.device_id)
        taken = transcript.take(view, entry, held, 0)
        view, findings = taken.view, findings | set(taken.findings)
        if taken.outcome is transcript.Outcome.TAKEN:
            signed = entry.signature is not None
            rows[tag, entry.header.n] = transcript.Held(entry.hash, entry.header.prev, signed)
    gaps = sorted(transcript.gaps(view, transcript.GAP_AFTER_MS))
    return Chains(findings, gaps, transcript.links(view, held)[0])
