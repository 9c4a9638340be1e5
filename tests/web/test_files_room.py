"""Files in the room of a company's page, in both browsers: chosen, cut, reloaded, saved, looked at."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import browsers
import pytest
from conversations import until
from e2ee_client.rooms import Company, CompanyRoom, Entry
from playwright.async_api import FilePayload, FrameLocator, Locator
from run_counts import count
from tcp_proxy import CuttingProxy
from web_release import company, opened, proxy, relay, site, visitor, written

from e2ee.rooms.kinds import Kind

__all__ = ["company", "proxy", "relay", "site", "visitor"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.processes,
]
PART_B: Final = 65_536
CAPTURE: Final = """() => {
  const blobs = [], make = URL.createObjectURL;
  URL.createObjectURL = (blob) => { blobs.push(blob); return make.call(URL, blob); };
  globalThis.offered = new Promise((done) => {
    HTMLAnchorElement.prototype.click = async function () {
      const digest = await crypto.subtle.digest("SHA-256", await blobs.at(-1).arrayBuffer());
      const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      done([this.download, hex]);
    };
  });
}"""
CHOOSE: Final = "seal-composer input[type=file]"


def payload(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


async def conversation(room: FrameLocator, company: Company) -> CompanyRoom:
    """Accept, write, and be taken up."""
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Guten Tag")
    await room.get_by_text("Angekommen").wait_for()
    await until(lambda: len(company.rooms()) == 1)
    theirs = company.rooms()[0]
    await theirs.claim(60)
    return theirs


async def send(room: FrameLocator, *files: FilePayload) -> None:
    """Choose files, and send them."""
    await room.locator(CHOOSE).set_input_files(list(files))
    await (
        room.get_by_role("list", name="Gewählte Dateien")
        .get_by_role("listitem")
        .nth(len(files) - 1)
        .wait_for()
    )
    await room.get_by_role("button", name="Senden", exact=True).click()


def item(room: FrameLocator, name: str) -> Locator:
    """The message with a file."""
    return room.get_by_role("log").get_by_role("listitem").filter(has_text=name)


async def arrived(room: CompanyRoom, count: int) -> list[Entry]:
    """Wait until the company has so many files."""
    while True:
        found = [one for one in await room.history() if one.kind == Kind.FILE]
        if len(found) >= count:
            return found
        await room._client.progress.wait()


async def test_files_of_every_size_outlive_a_cut_and_a_reload_and_come_back_as_they_were(
    visitor: browsers.Visitor, site: browsers.Site, company: Company, proxy: CuttingProxy, tmp_path: Path
) -> None:
    """FIL-07, FIL-12, FIL-16, STO-40: an upload that was cut in its middle goes on after a reload."""
    page, room = await opened(visitor, site)
    theirs = await conversation(room, company)
    await theirs.allow_large_files()
    large_b = count(2_000_000, 20_000_000)
    contents = {
        "leer.txt": b"",
        "ein Teil.txt": b"x" * (PART_B - 1),
        "Aufnahme.wav": b"RIFF\0\0\0\0WAVE" + os.urandom(large_b),
    }
    await send(room, *[payload(name, contents[name]) for name in ("leer.txt", "ein Teil.txt")])
    await arrived(theirs, 2)
    proxy.cut_after(large_b // 2)
    await send(room, payload("Aufnahme.wav", contents["Aufnahme.wav"]))
    await proxy.is_cut.wait()
    await item(room, "Aufnahme.wav").get_by_role("progressbar").wait_for()
    await page.reload()
    await page.get_by_role("button", name="Nachricht schreiben").click()
    await item(room, "Aufnahme.wav").get_by_role("progressbar").wait_for()
    proxy.resume()
    for entry in await arrived(theirs, 3):
        saved = await entry.save(tmp_path)
        assert saved.read_bytes() == contents[saved.name]
    await theirs.send_file(tmp_path / "Aufnahme.wav", name="Antwort.wav")
    await page.frames[1].evaluate(CAPTURE)
    await item(room, "Antwort.wav").get_by_role("button", name="Speichern").click()
    digest = hashlib.sha256(contents["Aufnahme.wav"]).hexdigest()
    assert await page.frames[1].evaluate("() => offered") == ["Antwort.wav", digest]
    assert [one for one in visitor.take_complaints() if "ws://" not in one] == []


@browsers.firefox_in_audit
async def test_an_image_is_shown_when_it_is_asked_for_and_what_is_refused_says_why(
    visitor: browsers.Visitor, site: browsers.Site, company: Company, tmp_path: Path
) -> None:
    """FIL-08, FIL-10, FIL-20: pixels from memory; names and types are text, and nothing else is shown."""
    _, room = await opened(visitor, site)
    theirs = await conversation(room, company)
    (tmp_path / "Befund.png").write_bytes(browsers.PNG)
    await theirs.send_file(tmp_path / "Befund.png")
    message = item(room, "Befund.png")
    assert await message.get_by_role("img", name="Bild").count() == 0
    await message.get_by_role("button", name="Ansehen").click()
    image = message.get_by_role("img", name="Bild")
    await image.wait_for()
    assert await image.evaluate("(one) => one.src.startsWith('blob:') && one.naturalWidth > 0")
    await send(room, payload("Seite.txt", b"<svg onload=alert(1)>"))
    await room.get_by_role("alert").get_by_text("Dateien dieser Art werden hier nicht gesendet.").wait_for()
    await room.get_by_role("button", name="Seite.txt").click()
    assert await room.get_by_role("list", name="Gewählte Dateien").count() == 0
    await send(room, payload("a:b.txt", b"Guten Tag"))
    await room.get_by_role("alert").get_by_text("Bitte benennen Sie sie um.").wait_for()


@browsers.firefox_in_audit
async def test_an_image_of_too_many_pixels_is_offered_for_saving_and_never_decoded(
    visitor: browsers.Visitor, site: browsers.Site, company: Company, tmp_path: Path
) -> None:
    """FIL-21: a file of a few bytes whose pixels would fill the memory."""
    page, room = await opened(visitor, site)
    theirs = await conversation(room, company)
    (tmp_path / "Plan.png").write_bytes(browsers.png(30_000, 30_000))
    await theirs.send_file(tmp_path / "Plan.png")
    message = item(room, "Plan.png")
    await page.frames[1].evaluate(browsers.COUNT_URLS)
    await message.get_by_role("button", name="Ansehen").click()
    await message.get_by_text("Lässt sich hier nicht zeigen").wait_for()
    await message.get_by_role("button", name="Speichern").wait_for()
    assert await message.locator("img").count() == 0
    assert await page.frames[1].evaluate("() => made") == 0


@browsers.firefox_in_audit
async def test_a_file_that_the_companys_mailbox_has_no_room_for_says_so_and_can_be_discarded(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    """FIL-11, FIL-12: more than a customer may send before its login counts; nothing of it is said."""
    _, room = await opened(visitor, site)
    theirs = await conversation(room, company)
    await send(room, payload("Aufnahme.wav", b"RIFF\0\0\0\0WAVE" + bytes(9_000_000)))
    message = item(room, "Aufnahme.wav")
    await message.get_by_text("Vielleicht geht es später").wait_for()
    await message.get_by_role("button", name="Verwerfen").click()
    await message.wait_for(state="detached")
    assert [one for one in await theirs.history() if one.kind == Kind.FILE] == []


@browsers.firefox_in_audit
async def test_files_are_sent_and_saved_in_a_tab_that_does_not_lead(
    visitor: browsers.Visitor, site: browsers.Site, company: Company, tmp_path: Path
) -> None:
    """FIL-12, STO-38: the tab that leads has the keys, the other one the file."""
    _, leading = await opened(visitor, site)
    theirs = await conversation(leading, company)
    page, room = await opened(visitor, site)
    content = b"Befund: alles in Ordnung.\n" * 10_000
    await room.get_by_role("log").get_by_text("Guten Tag").wait_for()
    await send(room, payload("Befund.txt", content))
    (entry,) = await arrived(theirs, 1)
    assert (await entry.save(tmp_path)).read_bytes() == content
    await item(leading, "Befund.txt").wait_for()
    await theirs.send_file(tmp_path / "Befund.txt", name="Antwort.txt")
    await page.frames[1].evaluate(CAPTURE)
    await item(room, "Antwort.txt").get_by_role("button", name="Speichern").click()
    digest = hashlib.sha256(content).hexdigest()
    assert await page.frames[1].evaluate("() => offered") == ["Antwort.txt", digest]
