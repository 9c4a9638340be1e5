"""Attacks that want to learn something on the side: who is there, and how long a text is."""

from __future__ import annotations

import os
import zlib

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld, Victim
from e2ee_client.engine.incoming import Incoming
from e2ee_client.events import MessageState, MessageStateChanged
from patched_copy import switch_off

from e2ee import content as contents
from e2ee.constants import MAX_ENVELOPE_B
from e2ee.content import SignedList, Sync, SyncKind

# --- A15 ---


def probed() -> tuple[AttackWorld, Victim, bytes]:
    """Let somebody unknown, who is with the relay, write to the company and wait for a sign of life."""
    world = AttackWorld()
    stranger = world.victim("Fremde")
    stranger.start()
    praxis = stranger.add(world.company.engine.card())
    message_id = world.say(stranger, praxis, "Sind Sie da?")
    world.advance(1_000)
    stranger.control(praxis, SignedList(stranger.engine._state.own.device_list.signed))
    stranger.control(praxis, Sync(SyncKind.ASK, bytes(8), None, None, 0))
    world.relay.deeds.append("had an unknown customer send an ask, a text, its device list and a second ask")
    world.advance(120_000)
    return world, stranger, message_id


def test_a15_no_answer_to_strangers(book: Book) -> None:
    """CON-04: until a person accepts, nothing whatever goes back: no receipt, no tell, no address, no
    error.
    """
    world, stranger, message_id = probed()
    assert world.company.texts() == ["Sind Sie da?"]
    assert world.relay.bodies(stranger.mailbox()) == []
    assert MessageStateChanged(world.praxis, message_id, MessageState.DELIVERED) not in stranger.events
    book.attack("A15", world, Verdict.HARMLESS, "that a company is connected, its relay knows anyway")


def test_a15_control_receipts_for_all(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of CON-04: where everybody is accepted, a stranger sees when the company's device is there."""
    switch_off(monkeypatch, Incoming, "_contact_of", "published=False", "published=False, accepted=True")
    world, stranger, message_id = probed()
    assert MessageStateChanged(world.praxis, message_id, MessageState.DELIVERED) in stranger.events
    book.control(
        "A15", "receipts for accepted contacts only", "a stranger learned when its text was delivered"
    )


# --- A16 ---

SECRET_B = 100
PIN = os.urandom(SECRET_B).hex()


def sizes(monkeypatch: pytest.MonkeyPatch, *, compressed: bool) -> tuple[AttackWorld, set[int], set[int]]:
    """Let a text hold a secret and a guess of the relay's; return the sizes for right and wrong guesses."""
    if compressed:
        encode, decode = contents.encode, contents.decode
        monkeypatch.setattr(contents, "encode", lambda content: zlib.compress(encode(content)))
        monkeypatch.setattr(contents, "decode", lambda data: decode(zlib.decompress(data)))
    world = AttackWorld.acquainted()
    world.relay.deeds.append("chose a part of the text, and compared sizes for right and wrong guesses")
    found: list[set[int]] = []
    for guesses in ([PIN] * 4, [os.urandom(SECRET_B).hex() for _ in range(4)]):
        world.relay.mail.clear()
        for guess in guesses:
            world.say(world.customer, world.praxis, f"{PIN} {guess}")
        found.append({len(one) for one in world.relay.bodies(world.company.mailbox())})
    return world, found[0], found[1]


def test_a16_guessing_by_length(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """WIRE-11: a size follows from the length of a text alone; nothing is compressed before it is sealed."""
    world, right, wrong = sizes(monkeypatch, compressed=False)
    assert right == wrong
    assert len(right) == 1
    book.attack("A16", world, Verdict.HARMLESS, "right and wrong guesses have one size")


def test_a16_control_compression(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: where texts are compressed first, the size tells that the guess was right."""
    _, right, wrong = sizes(monkeypatch, compressed=True)
    assert max(right) < min(wrong)
    book.control(
        "A16", "no compression before sealing", f"a right guess had {right} bytes, a wrong one {wrong}"
    )


def test_a16_sizes_that_no_envelope_has(book: Book) -> None:
    """WIRE-07: a body of another size than the classes is refused before anything is opened."""
    world = AttackWorld.acquainted()
    good = world.relay.bodies(world.company.mailbox())[-1]
    odd = [good[:1], good[:40], good[:-1], good + b"\0", good + bytes(512), good.ljust(MAX_ENVELOPE_B, b"\0")]
    for body in odd:
        world.relay.slip(world.company.mailbox(), body)
    world.relay.deeds.append("delivered bodies of every wrong size, up to the largest that a frame holds")
    world.settle()
    assert set(world.company.refusals) <= {
        "remote.decode",
        "remote.version",
        "remote.replay",
        "remote.authentication",
    }
    assert len(world.company.refusals) == len(odd)
    book.attack("A16", world, Verdict.REFUSED, "one code, whatever the cause")
