"""Entries that one device gives another: answers to `want`, and history (TRN-14 to TRN-19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from e2ee.constants import SIGNATURE_B
from e2ee.errors import BudgetExceeded, DecodeError, IdentityMismatch, Unlogged
from e2ee.ids import AccountId, DeviceId, SignPublic
from e2ee.wire import cbor
from e2ee.wire.fields import Fields, array, bstr

from .entry import (
    BODY_MAX_B,
    HEADER_MAX_B,
    ROOM_ID_B,
    Author,
    DeviceTag,
    Entry,
    EntryHash,
    RoomId,
    commitment_of,
    decode_author,
    device_tag,
    entry_hash,
    read_entry,
)
from .kinds import Kind
from .payloads import Access, AccessKind
from .structure import hash_, reading_content, row

MAX_LINES: Final = 64
FORWARD_MAX_B: Final = 48 * 1024
FORWARD_HEAD_B: Final = 22
_LINE_ITEMS: Final = 5
WANTS_A_MINUTE: Final = 8
MINUTE_MS: Final = 60_000
_KEYS: Final = frozenset({1, 2})

GROUND: Final = frozenset({Kind.OPEN, Kind.STATE, Kind.CONSENT, Kind.WITHDRAW})
"""What a joiner judges by, and may have from before: `open`, states and consent are no history (TRN-15)."""

Signers: TypeAlias = Callable[[Author], SignPublic | None]
"""The signing key of a company's device; None for one that no accepted list names."""


class Share(Enum):
    """How much of an entry a device is given."""

    NOTHING = "nothing"
    COMMITMENT = "commitment"
    WHOLE = "whole"


def share(kind: int, *, recipient_now: bool, recipient_then: bool, may_read: bool) -> Share:
    """Say what a device that asks for an entry is given (TRN-15).

    `recipient_now`: in force, and a recipient of the room. `recipient_then`: by the state that the author
    followed when it wrote, which is not asked of the `GROUND`. `may_read`: not told to erase it, and cleared
    where the entry is marked.
    """
    if not recipient_now or not (recipient_then or kind in GROUND):
        return Share.NOTHING
    return Share.WHOLE if may_read else Share.COMMITMENT


class Asked(NamedTuple):
    """How often a device asked in the minute that began with `since_ms`."""

    since_ms: int = 0
    times: int = 0

    def again(self, now_ms: int) -> Asked:
        """Count one more question (TRN-15).

        Raises:
            BudgetExceeded: more than 8 in a minute.
        """
        if not self.since_ms <= now_ms < self.since_ms + MINUTE_MS:
            return Asked(now_ms, 1)
        if self.times >= WANTS_A_MINUTE:
            raise BudgetExceeded("more than 8 questions for entries in a minute")
        return Asked(self.since_ms, self.times + 1)


def encode_line(entry: Entry) -> cbor.Value:
    """Return [account, device id, header, body or [commitment], signature or null]."""
    shown: cbor.Value = [entry.commitment] if entry.body is None else entry.body
    return [*entry.author, entry.header.encoded, shown, entry.signature]


def decode_line(
    value: cbor.Value, room_id: RoomId, company: AccountId, customer: AccountId, signers: Signers
) -> Entry:
    """Read a line of a forward of this room; a company's stands by its signature (TRN-17).

    Raises:
        ContentError: not a line, or of another room.
        IdentityMismatch: of neither account, or of a device that is not known.
        BadEntry: a signature is wrong, missing, or where none belongs.
    """
    with reading_content():
        account_id, device_id, header, shown, signature = array(value, 5, 5)
        author = decode_author(account_id, device_id)
        header_b = bstr(header, 1, HEADER_MAX_B)
        body = None if isinstance(shown, list) else bstr(shown, 1, BODY_MAX_B)
        commitment: bytes = row(hash_)(shown)[0] if body is None else commitment_of(body)
        signed = None if signature is None else bstr(signature, SIGNATURE_B, SIGNATURE_B)
        signer = signers(author) if author.account_id == company else None
        if signer is None and author.account_id != customer:
            raise IdentityMismatch("a line of neither side of the room")
        entry = read_entry(author, header_b, commitment, body, signed, signer)
        if entry.header.room_id != room_id:
            raise DecodeError("a line of another room")
        return entry


def encode_forward(room_id: RoomId, entries: Iterable[Entry]) -> cbor.Value:
    """Return the payload of a content of type 10."""
    return {1: room_id, 2: [encode_line(entry) for entry in entries]}


def without_bodies(payload: cbor.Value, room_id: RoomId, hashes: frozenset[EntryHash]) -> cbor.Value:
    """Return the payload of a forward with the commitments of these entries for their bodies (ROOM-44).

    Raises:
        ContentError: not a forward.
    """
    of_room, lines = decode_forward(payload)
    kept = [_without_body(line, hashes) for line in lines]
    return {1: of_room, 2: kept} if of_room == room_id else payload


def _without_body(line: cbor.Value, hashes: frozenset[EntryHash]) -> cbor.Value:
    if not isinstance(line, list) or len(line) != _LINE_ITEMS:
        return line
    account, device, header, body, signature = line
    if not (isinstance(account, bytes) and isinstance(device, bytes) and isinstance(header, bytes)):
        return line
    if not isinstance(body, bytes):
        return line
    commitment = commitment_of(body)
    is_gone = entry_hash(Author(AccountId(account), DeviceId(device)), commitment, header) in hashes
    return [account, device, header, [commitment], signature] if is_gone else line


def decode_forward(value: cbor.Value) -> tuple[RoomId, list[cbor.Value]]:
    """Read room and lines, which are looked at one by one.

    Raises:
        ContentError: not 1 to 64 lines, or more than 48 KiB.
    """
    with reading_content():
        fields = Fields(value, _KEYS)
        if len(cbor.encode(value)) > FORWARD_MAX_B:
            raise DecodeError("more than 48 KiB of entries")
        return RoomId(fields.bstr(1, ROOM_ID_B)), list(fields.array(2, 1, MAX_LINES))


def answer(entries: Iterable[tuple[Entry, Share]]) -> list[Entry]:
    """Return what goes into one answer: at most 64 entries and 48 KiB, each as it may be shared (TRN-15)."""
    given: list[Entry] = []
    room_b = FORWARD_MAX_B - FORWARD_HEAD_B
    for entry, how in entries:
        if how is Share.NOTHING:
            continue
        shown = entry if how is Share.WHOLE else entry.redacted()
        room_b -= len(cbor.encode(encode_line(shown)))
        if room_b < 0 or len(given) == MAX_LINES:
            break
        given.append(shown)
    return given


def check_answer(entries: Iterable[Entry], asked: Iterable[tuple[DeviceTag, int, int]]) -> None:
    """Refuse lines that were not asked for (TRN-19), but for the `GROUND` and logins; an announced hand-over
    has a `Handover`.

    Raises:
        Unlogged.
    """
    ranges = list(asked)
    for entry in entries:
        tag, n = device_tag(entry.header.room_id, entry.author.device_id), entry.header.n
        if entry.header.kind in GROUND or entry.header.kind == Kind.IDENTIFY:
            continue
        if not any(range_tag == tag and first <= n <= last for range_tag, first, last in ranges):
            raise Unlogged("history that nobody asked for or announced")


@dataclass(frozen=True, slots=True)
class Handover:
    """History that a steward hands over to us, as its log entry announced it (TRN-18)."""

    by: DeviceId
    left: int
    first: EntryHash
    last: EntryHash
    begun: bool = False

    @classmethod
    def announced(cls, by: DeviceId, access: Access, us: DeviceId) -> Handover | None:
        """Return what an entry of kind `access` lets its author forward to us."""
        if access.what is not AccessKind.HANDOVER or access.device_id != us or access.ends is None:
            return None
        return cls(by, access.count, *access.ends)

    def take(self, by: DeviceId, hashes: list[EntryHash]) -> Handover:
        """Count the lines of one `forward`, in the order of the transcript.

        Raises:
            Unlogged: of another device, none or more than announced, or with another beginning or end.
        """
        left = self.left - len(hashes)
        if not hashes:
            raise Unlogged("a hand-over of nothing")
        wrong_ends = (not self.begun and hashes[0] != self.first) or (left == 0 and hashes[-1] != self.last)
        if by != self.by or left < 0 or wrong_ends:
            raise Unlogged("a hand-over that is not the announced one")
        return replace(self, left=left, begun=True)
