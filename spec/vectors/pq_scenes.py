"""Moments of pq.json for single cases: a receiver in some kem state, and a sender that it can read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from spec.vectors import kem_ratchet, ratchet
from spec.vectors.content_vectors import text
from spec.vectors.kem_ratchet import CIPHERTEXT_TYPE, KEY_TYPE, KemState, fragment, piece
from spec.vectors.ratchet import HONEST, Defect, State, padded
from spec.vectors.ratchet_vectors import stored_row, stored_session
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, kem_public
from spec.vectors.transcript import KIND_1, Transcript

LATER_MS: Final = NOW_MS + DAY_MS
FRESH: Final = draw("pq case fresh", 16)
PRIVATE: Final = draw("pq case ratchet key", 32)
OTHER_SEED: Final = draw("pq case other kem seed", 64)
THIRD_SEED: Final = draw("pq case third kem seed", 64)


@dataclass(frozen=True)
class Moment:
    """The states of both sides after a step of the conversation; `name` is the receiver's side."""

    played: Transcript
    name: str
    receiver: State
    sender: State

    @property
    def epoch(self) -> int:
        """The epoch under way, as the receiver has it."""
        return int(self.receiver["pq_epoch"]) + 1

    @property
    def session_id(self) -> bytes:
        session_id: bytes = self.receiver["session_id"]
        return session_id

    def holding(self, kem: KemState) -> Moment:
        """The same moment with another kem state of the receiver."""
        return replace(self, receiver={**self.receiver, "kem": kem})

    def stored(self, state: State | None = None) -> dict[str, Any]:
        """The receiver's stored session and its rows, or those of a later state of it."""
        one = self.receiver if state is None else state
        opened_ms = NOW_MS if state is None else LATER_MS
        session = stored_session(self.played, self.name, one, True, opened_ms)
        return {"session": cbor(session), "skipped": [stored_row(row) for row in one["skipped"]]}

    @property
    def chain(self) -> State:
        """The sender's state with a chain to send in: its own, or one that this receiver takes."""
        if self.sender["sending"]["state"] == "Sending":
            return self.sender
        if self.receiver["kem"]["state"] == "Answering":
            return ratchet.turn_to_send(self.sender, PRIVATE)[0]
        return self.begun(b"", self.sender["pq_epoch"])

    def begun(self, secret: bytes, pq_epoch: int) -> State:
        """The sender's state with a chain begun with this KEM secret and epoch."""
        return ratchet.begin_chain({**self.sender, "pq_epoch": pq_epoch}, PRIVATE, secret)[0]

    def message(self, block: bytes, sender: State | None = None, defect: Defect = HONEST) -> dict[str, Any]:
        """A message of the sender with any block: tag and all values of its sealing."""
        state = self.chain if sender is None else sender
        body = padded(cbor(CONTENT), block, first=False)
        _, trace = ratchet.seal_body(state, KIND_1, body, FRESH, defect)
        return {**trace, "tag": state["sending"]["tag"]}


MADE: Final = {"ms": NOW_MS, "at": 0}
CONTENT: Final[dict[int, Value]] = text("pq case", "x")


def moment(played: Transcript, receiver: str, step: str) -> Moment:
    """The moment after a step, written as in a plan, with that receiver."""
    names = [
        f"{one['side']}{'>' if one['action'] == 'send' else '<'}{one['message']}" for one in played.steps
    ]
    latest = {one["side"]: one["after"] for one in played.steps[: names.index(step) + 1]}
    return Moment(played, receiver, latest[receiver], latest["B" if receiver == "A" else "A"])


def key_piece(epoch: int, seed: bytes, index: int) -> bytes:
    """The block of a piece of the key of a seed."""
    key = kem_public(seed)
    return fragment(KEY_TYPE, index, epoch, kem_ratchet.key_id(key), piece(key, index))


def false_key_piece(epoch: int, key: bytes, index: int, mark: bytes | None = None) -> bytes:
    """A piece of bytes that are no key, under their own id or another."""
    name = kem_ratchet.key_id(key) if mark is None else mark
    return fragment(KEY_TYPE, index, epoch, name, piece(key, index))


def message_piece(epoch: int, for_key: bytes, message: bytes, index: int, mark: bytes | None = None) -> bytes:
    """A piece of a ciphertext message for the key of that id, under its own id or another."""
    name = kem_ratchet.ciphertext_id(for_key, message) if mark is None else mark
    return fragment(CIPHERTEXT_TYPE, index, epoch, name, piece(message, index))


def held(mark: bytes, whole: bytes, *indexes: int) -> dict[str, Any]:
    """Collected pieces of a whole."""
    pieces = [piece(whole, at) if at in indexes else None for at in range(kem_ratchet.PIECES)]
    return {"hash": mark, "pieces": pieces}


def all_but(mark: bytes, whole: bytes, missing: int) -> dict[str, Any]:
    """All pieces of a whole but one."""
    return held(mark, whole, *(at for at in range(kem_ratchet.PIECES) if at != missing))
