"""The room as it is built, in a company's page, with a real relay and a real company."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import browsers
import pytest
import pytest_asyncio
import web_packages
from conversations import until
from e2ee_client.rooms import Company
from e2ee_client.rooms.notices import EXAMPLE, Notice
from playwright.async_api import FrameLocator, Page
from relay_process import RelayProcess

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("web"),
    pytest.mark.processes,
]
WWW: Final = "www.praxis.localhost"
CHAT: Final = "chat.praxis.localhost"
DOOR: Final = "/.well-known/sealroom-door"
KEPT: Final = "async () => (await indexedDB.databases()).length + localStorage.length"


@pytest.fixture(scope="module")
def built(web_libraries: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A release, by the paths under which it is served."""
    folder = tmp_path_factory.mktemp("release")
    done = web_packages.run("build.ts", f"--out={folder}")
    assert done.returncode == 0, done.stderr
    return {f"/{path.name}": path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    """A relay on this machine."""
    started = RelayProcess(tmp_path / "relay").start()
    try:
        yield started
    finally:
        started.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def company(relay: RelayProcess) -> AsyncIterator[Company]:
    """A practice whose notice is published."""
    origins = ["https://praxis.example"]
    async with Company.create(None, relay=relay.url, name="Praxis", origins=origins) as made:
        facts = {**EXAMPLE, "relay_url": relay.url}
        await made.publish(Notice.draft("health", "consent", facts, is_reviewed=True))
        await made.wait_ready(60)
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    built: dict[str, bytes], company: Company, relay: RelayProcess, serve_files: browsers.ServeFiles
) -> browsers.Site:
    """The company's page and the room's host with the headers of the release."""
    manifest = json.loads(built["/manifest.json"])
    made = serve_files(dict(built))
    policy = manifest["headers"]["Content-Security-Policy"]
    headers = {
        **manifest["headers"],
        "Content-Security-Policy": policy.replace("{pages}", made.origin(WWW)).replace("{relay}", relay.url),
    }
    made.files["/room.html"] = browsers.Answer(built["/room.html"], headers)
    made.files[DOOR] = await company.door()
    made.files["/index.html"] = f"""<!doctype html><html lang="de"><title>Praxis</title>
<link rel="icon" href="data:,"><script type="module" src="/{manifest["launcher"]}"></script>
<seal-room src="{made.origin(CHAT)}/room.html" lang="de"></seal-room>""".encode()
    return made


async def _open(visitor: browsers.Visitor, site: browsers.Site) -> tuple[Page, FrameLocator]:
    page = await visitor.open(site.url("/index.html", WWW))
    await page.get_by_role("button", name="Nachricht schreiben").click()
    return page, page.frame_locator("seal-room iframe")


async def _write(room: FrameLocator, text: str) -> None:
    field = room.get_by_role("textbox", name="Nachricht")
    await field.fill(text)
    await field.press("Enter")
    await room.get_by_role("log").get_by_text(text).wait_for()


async def test_a_person_accepts_writes_is_answered_and_finds_all_again(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    page, room = await _open(visitor, site)
    await room.get_by_role("heading", name="Bevor Sie schreiben").wait_for()
    assert await page.frames[1].evaluate(KEPT) == 0
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await _write(room, "Guten Tag, ich brauche ein Rezept.")
    await room.get_by_text("Angekommen").wait_for()
    await until(lambda: len(company.rooms()) == 1)
    (theirs,) = company.rooms()
    await theirs.claim(60)
    await theirs.send("Gern, bis morgen.")
    await room.get_by_role("log").get_by_text("Gern, bis morgen.").wait_for()
    await page.close()
    _, again = await _open(visitor, site)
    await again.get_by_role("log").get_by_text("Gern, bis morgen.").wait_for()
    await again.get_by_role("log").get_by_text("Guten Tag, ich brauche ein Rezept.").wait_for()


async def test_two_tabs_show_and_write_one_conversation(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    first_page, first = await _open(visitor, site)
    await first.get_by_role("button", name="Einverstanden, weiter").click()
    await _write(first, "Aus dem ersten Fenster")
    _, second = await _open(visitor, site)
    await second.get_by_role("log").get_by_text("Aus dem ersten Fenster").wait_for()
    await _write(second, "Aus dem zweiten Fenster")
    await first.get_by_role("log").get_by_text("Aus dem zweiten Fenster").wait_for()
    await first_page.close()
    await _write(second, "Nach dem Ende des ersten")
    await second.get_by_text("Angekommen").wait_for()
    (theirs,) = company.rooms()
    await until(lambda: theirs.unread == 3)


async def test_a_withdrawal_is_one_act_and_reaches_the_company(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    _, room = await _open(visitor, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await _write(room, "Bitte wieder vergessen")
    await room.get_by_text("Angekommen").wait_for()
    await room.get_by_role("button", name="Mehr").click()
    await room.get_by_role("menuitem", name="Einwilligung widerrufen").click()
    await room.get_by_role("dialog").get_by_role("button", name="Widerrufen").click()
    await room.get_by_text("hat die Löschung bestätigt").wait_for()
    await room.get_by_text("Diese Nachricht wurde gelöscht.").wait_for()
    assert await room.get_by_role("textbox").count() == 0
