"""Attacks on first flights: delivered again, damaged, altered, led to somebody else."""

from __future__ import annotations

import itertools

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld
from e2ee_client.engine.records import OwnPrekey
from e2ee_client.engine.upkeep import Upkeep
from e2ee_client.events import ContactAdded, SessionStarted
from evil_relay import Keeper, LastResort

from e2ee import session as sessions
from e2ee.handshake import ResponderKeys
from e2ee.wire.envelope import Prefix

# --- A6 ---


class Replayer(LastResort):
    """Has nothing but the replay cache in its way, since there are no one-time keys."""

    def replay(self, world: AttackWorld) -> None:
        """Deliver the first flight again."""
        self.did("delivered the first flights, an ask and the text behind it, again")
        for body in self.relay.bodies(world.company.mailbox())[:2]:
            self.relay.slip(world.company.mailbox(), body)
        world.settle()


def test_a6_first_flight_again(book: Book) -> None:
    """HS-09: taken once; also after a restart, and after the conversation was deleted."""
    strategy = Replayer()
    world = AttackWorld(strategy)
    world.say(world.customer, world.praxis, "Bitte 100 Stück liefern")
    strategy.replay(world)
    world.company.crash()
    world.company.start()
    strategy.replay(world)
    world.company.carry_out(world.company.engine.forget_contact(world.kundin, world.now_ms))
    strategy.replay(world)
    assert world.company.texts() == ["Bitte 100 Stück liefern"]
    assert len(world.company.of(ContactAdded)) == 1
    assert world.company.refusals == ["remote.replay"] * 4 + ["remote.unknown_session"] * 2
    book.attack(
        "A6", world, Verdict.REFUSED, "no event while it is known: an honest relay repeats itself as well"
    )


def test_a6_control_no_replay_cache(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of HS-09: without the cache the order is taken twice once its conversation was deleted."""
    fresh = itertools.count()
    monkeypatch.setattr(sessions, "replay_key", lambda _raw: next(fresh).to_bytes(36, "big"))
    strategy = Replayer()
    world = AttackWorld(strategy)
    world.say(world.customer, world.praxis, "Bitte 100 Stück liefern")
    world.company.carry_out(world.company.engine.forget_contact(world.kundin, world.now_ms))
    strategy.replay(world)
    assert world.company.texts() == ["Bitte 100 Stück liefern"] * 2
    assert len(world.company.of(SessionStarted)) == 2
    book.control("A6", "the replay cache", "one order was taken twice")


# --- B1 ---


def damaged_flight() -> tuple[AttackWorld, Keeper]:
    """Let the relay keep a first flight with one-time keys, and deliver it with a bit of its body turned."""
    strategy = Keeper()
    world = AttackWorld(strategy)
    strategy.mailboxes = {world.company.mailbox()}
    world.say(world.customer, world.praxis, "Guten Tag")
    strategy.did("kept the handshake prefix of a first flight and turned one bit of the body, fifty times")
    body = strategy.kept[0].body
    for at in range(-50, 0):
        broken = body[:at] + bytes((body[at] ^ 1,)) + body[len(body) + at + 1 :]
        world.relay.slip(world.company.mailbox(), broken)
    world.settle()
    return world, strategy


def test_b1_body_corrupted(book: Book) -> None:
    """HS-07: what does not open consumes nothing; the flight as it was sent opens afterwards."""
    before = dict(AttackWorld().company.rows.items("prekey"))
    world, strategy = damaged_flight()
    assert world.company.refusals == ["remote.authentication"] * 50
    assert len(list(world.company.rows.items("prekey"))) == len(before)
    strategy.release(0, 1)
    world.settle()
    (started,) = world.company.of(SessionStarted)
    assert (started.one_time_x25519, started.one_time_kem) == (True, True)
    assert world.company.texts() == ["Guten Tag"]
    book.attack("B1", world, Verdict.REFUSED, "one-time keys go only with the commit of what has opened")


def test_b1_control_keys_go_when_they_are_looked_up(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of HS-07: where a look-up uses the keys up, a damaged copy costs the conversation."""

    def consuming(self: Upkeep, prefix: Prefix, owner: bytes) -> tuple[ResponderKeys, list[OwnPrekey]] | None:
        found = looking_up(self, prefix, owner)
        for item in [] if found is None else found[1]:
            self._state.prekeys.pop(item.key)
        return found

    looking_up = Upkeep.responder_keys
    monkeypatch.setattr(Upkeep, "responder_keys", consuming)
    world, strategy = damaged_flight()
    strategy.release(0, 1)
    world.settle()
    assert world.company.texts() == []
    assert world.company.refusals[-1] == "remote.unknown_prekey"
    book.control("B1", "the order of opening and deleting", "the intact first flight was refused and lost")
