"""Who of a company may act: a founder signs, its devices and customers learn it (ACC-05 to ACC-25)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.company import Founding
from e2ee_client.errors import ConfigError, UnknownDevice
from e2ee_client.events import SigningStopped, TeamUnknown
from engine_world import World
from team_world import (
    DAY_MS,
    HOUR_MS,
    account,
    colleague,
    company_of,
    customer_of,
    do,
    founded,
    in_force,
    online,
    publish_notice,
    set_card,
    team_of,
    this,
    view,
)

from e2ee.errors import NoticeIncomplete, RosterExpired
from e2ee.identity import DeviceKind


def test_nothing_is_signed_before_a_notice_is_published() -> None:
    """ACC-22: it is said by a typed error, and once by an event."""
    world = World()
    founder = online(world)
    do(founder, lambda turn: company_of(founder).found(turn, Founding()))
    set_card(founder, founder, "Frau Braun")
    assert team_of(founder).standing(account(founder)) is None
    with pytest.raises(NoticeIncomplete):
        do(founder, company_of(founder).check_signing)
    world.advance(3 * HOUR_MS)
    assert [one.code for one in founder.of(SigningStopped)] == ["config.notice"]
    publish_notice(founder)
    assert in_force(founder, founder) == {this(founder): 3}
    do(founder, company_of(founder).check_signing)
    assert len(founder.of(SigningStopped)) == 1


def test_only_a_front_desk_with_an_entry_founds_a_company() -> None:
    """ACC-22: nobody else, and not twice."""
    world = World()
    person = world.node("Person", publish=True)
    hidden = world.node("Versteckt", kind=DeviceKind.AGENT)
    founder = founded(world)
    for node in (person, hidden, founder):
        with pytest.raises(ConfigError):
            do(node, lambda turn, node=node: company_of(node).found(turn, Founding()))  # type: ignore[misc]
    with pytest.raises(ConfigError):
        do(hidden, company_of(hidden).check_signing)
    with pytest.raises(UnknownDevice):
        do(founder, lambda turn: company_of(founder).set_card(turn, this(hidden), "Fremd"))


def test_a_customer_and_all_devices_learn_who_is_in_force() -> None:
    """ACC-09, ACC-11, ACC-24: from slots, which each device publishes beside its record."""
    world = World()
    founder = founded(world)
    desk = colleague(founder, "Zweiter Empfang", front_desk=True)
    agent = colleague(founder, "Sachbearbeiter")
    expected = {this(founder): 3, this(desk): 2, this(agent): 1}
    customer = customer_of(founder)
    assert in_force(customer, founder) == in_force(founder, founder) == expected
    world.advance(DAY_MS + HOUR_MS)
    for node in (desk, agent, customer):
        assert in_force(node, founder) == expected
    world.advance(HOUR_MS)
    for node in (founder, desk, agent):
        assert not team_of(node).owes_slot
        assert node.of(TeamUnknown) == []


def test_a_roster_is_made_daily_and_asked_for_daily() -> None:
    """ACC-16, ACC-13: a customer never waits for it, on each of ten days."""
    world = World()
    founder = founded(world)
    customer = customer_of(founder)
    refs = {view(customer, founder).roster}
    for _ in range(10):
        world.advance(DAY_MS + HOUR_MS)
        refs.add(view(customer, founder).roster)
        world.advance(1_000)
    assert len(refs) >= 10
    assert view(founder, founder).roster == view(customer, founder).roster
    assert customer.of(TeamUnknown) == []


def test_an_expired_roster_is_a_typed_error_and_told_once() -> None:
    """ACC-04, ACC-19: the company is away for nine days."""
    world = World()
    founder = founded(world)
    customer = customer_of(founder)
    founder.stop()
    world.advance(7 * DAY_MS)
    assert in_force(customer, founder) == {this(founder): 3}
    world.advance(2 * DAY_MS)
    with pytest.raises(RosterExpired):
        view(customer, founder)
    assert [one.code for one in customer.of(TeamUnknown)] == ["room.roster_expired"]
    founder.start()
    world.advance(HOUR_MS)
    assert in_force(customer, founder) == {this(founder): 3}
    assert len(customer.of(TeamUnknown)) == 1
