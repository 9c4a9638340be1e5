"""The story of a room: a practice with two agents, a patient, and a relay that is killed in between."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from pathlib import Path
from typing import Final

from .processes import Person, ProcessFailed
from .room_stage import CUSTOMER, DESK, TABLET, A, B, RoomStage, who_writes
from .screen import Screen

_WAS_WITHDRAWN: Final = "ConsentWithdrawn"
_NOTICE_LINES: Final = 3
_WITHDRAWN: Final = 4
_LINES: Final = 3_000

QUESTION: Final = "Guten Tag, ich habe seit drei Tagen Schmerzen im unteren Rücken. Kann ich heute kommen?"
ANSWER: Final = "Guten Tag! Heute um 16:20 Uhr ist ein Platz frei. Nehmen Sie zurzeit Medikamente?"
BEGUN: Final = "Stammpatientin, Befund vom Orthopäden liegt in der Akte."
MEDICINE: Final = "Ibuprofen 600, zweimal am Tag. Meine Versicherungsnummer ist A123456780."
HANDED: Final = "Bitte übernehmen: Verträgt sich Ibuprofen mit der Blutabnahme um 16:20 Uhr?"
_BEFORE: Final = (QUESTION, ANSWER, MEDICINE)
ADVICE: Final = "Ich übernehme von meiner Kollegin. Nehmen Sie das Ibuprofen bitte erst nach der Blutabnahme."
THANKS: Final = "Vielen Dank, dann bis heute Nachmittag. Darf meine Tochter mitkommen und übersetzen?"
WELCOME: Final = "Natürlich, bringen Sie Ihre Tochter gerne mit. Der Eingang ist links vom Parkplatz."
CORRECTED: Final = "Natürlich, bringen Sie Ihre Tochter gerne mit. Der Eingang ist rechts vom Parkplatz."
OFFER: Final = "Dürfen wir Ihnen den Befund nach der Blutabnahme hier schicken?"
REPLIES: Final = ("Ja, gern hier in diesen Raum", "Nein, lieber mit der Post nach Hause")
LINE: Final = "Laborbefund vom Montag: Entzündungswert 48 mg/l, Kreatinin unauffällig, bitte Kontrolle."
TOO_LATE: Final = "Wie geht es Ihnen heute mit Ihrem Rücken nach der Behandlung?"


class Story(RoomStage):
    """One performance; each person is a process of its own."""

    def __init__(self, screen: Screen, folder: Path, *, leaky: bool, capture: bool) -> None:
        super().__init__(screen, folder, _names(), leaky=leaky, capture=capture)

    async def play(self) -> None:
        """Play the whole story.

        Raises:
            ProcessFailed: something did not arrive, arrived twice, or a process ended.
        """
        self.screen.say("starting a relay and four clients, each a process of its own")
        await self.begin(
            Person(who, self._folder, self._event, module="demo.room_actor") for who in self._seen_by
        )
        await self.tell_relay(*self.names.values())
        await self._found()
        self.screen.say(f"the relay has carried {self._envelopes} envelopes of the team meanwhile")
        self.screen.title()
        self._has_begun = True
        await self._notice_and_consent()
        await self._question()
        await self._transfer()
        await self._go_on()
        await self._check()
        await self._second_device()
        await self._mark_and_erase()
        await self._withdraw()
        await self._gone()

    async def collect_keys(self) -> None:
        """Close all clients and learn which keys to look for."""
        for person in self.people.values():
            await self.keep_keys(person)

    # --- the story ---

    async def _found(self) -> None:
        desk, names = self.people[DESK], self.names
        facts = {
            **_EXAMPLE,
            "name": names["name of the company"],
            "address": names["address in the notice"],
            "email": names["e-mail in the notice"],
        }
        answer = await desk.ask("found", relay=self.url, name=names["name of the company"], facts=facts)
        self._door, desk.id = answer["door"], answer["device"]
        self.screen.say(
            f"the practice is founded; its notice is signed, its door has {len(self._door) // 2} bytes"
        )
        for who in (A, B):
            await self._join(who)

    async def _join(self, who: str) -> None:
        """Let a colleague join: two persons compare six digits."""
        desk, agent, name = self.people[DESK], self.people[who], self.names[f"name of {who}"]
        invite = await desk.ask("invite", name=name, teams=["Empfang"])
        joining = asyncio.create_task(agent.ask("join", text=invite["text"]))
        there = (await desk.ask("digits"))["digits"]
        await self.until(lambda: bool(self._told(who, "digits")), "no digits are shown")
        here = self._told(who, "digits")[0]["digits"]
        if here != there:
            raise ProcessFailed("somebody is between the desk and the new device")
        await desk.ask("admit")
        agent.id = (await joining)["device"]
        self.screen.say(f"{who}, {name!r}, joins: both screens show {here}")

    async def _notice_and_consent(self) -> None:
        customer, before = self.people[CUSTOMER], self.proxy.connections
        shown = await customer.ask("notice", door=self._door)
        for line in [one for one in shown["text"].splitlines() if one.strip()][:_NOTICE_LINES]:
            self._show(CUSTOMER, f"│ {line}")
        if self.proxy.connections != before or customer.store.exists():
            raise ProcessFailed("something was stored or connected before anybody accepted")
        self.screen.row(relay="of the customer: no connection yet")
        self._room = (await customer.ask("accept"))["room"]
        self._show(CUSTOMER, "[ Ich stimme zu / I agree ]")
        await self.until(lambda: bool(self._told(A, "waiting")), "the team does not learn who waits")
        self._show(A, "   eine Kundin wartet / a customer waits")

    async def _question(self) -> None:
        await self._say(CUSTOMER, QUESTION, to=[DESK])
        await self.people[A].ask("claim", room=self._room)
        name = self.names[f"name of {A}"]
        await self.until(lambda: self._is_assigned(CUSTOMER, name), "the customer does not learn who answers")
        # The customer sends what the desk has not confirmed meanwhile (ROOM-35); all else the desk gives.
        await self.people[DESK].ask("hand_over", room=self._room, to=self.people[A].id)
        self._expect(A, "text", QUESTION)
        await self._all_here()
        await self._say(A, ANSWER, to=[CUSTOMER])
        await self._note(DESK, BEGUN, to=[A])

    async def _transfer(self) -> None:
        """Agent A hands over, and the relay is killed before anybody else has learned of it."""
        await self._say(CUSTOMER, MEDICINE, to=[A])
        await self._noted(HANDED)
        await self.people[A].ask("transfer", room=self._room, to=self.people[B].id, note=HANDED)
        self._show(A, f"{who_writes(self.names, A)} → Team: {HANDED}")
        self._expect(DESK, "note", HANDED)
        await self.until(lambda: bool(self._told(DESK, "asked")), "the desk is not asked")
        await self._all_here()
        await self.kill_relay()
        await self.people[B].kill()
        self.screen.say("agent B's process is killed as well")
        await self.people[DESK].ask("grant", room=self._room)
        self._show(DESK, "   Übergabe bestätigt / transfer granted, while there is no relay")
        await self.restart_relay()
        name = self.names[f"name of {B}"]
        await self.until(lambda: self._is_assigned(CUSTOMER, name), "the customer does not learn who answers")
        self.screen.row(relay=f"on its disk now: {self.held()['message']} sealed messages")
        await self.people[B].start()
        await self.people[B].ask("open")
        self.screen.say("agent B is started again, and reads what was noted and what agent A hands over")
        for kind, text in (("note", BEGUN), ("note", HANDED), *(("text", one) for one in _BEFORE)):
            self._expect(B, kind, text)
        await self._all_here()
        await self.until(
            lambda: not any(self._is_member(who, A) for who in (A, B, CUSTOMER)), "agent A does not leave"
        )
        self._show(B, "   der Verlauf ist da, A ist gegangen / the history is there, A has left")

    async def _go_on(self) -> None:
        await self._say(B, ADVICE, to=[CUSTOMER])
        self.proxy.duplicate += 1
        self.screen.say("the network delivers the next message twice")
        await self._say(CUSTOMER, THANKS, to=[B])
        await self._say(B, WELCOME, to=[CUSTOMER])
        await self._ask()
        await self._file()

    async def _ask(self) -> None:
        """The agent corrects what it wrote, and offers replies, of which the customer chooses one."""
        for text in (CORRECTED, OFFER, *REPLIES):
            self.texts.append(text)
            await self.tell_relay(text)
        await self.people[B].ask("edit", room=self._room, text=WELCOME, anew=CORRECTED)
        self._show(B, f"{who_writes(self.names, B)}, neu gefasst / worded anew: {CORRECTED}")
        await self.until(
            lambda: CORRECTED in self._texts_of(CUSTOMER, "edited"), "the new wording is not shown"
        )
        await self.people[B].ask("offer", room=self._room, text=OFFER, replies=list(REPLIES))
        await self.until(lambda: bool(self._told(CUSTOMER, "form")), "the question does not arrive")
        self._show(CUSTOMER, f"{OFFER} [ {' | '.join(REPLIES)} ]")
        asked = self._told(CUSTOMER, "form")[0]["entry"]
        await self.people[CUSTOMER].ask("answer", room=self._room, entry=asked, reply=REPLIES[0])
        await self.until(lambda: REPLIES[0] in self._texts_of(B, "answer"), "the answer does not arrive")
        self._show(B, f"{self._prefix(B)}Kundin wählt / chooses: {REPLIES[0]}")

    async def _file(self) -> None:
        """The customer sends a file, which the agent saves; neither name nor content is for the relay."""
        name, text = self.names["name of a file"], "".join(f"{LINE}\n" for _ in range(_LINES))
        self.names["content of a file"] = LINE
        await self.tell_relay(LINE)
        sent = await self.people[CUSTOMER].ask("send_file", room=self._room, name=name, text=text)
        self._show(CUSTOMER, f"[ {name} ]")
        await self.until(lambda: bool(self._told(B, "file")), "the file does not arrive")
        saved = await self.people[B].ask("save_file", room=self._room, entry=sent["entry"])
        digest = hashlib.sha256(text.encode()).hexdigest()
        if saved != {"done": "save_file", "name": name, "sha256": digest}:
            raise ProcessFailed("the file that was saved is not the one that was sent")
        self._show(B, f"{self._prefix(B)}gespeichert / saved: {name}, {len(text) // 1024} KiB")

    async def _second_device(self) -> None:
        """The customer links a second device: two screens show six digits, and it has the history."""
        customer, tablet = self.people[CUSTOMER], self.people[TABLET]
        code = (await customer.ask("link"))["text"]
        joining = asyncio.create_task(tablet.ask("join_person", text=code, door=self._door))
        there = (await customer.ask("link_digits"))["digits"]
        await self._until_told(TABLET, "digits")
        here = self._told(TABLET, "digits")[0]["digits"]
        if here != there:
            raise ProcessFailed("somebody is between the customer's devices")
        await customer.ask("confirm")
        await joining
        self._show(CUSTOMER, f"[ Zweites Gerät / second device: {here} ]")
        await self.until(lambda: ADVICE in self._texts_of(TABLET, "text"), "the history is not given")
        self._show(CUSTOMER, "   der Verlauf ist da / the history is there")

    async def _mark_and_erase(self) -> None:
        """The customer marks one text as sensitive and has another one erased, on both devices."""
        customer = self.people[CUSTOMER]
        await customer.ask("mark", room=self._room, text=MEDICINE)
        self._show(CUSTOMER, f"[ vertraulich / sensitive: {MEDICINE[:24]}… ]")
        await self._until_told(DESK, "marked")
        await customer.ask("erase", room=self._room, text=THANKS)
        self._show(CUSTOMER, f"[ löschen / erase: {THANKS[:24]}… ]")
        for who in (B, TABLET):
            await self._until_told(who, "gone")
            if THANKS in (await self.people[who].ask("read", room=self._room))["texts"]:
                raise ProcessFailed(f"{who} still reads what was erased")
        self._show(B, "   ausgeblendet, in 24 Stunden vernichtet / hidden, destroyed in 24 hours")

    async def _withdraw(self) -> None:
        await self.people[CUSTOMER].ask("withdraw", room=self._room)
        self._show(CUSTOMER, "[ Ich widerrufe / I withdraw ]")
        await self.until(lambda: self._phase(B) == _WITHDRAWN, "the withdrawal does not arrive")
        self._show(B, "   Einwilligung widerrufen / consent withdrawn")
        self.texts.append(TOO_LATE)
        await self.tell_relay(TOO_LATE)
        answer = await self.people[B].ask("try_send", room=self._room, text=TOO_LATE)
        if answer["refused"] != _WAS_WITHDRAWN:
            raise ProcessFailed("an agent can still write after the withdrawal")
        self._show(B, f"✗ {TOO_LATE[:20]}… nicht gesendet / not sent")

    async def _gone(self) -> None:
        """A withdrawal erases what the company has; the customer keeps their own."""
        await self.until(lambda: self._phase(DESK) == _WITHDRAWN, "the withdrawal does not reach the desk")
        for who in (DESK, B):
            if any((await self.people[who].ask("read", room=self._room))["texts"]):
                raise ProcessFailed("an agent still reads what was said before the withdrawal")
        self._show(B, "   Alles gelöscht / everything is erased")
        await self.until(lambda: B in self._have_answered(), "an erasure is not answered")
        answers = (await self.people[CUSTOMER].ask("erasures", room=self._room))["answers"]
        done = [name for name, outcome in answers if outcome == "done"]
        self._show(CUSTOMER, f"   Quittung, gelöscht bei / receipt, erased at: {', '.join(done)}")

    def _have_answered(self) -> set[str]:
        """Who of the company has signed that it has erased."""
        told = {one["device"] for one in self._told(CUSTOMER, "erased") if one["outcome"] == "done"}
        return {who for who in (DESK, A, B) if self.people[who].id in told}

    async def _check(self) -> None:
        """Compare what everybody reads: everything once, in order, and the customer no note."""
        said = [*_BEFORE, ADVICE, THANKS, CORRECTED]
        customer = await self.people[CUSTOMER].ask("read", room=self._room)
        desk = await self.people[DESK].ask("read", room=self._room)
        at_b = await self.people[B].ask("read", room=self._room)
        for who, wanted in self._seen_by.items():
            got = self._got(who)
            if len(got) != len(set(got)) or set(got) != set(wanted):
                raise ProcessFailed(f"{who} did not get everything exactly once")
        if customer["texts"] != said or customer["notes"]:
            raise ProcessFailed("the customer does not read what was said, or reads notes")
        is_told = at_b["notes"] == desk["notes"] == [BEGUN, HANDED]
        if at_b["texts"] != said or not is_told:
            raise ProcessFailed(f"an agent does not read what it was told: {at_b}, {desk['notes']}")


_EXAMPLE: Final = {
    "relay_operator": "Relay GmbH, Musterstraße 2, 10115 Berlin",
    "authority": "Berliner Beauftragte für Datenschutz und Informationsfreiheit",
    "imprint_url": "https://praxis.example/impressum",
    "privacy_url": "https://praxis.example/datenschutz",
}


def _names() -> dict[str, str]:
    """Names that no relay may know, each with an end of its own, so that chance finds none of them."""
    return {
        what: name.format(secrets.token_hex(4))
        for what, name in (
            ("name of the company", "Praxis Dr. Beispiel {}"),
            ("address in the notice", "Gartenstraße 7, 10115 Berlin {}"),
            ("e-mail in the notice", "praxis-{}@beispiel.example"),
            ("name of a file", "Laborbefund {}.txt"),
            ("name of agent A", "Anna Albers {}"),
            ("name of agent B", "Bernd Brandt {}"),
        )
    }
