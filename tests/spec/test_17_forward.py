"""Chapter 17: asking for entries, answers, lines, history that is handed over."""

from __future__ import annotations

import dataclasses

import pytest
from room_people import COMPANY, CUSTOMER, NOW_MS, ROOM, Person

from e2ee.errors import BadEntry, BudgetExceeded, ContentError, IdentityMismatch, Unlogged
from e2ee.ids import AccountId
from e2ee.rooms.entry import Author, Entry, RoomId
from e2ee.rooms.forward import (
    FORWARD_MAX_B,
    Asked,
    Handover,
    Share,
    answer,
    check_answer,
    decode_forward,
    decode_line,
    encode_forward,
    encode_line,
    share,
)
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Access, AccessKind, RoomText
from e2ee.wire import cbor

AGENT, CLIENT = Person("agent"), Person("customer", False)


def signers(author: Author) -> object:
    """The signing key of the agent, which is all that is listed."""
    return AGENT.signer if author == AGENT.author else None


def read(entry: Entry) -> Entry:
    """A line as its receiver reads it."""
    value = cbor.decode(cbor.encode(encode_line(entry)))
    return decode_line(value, ROOM, COMPANY, CUSTOMER, signers)  # type: ignore[arg-type]  # a table of one


def texts(person: Person, count: int, words: str = "x") -> list[Entry]:
    """Entries of a device."""
    return [person.write(NOW_MS, RoomText(words)) for _ in range(count)]


def test_a_line_is_read_as_it_was_written() -> None:
    """TRN-15, TRN-17: with its body, or with the commitment in its place; a body of 32 bytes is none."""
    for person in (Person("agent"), Person("customer", False)):
        for words in ("x" * size for size in range(1, 20)):
            entry = person.write(NOW_MS, RoomText(words))
            assert read(entry) == entry
            assert read(entry.redacted()) == entry.redacted()
    assert 32 in {len(entry.body or b"") for entry in person.entries.values()}


def test_a_line_stands_by_signature_and_account() -> None:
    """TRN-17: unsigned of the company, signed of the customer, of a stranger, of an unlisted device."""
    mine, theirs = Person("agent").write(NOW_MS), Person("customer", False).write(NOW_MS)
    stranger = dataclasses.replace(theirs, author=Author(AccountId(b"x" * 32), theirs.author.device_id))
    for entry, error in (
        (dataclasses.replace(mine, signature=None), BadEntry),
        (dataclasses.replace(mine, signature=bytes(64)), BadEntry),
        (dataclasses.replace(theirs, signature=mine.signature), BadEntry),
        (stranger, IdentityMismatch),
        (Person("unlisted").write(NOW_MS), IdentityMismatch),
    ):
        with pytest.raises(error):
            read(entry)


def test_a16_a_line_of_another_room_is_refused() -> None:
    """TRN-17, attack 16: genuine, but said elsewhere."""
    value = encode_line(Person("agent").write(NOW_MS))
    with pytest.raises(ContentError):
        decode_line(value, RoomId(b"q" * 16), COMPANY, CUSTOMER, signers)  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("at", range(5))
def test_a_line_of_another_form_is_refused(at: int) -> None:
    """TRN-17"""
    line = list(encode_line(Person("agent").write(NOW_MS)))  # type: ignore[arg-type]  # an array
    for bad in ([*line[:at], 7, *line[at + 1 :]], line[:4], [*line, None]):
        with pytest.raises(ContentError):
            decode_line(bad, ROOM, COMPANY, CUSTOMER, signers)  # type: ignore[arg-type]  # as above


def test_a_forward_has_1_to_64_lines() -> None:
    """TRN-15, TRN-21"""
    entries = texts(Person("customer", False), 64)
    room_id, lines = decode_forward(cbor.decode(cbor.encode(encode_forward(ROOM, entries))))
    assert room_id == ROOM
    assert [decode_line(line, ROOM, COMPANY, CUSTOMER, lambda _: None) for line in lines] == entries
    for bad in ([], [entries[0]] * 65):
        with pytest.raises(ContentError):
            decode_forward(cbor.decode(cbor.encode(encode_forward(ROOM, bad))))


def test_an_answer_stops_at_64_lines_and_48_kib() -> None:
    """TRN-15: what does not fit is asked for again."""
    many = texts(Person("customer", False), 70)
    assert answer((one, Share.WHOLE) for one in many) == many[:64]
    large = texts(Person("customer", False), 5, "x" * 16_000)
    given = answer((one, Share.WHOLE) for one in large)
    assert given == large[:3]
    whole = encode_forward(ROOM, given)
    assert len(cbor.encode(whole)) <= FORWARD_MAX_B
    decode_forward(cbor.decode(cbor.encode(whole)))


@pytest.mark.parametrize("over_b", [0, 1])
def test_a_forward_of_exactly_48_kib(over_b: int) -> None:
    """TRN-15: is taken; a byte more is not."""
    person = Person("customer", False)
    parts = [*texts(person, 3, "x" * 12_000), person.make(3, None, NOW_MS, RoomText("x" * 12_000))]
    room_b = FORWARD_MAX_B - len(cbor.encode(encode_forward(ROOM, parts)))
    parts[3] = person.make(3, None, NOW_MS, RoomText("x" * (12_000 + room_b + over_b)))
    value = cbor.decode(cbor.encode(encode_forward(ROOM, parts)))
    assert len(cbor.encode(value)) == FORWARD_MAX_B + over_b
    if not over_b:
        decode_forward(value)
        return
    with pytest.raises(ContentError):
        decode_forward(value)


def test_a05_a_joiner_gets_nothing_from_before() -> None:
    """TRN-15, attack 5: nor what it was told to erase, nor anything once it is none of the room."""
    assert share(Kind.TEXT, recipient_now=True, recipient_then=False, may_read=True) is Share.NOTHING
    assert share(Kind.TEXT, recipient_now=False, recipient_then=True, may_read=True) is Share.NOTHING
    assert share(Kind.TEXT, recipient_now=True, recipient_then=True, may_read=False) is Share.COMMITMENT
    assert share(Kind.TEXT, recipient_now=True, recipient_then=True, may_read=True) is Share.WHOLE
    for kind in (Kind.OPEN, Kind.STATE):
        assert share(kind, recipient_now=True, recipient_then=False, may_read=True) is Share.WHOLE
        assert share(kind, recipient_now=False, recipient_then=True, may_read=True) is Share.NOTHING
    before, erased, own = texts(Person("customer", False), 3)
    how = (Share.NOTHING, Share.COMMITMENT, Share.WHOLE)
    assert answer(zip((before, erased, own), how, strict=True)) == [erased.redacted(), own]


def test_a05_control_whoever_asks_is_answered() -> None:
    """TRN-15: the countermeasure off: the joiner reads what was said before it came."""
    (before,) = texts(Person("customer", False), 1)
    assert answer([(before, Share.WHOLE)]) == [before]


def test_questions_have_a_budget() -> None:
    """TRN-15: 8 in a minute, also with a clock that was put back."""
    asked = Asked()
    for _ in range(8):
        asked = asked.again(NOW_MS)
    with pytest.raises(BudgetExceeded):
        asked.again(NOW_MS + 59_999)
    assert asked.again(NOW_MS + 60_000) == Asked(NOW_MS + 60_000, 1)
    assert asked.again(NOW_MS - 1) == Asked(NOW_MS - 1, 1)


def test_lines_that_nobody_asked_for_are_unlogged() -> None:
    """TRN-19"""
    person = Person("customer", False)
    entries = texts(person, 3)
    check_answer(entries, [(person.tag, 0, 1), (person.tag, 2, 2)])
    check_answer([], [])
    for ranges in ([], [(person.tag, 0, 1)], [(AGENT.tag, 0, 9)]):
        with pytest.raises(Unlogged):
            check_answer(entries, ranges)


def handover(entries: list[Entry]) -> Handover:
    """A hand-over of these entries to the agent by a desk."""
    ends = entries[0].hash, entries[-1].hash
    access = Access(AccessKind.HANDOVER, AGENT.device_id, len(entries), ends)
    found = Handover.announced(CLIENT.device_id, access, AGENT.device_id)
    assert found is not None
    return found


def test_a_handover_is_what_was_announced() -> None:
    """TRN-18: in one part or several."""
    hashes = [one.hash for one in texts(Person("customer", False), 5)]
    entries = texts(Person("customer", False), 5)
    whole = handover(entries).take(CLIENT.device_id, hashes)
    assert whole.left == 0
    part = handover(entries).take(CLIENT.device_id, hashes[:2])
    assert part.take(CLIENT.device_id, hashes[2:]).left == 0


def test_a_handover_that_was_not_announced_is_unlogged() -> None:
    """TRN-18, attack 5: by another device, of more, of other entries; or for another device."""
    entries = texts(Person("customer", False), 5)
    hashes = [one.hash for one in entries]
    access = Access(AccessKind.HANDOVER, CLIENT.device_id, 5, (hashes[0], hashes[4]))
    assert Handover.announced(CLIENT.device_id, access, AGENT.device_id) is None
    export = Access(AccessKind.EXPORT, AGENT.device_id, 5, (hashes[0], hashes[4]))
    assert Handover.announced(CLIENT.device_id, export, AGENT.device_id) is None
    for by, given in (
        (AGENT.device_id, hashes),
        (CLIENT.device_id, [*hashes, hashes[4]]),
        (CLIENT.device_id, hashes[1:]),
        (CLIENT.device_id, []),
        (CLIENT.device_id, [*hashes[:4], hashes[3]]),
    ):
        with pytest.raises(Unlogged):
            handover(entries).take(by, given)
