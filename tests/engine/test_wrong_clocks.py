"""A device whose clock was far ahead when its account was made, and is right again (ID-39)."""

from __future__ import annotations

import pytest
from e2ee_client.events import DeviceListExpiring, MessageRejected, SessionStarted
from engine_world import Node, World, acquainted
from relay_scenes import delivered, lose, talk, the_peer, well

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS


@pytest.fixture(params=[2 * DAY_MS, YEAR_MS], ids=["two days", "a year"])
def ahead_ms(request: pytest.FixtureRequest) -> int:
    """By how much a clock is wrong."""
    value: int = request.param
    return value


def is_dated_right(node: Node) -> bool:
    own = node.engine._state.own
    return max(own.device_list.issued_ms, own.device.record.created_ms) <= node.world.now_ms


def test_a_company_made_ahead_of_time_is_reached_as_soon_as_its_clock_is_right(ahead_ms: int) -> None:
    """ID-39, ID-04, ID-08: list, record and prekeys are dated anew at once; who waited gets through and was
    told meanwhile.
    """
    world = World()
    company = world.node("Praxis", publish=True, ahead_ms=ahead_ms)
    company.start()
    customer = world.node("Kundin")
    customer.start()
    praxis = customer.add(company.engine.card())
    sent = customer.send(praxis, "Guten Tag")
    world.advance(HOUR_MS)
    assert company.texts() == []
    assert customer.of(MessageRejected), "the customer is told"
    company.set_clock(0)
    assert is_dated_right(company)
    world.advance(20 * MINUTE_MS)
    assert company.texts() == ["Guten Tag"]
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)
    well(world, company, customer, praxis)


def test_a_start_with_the_right_clock_does_the_same(ahead_ms: int) -> None:
    """ID-39: the clock was put right while the program did not run."""
    world = World()
    company = world.node("Praxis", publish=True, ahead_ms=ahead_ms)
    company.start()
    world.advance(MINUTE_MS)
    company.stop()
    company.ahead_ms = 0
    company.crash()
    company.start()
    assert is_dated_right(company)
    customer = world.node("Kundin")
    customer.start()
    customer.send(customer.add(company.engine.card()), "Guten Tag")
    world.advance(5 * MINUTE_MS)
    assert company.texts() == ["Guten Tag"]


def test_a_customer_that_wrote_with_a_wrong_clock_is_heard_as_soon_as_it_is_right(ahead_ms: int) -> None:
    """ID-39: its flights were refused, which the company was told; a new session is started, and the text
    goes again on it.
    """
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin", ahead_ms=ahead_ms)
    customer.start()
    praxis = customer.add(company.engine.card())
    sent = customer.send(praxis, "aus der Zukunft")
    world.advance(HOUR_MS)
    assert company.texts() == []
    customer.set_clock(0)
    assert is_dated_right(customer)
    world.advance(20 * MINUTE_MS)
    assert company.texts() == ["aus der Zukunft"]
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)
    well(world, company, customer, praxis)


def test_a_refused_flight_from_the_future_is_told_on_both_sides() -> None:
    """ID-39, SES-41: two days ahead the company's prekeys are still good, so that the flight leaves."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    customer = world.node("Kundin", ahead_ms=2 * DAY_MS)
    customer.start()
    praxis = customer.add(company.engine.card())
    customer.send(praxis, "aus der Zukunft")
    world.advance(HOUR_MS)
    assert company.of(MessageRejected)
    customer.events.clear()
    customer.set_clock(0)
    world.advance(20 * MINUTE_MS)
    assert [one.by_us for one in customer.of(SessionStarted)] == [True]
    assert company.texts() == ["aus der Zukunft"]


@pytest.mark.parametrize("who", ["Praxis", "Kundin", "both"])
def test_a_clock_that_was_wrong_for_an_hour_leaves_a_conversation_well(who: str, ahead_ms: int) -> None:
    """SES-21, SES-35: it goes ahead and comes back: epochs, budgets, timers and lists hold nobody up."""
    world, company, customer, praxis = acquainted()
    talk(world, company, customer, praxis, 2)
    wrong = [node for node in (company, customer) if who in (node.name, "both")]
    for node in wrong:
        node.set_clock(ahead_ms)
    world.advance(HOUR_MS)
    customer.send(praxis, "in einem anderen Jahr")
    world.advance(HOUR_MS)
    for node in wrong:
        node.set_clock(0)
    world.advance(3 * HOUR_MS)
    assert company.texts().count("in einem anderen Jahr") == 1
    well(world, company, customer, praxis)
    lose(customer)
    world.advance(MINUTE_MS)
    well(world, company, customer, praxis)
    assert the_peer(customer).pair.budget.since_ms <= world.now_ms


def test_without_the_account_key_the_owner_is_told_of_a_list_ahead_of_time() -> None:
    """ID-39, ID-12: a list that is dated in the future is to be signed anew elsewhere."""
    world = World()
    company = world.node("Praxis", publish=True, ahead_ms=2 * DAY_MS)
    company.carry_out(company.engine.remove_account_key(company.now_ms))
    company.start()
    assert not company.of(DeviceListExpiring)
    company.set_clock(0)
    world.advance(HOUR_MS)
    assert company.of(DeviceListExpiring)
