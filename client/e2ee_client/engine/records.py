"""What the engine keeps, one class for each kind of row, each with its stored form (STO-08).

A stored form is a CBOR array that starts with its version. Rows are authenticated by the store, so a row that
does not decode is a fault of the store or of a newer program: `StoreCorrupt`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

from e2ee.constants import CONTENT_ID_B, DEVICE_ID_B, HASH_B, MAILBOX_B
from e2ee.content import Content, WayBack
from e2ee.content import decode as decode_content
from e2ee.errors import E2eeError, IdentityMismatch
from e2ee.identity import DeviceList, DeviceRecord, ListHead, OurDevice
from e2ee.ids import AccountId, DeviceId, ListHash, RecordHash
from e2ee.pair import FRESH, Pair
from e2ee.prekeys import PrekeyKind, PrekeyPair, SignedPrekey
from e2ee.secret import AccountKey, DhPrivateKey, HedgeSecret, KemSeed, SigningKey
from e2ee.snapshot import encode_pair
from e2ee.wire import cbor
from e2ee_client.errors import StoreCorrupt
from e2ee_client.events import MessageState
from e2ee_client.rows import Put

FORMAT: Final = 1
_ROW_MAX_B: Final = 131_072
_MSG_ID_B: Final = 16
_TIME_B: Final = 8
OWN_KEY: Final = b"own"
RECEIPTS_PREFIX: Final = b"receipts:"
BEHIND_PREFIX: Final = b"behind:"
TAKEN_PREFIX: Final = b"taken:"
_STATES: Final = tuple(MessageState)


def _unpack(row: bytes, length: int) -> Sequence[cbor.Value]:
    try:
        value = cbor.decode(row, _ROW_MAX_B)
    except E2eeError:
        raise StoreCorrupt("a stored row does not decode") from None
    if not isinstance(value, list) or len(value) != length + 1 or value[0] != FORMAT:
        raise StoreCorrupt("a stored row has another version")
    return value[1:]


def _pack(*values: cbor.Value) -> bytes:
    return cbor.encode([FORMAT, *values])


def _octets(value: cbor.Value) -> bytes:
    if not isinstance(value, bytes):
        raise StoreCorrupt("a stored row has another shape")
    return value


def _number(value: cbor.Value) -> int:
    if not isinstance(value, int):
        raise StoreCorrupt("a stored row has another shape")
    return value


def _maybe_octets(value: cbor.Value) -> bytes | None:
    return None if value is None else _octets(value)


def _maybe_text(value: cbor.Value) -> str | None:
    return value if isinstance(value, str) else None


def _text(value: cbor.Value) -> str:
    if not isinstance(value, str):
        raise StoreCorrupt("a stored row has another shape")
    return value


def _items(value: cbor.Value, length: int | None = None) -> Sequence[cbor.Value]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise StoreCorrupt("a stored row has another shape")
    return cast("Sequence[cbor.Value]", value)


def _place(key: bytes, size_b: int) -> bytes:
    """Check the key of a row: keys of a backup come from a file (STO-26)."""
    if len(key) != size_b:
        raise StoreCorrupt("a stored row has another place")
    return key


def _state(value: cbor.Value) -> MessageState:
    number = _number(value)
    if not 0 <= number < len(_STATES):
        raise StoreCorrupt("a stored row has another shape")
    return _STATES[number]


@contextmanager
def _stored_parts() -> Iterator[None]:
    """Whatever the core refuses in a part of a row is a fault of the store, not of a peer."""
    try:
        yield
    except E2eeError:
        raise StoreCorrupt("a part of a stored row does not fit") from None


@dataclass(slots=True)
class Own:
    """Our account and device. `account_key` is absent where it is kept offline (ID-12)."""

    account_id: AccountId
    account_key: AccountKey | None = field(repr=False)
    device: OurDevice
    device_list: DeviceList
    relay_url: str
    name: str | None
    publish: bool
    read_receipts: bool
    registration_secret: bytes | None = field(repr=False)
    next_prekey_id: int
    next_outbox: int
    published_seq: int

    def put(self) -> Put:
        """Return the row."""
        device = self.device
        row = _pack(
            None if self.account_key is None else self.account_key.expose(),
            device.record.encoded,
            device.signing_key.expose(),
            device.dh_key.expose(),
            device.hedge.expose(),
            self.device_list.signed,
            self.relay_url,
            self.name,
            self.publish,
            self.read_receipts,
            self.registration_secret,
            self.next_prekey_id,
            self.next_outbox,
            self.published_seq,
        )
        return Put("account", OWN_KEY, row)

    @classmethod
    def decode(cls, row: bytes) -> Own:
        """Rebuild from the row."""
        values = _unpack(row, 14)
        account_key = _maybe_octets(values[0])
        with _stored_parts():
            record = DeviceRecord.decode(_octets(values[1]))
            device = OurDevice(
                record,
                SigningKey(_octets(values[2])),
                DhPrivateKey(_octets(values[3])),
                HedgeSecret(_octets(values[4])),
            )
            device_list = DeviceList.verify(record.account_id, _octets(values[5]))
            key = None if account_key is None else AccountKey(account_key)
        return cls(
            record.account_id,
            key,
            device,
            device_list,
            _text(values[6]),
            _maybe_text(values[7]),
            bool(values[8]),
            bool(values[9]),
            _maybe_octets(values[10]),
            _number(values[11]),
            _number(values[12]),
            _number(values[13]),
        )


@dataclass(slots=True)
class Mailbox:
    """A mailbox of ours. `contact` is the one it was made for, or empty for the published one.

    `tokens` maps a contact (empty: the front door) to its delivery token and whether the relay knows it.
    """

    id: bytes
    relay_url: str
    owner_seed: bytes = field(repr=False)
    contact: bytes
    created: bool
    tokens: dict[bytes, tuple[bytes, bool]] = field(repr=False)

    def put(self) -> Put:
        """Return the row."""
        tokens: list[cbor.Value] = [
            [contact, token, known] for contact, (token, known) in self.tokens.items()
        ]
        return Put(
            "mailbox", self.id, _pack(self.relay_url, self.owner_seed, self.contact, self.created, tokens)
        )

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> Mailbox:
        """Rebuild from the row."""
        values = _unpack(row, 5)
        tokens: dict[bytes, tuple[bytes, bool]] = {}
        for item in _items(values[4]):
            contact, token, known = _items(item, 3)
            tokens[_octets(contact)] = (_octets(token), bool(known))
        key = _place(key, MAILBOX_B)
        return cls(key, _text(values[0]), _octets(values[1]), _octets(values[2]), bool(values[3]), tokens)


@dataclass(slots=True)
class Contact:
    """An account that we know. `head` is its pinned device list head, `signed_list` that list (ID-07)."""

    account_id: AccountId
    name: str | None
    relay_url: str
    published: bool
    accepted: bool = False
    verified: bool = False
    alarm: str = ""
    signed_list: bytes | None = None
    head: ListHead | None = None
    _listed: frozenset[RecordHash] | None = field(default=None, init=False, repr=False, compare=False)

    def put(self) -> Put:
        """Return the row."""
        row = _pack(
            self.name,
            self.relay_url,
            self.published,
            self.accepted,
            self.verified,
            self.alarm,
            self.signed_list,
            None if self.head is None else [self.head.seq, self.head.hash],
        )
        return Put("contact", self.account_id, row)

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> Contact:
        """Rebuild from the row."""
        values = _unpack(row, 8)
        head = None
        if values[7] is not None:
            seq, hash_ = _items(values[7], 2)
            head = ListHead(_number(seq), ListHash(_octets(hash_)))
        return cls(
            AccountId(_place(key, HASH_B)),
            _maybe_text(values[0]),
            _text(values[1]),
            bool(values[2]),
            bool(values[3]),
            bool(values[4]),
            _text(values[5]),
            _maybe_octets(values[6]),
            head,
        )

    def pin(self, device_list: DeviceList) -> None:
        """Take a list as the new head, after it was checked."""
        self.signed_list, self.head = device_list.signed, device_list.head
        self._listed = frozenset(device_list.record_hashes)

    def names(self, record_hash: RecordHash) -> bool:
        """Whether the pinned list names a device's record (ID-28); asked for every message, so kept."""
        if self._listed is None:
            device_list = self.device_list()
            if device_list is None:
                return True
            self._listed = frozenset(device_list.record_hashes)
        return record_hash in self._listed

    def device_list(self) -> DeviceList | None:
        """Return the pinned list."""
        return None if self.signed_list is None else DeviceList.verify(self.account_id, self.signed_list)


@dataclass(slots=True)
class Peer:
    """One device of a contact: its record, how to reach it, prekeys it gave us, and our sessions with it.

    `heads_told` is (our seq, its seq) as last told to it; `resets_ms` the times of restored sessions
    (SES-07);
    `lost` says that we lost the state of sessions with it, so that the next one has gen 0.
    """

    account_id: AccountId
    device_id: DeviceId
    record_b: bytes
    way_back: WayBack | None = None
    way_back_ms: int = 0
    spk: bytes | None = None
    pqk: bytes | None = None
    opks: list[bytes] = field(default_factory=list)
    one_time_pqks: list[bytes] = field(default_factory=list)
    heads_told: tuple[int, int] = (0, 0)
    resets_ms: list[int] = field(default_factory=list)
    lost: bool = False
    pair: Pair = FRESH

    @property
    def key(self) -> bytes:
        """Key of the row."""
        return self.account_id + self.device_id

    def record(self) -> DeviceRecord:
        """Return the device record."""
        return DeviceRecord.decode(self.record_b)

    def check_keys(self, record: DeviceRecord) -> None:
        """Refuse another record of this device with other keys: that is another device (ID-27).

        Raises:
            IdentityMismatch.
        """
        known = self.record()
        if (known.sign_public, known.dh_public) != (record.sign_public, record.dh_public):
            raise IdentityMismatch("a known device with other keys")

    def put(self) -> Put:
        """Return the row; sessions have rows of their own."""
        way = self.way_back
        row = _pack(
            self.record_b,
            None if way is None else [way.mailbox, way.token, way.relay_url],
            self.way_back_ms,
            self.spk,
            self.pqk,
            list(self.opks),
            list(self.one_time_pqks),
            list(self.heads_told),
            list(self.resets_ms),
            self.lost,
            encode_pair(self.pair),
        )
        return Put("peer", self.key, row)

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> tuple[Peer, bytes]:
        """Rebuild from the row; also return the stored pair, whose sessions the caller joins."""
        values = _unpack(row, 11)
        way = None
        if values[1] is not None:
            mailbox, token, url = _items(values[1], 3)
            way = WayBack(_octets(mailbox), _octets(token), _text(url))
        told = _items(values[7], 2)
        peer = cls(
            AccountId(_place(key, HASH_B + DEVICE_ID_B)[:HASH_B]),
            DeviceId(key[HASH_B:]),
            _octets(values[0]),
            way,
            _number(values[2]),
            _maybe_octets(values[3]),
            _maybe_octets(values[4]),
            [_octets(item) for item in _items(values[5])],
            [_octets(item) for item in _items(values[6])],
            (_number(told[0]), _number(told[1])),
            [_number(item) for item in _items(values[8])],
            bool(values[9]),
        )
        return peer, _octets(values[10])


@dataclass(frozen=True, slots=True)
class OwnPrekey:
    """A prekey of ours with the record that it was signed under (HS-06)."""

    pair: PrekeyPair
    record_b: bytes

    @property
    def key(self) -> bytes:
        """Key of the row: kind and id."""
        return prekey_place(self.pair.prekey.kind, self.pair.prekey.id)

    def put(self) -> Put:
        """Return the row."""
        return Put(
            "prekey", self.key, _pack(self.pair.prekey.signed, self.pair.private.expose(), self.record_b)
        )

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> OwnPrekey:
        """Rebuild from the row."""
        values = _unpack(row, 3)
        number = _place(key, _PREKEY_PLACE_B)[0]
        if number >= len(_KINDS):
            raise StoreCorrupt("a stored row has another place")
        kind = _KINDS[number]
        record_b, private = _octets(values[2]), _octets(values[1])
        with _stored_parts():
            prekey = SignedPrekey.verify(DeviceRecord.decode(record_b), _octets(values[0]), (kind,))
            pair = PrekeyPair(prekey, KemSeed(private) if kind.is_kem else DhPrivateKey(private))
        return cls(pair, record_b)


_KINDS: Final = tuple(PrekeyKind)
_PREKEY_PLACE_B: Final = 1 + 4


def prekey_place(kind: PrekeyKind, key_id: int) -> bytes:
    """Return the key of a prekey's row."""
    return bytes((_KINDS.index(kind),)) + key_id.to_bytes(4, "big")


@dataclass(slots=True)
class Outgoing:
    """A content on its way to the relay. Until it is sealed it has `content`, from then on `envelope` alone.

    `message_id` is the content id; the envelope is sent again byte by byte under the same `msg_id`, the
    relay's id, which is drawn when it is sealed: an older copy of the store seals under another one.
    """

    number: int
    account_id: AccountId
    device_id: bytes
    message_id: bytes
    msg_id: bytes
    content: bytes = field(repr=False)
    envelope: bytes = field(repr=False)
    shown: bool
    created_ms: int

    @property
    def key(self) -> bytes:
        """Key of the row; ascending in the order of sending."""
        return self.number.to_bytes(8, "big")

    def put(self) -> Put:
        """Return the row."""
        row = _pack(
            self.account_id,
            self.device_id,
            self.message_id,
            self.msg_id,
            self.content,
            self.envelope,
            self.shown,
            self.created_ms,
        )
        return Put("outbox", self.key, row)

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> Outgoing:
        """Rebuild from the row."""
        values = _unpack(row, 8)
        return cls(
            int.from_bytes(_place(key, 8), "big"),
            AccountId(_octets(values[0])),
            _octets(values[1]),
            _octets(values[2]),
            _octets(values[3]),
            _octets(values[4]),
            _octets(values[5]),
            bool(values[6]),
            _number(values[7]),
        )

    def decoded(self) -> Content:
        """Return the content that is still to be sealed."""
        return decode_content(self.content)


@dataclass(slots=True)
class Message:
    """A text of either side, as the application sees it. `record_hash` is the peer device it was sealed
    for (SES-08), `position` its ordinal within the contact, `confirmed` how often its receipt went out.
    """

    account_id: AccountId
    message_id: bytes
    outgoing: bool
    text: str = field(repr=False)
    sent_ms: int
    received_ms: int
    state: MessageState
    record_hash: bytes
    position: int = 0
    confirmed: int = 0

    @property
    def key(self) -> bytes:
        """Key of the row."""
        return message_place(self.account_id, self.message_id, outgoing=self.outgoing)

    def put(self) -> Put:
        """Return the row."""
        row = _pack(
            self.text,
            self.sent_ms,
            self.received_ms,
            _STATES.index(self.state),
            self.record_hash,
            self.position,
            self.confirmed,
        )
        return Put("message", self.key, row)

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> Message:
        """Rebuild from the row."""
        values = _unpack(row, 7)
        direction = _place(key, 1 + HASH_B + CONTENT_ID_B)[0]
        if direction > 1:
            raise StoreCorrupt("a stored row has another place")
        return cls(
            AccountId(key[1 : 1 + HASH_B]),
            key[1 + HASH_B :],
            bool(direction),
            _text(values[0]),
            _number(values[1]),
            _number(values[2]),
            _state(values[3]),
            _octets(values[4]),
            _number(values[5]),
            _number(values[6]),
        )


def message_place(account_id: bytes, message_id: bytes, *, outgoing: bool) -> bytes:
    """Return the key of a message's row: direction, account, content id."""
    return bytes((outgoing,)) + account_id + message_id


def receipts_row(account_id: bytes, ids: Sequence[bytes]) -> Put:
    """Return the row of delivered receipts that are due to a contact."""
    return Put("meta", RECEIPTS_PREFIX + account_id, _pack(list(ids)))


def behind_row(account_id: bytes, seq: int) -> Put:
    """Return the row of a contact, not accepted yet, that knows only this list of ours (CON-05)."""
    return Put("meta", BEHIND_PREFIX + account_id, _pack(seq))


def decode_behind(row: bytes) -> int:
    """Rebuild the sequence number from the row."""
    return _number(_unpack(row, 1)[0])


def replay_row(replay_key: bytes, ends_ms: int, account_id: bytes, session_id: bytes) -> Put:
    """Return the row of a first flight that was taken: until when, whose it was, its session (HS-09)."""
    return Put("replay", replay_key, ends_ms.to_bytes(_TIME_B, "big") + account_id + session_id)


def replay_ends_ms(row: bytes) -> int:
    """Return when the row of a first flight may go."""
    return int.from_bytes(row[:_TIME_B], "big")


def decode_replay(row: bytes) -> tuple[bytes, bytes]:
    """Return (account id, session id) of a first flight; empty in rows of old."""
    return row[_TIME_B : _TIME_B + HASH_B], row[_TIME_B + HASH_B :]


def taken_place(mailbox_id: bytes, msg_id: bytes) -> bytes:
    """Return the key of the row of a message that was taken: mailbox, the relay's id."""
    return TAKEN_PREFIX + mailbox_id + msg_id


def taken_row(mailbox_id: bytes, msg_id: bytes) -> Put:
    """Return the row of a message that was taken and may come again; all of it is in its key."""
    return Put("meta", taken_place(mailbox_id, msg_id), _pack())


def decode_taken(key: bytes) -> tuple[bytes, bytes]:
    """Return (mailbox id, the relay's id) of a row."""
    place = _place(key.removeprefix(TAKEN_PREFIX), MAILBOX_B + _MSG_ID_B)
    return place[:MAILBOX_B], place[MAILBOX_B:]


def decode_receipts(row: bytes) -> list[bytes]:
    """Rebuild the ids from the row."""
    return [_octets(item) for item in _items(_unpack(row, 1)[0])]
