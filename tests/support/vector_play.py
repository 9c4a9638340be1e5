"""Plays a conversation of the vector files with the core, from its recorded randomness."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from vector_devices import list_of, our_device, responder_keys
from vector_files import load, recorded, scripted, unhex
from vector_states import Wholes, described

from e2ee import content, prekeys, session
from e2ee.constants import FRAGMENT_B
from e2ee.ports import Encapsulate
from e2ee.primitives import aead, dh
from e2ee.ratchet import chain, stored
from e2ee.ratchet.state import RatchetState, Sending
from e2ee.secret import EpochSecret
from e2ee.session import Session
from e2ee.wire import envelope, padding

Step = dict[str, Any]


class Played(NamedTuple):
    """One step: as it is recorded, the values that the core computed, its state after it, and the session."""

    step: Step
    made: dict[str, Any]
    state: dict[str, Any]
    session: Session


def no_encapsulation(key: bytes) -> tuple[bytes, bytes]:
    """An `encapsulate` for steps that must not need one."""
    raise AssertionError(f"an encapsulation that the vector does not have, to {key[:8].hex()}")


class Conversation:
    """A file, and what the core makes of it."""

    def __init__(self, name: str) -> None:
        self.file = load(name)
        self.steps: list[Step] = self.file["steps"]
        self.a, self.b = our_device(self.file["initiator"]), our_device(self.file["responder"])
        self.wholes = Wholes(self.file["epochs"])
        self.played = self._play()

    def initiated(self) -> Session:
        """The initiator's session before its first message."""
        now_ms, account = self.file["start_ms"], self.b.record.account_id
        bundle = prekeys.verify_bundle(account, None, [], unhex(self.file["bundle"]), now_ms)
        rng = scripted(self.file["fresh"])
        encapsulate = recorded(self.file["ciphertext"], self.file["kem_secret"])
        ours = list_of(self.file["initiator"])
        return session.initiate(self.a, ours, bundle, self.file["epoch"], now_ms, rng, encapsulate)

    def sent(self, message: str) -> Step:
        """The step that sends a message."""
        return next(one for one in self.steps if (one["action"], one["message"]) == ("send", message))

    def accepted(self, step: Step, whole: bytes) -> session.Opened:
        """B's first arrival: what the flight makes of it (HS-07)."""
        keys = responder_keys(self.file["responder"], self.file)
        accepted = session.respond(envelope.decode(whole), keys, lambda _: None, step["now_ms"])
        assert accepted.record == self.a.record
        return accepted.opened

    def _play(self) -> list[Played]:
        sides: dict[str, Session | None] = {"A": self.initiated(), "B": None}
        envelopes: dict[str, bytes] = {}
        played: list[Played] = []
        for step in self.steps:
            ours = sides[step["side"]]
            if step["action"] == "send":
                assert ours is not None
                after, made = _send(ours, step)
                envelopes[step["message"]] = bytes(made["envelope"])
            else:
                after, made = self._receive(ours, step, envelopes[step["message"]])
            sides[step["side"]] = after
            played.append(Played(step, made, described(after.ratchet, self.wholes), after))
        return played

    def _receive(self, ours: Session | None, step: Step, whole: bytes) -> tuple[Session, dict[str, Any]]:
        if ours is None:
            opened = self.accepted(step, whole)
            kem_step = None
        else:
            opened = session.open_(ours, envelope.decode(whole), step["now_ms"])
            kem_step = _kem_step(ours.ratchet, opened.session.ratchet, step)
        assert opened.content == content.decode(unhex(self.sent(step["message"])["content"]))
        # The first chain of a responder answers its SPK, which is no ratchet key that it made (SES-36).
        new_chain = opened.answered is not None or ours is None
        made = {"missing": opened.skipped, "dropped": opened.dropped, "new_chain": new_chain}
        return opened.session, {**made, "kem_step": kem_step}


@cache
def conversation(name: str) -> Conversation:
    """The conversation of a file, played once."""
    return Conversation(name)


def _send(ours: Session, step: Step) -> tuple[Session, dict[str, Any]]:
    kem_step = step["kem_step"] or {}
    root = [] if step["root_step"] is None else [step["root_step"]["private_key"]]
    seed = [kem_step["seed"]] if "seed" in kem_step else []
    encapsulate: Encapsulate = no_encapsulation
    if "ciphertext" in kem_step:
        encapsulate = recorded(kem_step["ciphertext"], kem_step["kem_secret"])
    meant = content.decode(unhex(step["content"]))._replace(epoch=None)
    sealed = session.seal(ours, meant, step["now_ms"], scripted(*root, *seed, step["fresh"]), encapsulate)
    return sealed.session, _sealed(step, ours, sealed.session, sealed.envelope)


def _kem_step(before: RatchetState, after: RatchetState, step: Step) -> dict[str, Any] | None:
    """What the KEM ratchet made between two states; the secret of a ciphertext is an input, as recorded."""
    old: Any = stored.encode_kem(before.kem)
    new: Any = stored.encode_kem(after.kem)
    epoch = after.pq_epoch + 1
    match old[0], new[0]:
        case 0, 1:
            return {"made": "key pair", "epoch": epoch, "seed": new[1]}
        case 1, 2:
            return {"made": "epoch secret", "epoch": epoch}
        case 3, 4:
            return {"made": "whole key", "epoch": epoch}
        case 4, 5:
            secret = unhex(step["kem_step"]["kem_secret"])
            return {"made": "ciphertext", "epoch": epoch, "ciphertext": new[2][:-32], "kem_secret": secret}
        case _:
            return None


def mixed_secret(before: RatchetState, after_epoch: int) -> bytes:
    """The KEM secret of a root step: that of the state before, if the epoch rises (PQ-06, PQ-12)."""
    if after_epoch == before.pq_epoch:
        return b""
    row: Any = stored.encode_kem(before.kem)
    secret: bytes = row[{2: 1, 5: 3}[row[0]]]
    return secret


def root_step(before: RatchetState, after_epoch: int, step: Step) -> dict[str, Any] | None:
    """The root step that the core's functions give for the recorded keys (DR-06, DR-14)."""
    if step["root_step"] is None:
        return None
    private, public = unhex(step["root_step"]["private_key"]), unhex(step["root_step"]["their_key"])
    shared, secret = dh.exchange(private, public), mixed_secret(before, after_epoch)
    mixed = EpochSecret(secret) if secret else None
    outputs = chain.root(before.root_key, shared, mixed, after_epoch)
    return {
        "private_key": private,
        "their_key": public,
        "dh": shared,
        "kem": secret,
        "pq_epoch": after_epoch,
        "root_key": outputs.root_key.expose(),
        "chain_key": outputs.chain_key.expose(),
        "next_header_key": outputs.next_header_key.expose(),
    }


def _chain_key(state: RatchetState) -> bytes:
    assert isinstance(state.sending, Sending)
    return state.sending.chain_key.expose()


def _sealed(step: Step, before: Session, after: Session, whole: bytes) -> dict[str, Any]:
    """Every value between content and envelope, by the core's functions, from the states around the step."""
    sent = after.ratchet.sending
    assert isinstance(sent, Sending)
    root = root_step(before.ratchet, after.ratchet.pq_epoch, step)
    chain_key = _chain_key(before.ratchet) if root is None else root["chain_key"]
    next_chain_key, message_key = chain.step(chain_key)
    raw, encoded, fresh = envelope.decode(whole), unhex(step["content"]), unhex(step["fresh"])
    body_key = chain.body_key(message_key, raw.salt)
    opened = aead.open_(body_key, raw.sealed_body, whole[: -len(raw.sealed_body)] + after.ratchet.session_id)
    block = b"" if raw.prefix else opened[:FRAGMENT_B]
    size_b = padding.body_class(len(block + encoded) + 1, first=bool(raw.prefix))
    body = padding.pad(block + encoded, size_b)
    assert body == opened
    counters = (sent.previous_length, sent.number - 1, after.ratchet.pq_epoch, 0)
    header = sent.public_key + b"".join(value.to_bytes(4, "big") for value in counters)
    return {
        "content": encoded,
        "fragment": block,
        "body": body,
        "tag": chain.tag(sent.header_key),
        "root_step": root,
        "kem_step": _kem_step(before.ratchet, after.ratchet, step),
        "next_chain_key": next_chain_key,
        "message_key": message_key,
        "header": header,
        "fresh": fresh,
        "salt": chain.hedged_salt(message_key, fresh, header, body),
        "header_key": chain.header_key(sent.header_key.expose(), raw.salt),
        "body_key": body_key,
        "sealed_header": raw.sealed_header,
        "sealed_body": raw.sealed_body,
        "envelope": whole,
    }
