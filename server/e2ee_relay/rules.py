"""What the relay decides about mailboxes and messages: one set of rules for every store.

`decide` carries out one operation on a view and sets its result. It reads no clock, makes no random value
and waits for nothing; what it changes is the view, which the store writes. Those about entries and prekeys
are in `rules_directory`, those about blobs in `rules_blobs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from . import rules_blobs, rules_directory
from .limits import Policy
from .protocol import (
    Ack,
    BlobDrop,
    BlobGet,
    BlobOpen,
    BlobPut,
    CreateMailbox,
    DeleteMailbox,
    ErrorCode,
    Lookup,
    PrekeysCount,
    PrekeysFetch,
    PrekeysUpload,
    Publish,
    Send,
    SendItem,
    SendResult,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    TtlClass,
    hour_of,
    pow_context_send,
    pow_is_enough,
    token_hash,
)
from .rules_directory import owned_box
from .store.api import (
    ACCOUNT,
    DAY_MS,
    HOUR_MS,
    RETRY_UNAVAILABLE_MS,
    UNAVAILABLE,
    Box,
    Close,
    Find,
    Found,
    Fresh,
    MailboxView,
    Op,
    Open,
    Read,
    Refusal,
    Remove,
    Stocks,
    View,
)

_HALF_AN_HOUR_MS: Final = 1_800_000
_RETRY_QUOTA_MS: Final = 60_000
# A mailbox's day of use is written when it is this old: enough to find abandoned ones, no diary of its owner.
_TOUCH_AFTER_DAYS: Final = 7

_OK: Final = SendResult(ErrorCode.OK)
_DENIED: Final = SendResult(ErrorCode.DENIED)
_TOO_LARGE: Final = SendResult(ErrorCode.TOO_LARGE)
_QUOTA: Final = SendResult(ErrorCode.QUOTA, _RETRY_QUOTA_MS)
_POW_REQUIRED: Final = SendResult(ErrorCode.POW_REQUIRED)
SEND_UNAVAILABLE: Final = SendResult(ErrorCode.UNAVAILABLE, RETRY_UNAVAILABLE_MS)
_NOT_AUTHENTICATED: Final = Refusal(ErrorCode.NOT_AUTHENTICATED)


def decide(view: View, op: Op, policy: Policy, now_ms: int) -> None:
    """Carry out one operation on a view: set its result, and what it brought or deleted."""
    _BY_TYPE[type(op.request)](view, op, op.request, policy, now_ms)


def told_hour_ms(now_ms: int, skew_ms: int) -> int:
    """Return the hour that is told of an arrival (RLY-34).

    Whole hours apart from the relay's own: it tells no more than the time of expiry does.
    """
    return hour_of(now_ms) + hour_of(skew_ms + _HALF_AN_HOUR_MS)


# --- messages ---


def _send(view: View, op: Op, frame: Send, policy: Policy, now_ms: int) -> None:
    op.fresh = None
    op.result = [_judge(view, op, place, policy, now_ms) for place in range(len(frame.items))]


def _judge(view: View, op: Op, place: int, policy: Policy, now_ms: int) -> SendResult:
    item: SendItem = op.request.items[place]
    # No way out before the token: an unknown mailbox costs what an unknown token does (RLY-31).
    address, hashed = item.mailbox, token_hash(item.token)
    token_class = view.right(address, hashed)
    box = view.box(address)
    if box is None or not token_class or address in view.blocked:
        return _DENIED
    size_b = len(item.body)
    if size_b > policy.max_body_b:
        return _TOO_LARGE
    if view.knows(address, item.msg_id):
        return _OK
    if token_class == TokenClass.FRONT_DOOR and not pow_is_enough(
        pow_context_send(address, item.msg_id), item.pow, policy.pow_bits_send
    ):
        return _POW_REQUIRED
    if _is_full(view, box, size_b, token_class, policy):
        return _QUOTA
    is_stored = item.ttl is not TtlClass.EPHEMERAL
    if is_stored and not view.has_room:
        return SEND_UNAVAILABLE
    wait_ms = _charge(view, op, place, hashed, token_class, now_ms)
    if wait_ms:
        return SendResult(ErrorCode.RATE_LIMITED, wait_ms)
    if is_stored:
        fresh = _store(view, box, item, policy, now_ms)
    else:
        # Answered OK in any case (RLY-40).
        fresh = Fresh(box, 0, item.msg_id, item.body, told_hour_ms(now_ms, view.skew_ms), 0)
    if op.fresh is None:
        op.fresh = [fresh]
    else:
        op.fresh.append(fresh)
    return _OK


def _is_full(view: View, box: Box, size_b: int, token_class: int, policy: Policy) -> bool:
    """Tell whether a message is beyond the quota of its mailbox (RLY-33, RLY-203), or a stranger's half."""
    parts = 2 if token_class == TokenClass.FRONT_DOOR else 1  # RLY-222
    held, held_b = parts * (box.held + 1), parts * (box.held_b + size_b)
    if held <= policy.quota_messages and held_b <= policy.quota_b:
        return False
    messages, octets = policy.published_quota
    return held > messages or held_b > octets or not view.is_published(box.address)


def _charge(view: View, op: Op, place: int, hashed: bytes, token_class: int, now_ms: int) -> int:
    """Charge an item to its buckets once (RLY-196); return 0 or the wait."""
    if op.has_paid(place):
        return 0
    item: SendItem = op.request.items[place]
    wait_ms = view.limits.charge(item.mailbox, hashed, token_class, op.peer.visitor, len(item.body), now_ms)
    if not wait_ms:
        op.pay(place)
    return wait_ms


def _store(view: View, box: Box, item: SendItem, policy: Policy, now_ms: int) -> Fresh:
    if item.ttl is TtlClass.MINUTE:
        expires_ms = now_ms + policy.minute_s * 1000
    else:
        # Counted from the end of the hour: it tells no more than the hour of arrival does (RLY-34).
        expires_ms = hour_of(now_ms) + HOUR_MS + policy.retention_s * 1000
    box.last_seq += 1
    box.held += 1
    box.held_b += len(item.body)
    received_ms = told_hour_ms(now_ms, view.skew_ms)
    fresh = Fresh(box, box.last_seq, item.msg_id, item.body, received_ms, expires_ms)
    # Full hours: they tell no more than the hour of arrival does.
    view.put(fresh, now_ms // HOUR_MS + 1 + -(-policy.remembered_s * 1000 // HOUR_MS))
    return fresh


def _ack(view: View, op: Op, ack: Ack, _policy: Policy, _now_ms: int) -> None:
    op.count = 0
    box = owned_box(view, op.peer, ack.mailbox)
    if box is None:
        op.result = _NOT_AUTHENTICATED
        return
    for seq in ack.seqs:
        op.count += release(view, box, seq)
    op.result = None


def release(view: MailboxView, box: Box, seq: int) -> bool:
    """Delete a message and count it out of its mailbox; tell whether it was held."""
    size_b = view.take(box, seq)
    if not size_b:
        return False
    box.held = max(0, box.held - 1)
    box.held_b = max(0, box.held_b - size_b)
    return True


def _read(view: View, op: Op, read: Read, _policy: Policy, now_ms: int) -> None:
    view.read(op, read, now_ms)


# --- mailboxes and tokens ---


def _create(view: View, op: Op, frame: CreateMailbox, _policy: Policy, now_ms: int) -> None:
    box = view.box(frame.mailbox)
    if frame.mailbox in view.blocked:
        op.result = Refusal(ErrorCode.DENIED)
    elif box is not None and box.owner_pub == frame.owner_pub:
        op.result = None
    else:
        op.result = None if op.has_paid() else op.peer.admit(frame, now_ms)
        if op.result is not None:
            return
        op.pay()
        if box is not None:
            op.result = Refusal(ErrorCode.DENIED)
        elif not view.has_room:
            op.result = UNAVAILABLE
        else:
            view.create(Box(frame.mailbox, frame.owner_pub, now_ms // DAY_MS))
            op.count = 1


def _find(view: View, op: Op, find: Find, _policy: Policy, now_ms: int) -> None:
    owned: list[bytes] = []
    refused: list[bytes] = []
    for address in find.mailboxes:
        box = None if address in view.blocked else view.box(address)
        if box is None or box.owner_pub != find.owner_pub:
            refused.append(address)
            continue
        owned.append(address)
        if now_ms // DAY_MS - box.used_day >= _TOUCH_AFTER_DAYS:
            view.touch(box, now_ms // DAY_MS)
    op.result = Found(tuple(owned), tuple(refused))


def _grant(view: View, op: Op, frame: TokenAdd, policy: Policy, now_ms: int) -> None:
    box = owned_box(view, op.peer, frame.mailbox)
    if box is None:
        op.result = _NOT_AUTHENTICATED
        return
    held, fresh = view.count_tokens(box, frame.token_hashes)
    if not view.has_room:
        op.result = UNAVAILABLE
    elif held + fresh > policy.max_tokens:
        op.result = Refusal(ErrorCode.QUOTA)
    else:
        op.result = op.charge(lambda: op.peer.charge_tokens(held, fresh, now_ms))
        if op.result is None:
            view.grant(box, frame.token_hashes, int(frame.token_class))


def _revoke(view: View, op: Op, frame: TokenRevoke, _policy: Policy, _now_ms: int) -> None:
    box = owned_box(view, op.peer, frame.mailbox)
    if box is not None:
        view.revoke(box, frame.token_hashes)
    op.result = _NOT_AUTHENTICATED if box is None else None


def _delete(view: View, op: Op, frame: DeleteMailbox, _policy: Policy, _now_ms: int) -> None:
    box = owned_box(view, op.peer, frame.mailbox)
    if box is not None:
        view.drop(box)
    op.result = _NOT_AUTHENTICATED if box is None else None


def _remove(view: View, op: Op, remove: Remove, _policy: Policy, _now_ms: int) -> None:
    op.result = None
    if remove.kind == ACCOUNT:
        view.drop_account(remove.subject)
        return
    box = view.box(remove.subject)
    if box is not None:
        view.drop(box)


# --- subscriptions ---


def _open(view: View, op: Op, opening: Open, _policy: Policy, _now_ms: int) -> None:
    boxes = [owned_box(view, op.peer, address) for address in dict.fromkeys(opening.mailboxes)]
    found = [box for box in boxes if box is not None]
    if len(found) != len(boxes):
        op.result = _NOT_AUTHENTICATED
    else:
        op.result = tuple([view.open(box) for box in found])


def _close(view: View, op: Op, close: Close, _policy: Policy, _now_ms: int) -> None:
    view.close(close)
    op.result = None


_BY_TYPE: Final[dict[type[Any], Callable[..., None]]] = {
    Send: _send,
    Ack: _ack,
    Read: _read,
    CreateMailbox: _create,
    Find: _find,
    TokenAdd: _grant,
    TokenRevoke: _revoke,
    DeleteMailbox: _delete,
    Remove: _remove,
    Open: _open,
    Close: _close,
    Publish: rules_directory.publish,
    Lookup: rules_directory.lookup,
    PrekeysUpload: rules_directory.upload,
    PrekeysCount: rules_directory.count,
    PrekeysFetch: rules_directory.fetch,
    Stocks: rules_directory.stocks,
    BlobOpen: rules_blobs.open_,
    BlobPut: rules_blobs.put,
    BlobGet: rules_blobs.get,
    BlobDrop: rules_blobs.drop,
}
