"""PUBLISH, LOOKUP and the prekeys on a node."""

from __future__ import annotations

from typing import Final

from e2ee_relay.entry import Entry, EntryError, StaleEntry, check_devices, check_lists, entry_from_rows
from e2ee_relay.protocol import (
    MAX_LISTS,
    ErrorCode,
    Lookup,
    LookupResult,
    PrekeysCount,
    PrekeysFetch,
    PrekeysUpload,
    Publish,
    TokenClass,
    pow_context_fetch,
    pow_is_enough,
    token_hash,
)
from e2ee_relay.rules_directory import parse_upload
from e2ee_relay.store.changes import (
    ListRow,
    NoPrekeys,
    PutPrekeys,
    ReadLists,
    ReadStock,
    Result,
    Stock,
    StockFull,
    StoreFailure,
    TakenPrekeys,
    TakePrekeys,
)
from e2ee_relay.store.shared import (
    FindMailboxes,
    FindTokens,
    HeldEntry,
    Outdated,
    ReadEntry,
    ReplaceEntry,
)

from .answering import bundle_frame, stock_frame
from .delivering import NodeDelivery
from .state import NodeConnection, NodeState, Steps

_RETRY_BUSY_MS: Final = 200
_RETRY_STOCK_MS: Final = 60_000
_ATTEMPTS: Final = 3
_NOBODY: Final = bytes(16)


class NodeDirectory:
    """Keeps entries and hands out prekeys."""

    def __init__(self, state: NodeState, delivery: NodeDelivery) -> None:
        self._state = state
        self._delivery = delivery

    def _entry(self, account_id: bytes) -> Steps:
        """Return version and entry of an account, (0, None) if there is none, or a failure."""
        held = yield ReadEntry(account_id)
        if not isinstance(held, HeldEntry):
            return StoreFailure("the entry could not be read")
        entry = None if held.head is None else entry_from_rows(held.head, list(held.devices))
        return held.version, entry

    # --- entries ---

    def publish(self, connection: NodeConnection, frame: Publish) -> Steps:
        """Check an entry against the one held and replace that one, and no other (RLY-50 to RLY-54)."""
        state, request_id = self._state, frame.request_id
        if frame.account_id in state.blocked:
            state.refuse(connection, request_id, ErrorCode.DENIED)
            return
        for _ in range(_ATTEMPTS):
            found = yield from self._entry(frame.account_id)
            if isinstance(found, StoreFailure):
                state.unavailable(connection, request_id)
                return
            version, held = found
            change = yield from self._checked(connection, frame, version, held)
            if not isinstance(change, ReplaceEntry):
                state.refuse(connection, request_id, change)
                return
            result = yield change
            if not isinstance(result, Outdated):
                state.answer_done(connection, request_id, result)
                return
        state.refuse(connection, request_id, ErrorCode.UNAVAILABLE, _RETRY_BUSY_MS)

    def _checked(self, connection: NodeConnection, frame: Publish, version: int, held: Entry | None) -> Steps:
        """Return the change that puts the entry, or the code of its refusal."""
        try:
            lists = check_lists(frame.account_id, frame.lists, held, self._state.wall_ms(self._state.now_ms))
            head = lists[-1] if lists or held is None else held.head
            entry = Entry(head, check_devices(head, frame.records, frame.addresses, held))
        except EntryError:
            return ErrorCode.BAD_ENTRY
        except StaleEntry:
            return ErrorCode.STALE_ENTRY
        named = entry.mailboxes() | (set() if held is None else held.mailboxes())
        owned = {one: self._state.key_of(connection, one) for one in named}
        standing = yield FindMailboxes(tuple(one for one, key in owned.items() if key is not None))
        if isinstance(standing, StoreFailure):
            return ErrorCode.UNAVAILABLE
        if not any(one.owner_pub == owned[address] for address, one in standing.items()):
            return ErrorCode.NOT_AUTHENTICATED
        rows = tuple(ListRow(frame.account_id, one.seq, one.encoded) for one in lists)
        mailboxes = [device.mailbox for device in entry.devices]
        return ReplaceEntry(frame.account_id, version, rows, tuple(zip(entry.rows(), mailboxes, strict=True)))

    def lookup(self, connection: NodeConnection, frame: Lookup) -> Steps:
        """Read the chain of an account (RLY-55, RLY-56)."""
        state, request_id, now_ms = self._state, frame.request_id, self._state.now_ms
        wait_ms = state.charge_question(connection, "lookups", now_ms)
        if wait_ms:
            state.refuse(connection, request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return
        found = yield from self._entry(frame.account_id)
        if isinstance(found, StoreFailure):
            state.unavailable(connection, request_id)
            return
        entry = None if frame.account_id in state.blocked else found[1]
        if entry is None:
            state.refuse(connection, request_id, ErrorCode.NOT_FOUND)
            return
        after_seq = min(frame.after_seq, entry.head.seq)
        lists = yield ReadLists(frame.account_id, after_seq, MAX_LISTS + 1)
        if not isinstance(lists, list):
            state.unavailable(connection, request_id)
            return
        answer = LookupResult(
            request_id,
            lists=tuple(lists[:MAX_LISTS]),
            records=tuple(device.record for device in entry.devices),
            addresses=tuple(device.address for device in entry.devices),
            more=len(lists) > MAX_LISTS,
        )
        state.transmit(connection, answer)

    # --- prekeys ---

    def upload(self, connection: NodeConnection, frame: PrekeysUpload) -> Steps:
        """Store prekeys of an own device (RLY-60 to RLY-62)."""
        state, request_id = self._state, frame.request_id
        if (yield from self._is_own_device(connection, frame)):
            try:
                reusable, one_time = parse_upload(frame, state.wall_ms(state.now_ms))
            except EntryError:
                state.refuse(connection, request_id, ErrorCode.BAD_REQUEST)
                return
            most = state.policy.max_one_time_keys
            result = yield PutPrekeys(frame.record_hash, reusable, one_time, most)
            self._answer_stock(connection, request_id, result)

    def count(self, connection: NodeConnection, frame: PrekeysCount) -> Steps:
        """Tell the stock of an own device (RLY-60)."""
        if (yield from self._is_own_device(connection, frame)):
            result = yield ReadStock(frame.record_hash)
            self._answer_stock(connection, frame.request_id, result)

    def _is_own_device(self, connection: NodeConnection, frame: PrekeysUpload | PrekeysCount) -> Steps:
        """Tell whether the device is reached by a mailbox of this connection; refuse the request if not."""
        state = self._state
        found = yield from self._entry(frame.account_id)
        if isinstance(found, StoreFailure):
            state.unavailable(connection, frame.request_id)
            return False
        entry = None if frame.account_id in state.blocked else found[1]
        device = None if entry is None else entry.device(frame.record_hash)
        if device is None or device.mailbox is None or state.key_of(connection, device.mailbox) is None:
            state.refuse(connection, frame.request_id, ErrorCode.NOT_AUTHENTICATED)
            return False
        return True

    def _answer_stock(self, connection: NodeConnection, request_id: int, result: Result) -> None:
        if isinstance(result, Stock):
            self._state.transmit(connection, stock_frame(request_id, result))
        elif isinstance(result, StockFull):
            self._state.refuse(connection, request_id, ErrorCode.QUOTA, _RETRY_STOCK_MS)
        else:
            self._state.unavailable(connection, request_id)

    def fetch(self, connection: NodeConnection, frame: PrekeysFetch) -> Steps:
        """Hand out a bundle, each one-time key once over all nodes (RLY-63 to RLY-66, RLY-164)."""
        state, request_id = self._state, frame.request_id
        wait_ms = state.charge_question(connection, "fetches", state.now_ms)
        if wait_ms:
            state.refuse(connection, request_id, ErrorCode.RATE_LIMITED, wait_ms)
            return
        found = yield from self._entry(frame.account_id)
        hashed = token_hash(frame.token)
        entry = None if isinstance(found, StoreFailure) or frame.account_id in state.blocked else found[1]
        device = None if entry is None else entry.device(frame.record_hash)
        mailbox = None if device is None or device.mailbox in state.blocked else device.mailbox
        # The same two questions, whatever is unknown (RLY-65).
        standing = yield FindTokens(((mailbox or _NOBODY, hashed),))
        if isinstance(found, StoreFailure) or isinstance(standing, StoreFailure):
            state.unavailable(connection, request_id)
            return
        if (
            entry is None
            or device is None
            or mailbox is None
            or standing[0].token_class != TokenClass.FRONT_DOOR
        ):
            state.refuse(connection, request_id, ErrorCode.DENIED)
            return
        code = self._may_take(connection, frame, entry)
        if code is not ErrorCode.OK:
            state.refuse(connection, request_id, code)
            return
        granted = state.grants_one_time_keys(frame.record_hash, state.now_ms)
        taken = yield TakePrekeys(frame.record_hash, state.wall_ms(state.now_ms), granted)
        if isinstance(taken, NoPrekeys):
            state.refuse(connection, request_id, ErrorCode.NO_PREKEYS)
        elif isinstance(taken, TakenPrekeys):
            state.counters["bundles"] += 1
            state.counters["bundles_last_resort"] += not taken.kem_is_one_time
            state.transmit(connection, bundle_frame(request_id, entry, device, taken))
            if self._is_to_be_told(frame.record_hash, taken, granted=granted):
                yield from self._delivery.warn_elsewhere(mailbox, hashed, held_back=not granted)
        else:
            state.unavailable(connection, request_id)

    def _may_take(self, connection: NodeConnection, frame: PrekeysFetch, entry: Entry) -> ErrorCode:
        state, now_ms = self._state, self._state.now_ms
        context = pow_context_fetch(connection.nonce, frame.account_id, frame.record_hash)
        if not pow_is_enough(context, frame.pow, state.policy.pow_bits_fetch):
            return ErrorCode.POW_REQUIRED
        # Whoever asks would refuse an expired list: a one-time key would be spent for nothing.
        return ErrorCode.NO_PREKEYS if entry.head.expires_ms <= state.wall_ms(now_ms) else ErrorCode.OK

    def _is_to_be_told(self, record_hash: bytes, taken: TakenPrekeys, *, granted: bool) -> bool:
        state = self._state
        if not granted:
            return state.may_tell_held_back(record_hash, state.now_ms)
        return min(taken.left_x25519, taken.left_kem) < state.policy.low_prekeys
