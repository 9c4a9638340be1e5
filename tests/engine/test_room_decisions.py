"""What a person has to decide: an objection within 30 days, a login from a device that is new."""

from __future__ import annotations

from typing import Any

import pytest
from e2ee_client.engine.rooms import identifying
from e2ee_client.engine.rooms.entry_log import EntryLog
from e2ee_client.engine.rooms.identifying import MAX_ASKED, MAX_WAITING, waiting_logins
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import (
    EntryRefused,
    FreezeUndecided,
    IdentifyAnswered,
    IdentifyAsked,
    SignedOut,
)
from parties import DAY_MS
from room_logins import challenge, handed_in, knows, log_in, token
from room_rooms import MINUTE_MS, change, dev, do, opened
from room_world import Post, World, ground

from e2ee.content import ContentType, OfRooms
from e2ee.errors import LoginExpired, LoginUsed, NoRight, RoomFrozen
from e2ee.ids import AccountId, DeviceId
from e2ee.rooms.entry import EntryHash, Header, RoomId
from e2ee.rooms.forward import decode_forward
from e2ee.rooms.kinds import Kind
from e2ee.rooms.login import LoginToken
from e2ee.rooms.payloads import Act, ActKind, Erase
from e2ee.rooms.signed_payloads import Identify
from e2ee.rooms.state import Phase, Retention, RetentionClass
from e2ee.secret import LoginKey
from e2ee.wire.fields import array


def act(world: World, what: ActKind) -> None:
    """The customer does something."""
    do(world, "phone", lambda room, turn: room.write(turn, Act(what)))
    world.run(3 * MINUTE_MS)


def decide(world: World, by: str, *, closes: bool) -> Any:
    """Decide an objection."""

    def step(room: Any, turn: Turn) -> EntryHash:
        found: EntryHash = room.freezing.decide(turn, "geprüft", closes=closes)
        room.settle(turn)
        return found

    found = do(world, by, step)
    world.run(2 * MINUTE_MS)
    return found


def phase(world: World, name: str = "phone") -> Phase | None:
    """The phase of the room at a device."""
    room = world.devices[name].room
    assert room is not None
    found: Phase | None = room.states.condition().phase
    return found


@pytest.mark.parametrize(("closes", "after"), [(False, Phase.OPEN), (True, Phase.CLOSED)])
def test_a_supervisor_decides_an_objection_and_nobody_else(closes: bool, after: Phase) -> None:
    """ROOM-14, ROOM-18."""
    world = opened("desk", "chief")
    act(world, ActKind.FREEZE)
    assert phase(world) is Phase.FROZEN
    assert isinstance(decide(world, "desk", closes=closes), NoRight)
    decide(world, "chief", closes=closes)
    assert {phase(world, name) for name in world.devices} == {after}
    assert isinstance(decide(world, "chief", closes=closes), NoRight)


def test_what_nobody_decides_is_closed_after_30_days_and_people_are_told_before() -> None:
    """ROOM-37: by the steward's clock, from the oldest objection that lasts; once, also after a restart."""
    world = opened("desk", "chief")
    act(world, ActKind.FREEZE)
    world.run(20 * DAY_MS)
    act(world, ActKind.FREEZE)
    assert not world.devices["desk"].told(FreezeUndecided)
    world.run(4 * DAY_MS)
    for name in ("desk", "chief"):
        assert len(world.devices[name].told(FreezeUndecided)) == 1
    assert not world.devices["phone"].told(FreezeUndecided)
    for name in ("desk", "chief", "phone"):
        ends_ms = do(world, name, lambda room, turn: room.freezing.ends_ms(turn))
        told = [one.ends_ms for one in world.devices[name].told(FreezeUndecided)]
        assert ends_ms == (told[0] if told else None)
    world.devices["chief"].restart()
    world.run(5 * DAY_MS)
    assert phase(world) is Phase.FROZEN
    world.run(2 * DAY_MS)
    assert {phase(world, name) for name in world.devices} == {Phase.CLOSED}
    assert len(world.devices["chief"].told(FreezeUndecided)) == 1
    state = world.devices["phone"].room
    assert state is not None
    assert state.states.state is not None
    assert state.states.state.text == "In 30 Tagen nicht entschieden: abgeschlossen"


def test_without_a_supervisor_an_objection_stands() -> None:
    """ROOM-14, ROOM-37: a desk decides none, and turns in no circle about it."""
    world = opened("desk")
    act(world, ActKind.FREEZE)
    world.run(40 * DAY_MS)
    assert phase(world) is Phase.FROZEN
    assert len(world.devices["desk"].told(FreezeUndecided)) == 1


def test_an_objection_that_was_taken_back_or_decided_does_not_count_for_the_next() -> None:
    """ROOM-37."""
    world = opened("chief")
    act(world, ActKind.FREEZE)
    world.run(20 * DAY_MS)
    act(world, ActKind.UNFREEZE)
    act(world, ActKind.FREEZE)
    world.run(15 * DAY_MS)
    assert phase(world) is Phase.FROZEN
    decide(world, "chief", closes=False)
    act(world, ActKind.FREEZE)
    world.run(29 * DAY_MS)
    assert phase(world) is Phase.FROZEN
    world.run(2 * DAY_MS)
    assert phase(world) is Phase.CLOSED


def test_who_joined_a_frozen_room_counts_from_its_first_frozen_state() -> None:
    """ROOM-37: it knows no act from before."""
    world = opened("desk", "chief")
    act(world, ActKind.FREEZE)
    do(world, "chief", forget_acts)
    world.devices["chief"].restart()
    world.run(10 * DAY_MS)
    change(world, "desk", Change(reason=1))
    world.run(19 * DAY_MS)
    chief = world.devices["chief"].room
    assert chief is not None
    assert chief.states.room.acts == ()
    assert phase(world) is Phase.FROZEN
    world.run(2 * DAY_MS)
    assert phase(world, "chief") is Phase.CLOSED


def forget_acts(room: Any, turn: Turn) -> None:
    """Make a device one that joined later."""
    room.live.acts = ()
    room.settle(turn)


# --- logins ---


def by_hand(world: World, signed: bytes, sent_ms: int | None = None) -> EntryHash:
    """A hostile device of the customer writes a login without looking at its token."""
    return handed_in(world, lambda room, turn: room.writing.write(turn, Identify(signed)))


def answer(world: World, by: str, login: EntryHash, *, grant: bool) -> Any:
    """Decide a login."""

    def step(room: Any, turn: Turn) -> None:
        room.identifying.decide(turn, login, grant=grant)
        room.settle(turn)

    found = do(world, by, step)
    world.run(2 * MINUTE_MS)
    return found


def waits(world: World, name: str) -> list[IdentifyAsked]:
    """The logins that wait at a device."""
    device = world.devices[name]
    listed = device.devices(ground().customer)
    log = EntryLog(device.rows, world.room_id, device.rng)
    return waiting_logins(Turn(world.now_ms), log, device.rows, world.room_id, listed)


def test_an_anonymous_room_becomes_that_of_a_known_person_in_place() -> None:
    """CNS-56, CNS-57: the first steward grants what needs no person; all say the same, the customer too, and
    whoever joins later.
    """
    world = opened("desk", "chief", "agent")
    assert knows(world, "desk") is None
    login = log_in(world)
    for name in ("desk", "chief", "phone"):
        found = knows(world, name)
        assert found is not None
        assert found[:2] == ("4711", "Erika Muster")
        assert world.devices[name].told(IdentifyAnswered) == [IdentifyAnswered(world.room_id, login)]
    assert not world.devices["desk"].told(IdentifyAsked)
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(4 * MINUTE_MS)
    assert knows(world, "agent") == knows(world, "desk")
    log_in(world)
    assert len(world.devices["phone"].told(IdentifyAnswered)) == 2


def test_a_login_beside_a_new_device_waits_for_a_person() -> None:
    """CNS-16, CNS-42: a device that nobody has confirmed may be a stranger's."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(2 * MINUTE_MS)
    for name in ("desk", "agent", "phone"):
        world.devices[name].known_lists = 2
    login = log_in(world)
    for name in ("desk", "agent"):
        asked = IdentifyAsked(world.room_id, login, (dev("tablet"),))
        assert world.devices[name].told(IdentifyAsked) == [asked]
        assert waits(world, name) == [asked]
    assert knows(world, "desk") is None
    assert isinstance(answer(world, "agent", login, grant=True), NoRight)
    answer(world, "desk", login, grant=True)
    for name in ("desk", "agent", "phone"):
        assert world.devices[name].told(IdentifyAnswered) == [IdentifyAnswered(world.room_id, login)]
        assert waits(world, name) == []
        assert knows(world, name) is not None
    log_in(world)
    assert len(world.devices["desk"].told(IdentifyAsked)) == 1


def test_a_new_device_of_the_customer_is_given_states_and_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """CNS-56: who has come to the account by its code hears no name from the company; a colleague does."""
    world = opened("desk", "agent")
    log_in(world)
    world.add("tablet")
    for device in world.devices.values():
        device.known_lists = 2
    given = list[tuple[str, Kind | int]]()
    post = World.post

    def noted(self: World, one: Post) -> None:
        payload = one.content.payload
        if one.sender == "desk" and isinstance(payload, OfRooms) and payload.type is ContentType.FORWARD:
            for line in decode_forward(payload.payload)[1]:
                header = array(line, 5, 5)[2]
                assert isinstance(header, bytes)
                given.append((one.to, Header.decode(header).kind))
        post(self, one)

    monkeypatch.setattr(World, "post", noted)
    change(world, "desk", Change(add=(dev("agent"),)))
    world.run(4 * MINUTE_MS)
    assert ("tablet", Kind.STATE) in given
    assert ("agent", Kind.IDENTIFY) in given
    assert ("tablet", Kind.IDENTIFY) not in given


def test_another_person_in_a_known_persons_room_waits_for_a_person() -> None:
    """CNS-16: two people on one device are not mixed up by a token alone."""
    world = opened("desk")
    log_in(world)
    log_in(world, "4712")
    assert len(waits(world, "desk")) == 1
    found = knows(world, "desk")
    assert found is not None
    assert found.subject == "4711"


def test_whose_room_it_was_is_asked_of_a_person_where_a_timer_has_destroyed_the_login() -> None:
    """CNS-16: before, the next person with the browser took the room over by a token alone."""
    world = opened("desk")
    change(world, "desk", Change(retention=Retention(RetentionClass.DEFAULT, 86_400)))
    login = log_in(world)
    change(world, "desk", Change(phase=Phase.CLOSED))
    world.run(3 * DAY_MS)
    change(world, "desk", Change(phase=Phase.OPEN))
    world.run(2 * MINUTE_MS)
    assert knows(world, "desk") is None
    later = log_in(world, "4712")
    assert [one.entry_hash for one in waits(world, "desk")] == [later]
    assert knows(world, "desk") is None
    assert login != later
    answer(world, "desk", later, grant=True)
    found = knows(world, "desk")
    assert found is not None
    assert found.subject == "4712"
    log_in(world, "4712")
    assert waits(world, "desk") == []


def test_signing_out_ends_the_login_on_every_device() -> None:
    """CNS-56: whoever writes next on this device is nobody known, until a login."""
    world = opened("desk")
    log_in(world)
    open_ = challenge(world)
    handed_in(world, lambda room, turn: room.identifying.sign_out(turn))
    for name in ("desk", "phone"):
        assert knows(world, name) is None
        assert world.devices[name].told(SignedOut) == [SignedOut(world.room_id, dev("phone"))]
    signed = token(world, open_)
    assert isinstance(
        do(world, "phone", lambda room, turn: room.identifying.hand_in(turn, signed)), LoginUsed
    )
    log_in(world, "4712")
    found = knows(world, "desk")
    assert found is not None
    assert found.subject == "4712"


def test_a_login_that_is_erased_names_nobody() -> None:
    """CNS-56, TRN-24."""
    world = opened("desk")
    login = log_in(world)
    handed_in(world, lambda room, turn: room.writing.write(turn, Erase((login,))))
    assert knows(world, "desk") is None


def test_a_device_hands_in_only_what_it_has_asked_for_and_once() -> None:
    """CNS-53: a page that was taken over cannot log a stranger in, nor use a token twice."""
    world = opened("desk")
    asked = challenge(world)
    signed = token(world, asked)
    foreign = token(world, asked._replace(nonce=bytes(16)))

    def hand_in(given: bytes) -> Any:
        return do(world, "phone", lambda room, turn: room.identifying.hand_in(turn, given))

    assert isinstance(hand_in(foreign), LoginUsed)
    assert not isinstance(hand_in(signed), Exception)
    assert isinstance(hand_in(signed), LoginUsed)
    late = token(world, challenge(world))
    world.run(11 * MINUTE_MS)
    assert isinstance(hand_in(late), LoginExpired)
    many = [challenge(world) for _ in range(MAX_ASKED + 1)]
    assert isinstance(hand_in(token(world, many[0])), LoginUsed)
    assert isinstance(do(world, "desk", lambda room, turn: room.identifying.ask(turn)), NoRight)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("login.holder", {"room": RoomId(bytes(16))}),
        ("login.holder", {"customer": AccountId(bytes(32))}),
        ("login.holder", {"device_id": DeviceId(bytes(16))}),
    ],
)
def test_a19_a_token_for_elsewhere_is_refused_and_both_sides_are_told(
    code: str, changed: dict[str, Any]
) -> None:
    """CNS-52, CNS-57, attack 19: a hostile device hands in what was made for another one."""
    world = opened("desk", "chief")
    _refused_everywhere(world, token(world, challenge(world)._replace(**changed)), code)


@pytest.mark.parametrize("ago_ms", [20 * MINUTE_MS, -20 * MINUTE_MS])
def test_a_token_outside_its_time_is_refused_and_both_sides_are_told(ago_ms: int) -> None:
    """CNS-52, CNS-57: too late, or a clock that is wrong."""
    world = opened("desk", "chief")
    _refused_everywhere(world, token(world, challenge(world), ago_ms=ago_ms), "login.expired")


def test_a_token_by_another_key_is_refused_and_both_sides_are_told() -> None:
    """CNS-50, CNS-57."""
    world = opened("desk", "chief")
    signed = token(world, challenge(world), key=LoginKey(bytes(32)))
    _refused_everywhere(world, signed, "remote.signature")


def test_a19_a_token_that_comes_twice_counts_once_and_both_sides_are_told() -> None:
    """CNS-54, CNS-57, attack 19: the same token, and another one for the same challenge."""
    world = opened("desk", "chief")
    asked = challenge(world)
    signed = token(world, asked)
    handed_in(world, lambda room, turn: room.identifying.hand_in(turn, signed))
    before = knows(world, "desk")
    assert before is not None
    for again in (signed, token(world, asked, "4712")):
        _refused_everywhere(world, again, "login.used")
    assert knows(world, "desk") == knows(world, "chief") == before


def _refused_everywhere(world: World, signed: bytes, code: str) -> None:
    """The company's devices refuse it with one code; the customer is told it by an entry, once."""
    login = by_hand(world, signed)
    for name in ("desk", "chief"):
        refused = [one.code for one in world.devices[name].told(EntryRefused) if one.entry_hash == login]
        assert refused == [code]
    told = [one for one in world.devices["phone"].told(IdentifyAnswered) if one.entry_hash == login]
    assert told == [IdentifyAnswered(world.room_id, login, code)]


def test_a19_control_without_the_check_the_thief_is_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 19, without the countermeasure: a token that was made for another device logs this one in."""
    monkeypatch.setattr(LoginToken, "check", lambda *_: None)
    world = opened("desk")
    by_hand(world, token(world, challenge(world)._replace(device_id=DeviceId(bytes(16)))))
    assert knows(world, "desk") is not None


def test_a_login_is_refused_by_an_entry_that_names_it() -> None:
    """CNS-42."""
    world = opened("desk")
    for name in ("desk", "phone"):
        world.devices[name].known_lists = 2
    login = log_in(world)
    answer(world, "desk", login, grant=False)
    for name in ("desk", "phone"):
        told = world.devices[name].told(IdentifyAnswered)
        assert told == [IdentifyAnswered(world.room_id, login, "room.right")]
    assert isinstance(answer(world, "desk", login, grant=True), NoRight)
    log_in(world)
    assert len(world.devices["desk"].told(IdentifyAsked)) == 2


def test_a23_control_without_a_wait_the_thief_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack 23, without the countermeasure: nobody is shown a device that is new, and the login counts."""
    monkeypatch.setattr(identifying, "identify_waits", lambda devices, confirmed: False)
    world = opened("desk")
    world.devices["desk"].known_lists = 2
    login = log_in(world)
    assert world.devices["desk"].told(IdentifyAsked) == []
    assert world.devices["desk"].told(IdentifyAnswered) == [IdentifyAnswered(world.room_id, login)]


def test_logins_without_end_fill_no_store() -> None:
    """CNS-42."""
    world = opened("desk")
    for name in ("desk", "phone"):
        world.devices[name].known_lists = 2
    logins = [log_in(world) for _ in range(MAX_WAITING + 1)]
    assert [one.entry_hash for one in waits(world, "desk")] == logins[1:]
    assert isinstance(answer(world, "desk", logins[0], grant=True), NoRight)


def test_no_login_in_a_frozen_room() -> None:
    """ROOM-19, CNS-13: it is content."""
    world = opened("desk")
    act(world, ActKind.FREEZE)
    assert isinstance(log_in(world), RoomFrozen)
    assert not world.devices["desk"].told(IdentifyAsked)


def test_a_login_that_a_timer_destroys_while_it_waits_is_answered() -> None:
    """CNS-57: before, it waited without a name for good, and who granted it granted nobody."""
    world = opened("desk", "chief")
    change(world, "desk", Change(retention=Retention(RetentionClass.DEFAULT, 86_400)))
    log_in(world)
    later = log_in(world, "4712")
    assert [one.entry_hash for one in waits(world, "chief")] == [later]
    change(world, "desk", Change(phase=Phase.CLOSED))
    world.run(3 * DAY_MS)
    for name in ("desk", "chief", "phone"):
        assert waits(world, name) == []
    answered = [one for one in world.devices["phone"].told(IdentifyAnswered) if one.entry_hash == later]
    assert [one.code for one in answered] == [LoginExpired.code]
