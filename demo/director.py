"""Plays the conversation and shows what each side sees."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from e2ee_relay.protocol import SendItem

from .capture import Capture
from .encodings import Pattern, patterns_of_key, patterns_of_text, unmasked
from .processes import Person, ProcessFailed, Relay
from .proxy import Proxy
from .scan import Hit, ScanRefused, search_memory, search_streams
from .screen import Screen
from .script import PEOPLE, Happen, Say, Step

_ARRIVES_S: Final = 45.0
_QUIET_S: Final = 3.0
_KNOWN_B: Final = 64
# A message passes the proxy: the client's way to it, its way to the relay.
_LEGS: Final = 2
_UI: Final = {"customer": "Ich", "company": "Praxis"}
_MARKS: Final = {"queued": "…", "sent": "✓", "delivered": "✓✓", "read": "✓✓", "failed": "✗"}
_OTHER: Final = {"customer": "company", "company": "customer"}


class Director:
    """One performance."""

    def __init__(self, screen: Screen, folder: Path, *, leaky: bool, capture: bool) -> None:
        self._screen = screen
        self._captures = capture
        self.relay = Relay(folder / "relay", leaky=leaky)
        self._proxy = Proxy(lambda: self.relay.url, self._seen)
        self._people = {name: Person(name, folder, self._event) for name in PEOPLE}
        self._online = dict.fromkeys(PEOPLE, True)
        self._url = ""
        self._received: dict[str, list[str]] = {name: [] for name in PEOPLE}
        self._expected: dict[str, list[str]] = {name: [] for name in PEOPLE}
        self._changed = asyncio.Event()
        self._messages: dict[str, tuple[str, str]] = {}
        self._states: dict[str, str] = {}
        self._envelopes = 0
        self.texts: list[str] = []
        self.keys: dict[str, bytes] = {}
        self.names = _names()
        self.early_hits: list[Hit] = []
        self.last_item: SendItem | None = None
        self._capture_file = folder / "loopback.pcapng"
        self._capture: Capture | None = None

    async def play(self, steps: list[Step]) -> None:
        """Play all steps.

        Raises:
            ProcessFailed: something did not arrive, arrived twice, or a process ended.
        """
        await self._set_up()
        self._screen.title()
        for number, step in enumerate(steps):
            if isinstance(step, Say):
                await self._say(step, follows=_follows(steps, number, self._proxy.reorder))
            else:
                await self._happen(step)
        for name in PEOPLE:
            if not self._online[name]:
                await self._go_online(name)
        await self._settle()
        self._check()

    async def collect_keys(self) -> None:
        """Close both clients and learn which keys to look for."""
        for name, person in self._people.items():
            await self._keep_keys(name, person)

    async def search_wire(self, patterns: list[Pattern]) -> list[Hit]:
        """End the capture and search what was on the wire; nothing if there was no capture.

        Raises:
            ScanRefused: the capture does not hold what must be in it.
        """
        capture, self._capture = self._capture, None
        if capture is None:
            return []
        streams = await capture.stop()
        known = self.known()
        legs = [name for name, content in streams if unmasked(known) in unmasked(content)]
        if len(legs) < _LEGS:
            raise ScanRefused("the capture does not hold the last message on both of its ways")
        self._screen.say(
            f"the capture holds {len(streams)} streams, {sum(len(one) for _, one in streams)} bytes"
        )
        return search_streams(streams, patterns)

    def known(self) -> bytes:
        """Return bytes that must be on the wire: the last envelope's end. It shows that the search sees."""
        return b"" if self.last_item is None else self.last_item.body[-_KNOWN_B:]

    async def stop(self) -> None:
        """End everything."""
        if self._capture is not None:
            await self._capture.stop()
        for person in self._people.values():
            await person.stop()
        await self._proxy.stop()
        await self.relay.stop()

    # --- set-up ---

    async def _set_up(self) -> None:
        self._screen.say("starting a relay process and two client processes")
        await self.relay.start()
        self._url = await self._proxy.start()
        if self._captures:
            self._capture = Capture(self._capture_file, [self._proxy.port, self.relay.port])
            await self._capture.start()
        for name, person in self._people.items():
            await person.start()
            await self._create(name, person)
        company = self._people["company"]
        await company.ask("wait_online")
        answer = await self._people["customer"].ask("add", card=company.card)
        if answer["id"] != company.id:
            raise ProcessFailed("the contact card names another account")
        await self._people["customer"].ask("name", of=company.id, name=self.names["name for the contact"])
        for name in self.names.values():
            await self.relay.tell(name)
        self._screen.say(f"the company's card: {company.card[:60]}…")

    async def _create(self, name: str, person: Person) -> None:
        published = name == "company"
        label = self.names[f"name of the {name}"]
        answer = await person.ask("create", relay=self._url, name=label, publish=published)
        person.id, person.card = answer["id"], answer["card"]

    # --- steps ---

    async def _say(self, step: Say, *, follows: bool) -> None:
        person, other = self._people[step.who], _OTHER[step.who]
        self.texts.append(step.text)
        self._expected[other].append(step.text)
        await self.relay.tell(step.text) if self.relay_runs() else None
        answer = await person.ask("send", to=self._people[other].id, text=step.text)
        self._messages[answer["message"]] = (step.who, step.text)
        self._show(step.who, f"{_UI[step.who]}: {step.text} {_MARKS['queued']}")
        if self._online[step.who] and self.relay_runs() and not follows:
            await self._until(
                lambda: self._states.get(answer["message"], "queued") != "queued", "be confirmed"
            )
            await self._settle()
        if self.relay_runs() and not (self._online[other] and self._online[step.who]):
            self._screen.row(relay=f"on its disk now: {self.held()['message']} sealed messages")

    async def _happen(self, step: Happen) -> None:
        match step.what:
            case "offline":
                await self._go_offline(step.whom)
            case "online":
                await self._go_online(step.whom)
            case "kill":
                self.early_hits.extend(self._search_now())
                await self.relay.kill()
                self._screen.say("the relay process is killed (SIGKILL), its memory was searched just before")
            case "start":
                await self.relay.start()
                self._screen.say("the relay is started again on the same files")
            case "duplicate":
                self._proxy.duplicate += 1
                self._screen.say("the network delivers the next message twice")
            case _:
                self._proxy.reorder = 1
                self._screen.say("the network swaps the next two messages")

    async def _go_offline(self, name: str) -> None:
        await self._settle()
        await self._keep_keys(name, self._people[name])
        self._online[name] = False
        await self._people[name].ask("open", online=False)
        self._screen.say(f"the {name} is offline")

    async def _go_online(self, name: str) -> None:
        await self._people[name].ask("close")
        await self._people[name].ask("open", online=True)
        self._online[name] = True
        await self._people[name].ask("wait_online")
        self._screen.say(f"the {name} is online")
        await self._settle()

    async def _keep_keys(self, name: str, person: Person) -> None:
        await person.ask("close")
        answer = await person.ask("secrets")
        self.keys.update(
            {f"{name}'s {key}": bytes.fromhex(value) for key, value in answer["secrets"].items()}
        )
        self.keys[f"{name}'s store key"] = person.key

    # --- what is seen ---

    def _seen(self, item: SendItem) -> None:
        """An envelope on its way to the relay, decoded as far as the relay can."""
        self._envelopes += 1
        self.last_item = item
        first = item.body[1] == 2
        start = 2 + 2108 if first else 2
        kind = "first flight" if first else "message"
        tag = item.body[start : start + 8].hex()[:8]
        self._screen.row(
            relay=f"{kind}, {len(item.body)} B, mailbox {item.mailbox.hex()[:6]}…, "
            f"chain tag {tag}…, the rest sealed"
        )

    def _event(self, name: str, fact: dict[str, Any]) -> None:
        match fact["event"]:
            case "received":
                self._received[name].append(fact["text"])
                self._show(name, f"{_UI[_OTHER[name]] if name == 'customer' else 'Kundin'}: {fact['text']}")
            case "state":
                self._states[fact["message"]] = fact["state"]
                if fact["message"] in self._messages and fact["state"] in ("delivered", "failed"):
                    _, text = self._messages[fact["message"]]
                    self._show(name, f"   {_MARKS[fact['state']]} {text[:20]}… zugestellt / {fact['state']}")
            case "contact":
                self._show(name, "   neuer Kontakt / new contact")
            case "SessionProven":
                self._show(name, "   Sitzung steht / session established")
            case _:
                pass
        self._changed.set()

    def _show(self, name: str, text: str) -> None:
        self._screen.row(**{name: text})

    def held(self) -> dict[str, int]:
        """Count what the relay's database holds, by table."""
        path = next(self.relay.database.glob("*.db"))
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            count = "SELECT count(*) FROM "
            return {name: db.execute(count + f'"{name}"').fetchone()[0] for name in sorted(tables)}

    # --- waiting and checking ---

    def relay_runs(self) -> bool:
        """Whether the relay process is up."""
        try:
            return self.relay.pid > 0
        except ProcessFailed:
            return False

    async def _settle(self) -> None:
        """Wait until everything that can arrive has arrived."""
        for name in PEOPLE:
            if self._online[name] and self._online[_OTHER[name]]:
                await self._until(lambda name=name: self._has_all(name), "arrive")  # type: ignore[misc]  # bound per name

    def _has_all(self, name: str) -> bool:
        return sorted(self._received[name]) == sorted(self._expected[name])

    async def _until(self, reached: Callable[[], bool], what: str) -> None:
        end = asyncio.get_running_loop().time() + _ARRIVES_S
        while not reached():
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                raise ProcessFailed(f"a message did not {what} within {_ARRIVES_S:.0f} s")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, _QUIET_S))
            except TimeoutError:
                continue

    def _check(self) -> None:
        for name in PEOPLE:
            if not self._has_all(name):
                raise ProcessFailed(f"the {name} did not receive every message exactly once")

    def _search_now(self) -> list[Hit]:
        return search_memory(self.relay.pid, self.patterns(), self.mailbox())

    def mailbox(self) -> bytes:
        """Return bytes that must be in the relay's memory: a mailbox. It shows that the search sees."""
        return b"" if self.last_item is None else self.last_item.mailbox

    def patterns(self) -> list[Pattern]:
        """Everything to look for so far."""
        found: list[Pattern] = []
        for number, text in enumerate(self.texts, 1):
            found.extend(patterns_of_text(f"sentence {number}", text))
        for what, name in self.names.items():
            found.extend(patterns_of_text(what, name))
        for name, key in self.keys.items():
            found.extend(patterns_of_key(name, key))
        return found


def _names() -> dict[str, str]:
    """Names that users type, each with an end of its own, so that chance finds none of them."""
    return {
        what: f"{name} {secrets.token_hex(4)}"
        for what, name in (
            ("name of the company", "Praxis Dr. Beispiel"),
            ("name of the customer", "Erika Mustermann"),
            ("name for the contact", "Hausarzt in der Gartenstraße"),
        )
    }


def _follows(steps: list[Step], number: int, reorder: int) -> bool:
    """Whether the next step is the second of two messages that the network is to swap."""
    return (
        bool(reorder)
        and number + 1 < len(steps)
        and isinstance(steps[number + 1], Say)
        and (number > 0 and isinstance(steps[number - 1], Happen))
    )
