"""Who of a company may act: a founder signs, its devices and customers learn it (ACC-05 to ACC-25)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from company import TEXTS
from e2ee_client.engine import posting
from e2ee_client.engine.company import Founding
from e2ee_client.engine.directory import Directory
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.posted import Posted
from e2ee_client.errors import ConfigError, UnknownDevice
from e2ee_client.events import MandateSigned, RosterExpiring, SigningStopped, TeamUnknown
from engine_world import World
from team_thief import suspend
from team_world import (
    DAY_MS,
    HOUR_MS,
    TeamRooms,
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
    signing_of,
    standing,
    team_of,
    this,
    view,
)

from e2ee import content as contents
from e2ee.constants import MAX_LIST_RECORDS, MAX_TEAM
from e2ee.errors import RosterExpired
from e2ee.identity import LIST_MAX_B, RECORD_MAX_B, DeviceKind
from e2ee.rooms.agent_card import CARD_MAX_B
from e2ee.rooms.channels import Channel, ChannelKind
from e2ee.rooms.door import Door, encode_door
from e2ee.rooms.mandate import MANDATE_MAX_B
from e2ee.rooms.notice import NOTICE_MAX_B
from e2ee.rooms.roster import ROSTER_MAX_B
from e2ee.rooms.slots import MAX_LISTS, MAX_NOTICES, RosterContent
from e2ee.rooms.team import Condition
from e2ee.wire.fields import MAX_MS


def test_nothing_is_signed_before_a_notice_is_published() -> None:
    """ACC-22: it is said by a typed error, and once by an event."""
    world = World()
    founder = online(world)
    do(founder, lambda turn: company_of(founder).found(turn, Founding()))
    set_card(founder, founder, "Frau Braun")
    assert team_of(founder).standing(account(founder)) is None
    assert signing_of(founder).code == "config.notice"
    world.advance(3 * HOUR_MS)
    assert [one.code for one in founder.of(SigningStopped)] == ["config.notice"]
    publish_notice(founder)
    assert in_force(founder, founder) == {this(founder): 3}
    assert signing_of(founder).code == ""
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
    assert do(hidden, company_of(hidden).view) is None
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


def test_who_is_told_of_a_roster_publishes_it() -> None:
    """ACC-24: at once, and not when it compares the entry the next day; else it counts as not ready."""
    world = World()
    founder = founded(world)
    agent = colleague(founder, "Sachbearbeiter")
    world.advance(HOUR_MS)
    set_card(founder, founder, "Frau Braun-Neumann")
    newest = view(founder, founder).roster
    content = do(founder, lambda turn: team_of(founder).content(turn, account(founder), newest))
    sender = Peer(account(founder), this(founder), founder.engine._state.own.device.record)
    assert content is not None
    told = content.encode().payload
    do(agent, partial(team_of(agent).learn_content, peer=sender, payload=told))
    assert standing(agent, founder).roster == standing(founder, founder).roster
    world.advance(1_000)
    assert not team_of(agent).owes_slot


def test_a_roster_is_made_daily_and_asked_for_daily(monkeypatch: pytest.MonkeyPatch) -> None:
    """ACC-16, ACC-13: by who needs it, on each of ten days on which nothing is written."""
    monkeypatch.setattr(Directory, "refresh", lambda *_: None)
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


@pytest.mark.audit_only
def test_who_is_in_force_is_told_before_the_roster_ends() -> None:
    """ACC-82: daily from three days off on, after the end too, until the founder has signed anew. Never told
    are a customer, the founder, and who is suspended.
    """
    world = World()
    founder = founded(world)
    agent, gone, customer = (
        colleague(founder, "Praxis-Handy"),
        colleague(founder, "Alt"),
        customer_of(founder),
    )
    world.advance(HOUR_MS)
    suspend(founder, gone)
    world.advance(HOUR_MS)
    founder.stop()
    roster = standing(agent, founder).roster
    assert roster is not None
    per_day = list[int]()
    for _ in range(10):
        agent.events.clear()
        world.advance(DAY_MS)
        told = agent.of(RosterExpiring)
        assert {one.expires_ms for one in told} <= {roster.expires_ms}
        assert company_of(agent).roster_ends_ms(world.now_ms) == (roster.expires_ms if told else None)
        per_day.append(len(told))
    assert per_day == [0, 0] + 8 * [1]  # it was two hours old
    founder.start()
    world.advance(HOUR_MS)
    agent.events.clear()
    world.advance(2 * DAY_MS)
    assert company_of(agent).roster_ends_ms(world.now_ms) is None
    assert [one.of(RosterExpiring) for one in (agent, gone, founder, customer)] == [[], [], [], []]


def test_a_door_is_made_of_what_the_founder_has_signed() -> None:
    """CNS-04, ACC-18: with each mandate anew, which is told; a colleague makes none."""
    world = World()
    founder = founded(world, origins=["https://praxis.example"])
    desk = colleague(founder, "Empfang", front_desk=True)
    assert len(founder.of(MandateSigned)) == 1
    phone = Channel(ChannelKind.PHONE, "+49 30 1234", "Empfang")
    do(founder, lambda turn: company_of(founder).set_channels(turn, [phone], {"de": "Mo-Fr 8-12 Uhr"}))
    wrong = Channel(ChannelKind.EMAIL, "niemand", "")
    with pytest.raises(ConfigError):
        do(founder, lambda turn: company_of(founder).set_channels(turn, [wrong], {}))
    with pytest.raises(ConfigError):
        do(desk, company_of(desk).door_parts)

    def door() -> Door:
        parts = do(founder, company_of(founder).door_parts)
        encoded = encode_door(parts.mandate, parts.notice, TEXTS, parts.channels)
        origin = "https://praxis.example"
        return Door.verify(account(founder), encoded, world.now_ms, parts.notice.relay_url, origin)

    first = door()
    assert first.channels.channels == (phone,)
    founder.stop()
    desk.stop()
    world.advance(46 * DAY_MS)
    founder.start()
    world.advance(HOUR_MS)
    assert len(founder.of(MandateSigned)) == 2
    assert door().mandate.seq > first.mandate.seq


def test_the_largest_content_of_type_roster_is_posted_whole() -> None:
    """ACC-12: with everything in it as large, and as often there, as it may be."""
    payload = RosterContent(
        bytes(MANDATE_MAX_B),
        bytes(ROSTER_MAX_B),
        (bytes(LIST_MAX_B),) * MAX_LISTS,
        (bytes(RECORD_MAX_B),) * MAX_LIST_RECORDS,
        (bytes(NOTICE_MAX_B),) * MAX_NOTICES,
        (bytes(CARD_MAX_B),) * MAX_TEAM,
    ).encode()
    prepared = posting._prepared(Posted(bytes(16), MAX_MS, payload.type, payload.payload))
    assert len(contents.encode(prepared._replace(number=posting._A_NUMBER))) < 62_000


def test_a_content_of_type_roster_teaches_what_a_directory_does_and_cards_to_colleagues_only() -> None:
    """ACC-12, ACC-14, ACC-21: what an older roster is judged by, too; notices for everybody."""
    world = World()
    founder = founded(world)
    agent = colleague(founder, "Sachbearbeiter")
    customer = customer_of(founder)
    old = view(founder, founder).roster
    world.advance(DAY_MS + HOUR_MS)
    founder_team, known = team_of(founder), account(founder)
    content = do(founder, lambda turn: founder_team.content(turn, known, old))
    assert content is not None
    card = do(founder, lambda turn: founder_team.card(turn, known, this(agent)))
    assert card is not None
    payload = replace(content, cards=(card.encoded, b"x"), notices=(*content.notices, b"x")).encode().payload
    stranger = world.node("Neu")
    stranger.start()
    stranger.add(founder.engine.card())
    stranger.send(known, "Guten Tag")
    world.advance(HOUR_MS)
    sender = Peer(known, this(founder), founder.engine._state.own.device.record)
    assert do(stranger, partial(team_of(stranger).view_by, account_id=known, ref=old)) is None
    for node, expected in ((stranger, None), (agent, card)):
        do(node, partial(team_of(node).learn_content, peer=sender, payload=payload))
        assert do(node, partial(team_of(node).view_by, account_id=known, ref=old)) is not None
        assert do(node, partial(team_of(node).card, account_id=known, device_id=this(agent))) == expected
    assert in_force(customer, founder) == in_force(stranger, founder)
    notice_hash = view(stranger, founder).notice_hash
    kept = do(stranger, lambda turn: team_of(stranger).notice(turn, known, notice_hash))
    assert kept is not None
    assert kept.hash == notice_hash


def test_who_is_in_force_changes_at_once_for_colleagues_and_customers_with_open_rooms() -> None:
    """ACC-17, ACC-14: a suspension is known within seconds, to the suspended device too; cards go to
    colleagues only, and a daily roster to nobody.
    """
    world = World()
    founder = founded(world)
    agent = colleague(founder, "Sachbearbeiter")
    desk = colleague(founder, "Empfang", front_desk=True)
    customer, other = customer_of(founder), customer_of(founder, "Kunde ohne Raum")
    world.advance(DAY_MS + HOUR_MS)
    rooms = {node.name: TeamRooms(node) for node in (founder, agent, desk, customer, other)}
    rooms["Praxis"].open_for = [(account(customer), this(customer))]
    assert in_force(customer, founder) == in_force(other, founder)
    world.advance(HOUR_MS)
    before = standing(customer, founder).roster
    do(founder, lambda turn: company_of(founder).suspend(turn, this(agent)))
    world.advance(60_000)
    assert standing(customer, founder).roster != before
    for node in (founder, desk, customer):
        assert in_force(node, founder) == {this(founder): 3, this(desk): 2}
    assert team_of(agent).condition() is Condition.LOCKED
    assert this(agent) in in_force(other, founder)
    card = do(desk, lambda turn: team_of(desk).card(turn, account(founder), this(founder)))
    assert card is not None
    assert card.name == "Frau Braun"
    assert (
        do(customer, partial(team_of(customer).card, account_id=account(founder), device_id=this(desk)))
        is None
    )
    taken = {name: one.taken for name, one in rooms.items()}
    assert taken == {"Praxis": 0, "Sachbearbeiter": 1, "Empfang": 1, "Kundin": 1, "Kunde ohne Raum": 0}
    world.advance(2 * DAY_MS)
    assert rooms["Kundin"].taken == 1
