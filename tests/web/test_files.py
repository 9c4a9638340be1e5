"""Files between the web client and a company in Python, over a real relay (chapter 13)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from e2ee_client.room_events import FileDropped
from e2ee_client.rooms import Company, CompanyRoom, Entry
from relay_process import RelayProcess
from web_companies import company, relay
from web_person import PersonFault, WebPerson, web_person

from e2ee.rooms.kinds import Kind

__all__ = ["company", "relay"]
pytestmark = [pytest.mark.processes]
FILE = 7
PART_B = 65_536
LONG = b"Befund: alles in Ordnung.\n" * 40_000


@pytest.fixture
async def person(web_libraries: None, company: Company, tmp_path: Path) -> AsyncIterator[WebPerson]:
    """A person in a room that the company has taken up."""
    door = tmp_path / "door"
    door.write_bytes(await company.door())
    async with web_person(door) as made:
        await made.do("accept")
        text = await made.do("send", text="Guten Tag")
        await made.do("wait", entry=text)
        await company.rooms()[0].claim(60)
        yield made


@pytest.fixture
def theirs(person: WebPerson, company: Company) -> CompanyRoom:
    """The room at the company."""
    return company.rooms()[0]


def file(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


async def sent(person: WebPerson, path: str, name: str, **options: Any) -> str:
    """Send a file and return its entry."""
    upload = await person.do("send_file", path=path, name=name, **options)
    return str(await person.do("announced", entry=upload))


async def the_file(room: CompanyRoom, entry: str) -> Entry:
    """Wait until an entry is here, and return it."""
    while True:
        for one in await room.history():
            if one.hash.hex() == entry and one.kind == Kind.FILE:
                return one
        await room._client.progress.wait()


async def entry_of_theirs(person: WebPerson, sent: Entry) -> str:
    """Wait until the person has an entry of the company's."""
    name = sent.hash.hex()
    while name not in [one["id"] for one in await person.do("entries")]:
        await person.next_event()
    return name


async def test_files_go_both_ways_and_a_blob_goes_when_all_hold_it(
    company: Company, person: WebPerson, theirs: CompanyRoom, tmp_path: Path
) -> None:
    """FIL-10 to FIL-14: the bytes are the same, and who holds a file says so."""
    for number, content in enumerate((b"", b"Guten Tag", LONG[:PART_B], LONG)):
        path = file(tmp_path, "out.txt", content)
        entry = await sent(person, path, f"Befund {number}.txt")
        assert (await (await the_file(theirs, entry)).save(tmp_path)).read_bytes() == content
        await person.wait_for(type="file-dropped", entry=entry)
        status = await person.do("file_status", entry=entry)
        assert (status["state"], status["isRight"], status["code"]) == ("here", True, None)
        events = company.client.events()
        answer = await theirs.send_file(path, name=f"Antwort {number}.txt")
        at_person = await entry_of_theirs(person, answer)
        assert (await person.do("file_status", entry=at_person))["state"] == "offered"
        saved = await person.do("save_file", entry=at_person, path=str(tmp_path / "in.txt"))
        assert saved == {"name": f"Antwort {number}.txt", "mediaType": "text/plain", "type": "text/plain"}
        assert (tmp_path / "in.txt").read_bytes() == content
        while not (isinstance(event := await anext(events), FileDropped) and event.entry_hash == answer.hash):
            pass
        assert (await person.do("file_status", entry=at_person))["state"] == "here"
        events.close()


async def test_a_cut_a_dead_relay_and_a_new_start_send_no_part_twice(
    person: WebPerson, theirs: CompanyRoom, relay: RelayProcess, tmp_path: Path
) -> None:
    """FIL-07, FIL-12: an upload goes on with the stored ciphertext where the relay has come to."""
    before = await person.do("parts")
    await person.do("cut_after_parts", count=6, kind="away")
    upload = await person.do("send_file", path=file(tmp_path, "a.txt", LONG), name="a.txt")
    while await person.do("parts") - before < 6:
        await person.next_event()
    relay.kill()
    assert (await person.do("uploads"))[0]["state"] == "moving"
    assert [one for one in await person.do("entries") if one["kind"] == FILE] == []
    await person.do("reopen_store")
    relay.start()
    await person.do("come_back")
    entry = await person.do("announced", entry=upload)
    # At most four were on their way when the connection was cut.
    assert await person.do("parts") - before <= -(-len(LONG) // PART_B) + 4
    assert ((await (await the_file(theirs, entry)).save(tmp_path)).read_bytes()) == LONG
    assert await person.do("uploads") == []


async def test_a_fetch_that_was_cut_goes_on_and_damage_is_mended(
    person: WebPerson, theirs: CompanyRoom, tmp_path: Path
) -> None:
    """FIL-05, FIL-18: parts that came are not got again; what the disk damaged is, once."""
    entry = await entry_of_theirs(person, await theirs.send_file(file(tmp_path, "a.txt", LONG)))
    before = await person.do("parts")
    await person.do("cut_after_parts", count=4, kind="away")
    await person.do("begin_fetch", entry=entry)
    while await person.do("parts") - before < 4:
        await person.next_event()
    await person.do("reopen_store")
    await person.do("come_back")
    target = tmp_path / "saved.txt"
    await person.do("save_file", entry=entry, path=str(target))
    assert target.read_bytes() == LONG
    messages = -(-len(LONG) // (2 * PART_B))
    assert await person.do("parts") - before <= messages + 2
    await person.do("damage_part", name=f"in-{entry}")
    target.unlink()
    # What is damaged is got again, until the company has dropped the blob since all held it: then it is gone.
    fault = None
    try:
        await person.do("save_file", entry=entry, path=str(target))
    except PersonFault as refused:
        fault = refused.code
    assert fault in (None, "file.expired")
    assert (target.read_bytes() if target.exists() else None) == (LONG if fault is None else None)


async def test_what_is_not_sent_leaves_nothing(person: WebPerson, tmp_path: Path) -> None:
    """FIL-01, FIL-08 to FIL-10, FIL-17: refused before anything of it is stored or said."""
    pdf = file(tmp_path, "a.pdf", b"%PDF-1.7\n")
    page = file(tmp_path, "a.html", b"\xef\xbb\xbf  <html>")
    cases = [
        (pdf, "../a.pdf", False, "local.file_name"),
        (pdf, "con.pdf", False, "local.file_name"),
        (pdf, "a\u202efdp.pdf", False, "local.file_name"),
        (pdf, "a" * 125 + ".pdf", False, "local.file_name"),
        (pdf, "a.exe", False, "file.type"),
        (page, "a.txt", False, "file.type"),
        (page, "a.svg", False, "file.type"),
        (pdf, "a.pdf", True, "file.metadata"),
    ]
    for path, name, strip, code in cases:
        with pytest.raises(PersonFault) as refused:
            await person.do("send_file", path=path, name=name, strip=strip)
        assert refused.value.code == code, name
    assert await person.do("sealed_parts") == []
    assert await person.do("uploads") == []


async def test_an_image_comes_without_its_place_and_what_is_erased_or_given_up_leaves_nothing(
    person: WebPerson, theirs: CompanyRoom, relay: RelayProcess, tmp_path: Path
) -> None:
    """FIL-12, FIL-14, FIL-16, FIL-17, FIL-19: no part of a file outlives its entry, or who gives it up."""
    comment = b"\xff\xfe\x00\x0cGPS 52.5N!"
    jpeg = b"\xff\xd8" + comment + b"\xff\xdb\x00\x04ab" + b"\xff\xda\x00\x04cdpixels\xff\xd9behind"
    entry = await sent(person, file(tmp_path, "a.jpg", jpeg), "Foto.jpg", strip=True)
    saved = (await (await the_file(theirs, entry)).save(tmp_path)).read_bytes()
    assert saved == b"\xff\xd8" + b"\xff\xdb\x00\x04ab" + b"\xff\xda\x00\x04cdpixels\xff\xd9"
    assert len(await person.do("sealed_parts")) == 1
    await person.do("erase", entry=entry)
    assert (await person.do("file_status", entry=entry))["state"] == "gone"
    await person.do("reopen_store")
    with pytest.raises(PersonFault) as refused:
        await person.do("save_file", entry=entry, path=str(tmp_path / "b.txt"))
    assert refused.value.code == "local.file"
    assert await person.do("sealed_parts") == []
    relay.kill()
    upload = await person.do("send_file", path=file(tmp_path, "a.txt", LONG), name="a.txt")
    await person.do("cancel_file", entry=upload)
    assert (await person.wait_for(type="file-failed", file=upload))["code"] == "file.cancelled"
    assert await person.do("sealed_parts") == []
    relay.start()
    last = await person.do("send", text="Doch nicht")
    await person.do("wait", entry=last)
    assert [one["id"] for one in await person.do("entries") if one["kind"] == FILE] == [entry]
