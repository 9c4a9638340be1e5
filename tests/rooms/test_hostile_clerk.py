"""What people are shown whatever an agent in their room does."""

from __future__ import annotations

from dataclasses import replace

from conversations import until_read
from e2ee_client.cli.room_lines import what_happened
from e2ee_client.cli.texts import Texts
from e2ee_client.desk.alarms import Alarms
from e2ee_client.desk.asking import Asking
from e2ee_client.desk.local import LocalRows
from e2ee_client.desk.schema import About
from e2ee_client.desk.showing import entry_row
from e2ee_client.errors import UnknownEntry
from e2ee_client.rooms import CompanyRoom, CustomerRoom, Entry, Room
from e2ee_client.rooms.transcript_said import Told, told
from e2ee_client.rooms.transcript_words import WORDS
from practice import Practice

from e2ee.ids import DeviceId
from e2ee.rooms.entry import EntryHash
from e2ee.rooms.payloads import Access, AccessKind
from e2ee.rooms.signed_payloads import Notice
from e2ee.rooms.state import Phase, State


async def claimed(praxis: Practice) -> tuple[CustomerRoom, CompanyRoom]:
    """A customer's room at the customer and at an agent, who is in it and not cleared."""
    agent = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    theirs = await anext(agent.waiting())
    await theirs.claim(600)
    return room, theirs


async def arrived(room: Room, entry_hash: bytes) -> Entry:
    """An entry, as soon as it is here."""
    await until_read(lambda: is_here(room, entry_hash), wanted=True)
    return await room.entry(entry_hash)


async def is_here(room: Room, entry_hash: bytes) -> bool:
    """Whether an entry is here."""
    try:
        await room.entry(entry_hash)
    except UnknownEntry:
        return False
    return True


async def test_what_an_agent_logs_is_not_said_of_a_colleague(praxis: Practice) -> None:
    """TRN-54: it names the desk in a log of its own."""
    room, theirs = await claimed(praxis)
    written = await theirs.write(Access(AccessKind.EXPORT, DeviceId(praxis.company.me().device_id), 3, None))
    said = what_happened(await arrived(room, written.hash), room._client, Texts("de"))
    assert "Agent A" in said
    assert "Praxis" not in said


async def test_a_notice_that_an_agent_sends_is_not_said_to_apply(praxis: Practice) -> None:
    """TRN-56: it may be old, or the same."""
    room, theirs = await claimed(praxis)
    written = await theirs.write(Notice(b"of any time", "de", b"Hinweise"))
    entry = await arrived(room, written.hash)
    assert what_happened(entry, room._client, Texts("en")) == Texts("en").say("entry.other", name="Agent A")
    said = told(entry.kind, Notice(b"of any time", "de", b"Hinweise"), WORDS["en"], str, lambda _hash: None)
    assert said == Told("sent a notice.")


async def test_an_answer_shows_nothing_of_a_text_that_is_marked(praxis: Practice) -> None:
    """TRN-55, ROOM-17: who is not cleared keeps no quote of it; the customer does."""
    room, theirs = await claimed(praxis)
    said = await room.send("Ich habe Diabetes.")
    reply = await theirs.send("Seit wann?", reply_to=await arrived(theirs, said.hash))
    assert (await theirs.entry(reply.hash)).quote == "Ich habe Diabetes."
    await room.mark_sensitive([said])

    async def text() -> str | None:
        return (await theirs.entry(said.hash)).text

    await until_read(text, None)
    assert (await theirs.entry(reply.hash)).quote is None
    assert (await arrived(room, reply.hash)).quote == "Ich habe Diabetes."


async def test_what_an_agent_decides_like_a_steward_is_shown_as_nothing_that_holds(praxis: Practice) -> None:
    """ROOM-71: it closes the room, and sends a colleague away."""
    room, theirs = await claimed(praxis)
    head = next(one for one in reversed(await theirs.history()) if isinstance(one.payload, State))
    assert isinstance(head.payload, State)
    assert head.holds
    after = replace(head.payload, epoch=head.payload.epoch + 1, parent=EntryHash(head.hash), request=None)
    alone = replace(after, members=(), assigned=None, answers=())
    written = await theirs.write(replace(alone, phase=Phase.CLOSED, text="auf Wunsch"))
    at_desk = praxis.company.room(room.room_id)
    for one, client in ((room, room._client), (at_desk, praxis.company.client)):
        shown = await arrived(one, written.hash)
        assert isinstance(shown.payload, State)
        assert not shown.holds
        assert [it.holds for it in await one.history() if it.hash == written.hash] == [False]
        said = what_happened(shown, client, Texts("de"))
        assert "geschlossen" not in said
        assert "auf Wunsch" not in said
        assert one.phase is Phase.OPEN
    asking = Asking(praxis.company, LocalRows(praxis.company.client), Alarms(praxis.company))
    about = await asking.detail(About(1, room.room_id.hex()))
    assert about.state is not None
    assert about.state.phase == "open"
    assert entry_row(praxis.company, await at_desk.entry(written.hash)).state is None
    assert entry_row(praxis.company, await at_desk.entry(head.hash)).state is not None
