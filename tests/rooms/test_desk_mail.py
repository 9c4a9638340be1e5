"""A desk tells by mail, without content, that something waits; addresses outlive it, but no consent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from email.message import EmailMessage

import pytest
from conversations import until, until_read
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.turn import Turn
from e2ee_client.rooms import Company, Customer, CustomerRoom, Service, mailing
from e2ee_client.rooms.addresses import Addresses, SharedAddress
from e2ee_client.rooms.mail import MailKind, MailServer
from e2ee_client.rooms.reach import DAY_MS
from practice import Practice

PAGE = "https://praxis.example/nachrichten"
SERVICE = Service(
    mail=MailServer("localhost", 25, "post@praxis.example", "Praxis", "none"), page=PAGE, mail_after_s=60
)
ADDRESS = "kundin@mail.example"
SECRET = "Ihr Befund ist da"


def stored(company: Company) -> Addresses:
    """Addresses as who has just begun reads them from the store."""
    return Addresses(company.client.shell, PAGE, company.client.runtime.rng)


def token_of(message: EmailMessage) -> str:
    """The token of the link in a mail."""
    return str(message.get_content()).partition("#confirm=")[2].split()[0]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[EmailMessage]:
    """What a desk hands over to its mail server."""
    found = list[EmailMessage]()

    async def send(server: MailServer, message: EmailMessage) -> None:
        found.append(message)

    monkeypatch.setattr(mailing, "send_mail", send)
    return found


@pytest.fixture
async def running(praxis: Practice) -> AsyncIterator[Company]:
    """A company that runs with mail."""
    task = asyncio.create_task(praxis.company.run(SERVICE))
    yield praxis.company
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def opened(me: Customer) -> CustomerRoom:
    """Accept all purposes, that of an address among them, and leave one."""
    notice = await me.notice()
    room = await me.accept(notice, purposes=[one.number for one in notice.purposes])
    await room.reach(ADDRESS)
    return room


async def test_a_confirmed_address_is_told_without_content(
    praxis: Practice, running: Company, sent: list[EmailMessage]
) -> None:
    """CNS-40."""
    me = await praxis.customer()
    room = await opened(me)
    await until(lambda: len(sent) == 1)
    token = token_of(sent[0])
    assert not await running.confirm_address("A" * len(token))
    assert await running.confirm_address(token)
    await me.client.close()
    await running.room(room.room_id).send(SECRET)
    await until(lambda: len(sent) == 2)
    assert sent[1]["To"] == ADDRESS
    assert SECRET not in sent[1].as_string()


async def test_an_address_is_in_the_store_until_the_consent_is_withdrawn(
    praxis: Practice, running: Company, sent: list[EmailMessage]
) -> None:
    """CNS-11."""
    room = await opened(await praxis.customer())
    await until(lambda: len(sent) == 1)
    assert await stored(running).confirm(token_of(sent[0]))
    await room.withdraw()

    async def confirms() -> bool:
        return await stored(running).confirm(token_of(sent[0])) is not None

    await until_read(confirms, False)


async def test_one_confirmation_of_several_rooms_counts_for_none_and_each_is_asked_again(
    praxis: Practice,
) -> None:
    """CNS-69: what was stored before; of one room it counts on, and the rows are stored anew."""
    company = praxis.company
    now_ms = company.client.runtime.clock.now_ms()
    shared = SharedAddress(b"1" * 32, ADDRESS, b"t" * 16, now_ms - 40 * DAY_MS, True, None, (b"r", b"s"))
    alone = SharedAddress(b"2" * 32, "one@mail.example", b"u" * 16, now_ms, True, None, (b"q",))

    def keep(turn: Turn, _: Rooms) -> None:
        for row in (shared, alone):
            turn.put(row.put())

    await company.client.shell.call(lambda engine, at_ms: engine.of_rooms(keep, at_ms))

    async def waiting(room: bytes) -> MailKind | None:
        order = await stored(company).waiting(room, 0b11, "de", is_open=True)
        return order.kind if order is not None else None

    assert await waiting(b"q") is MailKind.WAITING
    assert [await waiting(room) for room in (b"r", b"s", b"r")] == [MailKind.CONFIRM, MailKind.CONFIRM, None]
    assert await waiting(b"q") is None
