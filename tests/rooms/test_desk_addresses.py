"""Which address a desk has of a room: what the customer's own newest entry says, whatever happened since."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from conversations import until, until_read
from desk_runs import MAIL, PAGE, ahead, confirmed_by, running, settled
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import RoomsLocked
from e2ee_client.room_events import EntryState
from e2ee_client.rooms import (
    Company,
    CompanyRoom,
    Customer,
    CustomerRoom,
    Entry,
    EntryProgress,
    Service,
    mailing,
)
from e2ee_client.rooms.attending import Attending
from e2ee_client.rooms.errors import MailUnavailable
from e2ee_client.rooms.mail import MailServer
from e2ee_client.rooms.mailing import Mailing
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice

from e2ee.ids import DeviceId
from e2ee.rooms.entry import BLIND_B, Author, RoomId, make_header, write_entry
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Access, AccessKind, Reach, encode_payload

HOUR_MS = 3_600_000
SERVICE = Service(mail=MAIL, page=PAGE, mail_after_s=3_600)
ADDRESS = "kundin@mail.example"


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network whose time the tests move."""
    made = MemoryNetwork(clock=FakeClock(speed=1))
    yield made
    made.relay.close()


class Server:
    """A mail server that is up or away."""

    def __init__(self) -> None:
        self.is_up, self.may_have_left = True, False
        self.sent: list[EmailMessage] = []

    async def __call__(self, server: MailServer, message: EmailMessage) -> None:
        if not self.is_up:
            error = MailUnavailable("away")
            error.may_have_left = self.may_have_left
            raise error
        self.sent.append(message)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """The mail server of the desks of a test."""
    made = Server()
    monkeypatch.setattr(mailing, "send_mail", made)
    return made


@pytest.fixture
def sent(server: Server) -> list[EmailMessage]:
    """What a desk has handed over to its mail server."""
    return server.sent


async def opened(praxis: Practice, *, with_mail: bool = True) -> tuple[Customer, CustomerRoom]:
    me = await praxis.customer()
    notice = await me.notice()
    numbers = [one.number for one in notice.purposes if with_mail or one.is_required]
    return me, await me.accept(notice, purposes=numbers)


async def confirmed(praxis: Practice, sent: list[EmailMessage]) -> tuple[Customer, CustomerRoom]:
    """A room whose address has confirmed."""
    me, room = await opened(praxis)
    await room.reach(ADDRESS)
    await until(lambda: len(sent) == 1)
    token = str(sent[0].get_content()).partition("#confirm=")[2].split()[0]
    assert await praxis.company.confirm_address(token)
    return me, room


def addresses(company: Company) -> list[str]:
    """What a desk that runs with mail has."""
    assert company._mailing is not None
    book = company._mailing.addresses._reach
    return [] if book is None else [one.address for one in book[0].rows() if one.address is not None]


async def has(room: CompanyRoom, entry_hash: bytes) -> bool:
    return any(one.hash == entry_hash for one in await room.history())


async def written(company: Company, room_id: bytes) -> Entry:
    """Write a text, and wait until it is timed."""
    mails = company._mailing
    assert mails is not None
    entry = await company.room(room_id).send("Ihr Befund ist da")
    await until(lambda: mails.waits(room_id))
    return entry


async def is_told(praxis: Practice, sent: list[EmailMessage], room_id: bytes) -> bool:
    """Whether the customer is told of a text, which is the next thing that is due."""
    before = len(sent)
    await written(praxis.company, room_id)
    await settled(praxis, praxis.company)
    ahead(praxis).advance(2 * HOUR_MS)
    await settled(praxis, praxis.company)
    return len(sent) > before


async def test_what_is_given_up_while_an_agent_has_the_room_is_told_no_more(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """ROOM-15: and an address that is entered then is asked, though the desk is no member."""
    agent = await praxis.agent("Agent A")
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await until(lambda: any(one.room_id == room.room_id for one in agent.rooms()))
        at = agent.room(room.room_id)
        await at.claim(60)
        await room.reach("zweite@mail.example")
        await until(lambda: len(sent) == 2)
        assert sent[1]["To"] == "zweite@mail.example"
        await room.reach(ADDRESS)
        last, desk = await room.reach(None), praxis.company.room(room.room_id)
        await until_read(lambda: has(desk, last.hash), True)
        await settled(praxis, praxis.company)
        await at.leave()
        await until(lambda: not praxis.company.room(room.room_id).members)
        await me.client.close()
        assert not await is_told(praxis, sent, room.room_id)


async def test_a_confirmed_address_is_told(praxis: Practice, sent: list[EmailMessage]) -> None:
    """CNS-40: what the other tests here would see if they kept nothing away."""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await me.client.close()
        assert await is_told(praxis, sent, room.room_id)


async def test_an_address_that_was_erased_is_told_no_more(praxis: Practice, sent: list[EmailMessage]) -> None:
    """CNS-77"""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await room.erase([one for one in await room.history() if one.kind == Kind.REACH])
        await until(lambda: not addresses(praxis.company))
        await me.client.close()
        assert not await is_told(praxis, sent, room.room_id)


@pytest.mark.parametrize("how", ["reach", "erase"])
async def test_what_is_given_up_while_the_desk_does_not_run_with_mail_is_told_no_more(
    praxis: Practice, sent: list[EmailMessage], how: str
) -> None:
    """CNS-77: the desk is online, and is told of the entry once."""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
    if how == "reach":
        await (await room.reach(None)).wait_for(EntryProgress.DELIVERED, 60)
    else:
        entries = [one for one in await room.history() if one.kind == Kind.REACH]
        await (await room.erase(entries)).wait_for(EntryProgress.DELIVERED, 60)
    await me.client.close()
    async with running(praxis.company, SERVICE):
        assert not await is_told(praxis, sent, room.room_id)
        assert addresses(praxis.company) == []


async def test_an_address_that_was_entered_while_the_desk_does_not_run_is_asked_once(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-77"""
    async with running(praxis.company, SERVICE):
        _, room = await opened(praxis)
    await (await room.reach(ADDRESS)).wait_for(EntryProgress.DELIVERED, 60)
    for _ in range(2):
        async with running(praxis.company, SERVICE):
            await until(lambda: len(sent) == 1)
            await settled(praxis, praxis.company)
            ahead(praxis).advance(8 * 24 * HOUR_MS)
    assert len(sent) == 1


async def test_an_error_of_one_room_keeps_no_other_address_from_being_asked(
    praxis: Practice, sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNS-72, CNS-77: as where the desk is suspended meanwhile."""
    rooms, usual = [(await opened(praxis))[1] for _ in range(3)], Mailing.renew
    for room in rooms:
        await (await room.reach(f"{room.room_id.hex()}@mail.example")).wait_for(EntryProgress.DELIVERED, 60)
    first = praxis.company.rooms()[0].room_id

    async def renew(self: Mailing, room_id: bytes) -> None:
        if room_id == first:
            raise RoomsLocked("suspended")
        await usual(self, room_id)

    def not_told(self: Attending, room_id: bytes) -> None:
        pass

    monkeypatch.setattr(Mailing, "renew", renew)
    monkeypatch.setattr(Attending, "_look_for_address", not_told)
    async with running(praxis.company, SERVICE):
        await until(lambda: len(sent) == 2)
        await settled(praxis, praxis.company)
        assert (len(sent), praxis.company.failed) == (2, 1)


async def test_an_address_without_the_purpose_is_neither_kept_nor_asked(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-11"""
    async with running(praxis.company, SERVICE):
        _, room = await opened(praxis, with_mail=False)
        await (await room.reach(ADDRESS)).wait_for(EntryProgress.DELIVERED, 60)
        await settled(praxis, praxis.company)
        assert (sent, addresses(praxis.company)) == ([], [])


async def test_what_somebody_else_hands_over_as_the_customers_neither_enters_nor_gives_up(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-77, TRN-17, TRN-34: an agent that gives the room to the desk writes a line of the customer's."""
    agent, company = await praxis.agent("Agent A"), praxis.company
    async with running(company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await until(lambda: any(one.room_id == room.room_id for one in agent.rooms()))
        at, desk_id = agent.room(room.room_id), DeviceId(company.me().device_id)
        customer = me.client.devices()[0].device_id
        await at.claim(60)
        await room.send("hallo")
        await until(lambda: at.unread == 1)
        await me.client.close()

        def forge(turn: Turn, rooms: Rooms) -> bytes:
            engine = rooms.room(turn, RoomId(room.room_id))
            assert engine.live.customer is not None
            author = Author(engine.live.customer, DeviceId(customer))
            header = make_header(RoomId(room.room_id), int(Kind.REACH), 50, turn.now_ms)
            entry = write_entry(author, header, encode_payload(Reach(None)), bytes(BLIND_B), None)
            log = Access(AccessKind.HANDOVER, desk_id, 1, (entry.hash, entry.hash))
            engine.writing.write(turn, log)
            engine.forwarding.forward_all(turn, [entry], Author(engine.live.company, desk_id))
            engine.settle(turn)
            return entry.hash

        await at._do(lambda turn, rooms: rooms.acting.assign(turn, RoomId(room.room_id), desk_id))
        us = company.room(room.room_id)
        await until(lambda: us.assigned is not None and us.assigned.is_this)
        await until(lambda: at.assigned is not None and at.assigned.device_id == desk_id)
        forged = await at._do(forge)
        await until_read(lambda: has(us, forged), True)
        await settled(praxis, company)
        assert addresses(company) == [ADDRESS]
        assert await is_told(praxis, sent, room.room_id)


# --- what waits, and a mail server that is away ---


async def passes(praxis: Practice, hours: int) -> None:
    """Let time pass, as the desk sees it."""
    for _ in range(hours):
        ahead(praxis).advance(HOUR_MS)
        await settled(praxis, praxis.company)


async def test_a_mail_that_the_server_does_not_take_is_sent_when_it_does(
    praxis: Practice, sent: list[EmailMessage], server: Server
) -> None:
    """CNS-78: and is told once."""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await me.client.close()
        server.is_up = False
        assert not await is_told(praxis, sent, room.room_id)
        assert praxis.company.failed > 0
        server.is_up = True
        await passes(praxis, 2)
        assert len(sent) == 2
        await passes(praxis, 30)
        assert len(sent) == 2


async def test_a_mail_that_the_server_does_not_take_is_sent_after_a_restart(
    praxis: Practice, sent: list[EmailMessage], server: Server
) -> None:
    """CNS-78, CNS-43"""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await me.client.close()
        server.is_up = False
        assert not await is_told(praxis, sent, room.room_id)
    server.is_up = True
    async with running(praxis.company, SERVICE):
        await passes(praxis, 2)
        assert len(sent) == 2


async def test_a_question_that_the_server_does_not_take_is_asked_when_it_does(
    praxis: Practice, sent: list[EmailMessage], server: Server
) -> None:
    """CNS-78: however often that is tried; the link of the mail that leaves holds."""
    async with running(praxis.company, SERVICE):
        server.is_up = False
        _, room = await opened(praxis)
        await room.reach(ADDRESS)
        await until(lambda: praxis.company.failed == 1)
        await passes(praxis, 5)
        server.is_up = True
        await passes(praxis, 5)
        assert len(sent) == 1
        token = str(sent[0].get_content()).partition("#confirm=")[2].split()[0]
        assert await praxis.company.confirm_address(token)


async def test_a_mail_that_may_have_left_is_not_sent_again_before_a_day_is_over(
    praxis: Practice, sent: list[EmailMessage], server: Server
) -> None:
    """CNS-78, CNS-40: the server was lost while it took the mail."""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await me.client.close()
        server.is_up, server.may_have_left = False, True
        assert not await is_told(praxis, sent, room.room_id)
        server.is_up = True
        await passes(praxis, 20)
        assert len(sent) == 1
        await passes(praxis, 6)
        assert len(sent) == 2


async def test_a_second_text_of_a_day_is_told_when_the_day_is_over(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-78, CNS-40"""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await me.client.close()
        assert await is_told(praxis, sent, room.room_id)
        assert not await is_told(praxis, sent, room.room_id)
        await passes(praxis, 20)
        assert len(sent) == 2
        await passes(praxis, 5)
        assert len(sent) == 3


async def test_a_mail_that_a_clock_ahead_has_noted_as_sent_holds_the_next_back_for_a_day(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-78: the desk waits meanwhile, and does not look at it all the time."""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        await me.client.close()
        assert praxis.company._mailing is not None
        await praxis.company._mailing.addresses._step(
            lambda reach, turn, _: reach.waiting(
                room.room_id, 0b11, "de", turn.now_ms + 10 * HOUR_MS, is_open=True
            )
        )
        assert not await is_told(praxis, sent, room.room_id)
        await passes(praxis, 20)
        assert len(sent) == 1
        await passes(praxis, 15)
        assert len(sent) == 2


async def test_what_shows_an_older_text_or_a_colleague_ends_no_mail_and_what_the_customer_has_does(
    praxis: Practice, sent: list[EmailMessage]
) -> None:
    """CNS-78"""
    async with running(praxis.company, SERVICE):
        me, room = await confirmed(praxis, sent)
        desk, company = praxis.company.room(room.room_id), praxis.company
        first = await desk.send("Guten Tag")
        await first.wait_for(EntryProgress.DELIVERED, 60)
        await settled(praxis, company)
        await passes(praxis, 2)
        assert len(sent) == 1
        device_id = me.client.devices()[0].device_id
        await me.client.close()
        second = await written(company, room.room_id)
        await settled(praxis, company)
        assert company._attending is not None
        company._attending._take(EntryState(room.room_id, first.hash, EntryProgress.DELIVERED, device_id))
        colleague = DeviceId(company.me().device_id)
        await desk._do(lambda turn, rooms: confirmed_by(turn, rooms, room.room_id, second.hash, colleague))
        await passes(praxis, 2)
        assert len(sent) == 2
