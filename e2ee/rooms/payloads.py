"""Payloads of entries: one class for each kind, with its limits (TRN-21).

Questions and what answers them are in `forms.py`, signed structures of chapter 18 in `signed_payloads.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Final, TypeAlias

from e2ee.constants import DEVICE_ID_B, KEY_B, MAX_FILE_B
from e2ee.errors import DecodeError, InvalidArgument
from e2ee.files import padded_size
from e2ee.grammar import MAX_EMAIL_B, is_email, is_file_name
from e2ee.ids import DeviceId
from e2ee.secret import FileKey
from e2ee.wire import cbor
from e2ee.wire.fields import MAX_MS, MAX_U32, bstr

from .entry import BODY_MAX_B, Entry, EntryHash, payload_of
from .forms import Answer, Form, Rating
from .kinds import Kind
from .signed_payloads import Channels, Consent, Identify, Notice, Withdrawal, signed
from .state import SHORT_TEXT_B, State
from .structure import (
    Structure,
    hash_,
    member,
    number,
    or_null,
    reading_content,
    row,
    several,
    size,
    text,
    true,
)

MAX_TEXT_B: Final = 16_384
MAX_HASHES: Final = 64
LANGUAGE_B: Final = 35
FILE_NAME_B: Final = 128
MEDIA_TYPE_B: Final = 64
CODE_B: Final = 64
REQUEST_ID_B: Final = 8

_hashes: Final = several(hash_, MAX_HASHES)


@dataclass(frozen=True, slots=True)
class Open(Structure):
    """The beginning of a room: its nonce, and the signed receipt of the customer (ROOM-01)."""

    kind: ClassVar = Kind.OPEN
    shape = (size(16), signed)
    nonce: bytes
    receipt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RoomText(Structure):
    """A text, perhaps in reply to an entry, of a stated language, made by a machine."""

    kind: ClassVar = Kind.TEXT
    shape = (text(MAX_TEXT_B), hash_, text(LANGUAGE_B), true)
    absent = frozenset({2, 3, 4})
    text: str = field(repr=False)
    reply: EntryHash | None = None
    language: str | None = None
    made_by_ai: bool | None = None


@dataclass(frozen=True, slots=True)
class Edit(Structure):
    """Another wording of a text of the same device; the earlier one stays visible."""

    kind: ClassVar = Kind.EDIT
    shape = (hash_, text(MAX_TEXT_B))
    hash: EntryHash
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Erase(Structure):
    """An order to erase entries; None is the whole room (TRN-24)."""

    kind: ClassVar = Kind.ERASE
    shape = (or_null(_hashes),)
    hashes: tuple[EntryHash, ...] | None


class Outcome(IntEnum):
    """What became of an order to erase."""

    DONE = 1
    HOLD = 2
    CLASS = 3


@dataclass(frozen=True, slots=True)
class Erased(Structure):
    """The company's receipt of an erasure, or until when it keeps what was to go."""

    kind: ClassVar = Kind.ERASED
    shape = (or_null(_hashes), member(Outcome), number(MAX_MS))
    absent = frozenset({3})
    hashes: tuple[EntryHash, ...] | None
    outcome: Outcome
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class File(Structure):
    """A file whose padded ciphertext is a blob of the relay; `key` opens it."""

    kind: ClassVar = Kind.FILE
    shape = (
        *(size(32), lambda value: FileKey(bstr(value, KEY_B, KEY_B)), number(MAX_U32), hash_),
        number(MAX_FILE_B),
        *(text(FILE_NAME_B), text(MEDIA_TYPE_B), number(MAX_MS), size(DEVICE_ID_B)),
    )
    blob: bytes
    key: FileKey
    padded_b: int
    hash: bytes
    size_b: int
    name: str = field(repr=False)
    media_type: str = field(repr=False)
    expires_ms: int
    payer: DeviceId

    def check(self) -> None:
        """Refuse another padded size than that of the file, and a name that is none (TRN-22, FIL-08)."""
        if self.padded_b != padded_size(self.size_b) or not is_file_name(self.name):
            raise DecodeError("not the name and sizes of a file")


class ActKind(IntEnum):
    """What a customer does to a room."""

    CLOSE = 1
    REOPEN = 2
    FREEZE = 3
    UNFREEZE = 4
    CALL_DESK = 5


@dataclass(frozen=True, slots=True)
class Act(Structure):
    """An act of the customer (ROOM-12)."""

    kind: ClassVar = Kind.ACT
    shape = (member(ActKind),)
    what: ActKind


@dataclass(frozen=True, slots=True)
class Reach(Structure):
    """Where a notice without content may go; None takes it back. Only the desk service keeps it."""

    kind: ClassVar = Kind.REACH
    shape = (or_null(text(MAX_EMAIL_B)),)
    email: str | None = field(repr=False)

    def check(self) -> None:
        """Refuse what is no address in ASCII (ACC-20)."""
        if self.email is not None and not is_email(self.email):
            raise DecodeError("not an address of e-mail in ASCII")


@dataclass(frozen=True, slots=True)
class Sensitive(Structure):
    """A mark on entries that only cleared devices may keep (ROOM-13)."""

    kind: ClassVar = Kind.SENSITIVE
    shape = (_hashes,)
    hashes: tuple[EntryHash, ...]


class AccessKind(IntEnum):
    """What a company's device does with entries beyond showing them."""

    EXPORT = 1
    HANDOVER = 2
    READ_IN = 3
    PRINT = 4


@dataclass(frozen=True, slots=True)
class Access(Structure):
    """What was exported, handed over, read or printed: the log that the customer sees (TRN-18)."""

    kind: ClassVar = Kind.ACCESS
    shape = (
        *(member(AccessKind), or_null(size(DEVICE_ID_B)), number(MAX_U32)),
        *(or_null(row(hash_, hash_)), or_null(text(SHORT_TEXT_B))),
    )
    what: AccessKind
    device_id: DeviceId | None
    count: int
    ends: tuple[EntryHash, EntryHash] | None
    text: str | None = field(default=None, repr=False)

    def check(self) -> None:
        """Refuse a hand-over that does not name its receiver, count, first and last."""
        if self.what is AccessKind.HANDOVER and (not self.device_id or not self.count or not self.ends):
            raise DecodeError("a hand-over names its receiver, count, first and last")


@dataclass(frozen=True, slots=True)
class Mark(Structure):
    """Nothing but the links of its header (TRN-12)."""

    kind: ClassVar = Kind.MARK

    @classmethod
    def of(cls, value: cbor.Value) -> Mark:
        """Read null."""
        if value is not None:
            raise DecodeError("a mark says nothing but its links")
        return cls()

    def value(self) -> cbor.Value:
        """Return null."""
        return None


@dataclass(frozen=True, slots=True)
class Refusal(Structure):
    """Why the company does not do what an entry (32 bytes) or a request (8 bytes) asks for."""

    kind: ClassVar = Kind.REFUSAL
    shape = (size(REQUEST_ID_B, 32), text(CODE_B))
    named: bytes
    code: str

    def check(self) -> None:
        """Refuse a name of another size."""
        if len(self.named) not in (REQUEST_ID_B, 32):
            raise DecodeError("a refusal names an entry or a request")


@dataclass(frozen=True, slots=True)
class UnknownKind:
    """A kind that this version does not know: kept, and shown as unsupported (TRN-20)."""

    kind: int
    payload: cbor.Value = field(repr=False)

    def value(self) -> cbor.Value:
        """Return the payload as it is."""
        return self.payload


EntryPayload: TypeAlias = (
    (Open | State | RoomText | Edit | Erase | Erased | File | Consent | Withdrawal | Act | Notice)
    | (Channels | Reach | Sensitive | Access | Identify | Form | Answer | Rating | Mark | Refusal)
    | UnknownKind
)
_KINDS: Final[tuple[type[Structure], ...]] = (
    *(Open, State, RoomText, Edit, Erase, Erased, File, Consent, Withdrawal, Act, Notice, Channels, Reach),
    *(Sensitive, Access, Identify, Form, Answer, Rating, Mark, Refusal),
)
CLASSES: Final[dict[int, type[Structure]]] = {one.kind: one for one in _KINDS}  # type: ignore[attr-defined]


def read_payload(entry: Entry) -> EntryPayload:
    """Read the payload of an entry whose body is here (TRN-21).

    Raises:
        ContentError, UnsupportedVersion: not the payload of its kind.
    """
    with reading_content():
        return decode_payload(entry.header.kind, payload_of(entry))


def decode_payload(kind: int, value: cbor.Value) -> EntryPayload:
    """Read a payload by its kind; one that is not known is kept as it is (TRN-20, TRN-21).

    Raises:
        DecodeError: not the payload of its kind.
    """
    known = CLASSES.get(kind)
    return UnknownKind(kind, value) if known is None else known.of(value)  # type: ignore[return-value]


def encode_payload(payload: EntryPayload) -> cbor.Value:
    """Return a payload as a value, after looking whether every reader accepts it.

    Raises:
        InvalidArgument: a value outside chapter 17.
    """
    value = payload.value()
    try:
        if len(cbor.encode(value)) > BODY_MAX_B:
            raise DecodeError("a payload that no body has room for")
        # What was encoded decodes to the same value.
        decode_payload(payload.kind, value)
    except DecodeError:
        raise InvalidArgument("a payload outside chapter 17") from None
    return value
