"""Backup and restore of an account: what a backup holds, and the rows of the new device that goes on from it.

A backup holds the account key, the recovery key if it is still known, our device lists, contacts and
history; never ratchet state, never prekeys (SES-12, STO-26). A restored client is a new device of the same
account: it signs itself into the next device list, in the place of the one that made the backup, and makes
sessions, prekeys and mailboxes of its own. The relay is asked for the newest list of an account with a
directory entry before that, so that the chain does not fork.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import UnionType
from typing import Final, NamedTuple, TypeAlias

from e2ee_relay.protocol import (
    ErrorCode,
    ErrorReply,
    FrameError,
    Hello,
    Lookup,
    LookupResult,
    Role,
    decode_frames,
    encode_frames,
)

from e2ee import identity, recovery
from e2ee.constants import DEVICE_LIFE_MS, TOKEN_B
from e2ee.errors import E2eeError
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.ids import AccountId
from e2ee.pair import Pair, Wanted
from e2ee.ports import Rng
from e2ee.secret import AccountKey, RecoveryKey
from e2ee.wire import cbor
from e2ee_client.engine import RowReader, signing_backup
from e2ee_client.engine.own_lists import restored_request
from e2ee_client.engine.own_mailbox import DeliveryToken
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.records import OWN_KEY, Contact, FirstRecovery, Message, Own, OwnDevice
from e2ee_client.engine.row_codec import from_array, to_array
from e2ee_client.engine.upkeep import new_mailbox
from e2ee_client.errors import (
    AccountKeyAbsent,
    BackupCorrupt,
    BackupOutdated,
    ConfigError,
    RelayUnavailable,
    StoreCorrupt,
)
from e2ee_client.events import MessageState
from e2ee_client.rows import Put
from e2ee_client.store import MODERATE, KdfProfile, Passphrase, Store, backup

from .runtime.transport import Connection, Transport

_KIND: Final = "sealroom account"
LOOKUP_TIMEOUT_S: Final = 30.0
MAX_PAGES: Final = 64
MAX_LISTS_BACK: Final = 8
"""How many of our lists before the last one are looked for where a second copy has signed (ID-49)."""
_LATER_FIELDS: Final = 3
"""How many fields of a backup were added at its end; one from before has fewer."""
_Rows: TypeAlias = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Saved:
    """An opened backup, with the record of the device that made it and the newest list it knew."""

    account_key: AccountKey = field(repr=False)
    recovery_key: RecoveryKey | None = field(repr=False)
    record: DeviceRecord
    device_list: DeviceList
    relay_url: str
    name: str | None
    publish: bool
    read_receipts: bool
    lists: _Rows = field(repr=False)
    contacts: _Rows = field(repr=False)
    messages: _Rows = field(repr=False)
    timeline: _Rows = field(repr=False)
    devices: _Rows = field(repr=False)
    company: _Rows = field(default_factory=list, repr=False)
    own_devices: _Rows = field(default_factory=list, repr=False)
    recoveries: _Rows = field(default_factory=list, repr=False)

    @property
    def account_id(self) -> AccountId:
        """The account."""
        return self.record.account_id


def seal(
    store: Store,
    recovery_key: RecoveryKey | None,
    passphrase: str,
    rng: Rng,
    kdf_profile: KdfProfile = MODERATE,
    *,
    account_key: AccountKey | None = None,
) -> bytes:
    """Return the backup file of an open store (STO-24 to STO-26).

    Raises:
        AccountKeyAbsent, ConfigError: as `gather`.
    """
    payload = cbor.encode([_KIND, *to_array(gather(store, recovery_key, account_key))])
    return backup.seal(Passphrase(passphrase), payload, rng, kdf_profile)


def gather(
    store: RowReader, recovery_key: RecoveryKey | None, account_key: AccountKey | None = None
) -> Saved:
    """Return what a backup of a store holds; with the exported account key where it is kept elsewhere.

    Raises:
        AccountKeyAbsent: it is, and was not given; without it nothing could be restored.
        ConfigError: the key of another account.
    """
    own = _own(store)
    key = own.account_key or account_key
    if key is None:
        raise AccountKeyAbsent("a backup needs the account key")
    if identity.account_id_of(key) != own.account_id:
        raise ConfigError("the account key of another account")
    return Saved(
        key,
        recovery_key,
        own.device.record,
        own.device_list,
        own.relay_url,
        own.name,
        own.publish,
        own.read_receipts,
        lists=list(store.items("list")),
        contacts=list(store.items("contact")),
        messages=list(store.items("message")),
        timeline=list(store.items("timeline")),
        devices=[(one.key, one.put().value) for one in _reachable(store)],
        company=signing_backup.saved_rows(store, own.account_id),
        own_devices=[
            (key, row) for key, row in store.items(OwnDevice.TABLE) if key.startswith(OwnDevice.PREFIX)
        ],
        recoveries=[
            (key, row)
            for key, row in store.items(FirstRecovery.TABLE)
            if key.startswith(FirstRecovery.PREFIX)
        ],
    )


def open_(passphrase: str, data: bytes) -> Saved:
    """Open a backup file.

    Raises:
        BackupWrongKey, BackupCorrupt, BackupTooNew: it does not open, or holds something else.
    """
    payload = backup.open_(Passphrase(passphrase), data)
    try:
        return _saved(cbor.decode(payload, len(payload)))
    except (E2eeError, StoreCorrupt):
        raise BackupCorrupt("the file holds no account") from None


def _own(store: RowReader) -> Own:
    row = store.get("account", OWN_KEY)
    if row is None:
        raise StoreCorrupt("the store holds no account")
    return Own.decode(OWN_KEY, row)


def _reachable(store: RowReader) -> Iterator[Peer]:
    """Yield record, address and last prekeys of the devices of contacts that publish nothing (STO-26)."""
    unpublished = {key for key, row in store.items("contact") if not Contact.decode(key, row).published}
    for key, row in store.items("peer"):
        old = Peer.decode(key, row)
        if old.account_id not in unpublished:
            continue
        peer = Peer(old.account_id, old.device_id, old.record, old.way_back, old.way_back_ms)
        given = old.prekeys()
        if given is not None:
            bundle = given.bundle._replace(opks=[], one_time_pqks=[])
            peer.given = {b"": given._replace(bundle=bundle)}
        yield peer


def _saved(value: cbor.Value) -> Saved:
    if not isinstance(value, list) or value[:1] != [_KIND]:
        raise BackupCorrupt("the file holds no account")
    lacks = len(dataclasses.fields(Saved)) - len(value) + 1
    later: list[cbor.Value] = [[] for _ in range(lacks)] if lacks <= _LATER_FIELDS else []
    saved = from_array(Saved, [*value[1:], *later])
    if saved.account_id != identity.account_id_of(saved.account_key):
        raise BackupCorrupt("the file holds the device of another account")
    if saved.account_id != saved.device_list.account_id:
        raise BackupCorrupt("the file holds the device list of another account")
    return saved


# --- the new device ---


class Newest(NamedTuple):
    """What the directory has of our account: lists after the backup's, and the other devices that stay."""

    lists: Sequence[DeviceList] = ()
    others: Sequence[OwnDevice] = ()


def new_rows(
    saved: Saved, newest: Newest, registration_secret: bytes | None, rng: Rng, now_ms: int
) -> list[Put]:
    """Return the rows of a store that goes on with the account.

    Raises:
        NoListNumber: none is left for its first list (ID-46, ACC-70).
    """
    record, newer = saved.record, newest.lists
    device = identity.new_device(
        saved.account_id, record.kind, record.flags, now_ms, now_ms + DEVICE_LIFE_MS, rng
    )
    head = newer[-1] if newer else saved.device_list
    records = [device.record, *(one.record for one in newest.others)]
    device_list = identity.sign_list(saved.account_key, _request(saved, head, records, now_ms, rng))
    own = Own(
        account_id=saved.account_id,
        account_key=saved.account_key,
        device=device,
        device_list=device_list,
        relay_url=saved.relay_url,
        name=saved.name,
        publish=saved.publish,
        read_receipts=saved.read_receipts,
        registration_secret=registration_secret,
    )
    known = [_to_be_greeted(Contact.decode(key, row)) for key, row in saved.contacts]
    return [
        own.put(),
        *(one.put() for one in newest.others),
        *(Put("list", key, row) for key, row in saved.lists),
        *(Put("list", one.seq.to_bytes(8, "big"), one.signed) for one in (*newer, device_list)),
        *(contact.put() for contact in known),
        *(FirstRecovery.decode(key, row).put() for key, row in saved.recoveries),
        *_mailboxes(saved, known, rng),
        *(_settled(Message.decode(key, row)).put() for key, row in saved.messages),
        *(Put("timeline", key, row) for key, row in saved.timeline),
        *signing_backup.restored_rows(saved.company, record.device_id, device.record.device_id, rng),
        *(row for key, peer_b in saved.devices for row in _new_pair(Peer.decode(key, peer_b), now_ms)),
    ]


def _request(saved: Saved, head: DeviceList, records: Sequence[DeviceRecord], now_ms: int, rng: Rng) -> bytes:
    """Return the unsigned bytes of the first list. Without a directory entry nobody knows how many were
    signed since the backup: the number goes far ahead (SES-40).
    """
    if saved.publish:
        return identity.next_list(saved.account_id, head, records, head.recovery_public, now_ms)
    kept = [DeviceList.verify(saved.account_id, row) for _, row in saved.lists]
    return restored_request([*kept, head], records, now_ms, rng)


def _to_be_greeted(contact: Contact) -> Contact:
    """A new device writes to every accepted contact by itself, so that it can be answered (SES-40)."""
    contact.greet = contact.accepted
    return contact


def _new_pair(peer: Peer, now_ms: int) -> Iterator[Put]:
    """Our pair with a device is a new one, and a session is to be started."""
    peer.pair = Pair(wanted=Wanted(now_ms))
    yield peer.put()
    yield peer.put_pair()


def _mailboxes(saved: Saved, contacts: Sequence[Contact], rng: Rng) -> Iterator[Put]:
    """The published mailbox with a token for each contact, or a mailbox for each contact."""
    if not saved.publish:
        yield from (new_mailbox(one.relay_url, one.account_id, rng).put() for one in contacts)
        return
    mailbox = new_mailbox(saved.relay_url, b"", rng)
    yield mailbox.put()
    for one in contacts:
        if one.accepted:
            yield DeliveryToken(mailbox.id, one.account_id, rng(TOKEN_B), False).put()


def _settled(message: Message) -> Message:
    """What still waited when the backup was made is not sent by it: the outbox is not part of a backup."""
    if message.outgoing and message.state is MessageState.QUEUED:
        message.state = MessageState.FAILED
    return message


# --- the newest list ---


async def newest(saved: Saved, transport: Transport) -> Newest:
    """Ask the relay for our lists after the backup's, link by link (ID-07), and for the other devices that
    stay (SES-40); nothing without a directory entry.

    Raises:
        RelayUnavailable: no answer: going on could fork the chain.
        BackupCorrupt: the directory's chain does not continue the backup's.
        BackupOutdated: it does so by a recovery (ACC-71).
    """
    if not saved.publish:
        return Newest()
    try:
        async with asyncio.timeout(LOOKUP_TIMEOUT_S):
            connection = await transport.open(saved.relay_url)
            try:
                return await _ask(connection, saved)
            finally:
                await connection.close()
    except (TimeoutError, FrameError):
        raise RelayUnavailable("the relay does not answer as it should") from None


class _Page(NamedTuple):
    """Lists of the directory, and the last answer, which shows who is in them; None without an entry."""

    lists: list[DeviceList]
    answer: LookupResult | None


async def _ask(connection: Connection, saved: Saved) -> Newest:
    """Look for the newest of our lists that the directory has as well; most often it is the last one. Where
    it has others behind an earlier one, a second copy of the store has signed them; where all that it has
    are later ones, it had lost the entry (ID-49).

    Raises:
        BackupCorrupt, BackupOutdated, RelayUnavailable: as `newest`.
    """
    await answer(connection, Hello)
    kept, page = {one.seq: one for one in _kept(saved)}, _Page([], None)
    for known in sorted(kept.values(), key=lambda one: one.seq, reverse=True)[: 1 + MAX_LISTS_BACK]:
        page = await _after(connection, saved, known.seq - 1)
        if page.answer is None:
            return Newest((), _others(saved, saved.device_list, None))
        is_known = bool(page.lists) and page.lists[0].head == known.head
        found = page.lists[1:] if is_known else page.lists
        _check_not_recovered(known, found)
        if is_known or (found and found[0].seq > saved.device_list.seq):
            newest = found[-1] if found else saved.device_list
            return Newest(found, _others(saved, newest, page.answer))
    if page.lists:
        raise BackupCorrupt("the directory's device lists do not continue the backup's")
    return Newest((), _others(saved, saved.device_list, page.answer))


def _kept(saved: Saved) -> list[DeviceList]:
    """Return the lists of a backup, the newest included."""
    try:
        return [*(DeviceList.verify(saved.account_id, row) for _, row in saved.lists), saved.device_list]
    except E2eeError:
        raise BackupCorrupt("a device list of the backup does not hold") from None


async def _after(connection: Connection, saved: Saved, seq: int) -> _Page:
    """Return the directory's lists with a higher number, each behind the one before (ID-07).

    Raises:
        BackupCorrupt, RelayUnavailable.
    """
    found: list[DeviceList] = []
    for _ in range(MAX_PAGES):
        last = found[-1].seq if found else seq
        await connection.send(encode_frames([Lookup(last + 1, saved.account_id, last)]))
        frame = await answer(connection, LookupResult | ErrorReply)
        if isinstance(frame, ErrorReply) and frame.code is ErrorCode.NOT_FOUND:
            return _Page(found, None)
        if not isinstance(frame, LookupResult):
            raise RelayUnavailable("the relay refuses to look up the account")
        for signed in frame.lists:
            found.append(_following(saved, found, signed))
        if not frame.more or not frame.lists:
            return _Page(found, frame)
    raise RelayUnavailable("the relay has no end of device lists")


def _following(saved: Saved, found: Sequence[DeviceList], signed: bytes) -> DeviceList:
    """Return the next list of the directory (ID-07)."""
    try:
        following = DeviceList.verify(saved.account_id, signed)
        if found:
            identity.check_link(found[-1].head, following)
    except E2eeError:
        raise BackupCorrupt("the directory's device lists do not follow one another") from None
    return following


def _check_not_recovered(known: DeviceList, following: Sequence[DeviceList]) -> None:
    """Refuse a backup from before a recovery, which leaves out numbers (ACC-71)."""
    for before, after in itertools.pairwise((known, *following)):
        if recovery.is_recovered(after) and after.seq > before.seq + 1:
            raise BackupOutdated("the account was recovered after the backup was made")


def _others(saved: Saved, device_list: DeviceList, frame: LookupResult | None) -> list[OwnDevice]:
    """Return the devices that both the backup's list and the newest one name, by the directory's records or
    those in the backup: a relay that shows none of them leaves nobody out.

    The one that made the backup is struck off, and so are one that was restored from it before, and whoever
    was being struck off (SES-40, ID-28).
    """
    kept = [OwnDevice.decode(key, row) for key, row in saved.own_devices]
    leaving = {one.record_hash for one in kept if one.leaving}
    known = {one.record_hash: replace(one, listed=True) for one in kept}
    try:
        for record_b, signed in () if frame is None else zip(frame.records, frame.addresses, strict=False):
            record = DeviceRecord.decode(record_b)
            if signed is not None:
                identity.verify_address(record, signed)
            known[record.hash] = OwnDevice(record.hash, record, signed, listed=True)
    except E2eeError:
        raise BackupCorrupt("the directory's devices are not those of our list") from None
    named = set(saved.device_list.record_hashes) & set(device_list.record_hashes) - leaving
    device_id = saved.record.device_id
    return [one for key, one in known.items() if key in named and one.record.device_id != device_id]


async def answer(connection: Connection, kind: type | UnionType) -> object:
    """Return the next frame of a kind."""
    while True:
        for frame in decode_frames(await connection.receive(), Role.CLIENT):
            if isinstance(frame, kind):
                return frame
