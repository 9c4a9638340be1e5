"""What the relay decides about entries and prekeys: PUBLISH, LOOKUP and the prekey operations."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

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
from .limits import Policy, Publishing
from .protocol import (
    MAX_LISTS,
    ErrorCode,
    Lookup,
    LookupResult,
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
from .store.api import (
    DAY_MS,
    ML_KEM_768,
    UNAVAILABLE,
    X25519,
    Box,
    HandedOut,
    MailboxView,
    Op,
    PrekeyRow,
    Refusal,
    Stock,
    Stocks,
    View,
)

if TYPE_CHECKING:
    from .session import Session

_RETRY_STOCK_MS: Final = 60_000
# Devices of other accounts whose address names a mailbox, as anybody and as its owner may have it: who fills
# the first bound keeps no owner from publishing.
_MOST_OF_OTHERS: Final = 64
_MOST_OF_OWN: Final = 2 * _MOST_OF_OTHERS
MOST_LISTS: Final = 1024
# A list is in force for 30 days, and may be dated ahead by the clock tolerance.
_LEAST_DAYS: Final = 31
# The end of a list counts up to so many days ahead: a wrong clock keeps no entry for longer (RLY-265).
_MOST_DAYS: Final = 1098
_NOBODY: Final = bytes(16)
_DENIED: Final = Refusal(ErrorCode.DENIED)
_NOT_AUTHENTICATED: Final = Refusal(ErrorCode.NOT_AUTHENTICATED)
_NO_PREKEYS: Final = Refusal(ErrorCode.NO_PREKEYS)


# --- entries ---


def publish(view: View, op: Op, frame: Publish, policy: Policy, now_ms: int) -> None:
    """Check an entry and put it in the place of the one held (RLY-50 to RLY-54, RLY-200, RLY-258)."""
    if frame.account_id in view.blocked:
        op.result = _DENIED
        return
    held = view.entry(frame.account_id)
    try:
        lists = check_lists(frame.account_id, frame.lists, held, now_ms + view.skew_ms)
        head = lists[-1] if lists or held is None else held.head
        entry = Entry(head, check_devices(head, frame.records, frame.addresses, held))
    except EntryError:
        op.result = Refusal(ErrorCode.BAD_ENTRY)
        return
    except StaleEntry:
        op.result = Refusal(ErrorCode.STALE_ENTRY)
        return
    named = entry.mailboxes() | (frozenset[bytes]() if held is None else held.mailboxes())
    own = {address for address in named if owned_box(view, op.peer, address) is not None}
    if not own or (frame.slot is not None and not own & entry.mailboxes()):
        op.result = _NOT_AUTHENTICATED
    elif any(_is_crowded(view, frame.account_id, one, own) for one in entry.newly_named(held)):
        op.result = Refusal(ErrorCode.QUOTA, _RETRY_STOCK_MS)
    elif not view.has_room:
        op.result = UNAVAILABLE
    else:
        entry = entry.with_slots(held, frame.slot, own)
        size_b = sum(len(one.encoded) for one in lists) + entry.devices_b()
        goes_on = held is not None
        publishing = Publishing(min(own), frame.account_id, size_b, len(lists) if goes_on else 0, goes_on)
        op.result = op.charge(lambda: op.peer.charge_entry(publishing, now_ms))
        if op.result is None:
            end_ms = max(one.expires_ms for one in (head, *lists)) - view.skew_ms
            view.replace(entry, lists, MOST_LISTS, _due_day(policy, end_ms, now_ms))


def _due_day(policy: Policy, end_ms: int, now_ms: int) -> int:
    """Return the day on which an entry goes, unless a mailbox that it names is held (RLY-262, RLY-265)."""
    in_force_days = min(end_ms // DAY_MS - now_ms // DAY_MS, _MOST_DAYS)
    return now_ms // DAY_MS + 1 + max(policy.abandoned_s // 86_400, _LEAST_DAYS, in_force_days)


def _is_crowded(view: View, account_id: bytes, mailbox: bytes, own: set[bytes]) -> bool:
    """Tell whether a mailbox is named by as many devices of other accounts as may be (RLY-198)."""
    others = sum(one != account_id for one, _ in view.devices_of(mailbox))
    return others >= (_MOST_OF_OWN if mailbox in own else _MOST_OF_OTHERS)


def lookup(view: View, op: Op, frame: Lookup, _policy: Policy, _now_ms: int) -> None:
    """Read the chain of an account, and the slots of its devices (RLY-55, RLY-202)."""
    entry = _served_entry(view, frame.account_id)
    if entry is None:
        op.result = Refusal(ErrorCode.NOT_FOUND)
        return
    lists = view.lists(frame.account_id, min(frame.after_seq, entry.head.seq), MAX_LISTS + 1)
    op.result = LookupResult(
        op.request_id,
        lists=tuple(lists[:MAX_LISTS]),
        records=tuple(device.record for device in entry.devices),
        addresses=tuple(device.address for device in entry.devices),
        more=len(lists) > MAX_LISTS,
        slots=tuple(dict.fromkeys(one.slot for one in entry.devices if one.slot is not None)),
    )


def owned_box(view: MailboxView, peer: Session, address: bytes) -> Box | None:
    """Return a mailbox that this connection has authenticated, if it is held and not blocked (RLY-26)."""
    owner_pub = peer.owned.get(address)
    if owner_pub is None or address in view.blocked:
        return None
    box = view.box(address)
    return box if box is not None and box.owner_pub == owner_pub else None


def _served_entry(view: View, account_id: bytes) -> Entry | None:
    return None if account_id in view.blocked else view.entry(account_id)


# --- prekeys ---


def upload(view: View, op: Op, frame: PrekeysUpload, policy: Policy, now_ms: int) -> None:
    """Store prekeys of an own device (RLY-60 to RLY-62, RLY-263)."""
    mailbox = _mailbox_of_own(view, op.peer, frame)
    if mailbox is None:
        op.result = _NOT_AUTHENTICATED
        return
    try:
        reusable, one_time = parse_upload(frame, now_ms + view.skew_ms)
    except EntryError:
        op.result = Refusal(ErrorCode.BAD_REQUEST)
        return
    if not view.has_room:
        op.result = UNAVAILABLE
        return
    stock = view.stock(frame.record_hash)
    fresh = _new_ones(one_time, stock)
    if _is_beyond(fresh, stock, policy.max_one_time_keys):
        op.result = Refusal(ErrorCode.QUOTA, _RETRY_STOCK_MS)
        return
    size_b = sum(len(row.signed_prekey) for row in (*reusable, *fresh))
    op.result = op.charge(lambda: op.peer.charge_prekeys(mailbox, size_b, now_ms))
    if op.result is None:
        view.add_prekeys(frame.record_hash, reusable, fresh)
        op.result = PrekeysStock(op.request_id, *view.stock(frame.record_hash))


def _new_ones(one_time: tuple[PrekeyRow, ...], stock: Stock) -> tuple[PrekeyRow, ...]:
    """Return the keys whose ids are above the highest ever uploaded (RLY-62)."""
    highest = {X25519: stock.highest_x25519_id, ML_KEM_768: stock.highest_kem_id}
    return tuple(row for row in one_time if row.key_id > highest[row.key_type])


def _is_beyond(fresh: tuple[PrekeyRow, ...], stock: Stock, most: int) -> bool:
    held = {X25519: stock.one_time_x25519, ML_KEM_768: stock.one_time_kem}
    added = {one: sum(row.key_type == one for row in fresh) for one in held}
    return any(added[one] and held[one] + added[one] > most for one in held)


def count(view: View, op: Op, frame: PrekeysCount, _policy: Policy, _now_ms: int) -> None:
    """Tell the stock of an own device (RLY-60)."""
    if _mailbox_of_own(view, op.peer, frame) is None:
        op.result = _NOT_AUTHENTICATED
    else:
        op.result = PrekeysStock(op.request_id, *view.stock(frame.record_hash))


def _mailbox_of_own(view: View, peer: Session, frame: PrekeysUpload | PrekeysCount) -> bytes | None:
    """Return the mailbox of a device, if this connection has authenticated it."""
    entry = _served_entry(view, frame.account_id)
    device = None if entry is None else entry.device(frame.record_hash)
    box = None if device is None or device.mailbox is None else owned_box(view, peer, device.mailbox)
    return None if box is None else box.address


def fetch(view: View, op: Op, frame: PrekeysFetch, policy: Policy, now_ms: int) -> None:
    """Hand out a bundle, each one-time key once (RLY-63 to RLY-66, RLY-164)."""
    wall_ms = now_ms + view.skew_ms
    found = _reachable(view, frame)
    if found is None:
        op.result = _DENIED
        return
    entry, device, box = found
    context = pow_context_fetch(op.peer.nonce, frame.account_id, frame.record_hash)
    if not pow_is_enough(context, frame.pow, policy.pow_bits_fetch):
        op.result = Refusal(ErrorCode.POW_REQUIRED)
        return
    if entry.head.expires_ms <= wall_ms:
        # Whoever asks would refuse the list: a one-time key would be spent for nothing.
        op.result = _NO_PREKEYS
        return
    is_granted = op.has_paid() or view.limits.grants_one_time_keys(frame.record_hash, now_ms)
    if is_granted:
        op.pay()
    op.result = _hand_out(view, entry, device, box, now_ms + view.skew_ms, granted=is_granted)


def _reachable(view: View, frame: PrekeysFetch) -> tuple[Entry, Device, Box] | None:
    """Return what the front-door token opens; the same look-ups are made whatever is unknown (RLY-65)."""
    hashed = token_hash(frame.token)
    entry = _served_entry(view, frame.account_id)
    device = None if entry is None else entry.device(frame.record_hash)
    address = _NOBODY if device is None or device.mailbox is None else device.mailbox
    token_class = view.right(address, hashed)
    box = view.box(address)
    if entry is None or device is None or box is None or address in view.blocked:
        return None
    return (entry, device, box) if token_class == TokenClass.FRONT_DOOR else None


def _hand_out(
    view: View, entry: Entry, device: Device, box: Box, wall_ms: int, *, granted: bool
) -> HandedOut | Refusal:
    record_hash = device.record_hash
    signed_prekey = view.reusable(record_hash, X25519, wall_ms)
    last_resort = view.reusable(record_hash, ML_KEM_768, wall_ms)
    if signed_prekey is None or last_resort is None:
        return _NO_PREKEYS
    one_time = view.pop_one_time(record_hash, X25519, wall_ms) if granted else None
    kem = view.pop_one_time(record_hash, ML_KEM_768, wall_ms) if granted else None
    left = view.stock(record_hash)
    bundle = {
        1: device.record,
        2: entry.head.encoded,
        3: signed_prekey,
        4: one_time,
        5: last_resort if kem is None else kem,
    }
    return HandedOut(
        bundle=cbor2.dumps(bundle),
        one_time_x25519=one_time is not None,
        one_time_kem=kem is not None,
        box=box,
        account_id=entry.head.account_id,
        record_hash=record_hash,
        is_held_back=not granted,
        left_x25519=left.one_time_x25519,
        left_kem=left.one_time_kem,
    )


def stocks(view: View, op: Op, asked: Stocks, _policy: Policy, _now_ms: int) -> None:
    """Look at the stocks of the devices behind a mailbox, which its owner has filled (RLY-67)."""
    op.result = [one for one in view.stocks_of(asked.mailbox) if one.stock != Stock()]


def parse_upload(frame: PrekeysUpload, wall_ms: int) -> tuple[tuple[PrekeyRow, ...], tuple[PrekeyRow, ...]]:
    """Return the reusable and the one-time keys of an upload.

    Raises:
        EntryError: a key is not one of this device for its place, or ids do not ascend (RLY-61).
    """

    def parse(encoded: bytes, key_type: int, usage: int) -> PrekeyRow:
        return parse_prekey(encoded, frame.account_id, frame.record_hash, key_type, usage, wall_ms)

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
