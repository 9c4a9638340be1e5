"""What stands inside a body (chapter 10)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

from .constants import CONTENT_ID_B, HASH_B, MAILBOX_B, MAX_CONTENT_B, MAX_COUNTER, TOKEN_B
from .errors import ContentError, ContentTooLarge, DecodeError, InvalidArgument
from .grammar import MAX_RELAY_B, is_relay_url
from .identity import LIST_MAX_B, ListHead
from .ids import ContentId, ListHash
from .prekeys import CompactBundle, decode_compact, encode_compact
from .wire import cbor
from .wire.fields import MAX_MS, Fields, bstr, uint

MAX_RECEIPT_IDS: Final = 64
_MAX_SEQ: Final = 2**31 - 1
_IGNORED_FROM: Final = 64
_TEXT: Final = 1
_MAX_U32: Final = 2**32 - 1

_NOTHING_ELSE: Final[list[object]] = [None, None, None, None]
_PLAIN_MAX_B: Final = 32_768

# Fixed places in the encoding of a plain text.
_TEXT_HEAD: Final = b"\xa4\x01\x01\x02\x50"
_TIME_HEAD: Final = b"\x03\x1b"
_PAYLOAD_HEAD: Final = b"\x04\xa1\x01"
_ID_AT: Final = len(_TEXT_HEAD)
_TIME_AT: Final = _ID_AT + CONTENT_ID_B + len(_TIME_HEAD)
_TEXT_AT: Final = _TIME_AT + 8 + len(_PAYLOAD_HEAD)
_PLAIN: Final = struct.Struct(">5s16s2sQ3sB")
_PLAIN_LIMIT_B: Final = _PLAIN_MAX_B + _TEXT_AT + 3
# A named tuple from all of its fields for half the price of its constructor.
_new: Final = tuple.__new__
_REQUIRED: Final = frozenset({1, 2, 3, 4})
_OPTIONAL: Final = frozenset({5, 6, 7, 8})
_ONE: Final = frozenset({1})
_TWO: Final = frozenset({1, 2})
_THREE: Final = frozenset({1, 2, 3})


class ContentType(IntEnum):
    """Types of the registry."""

    TEXT = 1
    RECEIPT = 2
    ADDRESS = 3
    BUNDLE = 4
    RESET = 5
    LIST = 6
    NOTHING = 7


class ReceiptState(IntEnum):
    """What a receipt says."""

    DELIVERED = 1
    READ = 2


class ResetReason(IntEnum):
    """Why a session was started anew (SES-07)."""

    STATE_LOST = 1
    ANSWER = 2
    REPLACED = 3


@dataclass(frozen=True, slots=True)
class Text:
    """A text; its length is 1 character or more."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Contents that arrived or were read (CON-04)."""

    state: ReceiptState
    ids: tuple[ContentId, ...]


@dataclass(frozen=True, slots=True)
class Reset:
    """The session was started anew (SES-07)."""

    reason: ResetReason


@dataclass(frozen=True, slots=True)
class SignedList:
    """A newer device list of the sender (CON-10)."""

    signed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddressOnly:
    """Only a new address; it stands in the content's `address`."""


@dataclass(frozen=True, slots=True)
class BundleOnly:
    """Only new prekeys; they stand in the content's `bundle`."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A message that only turns the ratchets (CON-11)."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A type that this version does not know (CON-02)."""

    type: int
    payload: cbor.Value = field(repr=False)


Payload: TypeAlias = Text | Receipt | Reset | SignedList | AddressOnly | BundleOnly | Nothing | Unsupported


_WITHOUT_PAYLOAD: Final[dict[int, Payload]] = {
    ContentType.ADDRESS: AddressOnly(),
    ContentType.BUNDLE: BundleOnly(),
    ContentType.NOTHING: Nothing(),
}


class Heads(NamedTuple):
    """The sender's own list head and the peer's as the sender knows it (CON-05)."""

    own: ListHead
    peer: ListHead | None


@dataclass(frozen=True, slots=True)
class WayBack:
    """Mailbox, delivery token and relay through which the sender can be reached (CON-06)."""

    mailbox: bytes
    token: bytes = field(repr=False)
    relay_url: str


class Content(NamedTuple):
    """One content: payload and what travels with it. `sent_ms` is the sender's claim (CON-09)."""

    id: ContentId
    sent_ms: int
    payload: Payload
    heads: Heads | None = None
    gen: int | None = None
    way_back: WayBack | None = None
    bundle: CompactBundle | None = None


def encode(content: Content) -> bytes:
    """Return the deterministic encoding.

    Raises:
        ContentTooLarge: more than 65 536 bytes (WIRE-14).
        InvalidArgument: a value outside chapter 10.
    """
    plain = _encode_plain(content)
    if plain is not None:
        return plain
    kind, payload = _encode_payload(content.payload)
    entries: dict[int, cbor.Value] = {1: int(kind), 2: content.id, 3: content.sent_ms, 4: payload}
    if content.heads is not None:
        entries[5] = {1: _encode_head(content.heads.own), 2: _encode_peer_head(content.heads.peer)}
    if content.gen is not None:
        entries[6] = content.gen
    if content.way_back is not None:
        entries[7] = {1: content.way_back.mailbox, 2: content.way_back.token, 3: content.way_back.relay_url}
    if content.bundle is not None:
        entries[8] = encode_compact(content.bundle)
    encoded = cbor.encode(entries)
    if len(encoded) > MAX_CONTENT_B:
        raise ContentTooLarge("a content has at most 65536 bytes")
    _check_accepted(encoded)
    return encoded


def _check_accepted(encoded: bytes) -> None:
    """Refuse to seal what every peer would refuse: the number would be used and the content lost."""
    try:
        _decode(cbor.decode(encoded, MAX_CONTENT_B))
    except DecodeError:
        raise InvalidArgument("a content outside chapter 10") from None


def decode(encoded: bytes) -> Content:
    """Read an authenticated content.

    Raises:
        ContentError: it breaks chapter 10 (CON-01, CON-03).
    """
    try:
        return _decode_plain(encoded) or _decode(cbor.decode(encoded, MAX_CONTENT_B))
    except DecodeError:
        raise ContentError("the content breaks the rules of chapter 10") from None


def _encode_plain(content: Content) -> bytes | None:
    """Return the encoding of a text with nothing else, None sends it the long way; the twin of
    `_decode_plain`.
    """
    content_id, sent_ms, payload, *rest = content
    if type(payload) is not Text or rest != _NOTHING_ELSE or len(content_id) != CONTENT_ID_B:
        return None
    if not _MAX_U32 < sent_ms <= MAX_MS:
        return None
    try:
        text = payload.text.encode("utf-8")
    except UnicodeEncodeError:
        return None
    size_b = len(text)
    if size_b < 256:
        if size_b < 24:
            return None
        head = bytes((0x78, size_b))
    elif size_b <= _PLAIN_MAX_B:
        head = b"\x79" + size_b.to_bytes(2, "big")
    else:
        return None
    return b"".join(
        (_TEXT_HEAD, content_id, _TIME_HEAD, sent_ms.to_bytes(8, "big"), _PAYLOAD_HEAD, head, text)
    )


def _decode_plain(encoded: bytes) -> Content | None:
    """Return the content if it is a text with nothing else, which most messages are; None sends it the
    long way.

    The layout is {1: 1, 2: id, 3: time of 8 bytes, 4: {1: text}}; every byte of it has one accepted form.
    A property
    test holds this against the long way.
    """
    if not _TEXT_AT + 1 < len(encoded) <= _PLAIN_LIMIT_B:
        return None
    head, content_id, time_head, sent_ms, payload_head, first = _PLAIN.unpack_from(encoded)
    if head != _TEXT_HEAD or time_head != _TIME_HEAD or payload_head != _PAYLOAD_HEAD:
        return None
    if 0x60 < first < 0x78:
        start, size_b, least_b = _TEXT_AT + 1, first - 0x60, 1
    elif first == 0x78:
        start, size_b, least_b = _TEXT_AT + 2, encoded[_TEXT_AT + 1], 24
    elif first == 0x79:
        start, size_b, least_b = (
            _TEXT_AT + 3,
            int.from_bytes(encoded[_TEXT_AT + 1 : _TEXT_AT + 3], "big"),
            256,
        )
    else:
        return None
    if len(encoded) != start + size_b or size_b < least_b or not _MAX_U32 < sent_ms <= MAX_MS:
        return None
    try:
        text = encoded[start:].decode("utf-8")
    except UnicodeDecodeError:
        return None
    return _new(Content, (content_id, sent_ms, Text(text), None, None, None, None))


def _decode(value: cbor.Value) -> Content:
    if not isinstance(value, dict):
        raise DecodeError("not a map")
    if len(value) == len(_REQUIRED):
        return _content(Fields.of(value, _REQUIRED))
    known = {key: item for key, item in value.items() if key < _IGNORED_FROM}
    fields = Fields.of(known, _REQUIRED, _OPTIONAL)
    return _content(
        fields,
        _decode_heads(fields.value(5)) if fields.has(5) else None,
        fields.uint(6, MAX_COUNTER - 1) if fields.has(6) else None,
        _decode_way_back(fields.value(7)) if fields.has(7) else None,
        decode_compact(fields.value(8)) if fields.has(8) else None,
    )


def _content(
    fields: Fields,
    heads: Heads | None = None,
    gen: int | None = None,
    way_back: WayBack | None = None,
    bundle: CompactBundle | None = None,
) -> Content:
    kind = fields.uint(1)
    if (kind == ContentType.ADDRESS and way_back is None) or (kind == ContentType.BUNDLE and bundle is None):
        raise DecodeError("an address or a bundle that is not there")
    content_id = ContentId(fields.bstr(2, CONTENT_ID_B))
    payload = _decode_payload(kind, fields.value(4))
    return Content(content_id, fields.time_ms(3), payload, heads, gen, way_back, bundle)


def _encode_payload(payload: Payload) -> tuple[int, cbor.Value]:
    match payload:
        case Text(text):
            if not text:
                raise InvalidArgument("a text has at least one character")
            return ContentType.TEXT, {1: text}
        case Receipt(state, ids):
            if not 1 <= len(ids) <= MAX_RECEIPT_IDS:
                raise InvalidArgument("a receipt names 1 to 64 contents")
            return ContentType.RECEIPT, {1: int(state), 2: list(ids)}
        case Reset(reason):
            return ContentType.RESET, {1: int(reason)}
        case SignedList(signed):
            return ContentType.LIST, {1: signed}
        case AddressOnly():
            return ContentType.ADDRESS, None
        case BundleOnly():
            return ContentType.BUNDLE, None
        case Nothing():
            return ContentType.NOTHING, None
        case _:
            return payload.type, payload.payload


def _decode_payload(kind: int, value: cbor.Value) -> Payload:
    # Plain numbers: comparing with members of an enumeration costs ten times as much, on each message.
    if kind == _TEXT:
        return Text(Fields.of(value, _ONE).text(1, MAX_CONTENT_B))
    match kind:
        case ContentType.RECEIPT:
            return _decode_receipt(Fields.of(value, _TWO))
        case ContentType.RESET:
            return Reset(ResetReason(Fields.of(value, _ONE).uint(1, max(ResetReason), 1)))
        case ContentType.LIST:
            return SignedList(Fields.of(value, _ONE).bstr(1, 1, LIST_MAX_B))
        case ContentType.ADDRESS | ContentType.BUNDLE | ContentType.NOTHING:
            if value is not None:
                raise DecodeError("a payload where none belongs")
            return _WITHOUT_PAYLOAD[kind]
        case _:
            return Unsupported(kind, value)


def _decode_receipt(fields: Fields) -> Receipt:
    ids = tuple(
        ContentId(bstr(item, CONTENT_ID_B, CONTENT_ID_B)) for item in fields.array(2, 1, MAX_RECEIPT_IDS)
    )
    return Receipt(ReceiptState(fields.uint(1, max(ReceiptState), 1)), ids)


def _encode_head(head: ListHead) -> cbor.Value:
    return [head.seq, head.hash]


def _encode_peer_head(head: ListHead | None) -> cbor.Value:
    return None if head is None else _encode_head(head)


def _decode_heads(value: cbor.Value) -> Heads:
    fields = Fields.of(value, _TWO)
    peer = fields.value(2)
    return Heads(_decode_head(fields.value(1)), None if peer is None else _decode_head(peer))


def _decode_head(value: cbor.Value) -> ListHead:
    if not isinstance(value, list) or len(value) != 2:
        raise DecodeError("not a list head")
    return ListHead(uint(value[0], _MAX_SEQ, 1), ListHash(bstr(value[1], HASH_B, HASH_B)))


def _decode_way_back(value: cbor.Value) -> WayBack:
    fields = Fields.of(value, _THREE)
    url = fields.text(3, MAX_RELAY_B)
    if not is_relay_url(url):
        raise DecodeError("not the URL of a relay")
    return WayBack(fields.bstr(1, MAILBOX_B), fields.bstr(2, TOKEN_B), url)
