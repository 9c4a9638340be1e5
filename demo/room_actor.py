"""One device of the demonstration's room: commands as JSON lines on stdin, events as JSON lines on stdout.

It uses `e2ee_client.rooms` as any application would: a company, its agents, or a customer.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from e2ee_client.errors import SealroomError, UnknownRoom
from e2ee_client.rooms import (
    Agent,
    Company,
    CompanyRoom,
    Customer,
    CustomerRoom,
    Entry,
    EntryAdded,
    EntryErased,
    EntryProgress,
    EntryRefused,
    EntryState,
    ErasureAnswered,
    Form,
    Invite,
    Link,
    Policy,
    RequestAsked,
    Room,
    RoomChanged,
    ShownNotice,
    WaitingChanged,
)
from e2ee_client.rooms.notices import Notice

from demo.actor import tell
from demo.secrets_of_store import secrets_of_store
from e2ee.errors import E2eeError
from e2ee.rooms.payloads import Edit, Sensitive

ORIGIN: Final = "https://praxis.example"
_STEP_S: Final = 240.0


class RoomActor:
    """Carries out the commands of the story."""

    def __init__(self, path: str, key: bytes) -> None:
        self._path = path
        self._key = key
        self._device: Agent | Customer | None = None
        self._shown: ShownNotice | None = None
        self._invite: Invite | None = None
        self._link: Link | None = None
        self._asked: RequestAsked | None = None
        self._handed_over: set[bytes] = set()
        self._reader: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Read commands until stdin ends."""
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command = json.loads(line)
            try:
                answer = await getattr(self, "do_" + command.pop("do"))(**command)
            except (SealroomError, E2eeError) as error:
                answer = {"failed": f"{type(error).__name__}: {error}"}
            tell({"done": json.loads(line)["do"], **answer})
        await self.do_close()

    # --- the company ---

    async def do_found(self, relay: str, name: str, facts: dict[str, str]) -> dict[str, Any]:
        """Found a company whose desk decides what colleagues ask for, publish its notice, return its door."""
        company = await Company.create(self._path, key=self._key, relay=relay, name=name, origins=[ORIGIN])
        await company.set_policy(Policy(grants=frozenset()))
        self._begin(company)
        stated = {**facts, "relay_url": company.client.card().relay_url}
        await company.publish(Notice.draft("health", "consent", stated, is_reviewed=True))
        await company.wait_ready(_STEP_S)
        return {"door": (await company.door()).hex(), "device": company.me().device_id.hex()}

    async def do_invite(self, name: str, teams: list[str]) -> dict[str, Any]:
        """Show what a colleague types in."""
        invite: Invite = await self._of(Company).invite(name, languages=["de"], teams=teams)
        self._invite = invite
        return {"text": invite.text}

    async def do_digits(self) -> dict[str, Any]:
        """Show six digits, to be compared with those of the new device."""
        return {"digits": await self._invited().digits(_STEP_S)}

    async def do_admit(self) -> dict[str, Any]:
        """A person has compared them."""
        return {"device": (await self._invited().confirm(_STEP_S)).hex()}

    async def do_grant(self, room: str) -> dict[str, Any]:
        """Grant what a colleague has asked for last."""
        if self._asked is None:
            raise UnknownRoom("nobody has asked for anything")
        await self._company_room(room).decide(self._asked, grant=True)
        return {}

    # --- an agent ---

    async def do_join(self, text: str) -> dict[str, Any]:
        """Join the company."""
        agent = await Agent.join(
            self._path,
            text,
            key=self._key,
            show_digits=lambda digits: tell({"event": "digits", "digits": digits}),
        )
        self._begin(agent)
        await agent.wait_ready(_STEP_S)
        return {"device": agent.me().device_id.hex()}

    async def do_claim(self, room: str) -> dict[str, Any]:
        """Take a room in which a customer waits."""
        await self._company_room(room).claim(_STEP_S)
        return {}

    async def do_transfer(self, room: str, to: str, note: str) -> dict[str, Any]:
        """Hand the room over to a colleague."""
        await self._company_room(room).transfer(device_id=bytes.fromhex(to), note=note)
        return {}

    async def do_hand_over(self, room: str, to: str) -> dict[str, Any]:
        """Give a colleague in the room what was said before."""
        await self._company_room(room).hand_over(bytes.fromhex(to))
        return {}

    async def do_note(self, room: str, text: str) -> dict[str, Any]:
        """Write a note for colleagues."""
        await self._company_room(room).note(text)
        return {}

    # --- the customer ---

    async def do_notice(self, door: str) -> dict[str, Any]:
        """Show the notice; nothing is made and nothing is connected."""

        async def fetch(_: str) -> bytes:
            return bytes.fromhex(door)

        customer = await Customer.open(self._path, company=ORIGIN, key=self._key, fetch=fetch, linkable=True)
        self._device, self._shown = customer, await customer.notice()
        return {"company": self._shown.company, "mode": self._shown.mode.name, "text": self._shown.text("de")}

    async def do_accept(self) -> dict[str, Any]:
        """The person accepts what was shown: only now there are keys, a store, and a room."""
        customer = self._of(Customer)
        if self._shown is None:
            raise UnknownRoom("no notice was shown")
        room = await customer.accept(self._shown, locale="de")
        self._listen(customer)
        return {"room": room.room_id.hex()}

    async def do_withdraw(self, room: str) -> dict[str, Any]:
        """Withdraw the consent."""
        found = self._of(Customer).room(bytes.fromhex(room))
        await found.withdraw()
        return {}

    async def do_link(self) -> dict[str, Any]:
        """Show what a further device of the person reads."""
        link: Link = await self._of(Customer).link()
        self._link = link
        return {"text": link.text}

    async def do_link_digits(self) -> dict[str, Any]:
        """Show six digits, to be compared with those of the new device."""
        return {"digits": await self._linked().digits(_STEP_S)}

    async def do_confirm(self) -> dict[str, Any]:
        """The person has compared them."""
        return {"device": (await self._linked().confirm(_STEP_S)).hex()}

    async def do_join_person(self, text: str, door: str) -> dict[str, Any]:
        """Come as the further device of a person, who says that the other device is theirs."""

        async def fetch(_: str) -> bytes:
            return bytes.fromhex(door)

        customer = await Customer.join(
            self._path,
            text,
            company=ORIGIN,
            is_own=lambda _: True,
            show_digits=lambda digits: tell({"event": "digits", "digits": digits}),
            key=self._key,
            fetch=fetch,
        )
        self._device = customer
        self._listen(customer)
        return {}

    # --- everybody ---

    async def do_mark(self, room: str, text: str) -> dict[str, Any]:
        """Mark a text as sensitive."""
        await self._room(room).mark_sensitive([await self._text(room, text)])
        return {}

    async def do_erase(self, room: str, text: str) -> dict[str, Any]:
        """Have a text erased."""
        await self._room(room).erase([await self._text(room, text)])
        return {}

    async def do_erasures(self, room: str) -> dict[str, Any]:
        """Return who has answered the newest order to erase, and how."""
        found = (await self._room(room).erasures())[-1]
        return {"answers": [[one.device.name or one.device.role.value, one.outcome] for one in found.answers]}

    async def do_send(self, room: str, text: str) -> dict[str, Any]:
        """Write a text."""
        return {"entry": (await self._room(room).send(text)).hash.hex()}

    async def do_edit(self, room: str, text: str, anew: str) -> dict[str, Any]:
        """Word a text of this device anew."""
        found = self._room(room)
        said = [one for one in await found.texts() if one.is_ours and one.text == text]
        await found.edit(said[-1], anew)
        return {}

    async def do_offer(self, room: str, text: str, replies: list[str]) -> dict[str, Any]:
        """Offer replies to choose from."""
        return {"entry": (await self._company_room(room).offer(text, *replies)).hash.hex()}

    async def do_answer(self, room: str, entry: str, reply: str) -> dict[str, Any]:
        """Choose a reply."""
        found: CustomerRoom = self._of(Customer).room(bytes.fromhex(room))
        await found.answer(await found.entry(bytes.fromhex(entry)), reply)
        return {}

    async def do_send_file(self, room: str, name: str, text: str) -> dict[str, Any]:
        """Send a file; return when the room has it."""
        source = Path(self._path).with_name("source.txt")
        source.write_text(text, "utf-8")
        entry = await self._room(room).send_file(source, name=name)
        return {"entry": entry.hash.hex()}

    async def do_save_file(self, room: str, entry: str) -> dict[str, Any]:
        """Save the file of an entry; return its name and SHA-256."""
        found = await self._room(room).entry(bytes.fromhex(entry))
        path = await found.save(Path(self._path).parent)
        return {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}

    async def do_try_send(self, room: str, text: str) -> dict[str, Any]:
        """Try to write a text; return why it is refused."""
        try:
            await self._room(room).send(text)
        except (SealroomError, E2eeError) as error:
            return {"refused": type(error).__name__}
        return {"refused": ""}

    async def do_read(self, room: str) -> dict[str, Any]:
        """Return all texts, notes, and the phase, as an application would show them."""
        found = self._room(room)
        notes: list[str | None] = []
        if isinstance(found, CompanyRoom):
            with suppress(UnknownRoom):
                notes = [one.text for one in await (await found.notes()).texts()]
        texts = [one.text for one in await found.texts()]
        return {"texts": texts, "notes": notes, "phase": "none" if found.phase is None else found.phase.name}

    async def do_open(self) -> dict[str, Any]:
        """Open the store of a company's device again."""
        self._begin(await Agent.open(self._path, key=self._key))
        return {}

    async def do_wait_online(self) -> dict[str, Any]:
        """Wait until the relay is connected."""
        await self._of(Agent, Customer).wait_online(_STEP_S)
        return {}

    async def do_close(self) -> dict[str, Any]:
        """Close the client."""
        if self._device is not None:
            await self._device.close()
            self._device = None
        if self._reader is not None:
            await self._reader
            self._reader = None
        return {}

    async def do_secrets(self) -> dict[str, Any]:
        """Return what the search has to look for; the client is closed."""
        return {"secrets": secrets_of_store(self._path, self._key)}

    # --- inside ---

    def _of(self, *kinds: type[Any]) -> Any:
        if not isinstance(self._device, kinds):
            raise UnknownRoom("the client is closed, or of another kind")
        return self._device

    def _invited(self) -> Invite:
        if self._invite is None:
            raise UnknownRoom("nobody is invited")
        return self._invite

    def _linked(self) -> Link:
        if self._link is None:
            raise UnknownRoom("no device is linked")
        return self._link

    async def _text(self, room: str, text: str) -> Entry:
        return [one for one in await self._room(room).texts() if one.text == text][-1]

    def _company_room(self, room: str) -> CompanyRoom:
        found: CompanyRoom = self._of(Agent).room(bytes.fromhex(room))
        return found

    def _room(self, room: str) -> CompanyRoom | CustomerRoom:
        found: CompanyRoom | CustomerRoom = self._of(Agent, Customer).room(bytes.fromhex(room))
        return found

    def _begin(self, device: Agent) -> None:
        self._device = device
        self._listen(device)

    def _listen(self, device: Agent | Customer) -> None:
        self._reader = asyncio.create_task(self._report(device))

    async def _report(self, device: Agent | Customer) -> None:
        async for event in device.events():
            match event:
                case EntryAdded():
                    with suppress(SealroomError):
                        await self._tell_text(device, event)
                case EntryState(progress=EntryProgress.DELIVERED):
                    tell({"event": "delivered", "entry": event.entry_hash.hex()})
                case EntryRefused():
                    tell({"event": "refused", "code": event.code})
                case WaitingChanged() if event.team is not None:
                    tell({"event": "waiting", "room": event.room_id.hex()})
                case RoomChanged():
                    await self._tell_room(device, event)
                case ErasureAnswered():
                    told = {"event": "erased", "device": event.device_id.hex(), "outcome": event.outcome}
                    tell(told)
                case EntryErased():
                    tell({"event": "gone", "entry": event.entry_hash.hex()})
                case RequestAsked():
                    self._asked = event
                    tell({"event": "asked", "room": event.room_id.hex()})
                case _:
                    pass

    async def _tell_text(self, device: Agent | Customer, event: EntryAdded) -> None:
        if event.is_history:
            # What was handed over comes again by its author, if that had not learned that the team has it.
            if event.entry_hash in self._handed_over:
                return
            self._handed_over.add(event.entry_hash)
        is_room = any(one.room_id == event.room_id for one in device.rooms())
        entry = await Room(device.client, event.room_id).entry(event.entry_hash)
        if entry.file is not None and not entry.is_ours:
            tell({"event": "file", "entry": event.entry_hash.hex()})
        if not entry.is_ours:
            await self._tell_others(entry)
        if entry.text is not None and not entry.is_ours:
            kind = "text" if is_room else "note"
            tell({"event": kind, "by": entry.author.name or entry.author.role.value, "text": entry.text})

    async def _tell_others(self, entry: Entry) -> None:
        """Tell of a new wording, of a question, and of an answer."""
        match entry.payload:
            case Edit(hash=named):
                tell({"event": "edited", "text": (await entry.room.entry(named)).text})
            case Form():
                tell({"event": "form", "entry": entry.hash.hex()})
            case Sensitive():
                tell({"event": "marked"})
            case _:
                for one in entry.answers or ():
                    tell({"event": "answer", "text": one.value})

    async def _tell_room(self, device: Agent | Customer, event: RoomChanged) -> None:
        for one in device.rooms():
            if one.room_id == event.room_id:
                name = None if one.assigned is None else one.assigned.name
                members = [person.device_id.hex() for person in one.members]
                tell({"event": "room", "phase": event.phase, "assigned": name, "members": members})


def main() -> None:
    """Run one actor: `python -m demo.room_actor STORE`, the raw key as the first line of stdin."""
    key = bytes.fromhex(sys.stdin.readline().strip())
    asyncio.run(RoomActor(sys.argv[1], key).run())


if __name__ == "__main__":
    main()
