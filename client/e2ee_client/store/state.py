"""The store's own state, and the anchor beside it: which run wrote last, and how far it came.

    state  = generation 8 || instance 16 || previous instance 16 || commits 8 || commits at opening 8
             || next sequence number 8 || sum over all rows 32 || unsettled verdict 1     (97 bytes, sealed)
    anchor = store id 16 || generation 8 || instance 16 || commits 8 || file mark 8 || MAC 32   (88 bytes)

The state stands in slot 0 of the database as a box of 256 bytes (STO-20) and is written in the same
transaction as the rows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

from e2ee.ports import Rng
from e2ee.primitives.kdf import equal, prf
from e2ee_client.errors import StoreCorrupt
from e2ee_client.rows import Continuity

from . import sodium
from .header import FORMAT
from .keys import StoreKeys
from .labels import ANCHOR, STATE
from .sealing import SUM_B

INSTANCE_B: Final = 16
STATE_BOX_B: Final = 256
_STATE: Final = struct.Struct(f">Q16s16sQQQ{SUM_B}sB")
_ANCHOR: Final = struct.Struct(">16sQ16sQQ")
_MAC_B: Final = 32
_VERDICTS: Final = {
    0: None,
    1: Continuity.ROLLED_BACK,
    2: Continuity.CLONED,
    3: Continuity.UNKNOWN,
}
_VERDICT_CODES: Final = {verdict: code for code, verdict in _VERDICTS.items()}


@dataclass(frozen=True, slots=True)
class StoreState:
    """What a commit writes besides its rows. `unsettled` is a verdict that the engine has not yet acted
    upon.
    """

    generation: int
    instance: bytes
    previous_instance: bytes
    commits: int
    commits_at_opening: int
    next_seq: int
    total: int
    unsettled: Continuity | None

    def opened(self, generation: int, instance: bytes, unsettled: Continuity | None) -> StoreState:
        """The state with which a new run begins (STO-14)."""
        return replace(
            self,
            generation=generation,
            instance=instance,
            previous_instance=self.instance,
            commits_at_opening=self.commits,
            unsettled=unsettled,
        )


@dataclass(frozen=True, slots=True)
class AnchorRecord:
    """The newest position that is known outside the database. `file_mark` 0 stands for no mark."""

    store_id: bytes
    generation: int
    instance: bytes
    commits: int
    file_mark: int


def first_state(instance: bytes) -> StoreState:
    """The state of a store that was never opened."""
    return StoreState(0, instance, bytes(INSTANCE_B), 0, 0, 1, 0, None)


class StateSealer:
    """Seals the state row, and authenticates the anchor, under the subkeys of one store."""

    __slots__ = ("_keys", "_rng", "_store_id")

    def __init__(self, keys: StoreKeys, store_id: bytes, rng: Rng) -> None:
        self._keys = keys
        self._store_id = store_id
        self._rng = rng

    def __repr__(self) -> str:
        return "<StateSealer>"

    def seal(self, state: StoreState) -> bytes:
        """Return the state's box, 256 bytes."""
        packed = _STATE.pack(
            state.generation,
            state.instance,
            state.previous_instance,
            state.commits,
            state.commits_at_opening,
            state.next_seq,
            state.total.to_bytes(SUM_B),
            _VERDICT_CODES[state.unsettled],
        )
        plaintext = packed.ljust(STATE_BOX_B - sodium.NONCE_B - sodium.TAG_B, b"\0")
        nonce = self._rng(sodium.NONCE_B)
        return nonce + sodium.seal(self._keys.state.expose(), nonce, plaintext, self._associated())

    def open_(self, box: bytes) -> StoreState:
        """Return the state.

        Raises:
            StoreCorrupt: the box was changed or belongs to another store (STO-02).
        """
        try:
            plaintext = sodium.open_(
                self._keys.state.expose(), box[: sodium.NONCE_B], box[sodium.NONCE_B :], self._associated()
            )
        except sodium.DoesNotOpen:
            raise StoreCorrupt("the state of the store does not open") from None
        generation, instance, before, commits, opened_at, seq, total, verdict = _STATE.unpack_from(plaintext)
        return StoreState(
            generation, instance, before, commits, opened_at, seq, int.from_bytes(total), _VERDICTS[verdict]
        )

    def encode_anchor(self, state: StoreState, file_mark: int) -> bytes:
        """Return the 88 bytes that the anchor keeps (STO-14)."""
        body = _ANCHOR.pack(self._store_id, state.generation, state.instance, state.commits, file_mark)
        return body + self._mac(body)

    def decode_anchor(self, data: bytes | None) -> AnchorRecord | None:
        """Return the anchor's record; None if it is missing, damaged or of another store."""
        if data is None or len(data) != _ANCHOR.size + _MAC_B:
            return None
        body, mac = data[: _ANCHOR.size], data[_ANCHOR.size :]
        if not equal(mac, self._mac(body)):
            return None
        # Another store has another anchor key, so its record does not get here.
        return AnchorRecord(*_ANCHOR.unpack(body))

    def _mac(self, body: bytes) -> bytes:
        return prf(self._keys.anchor.expose(), ANCHOR, _MAC_B, data=body)

    def _associated(self) -> bytes:
        return STATE + FORMAT.to_bytes(2) + self._store_id


def crashed_while_opening(state: StoreState, anchor: AnchorRecord | None) -> bool:
    """True if the run before wrote the database but not yet the anchor, and so never handed the store out
    (STO-14).
    """
    return (
        anchor is not None
        and state.generation == anchor.generation + 1
        and state.previous_instance == anchor.instance
        and state.commits == state.commits_at_opening
        and state.commits >= anchor.commits
    )


def judge(state: StoreState, anchor: AnchorRecord | None, file_mark: int) -> Continuity:
    """Compare the database with the anchor (STO-14, the table in chapter 12)."""
    if state.commits == 0 and (anchor is None or anchor.commits == 0):
        return Continuity.FRESH
    if anchor is None:
        return Continuity.UNKNOWN
    verdict = _compare_positions(state, anchor)
    if verdict is Continuity.CONTINUOUS and anchor.file_mark and file_mark and anchor.file_mark != file_mark:
        return Continuity.CLONED
    return verdict


def _compare_positions(state: StoreState, anchor: AnchorRecord) -> Continuity:
    if crashed_while_opening(state, anchor):
        return Continuity.CONTINUOUS
    if state.generation != anchor.generation:
        behind = state.generation < anchor.generation
        return Continuity.ROLLED_BACK if behind else Continuity.CLONED
    if state.instance != anchor.instance:
        return Continuity.CLONED
    return Continuity.CONTINUOUS if state.commits >= anchor.commits else Continuity.ROLLED_BACK
