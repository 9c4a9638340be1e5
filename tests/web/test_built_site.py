"""The site that `sealroom web build` writes, served with the headers that it wrote, in both browsers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import browsers
import pytest
import pytest_asyncio
import site_scene
from conversations import until
from e2ee_client.rooms import Company
from e2ee_client.web.built import read
from e2ee_client.web.making import make_site
from web_release import CHAT, WWW, company, keeping, opened, proxy, relay, visitor, written

from e2ee.rooms.kinds import Kind

__all__ = ["company", "proxy", "relay", "visitor"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.processes,
]
ROOM: Final = "https://praxis.example"
PAGE: Final = "https://www.praxis.example"


def _headers(text: str) -> dict[str, dict[str, str]]:
    """What `_headers` says: a path, and below it its headers."""
    found: dict[str, dict[str, str]] = {}
    for line in filter(None, text.splitlines()):
        if line.startswith("/"):
            found[line] = {}
        else:
            name, _, value = line.strip().partition(": ")
            next(reversed(found.values()))[name] = value
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    built: dict[str, bytes], company: Company, tmp_path: Path, serve_files: browsers.ServeFiles
) -> browsers.Site:
    """What was built, under names of this machine in the place of the company's."""
    release, out = tmp_path / "release", tmp_path / "site"
    release.mkdir()
    for name, data in built.items():
        (release / name).write_bytes(data)
    wanted = site_scene.settings(room=ROOM, pages=[PAGE])
    await make_site(company, wanted, read(release), out, "one", int(time.time() * 1000))
    made = serve_files({})

    def here(text: str) -> str:
        return text.replace(ROOM, made.origin(CHAT)).replace(PAGE, made.origin(WWW))

    for path, headers in _headers(here((out / "room/_headers").read_text("utf-8"))).items():
        made.files[path] = browsers.Answer((out / "room" / path[1:]).read_bytes(), headers)
    for script in (out / "page/seal").iterdir():
        made.files[f"/seal/{script.name}"] = script.read_bytes()
    snippet = here((out / "snippet.html").read_text("utf-8"))
    made.files["/index.html"] = (
        f'<!doctype html><html lang="de"><title>Praxis</title><link rel="icon" href="data:,">{snippet}'
    ).encode()
    return made


@browsers.firefox_in_audit
async def test_a_person_clicks_reads_accepts_and_the_text_arrives_at_the_company(
    site: browsers.Site, company: Company, visitor: browsers.Visitor
) -> None:
    """CNS-18, CNS-60: with the policy, the hashes and the account that were written, and no complaint."""
    page = await visitor.open(site.url("/index.html", WWW))
    await page.get_by_role("button", name="Nachricht schreiben").wait_for()
    assert [one for one in site.requests if "index.html" not in one and "/seal/" not in one] == []
    await page.close()
    _, room = await opened(visitor, site)
    await room.get_by_role("heading", name="Bevor Sie schreiben").wait_for()
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Guten Tag")
    await room.get_by_text("Angekommen").wait_for()
    await until(lambda: len(company.rooms()) == 1)
    texts = [one.text for one in await company.rooms()[0].history() if one.kind == Kind.TEXT]
    assert texts == ["Guten Tag"]


KEPT: Final = "async () => [(await indexedDB.databases()).length, localStorage.length]"


@browsers.firefox_in_audit
async def test_a_room_that_is_opened_alone_keeps_what_its_own_page_says(
    site: browsers.Site, new_visitor: browsers.NewVisitor
) -> None:
    """CNS-84: nothing at all for a site with `storage = "session"`; a page around it has no more kept."""
    site.files["/room.html"] = keeping(site, "session")
    person = await new_visitor()
    alone = await person.open(site.url("/room.html?lang=de", CHAT))
    await alone.get_by_role("button", name="Einverstanden, weiter").click()
    await written(alone, "Vertrauliches")
    await alone.get_by_text("Auf dem Gerät bleibt nichts").wait_for()
    assert await alone.evaluate(KEPT) == [0, 0]
    page, room = await opened(person, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Im Rahmen")
    assert await page.frames[1].evaluate(KEPT) == [0, 0]
