"""Exactly once and in the end, whatever the network does (RLY-32, RLY-35, SES-11); and the test kit."""

from __future__ import annotations

import asyncio

import pytest
from conversations import collect, meet, until
from e2ee_client import Client, ConnectionState, MessageState
from e2ee_client.errors import RelayUnavailable
from e2ee_client.runtime.clock import SystemClock
from e2ee_client.testing import Dice, FakeClock, Faults, MemoryNetwork


@pytest.mark.parametrize(
    "faults",
    [
        Faults(duplicate=1.0),
        Faults(reorder=0.5),
        Faults(lose=0.3, break_every=25),
        Faults(lose=0.1, duplicate=0.3, reorder=0.3, break_every=30),
        Faults(delay_s=0.002, break_every=20),
    ],
    ids=["duplicate", "reorder", "lose", "all", "slow"],
)
async def test_every_message_arrives_exactly_once(faults: Faults) -> None:
    """RLY-32, SES-11."""
    network = MemoryNetwork(clock=FakeClock(speed=20))
    async with network.client(publish=True) as shop, network.client() as customer:
        await shop.wait_online(60)
        theirs, ours = await meet(customer, shop)
        to_shop, to_customer = shop.events(), customer.events()
        network.faults = faults
        sent = [await theirs.send(f"to {n}") for n in range(20)]
        answers = [await ours.send(f"from {n}") for n in range(20)]
        breaking = asyncio.ensure_future(_break_now_and_then(network))
        arrived = await collect(to_shop, 20, 120)
        # The customer's iteration begins at its opening, so the answer of `meet` comes first.
        returned = (await collect(to_customer, 21, 120))[1:]
        breaking.cancel()
        network.faults = Faults()
        assert sorted(arrived) == sorted(one.text for one in sent)
        assert sorted(returned) == sorted(one.text for one in answers)
        await sent[-1].wait_for(MessageState.DELIVERED, 120)
        with pytest.raises(TimeoutError):
            await collect(to_shop, 1, 0.3)


async def _break_now_and_then(network: MemoryNetwork) -> None:
    while True:
        await asyncio.sleep(1)
        network.break_connections()


async def test_what_a_connection_lost_comes_on_the_next_one() -> None:
    """RLY-35: without another fault, and although nothing else is sent."""
    network = MemoryNetwork(clock=FakeClock(speed=20))
    async with network.client(publish=True) as shop, network.client() as customer:
        await shop.wait_online(60)
        _, ours = await meet(customer, shop)
        await shop.wait_settled(60)
        to_customer, opened = customer.events(), network.opened
        network.faults = Faults(lose=1.0)
        sent = await ours.send("to be lost")
        await sent.wait_for(MessageState.SENT, 60)
        await until(lambda: network.opened > opened)
        assert sent.state is MessageState.SENT
        network.faults = Faults()
        assert (await collect(to_customer, 2, 60))[1:] == ["to be lost"]
        await sent.wait_for(MessageState.DELIVERED, 60)


async def test_a_relay_that_begins_anew_loses_nothing_that_it_confirmed() -> None:
    """RLY-30."""
    network = MemoryNetwork(clock=FakeClock(speed=20))
    async with network.client(publish=True) as shop:
        await shop.wait_online(60)
        async with network.client() as customer:
            contact = await customer.add_contact(shop.card())
            await (await contact.send("one")).wait_for(MessageState.SENT, 60)
            network.restart_relay()
            await (await contact.send("two")).wait_for(MessageState.SENT, 60)
        assert await collect(shop.events(), 2) == ["one", "two"]


async def test_a_cut_network_is_offline_until_it_is_mended(shop: Client, network: MemoryNetwork) -> None:
    network.cut()
    await until(lambda: shop.connection_state is not ConnectionState.ONLINE)
    with pytest.raises(RelayUnavailable):
        await network.open(network.url)
    network.mend()
    await shop.wait_online(60)


async def test_a_clock_that_stands_still_moves_by_steps() -> None:
    clock = FakeClock(now_ms=1_000)
    heard: list[int] = []
    clock.on_advance(lambda: heard.append(clock.now_ms()))
    waiting = asyncio.ensure_future(clock.wait_until(3_000))
    await asyncio.sleep(0.01)
    clock.advance(1_999)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    clock.advance(1)
    await asyncio.wait_for(waiting, 60)
    assert heard == [2_999, 3_000]
    await clock.wait_until(5)


async def test_a_fast_clock_and_the_real_one_keep_their_promises() -> None:
    fast = FakeClock(speed=1000)
    await asyncio.wait_for(fast.wait_until(fast.now_ms() + 10_000), 60)
    real = SystemClock()
    begun_ms = real.now_ms()
    await real.wait_until(begun_ms + 20)
    assert real.now_ms() >= begun_ms + 20


def test_dice_fall_the_same_way_every_time() -> None:
    assert Dice("a")(100) == Dice("a")(100) != Dice("b")(100)
    one = Dice("a")
    fallen = sum(one.falls(0.25) for _ in range(4000))
    assert 850 < fallen < 1150
    assert not one.falls(0.0)
    assert one.falls(1.0)
