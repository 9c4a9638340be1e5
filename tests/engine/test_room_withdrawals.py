"""A withdrawal erases a room on each device of the company, whichever way and whenever it comes (CNS-45)."""

from __future__ import annotations

from e2ee_client.engine.rooms.erasing import MAX_ORDERS
from e2ee_client.engine.rooms.states import MAX_UNANSWERED
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from parties import DAY_MS
from room_rooms import MINUTE_MS, change, dev, do, opened, say
from room_world import World, ground

from e2ee.content import Content, ContentType, OfRooms
from e2ee.ids import ContentId
from e2ee.rooms.consent import Terms
from e2ee.rooms.customer import Given
from e2ee.rooms.entry import BLIND_B, Entry, EntryHash, make_header, write_entry
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.kinds import Kind
from e2ee.rooms.notice import Mode
from e2ee.rooms.payloads import encode_payload, read_payload
from e2ee.rooms.signed_payloads import Withdrawal
from e2ee.rooms.state import Phase

HOUR_MS = 60 * MINUTE_MS


def staffed() -> tuple[World, EntryHash]:
    """A desk and an agent in a room, and what its customer said there."""
    world = opened("desk", "agent")
    change(world, "desk", Change(add=(dev("desk"), dev("agent"))))
    world.run(3 * MINUTE_MS)
    said = say(world, "phone", "Kanarienvogel")
    world.run(30 * MINUTE_MS)
    assert has_body(world, "desk", said)
    assert has_body(world, "agent", said)
    return world, said


def has_body(world: World, name: str, entry_hash: EntryHash) -> bool:
    """Whether a device still has what was said."""
    room = world.devices[name].room
    assert room is not None
    stored = room.log.find(Turn(world.now_ms), entry_hash)
    assert stored is not None
    return stored.body is not None


def withdraw(world: World) -> None:
    """The customer withdraws."""
    do(world, "phone", lambda room, turn: room.withdraw(turn, 9))


def consent_again(world: World) -> None:
    """The customer agrees again, which opens the room."""
    given = Given(Terms(ground().notice.hash, "de", Mode.CONSENT, 0b11), world.now_ms, 10)
    do(world, "phone", lambda room, turn: room.give(turn, given, reopens=True))


def phase_of(world: World, name: str) -> Phase | None:
    """The phase of the room for a device."""
    room = world.devices[name].room
    assert room is not None
    return room.states.condition().phase


def test_a_withdrawal_that_only_a_colleague_brings_erases() -> None:
    """CNS-45, TRN-17: a relay that keeps it from one device gains nothing: its signature is enough."""
    world, said = staffed()
    world.blocked.add(("phone", "agent"))
    withdraw(world)
    world.run(27 * HOUR_MS)
    assert phase_of(world, "agent") is Phase.WITHDRAWN
    assert not has_body(world, "desk", said)
    assert not has_body(world, "agent", said)


def test_a_withdrawal_that_comes_after_the_next_consent_erases() -> None:
    """CNS-45: it was lost on its way, and comes when the customer has agreed again."""
    world, said = staffed()
    world.blocked.add(("phone", "agent"))
    withdraw(world)
    world.blocked.clear()
    consent_again(world)
    world.run(3 * MINUTE_MS)
    later = say(world, "phone", "Guten Tag wieder")
    world.run(30 * HOUR_MS)
    assert phase_of(world, "agent") is Phase.OPEN
    assert not has_body(world, "desk", said)
    assert not has_body(world, "agent", said)
    assert has_body(world, "desk", later)
    assert has_body(world, "agent", later)


def test_a_withdrawal_that_was_hearsay_is_carried_out_once() -> None:
    """CNS-45: its line comes later, after the room was used again, and takes nothing of that."""
    world, said = staffed()
    world.blocked.add(("phone", "agent"))
    withdraw(world)
    world.run(27 * HOUR_MS)
    consent_again(world)
    world.run(HOUR_MS)
    later = say(world, "phone", "Guten Tag wieder")
    world.blocked.clear()
    world.run(2 * DAY_MS)
    agent = world.devices["agent"].room
    assert agent is not None
    assert not has_body(world, "agent", said)
    assert has_body(world, "agent", later)
    assert agent.live.orders == ()


def withdrawal_of(world: World) -> Withdrawal:
    """The withdrawal that the customer has signed."""
    phone = world.devices["phone"].room
    assert phone is not None
    turn = Turn(world.now_ms)
    entries = [phone.log.entry(turn, one) for one in phone.log.all_of(turn)]
    payload = next(read_payload(one) for one in entries if one.header.kind == Kind.WITHDRAW)
    assert isinstance(payload, Withdrawal)
    return payload


def forged(world: World, n: int) -> Entry:
    """The customer's withdrawal in a line of another number and time."""
    header = make_header(world.room_id, int(Kind.WITHDRAW), n, world.now_ms)
    payload = encode_payload(withdrawal_of(world))
    return write_entry(ground().author("phone"), header, payload, bytes([n % 256]) * BLIND_B, None)


def give(world: World, by: str, to: str, entry: Entry) -> None:
    """Let a device give a line to another one."""
    lines = OfRooms(ContentType.FORWARD, encode_forward(world.room_id, [entry]))
    content = Content(ContentId(entry.hash[:16]), world.now_ms, lines)
    do(world, to, lambda room, turn: room.take(turn, ground().author(by), content))


def test_a_colleague_who_gives_an_old_withdrawal_a_new_place_erases_nothing() -> None:
    """CNS-45: a consent stands before it, and what was said since stays."""
    world, said = staffed()
    withdraw(world)
    world.run(27 * HOUR_MS)
    consent_again(world)
    world.run(HOUR_MS)
    later, answer = say(world, "phone", "Guten Tag wieder"), say(world, "desk", "Guten Tag")
    world.run(HOUR_MS)
    desk = world.devices["desk"].room
    assert desk is not None
    for n in range(900, 980):
        give(world, "agent", "desk", forged(world, n))
    assert desk.live.orders == ()
    world.run(27 * HOUR_MS)
    assert phase_of(world, "desk") is Phase.OPEN
    assert not has_body(world, "desk", said)
    assert has_body(world, "desk", later)
    assert has_body(world, "desk", answer)


def test_a_colleague_who_repeats_a_withdrawal_makes_no_orders_without_end() -> None:
    """ROOM-29, ROOM-45: as many as an application may give, and one erasure for each."""
    world, _ = staffed()
    withdraw(world)
    world.run(1_000)
    desk = world.devices["desk"].room
    assert desk is not None
    for n in range(900, 980):
        give(world, "agent", "desk", forged(world, n))
    assert len(desk.live.orders) == MAX_ORDERS
    asked = [one.by for one in desk.live.erasures]
    assert len(asked) == len(set(asked))


def test_a_customer_that_floods_a_room_with_withdrawals_of_an_old_number_is_stopped() -> None:
    """ROOM-29: none of them counts, and each is an act that wants an answer."""
    world = opened("desk")
    consent_again(world)
    world.run(MINUTE_MS)
    world.blocked.add(("desk", "phone"))
    desk = world.devices["desk"].room
    assert desk is not None
    desk.live.retry_ms = world.now_ms + 90 * MINUTE_MS
    for _ in range(MAX_UNANSWERED + 3):
        do(world, "phone", lambda room, turn: room.withdraw(turn, 3))
        world.run(1_000)
    assert not desk.live.consent.is_withdrawn
    assert len(desk.states.condition().unanswered) == MAX_UNANSWERED
    assert len(desk.live.orders) <= MAX_UNANSWERED
    assert ("desk", "room.too_many") in world.refused
