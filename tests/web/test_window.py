"""The window of a customer: each state without barriers, all by keyboard, texts as texts."""

from __future__ import annotations

from typing import Final

import browsers
import pytest
import web_pictures
from conversations import until_read
from playwright.async_api import Browser, FilePayload
from web_windows import Show, pages, show, site, window

__all__ = ["pages", "show", "site", "window"]
pytestmark = pytest.mark.asyncio(loop_scope="session")
only_chromium = pytest.mark.parametrize("browser_name", ["chromium"], indirect=True)
# One look a line; `web_pictures.py --barriers` tries every state in every look.
SCREENS: Final = (
    ("notice", "alarm", "files", "closed", "missing"),
    ("open", "refused", "offline", "full", "lost"),
    ("choices", "hours", "explicit", "withdrawn"),
)
ROWS_AT_MOST: Final = 80
SAY_EVERYWHERE: Final = """(hostile) => {
  const state = backend.state(), [first] = state.items;
  const file = { name: hostile, mediaType: "image/svg+xml", sizeB: 1, state: "here", movedB: 1,
    canPreview: true, failure: null, untilMs: null, isUpload: false };
  const channels = [{ kind: "page", value: "javascript:alert(1)", label: hostile }];
  const members = state.members.map((one) => ({ ...one, name: hostile, team: hostile }));
  const items = [...state.items, { ...first, id: "x1", text: hostile },
    { ...first, id: "x2", author: "yildiz", text: hostile, file }];
  backend.change({ company: { ...state.company, name: hostile, channels }, members, items });
}"""
ACTIVE_PARTS: Final = """() => {
  const all = [document];
  for (const one of all)
    for (const element of one.querySelectorAll("*")) if (element.shadowRoot) all.push(element.shadowRoot);
  const active = "img[onerror], script:not([src]), a[href^='javascript' i]";
  return all.flatMap((one) => [...one.querySelectorAll(active)]).length;
}"""
HOSTILE: Final = "<img src=x onerror=alert(1)> {{7*7}} \u202egnp.exe javascript:alert(1) </script>&amp;"
BRIEF: Final[FilePayload] = {"name": "Brief.txt", "mimeType": "text/plain", "buffer": b"Guten Tag"}
WEBER: Final = "Praxis Dr. Weber"
CODE: Final = "MTH5F-VVSPT-07X0V-4RED7-XD7VX-NS0J"
INSIDE: Final = """() => document.activeElement === document.body
  || !!room.shadowRoot.activeElement?.closest("dialog")"""
ACTIVE: Final = """() => { let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.getAttribute('aria-label') ?? at?.textContent ?? '' }"""


@only_chromium
async def test_no_screen_has_a_barrier_that_axe_finds_or_is_wider_than_320_pixels(
    browser: Browser, site: browsers.Site
) -> None:
    found: list[str] = []
    for first, look in enumerate(web_pictures.LOOKS):
        async with web_pictures.window(browser, site, 320, look) as page:
            for scene in SCREENS[first]:
                await web_pictures.show(page, site, scene, web_pictures.LANGUAGES[first])
                found += [f"{scene} {look}: {barrier}" for barrier in await web_pictures.barriers(page)]
    assert not found, "\n".join(found)


@only_chromium
async def test_an_open_dialog_has_no_barrier_that_axe_finds(show: Show) -> None:
    page = await show("open")
    await page.locator("seal-room-view button.present").click()
    await page.get_by_role("dialog").wait_for()
    assert await web_pictures.barriers(page) == []


@only_chromium
async def test_both_answers_to_the_notice_have_the_same_size_and_weight(show: Show) -> None:
    page = await show("notice")
    looks = await page.locator(".answer button").evaluate_all(
        """(all) => all.map((one) => { const s = getComputedStyle(one), b = one.getBoundingClientRect();
          return [b.width, b.height, s.fontWeight, s.fontSize, s.color, s.background, s.border].join() })"""
    )
    assert len(looks) == 2
    assert looks[0] == looks[1]
    assert await page.evaluate(ACTIVE) not in {"Lieber anders", "Einverstanden, weiter"}


async def test_the_way_from_notice_to_refusal_and_back_is_by_keyboard(show: Show) -> None:
    page = await show("notice")
    seen: list[str] = []
    while "Einverstanden, weiter" not in seen:
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate(ACTIVE))
        assert len(seen) < 20
    assert {"Datenschutzerklärung", "Impressum", "Lieber anders"} <= set(seen)
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="+49 30 555 0142").wait_for()
    assert await page.evaluate("backend.calls.map(([name]) => name)") == ["refuse"]
    await page.get_by_role("button", name="Doch hier schreiben").press("Enter")
    await page.get_by_role("button", name="Einverstanden, weiter").press("Enter")
    await page.get_by_role("textbox", name="Nachricht").wait_for()
    assert await page.evaluate("JSON.stringify(backend.calls.at(-1).slice(0, 2))") == '["accept",[1]]'
    assert await page.evaluate("room.shadowRoot.activeElement.localName") == "seal-composer"


async def test_enter_sends_and_a_word_in_composition_does_not(show: Show) -> None:
    page = await show("empty")
    field = page.get_by_role("textbox", name="Nachricht")
    await field.fill("Guten Tag")
    await field.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await field.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    await field.press("Shift+Enter")
    await field.press_sequentially("zwei")
    await field.press("Enter")
    await page.get_by_text("Guten Tag\nzwei").wait_for()
    assert await page.evaluate("backend.calls.filter(([name]) => name === 'send').length") == 1
    assert await field.input_value() == ""


@browsers.firefox_in_audit
async def test_what_looks_like_an_account_number_is_asked_for_before_it_is_sent(show: Show) -> None:
    page = await show("open")
    field = page.get_by_role("textbox", name="Nachricht")
    await field.fill("DE89 3704 0044 0532 0130 00")
    await field.press("Enter")
    await page.get_by_text("Das sieht nach einer Kontonummer aus. Wirklich senden?").wait_for()
    assert await page.evaluate("backend.calls.filter(([name]) => name === 'send').length") == 0
    await page.get_by_role("button", name="Trotzdem senden").press("Enter")
    sent = "backend.calls.filter(([name]) => name === 'send').length"
    await until_read(lambda: page.evaluate(sent), 1)


@browsers.firefox_in_audit
async def test_a_text_that_could_not_be_stored_stays_in_the_field(show: Show) -> None:
    page = await show("open")
    await page.evaluate("void (backend.send = () => Promise.reject(new Error('full')))")
    field = page.get_by_role("textbox", name="Nachricht")
    await field.fill("wichtig")
    await field.press("Enter")
    await page.get_by_role("alert").get_by_text("Ihr Text steht noch im Feld").wait_for()
    assert await field.input_value() == "wichtig"


@browsers.firefox_in_audit
async def test_what_is_on_its_way_is_not_said_to_wait_for_a_connection(show: Show) -> None:
    page = await show("offline")
    said = page.locator("seal-messages .state .word")
    assert await said.all_text_contents() == ["Wartet auf Verbindung"]
    await page.evaluate("void backend.change({ link: 'online' })")
    await until_read(said.all_text_contents, ["Wird gesendet"])
    await page.evaluate("void backend.change({ canWrite: false })")
    await until_read(said.all_text_contents, ["Wartet auf Verbindung"])


@only_chromium
async def test_a_page_with_something_unsent_asks_before_it_goes(show: Show) -> None:
    page = await show("open")
    field = page.get_by_role("textbox", name="Nachricht")
    await field.press_sequentially("Begonnen")
    async with page.expect_event("dialog") as asks:
        await page.close(run_before_unload=True)
    question = await asks.value
    assert question.type == "beforeunload"
    await question.dismiss()
    await field.fill(" ")
    async with page.expect_event("close"):
        await page.close(run_before_unload=True)


@browsers.firefox_in_audit
async def test_only_what_is_new_and_of_others_is_announced(show: Show) -> None:
    page = await show("open")
    news = page.locator("seal-messages").get_by_role("status")
    assert await news.text_content() == ""
    assert await page.get_by_role("log").get_attribute("aria-live") == "off"
    await page.evaluate(
        """() => { const { items } = backend.state(); const [first] = items;
          backend.change({ items: [...items, { ...first, id: "n1", author: "yildiz", text: "Neu" },
            { ...first, id: "n2", author: "me", text: "Eigen" }] }) }"""
    )
    await page.get_by_text("Eigen").wait_for()
    assert await news.locator("p").all_text_contents() == ["\u2068Frau Yıldız\u2069: \u2068Neu\u2069"]


@browsers.firefox_in_audit
async def test_that_who_has_come_reads_what_was_before_is_announced_too(show: Show) -> None:
    page = await show("open")
    news = page.locator("seal-messages").get_by_role("status")
    joined = """(count) => { const { items } = backend.state();
      const other = items.filter(({ id }) => id !== "j1");
      const line = { kind: "happening", id: "j1", what: "assigned", member: "yildiz", detail: null };
      backend.change({ items: [...other, { ...line, atMs: items[0].writtenMs, count }] }) }"""
    await page.evaluate(joined, None)
    await news.get_by_text("kümmert sich darum.").wait_for()
    await page.evaluate(joined, 3)
    await news.get_by_text("kümmert sich darum und kann auch frühere Nachrichten lesen.").wait_for()
    await page.evaluate(joined, 3)
    assert await news.locator("p").count() == 2


@browsers.firefox_in_audit
async def test_the_companys_own_device_is_not_called_a_person(show: Show) -> None:
    page = await show("open")
    await page.evaluate(
        """() => { const { members, company } = backend.state();
          const [one] = members.filter(({ isSelf }) => !isSelf);
          backend.change({ members: [...members,
            { ...one, id: "desk", name: company.name, kind: "person", team: null, isPresent: false }] }) }"""
    )
    await page.locator("seal-room-view button.present").click()
    people = page.get_by_role("dialog").locator(".people li")
    said = await people.filter(has_text=WEBER).last.text_content()
    assert said == f"{WEBER}Empfang, antwortet auch von selbst · war dabei"
    assert "Mensch" in str(await people.filter(has_text="Yıldız").text_content())


async def test_of_ten_thousand_messages_only_those_near_the_view_are_in_the_page(show: Show) -> None:
    page = await show("many")
    most: int = await page.evaluate(
        """async () => {
          const list = room.shadowRoot.querySelector("seal-messages");
          const log = list.shadowRoot.querySelector("[role=log]");
          let most = 0;
          for (let step = 0; step < 40; step += 1) {
            log.scrollTop = step % 10 === 9 ? Math.random() * log.scrollHeight : log.scrollTop - 700;
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            most = Math.max(most, list.rendered);
            const box = log.getBoundingClientRect();
            const at = list.shadowRoot.elementFromPoint(box.x + 60, box.y + box.height / 2);
            if (!at?.closest("[data-id]")) throw new Error(`nothing is shown at ${log.scrollTop}`);
          }
          return most;
        }"""
    )
    assert 10 < most <= ROWS_AT_MOST


async def test_earlier_messages_leave_the_place_where_one_reads(show: Show) -> None:
    page = await show("many")
    moved: float = await page.evaluate(
        """async () => {
          const frames = async (n) => { while (n--) await new Promise(requestAnimationFrame) };
          const list = room.shadowRoot.querySelector("seal-messages");
          const log = list.shadowRoot.querySelector("[role=log]");
          const all = backend.state().items;
          backend.change({ items: all.slice(5000) });
          await frames(4); log.scrollTop = 20_000; await frames(6);
          const top = (row) => row?.getBoundingClientRect().top ?? 1e9;
          const at = [...list.shadowRoot.querySelectorAll("[data-id]")].find((row) => top(row) > 100);
          const before = top(at);
          backend.change({ items: all });
          await frames(6);
          const now = list.shadowRoot.querySelector(`[data-id="${at.dataset.id}"]`);
          return Math.abs(top(now) - before);
        }"""
    )
    assert moved < 2


async def test_menus_and_dialogs_close_by_escape_and_give_the_focus_back(show: Show) -> None:
    page = await show("open")
    more = page.get_by_role("button", name="Mehr")
    await more.press("Enter")
    assert await more.get_attribute("aria-expanded") == "true"
    assert await page.evaluate(ACTIVE) == "Wer hier liest"
    await page.keyboard.press("Escape")
    assert await page.evaluate(ACTIVE) == "Mehr"
    await more.press("Enter")
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Alles löschen?")
    await dialog.wait_for()
    for _ in range(6):
        await page.keyboard.press("Tab")
        assert await page.evaluate(INSIDE)
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")
    assert await page.evaluate("backend.calls.filter(([name]) => name === 'forget').length") == 0
    assert await page.evaluate(ACTIVE) == "Mehr"
    # In Firefox Tab goes on to the browser's own controls, which would keep the focus in the next scene.
    for _ in range(50):
        if await page.evaluate("document.hasFocus()"):
            break
        await page.keyboard.press("Tab")


@browsers.firefox_in_audit
async def test_a_code_is_written_down_and_typed_back_by_keyboard(show: Show) -> None:
    """ACC-68, ACC-72: whose code it is stands above it; a group that is another one is named at its field;
    then nothing reminds of it any more.
    """
    page = await show("code")
    await page.get_by_role("button", name="Code zeigen").press("Enter")
    dialog = page.get_by_role("dialog", name="Ihr Code")
    await dialog.locator("li").first.wait_for()
    assert await dialog.locator("li b").all_inner_texts() == CODE.split("-")
    assert (await dialog.locator(".paper p").all_text_contents())[:2] == [
        f"Code für \u2068{WEBER}\u2069",
        "https://chat.praxis-weber.example",
    ]
    assert await web_pictures.barriers(page) == []
    await dialog.get_by_role("button", name="Ich habe ihn aufgeschrieben").press("Enter")
    first, second = (dialog.get_by_role("textbox", name=f"Gruppe \u2068{n}\u2069") for n in (2, 5))
    await page.keyboard.type("vvspt")
    await page.keyboard.press("Tab")
    await page.keyboard.type("xd7vy")
    await page.keyboard.press("Enter")
    await dialog.get_by_role("alert").get_by_text("Gruppe \u20685\u2069 stimmt nicht").wait_for()
    assert [await one.get_attribute("aria-invalid") for one in (first, second)] == [None, "true"]
    assert await web_pictures.barriers(page) == []
    await page.keyboard.press("Backspace")
    await page.keyboard.type("x")
    await page.keyboard.press("Enter")
    await dialog.get_by_text("Stimmt.").wait_for()
    await page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")
    assert await page.get_by_role("button", name="Code zeigen").count() == 0
    calls = "backend.calls.filter(([name, act]) => act === 'code-back').map((one) => one[2].join())"
    assert await page.evaluate(calls) == ["vvspt,xd7vy", "vvspt,xd7vx"]


@browsers.firefox_in_audit
async def test_who_has_lost_the_key_goes_on_by_code_and_notice_by_keyboard(show: Show) -> None:
    """ACC-62, ACC-65, ACC-72: whose code is asked for is said, and a code that is pasted with another
    line above it goes nowhere before a second word; nothing is made by a code alone; the notice is shown
    with its two answers. A tab that is left waits no longer, and ends what is its own (STO-45).
    """
    page = await show("lost")
    await page.get_by_role("button", name="Mit Code weiterschreiben").press("Enter")
    await page.get_by_role("dialog", name="Mit Ihrem Code weiterschreiben?").wait_for()
    await page.get_by_role("button", name="Löschen und weiter").press("Enter")
    dialog = page.get_by_role("dialog", name="Mit Ihrem Code weiterschreiben")
    field = dialog.get_by_role("textbox", name="Code von Ihrem Papier")
    await field.wait_for()
    await dialog.get_by_text(f"Code für \u2068{WEBER}\u2069").wait_for()
    await dialog.get_by_text("https://chat.praxis-weber.example").wait_for()
    await field.fill(f"Stadtwerke, https://chat.stadtwerke.example\n{CODE}")
    await page.keyboard.press("Enter")
    warning = dialog.get_by_role("alert").get_by_text("Über diesem Code steht: \u2068Stadtwerke, https://")
    await warning.wait_for()
    read = "backend.calls.filter(([name, act]) => act === 'code-read').map((one) => one[2])"
    assert await page.evaluate(read) == []
    await field.fill(f"Stadtwerke, https://chat.stadtwerke.example\n{CODE[:-2]}")
    await page.keyboard.press("Enter")
    await dialog.get_by_text("Das ist kein Code.").wait_for()
    assert await page.evaluate(read) == [CODE[:-2]]
    await field.fill("")
    await page.keyboard.type(CODE[:-1])
    await page.keyboard.press("Enter")
    await dialog.get_by_role("alert").get_by_text("Gruppe \u20686\u2069").wait_for()
    assert await web_pictures.barriers(page) == []
    await page.keyboard.type("J")
    await page.keyboard.press("Enter")
    await dialog.get_by_text("Der Code stimmt.").wait_for()
    assert await web_pictures.barriers(page) == []
    assert await page.evaluate("backend.calls.filter(([name, act]) => act === 'recover').length") == 0
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    ends = "backend.calls.filter(([name, act]) => act === 'end').map((one) => one[2])"
    (ended,) = await page.evaluate(ends)
    await dialog.get_by_role("button", name="Einverstanden, weiter").press("Enter")
    await dialog.get_by_text("Sie schreiben wieder als Sie selbst").wait_for()
    await dialog.get_by_role("button", name="Weiterschreiben").press("Enter")
    await page.get_by_role("textbox", name="Nachricht").wait_for()
    recovered = "backend.calls.filter(([name, act]) => act === 'recover').map((one) => one[2])"
    given = await page.evaluate(recovered)
    assert [(one["code"], one["purposes"]) for one in given] == [(CODE, [1])]
    assert given[0]["shown"]["locale"] == "de"
    assert given[0]["handle"] == ended
    assert set(await page.evaluate(ends)) == {ended}


@browsers.firefox_in_audit
async def test_who_has_erased_everything_is_told_what_the_company_knows_of_it(show: Show) -> None:
    """STO-37"""
    page = await show("open")
    erase = """(erasure) => backend.change({
      link: 'connecting', phase: 'erased', canWrite: false, items: [], erasure })"""
    words = {"told": "Das Unternehmen hat den Auftrag", "alone": "hat davon nichts erfahren"}
    for erasure, text in words.items():
        await page.evaluate(erase, erasure)
        await page.get_by_role("status").get_by_text(text).wait_for()
        assert await page.get_by_text("Verbindung wird aufgebaut").count() == 0
    await page.evaluate(erase, "none")
    await page.get_by_text("Auf diesem Gerät").wait_for(state="detached")


@browsers.firefox_in_audit
async def test_who_erases_everything_reads_that_linked_devices_lose_it_too(show: Show) -> None:
    """STO-37: where nobody is told, and where none can be linked, that is not said."""
    page = await show("open")
    ask = page.get_by_role("dialog", name="Alles löschen?")
    for account, count in (("key", 1), ("none", 0), ("replaced", 0)):
        await page.evaluate("(account) => backend.change({ account })", account)
        await page.get_by_role("button", name="Mehr").click()
        await page.get_by_role("menuitem", name="Alles löschen").click()
        await ask.get_by_text("Der Verlauf verschwindet").wait_for()
        assert await ask.get_by_text("verschwindet er auch dort").count() == count
        await page.keyboard.press("Escape")
        await ask.wait_for(state="detached")


LIST_ENDS: Final = """() => {
  const { keeping } = backend.state();
  backend.change({ account: "other", listUntilMs: keeping.untilMs }); }"""
LIST_OVER: Final = """() => {
  clock.laterMs = 8 * 86400000;
  backend.change({ canWrite: false, canSendFiles: false }); }"""


@browsers.firefox_in_audit
async def test_a_further_device_says_until_when_the_first_one_has_to_be_opened(show: Show) -> None:
    """ID-65: by which day; after it there is no field, and the person may begin anew, which is asked."""
    page = await show("open")
    await page.evaluate(LIST_ENDS)
    note = page.locator(".note", has_text="auf dem Gerät, mit dem Sie begonnen haben")
    await note.get_by_text("Öffnen Sie dieses Gespräch bis").wait_for()
    await page.get_by_role("textbox", name="Nachricht").wait_for()
    await note.get_by_role("button", name="Ausblenden").click()
    await note.wait_for(state="detached")
    await page.evaluate(LIST_OVER)
    over = page.locator(".note", has_text="Dieses Gerät kann nichts mehr senden")
    await over.get_by_text("ist vielleicht nicht angekommen").wait_for()
    assert await over.get_by_role("button").count() == 1
    await page.get_by_role("textbox").wait_for(state="detached")
    assert await page.get_by_text("Erst klären, dann schreiben.").count() == 0
    await over.get_by_role("button", name="Neu beginnen").click()
    await page.get_by_role("dialog", name="Neu beginnen?").wait_for()


@browsers.firefox_in_audit
async def test_a_device_whose_list_is_over_is_given_up_only_once_asked(show: Show) -> None:
    """ID-65: a press in the foot would take what has still to leave, such as a withdrawal, with the store."""
    page = await show("open")
    await page.evaluate(LIST_ENDS)
    again = page.locator(".foot").get_by_role("button", name="Neu beginnen")
    for state in ("phase: 'withdrawn', erasure: 'unsent'", "phase: 'closed', canReopen: false"):
        await page.evaluate(f"() => {{ clock.laterMs = 0; backend.change({{ canWrite: false, {state} }}); }}")
        await again.wait_for()
        await page.evaluate(LIST_OVER)
        await page.locator(".note").get_by_role("button", name="Neu beginnen").wait_for()
        await again.wait_for(state="detached")


OWN_OPEN: Final = """(changes) => {
  const { members, items } = backend.state();
  const me = members.find((one) => one.isSelf).id;
  const [own] = items.filter((one) => one.kind === "message" && one.author === me && one.file === null);
  backend.change({ ...changes, items: [{ ...own, text: "Guten Tag", isSensitive: false, isErased: false }] });
}"""
GUARDS: Final = ["Als vertraulich kennzeichnen", "Löschen"]


@browsers.firefox_in_audit
@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, ["Antworten", "Text kopieren", "Bearbeiten", *GUARDS]),
        ({"account": "other", "canWrite": False, "listUntilMs": 1}, ["Text kopieren", *GUARDS]),
        ({"account": "replaced", "canWrite": False}, ["Text kopieren"]),
        ({"phase": "closed", "canWrite": False}, ["Text kopieren"]),
    ],
    ids=["open", "list over", "replaced", "closed"],
)
async def test_a_message_is_marked_and_erased_also_where_none_is_written(
    show: Show, changes: dict[str, object], offered: list[str]
) -> None:
    """ID-65: both are no contents, and go where the list of a device is over."""
    page = await show("open")
    await page.evaluate(OWN_OPEN, changes)
    await page.get_by_text("Guten Tag").wait_for()
    await page.get_by_role("button", name="Aktionen").click()
    await page.get_by_role("menuitem", name="Text kopieren").wait_for()
    assert await page.get_by_role("menuitem").all_inner_texts() == offered


STUCK: Final = """([waitedMs, changes]) => {
  const own = backend.state().items.find((one) => one.author === "me");
  const writtenMs = Date.UTC(2026, 10, 29, 13, 5) - waitedMs;
  backend.change({ items: [{ ...own, delivery: "waiting", writtenMs }], ...changes });
}"""
ALARM: Final = {"kind": "identity", "sinceMs": 0, "before": [], "now": []}
WAITS: Final[tuple[tuple[int, dict[str, object], bool], ...]] = (
    (900_000, {}, True),
    (599_900, {}, False),
    (-30 * 86_400_000, {}, True),
    (900_000, {"link": "offline"}, False),
    (900_000, {"link": "online", "alarm": ALARM}, False),
    (900_000, {"alarm": None, "account": "replaced"}, False),
    (900_000, {"account": "key", "phase": "closed"}, False),
    (900_000, {"phase": "waiting"}, True),
    (0, {"phase": "open"}, False),
)


@browsers.firefox_in_audit
async def test_a_text_that_does_not_leave_is_told_with_a_way_on(show: Show) -> None:
    """CNS-94: by how long it waits, or where the clock was put back; not a moment before."""
    page = await show("open")
    told = page.get_by_text("Eine Nachricht konnte noch nicht hinausgehen")
    for waited_ms, changes, is_told in WAITS:
        await page.evaluate(STUCK, [waited_ms, changes])
        await until_read(told.count, int(is_told))
        if changes == {"phase": "waiting"}:
            assert await page.locator(".note").count() == 1  # It waits for nobody there yet.
    note = page.locator(".note", has=told)
    await page.evaluate(STUCK, [599_900, {}])
    await page.evaluate("clock.laterMs = 100")
    await note.get_by_role("link").wait_for()  # By a timer of its own: nothing else happens.
    assert await web_pictures.barriers(page) == []
    await note.get_by_role("button", name="Hinweis ausblenden").click()
    await until_read(told.count, 0)


@browsers.firefox_in_audit
async def test_what_was_typed_for_one_room_is_sent_in_no_other(show: Show) -> None:
    """STO-55: nor does the focus lead who types on into the field of another room."""
    page = await show("open")
    field = page.get_by_role("textbox", name="Nachricht")
    await field.fill("Für das erste Gespräch")
    shows = "(room) => backend.change({ room })"
    await page.evaluate(shows, "other")
    await page.wait_for_function(
        "document.querySelector('seal-room-view').shadowRoot.activeElement.matches('.present')"
    )
    assert await field.input_value() == ""
    await field.fill("Für das andere")
    await page.keyboard.press("Enter")
    await page.evaluate(shows, "room")
    assert await field.input_value() == "Für das erste Gespräch"
    await field.press("Enter")
    sent = "backend.calls.filter(([name]) => name === 'send').map(([, text, , room]) => [text, room])"
    expected = [["Für das andere", "other"], ["Für das erste Gespräch", "room"]]
    await page.wait_for_function(f"() => {sent}.length === 2")
    assert await page.evaluate(sent) == expected


@browsers.firefox_in_audit
async def test_what_was_typed_stays_while_the_store_is_opened_again(show: Show) -> None:
    """STO-59: also a chosen file; where all is lost it stands in the next room, and not after an erasure."""
    page = await show("open")
    field = page.get_by_role("textbox", name="Nachricht")
    ends = "([phase, obstacle, room]) => backend.change({ phase, obstacle, room })"
    again = page.get_by_role("button", name="Noch einmal versuchen")
    await field.fill("Ein langer Text")
    await page.locator("seal-composer input[type=file]").set_input_files([BRIEF])
    await page.get_by_role("button", name="Brief.txt").wait_for()
    await page.evaluate(ends, ["blocked", "storage-ended", None])
    await again.wait_for()
    await page.evaluate(ends, ["open", None, "room"])
    assert await field.input_value() == "Ein langer Text"
    await page.get_by_role("button", name="Brief.txt").wait_for()
    await page.evaluate(ends, ["blocked", "storage-ended", None])
    await again.wait_for()
    await page.evaluate(ends, ["blocked", "storage-lost", None])
    await page.get_by_role("heading", name="Willkommen zurück").wait_for()
    for phase in ("notice", "open"):
        await page.evaluate(ends, [phase, None, "next"])
    assert await field.input_value() == "Ein langer Text"
    assert await page.get_by_role("button", name="Brief.txt").count() == 0
    assert await page.evaluate("backend.calls.filter(([name]) => name === 'send').length") == 0
    await page.evaluate(ends, ["blocked", "storage-ended", None])
    await again.wait_for()
    await page.evaluate(ends, ["erased", None, "next"])
    await field.wait_for(state="detached")
    for phase in ("notice", "open"):
        await page.evaluate(ends, [phase, None, "third"])
    assert await field.input_value() == ""


@browsers.firefox_in_audit
async def test_a_text_that_another_tab_may_have_sent_is_not_told_as_unsent(show: Show) -> None:
    """STO-39"""
    page = await show("open")
    field = page.get_by_role("textbox", name="Nachricht")
    unsure = "{ backend.send = () => Promise.reject(Object.assign(new Error(), { code: 'tabs.unsure' })) }"
    await page.evaluate(f"() => {unsure}")
    await field.fill("Guten Tag")
    await page.keyboard.press("Enter")
    await page.get_by_role("alert").get_by_text("Vielleicht ist das schon gesendet.").wait_for()
    assert await field.input_value() == "Guten Tag"


@browsers.firefox_in_audit
async def test_a_withdrawal_that_has_not_left_is_shown_as_not_sent(show: Show) -> None:
    """STO-54: it is called erased where nothing is open any more, and can be erased here."""
    page = await show("open")
    ends = """(erasure) => backend.change({
      link: 'offline', phase: 'erased', canWrite: false, items: [], erasure })"""
    titles = {
        "unsent": "Ihr Widerruf ist noch nicht gesendet.",
        "asked": "Ihre Einwilligung ist widerrufen.",
        "held": "Ihre Einwilligung ist widerrufen.",
        "confirmed": "Dieses Gespräch ist gelöscht.",
    }
    for erasure, title in titles.items():
        await page.evaluate(ends, erasure)
        await page.get_by_role("heading", name=title).wait_for()
        assert await page.get_by_text("Keine Verbindung").count() == int(erasure != "confirmed")
    await page.evaluate(ends, "unsent")
    await page.get_by_text("weiß noch nichts davon").wait_for()
    await page.get_by_role("button", name="Mehr").click()
    await page.get_by_role("menuitem", name="Alles löschen").wait_for()


@browsers.firefox_in_audit
async def test_who_is_out_by_a_code_is_told_whom_to_tell_and_begins_anew_once_asked(show: Show) -> None:
    """ACC-67: nothing is written there, and what is left goes only after a second word."""
    page = await show("taken")
    await page.get_by_text("Jemand hat Ihren Code benutzt").wait_for()
    await page.get_by_role("link", name="+49 30 555 0142").wait_for()
    assert await page.get_by_role("textbox").count() == 0
    await page.get_by_role("button", name="Mehr").click()
    assert await page.get_by_role("menuitem", name="Einwilligung widerrufen").count() == 0
    await page.get_by_role("menuitem", name="Alles löschen").click()
    await page.get_by_role("dialog").get_by_text("erfährt davon nichts").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Neu beginnen").click()
    done = "backend.calls.map(([name]) => name).filter((name) => name !== 'seen')"
    assert await page.evaluate(done) == []
    await page.get_by_role("button", name="Löschen und neu beginnen").click()
    await page.get_by_role("button", name="Einverstanden, weiter").wait_for()
    assert await page.evaluate(done) == ["startAnew"]


@browsers.firefox_in_audit
async def test_withdrawing_is_two_steps_and_then_says_what_comes(show: Show) -> None:
    page = await show("open")
    await page.get_by_role("button", name="Mehr").click()
    await page.get_by_role("menuitem", name="Einwilligung widerrufen").click()
    await page.get_by_role("dialog").get_by_role("button", name="Widerrufen").click()
    await page.get_by_text("löscht, was gelöscht werden darf").wait_for()
    assert await page.get_by_role("textbox").count() == 0


async def test_a_menu_stays_when_its_message_is_drawn_anew(show: Show) -> None:
    page = await show("open")
    await page.get_by_role("button", name="Aktionen").last.click()
    await page.get_by_role("menuitem", name="Antworten").wait_for()
    await page.evaluate(
        """async () => {
          const items = backend.state().items.map((item) => ({ ...item, isSensitive: true }));
          backend.change({ items });
          for (let i = 0; i < 4; i += 1) await new Promise((done) => requestAnimationFrame(done));
        }"""
    )
    await page.get_by_text("vertraulich").first.wait_for()
    await page.get_by_role("menuitem", name="Antworten").click()
    await page.get_by_text("Antwort an").wait_for()


@browsers.firefox_in_audit
async def test_a_wrong_clock_and_a_store_that_ended_are_said_as_what_they_are(show: Show) -> None:
    """CNS-86: neither accuses the company or the browser, and both can be tried again."""
    for scene, title in (
        ("clock", "Stimmen Datum und Uhr?"),
        ("ended", "Der Speicher ist gerade nicht offen"),
    ):
        page = await show(scene)
        await page.get_by_role("heading", name=title).wait_for()
        await page.get_by_role("button", name="Noch einmal versuchen").click()
        assert await page.evaluate("backend.calls.at(-1)[0]") == "tryAgain"


@browsers.firefox_in_audit
async def test_a_company_without_channels_is_reached_as_its_notice_says(show: Show) -> None:
    """CNS-17: who refuses is shown another way in any case."""
    page = await show("refused")
    await page.evaluate(
        "backend.change({ company: { ...backend.state().company, channels: [], hours: null } })"
    )
    await page.get_by_role("button", name="Doch hier schreiben").click()
    await page.get_by_role("button", name="Lieber anders").click()
    await page.get_by_role("heading", name="So erreichen Sie uns auch").wait_for()
    assert await page.locator(".ways .value").all_inner_texts() == [
        "praxis@praxis-weber.example",
        "Praxis Dr. Weber, Lindenstraße 12, 10969 Berlin",
    ]


@browsers.firefox_in_audit
async def test_a_greeting_alone_waits_for_nobody(show: Show) -> None:
    page = await show("waiting")
    await page.get_by_text("Ihre Nachricht wartet").wait_for()
    await page.evaluate(
        """() => {
          const items = backend.state().items.map((item) => ({ ...item, author: "desk", delivery: null }));
          backend.change({ items });
        }"""
    )
    await page.get_by_text("Ihre Nachricht wartet").wait_for(state="detached")


async def test_whatever_a_person_writes_is_a_text(show: Show) -> None:
    page = await show("open")
    await page.evaluate(SAY_EVERYWHERE, HOSTILE)
    await page.get_by_text(HOSTILE).first.wait_for()
    await page.get_by_role("button", name="Mehr").click()
    await page.get_by_role("menuitem", name="Andere Wege zu uns").click()
    await page.get_by_role("dialog").wait_for()
    assert await page.evaluate(ACTIVE_PARTS) == 0


@browsers.firefox_in_audit
async def test_an_alarm_blocks_the_field_until_a_person_settles_it(show: Show) -> None:
    """CNS-85: what it says of other messages is true: those that are on their way go to the known keys."""
    page = await show("alarm")
    assert await page.get_by_role("textbox").count() == 0
    await page.get_by_text("Was noch hinausgeht, geht nur an die bisher bekannten Schlüssel.").wait_for()
    await page.get_by_role("button", name="Klären").click()
    await page.get_by_role("button", name="Die Zeichen stimmen").click()
    await page.get_by_role("textbox", name="Nachricht").wait_for()
    assert await page.evaluate("JSON.stringify(backend.calls.at(-1))") == '["settleAlarm","trust","identity"]'


@browsers.firefox_in_audit
async def test_what_ends_a_conversation_is_asked_beside_a_newer_notice_and_an_alarm(show: Show) -> None:
    """CNS-83: neither dialog ends anything by one click."""
    for scene, opens, ends, asks in (
        ("stale", "Hinweise ansehen", "Einwilligung widerrufen", "Einwilligung widerrufen?"),
        ("alarm", "Klären", "Gespräch beenden", "Gespräch beenden?"),
    ):
        page = await show(scene)
        await page.get_by_role("button", name=opens).click()
        assert await page.get_by_role("dialog").get_by_role("button", name="Lieber anders").count() == 0
        await page.get_by_role("dialog").get_by_role("button", name=ends).click()
        asked = page.get_by_role("dialog", name=asks)
        await asked.get_by_role("button", name="Abbrechen").last.click()
        ended = "backend.calls.map(([name]) => name).filter((name) => /withdraw|settle|refuse/.test(name))"
        assert await page.evaluate(ended) == []
        await page.get_by_role("button", name=opens).click()
        await page.get_by_role("dialog").get_by_role("button", name=ends).click()
        await asked.locator(".stop").click()
        await asked.wait_for(state="detached")
        await browsers.until(page, f"() => {ended}.length > 0")
        assert await page.evaluate(ended) == ["withdraw" if scene == "stale" else "settleAlarm"]


NEWER: Final = """([acceptedMode, mode]) => {
  const { notice } = backend.state();
  backend.change({ acceptedMode, notice: { ...notice, mode } }); }"""
OVERDUE: Final = """() => { clock.laterMs = 4 * 86400000; backend.change({ canWrite: false }); }"""


@browsers.firefox_in_audit
@pytest.mark.parametrize("modes", [("consent", "notice"), ("notice", "consent")])
async def test_what_was_accepted_says_what_can_be_taken_back_whatever_a_newer_notice_asks(
    show: Show, modes: tuple[str, str]
) -> None:
    """CNS-83: withdrawal or objection in the menu and beside the newer notice; overdue, it takes no text."""
    page = await show("stale")
    await page.evaluate(NEWER, modes)
    is_consent = modes[0] == "consent"
    await page.get_by_role("button", name="Mehr").click()
    await page.get_by_role("menuitem", name="Alles löschen").wait_for()
    assert await page.get_by_role("menuitem", name="Einwilligung widerrufen").count() == is_consent
    assert await page.get_by_role("menuitem", name="Widersprechen").count() == (not is_consent)
    await page.keyboard.press("Escape")
    await page.get_by_role("textbox", name="Nachricht").wait_for()
    await page.evaluate(OVERDUE)
    await page.get_by_text("Bitte antworten Sie darauf, bevor Sie weiterschreiben.").wait_for()
    await page.get_by_text("Erst klären, dann schreiben.").wait_for()
    assert await page.get_by_role("textbox").count() == 0
    await page.get_by_role("button", name="Hinweise ansehen").click()
    dialog = page.get_by_role("dialog")
    assert await dialog.get_by_role("button", name="Einwilligung widerrufen").count() == is_consent
    await dialog.locator(".dialog-foot button").last.click()
    await page.get_by_role("textbox", name="Nachricht").wait_for()


@browsers.firefox_in_audit
async def test_a_room_that_cannot_read_what_comes_says_the_code_beside_the_conversation(show: Show) -> None:
    """STO-43: with a way to load the page anew; one writes on."""
    page = await show("offline")
    await page.evaluate("backend.change({ fault: 'local.part' })")
    note = page.locator(".note.stop")
    await note.get_by_text("local.part").wait_for()
    await note.get_by_role("button", name="Seite neu laden").wait_for()
    await page.get_by_role("textbox", name="Nachricht").wait_for()
    await page.evaluate("backend.change({ fault: null })")
    await note.wait_for(state="detached")


SAID: Final = """(text) => { const { items } = backend.state();
  const other = items.findLast((one) => one.author === "yildiz" && one.file === null);
  const left = { kind: "happening", id: `left ${text}`, atMs: other.writtenMs, what: "left", member: "yildiz",
    detail: null, count: null };
  backend.change({ items: [...items, { ...other, id: text, text }, left] }); }"""
ERASED: Final = """(id) => backend.change({ items: backend.state().items.map((one) =>
  one.id === id ? { ...one, text: "", isErased: true } : one) })"""
AT_END: Final = """() => {
  const log = room.shadowRoot.querySelector("seal-messages").shadowRoot.querySelector(".scroll");
  return log.scrollHeight - log.scrollTop - log.clientHeight < 2; }"""
TO_START: Final = """() => {
  room.shadowRoot.querySelector("seal-messages").shadowRoot.querySelector(".scroll").scrollTop = 0; }"""


@only_chromium
async def test_an_answer_is_seen_after_the_field_has_become_smaller(show: Show) -> None:
    """A question above the field comes and goes, and the list stays at its end."""
    page = await show("open")
    field = page.get_by_role("textbox", name="Nachricht")
    await field.fill("DE89 3704 0044 0532 0130 00")
    await field.press("Enter")
    await page.get_by_text("Das sieht nach einer Kontonummer aus").wait_for()
    await page.wait_for_function(AT_END)
    await page.get_by_role("button", name="Noch einmal ansehen").click()
    await page.wait_for_function(AT_END)
    await page.evaluate(SAID, "Die Antwort")
    await page.get_by_role("log").get_by_text("Die Antwort").wait_for()
    await page.wait_for_function(AT_END)
    assert await page.locator(".jump").is_hidden()


@only_chromium
async def test_what_is_counted_as_new_is_what_somebody_wrote(show: Show) -> None:
    """Who leaves is no new message, nor is what was erased since."""
    page = await show("open")
    await page.wait_for_function(AT_END)
    await page.evaluate(TO_START)
    await page.get_by_role("button", name="Zum Ende").wait_for()
    await page.evaluate(SAID, "eins")
    await page.get_by_role("button", name="\u20681\u2069 neue Nachricht").wait_for()
    await page.evaluate(ERASED, "eins")
    await page.get_by_role("button", name="Zum Ende").wait_for()
