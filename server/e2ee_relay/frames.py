"""Client-relay frames: one binary WebSocket message is one deterministic CBOR array of frames.

Every frame is a map with the unsigned integer keys 0, 1, 2, ... without gaps: 0 is the operation, 1 the
request id (0 in a push), the rest are the fields of the frame's class in the order of its declaration (spec
chapter 11). A field that may be missing is null, never left out. Requests have operations 1 to 62, the answer
to operation n has 64 + n, a plain Done has 64, an error has 63, pushes have 128 and above.

One file in spite of its length: one table of frames, one decoder, no second place that differs.
"""

# Annotations are values here, and not texts as elsewhere: a frame is decoded by those of its fields.

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from enum import Enum, IntEnum
from typing import Annotated, Any, ClassVar, Final, TypeAlias, cast, get_args

import cbor2

from .cbor import MAX_MESSAGE_B, FrameError, Reader
from .shapes import MAX_UINT, Shape, as_map, as_uint, flag, many, nullable, octets, one_of, row, text, uint

PROTOCOL_VERSION: Final = 1

# What a decoder accepts at all. What one relay grants (quotas, windows) is told in its Hello.
MAX_BODY_B: Final = 96 * 1024
MAX_FRAMES: Final = 512
MAX_SEND_ITEMS: Final = 256
MAX_MAILBOXES: Final = 1024
MAX_ACK_SEQS: Final = 1024
MAX_TOKEN_HASHES: Final = 256
MAX_LISTS: Final = 64
MAX_RECORDS: Final = 16
MAX_ONE_TIME_KEYS: Final = 200
MAX_RECORD_B: Final = 512
MAX_SIGNED_LIST_B: Final = 2048
MAX_SIGNED_PREKEY_B: Final = 2048
MAX_SIGNED_ADDRESS_B: Final = 512
MAX_SLOT_B: Final = 4096
# A part of a blob is a sealed chunk of 64 KiB; all but the last one of a blob have this size.
MAX_PART_B: Final = (1 << 16) + 16
MAX_BLOB_B: Final = 67 << 20
MAX_PARTS_GOT: Final = 8
MAX_BUNDLE_B: Final = 8192
MAX_POW_B: Final = 16
# A few seconds of Python; a client that is asked for more leaves (RLY-142).
MAX_POW_BITS: Final = 16
MAX_SECRET_B: Final = 128
MAX_NAME_B: Final = 255


class Role(Enum):
    """Who decodes: a relay reads requests, a client reads answers and pushes."""

    RELAY = "relay"
    CLIENT = "client"


class ErrorCode(IntEnum):
    """Why the relay refused a request or one item of a batch (registry in spec chapter 11, RLY-07)."""

    OK = 0
    UNKNOWN_OPERATION = 1
    BAD_REQUEST = 2
    TOO_LARGE = 3
    RATE_LIMITED = 4
    QUOTA = 5
    DENIED = 6
    AUTH_FAILED = 7
    NOT_AUTHENTICATED = 8
    REGISTRATION_REFUSED = 9
    POW_REQUIRED = 10
    NOT_FOUND = 11
    BAD_ENTRY = 12
    STALE_ENTRY = 13
    NO_PREKEYS = 14
    UNAVAILABLE = 15


class TokenClass(IntEnum):
    """What a delivery token is for: a contact, the public front door, a contact that may put large blobs."""

    CONTACT = 1
    FRONT_DOOR = 2
    TRUSTED = 3


class TtlClass(IntEnum):
    """How long the relay holds a message: not at all, 60 seconds, or the retention period (30 days)."""

    EPHEMERAL = 0
    MINUTE = 1
    RETENTION = 2


# --- fields of several frames: each has its type, and the shape that admits it ---

B16: TypeAlias = Annotated[bytes, octets(16, 16)]
B32: TypeAlias = Annotated[bytes, octets(32, 32)]
B64: TypeAlias = Annotated[bytes, octets(64, 64)]
Uint: TypeAlias = Annotated[int, uint(0, MAX_UINT)]
MaybeUint: TypeAlias = Annotated[int | None, nullable(uint(0, MAX_UINT))]
Flag: TypeAlias = Annotated[bool, flag]
Work: TypeAlias = Annotated[bytes, octets(0, MAX_POW_B)]
Mailboxes: TypeAlias = Annotated[tuple[bytes, ...], many(octets(16, 16), 1, MAX_MAILBOXES)]
_B16: Final = octets(16, 16)
_B32: Final = octets(32, 32)
_RECORD: Final = octets(1, MAX_RECORD_B)
_LIST: Final = octets(1, MAX_SIGNED_LIST_B)
_PREKEY: Final = octets(1, MAX_SIGNED_PREKEY_B)
_ADDRESS: Final = octets(1, MAX_SIGNED_ADDRESS_B)
_SLOT: Final = octets(1, MAX_SLOT_B)
_PART: Final = octets(1, MAX_PART_B)


# --- items inside frames ---

# What is made for every message is not frozen, here and below: that would make it three times as dear.


@dataclass(slots=True)
class SendItem:
    """One message of a Send: who gets it, the right to write, its id, how long it is held, the body."""

    mailbox: bytes  # 16 B
    token: bytes = field(repr=False)  # 32 B, the delivery token itself; the relay keeps only its hash
    msg_id: bytes  # 16 B, the same in every repetition of this message
    ttl: TtlClass
    pow: bytes  # empty, or at most 16 B when the relay asks for work (`pow_bits_send`)
    body: bytes = field(repr=False)  # 1 B to 96 KiB

    def as_row(self) -> list[object]:
        return [self.mailbox, self.token, self.msg_id, int(self.ttl), self.pow, self.body]


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one item of a Send: OK (committed), or why not and when to try again."""

    code: ErrorCode
    retry_after_ms: int = 0  # 0: no statement

    def as_row(self) -> list[object]:
        return [int(self.code), self.retry_after_ms]


@dataclass(frozen=True, slots=True)
class Limits:
    """What this relay grants.

    Encoded as a map with keys 0, 1, 2, ...; keys that a reader does not know are ignored (RLY-11).
    """

    max_body_b: int
    max_message_b: int
    max_send_items: int
    max_mailboxes: int  # authenticated on one connection
    window_messages: int  # delivered and not acknowledged, per mailbox
    window_b: int
    quota_messages: int  # held per mailbox
    quota_b: int
    retention_s: int
    remembered_s: int  # a message id is known for so long after its acknowledgement
    max_one_time_keys: int  # held per device and type
    low_prekeys: int  # below this many the owner is told
    pow_bits_create: int  # 0: no work is asked for
    pow_bits_send: int  # only with a front-door token
    pow_bits_fetch: int
    max_blob_b: int  # 0: no blobs
    blob_quota_b: int  # paid by one mailbox
    blob_retention_s: int

    def as_map(self) -> dict[int, object]:
        return {key: getattr(self, name) for key, name in enumerate(_LIMIT_NAMES)}

    @property
    def pow_bits(self) -> tuple[int, int, int]:
        """How much work is asked for in all."""
        return self.pow_bits_create, self.pow_bits_send, self.pow_bits_fetch


_LIMIT_NAMES: Final = tuple(one.name for one in dataclass_fields(Limits))


def _limits(value: object) -> object:
    keys = range(len(_LIMIT_NAMES))
    told = as_map(value)
    if any(key not in told for key in keys):
        raise FrameError("limits are incomplete")
    return Limits(*[as_uint(told[key]) for key in keys])


_SEND_ITEM: Final = row(
    SendItem, _B16, _B32, _B16, one_of(TtlClass), octets(0, MAX_POW_B), octets(1, MAX_BODY_B)
)
_SEND_RESULT: Final = row(SendResult, one_of(ErrorCode), uint(0, MAX_UINT))


class _Numbered:
    """What each frame is known by."""

    __slots__ = ()
    OP: ClassVar[int]

    def __init_subclass__(cls, op: int = 0) -> None:
        # A class with slots is made twice, the second time of what the first one has.
        if op:
            cls.OP = op  # pyright: ignore[reportConstantRedefinition]  # it is declared above, given here


@dataclass(frozen=True, slots=True)
class _Frame(_Numbered):
    request_id: int


@dataclass(slots=True)
class _HotFrame(_Numbered):
    request_id: int


# --- requests ---


@dataclass(frozen=True, slots=True)
class CreateMailbox(_Frame, op=1):
    """CREATE: make a mailbox owned by `owner_pub`. Answer: Done, also when it is repeated."""

    mailbox: B16  # 16 B, random
    owner_pub: B32  # 32 B, Ed25519
    pow: Work = b""
    registration_secret: Annotated[bytes | None, nullable(octets(1, MAX_SECRET_B))] = field(
        default=None, repr=False
    )


@dataclass(frozen=True, slots=True)
class Auth(_Frame, op=2):
    """AUTH: prove the owner key of many mailboxes, by a signature over `auth_payload`. Answer: AuthResult."""

    mailboxes: Mailboxes  # 16 B each
    owner_pub: B32  # 32 B
    signature: B64  # 64 B


@dataclass(frozen=True, slots=True)
class TokenAdd(_Frame, op=3):
    """TOKEN_ADD: let the holders of these tokens write to an own mailbox. Answer: Done."""

    mailbox: B16
    token_hashes: Annotated[tuple[bytes, ...], many(_B32, 1, MAX_TOKEN_HASHES)]  # 32 B each, see token_hash
    token_class: Annotated[TokenClass, one_of(TokenClass)]


@dataclass(frozen=True, slots=True)
class TokenRevoke(_Frame, op=4):
    """TOKEN_REVOKE: take that right back; unknown hashes are ignored. Answer: Done."""

    mailbox: B16
    token_hashes: Annotated[tuple[bytes, ...], many(_B32, 1, MAX_TOKEN_HASHES)]


@dataclass(slots=True)
class Send(_HotFrame, op=5):
    """SEND: deliver sealed bodies, without authentication. Answer: SendResults, after the commit."""

    items: Annotated[tuple[SendItem, ...], many(_SEND_ITEM, 1, MAX_SEND_ITEMS)]


@dataclass(frozen=True, slots=True)
class Subscribe(_Frame, op=6):
    """SUBSCRIBE: begin push delivery of own mailboxes. Answer: Done, then Message and QueueEmpty pushes."""

    mailboxes: Mailboxes


@dataclass(slots=True)
class Ack(_HotFrame, op=7):
    """ACK: these messages are safe with the client; the relay deletes them. Answer: Done."""

    mailbox: B16
    seqs: Annotated[tuple[int, ...], many(uint(1, MAX_UINT), 1, MAX_ACK_SEQS)]


@dataclass(frozen=True, slots=True)
class Publish(_Frame, op=8):
    """PUBLISH: put the account's directory entry. Answer: Done.

    `lists` are consecutive signed lists, the last one the new head; the first one follows the head that the
    relay holds (or has seq 1), or is that head itself, alone, to put new addresses. `records` and `addresses`
    belong to the new head, in pairs, as many as the head names; a device without an address has null.
    `slot` replaces that of the device which publishes, and is not read by the relay; null leaves it.
    """

    account_id: B32
    lists: Annotated[tuple[bytes, ...], many(_LIST, 1, MAX_LISTS)]
    records: Annotated[tuple[bytes, ...], many(_RECORD, 0, MAX_RECORDS)]
    addresses: Annotated[tuple[bytes | None, ...], many(nullable(_ADDRESS), 0, MAX_RECORDS)]
    slot: Annotated[bytes | None, nullable(_SLOT)] = None  # 1 B to 4 KiB


@dataclass(frozen=True, slots=True)
class Lookup(_Frame, op=9):
    """LOOKUP: ask for the signed lists with a seq above `after_seq` (0: all). Answer: LookupResult."""

    account_id: B32
    after_seq: Uint


@dataclass(frozen=True, slots=True)
class PrekeysUpload(_Frame, op=10):
    """PREKEYS_UPLOAD: add signed prekeys of a published own device. Answer: PrekeysStock.

    A signed prekey or last-resort key replaces the one held (null leaves it). One-time keys are added, in
    ascending order of their ids; a key with an id not above the highest ever uploaded is ignored, so that a
    repeated upload adds nothing twice.
    """

    account_id: B32
    record_hash: B32
    signed_prekey: Annotated[bytes | None, nullable(_PREKEY)]  # X25519, usage reusable
    last_resort: Annotated[bytes | None, nullable(_PREKEY)]  # ML-KEM-768, usage last-resort
    one_time_x25519: Annotated[tuple[bytes, ...], many(_PREKEY, 0, MAX_ONE_TIME_KEYS)]
    one_time_kem: Annotated[tuple[bytes, ...], many(_PREKEY, 0, MAX_ONE_TIME_KEYS)]


@dataclass(frozen=True, slots=True)
class PrekeysCount(_Frame, op=11):
    """PREKEYS_COUNT: ask for the stock of an own device. Answer: PrekeysStock."""

    account_id: B32
    record_hash: B32


@dataclass(frozen=True, slots=True)
class PrekeysFetch(_Frame, op=12):
    """PREKEYS_FETCH: ask for a bundle of a device, with its front-door token. Answer: PrekeysBundle."""

    account_id: B32
    record_hash: B32
    token: B32 = field(repr=False)  # 32 B, from the device's signed address
    pow: Work = b""


@dataclass(frozen=True, slots=True)
class DeleteMailbox(_Frame, op=13):
    """DELETE_MAILBOX: remove an own mailbox with everything that hangs on it. Answer: Done."""

    mailbox: B16


@dataclass(frozen=True, slots=True)
class Ping(_Frame, op=14):
    """PING: ask whether the relay is there. Answer: Done."""


@dataclass(frozen=True, slots=True)
class BlobOpen(_Frame, op=15):
    """BLOB_OPEN: begin a blob that a mailbox pays for, or ask how far it has come. Answer: BlobState."""

    mailbox: B16  # 16 B
    token: B32 = field(repr=False)  # 32 B, a contact's
    blob: B32 = field(repr=False)  # 32 B, random: who knows it gets the blob
    writer: B32  # 32 B, blob_hash of a secret
    size_b: Annotated[int, uint(1, MAX_UINT)]


@dataclass(slots=True)
class BlobPut(_HotFrame, op=16):
    """BLOB_PUT: put the next part; one with another index changes nothing. Answer: BlobState."""

    blob: B32 = field(repr=False)  # 32 B
    secret: B32 = field(repr=False)  # 32 B
    index: Uint
    part: Annotated[bytes, _PART] = field(repr=False)  # MAX_PART_B, the last one what is left


@dataclass(frozen=True, slots=True)
class BlobGet(_Frame, op=17):
    """BLOB_GET: ask for parts of a blob that is whole, from `index` on. Answer: BlobData."""

    blob: B32 = field(repr=False)  # 32 B
    index: Uint
    count: Annotated[int, uint(1, MAX_PARTS_GOT)]


@dataclass(frozen=True, slots=True)
class BlobDrop(_Frame, op=18):
    """BLOB_DROP: delete a blob, with its secret, or as owner of the mailbox that pays. Answer: Done."""

    blob: B32 = field(repr=False)  # 32 B
    secret: Annotated[bytes | None, nullable(_B32)] = field(default=None, repr=False)  # 32 B


@dataclass(frozen=True, slots=True)
class UnknownRequest:
    """A request of an operation that this version does not know; answered UNKNOWN_OPERATION (RLY-05)."""

    request_id: int
    operation: int


@dataclass(frozen=True, slots=True)
class InvalidRequest:
    """A request of a known operation with fields outside the format; answered BAD_REQUEST (RLY-06)."""

    request_id: int
    operation: int


# --- answers ---


@dataclass(frozen=True, slots=True)
class ErrorReply(_Frame, op=63):
    """The relay refused the request; nothing of it was done."""

    code: Annotated[ErrorCode, one_of(ErrorCode)]
    retry_after_ms: Uint = 0  # 0: no statement


@dataclass(slots=True)
class Done(_HotFrame, op=64):
    """The request was carried out and, where it changed something, committed."""


@dataclass(frozen=True, slots=True)
class AuthResult(_Frame, op=66):
    """The signature is valid; `refused` are the mailboxes that do not exist or belong to another key."""

    refused: Annotated[tuple[bytes, ...], many(_B16, 0, MAX_MAILBOXES)]


@dataclass(slots=True)
class SendResults(_HotFrame, op=69):
    """One result for each item of a Send, in its order."""

    results: Annotated[tuple[SendResult, ...], many(_SEND_RESULT, 1, MAX_SEND_ITEMS)]


@dataclass(frozen=True, slots=True)
class LookupResult(_Frame, op=73):
    """Signed lists in ascending order of seq; if `more`, ask again after the last one's seq.

    Records and addresses belong to the head of the whole chain, in pairs; slots are the distinct ones of its
    devices, which the relay has not read.
    """

    lists: Annotated[tuple[bytes, ...], many(_LIST, 0, MAX_LISTS)]
    records: Annotated[tuple[bytes, ...], many(_RECORD, 0, MAX_RECORDS)]
    addresses: Annotated[tuple[bytes | None, ...], many(nullable(_ADDRESS), 0, MAX_RECORDS)]
    more: Flag
    slots: Annotated[tuple[bytes, ...], many(_SLOT, 0, MAX_RECORDS)] = ()  # 1 B to 4 KiB each


@dataclass(frozen=True, slots=True)
class PrekeysStock(_Frame, op=75):
    """What the relay holds for a device: unused one-time keys, highest ids ever uploaded, reusable ids."""

    one_time_x25519: Uint
    one_time_kem: Uint
    highest_x25519_id: Uint  # 0: none yet
    highest_kem_id: Uint
    signed_prekey_id: MaybeUint
    last_resort_id: MaybeUint


@dataclass(frozen=True, slots=True)
class PrekeysBundle(_Frame, op=76):
    """A prekey bundle, and whether its X25519 key is present and its ML-KEM key is a one-time key."""

    bundle: Annotated[bytes, octets(1, MAX_BUNDLE_B)]
    one_time_x25519: Flag
    one_time_kem: Flag


@dataclass(frozen=True, slots=True)
class BlobState(_Frame, op=79):
    """How far a blob has come: the part that is put next, its size, and when it ends."""

    next: Uint
    size_b: Uint
    expires_ms: Uint  # a full hour


@dataclass(slots=True)
class BlobData(_HotFrame, op=81):
    """Parts of a blob, at least one and as many as were asked for, as far as there are."""

    parts: Annotated[tuple[bytes, ...], many(_PART, 1, MAX_PARTS_GOT)] = field(repr=False)


# --- pushes ---


@dataclass(frozen=True, slots=True)
class Hello(_Frame, op=128):
    """The first frame on each connection, from the relay."""

    version: Annotated[int, uint(1, 0xFFFF)]
    relay_name: Annotated[str, text(1, MAX_NAME_B)]
    nonce: B32  # 32 B, fresh for each connection
    limits: Annotated[Limits, _limits]
    operations: Annotated[tuple[int, ...], many(uint(1, 0xFFFF), 0, 256)]  # ascending


@dataclass(slots=True)
class Message(_HotFrame, op=129):
    """A held message. `seq` rises within the mailbox; 0 marks an ephemeral one, which needs no Ack."""

    mailbox: B16
    seq: Uint
    msg_id: B16
    body: Annotated[bytes, octets(1, MAX_BODY_B)] = field(repr=False)
    received_ms: Uint  # the full hour in which it arrived, by the relay's clock


@dataclass(frozen=True, slots=True)
class QueueEmpty(_Frame, op=130):
    """All that was held when the subscription began has been delivered."""

    mailbox: B16


@dataclass(frozen=True, slots=True)
class Displaced(_Frame, op=131):
    """A newer connection subscribed to this mailbox; delivery here has ended."""

    mailbox: B16


@dataclass(frozen=True, slots=True)
class LowPrekeys(_Frame, op=132):
    """The stock of one-time keys of an own device has fallen below the limit."""

    account_id: B32
    record_hash: B32
    one_time_x25519: Uint
    one_time_kem: Uint


@dataclass(frozen=True, slots=True)
class GoAway(_Frame, op=133):
    """The relay is about to close; reconnect after so long (the client adds its own jitter)."""

    retry_after_ms: Uint


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """An answer or push that this version does not know; a client ignores it."""

    request_id: int
    operation: int


Request: TypeAlias = (
    CreateMailbox
    | Auth
    | TokenAdd
    | TokenRevoke
    | Send
    | Subscribe
    | Ack
    | Publish
    | Lookup
    | PrekeysUpload
    | PrekeysCount
    | PrekeysFetch
    | DeleteMailbox
    | Ping
    | BlobOpen
    | BlobPut
    | BlobGet
    | BlobDrop
)
Response: TypeAlias = (
    ErrorReply
    | Done
    | AuthResult
    | SendResults
    | LookupResult
    | PrekeysStock
    | PrekeysBundle
    | BlobState
    | BlobData
)
Push: TypeAlias = Hello | Message | QueueEmpty | Displaced | LowPrekeys | GoAway
KnownFrame: TypeAlias = Request | Response | Push
Frame: TypeAlias = KnownFrame | UnknownRequest | InvalidRequest | UnknownFrame

_Entry: TypeAlias = tuple[Callable[..., Frame], tuple[Shape, ...]]


def _entry(cls: type[KnownFrame]) -> _Entry:
    """Return a frame's class with the shapes of its fields behind the request id."""
    return cls, tuple(cast("Any", one.type).__metadata__[0] for one in dataclass_fields(cls)[1:])


_REQUESTS: Final[dict[int, _Entry]] = {cls.OP: _entry(cls) for cls in get_args(Request)}
_ANSWERS: Final[dict[int, _Entry]] = {cls.OP: _entry(cls) for cls in get_args(Response | Push)}
OPERATIONS: Final = tuple(sorted(_REQUESTS))
_FIELD_NAMES: Final[dict[type[KnownFrame], tuple[str, ...]]] = {
    cls: tuple(one.name for one in dataclass_fields(cls)) for cls in get_args(KnownFrame)
}


# --- encoding and decoding of frames ---


_PLAIN: Final = frozenset({bytes, int, bool, str, type(None)})


def _plain(value: object) -> object:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        return [_plain(one) for one in cast("tuple[object, ...]", value)]
    if isinstance(value, SendItem | SendResult):
        return value.as_row()
    if isinstance(value, Limits):
        return value.as_map()
    return int(value) if isinstance(value, IntEnum) else value


def encode_frame(frame: KnownFrame) -> bytes:
    """Encode one frame as the CBOR map that `join_frames` puts into a message."""
    fields: dict[int, object] = {0: frame.OP}
    for key, name in enumerate(_FIELD_NAMES[type(frame)], start=1):
        fields[key] = _plain(getattr(frame, name))
    return cbor2.dumps(fields)


def join_frames(encoded: Sequence[bytes]) -> bytes:
    """Join encoded frames to one message; the caller keeps to MAX_FRAMES and MAX_MESSAGE_B (RLY-02)."""
    return array_head(len(encoded)) + b"".join(encoded)


def array_head(length: int) -> bytes:
    """Return the head of an array of at most 65 535 items."""
    if length < 24:
        return bytes((0x80 | length,))
    return bytes((0x98, length)) if length < 256 else b"\x99" + length.to_bytes(2, "big")


def encode_frames(frames: Iterable[KnownFrame]) -> bytes:
    """Encode frames as one WebSocket message: a deterministic CBOR array of maps (RLY-01).

    Raises:
        ValueError: more than MAX_FRAMES frames or MAX_MESSAGE_B bytes (RLY-02).
    """
    encoded = [encode_frame(frame) for frame in frames]
    if not 1 <= len(encoded) <= MAX_FRAMES:
        raise ValueError("a message holds 1 to MAX_FRAMES frames")
    message = join_frames(encoded)
    if len(message) > MAX_MESSAGE_B:
        raise ValueError("frames exceed MAX_MESSAGE_B")
    return message


def _none_is_usual(_reader: Reader) -> None:
    """Leave every frame to the decoder of all."""


def decode_frames(data: bytes, role: Role) -> list[Frame]:
    """Decode one WebSocket message into its frames.

    A relay gets UnknownRequest or InvalidRequest where it has to answer with an error; a client gets
    UnknownFrame where the relay is newer than itself.

    Raises:
        FrameError: not a message of this protocol; the connection is to be closed (RLY-03).
    """
    return list(iterate_frames(data, role))


def iterate_frames(
    data: bytes, role: Role, usual: Callable[[Reader], Frame | None] = _none_is_usual
) -> Iterator[Frame]:
    """Decode one message frame by frame, as `decode_frames` does at once.

    `usual` may read a frame in a quicker way, or return None and leave the reader where it stands.

    Raises:
        FrameError: on the way; what came before it is not to be carried out either (RLY-03).
    """
    if len(data) > MAX_MESSAGE_B:
        raise FrameError("over the size limit")
    reader = Reader(data)
    decode = _decode_request if role is Role.RELAY else _decode_answer
    try:
        for _ in range(reader.array_head(MAX_FRAMES)):
            yield usual(reader) or decode(*_frame_head(reader.frame()))
    except IndexError:
        raise FrameError("truncated item") from None
    if reader.pos != len(data):
        raise FrameError("trailing bytes")


def _frame_head(item: object) -> tuple[int, int, dict[int, object]]:
    fields = as_map(item)
    operation, request_id = fields.get(0), fields.get(1)
    if type(operation) is not int or not 1 <= operation <= 0xFFFF:
        raise FrameError("a frame names its operation")
    if type(request_id) is not int or not 0 <= request_id <= 0xFFFF_FFFF:
        raise FrameError("a frame names its request")
    return operation, request_id, fields


def _decode_request(operation: int, request_id: int, item: dict[int, object]) -> Frame:
    if request_id == 0:
        raise FrameError("a request has an id of at least 1")
    entry = _REQUESTS.get(operation)
    if entry is None:
        return UnknownRequest(request_id, operation)
    make, shapes = entry
    try:
        return make(request_id, *_fields(shapes, item))
    except FrameError:
        return InvalidRequest(request_id, operation)


def _decode_answer(operation: int, request_id: int, item: dict[int, object]) -> Frame:
    entry = _ANSWERS.get(operation)
    if entry is None:
        return UnknownFrame(request_id, operation)
    if (operation >= Hello.OP) != (request_id == 0):
        raise FrameError("answers name a request, pushes do not")
    make, shapes = entry
    return make(request_id, *_fields(shapes, item))


def _fields(shapes: tuple[Shape, ...], item: dict[int, object]) -> list[object]:
    # The decoder made the keys ascending, so the right count and the right last key leave no gap.
    if len(item) != len(shapes) + 2 or next(reversed(item)) != len(shapes) + 1:
        raise FrameError("frame has the wrong fields")
    return [shape(item[key]) for key, shape in enumerate(shapes, start=2)]
