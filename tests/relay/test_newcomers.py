"""Whoever floods a company, or the relay, keeps no newcomer from it (RLY-21, RLY-56, RLY-164, RLY-223)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Awaitable, Callable

import pytest
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import (
    AuthResult,
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Frame,
    Lookup,
    LookupResult,
    LowPrekeys,
    Message,
    Ping,
    PrekeysBundle,
    PrekeysCount,
    PrekeysFetch,
    PrekeysStock,
    Subscribe,
    TokenAdd,
    TokenClass,
    token_hash,
)
from e2ee_relay.store.api import Op, Read
from e2ee_relay.store.sqlite_view import SqliteView
from nacl.signing import SigningKey
from node_relay import NodeRelay
from relay_actors import Clock, Company, Owner, Peer
from relay_backends import AnyRelay, MakeRelay, known_visitors, states_of

Flooding = Callable[[], Awaitable[None]]
Attempt = Callable[[Peer], Awaitable[bool]]
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


async def knock(peer: Peer, company: Company, size_b: int = 4096) -> ErrorCode:
    """Send a first flight, as far as a relay can tell; return what became of it."""
    results = await peer.send(company.owner.item(os.urandom(size_b), token=company.front_token))
    return results[0].code


async def make(peer: Peer) -> Frame:
    """Make a mailbox."""
    return await peer.ask(CreateMailbox(peer.next_id(), os.urandom(16), os.urandom(32)))


async def in_time(relay: AnyRelay, clock: Clock, flood: Flooding, attempt: Attempt) -> int:
    """Let a newcomer come each second, and again while refused; return how many got through in time."""
    waiting: dict[int, Peer] = {}
    through = 0
    for second in range(NEWCOMERS + PATIENCE_S):
        await flood()
        if second < NEWCOMERS:
            waiting[second] = await connect(relay, os.urandom(16))
        for came, peer in list(waiting.items()):
            if second - came >= PATIENCE_S:
                del waiting[came]
            elif await attempt(peer):
                del waiting[came]
                through += 1
        clock.forward(SECOND_MS)
        relay.tick()
    return through


@pytest.mark.parametrize(("hosts", "size_b"), [(1, 4096), (20, 4096), (20, 65536)])
async def test_newcomers_get_a_message_to_a_company_beside_hosts_that_knock(
    clock: Clock, make_relay: MakeRelay, hosts: int, size_b: int
) -> None:
    """RLY-223: each address has its own bucket, and twenty leave some of what all strangers share."""
    relay = make_relay(Policy(quota_messages=100_000, quota_b=1 << 40, published_quota_messages=100_000))
    company, _ = await published(relay, clock)
    peers = [await connect(relay, os.urandom(16)) for _ in range(hosts)]
    codes: list[ErrorCode] = []

    async def flood() -> None:
        for peer in peers:
            items = [company.owner.item(bytes(size_b), token=company.front_token) for _ in range(12)]
            codes.extend(one.code for one in await peer.send(*items))

    async def attempt(peer: Peer) -> bool:
        return await knock(peer, company) is ErrorCode.OK

    for _ in range(3):
        await flood()
    assert await in_time(relay, clock, flood, attempt) >= GOT_THROUGH
    assert ErrorCode.RATE_LIMITED in codes


async def test_newcomers_make_mailboxes_beside_hosts_that_make_mailboxes(
    clock: Clock, make_relay: MakeRelay
) -> None:
    """RLY-21: over all of its connections an address has a bucket, and twenty leave some of the relay's."""
    relay = make_relay(Policy(creations_global=Rate(200, 5), creations_per_address=Rate(8, 0.2)))
    hosts = [os.urandom(16) for _ in range(20)]
    answers: list[Frame] = []

    async def flood() -> None:
        for visitor in hosts:
            peer = await connect(relay, visitor)
            answers.extend([await make(peer) for _ in range(5)])
            await peer.link.close()

    async def attempt(peer: Peer) -> bool:
        return isinstance(await make(peer), Done)

    for _ in range(3):
        await flood()
    assert await in_time(relay, clock, flood, attempt) >= GOT_THROUGH
    assert any(isinstance(one, ErrorReply) for one in answers)


async def test_a_creation_that_is_refused_is_charged_to_nobody(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-21: else a newcomer who tries again empties its own bucket while that of the relay is empty."""
    relay = make_relay(Policy(creations=Rate(3, 0.001), creations_global=Rate(1, 1)))
    other, peer = await connect(relay, b"other"), await connect(relay, b"one")
    assert isinstance(await make(other), Done)
    for _ in range(5):
        assert isinstance(await make(peer), ErrorReply)
    clock.forward(1_001)
    assert isinstance(await make(peer), Done)


async def test_strangers_fill_half_of_a_mailbox(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-222: those whom the owner knows have the other half; in messages and in bytes."""
    by_count = Policy(quota_messages=7, published_quota_messages=1)
    for policy in (by_count, Policy(quota_b=7_000, published_quota_b=1)):
        relay = make_relay(policy)
        peer, sender = await connect(relay), await connect(relay)
        owner = Owner()
        await owner.set_up(peer)
        company = Company(owner, clock.now_ms)
        await company.publish(peer)
        knocks = [await knock(sender, company, 999) for _ in range(6)]
        assert knocks == [ErrorCode.OK] * 3 + [ErrorCode.QUOTA] * 3
        known = [one.code for one in await sender.send(*[owner.item(bytes(999)) for _ in range(5)])]
        assert known == [ErrorCode.OK] * 4 + [ErrorCode.QUOTA]
        relay.close()


async def test_pages_are_read_for_so_many_at_a_time_and_for_none_who_is_displaced(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-268: an address that subscribes and displaces itself has others wait for one round."""
    relay = make_relay(Policy(creations=Rate(100, 1)))
    store = states_of(relay)[0].store
    submit, held = store.submit, list[Op]()

    def holding(op: Op) -> None:
        (held.append if isinstance(op.request, Read) else submit)(op)

    key = SigningKey.generate()
    hosts, newcomer = [await connect(relay, b"host") for _ in range(3)], await connect(relay, b"newcomer")
    owners, other = [Owner(key=key) for _ in range(70)], Owner()
    for one in owners:
        await one.create(hosts[0])
    await other.set_up(newcomer)
    await newcomer.send(other.item(b"held"))
    monkeypatch.setattr(store, "submit", holding)
    names = tuple(one.mailbox for one in owners)
    for host in hosts:
        await host.expect(AuthResult, owners[0].auth(host, *names))
        await host.expect(Done, Subscribe(host.next_id(), names))
    await newcomer.expect(Done, Subscribe(newcomer.next_id(), (other.mailbox,)))
    assert len(held) == 64
    first, held[:] = held[:2], held[2:]  # answered
    for op in first:
        submit(op)
    await newcomer.ask(Ping(newcomer.next_id()))
    assert sorted(op.request.mailbox == other.mailbox for op in held[-2:]) == [False, True]
    # What the others of the first connection, and all of the second, waited for is not read.
    read = len(first)
    while held:
        submit(held.pop())
        await newcomer.ask(Ping(newcomer.next_id()))
        read += 1
    assert (await newcomer.push(Message)).body == b"held"
    assert read == 64 + 70 + 1
    relay.close()


async def test_new_tokens_are_charged_to_connection_and_address(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-269: those that are there cost nothing; beyond, none is added; another address is free, and so are
    a mailbox's first 16 of the address.
    """
    relay = make_relay(Policy(tokens=Rate(30, 1), tokens_per_address=Rate(8, 1)))
    first, second, third = [await connect(relay, one) for one in (b"host", b"host", b"other")]
    owner, newcomer, key = Owner(), Owner(), os.urandom(32)

    def adding(peer: Peer, *tokens: bytes, to: Owner = owner) -> TokenAdd:
        hashes = tuple(token_hash(one) for one in tokens)
        return TokenAdd(peer.next_id(), to.mailbox, hashes, TokenClass.CONTACT)

    def fresh(count: int) -> list[bytes]:
        return [os.urandom(32) for _ in range(count)]

    await owner.set_up(first)
    await owner.prove(second)
    await owner.prove(third)
    known = [owner.token, *fresh(15)]
    await first.expect(Done, adding(first, *known[1:]))
    for _ in range(3):
        await first.expect(Done, adding(first, *known))
    await second.expect(Done, adding(second, *fresh(5)))
    for peer, count in ((first, 15), (second, 4)):
        refusal = await peer.expect(ErrorReply, adding(peer, key, *fresh(count - 1)))
        assert (refusal.code, refusal.retry_after_ms) == (ErrorCode.RATE_LIMITED, 1001)
    assert (await third.send(owner.item(b"x", token=key)))[0].code is ErrorCode.DENIED
    await third.expect(Done, adding(third, key, *fresh(7)))
    assert (await third.send(owner.item(b"x", token=key)))[0].code is ErrorCode.OK
    await second.expect(Done, adding(second, *fresh(3)))
    await newcomer.set_up(first)
    await newcomer.prove(second)
    await second.expect(Done, adding(second, *fresh(13), to=newcomer))
    last = fresh(5)
    refusal = await second.expect(ErrorReply, adding(second, *last, to=newcomer))
    assert (refusal.code, refusal.retry_after_ms) == (ErrorCode.RATE_LIMITED, 3001)
    clock.forward(3001)
    await second.expect(Done, adding(second, *last, to=newcomer))
    relay.close()


async def test_tokens_that_are_not_committed_cost_nothing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-269: where the disk fails, who tries again is not refused for it."""
    relay = MemoryRelay(clock, os.urandom, Policy(tokens=Rate(20, 1), tokens_per_address=Rate(1, 1)))
    peer, owner = await connect(relay, b"host"), Owner()
    await owner.set_up(peer)

    def adding() -> TokenAdd:
        hashes = tuple(token_hash(os.urandom(32)) for _ in range(16))
        return TokenAdd(peer.next_id(), owner.mailbox, hashes, TokenClass.CONTACT)

    def failing(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(SqliteView, "grant", failing)
        for _ in range(3):
            refusal = await peer.expect(ErrorReply, adding())
            assert refusal.code is ErrorCode.UNAVAILABLE
    await peer.expect(Done, adding())
    assert (await peer.expect(ErrorReply, adding())).code is ErrorCode.RATE_LIMITED
    relay.close()
