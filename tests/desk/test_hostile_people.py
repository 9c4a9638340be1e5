"""What the desk's page says of rooms, whatever those in them write."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conversations import until, until_read
from desk_page import page_of, served
from e2ee_client.rooms import Entry
from practice import Practice


async def test_what_is_found_has_the_time_that_its_room_shows(
    praxis: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRN-49: its author states a time that no calendar has."""
    room = await praxis.opened(await praxis.customer())
    said = await room.send("Guten Tag")
    await until(lambda: bool(praxis.company.rooms()))
    at_desk = praxis.company.room(room.room_id)

    async def texts() -> list[str | None]:
        return [one.text for one in await at_desk.texts()]

    await until_read(texts, ["Guten Tag"])
    written_ms = (await at_desk.entry(said.hash)).written_ms
    monkeypatch.setattr(Entry, "sent_ms", property(lambda _: 2**53 - 1))
    async with served(praxis.company) as (at, _), page_of(at) as page:
        await page.ask("begin")
        found = await page.ask("search", words="guten", limit=5)
        assert [one["writtenMs"] for one in found["found"]] == [written_ms]


async def test_a_page_that_is_open_shows_what_is_marked_no_longer(praxis: Practice) -> None:
    """ROOM-17: at a desk that is not cleared, as soon as the customer has marked it."""
    agent = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    await (await anext(agent.waiting())).claim(600)
    said = await room.send("Ich habe Diabetes.")
    name, entry = room.room_id.hex(), said.hash.hex()
    async with served(agent) as (at, _), page_of(at) as page:
        await page.ask("begin")
        await page.say("watch", room=name)

        async def shown() -> list[str | None]:
            history = await page.ask("read", room=name, before=None, limit=50, notes=False)
            return [one["text"] for one in history["entries"] if one["id"] == entry]

        await until_read(shown, ["Ich habe Diabetes."])
        await room.mark_sensitive([said])
        rows: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not rows:
                rows = [one for one in (await page.until("entries"))["entries"] if one["id"] == entry]
        assert [(one["text"], one["isHidden"]) for one in rows] == [(None, True)]
