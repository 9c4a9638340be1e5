"""Arrivals in the ratchet of chapter 07 on plain values: the receiver's half of `ratchet`.

It takes honest headers only; the fragment of chapter 09 is refused where it must be.
"""

from __future__ import annotations

import copy
from typing import Final

from spec.vectors import kem_ratchet
from spec.vectors.ratchet import State, Trace, chain_step, count, mix, root_step, tag
from spec.vectors.suite import DAY_MS

SKIPPED_TTL_MS: Final = 30 * DAY_MS
MAX_SKIPPED: Final = 1000


def receive(state: State, header: bytes, chain_tag: bytes, block: bytes, now_ms: int) -> tuple[State, Trace]:
    """The state after a message with this header, tag and fragment block has opened, and its key.

    The block is empty bytes in a body of kind 2. Rules DR-12 to DR-19, then PQ-07 to PQ-11.
    """
    new, trace = _receive_header(copy.deepcopy(state), header, chain_tag, now_ms)
    kem_step = None
    if block:
        new["kem"], kem_step = kem_ratchet.receive(
            new["kem"], new["pq_epoch"], new["session_id"], block, new_chain=trace["new_chain"]
        )
    return new, {**trace, "kem_step": kem_step}


def _receive_header(new: State, header: bytes, chain_tag: bytes, now_ms: int) -> tuple[State, Trace]:
    number, receiving = int.from_bytes(header[36:40], "big"), new["receiving"]
    if chain_tag == new["next_receive"]["tag"]:
        return _receive_new_chain(new, header, number, now_ms)
    if receiving["state"] == "Receiving" and receiving["tag"] == chain_tag and number >= receiving["number"]:
        return _receive_ahead(new, number, 0, now_ms)
    return _receive_skipped(new, chain_tag, number, now_ms)


def _receive_skipped(new: State, chain_tag: bytes, number: int, now_ms: int) -> tuple[State, Trace]:
    before = len(new["skipped"])
    _drop_old(new, now_ms)
    dropped = before - len(new["skipped"])
    found = next(row for row in new["skipped"] if row["tag"] == chain_tag and row["number"] == number)
    new["skipped"].remove(found)
    trace = {"message_key": found["message_key"], "new_chain": False, "missing": 0, "dropped": dropped}
    return new, {"root_step": None, **trace}


def _receive_ahead(new: State, number: int, behind: int, now_ms: int) -> tuple[State, Trace]:
    receiving = new["receiving"]
    missing = behind + _skip_to(new, number, now_ms)
    next_chain_key, message_key = chain_step(receiving["chain_key"])
    receiving["chain_key"] = next_chain_key
    receiving["number"] = number + 1
    before = len(new["skipped"])
    _drop_old(new, now_ms)
    dropped = before - len(new["skipped"])
    trace = {"message_key": message_key, "new_chain": False, "missing": missing, "dropped": dropped}
    return new, {"root_step": None, **trace}


def _receive_new_chain(new: State, header: bytes, number: int, now_ms: int) -> tuple[State, Trace]:
    """The receiving step (DR-14), with the epoch that it mixes (PQ-12)."""
    sending, behind = new["sending"], 0
    if new["receiving"]["state"] == "Receiving":
        behind = _skip_to(new, int.from_bytes(header[32:36], "big"), now_ms)
    new["finished"] = count(new)
    epoch = int.from_bytes(header[40:44], "big")
    kem = mix(new, kem_ratchet.start(initiator=True)) if epoch > new["pq_epoch"] else b""
    step = root_step(new["root_key"], sending["private_key"], header[:32], kem, new["pq_epoch"])
    new["receiving"] = {
        "state": "Receiving",
        "their_key": header[:32],
        "header_key": new["next_receive"]["header_key"],
        "tag": new["next_receive"]["tag"],
        "chain_key": step["chain_key"],
        "number": 0,
        "pq_epoch": epoch,
    }
    new["sending"] = {
        "state": "StepDue",
        "their_key": header[:32],
        "next_header_key": sending["next_header_key"],
        "previous_length": sending.get("number", 0),
    }
    new["root_key"] = step["root_key"]
    new["next_receive"] = {"header_key": step["next_header_key"], "tag": tag(step["next_header_key"])}
    new["healed_ms"] = now_ms
    new, trace = _receive_ahead(new, number, behind, now_ms)
    return new, {**trace, "root_step": step, "new_chain": True}


def _skip_to(new: State, number: int, now_ms: int) -> int:
    """Store the keys of the current chain up to a number; returns how many."""
    receiving = new["receiving"]
    count = 0
    while receiving["number"] < number:
        receiving["chain_key"], message_key = chain_step(receiving["chain_key"])
        row = {
            "tag": receiving["tag"],
            "number": receiving["number"],
            "header_key": receiving["header_key"],
            "message_key": message_key,
            "stored_ms": now_ms,
        }
        # Rows of one chain stand together, older chains first.
        same = [at for at, other in enumerate(new["skipped"]) if other["tag"] == row["tag"]]
        new["skipped"].insert(same[-1] + 1 if same else len(new["skipped"]), row)
        receiving["number"] += 1
        count += 1
    return count


def _drop_old(new: State, now_ms: int) -> None:
    """Skipped keys past their age go, and beyond 1000 the first by time, tag and number (DR-16)."""
    young = [row for row in new["skipped"] if row["stored_ms"] >= now_ms - SKIPPED_TTL_MS]
    by_age = sorted(young, key=lambda row: (row["stored_ms"], row["tag"], row["number"]))
    gone = by_age[: max(0, len(young) - MAX_SKIPPED)]
    new["skipped"] = [row for row in young if row not in gone]
