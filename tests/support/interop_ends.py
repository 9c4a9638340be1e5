"""The two ends of a conversation of the interop matrix: in Python, or in a browser on a room's screens."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import browsers
from conversations import until_read
from e2ee_client.events import Gap, GapFilled
from e2ee_client.room_events import GapClosed, GapShown
from e2ee_client.rooms import Company, Customer, Room
from e2ee_client.rooms.device import Device
from e2ee_client.rooms.transcripts import verify_transcript
from playwright.async_api import Browser, FrameLocator, Page
from web_companies import ORIGIN
from web_release import opened, put_release, written

from e2ee.ids import AccountId
from e2ee.session import Session

MANY: Final = 10_000
_LIST: Final = """document.querySelector("seal-room-view").shadowRoot
  .querySelector("seal-messages").shadowRoot.querySelector(".scroll")"""
# From the first row to the last: each row once, as it stands in the document.
SHOWN: Final = f"""async () => {{
  const list = {_LIST};
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const rows = () => [...list.querySelectorAll("[data-id]")];
  const told = (row, name) => row?.getAttribute(`aria-${{name}}`);
  const isFirst = (row) => told(row, "posinset") === "1" && told(row, "setsize") !== "-1";
  while (!(list.scrollTop === 0 && isFirst(rows()[0]))) {{ list.scrollTop = 0; await frame(); }}
  const found = new Map();
  for (let place = -1; list.scrollTop > place; await frame()) {{
    await frame();
    place = list.scrollTop;
    for (const row of rows()) {{
      const text = row.querySelector(".text")?.textContent ?? null;
      found.set(row.dataset.id, [text, row.querySelector(".event.warn")?.textContent ?? null]);
    }}
    list.scrollTop = place + list.clientHeight / 2;
  }}
  return [...found.values()];
}}"""
# What is offered to be saved, as text.
CAPTURE: Final = """() => {
  const blobs = [], make = URL.createObjectURL;
  URL.createObjectURL = (blob) => { blobs.push(blob); return make.call(URL, blob); };
  globalThis.offered = new Promise((done) => {
    HTMLAnchorElement.prototype.click = () => blobs.at(-1).text().then(done);
  });
}"""


class Line(NamedTuple):
    """An entry of a transcript; the text of one that is none is None."""

    hash: str
    text: str | None


class End(Protocol):
    """One side of a conversation."""

    name: str

    async def write(self, text: str) -> None:
        """Write a text; it is in the store when this returns."""
        ...

    async def until_has(self, texts: Sequence[str]) -> None:
        """Wait until these are shown."""
        ...

    async def transcript(self) -> list[Line]:
        """All entries in their order."""
        ...

    async def faults(self) -> list[str]:
        """What this side shows that must not be."""
        ...


class PythonEnd:
    """A device in Python and its room; `told` counts what it was told."""

    def __init__(self, name: str, device: Device[Any], room: Room) -> None:
        self.name, self._device, self._room = name, device, room
        self.told: Counter[str] = Counter()
        self._gaps: dict[tuple[type, bytes], bool] = {}
        self._events = device.events()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for event in self._events:
            self.told[type(event).__name__] += 1
            if isinstance(event, Gap | GapFilled):
                self._gaps[Gap, event.account_id] = isinstance(event, Gap)
            if isinstance(event, GapShown | GapClosed):
                self._gaps[GapShown, event.device_id] = isinstance(event, GapShown)

    async def write(self, text: str) -> None:
        await self._room.send(text)

    async def until_has(self, texts: Sequence[str]) -> None:
        async def missing() -> set[str]:
            return set(texts) - {one.text or "" for one in await self._room.texts(limit=100)}

        await until_read(missing, set())

    async def transcript(self) -> list[Line]:
        return [Line(one.hash.hex(), one.text) for one in await self._room.history(limit=MANY)]

    def sessions(self) -> list[Session]:
        """The sessions that this device holds."""
        sessions = self._device.client.shell.machine._state.sessions
        return [sessions[one] for one in sessions]

    async def faults(self) -> list[str]:
        open_gaps = [kind.__name__ for (kind, _), is_open in self._gaps.items() if is_open]
        bad = [f"was told {name} {count} times" for name, count in self.told.items() if name in MUST_NOT_BE]
        return [f"{self.name}: {said}" for said in (*bad, *(f"{name} is left" for name in open_gaps))]

    async def end(self) -> None:
        """Listen no more."""
        self._events.close()
        await self._listening


MUST_NOT_BE: Final = frozenset({
    "ChainRestarted", "Churn", "Differ", "EntryRefused", "Equivocation", "EventsMissed", "IdentityAlarm",
    "MessageRejected", "Parted", "RolledBack", "SecondCopy", "Unconfirmed", "Unreachable",
})  # fmt: skip
"""Events that no loss and no lateness of a network brings about."""


class BrowserEnd:
    """A person at the company's page."""

    def __init__(self, visitor: browsers.Visitor, page: Page, room: FrameLocator, company: Company) -> None:
        self.name = "customer"
        self._visitor, self._page, self._room, self._company = visitor, page, room, company

    async def write(self, text: str) -> None:
        await written(self._room, text)

    async def until_has(self, texts: Sequence[str]) -> None:
        log = self._room.get_by_role("log")
        for text in texts:
            await log.get_by_text(text, exact=True).wait_for(timeout=60_000)

    async def transcript(self) -> list[Line]:
        """What the file says that the person saves, and that Python finds to hold (EXP-13)."""
        frame = self._page.frames[1]
        await frame.evaluate(CAPTURE)
        await self._room.get_by_role("button", name="Mehr").click()
        await self._room.get_by_role("menuitem", name="Verlauf speichern").click()
        await self._room.get_by_role("button", name="Als prüfbare Datei speichern").click()
        text: str = await frame.evaluate("() => offered")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "room.json"
            path.write_text(text, "utf-8")
            if not verify_transcript(path, AccountId(self._company.client.account_id)).holds:
                raise AssertionError("the saved transcript does not hold")
        entries = [one for one in json.loads(text) if "entry" in one]
        return [Line(one["hash"], _text_of(one)) for one in entries]

    async def faults(self) -> list[str]:
        """Rows that are not those of the transcript, once and in its order; what the page complains of."""
        rows: list[tuple[str | None, str | None]] = await self._page.frames[1].evaluate(SHOWN)
        shown = [text for text, _ in rows if text is not None]
        wanted = [line.text for line in await self.transcript() if line.text is not None]
        twice = [text for text, count in Counter(shown).items() if count > 1]
        found = [f"shows twice: {text}" for text in twice]
        if not twice and shown != wanted:
            found.append(f"shows {len(shown)} texts, not the {len(wanted)} of its transcript in their order")
        found += [f"shows: {said}" for _, said in rows if said is not None]
        # A browser complains of each connection that is cut.
        found += [f"complains: {one}" for one in self._visitor.take_complaints() if "ws://" not in one]
        return [f"{self.name}: {said}" for said in found]


def _text_of(entry: Mapping[str, Any]) -> str | None:
    return str(entry["payload"]["1"]) if entry["kind"] == 3 else None


@asynccontextmanager
async def python_customer(company: Company) -> AsyncIterator[PythonEnd]:
    """A person in Python who has accepted."""

    async def fetch(_: str) -> bytes:
        return await company.door()

    async with Customer.open(None, company=ORIGIN, fetch=fetch) as me:
        end = PythonEnd("customer", me, await me.accept(await me.notice()))
        try:
            yield end
        finally:
            await end.end()


@asynccontextmanager
async def browser_customer(
    browser: Browser, built: Mapping[str, bytes], company: Company, relay_url: str
) -> AsyncIterator[BrowserEnd]:
    """A person in a browser who has accepted, on the screens of the room."""
    with browsers.Site({}) as site:
        put_release(site, built, await company.door(), relay_url)
        async with browsers.visiting(browser) as visitor:
            page, room = await opened(visitor, site)
            await room.get_by_role("button", name="Einverstanden, weiter").click()
            yield BrowserEnd(visitor, page, room, company)
