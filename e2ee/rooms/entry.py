"""Entries of a transcript: header, body behind a commitment, hash, signature of the company (chapter 17).

header -----------------------------+
body = [blind, payload] -- c -------+-- entry hash -- signature (company only)
account | device id ----------------+
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NewType

from e2ee import labels
from e2ee.constants import ACCOUNT_ID_B, DEVICE_ID_B, HASH_B, SIGNATURE_B
from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import BadEntry, BadSignature, DecodeError, InvalidArgument
from e2ee.ids import AccountId, ContentId, DeviceId, SignPublic
from e2ee.primitives import kdf, sign
from e2ee.secret import SigningKey
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_MS, Fields, array, bstr, uint

from .kinds import Kind
from .structure import reading_content

RoomId = NewType("RoomId", bytes)
"""16 bytes (ROOM-01)."""
EntryHash = NewType("EntryHash", bytes)
"""32 bytes (TRN-04)."""
DeviceTag = NewType("DeviceTag", bytes)
"""8 bytes that name a device inside one room (TRN-03)."""

ROOM_ID_B: Final = 16
DEVICE_TAG_B: Final = 8
BLIND_B: Final = 16
MAX_KIND: Final = 63
MAX_SEEN: Final = 15
HEADER_MAX_B: Final = 1024
BODY_MAX_B: Final = 32_768

_HEADER_KEYS: Final = frozenset({1, 2, 3, 7})
_HEADER_OPTIONAL: Final = frozenset({4, 5, 6})
_ENTRY_KEYS: Final = frozenset({1, 2})
_SIGNATURE_KEY: Final = frozenset({3})


class Author(NamedTuple):
    """The device that writes an entry, with its account."""

    account_id: AccountId
    device_id: DeviceId


class Link(NamedTuple):
    """An entry of another device that the author has, with all before it (TRN-06)."""

    tag: DeviceTag
    n: int
    hash: EntryHash


@dataclass(frozen=True, slots=True)
class Header:
    """What an entry says in clear to every reader of the room, as decoded from exactly `encoded` (TRN-02).

    `prev` is None where a run begins; `state` is the state that the author follows, named when it is new.
    """

    encoded: bytes
    room_id: RoomId
    kind: int
    n: int
    prev: EntryHash | None
    seen: tuple[Link, ...]
    state: EntryHash | None
    sent_ms: int

    @classmethod
    def decode(cls, encoded: bytes) -> Header:
        """Read a header; its values are checked in ascending order of their keys (ID-29).

        Raises:
            DecodeError: as TRN-02 says.
        """
        return cls.read(encoded, cbor.decode(encoded, HEADER_MAX_B))

    @classmethod
    def read(cls, encoded: bytes, value: cbor.Value) -> Header:
        """Read a header from the value that its bytes hold.

        Raises:
            DecodeError: as TRN-02 says, but for the size.
        """
        fields = Fields(value, _HEADER_KEYS, _HEADER_OPTIONAL)
        room_id = RoomId(fields.bstr(1, ROOM_ID_B))
        kind, n = fields.uint(2, MAX_KIND, 1), fields.uint(3, MAX_MS)
        if kind == Kind.OPEN and (n, fields.has(4), fields.has(5)) != (0, False, False):
            raise DecodeError("an open is the first entry, and follows nothing")
        if fields.has(4) and n == 0:
            raise DecodeError("the first entry has none before it")
        prev = EntryHash(fields.bstr(4, HASH_B)) if fields.has(4) else None
        seen = _decode_seen(fields) if fields.has(5) else ()
        if fields.has(6) and kind in (Kind.OPEN, Kind.STATE):
            raise DecodeError("an open or a state names no state")
        state = EntryHash(fields.bstr(6, HASH_B)) if fields.has(6) else None
        return cls(encoded, room_id, kind, n, prev, seen, state, fields.time_ms(7))

    @property
    def restarts(self) -> bool:
        """Whether a chain goes on here without the entry before it (TRN-07)."""
        return self.prev is None and self.n > 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a transcript. `body` is None where it was erased or withheld; `commitment` stays."""

    author: Author
    header: Header
    commitment: bytes
    body: bytes | None = field(repr=False)
    signature: bytes | None
    hash: EntryHash

    @property
    def content_id(self) -> ContentId:
        """The id of the content that carries the entry (TRN-05)."""
        return ContentId(self.hash[:16])

    @property
    def place(self) -> tuple[DeviceId, int]:
        """Device and number."""
        return self.author.device_id, self.header.n

    def redacted(self) -> Entry:
        """Return the entry without its body: header and commitment stay (TRN-04)."""
        return Entry(self.author, self.header, self.commitment, None, self.signature, self.hash)


def device_tag(room_id: RoomId, device_id: DeviceId) -> DeviceTag:
    """Return the 8 bytes that name a device in the links of a room (TRN-03)."""
    return DeviceTag(kdf.hash_(labels.DEVICE_TAG, room_id + device_id)[:DEVICE_TAG_B])


def commitment_of(body: bytes) -> bytes:
    """Return c, the 32 bytes that stand for a body (TRN-04)."""
    return kdf.hash_(labels.COMMIT, body)


def entry_hash(author: Author, commitment: bytes, header: bytes) -> EntryHash:
    """Return the 32 bytes that name an entry (TRN-04)."""
    return EntryHash(kdf.hash_(labels.ENTRY, author.account_id + author.device_id + commitment + header))


def make_header(
    room_id: RoomId,
    kind: int,
    n: int,
    sent_ms: int,
    *,
    prev: EntryHash | None = None,
    seen: tuple[Link, ...] = (),
    state: EntryHash | None = None,
) -> Header:
    """Return a header of ours: encoded, and read as every reader reads it. What was encoded decodes to the
    same value, and what its fields take has at most `HEADER_MAX_B` bytes.

    Raises:
        InvalidArgument: a value outside TRN-02.
    """
    entries: dict[int, cbor.Value] = {1: room_id, 2: kind, 3: n}
    if prev is not None:
        entries[4] = prev
    if seen:
        entries[5] = [[link.tag, link.n, link.hash] for link in seen]
    if state is not None:
        entries[6] = state
    entries[7] = sent_ms
    encoded = cbor.encode(entries)
    try:
        return Header.read(encoded, entries)
    except DecodeError:
        raise InvalidArgument("a header outside chapter 17") from None


def write_entry(
    author: Author, header: Header, payload: cbor.Value, blind: bytes, key: SigningKey | None
) -> Entry:
    """Make an entry of ours; a company's device signs it, a customer's does not (TRN-04, TRN-08).

    `blind` is 16 random bytes. The payload must be one that its kind accepts.

    Raises:
        InvalidArgument: a blind of another size, or a body of more than 32 768 bytes.
    """
    body = cbor.encode([blind, payload])
    if len(blind) != BLIND_B or len(body) > BODY_MAX_B:
        raise InvalidArgument("a body has a blind of 16 bytes, and at most 32768 bytes")
    commitment = commitment_of(body)
    found = entry_hash(author, commitment, header.encoded)
    signature = None if key is None else sign.sign(key.expose(), labels.SIG_ENTRY + found)
    return Entry(author, header, commitment, body, signature, found)


def carrier(entry: Entry) -> Content:
    """Return the content that carries an entry, with its id and time; its number is added (TRN-05)."""
    signed: dict[int, cbor.Value] = {} if entry.signature is None else {3: entry.signature}
    value: cbor.Value = {1: entry.header.encoded, 2: entry.body, **signed}
    return Content(entry.content_id, entry.header.sent_ms, OfRooms(ContentType.ENTRY, value))


def decode_entry(content: Content, author: Author, signer: SignPublic | None) -> Entry:
    """Read a content of type 8 that came in a session with the entry's author (TRN-05, TRN-08).

    `signer` is the signing key of a company's device, None for a customer's.

    Raises:
        ContentError: not an entry, or carried under another id or time.
        BadEntry: a signature is wrong, missing, or where none belongs.
    """
    with reading_content():
        match content.payload:
            case OfRooms(ContentType.ENTRY, payload):
                fields = Fields(payload, _ENTRY_KEYS, _SIGNATURE_KEY)
            case _:
                raise DecodeError("a content of another type")
        header, body = fields.bstr(1, 1, HEADER_MAX_B), fields.bstr(2, 1, BODY_MAX_B)
        signature = fields.bstr(3, SIGNATURE_B) if fields.has(3) else None
        entry = read_entry(author, header, commitment_of(body), body, signature, signer)
        if (content.id, content.sent_ms) != (entry.content_id, entry.header.sent_ms):
            raise DecodeError("a content with another id or time than its entry")
        return entry


def read_entry(
    author: Author,
    header: bytes,
    commitment: bytes,
    body: bytes | None,
    signature: bytes | None,
    signer: SignPublic | None,
) -> Entry:
    """Check signature, then header, of an entry whose parts are here (TRN-08, ID-29).

    Raises:
        DecodeError, BadEntry.
    """
    found = entry_hash(author, commitment, header)
    if (signature is None) != (signer is None):
        raise BadEntry("a company signs its entries, a customer does not")
    if signature is not None and signer is not None:
        try:
            sign.verify(signer, labels.SIG_ENTRY + found, signature)
        except BadSignature:
            raise BadEntry("the signature of an entry does not verify") from None
    return Entry(author, Header.decode(header), commitment, body, signature, found)


def payload_of(entry: Entry) -> cbor.Value:
    """Return the payload inside a body that is here (TRN-04).

    Raises:
        DecodeError: the body is not [blind 16, payload], or is not here.
    """
    if entry.body is None:
        raise DecodeError("the body of the entry is not here")
    blind, payload = array(cbor.decode(entry.body, BODY_MAX_B), 2, 2)
    bstr(blind, BLIND_B, BLIND_B)
    return payload


def decode_author(account_id: cbor.Value, device_id: cbor.Value) -> Author:
    """Read who wrote a line."""
    return Author(
        AccountId(bstr(account_id, ACCOUNT_ID_B, ACCOUNT_ID_B)),
        DeviceId(bstr(device_id, DEVICE_ID_B, DEVICE_ID_B)),
    )


def _decode_seen(fields: Fields) -> tuple[Link, ...]:
    links = tuple(_decode_link(item) for item in fields.array(5, 1, MAX_SEEN))
    if any(left[:2] >= right[:2] for left, right in itertools.pairwise(links)):
        raise DecodeError("links are not ascending")
    return links


def _decode_link(value: cbor.Value) -> Link:
    tag, n, linked = array(value, 3, 3)
    return Link(
        DeviceTag(bstr(tag, DEVICE_TAG_B, DEVICE_TAG_B)),
        uint(n, MAX_MS),
        EntryHash(bstr(linked, HASH_B, HASH_B)),
    )
