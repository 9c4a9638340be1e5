"""A transcript as a file: JSON with one element a line, each of which has one encoding (EXP-01, EXP-02).

[                                                             a file is an array
{"sealroom_transcript":1,"company":...},                      whose room it is
{"company_list":...},  {"record":...},  {"slot":...},  ...    what its entries are judged by
{"entry":...,"hash":...,"payload":...},                       entries, in order, each with what it says
{"end":2}
]
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from enum import Enum
from typing import Final, NamedTuple

from e2ee.errors import DecodeError, IdentityMismatch, UnsupportedVersion
from e2ee.ids import AccountId
from e2ee.wire import cbor

from .entry import BODY_MAX_B, HEADER_MAX_B, Entry, RoomId, payload_of
from .forward import encode_line
from .room import room_id
from .structure import reading_content

LINE_MAX_B: Final = 262_144
"""A line of a file at most; the longest entry has less."""
_LINE_OF_ENTRY_B: Final = HEADER_MAX_B + BODY_MAX_B + 256
BEGIN: Final = b"["
CLOSE: Final = b"]"
_HEAD: Final = re.compile(
    rb'\{"sealroom_transcript":(?P<version>0|[1-9][0-9]{0,9}),"company":"(?P<company>[0-9a-f]{64})",'
    rb'"customer":"(?P<customer>[0-9a-f]{64})","nonce":"(?P<nonce>[0-9a-f]{32})",'
    rb'"room":"(?P<room>[0-9a-f]{32})"\}'
)
_BYTES: Final = rb'\{"(?P<name>[a-z_]{1,16})":"(?P<bytes>[A-Za-z0-9_-]{1,65536})"'
_EVIDENCE: Final = re.compile(_BYTES + rb"\}")
_ENTRY: Final = re.compile(_BYTES + rb',"hash":"[0-9a-f]{64}",')
_SHOWN_HASH: Final = re.compile(rb',"hash":"([0-9a-f]{64})",')
_END: Final = re.compile(rb'\{"end":(0|[1-9][0-9]{0,9})\}')


class Part(Enum):
    """What a file holds beside entries, in this order."""

    COMPANY_LIST = "company_list"
    """A signed device list of the company."""
    CUSTOMER_LIST = "customer_list"
    """A signed device list of the customer."""
    RECORD = "record"
    """A device record that one of them names."""
    SLOT = "slot"
    """A signed mandate with a signed roster (ACC-11)."""
    CARD = "card"
    """The card of a company's device (ACC-14)."""


class Head(NamedTuple):
    """Whose room a transcript is of."""

    company: AccountId
    customer: AccountId
    nonce: bytes

    @property
    def room(self) -> RoomId:
        """The id of the room (ROOM-01)."""
        return room_id(self.company, self.customer, self.nonce)


class Evidence(NamedTuple):
    """A line of what entries are judged by."""

    part: Part
    data: bytes


class EntryLine(NamedTuple):
    """A line with an entry: the line of a forward, still to be verified, and what stands behind it."""

    value: cbor.Value
    shown: bytes


class End(NamedTuple):
    """How many entries a file has."""

    entries: int


Element = Evidence | EntryLine | End


# --- writing; each line stands without its line end ---


def encode_head(head: Head) -> bytes:
    """Return the line that says whose room it is."""
    names = ("company", "customer", "nonce", "room")
    values = (head.company, head.customer, head.nonce, head.room)
    shown = "".join(f',"{name}":"{value.hex()}"' for name, value in zip(names, values, strict=True))
    return f'{{"sealroom_transcript":1{shown}}}'.encode()


def encode_evidence(part: Part, data: bytes) -> bytes:
    """Return a line of what entries are judged by."""
    return b'{"%s":"%s"}' % (part.value.encode(), _base64(data))


def encode_entry(entry: Entry) -> bytes:
    """Return the line of an entry, with what it says in the same words (EXP-02).

    Raises:
        ContentError: its body is not [blind, payload].
    """
    with reading_content():
        payload = None if entry.body is None else payload_of(entry)
    return b'{"entry":"%s"%s' % (_base64(cbor.encode(encode_line(entry))), encode_shown(entry, payload))


def encode_shown(entry: Entry, payload: cbor.Value) -> bytes:
    """Return what stands in a line behind its entry; `payload` is that of the body, if that is here."""
    header = entry.header
    shown: dict[str, object] = {
        "hash": entry.hash.hex(),
        "device": entry.author.device_id.hex(),
        "kind": header.kind,
        "n": header.n,
        "sent_ms": header.sent_ms,
    }
    if entry.body is not None:
        shown["payload"] = _plain(payload)
    return b"," + json.dumps(shown, ensure_ascii=False, separators=(",", ":"))[1:].encode()


def encode_end(count: int) -> bytes:
    """Return the line that says how many entries there are."""
    return b'{"end":%d}' % count


# --- reading ---


def decode_head(line: bytes) -> Head:
    """Read whose room it is.

    Raises:
        DecodeError: not this line, or not the room of these accounts and this nonce.
        UnsupportedVersion: of another version. IdentityMismatch: a company that talks to itself.
    """
    found = _HEAD.fullmatch(line)
    if found is None:
        raise DecodeError("not the head of a transcript")
    if found["version"] != b"1":
        raise UnsupportedVersion("a transcript of another version")
    company, customer, nonce, room = (
        bytes.fromhex(found[name].decode()) for name in ("company", "customer", "nonce", "room")
    )
    head = Head(AccountId(company), AccountId(customer), nonce)
    if company == customer:
        raise IdentityMismatch("a transcript of one account")
    if head.room != room:
        raise DecodeError("not the room of these accounts")
    return head


def decode_element(line: bytes) -> Element:
    """Read any other line; an entry is still to be compared with what its line shows.

    Raises:
        DecodeError: no element.
    """
    found = _ENTRY.match(line)
    if found is not None and found["name"] == b"entry" and line.endswith(b"}"):
        return EntryLine(
            cbor.decode(_bytes(found["bytes"]), _LINE_OF_ENTRY_B), line[found.end("bytes") + 1 :]
        )
    found = _EVIDENCE.fullmatch(line)
    if found is not None:
        return Evidence(_part(found["name"]), _bytes(found["bytes"]))
    found = _END.fullmatch(line)
    if found is None:
        raise DecodeError("no element of a transcript")
    return End(int(found[1]))


def is_entry(line: bytes) -> bool:
    """Whether a line is to be one of an entry."""
    return line.startswith(b'{"entry":')


def shown_hash(line: bytes) -> bytes | None:
    """Return the hash that a line shows for its entry, whether or not the entry holds."""
    found = _SHOWN_HASH.search(line)
    return None if found is None else bytes.fromhex(found[1].decode())


def _part(name: bytes) -> Part:
    try:
        return Part(name.decode())
    except ValueError:
        raise DecodeError("an element of an unknown name") from None


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    """Read base64url without padding, in its one encoding."""
    try:
        found = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        raise DecodeError("not base64url") from None
    if _base64(found) != text:
        raise DecodeError("not the one encoding of its bytes")
    return found


def _plain(value: cbor.Value) -> object:
    """Return a payload as JSON has it: byte strings in hex, keys as decimal texts."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
