"""Attacks on the post-quantum ratchet: pieces of two ciphertexts for one key, put together by the relay."""

from __future__ import annotations

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld, Victim
from e2ee_client.engine import Ports
from evil_relay import Keeper
from parties import ScriptedRng
from patched_copy import switch_off

from e2ee.primitives import kdf, kem
from e2ee.ratchet import kem_ratchet
from e2ee.ratchet.kem_ratchet import CiphertextDue, KemState, Offering, SecretHeld

PIECES = 5


def kem_of(victim: Victim, account_id: bytes) -> KemState:
    """Return where the exchange of a session stands."""
    return victim.session_with(account_id).ratchet.kem


def two_ciphertexts() -> tuple[AttackWorld, list[list[bytes]]]:
    """Let the company's machine run twice from one snapshot, and answer the customer's key twice.

    Both runs are in one chain, so that the relay can choose for each number from which of them it comes.
    """
    strategy = Keeper()
    world = AttackWorld.acquainted(strategy)
    for _ in range(3 * PIECES):
        if isinstance(kem_of(world.company, world.kundin), CiphertextDue):
            break
        world.say(world.customer, world.praxis, "Ein Stueck des Schluessels")
    assert isinstance(kem_of(world.company, world.kundin), CiphertextDue)
    world.relay.mail.clear()
    snapshots = [world.company.rows.copy(), world.company.rows.copy()]
    strategy.mailboxes = {world.customer.mailbox()}
    for number, rows in enumerate(snapshots):
        # The same ratchet key, so one chain; the ciphertexts come from the library's own randomness.
        world.company.ports = Ports(ScriptedRng("the same entropy twice"), kem.encapsulate)
        world.company.crash(rows)
        world.company.start()
        for piece in range(PIECES):
            world.say(world.company, world.kundin, f"Lauf {number}, Nachricht {piece}")
    strategy.did("had the company's machine run twice, and mixed the pieces of its two ciphertexts")
    strategy.mailboxes.clear()
    bodies = world.relay.bodies(world.customer.mailbox())
    return world, [bodies[:PIECES], bodies[PIECES:]]


def splice(world: AttackWorld, runs: list[list[bytes]]) -> None:
    """Deliver each number of the chain once, by turns from the two runs."""
    for number in range(PIECES):
        world.relay.slip(world.customer.mailbox(), runs[number % 2][number])
    world.settle()


def test_b4_pieces_of_two_ciphertexts(book: Book) -> None:
    """PQ-09, PQ-10: pieces of two ciphertexts never mix; the exchange ends with those of one of them."""
    world, runs = two_ciphertexts()
    splice(world, runs)
    assert len(world.customer.texts()) == 1 + PIECES, "every message opens, whichever run it is from"
    assert isinstance(kem_of(world.customer, world.praxis), Offering), "no secret was made of the mixture"
    for number in range(2 * PIECES):
        world.say(world.company, world.kundin, f"weiter {number}")
    assert isinstance(kem_of(world.customer, world.praxis), SecretHeld)
    for number in range(3):
        world.say(world.customer, world.praxis, f"Frage {number}")
        world.say(world.company, world.kundin, f"Antwort {number}")
    assert world.company.texts()[-1] == "Frage 2"
    assert world.customer.texts()[-1] == "Antwort 2"
    assert world.customer.session_with(world.praxis).ratchet.pq_epoch == 1
    book.attack("B4", world, Verdict.HARMLESS, "a piece of another id begins anew; a whole is confirmed")


def test_b4_control_pieces_are_not_told_apart(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of PQ-09 and PQ-10: a secret of the mixture is mixed in, and the two never understand again."""
    other = "received is None or received.id != piece.id"
    switch_off(monkeypatch, kem_ratchet, "_added", other, "received is None")
    whole = "if ciphertext_id(state.key_id, message) != collected.id:"
    switch_off(monkeypatch, kem_ratchet, "_collect_ciphertext", whole, "if False:")
    monkeypatch.setattr(kdf, "equal", lambda _one, _other: True)
    world, runs = two_ciphertexts()
    splice(world, runs)
    assert isinstance(kem_of(world.customer, world.praxis), SecretHeld)
    world.say(world.customer, world.praxis, "Sind Sie noch da?")
    assert "Sind Sie noch da?" not in world.company.texts()
    assert "remote.authentication" in world.company.refusals
    book.control(
        "B4", "ids and confirmation of ciphertexts", "a spliced secret went in; the session was dead"
    )
