"""Plays a conversation file of two people and shows what each side sees."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Final

from .processes import Person, ProcessFailed
from .screen import Screen
from .script import PEOPLE, Happen, Say, Step
from .stage import Stage

_UI: Final = {"customer": "Ich", "company": "Praxis"}
_MARKS: Final = {"queued": "…", "sent": "✓", "delivered": "✓✓", "read": "✓✓", "failed": "✗"}
_OTHER: Final = {"customer": "company", "company": "customer"}


class Director(Stage):
    """One performance."""

    def __init__(
        self, screen: Screen, folder: Path, steps: list[Step], *, leaky: bool, capture: bool
    ) -> None:
        super().__init__(screen, folder, _names(), leaky=leaky, capture=capture)
        self._steps = steps
        self._folder = folder
        self._online = dict.fromkeys(PEOPLE, True)
        self._received: dict[str, list[str]] = {name: [] for name in PEOPLE}
        self._expected: dict[str, list[str]] = {name: [] for name in PEOPLE}
        self._messages: dict[str, tuple[str, str]] = {}
        self._states: dict[str, str] = {}

    async def play(self) -> None:
        """Play all steps.

        Raises:
            ProcessFailed: something did not arrive, arrived twice, or a process ended.
        """
        await self._set_up()
        self.screen.title()
        for number, step in enumerate(self._steps):
            if isinstance(step, Say):
                await self._say(step, follows=_follows(self._steps, number, self.proxy.reorder))
            else:
                await self._happen(step)
        for name in PEOPLE:
            if not self._online[name]:
                await self._go_online(name)
        await self._settle()
        self._check()

    async def collect_keys(self) -> None:
        """Close both clients and learn which keys to look for."""
        for person in self.people.values():
            await self.keep_keys(person)

    # --- set-up ---

    async def _set_up(self) -> None:
        self.screen.say("starting a relay process and two client processes")
        await self.begin(Person(name, self._folder, self._event) for name in PEOPLE)
        for name, person in self.people.items():
            await self._create(name, person)
        company = self.people["company"]
        await company.ask("wait_online")
        answer = await self.people["customer"].ask("add", card=company.card)
        if answer["id"] != company.id:
            raise ProcessFailed("the contact card names another account")
        await self.people["customer"].ask("name", of=company.id, name=self.names["name for the contact"])
        await self.tell_relay(*self.names.values())
        self.screen.say(f"the company's card: {company.card[:60]}…")

    async def _create(self, name: str, person: Person) -> None:
        published = name == "company"
        label = self.names[f"name of the {name}"]
        answer = await person.ask("create", relay=self.url, name=label, publish=published)
        person.id, person.card = answer["id"], answer["card"]

    # --- steps ---

    async def _say(self, step: Say, *, follows: bool) -> None:
        person, other = self.people[step.who], _OTHER[step.who]
        self.texts.append(step.text)
        self._expected[other].append(step.text)
        await self.tell_relay(step.text)
        answer = await person.ask("send", to=self.people[other].id, text=step.text)
        self._messages[answer["message"]] = (step.who, step.text)
        self._show(step.who, f"{_UI[step.who]}: {step.text} {_MARKS['queued']}")
        if self._online[step.who] and self.relay_runs() and not follows:
            await self.until(
                lambda: self._states.get(answer["message"], "queued") != "queued",
                "a message is not confirmed",
            )
            await self._settle()
        if self.relay_runs() and not (self._online[other] and self._online[step.who]):
            self.screen.row(relay=f"on its disk now: {self.held()['message']} sealed messages")

    async def _happen(self, step: Happen) -> None:
        match step.what:
            case "offline":
                await self._go_offline(step.whom)
            case "online":
                await self._go_online(step.whom)
            case "kill":
                await self.kill_relay()
            case "start":
                await self.restart_relay()
            case "duplicate":
                self.proxy.duplicate += 1
                self.screen.say("the network delivers the next message twice")
            case _:
                self.proxy.reorder = 1
                self.screen.say("the network swaps the next two messages")

    async def _go_offline(self, name: str) -> None:
        await self._settle()
        await self.keep_keys(self.people[name])
        self._online[name] = False
        await self.people[name].ask("open", online=False)
        self.screen.say(f"the {name} is offline")

    async def _go_online(self, name: str) -> None:
        await self.people[name].ask("close")
        await self.people[name].ask("open", online=True)
        self._online[name] = True
        await self.people[name].ask("wait_online")
        self.screen.say(f"the {name} is online")
        await self._settle()

    # --- what is seen ---

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
        self.changed.set()

    def _show(self, name: str, text: str) -> None:
        self.screen.row(**{name: text})

    # --- waiting and checking ---

    async def _settle(self) -> None:
        """Wait until everything that can arrive has arrived."""
        for name in PEOPLE:
            if self._online[name] and self._online[_OTHER[name]]:
                await self.until(lambda name=name: self._has_all(name), "a message does not arrive")  # type: ignore[misc]  # bound per name

    def _has_all(self, name: str) -> bool:
        return sorted(self._received[name]) == sorted(self._expected[name])

    def _check(self) -> None:
        for name in PEOPLE:
            if not self._has_all(name):
                raise ProcessFailed(f"the {name} did not receive every message exactly once")


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
