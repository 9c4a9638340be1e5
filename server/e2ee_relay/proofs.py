"""Values that both sides compute: what is signed, hashed and worked for, and the hour that is told."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from typing import Final

import cbor2

LABEL_AUTH: Final = b"SR1-relay-auth".ljust(16, b"\0")
LABEL_TOKEN: Final = b"SR1-relay-token".ljust(16, b"\0")
LABEL_POW: Final = b"SR1-relay-pow".ljust(16, b"\0")
LABEL_BLOB: Final = b"SR1-relay-blob".ljust(16, b"\0")

_HOUR_MS: Final = 3_600_000


def auth_payload(relay_name: str, nonce: bytes, mailboxes: Sequence[bytes]) -> bytes:
    """Return what an Auth signs: label | CBOR [relay name, nonce, [mailbox ids]] (RLY-22)."""
    return LABEL_AUTH + cbor2.dumps([relay_name, nonce, list(mailboxes)])


def token_hash(token: bytes) -> bytes:
    """Return the 32 bytes by which the relay knows a delivery token: BLAKE2b-256 with a label (RLY-25)."""
    return hashlib.blake2b(token, digest_size=32, person=LABEL_TOKEN).digest()


def blob_hash(value: bytes) -> bytes:
    """Return the 32 bytes by which the relay knows a blob, or the secret of its writer (RLY-240)."""
    return hashlib.blake2b(value, digest_size=32, person=LABEL_BLOB).digest()


def pow_context_create(nonce: bytes, mailbox: bytes, owner_pub: bytes) -> bytes:
    """Return what the work for a CreateMailbox is bound to (RLY-24)."""
    return nonce + mailbox + owner_pub


def pow_context_send(mailbox: bytes, msg_id: bytes) -> bytes:
    """Return what the work for a SendItem is bound to: no nonce, since it is sent again later (RLY-24)."""
    return mailbox + msg_id


def pow_context_fetch(nonce: bytes, account_id: bytes, record_hash: bytes) -> bytes:
    """Return what the work for a PrekeysFetch is bound to (RLY-24)."""
    return nonce + account_id + record_hash


def pow_is_enough(context: bytes, work: bytes, bits: int) -> bool:
    """Tell whether BLAKE2b-256(label, context | work) begins with `bits` zero bits (RLY-24)."""
    if bits == 0:
        return True
    digest = hashlib.blake2b(context + work, digest_size=32, person=LABEL_POW).digest()
    return int.from_bytes(digest, "big") >> (256 - bits) == 0


def try_pow(context: bytes, bits: int, counters: Iterable[int]) -> bytes | None:
    """Return the first of these counters, as 8 bytes, that is enough work, or None (RLY-24)."""
    base = hashlib.blake2b(context, digest_size=32, person=LABEL_POW)
    below = 1 << (256 - bits)
    for counter in counters:
        work = counter.to_bytes(8, "big")
        attempt = base.copy()
        attempt.update(work)
        if int.from_bytes(attempt.digest(), "big") < below:
            return work
    return None


def find_pow(context: bytes, bits: int) -> bytes:
    """Return the first 8-byte counter that is enough work; empty if none is asked for."""
    return b"" if bits == 0 else try_pow(context, bits, itertools.count()) or b""


def hour_of(now_ms: int) -> int:
    """Return the full hour in milliseconds; arrival times leave the relay only so (RLY-34)."""
    return now_ms - now_ms % _HOUR_MS
