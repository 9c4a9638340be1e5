"""Chapter 17: entries, their hash and signature, and what carries them."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest
from room_people import COMPANY, NOW_MS, ROOM, Person

from e2ee import labels
from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import BadEntry, ContentError, DecodeError, InvalidArgument
from e2ee.ids import ContentId, DeviceId
from e2ee.primitives import kdf, sign
from e2ee.rooms import entry as entries
from e2ee.rooms.entry import (
    HEADER_MAX_B,
    Author,
    DeviceTag,
    EntryHash,
    Header,
    Link,
    carrier,
    decode_entry,
    device_tag,
    make_header,
    payload_of,
    write_entry,
)
from e2ee.rooms.payloads import RoomText, encode_payload, read_payload
from e2ee.wire import cbor

PREV = EntryHash(b"p" * 32)


def link(n: int = 5, mark: bytes = b"t") -> Link:
    """A link to an entry of another device."""
    return Link(DeviceTag(mark * 8), n, EntryHash(b"h" * 32))


def header(**changed: Any) -> dict[int, Any]:
    """The map of a header with every key."""
    whole = {1: ROOM, 2: 3, 3: 7, 4: PREV, 5: [list(link())], 6: b"s" * 32, 7: NOW_MS}
    return {**whole, **{int(key[1:]): value for key, value in changed.items()}}


def without(*keys: int) -> dict[int, Any]:
    """The map of a header without some keys."""
    return {key: value for key, value in header().items() if key not in keys}


def test_an_entry_is_read_as_it_was_written() -> None:
    """TRN-01, TRN-04, TRN-05: its content has the id and the time of the entry."""
    agent = Person("agent")
    made = agent.write(NOW_MS, RoomText("Guten Tag"))
    content = carrier(made)
    assert (content.id, content.sent_ms) == (made.hash[:16], NOW_MS)
    assert decode_entry(content, agent.author, agent.signer) == made
    assert read_payload(made) == RoomText("Guten Tag")
    assert made.place == (agent.device_id, 0)


def test_the_hash_covers_author_commitment_and_header() -> None:
    """TRN-03, TRN-04: recomputed from the chapter."""
    agent = Person("agent")
    made = agent.write(NOW_MS)
    assert made.body is not None
    commitment = kdf.hash_(labels.COMMIT, made.body)
    data = COMPANY + agent.device_id + commitment + made.header.encoded
    assert made.hash == kdf.hash_(labels.ENTRY, data)
    sign.verify(agent.signer or b"", labels.SIG_ENTRY + made.hash, made.signature or b"")
    assert agent.tag == kdf.hash_(labels.DEVICE_TAG, ROOM + agent.device_id)[:8]


def test_the_body_goes_and_the_hash_stays() -> None:
    """TRN-04: a guess at a short text is not confirmed by the commitment, since the blind is not known."""
    agent = Person("agent")
    made = agent.write(NOW_MS, RoomText("ja"))
    shown = made.redacted()
    assert (shown.body, shown.hash, shown.signature) == (None, made.hash, made.signature)
    guess = cbor.encode([bytes(16), encode_payload(RoomText("ja"))])
    assert entries.commitment_of(guess) != shown.commitment
    with pytest.raises(DecodeError):
        payload_of(shown)


def test_a12_control_without_a_blind_a_guess_is_confirmed() -> None:
    """TRN-04: the countermeasure off: with a blind that everybody knows, a redacted answer is read."""
    agent = Person("agent")
    words = encode_payload(RoomText("ja"))
    made = write_entry(agent.author, make_header(ROOM, 3, 0, NOW_MS), words, bytes(16), agent.key)
    assert entries.commitment_of(cbor.encode([bytes(16), words])) == made.redacted().commitment


@pytest.mark.parametrize(
    "defect",
    [
        header(_1=bytes(15)),
        header(_2=0),
        header(_2=64),
        header(_3=-1),
        header(_3=2**53),
        header(_3=0),
        header(_4=bytes(31)),
        header(_5=[]),
        header(_5=[list(link(n)) for n in range(16)]),
        header(_5=[list(link(6)), list(link(5))]),
        header(_5=[list(link()), list(link())]),
        header(_5=[[bytes(7), 5, bytes(32)]]),
        header(_5=[[bytes(8), 2**53, bytes(32)]]),
        header(_5=[[bytes(8), 5, bytes(31)]]),
        header(_6=bytes(31)),
        header(_7=2**53),
        header(_8=0),
        header(_2=2),
        header(_2=1),
        {**without(6), 2: 1},
        {**without(5, 6), 2: 1, 3: 0},
        {**without(4, 6), 2: 1, 3: 0},
        {**without(4, 5, 6), 2: 1},
        without(1),
        without(7),
    ],
)
def test_a_header_outside_the_chapter_is_refused(defect: dict[int, Any]) -> None:
    """TRN-02"""
    with pytest.raises(DecodeError):
        Header.decode(cbor.encode(defect))


def test_a_header_at_each_edge_is_read() -> None:
    """TRN-02, TRN-06: 15 links; the last n; two links to one device, of two parts of its chain."""
    links = tuple(link(n) for n in range(15))
    assert make_header(ROOM, 63, 2**53 - 1, NOW_MS, prev=PREV, seen=links).seen == links
    assert Header.decode(cbor.encode(header())).state == b"s" * 32
    assert Header.decode(cbor.encode({**without(4, 5, 6), 2: 1, 3: 0})).kind == 1
    largest = make_header(ROOM, 63, 2**53 - 1, 2**53 - 1, prev=PREV, seen=links, state=PREV)
    assert len(largest.encoded) <= HEADER_MAX_B
    with pytest.raises(InvalidArgument):
        make_header(ROOM, 64, 0, NOW_MS)


def test_who_signs_and_who_does_not() -> None:
    """TRN-08, ROOM-01: a missing signature, one where none belongs, one of another device or entry."""
    agent, desk, customer = Person("agent"), Person("desk"), Person("customer", False)
    signed, unsigned = agent.write(NOW_MS), customer.write(NOW_MS)
    decode_entry(carrier(unsigned), customer.author, None)
    other = desk.write(NOW_MS)
    bare = carrier(dataclasses.replace(signed, signature=None))
    for content, author, signer in (
        (bare, agent.author, agent.signer),
        (carrier(dataclasses.replace(unsigned, signature=bytes(64))), customer.author, None),
        (carrier(signed), desk.author, desk.signer),
        (carrier(signed), desk.author, agent.signer),
        (
            carrier(dataclasses.replace(signed, signature=other.signature)),
            agent.author,
            agent.signer,
        ),
    ):
        with pytest.raises(BadEntry) as caught:
            decode_entry(content, author, signer)
        assert caught.value.code == "room.signature"


def test_a16_an_entry_has_one_room_author_and_place() -> None:
    """TRN-04, TRN-08: moved to another room or place, its signature does not verify."""
    agent = Person("agent")
    made = agent.write(NOW_MS)
    for moved in (
        make_header(entries.RoomId(b"q" * 16), 3, 0, NOW_MS),
        make_header(ROOM, 3, 1, NOW_MS),
        make_header(ROOM, 3, 0, NOW_MS, seen=(link(),)),
    ):
        other = dataclasses.replace(made, header=moved)
        with pytest.raises(BadEntry):
            decode_entry(carrier(other), agent.author, agent.signer)


def test_a16_control_a_signature_over_the_body_alone_moves() -> None:
    """TRN-04: the countermeasure off: what signs the commitment only verifies in any room."""
    agent = Person("agent")
    made = agent.write(NOW_MS)
    assert agent.key is not None
    narrow = sign.sign(agent.key.expose(), labels.SIG_ENTRY + made.commitment)
    sign.verify(agent.signer or b"", labels.SIG_ENTRY + made.commitment, narrow)


def test_a_content_with_another_id_or_time_is_refused() -> None:
    """TRN-05, TRN-08, CON-03: with the code of contents."""
    customer = Person("customer", False)
    content = carrier(customer.write(NOW_MS))
    for other in (
        content._replace(id=ContentId(bytes(16))),
        content._replace(sent_ms=NOW_MS + 1),
        content._replace(payload=OfRooms(ContentType.ENTRY, {1: b"x", 2: b"x"})),
        content._replace(payload=OfRooms(ContentType.ENTRY, {1: b""})),
        Content(content.id, NOW_MS, OfRooms(ContentType.ENTRY, None)),
        content._replace(payload=OfRooms(ContentType.SIGNAL, cast(OfRooms, content.payload).payload)),
    ):
        with pytest.raises(ContentError):
            decode_entry(other, customer.author, None)


def test_a_body_is_a_blind_and_a_payload() -> None:
    """TRN-04, TRN-08: another form is refused when the payload is read, after the entry has its place."""
    customer = Person("customer", False)
    good = customer.write(NOW_MS)
    for body in (cbor.encode([bytes(15), None]), cbor.encode([bytes(16)]), b"\xff", cbor.encode({0: 0})):
        with pytest.raises(ContentError):
            read_payload(dataclasses.replace(good, body=body))
    with pytest.raises(InvalidArgument):
        write_entry(customer.author, good.header, None, bytes(15), None)
    with pytest.raises(InvalidArgument):
        write_entry(customer.author, good.header, bytes(32_768), bytes(16), None)


def test_tags_differ_from_room_to_room() -> None:
    """TRN-03: a device is not known again in another room by its tag."""
    device = DeviceId(b"d" * 16)
    assert device_tag(ROOM, device) != device_tag(entries.RoomId(b"q" * 16), device)
    assert Author(COMPANY, device).device_id == device
