"""Chapters 07 and 09 recomputed by the core, step by step: ratchet.json and pq.json."""

from __future__ import annotations

from typing import Any

import pytest
from vector_devices import responder_keys
from vector_files import hexed, unhex
from vector_play import conversation
from vector_states import described

from e2ee import handshake, labels
from e2ee.primitives import dh, kdf
from e2ee.ratchet import step as ratchet_step
from e2ee.secret import RatchetPrivateKey
from e2ee.wire import envelope

FILES = ("ratchet.json", "pq.json")
EACH_FILE = pytest.mark.parametrize("name", FILES)
NUMBERED = pytest.mark.parametrize(
    ("name", "at"), [(name, at) for name in FILES for at in range(len(conversation(name).steps))]
)


def test_the_transcript_is_long_enough_and_covers_what_it_should() -> None:
    """Turns, skips, arrivals out of order and across chains, one lost, and keys that went by age (DR-16)."""
    steps = conversation("ratchet.json").steps
    assert sum(step["action"] == "send" for step in steps) == 21
    assert sum(step["root_step"] is not None for step in steps if step["action"] == "receive") >= 6
    assert max(len({row["tag"] for row in step["after"]["skipped"]}) for step in steps) >= 2
    assert steps[-1]["dropped"] > 0
    arrived = {step["message"] for step in steps if step["action"] == "receive"}
    assert {step["message"] for step in steps} > arrived


@NUMBERED
def test_step(name: str, at: int) -> None:
    """DR-01 to DR-08, DR-10, DR-12 to DR-17, DR-19, PQ-04 to PQ-14: values and states are as recorded."""
    step, made, state, _ = conversation(name).played[at]
    assert hexed(made) == {name: step[name] for name in made}
    assert hexed(state) == step["after"]
    around = {"side", "action", "message", "now_ms", "before", "after"}
    derived = {"message_key", "root_step"} if step["action"] == "receive" else set()
    assert set(step) - around - derived == set(made) - derived


@NUMBERED
def test_states_before(name: str, at: int) -> None:
    """DR-01, DR-18: a state is left as the step before of the same side made it."""
    whole = conversation(name)
    step = whole.steps[at]
    earlier = [one.state for one in whole.played[:at] if one.step["side"] == step["side"]]
    assert (hexed(earlier[-1]) if earlier else whole.file["start"][step["side"]]) == step["before"]


@EACH_FILE
def test_start_states(name: str) -> None:
    """DR-01, DR-02, PQ-01: both first states, by the core's own handshake."""
    whole = conversation(name)
    keys = responder_keys(whole.file["responder"], whole.file)
    prefix = envelope.decode(unhex(whole.steps[0]["envelope"])).prefix
    accepted_ms = next(step["now_ms"] for step in whole.steps if step["side"] == "B")
    response = handshake.respond(envelope.decode_prefix(prefix), keys, lambda _: None, accepted_ms)
    spk = RatchetPrivateKey(keys.spk.private.expose())
    responder = ratchet_step.start_responder(response.keys, spk, accepted_ms)
    assert hexed(described(responder, whole.wholes)) == whole.file["start"]["B"]
    assert hexed(described(whole.initiated().ratchet, whole.wholes)) == whole.file["start"]["A"]


ARRIVALS = [
    pytest.param(name, step, id=f"{name}-{step['side']}-{step['message']}")
    for name in FILES
    for step in conversation(name).steps
    if step["action"] == "receive"
]


@pytest.mark.parametrize(("name", "step"), ARRIVALS)
def test_keys_of_arrivals(name: str, step: dict[str, Any]) -> None:
    """DR-04, DR-14, PQ-12: the receiver's root step and message key are the sender's."""
    whole = conversation(name)
    sent = whole.sent(step["message"])
    assert step["message_key"] == sent["message_key"]
    if step["root_step"] is None:
        return
    begun = next(one for one in whole.steps if one["action"] == "send" and one["tag"] == sent["tag"])
    assert hexed(_both_ways(step, begun)) == [step["root_step"][output] for output in ROOT_OUTPUTS]
    same = (*ROOT_OUTPUTS, "kem", "pq_epoch")
    assert [begun["root_step"][one] for one in same] == [step["root_step"][one] for one in same]


ROOT_OUTPUTS = ("dh", "root_key", "chain_key", "next_header_key")


def _both_ways(step: dict[str, Any], begun: dict[str, Any]) -> list[bytes]:
    root = step["root_step"]
    shared = dh.exchange(unhex(root["private_key"]), unhex(root["their_key"]))
    assert shared.hex() == begun["root_step"]["dh"]
    info = labels.ROOT + root["pq_epoch"].to_bytes(4, "big")
    output = kdf.hkdf(unhex(step["before"]["root_key"]), shared + unhex(root["kem"]), info, 96)
    return [shared, output[:32], output[32:64], output[64:]]
