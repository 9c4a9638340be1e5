"""Attacks on first flights: delivered again, damaged, made from public values."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from attack_evidence import Book, Verdict
from attack_world import AttackWorld
from e2ee_client.events import ContactAdded, SessionStarted
from e2ee_relay.protocol import KnownFrame, PrekeysBundle, PrekeysUpload, Request
from evil_relay import Strategy
from forgery import map_of

from e2ee import session as sessions
from e2ee.wire import cbor

# --- A6 ---


class Replayer(Strategy):
    """Hands out bundles without one-time keys, so that nothing but the replay cache is in its way."""

    def __init__(self) -> None:
        self.last_resort = b""

    def request(self, connection: int, frame: Request) -> Iterable[KnownFrame]:
        if isinstance(frame, PrekeysUpload) and frame.last_resort is not None:
            self.last_resort = frame.last_resort
        return (frame,)

    def answer(self, connection: int, request: Request | None, frame: KnownFrame) -> Iterable[KnownFrame]:
        if not isinstance(frame, PrekeysBundle):
            return (frame,)
        self.did("withheld the one-time keys, and delivered the first flight again")
        bundle = cbor.encode(map_of(frame.bundle) | {4: None, 5: self.last_resort})
        return (PrekeysBundle(frame.request_id, bundle, False, False),)

    def replay(self, world: AttackWorld) -> None:
        """Deliver the first flight again."""
        self.relay.slip(world.company.mailbox(), self.relay.bodies(world.company.mailbox())[0])
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
    assert world.company.refusals == ["remote.replay"] * 3
    book.attack("A6", world, Verdict.REFUSED, "no event: an honest relay repeats itself as well")


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
