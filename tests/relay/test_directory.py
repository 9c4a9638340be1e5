"""PUBLISH and LOOKUP (RLY-50 to RLY-56)."""

from __future__ import annotations

import os
from dataclasses import replace

import cbor2
import pytest
from e2ee_relay import rules_directory
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import (
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    Lookup,
    LookupResult,
    LowPrekeys,
    Message,
    Ping,
    PrekeysStock,
    Publish,
)
from e2ee_relay.store import sqlite_sweep
from nacl.signing import SigningKey
from relay_actors import DAY_MS, HOUR_MS, Clock, Company, OtherAnswer, Owner, Peer, labelled_hash
from relay_backends import AnyRelay, MakeRelay, machine_is_ahead


@pytest.fixture
def company(owner: Owner, clock: Clock) -> Company:
    return Company(owner, clock.now_ms)


async def refused(peer: Peer, request: KnownFrame) -> ErrorCode:
    return (await peer.expect(ErrorReply, request)).code


async def codes(sender: Peer, owner: Owner, count: int) -> list[ErrorCode]:
    return [one.code for one in await sender.send(*[owner.item(b"x") for _ in range(count)])]


async def look_up(peer: Peer, company: Company, after_seq: int = 0) -> LookupResult:
    return await peer.expect(LookupResult, Lookup(peer.next_id(), company.account_id, after_seq))


def follow(company: Company, count: int) -> list[bytes]:
    """Make lists that go on from the last one, and count them as made."""
    before = len(company.lists)
    for _ in range(count):
        company.lists.append(company.make_list([company.record]))
    return company.lists[before:]


async def publish_beside(peer: Peer, owner: Owner, others: list[Owner], now_ms: int) -> None:
    """Publish an account with a device behind an own mailbox, and with devices behind those of others."""
    await owner.set_up(peer)
    company = Company(owner, now_ms)
    addresses = {company.record: company.make_address()}
    for other in others:
        key = SigningKey.generate()
        record = company.make_record(key)
        named = labelled_hash("SR1-record", record)
        addresses[record] = company.make_address(key, k2=named, k3=other.mailbox)
    records = tuple(sorted(addresses, key=lambda one: labelled_hash("SR1-record", one)))
    signed_list = company.make_list([*records])
    together = tuple(addresses[one] for one in records)
    await peer.expect(Done, company.entry(peer, signed_list, records=records, addresses=together))


async def test_an_entry_is_found_as_it_was_published(peer: Peer, sender: Peer, company: Company) -> None:
    """RLY-55: lists, records and addresses in the exact bytes; an unknown account is NOT_FOUND."""
    assert await refused(sender, Lookup(sender.next_id(), company.account_id, 0)) is ErrorCode.NOT_FOUND
    entry = company.entry(peer, company.make_list([company.record]))
    await peer.expect(Done, entry)
    found = await look_up(sender, company)
    assert (found.lists, found.records, found.addresses, found.more) == (
        entry.lists,
        entry.records,
        entry.addresses,
        False,
    )


async def test_the_chain_is_kept(relay: AnyRelay, peer: Peer, company: Company) -> None:
    """RLY-51, RLY-55: every link is there, also after a restart, and only those asked for are sent."""
    for _ in range(4):
        await company.publish(peer)
    two_more = []
    for _ in range(2):
        two_more.append(company.make_list([company.record]))
        company.lists.append(two_more[-1])
    await peer.expect(Done, company.entry(peer, *two_more))
    relay.restart()
    anybody = await Peer(relay.connect()).greet()
    assert (await look_up(anybody, company)).lists == tuple(company.lists)
    assert (await look_up(anybody, company, after_seq=4)).lists == tuple(company.lists[4:])
    at_head = await look_up(anybody, company, after_seq=6)
    assert (at_head.lists, at_head.records) == ((), (company.record,))
    assert (await look_up(anybody, company, after_seq=1 << 63)).lists == ()


async def test_a_long_chain_comes_in_parts(peer: Peer, company: Company) -> None:
    """RLY-55: at most 64 lists, and a flag that there are more."""
    while len(company.lists) < 70:
        batch = []
        for _ in range(35):
            batch.append(company.make_list([company.record]))
            company.lists.append(batch[-1])
        await peer.expect(Done, company.entry(peer, *batch))
    first = await look_up(peer, company)
    assert (first.lists, first.more) == (tuple(company.lists[:64]), True)
    rest = await look_up(peer, company, after_seq=64)
    assert (rest.lists, rest.more) == (tuple(company.lists[64:]), False)


async def test_the_newest_lists_are_kept(
    peer: Peer, company: Company, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-259: of each account by itself; a relay keeps no lists without end, and goes on with the newest."""
    monkeypatch.setattr(rules_directory, "MOST_LISTS", 4)
    other = Company(company.owner, clock.now_ms)
    await other.publish(peer)
    for _ in range(3):
        await company.publish(peer)
    await peer.expect(Done, company.entry(peer, company.lists[-1]))
    assert (await look_up(peer, company)).lists == tuple(company.lists)
    for _ in range(3):
        await company.publish(peer)
    assert (await look_up(peer, company)).lists == tuple(company.lists[2:])
    assert (await look_up(peer, other)).lists == tuple(other.lists)


async def is_found(relay: AnyRelay, company: Company) -> bool:
    relay.tick()
    peer = await Peer(relay.connect()).greet()
    answer = await peer.ask(Lookup(peer.next_id(), company.account_id, 0))
    return isinstance(answer, LookupResult)


async def test_an_entry_without_a_mailbox_has_an_end(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-262: so long after its last PUBLISH; where a mailbox is held then, in the month behind it."""
    relay = make_relay(Policy(abandoned_s=40 * 86_400), nodes=1)
    peer = await Peer(relay.connect()).greet()
    staying, leaving = Owner(), Owner()
    await staying.set_up(peer)
    await leaving.set_up(peer)
    kept, left = Company(staying, clock.now_ms), Company(leaving, clock.now_ms)
    await kept.publish(peer)
    await left.publish(peer)
    await peer.expect(Done, DeleteMailbox(peer.next_id(), leaving.mailbox))
    clock.forward(39 * DAY_MS)
    assert await is_found(relay, left)
    relay.restart()
    peer = await Peer(relay.connect()).greet()
    await staying.prove(peer)
    clock.forward(2 * DAY_MS)
    assert not await is_found(relay, left)
    assert await is_found(relay, kept)
    await leaving.set_up(peer)
    assert await refused(peer, left.entry(peer, left.lists[-1])) is ErrorCode.BAD_ENTRY
    left.now_ms = clock.now_ms
    await left.publish(peer)
    await peer.expect(Done, DeleteMailbox(peer.next_id(), staying.mailbox))
    clock.forward(28 * DAY_MS)
    assert await is_found(relay, kept)
    clock.forward(2 * DAY_MS)
    assert not await is_found(relay, kept)
    assert await is_found(relay, left)


async def test_many_entries_that_are_due_go_in_parts(
    make_relay: MakeRelay, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RLY-262: a tick takes some, and no more rows than a commit should."""
    monkeypatch.setattr(sqlite_sweep, "_ENTRIES_AT_ONCE", 2)
    monkeypatch.setattr(sqlite_sweep, "_ROWS_AT_ONCE", 1)
    relay = make_relay(Policy(), nodes=1)
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    companies = [Company(owner, clock.now_ms) for _ in range(5)]
    for one in companies:
        await one.publish(peer)
    await peer.expect(Done, DeleteMailbox(peer.next_id(), owner.mailbox))
    clock.forward(402 * DAY_MS)
    for _ in range(6):
        relay.tick()
    assert [await is_found(relay, one) for one in companies] == [False] * 5


async def test_an_entry_stays_as_long_as_a_list_may_be_in_force(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-262, RLY-52: where mailboxes are abandoned after a day, no list of before comes back."""
    relay = make_relay(Policy(abandoned_s=86_400), nodes=1)
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    clock.forward(31 * DAY_MS)
    assert await is_found(relay, company)
    clock.forward(DAY_MS)
    assert not await is_found(relay, company)


@pytest.mark.parametrize(("ahead_days", "stays_days"), [(500, 531), (20_000, 1_099)])
async def test_an_entry_stays_as_long_as_a_list_that_is_dated_ahead(
    make_relay: MakeRelay, clock: Clock, ahead_days: int, stays_days: int
) -> None:
    """RLY-265, RLY-52: one that names a struck-off device does not come back, up to three years."""
    relay = make_relay(Policy(), nodes=1)
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    ahead_ms = clock.now_ms + ahead_days * DAY_MS
    company.lists.append(company.make_list([company.record], k5=ahead_ms, k6=ahead_ms + 30 * DAY_MS))
    await peer.expect(Done, company.entry(peer, company.lists[-1]))
    await company.publish(peer)
    await peer.expect(Done, DeleteMailbox(peer.next_id(), owner.mailbox))
    clock.forward((stays_days - 1) * DAY_MS)
    assert await is_found(relay, company)
    clock.forward(2 * DAY_MS)
    assert not await is_found(relay, company)


def written_b(entry: Publish) -> int:
    """Count what an entry writes that names nothing held."""
    parts = [*entry.lists, *entry.records, *entry.addresses, entry.slot]
    return sum(len(one) for one in parts if one is not None)


@pytest.mark.parametrize(
    "policy",
    [
        Policy(directory_b=Rate(15_000, 100)),
        Policy(directory_b_per_address=Rate(15_000, 100)),
        Policy(directory_b_global=Rate(15_000, 100)),
    ],
    ids=["mailbox", "address", "relay"],
)
async def test_what_is_published_has_rates(make_relay: MakeRelay, clock: Clock, policy: Policy) -> None:
    """RLY-258: by bytes, of mailbox, address and relay; what is refused is charged to none."""
    relay = make_relay(policy, nodes=1)
    peer, again = [await Peer(relay.connect(visitor=b"visitor")).greet() for _ in range(2)]
    owner = Owner()
    await owner.set_up(peer)
    await owner.prove(again)
    first, second = Company(owner, clock.now_ms), Company(owner, clock.now_ms)
    foreign = second.make_list([second.record], SigningKey.generate())
    assert await refused(peer, second.entry(peer, foreign)) is ErrorCode.BAD_ENTRY
    begun = first.entry(peer, *follow(first, 10), slot=bytes(4096))
    goes_on = first.entry(again, *follow(first, 2))
    await peer.expect(Done, begun)
    await again.expect(Done, goes_on)
    left_b = 15_000 - written_b(begun) - written_b(goes_on) - 4096
    large = second.entry(again, *follow(second, 10), slot=bytes(2048))
    reply = await again.expect(ErrorReply, large)
    wait_ms = (written_b(large) - left_b) * 10 + 1
    assert (reply.code, reply.retry_after_ms) == (ErrorCode.RATE_LIMITED, wait_ms)
    clock.forward(wait_ms - 2)
    assert await refused(peer, replace(large, request_id=peer.next_id())) is ErrorCode.RATE_LIMITED
    clock.forward(2)
    await peer.expect(Done, replace(large, request_id=peer.next_id()))


@pytest.mark.parametrize(
    "policy",
    [Policy(directory_b_per_address=Rate(15_000, 100)), Policy(directory_b_global=Rate(15_000, 100))],
    ids=["address", "relay"],
)
async def test_others_keep_no_entry_that_is_held_from_going_on(
    make_relay: MakeRelay, clock: Clock, policy: Policy
) -> None:
    """RLY-264: a device is struck off whoever has used up what its address, or the relay, grants."""
    relay = make_relay(policy, nodes=1)
    peer, other = [await Peer(relay.connect(visitor=b"visitor")).greet() for _ in range(2)]
    owner, flooder = Owner(), Owner()
    await owner.set_up(peer)
    await flooder.set_up(other)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    while True:
        begun = Company(flooder, clock.now_ms)
        answer = await other.ask(begun.entry(other, *follow(begun, 1)))
        if isinstance(answer, ErrorReply):
            break
    assert answer.code is ErrorCode.RATE_LIMITED
    for _ in range(6):
        await company.publish(peer)
        await peer.expect(Done, company.entry(peer, company.lists[-1], slot=bytes(4096)))
    entry = begun.entry(other, *begun.lists)
    later = await other.expect(ErrorReply, entry)
    assert later.retry_after_ms == (15_000 + written_b(entry)) * 10 + 1
    clock.forward(later.retry_after_ms)
    await other.expect(Done, begun.entry(other, *begun.lists))


async def test_a_mailbox_goes_on_no_faster_than_it_may(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-264: its own bucket refuses an entry that is held as well."""
    relay = make_relay(Policy(directory_b=Rate(3_000, 100)), nodes=1)
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    entry = company.entry(peer, company.lists[-1], slot=bytes(4096))
    reply = await peer.expect(ErrorReply, entry)
    assert reply.code is ErrorCode.RATE_LIMITED
    clock.forward(reply.retry_after_ms)
    await peer.expect(Done, replace(entry, request_id=peer.next_id()))


async def test_upkeep_gets_through(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-258, RLY-260: lists of weeks at once, and then as many changes as a client makes (ID-43)."""
    relay = make_relay(Policy(), nodes=1)
    peer = await Peer(relay.connect(visitor=b"visitor")).greet()
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    await peer.expect(Done, company.entry(peer, *follow(company, 64)))
    await peer.expect(Done, company.entry(peer, *follow(company, 64)))
    for _ in range(64):
        await peer.expect(Done, company.entry(peer, company.lists[-1], slot=bytes(4096)))


async def test_entries_keep_nobody_from_making_a_mailbox(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-258, RLY-21: one mailbox is enough for entries without end, which have rates of their own."""
    few = Rate(4, 0.001)
    relay = make_relay(Policy(creations=few, creations_per_address=few, creations_global=few))
    peer = await Peer(relay.connect(visitor=b"visitor")).greet()
    owner = Owner()
    await owner.set_up(peer)
    for _ in range(12):
        await Company(owner, clock.now_ms).publish(peer)
    await Owner().create(peer)


async def test_lists_of_an_account_have_a_pace(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-260: the newest ones that are kept are of months; a refused PUBLISH stores none of its lists."""
    relay = make_relay(Policy(), nodes=1)
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    company, other = Company(owner, clock.now_ms), Company(owner, clock.now_ms)
    await company.publish(peer)
    for _ in range(4):
        batch = follow(company, 32)
        await peer.expect(Done, company.entry(peer, *batch))
    kept = len(company.lists)
    entry = company.entry(peer, *follow(company, 2))
    reply = await peer.expect(ErrorReply, entry)
    assert (reply.code, reply.retry_after_ms) == (ErrorCode.RATE_LIMITED, 4 * HOUR_MS + 1)
    assert (await look_up(peer, company, after_seq=kept - 1)).lists == (company.lists[kept - 1],)
    await peer.expect(Done, company.entry(peer, company.lists[kept - 1]))
    await other.publish(peer)
    await other.publish(peer)
    clock.forward(4 * HOUR_MS + 1)
    await peer.expect(Done, replace(entry, request_id=peer.next_id()))
    assert 128 + 31 * DAY_MS / (2 * HOUR_MS) < rules_directory.MOST_LISTS / 2


async def test_a_device_sets_its_own_slot(relay: AnyRelay, peer: Peer, company: Company) -> None:
    """RLY-200 to RLY-202: it stays over other lists and a restart, and ends with the device."""
    await company.publish(peer)
    assert (await look_up(peer, company)).slots == ()
    same = company.lists[-1]
    await peer.expect(Done, company.entry(peer, same, slot=b"first"))
    await peer.expect(Done, company.entry(peer, same, slot=bytes(4096)))
    await company.publish(peer)
    assert (await look_up(peer, company)).slots == (bytes(4096),)
    relay.restart()
    again = await Peer(relay.connect()).greet()
    await company.owner.prove(again)
    assert (await look_up(again, company)).slots == (bytes(4096),)
    await again.expect(Done, company.entry(again, company.make_list([]), records=(), addresses=()))
    assert (await look_up(again, company)).slots == ()


async def test_no_device_takes_away_the_slot_of_another(peer: Peer, sender: Peer, company: Company) -> None:
    """RLY-200, RLY-201: it may publish the entry, without the other's address too."""
    thief, key = Owner(), SigningKey.generate()
    await thief.set_up(sender)
    record = company.make_record(key)
    records = tuple(sorted((company.record, record), key=lambda one: labelled_hash("SR1-record", one)))
    address = company.make_address(key, k2=labelled_hash("SR1-record", record), k3=thief.mailbox)
    signed_list = company.make_list([*records])
    both = tuple(company.make_address() if one == company.record else address for one in records)
    await peer.expect(Done, company.entry(peer, signed_list, records=records, addresses=both, slot=b"good"))
    alone = tuple(None if one == company.record else address for one in records)
    await sender.expect(
        Done, company.entry(sender, signed_list, records=records, addresses=alone, slot=b"bad")
    )
    assert sorted((await look_up(sender, company)).slots) == [b"bad", b"good"]
    await sender.expect(
        Done, company.entry(sender, signed_list, records=records, addresses=alone, slot=b"good")
    )
    assert (await look_up(sender, company)).slots == (b"good",)
    # Authenticated by the entry of before only: there is no device of its own.
    none = (None, None)
    await peer.expect(Done, company.entry(peer, signed_list, records=records, addresses=both))
    refusal = company.entry(sender, signed_list, records=records, addresses=none, slot=b"bad")
    assert await refused(sender, refusal) is ErrorCode.NOT_AUTHENTICATED
    found = await look_up(peer, company)
    assert (found.slots, found.addresses) == ((b"good",), both)


async def test_a_slot_goes_with_its_mailbox(peer: Peer, company: Company) -> None:
    """RLY-27, RLY-201."""
    await peer.expect(Done, company.entry(peer, company.make_list([company.record]), slot=b"x"))
    await peer.expect(Done, DeleteMailbox(peer.next_id(), company.owner.mailbox))
    found = await look_up(peer, company)
    assert (found.addresses, found.slots) == ((None,), ())


async def test_a_published_mailbox_may_hold_more(make_relay: MakeRelay, clock: Clock) -> None:
    """RLY-203: while an entry names it, also after a restart; no other mailbox, and not without bound."""
    relay = make_relay(Policy(quota_messages=1, published_quota_messages=3))
    peer, sender = [await Peer(relay.connect()).greet() for _ in range(2)]
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    assert await codes(sender, owner, 2) == [ErrorCode.OK, ErrorCode.QUOTA]
    await company.publish(peer)
    relay.restart()
    peer, sender = [await Peer(relay.connect()).greet() for _ in range(2)]
    await owner.prove(peer)
    assert await codes(sender, owner, 3) == [ErrorCode.OK, ErrorCode.OK, ErrorCode.QUOTA]
    await peer.expect(Done, company.entry(peer, company.make_list([]), records=(), addresses=()))
    await owner.subscribe(peer)
    await owner.ack(peer, *[await peer.push(Message) for _ in range(3)])
    assert await codes(sender, owner, 2) == [ErrorCode.OK, ErrorCode.QUOTA]


async def test_only_an_owner_of_a_named_mailbox_publishes(
    peer: Peer, sender: Peer, owner: Owner, company: Company
) -> None:
    """RLY-50: a mailbox of the new entry, or of the one that it replaces."""
    signed_list = company.make_list([company.record])
    assert await refused(sender, company.entry(sender, signed_list)) is ErrorCode.NOT_AUTHENTICATED
    stranger = Owner()
    await stranger.set_up(sender)
    assert await refused(sender, company.entry(sender, signed_list)) is ErrorCode.NOT_AUTHENTICATED
    await company.publish(peer)
    closing = company.make_list([])
    assert (
        await refused(sender, company.entry(sender, closing, records=(), addresses=()))
        is ErrorCode.NOT_AUTHENTICATED
    )
    await peer.expect(Done, company.entry(peer, closing, records=(), addresses=()))
    assert (await look_up(sender, company)).records == ()


async def test_an_owner_hears_nothing_of_entries_of_others(
    clock: Clock, peer: Peer, sender: Peer, owner: Owner, company: Company
) -> None:
    """RLY-67: whoever knows a mailbox can name it, and has no prekeys behind it."""
    await company.publish(peer)
    await peer.expect(PrekeysStock, company.upload(peer, 1, 1))
    await publish_beside(sender, Owner(), [owner], clock.now_ms)
    await owner.subscribe(peer)
    told = [await peer.push(LowPrekeys)]
    await peer.expect(Done, Ping(peer.next_id()))
    told += [one for one in peer.pushes if isinstance(one, LowPrekeys)]
    assert [one.account_id for one in told] == [company.account_id]


async def test_few_devices_of_others_name_a_mailbox(
    clock: Clock, peer: Peer, sender: Peer, owner: Owner, company: Company
) -> None:
    """RLY-198, RLY-153: what a subscription costs does not grow with what others publish."""
    for _ in range(4):
        await publish_beside(sender, Owner(), [owner] * 15, clock.now_ms)
    await publish_beside(sender, Owner(), [owner] * 4, clock.now_ms)
    with pytest.raises(OtherAnswer, match="QUOTA"):
        await publish_beside(sender, Owner(), [owner], clock.now_ms)
    await company.publish(peer)


async def test_an_own_mailbox_is_named_by_so_many_devices(clock: Clock, peer: Peer, owner: Owner) -> None:
    """RLY-198, RLY-153: nor with what its own owner does."""
    for _ in range(128):
        await Company(owner, clock.now_ms).publish(peer)
    last = Company(owner, clock.now_ms)
    assert await refused(peer, last.entry(peer, last.make_list([last.record]))) is ErrorCode.QUOTA


@pytest.mark.parametrize("seq", [2, 2**30, 2**30 + 1])
async def test_a_chain_begins_anew_by_any_list(peer: Peer, company: Company, seq: int) -> None:
    """RLY-51, ACC-63: a relay that has lost the entry takes it back, and what follows on it alone."""
    first = company.make_list([company.record], k3=seq, k4=bytes(32))
    await peer.expect(Done, company.entry(peer, first))
    assert (await look_up(peer, company)).lists == (first,)
    beside = company.make_list([company.record], k3=seq + 1, k4=bytes(32))
    assert await refused(peer, company.entry(peer, beside)) is ErrorCode.STALE_ENTRY


async def test_lists_that_do_not_follow_are_stale(peer: Peer, company: Company) -> None:
    """RLY-51: a gap, a fork, a repetition below the head."""
    await company.publish(peer)
    await company.publish(peer)
    lower = company.make_list([company.record], k3=2)
    fork = company.make_list([company.record], k4=os.urandom(32))
    for stale in (lower, fork, company.lists[0]):
        assert await refused(peer, company.entry(peer, stale)) is ErrorCode.STALE_ENTRY
    follows = company.make_list([company.record])
    assert await refused(peer, company.entry(peer, follows, company.lists[0])) is ErrorCode.STALE_ENTRY
    assert (await look_up(peer, company)).lists == tuple(company.lists)


async def test_a_list_must_be_the_accounts_own(peer: Peer, company: Company) -> None:
    """RLY-51: signed by the account that it names."""
    forged = company.make_list([company.record], key=SigningKey.generate())
    foreign = company.make_list([company.record], k2=os.urandom(32))
    signed = company.make_list([company.record])
    body, signature = cbor2.loads(signed)
    flipped = cbor2.dumps([body, signature[:-1] + bytes([signature[-1] ^ 1])])
    # In Python, true equals 1; as a version it is none.
    true_version = company.make_list([company.record], k1=True)
    for bad in (forged, foreign, flipped, true_version):
        assert await refused(peer, company.entry(peer, bad)) is ErrorCode.BAD_ENTRY
    other = Company(company.owner, company.now_ms)
    assert await refused(peer, other.entry(peer, signed)) is ErrorCode.BAD_ENTRY


async def test_an_expired_head_is_refused(clock: Clock, peer: Peer, company: Company) -> None:
    """RLY-52: by the relay's clock; older links may have expired."""
    old = company.make_list([company.record])
    clock.forward(31 * DAY_MS)
    assert await refused(peer, company.entry(peer, old)) is ErrorCode.BAD_ENTRY
    company.lists.append(old)
    company.now_ms = clock.now_ms
    fresh = company.make_list([company.record])
    await peer.expect(Done, company.entry(peer, old, fresh))


async def test_a_wrong_clock_refuses_a_head(relay: AnyRelay, peer: Peer, company: Company) -> None:
    """RLY-52, RLY-133: whether a list is in force goes by the machine's clock, also where it is wrong."""
    signed = company.make_list([company.record])
    machine_is_ahead(relay, 31 * DAY_MS)
    assert await refused(peer, company.entry(peer, signed)) is ErrorCode.BAD_ENTRY
    machine_is_ahead(relay, 0)
    await peer.expect(Done, company.entry(peer, signed))


@pytest.mark.parametrize(
    "changes",
    [
        {"k1": 2},
        {"k3": 0},
        {"k4": b"short"},
        {"k6": 0},
        {"k6": 1_800_000_000_000 + 31 * DAY_MS},
        {"k8": [bytes(31)]},
        {"k8": "no list"},
        {"k8": [b"b" * 32, b"a" * 32]},
        {"k8": [b"a" * 32, b"a" * 32]},
        {"k8": [bytes([number]) * 32 for number in range(17)]},
        {"k9": 0},
        {"k3": "1"},
    ],
)
async def test_a_malformed_list_is_refused(peer: Peer, company: Company, changes: dict[str, object]) -> None:
    """RLY-51: outside the format of chapter 05."""
    bad = company.make_list([company.record], None, **changes)
    assert await refused(peer, company.entry(peer, bad)) is ErrorCode.BAD_ENTRY


async def test_what_is_not_deterministic_is_refused(peer: Peer, company: Company) -> None:
    """RLY-51: a signed structure is exactly its one encoding."""
    signed = company.make_list([company.record])
    for bad in (
        signed + b"\0",
        b"\x9f" + signed[1:] + b"\xff",
        cbor2.dumps([signed]),
        b"\0",
        cbor2.dumps([1, b"x" * 64]),
    ):
        assert await refused(peer, company.entry(peer, bad)) is ErrorCode.BAD_ENTRY


async def test_records_must_be_those_of_the_head(peer: Peer, company: Company) -> None:
    """RLY-53: all of them, in order, of this account."""
    signed_list = company.make_list([company.record])
    other = company.make_record(SigningKey.generate())
    foreign_record = company.make_record(company.device, k3=os.urandom(32))
    cases: list[Publish] = [
        company.entry(peer, signed_list, records=(other,)),
        company.entry(peer, signed_list, records=(), addresses=()),
        company.entry(peer, signed_list, addresses=()),
        company.entry(peer, signed_list, records=(company.record, other), addresses=(None, None)),
        company.entry(
            peer, company.make_list([foreign_record]), records=(foreign_record,), addresses=(None,)
        ),
        company.entry(peer, company.make_list([b"\0"]), records=(b"\0",), addresses=(None,)),
    ]
    for case in cases:
        assert await refused(peer, case) is ErrorCode.BAD_ENTRY


async def test_addresses_must_be_their_devices_own(peer: Peer, company: Company) -> None:
    """RLY-53: signed by the record's key, naming the record."""
    signed_list = company.make_list([company.record])
    bad = [
        company.make_address(key=SigningKey.generate()),
        company.make_address(k2=os.urandom(32)),
        company.make_address(k3=bytes(15)),
        company.make_address(k4=bytes(31)),
        company.make_address(k1=2),
        company.make_address(k6=1),
    ]
    for address in bad:
        assert (
            await refused(peer, company.entry(peer, signed_list, addresses=(address,))) is ErrorCode.BAD_ENTRY
        )


async def test_addresses_are_replaced_under_the_held_head(
    clock: Clock, peer: Peer, sender: Peer, company: Company
) -> None:
    """RLY-54: the same head again, with an address not older than the one held."""
    await company.publish(peer)
    older = company.make_address(k5=clock.now_ms - 1)
    assert (
        await refused(peer, company.entry(peer, company.lists[0], addresses=(older,)))
        is ErrorCode.STALE_ENTRY
    )
    newer = company.make_address(k5=clock.now_ms + 1)
    await peer.expect(Done, company.entry(peer, company.lists[0], addresses=(newer,)))
    await peer.expect(Done, company.entry(peer, company.lists[0], addresses=(newer,)))
    found = await look_up(sender, company)
    assert (found.lists, found.addresses) == ((company.lists[0],), (newer,))


async def test_a_deleted_mailbox_leaves_the_entry(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner, company: Company
) -> None:
    """RLY-27: the device stays in the list, without an address."""
    await company.publish(peer)
    await peer.expect(Done, DeleteMailbox(peer.next_id(), owner.mailbox))
    assert (await look_up(sender, company)).addresses == (None,)
    relay.restart()
    assert (await look_up(await Peer(relay.connect()).greet(), company)).addresses == (None,)


async def test_lookups_are_limited(clock: Clock, make_relay: MakeRelay) -> None:
    """RLY-56: per connection, and not per account over all connections."""
    relay = make_relay(Policy(lookups=Rate(2, 1)), nodes=1)
    peer, other = [await Peer(relay.connect()).greet() for _ in range(2)]
    owner = Owner()
    await owner.set_up(peer)
    company = Company(owner, clock.now_ms)
    await company.publish(peer)
    await look_up(peer, company)
    await look_up(peer, company)
    answer = await peer.expect(ErrorReply, Lookup(peer.next_id(), company.account_id, 0))
    assert (answer.code, answer.retry_after_ms) == (ErrorCode.RATE_LIMITED, 1001)
    await look_up(other, company)
    await look_up(other, company)
    relay.close()
