"""The desk's page in a browser: a story with an agent and a customer; what is hostile stays text."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import browsers
import pytest
import pytest_asyncio
import web_packages
from conversations import until, until_read
from desk_page import served
from e2ee_client.desk import assets, schema
from e2ee_client.desk import page as page_of_process
from e2ee_client.desk.acts import Act, carry_out
from e2ee_client.room_events import Equivocation, FreezeUndecided
from e2ee_client.rooms import Agent, CompanyRoom, CustomerRoom, EntryProgress
from e2ee_client.testing import FakeClock, MemoryNetwork
from playwright.async_api import Page
from practice import Practice, practice

from e2ee.rooms.kinds import Kind
from e2ee.rooms.state import Phase

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("browser_name", ["chromium"], indirect=True, scope="session"),
]
HOSTILE = (
    '<img src=x onerror="document.title=1">',
    "<script>document.title=1</script>",
    '"><svg onload=document.title=1>',
    "javascript:document.title=1",
    "{{constructor.constructor('document.title=1')()}}",
    "\u202eumgedreht\u2066 \u200b<b>",
)
DAY_MS = 86_400_000
AXE = web_packages.WORKSPACE / "node_modules/axe-core/axe.min.js"
SETTINGS = """if (location.protocol === "http:")
  localStorage.setItem("sealroom-desk-settings", JSON.stringify({ language: "%s", isWarned: true }))"""


# Has the page hear what a room has said when a test lets it, from when there is a list of these.
LATE = """{
  const { addEventListener } = WebSocket.prototype;
  WebSocket.prototype.addEventListener = function (name, hear) {
    addEventListener.call(this, name, (event) => {
      const isLate = name === "message" && window.late && JSON.parse(event.data).type === "history";
      if (isLate) window.late.push(() => hear(event));
      else hear(event);
    });
  };
}"""


@pytest.fixture(scope="module")
def desk_page(web_libraries: None) -> Mapping[str, assets.Asset]:
    """The files of the page, which a desk in a checkout builds each time it starts, built once."""
    return assets.load()


@pytest_asyncio.fixture(loop_scope="session")
async def praxis(
    desk_page: Mapping[str, assets.Asset], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Practice]:
    """A practice whose notice is published, over a relay in memory."""
    monkeypatch.setattr(assets, "load", lambda: desk_page)
    network = MemoryNetwork(clock=FakeClock(speed=20))
    try:
        async with practice(network) as made:
            yield made
    finally:
        network.relay.close()


@asynccontextmanager
async def opened(visitor: browsers.Visitor, address: str, language: str = "de") -> AsyncIterator[Page]:
    """Open the desk, wait until its list is there, and close the page before the desk ends."""
    await visitor.context.add_init_script(SETTINGS % language)
    page = await visitor.open(address)
    await page.locator(".queue").wait_for()
    yield page
    await page.close()


async def asked(praxis: Practice, agent: Agent, *texts: str) -> CustomerRoom:
    """A customer has written, and waits. What nobody has confirmed goes to who takes the room (ROOM-35)."""
    room = await praxis.opened(await praxis.customer())
    for text in texts:
        await (await room.send(text)).wait_for(EntryProgress.DELIVERED, 60)
    await until(lambda: any(one.room_id == room.room_id for one in agent.rooms()))
    return room


async def faults(page: Page) -> list[str]:
    """What axe finds by the rules of WCAG 2.2 AA; the driver puts it in, past the page's policy."""
    await page.emulate_media(reduced_motion="reduce")  # what is just coming has little contrast
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate(
        "async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })).violations"
    )
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


async def test_a_customer_is_claimed_answered_handed_on_and_closed(
    praxis: Practice, new_visitor: browsers.NewVisitor
) -> None:
    a = await praxis.agent("Frau Sommer", teams=["Empfang"])
    b = await praxis.agent("Herr Winter", teams=["Abrechnung"])
    async with served(a) as (at, _), opened(await new_visitor(), at.address()) as page:
        await page.get_by_text("Hier ist kein Gespräch.").wait_for()
        await page.locator(".queue .top").get_by_text("Frau Sommer").wait_for()
        assert await faults(page) == []
        room = await asked(praxis, a, "Guten Tag")
        await page.locator(".item").get_by_text("wartet").wait_for()
        await until_read(page.title, "(1) Praxis")
        await page.keyboard.press("n")
        await page.get_by_text("Sie kümmern sich darum.").wait_for()
        await page.get_by_role("textbox", name="Nachricht").fill("DE89 3704 0044 0532 0130 00")
        await page.keyboard.press("Enter")
        await page.get_by_text("Das sieht nach einer Kontonummer aus").wait_for()
        await page.get_by_role("button", name="Noch einmal ansehen").click()
        await page.get_by_role("textbox", name="Nachricht").fill("Guten Tag, hier ist Sommer")
        await page.keyboard.press("Enter")
        await until(lambda: room.unread == 1)
        await page.get_by_text("Angekommen").wait_for()
        await room.send("Die Rechnung stimmt nicht")
        await page.locator("seal-messages .bubble").get_by_text("Die Rechnung stimmt nicht").wait_for()
        await until(lambda: a.room(room.room_id).unread == 0)
        assert await faults(page) == []
        await praxis.company.room(room.room_id).note("Stammkunde")
        await page.get_by_role("tab", name="Notizen").click()
        await page.locator("seal-messages .bubble").get_by_text("Stammkunde").wait_for()
        assert await faults(page) == []
        await page.get_by_role("button", name="Weitere Aktionen").click()
        await page.get_by_role("menuitem", name="Verlauf weitergeben").click()
        await page.locator(".toast").get_by_text("Dafür ist gerade niemand da.").wait_for()
        await page.get_by_role("button", name="Übergeben", exact=True).click()
        await page.get_by_label("An wen").select_option(label="Herr Winter (Team)")
        await page.get_by_label("Notiz für das Team").fill("Bitte die zweite Position prüfen")
        assert await faults(page) == []
        await page.get_by_role("dialog").get_by_role("button", name="Übergeben").click()
        await until(lambda: room.assigned is not None and room.assigned.name == "Herr Winter")
        await page.locator(".toast").get_by_text("Das Gespräch ist übergeben.").wait_for()
    visitor = await new_visitor(color_scheme="dark")
    async with served(b) as (at, _), opened(visitor, at.address(), "en") as page:
        await page.locator(".item").click()
        await page.locator("seal-messages .bubble").get_by_text("Die Rechnung stimmt nicht").wait_for()
        await until_read(page.get_by_text("since you joined").count, 0)
        await page.get_by_role("button", name="Canned answers").wait_for()
        await page.get_by_role("tab", name="Notes").click()
        await page.locator("seal-messages .bubble").get_by_text("Bitte die zweite Position prüfen").wait_for()
        assert await faults(page) == []
        await page.get_by_role("button", name="Close", exact=True).click()
        await page.get_by_label("Reason").fill("Erledigt")
        await page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
        await until(lambda: room.phase is Phase.CLOSED)
        await page.get_by_role("button", name="Open again").wait_for()
        await page.get_by_role("tab", name="Messages").click()
        await page.get_by_text("The conversation is closed.").wait_for()
        await page.get_by_text("The conversation is closed: \u2068Erledigt\u2069").wait_for()
        assert await page.get_by_role("button", name="Canned answers").count() == 0
        await page.get_by_role("button", name="More actions").click()
        await page.get_by_role("menuitem", name="Leave the conversation").wait_for()
        assert await page.get_by_role("menuitem", name="Back to the queue").count() == 0
        await page.keyboard.press("Escape")
        await room.rate(4, "Schnell")
        await page.get_by_text("The customer has rated: 4 of 5. \u2068Schnell\u2069").first.wait_for()
        await room.withdraw()
        await (
            page.get_by_role("main")
            .get_by_text("The customer has withdrawn consent")
            .or_(page.get_by_text("The conversation is erased."))
            .wait_for()
        )
        await page.get_by_text("The conversation is closed.").first.wait_for()
        await until_read(page.get_by_text("Shorten retention").count, 0)


async def test_an_agent_sends_a_file_and_looks_at_an_image(
    praxis: Practice, visitor: browsers.Visitor, tmp_path: Path
) -> None:
    """FIL-12, FIL-17, FIL-20, FIL-21: with the field of the room, over the process of the desk."""
    agent = await praxis.agent("Frau Sommer")
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        room = await asked(praxis, agent, "Guten Tag")
        await page.locator(".item").get_by_text("wartet").wait_for()
        await page.keyboard.press("n")
        await page.get_by_text("Sie kümmern sich darum.").wait_for()
        content = b"Befund: alles in Ordnung.\n" * 10_000
        files = page.locator("seal-composer input[type=file]")
        await files.set_input_files({"name": "Befund.txt", "mimeType": "", "buffer": content})
        await page.get_by_role("list", name="Gewählte Dateien").get_by_text("Befund.txt").wait_for()
        assert await faults(page) == []
        await page.get_by_role("button", name="Senden", exact=True).click()
        while not (came := [one for one in await room.history() if one.kind == Kind.FILE]):
            await room._client.progress.wait()
        assert (await came[0].save(tmp_path)).read_bytes() == content
        await page.locator("seal-messages .file").get_by_role("button", name="Speichern").wait_for()
        await until_read(page.get_by_role("progressbar").count, 0)
        (tmp_path / "Foto.png").write_bytes(browsers.PNG)
        await room.send_file(tmp_path / "Foto.png")
        await page.get_by_role("img", name="Bild").wait_for()
        await page.evaluate(browsers.COUNT_URLS)
        (tmp_path / "Plan.png").write_bytes(browsers.png(30_000, 30_000))
        await room.send_file(tmp_path / "Plan.png")
        await page.get_by_text("Lässt sich hier nicht zeigen").wait_for()
        assert await page.locator("seal-messages img").count() == 1
        assert await page.evaluate("() => made") == 0
        assert await faults(page) == []


async def test_what_is_hostile_is_shown_as_text(praxis: Practice, visitor: browsers.Visitor) -> None:
    a = await praxis.agent("Agent <b>A</b>")
    room = await asked(praxis, a, "Guten Tag")
    ours = await claimed(a, room)
    for text in HOSTILE:
        await room.send(text)
    await until(lambda: ours.unread >= len(HOSTILE))
    await praxis.company.room(room.room_id).note(HOSTILE[0])
    async with served(a) as (at, hub), opened(visitor, at.address()) as page:
        await hub.local.set_labels(room.room_id, (HOSTILE[1][:30],))
        await page.locator(".item").click()
        for text in HOSTILE:
            await page.locator("seal-messages .text").get_by_text(text, exact=True).wait_for()
        await page.get_by_role("tab", name="Notizen").click()
        await page.locator("seal-messages .text").get_by_text(HOSTILE[0], exact=True).wait_for()
        assert (await page.title()).endswith("Praxis")
        assert await page.locator("seal-desk img, seal-desk script").count() == 0


async def claimed(agent: Agent, room: CustomerRoom) -> CompanyRoom:
    """The room as it is at an agent, who has taken it and has nothing of what was asked before."""
    ours = agent.room(room.room_id)
    await ours.claim(60)
    await ours.send("Guten Tag")
    await until(lambda: room.unread == 1)
    return ours


async def test_a_locked_page_shows_nothing_of_before(praxis: Practice, visitor: browsers.Visitor) -> None:
    a = await praxis.agent("Frau Sommer")
    room = await asked(praxis, a, "Guten Tag")
    ours = await claimed(a, room)
    await room.send("Geheimes Anliegen")
    await until(lambda: ours.unread >= 1)
    async with served(a) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").click()
        await page.locator("seal-messages .bubble").get_by_text("Geheimes Anliegen").wait_for()
        await page.get_by_role("button", name="Menü", exact=True).click()
        await page.get_by_role("menuitem", name="Sperren").click()
        await page.get_by_label("Passphrase").wait_for()
        assert "Geheimes" not in json.dumps(await page.evaluate(TEXTS))
        assert await faults(page) == []
        await page.get_by_label("Passphrase").fill("x")
        await page.keyboard.press("Enter")
        await page.locator(".item").wait_for()


async def test_what_was_found_goes_with_its_erasure_and_with_the_lock(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    a = await praxis.agent("Frau Sommer")
    room = await asked(praxis, a, "Guten Tag")
    ours = await claimed(a, room)
    first = await room.send("Geheimes Anliegen")
    await room.send("Geheimes Leiden")
    await until(lambda: ours.unread >= 2)
    async with served(a) as (at, _), opened(visitor, at.address()) as page:
        field = page.get_by_role("searchbox")
        await field.fill("Geheimes")
        await field.press("Enter")
        await page.locator(".hit").nth(1).wait_for()
        await room.erase([first])
        await page.locator(".hit").nth(1).wait_for(state="detached")
        assert "Leiden" in await page.locator(".hit").inner_text()
        await page.get_by_role("button", name="Menü", exact=True).click()
        await page.get_by_role("menuitem", name="Sperren").click()
        await page.get_by_label("Passphrase").fill("x")
        await page.keyboard.press("Enter")
        await page.locator(".item").wait_for()
        assert await page.locator(".hit").count() == 0
        assert await field.input_value() == ""


async def test_what_was_erased_goes_from_the_replies_that_quote_it(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    a = await praxis.agent("Frau Sommer")
    room = await asked(praxis, a, "Guten Tag")
    ours = await claimed(a, room)
    secret = await room.send("Geheimes Anliegen")
    await until(lambda: ours.unread >= 1)
    async with served(a) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").click()
        await ours.send("Das klären wir", reply_to=secret)
        quote = page.locator(".quote")
        await until_read(quote.inner_text, "Geheimes Anliegen")
        await room.erase([secret])
        await until_read(quote.inner_text, "Eine frühere Nachricht")


async def test_a_desk_that_does_not_answer_is_said(
    praxis: Practice, new_visitor: browsers.NewVisitor
) -> None:
    """With more cookies of other programs of this machine than the process reads, no connection opens."""
    visitor = await new_visitor(locale="de-DE")
    foreign = [
        {"name": f"other-{n}", "value": "0" * 64, "domain": "127.0.0.1", "path": "/"} for n in range(120)
    ]
    async with served(praxis.company) as (at, _):
        await visitor.context.add_cookies(foreign)  # type: ignore[arg-type]  # a dict of these names
        page = await visitor.open(at.address())
        await page.get_by_role("heading", name="Der Arbeitsplatz antwortet nicht").wait_for()
        await visitor.context.clear_cookies(name=re.compile("other-"))
        await page.reload()
        await page.locator(".queue").wait_for()
        await page.close()
    assert all("WebSocket" in one for one in visitor.take_complaints())


async def test_no_dialog_comes_after_the_lock(praxis: Practice, visitor: browsers.Visitor) -> None:
    async with served(praxis.company) as (at, hub), opened(visitor, at.address()) as page:
        await page.get_by_role("button", name="Menü", exact=True).click()
        await page.get_by_role("menuitem", name="Textbausteine").click()
        await page.get_by_role("button", name="Neuer Textbaustein").click()
        await page.locator("dialog form").wait_for()
        hub.lock()
        await page.get_by_label("Passphrase").wait_for()
        await page.get_by_label("Passphrase").fill("x")
        assert await page.locator("dialog").count() == 0


TEXTS = """() => {
  const own = (one) => [...one.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data);
  const of = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
    [...own(one), one.value ?? "", ...(one.shadowRoot ? of(one.shadowRoot) : [])]);
  return of(document);
}"""


async def test_the_first_word_of_the_page_moves_nothing_out_of_it(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    """Whoever has not read yet on whose machine a desk belongs sees all of the room, the field too."""
    a = await praxis.agent("Frau Sommer")
    room = await asked(praxis, a, "Guten Tag")
    await claimed(a, room)
    async with served(a) as (at, _):
        page = await visitor.open(at.address())
        await page.locator(".item").click()
        strip = page.locator(".strip").first
        field = page.get_by_role("textbox", name="Message", exact=True)
        await strip.wait_for()
        await field.wait_for()
        assert await page.evaluate(OUT) == []
        await strip.get_by_role("button").click()
        await strip.wait_for(state="detached")
        assert await page.evaluate(OUT) == []
        await page.close()


async def test_who_has_a_room_without_its_history_reads_who_hands_it_over(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    """What opens a room is handed to everybody who joins, and is no history of what was said."""
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Guten Tag")
    ours = await claimed(agent, room)
    assert any(one.kind == Kind.OPEN and one.forwarded_by for one in await ours.history())
    why = "Den Verlauf davor gibt das Team oder der Empfang weiter."
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").click()
        await page.get_by_text(why).wait_for()
        await praxis.company.room(room.room_id).hand_over(agent.me().device_id, 16)
        await page.locator("seal-messages .bubble").filter(has_text="Guten Tag").nth(1).wait_for()
        await page.get_by_text(why).wait_for(state="detached")


async def test_escape_in_the_search_ends_it_and_leaves_the_room_open(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Guten Tag")
    await claimed(agent, room)
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").click()
        search = page.get_by_role("searchbox", name="Suchen")
        for keys in ((), ("Enter",)):
            await search.fill("Tag")
            for key in keys:
                await search.press(key)
                await page.get_by_text("Gefunden auf diesem Gerät").wait_for()
            await search.press("Escape")
            assert await search.input_value() == ""
        await page.get_by_text("Gefunden auf diesem Gerät").wait_for(state="detached")
        await search.press("Escape")
        assert await page.evaluate(WRITES_IN) is None
        await page.get_by_role("textbox", name="Nachricht").wait_for()
        await page.keyboard.press("Escape")
        await page.get_by_text("Wählen Sie links ein Gespräch.").wait_for()


# The field in which a person writes.
WRITES_IN = """document.querySelector("seal-desk").shadowRoot.activeElement?.localName ?? null"""


async def test_all_that_can_be_done_in_a_room_is_in_view_at_320_pixels(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    """As at 1280 pixels and a zoom of 400 %: its name, its buttons and its menu."""
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Guten Tag")
    await claimed(agent, room)
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.set_viewport_size({"width": 320, "height": 640})
        await page.locator(".item").click()
        head = page.locator("main .top")
        await head.get_by_role("button", name="Abschließen").wait_for()
        assert await page.evaluate(BEYOND) == []
        assert await head.get_by_role("button", name="Weitere Aktionen").is_visible()
        assert (await head.locator("h2").bounding_box() or {"width": 0})["width"] > 100


# What stands beyond the edges, or has no width, of the head of a room.
BEYOND = """() => {
  const root = document.querySelector("seal-desk").shadowRoot;
  return [...root.querySelectorAll("main .top button, main .top h2")].filter((one) => {
    const { left, right, width } = one.getBoundingClientRect();
    return width < 1 || left < 0 || right > innerWidth;
  }).map((one) => one.textContent || one.getAttribute("aria-label"));
}"""


OUT = """() => {
  const root = document.querySelector("seal-desk").shadowRoot;
  const all = [...root.querySelectorAll(".strip, .pane, seal-messages, seal-composer")];
  return all.filter((one) => { const { top, bottom } = one.getBoundingClientRect();
    return top < -1 || bottom > innerHeight + 1; }).map((one) => one.className || one.tagName);
}"""


async def test_an_address_works_once(praxis: Practice, new_visitor: browsers.NewVisitor) -> None:
    async with served(praxis.company) as (at, _):
        address = at.address()
        second = await new_visitor()
        async with opened(await new_visitor(), address) as page:
            assert "#" not in page.url
            await page.reload()
            await page.locator(".queue").wait_for()
            async with opened_late(second, address) as late:
                await late.get_by_role("heading", name="Diese Adresse gilt nicht mehr").wait_for()
        assert [one for one in second.take_complaints() if "401" not in one] == []


@asynccontextmanager
async def opened_late(visitor: browsers.Visitor, address: str) -> AsyncIterator[Page]:
    """Open an address that was used already."""
    await visitor.context.add_init_script(SETTINGS % "de")
    page = await visitor.open(address)
    yield page
    await page.close()


async def test_what_an_agent_is_about_to_press_stays_when_news_come(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    """The row of a room, a view, a button of the head, what was found: the same elements, with the focus."""
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Eine Rechnung")
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").get_by_text("wartet").wait_for()
        await page.keyboard.press("n")
        await page.get_by_text("Sie kümmern sich darum.").wait_for()
        row = page.locator(".queue .item")
        view = page.get_by_role("button", name="Offene")
        head = page.get_by_role("button", name="Übergeben", exact=True)
        edit = page.locator(".about").get_by_role("button", name="Ändern").first
        for number, control in enumerate((row, view, head, edit)):
            await control.focus()
            before = await control.element_handle()
            await room.send(f"Nummer {number}")
            await row.get_by_text(f"Nummer {number}").wait_for()
            assert await control.evaluate("(now, before) => now === before", before)
        field = page.get_by_role("searchbox")
        await field.fill("Nummer 1")
        await field.press("Enter")
        hit = page.locator(".hit")
        box = await hit.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 20, box["y"] + 20)
        await page.mouse.down()
        await room.send("Zuletzt")
        await page.locator("seal-messages .bubble").get_by_text("Zuletzt").wait_for()
        assert await hit.evaluate("(one) => one.matches(':focus')")
        await page.mouse.up()
        await page.locator("seal-messages .row:focus").get_by_text("Nummer 1").wait_for()


async def test_what_was_found_is_shown_although_news_come_before_its_room(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Eine Rechnung")
    await visitor.context.add_init_script(LATE)
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").get_by_text("wartet").wait_for()
        await page.keyboard.press("n")
        await page.get_by_text("Sie kümmern sich darum.").wait_for()
        await room.send("Nummer 1")
        await page.locator(".item").get_by_text("Nummer 1").wait_for()
        field = page.get_by_role("searchbox")
        await field.fill("Nummer 1")
        await field.press("Enter")
        await page.evaluate("() => { window.late = []; }")
        await page.locator(".hit").click()
        await room.send("Zuletzt")
        await page.locator("seal-messages .bubble").get_by_text("Zuletzt").wait_for()
        await browsers.until(page, "() => late.length > 0")
        await page.evaluate("() => { for (const hear of late) hear(); }")
        await page.locator("seal-messages .row:focus").get_by_text("Nummer 1").wait_for()


async def test_what_an_agent_is_writing_stays_in_its_room_also_when_the_desk_was_locked(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    """ROOM-74: nothing of another wording of a message, which was not sent."""
    agent = await praxis.agent("Frau Sommer")
    rooms = [await asked(praxis, agent, text) for text in ("Das Erste", "Das Zweite")]
    for room in rooms:
        await claimed(agent, room)
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        field = page.get_by_role("textbox", name="Nachricht")
        await page.locator(".item").first.click()
        await field.fill("Begonnen")
        await page.locator(".item").nth(1).click()
        await until_read(field.input_value, "")
        await page.locator(".item").first.click()
        await until_read(field.input_value, "Begonnen")
        await field.press("Enter")
        own = page.locator("seal-messages .row").filter(has_text="Begonnen")
        await own.locator("[aria-haspopup]").click()
        await page.get_by_role("menuitem", name="Bearbeiten").click()
        await until_read(field.input_value, "Begonnen")
        await field.press("Escape")
        await field.fill("Danach")
        edit = page.get_by_role("menuitem", name="Bearbeiten")
        for key in ("Escape", "Enter"):
            await own.locator("[aria-haspopup]").click()
            await edit.click()
            await until_read(field.input_value, "Begonnen")
            await field.press(key)
            await until_read(field.input_value, "Danach")
        await own.locator("[aria-haspopup]").click()
        await edit.click()
        await until_read(field.input_value, "Begonnen")
        await page.locator(".item").nth(1).click()
        await until_read(field.input_value, "")
        await page.locator(".item").first.click()
        await until_read(field.input_value, "Danach")
        await page.get_by_role("button", name="Menü", exact=True).click()
        await page.get_by_role("menuitem", name="Dicht oder weit").click()
        await until_read(field.input_value, "Danach")
        await page.get_by_role("button", name="Menü", exact=True).click()
        await page.get_by_role("menuitem", name="Sperren").click()
        await page.get_by_label("Passphrase").fill("x")
        await page.keyboard.press("Enter")
        await page.locator(".item").first.click()
        await until_read(field.input_value, "Danach")


async def test_what_the_desk_does_not_take_and_a_lost_connection_leave_what_is_being_written(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    """A cell of a spreadsheet in the search, a reason of more bytes than letters, a connection that ends."""
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Guten Tag")
    ours = await claimed(agent, room)
    async with served(agent) as (at, hub), opened(visitor, at.address()) as page:
        field = page.get_by_role("textbox", name="Nachricht")
        await page.locator(".item").click()
        await field.fill("Eine halbe Seite")
        search = page.get_by_role("searchbox")
        await search.focus()
        await page.keyboard.insert_text("Guten\tTag")
        await search.press("Enter")
        await page.locator(".hit").first.wait_for()
        await search.press("Escape")
        await page.get_by_role("button", name="Abschließen", exact=True).click()
        dialog = page.get_by_role("dialog")
        reason = dialog.get_by_label("Grund")
        await reason.fill("Rückfrage geklärt für März " * 8)
        await dialog.get_by_role("button", name="Abschließen", exact=True).click()
        said = "(one) => one.validationMessage"
        assert await reason.evaluate(said) == "Das ist zu lang. Bitte kürzen Sie es."
        await reason.fill("Rückfrage geklärt für März")
        assert await reason.evaluate(said) == ""
        await page.keyboard.press("Escape")
        assert ours.phase is Phase.OPEN
        assert await field.input_value() == "Eine halbe Seite"
        for one in hub.pages:
            one.failed.set()  # type: ignore[attr-defined]  # pages are told of by a protocol
        await page.get_by_text("Wählen Sie links ein Gespräch.").wait_for()
        await page.locator(".item").click()
        await until_read(field.input_value, "Eine halbe Seite")


async def test_of_what_is_being_written_a_page_that_heard_of_no_lock_shows_what_is_kept(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    """What was not kept yet goes: who unlocks the desk may be another person than who was writing."""
    agent = await praxis.agent("Frau Sommer")
    row = await claimed(agent, await asked(praxis, agent, "Guten Tag"))
    async with served(agent) as (at, hub), opened(visitor, at.address()) as page:
        field = page.get_by_role("textbox", name="Nachricht")
        for is_locked, left in ((False, "Eine halbe Seite, ganz"), (True, "Eine halbe Seite")):
            await page.locator(".item").click()
            await field.fill("Eine halbe Seite")
            await until_read(row.draft, "Eine halbe Seite")
            await field.fill("Eine halbe Seite, ganz")
            [lost] = hub.pages
            hub.pages.clear()  # what is told from now on, this page does not hear
            lost.failed.set()  # type: ignore[attr-defined]  # pages are told of by a protocol
            if is_locked:
                hub.lock()
                await hub.unlock("")
            await page.get_by_text("Wählen Sie links ein Gespräch.").wait_for()
            await page.locator(".item").click()
            await until_read(field.input_value, left)


async def test_a_draft_is_there_after_a_lock_and_in_another_page_after_a_restart(
    praxis: Practice, new_visitor: browsers.NewVisitor
) -> None:
    """ROOM-74: the reply and the note of who was called away; nothing of what was sent comes back."""
    agent = await praxis.agent("Frau Sommer")
    await claimed(agent, await asked(praxis, agent, "Das Erste"))
    row = await claimed(agent, await asked(praxis, agent, "Das Zweite"))
    async with served(agent) as (at, _), opened(await new_visitor(), at.address()) as page:
        items = page.locator(".item")
        reply = page.get_by_role("textbox", name="Nachricht")
        await items.first.click()
        await reply.press_sequentially("Eine halbe")
        await page.get_by_role("tab", name="Notizen").click()
        await page.get_by_role("textbox", name="Notiz").press_sequentially("ruft zurück")
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Menü").click()
        await page.get_by_role("menuitem", name="Sperren").click()
        await page.get_by_label("Passphrase").fill("x")
        assert await page.get_by_text("Eine halbe").count() == 0
        await page.keyboard.press("Enter")
        await items.nth(1).click()
        await until_read(reply.input_value, "")
        await items.first.click()
        await until_read(reply.input_value, "Eine halbe")
        await reply.press_sequentially(" Seite")
        await until_read(row.draft, "Eine halbe Seite")
    async with (
        served(agent) as (at, _),
        opened(await new_visitor(), at.address()) as page,
        opened(await new_visitor(), at.address()) as other,
    ):
        fields = [one.get_by_role("textbox", name="Nachricht") for one in (page, other)]
        for one, shown in zip((page, other), fields, strict=True):
            await one.locator(".item").first.click()
            await until_read(shown.input_value, "Eine halbe Seite")
        await fields[0].press_sequentially(" und mehr")
        await until_read(fields[1].input_value, "Eine halbe Seite und mehr")
        await fields[1].fill("hier noch nicht")
        await fields[0].press("Enter")
        await page.locator("seal-messages .bubble").get_by_text("und mehr").wait_for()
        await until_read(fields[0].input_value, "hier noch nicht")
        assert await fields[1].input_value() == "hier noch nicht"
        await fields[1].press("Enter")
        for shown in fields:
            await until_read(shown.input_value, "")
        await page.get_by_role("tab", name="Notizen").click()
        await until_read(page.get_by_role("textbox", name="Notiz").input_value, "ruft zurück")
        assert await row.draft() == ""


async def test_what_may_be_sent_is_no_draft_like_others(
    praxis: Practice, visitor: browsers.Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored, and the page has no answer: the connection ends, or who sent it is elsewhere."""
    agent = await praxis.agent("Frau Sommer")
    for text in ("Das Erste", "Das Zweite"):
        await claimed(agent, await asked(praxis, agent, text))
    answered = asyncio.Event()

    async def late(of: Agent, message: Act) -> None:
        await carry_out(of, message)
        if isinstance(message, schema.Send):
            await answered.wait()

    monkeypatch.setattr(page_of_process, "carry_out", late)
    async with served(agent) as (at, hub), opened(visitor, at.address()) as page:
        field = page.get_by_role("textbox", name="Nachricht")
        items, doubt = page.locator(".item"), page.get_by_text("Vielleicht ist das schon gesendet.")
        own = page.locator("seal-messages .bubble")

        async def sent(text: str) -> None:
            answered.clear()
            await field.fill(text)
            await field.press("Enter")
            await own.get_by_text(text).wait_for()

        await items.first.click()
        await sent("Guten Morgen")
        for one in hub.pages:
            one.failed.set()  # type: ignore[attr-defined]  # pages are told of by a protocol
        await page.get_by_text("Wählen Sie links ein Gespräch.").wait_for()
        await items.nth(1).click()
        await until_read(field.input_value, "")
        assert await doubt.count() == 0
        await items.first.click()
        await doubt.wait_for()
        assert await field.input_value() == "Guten Morgen"
        assert await faults(page) == []
        await field.fill("Noch etwas")
        await until_read(doubt.count, 0)
        await field.fill("Guten Morgen")
        assert await doubt.count() == 0
        for is_back in (True, False):
            await sent(f"Sind Sie da? {is_back}")
            assert await doubt.count() == 0
            await items.nth(1).click()
            await until_read(field.input_value, "")
            if is_back:
                await items.first.click()
                await doubt.wait_for()
            answered.set()
            await until_read(doubt.count, 0)
            await items.first.click()
            await until_read(field.input_value, "")


async def test_an_alarm_names_its_room_and_stands_until_it_is_hidden(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    """Also one of while the desk was locked; without a mouse, and read out."""
    agent = await praxis.agent("Frau Sommer")
    rooms = [await asked(praxis, agent, text) for text in ("Das Erste", "Das Zweite")]
    first, second = [await claimed(agent, one) for one in rooms]
    async with served(agent) as (at, hub), opened(visitor, at.address()) as page:
        await page.locator(".item").first.wait_for()
        ends_ms = hub.now_ms() + 3 * 86_400_000
        hub._of_room(FreezeUndecided(first.room_id, ends_ms))
        strip = page.get_by_role("region", name="Warnungen")
        named = f"Kontakt {first.room_id.hex()[:4]}"
        await strip.get_by_text("Entscheidet die Aufsicht nicht bis").wait_for()
        await strip.get_by_role("button", name=named, exact=True).wait_for()
        hub.lock()
        await page.get_by_label("Passphrase").wait_for()
        assert await page.get_by_text("Widerspruch").count() == 0
        hub._of_room(Equivocation(second.room_id, bytes(16), 1, b""))
        await page.get_by_label("Passphrase").fill("x")
        await page.keyboard.press("Enter")
        await strip.get_by_text("Zwei Fassungen").wait_for()
        assert await strip.get_attribute("aria-live") == "assertive"
        assert await faults(page) == []
        hide = strip.get_by_role("button", name="Ausblenden")
        await until_read(hide.count, 2)
        await strip.get_by_role("button", name=f"Kontakt {second.room_id.hex()[:4]}", exact=True).press(
            "Enter"
        )
        await page.get_by_role("textbox", name="Nachricht").wait_for()
        await hide.first.press("Enter")
        await until_read(hide.count, 1)
        assert await hide.evaluate("(one) => one.matches(':focus')")
        await strip.get_by_text("Widerspruch").wait_for()
        await hide.press("Enter")
        await until_read(page.get_by_text("Ausblenden").count, 0)
        assert await page.evaluate(WRITES_IN) == "seal-composer"


async def test_a_room_that_a_colleague_takes_is_no_longer_offered(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    a, b = await praxis.agent("Frau Sommer"), await praxis.agent("Herr Winter")
    room = await asked(praxis, a, "Guten Tag")
    async with served(b) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").click()
        claim = page.get_by_role("main").get_by_role("button", name="Übernehmen")
        await claim.first.wait_for()
        await claimed(a, room)
        await until_read(claim.count, 0)


# Notices of the system, as they are shown.
TOLD = """window.told = [];
window.Notification = class { static permission = "granted";
  constructor(title, { body }) { window.told.push(body) } addEventListener() {} };"""


async def test_who_takes_a_room_writes_at_once_and_is_told_of_no_handover(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    agent = await praxis.agent("Frau Sommer")
    await visitor.context.add_init_script(TOLD)
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.get_by_text("Sobald jemand schreibt, sehen Sie es hier.").wait_for()
        await asked(praxis, agent, "Eine Rechnung")
        await page.locator(".item").get_by_text("wartet").wait_for()
        await page.keyboard.press("n")
        await page.get_by_text("Sie kümmern sich darum.").wait_for()
        await until_read(lambda: page.evaluate(WRITES_IN), "seal-composer")
        await page.keyboard.type("Guten Tag")
        field = page.get_by_role("textbox", name="Nachricht")
        assert await field.input_value() == "Guten Tag"
        await page.keyboard.press("Alt+i")
        await until_read(lambda: page.evaluate(WRITES_IN), "seal-composer")
        await page.get_by_role("textbox", name="Notiz").wait_for()
        await page.keyboard.press("Alt+i")
        await until_read(field.input_value, "Guten Tag")
        told: list[str] = await page.evaluate("told")
        assert told == ["Jemand wartet"]


async def test_a_canned_answer_has_no_pseudonym_and_is_not_removed_unasked(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Ein Rezept")
    await claimed(agent, room)
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").click()
        await page.get_by_role("button", name="Textbausteine").click()
        await page.get_by_role("menuitem", name="Textbausteine bearbeiten").click()
        await page.get_by_role("dialog").get_by_role("button", name="Schließen").wait_for()
        await page.get_by_role("button", name="Neuer Textbaustein").click()
        await page.get_by_label("Titel").fill("Rezept")
        await page.get_by_label("Kürzel").fill("rez")
        await page.get_by_label("Text;").fill("Guten Tag {name}, es liegt bereit.\n{name}, bis dann\n{agent}")
        await page.get_by_role("button", name="Speichern").click()
        await page.get_by_role("button", name="Entfernen").click()
        await page.get_by_role("dialog").get_by_text("Diesen Textbaustein entfernen?").wait_for()
        await page.get_by_role("dialog").get_by_role("button", name="Abbrechen").last.click()
        await page.get_by_role("dialog").get_by_text("es liegt bereit").wait_for()
        await page.keyboard.press("Escape")
        await page.get_by_role("dialog").wait_for(state="detached")
        field = page.get_by_role("textbox", name="Nachricht")
        await field.press_sequentially("/rez ")
        await until_read(field.input_value, "Guten Tag, es liegt bereit.\nBis dann\nFrau Sommer")


async def test_a_page_with_something_unsent_asks_before_it_goes(
    praxis: Practice, visitor: browsers.Visitor
) -> None:
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Guten Tag")
    await claimed(agent, room)
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.locator(".item").click()
        await page.get_by_role("textbox", name="Nachricht").press_sequentially("Begonnen")
        async with page.expect_event("dialog") as asks:
            await page.close(run_before_unload=True)
        question = await asks.value
        assert question.type == "beforeunload"
        await question.dismiss()
        for _ in range(2):
            await page.keyboard.press("Alt+i")
        field = page.get_by_role("textbox", name="Nachricht")
        await until_read(field.input_value, "Begonnen")
        await field.press("Enter")
        await until_read(field.input_value, "")
        goes = "dispatchEvent(new Event('beforeunload', {cancelable: true}))"
        await until_read(lambda: page.evaluate(goes), wanted=True)


# Texts of the list that stand over each other, and words that are broken; what is wider than its pane.
OVER = """() => {
  const root = document.querySelector("seal-desk").shadowRoot;
  const box = (one) => one.getBoundingClientRect();
  const seen = (all) => [...all].filter((one) => box(one).width > 0);
  const row = box(seen(root.querySelectorAll(".item"))[0]);
  const lines = seen(root.querySelectorAll(".item .name, .item .preview, .item .third")).map(box);
  const tight = lines.some((one, at) => at > 0 && one.top < lines[at - 1].bottom - 2);
  const cut = lines.some((one) => one.top < row.top - 1 || one.bottom > row.bottom + 1);
  const wide = seen(root.querySelectorAll(".top h1, .views button, .find > *"))
    .some((one) => box(one).right > box(one.closest(".pane")).right + 1 || box(one).top < 0);
  return [tight && "tight", cut && "cut", wide && "wide"].filter(Boolean);
}"""


async def test_text_of_twice_the_size_stands_whole(praxis: Practice, visitor: browsers.Visitor) -> None:
    agent = await praxis.agent("Frau Sommer")
    room = await asked(praxis, agent, "Guten Tag")
    await claimed(agent, room)
    async with served(agent) as (at, _), opened(visitor, at.address()) as page:
        await page.set_viewport_size({"width": 1280, "height": 800})
        await page.locator(".item").get_by_text("bei Ihnen").wait_for()
        assert await page.evaluate(OVER) == []
        browser = await page.context.new_cdp_session(page)
        await browser.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
        await until_read(lambda: page.evaluate("getComputedStyle(document.documentElement).fontSize"), "32px")
        await until_read(lambda: page.evaluate(OVER), [])
        assert await page.locator("main").count() == 0 or not await page.locator("main").is_visible()


async def test_that_the_list_of_who_answers_ends_stands_above_everything(
    praxis: Practice, new_visitor: browsers.NewVisitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it has ended that alone is said, and not that one is not of the team."""
    ends_ms = praxis.company.client.shell.now_ms + 3 * DAY_MS
    monkeypatch.setattr(Agent, "roster_ends_ms", property(lambda _: ends_ms))
    async with served(praxis.company) as (at, _), opened(await new_visitor(), at.address()) as page:
        strip = page.locator(".strip.warn")
        assert (await strip.inner_text()).startswith("Bis ")
        await page.set_viewport_size({"width": 320, "height": 800})
        assert await faults(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        ends_ms -= 4 * DAY_MS
        monkeypatch.setattr(Agent, "team", lambda _: [])
        await page.reload()
        await strip.get_by_text("ist abgelaufen (gestern, ").wait_for()
        assert await strip.count() == 1
