"""Rows of the account, mailboxes, contacts, prekeys and texts, each with its stored form (STO-08)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from e2ee.constants import CONTENT_ID_B, HASH_B, MAILBOX_B
from e2ee.errors import IdentityMismatch
from e2ee.identity import DeviceList, DeviceRecord, ListHead, OurDevice
from e2ee.ids import AccountId, ListHash, RecordHash
from e2ee.prekeys import PrekeyKind, PrekeyPair, SignedPrekey
from e2ee.secret import AccountKey, DhPrivateKey, HedgeSecret, KemSeed, SigningKey
from e2ee.wire import cbor
from e2ee_client.errors import StoreCorrupt
from e2ee_client.events import MessageState
from e2ee_client.rows import Put

from .row_codec import (
    items,
    maybe_octets,
    maybe_text,
    number,
    octets,
    pack,
    place,
    stored_parts,
    text,
    unpack,
)

OWN_KEY: Final = b"own"
RECEIPTS_PREFIX: Final = b"receipts:"
TAKEN_PREFIX: Final = b"taken:"
REFUSED_PREFIX: Final = b"refused:"
NEXT_LIST_KEY: Final = b"next list"
_MSG_ID_B: Final = 16
_TIME_B: Final = 8
_STATES: Final = tuple(MessageState)
_KINDS: Final = tuple(PrekeyKind)
_PREKEY_PLACE_B: Final = 1 + 4


@dataclass(slots=True)
class Own:
    """Our account and device. `account_key` is absent where it is kept offline (ID-12).

    `older_record_b` is a record with the same keys under which sessions were made. `replaced` says that our
    own list no longer names this device. `record_anew` asks for a new record of this device (SES-32).
    `stock_id` is the newest id of a published one-time key; the other `stock_*` count the one-time keys
    that were made, and those that flights have named, since `stock_since_ms` (SES-35).
    """

    account_id: AccountId
    account_key: AccountKey | None = field(repr=False)
    device: OurDevice
    device_list: DeviceList
    relay_url: str
    name: str | None
    publish: bool
    read_receipts: bool
    registration_secret: bytes | None = field(repr=False)
    older_record_b: bytes | None = None
    published_seq: int = 0
    replaced: bool = False
    record_anew: bool = False
    stock_id: int = 0
    stock_since_ms: int = 0
    stock_made: int = 0
    stock_named: int = 0

    def put(self) -> Put:
        """Return the row."""
        device = self.device
        keys: list[cbor.Value] = [
            device.signing_key.expose(),
            device.dh_key.expose(),
            device.hedge.expose(),
            None if self.account_key is None else self.account_key.expose(),
        ]
        row = pack(
            keys,
            [device.record.encoded, self.older_record_b],
            self.device_list.signed,
            [self.relay_url, self.name, self.publish, self.read_receipts, self.registration_secret],
            [self.published_seq, self.replaced, self.record_anew],
            [self.stock_id, self.stock_since_ms, self.stock_made, self.stock_named],
        )
        return Put("account", OWN_KEY, row)

    @classmethod
    def decode(cls, row: bytes) -> Own:
        """Rebuild from the row."""
        keys, records, signed_list, settings, standing, stock = unpack(row, 6)
        record_b, older_record_b = items(records, 2)
        signing_key, dh_key, hedge, account_key = items(keys, 4)
        relay_url, name, publish, read_receipts, secret = items(settings, 5)
        published_seq, replaced, record_anew = items(standing, 3)
        stock_id, since_ms, made, named = items(stock, 4)
        with stored_parts():
            record = DeviceRecord.decode(octets(record_b))
            device = OurDevice(
                record,
                SigningKey(octets(signing_key)),
                DhPrivateKey(octets(dh_key)),
                HedgeSecret(octets(hedge)),
            )
            device_list = DeviceList.verify(record.account_id, octets(signed_list))
            key = None if account_key is None else AccountKey(octets(account_key))
        return cls(
            account_id=record.account_id,
            account_key=key,
            device=device,
            device_list=device_list,
            relay_url=text(relay_url),
            name=maybe_text(name),
            publish=bool(publish),
            read_receipts=bool(read_receipts),
            registration_secret=maybe_octets(secret),
            older_record_b=maybe_octets(older_record_b),
            published_seq=number(published_seq),
            replaced=bool(replaced),
            record_anew=bool(record_anew),
            stock_id=number(stock_id),
            stock_since_ms=number(since_ms),
            stock_made=number(made),
            stock_named=number(named),
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
        row = pack(self.relay_url, self.owner_seed, self.contact, self.created, tokens)
        return Put("mailbox", self.id, row)

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> Mailbox:
        """Rebuild from the row."""
        relay_url, owner_seed, owner, created, tokens_b = unpack(row, 5)
        tokens: dict[bytes, tuple[bytes, bool]] = {}
        for item in items(tokens_b):
            contact, token, known = items(item, 3)
            tokens[octets(contact)] = (octets(token), bool(known))
        return cls(
            id=place(key, MAILBOX_B),
            relay_url=text(relay_url),
            owner_seed=octets(owner_seed),
            contact=octets(owner),
            created=bool(created),
            tokens=tokens,
        )


@dataclass(slots=True)
class Contact:
    """An account that we know. `head` is its pinned device list head, `signed_list` that list (ID-07).

    `looked_up_ms` is when the directory was asked last; `greet` says that a session with each of its
    devices is to be started without a text, as after a restore (SES-40).
    """

    account_id: AccountId
    name: str | None
    relay_url: str
    published: bool
    accepted: bool = False
    verified: bool = False
    alarm: str = ""
    signed_list: bytes | None = None
    head: ListHead | None = None
    looked_up_ms: int = 0
    greet: bool = False
    _list: DeviceList | None = field(default=None, init=False, repr=False, compare=False)

    def put(self) -> Put:
        """Return the row."""
        row = pack(
            self.name,
            self.relay_url,
            [self.published, self.accepted, self.verified, self.greet],
            self.alarm,
            self.signed_list,
            None if self.head is None else [self.head.seq, self.head.hash],
            self.looked_up_ms,
        )
        return Put("contact", self.account_id, row)

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> Contact:
        """Rebuild from the row."""
        name, relay_url, flags, alarm, signed_list, head_b, looked_up_ms = unpack(row, 7)
        published, accepted, verified, greet = items(flags, 4)
        head = None
        if head_b is not None:
            seq, hash_ = items(head_b, 2)
            head = ListHead(number(seq), ListHash(octets(hash_)))
        return cls(
            account_id=AccountId(place(key, HASH_B)),
            name=maybe_text(name),
            relay_url=text(relay_url),
            published=bool(published),
            accepted=bool(accepted),
            verified=bool(verified),
            alarm=text(alarm),
            signed_list=maybe_octets(signed_list),
            head=head,
            looked_up_ms=number(looked_up_ms),
            greet=bool(greet),
        )

    def pin(self, device_list: DeviceList) -> None:
        """Take a list as the new head, after it was checked."""
        self.signed_list, self.head, self._list = device_list.signed, device_list.head, device_list

    def device_list(self) -> DeviceList | None:
        """Return the pinned list."""
        if self._list is None and self.signed_list is not None:
            self._list = DeviceList.verify(self.account_id, self.signed_list)
        return self._list

    def names(self, record_hash: RecordHash) -> bool:
        """Whether the pinned list names a device's record (ID-28)."""
        device_list = self.device_list()
        return device_list is None or record_hash in device_list.record_hashes


@dataclass(frozen=True, slots=True)
class OwnPrekey:
    """A prekey of ours with the record that it was signed under (HS-06).

    `contact` is whom it was given to, empty for what a published account offers to everybody (ID-38).
    """

    pair: PrekeyPair
    record_b: bytes
    contact: bytes

    @property
    def key(self) -> bytes:
        """Key of the row: kind and id."""
        return prekey_place(self.pair.prekey.kind, self.pair.prekey.id)

    def put(self) -> Put:
        """Return the row."""
        row = pack(self.pair.prekey.signed, self.pair.private.expose(), self.record_b, self.contact)
        return Put("prekey", self.key, row)

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> OwnPrekey:
        """Rebuild from the row."""
        signed, private_b, record_b, contact = (octets(one) for one in unpack(row, 4))
        kind_number = place(key, _PREKEY_PLACE_B)[0]
        if kind_number >= len(_KINDS):
            raise StoreCorrupt("a stored row has another place")
        kind = _KINDS[kind_number]
        with stored_parts():
            prekey = SignedPrekey.verify(DeviceRecord.decode(record_b), signed, (kind,))
            private = KemSeed(private_b) if kind.is_kem else DhPrivateKey(private_b)
        return cls(PrekeyPair(prekey, private), record_b, contact)


def prekey_place(kind: PrekeyKind, key_id: int) -> bytes:
    """Return the key of a prekey's row."""
    return bytes((_KINDS.index(kind),)) + key_id.to_bytes(4, "big")


@dataclass(slots=True)
class Message:
    """A text of either side, as the application sees it.

    `position` is its ordinal among the contact's texts, `confirmed` how often a text of theirs was confirmed.
    """

    account_id: AccountId
    message_id: bytes
    outgoing: bool
    text: str = field(repr=False)
    sent_ms: int
    received_ms: int
    state: MessageState
    position: int = 0
    confirmed: int = 0

    @property
    def key(self) -> bytes:
        """Key of the row."""
        return message_place(self.account_id, self.message_id, outgoing=self.outgoing)

    def put(self) -> Put:
        """Return the row."""
        state = _STATES.index(self.state)
        row = pack(self.text, self.sent_ms, self.received_ms, state, self.position, self.confirmed)
        return Put("message", self.key, row)

    @classmethod
    def decode(cls, key: bytes, row: bytes) -> Message:
        """Rebuild from the row."""
        text_, sent_ms, received_ms, state, position, confirmed = unpack(row, 6)
        direction = place(key, 1 + HASH_B + CONTENT_ID_B)[0]
        if direction > 1:
            raise StoreCorrupt("a stored row has another place")
        return cls(
            account_id=AccountId(key[1 : 1 + HASH_B]),
            message_id=key[1 + HASH_B :],
            outgoing=bool(direction),
            text=text(text_),
            sent_ms=number(sent_ms),
            received_ms=number(received_ms),
            state=_state(state),
            position=number(position),
            confirmed=number(confirmed),
        )


def _state(value: cbor.Value) -> MessageState:
    index = number(value)
    if not 0 <= index < len(_STATES):
        raise StoreCorrupt("a stored row has another shape")
    return _STATES[index]


def message_place(account_id: bytes, message_id: bytes, *, outgoing: bool) -> bytes:
    """Return the key of a message's row: direction, account, content id."""
    return bytes((outgoing,)) + account_id + message_id


def named_records(record: DeviceRecord, older_record_b: bytes | None) -> list[DeviceRecord]:
    """Return the records that our list names: the one in use, and an older one with the same keys."""
    return [record] if older_record_b is None else [record, DeviceRecord.decode(older_record_b)]


def check_keys(known: DeviceRecord, record: DeviceRecord) -> None:
    """Refuse another record of a known device with other keys: that is another device (ID-27).

    Raises:
        IdentityMismatch.
    """
    if (known.sign_public, known.dh_public) != (record.sign_public, record.dh_public):
        raise IdentityMismatch("a known device with other keys")


def receipts_row(peer_key: bytes, ids: Sequence[bytes]) -> Put:
    """Return the row of delivered receipts that are due to a device."""
    return Put("meta", RECEIPTS_PREFIX + peer_key, pack(list(ids)))


def decode_receipts(row: bytes) -> list[bytes]:
    """Rebuild the ids from the row."""
    return [octets(item) for item in items(unpack(row, 1)[0])]


def replay_row(replay_key: bytes, ends_ms: int, session_id: bytes) -> Put:
    """Return the row of a first flight that was taken: until when, and its session (HS-09)."""
    return Put("replay", replay_key, ends_ms.to_bytes(_TIME_B, "big") + session_id)


def replay_ends_ms(row: bytes) -> int:
    """Return when the row of a first flight may go."""
    return int.from_bytes(row[:_TIME_B], "big")


def seen_row(prefix: bytes, mailbox_id: bytes, msg_id: bytes) -> Put:
    """Return the row of a message of the relay that was taken, or refused at first sight; all is in its
    key.
    """
    return Put("meta", seen_place(prefix, mailbox_id, msg_id), pack())


def seen_place(prefix: bytes, mailbox_id: bytes, msg_id: bytes) -> bytes:
    """Return the key of that row: what it is, mailbox, the relay's id."""
    return prefix + mailbox_id + msg_id


def decode_seen(prefix: bytes, key: bytes) -> tuple[bytes, bytes]:
    """Return (mailbox id, the relay's id) of a row."""
    both = place(key.removeprefix(prefix), MAILBOX_B + _MSG_ID_B)
    return both[:MAILBOX_B], both[MAILBOX_B:]
