"""The core and the reader written from the text alone agree about random rooms that no vector shows."""

from __future__ import annotations

import random
from typing import Any

import independent_heads as heads
from agreement_rooms import (
    OPEN,
    PEOPLE,
    ROOM,
    ROSTERS,
    core_chains,
    core_room,
    random_entries,
    random_room,
    room_with_acts,
)

from e2ee.rooms.entry import Entry, EntryHash, device_tag
from e2ee.rooms.order import keys

ROOMS = 400


def test_verdicts_and_heads() -> None:
    """ROOM-05 to ROOM-11, ROOM-28"""
    dice = random.Random("rooms")
    seen = set()
    for root, states, suspended in (random_room(dice) for _ in range(ROOMS)):
        room, _ = core_room(root, states, [], suspended)
        theirs = heads.verdicts(states, root, ROSTERS)
        assert {bytes(one): verdict.value for one, verdict in room.verdicts.items()} == theirs
        head = None if room.head is None else bytes(room.head.hash)
        assert head == heads.head(states, root, ROSTERS, suspended)
        seen |= set(theirs.values()) | {head is None}
    assert seen == {"valid", "held", "refused", True, False}


def test_what_holds_in_a_room() -> None:
    """ROOM-13, ROOM-14, ROOM-27: phase, mark, hold, and what stands above an erasure."""
    dice = random.Random("acts")
    seen = set()
    for _ in range(ROOMS):
        states, acts = room_with_acts(dice)
        valid = {one.hash: one for one in states}
        suspended = {one for one in sorted(PEOPLE) if dice.randrange(4) == 0}
        room, ours = core_room(OPEN, states, acts, suspended)
        assert {verdict.value for verdict in room.verdicts.values()} == {"valid"}
        assert room.head is not None
        line = heads.Line(valid, heads.path_to(valid, room.head.hash), ROSTERS, frozenset(suspended))
        theirs = heads.holds(line, acts)
        assert (ours.phase, ours.is_sensitive, ours.keeps) == theirs
        seen |= set(theirs)
    assert seen == {1, 2, 3, 4, 5, False}


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
        theirs, made = heads.View(), random_entries(dice)
        dice.shuffle(made)
        ours = core_chains(made)
        for entry in made:
            tag = device_tag(ROOM, entry.author.device_id)
            theirs.take(tag, entry.hash, map_of(entry), signed=entry.signature is not None)
        assert {(one.kind.value, one.tag, one.n, one.by) for one in ours.findings} == set(theirs.findings)
        assert [(gap.tag, gap.first, gap.last) for gap in ours.missing] == theirs.missing()
        assert [tuple(link) for link in ours.links] == theirs.links()
        kinds |= {one.kind.value for one in ours.findings}
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
