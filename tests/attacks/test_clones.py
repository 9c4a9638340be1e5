"""Attacks with the host of a client's machine: its disk goes back to an older state, or runs twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld
from e2ee_client.engine import Ports
from e2ee_client.events import Parted, RolledBack, SessionStarted
from e2ee_client.rows import Continuity
from parties import DAY_MS, ScriptedRng

from e2ee.primitives import aead, kem
from e2ee.ratchet import chain
from e2ee.wire import envelope as envelopes

FIRST, SECOND = "Ueberweisung: 10 Euro", "Geheimes Passwort: ab"


@dataclass
class Sealings:
    """Every key that sealed something, with what it sealed; one key has one nonce, all zero (PRM-07)."""

    by_key: dict[bytes, list[bytes]] = field(default_factory=dict)

    def spy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Note every sealing from now on."""
        seal: Callable[[bytes, bytes, bytes], bytes] = aead.seal

        def noting(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
            self.by_key.setdefault(key, []).append(plaintext)
            return seal(key, plaintext, associated)

        monkeypatch.setattr(aead, "seal", noting)

    def used_twice(self) -> list[list[bytes]]:
        """Return what was sealed under keys that sealed two different things."""
        return [plains for plains in self.by_key.values() if len(set(plains)) > 1]


def run_twice(world: AttackWorld) -> tuple[bytes, bytes]:
    """Let two machines go on from one copy, with the same randomness; return the body of each."""
    copies = [world.customer.rows.copy(), world.customer.rows.copy()]
    world.relay.mail.clear()
    for rows, text in zip(copies, (FIRST, SECOND), strict=True):
        world.customer.ports = Ports(ScriptedRng("the same entropy twice"), kem.encapsulate)
        world.customer.crash(rows)
        world.customer.start()
        world.say(world.customer, world.praxis, text)
    bodies = world.relay.bodies()
    # Equal randomness gave both one message id, so an honest core took the second for a repetition.
    world.relay.slip(world.company.mailbox(), bodies[1])
    world.settle()
    world.relay.deeds.append("had the machine started twice from one snapshot, and kept both messages")
    one, other = (envelopes.decode(body).sealed_body for body in bodies[:2])
    return one, other


def test_a10_one_snapshot_runs_twice(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """DR-05: two texts at one place of a chain, with the same randomness, are sealed under different keys."""
    sealings = Sealings()
    sealings.spy(monkeypatch)
    world = AttackWorld.acquainted()
    run_twice(world)
    assert sealings.used_twice() == []
    assert FIRST in world.company.texts()
    assert SECOND not in world.company.texts()
    assert world.company.refusals == ["remote.replay"]
    book.attack(
        "A10", world, Verdict.REFUSED, "the salt depends on the text; the second text stays undelivered"
    )


def test_a10_control_salt_is_random_only(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of DR-05: with the random salt alone, the relay computes the second text from the first."""
    monkeypatch.setattr(chain, "hedged_salt", lambda _key, fresh, _header, _body: fresh)
    sealings = Sealings()
    sealings.spy(monkeypatch)
    world = AttackWorld.acquainted()
    one, other = run_twice(world)
    known = next(plain for plains in sealings.used_twice() for plain in plains if FIRST.encode() in plain)
    opened = bytes(a ^ b ^ c for a, b, c in zip(one, other, known, strict=False))
    assert SECOND.encode() in opened
    book.control("A10", "the salt's dependence on the text", "the relay read the second text by an XOR")


def test_a10_an_older_copy_is_noticed(book: Book) -> None:
    """STO-15, SES-32: a store that went back starts its sessions anew, and both sides are told."""
    world = AttackWorld.acquainted()
    older = world.customer.rows.copy()
    world.say(world.customer, world.praxis, "erstens ja")
    world.customer.crash(older, Continuity.ROLLED_BACK)
    assert not world.customer.engine._state.sessions, "no session of an older copy is used again"
    world.customer.start()
    world.relay.deeds.append("put an older copy of the customer's disk back")
    world.say(world.customer, world.praxis, "zweitens nein")
    world.advance(60_000)
    assert world.company.texts()[-2:] == ["erstens ja", "zweitens nein"]
    assert [event.by_us for event in world.customer.of(SessionStarted)][-1]
    assert not [event.by_us for event in world.company.of(SessionStarted)][-1]
    ours, theirs = world.customer.peer_with(world.praxis), world.company.peer_with(world.kundin)
    assert ours.pair.top == theirs.pair.top is not None
    book.attack("A10", world, Verdict.HARMLESS, "no old chain is used again; both sides show the new session")


def test_a10_an_older_copy_that_goes_on_unnoticed(book: Book) -> None:
    """SES-30, SES-31: where the store itself does not notice, the numbers of the texts show it to both
    sides.
    """
    world = AttackWorld.acquainted()
    older = world.customer.rows.copy()
    world.say(world.customer, world.praxis, "erstens ja")
    world.advance(10_000)
    world.customer.crash(older)
    world.customer.start()
    world.relay.deeds.append("put an older copy of the customer's disk back, with its marks")
    world.say(world.customer, world.praxis, "zweitens nein")
    assert "zweitens nein" not in world.company.texts(), "it has the place of another message in the chain"
    world.advance(2 * DAY_MS)
    assert world.company.texts()[-1] == "zweitens nein", (
        "asked for after a day without a receipt, and sent again"
    )
    assert set(world.company.of(Parted)) == {Parted(world.kundin)}
    world.say(world.customer, world.praxis, "drittens")
    world.advance(60_000)
    assert world.company.texts()[-1] == "drittens"
    book.attack("A10", world, Verdict.SHOWN, "one number for two texts shows that a store was set back")


def test_a10_texts_that_the_older_copy_does_not_know(book: Book) -> None:
    """SES-31: the other side's count of texts tells the copy that it was set back."""
    world = AttackWorld.acquainted()
    older = world.customer.rows.copy()
    world.say(world.customer, world.praxis, "erstens ja")
    world.advance(10_000)
    world.customer.crash(older)
    world.customer.start()
    world.relay.deeds.append(
        "put an older copy of the customer's disk back, with its marks, and damaged a message"
    )
    world.relay.slip(world.customer.mailbox(), bytes((1, 1)) + os.urandom(616))
    world.advance(DAY_MS)
    assert world.customer.of(RolledBack) == [RolledBack(world.praxis)]
    world.say(world.customer, world.praxis, "zweitens nein")
    world.advance(60_000)
    assert world.company.texts()[-1] == "zweitens nein"
    book.attack(
        "A10", world, Verdict.SHOWN, "what the other side has received tells more than the store knows"
    )
