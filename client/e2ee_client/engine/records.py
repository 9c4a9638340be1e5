"""Rows of the account, mailboxes, contacts, prekeys and texts, each with its stored form (STO-08)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from e2ee.constants import CONTENT_ID_B, DEVICE_ID_B, HASH_B, KEY_B, MAILBOX_B
from e2ee.errors import IdentityMismatch
from e2ee.identity import DeviceList, DeviceRecord, ListHead, OurDevice
from e2ee.ids import AccountId, RecordHash, SessionId
from e2ee.prekeys import PrekeyKind, PrekeyPair, SignedPrekey
from e2ee.primitives.kem import DecapsulationKey
from e2ee.secret import AccountKey, DhPrivateKey, InviteSecret
from e2ee_client.errors import AccountKeyAbsent, StoreCorrupt
from e2ee_client.events import MessageState
from e2ee_client.rows import Put

from .row_codec import Row, stored_parts

OWN_KEY: Final = b"own"
_MSG_ID_B: Final = 16
_SPK_ID_B: Final = 4
_PEER_KEY_B: Final = HASH_B + DEVICE_ID_B
_KINDS: Final = tuple(PrekeyKind)


@dataclass(slots=True)
class Own(Row):
    """Our account and device. `account_key` is absent where it is kept offline (ID-12).

    `older_record` is a record with the same keys under which sessions were made. `replaced` says that our
    own list no longer names this device. `record_anew` asks for a new record of this device (SES-32).
    `stock_id` is the newest id of a published one-time key; the other `stock_*` count the one-time keys
    that were made, and those that flights have named, since `stock_since_ms` (SES-35).
    """

    TABLE = "account"
    PREFIX = OWN_KEY
    account_id: AccountId
    account_key: AccountKey | None = field(repr=False)
    device: OurDevice
    device_list: DeviceList
    relay_url: str
    name: str | None
    publish: bool
    read_receipts: bool
    registration_secret: bytes | None = field(repr=False)
    older_record: DeviceRecord | None = None
    published_seq: int = 0
    replaced: bool = False
    record_anew: bool = False
    stock_id: int = 0
    stock_since_ms: int = 0
    stock_made: int = 0
    stock_named: int = 0


@dataclass(slots=True)
class Contact(Row):
    """An account that we know. `head` is its pinned device list head, `signed_list` that list (ID-07).

    `looked_up_ms` is when the directory was asked last; `greet` says that a session with each of its
    devices is to be started without a text, as after a restore (SES-40).
    """

    TABLE = "contact"
    KEY = (("account_id", HASH_B),)
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


@dataclass(slots=True)
class ForkedLists(Row):
    """Signed lists of a contact that part from its pinned one: those of the alarm that stands, and those
    that were known when a person verified the account, with the one that was pinned then (ID-52).
    """

    TABLE = "meta"
    PREFIX = b"forked:"
    KEY = (("account_id", HASH_B),)
    account_id: AccountId
    settled: list[bytes] = field(default_factory=list)
    unsettled: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class FirstRecovery(Row):
    """The recovery key of a contact, once a later list of it names another one or none (ID-64)."""

    TABLE = "meta"
    PREFIX = b"first recovery:"
    KEY = (("account_id", HASH_B),)
    account_id: AccountId
    recovery_public: bytes


@dataclass(frozen=True, slots=True)
class OwnPrekey:
    """A prekey of ours with the record that it was signed under (HS-06).

    `contact` is whom it was given to, empty for what a published account offers to everybody (ID-38).
    """

    pair: PrekeyPair
    record: DeviceRecord
    contact: bytes

    def put(self) -> Put:
        """Return the row."""
        prekey, private = self.pair.prekey, self.pair.private.expose()
        kind = _KINDS.index(prekey.kind)
        return _PrekeyRow(kind, prekey.id, prekey.signed, private, self.record, self.contact).put()

    @property
    def key(self) -> bytes:
        """Key of the row."""
        return prekey_place(self.pair.prekey.kind, self.pair.prekey.id)

    @classmethod
    def decode(cls, key: bytes, value: bytes) -> OwnPrekey:
        """Rebuild from the row."""
        row = _PrekeyRow.decode(key, value)
        if row.kind >= len(_KINDS):
            raise StoreCorrupt("a stored row has another place")
        kind = _KINDS[row.kind]
        with stored_parts():
            prekey = SignedPrekey.verify(row.record, row.signed, (kind,))
            private = (DecapsulationKey if kind.is_kem else DhPrivateKey)(row.private_b)
        return cls(PrekeyPair(prekey, private), row.record, row.contact)


@dataclass(slots=True)
class _PrekeyRow(Row):
    TABLE = "prekey"
    KEY = (("kind", 1), ("id", 4))
    kind: int
    id: int
    signed: bytes
    private_b: bytes = field(repr=False)
    record: DeviceRecord
    contact: bytes


def prekey_place(kind: PrekeyKind, key_id: int) -> bytes:
    """Return the key of a prekey's row."""
    return _PrekeyRow.key_of(_KINDS.index(kind), key_id)


@dataclass(slots=True)
class RefusedKeys(Row):
    """The lowest id of the one-time keys in our last upload, if the relay has refused that (ID-50)."""

    TABLE = "meta"
    PREFIX = b"refused upload"
    least_id: int


@dataclass(slots=True)
class UploadedPrekeys(Row):
    """The record of this device under which the relay has said to have prekeys; no row before (ID-60)."""

    TABLE = "meta"
    PREFIX = b"uploaded prekeys"
    record_hash: bytes


@dataclass(slots=True)
class HeldEntry(Row):
    """Since when our directory entry waits, and when that was told; no row where it does not (ID-59)."""

    TABLE = "meta"
    PREFIX = b"held entry"
    since_ms: int
    told_ms: int | None = None


@dataclass(slots=True)
class Message(Row):
    """A text of either side, as the application sees it.

    `position` is its ordinal among the contact's texts, `confirmed` how often a text of theirs was confirmed.
    """

    TABLE = "message"
    KEY = (("outgoing", 1), ("account_id", HASH_B), ("message_id", CONTENT_ID_B))
    account_id: AccountId
    message_id: bytes
    outgoing: bool
    text: str = field(repr=False)
    sent_ms: int
    received_ms: int
    state: MessageState
    position: int = 0
    confirmed: int = 0


@dataclass(slots=True)
class DueReceipts(Row):
    """What a device is still to be told of its texts: the ids of those that were delivered (CON-04)."""

    TABLE = "meta"
    PREFIX = b"receipts:"
    KEY = (("peer_key", _PEER_KEY_B),)
    peer_key: bytes
    ids: list[bytes]


@dataclass(slots=True)
class TakenFlight(Row):
    """A first flight that was taken: until when a copy is known as one, and its session (HS-09)."""

    TABLE = "replay"
    KEY = (("replay_key", _SPK_ID_B + KEY_B),)
    replay_key: bytes
    ends_ms: int
    session_id: SessionId


@dataclass(slots=True)
class HeldContent(Row):
    """A content of a contact whose list is past its end, as it came (ID-36)."""

    TABLE = "held"
    KEY = (("peer_key", _PEER_KEY_B), ("content_id", CONTENT_ID_B))
    peer_key: bytes
    content_id: bytes
    held_ms: int
    session_id: SessionId
    encoded: bytes = field(repr=False)


@dataclass(slots=True)
class NextList(Row):
    """A list of ours that was signed and is not in use yet, with the record that its device has in it."""

    TABLE = "meta"
    PREFIX = b"next list"
    record: DeviceRecord
    older_record: DeviceRecord | None
    device_list: DeviceList

    def records(self) -> list[DeviceRecord]:
        """Return the records that the list names."""
        return named_records(self.record, self.older_record)


@dataclass(slots=True)
class TakenId(Row):
    """The relay's id of a message that was taken (SES-18)."""

    TABLE = "meta"
    PREFIX = b"taken:"
    KEY = (("mailbox_id", MAILBOX_B), ("msg_id", _MSG_ID_B))
    mailbox_id: bytes
    msg_id: bytes


class RefusedId(TakenId):
    """The relay's id of a message that did not open when it first came (SES-41)."""

    __slots__ = ()
    PREFIX = b"refused:"


@dataclass(slots=True)
class OwnDevice(Row):
    """A record of another device of our account (ID-41).

    `address` is the one in the directory; `listed` says that the list in use names the record, `leaving` that
    the next one is not to. `owed`: the device has still to be given our rooms (ACC-52).
    """

    TABLE = "meta"
    PREFIX = b"device:"
    KEY = (("record_hash", HASH_B),)
    record_hash: RecordHash
    record: DeviceRecord
    address: bytes | None = None
    listed: bool = False
    leaving: bool = False
    owed: bool = False


@dataclass(slots=True)
class StoppedCopy(Row):
    """When it was found that a second copy of this store has signed for the account (ID-48)."""

    TABLE = "meta"
    PREFIX = b"stopped copy"
    found_ms: int


@dataclass(slots=True)
class AskedDevice(Row):
    """A device that a person has confirmed, and that a list signed elsewhere is to name (ACC-42).

    `mailbox`, `token` and `secret` are those of its invite, by which it is told; it waits for a day from
    `asked_ms`. The rest is for its card.
    """

    TABLE = "meta"
    PREFIX = b"asked device"
    record: DeviceRecord
    asked_ms: int
    mailbox: bytes
    token: bytes = field(repr=False)
    secret: InviteSecret = field(repr=False)
    name: str = field(repr=False)
    languages: list[str]
    teams: list[str]


def account_key_of(own: Own) -> AccountKey:
    """Return the account key.

    Raises:
        AccountKeyAbsent: it is kept elsewhere.
    """
    if own.account_key is None:
        raise AccountKeyAbsent("the account key is not on this device")
    return own.account_key


def named_records(record: DeviceRecord, older_record: DeviceRecord | None) -> list[DeviceRecord]:
    """Return the records that our list names: the one in use, and an older one with the same keys."""
    return [record] if older_record is None else [record, older_record]


def is_same_device(known: DeviceRecord, record: DeviceRecord) -> bool:
    """Whether two records are of one device: its id stands for one pair of keys (ID-27)."""
    keys = (known.device_id, known.sign_public, known.dh_public)
    return keys == (record.device_id, record.sign_public, record.dh_public)


def check_keys(known: DeviceRecord, record: DeviceRecord) -> None:
    """Refuse another record of a known device with other keys: that is another device (ID-27).

    Raises:
        IdentityMismatch.
    """
    if not is_same_device(known, record):
        raise IdentityMismatch("a known device with other keys")
