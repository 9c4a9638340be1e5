"""The ratchet of chapter 07 on plain values: a state goes in, a new one and every value in between come out.

Here are the steps and the sender, an honest one or one that breaks a rule on purpose (`Defect`); `arrival` is
the receiver.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from spec.vectors import kem_ratchet
from spec.vectors.kem_ratchet import EMPTY, Encapsulate
from spec.vectors.suite import aead, body_size, dh, dh_public, hkdf, label, pad, prf, u32

State: TypeAlias = dict[str, Any]
Trace: TypeAlias = dict[str, Any]
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


@dataclass(frozen=True)
class Draws:
    """What chance gives a sender, in the order of use and as far as needed (DR-06, PQ-04, DR-05)."""

    ratchet_private: bytes
    kem_seed: bytes
    encapsulate: Encapsulate
    fresh: bytes


def start_initiator(expansion: bytes, spk: bytes, now_ms: int) -> State:
    """The first state of the initiator (DR-01)."""
    sending = {
        "state": "StepDue",
        "their_key": spk,
        "next_header_key": expansion[32:64],
        "previous_length": 0,
    }
    return _start(expansion, sending, expansion[64:96], kem_ratchet.start(initiator=True), now_ms)


def start_responder(expansion: bytes, spk_private: bytes, now_ms: int) -> State:
    """The first state of the responder (DR-01)."""
    sending = {"state": "Listening", "private_key": spk_private, "next_header_key": expansion[64:96]}
    return _start(expansion, sending, expansion[32:64], kem_ratchet.start(initiator=False), now_ms)


def _start(
    expansion: bytes, sending: Mapping[str, Any], next_receive: bytes, kem: State, now_ms: int
) -> State:
    return {
        "session_id": expansion[96:],
        "root_key": expansion[:32],
        "sending": dict(sending),
        "receiving": {"state": "NoChain"},
        "next_receive": {"header_key": next_receive, "tag": tag(next_receive)},
        "pq_epoch": 0,
        "kem": kem,
        "finished": 0,
        "pq_healing": {"healed_ms": now_ms, "at": 0},
        "skipped": [],
        "healed_ms": now_ms,
    }


def tag(header_key: bytes) -> bytes:
    """tag(hk)."""
    return prf(header_key, "SR1-tag", 8)


def root_step(root_key: bytes, private: bytes, public: bytes, kem: bytes, pq_epoch: int) -> Trace:
    """root(rk, dh, kem, pq_epoch), with its inputs; `kem` is empty where no epoch is mixed."""
    shared = dh(private, public)
    output = hkdf(root_key, shared + kem, label("SR1-root") + u32(pq_epoch), 96)
    return {
        "private_key": private,
        "their_key": public,
        "dh": shared,
        "kem": kem,
        "pq_epoch": pq_epoch,
        "root_key": output[:32],
        "chain_key": output[32:64],
        "next_header_key": output[64:],
    }


def count(state: State) -> int:
    """Messages sent and received so far (PQ-16)."""
    finished: int = state["finished"]
    return finished + int(state["sending"].get("number", 0)) + int(state["receiving"].get("number", 0))


def mix(new: State, role_then: State) -> bytes:
    """The epoch secret of a held kem state goes into use; the roles swap (PQ-06, PQ-12, PQ-14)."""
    secret: bytes = new["kem"]["epoch_secret"]
    new["pq_epoch"] += 1
    new["pq_healing"] = {"healed_ms": new["kem"]["made"]["ms"], "at": new["kem"]["made"]["at"]}
    new["kem"] = role_then
    return secret


def chain_step(chain_key: bytes) -> tuple[bytes, bytes]:
    """chain(ck): next chain key, message key."""
    output = prf(chain_key, "SR1-chain", 64)
    return output[:32], output[32:]


def turn_to_send(state: State, ratchet_private: bytes) -> tuple[State, Trace]:
    """The sending step (DR-06), with the epoch that it mixes (PQ-06)."""
    new = copy.deepcopy(state)
    kem = mix(new, kem_ratchet.start(initiator=False)) if new["kem"]["state"] == "SecretHeld" else b""
    return begin_chain(new, ratchet_private, kem)


def begin_chain(state: State, ratchet_private: bytes, kem: bytes) -> tuple[State, Trace]:
    """A sending chain with this KEM secret, whatever the rules say about it, in the epoch of the state."""
    due = state["sending"]
    step = root_step(state["root_key"], ratchet_private, due["their_key"], kem, state["pq_epoch"])
    sending = {
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
    return {**state, "root_key": step["root_key"], "sending": sending}, step


def prepare(state: State, draws: Draws, now_ms: int, *, first: bool) -> tuple[State, Trace]:
    """All that comes before the salt: sending step, what the KEM ratchet makes, fragment (PQ-04, PQ-05)."""
    root, kem_step, block = None, None, b""
    if state["sending"]["state"] == "StepDue":
        state, root = turn_to_send(state, draws.ratchet_private)
    new = copy.deepcopy(state)
    if not first:
        epoch, made = state["pq_epoch"], {"ms": now_ms, "at": count(state)}
        kem, kem_step = kem_ratchet.prepare(
            state["kem"], epoch, state["session_id"], made, draws.kem_seed, draws.encapsulate
        )
        new["kem"], block = kem_ratchet.next_fragment(kem, epoch)
    return new, {"root_step": root, "kem_step": kem_step, "fragment": block}


def seal(state: State, lead: bytes, content: bytes, draws: Draws, now_ms: int) -> tuple[State, Trace]:
    """Seal a content honestly; `lead` is version, kind and perhaps a prefix (DR-04 to DR-08)."""
    first = lead[:2] == b"\x01\x02"
    state, before = prepare(state, draws, now_ms, first=first)
    body = padded(content, before["fragment"], first=first)
    new, values = seal_body(state, lead, body, draws.fresh)
    return new, {**before, "body": body, **values}


def padded(content: bytes, block: bytes = EMPTY, *, first: bool) -> bytes:
    """The body of a content (WIRE-10 to WIRE-12)."""
    plain = content if first else block + content
    return pad(plain, body_size(len(plain) + 1, first=first))


def seal_body(
    state: State, lead: bytes, body: bytes, fresh: bytes, defect: Defect = HONEST
) -> tuple[State, Trace]:
    """Seal a padded body in the chain that is there (DR-04, DR-07)."""
    new = copy.deepcopy(state)
    sending = new["sending"]
    next_chain_key, message_key = chain_step(sending["chain_key"])
    header = _header(sending, state["pq_epoch"], defect)
    values = seal_with(
        state["session_id"], lead, sending["tag"], sending["header_key"], message_key, fresh, header, body
    )
    sending["chain_key"] = next_chain_key
    sending["number"] += 1
    return new, {"next_chain_key": next_chain_key, **values}


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
