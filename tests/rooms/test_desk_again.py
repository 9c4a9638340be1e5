"""Texts whose handler has failed: what others come meanwhile, and when they are handled again (CNS-80)."""

from __future__ import annotations

import pytest
from conversations import until
from desk_runs import ahead, running
from e2ee_client.rooms import CompanyRoom, Entry, Service
from e2ee_client.rooms import again as again_module
from e2ee_client.rooms.again import FIRST_MS, LONGEST_MS, Again
from e2ee_client.testing import FakeClock
from parties import NOW_MS
from practice import Practice

MINUTE_MS = 60_000


async def test_a_failed_handler_keeps_no_other_text_or_handler_from_its_turn(praxis: Practice) -> None:
    """CNS-80: of what was there before the desk ran, nothing behind the text came before the next start; a
    failed greeting kept all of it back.
    """
    company, handled, greeted = praxis.company, list[str](), list[str]()

    @company.on_opened
    async def fail(room: CompanyRoom) -> None:
        greeted.append("first")
        raise LookupError

    @company.on_opened
    async def greet(room: CompanyRoom) -> None:
        greeted.append("second")

    @company.on_message()
    async def answer(room: CompanyRoom, entry: Entry) -> None:
        handled.append(str(entry.text))
        if entry.text == "eins" and handled.count("eins") < 3:
            raise LookupError

    room = await praxis.opened(await praxis.customer())
    for text in ("eins", "zwei", "drei"):
        await room.send(text)
    await until(lambda: [one.unread for one in company.rooms()] == [3])
    async with running(company, Service()):
        await until(lambda: "drei" in handled)
        assert (greeted, handled[:3]) == (["first", "second"], ["eins", "zwei", "drei"])
        for times in (2, 3):
            ahead(praxis).advance(times * MINUTE_MS)
            await until(lambda times=times: handled.count("eins") == times)
        await until(lambda: company.room(room.room_id).unread == 0)
        assert (handled, company.failed) == (["eins", "zwei", "drei", "eins", "eins"], 3)


async def test_what_is_read_meanwhile_or_in_a_closed_room_is_not_handled_again(praxis: Practice) -> None:
    """CNS-80"""
    company, handled = praxis.company, list[str]()

    @company.on_message()
    async def fail(room: CompanyRoom, entry: Entry) -> None:
        handled.append(str(entry.text))
        raise LookupError

    async with running(company, Service()):
        read, closed = [await praxis.opened(await praxis.customer()) for _ in range(2)]
        await read.send("gelesen")
        await closed.send("geschlossen")
        await until(lambda: sorted(set(handled)) == ["gelesen", "geschlossen"])
        at_desk = company.room(read.room_id)
        await at_desk.mark_read(await at_desk.unread_entries())
        await company.room(closed.room_id).close()
        assert company._attending is not None
        again = company._attending._again
        before = list(handled)
        ahead(praxis).advance(2 * MINUTE_MS)
        await until(lambda: not again._failed)
        assert handled == before


async def test_a_handler_that_fails_behind_its_answer_answers_once(praxis: Practice) -> None:
    """CNS-80: at the first time, and when it is handled again."""
    company, tried = praxis.company, list[str]()

    @company.on_message()
    async def answer_and_fail(room: CompanyRoom, entry: Entry) -> None:
        tried.append(str(entry.text))
        if entry.text == "gleich" or tried.count("später") == 2:
            await room.send(f"Antwort: {entry.text}")
        raise LookupError

    room = await praxis.opened(await praxis.customer())
    async with running(company, Service()):
        for text in ("gleich", "später"):
            await room.send(text)
        assert company._attending is not None
        again = company._attending._again
        for times in (1, 2):
            await until(lambda times=times: tried.count("später") == times)
            await until(lambda times=times: company.failed == times + 1)
            ahead(praxis).advance(times * MINUTE_MS)
        await until(lambda: not again._failed)
        ahead(praxis).advance(10 * MINUTE_MS)
        assert tried == ["gleich", "später", "später"]
        said = [one.text for one in await company.room(room.room_id).texts() if one.is_ours]
        assert said == ["Antwort: gleich", "Antwort: später"]


async def test_a_room_is_due_after_a_minute_and_twice_as_late_each_time_up_to_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CNS-80"""

    async def ready() -> None:
        pass

    monkeypatch.setattr(again_module, "MAX_FAILED", 2)
    clock = FakeClock(NOW_MS)
    made = Again(clock, ready)
    for one in (b"1", b"2", b"2", b"3"):
        made.add(b"room", one)
    pauses = list[int]()
    for _ in range(8):
        pauses.append(made._timed._due[b"room"] - clock.now_ms())
        clock.advance(pauses[-1])
        assert await made.next() == b"room"
        assert made.begin(b"room") == (b"2", b"3")
        made.end(b"room", [b"2", b"3"])
    assert pauses == [*(FIRST_MS << at for at in range(6)), LONGEST_MS, LONGEST_MS]
    made.end(b"room", [])
    assert not made._timed.has(b"room")
    made.add(b"room", b"4")
    assert made._timed._due[b"room"] == clock.now_ms() + FIRST_MS
    assert made.begin(b"room") == (b"4",)
    assert made._timed.has(b"room"), "what is not ended is due again"
