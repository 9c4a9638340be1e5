"""One conversation of real processes with one fault in it, and what must hold after it.

A company, a customer and a relay, each a process with its store on disk, behind a recording proxy. One of
them is killed, or its disk refuses, at one system call. Whatever ended is started again and the conversation
goes on to its end. Then `faults` says what was lost, repeated or sealed twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from crash_people import Died, Person, Relay, Stuck
from crash_wire import RecordingProxy, WireRecord, salt_of
from relay_actors import Peer, SocketLink
from traced_process import Fault, Program, was_hit
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

_STRANGER_S: Final = 30
"""A relay hands nothing out for ten seconds after a commit has failed (RLY-261)."""
# What a client may answer: a wait that the relay's trouble made too long, and what its own disk did.
_WAITED_TOO_LONG: Final = "wait.timeout"
# A store whose creation was interrupted (STO-16).
_NEVER_MADE: Final = "store.missing"
_OF_THE_DISK: Final = {
    "": frozenset[str](),
    "ENOSPC": frozenset({"store.full"}),
    "EIO": frozenset({"store.unavailable"}),
}


class Trial:
    """One conversation with one fault."""

    def __init__(
        self,
        folder: Path,
        fault: Fault | None = None,
        *,
        late_commit: bool = False,
        early_ok: bool = False,
        patience_s: float = 60.0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.fault = fault
        self.record = WireRecord()
        self.relay = Relay(folder, fault, early_ok)
        self.proxy = RecordingProxy(lambda: self.relay.url, self.record)
        self.people = {
            name: Person(
                name, folder, fault, lambda: self.proxy.url, ["--late-commit"] if late_commit else []
            )
            for name in ("company", "customer")
        }
        self.faults: list[str] = []
        self._patience_s = patience_s

    @property
    def was_hit(self) -> bool:
        """Whether the fault took place: a conversation may be over before the N-th call."""
        return self.fault is not None and was_hit(self._program(self.fault.who).log)

    @property
    def log(self) -> Path:
        """What strace wrote about the program that the fault names."""
        if self.fault is None:
            raise ValueError("nothing is traced")
        return self._program(self.fault.who).log

    def _program(self, who: str) -> Program:
        return self.relay.program if who == "relay" else self.people[who].program

    async def run(self) -> list[str]:
        """Play the conversation; return what must not be."""
        try:
            await self.relay.start()
            await self.proxy.start()
            await self._first_life()
            await self._second_life()
            self.faults += await self._judged()
        except (Stuck, TimeoutError) as stuck:
            self.faults.append(f"the conversation came to a halt: {stuck}")
        finally:
            for person in self.people.values():
                await person.program.kill()
            await self.proxy.stop()
            await self.relay.kill()
        self.faults += [
            *self.record.faults,
            *self._judged_keys(),
            *self._judged_ends(),
            *self._judged_errors(),
        ]
        return self.faults

    @property
    def losses(self) -> list[str]:
        """Of the faults, those that a broken order of commit and word makes."""
        signs = ("lost", "did not reach", "not delivered", "sealed two texts")
        return [fault for fault in self.faults if any(sign in fault for sign in signs)]

    # --- the conversation ---

    async def _first_life(self) -> None:
        """Accounts and first contact; if the fault is to come here, also bursts and prekeys for strangers."""
        company, customer = self.people["company"], self.people["customer"]
        await company.begin()
        await company.surely("settle")
        await customer.begin()
        await customer.surely("add", card=company.account.card)
        await self._write("customer", "first contact")
        await self._arrived()
        await self._write("company", "welcome")
        await self._arrived()
        if self._fault_comes_in(1):
            await self._fetch_prekeys()
            await company.leave()
            for number in range(3):
                await self._write("customer", f"burst {number}")
            await self._until(self._all_accepted, "the relay does not take what was sent")
            await company.begin()
            await self._write("company", "answer")
            await self._arrived()
        await self._everybody_stops()

    async def _second_life(self) -> None:
        """All start again on what is on their disks; if the fault is to come here, once more after that."""
        await self._everybody_starts()
        await self._write("company", "later")
        await self._write("customer", "later, too")
        await self._fetch_prekeys()
        await self._arrived()
        if self._fault_comes_in(2):
            await self._everybody_stops()
            await self._everybody_starts()
            await self._arrived()

    def _fault_comes_in(self, life: int) -> bool:
        return self.fault is None or self.fault.life == life

    async def _everybody_starts(self) -> None:
        self.relay.program.life += 1
        await self.relay.start()
        for person in self.people.values():
            person.program.life += 1
            await person.begin()

    async def _everybody_stops(self) -> None:
        for person in self.people.values():
            await person.leave()
        await self.relay.stop()

    async def _write(self, who: str, text: str) -> None:
        """Write until one text is confirmed: another one each time, the fate of the last being unknown."""
        me, other = self.people[who], self.people["company" if who == "customer" else "customer"]
        if not other.account.id:
            raise Stuck("nobody to write to")
        end, attempt = time.monotonic() + self._patience_s, 0
        while time.monotonic() < end:
            wording, attempt = f"{text} ({attempt})", attempt + 1
            try:
                answer = await me.ask("send", to=other.account.id, text=wording)
            except Died:
                other.account.unsure.add(wording)
                continue
            if "failed" not in answer:
                other.account.confirmed.append(wording)
                return
            fate = other.account.refused if answer["failed"] == "store.full" else other.account.unsure
            fate.add(wording)
            await asyncio.sleep(0.1)
        raise Stuck(f"the {who} cannot send: {dict(me.account.codes)}")

    async def _arrived(self) -> None:
        """Wait until everything that was confirmed so far has arrived."""
        for name in self.people:
            await self._until(partial(self._is_here, name), f"a confirmed text did not reach the {name}")

    async def _is_here(self, name: str) -> bool:
        return set(self.people[name].account.confirmed) <= set(await self._received(name))

    async def _received(self, name: str) -> list[str]:
        other = self.people["company" if name == "customer" else "customer"]
        answer = await self.people[name].surely("history", **{"with": other.account.id})
        return list(answer["received"])

    async def _until(self, reached: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        end = time.monotonic() + self._patience_s
        while not await reached():
            for person in self.people.values():
                await person.be_there()
            if time.monotonic() > end:
                raise Stuck(otherwise)
            await asyncio.sleep(0.03)

    async def _fetch_prekeys(self) -> None:
        """Do as a stranger would who has looked the company up: ask for a bundle until there is one."""
        fetch = self.record.fetch
        if fetch is None:
            raise Stuck("nobody has fetched a bundle")
        handed_out = sum(self.record.one_time.values())
        end = time.monotonic() + _STRANGER_S
        while sum(self.record.one_time.values()) <= handed_out:
            if time.monotonic() > end:
                raise Stuck("no bundle for a stranger")
            with suppress(OSError, TimeoutError, WebSocketException):
                async with connect(
                    self.proxy.url, compression=None, max_size=1 << 20, close_timeout=1
                ) as socket:
                    peer = await Peer(SocketLink(socket)).greet()
                    await peer.ask(fetch)
            await asyncio.sleep(0.05)

    # --- what must hold ---

    async def _judged(self) -> list[str]:
        await self._until(self._all_delivered, "a message that the relay confirmed was not delivered")
        found = [fault for name in self.people for fault in await self._judged_texts(name)]
        if any(len(bodies) > 1 for bodies in self.record.bodies.values()):
            found.append("one message id was sent with two bodies (RLY-32)")
        if any(count > 1 for count in self.record.one_time.values()):
            found.append("a one-time prekey was handed out twice (RLY-63)")
        return found

    def _judged_ends(self) -> list[str]:
        """Each error that came up is a typed one that fits, and a disk that refuses ends nobody."""
        error = "" if self.fault is None else self.fault.error
        found: list[str] = []
        for name, person in self.people.items():
            mine = self.fault is not None and self.fault.who == name
            fitting = {_WAITED_TOO_LONG, *_OF_THE_DISK[error if mine else ""]}
            fitting |= {_NEVER_MADE} if mine else set()
            found += [f"the {name} answered {code}" for code in person.account.codes.keys() - fitting]
            if person.account.deaths and (error or not mine):
                found.append(f"the {name} ended, though nobody killed it")
        if self.relay.deaths and (self.fault is None or self.fault.who != "relay" or error):
            found.append("the relay ended, though nobody killed it")
        return found

    async def _all_accepted(self) -> bool:
        """Whether the relay has confirmed all that the customer wrote."""
        company, customer = self.people["company"], self.people["customer"]
        answer = await customer.surely("history", **{"with": company.account.id})
        return int(answer["waiting"]) == 0

    def _judged_errors(self) -> list[str]:
        said = {who: self._program(who).said_on_stderr() for who in ("relay", *self.people)}
        return [
            f"the {who} ended with a traceback: {text.strip().splitlines()[-1]}"
            for who, text in said.items()
            if "Traceback" in text
        ]

    async def _all_delivered(self) -> bool:
        return self.record.undelivered() == 0

    async def _judged_texts(self, name: str) -> list[str]:
        account = self.people[name].account
        received = Counter(await self._received(name))
        allowed = {*account.confirmed, *account.unsure}
        found = [f"the {name} lost {text!r}" for text in account.confirmed if text not in received]
        found += [f"the {name} keeps {text!r} twice" for text, count in received.items() if count > 1]
        found += [
            f"the {name} has {text!r}, which was refused" for text in received if text in account.refused
        ]
        found += [f"the {name} has {text!r}, which nobody wrote" for text in received.keys() - allowed]
        found += [
            f"the {name}'s application was told twice" for count in account.events.values() if count > 1
        ]
        found += [f"the {name} met {alarm}" for alarm in account.alarms]
        return found

    def _judged_keys(self) -> list[str]:
        """Of all texts that a message key has sealed, at most one may have left (DR-04, STO-09)."""
        lines = [line for one in self.people.values() for line in one.salts_recorded()]
        key_of_salt = {salt: key for key, salt in lines}
        sealed: dict[str, set[bytes]] = defaultdict(set)
        for body in {body for bodies in self.record.bodies.values() for body in bodies}:
            sealed[key_of_salt.get(salt_of(body).hex(), "")].add(body)
        found = ["an envelope was sealed by nobody that is known"] if "" in sealed else []
        reused = sum(len(bodies) > 1 for key, bodies in sealed.items() if key)
        return [*found, *([f"{reused} message keys sealed two texts each (DR-04)"] if reused else [])]
