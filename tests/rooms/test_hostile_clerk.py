"""What people are shown whatever an agent in their room does."""

from __future__ import annotations

from conversations import until_read
from e2ee_client.cli.room_lines import what_happened
from e2ee_client.cli.texts import Texts
from e2ee_client.errors import UnknownEntry
from e2ee_client.rooms import CompanyRoom, CustomerRoom, Entry, Room
from practice import Practice

from e2ee.ids import DeviceId
from e2ee.rooms.payloads import Access, AccessKind


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
