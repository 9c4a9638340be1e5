"""Handlers that fail: what others come meanwhile (CNS-80)."""

from __future__ import annotations

from conversations import until
from desk_runs import running
from e2ee_client.rooms import CompanyRoom, Entry, Service
from practice import Practice


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
        if handled == ["eins"]:
            raise LookupError

    room = await praxis.opened(await praxis.customer())
    for text in ("eins", "zwei", "drei"):
        await room.send(text)
    await until(lambda: [one.unread for one in company.rooms()] == [3])
    async with running(company, Service()):
        await until(lambda: company.room(room.room_id).unread == 1)
        assert (greeted, handled) == (["first", "second"], ["eins", "zwei", "drei"])
        assert company.failed == 2
    async with running(company, Service()):
        await until(lambda: company.room(room.room_id).unread == 0)
        assert handled == ["eins", "zwei", "drei", "eins"]
