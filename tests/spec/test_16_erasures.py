"""Which contents go, when, by whose clock, and what is left of them in what waits to be sent (chapter 16)."""

from __future__ import annotations

import pytest
from room_people import CUSTOMER, NOW_MS, ROOM, Person

from e2ee.errors import ContentError
from e2ee.rooms.entry import RoomId
from e2ee.rooms.erasure import DAY_MS, Times, is_content, kept_until_ms
from e2ee.rooms.forward import encode_forward, without_bodies
from e2ee.rooms.kinds import ERASABLE, WRITERS, Kind
from e2ee.rooms.payloads import RoomText
from e2ee.rooms.state import Retention, RetentionClass
from e2ee.wire import cbor

WEEK_S = 7 * 86_400
CLOSED = Times(closed_ms=NOW_MS)


def until(
    kind: RetentionClass,
    ttl_s: int,
    times: Times = CLOSED,
    read_ms: int | None = NOW_MS,
    *,
    marked: bool = False,
) -> int | None:
    """How long a content is kept that came at NOW_MS, in milliseconds after it."""
    found = kept_until_ms(Retention(kind, ttl_s), times, NOW_MS, read_ms, is_sensitive=marked)
    return None if found is None else found - NOW_MS


def test_an_ephemeral_content_goes_after_it_was_read() -> None:
    """ROOM-41: the ttl after reading, at most 30 days after it came, whether or not somebody has read it."""
    kind = RetentionClass.EPHEMERAL
    assert until(kind, WEEK_S, Times()) == 7 * DAY_MS
    assert until(kind, WEEK_S, Times(), NOW_MS + 3 * DAY_MS) == 10 * DAY_MS
    assert until(kind, WEEK_S, Times(), NOW_MS + 29 * DAY_MS) == 30 * DAY_MS
    assert until(kind, WEEK_S, Times(), None) == 30 * DAY_MS
    assert until(kind, 400 * 86_400, Times()) == 30 * DAY_MS


def test_other_classes_count_from_the_end_of_the_room() -> None:
    """ROOM-41: nothing goes from an open room; a statutory one has to be exported after it was closed."""
    for kind in (RetentionClass.DEFAULT, RetentionClass.STATUTORY, RetentionClass.PROOF):
        assert until(kind, WEEK_S, Times(exported_ms=NOW_MS)) is None
    assert until(RetentionClass.DEFAULT, WEEK_S) == 7 * DAY_MS
    assert until(RetentionClass.PROOF, WEEK_S) == 0
    assert until(RetentionClass.STATUTORY, WEEK_S) is None
    assert until(RetentionClass.STATUTORY, WEEK_S, Times(NOW_MS, NOW_MS - 1)) is None
    assert until(RetentionClass.STATUTORY, WEEK_S, Times(NOW_MS, NOW_MS + DAY_MS)) == 8 * DAY_MS


def test_a_sensitive_room_keeps_a_week_but_for_what_the_law_keeps() -> None:
    """ROOM-41."""
    year_s, exported = 365 * 86_400, Times(NOW_MS, NOW_MS)
    assert until(RetentionClass.DEFAULT, year_s, marked=True) == 7 * DAY_MS
    assert until(RetentionClass.EPHEMERAL, year_s, marked=True) == 7 * DAY_MS
    assert until(RetentionClass.DEFAULT, 60, marked=True) == 60_000
    assert until(RetentionClass.STATUTORY, year_s, exported, marked=True) == 365 * DAY_MS


@pytest.mark.parametrize("kind", range(64))
def test_what_is_content_to_a_timer_and_to_the_erasure_of_a_room(kind: int) -> None:
    """ROOM-41, ROOM-43: erasable kinds and those that nobody knows; proofs and states stay."""
    assert is_content(kind) == (kind in ERASABLE or kind not in WRITERS)
    assert not any(is_content(one) for one in (Kind.OPEN, Kind.STATE, Kind.CONSENT, Kind.ERASED, Kind.ACCESS))


def test_a_forward_loses_the_bodies_of_what_was_erased_and_nothing_else() -> None:
    """ROOM-44: of this room, by hash; it stays a forward."""
    person = Person("customer", False)
    entries = [person.write(NOW_MS, RoomText(f"text {at}")) for at in range(4)]
    gone = frozenset({entries[1].hash, entries[3].hash})
    wanted = [one.redacted() if one.hash in gone else one for one in entries]
    forward = encode_forward(ROOM, entries)
    found = without_bodies(forward, ROOM, gone)
    assert found == encode_forward(ROOM, wanted)
    assert without_bodies(found, ROOM, gone) == found
    assert without_bodies(forward, RoomId(bytes(16)), gone) == forward
    odd: cbor.Value = {1: ROOM, 2: [[CUSTOMER, "no line"], [1, 2, 3, 4, 5], "line"]}
    assert without_bodies(odd, ROOM, gone) == odd
    with pytest.raises(ContentError):
        without_bodies({1: ROOM}, ROOM, gone)
