"""States of the post-quantum ratchet, and the blocks that its two sides send (chapter 09)."""

from __future__ import annotations

from parties import NOW_MS, ScriptedRng

from e2ee.ids import SessionId
from e2ee.primitives import kem
from e2ee.ratchet import kem_ratchet
from e2ee.ratchet.kem_ratchet import (
    KEY_DUE,
    NOTHING_COLLECTED,
    Answering,
    CiphertextDue,
    KemState,
    Mark,
    Offering,
)

SESSION = SessionId(b"\7" * 32)
NOW = Mark(NOW_MS, 3)
EPOCH = 1
SEED = ScriptedRng("kem")(64)
KEY = kem.derive_public(SEED)
CIPHERTEXT, SHARED = kem.encapsulate(KEY)


def offering(seed: bytes = SEED) -> Offering:
    """A generator that has made its key pair."""
    state = kem_ratchet.make(KEY_DUE, SESSION, 0, NOW, lambda size_b: seed[:size_b], kem.encapsulate)
    assert isinstance(state, Offering)
    return state


def answering(key: bytes = KEY) -> Answering:
    """An encapsulator that has answered `key`."""
    due = CiphertextDue(key, kem_ratchet.key_id(key))
    fixed = (CIPHERTEXT, SHARED) if key == KEY else kem.encapsulate(key)
    state = kem_ratchet.make(due, SESSION, 0, NOW, ScriptedRng("unused"), lambda _: fixed)
    assert isinstance(state, Answering)
    return state


def blocks(state: KemState, count: int = 5) -> list[bytes]:
    """The blocks of its next messages."""
    made = []
    for _ in range(count):
        state, block = kem_ratchet.next_block(state)
        made.append(block)
    return made


def take(state: KemState, *received: bytes) -> KemState:
    """Let blocks arrive."""
    for block in received:
        state = kem_ratchet.receive(state, SESSION, EPOCH - 1, block, new_chain=False)
    return state


KEY_BLOCKS = blocks(offering())
CIPHERTEXT_BLOCKS = blocks(answering())
OTHER_SEED = ScriptedRng("another key")(64)
OTHER_KEY_BLOCKS = blocks(offering(OTHER_SEED))
OTHER_CIPHERTEXT_BLOCKS = blocks(answering(kem.derive_public(OTHER_SEED)))


def every_state() -> dict[str, KemState]:
    """One state of each kind, and those that have begun to collect."""
    return {
        "key due": KEY_DUE,
        "offering": offering(),
        "offering, ciphertext begun": take(offering(), CIPHERTEXT_BLOCKS[3], CIPHERTEXT_BLOCKS[4]),
        "secret held": take(offering(), *CIPHERTEXT_BLOCKS),
        "collecting": NOTHING_COLLECTED,
        "collecting, key begun": take(NOTHING_COLLECTED, KEY_BLOCKS[4], KEY_BLOCKS[0]),
        "ciphertext due": take(NOTHING_COLLECTED, *KEY_BLOCKS),
        "answering": answering(),
        "answering, other key begun": take(answering(), OTHER_KEY_BLOCKS[2]),
    }


STATES = every_state()


def malformed() -> dict[str, bytes]:
    """Blocks that no role may send."""
    key, last = KEY_BLOCKS[1], KEY_BLOCKS[4]
    return {
        "epoch above the one under way": key[:7] + b"\2" + key[8:],
        "epoch 2^31": key[:4] + b"\x80\0\0\0" + key[8:],
        "epoch 0": key[:7] + b"\0" + key[8:],
        "type 3": b"\3" + key[1:],
        "type 0 with data": b"\0" + key[1:],
        "index 5": key[:1] + b"\5" + key[2:],
        "reserved, first byte": key[:2] + b"\1" + key[3:],
        "reserved, second byte": key[:3] + b"\1" + key[4:],
        "fill of the last piece": last[:-1] + b"\1",
        "first byte of the fill": last[: 16 + 160] + b"\1" + last[16 + 161 :],
        "fill of a ciphertext": CIPHERTEXT_BLOCKS[4][: 16 + 96] + b"\1" + CIPHERTEXT_BLOCKS[4][16 + 97 :],
    }
