"""A staffed room, withdrawals, and who brings them."""

from __future__ import annotations

from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from room_rooms import MINUTE_MS, change, dev, do, say
from room_world import World, ground

from e2ee.content import Content, ContentType, OfRooms
from e2ee.ids import ContentId
from e2ee.rooms.consent import Terms, sign_withdrawal
from e2ee.rooms.customer import Given
from e2ee.rooms.entry import BLIND_B, Entry, EntryHash, carrier, make_header, write_entry
from e2ee.rooms.forward import encode_forward
from e2ee.rooms.kinds import Kind
from e2ee.rooms.notice import Mode
from e2ee.rooms.payloads import encode_payload, read_payload
from e2ee.rooms.signed_payloads import Withdrawal
from e2ee.rooms.state import Phase

HOUR_MS = 60 * MINUTE_MS


def staffed(*others: str) -> tuple[World, EntryHash]:
    """A desk and an agent in a room, and what its customer said there; `others` are the customer's."""
    world = World(7, customer_lists=1 + len(others))
    world.add("phone", *others, "desk", "agent")
    world.open()
    world.run(3 * MINUTE_MS)
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


def consent_again(world: World, seq: int = 10) -> None:
    """The customer agrees again, which opens the room."""
    given = Given(Terms(ground().notice.hash, "de", Mode.CONSENT, 0b11), world.now_ms, seq)
    do(world, "phone", lambda room, turn: room.give(turn, given, reopens=True))


def phase_of(world: World, name: str) -> Phase | None:
    """The phase of the room for a device."""
    room = world.devices[name].room
    assert room is not None
    return room.states.condition().phase


def written(world: World, *kinds: Kind) -> list[Entry]:
    """What the phone has written of some kinds."""
    phone = world.devices["phone"].room
    assert phone is not None
    turn = Turn(world.now_ms)
    entries = [phone.log.entry(turn, one) for one in phone.log.all_of(turn)]
    return [one for one in entries if one.author == ground().author("phone") and one.header.kind in kinds]


def forged(world: World, n: int, ahead_ms: int = 0, kind: Kind = Kind.WITHDRAW) -> Entry:
    """What the phone has signed in a line of another number and time."""
    header = make_header(world.room_id, int(kind), n, world.now_ms + ahead_ms)
    payload = encode_payload(read_payload(written(world, kind)[0]))
    return write_entry(ground().author("phone"), header, payload, bytes([n % 256]) * BLIND_B, None)


def of_tablet(world: World, seq: int, n: int = 500, ahead_ms: int = 0) -> Entry:
    """A withdrawal of the customer's other device, which has heard nothing of this one."""
    phone = world.devices["phone"].room
    assert phone is not None
    assert phone.live.consent.receipt is not None
    key, receipt = ground().devices["tablet"].signing_key, phone.live.consent.receipt.hash
    payload = encode_payload(Withdrawal(sign_withdrawal(key, receipt, world.room_id, world.now_ms, seq)))
    header = make_header(world.room_id, int(Kind.WITHDRAW), n, world.now_ms + ahead_ms)
    return write_entry(ground().author("tablet"), header, payload, bytes([n % 256]) * BLIND_B, None)


def content_of(world: World, name: str, entry_hash: EntryHash) -> Content:
    """What a device sends of an entry."""
    room, turn = world.devices[name].room, Turn(world.now_ms)
    assert room is not None
    stored = room.log.find(turn, entry_hash)
    assert stored is not None
    return carrier(room.log.entry(turn, stored))


def send(world: World, by: str, to: str, entry: Entry) -> None:
    """Let an entry arrive in a session of its author."""
    do(world, to, lambda room, turn: room.take(turn, ground().author(by), carrier(entry)))


def give(world: World, by: str, to: str, entry: Entry) -> None:
    """Let a device give a line to another one."""
    lines = OfRooms(ContentType.FORWARD, encode_forward(world.room_id, [entry]))
    content = Content(ContentId(entry.hash[:16]), world.now_ms, lines)
    do(world, to, lambda room, turn: room.take(turn, ground().author(by), content))
