"""Chapter 07 and stored sessions recomputed by the core: ratchet.json step by step, and snapshot.json."""

from __future__ import annotations

from typing import Any

import pytest
from vector_devices import list_of, our_device, responder_keys
from vector_files import hexed, load, recorded, scripted, unhex

from e2ee import content, labels, pair, prekeys, session, snapshot
from e2ee.constants import FRAGMENT_B
from e2ee.primitives import dh, kdf
from e2ee.ratchet import chain
from e2ee.ratchet.state import Listening, NoChain, RatchetState, Sending, StepDue
from e2ee.secret import ChainKey, HeaderKey, RootKey
from e2ee.session import Session
from e2ee.wire import envelope, padding

FILE = load("ratchet.json")
STEPS = FILE["steps"]
A, B = our_device(FILE["initiator"]), our_device(FILE["responder"])


def _initiated() -> Session:
    bundle = prekeys.verify_bundle(B.record.account_id, None, [], unhex(FILE["bundle"]), FILE["start_ms"])
    rng = scripted(FILE["fresh"])
    encapsulate = recorded(FILE["ciphertext"], FILE["kem_secret"])
    return session.initiate(
        A, list_of(FILE["initiator"]), bundle, FILE["gen"], FILE["start_ms"], rng, encapsulate
    )


def _described(state: RatchetState) -> dict[str, Any]:
    """A state in the form of the vector file."""
    return {
        "session_id": state.session_id,
        "root_key": state.root_key.expose(),
        "sending": _sending(state),
        "receiving": _receiving(state),
        "next_receive": {"header_key": state.next_header_key.expose(), "tag": state.next_tag},
        "pq_epoch": state.pq_epoch,
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
        "healed_ms": state.healed_ms,
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
    }


def _root_step(before: RatchetState, step: dict[str, Any]) -> dict[str, Any] | None:
    """The root step that the core's functions give for the recorded keys (DR-06, DR-14)."""
    if step["root_step"] is None:
        return None
    private, public = unhex(step["root_step"]["private_key"]), unhex(step["root_step"]["their_key"])
    shared = dh.exchange(private, public)
    outputs = chain.root(RootKey(before.root_key.expose()), shared, b"", before.pq_epoch)
    return {
        "private_key": private,
        "their_key": public,
        "dh": shared,
        "root_key": outputs.root_key.expose(),
        "chain_key": outputs.chain_key.expose(),
        "next_header_key": outputs.next_header_key.expose(),
    }


def _sealed(step: dict[str, Any], before: Session, after: Session, whole: bytes) -> dict[str, Any]:
    """Every value between content and envelope, by the core's functions, from the states around the step."""
    sent = after.ratchet.sending
    assert isinstance(sent, Sending)
    old, root_step = before.ratchet.sending, _root_step(before.ratchet, step)
    chain_key = root_step["chain_key"] if root_step else old.chain_key.expose()  # type: ignore[union-attr]  # Sending if no step was due
    next_chain_key, message_key = chain.step(ChainKey(chain_key).expose())
    encoded, fresh = unhex(step["content"]), unhex(step["fresh"])
    raw = envelope.decode(whole)
    fragment = b"" if raw.prefix else bytes(FRAGMENT_B)
    classes = padding.first_body_class if raw.prefix else padding.body_class
    body = padding.pad(fragment + encoded, classes(len(fragment + encoded) + 1))
    counters = b"".join(value.to_bytes(4, "big") for value in (sent.previous_length, sent.number - 1, 0, 0))
    header = sent.public_key + counters
    salt = chain.hedged_salt(message_key, fresh, header, body)
    return {
        "content": encoded,
        "body": body,
        "tag": chain.tag(HeaderKey(sent.header_key.expose())),
        "root_step": root_step,
        "next_chain_key": next_chain_key,
        "message_key": message_key,
        "header": header,
        "fresh": fresh,
        "salt": salt,
        "header_key": chain.header_key(sent.header_key, salt),
        "body_key": chain.body_key(message_key, salt),
        "sealed_header": raw.sealed_header,
        "sealed_body": raw.sealed_body,
        "envelope": whole,
    }


def _send(ours: Session, step: dict[str, Any]) -> tuple[Session, dict[str, Any]]:
    draws = (
        [step["fresh"]] if step["root_step"] is None else [step["root_step"]["private_key"], step["fresh"]]
    )
    meant = content.decode(unhex(step["content"]))
    without_gen = content.Content(
        meant.id, meant.sent_ms, meant.payload, meant.heads, None, meant.way_back, meant.bundle
    )
    sealed = session.seal(ours, without_gen, step["now_ms"], scripted(*draws))
    return sealed.session, _sealed(step, ours, sealed.session, sealed.envelope)


def _accept(step: dict[str, Any], whole: bytes) -> tuple[Session, session.Opened]:
    """B's first arrival: the session as it starts, and what the flight makes of it (HS-07)."""
    keys = responder_keys(FILE["responder"], FILE)
    accepted = session.respond(envelope.decode(whole), keys, lambda _: None, step["now_ms"])
    assert accepted.identity.record == A.record
    return accepted.opened.session, accepted.opened


def _play() -> list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], Session]]:
    """Plays all steps; gives (step, computed values, state after, session after) of each."""
    sides: dict[str, Session | None] = {"A": _initiated(), "B": None}
    envelopes: dict[str, bytes] = {}
    played = []
    for step in STEPS:
        ours = sides[step["side"]]
        if step["action"] == "send":
            assert ours is not None
            after, made = _send(ours, step)
            envelopes[step["message"]] = bytes(made["envelope"])
        else:
            whole = envelopes[step["message"]]
            if ours is None:
                after, opened = _accept(step, whole)
            else:
                opened = session.open_(ours, envelope.decode(whole), step["now_ms"])
                after = opened.session
            sent = next(one for one in STEPS if (one["action"], one["message"]) == ("send", step["message"]))
            assert opened.content == content.decode(unhex(sent["content"]))
            made = {"missing": opened.missing, "dropped": opened.dropped, "new_chain": opened.healed}
        sides[step["side"]] = after
        played.append((step, made, _described(after.ratchet), after))
    return played


PLAYED = _play()
NUMBERED = pytest.mark.parametrize("at", range(len(STEPS)))


def test_the_transcript_is_long_enough_and_covers_what_it_should() -> None:
    """Turns, skips, arrivals out of order and across chains, one lost, and keys that went by age (DR-16)."""
    assert sum(step["action"] == "send" for step in STEPS) == 21
    assert sum(step["root_step"] is not None for step in STEPS if step["action"] == "receive") >= 6
    assert max(len({row["tag"] for row in step["after"]["skipped"]}) for step in STEPS) >= 2
    assert STEPS[-1]["dropped"] > 0
    arrived = {step["message"] for step in STEPS if step["action"] == "receive"}
    assert {step["message"] for step in STEPS} > arrived


@NUMBERED
def test_step(at: int) -> None:
    """DR-01 to DR-08, DR-10, DR-12 to DR-17, DR-19: the core's values and states are the recorded ones."""
    step, made, state, _ = PLAYED[at]
    assert hexed(made) == {name: step[name] for name in made}
    assert hexed(state) == step["after"]
    around = {"side", "action", "message", "now_ms", "before", "after"}
    derived = {"message_key", "root_step"} if step["action"] == "receive" else set()
    assert set(step) - around - derived == set(made) - derived


@NUMBERED
def test_states_before(at: int) -> None:
    """DR-01, DR-18: a state is left as the step before of the same side made it."""
    step = STEPS[at]
    earlier = [state for other, _, state, _ in PLAYED[:at] if other["side"] == step["side"]]
    assert (hexed(earlier[-1]) if earlier else FILE["start"][step["side"]]) == step["before"]


def test_start_states() -> None:
    """DR-01, DR-02: both first states, by the core's own handshake."""
    keys = responder_keys(FILE["responder"], FILE)
    first = next(step for step in STEPS if step["side"] == "A")
    whole = envelope.decode(unhex(first["envelope"]))
    from e2ee import handshake
    from e2ee.ratchet import step as ratchet_step
    from e2ee.secret import RatchetPrivateKey

    response = handshake.respond(envelope.decode_prefix(whole.prefix), keys, lambda _: None, FILE["start_ms"])
    spk = RatchetPrivateKey(keys.spk.private.expose())
    responder = ratchet_step.start_responder(response.keys, spk, FILE["start_ms"])
    assert hexed(_described(responder)) == FILE["start"]["B"]
    assert hexed(_described(_initiated().ratchet)) == FILE["start"]["A"]


RECEIVED = [step for step in STEPS if step["action"] == "receive"]


@pytest.mark.parametrize("step", RECEIVED, ids=lambda step: f"{step['side']}-{step['message']}")
def test_keys_of_arrivals(step: dict[str, Any]) -> None:
    """DR-04, DR-14: the receiver's root step and message key are the sender's."""
    sent = next(one for one in STEPS if (one["action"], one["message"]) == ("send", step["message"]))
    assert step["message_key"] == sent["message_key"]
    if step["root_step"] is None:
        return
    begun = next(one for one in STEPS if one["action"] == "send" and one["tag"] == sent["tag"])
    assert hexed(_both_ways(step, begun)) == [step["root_step"][name] for name in ROOT_OUTPUTS]
    assert [begun["root_step"][name] for name in ROOT_OUTPUTS] == [
        step["root_step"][name] for name in ROOT_OUTPUTS
    ]


ROOT_OUTPUTS = ("dh", "root_key", "chain_key", "next_header_key")


def _both_ways(step: dict[str, Any], begun: dict[str, Any]) -> list[bytes]:
    shared = dh.exchange(unhex(step["root_step"]["private_key"]), unhex(step["root_step"]["their_key"]))
    assert shared.hex() == begun["root_step"]["dh"]
    output = kdf.hkdf(unhex(step["before"]["root_key"]), shared, labels.ROOT + bytes(4), 96)
    return [shared, output[:32], output[32:64], output[64:]]


SNAPSHOTS = load("snapshot.json")


@pytest.mark.parametrize("case", SNAPSHOTS["cases"], ids=lambda case: f"{case['side']}{case['step']}")
def test_snapshots(case: dict[str, Any]) -> None:
    """SES-14, SES-15: stored form of the played session, and the same session restored from it."""
    ours = _initiated() if case["step"] < 0 else PLAYED[case["step"]][3]
    assert snapshot.encode_session(ours).hex() == case["session"]
    rows = [
        dict(zip(("place", "value"), snapshot.encode_skipped(row), strict=True))
        for row in ours.ratchet.skipped
    ]
    assert hexed(rows) == case["skipped"]
    restored = snapshot.decode_session(
        unhex(case["session"]),
        [snapshot.decode_skipped(unhex(row["place"]), unhex(row["value"])) for row in case["skipped"]],
    )
    assert snapshot.encode_session(restored).hex() == case["session"]
    assert _described(restored.ratchet) == _described(ours.ratchet)
    assert restored.tags() == ours.tags()


def test_snapshots_show_every_kind_of_state() -> None:
    """SES-14: a responder that has received nothing is never stored, so `Listening` is not among them."""
    kinds = {
        type(snapshot.decode_session(unhex(case["session"])).ratchet.sending) for case in SNAPSHOTS["cases"]
    }
    assert kinds == {Sending, StepDue}
    phases = {type(snapshot.decode_session(unhex(case["session"])).phase) for case in SNAPSHOTS["cases"]}
    assert phases == {session.AwaitingReply, session.Established}


@pytest.mark.parametrize("case", SNAPSHOTS["pairs"])
def test_pairs(case: dict[str, Any]) -> None:
    """SES-14, SES-15."""
    row = snapshot.decode_pair(unhex(case["pair"]))
    assert hexed([row.active, row.inactive, row.highest_gen]) == [
        case["active"],
        case["inactive"],
        case["highest_gen"],
    ]
    sessions = {}
    for session_id in filter(None, (row.active, *(one for one, _ in row.inactive))):
        ours = _initiated()
        sessions[session_id] = ours._replace(ratchet=ours.ratchet._replace(session_id=session_id))
    assert snapshot.encode_pair(snapshot.restore_pair(row, sessions)).hex() == case["pair"]
    assert pair.FRESH.highest_gen == 0
