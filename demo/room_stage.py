"""The people of a room on a stage: what each of them has said, is to get, has got, and is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from e2ee_relay.protocol import SendItem

from .screen import Screen
from .stage import Stage

CUSTOMER, TABLET, DESK, A, B = "customer", "tablet", "desk", "agent A", "agent B"


class RoomStage(Stage):
    """Each person is a process of its own; the customer has two."""

    def __init__(
        self, screen: Screen, folder: Path, names: dict[str, str], *, leaky: bool, capture: bool
    ) -> None:
        super().__init__(screen, folder, names, leaky=leaky, capture=capture)
        self._folder = folder
        self._seen_by: dict[str, list[tuple[str, str]]] = {who: [] for who in (CUSTOMER, TABLET, DESK, A, B)}
        self._facts: dict[str, list[dict[str, Any]]] = {who: [] for who in self._seen_by}
        self._room = ""
        self._door = ""
        self._notes: list[str] = []
        self._envelopes = 0
        self._has_begun = False

    # --- who has what ---

    async def _say(self, who: str, text: str, to: list[str]) -> None:
        self.texts.append(text)
        await self.tell_relay(text)
        await self.people[who].ask("send", room=self._room, text=text)
        self._show(who, f"{who_writes(self.names, who)}: {text}")
        for one in to:
            self._expect(one, "text", text)
        await self._all_here()

    async def _note(self, who: str, text: str, to: list[str]) -> None:
        await self._noted(text)
        await self.people[who].ask("note", room=self._room, text=text)
        self._show(who, f"{who_writes(self.names, who)} → Team: {text}")
        for one in to:
            self._expect(one, "note", text)
        await self._all_here()

    async def _noted(self, text: str) -> None:
        self.names[f"note {len(self._notes) + 1}"] = text
        self._notes.append(text)
        await self.tell_relay(text)

    def _expect(self, who: str, kind: str, text: str) -> None:
        self._seen_by[who].append((kind, text))

    async def _all_here(self) -> None:
        await self.until(lambda: not self._lacking(), "somebody does not get what was written")

    def _got(self, who: str) -> list[tuple[str, str]]:
        return [(one["event"], one["text"]) for one in self._facts[who] if one["event"] in ("text", "note")]

    def _lacking(self) -> list[str]:
        return [who for who, wanted in self._seen_by.items() if not set(wanted) <= set(self._got(who))]

    def _told(self, who: str, event: str) -> list[dict[str, Any]]:
        return [one for one in self._facts[who] if one["event"] == event]

    async def _until_told(self, who: str, event: str) -> None:
        await self.until(lambda: bool(self._told(who, event)), f"{who} is not told: {event}")

    def _texts_of(self, who: str, event: str) -> list[str]:
        return [one["text"] for one in self._told(who, event)]

    def _is_member(self, who: str, member: str) -> bool:
        rooms = self._told(who, "room")
        return bool(rooms) and self.people[member].id in rooms[-1]["members"]

    def _is_assigned(self, who: str, name: str) -> bool:
        rooms = self._told(who, "room")
        return bool(rooms) and rooms[-1]["assigned"] == name

    def _phase(self, who: str) -> int:
        rooms = self._told(who, "room")
        return rooms[-1]["phase"] if rooms else 0

    # --- what is seen ---

    def show_envelope(self, item: SendItem, tag: str, *, is_first: bool) -> None:
        """Show what the relay can tell of an envelope, in one line."""
        self._envelopes += 1
        if self._has_begun:
            kind = "first flight" if is_first else "sealed"
            self.screen.row(relay=f"{len(item.body)} B {kind}, mailbox {item.mailbox.hex()[:6]}…")

    def _event(self, who: str, fact: dict[str, Any]) -> None:
        self._facts[who].append(fact)
        match fact["event"]:
            case "text" if who != TABLET:
                self._show(
                    who, f"{self._prefix(who)}{fact['by'] if who == CUSTOMER else 'Kundin'}: {fact['text']}"
                )
            case "note":
                self._show(who, f"{self._prefix(who)}Notiz / note: {fact['text']}")
            case "room" if who == CUSTOMER and fact["assigned"]:
                self._show(who, f"   {fact['assigned']} antwortet / answers")
            case _:
                pass
        self.changed.set()

    def _prefix(self, who: str) -> str:
        return "" if who == CUSTOMER else f"[{who}] "

    def _show(self, who: str, text: str) -> None:
        self.screen.row(**{CUSTOMER if who in (CUSTOMER, TABLET) else "company": text})


def who_writes(names: dict[str, str], who: str) -> str:
    """Return how a column names who writes."""
    return "Ich" if who == CUSTOMER else "Empfang" if who == DESK else names[f"name of {who}"]
