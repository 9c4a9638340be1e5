"""A conversation of two devices: sends and arrivals in a fixed order, with the states before and after."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from spec.vectors import arrival, content_vectors, parties, ratchet
from spec.vectors.content_vectors import content, text
from spec.vectors.encapsulations import Encapsulations
from spec.vectors.epochs import Epochs
from spec.vectors.flight import Flight, fly
from spec.vectors.handshake_vectors import offer_of
from spec.vectors.parties import Device
from spec.vectors.ratchet import Draws, State, Trace
from spec.vectors.suite import DAY_MS, NOW_MS, Value, cbor, draw, kem_public

KIND_1: Final = bytes((1, 1))
KIND_2: Final = bytes((1, 2))
EPOCH: Final = NOW_MS // 60_000


@dataclass(frozen=True)
class Plan:
    """What happens in one step: `side` sends a new message of that name, or one arrives there."""

    side: str
    action: str
    message: str
    at_ms: int = 0


def plan(order: str) -> list[Plan]:
    """Steps a minute apart: `A>a0` sends, `B<a0` is the arrival."""
    return [
        Plan(word[0], "send" if word[1] == ">" else "receive", word[2:], 60_000 * at)
        for at, word in enumerate(order.split())
    ]


@dataclass
class Side:
    """One device in the conversation; `prefix` is there until an answer has opened."""

    device: Device
    peer: Device
    state: State
    prefix: bytes


Contents = Callable[[str, Device, Device, bool], dict[int, Value]]


class Transcript:
    """Plays a plan once; `steps` is what a file shows, `sides` how it ends, `epochs` what was exchanged."""

    def __init__(self, play: str, kem: Encapsulations, steps: Sequence[Plan], contents: Contents) -> None:
        self._play, self._kem, self._contents = play, kem, contents
        self._seeds: dict[bytes, bytes] = {}
        self.epochs = Epochs()
        a, b = parties.device(f"{play} A"), parties.device(f"{play} B", kind=1, flags=1)
        self.offer = offer_of(b, one_time_x25519=True, one_time_kem=True)
        signed_list = parties.sign_list(a, parties.first_list(a))
        self.flight: Flight = fly(
            a, signed_list, self.offer, draw(f"{play} EK", 32), kem.to_prekey(play, self.offer.pqk)
        )
        self.sides = self._start(a, b, NOW_MS + next(step.at_ms for step in steps if step.side == "B"))
        self.start = {name: copy.deepcopy(side.state) for name, side in self.sides.items()}
        self.sent: dict[str, Trace] = {}
        self.steps = [self._step(step) for step in steps]

    def _start(self, a: Device, b: Device, accepted_ms: int) -> dict[str, Side]:
        """Both sides before the first step; B starts when the first message arrives (DR-01)."""
        expansion, spk = self.flight.expansion, self.offer.spk
        initiator = ratchet.start_initiator(expansion, spk.key, NOW_MS)
        responder = ratchet.start_responder(expansion, spk.private, accepted_ms)
        return {"A": Side(a, b, initiator, self.flight.prefix), "B": Side(b, a, responder, b"")}

    def _step(self, step: Plan) -> dict[str, Any]:
        side, now_ms = self.sides[step.side], NOW_MS + step.at_ms
        before = side.state
        act = self._send if step.action == "send" else self._receive
        trace = act(side, step.message, now_ms)
        self.epochs.note(step.side, trace["kem_step"])
        shown = {"side": step.side, "action": step.action, "message": step.message, "now_ms": now_ms}
        return {**shown, **trace, "before": before, "after": side.state}

    def draws(self, name: str) -> Draws:
        """What chance gives to the message of that name."""

        def encapsulate(key: bytes) -> tuple[bytes, bytes]:
            return self._kem.to(f"{self._play}, {name}", self._seeds[key])

        seed = draw(f"{self._play} {name} kem seed", 64)
        self._seeds[kem_public(seed)] = seed
        private, fresh = draw(f"{self._play} {name} key", 32), draw(f"{self._play} {name} fresh", 16)
        return Draws(private, seed, encapsulate, fresh)

    def _send(self, side: Side, name: str, now_ms: int) -> Trace:
        encoded = cbor(self._contents(name, side.device, side.peer, bool(side.prefix)))
        lead = KIND_2 + side.prefix if side.prefix else KIND_1
        side.state, trace = ratchet.seal(side.state, lead, encoded, self.draws(name), now_ms)
        self.sent[name] = {**trace, "tag": side.state["sending"]["tag"]}
        return {"content": encoded, "tag": side.state["sending"]["tag"], **trace}

    def _receive(self, side: Side, name: str, now_ms: int) -> Trace:
        message = self.sent[name]
        side.state, trace = arrival.receive(
            side.state, message["header"], message["tag"], message["fragment"], now_ms
        )
        side.prefix = b""
        if trace["message_key"] != message["message_key"]:
            raise ArithmeticError(f"the two sides differ in the key of {name}")
        return trace


# About twenty messages: turns, skips, out of order across chains, one never delivered, one too late.
ORDER: Final = (
    "A>a0 A>a1 A>a2 B<a2 B<a0 B>b0 B>b1 B>b2 A<b0 A<b2 A>a3 A>a4 A>a5 B<a4 B>b3 B>b4 A<b4 A<b1 A>a6 A>a7"
    " A>a8 B<a8 B<a5 B<a3 B<a1 B>b5 A<b5 A<b3 A>a9 B<a9 B>b6 B>b7 B>b8 B>b9 A<b9 A<b7 A<b6 B<a7"
)


def conversation(kem: Encapsulations) -> Transcript:
    """The conversation of ratchet.json; at its end, much later, keys of numbers that never came have gone."""
    late = [Plan("A", "send", "a10", 31 * DAY_MS), Plan("B", "receive", "a10", 31 * DAY_MS + 60_000)]
    return Transcript("ratchet", kem, [*plan(ORDER), *late], message_content)


def message_content(name: str, ours: Device, theirs: Device, first: bool) -> dict[int, Value]:
    """The content of a message of that name; under a prefix with epoch and address (HS-05)."""
    also: dict[int, Value] = {6: EPOCH, 7: parties.way_back(ours)} if first else {}
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
