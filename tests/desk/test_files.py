"""Files that a page of the desk hands over: bounded, once, by its session; nothing stays in the clear."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conversations import next_of, until
from desk_page import Page, home, page_of, served
from e2ee_client.desk import Served, clear_folder, uploads
from e2ee_client.desk.access import COOKIE
from e2ee_client.errors import FileMissing, FileUnusable
from e2ee_client.rooms import Agent, CustomerRoom, Entry, FileDropped, FileProgress
from e2ee_client.runtime.transfer import ReadPart, Transfer, Upload
from practice import Practice

from e2ee.rooms.kinds import Kind

TEXT = b"Befund: alles in Ordnung.\n" * 20_000


async def claimed(praxis: Practice, agent: Agent, page: Page) -> tuple[CustomerRoom, str]:
    """A customer that has written, and is taken up at the page."""
    await page.ask("begin")
    room = await praxis.opened(await praxis.customer())
    await room.send("Guten Tag")
    await until(lambda: any(one.room_id == room.room_id for one in agent.rooms()))
    name = room.room_id.hex()
    await page.ask("claim", room=name)
    await page.room(name, isMine=True, isHere=True, phase="open")
    await page.say("watch", room=name)
    return room, name


async def handed(
    at: Served, page: Page, room: str, name: str, body: bytes | AsyncIterator[bytes], **more: Any
) -> httpx.Response:
    """Offer a file, and hand its bytes over as the page does."""
    size_b = len(body) if isinstance(body, bytes) else 0
    fields = {"sizeB": size_b, "strips": False, "room": room, "name": name} | more
    path = (await page.ask("sendFile", **fields))["path"]
    return await post(at, path, page.cookie, body)


async def post(
    at: Served, path: str, cookie: str, body: bytes | AsyncIterator[bytes], origin: str | None = None
) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as web:
        headers = {"Origin": origin or at.origin, "Cookie": f"{COOKIE}={cookie}"}
        return await web.post(home(at) + path, content=body, headers=headers)


async def blocks(sizes_b: list[int]) -> AsyncIterator[bytes]:
    for size_b in sizes_b:
        yield bytes(size_b)


def is_empty(folder: Path) -> bool:
    return list(folder.iterdir()) == []


async def test_a_file_goes_from_the_page_to_the_customer_and_back(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-12, FIL-16: the page hears how far it is; its bytes are nowhere in the clear behind it."""
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(clear_folder, "MEMORY", memory)
    put, heard = Transfer.put, asyncio.Event()

    async def until_heard(transfer: Transfer, upload: Upload, read: ReadPart) -> int:
        """A file that is in the room has no name on its way, however late the page reads of it."""
        expires_ms = await put(transfer, upload, read)
        await heard.wait()
        return expires_ms

    monkeypatch.setattr(Transfer, "put", until_heard)
    agent = await praxis.agent("Agent A")
    async with served(agent) as (at, _), page_of(at) as page:
        room, name = await claimed(praxis, agent, page)
        done = await handed(at, page, name, "Befund.txt", TEXT)
        assert (done.status_code, list(done.json())) == (200, ["file"])
        moved = await page.until("moved", file=done.json()["file"])
        assert moved["name"] == "Befund.txt"
        heard.set()
        while not (came := [one for one in await room.history() if one.kind == Kind.FILE]):
            await room._client.progress.wait()
        assert (await came[0].save(tmp_path)).read_bytes() == TEXT
        assert is_empty(memory)
        answer = tmp_path / "Antwort.txt"
        answer.write_bytes(b"Danke")
        sent = await room.send_file(answer)
        entry = {"room": name, "entry": sent.hash.hex()}
        while (ticket := await page.ask("fetchFile", **entry))["type"] != "ticket":
            await page.next()
        async with httpx.AsyncClient() as web:
            got = await web.get(home(at) + ticket["path"], headers={"Cookie": f"{COOKIE}={page.cookie}"})
        assert got.content == b"Danke"
        assert got.headers["content-type"] == "application/octet-stream"


async def test_a_file_that_is_erased_can_be_saved_at_no_page_any_more(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-16: neither one that waits for its page, nor one that is erased while it is fetched."""
    monkeypatch.setattr(clear_folder, "MEMORY", tmp_path)
    agent = await praxis.agent("Agent A")
    async with served(agent) as (at, hub), page_of(at) as page:
        room, name = await claimed(praxis, agent, page)
        assert (await handed(at, page, name, "Befund.txt", TEXT)).status_code == 200
        ours = agent.room(room.room_id)
        while not (came := [one for one in await ours.history() if one.kind == Kind.FILE]):
            await agent.client.progress.wait()
        save, entry = Entry.save, came[0]
        await hub.downloads.add(entry)
        assert len(hub.downloads._held) == 1

        async def erased(one: Entry, folder: str | os.PathLike[str]) -> Path:
            path = await save(one, folder)
            await ours.erase([one])
            return path

        monkeypatch.setattr(Entry, "save", erased)
        with pytest.raises(FileMissing):
            await hub.downloads.add(entry)
        await until(lambda: hub.downloads._held == {})


async def test_files_of_one_name_are_told_apart(praxis: Practice) -> None:
    """Each has an id from before its bytes, which its entry says."""
    agent = await praxis.agent("Agent A")
    async with served(agent) as (at, _), page_of(at) as page:
        _, name = await claimed(praxis, agent, page)
        offer = {"room": name, "name": "a.txt", "sizeB": 3, "strips": False}
        offers = [await page.ask("sendFile", **offer) for _ in range(2)]
        for one, body in zip(offers, (b"one", b"two"), strict=True):
            assert (await post(at, one["path"], page.cookie, body)).json() == {"file": one["file"]}
        ids, told = {one["file"] for one in offers}, set[str]()
        while told != ids:
            for row in (await page.until("entries", room=name))["entries"]:
                if row["file"] is not None:
                    told.add(row["file"]["upload"])
        assert len(ids) == 2


async def test_a_file_that_is_put_again_is_none_on_its_way(praxis: Practice, tmp_path: Path) -> None:
    """FIL-22: who gives a room to a colleague sends nothing, and its page shows nothing of the kind."""
    a, b = await praxis.agent("Agent A"), await praxis.agent("Agent B")
    async with served(a) as (at, _), page_of(at) as page:
        room, _ = await claimed(praxis, a, page)
        answer = tmp_path / "Antwort.txt"
        answer.write_bytes(b"Danke")
        events = room._client.events()
        await room.send_file(answer)
        await next_of(events, FileDropped)
        ours = a.events()
        await a.room(room.room_id).transfer(device_id=b.me().device_id)
        put = await next_of(ours, FileProgress)
        assert put.is_upload
        moved = await page.until("moved", file=put.file_id.hex())
        assert moved["name"] is None


async def test_what_is_more_or_less_than_was_said_or_not_sent_leaves_nothing(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-08 to FIL-10, FIL-17: the code is said, and no byte stays."""
    monkeypatch.setattr(clear_folder, "MEMORY", tmp_path)
    agent = await praxis.agent("Agent A")
    async with served(agent) as (at, _), page_of(at) as page:
        _, name = await claimed(praxis, agent, page)
        cases: tuple[tuple[str, bytes | AsyncIterator[bytes], dict[str, Any], str], ...] = (
            ("a.txt", TEXT, {"sizeB": len(TEXT) - 1}, "local.file_unusable"),
            ("a.txt", TEXT, {"sizeB": len(TEXT) + 1}, "local.file_unusable"),
            ("a.txt", blocks([1 << 20] * 70), {"sizeB": 67_108_864}, "local.file_unusable"),
            ("../a.txt", TEXT, {}, "local.file_name"),
            ("a.txt", b"<svg onload=alert(1)>", {}, "file.type"),
            ("a.exe", TEXT, {}, "file.type"),
            ("a.pdf", b"%PDF-1.7", {"strips": True}, "file.metadata"),
        )
        for file_name, body, more, code in cases:
            answer = await handed(at, page, name, file_name, body, **more)
            assert (answer.status_code, answer.json()["code"]) == (422, code), file_name
        assert is_empty(tmp_path)
        assert agent.client.files.names == []


async def test_a_ticket_takes_one_file_from_its_own_session_while_the_desk_is_open(praxis: Practice) -> None:
    """Another program, another site, a second time, a locked page: nothing is taken."""
    agent = await praxis.agent("Agent A")
    async with served(agent) as (at, hub), page_of(at) as page:
        _, name = await claimed(praxis, agent, page)
        offer = {"room": name, "name": "a.txt", "sizeB": 1, "strips": False}
        path = (await page.ask("sendFile", **offer))["path"]
        assert (await post(at, path, "0" * 64, b"a")).status_code == 401
        assert (await post(at, path, page.cookie, b"a", "https://evil.example")).status_code == 403
        assert (await post(at, path, page.cookie, b"a")).status_code == 200
        assert (await post(at, path, page.cookie, b"a")).status_code == 404
        paths = [(await page.ask("sendFile", **offer))["path"] for _ in range(uploads.MAX_TICKETS + 1)]
        assert (await post(at, paths[0], page.cookie, b"a")).status_code == 404
        hub.lock()
        assert (await post(at, paths[-1], page.cookie, b"a")).status_code == 401
        await hub.unlock("")
        assert (await post(at, paths[-1], page.cookie, b"a")).status_code == 404


async def test_a_page_that_stops_in_a_file_holds_up_no_other_for_long(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-28: files come one at a time; nothing in the clear is left of it."""
    monkeypatch.setattr(clear_folder, "MEMORY", tmp_path)
    monkeypatch.setattr(uploads, "BLOCK_S", 0.1)
    agent = await praxis.agent("Agent A")

    async def stopping() -> AsyncIterator[bytes]:
        yield TEXT[:1]
        await asyncio.Event().wait()

    async def whole() -> AsyncIterator[bytes]:
        yield TEXT

    async with served(agent) as (at, _), page_of(at) as page:
        room, _ = await claimed(praxis, agent, page)
        taking = uploads.Uploads(agent, os.urandom)
        offer = (room.room_id, "a.txt", len(TEXT))
        tickets = [taking.add(*offer, strips=False)[1] for _ in range(2)]
        offered = [one for one in map(taking.take, tickets) if one is not None]
        stopped = asyncio.create_task(taking.receive(offered[0], stopping()))
        await until(taking._receiving.locked)
        async with asyncio.timeout(30):
            await taking.receive(offered[1], whole())
            with pytest.raises(FileUnusable):
                await stopped
        assert is_empty(tmp_path)


STOPPED = """
import os, signal, sys
from pathlib import Path
from e2ee_client.desk import clear_folder
clear_folder.MEMORY = Path(sys.argv[1])
with clear_folder.clear_folder() as folder:
    (folder / "Befund.txt").write_text("positiv")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_stop_leaves_in_the_clear_goes_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-16: a folder of a process that runs, and what is not of a desk, stay."""
    monkeypatch.setattr(clear_folder, "MEMORY", tmp_path)
    ended = subprocess.run([sys.executable, "-c", STOPPED, tmp_path], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("*/Befund.txt"))) == 1
    other = tmp_path / "other"
    other.mkdir()
    with clear_folder.clear_folder() as ours:
        clear_folder.remove_left()
        assert sorted(tmp_path.iterdir()) == sorted((other, ours))
    assert list(tmp_path.iterdir()) == [other]


async def test_a_desk_begins_without_what_a_stop_has_left(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-16."""
    monkeypatch.setattr(clear_folder, "MEMORY", tmp_path)
    (tmp_path / "sealroom-clear-left").mkdir()
    async with served(await praxis.agent("Agent A")):
        await until(lambda: is_empty(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a draft has a name")
async def test_a_stop_while_a_file_comes_leaves_no_byte_of_it(
    praxis: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FIL-16: what comes has no name that a stop could leave."""
    monkeypatch.setattr(clear_folder, "MEMORY", tmp_path)
    agent = await praxis.agent("Agent A")
    seen = list[str]()

    async def whole() -> AsyncIterator[bytes]:
        yield TEXT[:-1]
        seen.extend(name for _, _, names in os.walk(tmp_path) for name in names)
        yield TEXT[-1:]

    async with served(agent) as (at, _), page_of(at) as page:
        room, _ = await claimed(praxis, agent, page)
        taking = uploads.Uploads(agent, os.urandom)
        _, ticket = taking.add(room.room_id, "a.txt", len(TEXT), strips=False)
        offered = taking.take(ticket)
        assert offered is not None
        await taking.receive(offered, whole())
    assert seen == []


async def test_a_file_that_is_given_up_at_the_page_is_said_to_be(praxis: Practice) -> None:
    """FIL-12: while its relay is away nothing of it was said."""
    agent = await praxis.agent("Agent A")
    async with served(agent) as (at, _), page_of(at) as page:
        _, name = await claimed(praxis, agent, page)
        await agent.client.files.stop()
        refused = await handed(at, page, name, "a.txt", TEXT)
        assert refused.json() == {"code": "relay.unavailable", "retryable": True}
        await agent.client.files.start()
        done = await handed(at, page, name, "a.txt", TEXT)
        await page.ask("cancelFile", room=name, file=done.json()["file"])
        assert agent.client.files.sending.is_idle
