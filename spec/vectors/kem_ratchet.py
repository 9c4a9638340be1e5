"""The KEM ratchet of chapter 09 on plain values: a kem state and a fragment go in, a new state comes out.

A state is a dict with `state` (a name of PQ-01) and the fields of that name; `pieces` is None, or the hash of
what is collected with its five pieces. The caller, `ratchet`, says when a step happens.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias

from spec.vectors.suite import FRAGMENT_B, hash_, hkdf, kem_decapsulate, kem_public, label, u32

KemState: TypeAlias = dict[str, Any]
Trace: TypeAlias = dict[str, Any]
Made: TypeAlias = dict[str, int]
Encapsulate: TypeAlias = Callable[[bytes], tuple[bytes, bytes]]

EMPTY: Final = bytes(FRAGMENT_B)
KEY_TYPE, CIPHERTEXT_TYPE = 1, 2
PIECE_B, PIECES = 256, 5
CIPHERTEXT_B: Final = 1088
LENGTHS_B: Final = {KEY_TYPE: 1184, CIPHERTEXT_TYPE: CIPHERTEXT_B + 32}
LAST_EPOCH: Final = 2**31 - 1
AUTHENTICATION: Final = "remote.authentication"
DESYNC: Final = "remote.pq_desync"


class Refused(Exception):
    """A fragment that must be refused, with the code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _refuse(code: str = AUTHENTICATION) -> NoReturn:
    raise Refused(code)


def key_id(key: bytes) -> bytes:
    """The id of an encapsulation key."""
    return hash_("SR1-kem-key", key)[:8]


def ciphertext_id(for_key: bytes, message: bytes) -> bytes:
    """The id of a ciphertext message for the key of that id."""
    return for_key[:4] + hash_("SR1-kem-text", message)[:4]


def epoch_values(session_id: bytes, epoch: int, secret: bytes, key: bytes, ciphertext: bytes) -> Trace:
    """epoch(session id, n, ss, ek, ct) with its input and the ciphertext message that follows (PQ-03)."""
    exchange_hash = hashlib.sha256(key + ciphertext).digest()
    info = label("SR1-kem-epoch") + u32(epoch) + exchange_hash
    output = hkdf(session_id, secret, info, 64)
    return {
        "kem_secret": secret,
        "exchange_hash": exchange_hash,
        "info": info,
        "epoch_secret": output[:32],
        "confirmation": output[32:],
        "ciphertext_message": ciphertext + output[32:],
        "ciphertext_id": ciphertext_id(key_id(key), ciphertext + output[32:]),
    }


def start(*, initiator: bool) -> KemState:
    """The first state of a side (PQ-01)."""
    return {"state": "KeyDue"} if initiator else {"state": "Collecting", "pieces": None}


def prepare(
    kem: KemState, pq_epoch: int, session_id: bytes, made: Made, seed: bytes, encapsulate: Encapsulate
) -> tuple[KemState, Trace | None]:
    """What the next message of kind 1 makes before it is sealed (PQ-04, PQ-15), and its values."""
    epoch = pq_epoch + 1
    if kem["state"] == "KeyDue" and epoch <= LAST_EPOCH:
        key = kem_public(seed)
        offering = {"state": "Offering", "seed": seed, "sent": 0, "pieces": None, "made": made}
        return offering, {"made": "key pair", "epoch": epoch, "seed": seed, "key": key, "key_id": key_id(key)}
    if kem["state"] != "CiphertextDue":
        return kem, None
    key = kem["key"]
    ciphertext, secret = encapsulate(key)
    values = epoch_values(session_id, epoch, secret, key, ciphertext)
    answering = {
        "state": "Answering",
        "key_id": key_id(key),
        "ciphertext_message": values["ciphertext_message"],
        "epoch_secret": values["epoch_secret"],
        "sent": 0,
        "pieces": None,
        "made": made,
    }
    return answering, {"made": "ciphertext", "epoch": epoch, "ciphertext": ciphertext, **values}


def piece(whole: bytes, index: int) -> bytes:
    """One piece, the last one filled up with zero bytes (PQ-02)."""
    return whole[PIECE_B * index : PIECE_B * (index + 1)].ljust(PIECE_B, b"\0")


def fragment(kind: int, index: int, epoch: int, mark: bytes, data: bytes, reserved: int = 0) -> bytes:
    """A fragment block (chapter 04)."""
    return bytes((kind, index)) + reserved.to_bytes(2, "big") + u32(epoch) + mark + data


def next_fragment(kem: KemState, pq_epoch: int) -> tuple[KemState, bytes]:
    """The block of the next message of kind 1 (PQ-05)."""
    if kem["state"] == "Offering" and kem["pieces"] is None:
        kind, whole = KEY_TYPE, kem_public(kem["seed"])
        mark = key_id(whole)
    elif kem["state"] == "Answering":
        kind, whole = CIPHERTEXT_TYPE, kem["ciphertext_message"]
        mark = ciphertext_id(kem["key_id"], whole)
    else:
        return kem, EMPTY
    index = index_after(mark, kem["sent"])
    block = fragment(kind, index, pq_epoch + 1, mark, piece(whole, index))
    return {**kem, "sent": kem["sent"] + 1}, block


def index_after(mark: bytes, sent: int) -> int:
    """The index of the piece that follows after `sent` pieces of that id (PQ-05)."""
    if sent < PIECES:
        return sent
    byte = mark[sent // PIECES % 8]
    stride = 1 + byte // 5 % 4
    return (byte + sent % PIECES * stride) % PIECES


def _check_form(block: bytes) -> None:
    """What does not depend on any state (WIRE-10, PQ-02, PQ-08)."""
    kind, index = block[0], block[1]
    if kind not in LENGTHS_B or index >= PIECES or any(block[2:4]) or not any(block[4:8]):
        _refuse()
    beyond = LENGTHS_B[kind] - PIECE_B * index
    if beyond < PIECE_B and any(block[16 + beyond :]):
        _refuse()


def receive(
    kem: KemState, pq_epoch: int, session_id: bytes, block: bytes, *, new_chain: bool = False
) -> tuple[KemState, Trace | None]:
    """The state after a fragment (PQ-07 to PQ-11); raises `Refused`."""
    if block == EMPTY:
        lost = new_chain and kem["state"] == "Offering" and kem["pieces"] is not None
        return ({**kem, "pieces": None} if lost else kem), None
    _check_form(block)
    kind, epoch = block[0], int.from_bytes(block[4:8], "big")
    if epoch <= pq_epoch:
        return kem, None
    expected = CIPHERTEXT_TYPE if kem["state"] in ("Offering", "SecretHeld") else KEY_TYPE
    if epoch > pq_epoch + 1 or kem["state"] == "KeyDue" or kind != expected:
        _refuse()
    match kem["state"]:
        case "Offering":
            return _take_ciphertext_piece(kem, epoch, session_id, block)
        case "SecretHeld":
            if block[8:16] != kem["ciphertext_id"]:
                _refuse(DESYNC)
            return kem, None
        case _:
            return _take_key_piece(kem, epoch, block)


def _collect(pieces: Trace | None, block: bytes) -> Trace:
    """The pieces with one more; one of another hash begins anew (PQ-09)."""
    index, mark, data = block[1], block[8:16], block[16:]
    held = [None] * PIECES if pieces is None or pieces["hash"] != mark else pieces["pieces"]
    taken = [data if at == index and old is None else old for at, old in enumerate(held)]
    return {"hash": mark, "pieces": taken}


def _whole(pieces: Trace, length_b: int) -> bytes | None:
    if None in pieces["pieces"]:
        return None
    return b"".join(pieces["pieces"])[:length_b]


def _take_key_piece(kem: KemState, epoch: int, block: bytes) -> tuple[KemState, Trace | None]:
    """`Collecting`; after a whole key, a piece of another: anew, or beside the answer (PQ-09 to PQ-11)."""
    answered = key_id(kem["key"]) if "key" in kem else kem.get("key_id")
    if block[8:16] == answered:
        return kem, None
    pieces = _collect(kem.get("pieces"), block)
    key = _whole(pieces, LENGTHS_B[KEY_TYPE])
    if key is None:
        rest = kem if kem["state"] == "Answering" else {"state": "Collecting"}
        return {**rest, "pieces": pieces}, None
    if key_id(key) != pieces["hash"] or not _passes_modulus_check(key):
        _refuse()
    return {"state": "CiphertextDue", "key": key}, {
        "made": "whole key",
        "epoch": epoch,
        "key_id": key_id(key),
    }


def _passes_modulus_check(key: bytes) -> bool:
    """PRM-04: 768 coefficients of 12 bit, each below 3329, then 32 bytes."""
    packed = int.from_bytes(key[:1152], "little")
    return all(packed >> 12 * at & 0xFFF < 3329 for at in range(768))


def _take_ciphertext_piece(
    kem: KemState, epoch: int, session_id: bytes, block: bytes
) -> tuple[KemState, Trace | None]:
    """`Offering` (PQ-09 to PQ-11, PQ-14)."""
    key = kem_public(kem["seed"])
    if block[8:12] != key_id(key)[:4]:
        return {**kem, "pieces": None}, None
    pieces = _collect(kem["pieces"], block)
    message = _whole(pieces, LENGTHS_B[CIPHERTEXT_TYPE])
    if message is None:
        return {**kem, "pieces": pieces}, None
    if ciphertext_id(key_id(key), message) != pieces["hash"]:
        _refuse()
    ciphertext, confirmation = message[:CIPHERTEXT_B], message[CIPHERTEXT_B:]
    secret = kem_decapsulate(kem["seed"], ciphertext)
    values = epoch_values(session_id, epoch, secret, key, ciphertext)
    if not hmac.compare_digest(values["confirmation"], confirmation):
        _refuse(DESYNC)
    held = {
        "state": "SecretHeld",
        "epoch_secret": values["epoch_secret"],
        "ciphertext_id": pieces["hash"],
        "made": kem["made"],
    }
    return held, {"made": "epoch secret", "epoch": epoch, **values}
