"""Fuzz targets of chapter 17: entries in their contents with their payloads, and lines of a forward.

Each is read by the independent reader too. A signature that ends with an even byte is made right.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import fuzz_seeds
import independent_reader as reader
import independent_rooms as rooms
from fuzz_beside import beside
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee import labels
from e2ee.constants import SIGNATURE_B
from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import BadEntry, ContentError, DecodeError, IdentityMismatch, UnsupportedVersion
from e2ee.ids import AccountId, ContentId, DeviceId, SignPublic
from e2ee.primitives import sign
from e2ee.rooms import entry as entries
from e2ee.rooms import forward
from e2ee.rooms.entry import Author, Entry, Header, RoomId
from e2ee.rooms.payloads import EntryPayload, encode_payload, read_payload
from e2ee.wire import cbor
from e2ee.wire.fields import array


class _Side(NamedTuple):
    """A writer of the vectors; the seed is None for a device of the customer."""

    author: Author
    seed: bytes | None
    public: bytes | None


@cache
def _transcript() -> dict[str, Any]:
    return fuzz_seeds.vectors("transcript")


@cache
def _side(*, signs: bool) -> _Side:
    """Return the first device of the company, or of the customer."""
    one = next(row for row in _transcript()["entries"] if (row["sign_seed"] is not None) == signs)
    account_id = AccountId(unhex(_transcript()["company" if signs else "customer"]))
    author = Author(account_id, DeviceId(unhex(one["device_id"])))
    return _Side(author, *((unhex(one["sign_seed"]), unhex(one["sign_public"])) if signs else (None, None)))


def _signed(side: _Side, header: cbor.Value, commitment: cbor.Value, signature: cbor.Value) -> cbor.Value:
    """Return a right signature in the place of one that ends with an even byte."""
    if side.seed is None or not isinstance(signature, bytes) or len(signature) != SIGNATURE_B:
        return signature
    if signature[-1] % 2 or not isinstance(header, bytes) or not isinstance(commitment, bytes):
        return signature
    named = entries.entry_hash(side.author, commitment, header)
    return sign.sign(side.seed, labels.SIG_ENTRY + named)


def _time_of(header: bytes) -> int:
    try:
        return Header.decode(header).sent_ms
    except DecodeError:
        return 0


def _carried(data: bytes) -> tuple[_Side, Content]:
    """Return a content with the id and time of the entry in it; one with a signature is the company's."""
    value = cbor.decode(data)
    given: dict[int, cbor.Value] = {**value} if isinstance(value, dict) else {}
    side, (header, body) = _side(signs=3 in given), (given.get(1), given.get(2))
    named, sent_ms = bytes(32), 0
    if isinstance(header, bytes) and isinstance(body, bytes):
        commitment = entries.commitment_of(body)
        named, sent_ms = entries.entry_hash(side.author, commitment, header), _time_of(header)
        if 3 in given:
            value = given | {3: _signed(side, header, commitment, given[3])}
    return side, Content(ContentId(named[:16]), sent_ms, OfRooms(ContentType.ENTRY, value))


def _decode_entry(data: bytes) -> tuple[Entry, EntryPayload]:
    side, content = _carried(data)
    found = entries.decode_entry(
        content, side.author, None if side.public is None else SignPublic(side.public)
    )
    return found, read_payload(found)


def _read_entry(data: bytes) -> None:
    reader.decode(data)
    side, content = _carried(data)
    encoded = cbor.encode(content.payload.payload if isinstance(content.payload, OfRooms) else None)
    rooms.entry(
        {
            "account_id": side.author.account_id.hex(),
            "device_id": side.author.device_id.hex(),
            "content": encoded.hex(),
            "sign_public": None if side.public is None else side.public.hex(),
            "content_id": content.id.hex(),
            "sent_ms": content.sent_ms,
        }
    )
    value = reader.decode(encoded)
    header, body = (value[1], value[2]) if isinstance(value, dict) else (None, None)
    blind, payload = reader.items(reader.decode(reader.octets(body), entries.BODY_MAX_B), 2, 2)
    reader.octets(blind, 16)
    rooms.PAYLOADS.get(rooms.header(reader.octets(header))[2], rooms.anything)(payload)


def _entry_holds(data: bytes, found: tuple[Entry, EntryPayload]) -> None:
    entry, payload = found
    blind, _ = array(cbor.decode(entry.body or b"", entries.BODY_MAX_B), 2, 2)
    body = cbor.encode([blind, encode_payload(payload)])
    require(body == entry.body, "a body has one encoding (TRN-04)")
    again = entries.carrier(entry)
    side = _side(signs=entry.signature is not None)
    signer = None if side.public is None else SignPublic(side.public)
    require(
        entries.decode_entry(again, side.author, signer) == entry, "an entry survives its carrier (TRN-05)"
    )
    require(
        entry.signature is not None or again.payload == _carried(data)[1].payload, "one encoding (TRN-05)"
    )


def _entry_seeds() -> Iterator[bytes]:
    for row in _transcript()["entries"]:
        value: dict[int, cbor.Value] = {1: unhex(row["header"]), 2: unhex(row["body"])}
        yield cbor.encode(value if row["sign_seed"] is None else value | {3: bytes(64)})
    yield from fuzz_seeds.negative("entry.decode", "content")


def _line_given(data: bytes) -> tuple[cbor.Value, bytes]:
    """Return the line with its signature made right, and its encoding."""
    value = cbor.decode(data)
    company = _side(signs=True)
    if isinstance(value, list) and len(value) == 5 and value[0] == company.author.account_id:
        shown = value[3]
        commitment = shown[0] if isinstance(shown, list) and shown else None
        commitment = entries.commitment_of(shown) if isinstance(shown, bytes) else commitment
        value = [*value[:4], _signed(company, value[2], commitment, value[4])]
    return value, cbor.encode(value)


def _decode_line(data: bytes) -> Entry:
    value, _ = _line_given(data)
    company, customer = _side(signs=True), _side(signs=False)
    return forward.decode_line(
        *(value, RoomId(unhex(_transcript()["room_id"]))),
        *(company.author.account_id, customer.author.account_id),
        lambda author: SignPublic(company.public or b"") if author == company.author else None,
    )


def _read_line(data: bytes) -> None:
    reader.decode(data)
    company, customer = _side(signs=True), _side(signs=False)
    rooms.line(
        {
            "line": _line_given(data)[1].hex(),
            "room_id": _transcript()["room_id"],
            "company": company.author.account_id.hex(),
            "customer": customer.author.account_id.hex(),
            "device_id": company.author.device_id.hex(),
            "sign_public": (company.public or b"").hex(),
        }
    )


def _line_holds(data: bytes, found: Entry) -> None:
    value, encoded = _line_given(data)
    require(cbor.encode(forward.encode_line(found)) == encoded, "a line has one encoding (TRN-17)")
    require(
        found.signature is not None or encoded == data == cbor.encode(value),
        "a line of the customer as it is",
    )


def _line_seeds() -> Iterator[bytes]:
    for row in _transcript()["entries"]:
        yield from (unhex(row[name]) for name in ("line", "redacted_line") if name in row)
    yield from fuzz_seeds.negative("line.decode", "line")


TARGETS: Final = (
    Target(
        "room_entry",
        beside(_decode_entry, _read_entry),
        _entry_holds,
        frozenset({DecodeError, ContentError, BadEntry, UnsupportedVersion}),
        _entry_seeds,
        Shape.CBOR,
        2048,
    ),
    Target(
        "room_line",
        beside(_decode_line, _read_line),
        _line_holds,
        frozenset({DecodeError, ContentError, BadEntry, IdentityMismatch}),
        _line_seeds,
        Shape.CBOR,
        2048,
    ),
)
