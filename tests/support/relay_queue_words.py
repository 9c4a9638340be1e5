"""Seqs and messages of the relay in the words of RelayQueue: a seq is generation * 10 + counter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from e2ee_relay.store.sqlite_view import SEQ_COUNTER_BITS
from e2ee_relay.store.sqlite_view import Row as Held
from model_traces import as_set

START_MS: Final = 1_800_000_000_000
LIFE_MS: Final = 60_000

Row = dict[str, int]


def seq_of(seq: int) -> int:
    """Return the model's number of a seq."""
    return (seq >> SEQ_COUNTER_BITS) * 10 + seq % (1 << SEQ_COUNTER_BITS)


def real_seq_of(seq: int) -> int:
    """Return the seq of a model's number."""
    return (seq // 10 << SEQ_COUNTER_BITS) + seq % 10


def row_of(seq: int, msg_id: bytes, expires_ms: int) -> Row:
    """Return a stored message."""
    until = (expires_ms - START_MS) // LIFE_MS
    return {"seq": seq_of(seq), "id": int.from_bytes(msg_id, "big"), "until": until}


def held_of(rows: Mapping[int, Held], known: Mapping[int, Row]) -> list[Any]:
    """Return messages of the relay's memory, which the test knows by their row ids."""
    for seq, row in rows.items():
        if known[row.row_id]["seq"] != seq_of(seq):
            raise ValueError("a row of another number")
    return as_set(known[row.row_id] for row in rows.values())
