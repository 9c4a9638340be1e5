"""The web client's engine against a real relay and a real company in Python."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from conversations import until
from e2ee_client.rooms import Company
from e2ee_client.rooms.notices import EXAMPLE, Notice
from relay_process import RelayProcess
from web_person import WebPerson, web_person

pytestmark = pytest.mark.processes
ORIGIN = "https://praxis.example"


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    """A relay on this machine."""
    started = RelayProcess(tmp_path / "relay").start()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
async def company(relay: RelayProcess) -> AsyncIterator[Company]:
    """A practice whose notice is published."""
    async with Company.create(None, relay=relay.url, name="Praxis", origins=[ORIGIN]) as made:
        facts = {**EXAMPLE, "relay_url": relay.url}
        await made.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        await made.wait_ready(60)
        yield made


@pytest.fixture
async def person(web_libraries: None, company: Company, tmp_path: Path) -> AsyncIterator[WebPerson]:
    """A person who has accepted nothing yet."""
    door = tmp_path / "door"
    door.write_bytes(await company.door())
    async with web_person(door) as made:
        yield made


async def test_a_question_is_answered(company: Company, person: WebPerson) -> None:
    """CNS-18, ROOM-21: consent, first contact, a text each way."""
    shown = await person.do("notice")
    assert shown["stored"] == 0
    await person.do("accept")
    sent = await person.do("send", text="Guten Tag")
    assert await person.do("wait", entry=sent) == "delivered"
    await until(lambda: len(company.rooms()) == 1)
    theirs = company.rooms()[0]
    await until(lambda: theirs.unread == 1)
    assert [one.text for one in await theirs.texts()] == ["Guten Tag"]
    await theirs.claim(60)
    await theirs.send("Was fehlt Ihnen?")
    await person.wait_for(type="entry", kind=3, ours=False)
    texts = [one["text"] for one in await person.do("entries") if one["kind"] == 3]
    assert texts == ["Guten Tag", "Was fehlt Ihnen?"]
