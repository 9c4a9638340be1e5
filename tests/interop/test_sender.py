"""The sending half that was written from the chapters alone, over the vectors: every byte that it makes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import independent_reader as reader
import independent_sender as sender
import independent_stored as stored
import pytest
from independent_refusal import Refused

VECTORS = Path(__file__).resolve().parents[2] / "spec" / "vectors"


@cache
def load(name: str) -> dict[str, Any]:
    """One file of vectors."""
    data: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return data


def unhex(text: str) -> bytes:
    """Bytes out of hexadecimal."""
    return bytes.fromhex(text)


# --- chapter 06 ---


@pytest.mark.parametrize("case", load("handshake.json")["cases"], ids=lambda case: case["name"])
def test_an_initiator_gives_the_values_of_the_vectors(case: dict[str, Any]) -> None:
    """HS-02, HS-13, WIRE-15: prefix and keys from a bundle, private keys and fresh bytes."""
    data = load("handshake.json")
    ours = data["initiator"]
    me = sender.Initiator(*(unhex(ours[name]) for name in ("dh_private", "hedge", "record", "signed_list")))
    account = reader.Record.parse(unhex(data["responder"]["record"])).account
    found = reader.verify_bundle(unhex(case["bundle"]), account, None, [], data["now_ms"])
    spk, *opk, pqk = found.prekeys
    offered = sender.Offered(found.record.raw, found.record.dh_pub, spk, opk[0] if opk else None, pqk)
    kem = unhex(case["ciphertext"]), unhex(case["kem_secret"])
    begun = sender.initiate(me, offered, unhex(case["fresh"]), kem)
    assert begun.prefix.hex() == case["prefix"]
    assert (begun.root_key.hex(), begun.session_id.hex()) == (case["root_key"], case["session_id"])
    header_keys = [case["initiator_header_key"], case["responder_header_key"]]
    assert [key.hex() for key in begun.header_keys] == header_keys


# --- chapters 07 and 09 ---


def receiving_of(row: dict[str, Any]) -> reader.Receiving | None:
    """The receiving chain of a state in the transcript."""
    chain = row["receiving"]
    if chain["state"] == "NoChain":
        return None
    key, header_key, chain_key = (unhex(chain[name]) for name in ("their_key", "header_key", "chain_key"))
    return reader.Receiving(key, header_key, chain_key, chain["number"], chain["pq_epoch"])


def sending_of(row: dict[str, Any]) -> sender.Due | sender.Chain:
    """The sending half of a state in the transcript."""
    side = row["sending"]
    if side["state"] == "StepDue":
        their_key, next_header_key = unhex(side["their_key"]), unhex(side["next_header_key"])
        return sender.Due(their_key, next_header_key, side["previous_length"])
    private, header_key, chain_key = (
        unhex(side[name]) for name in ("private_key", "header_key", "chain_key")
    )
    numbers = side["number"], side["previous_length"]
    return sender.Chain(private, header_key, chain_key, *numbers, unhex(side["next_header_key"]))


def kem_of(row: dict[str, Any], epochs: list[dict[str, Any]]) -> reader.Kem:
    """What a sender needs of a state of the KEM ratchet; `pieces` stands for all that it has collected."""
    seed, key_id = unhex(row.get("seed", "")), unhex(row.get("key_id", ""))
    message = b""
    for one in epochs:
        if row["state"] == "CiphertextDue" and one["key_id"] == row["key_id"]:
            message = unhex(one["key"])
        elif row["state"] == "Answering" and one.get("ciphertext_id") == row["ciphertext_id"]:
            message = unhex(one["ciphertext_message"])
    if seed:
        key_id = reader.key_id_of(reader.kem_public(seed))
    made = row.get("made", {"ms": 0, "at": 0})
    pieces = (b"some",) if row.get("pieces") else ()
    late = ((made["ms"], made["at"]), row.get("sent", 0), b"", pieces)
    return reader.Kem(row["state"], seed, key_id, message, unhex(row.get("epoch_secret", "")), *late)


def state_of(row: dict[str, Any], epochs: list[dict[str, Any]]) -> reader.State:
    """What a sender needs of a state of the transcript, beside the sending half."""
    nobody = reader.Sending(None, None, b"", 0)
    return reader.State(
        unhex(row["session_id"]),
        unhex(row["root_key"]),
        nobody,
        receiving_of(row),
        unhex(row["next_receive"]["header_key"]),
        row["pq_epoch"],
        (),
        row["healed_ms"],
        kem_of(row["kem"], epochs),
        row["finished"],
        (row["pq_healing"]["healed_ms"], row["pq_healing"]["at"]),
    )


def draws_of(step: dict[str, Any]) -> sender.Draws:
    """What chance gave to a step."""
    root, made = step["root_step"] or {}, step["kem_step"] or {}
    kem = unhex(made.get("ciphertext", "")), unhex(made.get("kem_secret", ""))
    private, seed = unhex(root.get("private_key", "")), unhex(made.get("seed", ""))
    return sender.Draws(private, seed, kem, unhex(step["fresh"]))


@pytest.mark.parametrize("name", ["ratchet.json", "pq.json"])
@pytest.mark.parametrize("side", ["A", "B"])
def test_every_message_of_the_transcript_is_sealed(side: str, name: str) -> None:
    """DR-03 to DR-08, PQ-02 to PQ-06: envelope and state after it."""
    data = load(name)
    sent = 0
    for step in (one for one in data["steps"] if one["side"] == side and one["action"] == "send"):
        before, after = step["before"], step["after"]
        raw, content = unhex(step["envelope"]), unhex(step["content"])
        prefix = raw[2 : 2 + reader.PREFIX_B] if raw[1] == 2 else b""
        state, sending = state_of(before, data["epochs"]), sending_of(before)
        sealed = sender.seal(state, sending, prefix, content, draws_of(step), step["now_ms"])
        assert sealed.envelope == raw
        assert (sealed.root_key.hex(), sealed.pq_epoch) == (after["root_key"], after["pq_epoch"])
        assert sealed.chain == sending_of(after)
        assert sealed.kem == kem_of(after["kem"], data["epochs"])
        sent += 1
    assert sent >= 9


REPLIES = [case for case in load("pq_cases.json")["cases"] if case["reply"] is not None]


@pytest.mark.parametrize("case", REPLIES, ids=lambda case: case["name"])
def test_a_reply_of_a_single_step_is_sealed(case: dict[str, Any]) -> None:
    """PQ-04, PQ-05, PQ-15: the next message of a stored session."""
    data, reply, after = load("pq_cases.json"), case["reply"], case["after"]
    raw = unhex(after["session"])
    rows = [(unhex(row["place"]), unhex(row["value"])) for row in after["skipped"]]
    state, epoch = stored.session(raw, rows)
    kem = reply["encapsulated"] or {"ciphertext": "", "secret": ""}
    draws = sender.Draws(
        unhex(reply["ratchet_private"] or ""),
        unhex(reply["seed"] or "00" * 64),
        (unhex(kem["ciphertext"]), unhex(kem["secret"])),
        unhex(reply["fresh"]),
    )
    sealed = sender.seal_stored(state, epoch, raw, unhex(data["content"]), draws, data["now_ms"])
    assert sealed.envelope.hex() == reply["envelope"]


@pytest.mark.parametrize("case", load("sessions.json")["epochs"], ids=lambda case: str(case["known"]))
def test_the_epoch_of_a_new_session(case: dict[str, Any]) -> None:
    """SES-21"""
    if case["epoch"] is None:
        with pytest.raises(Refused, match=r"local\.counter_exhausted"):
            sender.next_epoch(case["known"], case["now_ms"])
    else:
        assert sender.next_epoch(case["known"], case["now_ms"]) == case["epoch"]
