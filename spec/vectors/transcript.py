"""A conversation of two devices: sends and arrivals in a fixed order, with the states before and after."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Final

from spec.vectors import content_vectors, parties, ratchet
from spec.vectors.content_vectors import content, text
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.flight import Flight, fly
from spec.vectors.handshake_vectors import offer_of
from spec.vectors.parties import Device
from spec.vectors.ratchet import State, Trace
from spec.vectors.suite import DAY_MS, FRAGMENT_B, NOW_MS, Value, body_size, cbor, draw, pad

KIND_1: Final = bytes((1, 1))
KIND_2: Final = bytes((1, 2))
GEN: Final = 1


@dataclass(frozen=True)
class Plan:
    """What happens in one step: `side` sends a new message of that name, or one arrives there."""

    side: str
    action: str
    message: str
    at_ms: int = 0


def _plan() -> list[Plan]:
    """About twenty messages: turns, skips, out of order across chains, one never delivered, one too late."""
    order = (
        "A>a0 A>a1 A>a2 B<a2 B<a0 B>b0 B>b1 B>b2 A<b0 A<b2 A>a3 A>a4 A>a5 B<a4 B>b3 B>b4 A<b4 A<b1 A>a6 A>a7"
        " A>a8 B<a8 B<a5 B<a3 B<a1 B>b5 A<b5 A<b3 A>a9 B<a9 B>b6 B>b7 B>b8 B>b9 A<b9 A<b7 A<b6 B<a7"
    )
    steps = [
        Plan(word[0], "send" if word[1] == ">" else "receive", word[2:], 60_000 * at)
        for at, word in enumerate(order.split())
    ]
    # Much later: keys of numbers that never came have gone.
    late = [Plan("A", "send", "a10", 31 * DAY_MS), Plan("B", "receive", "a10", 31 * DAY_MS + 60_000)]
    return [*steps, *late]


@dataclass
class Side:
    """One device in the conversation; `prefix` is there until an answer has opened."""

    device: Device
    peer: Device
    state: State
    prefix: bytes


class Transcript:
    """Plays the plan once; `steps` is what a vector file shows, `sides` how it ends."""

    def __init__(self, kem: Encapsulations) -> None:
        a, b = parties.device("ratchet A"), parties.device("ratchet B", kind=1, flags=1)
        self.offer = offer_of(b, one_time_x25519=True, one_time_kem=True)
        signed_list = parties.sign_list(a, parties.first_list(a))
        self.flight: Flight = fly(
            a, signed_list, self.offer, draw("ratchet EK", 32), kem.to_prekey("ratchet", self.offer.pqk)
        )
        expansion = self.flight.expansion
        self.sides = {
            "A": Side(
                a, b, ratchet.start_initiator(expansion, self.offer.spk.key, NOW_MS), self.flight.prefix
            ),
            "B": Side(b, a, ratchet.start_responder(expansion, self.offer.spk.private, NOW_MS), b""),
        }
        self.start = {name: copy.deepcopy(side.state) for name, side in self.sides.items()}
        self.sent: dict[str, Trace] = {}
        self.steps = [self._play(step) for step in _plan()]

    def _play(self, step: Plan) -> dict[str, Any]:
        side, now_ms = self.sides[step.side], NOW_MS + step.at_ms
        before = side.state
        act = self._send if step.action == "send" else self._receive
        trace = act(side, step.message, now_ms)
        shown = {"side": step.side, "action": step.action, "message": step.message, "now_ms": now_ms}
        return {**shown, **trace, "before": before, "after": side.state}

    def _send(self, side: Side, name: str, now_ms: int) -> Trace:
        entries = message_content(name, side.device, side.peer, first=bool(side.prefix))
        body = body_of(cbor(entries), first=bool(side.prefix))
        lead = KIND_2 + side.prefix if side.prefix else KIND_1
        fresh, private = draw(f"ratchet {name} fresh", 16), draw(f"ratchet {name} key", 32)
        side.state, trace = ratchet.seal(side.state, lead, body, fresh, private)
        self.sent[name] = {**trace, "tag": side.state["sending"]["tag"]}
        return {"content": cbor(entries), "body": body, "tag": side.state["sending"]["tag"], **trace}

    def _receive(self, side: Side, name: str, now_ms: int) -> Trace:
        message = self.sent[name]
        side.state, trace = ratchet.receive(side.state, message["header"], message["tag"], now_ms)
        side.prefix = b""
        if trace["message_key"] != message["message_key"]:
            raise ArithmeticError(f"the two sides differ in the key of {name}")
        return trace


def message_content(name: str, ours: Device, theirs: Device, *, first: bool) -> dict[int, Value]:
    """The content of a message of that name; under a prefix with gen and address (HS-05)."""
    also: dict[int, Value] = {6: GEN, 7: parties.way_back(ours)} if first else {}
    if name == "a0":
        also = {5: content_vectors.heads(ours, theirs), **also, 8: content_vectors.compact_bundle(ours)}
    match name:
        case "a2":
            return text(name, "2 " * 950, also)
        case "b0":
            return text(name, "b0", {5: content_vectors.heads(ours, theirs)})
        case "b1":
            ids: list[Value] = [draw(f"content id a{number}", 16) for number in (2, 0)]
            return content(name, content_vectors.RECEIPT, {1: 1, 2: ids})
        case "a4":
            return text(name, "a4 " * 1000)
        case "b4":
            return text(name, "Grüße " * 1000)
        case "a6":
            return content(name, content_vectors.ADDRESS, None, {7: parties.way_back(ours)})
        case _:
            return text(name, name, also)


def body_of(encoded: bytes, *, first: bool) -> bytes:
    """The padded body of a content (WIRE-10 to WIRE-12)."""
    plain = encoded if first else bytes(FRAGMENT_B) + encoded
    return pad(plain, body_size(len(plain) + 1, first=first))
