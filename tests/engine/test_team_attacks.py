"""Attacks on who may act: old slots, garbage, stolen keys, wrong clocks, older copies (ACC-05 to ACC-27)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.company import Founding
from e2ee_client.engine.signing_row import Highest, Keys
from e2ee_client.engine.team_archive import WITNESS_MS
from e2ee_client.engine.turn import Turn
from e2ee_client.events import (
    CompanyFork,
    MandateSigned,
    MessageRejected,
    OwnConditionChanged,
    SigningStopped,
    TeamUnknown,
)
from e2ee_client.restoring import Newest
from e2ee_client.rows import Continuity
from engine_world import Node, World
from struck_off import backup_of, restored
from team_thief import EvilDirectory, Loot, keys_of, learn, slot_of, stolen, suspend
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
    signing_of,
    standing,
    team_of,
    this,
    view,
)

from e2ee.errors import MandateInvalid, RosterExpired, SigningUnsure
from e2ee.identity import DeviceList
from e2ee.ids import DeviceId
from e2ee.rooms.mandate import Powers, next_mandate, sign_mandate
from e2ee.rooms.roster import NextRoster, sign_roster
from e2ee.rooms.slots import encode_slot
from e2ee.rooms.team import Condition

MINUTE_MS = 60_000
LAST = 2**31 - 1


def team_of_three() -> tuple[World, Node, Node, Node]:
    world = World()
    founder = founded(world)
    agent = colleague(founder, "Sachbearbeiter")
    customer = customer_of(founder)
    assert in_force(customer, founder) == {this(founder): 3, this(agent): 1}
    for node in (founder, agent, customer):
        node.events.clear()
    return world, founder, agent, customer


def away(world: World, days: int, *nodes: Node) -> None:
    """Let nodes be offline for days: nothing happens in them."""
    for node in nodes:
        node.stop()
    world.advance(days * DAY_MS)
    for node in nodes:
        node.start()
    world.advance(HOUR_MS)


def test_yesterdays_roster_put_back_by_a_suspended_device_names_nobody_again() -> None:
    """ACC-05, ACC-09: whatever comes in whatever order, who has seen the suspension keeps it."""
    world, founder, agent, customer = team_of_three()
    before = slot_of(agent)
    agent.stop()
    world.nodes.remove(agent)
    suspend(founder, agent)
    world.advance(DAY_MS + HOUR_MS)
    do(customer, lambda turn: team_of(customer).refresh(turn, account(founder)))
    world.advance(MINUTE_MS)
    assert in_force(customer, founder) == {this(founder): 3}
    evil = EvilDirectory(customer, slots=(before,))
    for _ in range(3):
        world.advance(DAY_MS)
        do(customer, lambda turn: team_of(customer).refresh(turn, account(founder)))
        world.advance(MINUTE_MS)
    assert evil.seen
    assert in_force(customer, founder) == {this(founder): 3}


def test_a_newcomer_that_sees_both_slots_takes_the_newest() -> None:
    """ACC-11, RLY-202: the suspended device publishes its old slot beside the newest one."""
    world, founder, agent, _ = team_of_three()
    old = slot_of(agent)
    suspend(founder, agent)
    for slots in ((old, slot_of(founder)), (slot_of(founder), old)):
        newcomer = world.node(f"Neu {slots[0] == old}")
        EvilDirectory(newcomer, slots=slots)
        newcomer.start()
        newcomer.add(founder.engine.card())
        newcomer.send(account(founder), "Guten Tag")
        world.settle()
        assert in_force(newcomer, founder) == {this(founder): 3}


def test_a_relay_that_withholds_slots_is_told_and_ends_with_the_roster() -> None:
    """ACC-04, ACC-13: it can make nobody act, and no longer than the roster lives."""
    world, founder, agent, customer = team_of_three()
    EvilDirectory(customer, slots=())
    suspend(founder, agent)
    world.advance(6 * DAY_MS)
    assert in_force(customer, founder) == {this(founder): 3, this(agent): 1}
    world.advance(3 * DAY_MS)
    with pytest.raises(RosterExpired):
        view(customer, founder)
    assert [one.code for one in customer.of(TeamUnknown)] == ["room.roster_expired"]


def test_a_relay_that_flips_between_two_slots_changes_nothing_and_says_nothing() -> None:
    """ACC-05: what is known only grows."""
    _world, founder, agent, customer = team_of_three()
    old = slot_of(founder)
    suspend(founder, agent)
    new = slot_of(founder)
    learn(customer, founder, new)
    kept = standing(customer, founder)
    events = len(customer.events)
    for _ in range(20):
        learn(customer, founder, old)
        learn(customer, founder, new)
    assert standing(customer, founder) == kept
    assert customer.events[events:] == []


def test_garbage_in_slots_costs_an_event_and_nothing_else() -> None:
    """ACC-11: sixteen slots of 4 KB, with the right one among them or not."""
    world, founder, _, customer = team_of_three()
    kept = in_force(customer, founder)
    garbage = [bytes([at]) * 4_096 for at in range(13)]
    half = slot_of(founder)[:-1]
    other = founded(world, "Fremde Praxis")
    evil = EvilDirectory(customer, slots=(*garbage, half, slot_of(other), slot_of(founder)))
    world.advance(DAY_MS + HOUR_MS)
    for _ in range(3):
        do(customer, lambda turn: team_of(customer).refresh(turn, account(founder)))
        world.advance(HOUR_MS)
    assert evil.seen
    assert in_force(customer, founder) == kept
    told = [one.code for one in customer.of(MessageRejected)]
    assert len(told) == 15
    assert {*told} == {"remote.decode", "remote.signature"}


def test_a_huge_number_by_a_stolen_roster_key_ends_with_the_next_mandate() -> None:
    """ACC-05, ACC-06, ACC-07: the founder stops, a person confirms, and the new mandate heals all."""
    world, founder, agent, customer = team_of_three()
    thief = stolen(founder, LAST, [this(founder)], [this(agent)])
    slot = encode_slot(standing(founder, founder).mandate, thief)
    learn(customer, founder, slot)
    assert in_force(customer, founder) == {this(agent): 1}
    learn(founder, founder, slot)
    assert signing_of(founder).code == "local.signing_unsure"
    world.advance(2 * DAY_MS)
    assert standing(founder, founder).roster == thief
    assert [one.code for one in founder.of(SigningStopped)] == ["local.signing_unsure"]
    stated = do(founder, company_of(founder).view)
    assert stated is not None
    assert stated.stated.roster == LAST
    with pytest.raises(SigningUnsure):
        do(founder, lambda turn: company_of(founder).confirm_signing(turn, stated.own))
    do(founder, lambda turn: company_of(founder).confirm_signing(turn, stated.stated))
    assert in_force(founder, founder) == {this(founder): 3, this(agent): 1}
    do(customer, lambda turn: team_of(customer).refresh(turn, account(founder)))
    world.advance(DAY_MS)
    assert in_force(customer, founder) == {this(founder): 3, this(agent): 1}
    learn(customer, founder, slot)
    assert in_force(customer, founder) == {this(founder): 3, this(agent): 1}


def test_a_roster_of_a_time_to_come_takes_its_mandate_with_it_and_is_told_once() -> None:
    """ACC-04, ACC-11"""
    world, founder, _agent, customer = team_of_three()
    kept, mandate = standing(customer, founder), standing(founder, founder).mandate
    ahead = Loot.of(founder).sign(world.now_ms + 2 * DAY_MS, LAST, [], [this(founder)])
    for _ in range(2):
        learn(customer, founder, encode_slot(mandate, ahead))
    assert standing(customer, founder) == kept
    assert [one.code for one in customer.of(MessageRejected)] == ["room.roster_expired"]
    newcomer = world.node("Neu")
    newcomer.start()
    learn(newcomer, founder, encode_slot(mandate, ahead))
    assert (standing(newcomer, founder).mandate, standing(newcomer, founder).roster) == (mandate, None)


def test_suspensions_by_a_stolen_key_fill_no_memory_and_hide_none() -> None:
    """ACC-22: of ids that nothing names the 64 smallest are kept, in any order; those of records always."""
    _world, founder, agent, _customer = team_of_three()
    floods = [
        stolen(founder, LAST - at, [DeviceId(bytes([at, one]) * 8) for one in range(16)], [this(founder)])
        for at in range(1, 20)
    ]
    suspend(founder, agent)
    mandate = standing(founder, founder).mandate
    kept: list[frozenset[DeviceId]] = []
    for order in (floods, floods[::-1]):
        node = customer_of(founder, f"Kunde {len(kept)}")
        learn(node, founder, slot_of(founder))
        for roster in order:
            learn(node, founder, encode_slot(mandate, roster))
        kept.append(standing(node, founder).suspended)
    assert kept[0] == kept[1]
    assert len(kept[0]) == 65
    assert this(agent) in kept[0]


def test_two_desks_that_sign_at_once_are_an_event_and_agree() -> None:
    """ACC-05: two rosters of one number; both readers go by the same one and keep both suspensions."""
    _world, founder, agent, customer = team_of_three()
    desk = colleague(founder, "Empfang", front_desk=True)
    mandate, seq = standing(founder, founder).mandate, 2**30
    one = stolen(founder, seq, [this(desk)], [this(founder), this(agent)])
    two = stolen(founder, seq, [this(agent)], [this(founder), this(desk)])
    second = customer_of(founder, "Kunde")
    for node, order in ((customer, (one, two)), (second, (two, one))):
        do(node, lambda turn, node=node: team_of(node).refresh(turn, account(founder)))  # type: ignore[misc]
        for roster in (*order, *order):
            learn(node, founder, encode_slot(mandate, roster))
        assert [event.kind for event in node.of(CompanyFork)] == ["roster_fork"] * len(node.of(CompanyFork))
        assert 1 <= len(node.of(CompanyFork)) <= 2
    assert standing(customer, founder) == standing(second, founder)
    assert in_force(second, founder) == {this(founder): 3}


@pytest.mark.audit_only
def test_a_clock_that_was_a_year_ahead_is_healed_by_the_right_time() -> None:
    """ACC-04, ACC-07, ACC-16: what was dated ahead is not learned, and what follows has higher numbers."""
    world, founder, _agent, customer = team_of_three()
    kept = standing(customer, founder).mandate.seq
    founder.set_clock(365 * DAY_MS)
    world.advance(2 * HOUR_MS)
    ahead = standing(founder, founder)
    assert ahead.mandate.issued_ms > world.now_ms + 300 * DAY_MS
    world.advance(DAY_MS)
    assert standing(customer, founder).mandate.seq == kept
    founder.set_clock(0)
    world.advance(2 * HOUR_MS)
    healed = standing(founder, founder)
    assert healed.mandate.seq > ahead.mandate.seq
    assert healed.mandate.issued_ms <= world.now_ms
    do(customer, lambda turn: team_of(customer).refresh(turn, account(founder)))
    world.advance(DAY_MS)
    assert standing(customer, founder).mandate == healed.mandate
    assert this(founder) in in_force(customer, founder)


def test_a_reader_whose_clock_is_a_year_off_trusts_nobody_and_comes_back() -> None:
    """ACC-04, ACC-19: a typed error while the clock is wrong, nothing lost afterwards."""
    _world, founder, agent, customer = team_of_three()
    for ahead_ms in (365 * DAY_MS, -365 * DAY_MS):
        customer.set_clock(ahead_ms)
        with pytest.raises((RosterExpired, MandateInvalid)):
            view(customer, founder)
        customer.set_clock(0)
        assert in_force(customer, founder) == {this(founder): 3, this(agent): 1}


def test_an_older_copy_of_the_founder_signs_nothing_before_a_person_has_confirmed() -> None:
    """ACC-07, ACC-25: a noticed set back, and one that only the directory shows."""
    for continuity in (Continuity.ROLLED_BACK, Continuity.CONTINUOUS):
        world, founder, agent, customer = team_of_three()
        older = founder.rows.copy()
        world.advance(3 * DAY_MS)
        newest = standing(founder, founder)
        assert newest.roster is not None
        founder.stop()
        founder.crash(older, continuity)
        founder.events.clear()
        founder.start()
        world.advance(2 * DAY_MS)
        assert [one.code for one in founder.of(SigningStopped)] == ["local.signing_unsure"]
        assert standing(founder, founder).mandate == newest.mandate
        assert standing(customer, founder).mandate == newest.mandate
        founder.crash(founder.rows)
        founder.start()
        seen = do(founder, company_of(founder).view)
        assert seen is not None
        assert seen.code == "local.signing_unsure"
        with pytest.raises(SigningUnsure):
            do(founder, lambda turn: company_of(founder).confirm_signing(turn, Highest(1, 1)))  # noqa: B023
        stated = seen.stated
        do(founder, lambda turn: company_of(founder).confirm_signing(turn, stated))  # noqa: B023
        assert signing_of(founder).code == ""
        now = standing(founder, founder)
        assert now.mandate.seq > newest.mandate.seq
        assert in_force(founder, founder) == {this(founder): 3, this(agent): 1}


def test_a_suspended_device_is_locked_and_a_struck_off_one_dropped() -> None:
    """ACC-15: by a roster, at once; by the list; and back by a person, with the next mandate (ACC-27)."""
    world, founder, agent, customer = team_of_three()
    before = standing(founder, founder).mandate
    suspend(founder, agent)
    roster = standing(founder, founder).roster
    assert roster is not None
    assert [one.device_id for one in roster.named] == [this(founder)]
    world.advance(DAY_MS + HOUR_MS)
    assert team_of(agent).condition() is Condition.LOCKED
    assert [one.condition for one in agent.of(OwnConditionChanged)] == [Condition.LOCKED]
    away(world, 46, founder, agent, customer)
    world.advance(DAY_MS)
    assert standing(agent, founder).mandate.seq > before.seq
    assert team_of(agent).condition() is Condition.LOCKED
    assert standing(agent, founder).mandate.suspended == ()
    do(founder, lambda turn: company_of(founder).reinstate(turn, this(agent)))
    assert in_force(founder, founder) == {this(founder): 3, this(agent): 1}
    world.advance(DAY_MS + HOUR_MS)
    assert team_of(agent).condition() is Condition.ACTIVE
    assert founder.of(OwnConditionChanged) == []
    founder.carry_out(founder.engine.remove_device(this(agent), world.now_ms))
    world.advance(DAY_MS + HOUR_MS)
    assert in_force(founder, founder) == {this(founder): 3}
    assert team_of(agent).condition() is Condition.DROPPED
    conditions = [one.condition for one in agent.of(OwnConditionChanged)]
    assert conditions[-1] is Condition.DROPPED


def test_states_are_judged_by_the_roster_that_they_name_as_long_as_one_does() -> None:
    """ACC-21, ACC-23: weeks later, after a new start, with the device gone; others are thrown away.

    Neither roster is the first one that was learned in its six days since 1970, which is kept (ACC-41).
    """
    world, founder, agent, customer = team_of_three()
    world.advance(3 * DAY_MS)
    first = view(customer, founder).roster
    world.advance(DAY_MS + HOUR_MS)
    ref = view(customer, founder).roster
    found = do(customer, lambda turn: team_of(customer).view_by(turn, account(founder), ref))
    assert found is not None
    assert set(found.members) == {this(founder), this(agent)}
    world.advance(DAY_MS + HOUR_MS)
    other = view(customer, founder).roster
    assert len({first, ref, other}) == 3
    assert world.now_ms // WITNESS_MS == (world.now_ms - 3 * DAY_MS) // WITNESS_MS
    world.advance(HOUR_MS)
    founder.carry_out(founder.engine.remove_device(this(agent), world.now_ms))
    for days in (9, 40):
        away(world, days, founder, agent, customer)
        do(customer, lambda turn: team_of(customer).refresh(turn, account(founder)))
        world.advance(HOUR_MS)
    customer.crash(customer.rows)
    customer.start()
    again = do(customer, lambda turn: team_of(customer).view_by(turn, account(founder), ref))
    assert again == found
    assert do(customer, lambda turn: team_of(customer).view_by(turn, account(founder), other)) is None
    content = do(customer, lambda turn: team_of(customer).content(turn, account(founder), ref))
    assert content is not None
    assert len(content.records) >= 2
    do(customer, lambda turn: team_of(customer).release(turn, account(founder), ()))
    assert do(customer, lambda turn: team_of(customer).view_by(turn, account(founder), ref)) is None


def test_a_stolen_roster_key_fills_the_places_of_its_mandate_only() -> None:
    """ACC-23: 256 that are named of one mandate, 64 that are not; the one that counts is always there."""
    world, founder, _agent, customer = team_of_three()
    mandate = standing(founder, founder).mandate
    flood = [stolen(founder, 2**30 + at, [], [this(founder)]) for at in range(300)]
    turn, team = Turn(world.now_ms), team_of(customer)
    for roster in flood[:100]:
        team.learn_verified(turn, mandate, roster)
    known = team.known(account(founder))
    assert known is not None
    assert len(known.rosters) == 64
    for roster in flood:
        team.learn_verified(turn, mandate, roster)
        assert team.view_by(turn, account(founder), roster.ref) is not None
    assert sum(one.named for one in known.rosters) == 256
    customer.carry_out(turn.effects())
    customer.crash(customer.rows)
    found = do(customer, lambda turn: team_of(customer).view_by(turn, account(founder), flood[0].ref))
    assert found is not None
    new = sign_mandate(
        founder.engine._state.own.account_key,  # type: ignore[arg-type]
        next_mandate(
            account(founder),
            mandate.seq + 1,
            *Keys.new(founder.rng, login=False).publics(),
            Powers(),
            world.now_ms,
        ),
    )
    do(customer, lambda turn: team_of(customer).learn_verified(turn, new, None))
    with pytest.raises(RosterExpired):
        view(customer, founder)


def test_rows_of_a_company_go_with_the_contact() -> None:
    """ACC-22"""
    world, founder, _, customer = team_of_three()
    assert customer.rows.tables["team"]
    customer.carry_out(customer.engine.forget_contact(account(founder), world.now_ms))
    assert customer.rows.tables["team"] == {}


@pytest.mark.parametrize("hides", [True, False])
def test_a_restored_founder_goes_on_once_a_person_has_confirmed(hides: bool) -> None:
    """ACC-28, SES-40: from an old backup, at a relay that shows newer slots or none."""
    world, founder, agent, customer = team_of_three()
    saved = backup_of(founder)
    roster_key = keys_of(founder).roster.expose()
    assert roster_key not in b"".join(row for _, row in saved.company)
    world.advance(3 * DAY_MS)
    newest = standing(founder, founder)
    founder.stop()
    world.nodes.remove(founder)
    own = founder.engine._state.own
    lists = [DeviceList.verify(own.account_id, row) for _, row in founder.rows.items("list")]
    since = [one for one in lists if one.seq > saved.device_list.seq]
    again = restored(
        world, saved, "Praxis neu", Newest(since, list(founder.engine._state.own_devices.values()))
    )
    if hides:
        EvilDirectory(again, slots=())
    again.start()
    world.advance(DAY_MS)
    assert [one.code for one in again.of(SigningStopped)] == ["local.signing_unsure"]
    assert standing(customer, founder).mandate == newest.mandate
    seen = do(again, company_of(again).view)
    assert seen is not None
    highest = Highest(*map(max, seen.own, seen.stated))
    do(again, lambda turn: company_of(again).confirm_signing(turn, highest))
    world.advance(2 * DAY_MS)
    assert in_force(again, again) == {this(again): 3, this(agent): 1}
    do(customer, lambda turn: team_of(customer).refresh(turn, account(founder)))
    world.advance(HOUR_MS)
    assert standing(customer, founder).mandate.seq > newest.mandate.seq
    assert in_force(customer, founder) == {this(again): 3, this(agent): 1}
    card = do(again, lambda turn: team_of(again).card(turn, account(again), this(again)))
    assert card is not None
    assert card.name == "Frau Braun"


def test_an_unsure_store_signs_nothing_though_nobody_states_a_higher_number() -> None:
    """ACC-07, STO-14: a copy was put back, and the relay shows what it had then."""
    world = World()
    founder = founded(world)
    before = standing(founder, founder)
    founder.crash(founder.rows, Continuity.ROLLED_BACK)
    founder.events.clear()
    founder.start()
    world.advance(2 * DAY_MS)
    assert standing(founder, founder) == before
    assert [one.code for one in founder.of(SigningStopped)] == ["local.signing_unsure"]


def test_a_founder_looks_before_it_signs() -> None:
    """ACC-25: a fresh store, and a mandate of another copy that its first LOOKUP shows."""
    world = World()
    founder = online(world)
    own, keys = founder.engine._state.own, Keys.new(founder.rng, login=False)
    assert own.account_key is not None
    unsigned = next_mandate(own.account_id, LAST - 1, *keys.publics(), Powers(), world.now_ms)
    mandate = sign_mandate(own.account_key, unsigned)
    given = NextRoster(own.device_list.head, own.device_list.expires_ms, [], bytes(32))
    roster = sign_roster(keys.roster, mandate, 1, given, world.now_ms)
    EvilDirectory(founder, slots=(encode_slot(mandate, roster),))
    do(founder, lambda turn: company_of(founder).found(turn, Founding()))
    set_card(founder, founder, "Frau Braun")
    publish_notice(founder)
    assert standing(founder, founder).mandate == mandate
    assert [one.code for one in founder.of(SigningStopped)][-1] == "local.signing_unsure"
    assert founder.of(MandateSigned) == []
