"""The stock of one-time keys runs low at the relay: what a company's application is told (RLY-157)."""

from __future__ import annotations

import pytest
from e2ee_client import Client
from e2ee_client.cli.event_lines import event_json, event_line
from e2ee_client.cli.texts import Texts
from e2ee_client.events import PrekeysLow
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.memory import MemoryConnection
from e2ee_relay.protocol import LowPrekeys, PrekeysFetch, encode_frames
from engine_world import Node, World

MANY = Rate(1e6, 1e6)


class Drain:
    """Somebody who fetches a company's bundles and lets them go to waste."""

    def __init__(self, company: Node) -> None:
        self._world = company.world
        self._own = company.engine._state.own
        (mailbox,) = company.engine._state.mailboxes.values()
        self._token = mailbox.tokens[b""][0]
        self._last_id = 0
        self._connection: MemoryConnection = self._world.relay.connect()

    def fetch(self, count: int) -> None:
        for _ in range(count):
            self._last_id += 1
            record_hash = self._own.device.record.hash
            frame = PrekeysFetch(self._last_id, self._own.account_id, record_hash, self._token)
            self._world.relay.take(self._connection, self._connection.session, encode_frames([frame]))
        self._world.settle()


@pytest.fixture
def company() -> Node:
    world = World(Policy(fetches=MANY, fetches_per_device=MANY))
    made = world.node("Praxis", publish=True)
    made.start()
    world.settle()
    assert made.of(PrekeysLow) == []
    return made


def test_a_stock_that_is_drained_is_told_once_and_once_more_at_its_end(company: Node) -> None:
    """RLY-157, RLY-67: not at each of the relay's words; the refill comes by itself and ends the shortage."""
    drain = Drain(company)
    drain.fetch(50)
    assert company.of(PrekeysLow) == []
    drain.fetch(49)
    assert company.of(PrekeysLow) == [PrekeysLow(49, 49)]
    drain.fetch(10)
    assert company.of(PrekeysLow) == [PrekeysLow(49, 49), PrekeysLow(0, 0)]
    company.world.advance(60_000)
    drain.fetch(60)
    assert company.of(PrekeysLow)[2:] == [PrekeysLow(49, 49)]


def test_a_drain_while_nobody_was_there_is_told_at_the_next_connection(company: Node) -> None:
    """RLY-157, RLY-67: the relay says so to whoever subscribes."""
    company.break_connections()
    Drain(company).fetch(100)
    assert company.of(PrekeysLow) == []
    company.world.advance(600_000)
    assert company.of(PrekeysLow) == [PrekeysLow(0, 0)]


@pytest.mark.parametrize(("left", "low_at"), [(50, 200), (99, 200)])
def test_a_relay_that_is_easily_worried_tells_nobody(left: int, low_at: int) -> None:
    """RLY-157: below 50 a client makes new keys; a relay that warns above it would warn for ever."""
    world = World(Policy(fetches=MANY, fetches_per_device=MANY, low_prekeys=low_at))
    company = world.node("Praxis", publish=True)
    company.start()
    Drain(company).fetch(100 - left)
    assert company.of(PrekeysLow) == []


def test_one_kind_suffices(company: Node) -> None:
    """RLY-157: whichever is fewer counts, also for the end."""
    own = company.engine._state.own
    (channel,) = company.connections
    for kinds in ((80, 20), (80, 19), (0, 18), (0, 0)):
        frame = LowPrekeys(0, own.account_id, own.device.record.hash, *kinds)
        company.carry_out(company.engine.received(channel, encode_frames([frame]), company.world.now_ms))
    assert company.of(PrekeysLow) == [PrekeysLow(80, 20), PrekeysLow(0, 18)]


@pytest.mark.parametrize(
    ("language", "low", "gone"),
    [("en", "run low (49, 48 left)", "run out"), ("de", "knapp (noch 49, 48)", "verbraucht")],
)
async def test_the_shell_says_it_in_both_languages(language: str, low: str, gone: str) -> None:
    """RLY-157: for people and for programs; a stock that is used up is not called low."""
    async with Client.create(None, relay="ws://127.0.0.1:9", name="Praxis") as client:
        texts = Texts(language)
        assert low in event_line(PrekeysLow(49, 48), client, texts)
        for kinds in ((0, 48), (49, 0)):
            assert gone in event_line(PrekeysLow(*kinds), client, texts)
    assert event_json(PrekeysLow(49, 0)) == {"event": "prekeys_low", "one_time_x25519": 49, "one_time_kem": 0}
