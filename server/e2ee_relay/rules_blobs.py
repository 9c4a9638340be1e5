"""What the relay decides about blobs: BLOB_OPEN, BLOB_PUT, BLOB_GET and BLOB_DROP (RLY-240 to RLY-251)."""

from __future__ import annotations

import hmac
from typing import Final

from .limits import Policy
from .protocol import (
    MAX_PART_B,
    BlobDrop,
    BlobGet,
    BlobOpen,
    BlobPut,
    BlobState,
    ErrorCode,
    TokenClass,
    blob_hash,
    hour_of,
    token_hash,
)
from .store.api import HOUR_MS, Blob, BlobView, Box, Op, Paid, Refusal

_RETRY_MS: Final = 60_000
_DENIED: Final = Refusal(ErrorCode.DENIED)
_NOT_FOUND: Final = Refusal(ErrorCode.NOT_FOUND)
_BAD_REQUEST: Final = Refusal(ErrorCode.BAD_REQUEST)
_QUOTA: Final = Refusal(ErrorCode.QUOTA, _RETRY_MS)
_NO_ROOM: Final = Refusal(ErrorCode.UNAVAILABLE, _RETRY_MS)
_CONTACTS: Final = (TokenClass.CONTACT, TokenClass.TRUSTED)


def open_(view: BlobView, op: Op, frame: BlobOpen, policy: Policy, now_ms: int) -> None:
    """Begin a blob, or tell how far it has come (RLY-241, RLY-242)."""
    # The same look-ups whatever is unknown, as for a message (RLY-31).
    hashed, key = token_hash(frame.token), blob_hash(frame.blob)
    token_class = view.right(frame.mailbox, hashed)
    box, held = view.box(frame.mailbox), view.blob(key)
    if box is None or token_class not in _CONTACTS or frame.mailbox in view.blocked:
        op.result = _DENIED
        return
    fresh = Blob(
        key=key,
        writer=frame.writer,
        mailbox=frame.mailbox,
        hashed=hashed,
        is_trusted=token_class == TokenClass.TRUSTED,
        size_b=frame.size_b,
        expires_ms=_end_ms(now_ms, policy.blob_unfinished_s),
    )
    charge, visitor = view.limits.charge, op.peer.visitor
    op.result = op.charge(lambda: charge(frame.mailbox, hashed, token_class, visitor, 0, now_ms))
    if op.result is not None:
        return
    if held is not None and held.expires_ms > now_ms:
        if _is_same(held, fresh):
            view.look_at(op, held)
        else:
            op.result = _DENIED
    else:
        op.result = _why_not(view, box, fresh, policy)
        if op.result is None:
            if held is not None:
                view.drop_blob(held)
            view.add_blob(fresh)
            op.result = state_of(op, fresh, 0, view.skew_ms)


def _is_same(held: Blob, fresh: Blob) -> bool:
    return (held.writer, held.mailbox, held.hashed, held.size_b) == (
        fresh.writer,
        fresh.mailbox,
        fresh.hashed,
        fresh.size_b,
    )


def _why_not(view: BlobView, box: Box, fresh: Blob, policy: Policy) -> Refusal | None:
    if fresh.size_b > policy.max_blob_b:
        return Refusal(ErrorCode.TOO_LARGE)
    if not (view.has_room and view.has_room_for_blobs):
        return _NO_ROOM
    paid = view.paid(box, fresh.hashed)
    return _QUOTA if _is_beyond(paid, fresh, policy) else None


def _is_beyond(paid: Paid, fresh: Blob, policy: Policy) -> bool:
    """Tell whether a token or its mailbox would pay too much (RLY-242)."""
    most_b = policy.max_blob_b if fresh.is_trusted else min(policy.blob_contact_b, policy.max_blob_b)
    if paid.by_token + fresh.paid_b > max(most_b, MAX_PART_B):
        return True
    if not fresh.is_trusted and paid.untrusted + fresh.paid_b > policy.blob_quota_b // 2:
        return True
    return paid.total + fresh.paid_b > policy.blob_quota_b


def put(view: BlobView, op: Op, frame: BlobPut, policy: Policy, now_ms: int) -> None:
    """Append the next part (RLY-243, RLY-247 to RLY-250)."""
    blob = _found(view, frame.blob, now_ms)
    if blob is None:
        op.result = _NOT_FOUND
    elif not hmac.compare_digest(blob.writer, blob_hash(frame.secret)) or not view.right(
        blob.mailbox, blob.hashed
    ):
        op.result = _DENIED
    elif len(frame.part) != blob.part_b(frame.index):
        op.result = _BAD_REQUEST
    elif not (view.has_room and view.has_room_for_blobs):
        op.result = _NO_ROOM
    else:
        size_b, charge = len(frame.part), view.limits.charge_part
        op.result = op.charge(lambda: charge(blob.mailbox, blob.hashed, size_b, now_ms))
        if op.result is None:
            view.put_part(op, blob, frame, _end_ms(now_ms, policy.blob_retention_s))


def get(view: BlobView, op: Op, frame: BlobGet, _policy: Policy, now_ms: int) -> None:
    """Hand out parts of a blob that is whole (RLY-244, RLY-245)."""
    blob = _found(view, frame.blob, now_ms)
    if blob is None or not blob.is_whole or frame.index >= blob.parts:
        op.result = _NOT_FOUND
        return
    share = min(frame.count, blob.parts - frame.index) / blob.parts
    op.result = op.charge(lambda: view.limits.charge_get(blob.key, share, now_ms))
    if op.result is None:
        view.get_parts(op, blob, frame)


def drop(view: BlobView, op: Op, frame: BlobDrop, _policy: Policy, now_ms: int) -> None:
    """Delete a blob, for its writer or for the owner of the mailbox that pays (RLY-246)."""
    blob = _found(view, frame.blob, now_ms)
    if blob is None:
        op.result = None
        return
    if frame.secret is None:
        box = view.box(blob.mailbox)
        may = box is not None and op.peer.owned.get(blob.mailbox) == box.owner_pub
    else:
        may = hmac.compare_digest(blob.writer, blob_hash(frame.secret))
    if may:
        view.drop_blob(blob)
    op.result = None if may else _DENIED


def state_of(op: Op, blob: Blob, next_: int, skew_ms: int) -> BlobState:
    """Return how far a blob has come; its end by the machine's clock, as hours of arrival are (RLY-133)."""
    return BlobState(op.request_id, next_, blob.size_b, blob.expires_ms + hour_of(skew_ms + HOUR_MS // 2))


def _found(view: BlobView, name: bytes, now_ms: int) -> Blob | None:
    blob = view.blob(blob_hash(name))
    if blob is None or blob.expires_ms <= now_ms or blob.mailbox in view.blocked:
        return None
    return blob


def _end_ms(now_ms: int, seconds: int) -> int:
    """Count from the end of the hour: it tells no more than an hour of arrival does (RLY-34)."""
    return hour_of(now_ms) + HOUR_MS + seconds * 1000
