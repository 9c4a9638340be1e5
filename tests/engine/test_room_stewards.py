"""What stewards do in turn, requests, consent, notes (ROOM-02, ROOM-18, ROOM-21 to ROOM-24, chapter 18)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from e2ee_client.engine.rooms.consent import Tombstones
from e2ee_client.engine.rooms.exporting import keeps_files
from e2ee_client.engine.rooms.room_engine import RoomEngine
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import (
    ConsentChanged,
    DeskCalled,
    EntryRefused,
    RequestAnswered,
    RequestAsked,
    WaitingChanged,
)
from room_rooms import MINUTE_MS, change, dev, do, opened, say
from room_world import Device, World, ground

from e2ee.content import Content, ContentType, OfRooms
from e2ee.errors import ConsentRequired, NoRight
from e2ee.ids import ContentId
from e2ee.rooms.consent import Terms, Withdrawal, sign_withdrawal
from e2ee.rooms.customer import Given
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.notice import Mode
from e2ee.rooms.payloads import Act, ActKind, Erase, Sensitive
from e2ee.rooms.room import notes_id, room_id
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import HOLD, Phase

DAY_MS = 86_400_000
PERSONS = Policy(grants=frozenset())
"""Persons decide what members ask for."""


def room_of(world: World, name: str) -> RoomEngine:
    """The room on a device."""
    room = world.devices[name].room
    assert room is not None
    return room


def phases(world: World) -> dict[str, Phase | None]:
    """What each device takes the phase of the room to be."""
    return {name: room_of(world, name).states.condition().phase for name in world.devices}


def act(world: World, what: ActKind) -> Any:
    """The customer acts."""
    return do(world, "phone", lambda room, turn: room.write(turn, Act(what)))


def given(world: World, seq: int) -> Given:
    """A consent of the customer."""
    return Given(Terms(ground().notice.hash, "de", Mode.CONSENT, 0b11), world.now_ms, seq)


def claim(device: Device, turn: Turn) -> bytes:
    """An agent asks to be added to a room that it does not have."""
    return device.requests.ask(turn, device.world.room_id, [dev("desk")], RequestKind.ADD)


def with_agent(*more: str) -> World:
    """A room with an agent beside the desk."""
    world = opened("desk", "agent", *more)
    change(world, "desk", Change(add=(dev("agent"), dev("desk"))))
    world.run(2 * MINUTE_MS)
    return world


def test_the_next_desk_opens_a_room_where_the_first_ones_are_off() -> None:
    """ROOM-21."""
    desks = sorted(("chief", "desk", "desk2"), key=dev)
    world = World(3)
    world.add("phone", desks[1], desks[2])
    world.open()
    world.run(30_000)
    assert world.devices["phone"].head() is None
    world.run(MINUTE_MS)
    assert len(room_of(world, "phone").states.room.states) == 1
    head = room_of(world, "phone").states.room.head
    assert head is not None
    assert head.author == dev(desks[1])


@pytest.mark.parametrize(
    ("what", "phase"),
    [(ActKind.CLOSE, Phase.CLOSED), (ActKind.FREEZE, Phase.FROZEN)],
    ids=["close", "freeze"],
)
def test_an_act_restricts_at_once_and_is_answered_by_one_state(what: ActKind, phase: Phase) -> None:
    """ROOM-12, ROOM-13, ROOM-18."""
    world = opened("desk", "chief")
    act(world, what)
    assert phases(world)["phone"] is phase
    world.run(4 * MINUTE_MS)
    assert set(phases(world).values()) == {phase}
    state = room_of(world, "phone").states.state
    assert state is not None
    assert state.phase is phase
    assert len(room_of(world, "phone").states.room.states) == 2
    assert not room_of(world, "desk").states.condition().unanswered


def test_a_closed_room_is_opened_again_and_after_90_days_it_is_not() -> None:
    """ROOM-18."""
    world = opened("desk")
    act(world, ActKind.CLOSE)
    world.run(3 * MINUTE_MS)
    act(world, ActKind.REOPEN)
    world.run(3 * MINUTE_MS)
    assert set(phases(world).values()) == {Phase.OPEN}
    act(world, ActKind.CLOSE)
    world.run(3 * MINUTE_MS)
    room_of(world, "desk").live.closed_ms -= 91 * DAY_MS
    act(world, ActKind.REOPEN)
    world.run(3 * MINUTE_MS)
    assert set(phases(world).values()) == {Phase.CLOSED}


def test_an_erasure_of_the_room_is_answered_and_stays_above_a_hold() -> None:
    """ROOM-18, ROOM-13."""
    world = opened("chief")
    change(world, "chief", Change(hold=True, text="lawsuit"))
    world.run(MINUTE_MS)
    do(world, "phone", lambda room, turn: room.write(turn, Erase(None)))
    world.run(3 * MINUTE_MS)
    assert set(phases(world).values()) == {Phase.OPEN}
    other = opened("chief")
    do(other, "phone", lambda room, turn: room.write(turn, Erase(None)))
    other.run(3 * MINUTE_MS)
    assert set(phases(other).values()) == {Phase.ERASED}


def test_a_mark_of_the_customer_lasts_though_a_supervisor_answers_it() -> None:
    """ROOM-14, ROOM-18: until one clears it."""
    world = opened("chief")
    said = say(world, "phone", "a finding")
    do(world, "phone", lambda room, turn: room.write(turn, Sensitive((said,))))
    world.run(3 * MINUTE_MS)
    conditions = [room_of(world, name).states.condition() for name in world.devices]
    assert [(one.is_sensitive, one.unanswered) for one in conditions] == [(True, ())] * len(conditions)
    change(world, "chief", Change(sensitive=False))
    world.run(3 * MINUTE_MS)
    assert not any(room_of(world, name).states.condition().is_sensitive for name in world.devices)


def test_a_hold_that_the_head_does_not_have_keeps_the_files_of_an_archive() -> None:
    """ROOM-27, EXP-21: a supervisor sets it while the desk writes beside it, and leaves the company."""
    world = opened("desk", "chief")
    for one in ("desk", "phone"):
        world.blocked |= {("chief", one), (one, "chief")}
    change(world, "desk", Change(reason=5))
    hold = change(world, "chief", Change(hold=True, text="lawsuit"))
    world.run(5 * MINUTE_MS)
    world.new_roster(["desk"])
    world.run(5 * MINUTE_MS)
    change(world, "desk", Change(reason=6))
    desk, chief, turn = room_of(world, "desk"), room_of(world, "chief"), Turn(world.now_ms)
    assert not keeps_files(desk.states)
    found = chief.log.find(turn, hold)
    assert found is not None
    lines = OfRooms(ContentType.FORWARD, encode_forward(world.room_id, [chief.log.entry(turn, found)]))
    content = Content(ContentId(hold[:16]), world.now_ms, lines)
    do(world, "desk", lambda room, turn: room.take(turn, ground().author("phone"), content))
    world.run(5 * MINUTE_MS)
    assert desk.states.state is not None
    assert not desk.states.state.has(HOLD)
    assert keeps_files(desk.states)


def test_a_desk_is_called_and_a_silent_room_is_closed() -> None:
    """ROOM-12, ROOM-24."""
    world = opened("desk")
    act(world, ActKind.CALL_DESK)
    world.run(MINUTE_MS)
    assert world.devices["desk"].told(DeskCalled)
    world.run(31 * DAY_MS)
    assert set(phases(world).values()) == {Phase.CLOSED}


def test_a_withdrawal_stops_content_and_a_new_receipt_opens_again() -> None:
    """CNS-08, CNS-09, CNS-13, ROOM-14."""
    world = opened("desk")
    do(world, "phone", lambda room, turn: room.withdraw(turn, 9))
    world.run(3 * MINUTE_MS)
    assert set(phases(world).values()) == {Phase.WITHDRAWN}
    desk = world.devices["desk"]
    assert desk.told(ConsentChanged)[-1].is_withdrawn
    do(world, "phone", lambda room, turn: room.give(turn, given(world, 10), reopens=True))
    world.run(3 * MINUTE_MS)
    assert not desk.told(ConsentChanged)[-1].is_withdrawn
    assert set(phases(world).values()) == {Phase.OPEN}
    said = say(world, "phone", "back")
    world.run(MINUTE_MS)
    assert said in desk.order()


def test_content_after_a_withdrawal_is_refused_and_leaves_its_place() -> None:
    """CNS-13, TRN-10."""
    world = opened("desk")
    desk = room_of(world, "desk")
    signed = sign_withdrawal(world.devices["phone"].key, desk.live.consent.receipt.hash, world.room_id, 1, 9)  # type: ignore[union-attr]  # the room is open
    public = world.devices["desk"].signer(ground().author("phone"))
    assert public is not None
    desk.live.consent = desk.live.consent.with_withdrawal(Withdrawal.verify(public, signed, world.room_id))
    said = say(world, "phone", "too late")
    world.run(3 * MINUTE_MS)
    refused = world.devices["desk"].told(EntryRefused)
    assert [(one.entry_hash, one.code) for one in refused] == [(said, "room.consent_withdrawn")]
    assert said not in world.devices["desk"].order()
    assert not desk.live.asking.ranges


def test_withdrawals_of_unknown_rooms_are_kept_within_bounds() -> None:
    """CNS-10."""
    world = opened("desk")
    device, turn = world.devices["desk"], Turn(world.now_ms)
    tombs, key = Tombstones(device), world.devices["phone"].key
    public = device.signer(ground().author("phone"))
    assert public is not None
    for count in range(5):
        room = room_id(ground().company_id, ground().customer, bytes([count]) * 16)
        withdrawal = Withdrawal.verify(public, sign_withdrawal(key, bytes(32), room, 1, 4), room)
        if count < 4:
            tombs.keep(turn, ground().customer, withdrawal)
            assert tombs.of(turn, ground().customer, room).withdrawal == withdrawal
        else:
            with pytest.raises(ConsentRequired):
                tombs.keep(turn, ground().customer, withdrawal)


def test_a_room_is_opened_at_a_desk_only_and_by_its_own_receipt() -> None:
    """CNS-15, CNS-07."""
    world = World(5)
    world.add("phone", "agent", "desk")
    world.open()
    world.run(3 * MINUTE_MS)
    assert world.devices["agent"].room is None
    assert room_of(world, "desk").live.consent.receipt is not None


def test_an_agent_claims_who_waits_and_the_second_claim_is_refused() -> None:
    """ROOM-22, ROOM-23."""
    world = opened("desk", "agent", "agent2")
    do(world, "desk", lambda room, turn: room.wait_for(turn, "Empfang", "de"))
    world.run(MINUTE_MS)
    for name in ("agent", "agent2"):
        device = world.devices[name]
        assert device.told(WaitingChanged)[-1].team == "Empfang"
        device.step(partial(claim, device))
    world.run(5 * MINUTE_MS)
    state = room_of(world, "phone").states.state
    assert state is not None
    assert state.assigned in (dev("agent"), dev("agent2"))
    codes = {world.devices[name].told(RequestAnswered)[-1].code for name in ("agent", "agent2")}
    assert codes == {"", "room.nobody_waits"}
    assert world.devices["agent"].told(WaitingChanged)[-1].team is None


def test_an_agent_leaves_at_once_and_a_person_decides_a_transfer() -> None:
    """ROOM-22."""
    world = with_agent("agent2")
    world.devices["desk"].policy = PERSONS
    do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.TRANSFER, dev("agent2")))
    world.run(4 * MINUTE_MS)
    asked = world.devices["desk"].told(RequestAsked)[-1]
    assert asked.device_id == dev("agent")
    do(world, "desk", lambda room, turn: room.decide(turn, asked.request_id, grant=True))
    world.run(3 * MINUTE_MS)
    assert world.devices["agent"].told(RequestAnswered)[-1].code == ""
    assert dev("agent2") in room_of(world, "phone").index.members
    assert dev("agent") not in room_of(world, "phone").index.members
    do(world, "agent2", lambda room, turn: room.ask(turn, RequestKind.LEAVE))
    world.run(5 * MINUTE_MS)
    assert dev("agent2") not in room_of(world, "phone").index.members


def test_a_desk_grants_what_members_ask_for_without_a_person() -> None:
    """ROOM-22: closing and reopening; the customer gets the reason of a closing."""
    world = with_agent("agent2")

    def close(room: RoomEngine, turn: Turn) -> bytes:
        stewards = room.states.stewards(turn.now_ms)
        return room.requests.ask(turn, room.live.room_id, stewards, RequestKind.CLOSE, reason="Erledigt")

    do(world, "agent", close)
    world.run(3 * MINUTE_MS)
    closed = room_of(world, "phone").states.state
    assert closed is not None
    assert (closed.phase, closed.text) == (Phase.CLOSED, "Erledigt")
    do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.REOPEN))
    world.run(3 * MINUTE_MS)
    assert room_of(world, "phone").index.phase == Phase.OPEN
    assert not world.devices["desk"].told(RequestAsked)


def test_a_transfer_to_a_team_unassigns_and_lets_the_customer_wait() -> None:
    """ROOM-33."""
    world = with_agent("agent2")
    do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.TRANSFER, team="abrechnung"))
    world.run(3 * MINUTE_MS)
    assert dev("agent") not in room_of(world, "phone").index.members
    assert room_of(world, "phone").index.assigned is None
    assert world.devices["desk"].told(WaitingChanged)[-1].team == "abrechnung"
    assert world.devices["agent"].told(RequestAnswered)[-1].code == ""


def test_a_request_is_repeated_until_it_is_answered_and_survives_a_restart() -> None:
    """ROOM-22."""
    world = with_agent()
    world.devices["desk"].policy = PERSONS
    world.blocked.add(("agent", "desk"))
    do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.CLOSE))
    world.run(5_000)
    world.blocked.clear()
    agent = world.devices["agent"]
    agent.restart()
    agent.step(agent.requests.start)
    world.run(4 * MINUTE_MS)
    asked = world.devices["desk"].told(RequestAsked)
    assert len(asked) == 1
    do(world, "desk", lambda room, turn: room.decide(turn, asked[0].request_id, grant=False))
    world.run(2 * MINUTE_MS)
    assert agent.told(RequestAnswered)[-1].code == "room.right"
    assert not agent.requests.all(Turn(world.now_ms))


def test_only_the_company_asks_and_only_a_steward_changes() -> None:
    """ROOM-05, ROOM-22."""
    world = with_agent()
    assert isinstance(change(world, "agent", Change(reason=1)), NoRight)
    assert isinstance(change(world, "desk", Change(hold=True, text="no supervisor")), NoRight)
    request = do(world, "agent", lambda room, turn: room.ask(turn, RequestKind.CLOSE))
    assert not isinstance(request, Exception)


def test_notes_stay_in_the_company() -> None:
    """ROOM-02."""
    world = opened("desk", "chief")
    desk = world.devices["desk"]
    notes = notes_id(ground().company_id, world.room_id, b"n" * 16)
    room = RoomEngine.create(desk, desk.requests, notes, ground().company_id, None)
    assert not isinstance(desk.step(room.open_notes), Exception)
    assert {one.account_id for one in room.states.recipients(3, world.now_ms)} <= {ground().company_id}
    state = room.states.state
    assert state is not None
    assert (state.customer_list, state.notice, state.parent) == (None, None, None)


def gives(world: World, name: str, taker: str) -> bool:
    """Whether a desk would hand the past to a device by itself."""
    return bool(do(world, name, lambda room, turn: room.stewarding.has_given(turn, dev(taker))))


def give(world: World, name: str, taker: str) -> None:
    """Let a desk give the room to a device, and everybody hear of it."""
    change(world, name, Change(add=(dev(taker),), assign=dev(taker)))
    world.run(MINUTE_MS)


def test_an_answer_to_an_act_gives_no_desk_a_room_that_it_has_taken() -> None:
    """ROOM-62, ROOM-18: a desk that was stolen takes a room that nobody has, and marks a text of its own."""
    world = opened("desk", "desk2")
    give(world, "desk2", "agent")
    change(world, "desk", Change(unassign=True, remove=(dev("agent"),)))
    world.run(MINUTE_MS)
    change(world, "desk", Change(add=(dev("desk"),), assign=dev("desk")))
    said = say(world, "desk", "Guten Tag")
    do(world, "desk", lambda room, turn: room.write(turn, Sensitive((said,))))
    world.run(5 * MINUTE_MS)
    state = room_of(world, "desk2").states.room.head
    assert state is not None
    assert (state.author, state.state.assigned) == (dev("desk2"), dev("desk"))
    assert not gives(world, "desk2", "desk")


def test_an_agent_to_whom_a_desk_gives_a_room_is_handed_it_whoever_writes_the_next_state() -> None:
    """ROOM-62."""
    world = opened("desk", "desk2", "agent")
    give(world, "desk", "agent")
    change(world, "desk2", Change(sensitive=True))
    world.run(MINUTE_MS)
    assert gives(world, "desk", "agent")
    assert not gives(world, "desk2", "agent")
    assert not gives(world, "desk", "desk2")


def test_who_had_a_room_before_is_handed_nothing_where_a_branch_gives_it_back() -> None:
    """ROOM-62, ROOM-11: a supervisor's device that was stolen goes on from the state that gave it."""
    world = opened("chief", "desk", "agent", "agent2")
    give(world, "desk", "agent")
    first = room_of(world, "desk").states.room.head
    assert first is not None
    assert gives(world, "desk", "agent")
    change(world, "chief", Change(unassign=True, remove=(dev("agent"),)))
    world.run(MINUTE_MS)
    give(world, "desk", "agent2")
    back = replace(first.state, epoch=first.state.epoch + 1, parent=first.hash, cards=(), text="again")
    do(world, "chief", lambda room, turn: room.write(turn, back))
    world.run(MINUTE_MS)
    state = room_of(world, "desk").states.state
    assert state is not None
    assert state.assigned == dev("agent")
    assert not gives(world, "desk", "agent")


def waits(world: World, *stewards: str) -> None:
    for one in stewards:
        do(world, one, lambda room, turn: room.stewarding.wait_for(turn, "T", "de"))
    world.run(2 * MINUTE_MS)


@pytest.mark.parametrize(
    ("ends", "goes_on"), [(ActKind.FREEZE, ActKind.UNFREEZE), (ActKind.CLOSE, ActKind.REOPEN)]
)
def test_a_claim_that_was_refused_is_not_granted_by_another_when_the_room_is_open_again(
    ends: ActKind, goes_on: ActKind
) -> None:
    """ROOM-67: the second steward has the claim as well, and its turn comes a minute later."""
    world = opened("desk", "desk2", "agent")
    waits(world, "desk", "desk2")
    act(world, ends)
    world.run(25_000)
    agent, desks = world.devices["agent"], [dev("desk"), dev("desk2")]
    agent.step(lambda turn: agent.requests.ask(turn, world.room_id, desks, RequestKind.ADD))
    world.run(25_000)
    act(world, goes_on)
    world.run(5 * MINUTE_MS)
    state = room_of(world, "desk").states.state
    assert state is not None
    assert state.assigned is None
    assert not [one for name in ("desk", "desk2") for one in world.devices[name].told(RequestAsked)]


def test_who_is_assigned_ends_the_waiting_also_where_the_roster_is_learned_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ROOM-23: the steward that says who waits holds the state until it knows the roster."""
    world = opened("desk", "desk2", "agent", "agent2")
    waits(world, "desk")
    desk, learn = world.devices["desk"], world.learn_roster
    with monkeypatch.context() as late:
        late.setattr(world, "learn_roster", lambda device: None if device is desk else learn(device))
        world.new_roster(tuple(ground().company.devices))
        world.run(2 * MINUTE_MS)
        change(world, "desk2", Change(add=(dev("agent"),), assign=dev("agent")))
        world.run(2 * MINUTE_MS)
    learn(desk)
    world.run(MINUTE_MS)
    told = len(world.devices["agent2"].told(WaitingChanged))
    world.run(30 * 60 * MINUTE_MS)
    assert [one.team for one in world.devices["agent2"].told(WaitingChanged)[told:] if one.team] == []
