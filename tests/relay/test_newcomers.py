"""Whoever floods a company with questions keeps no newcomer from it (RLY-56, RLY-164, RLY-165)."""

from __future__ import annotations

import os

import pytest
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    ErrorReply,
    Frame,
    Lookup,
    LookupResult,
    LowPrekeys,
    Ping,
    PrekeysBundle,
    PrekeysCount,
    PrekeysFetch,
    PrekeysStock,
)
from node_relay import NodeRelay
from relay_actors import Clock, Company, Owner, Peer
from relay_backends import AnyRelay, MakeRelay, known_visitors, states_of

SECOND_MS = 1_000
MINUTE_MS = 60_000
PATIENCE_S = 10
NEWCOMERS = 10
GOT_THROUGH = 9


async def connect(relay: AnyRelay, visitor: bytes = b"") -> Peer:
    """Open a connection; of several nodes, always to the same one: buckets are each node's own (RLY-111)."""
    link = relay.connect(0, visitor) if isinstance(relay, NodeRelay) else relay.connect(visitor)
    return await Peer(link).greet()


async def published(relay: AnyRelay, clock: Clock, keys: int = 100) -> tuple[Company, Peer]:
    """A company with a stock, whose owner is subscribed; of several nodes, at another one."""
    peer = await Peer(relay.connect(1) if isinstance(relay, NodeRelay) else relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, keys, keys))
    await owner.subscribe(peer)
    return company, peer


def lookup(peer: Peer, company: Company) -> Lookup:
    return Lookup(peer.next_id(), company.account_id, 0)


def fetch(peer: Peer, company: Company) -> PrekeysFetch:
    return PrekeysFetch(peer.next_id(), company.account_id, company.record_hash, company.front_token)


class Newcomer:
    """Looks a company up and fetches its bundle, and comes again while it is refused."""

    def __init__(self, peer: Peer, company: Company) -> None:
        self._peer = peer
        self._company = company
        self._has_found = False
        self._left_s = PATIENCE_S
        self.bundle: PrekeysBundle | None = None

    async def go_on(self) -> None:
        """Do what a newcomer does in one second."""
        self._left_s -= 1
        if self._left_s < 0 or self.bundle is not None:
            return
        if not self._has_found:
            answer = await self._peer.ask(lookup(self._peer, self._company))
            self._has_found = isinstance(answer, LookupResult)
        if self._has_found:
            answer = await self._peer.ask(fetch(self._peer, self._company))
            self.bundle = answer if isinstance(answer, PrekeysBundle) else None


class Flood:
    """Hosts that ask for one company, each over connections of its own."""

    def __init__(self, company: Company, hosts: list[list[Peer]]) -> None:
        self._company = company
        self._hosts = hosts
        self._turn = 0
        self.lookups: list[Frame] = []
        self.fetches: list[Frame] = []

    @classmethod
    async def of(cls, relay: AnyRelay, company: Company, hosts: int, connections: int) -> Flood:
        visitors = [os.urandom(16) for _ in range(hosts)]
        return cls(company, [[await connect(relay, one) for _ in range(connections)] for one in visitors])

    async def go_on(self, lookups: int, fetches: int) -> None:
        """Let each host ask so often, over its connections in turn."""
        for connections in self._hosts:
            for number in range(max(lookups, fetches)):
                peer = connections[(self._turn + number) % len(connections)]
                if number < lookups:
                    self.lookups.append(await peer.ask(lookup(peer, self._company)))
                if number < fetches:
                    self.fetches.append(await peer.ask(fetch(peer, self._company)))
        self._turn += max(lookups, fetches)


async def newcomers_during(
    relay: AnyRelay, clock: Clock, flood: Flood, company: Company, before_s: int, per_s: tuple[int, int]
) -> list[PrekeysBundle]:
    """Let a newcomer come each second, after so many of the flood alone; return what they have got."""
    newcomers: list[Newcomer] = []
    for second in range(before_s + NEWCOMERS + PATIENCE_S):
        await flood.go_on(*per_s)
        if before_s <= second < before_s + NEWCOMERS:
            newcomers.append(Newcomer(await connect(relay, os.urandom(16)), company))
        for one in newcomers:
            await one.go_on()
        if len(newcomers) == NEWCOMERS and all(one.bundle for one in newcomers):
            break
        clock.forward(SECOND_MS)
        relay.tick()
    return [one.bundle for one in newcomers if one.bundle is not None]


async def test_newcomers_get_through_beside_a_host_that_looks_up(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-56: 50 LOOKUPs a second from one host, which is refused beyond what an address may ask."""
    relay = make_relay()
    company, _ = await published(relay, clock)
    flood = await Flood.of(relay, company, hosts=1, connections=25)
    bundles = await newcomers_during(relay, clock, flood, company, 20, (50, 0))
    assert len(bundles) >= GOT_THROUGH
    assert sum(isinstance(one, LookupResult) for one in flood.lookups) < 250


async def test_newcomers_get_one_time_keys_beside_a_host_that_fetches(
    clock: Clock, make_relay: MakeRelay
) -> None:
    """RLY-56, RLY-164: one host alone cannot empty the device's bucket, at 50 PREKEYS_FETCH a second."""
    relay = make_relay()
    company, peer = await published(relay, clock)
    flood = await Flood.of(relay, company, hosts=1, connections=25)
    bundles = await newcomers_during(relay, clock, flood, company, 3, (0, 50))
    assert sum(one.one_time_x25519 and one.one_time_kem for one in bundles) >= GOT_THROUGH
    assert any(isinstance(one, ErrorReply) for one in flood.fetches)
    assert not any(isinstance(one, LowPrekeys) and not one.one_time_kem for one in peer.pushes)


async def test_newcomers_get_through_beside_twenty_hosts(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-56, RLY-164, RLY-165: each takes what an address is granted; the owner is told of it."""
    relay = make_relay()
    company, peer = await published(relay, clock)
    flood = await Flood.of(relay, company, hosts=20, connections=2)
    bundles = await newcomers_during(relay, clock, flood, company, 6, (5, 1))
    assert len(bundles) >= GOT_THROUGH
    # Sixty at once, and one in two seconds: nobody empties the stock faster than before.
    with_keys = [one for one in [*flood.fetches, *bundles] if isinstance(one, PrekeysBundle)]
    assert 60 <= sum(one.one_time_x25519 for one in with_keys) <= 60 + (6 + NEWCOMERS + PATIENCE_S) / 2
    assert (await peer.push(LowPrekeys)).account_id == company.account_id


async def test_what_is_held_back_is_not_spent_and_the_owner_is_told_once_a_minute(
    clock: Clock, make_relay: MakeRelay
) -> None:
    """RLY-164, RLY-165: the last-resort key, the whole stock afterwards, and one LOW_PREKEYS of 0 and 0."""
    relay = make_relay(Policy(fetches_per_device=Rate(3, 0.001), low_prekeys=5))
    company, peer = await published(relay, clock, keys=20)
    asking = await connect(relay, b"host")
    for round_no in range(2):
        answers = [await asking.expect(PrekeysBundle, fetch(asking, company)) for _ in range(8)]
        expected = [True] * 3 + [False] * 5 if not round_no else [False] * 8
        assert [one.one_time_x25519 for one in answers] == expected
        assert [one.one_time_kem for one in answers] == expected
        stock = PrekeysCount(peer.next_id(), company.account_id, company.record_hash)
        assert (await peer.expect(PrekeysStock, stock)).one_time_kem == 17
        await peer.ask(Ping(peer.next_id()))
        told = [one for one in peer.pushes if isinstance(one, LowPrekeys)]
        assert told == [LowPrekeys(0, company.account_id, company.record_hash, 0, 0)] * (round_no + 1)
        clock.forward(MINUTE_MS + 1)
    assert states_of(relay)[0].counters["bundles_held_back"] == 13


@pytest.mark.parametrize("ask", [lookup, fetch], ids=["LOOKUP", "PREKEYS_FETCH"])
async def test_an_address_is_charged_over_all_of_its_connections(
    clock: Clock, make_relay: MakeRelay, ask: object
) -> None:
    """RLY-56, RLY-144: another address, and one that is not known, are free; full buckets are forgotten."""
    relay = make_relay(Policy(lookups_per_address=Rate(2, 1), fetches_per_address=Rate(2, 1)))
    company, _ = await published(relay, clock)

    async def waits_ms(visitor: bytes, count: int) -> list[int]:
        peers = [await connect(relay, visitor) for _ in range(count)]
        answers = [await one.ask(ask(one, company)) for one in peers]  # type: ignore[operator]  # a maker
        return [one.retry_after_ms if isinstance(one, ErrorReply) else 0 for one in answers]

    assert await waits_ms(b"one", 3) == [0, 0, 1001]
    assert await waits_ms(b"other", 2) == [0, 0]
    assert await waits_ms(b"", 4) == [0, 0, 0, 0]
    assert known_visitors(relay) == 2
    clock.forward(2_001)
    relay.tick()
    assert known_visitors(relay) == 0
    assert await waits_ms(b"one", 3) == [0, 0, 1001]
