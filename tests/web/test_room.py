"""The room as it is built, in a company's page, with a real relay and a real company."""

from __future__ import annotations

from typing import Final

import browsers
import pytest
from conversations import until, until_read
from e2ee_client.rooms import Company
from web_release import WWW, company, opened, proxy, relay, site, visitor, written

__all__ = ["company", "proxy", "relay", "site", "visitor"]
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.processes,
]
KEPT: Final = "async () => (await indexedDB.databases()).length + localStorage.length"


async def test_a_person_accepts_writes_is_answered_and_finds_all_again(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    page, room = await opened(visitor, site)
    await room.get_by_role("heading", name="Bevor Sie schreiben").wait_for()
    assert await page.frames[1].evaluate(KEPT) == 0
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Guten Tag, ich brauche ein Rezept.")
    await room.get_by_text("Angekommen").wait_for()
    (ahead,) = [path for path in site.files if path.startswith("/file_part-")]
    await until(lambda: f"GET {ahead}" in site.requests)
    await until(lambda: len(company.rooms()) == 1)
    (theirs,) = company.rooms()
    await theirs.claim(60)
    await theirs.send("Gern, bis morgen.")
    await room.get_by_role("log").get_by_text("Gern, bis morgen.").wait_for()
    await page.close()
    _, again = await opened(visitor, site)
    await again.get_by_role("log").get_by_text("Gern, bis morgen.").wait_for()
    await again.get_by_role("log").get_by_text("Guten Tag, ich brauche ein Rezept.").wait_for()


@browsers.firefox_in_audit
async def test_a_person_writes_although_the_list_does_not_come_and_finds_it_in_a_new_page(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    (late,) = [path for path in site.files if path.startswith("/conversation-")]
    right = site.files[late]
    site.files[late] = browsers.Answer(b"", status=503)
    _, room = await opened(visitor, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await room.get_by_text("local.part").wait_for()
    field = room.get_by_role("textbox", name="Nachricht")
    await field.fill("Ich brauche ein Rezept.")
    await field.press("Enter")
    await until(lambda: [one.unread for one in company.rooms()] == [1])
    assert await room.get_by_role("log").count() == 0
    site.files[late] = right
    await room.get_by_role("button", name="Seite neu laden").click()
    await room.get_by_role("log").get_by_text("Ich brauche ein Rezept.").wait_for()
    assert visitor.take_complaints() != []


@browsers.firefox_in_audit
async def test_a_person_writes_before_the_code_for_what_comes_is_here_and_is_answered_when_it_is(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    """STO-43: what came meanwhile comes again."""
    (late,) = [path for path in site.files if path.startswith("/received_part-")]
    right = site.files[late]
    site.files[late] = browsers.Answer(b"", status=503)
    _, room = await opened(visitor, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Guten Tag")
    await until(lambda: [one.unread for one in company.rooms()] == [1])
    (theirs,) = company.rooms()
    await theirs.claim(60)
    await theirs.send("Gern, bis morgen.")
    await until(lambda: site.requests.count(f"GET {late}") > 1)
    site.files[late] = right
    await room.get_by_role("log").get_by_text("Gern, bis morgen.").wait_for()
    await room.get_by_text("Angekommen").wait_for()
    assert visitor.take_complaints() != []


@browsers.firefox_in_audit
async def test_a_person_is_warned_of_an_account_number_and_a_guard_that_does_not_come_holds_up_nothing(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    (guard,) = [path for path in site.files if path.startswith("/guard-")]
    right = site.files[guard]
    site.files[guard] = browsers.Answer(b"", status=503)
    _, room = await opened(visitor, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Meine IBAN ist DE89370400440532013000 danke")
    site.files[guard] = right
    field = room.get_by_role("textbox", name="Nachricht")
    await field.fill("Meine IBAN ist DE89370400440532013000 gruss")
    await field.press("Enter")
    await room.get_by_text("Das sieht nach einer Kontonummer aus").wait_for()
    await room.get_by_role("button", name="Trotzdem senden").click()
    await room.get_by_role("log").get_by_text("gruss").wait_for()
    assert visitor.take_complaints() != []


@browsers.firefox_in_audit
async def test_who_comes_back_goes_on_when_the_code_that_opens_the_store_has_come(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    """STO-08: a page that begins needs none of it; without it the store is left as it is, and
    the page is what is missing, not the company."""
    (late,) = [path for path in site.files if path.startswith("/stored_part-")]
    right = site.files[late]
    site.files[late] = browsers.Answer(b"", status=503)
    page, room = await opened(visitor, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Guten Tag")
    await until(lambda: [one.unread for one in company.rooms()] == [1])
    await page.close()
    _, room = await opened(visitor, site)
    again = room.get_by_role("button", name="Seite neu laden")
    await again.wait_for()
    site.files[late] = right
    await again.click()
    await written(room, "Da bin ich wieder")
    await room.get_by_role("log").get_by_text("Guten Tag").wait_for()
    assert len(company.rooms()) == 1
    assert visitor.take_complaints() != []


@browsers.firefox_in_audit
async def test_two_tabs_show_and_write_one_conversation(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    """STO-42: what somebody writes in the second while the first goes is sent."""
    first_page, first = await opened(visitor, site)
    await first.get_by_role("button", name="Einverstanden, weiter").click()
    await written(first, "Aus dem ersten Fenster")
    _, second = await opened(visitor, site)
    await second.get_by_role("log").get_by_text("Aus dem ersten Fenster").wait_for()
    await written(second, "Aus dem zweiten Fenster")
    await first.get_by_role("log").get_by_text("Aus dem zweiten Fenster").wait_for()
    field = second.get_by_role("textbox", name="Nachricht")
    await field.fill("Nach dem Ende des ersten")
    await first_page.close()
    await field.press("Enter")
    await second.get_by_role("log").get_by_text("Nach dem Ende des ersten").wait_for()
    await second.get_by_text("Angekommen").wait_for()
    (theirs,) = company.rooms()
    await until(lambda: theirs.unread == 3)


@browsers.firefox_in_audit
async def test_a_withdrawal_is_one_act_and_reaches_the_company(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    _, room = await opened(visitor, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Bitte wieder vergessen")
    await room.get_by_text("Angekommen").wait_for()
    await room.get_by_role("button", name="Mehr").click()
    await room.get_by_role("menuitem", name="Einwilligung widerrufen").click()
    await room.get_by_role("dialog").get_by_role("button", name="Widerrufen").click()
    await room.get_by_text("hat die Löschung bestätigt").wait_for()
    await room.get_by_text("Diese Nachricht wurde gelöscht.").wait_for()
    assert await room.get_by_role("textbox").count() == 0


@browsers.firefox_in_audit
async def test_a_page_that_erases_everything_while_it_opens_has_the_company_told(
    visitor: browsers.Visitor, site: browsers.Site, company: Company
) -> None:
    """STO-37, CNS-82: the page asks before the room is there; the person says yes when it is."""
    page, room = await opened(visitor, site)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    await written(room, "Guten Tag")
    await room.get_by_text("Angekommen").wait_for()
    (theirs,) = company.rooms()
    await page.close()
    page = await visitor.open(site.url("/index.html", WWW))
    await page.evaluate("() => void document.querySelector('seal-room').forget()")
    dialog = page.frame_locator("seal-room iframe").get_by_role("dialog")
    await dialog.get_by_role("button", name="Alles löschen").click()

    async def heard() -> list[str | None]:
        return [one.text for one in await theirs.texts()]

    await until_read(heard, [])
    await page.frame_locator("seal-room iframe").get_by_text("hat den Auftrag").wait_for(state="attached")
    assert await page.frames[1].evaluate(KEPT) == 0
