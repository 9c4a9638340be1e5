"""What outlives a desk's or an agent's program: who waits, events and mail that are due; and one greeting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest
from conversations import until, until_read
from desk_runs import HOOK, MAIL, PAGE, Receiver, ahead, running, second_desk, settled, until_later, waiting
from e2ee_client.rooms import Agent, Desk, Room, Service, attending, mailing, webhooks
from e2ee_client.rooms.desk_rows import DeskRows, StoredQueue
from e2ee_client.rooms.errors import WebhookFailed
from e2ee_client.rooms.mail import MailServer
from e2ee_client.rooms.webhooks import RoomEvent, Webhook, Webhooks
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice

from e2ee.rooms.state import Phase

KEY = b"k" * 32


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network whose time the tests move: at twenty times the speed a desk's turn comes within 3 seconds."""
    made = MemoryNetwork(clock=FakeClock(speed=1))
    yield made
    made.relay.close()


def ids(receiver: Receiver, kind: str) -> set[str]:
    """The ids of the events of a kind that were taken."""
    return {one["id"] for one in receiver.bodies if one["kind"] == kind}


async def texts(room: Room) -> list[str | None]:
    return [one.text for one in await room.texts()]


async def test_of_two_desks_one_greets(praxis: Practice) -> None:
    """ROOM-39: the first of the roster; the other one looks, in its turn, whether somebody has."""
    desks = [praxis.company, await second_desk(praxis)]
    await until(lambda: all(len(one.team()) == 2 for one in desks))
    first, second = sorted(desks, key=lambda one: one.me().device_id)
    service = Service(greeting="Willkommen")
    async with running(first, service), running(second, service):
        room = await praxis.opened(await praxis.customer())
        await until(lambda: any(one.room_id == room.room_id for one in second.rooms()))
        await until_read(lambda: texts(second.room(room.room_id)), ["Willkommen"])
        at_second = second._attending
        assert at_second is not None
        await until(lambda: at_second._greetings.has(room.room_id))
        ahead(praxis).advance(120_000)
        await until(lambda: not at_second._greetings.has(room.room_id))
        await at_second.lanes.done()
        assert await texts(second.room(room.room_id)) == ["Willkommen"]
        await until_read(lambda: texts(room), ["Willkommen"])


async def test_a_room_is_greeted_once_however_much_its_customer_writes_after_it(praxis: Practice) -> None:
    """ROOM-39: also when the desk begins to run again, and finds it unread."""
    desk, service = praxis.company, Service(greeting="Willkommen")
    async with running(desk, service):
        room = await praxis.opened(await praxis.customer())
        await until_read(lambda: texts(room), ["Willkommen"])
    for _ in range(55):
        await room.send("Hallo?")
    await until(lambda: desk.room(room.room_id).unread == 55)
    async with running(desk, service):
        await settled(praxis, desk)
    everything = await desk.room(room.room_id).texts(limit=500)
    assert [one.text for one in everything].count("Willkommen") == 1


async def test_the_next_desk_greets_where_the_first_does_not(praxis: Practice) -> None:
    """ROOM-39."""
    desks = [praxis.company, await second_desk(praxis)]
    await until(lambda: all(len(one.team()) == 2 for one in desks))
    _, second = sorted(desks, key=lambda one: one.me().device_id)
    async with running(second, Service(greeting="Willkommen")):
        room = await praxis.opened(await praxis.customer())
        at_second = second._attending
        assert at_second is not None
        await until(lambda: at_second._greetings.has(room.room_id))
        assert await texts(room) == []
        ahead(praxis).advance(120_000)
        await until_read(lambda: texts(room), ["Willkommen"])


async def test_a_desk_that_joins_later_greets_nobody_in_rooms_that_it_is_given(praxis: Practice) -> None:
    """ROOM-39, ROOM-81: it has nothing of what was said there before."""
    desk, room = praxis.company, await praxis.opened(await praxis.customer())
    await until(lambda: any(one.room_id == room.room_id for one in desk.rooms()))
    await desk.room(room.room_id).send("Guten Tag")
    await until_read(lambda: texts(room), ["Guten Tag"])
    second, told = await second_desk(praxis), list[bytes]()

    @second.on_opened
    async def note_down(opened: Room) -> None:
        told.append(opened.room_id)

    # A device gives rooms when all that waited for it has been here for a minute (ROOM-82).
    await until_later(praxis, lambda: any(one.room_id == room.room_id for one in second.rooms()))
    async with running(second, Service(greeting="Willkommen")):
        at_second = second._attending
        assert at_second is not None
        await at_second.lanes.done()
        ahead(praxis).advance(120_000)
        await until(lambda: not at_second._greetings.has(room.room_id))
        await at_second.lanes.done()
    assert told == []
    assert await texts(room) == ["Guten Tag"]


async def test_who_waits_is_known_to_an_agent_that_was_started_again(
    praxis: Practice, tmp_path: Path
) -> None:
    """ROOM-40: offline, so that no steward has said it again; at the desk as well as at an agent."""
    invite = await praxis.company.invite("Agent A")
    runtime, path = praxis.network.runtime(), tmp_path / "agent"
    async with Agent.join(path, invite, key=KEY, runtime=runtime) as agent:
        await agent.wait_ready(60)
        await agent.wait_settled(60)
        room = await praxis.opened(await praxis.customer())
        await anext(agent.waiting())
    async with Agent.open(path, key=KEY, runtime=runtime, online=False) as agent:
        assert agent.room(room.room_id).waits_for == "*"
        found = await anext(agent.waiting())
        assert (found.room_id, found.waits_for) == (room.room_id, "*")
    async with Agent.open(path, key=KEY, runtime=runtime) as agent:
        at_agent = agent.room(room.room_id)
        await at_agent.claim(600)
        await until(lambda: at_agent.waits_for is None)
    async with Agent.open(path, key=KEY, runtime=runtime, online=False) as agent:
        assert agent.room(room.room_id).waits_for is None


async def test_events_that_no_receiver_has_taken_are_sent_after_a_restart(praxis: Practice) -> None:
    """CNS-43: under the same id; what says what was written goes with the consent."""
    rows = DeskRows(praxis.company.client.shell)
    clock, rng = praxis.network.clock, praxis.company.client.runtime.rng
    taken: list[bytes] = []

    async def fail(hook: Webhook, body: bytes, now_ms: int) -> None:
        raise WebhookFailed("not now")

    async def take(hook: Webhook, body: bytes, now_ms: int) -> None:
        taken.append(body)

    before = Webhooks(HOOK, clock, rng, StoredQueue(rows), fail)
    written, other = (RoomEvent("entry.text", bytes([at]) * 16, 1, bytes([at]) * 32) for at in (1, 2))
    for event in (written, written, other):
        await before.add(event)
    await before.add(RoomEvent("room.ended", written.room, 1))
    await before.send_due()
    queue = StoredQueue(rows)
    await queue.load()
    assert sorted(one.failures for one in queue.rows()) == [1, 1, 1]

    async def says(content_of: bytes) -> str | None:
        return None if content_of == bytes([2]) * 48 else "Mein Befund"

    after = Webhooks(HOOK, clock, rng, queue, take, says)
    ahead(praxis).advance(60_000)
    await after.send_due()
    assert len(taken) == 3
    assert sum(b"Mein Befund" in one for one in taken) == 1
    again = StoredQueue(rows)
    await again.load()
    assert list(again.rows()) == []


async def test_a_desk_that_runs_sends_what_was_due_before(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-43: an event that failed, and a mail that was timed when the desk was stopped."""
    taken: list[str] = []
    is_up = False

    async def post(hook: Webhook, body: bytes, now_ms: int) -> None:
        if not is_up:
            raise WebhookFailed("not now")
        taken.append(body.decode())

    sent: list[EmailMessage] = []

    async def send(server: MailServer, message: EmailMessage) -> None:
        sent.append(message)

    monkeypatch.setattr(mailing, "send_mail", send)
    monkeypatch.setattr(attending, "Webhooks", partial(webhooks.Webhooks, send=post))
    service = Service(webhook=HOOK, mail=MAIL, page=PAGE, mail_after_s=3_600)
    company, me = praxis.company, await praxis.customer()
    async with running(company, service):
        notice = await me.notice()
        room = await me.accept(notice, purposes=[one.number for one in notice.purposes])
        await room.reach("kundin@mail.example")
        await until(lambda: len(sent) == 1)
        token = str(sent[0].get_content()).partition("#confirm=")[2].split()[0]
        assert await company.confirm_address(token)
        await room.send("Guten Tag")
        await until(lambda: company.room(room.room_id).unread == 1)
        await me.client.close()
        await company.room(room.room_id).send("Ihr Befund ist da")
        at = company._attending
        assert at is not None
        mails = at._mailing
        assert mails is not None
        await until(lambda: mails.waits(room.room_id))
        await at.lanes.done()
    is_up = True
    ahead(praxis).advance(2 * 3_600_000)
    async with running(company, service):
        await until(lambda: len(sent) == 2)
        await until(lambda: any("Guten Tag" in one for one in taken))
        await settled(praxis, company)
        assert len({json.loads(one)["id"] for one in taken if "Guten Tag" in one}) == 1
    async with running(company, service):
        at = company._attending
        assert at is not None
        assert at._mailing is not None
        await settled(praxis, company)
        assert not at._mailing.waits(room.room_id)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """What the desks of a test send their events to."""
    made = Receiver()
    monkeypatch.setattr(attending, "Webhooks", partial(webhooks.Webhooks, send=made))
    return made


async def test_what_went_while_the_desk_did_not_run_is_not_sent(praxis: Practice, receiver: Receiver) -> None:
    """CNS-43: of a room that was withdrawn, and of an entry that was erased; what is left is sent."""
    service, company = Service(webhook=HOOK), praxis.company
    rooms = [await praxis.opened(await praxis.customer()) for _ in range(2)]
    async with running(company, service):
        sent = [await room.send(text) for room in rooms for text in ("Mein Befund", "Meine Frage")]
        await rooms[1].edit(sent[2], "Mein Laborbefund")
        await rooms[1].edit(sent[3], "Meine Fragen")
        await until(lambda: waiting(company) == 6)
    await rooms[0].withdraw()
    await rooms[1].erase([sent[2]])
    await until(lambda: company.room(rooms[0].room_id).phase is Phase.WITHDRAWN)
    await until_read(lambda: texts(company.room(rooms[1].room_id)), ["Meine Fragen"])
    receiver.is_up = True
    ahead(praxis).advance(2 * 3_600_000)
    async with running(company, service):
        # What is unread is offered again: under its id, where its event has left already.
        await until(lambda: len(ids(receiver, "entry.text")) == 4 and waiting(company) == 0)
    assert set(receiver.texts) == {"Meine Frage", "Meine Fragen"}


def phase(desk: Desk, room: Room) -> Phase | None:
    """The phase of a room at a desk, None before it is there."""
    view = desk.client.shell.machine.rooms.view(room.room_id)
    return None if view is None else view.phase


async def test_what_ended_while_the_desk_did_not_run_is_told_once(
    praxis: Practice, receiver: Receiver
) -> None:
    """CNS-70: withdrawn, also below the next consent, erased, or opened meanwhile; nothing written."""
    service, company = Service(webhook=HOOK), praxis.company
    customers = [await praxis.customer() for _ in range(5)]
    rooms = [await praxis.opened(one) for one in customers[:4]]
    await rooms[0].withdraw()
    await until(lambda: phase(company, rooms[0]) is Phase.WITHDRAWN)
    async with running(company, service):
        for room in rooms[1:]:
            await room.send("Mein Befund")
        await until(lambda: waiting(company) == 3)
    await rooms[1].withdraw()
    await rooms[2].withdraw()
    await until(lambda: all(phase(company, one) is Phase.WITHDRAWN for one in rooms[1:3]))
    await praxis.opened(customers[2])
    await until(lambda: phase(company, rooms[2]) is Phase.OPEN)
    await rooms[3].erase_all()
    rooms.append(await praxis.opened(customers[4]))
    await rooms[4].withdraw()
    await until(lambda: phase(company, rooms[4]) is Phase.WITHDRAWN)
    await until(lambda: phase(company, rooms[3]) is Phase.ERASED)
    receiver.is_up = True
    ahead(praxis).advance(2 * 3_600_000)
    async with running(company, service):
        await until(lambda: receiver.kinds.count("room.ended") == 4)
        await until(lambda: waiting(company) == 0)
        await settled(praxis, company)
    assert receiver.texts == []
    assert {one["room"] for one in receiver.bodies if one["kind"] == "room.ended"} == {
        room.room_id.hex() for room in rooms[1:]
    }
    async with running(company, service):
        await settled(praxis, company)
        await rooms[2].withdraw()
        await until(lambda: receiver.kinds.count("room.ended") == 5)
        await settled(praxis, company)
    async with running(company, service):
        await settled(praxis, company)
    assert receiver.kinds.count("room.ended") == 5
    assert len({one["id"] for one in receiver.bodies if one["kind"] == "room.ended"}) == 5


@pytest.mark.parametrize("is_whole", [True, False])
async def test_what_goes_while_a_handler_of_its_room_hangs_is_not_sent(
    praxis: Practice, receiver: Receiver, *, is_whole: bool
) -> None:
    """CNS-43: by the consent, and by the erasure of an entry."""
    service, company, goes_on = Service(webhook=HOOK), praxis.company, asyncio.Event()

    @company.on_message()
    async def hang(room: object, entry: object) -> None:
        await goes_on.wait()

    room = await praxis.opened(await praxis.customer())
    async with running(company, service):
        sent = await room.send("Mein Befund")
        await until(lambda: waiting(company) == 1)
        await (room.withdraw() if is_whole else room.erase([sent]))
        await until_read(lambda: texts(company.room(room.room_id)), [])
        receiver.is_up = True
        ahead(praxis).advance(2 * 3_600_000)
        await until(lambda: waiting(company) == 0)
        if is_whole:
            await until(lambda: "room.ended" in receiver.kinds)
        goes_on.set()
        assert company._attending is not None
        await company._attending.lanes.done()
        await until(lambda: "room.opened" in receiver.kinds)
    assert receiver.texts == []
