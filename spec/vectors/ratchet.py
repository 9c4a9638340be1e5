"""The ratchet of chapter 07 on plain values: a state goes in, a new one and every value in between come out.

Sealing follows an honest sender, or one that breaks a rule on purpose (`Defect`); opening follows an honest
receiver only.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from spec.vectors.suite import DAY_MS, aead, dh, dh_public, hkdf, label, prf, u32

State: TypeAlias = dict[str, Any]
Trace: TypeAlias = dict[str, Any]
SKIPPED_TTL_MS: Final = 30 * DAY_MS
PREFIX_B: Final = 2108


@dataclass(frozen=True)
class Defect:
    """Values that a sender writes instead of the right ones."""

    ratchet_key: bytes | None = None
    previous_length: int | None = None
    number: int | None = None
    pq_epoch: int | None = None
    flags: int = 0


HONEST: Final = Defect()


def start_initiator(expansion: bytes, spk: bytes, now_ms: int) -> State:
    """The first state of the initiator (DR-01)."""
    sending = {
        "state": "StepDue",
        "their_key": spk,
        "next_header_key": expansion[32:64],
        "previous_length": 0,
    }
    return _start(expansion, sending, expansion[64:96], now_ms)


def start_responder(expansion: bytes, spk_private: bytes, now_ms: int) -> State:
    """The first state of the responder (DR-01)."""
    sending = {"state": "Listening", "private_key": spk_private, "next_header_key": expansion[64:96]}
    return _start(expansion, sending, expansion[32:64], now_ms)


def _start(expansion: bytes, sending: Mapping[str, Any], next_receive: bytes, now_ms: int) -> State:
    return {
        "session_id": expansion[96:],
        "root_key": expansion[:32],
        "sending": dict(sending),
        "receiving": {"state": "NoChain"},
        "next_receive": {"header_key": next_receive, "tag": tag(next_receive)},
        "pq_epoch": 0,
        "skipped": [],
        "healed_ms": now_ms,
    }


def tag(header_key: bytes) -> bytes:
    """tag(hk)."""
    return prf(header_key, "SR1-tag", 8)


def root_step(root_key: bytes, private: bytes, public: bytes, pq_epoch: int) -> Trace:
    """root(rk, dh, empty, pq_epoch), with its inputs."""
    shared = dh(private, public)
    output = hkdf(root_key, shared, label("SR1-root") + u32(pq_epoch), 96)
    return {
        "private_key": private,
        "their_key": public,
        "dh": shared,
        "root_key": output[:32],
        "chain_key": output[32:64],
        "next_header_key": output[64:],
    }


def chain_step(chain_key: bytes) -> tuple[bytes, bytes]:
    """chain(ck): next chain key, message key."""
    output = prf(chain_key, "SR1-chain", 64)
    return output[:32], output[32:]


def turn_to_send(state: State, ratchet_private: bytes) -> tuple[State, Trace]:
    """The sending step (DR-06)."""
    due = state["sending"]
    step = root_step(state["root_key"], ratchet_private, due["their_key"], state["pq_epoch"])
    new = copy.deepcopy(state)
    new["root_key"] = step["root_key"]
    new["sending"] = {
        "state": "Sending",
        "private_key": ratchet_private,
        "public_key": dh_public(ratchet_private),
        "header_key": due["next_header_key"],
        "tag": tag(due["next_header_key"]),
        "chain_key": step["chain_key"],
        "number": 0,
        "previous_length": due["previous_length"],
        "next_header_key": step["next_header_key"],
    }
    return new, step


def seal(
    state: State, lead: bytes, body: bytes, fresh: bytes, ratchet_private: bytes, defect: Defect = HONEST
) -> tuple[State, Trace]:
    """Seal a padded body; `lead` is version, kind and perhaps a prefix (DR-04 to DR-08)."""
    step = None
    if state["sending"]["state"] == "StepDue":
        state, step = turn_to_send(state, ratchet_private)
    new = copy.deepcopy(state)
    sending = new["sending"]
    next_chain_key, message_key = chain_step(sending["chain_key"])
    header = _header(sending, state["pq_epoch"], defect)
    values = seal_with(
        state["session_id"], lead, sending["tag"], sending["header_key"], message_key, fresh, header, body
    )
    sending["chain_key"] = next_chain_key
    sending["number"] += 1
    return new, {"root_step": step, "next_chain_key": next_chain_key, **values}


def seal_with(
    session_id: bytes,
    lead: bytes,
    chain_tag: bytes,
    chain_header_key: bytes,
    message_key: bytes,
    fresh: bytes,
    header: bytes,
    body: bytes,
) -> Trace:
    """Header and body of one message, from its keys (DR-05, DR-07, DR-08)."""
    salt = prf(message_key, "SR1-salt", 16, data=fresh + header + body)
    header_key = prf(chain_header_key, "SR1-header-key", 32, salt)
    body_key = prf(message_key, "SR1-body-key", 32, salt)
    sealed_header = aead(header_key, header, lead[:2] + chain_tag + salt + session_id)
    ahead = lead + chain_tag + salt + sealed_header
    sealed_body = aead(body_key, body, ahead + session_id)
    return {
        "message_key": message_key,
        "header": header,
        "fresh": fresh,
        "salt": salt,
        "header_key": header_key,
        "body_key": body_key,
        "sealed_header": sealed_header,
        "sealed_body": sealed_body,
        "envelope": ahead + sealed_body,
    }


def _header(sending: Mapping[str, Any], pq_epoch: int, defect: Defect) -> bytes:
    def either(wrong: Any, right: Any) -> Any:
        return right if wrong is None else wrong

    counters = u32(
        either(defect.previous_length, sending["previous_length"]),
        either(defect.number, sending["number"]),
        either(defect.pq_epoch, pq_epoch),
        defect.flags,
    )
    key: bytes = either(defect.ratchet_key, sending["public_key"])
    return key + counters


def receive(state: State, header: bytes, chain_tag: bytes, now_ms: int) -> tuple[State, Trace]:
    """The state after a message with this header and tag has opened, and its key (DR-12 to DR-19)."""
    number = int.from_bytes(header[36:40], "big")
    new = copy.deepcopy(state)
    if chain_tag == state["next_receive"]["tag"]:
        return _receive_new_chain(new, header, number, now_ms)
    receiving = state["receiving"]
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
    """The receiving step (DR-14)."""
    sending, behind = new["sending"], 0
    if new["receiving"]["state"] == "Receiving":
        behind = _skip_to(new, int.from_bytes(header[32:36], "big"), now_ms)
    step = root_step(new["root_key"], sending["private_key"], header[:32], new["pq_epoch"])
    new["receiving"] = {
        "state": "Receiving",
        "their_key": header[:32],
        "header_key": new["next_receive"]["header_key"],
        "tag": new["next_receive"]["tag"],
        "chain_key": step["chain_key"],
        "number": 0,
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
    """Skipped keys past their age go (DR-16)."""
    new["skipped"] = [row for row in new["skipped"] if row["stored_ms"] >= now_ms - SKIPPED_TTL_MS]
