"""PUBLISH, LOOKUP and the prekeys: what an account wants to be found by."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

import cbor2

from .entry import (
    USAGE_ONE_TIME,
    USAGE_REUSABLE,
    Device,
    Entry,
    EntryError,
    StaleEntry,
    check_devices,
    check_lists,
    parse_prekey,
)
from .mailbox import Connection, Mailbox
from .protocol import (
    MAX_LISTS,
    ErrorCode,
    Lookup,
    LookupResult,
    LowPrekeys,
    PrekeysBundle,
    PrekeysCount,
    PrekeysFetch,
    PrekeysStock,
    PrekeysUpload,
    Publish,
    TokenClass,
    pow_context_fetch,
    pow_is_enough,
    token_hash,
)
from .state import RelayState
from .store.changes import (
    DropMailbox,
    ListRow,
    NoPrekeys,
    PrekeyRow,
    PutEntry,
    PutPrekeys,
    ReadLists,
    ReadStock,
    Result,
    Stock,
    StockFull,
    TakenPrekeys,
    TakePrekeys,
)
from .store.prekeys import ML_KEM_768, X25519

_RETRY_BUSY_MS: Final = 200
_RETRY_STOCK_MS: Final = 60_000


class Directory:
    """Keeps entries and hands out prekeys."""

    def __init__(self, state: RelayState) -> None:
        self._state = state
        self._busy: set[bytes] = set()  # accounts with a publication on its way to the disk

    # --- entries ---

    def publish(self, connection: Connection, frame: Publish, now_ms: int) -> None:
        """Check an entry and put it (RLY-50 to RLY-54)."""
        state, account_id = self._state, frame.account_id
        held = state.entries.get(account_id)
        if account_id in state.blocked:
            state.refuse(connection, frame.request_id, ErrorCode.DENIED)
            return
        if account_id in self._busy:
            state.refuse(connection, frame.request_id, ErrorCode.UNAVAILABLE, _RETRY_BUSY_MS)
            return
        try:
            lists = check_lists(account_id, frame.lists, held, self._state.wall_ms(now_ms))
            head = lists[-1] if lists or held is None else held.head
            entry = Entry(head, check_devices(head, frame.records, frame.addresses, held))
        except EntryError:
            state.refuse(connection, frame.request_id, ErrorCode.BAD_ENTRY)
            return
        except StaleEntry:
            state.refuse(connection, frame.request_id, ErrorCode.STALE_ENTRY)
            return
        if not self._may_publish(connection, entry, held):
            state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        rows = tuple(ListRow(account_id, one.seq, one.encoded) for one in lists)
        self._busy.add(account_id)
        state.submit(
            PutEntry(account_id, rows, entry.rows()), self._published(connection, frame.request_id, entry)
        )

    def _may_publish(self, connection: Connection, entry: Entry, held: Entry | None) -> bool:
        named = entry.mailboxes() | (set() if held is None else held.mailboxes())
        return any(self._state.owned(connection, address) is not None for address in named)

    def _published(
        self, connection: Connection, request_id: int, entry: Entry
    ) -> Callable[[Result, int], None]:
        def then(result: Result, _now_ms: int) -> None:
            self._busy.discard(entry.head.account_id)
            if result is None:
                self._state.entries.put(entry)
            self._state.answer_done(connection, request_id, result)

        return then

    def lookup(self, connection: Connection, frame: Lookup, now_ms: int) -> None:
        """Read the chain of an account (RLY-55, RLY-56)."""
        state = self._state
        wait_ms = state.charge_question(connection, "lookups", now_ms)
        if wait_ms:
            state.refuse(connection, frame.request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return
        entry = state.entry(frame.account_id)
        if entry is None:
            state.refuse(connection, frame.request_id, ErrorCode.NOT_FOUND)
            return
        after_seq = min(frame.after_seq, entry.head.seq)
        change = ReadLists(frame.account_id, after_seq, MAX_LISTS + 1)
        state.submit(change, self._found(connection, frame.request_id, entry))

    def _found(self, connection: Connection, request_id: int, entry: Entry) -> Callable[[Result, int], None]:
        def then(result: Result, _now_ms: int) -> None:
            if not isinstance(result, list):
                self._state.unavailable(connection, request_id)
                return
            lists = tuple(one for one in result[:MAX_LISTS] if isinstance(one, bytes))
            self._state.transmit(
                connection,
                LookupResult(
                    request_id,
                    lists=lists,
                    records=tuple(device.record for device in entry.devices),
                    addresses=tuple(device.address for device in entry.devices),
                    more=len(result) > MAX_LISTS,
                ),
            )

        return then

    def removal_of(self, mailbox: Mailbox) -> DropMailbox:
        """Return the change that deletes a mailbox and what its devices have by it (RLY-27)."""
        devices = self._state.entries.devices_of(mailbox.address)
        hashes = tuple(device.record_hash for _, device in devices)
        return DropMailbox(mailbox.no, hashes, tuple(mailbox.rows()))

    def forget_mailbox(self, address: bytes) -> None:
        """Take the address out of the entries that name a deleted mailbox (RLY-27)."""
        for entry, _ in self._state.entries.devices_of(address):
            devices = tuple(
                Device(one.record_hash, one.record, None, None, 0) if one.mailbox == address else one
                for one in entry.devices
            )
            self._state.entries.put(Entry(entry.head, devices))

    # --- prekeys ---

    def _owned_device(self, connection: Connection, account_id: bytes, record_hash: bytes) -> Device | None:
        entry = self._state.entry(account_id)
        device = None if entry is None else entry.device(record_hash)
        if device is None or device.mailbox is None:
            return None
        return device if self._state.owned(connection, device.mailbox) is not None else None

    def upload(self, connection: Connection, frame: PrekeysUpload, now_ms: int) -> None:
        """Store prekeys of an own device (RLY-60 to RLY-62)."""
        state = self._state
        if self._owned_device(connection, frame.account_id, frame.record_hash) is None:
            state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        try:
            reusable, one_time = parse_upload(frame, self._state.wall_ms(now_ms))
        except EntryError:
            state.refuse(connection, frame.request_id, ErrorCode.BAD_REQUEST)
            return
        change = PutPrekeys(frame.record_hash, reusable, one_time, state.policy.max_one_time_keys)
        state.submit(change, self._stock_answer(connection, frame.request_id))

    def count(self, connection: Connection, frame: PrekeysCount, _now_ms: int) -> None:
        """Tell the stock of an own device (RLY-60)."""
        if self._owned_device(connection, frame.account_id, frame.record_hash) is None:
            self._state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return
        self._state.submit(ReadStock(frame.record_hash), self._stock_answer(connection, frame.request_id))

    def _stock_answer(self, connection: Connection, request_id: int) -> Callable[[Result, int], None]:
        def then(result: Result, _now_ms: int) -> None:
            if isinstance(result, Stock):
                self._state.transmit(connection, stock_frame(request_id, result))
            elif isinstance(result, StockFull):
                self._state.refuse(connection, request_id, ErrorCode.QUOTA, _RETRY_STOCK_MS)
            else:
                self._state.unavailable(connection, request_id)

        return then

    def fetch(self, connection: Connection, frame: PrekeysFetch, now_ms: int) -> None:
        """Hand out a bundle, each one-time key once (RLY-63 to RLY-66, RLY-164)."""
        state = self._state
        wait_ms = state.charge_question(connection, "fetches", now_ms)
        if wait_ms:
            state.refuse(connection, frame.request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return
        found = self._reachable(frame)
        if found is None:
            state.refuse(connection, frame.request_id, ErrorCode.DENIED)
            return
        context = pow_context_fetch(connection.nonce, frame.account_id, frame.record_hash)
        if not pow_is_enough(context, frame.pow, state.policy.pow_bits_fetch):
            state.refuse(connection, frame.request_id, ErrorCode.POW_REQUIRED)
            return
        entry, device, mailbox = found
        if entry.head.expires_ms <= state.wall_ms(now_ms):
            # Whoever asks would refuse the list: a one-time key would be spent for nothing.
            state.refuse(connection, frame.request_id, ErrorCode.NO_PREKEYS)
            return
        granted = state.grants_one_time_keys(frame.record_hash, now_ms)
        if not granted and state.may_tell_held_back(frame.record_hash, now_ms):
            self._tell(mailbox, entry, device, 0, 0)
        then = self._handed_out(connection, frame.request_id, entry, device, mailbox, granted)
        state.submit(TakePrekeys(frame.record_hash, state.wall_ms(now_ms), granted), then)

    def _reachable(self, frame: PrekeysFetch) -> tuple[Entry, Device, Mailbox] | None:
        hashed = token_hash(frame.token)
        entry = self._state.entry(frame.account_id)
        device = None if entry is None else entry.device(frame.record_hash)
        mailbox = None if device is None or device.mailbox is None else self._state.mailbox(device.mailbox)
        token = None if mailbox is None else mailbox.tokens.get(hashed)
        if entry is None or device is None or mailbox is None or token is None:
            return None
        return (entry, device, mailbox) if token.token_class is TokenClass.FRONT_DOOR else None

    def _handed_out(
        self,
        connection: Connection,
        request_id: int,
        entry: Entry,
        device: Device,
        mailbox: Mailbox,
        granted: bool,
    ) -> Callable[[Result, int], None]:
        def then(result: Result, _now_ms: int) -> None:
            if isinstance(result, NoPrekeys):
                self._state.refuse(connection, request_id, ErrorCode.NO_PREKEYS)
            elif isinstance(result, TakenPrekeys):
                self._state.counters["bundles"] += 1
                self._state.counters["bundles_last_resort"] += not result.kem_is_one_time
                self._state.transmit(connection, bundle_frame(request_id, entry, device, result))
                if granted:
                    self._warn(mailbox, entry, device, result.left_x25519, result.left_kem)
            else:
                self._state.unavailable(connection, request_id)

        return then

    def _warn(self, mailbox: Mailbox, entry: Entry, device: Device, x25519: int, kem: int) -> None:
        if min(x25519, kem) < self._state.policy.low_prekeys:
            self._tell(mailbox, entry, device, x25519, kem)

    def _tell(self, mailbox: Mailbox, entry: Entry, device: Device, x25519: int, kem: int) -> None:
        if mailbox.subscription is not None:
            self._state.counters["low_prekeys"] += 1
            frame = LowPrekeys(0, entry.head.account_id, device.record_hash, x25519, kem)
            self._state.transmit(mailbox.subscription.connection, frame)

    def warn_if_low(self, mailbox: Mailbox) -> None:
        """Look after the stock of the devices behind a mailbox that was just subscribed (RLY-67)."""
        for entry, device in self._state.entries.devices_of(mailbox.address):
            self._state.submit(ReadStock(device.record_hash), self._warning(mailbox, entry, device))

    def _warning(self, mailbox: Mailbox, entry: Entry, device: Device) -> Callable[[Result, int], None]:
        def then(result: Result, _now_ms: int) -> None:
            if isinstance(result, Stock):
                self._warn(mailbox, entry, device, result.one_time_x25519, result.one_time_kem)

        return then


def parse_upload(frame: PrekeysUpload, now_ms: int) -> tuple[tuple[PrekeyRow, ...], tuple[PrekeyRow, ...]]:
    def parse(encoded: bytes, key_type: int, usage: int) -> PrekeyRow:
        return parse_prekey(encoded, frame.account_id, frame.record_hash, key_type, usage, now_ms)

    reusable = [
        parse(encoded, key_type, USAGE_REUSABLE)
        for encoded, key_type in ((frame.signed_prekey, X25519), (frame.last_resort, ML_KEM_768))
        if encoded is not None
    ]
    one_time: list[PrekeyRow] = []
    for batch, key_type in ((frame.one_time_x25519, X25519), (frame.one_time_kem, ML_KEM_768)):
        rows = [parse(encoded, key_type, USAGE_ONE_TIME) for encoded in batch]
        if any(a.key_id >= b.key_id for a, b in pairwise(rows)):
            raise EntryError("ids do not ascend")
        one_time += rows
    return tuple(reusable), tuple(one_time)


def stock_frame(request_id: int, stock: Stock) -> PrekeysStock:
    return PrekeysStock(
        request_id,
        one_time_x25519=stock.one_time_x25519,
        one_time_kem=stock.one_time_kem,
        highest_x25519_id=stock.highest_x25519_id,
        highest_kem_id=stock.highest_kem_id,
        signed_prekey_id=stock.signed_prekey_id,
        last_resort_id=stock.last_resort_id,
    )


def bundle_frame(request_id: int, entry: Entry, device: Device, taken: TakenPrekeys) -> PrekeysBundle:
    bundle = {
        1: device.record,
        2: entry.head.encoded,
        3: taken.signed_prekey,
        4: taken.one_time_x25519,
        5: taken.kem,
    }
    return PrekeysBundle(
        request_id,
        bundle=cbor2.dumps(bundle),
        one_time_x25519=taken.one_time_x25519 is not None,
        one_time_kem=taken.kem_is_one_time,
    )
