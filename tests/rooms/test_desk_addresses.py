"""Which address a desk has of a room: what the customer's own newest entry says, whatever happened since."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from conversations import until
from desk_runs import MAIL, PAGE, ahead, running
from e2ee_client.rooms import Company, Customer, CustomerRoom, Service, mailing
from e2ee_client.rooms.mail import MailServer
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice

HOUR_MS = 3_600_000
SERVICE = Service(mail=MAIL, page=PAGE, mail_after_s=3_600)
ADDRESS = "kundin@mail.example"


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network whose time the tests move."""
    made = MemoryNetwork(clock=FakeClock(speed=1))
    yield made
    made.relay.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[EmailMessage]:
    """What a desk hands over to its mail server."""
    found: list[EmailMessage] = []

    async def send(server: MailServer, message: EmailMessage) -> None:
        found.append(message)

    monkeypatch.setattr(mailing, "send_mail", send)
    return found


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


async def settled(company: Company) -> None:
    """Wait for what is done in rooms now."""
    assert company._attending is not None
    await asyncio.sleep(0.1)
    await company._attending.lanes.done()


async def is_told(praxis: Practice, sent: list[EmailMessage], room_id: bytes) -> bool:
    """Whether the customer is told of a text, which is the next thing that is due."""
    before = len(sent)
    await praxis.company.room(room_id).send("Ihr Befund ist da")
    await settled(praxis.company)
    ahead(praxis).advance(2 * HOUR_MS)
    await settled(praxis.company)
    await settled(praxis.company)
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
        await room.reach(None)
        await settled(praxis.company)
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
