"""When a desk sends a mail, and what becomes of addresses that it does not ask or keep."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from functools import partial

import pytest
from conversations import until, until_read
from desk_runs import MAIL, PAGE, ahead, confirmed_by, running, second_desk, settled
from e2ee_client.client import Client
from e2ee_client.rooms import (
    CompanyRoom,
    Customer,
    CustomerRoom,
    Desk,
    EntryProgress,
    Room,
    Service,
    attending,
    mailing,
    reach,
)
from e2ee_client.rooms.attending import Attending
from e2ee_client.rooms.errors import MailUnavailable
from e2ee_client.rooms.mail import MailServer
from e2ee_client.rooms.mailing import AGAIN_MS, Mailing
from e2ee_client.rooms.notices import EXAMPLE, Notice
from e2ee_client.rooms.reach import DAY_MS, LINK_MS, AddressRow
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice

from e2ee.ids import DeviceId
from e2ee.rooms.kinds import Kind
from e2ee.rooms.state import Phase, Retention, RetentionClass

ADDRESS = "kundin@mail.example"
SERVICE = Service(mail=MAIL, page=PAGE, mail_after_s=3_600)
HOUR_MS = 3_600_000


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network whose time the tests move."""
    made = MemoryNetwork(clock=FakeClock(speed=1))
    yield made
    made.relay.close()


async def left(me: Customer, address: str | None = ADDRESS) -> CustomerRoom:
    """A room in which its customer leaves an address."""
    notice = await me.notice()
    room = await me.accept(notice, purposes=[one.number for one in notice.purposes])
    await room.reach(address)
    return room


async def confirmed(desk: Desk, me: Customer, sent: list[EmailMessage]) -> CustomerRoom:
    """A room whose customer has confirmed an address."""
    room = await left(me)
    await until(lambda: len(sent) == 1)
    assert await desk.confirm_address(token_in(sent[0]))
    return room


def token_in(mail: EmailMessage) -> str:
    """The token of the link in a mail."""
    return str(mail.get_content()).partition("#confirm=")[2].split()[0]


def parts(desk: Desk) -> tuple[Mailing, Attending]:
    """A desk that runs with mail."""
    mails, run = desk._mailing, desk._attending
    assert mails is not None
    assert run is not None
    return mails, run


def rows(desk: Desk) -> list[AddressRow]:
    """The addresses of a desk."""
    found = parts(desk)[0].addresses._reach
    return [] if found is None else list(found[0].rows())


async def entered(desk: Desk, room: Room) -> int:
    """How often a customer has entered an address or given it up, as a desk knows."""
    return sum(one.kind == Kind.REACH for one in await desk.room(room.room_id).history())


def users(desk: Desk) -> set[bytes]:
    """The rooms in which a desk uses an address."""
    return {one.room for row in rows(desk) for one in row.rooms if not one.is_ended}


async def said_of_addresses(at: Room) -> list[object]:
    """What the entries about an address in a room say."""
    return [one.payload for one in await at.history() if one.kind == Kind.REACH]


@pytest.mark.parametrize("gives_up", ["", "reach", "withdraw"])
async def test_an_address_is_asked_when_the_desk_knows_what_waited(
    praxis: Practice, sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, gives_up: str
) -> None:
    """CNS-71: not one that its customer has given up meanwhile; before, rooms had to be open, no more."""
    goes_on = asyncio.Event()

    async def wait(client: Client) -> None:
        await goes_on.wait()

    monkeypatch.setattr(attending, "wait_caught_up", wait)
    desk, me = await second_desk(praxis), await praxis.customer()
    async with running(desk, SERVICE):
        room = await left(me)
        await until(lambda: any(one.room_id == room.room_id for one in desk.rooms()))
        await until_read(lambda: entered(desk, room), 1)
        await asyncio.sleep(0.2)
        if gives_up == "reach":
            await room.reach(None)
            await until_read(lambda: entered(desk, room), 2)
        elif gives_up:
            await room.withdraw()
            await until(lambda: desk.room(room.room_id).phase is Phase.WITHDRAWN)
        assert sent == []
        await asyncio.sleep(0.2)
        goes_on.set()
        if not gives_up:
            await until(lambda: len(sent) == 1)
        await parts(desk)[1].lanes.done()
        assert len(sent) == (not gives_up)
        assert desk.failed == 0


async def test_a_mail_is_not_sent_of_what_was_read_while_the_mail_waited(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-71, CNS-78: it was due while other work of the room was not done."""
    desk, me, goes_on = await second_desk(praxis), await praxis.customer(), asyncio.Event()
    async with running(desk, SERVICE):
        room = await confirmed(desk, me, sent)
        device_id = DeviceId(me.client.devices()[0].device_id)
        await me.client.close()
        mails, run = parts(desk)
        at = desk.room(room.room_id)
        entry = await at.send("Ihr Befund ist da")
        await until(lambda: mails.waits(room.room_id))
        await run.lanes.done()

        async def hang() -> None:
            await goes_on.wait()

        run.lanes.add(b"mail" + room.room_id, hang)
        ahead(praxis).advance(2 * HOUR_MS)
        await until(lambda: not mails.waits(room.room_id))
        await at._do(lambda turn, rooms: confirmed_by(turn, rooms, room.room_id, entry.hash, device_id))
        goes_on.set()
        await run.lanes.done()
        assert (len(sent), desk.failed) == (1, 0)


async def test_a_mail_is_sent_of_what_was_written_behind_a_text_that_is_offered_again(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-43: the desk has not marked the text as read; before, its next start took the mail back."""
    desk, me = await second_desk(praxis), await praxis.customer()
    async with running(desk, SERVICE):
        room = await confirmed(desk, me, sent)
        await room.send("Ist mein Befund da?")
        await until(lambda: desk.room(room.room_id).unread == 1)
        await me.client.close()
        await desk.room(room.room_id).send("Ja")
        await until(lambda: parts(desk)[0].waits(room.room_id))
        await parts(desk)[1].lanes.done()
    async with running(desk, SERVICE):
        await settled(praxis, desk)
        assert parts(desk)[0].waits(room.room_id)
        ahead(praxis).advance(2 * HOUR_MS)
        await until(lambda: len(sent) == 2)
        await settled(praxis, desk)
        assert not parts(desk)[0].waits(room.room_id)


async def test_an_address_that_is_not_confirmed_goes_within_a_day_of_its_link(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-69: before, where somebody entered another one."""
    desk, me = await second_desk(praxis), await praxis.customer()
    async with running(desk, SERVICE):
        await left(me)
        await until(lambda: len(sent) == 1)
        assert [row.address for row in rows(desk)] == [ADDRESS]
        ahead(praxis).advance(LINK_MS + DAY_MS)
        await until(lambda: [row.address for row in rows(desk)] == [None])
        assert desk.failed == 0


@pytest.mark.parametrize("bound", ["MAX_ROOMS", "MAX_ADDRESSES"])
async def test_an_address_that_a_desk_cannot_keep_is_told(
    praxis: Practice,
    sent: list[EmailMessage],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    bound: str,
) -> None:
    """CNS-76: by the name of the error, without the address."""
    monkeypatch.setattr(reach, bound, 0)
    desk, me = await second_desk(praxis), await praxis.customer()
    async with running(desk, SERVICE):
        await left(me)
        await until(lambda: desk.failed == 1)
        assert (sent, rows(desk)) == ([], [])
    assert "desk.failed AddressNotKept" in caplog.text
    assert ADDRESS not in caplog.text


async def two_rooms(
    praxis: Practice, desk: Desk, sent: list[EmailMessage]
) -> tuple[CustomerRoom, CustomerRoom]:
    """Two rooms whose customers have confirmed one address; nobody reads in the second."""
    me, other = await praxis.customer(), await praxis.customer()
    first = await confirmed(desk, me, sent)
    sent.clear()
    second = await confirmed(desk, other, sent)
    sent.clear()
    await other.client.close()
    return first, second


async def is_told(praxis: Practice, desk: Desk, room: Room, sent: list[EmailMessage]) -> bool:
    """Whether the customer of a room is told of a text."""
    before, mails = len(sent), parts(desk)[0]
    await desk.room(room.room_id).send("Ihr Befund ist da")
    await until(lambda: mails.waits(room.room_id))
    ahead(praxis).advance(2 * HOUR_MS)
    await settled(praxis, desk)
    assert not mails.waits(room.room_id)
    return len(sent) > before


async def without_address(praxis: Practice, desk: Desk, room: Room) -> None:
    """Let time pass until a desk has the address no more that stands in a room."""
    for _ in range(100):
        found = [one for one in await desk.room(room.room_id).history() if one.kind == Kind.REACH]
        if found and all(one.payload is None for one in found):
            break
        ahead(praxis).advance(HOUR_MS // 2)
        await settled(praxis, desk)
    else:
        pytest.fail("the entry stays")
    await settled(praxis, desk)


async def keeping_for_a_day(praxis: Practice, kind: RetentionClass) -> Desk:
    """A second desk in a practice whose rooms are kept by a class for a day."""
    facts = {**EXAMPLE, "relay_url": praxis.company.client.card().relay_url}
    notice = Notice.draft("health", "consent", facts, is_reviewed=True)
    fields = notice.fields._replace(retention=[(int(one), 90 * 86_400) for one in RetentionClass])
    await praxis.company.publish(replace(notice, fields=fields))
    await praxis.company.wait_ready(60)
    await praxis.publish_door()
    desk = await second_desk(praxis)
    for one in (desk, praxis.company):
        await one.set_policy(replace(one.policy, retention=Retention(kind, 86_400)))
    return desk


async def test_a_timer_of_a_closed_room_ends_its_address_for_that_room_alone(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-77: before, it ended a confirmed address for all rooms, and nobody was told."""
    desk = await keeping_for_a_day(praxis, RetentionClass.DEFAULT)
    async with running(desk, SERVICE):
        first, second = await two_rooms(praxis, desk, sent)
        await desk.room(first.room_id).close("done")
        ahead(praxis).advance(24 * HOUR_MS)
        await without_address(praxis, desk, first)
        await until(lambda: users(desk) == {second.room_id})
        assert await is_told(praxis, desk, second, sent)
        assert desk.failed == 0


async def test_an_address_stays_in_use_that_a_timer_destroys_in_an_open_room(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-77: until its customer erases it."""
    desk = await keeping_for_a_day(praxis, RetentionClass.EPHEMERAL)
    async with running(desk, SERVICE):
        first, second = await two_rooms(praxis, desk, sent)
        ahead(praxis).advance(24 * HOUR_MS)
        await without_address(praxis, desk, second)
        assert {one.room for row in rows(desk) for one in row.rooms} == {first.room_id, second.room_id}
        assert await is_told(praxis, desk, second, sent)
        await first.erase([one for one in await first.history() if one.kind == Kind.REACH])
        await until(lambda: [row.address for row in rows(desk)] == [None])
        assert desk.failed == 0


async def test_an_address_that_a_timer_has_destroyed_outlives_a_freeze_and_ends_with_a_closing(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-77: a desk that is started while its room is frozen has it still."""
    desk = await keeping_for_a_day(praxis, RetentionClass.EPHEMERAL)
    async with running(desk, SERVICE):
        first, second = await two_rooms(praxis, desk, sent)
        ahead(praxis).advance(24 * HOUR_MS)
        for one in (first, second):
            await without_address(praxis, desk, one)
        await first.freeze()
        await until(lambda: desk.room(first.room_id).phase is Phase.FROZEN)
    async with running(desk, SERVICE):
        await settled(praxis, desk)
        assert {one.room for row in rows(desk) for one in row.rooms} == {first.room_id, second.room_id}
        await desk.room(second.room_id).close("done")
        await until(lambda: users(desk) == {first.room_id})
        chief = praxis.company.room(first.room_id)
        await until(lambda: chief.phase is Phase.FROZEN)
        await chief.decide_objection("nein", close=True)
        await until(lambda: users(desk) == set())
        assert desk.failed == 0


async def test_what_is_given_up_and_destroyed_before_a_desk_has_seen_it_ends_the_address_for_all_rooms(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-69, CNS-77: a timer took the null while the desk ran without mail; before, others were told."""
    desk = await keeping_for_a_day(praxis, RetentionClass.PROOF)
    async with running(desk, SERVICE):
        first, _ = await two_rooms(praxis, desk, sent)
    await (await first.reach(None)).wait_for(EntryProgress.DELIVERED, 60)
    at = desk.room(first.room_id)
    await at.close("done")
    await until_read(lambda: said_of_addresses(at), [None, None])
    async with running(desk, SERVICE):
        await until(lambda: [row.address for row in rows(desk)] == [None])
        assert desk.failed == 0


async def test_what_is_given_up_where_a_timer_had_ended_it_ends_the_address_for_all_rooms(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-69, CNS-77: in a closed room a null passes; before, it found nothing there."""
    desk = await keeping_for_a_day(praxis, RetentionClass.PROOF)
    async with running(desk, SERVICE):
        first, second = await two_rooms(praxis, desk, sent)
        at = desk.room(first.room_id)
        await at.close("done")
        await until_read(lambda: said_of_addresses(at), [None])
        await until(lambda: users(desk) == {second.room_id})
        assert await is_told(praxis, desk, second, sent)
        await first.reach(None)
        await until(lambda: [row.address for row in rows(desk)] == [None])
        assert desk.failed == 0


async def test_nobody_is_told_at_the_start_before_all_rooms_were_looked_at(
    praxis: Practice, sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-77: a third room waits for the mail server; before, the mail that was due left beside it."""
    goes_on, usual = asyncio.Event(), vars(mailing)["send_mail"]

    async def send(server: MailServer, message: EmailMessage) -> None:
        if message["To"] != ADDRESS:
            await goes_on.wait()
        await usual(server, message)

    desk, third = await second_desk(praxis), await left(await praxis.customer(), None)
    async with running(desk, SERVICE):
        await until(lambda: any(one.room_id == third.room_id for one in desk.rooms()))
        gives, due = await two_rooms(praxis, desk, sent)
        ahead(praxis).advance(2 * HOUR_MS)
        await settled(praxis, desk)
        await desk.room(due.room_id).send("Ihr Befund ist da")
        await until(lambda: parts(desk)[0].waits(due.room_id))
        await settled(praxis, desk)
        assert sent == []
    for room, address in ((third, "dritte@mail.example"), (gives, None)):
        await room.reach(address)
        await until_read(partial(entered, desk, room), 2)
    ahead(praxis).advance(2 * HOUR_MS)
    monkeypatch.setattr(mailing, "send_mail", send)
    async with running(desk, SERVICE):
        mails, run = parts(desk)
        await until(lambda: third.room_id in users(desk))
        await until(lambda: not mails.waits(due.room_id) and b"mail" + due.room_id not in run.lanes._waiting)
        goes_on.set()
        await until(lambda: "dritte@mail.example" in [one["To"] for one in sent])
        await settled(praxis, desk)
        assert [one["To"] for one in sent] == ["dritte@mail.example"]
        assert desk.failed == 0


async def test_a_text_that_is_written_while_its_room_is_looked_at_waits_as_long_as_any(
    praxis: Practice, sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-78: before, it was told at once."""
    is_written, usual = False, Mailing._waits_since

    async def waits_since(self: Mailing, room: CompanyRoom) -> int | None:
        nonlocal is_written
        if not is_written:
            is_written = True
            ahead(praxis).advance(1_000)
            await room.send("Ihr Befund ist da")
        return await usual(self, room)

    desk, me = await second_desk(praxis), await praxis.customer()
    monkeypatch.setattr(Mailing, "_waits_since", waits_since)
    async with running(desk, SERVICE):
        await confirmed(desk, me, sent)
        sent.clear()
        await me.client.close()
        ahead(praxis).advance(2 * HOUR_MS)
        await until(lambda: is_written)
        await settled(praxis, desk)
        assert sent == []
        ahead(praxis).advance(HOUR_MS)
        await until(lambda: len(sent) == 1)


async def test_who_enters_one_address_after_another_has_a_server_that_takes_nothing_tried_no_sooner(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-78: before, at once for each of them; then the newest one is asked."""
    tried = list[str]()

    async def send(server: MailServer, message: EmailMessage) -> None:
        tried.append(message["To"])
        raise MailUnavailable("450 try later")

    monkeypatch.setattr(mailing, "send_mail", send)
    desk, me = await second_desk(praxis), await praxis.customer()
    async with running(desk, SERVICE):
        room = await left(me)
        await until(lambda: tried == [ADDRESS])
        for number in range(4):
            await room.reach(f"{number}@mail.example")
        await until_read(lambda: entered(desk, room), 5)
        await settled(praxis, desk)
        ahead(praxis).advance(AGAIN_MS)
        await until(lambda: len(tried) > 1)
        await settled(praxis, desk)
        assert tried == [ADDRESS, "3@mail.example"]


async def days(praxis: Practice, desk: Desk, count: int) -> None:
    """Let days pass, as a desk sees them."""
    for _ in range(count):
        ahead(praxis).advance(DAY_MS)
        await settled(praxis, desk)


async def written(praxis: Practice, desk: Desk, room: Room) -> None:
    """Write a text, and let time pass until it is due."""
    await desk.room(room.room_id).send("Ihr Befund ist da")
    await until(lambda: parts(desk)[0].waits(room.room_id))
    ahead(praxis).advance(2 * HOUR_MS)
    await settled(praxis, desk)


async def test_a_text_is_told_of_when_its_address_confirms_after_it_was_due(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-78: before, never; who has confirmed has time to read it."""
    desk, me = await second_desk(praxis), await praxis.customer()
    async with running(desk, SERVICE):
        room = await left(me)
        await until(lambda: len(sent) == 1)
        await me.client.close()
        await written(praxis, desk, room)
        assert await desk.confirm_address(token_in(sent[0]))
        await settled(praxis, desk)
        assert len(sent) == 1
        ahead(praxis).advance(HOUR_MS)
        await until(lambda: len(sent) == 2)
        await days(praxis, desk, 3)
        assert (len(sent), desk.failed) == (2, 0)
        assert not parts(desk)[0].waits(room.room_id)


async def test_an_address_that_a_bound_held_back_is_asked_when_the_bound_allows_it(
    praxis: Practice, sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-73, CNS-78: before, not before the next text; what is not asked in time is looked at no more."""
    monkeypatch.setattr(reach, "ASKED_A_DAY", 0)
    desk, me, other = await second_desk(praxis), await praxis.customer(), await praxis.customer()
    async with running(desk, SERVICE):
        room, late = await left(me), await left(other, "andere@mail.example")
        await until(lambda: len(rows(desk)) == 2)
        for one in (me, other):
            await one.client.close()
        await written(praxis, desk, room)
        await days(praxis, desk, 3)
        assert sent == []
        monkeypatch.setattr(reach, "ASKED_A_DAY", 1)
        await days(praxis, desk, 1)
        assert len(sent) == 1
        monkeypatch.setattr(reach, "ASKED_A_DAY", 0)
        await written(praxis, desk, late)
        await days(praxis, desk, 62)
        assert not any(parts(desk)[0].waits(one.room_id) for one in (room, late))
        assert (len(sent), desk.failed) == (1, 0)


async def test_an_address_whose_server_takes_nothing_is_asked_less_and_less_often_and_not_for_ever(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-73, CNS-78: before, 96 times a day without an end."""
    tried = 0

    async def send(server: MailServer, message: EmailMessage) -> None:
        nonlocal tried
        tried += 1
        raise MailUnavailable("450 try later")

    monkeypatch.setattr(mailing, "send_mail", send)
    desk, me = await second_desk(praxis), await praxis.customer()
    async with running(desk, SERVICE):
        room = await left(me)
        await until(lambda: tried == 1)
        await me.client.close()
        for _ in range(48):
            ahead(praxis).advance(HOUR_MS // 2)
            await settled(praxis, desk)
        assert 6 <= tried <= 8
        await days(praxis, desk, 65)
        assert 10 < tried <= 70
        assert not parts(desk)[0].waits(room.room_id)
        assert [row.address for row in rows(desk)] == []
        assert desk.failed == tried
