"""Defects of messages: bytes changed on the way, and messages sealed with the right keys that break a rule.

Every input names the receiver's stored session before the message, and a message that this session does open:
the refused one must leave that possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from spec.vectors import arrival, parties, ratchet
from spec.vectors.content_vectors import text
from spec.vectors.defects import Negative, flipped
from spec.vectors.ratchet import Defect, State, padded
from spec.vectors.ratchet_vectors import stored_row, stored_session
from spec.vectors.suite import DAY_MS, FRAGMENT_B, NOW_MS, Value, cbor, dh_public, draw, pad, u32
from spec.vectors.transcript import EPOCH, KIND_1, KIND_2, Transcript

LATER_MS: Final = NOW_MS + 32 * DAY_MS
FRESH: Final = draw("negative fresh", 16)
KEY: Final = draw("negative ratchet key", 32)
OTHER_KEY: Final = dh_public(draw("negative other ratchet key", 32))
AUTHENTICATION: Final = "remote.authentication"


@dataclass(frozen=True)
class Scene:
    """A sender's state, the receiver's, and the lead of the sender's next message."""

    played: Transcript
    sender: State
    receiver: State
    receiver_name: str
    lead: bytes
    phase: Value = True

    def message(self, body: bytes, defect: Defect = ratchet.HONEST) -> bytes:
        """An envelope of the next message, after a due sending step; the KEM ratchet makes nothing."""
        state = self.sender
        if state["sending"]["state"] == "StepDue":
            state, _ = ratchet.turn_to_send(state, KEY)
        _, trace = ratchet.seal_body(state, self.lead, body, FRESH, defect)
        envelope: bytes = trace["envelope"]
        return envelope

    @property
    def honest(self) -> bytes:
        return self.message(padded(cbor(self.content), first=self.lead[:2] == KIND_2))

    @property
    def content(self) -> dict[int, Value]:
        if self.lead[:2] == KIND_1:
            return text("negative message", "x")
        sender = self.played.sides["A" if self.receiver_name == "B" else "B"].device
        return text("negative message", "x", {6: EPOCH, 7: parties.way_back(sender)})

    def refuses(self, name: str, rules: str, envelope: bytes, error: str, now_ms: int = LATER_MS) -> Negative:
        """The vector of a message that the receiver must refuse."""
        given: dict[str, Any] = {
            "session": cbor(
                stored_session(self.played, self.receiver_name, self.receiver, self.phase, NOW_MS)
            ),
            "skipped": [stored_row(row) for row in self.receiver["skipped"]],
            "now_ms": now_ms,
            "envelope": envelope,
            "honest": self.honest,
        }
        return Negative(
            f"message-{name}", f"A message: {name.replace('-', ' ')}.", rules, "session.open", given, error
        )


def in_chain(played: Transcript) -> Scene:
    """A goes on in a chain that B has seen; B owes a sending step."""
    return Scene(played, played.sides["A"].state, played.sides["B"].state, "B", KIND_1)


def new_chain(played: Transcript) -> Scene:
    """B has sent, A has read it, and A's next message begins a chain."""
    content = cbor(text("negative turn", "x"))
    draws = played.draws("negative turn")
    b_state, trace = ratchet.seal(played.sides["B"].state, KIND_1, content, draws, LATER_MS)
    chain_tag = b_state["sending"]["tag"]
    a_state, _ = arrival.receive(
        played.sides["A"].state, trace["header"], chain_tag, trace["fragment"], LATER_MS
    )
    return Scene(played, a_state, b_state, "B", KIND_1)


def under_prefix(played: Transcript) -> Scene:
    """A repeats the prefix; B has accepted the session with a2 and owes a sending step."""
    steps = played.steps
    sent = next(step for step in steps if step["message"] == "a2" and step["action"] == "send")
    accepted = next(step for step in steps if step["message"] == "a2" and step["action"] == "receive")
    return Scene(played, sent["after"], accepted["after"], "B", KIND_2 + played.flight.prefix)


def changed_bytes(played: Transcript) -> Iterator[Negative]:
    """What a relay or the network can do."""
    scene = in_chain(played)
    good = scene.honest
    for name, at in (
        ("tag", 2),
        ("salt", 10),
        ("header", 26),
        ("header-end", 89),
        ("body", 90),
        ("body-end", -1),
    ):
        yield scene.refuses(f"{name}-flipped", "DR-07 DR-08 DR-11", flipped(good, at), AUTHENTICATION)
    other = played.sent["a9"]["envelope"]
    yield scene.refuses("body-of-another", "DR-08 DR-11", good[:90] + other[90:], AUTHENTICATION)
    yield scene.refuses("header-of-another", "DR-07 DR-11", other[:90] + good[90:], AUTHENTICATION)
    longer = pad(good, len(good) + 512)
    yield scene.refuses("lengthened-to-the-next-class", "DR-08 DR-11", longer, AUTHENTICATION)
    yield scene.refuses("replayed", "DR-12", played.sent["a10"]["envelope"], "remote.replay")
    yield scene.refuses(
        "replayed-from-a-forgotten-chain", "DR-10", played.sent["a0"]["envelope"], AUTHENTICATION
    )
    yield scene.refuses("reflected", "DR-10 DR-11", played.sent["b9"]["envelope"], AUTHENTICATION)
    version = b"\x01\x02" + played.flight.prefix + good[2:]
    yield scene.refuses("prefix-put-before-it", "DR-07 WIRE-07", version, "remote.decode")
    flight = under_prefix(played)
    bare = flight.message(padded(cbor(text("bare", "x" * 1000)), first=False))
    yield flight.refuses("prefix-flipped", "DR-08 HS-03", flipped(bare, 2 + 44), AUTHENTICATION)
    yield _without_prefix(flight)
    yield _to_the_initiator(played)
    yield _too_late(played)
    yield _key_too_old(scene)


def _without_prefix(scene: Scene) -> Negative:
    """A message under a prefix whose prefix was taken away: lead and associated data change."""
    sealed = scene.message(pad(cbor(scene.content), 2048))
    cut = KIND_1 + sealed[2 + ratchet.PREFIX_B :]
    return scene.refuses("prefix-cut-off", "DR-07 DR-11", cut, AUTHENTICATION)


def _to_the_initiator(played: Transcript) -> Negative:
    """A's own flight comes back to A."""
    step = next(step for step in played.steps if step["message"] == "a2" and step["action"] == "send")
    b0 = next(one for one in played.steps if one["message"] == "b0" and one["action"] == "send")
    phase: Value = [played.flight.prefix, played.offer.spk.entries[7]]
    scene = Scene(played, b0["before"], step["after"], "A", KIND_1, phase)
    return scene.refuses("flight-reflected", "DR-11", played.sent["a0"]["envelope"], AUTHENTICATION)


def _too_late(played: Transcript) -> Negative:
    """The skipped keys of an older chain went after 30 days, and its header key with them."""
    step = next(one for one in reversed(played.steps) if one["side"] == "B" and one["message"] == "a9")
    held = {row["tag"] for row in step["after"]["skipped"]}
    late = next(name for name in ("a6", "a7") if played.sent[name]["tag"] in held)
    a9 = next(one for one in played.steps if one["message"] == "a9" and one["action"] == "send")
    scene = Scene(played, a9["after"], step["after"], "B", KIND_1)
    envelope = played.sent[late]["envelope"]
    return scene.refuses("older-chain-whose-keys-are-too-old", "DR-12 DR-16 DR-17", envelope, AUTHENTICATION)


def _key_too_old(scene: Scene) -> Negative:
    """The key of the current chain's number 0, stored 30 days and a millisecond ago."""
    message, receiving = scene.played.sent["a10"], scene.receiver["receiving"]
    row = {
        "tag": receiving["tag"],
        "number": 0,
        "header_key": receiving["header_key"],
        "message_key": message["message_key"],
        "stored_ms": LATER_MS - arrival.SKIPPED_TTL_MS - 1,
    }
    holding = replace(scene, receiver={**scene.receiver, "skipped": [row]})
    return holding.refuses("skipped-key-too-old", "DR-12 DR-16", message["envelope"], "remote.replay")


def wrong_headers(played: Transcript) -> Iterator[Negative]:
    """Headers that are sealed with the right keys."""
    scene, turn = in_chain(played), new_chain(played)
    body = padded(cbor(scene.content), first=False)
    receiving, seen = scene.receiver["receiving"], turn.receiver["receiving"]
    low_order = b"\x01" + bytes(31)
    cases: list[tuple[str, Scene, Defect, str, str]] = [
        ("flag-set", scene, Defect(flags=1), "WIRE-09", AUTHENTICATION),
        ("number-2-to-31", scene, Defect(number=2**31), "WIRE-09", AUTHENTICATION),
        ("previous-length-2-to-31", scene, Defect(previous_length=2**31), "WIRE-09", AUTHENTICATION),
        ("ratchet-key-not-canonical", scene, Defect(ratchet_key=b"\xff" * 32), "WIRE-09", AUTHENTICATION),
        ("other-ratchet-key-in-a-chain", scene, Defect(ratchet_key=OTHER_KEY), "DR-15", AUTHENTICATION),
        ("other-epoch-in-a-chain", scene, Defect(pq_epoch=1), "DR-15 PQ-13", AUTHENTICATION),
        ("number-of-a-skipped-key-that-is-not-held", scene, Defect(number=0), "DR-12", "remote.replay"),
        ("jump-of-1001", scene, Defect(number=receiving["number"] + 1001), "DR-13", "remote.skip_limit"),
        ("new-chain-other-epoch", turn, Defect(pq_epoch=1), "PQ-12", "remote.pq_desync"),
        ("new-chain-flag-set", turn, Defect(flags=1 << 31), "WIRE-09", AUTHENTICATION),
        ("new-chain-low-order-key", turn, Defect(ratchet_key=low_order), "PRM-02 DR-14", AUTHENTICATION),
        (
            "new-chain-previous-length-too-small",
            turn,
            Defect(previous_length=seen["number"] - 1),
            "DR-14",
            AUTHENTICATION,
        ),
        (
            "new-chain-jump-behind",
            turn,
            Defect(previous_length=seen["number"] + 1001),
            "DR-13 DR-14",
            "remote.skip_limit",
        ),
        ("new-chain-jump-ahead", turn, Defect(number=1001), "DR-13 DR-14", "remote.skip_limit"),
        (
            "new-chain-jump-of-both",
            turn,
            Defect(previous_length=seen["number"] + 501, number=500),
            "DR-13 DR-14",
            "remote.skip_limit",
        ),
    ]
    for name, where, defect, rules, error in cases:
        yield where.refuses(name, rules, where.message(body, defect), error)
    again, _ = ratchet.turn_to_send(turn.sender, played.sides["A"].state["sending"]["private_key"])
    for name, defect in (
        ("new-chain-old-key", ratchet.HONEST),
        ("new-chain-old-key-and-jump", Defect(number=1001)),
    ):
        _, trace = ratchet.seal_body(again, KIND_1, body, FRESH, defect)
        yield turn.refuses(name, "DR-14", trace["envelope"], AUTHENTICATION)
    yield _before_an_answer(scene, body)


def _before_an_answer(scene: Scene, body: bytes) -> Negative:
    """A sender that begins a chain although its peer has not sent since the last one."""
    sending = scene.sender["sending"]
    header_key = sending["next_header_key"]
    header = OTHER_KEY + u32(sending["number"], 0, 0, 0)
    values = ratchet.seal_with(
        scene.sender["session_id"], KIND_1, ratchet.tag(header_key), header_key, KEY, FRESH, header, body
    )
    return scene.refuses("new-chain-while-a-step-is-due", "DR-14", values["envelope"], AUTHENTICATION)


def wrong_bodies(played: Transcript) -> Iterator[Negative]:
    """Bodies that are sealed with the right keys."""
    scene, flight = in_chain(played), under_prefix(played)
    plain = bytes(FRAGMENT_B) + cbor(scene.content)
    blocks = {
        "fragment-type-3": b"\x03" + plain[1:],
        "fragment-type-255": b"\xff" + plain[1:],
        "no-fragment-but-index": flipped(plain, 1),
        "no-fragment-but-reserved": flipped(plain, 2),
        "no-fragment-but-epoch": flipped(plain, 7),
        "no-fragment-but-hash": flipped(plain, 8),
        "no-fragment-but-data": flipped(plain, FRAGMENT_B - 1),
    }
    for name, changed in blocks.items():
        yield scene.refuses(name, "WIRE-10", scene.message(pad(changed, 512)), AUTHENTICATION)
    bodies = {
        "all-zero": (bytes(512), "WIRE-13"),
        "no-mark": (plain.ljust(512, b"\0"), "WIRE-13"),
        "byte-after-the-padding": (pad(plain, 511) + b"\x01", "WIRE-13"),
        "class-too-large": (pad(plain, 1024), "WIRE-13"),
        "padme-too-large": (pad(plain + bytes(4000) + b"x", 8192), "WIRE-13"),
        "mark-in-the-fragment-block": (pad(bytes(100), 512), "WIRE-10 WIRE-13"),
    }
    for name, (body, rules) in bodies.items():
        yield scene.refuses(name, rules, scene.message(body), AUTHENTICATION)
    encoded = cbor(flight.content)
    yield flight.refuses(
        "flight-class-too-large", "WIRE-12", flight.message(pad(encoded, 2048)), AUTHENTICATION
    )
    within = padded(bytes(FRAGMENT_B) + encoded, first=True)
    yield flight.refuses("fragment-block-in-a-flight", "WIRE-10", flight.message(within), "remote.content")
    too_large = cbor(text("negative message", "x" * (65_537 - len(cbor(text("negative message", ""))) - 2)))
    yield scene.refuses(
        "content-of-65537", "WIRE-14", scene.message(padded(too_large, first=False)), AUTHENTICATION
    )
    yield from _wrong_contents(scene, flight)


def _wrong_contents(scene: Scene, flight: Scene) -> Iterator[Negative]:
    back: dict[int, Value] = {7: parties.way_back(scene.played.sides["A"].device)}
    contents: list[tuple[str, Scene, bytes, str]] = [
        ("content-empty", scene, b"", "CON-01"),
        ("content-not-cbor", scene, b"\xff", "CON-01"),
        ("content-with-trailing-byte", scene, cbor(scene.content) + b"\0", "CON-01"),
        ("content-with-key-10", scene, cbor({**scene.content, 10: 0}), "CON-01"),
        ("content-with-empty-text", scene, cbor(text("negative", "")), "CON-03"),
        ("epoch-without-a-prefix", scene, cbor(text("negative", "x", {6: EPOCH, **back})), "SES-21"),
        ("prefix-without-epoch", flight, cbor(text("negative", "x", back)), "SES-21"),
        ("prefix-with-another-epoch", flight, cbor(text("negative", "x", {6: EPOCH + 1, **back})), "SES-21"),
        ("prefix-without-address", flight, cbor(text("negative", "x", {6: EPOCH})), "HS-05"),
    ]
    for name, where, encoded, rules in contents:
        body = padded(encoded, first=where is flight)
        yield where.refuses(name, f"{rules} CON-08", where.message(body), "remote.content")


def all_messages(played: Transcript) -> Iterator[Negative]:
    """Everything here."""
    for part in (changed_bytes, wrong_headers, wrong_bodies):
        yield from part(played)
