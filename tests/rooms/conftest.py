"""A relay in memory and a practice on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage

import pytest
from e2ee_client.rooms import mailing
from e2ee_client.rooms.mail import MailServer
from e2ee_client.testing import FakeClock, MemoryNetwork
from practice import Practice, practice
from small_stock import small_stock

__all__ = ["small_stock"]


@pytest.fixture
def network() -> Iterator[MemoryNetwork]:
    """A network without faults, where time runs twenty times as fast."""
    made = MemoryNetwork(clock=FakeClock(speed=20))
    yield made
    made.relay.close()


@pytest.fixture
async def praxis(network: MemoryNetwork) -> AsyncIterator[Practice]:
    """A practice whose notice is published."""
    async with practice(network) as made:
        yield made


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[EmailMessage]:
    """The mails of the desks of a test."""
    mails: list[EmailMessage] = []

    async def send(server: MailServer, message: EmailMessage) -> None:
        mails.append(message)

    monkeypatch.setattr(mailing, "send_mail", send)
    return mails
