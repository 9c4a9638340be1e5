"""A file from before somebody took a room reaches who takes it (FIL-22)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conversations import next_of, until
from e2ee_client.engine.rooms.file_rows import FileIn, FileTicket
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import BlobRefused, FileExpired
from e2ee_client.rooms import (
    Agent,
    CompanyRoom,
    CustomerRoom,
    Entry,
    EntryProgress,
    FileDropped,
    FileFailed,
    FileHeld,
    HistoryHandedOver,
)
from e2ee_client.runtime import file_sending
from e2ee_client.runtime.file_fetching import FileFetching
from e2ee_client.runtime.transfer import ReadPart, Transfer, Upload
from file_scene import TEXT, file, files_of, the_file
from practice import Practice, until_assigned

from e2ee.rooms.payloads import File

HANDED = 64


def blobs(praxis: Practice) -> list[object]:
    """What the relay holds."""
    return praxis.network.relay._file.connection.execute("SELECT key FROM blob").fetchall()


def file_of(entry: Entry) -> File:
    """The file that an entry announces."""
    assert isinstance(entry.payload, File)
    return entry.payload


async def taken(praxis: Practice, tmp_path: Path) -> tuple[CustomerRoom, CompanyRoom, Agent, CompanyRoom]:
    """A customer has sent a file; the desk holds it, the blob is gone, and then an agent takes the room."""
    agent = await praxis.agent("Agent A")
    me = await praxis.customer()
    room = await praxis.opened(me)
    sent = await room.send_file(file(tmp_path))
    # What nobody has confirmed yet goes to the agent by itself (ROOM-35).
    await sent.wait_for(EntryProgress.DELIVERED, 60)
    at_desk = praxis.company.room(room.room_id)
    await the_file(at_desk)
    await until(lambda: not blobs(praxis))
    at_agent = await anext(agent.waiting())
    await at_agent.claim(600)
    await until(lambda: room.assigned is not None)
    assert await files_of(at_agent) == []
    return room, at_desk, agent, at_agent


async def test_who_is_handed_an_entry_gets_its_file(praxis: Practice, tmp_path: Path) -> None:
    """FIL-22: and what it holds goes from the relay again."""
    _, at_desk, agent, at_agent = await taken(praxis, tmp_path)
    theirs, ours = agent.events(), praxis.company.events()
    await at_desk.hand_over(agent.me().device_id, HANDED)
    got = await the_file(at_agent)
    assert (await next_of(theirs, FileHeld)).entry_hash == got.hash
    saved = tmp_path / "saved"
    saved.mkdir()
    assert (await got.save(saved)).read_bytes() == TEXT
    assert (await next_of(ours, FileDropped)).entry_hash == got.hash
    await until(lambda: not blobs(praxis))


async def test_what_was_put_again_goes_with_its_entry(praxis: Practice, tmp_path: Path) -> None:
    """FIL-22, FIL-14: also where nobody has got it yet."""
    room, at_desk, agent, at_agent = await taken(praxis, tmp_path)
    agent.client.files.fetching.look = lambda: None  # type: ignore[method-assign]  # it gets nothing by itself
    await at_desk.hand_over(agent.me().device_id, HANDED)
    await the_file(at_agent)
    assert len(blobs(praxis)) == 1
    (sent,) = await files_of(room)
    await room.erase([sent])
    await until(lambda: not blobs(praxis))


class Gone:
    """An agent has the entry of a file that the relay has no more, and has not asked for it yet."""

    def __init__(self, agent: Agent, at_desk: CompanyRoom) -> None:
        self.agent, self.at_desk = agent, at_desk
        self.theirs = agent.events()

    @property
    def fetching(self) -> FileFetching:
        return self.agent.client.files.fetching

    async def handed_over(self) -> None:
        """Hand the room's history over, and wait until the agent knows."""
        await self.at_desk.hand_over(self.agent.me().device_id, HANDED)
        await next_of(self.theirs, HistoryHandedOver)

    def row(self) -> FileIn:
        """What the agent has of the file."""
        (row,) = self.agent.client.shell.machine.files.incoming(Turn(0))
        return row


@pytest.fixture
async def gone(praxis: Practice, tmp_path: Path) -> Gone:
    agent, me = await praxis.agent("Agent A"), await praxis.customer()
    room = await praxis.opened(me)
    await room.send("Guten Tag")
    await until(lambda: bool(praxis.company.rooms()))
    at_desk = praxis.company.room(room.room_id)
    await at_desk.claim(600)
    await at_desk.add(agent.me().device_id)
    await until(lambda: len(room.members) == 2)
    made, ours = Gone(agent, at_desk), praxis.company.events()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(made.fetching, "look", lambda: None)
        await room.send_file(file(tmp_path))
        await the_file(agent.room(room.room_id))
        await next_of(ours, FileHeld)
    (row,) = me.client.shell.machine.files.outgoing()
    await Transfer(praxis.network, praxis.network.url).drop(row.blob, row.secret)
    return made


async def test_who_has_the_entry_of_a_file_that_was_gone_gets_it_after_a_hand_over(gone: Gone) -> None:
    """FIL-23: it came while the relay had the file no more, as to who takes a room just then (ROOM-35)."""
    gone.fetching.look()
    failed = await next_of(gone.theirs, FileFailed)
    assert failed.code == "file.expired"
    await gone.handed_over()
    assert (await next_of(gone.theirs, FileHeld)).entry_hash == failed.file_id


@pytest.mark.parametrize("warned", [0, 1])
async def test_an_agent_that_ends_after_a_hand_over_asks_again_with_its_next_start(
    gone: Gone, monkeypatch: pytest.MonkeyPatch, warned: int
) -> None:
    """FIL-23; of an end that was told already, nothing is told once more."""
    gone.fetching.look()
    await next_of(gone.theirs, FileFailed)
    before = gone.row()
    before.told |= warned
    work = gone.fetching._work
    await work.step(lambda turn, _: turn.put(before.put()))
    monkeypatch.setattr(gone.fetching, "look", lambda: None)
    await gone.handed_over()
    assert gone.row().told == warned
    await FileFetching(work).start()
    assert (await next_of(gone.theirs, FileHeld)).entry_hash == before.entry


async def test_an_answer_from_before_a_hand_over_gives_no_file_up(
    gone: Gone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-23: it is on its way when the history is handed over."""
    fetch, asked, goes_on = gone.fetching.fetch, asyncio.Event(), asyncio.Event()

    async def late(ticket: FileTicket, folder: Path | None = None) -> Path | None:
        monkeypatch.setattr(gone.fetching, "fetch", fetch)
        asked.set()
        await goes_on.wait()
        raise FileExpired("the relay does not have the file any more")

    monkeypatch.setattr(gone.fetching, "fetch", late)
    gone.fetching.look()
    await asked.wait()
    await gone.handed_over()
    goes_on.set()
    await next_of(gone.theirs, FileHeld)


async def test_a_relay_that_takes_no_file_keeps_no_history_back(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-22: what was said goes without it, a minute later."""
    _, at_desk, agent, at_agent = await taken(praxis, tmp_path)

    async def refuse(*_: object) -> int:
        raise BlobRefused("no blobs today", reason="DENIED")

    monkeypatch.setattr(Transfer, "put", refuse)
    monkeypatch.setattr(file_sending, "_AGAIN_S", 1)
    await at_desk.hand_over(agent.me().device_id, HANDED)
    got = await the_file(at_agent)
    assert got.file is not None
    assert not got.file.is_here


async def test_a_file_of_ours_that_is_still_at_the_relay_is_left_there(
    praxis: Practice, tmp_path: Path
) -> None:
    """FIL-22: what the customer has not got yet stays for it, and who takes the room gets it too."""
    agent = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    await until(lambda: bool(praxis.company.rooms()))
    at_desk = praxis.company.room(room.room_id)
    sent = await at_desk.send_file(file(tmp_path))
    before = blobs(praxis)
    at_agent = await anext(agent.waiting())
    await at_agent.claim(600)
    await until(lambda: room.assigned is not None)
    theirs = agent.events()
    await at_desk.hand_over(agent.me().device_id, HANDED)
    assert (await next_of(theirs, FileHeld)).entry_hash == sent.hash
    assert blobs(praxis) == before
    (row,) = praxis.company.client.shell.machine.files.outgoing()
    assert agent.me().device_id in row.recipients


async def test_a_desk_that_neither_wrote_nor_paid_drops_what_it_has_put_again(
    praxis: Practice, tmp_path: Path
) -> None:
    """FIL-25: who was handed the entry tells the desks, of which one has handed it over."""
    desks = [praxis.company, await praxis.agent("Zentrale", front_desk=True)]
    agent = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    await room.send_file(file(tmp_path))
    (sent,) = await files_of(room)
    payer = file_of(sent).payer
    (desk,) = (one for one in desks if one.me().device_id != payer)
    await until(lambda: any(one.room_id == room.room_id for one in desk.rooms()))
    await the_file(desk.room(room.room_id))
    await until(lambda: not blobs(praxis))
    at_agent = await anext(agent.waiting())
    await at_agent.claim(600)
    await until(lambda: room.assigned is not None)
    ours = desk.events()
    await desk.room(room.room_id).hand_over(agent.me().device_id, HANDED)
    assert (await next_of(ours, FileDropped)).entry_hash == sent.hash
    await until(lambda: not blobs(praxis))


async def test_a_file_that_is_refused_keeps_no_other_one_back(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-22: of two the relay takes the second one."""
    agent = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    for name in ("eins.txt", "zwei.txt"):
        await room.send_file(file(tmp_path, name))
    await until(lambda: bool(praxis.company.rooms()))
    at_desk = praxis.company.room(room.room_id)
    await the_file(at_desk, 2)
    await until(lambda: not blobs(praxis))
    at_agent = await anext(agent.waiting())
    await at_agent.claim(600)
    await until(lambda: room.assigned is not None)
    first, second = await files_of(room)
    put, refused = Transfer.put, file_of(first).blob

    async def choose(transfer: Transfer, upload: Upload, read: ReadPart) -> int:
        if upload.blob == refused:
            raise BlobRefused("not this one", reason="DENIED")
        return await put(transfer, upload, read)

    monkeypatch.setattr(Transfer, "put", choose)
    monkeypatch.setattr(file_sending, "_AGAIN_S", 2)
    theirs = agent.events()
    await at_desk.hand_over(agent.me().device_id, HANDED)
    assert (await next_of(theirs, FileHeld)).entry_hash == second.hash


async def test_a_blob_that_is_somebody_elses_is_to_be_dropped_once(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-26"""
    room = await praxis.opened(await praxis.customer())
    asked: list[bytes] = []
    await room.send("Guten Tag")
    await until(lambda: any(one.unread for one in praxis.company.rooms()))
    at_desk = praxis.company.room(room.room_id)
    sent = await at_desk.send_file(file(tmp_path))

    async def refuse(_: Transfer, blob: bytes, _secret: bytes) -> None:
        asked.append(blob)
        raise BlobRefused("it is somebody else's", reason="DENIED")

    monkeypatch.setattr(Transfer, "drop", refuse)
    await at_desk.erase([sent])
    await until(lambda: bool(asked))
    await until(lambda: not praxis.company.client.shell.machine.files.outgoing())
    assert len(asked) == 1


async def test_a_file_goes_on_with_a_room_that_an_agent_gives_away(praxis: Practice, tmp_path: Path) -> None:
    """FIL-22, FIL-25, ROOM-57: of who gives the room, where no desk has the entry; then the blob goes."""
    a, b = await praxis.agent("Agent A"), await praxis.agent("Agent B")
    room = await praxis.opened(await praxis.customer())
    at_a = await anext(a.waiting())
    await at_a.claim(600)
    await until(lambda: room.assigned is not None)
    await room.send_file(file(tmp_path))
    await the_file(at_a)
    await until(lambda: not blobs(praxis))
    ours = a.events()
    await at_a.transfer(device_id=b.me().device_id)
    at_b = await until_assigned(b, room.room_id)
    got = await the_file(at_b)
    saved = tmp_path / "saved"
    saved.mkdir()
    assert (await got.save(saved)).read_bytes() == TEXT
    assert (await next_of(ours, FileDropped)).entry_hash == got.hash
    await until(lambda: not blobs(praxis))
    await until(lambda: [one.device_id for one in room.members] == [b.me().device_id])
