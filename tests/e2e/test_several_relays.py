"""Companies spread over three relays, which need not know of each other: each fails alone.

A card names its company's relay, and a customer makes the mailbox for a conversation there, so that one relay
carries both directions.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from itertools import product
from pathlib import Path

import pytest
from conversations import collect, meet
from e2ee_client import Client, Contact, MessageState
from forked_relay import ForkedRelay
from relay_process import RelayProcess

pytestmark = pytest.mark.processes
KEY = b"k" * 32
RELAYS = 3
LOST = 1
"""The relay that is killed."""


class Conversation:
    """A customer's and a company's end of one conversation."""

    def __init__(self, to_company: Contact, to_customer: Contact, relay: int) -> None:
        self.to_company = to_company
        self.to_customer = to_customer
        self.is_held_up = relay == LOST


@pytest.fixture
def relays(tmp_path: Path) -> Iterator[list[RelayProcess]]:
    """Three relays on one machine."""
    started: list[RelayProcess] = [ForkedRelay(tmp_path / f"relay-{place}") for place in range(RELAYS)]
    try:
        yield [relay.start() for relay in started]
    finally:
        for relay in started:
            relay.stop()


@pytest.fixture
async def parties(
    tmp_path: Path, relays: list[RelayProcess]
) -> AsyncIterator[tuple[list[Client], list[Client]]]:
    """A company and a customer on each relay."""
    async with AsyncExitStack() as stack:

        async def made(name: str, relay: RelayProcess, *, publish: bool = False) -> Client:
            path = tmp_path / f"{name}.db"
            client = Client.create(path, key=KEY, relay=relay.url, name=name, publish=publish)
            return await stack.enter_async_context(client)

        companies = [await made(f"company-{n}", relay, publish=True) for n, relay in enumerate(relays)]
        customers = [await made(f"customer-{n}", relay) for n, relay in enumerate(relays)]
        for company in companies:
            await company.wait_settled(60)
        yield companies, customers


def held(relay: RelayProcess) -> tuple[int, set[bytes]]:
    """How many mailboxes a relay has, and the accounts in its directory."""
    with closing(sqlite3.connect(f"file:{relay.data_dir}/relay.db?mode=ro", uri=True)) as database:
        (mailboxes,) = database.execute("SELECT count(*) FROM mailbox").fetchone()
        return mailboxes, {account for (account,) in database.execute("SELECT account_id FROM device_list")}


async def test_relays_that_do_not_know_of_each_other(
    relays: list[RelayProcess], parties: tuple[list[Client], list[Client]]
) -> None:
    """CON-06: everybody reaches everybody; a killed relay holds up only its own company."""
    companies, customers = parties
    conversations = [
        Conversation(*await meet(customer, company), relay)
        for customer, (relay, company) in product(customers, enumerate(companies))
    ]
    for relay, company in zip(relays, companies, strict=True):
        # The company's mailbox, and one of each customer for its conversation.
        assert held(relay) == (1 + RELAYS, {company.account_id})

    arrivals = [company.events() for company in companies]
    await asyncio.to_thread(relays[LOST].kill)
    sent = [
        (one, await one.to_company.send("to the company"), await one.to_customer.send("back"))
        for one in conversations
    ]
    for one, question, answer in sent:
        if not one.is_held_up:
            await question.wait_for(MessageState.DELIVERED, 60)
            await answer.wait_for(MessageState.DELIVERED, 60)
    waiting = {message.state for one, *both in sent if one.is_held_up for message in both}
    assert waiting == {MessageState.QUEUED}

    await asyncio.to_thread(relays[LOST].start)
    for _, question, answer in sent:
        await question.wait_for(MessageState.DELIVERED, 60)
        await answer.wait_for(MessageState.DELIVERED, 60)
    for events in arrivals:
        assert await collect(events, RELAYS, 60) == ["to the company"] * RELAYS
