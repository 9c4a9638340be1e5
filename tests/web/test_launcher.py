"""The button on a company's page: silent before the click, one channel to one origin, no text to the page."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import browsers
import pytest
import web_pictures
from conversations import until_read
from playwright.async_api import FrameLocator, Page

pytestmark = pytest.mark.asyncio(loop_scope="session")
WWW: Final = "www.praxis.localhost"
CHAT: Final = "chat.praxis.localhost"
EVENTS: Final = [
    "ready",
    "open",
    "close",
    "consent",
    "withdrawn",
    "unread",
    "state",
    "identity-alarm",
    "error",
]
NOTE_EVENTS: Final = """(names) => { window.told = []; const room = document.querySelector("seal-room");
  for (const name of names) room.addEventListener(`seal-${name}`,
    ({ detail }) => told.push([name, JSON.stringify(detail ?? null)])) }"""
BUTTON: Final = """() => { const root = document.querySelector("seal-room").shadowRoot;
  const button = root.querySelector("button");
  return [button.getAttribute("aria-expanded"), button.getAttribute("aria-label"),
    root.activeElement === button] }"""
FILLED: Final = """() => { const room = document.querySelector("seal-room-view");
  return room.shadowRoot.querySelector("seal-composer").text !== "" }"""


@pytest.fixture(scope="session")
def pages(web_libraries: None) -> dict[str, bytes | browsers.Answer]:
    """The scripted pages, built once."""
    return web_pictures.build_pages()


@pytest.fixture
def site(pages: dict[str, bytes | browsers.Answer], serve_files: browsers.ServeFiles) -> browsers.Site:
    """The room's host, and the company's page under another name of the same server."""
    made = serve_files(pages)
    framed_by = f"http://www.praxis.localhost:* http://{WWW}:* http://other.localhost:*"
    policy = web_pictures.headers_of(pages, framed_by)
    room = made.files["/room.html"]
    made.files["/room.html"] = browsers.Answer(room if isinstance(room, bytes) else room.body, policy)
    return made


@pytest.fixture
def visitor(one_page: browsers.Visitor) -> browsers.Visitor:
    """The page of all these tests: the company's page is at another origin in each, and stores nothing."""
    return one_page


def company_page(site: browsers.Site, scene: str = "notice", more: str = "") -> bytes:
    """A page with the launcher and its hash, as a company would write it."""
    script = site.files["/launcher.js"]
    assert isinstance(script, bytes)
    digest = base64.b64encode(hashlib.sha384(script).digest()).decode()
    return f"""<!doctype html><html lang="de"><title>Praxis Dr. Weber</title>
<link rel="icon" href="data:,"><h1>Praxis</h1>
<script type="module" src="/launcher.js" integrity="sha384-{digest}"></script>
<seal-room src="{site.origin(CHAT)}/room.html?scene={scene}" lang="de" {more}>
<span slot="label">Nachricht schreiben</span></seal-room>""".encode()


async def _visit(visitor: browsers.Visitor, site: browsers.Site, scene: str = "notice") -> Page:
    site.files["/index.html"] = company_page(site, scene)
    page = await visitor.open(site.url("/index.html", WWW))
    await page.wait_for_function("!!customElements.get('seal-room')")
    await page.evaluate(NOTE_EVENTS, EVENTS)
    return page


async def _opened(page: Page) -> FrameLocator:
    await page.get_by_role("button", name="Nachricht schreiben").click()
    await page.wait_for_function("told.some(([name]) => name === 'open')")
    return page.frame_locator("seal-room iframe")


async def test_before_the_click_nothing_is_asked_for_and_nothing_is_stored(
    new_visitor: browsers.NewVisitor, site: browsers.Site
) -> None:
    visitor = await new_visitor()
    page = await _visit(visitor, site)
    await page.mouse.move(200, 200)
    await page.mouse.wheel(0, 300)
    assert site.requests == ["GET /index.html", "GET /launcher.js"]
    kept = """async () => [localStorage.length, sessionStorage.length, document.cookie,
      (await indexedDB.databases()).length, (await caches.keys()).length, frames.length]"""
    assert await page.evaluate(kept) == [0, 0, "", 0, 0, 0]
    assert await visitor.context.cookies() == []
    assert await page.evaluate(BUTTON) == ["false", None, False]


async def test_the_room_opens_by_the_button_and_closes_by_escape_inside_and_outside(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _visit(visitor, site)
    room = await _opened(page)
    await room.get_by_role("heading", name="Bevor Sie schreiben").wait_for()
    assert (await page.evaluate(BUTTON))[0] == "true"
    await room.get_by_role("button", name="Lieber anders").press("Escape")
    await page.wait_for_function("told.some(([name]) => name === 'close')")
    assert await page.evaluate(BUTTON) == ["false", None, True]
    await page.keyboard.press("Enter")
    await page.wait_for_function("told.filter(([name]) => name === 'open').length === 2")
    await page.get_by_role("button", name="Nachricht schreiben").press("Escape")
    assert await page.evaluate(BUTTON) == ["false", None, True]


@browsers.firefox_in_audit
async def test_events_tell_names_numbers_and_states_and_no_text(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _visit(visitor, site)
    room = await _opened(page)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    field = room.get_by_role("textbox", name="Nachricht")
    await field.fill("streng geheim")
    await field.press("Enter")
    await room.get_by_text("streng geheim").wait_for()
    frame = page.frames[1]
    await frame.evaluate(
        "backend.change({ unread: 2, alarm: { kind: 'identity', sinceMs: 0, before: [], now: [] } })"
    )
    await page.wait_for_function("told.some(([name]) => name === 'identity-alarm')")
    told = await page.evaluate("told")
    assert {name for name, _ in told} == {"ready", "open", "state", "consent", "unread", "identity-alarm"}
    assert "geheim" not in str(told)
    assert await page.evaluate("document.querySelector('seal-room').state") == "open"


@browsers.firefox_in_audit
async def test_unread_stands_in_the_badge_the_name_and_the_title_and_goes_again(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _visit(visitor, site, "open")
    await _opened(page)
    await page.frames[1].evaluate("backend.change({ unread: 3 })")
    await page.get_by_role("button", name="Nachricht schreiben, 3 ungelesen").wait_for()
    assert await page.title() == "(3) Praxis Dr. Weber"
    await page.frames[1].evaluate("backend.change({ unread: 0 })")
    await page.wait_for_function("document.title === 'Praxis Dr. Weber'")
    assert (await page.evaluate(BUTTON))[1] is None


@browsers.firefox_in_audit
async def test_what_comes_while_the_room_is_closed_counts_as_seen_once_it_is_open_again(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _visit(visitor, site, "open")
    room = await _opened(page)
    await room.get_by_role("log").get_by_text("Vielen Dank, das ging schnell.").wait_for()
    await page.get_by_role("button", name="Nachricht schreiben").press("Escape")
    frame = page.frames[1]
    await frame.evaluate(
        """() => { const { items } = backend.state();
          backend.change({ unread: 1, items: [...items, { ...items[0], id: "new", author: "yildiz" }] }) }"""
    )
    button = page.get_by_role("button", name="Nachricht schreiben, 1 ungelesen")
    await button.wait_for()
    seen = "backend.calls.filter(([name, id]) => name === 'seen' && id === 'new').length"
    assert await frame.evaluate(seen) == 0
    await button.click()
    # In a frame without eval the browser's own waiting evaluates once only.
    await until_read(lambda: frame.evaluate(seen), 1)


@browsers.firefox_in_audit
async def test_what_the_page_fills_in_is_not_sent(visitor: browsers.Visitor, site: browsers.Site) -> None:
    page = await _visit(visitor, site, "open")
    room = await _opened(page)
    await page.evaluate("document.querySelector('seal-room').prefill('Rechnung 4711')")
    field = room.get_by_role("textbox", name="Nachricht")
    await until_read(lambda: page.frames[1].evaluate(f"!!({FILLED})()"), wanted=True)
    assert await field.input_value() == "Rechnung 4711"
    assert await page.frames[1].evaluate("backend.calls.filter(([name]) => name === 'send').length") == 0


@browsers.firefox_in_audit
async def test_what_the_page_fills_in_waits_for_the_field_and_takes_nothing_that_was_typed(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """CNS-87: given before consent it stands in the field after it; then a typed text stays."""
    page = await _visit(visitor, site, "notice")
    await page.evaluate("document.querySelector('seal-room').prefill('Rechnung 4711')")
    room = await _opened(page)
    await room.get_by_role("button", name="Einverstanden, weiter").click()
    field = room.get_by_role("textbox", name="Nachricht")
    await field.wait_for()
    assert await field.input_value() == "Rechnung 4711"
    await field.fill("Ein langer Text")
    await page.evaluate("document.querySelector('seal-room').prefill('Rechnung 4712')")
    # An order is obeyed before the next one is answered.
    await page.evaluate(ASK, "signOut")
    assert await field.input_value() == "Ein langer Text"


@browsers.firefox_in_audit
async def test_an_action_that_fails_rejects_with_its_code(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _visit(visitor, site, "open")
    await _opened(page)
    signed_out = "document.querySelector('seal-room').signOut().then(() => 'done', (problem) => problem.code)"
    assert await page.evaluate(signed_out) == "done"
    further = "JSON.stringify(backend.calls.filter(([name]) => name === 'further'))"
    assert await page.frames[1].evaluate(further) == '[["further","sign-out",null]]'
    await page.frames[1].evaluate(REFUSE_FURTHER)
    assert await page.evaluate(signed_out) == "room.frozen"
    assert "error" in [name for name, *_ in await page.evaluate("told")]


@browsers.firefox_in_audit
async def test_a_login_that_the_room_refuses_is_refused_to_the_page(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    page = await _visit(visitor, site, "open")
    await _opened(page)
    await page.frames[1].evaluate(REFUSE_LOGIN)
    told = """document.querySelector('seal-room').identify(async ({ text }) => `token of ${text}`)
      .then(() => "done", (problem) => problem.code)"""
    assert await page.evaluate(told) == "login.holder"
    assert "error" in [name for name, *_ in await page.evaluate("told")]


REFUSE_FURTHER: Final = """() => { backend.further = async () => {
  throw Object.assign(new Error("frozen"), { code: "room.frozen" }); } }"""
REFUSE_LOGIN: Final = """() => { backend.identify = async (sign) => {
  const token = await sign({ text: "a challenge" });
  throw Object.assign(new Error(token), { code: "login.holder" }); } }"""


UNKNOWN_DEVICE: Final = """() => {
  const states = { isReachable: true, isLeaving: false, removedMs: null };
  const one = { id: "a", createdMs: 1764500000000, isThis: true, ...states };
  const gone = { ...one, id: "0123-4567-89ab-cdef-0123", isThis: false, removedMs: 1764700000000 };
  backend.further = async () => [one, gone]; }"""


@browsers.firefox_in_audit
async def test_a_device_that_was_listed_for_a_while_stands_among_the_persons(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """ACC-80: with the digits of its record and both days, and nothing to take out."""
    page = await _visit(visitor, site, "open")
    room = await _opened(page)
    await page.frames[1].evaluate(UNKNOWN_DEVICE)
    await room.get_by_role("button", name="Mehr").click()
    await room.get_by_role("menuitem", name="Ihre Geräte").click()
    await room.get_by_text("Unbekanntes Gerät").wait_for()
    said = " ".join((await room.locator(".devices").inner_text()).split())
    said = said.replace("\N{FIRST STRONG ISOLATE}", "").replace("\N{POP DIRECTIONAL ISOLATE}", "")
    assert "Unbekanntes Gerät 0123-4567-89ab-cdef-0123" in said
    assert "30. November 2025 hinzugefügt und am 2. Dezember 2025 wieder herausgenommen" in said
    assert await room.get_by_role("button", name="Herausnehmen").count() == 0


async def test_a_page_of_another_site_is_refused_with_words(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    site.files["/index.html"] = company_page(site, "open")
    page = await visitor.open(site.url("/index.html", "other.localhost"))
    await page.get_by_role("button", name="Nachricht schreiben").click()
    room = page.frame_locator("seal-room iframe")
    await room.get_by_role("heading", name="Dieses Fenster gehört nicht hierher").wait_for()
    assert await page.frames[1].evaluate("typeof backend") == "undefined"


async def test_a_page_that_the_company_did_not_list_gets_no_room(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    site.files["/index.html"] = company_page(site, "open")
    page = await visitor.open(site.url("/index.html", "evil.localhost"))
    await page.get_by_role("button", name="Nachricht schreiben").click()
    await page.frame_locator("seal-room iframe").locator("body").wait_for(state="attached")
    await page.wait_for_function("document.querySelector('seal-room').shadowRoot.querySelector('iframe')")
    for frame in page.frames[1:]:
        assert await frame.locator("seal-room-view").count() == 0
    visitor.take_complaints()


OVER_PAGE: Final = """() => { const root = document.querySelector("seal-room").shadowRoot;
  const at = (element) => { const box = element.getBoundingClientRect();
    return root.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.tagName };
  return [root.querySelector("button"), document.querySelector("h1")].map(at) }"""
ASK: Final = """(act) => document.querySelector("seal-room")[act]().then(() => "done", ({ code }) => code)"""


@browsers.firefox_in_audit
@pytest.mark.parametrize("fault", ["script", "page", "framing"])
async def test_a_room_that_does_not_come_leaves_the_page_as_it_is_and_says_so(
    new_visitor: browsers.NewVisitor, site: browsers.Site, fault: str
) -> None:
    """CNS-81: nothing over the page at any time; calls fail, the page is told, the next click asks again."""
    visitor = await new_visitor(viewport={"width": 390, "height": 700})
    kept = dict(site.files)
    if fault != "framing":
        name = "/room.js" if fault == "script" else "/room.html"
        site.files[name] = browsers.Answer(b"", status=503)
    site.files["/index.html"] = company_page(site, "open")
    page = await visitor.open(site.url("/index.html", "evil.localhost" if fault == "framing" else WWW))
    await page.clock.install()
    await page.evaluate(NOTE_EVENTS, EVENTS)
    button = page.get_by_role("button", name="Nachricht schreiben")
    await button.click()
    await page.wait_for_function("document.querySelector('seal-room').shadowRoot.querySelector('iframe')")
    assert "IFRAME" not in await page.evaluate(OVER_PAGE)
    await page.evaluate(f"() => {{ window.asked = Promise.all(['open', 'signOut'].map({ASK})) }}")
    await page.clock.run_for(20_000)
    assert await page.evaluate("asked") == ["local.part", "local.part"]
    assert await page.evaluate("told") == [
        ["error", '{"state":"idle","unread":0,"code":"local.part"}'],
    ]
    await page.get_by_text("Gerade nicht erreichbar").wait_for()
    assert "IFRAME" not in await page.evaluate(OVER_PAGE)
    site.files.update(kept)
    visitor.take_complaints()
    if fault != "framing":
        await button.click()
        await page.wait_for_function("told.some(([name]) => name === 'open')")
        assert await page.get_by_text("Gerade nicht erreichbar").count() == 0


@browsers.firefox_in_audit
async def test_no_call_but_open_shows_the_room(visitor: browsers.Visitor, site: browsers.Site) -> None:
    """CNS-81: who is logged out by the page does not see the conversation over it."""
    page = await _visit(visitor, site, "open")
    assert await page.evaluate(ASK, "signOut") == "done"
    assert await page.evaluate(BUTTON) == ["false", None, False]
    await page.evaluate("{ const room = document.querySelector('seal-room'); room.open(); room.close() }")
    await page.evaluate(ASK, "signOut")
    assert await page.evaluate(BUTTON) == ["false", None, False]
    await _opened(page)


DECIDE: Final = """(act) => { window.decided = document.querySelector("seal-room")[act]()
  .then(String, ({ code }) => code) }"""


@browsers.firefox_in_audit
async def test_what_a_page_asks_to_erase_or_save_is_decided_by_the_person(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """CNS-82: the page opens the room's own dialog; without the person nothing is erased or saved."""
    page = await _visit(visitor, site, "open")
    room = page.frame_locator("seal-room iframe")
    called = "backend.calls.map(([name]) => name).filter((name) => /forget|exportTranscript/.test(name))"
    for act, title in (("forget", "Alles löschen?"), ("exportTranscript", "Verlauf speichern")):
        await page.evaluate(DECIDE, act)
        dialog = room.get_by_role("dialog", name=title)
        await dialog.wait_for()
        assert await page.evaluate(ASK, "forget") == "local.busy"
        assert await room.get_by_role("dialog").count() == 1
        await dialog.get_by_role("button").first.press("Escape")
        assert await page.evaluate("decided") == "false"
        assert await page.frames[1].evaluate(called) == []
    await page.evaluate(DECIDE, "exportTranscript")
    await room.get_by_role("dialog").locator("button.button").last.click()
    await until_read(lambda: page.evaluate("decided"), "true")
    await page.evaluate(DECIDE, "forget")
    await room.get_by_role("dialog").get_by_role("button", name="Alles löschen").click()
    await until_read(lambda: page.evaluate("decided"), "true")
    await until_read(lambda: page.frames[1].evaluate(called), ["exportTranscript", "forget"])


FAILS: Final = """() => { const fails = async () => {
  throw Object.assign(new Error("no store"), { code: "store.unavailable" }); };
  Object.assign(backend, { forget: fails, exportTranscript: fails }) }"""


@browsers.firefox_in_audit
async def test_a_page_hears_that_nothing_was_erased_or_saved_where_that_failed(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """CNS-82: the person wanted it, and is told why it was not done."""
    page = await _visit(visitor, site, "open")
    room = await _opened(page)
    await room.get_by_role("textbox", name="Nachricht").wait_for()
    await page.frames[1].evaluate(FAILS)
    for act, button in (("forget", ".stop"), ("exportTranscript", "button.button >> nth=-1")):
        await page.evaluate(DECIDE, act)
        await room.get_by_role("dialog").locator(button).click()
        await room.get_by_role("dialog").get_by_text("store.unavailable").wait_for()
        assert await page.evaluate("decided") == "false"
        await page.frames[1].press("dialog", "Escape")
        await room.get_by_role("dialog").wait_for(state="detached")


@browsers.firefox_in_audit
async def test_a_question_of_the_page_waits_until_the_room_is_known(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """CNS-82: its words say what is true of this room."""
    page = await _visit(visitor, site, "loading")
    await page.evaluate(DECIDE, "forget")
    room = page.frame_locator("seal-room iframe")
    await page.wait_for_function("told.some(([name]) => name === 'open')")
    assert await room.get_by_role("dialog").count() == 0
    await page.frames[1].evaluate("backend.change({ phase: 'open' })")
    await room.get_by_role("dialog", name="Alles löschen?").wait_for()


@browsers.firefox_in_audit
async def test_a_room_that_is_loaded_anew_and_does_not_come_is_taken_away(
    new_visitor: browsers.NewVisitor, site: browsers.Site
) -> None:
    """CNS-81: what was asked of it fails, and so does what is asked of the one that does not come."""
    visitor = await new_visitor()
    room = site.files["/room.html"]
    site.files["/index.html"] = company_page(site, "open")
    page = await visitor.open(site.url("/index.html", WWW))
    await page.evaluate(NOTE_EVENTS, EVENTS)
    frame = await _opened(page)
    await frame.get_by_role("textbox", name="Nachricht").wait_for()
    await page.clock.install()
    site.files["/room.html"] = b"<!doctype html><title>502</title>"
    await page.evaluate(DECIDE, "forget")
    await frame.get_by_role("dialog").wait_for()
    await page.frames[1].evaluate("() => void setTimeout(() => location.reload())")
    await until_read(lambda: page.evaluate("decided"), "local.part")
    await page.evaluate(DECIDE, "forget")
    await page.clock.run_for(20_000)
    await until_read(lambda: page.evaluate("decided"), "local.part")
    assert ["error", '{"state":"open","unread":0,"code":"local.part"}'] in await page.evaluate("told")
    assert (await page.evaluate(BUTTON))[0] == "false"
    assert "IFRAME" not in await page.evaluate(OVER_PAGE)
    site.files["/room.html"] = room
    visitor.take_complaints()
    await page.get_by_role("button", name="Nachricht schreiben").click()
    await page.wait_for_function("told.filter(([name]) => name === 'open').length === 2")


@browsers.firefox_in_audit
async def test_a_page_that_takes_the_room_away_has_its_calls_answered(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """CNS-81: at once, whether they were made before or after; put back it opens again."""
    page = await _visit(visitor, site, "open")
    room = await _opened(page)
    await page.evaluate(DECIDE, "forget")
    await room.get_by_role("dialog").wait_for()
    await page.evaluate("() => { window.taken = document.querySelector('seal-room'); taken.remove() }")
    await until_read(lambda: page.evaluate("decided"), "local.part")
    assert await page.evaluate("taken.signOut().then(() => 'done', ({ code }) => code)") == "local.part"
    await page.evaluate("document.body.append(taken)")
    assert await page.evaluate(BUTTON) == ["false", None, False]
    await page.get_by_role("button", name="Nachricht schreiben").click()
    await page.wait_for_function("told.filter(([name]) => name === 'open').length === 2")


@browsers.firefox_in_audit
async def test_a_question_of_the_page_ends_with_the_room_s_window(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """CNS-82: closed while it is open, while the room is opened, or before the frame is here."""
    page = await _visit(visitor, site, "open")
    room = page.frame_locator("seal-room iframe")
    close = "document.querySelector('seal-room').close()"
    await page.evaluate(f"{{ ({DECIDE})('forget'); {close} }}")
    await until_read(lambda: page.evaluate("decided"), "false")
    for act in ("forget", "exportTranscript"):
        await page.evaluate(DECIDE, act)
        await room.get_by_role("dialog").wait_for()
        await page.evaluate(close)
        await until_read(lambda: page.evaluate("decided"), "false")
    await page.frames[1].evaluate("backend.change({ phase: 'loading' })")
    await page.evaluate(DECIDE, "forget")
    assert await page.evaluate(ASK, "forget") == "local.busy"
    await page.evaluate(close)
    await until_read(lambda: page.evaluate("decided"), "false")
    await page.frames[1].evaluate("backend.change({ phase: 'open' })")
    await _opened(page)
    assert await room.get_by_role("dialog").count() == 0
    called = "backend.calls.map(([name]) => name).filter((name) => /forget|exportTranscript/.test(name))"
    assert await page.frames[1].evaluate(called) == []


@browsers.firefox_in_audit
async def test_who_wants_all_erased_is_asked_where_the_room_does_not_come_to_be_open(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    """CNS-82, STO-37: it says that the company hears nothing of it."""
    page = await _visit(visitor, site, "loading")
    await page.evaluate(DECIDE, "forget")
    dialog = page.frame_locator("seal-room iframe").get_by_role("dialog", name="Alles löschen?")
    await dialog.get_by_text("erfährt davon nichts").wait_for()
    await dialog.get_by_role("button", name="Alles löschen").click()
    await until_read(lambda: page.evaluate("decided"), "true")


async def test_ports_of_others_than_the_page_around_are_not_heard(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    site.files["/hold.html"] = (
        b"""<!doctype html><link rel=icon href=data:,><iframe src="%s/room.html?scene=open"></iframe>"""
        % (site.origin(CHAT).encode())
    )
    page = await visitor.open(site.url("/hold.html", WWW))
    await page.evaluate(
        """() => { const other = document.body.appendChild(document.createElement("iframe"));
          const say = other.contentWindow.document.createElement("script");
          say.textContent = `parent.frames[0].postMessage({ seal: 1 }, "*", [new MessageChannel().port2])`;
          other.contentWindow.document.body.append(say); }"""
    )
    await page.evaluate("frames[0].postMessage({ seal: 2 }, '*', [new MessageChannel().port2])")
    await page.evaluate("frames[0].postMessage({ seal: 1 }, '*')")
    assert await page.frames[1].locator("seal-room-view").count() == 0
    await page.evaluate("frames[0].postMessage({ seal: 1, lang: 'de' }, '*', [new MessageChannel().port2])")
    await page.frames[1].locator("seal-room-view").wait_for()


async def test_a_launcher_with_another_byte_does_not_run(
    visitor: browsers.Visitor, site: browsers.Site
) -> None:
    site.files["/index.html"] = company_page(site)
    script = site.files["/launcher.js"]
    assert isinstance(script, bytes)
    site.files["/launcher.js"] = script + b" "
    page = await visitor.open(site.url("/index.html", WWW))
    assert await page.evaluate("customElements.get('seal-room') === undefined")
    assert visitor.take_complaints()


@browsers.firefox_in_audit
async def test_the_room_works_as_a_page_of_its_own(visitor: browsers.Visitor, site: browsers.Site) -> None:
    page = await visitor.open(site.url("/room.html?scene=open&lang=de", CHAT))
    await page.get_by_role("textbox", name="Nachricht").wait_for()
    assert await page.get_by_role("button", name="Fenster schließen").count() == 0
