"""States of the core in the form of the vector files (chapters 07 and 09)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vector_files import unhex

from e2ee.ratchet import stored
from e2ee.ratchet.state import Listening, NoChain, RatchetState, StepDue

KEM_STATES = ("KeyDue", "Offering", "SecretHeld", "Collecting", "CiphertextDue", "Answering")
PIECE_B = 256


class Wholes:
    """The keys and ciphertext messages of a file, by id; states name them."""

    def __init__(self, epochs: list[dict[str, Any]]) -> None:
        keys = {unhex(one["key_id"]): unhex(one["key"]) for one in epochs}
        answered = [one for one in epochs if "ciphertext_id" in one]
        messages = {unhex(one["ciphertext_id"]): unhex(one["ciphertext_message"]) for one in answered}
        self._by_id: Mapping[bytes, bytes] = keys | messages

    def id_of(self, whole: bytes) -> bytes:
        """The id of a key or ciphertext message."""
        return next(name for name, known in self._by_id.items() if known == whole)

    def pieces(self, row: Any) -> dict[str, Any] | None:
        """Collected pieces: their hash and indexes, each compared with what it must be."""
        if row is None:
            return None
        mark, pieces = row
        there = [index for index, piece in enumerate(pieces) if piece is not None]
        for index in there:
            expected = self._by_id[mark][PIECE_B * index : PIECE_B * (index + 1)]
            assert pieces[index] == expected.ljust(len(pieces[index]), b"\0")
        return {"hash": mark, "there": there}


def _made(row: Any) -> dict[str, int]:
    return {"ms": row[0], "at": row[1]}


def kem_state(state: RatchetState, wholes: Wholes) -> dict[str, Any]:
    """A kem state by its stored form (SES-14), under the name that chapter 09 gives it."""
    row: Any = stored.encode_kem(state.kem)
    name = KEM_STATES[row[0]]
    assert type(state.kem).__name__ == name
    shown: dict[str, Any] = {"state": name}
    match row:
        case [1, seed, sent, pieces, made]:
            given = {"seed": seed, "sent": sent, "pieces": wholes.pieces(pieces)}
            return {**shown, **given, "made": _made(made)}
        case [2, secret, ciphertext_id, made]:
            return {**shown, "epoch_secret": secret, "ciphertext_id": ciphertext_id, "made": _made(made)}
        case [3, pieces]:
            return {**shown, "pieces": wholes.pieces(pieces)}
        case [4, key]:
            return {**shown, "key_id": wholes.id_of(key)}
        case [5, key_id, message, secret, sent, pieces, made]:
            given = {"key_id": key_id, "ciphertext_id": wholes.id_of(message), "epoch_secret": secret}
            rest = {"sent": sent, "pieces": wholes.pieces(pieces), "made": _made(made)}
            return {**shown, **given, **rest}
        case _:
            return shown


def described(state: RatchetState, wholes: Wholes) -> dict[str, Any]:
    """A whole state."""
    return {
        "session_id": state.session_id,
        "root_key": state.root_key.expose(),
        "sending": _sending(state),
        "receiving": _receiving(state),
        "next_receive": {"header_key": state.next_receive.header_key.expose(), "tag": state.next_receive.tag},
        "pq_epoch": state.pq_epoch,
        "kem": kem_state(state, wholes),
        "finished": state.healing.finished,
        "pq_healing": {
            "healed_ms": state.healing.post_quantum.at_ms,
            "at": state.healing.post_quantum.messages,
        },
        "skipped": [
            {
                "tag": row.tag,
                "number": row.number,
                "header_key": row.header_key.expose(),
                "message_key": row.message_key.expose(),
                "stored_ms": row.stored_ms,
            }
            for row in state.skipped
        ],
        "healed_ms": state.healing.healed_ms,
    }


def _sending(state: RatchetState) -> dict[str, Any]:
    sending = state.sending
    shown: dict[str, Any] = {
        "state": type(sending).__name__,
        "next_header_key": sending.next_header_key.expose(),
    }
    if isinstance(sending, Listening):
        return {**shown, "private_key": sending.private_key.expose()}
    if isinstance(sending, StepDue):
        return {**shown, "their_key": sending.their_key, "previous_length": sending.previous_length}
    return {
        **shown,
        "private_key": sending.private_key.expose(),
        "public_key": sending.public_key,
        "header_key": sending.header_key.expose(),
        "tag": sending.tag,
        "chain_key": sending.chain_key.expose(),
        "number": sending.number,
        "previous_length": sending.previous_length,
    }


def _receiving(state: RatchetState) -> dict[str, Any]:
    receiving = state.receiving
    if isinstance(receiving, NoChain):
        return {"state": "NoChain"}
    return {
        "state": "Receiving",
        "their_key": receiving.their_key,
        "header_key": receiving.header_key.expose(),
        "tag": receiving.tag,
        "chain_key": receiving.chain_key.expose(),
        "number": receiving.number,
        "pq_epoch": receiving.pq_epoch,
    }
