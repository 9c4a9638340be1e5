"""What a person has begun outlives what comes meanwhile: a press, a focus, a selection, an open menu."""

from __future__ import annotations

from typing import Final

import browsers
import pytest
from playwright.async_api import Locator, Page
from web_windows import Show, pages, show, site, window

__all__ = ["pages", "show", "site", "window"]
pytestmark = pytest.mark.asyncio(loop_scope="session")
REDRAWN: Final = """async (change) => {
  const state = backend.state();
  backend.change(new Function("state", `return ${change}`)(state));
  for (let i = 0; i < 4; i += 1) await new Promise((done) => requestAnimationFrame(done));
}"""
# As the tab that leads has it: members and items are other objects, and a file has moved on.
ALL_ANEW: Final = """{ members: state.members.map((one) => ({ ...one })),
  items: state.items.map((one) => ({ ...one, file: one.file?.state === "moving"
    ? { ...one.file, movedB: one.file.movedB + 9_000 } : one.file ?? null })) }"""
ALL_HERE: Final = """{ items: state.items.map((one) =>
  ({ ...one, file: one.file && { ...one.file, state: "here" } })) }"""
QUOTED_ERASED: Final = """{ items: state.items.map((one) => state.items.some((by) => by.replyTo === one.id)
  ? { ...one, isErased: true, text: "" } : one) }"""
OTHER_NAMES: Final = "{ members: state.members.map((one) => ({ ...one, team: `${one.team}.` })) }"
CALLED: Final = "(name) => backend.calls.filter((one) => one[0] === name).map((one) => one[1])"
# How often an element that a screen reader listens to has changed from now on.
LISTEN: Final = """(element) => {
  window.said = 0;
  new MutationObserver(() => { window.said += 1; })
    .observe(element, { childList: true, characterData: true, subtree: true });
}"""


async def redraw(page: Page, change: str) -> None:
    """The state of the room changes, and is drawn."""
    await page.evaluate(REDRAWN, change)


async def press(page: Page, control: Locator, change: str) -> None:
    """Press a control; between the two halves of the press the state changes."""
    await control.scroll_into_view_if_needed()
    await redraw(page, "{}")
    box = await control.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await redraw(page, change)
    await page.mouse.up()


@pytest.mark.parametrize("change", [ALL_ANEW, OTHER_NAMES])
async def test_a_press_on_a_message_counts_although_the_row_is_drawn_anew(show: Show, change: str) -> None:
    page = await show("files")
    discard = page.get_by_role("button", name="Abbrechen")
    await press(page, discard, change)
    assert len(await page.evaluate(CALLED, "cancelFile")) == 1
    failed = page.get_by_role("listitem").filter(has_text="Unterlagen.zip")
    await press(page, failed.get_by_role("button", name="Noch einmal"), change)
    assert len(await page.evaluate(CALLED, "retry")) == 1


@browsers.firefox_in_audit
async def test_a_file_that_cannot_be_tried_again_from_here_has_no_button_for_it(show: Show) -> None:
    page = await show("files")
    failed = page.get_by_role("listitem").filter(has_text="Unterlagen.zip")
    await failed.get_by_role("button", name="Noch einmal").wait_for()
    file = "one.file && { ...one.file, canRetry: false }"
    await redraw(page, f"{{ items: state.items.map((one) => ({{ ...one, file: {file} }})) }}")
    assert await failed.get_by_role("button", name="Noch einmal").count() == 0


async def test_a_press_on_what_has_become_another_action_does_neither(show: Show) -> None:
    """A press on `Abbrechen` is none on `Speichern`, which comes to its place; the focus goes to the row."""
    page = await show("files")
    cancel = page.get_by_role("button", name="Abbrechen")
    await press(page, cancel, ALL_HERE)
    assert await cancel.count() == 0
    assert await page.evaluate("backend.calls.filter(([name]) => name.endsWith('File'))") == []
    page = await show("files")
    await page.get_by_role("button", name="Abbrechen").focus()
    await redraw(page, ALL_HERE)
    row = page.get_by_role("listitem").filter(has_text="Bescheid.pdf")
    assert await row.evaluate("(one) => one.matches(':focus')")


async def test_a_message_that_is_drawn_anew_keeps_its_controls_its_focus_and_its_image(show: Show) -> None:
    page = await show("files")
    image = page.get_by_role("img", name="Foto vom Formular.jpg")
    await image.wait_for()
    cancel = page.get_by_role("button", name="Abbrechen")
    await cancel.focus()
    kept = [await one.element_handle() for one in (cancel, image)]
    for change in (ALL_ANEW, OTHER_NAMES):
        await redraw(page, change)
    assert await cancel.evaluate("(now, was) => now === was && now.matches(':focus')", kept[0])
    assert await image.evaluate("(now, was) => now === was && now.complete", kept[1])
    assert await page.locator("progress").get_attribute("value") == "2609000"


@browsers.firefox_in_audit
async def test_messages_are_counted_anew_when_earlier_ones_have_come(show: Show) -> None:
    """Those that were there are drawn as before, and stand further behind."""
    page = await show("open")
    rows = page.locator("seal-messages .row")
    before = await rows.count()
    await redraw(page, "{ items: [{ ...state.items[0], id: 'earlier' }, ...state.items], hasEarlier: false }")
    places = await rows.evaluate_all("(all) => all.map((one) => [one.ariaPosInSet, one.ariaSetSize])")
    assert places == [[str(at + 1), str(before + 1)] for at in range(before + 1)]


async def test_the_focus_stays_where_a_person_went_while_a_text_was_sent(show: Show) -> None:
    """The field has it from when the text is sent, not again when it was."""
    page = await show("open")
    field = page.get_by_role("textbox", name="Nachricht")
    await page.evaluate("""() => {
      const { send } = backend;
      backend.send = async (...all) => (await new Promise((done) => { window.goOn = done; }), send(...all));
    }""")
    await field.fill("Guten Abend")
    await page.get_by_role("button", name="Senden").click()
    assert await field.evaluate("(one) => one.matches(':focus')")
    more = page.get_by_role("button", name="Aktionen").first
    await more.focus()
    await page.evaluate("goOn()")
    await page.get_by_role("log").get_by_text("Guten Abend").wait_for()
    assert await field.input_value() == ""
    assert await more.evaluate("(one) => one.matches(':focus')")


async def test_text_of_a_message_stays_selected_when_a_receipt_comes(show: Show) -> None:
    page = await show("waiting")
    text = page.get_by_role("log").get_by_text("Guten Tag")
    await text.select_text()
    await redraw(page, '{ items: state.items.map((one) => ({ ...one, delivery: "delivered" })) }')
    await page.get_by_text("Angekommen").wait_for()
    assert "Termin frei?" in str(await text.evaluate("() => getSelection().toString()"))


async def test_a_menu_acts_on_the_message_as_it_is_now_and_gives_the_focus_back(show: Show) -> None:
    page = await show("open")
    more = page.get_by_role("button", name="Aktionen").last
    await more.click()
    await redraw(page, ALL_ANEW)
    assert await more.get_attribute("aria-expanded") == "true"
    await page.keyboard.press("Escape")
    assert await more.evaluate("(one) => one.matches(':focus') && one.ariaExpanded === 'false'")
    await redraw(page, "{ items: state.items.map((one) => one.text ? { ...one, text: 'Anders' } : one) }")
    await more.click()
    await page.get_by_role("menuitem", name="Antworten").click()
    await page.get_by_text("Antwort an").get_by_text("Anders").wait_for()


async def test_the_focus_goes_to_a_message_that_is_erased_while_its_menu_is_open(show: Show) -> None:
    page = await show("open")
    await page.get_by_role("button", name="Aktionen").last.press("Enter")
    await page.get_by_role("menuitem", name="Antworten").wait_for()
    await redraw(page, "{ items: state.items.map((one) => ({ ...one, isErased: true })) }")
    await page.keyboard.press("Escape")
    row = page.get_by_role("log").get_by_role("listitem").last
    assert await row.evaluate("(one) => one.matches(':focus')")


@browsers.firefox_in_audit
async def test_what_was_erased_goes_from_the_replies_that_quote_it(show: Show) -> None:
    """The quote of a row comes from another message; the row itself has not changed."""
    page = await show("open")
    quote = page.locator(".quote").first
    said = await quote.inner_text()
    was = await quote.element_handle()
    await redraw(page, QUOTED_ERASED)
    assert await quote.inner_text() == "Eine frühere Nachricht"
    assert said not in await page.get_by_role("log").inner_text()
    assert await quote.evaluate("(now, was) => now === was", was)


@browsers.firefox_in_audit
async def test_today_is_yesterday_after_midnight(show: Show) -> None:
    page = await show("open")
    day = page.locator(".day").last
    assert await day.inner_text() == "Heute"
    await page.evaluate("clock.laterMs = 86_400_000")
    await redraw(page, "{}")
    assert await day.inner_text() == "Gestern"


async def test_a_note_keeps_its_controls_and_is_said_once(show: Show) -> None:
    page = await show("hours")
    note = page.get_by_role("main").get_by_role("status").first
    leave = note.get_by_role("button").first
    await leave.focus()
    was = await leave.element_handle()
    await note.evaluate(LISTEN)
    await redraw(page, "{ members: [...state.members], keeping: { ...state.keeping }, code: 'kept' }")
    assert await page.evaluate("said") == 0
    await redraw(page, "{ link: 'offline' }")
    assert await page.evaluate("said") > 0
    assert await leave.evaluate("(now, was) => now === was && now.matches(':focus')", was)
    await press(page, leave, "{ link: 'connecting' }")
    assert await leave.count() == 0


async def test_who_writes_when_a_room_is_closed_rates_nothing_by_that(show: Show) -> None:
    """The focus goes to what has happened, not to the first choice of a rating."""
    page = await show("open")
    await page.get_by_role("textbox", name="Nachricht").focus()
    await redraw(page, "{ phase: 'closed', canWrite: false, canRate: true }")
    title = page.get_by_role("heading", name="Dieses Gespräch ist abgeschlossen.")
    await title.wait_for()
    assert await title.evaluate("(one) => one.matches(':focus')")
    await page.keyboard.type("Noch eine Frage ")
    assert await page.get_by_role("radio", checked=True).count() == 0


async def test_what_was_written_into_a_rating_stays_when_the_room_changes(show: Show) -> None:
    page = await show("closed")
    await page.get_by_role("radio", name="4").check()
    field = page.get_by_role("textbox")
    await field.fill("Sehr gut")
    await redraw(page, "{ canReopen: false }")
    await page.get_by_role("button", name="Wieder öffnen").wait_for(state="detached")
    assert await field.input_value() == "Sehr gut"
    assert await field.evaluate("(one) => one.matches(':focus')")


async def test_what_was_ticked_in_a_notice_stays_when_something_else_comes(show: Show) -> None:
    page = await show("notice")
    box = page.get_by_role("checkbox").first
    await box.check()
    await redraw(page, "{ company: { ...state.company, hours: null } }")
    await page.get_by_role("button", name="anderen Gerät").click()
    await page.get_by_role("dialog").wait_for()
    await page.keyboard.press("Escape")
    assert await box.is_checked()
    await press(page, page.get_by_role("button", name="Einverstanden"), "{ company: { ...state.company } }")
    assert len(await page.evaluate("backend.calls.find(([name]) => name === 'accept')[1]")) == 2


MOVED: Final = """() => {
  const root = room.shadowRoot.querySelector("seal-messages").shadowRoot;
  const places = () => [...root.querySelectorAll(".row, .row button")].map((one) => {
    const { x, y, width, height } = one.getBoundingClientRect();
    return [one.textContent, x, y, width, height].join();
  });
  const before = places(), moved = [];
  for (const one of root.querySelectorAll(".row, .row button")) {
    one.focus({ preventScroll: true });
    moved.push(...places().filter((place, at) => place !== before[at]));
  }
  return moved;
}"""


@pytest.mark.parametrize("scene", ["files", "choices", "failed"])
async def test_a_control_stays_where_it_is_when_it_gets_the_focus(show: Show, scene: str) -> None:
    """A press gives the focus; what moves then gets no click. Firefox has no mouse in these tests."""
    page = await show(scene)
    assert await page.evaluate(MOVED) == []
