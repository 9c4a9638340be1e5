"""The recovery code on the screens of the room: written down in one browser, typed in a fresh one."""

from __future__ import annotations

from typing import Final

import browsers
import pytest
from e2ee_client.rooms import Company
from e2ee_client.rooms.notices import EXAMPLE
from playwright.async_api import FrameLocator
from web_release import company, keeping, opened, proxy, relay, site, visitor, written

__all__ = ["company", "proxy", "relay", "site", "visitor"]
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.processes]
ACCEPT: Final = "Einverstanden, weiter"
COMPANY: Final = EXAMPLE["name"]
OTHER: Final = {digit: "A" if digit != "A" else "B" for digit in "0123456789ABCDEFGHJKMNPQRSTVWXYZ"}


@pytest.fixture
def recoverable(site: browsers.Site) -> browsers.Site:
    """The company's page, whose rooms have a code."""
    page = site.files["/index.html"]
    assert isinstance(page, bytes)
    site.files["/index.html"] = page.replace(b"<seal-room ", b'<seal-room storage="recoverable" ')
    site.files["/room.html"] = keeping(site, "recoverable")
    return site


async def shown_groups(room: FrameLocator) -> list[str]:
    """The code on the screen."""
    await room.locator(".sheet").wait_for()
    await room.get_by_text(f"Code für \u2068{COMPANY}\u2069").wait_for()
    return await room.locator(".sheet b").all_inner_texts()


async def written_down(room: FrameLocator) -> list[str]:
    """Show the code, type two groups back, and return all of them."""
    await room.get_by_role("button", name="Code zeigen").click()
    groups = await shown_groups(room)
    await room.get_by_role("button", name="Ich habe ihn aufgeschrieben").click()
    await room.locator("dialog input").first.wait_for()
    fields = await room.locator("dialog input").all()
    asked = [int((await one.get_attribute("id") or "").removeprefix("group-")) for one in fields]
    assert await room.locator(".sheet").count() == 0
    for field, number in zip(fields, asked, strict=True):
        await field.fill("00000")
        await field.press("Enter")
        await room.get_by_role("alert").get_by_text(f"Gruppe \u2068{number}\u2069 stimmt nicht").wait_for()
        await field.fill(groups[number - 1].lower())
    await fields[-1].press("Enter")
    await room.get_by_text("Stimmt. Bewahren Sie das Papier").wait_for()
    await room.get_by_role("button", name="Fertig").click()
    return groups


@browsers.firefox_in_audit
async def test_a_code_that_was_written_down_opens_in_a_fresh_browser(
    visitor: browsers.Visitor,
    new_visitor: browsers.NewVisitor,
    recoverable: browsers.Site,
    company: Company,
) -> None:
    """ACC-60 to ACC-68, ACC-72: kept by two groups, typed elsewhere, for the company that is named; a room
    of its own, and the old one is told.
    """
    _, room = await opened(visitor, recoverable)
    await room.get_by_role("button", name=ACCEPT).click()
    await written(room, "Aus dem ersten Browser")
    await room.get_by_text("Angekommen").wait_for()
    groups = await written_down(room)
    await room.get_by_role("button", name="Code zeigen").wait_for(state="detached")

    _, fresh = await opened(await new_visitor(), recoverable)
    await fresh.get_by_role("button", name="Ich habe einen Code").click()
    field = fresh.get_by_role("textbox", name="Code von Ihrem Papier")
    await fresh.get_by_text(f"Code für \u2068{COMPANY}\u2069").wait_for()
    third = groups[2]
    await field.fill("-".join((*groups[:2], OTHER[third[0]] + third[1:-1], *groups[3:])))
    await field.press("Enter")
    await fresh.get_by_text("Bitte sehen Sie Gruppe \u20683\u2069 noch einmal an.").wait_for()
    assert await field.get_attribute("aria-invalid") == "true"
    await field.fill(" ".join(groups).lower())
    await field.press("Enter")
    await fresh.get_by_text("Der Code stimmt.").wait_for()
    assert len(company.rooms()) == 1
    await fresh.get_by_role("dialog").get_by_role("button", name=ACCEPT).click()
    await fresh.get_by_text("Sie schreiben wieder als Sie selbst").wait_for()
    await fresh.get_by_role("button", name="Weiterschreiben").click()
    await written(fresh, "Aus dem zweiten Browser")
    await fresh.get_by_text("Angekommen").wait_for()
    assert await fresh.get_by_text("Aus dem ersten Browser").count() == 0
    assert len(company.rooms()) == 2
    await room.get_by_text("Jemand hat Ihren Code benutzt").wait_for()
    assert await room.get_by_text("Aus dem ersten Browser").count() == 1
    # Who has typed the code has it: nobody is reminded, and it is in the menu.
    assert await fresh.get_by_role("button", name="Code zeigen").count() == 0
    await fresh.get_by_role("button", name="Mehr").click()
    await fresh.get_by_role("menuitem", name="Ihr Code").click()
    assert await shown_groups(fresh) == groups


@pytest.mark.parametrize("browser_name", ["firefox"], indirect=True, scope="session")
async def test_a_code_goes_from_one_firefox_to_another(
    visitor: browsers.Visitor,
    new_visitor: browsers.NewVisitor,
    recoverable: browsers.Site,
    company: Company,
) -> None:
    """ACC-60, ACC-65, ACC-67: shown, typed in a fresh one, written with; the one before is told."""
    _, room = await opened(visitor, recoverable)
    await room.get_by_role("button", name=ACCEPT).click()
    await written(room, "Aus dem ersten Browser")
    await room.get_by_role("button", name="Code zeigen").click()
    groups = await shown_groups(room)
    _, fresh = await opened(await new_visitor(), recoverable)
    await fresh.get_by_role("button", name="Ich habe einen Code").click()
    field = fresh.get_by_role("textbox", name="Code von Ihrem Papier")
    await field.fill("-".join(groups))
    await field.press("Enter")
    await fresh.get_by_role("dialog").get_by_role("button", name=ACCEPT).click()
    await fresh.get_by_role("button", name="Weiterschreiben").click()
    await written(fresh, "Aus dem zweiten Browser")
    await fresh.get_by_text("Angekommen").wait_for()
    assert len(company.rooms()) == 2
    await room.get_by_text("Jemand hat Ihren Code benutzt").wait_for()
