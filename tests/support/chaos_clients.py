"""Real clients in a chaos run: clocks wrong by up to a year, a clone beside its original, a backup restored
twice.

Each scene returns what must not be: empty in a run that holds. The clients have stores on disk and clocks of
their own, which the scene moves; whatever breaks the network or the relay meanwhile is the caller's.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from e2ee_client import Client, MessageReceived, SealroomError, Unconfirmed
from e2ee_client.errors import DeviceReplacedError
from e2ee_client.opening import Runtime
from e2ee_client.runtime.transport import Transport
from e2ee_client.store import INTERACTIVE

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WRONG_DAYS: Final = (-365, -30, -1, 1, 30, 365)
_KEY: Final = b"k" * 32
_SLICE_S: Final = 0.01
_STEP_MS: Final = 2 * HOUR_MS


@dataclass
class World:
    """Where a scene takes place. `moved` is told when time has passed, for a relay with the same clock."""

    transport: Transport
    url: str
    folder: Path
    chance: random.Random
    patience_s: float = 30.0
    moved: Callable[[], None] = lambda: None
    now_ms: int = 1_800_000_000_000


class ChaosClock:
    """The clock of one client: that of the world, and what it is wrong by."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.wrong_ms = 0

    def now_ms(self) -> int:
        """Return the time now, as this client sees it."""
        return self._world.now_ms + self.wrong_ms

    async def wait_until(self, deadline_ms: int) -> None:
        """Return when the deadline has come, or the clock was put back."""
        latest_ms = now_ms = self.now_ms()
        while latest_ms <= now_ms < deadline_ms:
            await asyncio.sleep(_SLICE_S)
            latest_ms, now_ms = now_ms, self.now_ms()


@dataclass
class Person:
    """A client, the texts that it was shown, and the events that it was told."""

    client: Client
    clock: ChaosClock
    shown: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    unconfirmed: set[bytes] = field(default_factory=set)
    sent: dict[bytes, str] = field(default_factory=dict)
    reader: asyncio.Task[None] | None = None

    async def read(self) -> None:
        """Take every event until the client is closed."""
        async for event in self.client.events():
            self.told[type(event).__name__] += 1
            if isinstance(event, MessageReceived):
                self.shown[event.text] += 1
            elif isinstance(event, Unconfirmed):
                self.unconfirmed.add(event.message_id)

    async def say(self, account_id: bytes, text: str) -> None:
        """Write a text."""
        message = await self.client.contact(account_id).send(text)
        self.sent[message.message_id] = text

    async def end(self) -> None:
        """Close the client."""
        await self.client.close()
        if self.reader is not None:
            await self.reader


async def _person(world: World, opening: Callable[[Runtime], Awaitable[Client]]) -> Person:
    clock = ChaosClock(world)
    runtime = Runtime(transport=world.transport, clock=clock, kdf_profile=INTERACTIVE)
    person = Person(await opening(runtime), clock)
    person.reader = asyncio.create_task(person.read())
    return person


async def create(world: World, name: str, *, publish: bool = False) -> Person:
    """Make an account."""

    async def opening(runtime: Runtime) -> Client:
        return await Client.create(
            world.folder / f"{name}.db",
            key=_KEY,
            relay=world.url,
            name=name,
            publish=publish,
            front_desk=publish,
            runtime=runtime,
        )

    return await _person(world, opening)


async def reopen(world: World, path: Path) -> Person:
    """Open a store, or a copy of one."""

    async def opening(runtime: Runtime) -> Client:
        return await Client.open(path, key=_KEY, runtime=runtime)

    return await _person(world, opening)


async def restore(world: World, name: str, saved: bytes) -> Person:
    """Restore a backup as a new device."""

    async def opening(runtime: Runtime) -> Client:
        path = world.folder / f"{name}.db"
        return await Client.restore(path, saved, backup_passphrase="backup", key=_KEY, runtime=runtime)

    return await _person(world, opening)


async def flow(world: World) -> None:
    """Let time flow as it does outside, until cancelled: connections are tried again by these clocks."""
    while True:
        await asyncio.sleep(0.1)
        world.now_ms += 100


async def pass_time(world: World, ms: int) -> None:
    """Let time pass for everybody, in steps in which the clients act."""
    for _ in range(max(1, ms // _STEP_MS)):
        world.now_ms += min(ms, _STEP_MS)
        world.moved()
        await asyncio.sleep(5 * _SLICE_S)


async def until(world: World, reached: Callable[[], bool], step_ms: int = 11 * 60_000) -> bool:
    """Let time pass until something is so; tell whether it came to be."""
    for _ in range(int(world.patience_s / (20 * _SLICE_S))):
        if reached():
            return True
        world.now_ms += step_ms
        world.moved()
        await asyncio.sleep(20 * _SLICE_S)
    return reached()


async def meet(world: World) -> tuple[Person, Person]:
    """Return a company and a customer who have exchanged texts."""
    company, customer = await create(world, "company", publish=True), await create(world, "customer")
    await company.client.wait_online(timeout_s=world.patience_s)
    await customer.client.add_contact(company.client.card())
    await customer.say(company.client.account_id, "hello")
    await until(world, lambda: bool(company.shown), step_ms=1_000)
    await company.say(customer.client.account_id, "welcome")
    await until(world, lambda: bool(customer.shown), step_ms=1_000)
    return company, customer


def twice(*people: Person) -> list[str]:
    """What a person was shown more than once."""
    return [f"shown twice: {text}" for one in people for text, count in one.shown.items() if count > 1]


def lost(speaker: Person, hearer: Person) -> list[str]:
    """What did not arrive without a word to either side."""
    missing = [key for key, text in speaker.sent.items() if text not in hearer.shown]
    untold = [key for key in missing if key not in speaker.unconfirmed and not hearer.told["Gap"]]
    return [f"lost and nobody told: {speaker.sent[key]}" for key in untold]


async def _talk_again(world: World, one: Person, other: Person, word: str) -> list[str]:
    """Both write and hear each other, or what they did not hear."""
    await one.say(other.client.account_id, f"{word} there")
    await other.say(one.client.account_id, f"{word} back")
    arrived = await until(
        world, lambda: f"{word} there" in other.shown and f"{word} back" in one.shown, step_ms=HOUR_MS
    )
    return [] if arrived else [f"the two do not hear each other: {word}"]


async def wrong_clocks(world: World) -> list[str]:
    """SES-25, SES-26, ID-32: clocks jump by up to a year, either way, and are right again in the end."""
    company, customer = await meet(world)
    people = [company, customer]
    for number in range(4):
        wrong = world.chance.choice(people)
        wrong.clock.wrong_ms = world.chance.choice(WRONG_DAYS) * DAY_MS
        for speaker, hearer in ((company, customer), (customer, company)):
            with suppress(SealroomError):
                await speaker.say(hearer.client.account_id, f"{speaker.client.card().name} {number}")
        await pass_time(world, 6 * HOUR_MS)
    for person in people:
        person.clock.wrong_ms = 0
    await pass_time(world, 2 * DAY_MS)
    found = await _talk_again(world, company, customer, "right again")
    await pass_time(world, DAY_MS)
    found += twice(*people)
    for speaker, hearer in ((company, customer), (customer, company)):
        found += lost(speaker, hearer)
    for person in people:
        await person.end()
    return found


def _is_told(*people: Person) -> bool:
    """Whether somebody was told that two copies of one store run."""
    return any(one.told[name] for one in people for name in ("Parted", "RolledBack", "SecondCopy"))


async def clone_beside_its_original(world: World) -> list[str]:
    """SES-30, SES-31, RLY-28: two copies of one store talk at a time; somebody is told, then one goes on."""
    company, customer = await meet(world)
    await customer.end()
    path, copy = world.folder / "customer.db", world.folder / "clone.db"
    shutil.copy(path, copy)
    for extra in path.parent.glob("customer.db-*"):
        shutil.copy(extra, world.folder / extra.name.replace("customer", "clone"))
    original, clone = await reopen(world, path), await reopen(world, copy)
    theirs = company.client.account_id
    for number in range(48):
        if number >= 3 and _is_told(company, original, clone):
            break
        with suppress(SealroomError):
            await original.say(theirs, f"original {number}")
        with suppress(SealroomError):
            await clone.say(theirs, f"clone {number}")
        await company.say(original.client.account_id, f"to both {number}")
        await pass_time(world, HOUR_MS)
    await clone.end()
    found = await _talk_again(world, company, original, "one copy left")
    if not _is_told(company, original, clone):
        found.append("two copies ran and nobody was told")
    found += twice(company, original)
    for person in (company, original):
        await person.end()
    return found


async def _is_known(world: World, restored: Person, contact: Person, devices: int) -> None:
    """Wait until a contact has heard of a restored device: what it writes before goes to the old one, and
    it is told that (SES-39).
    """
    await restored.client.wait_online(timeout_s=world.patience_s)
    await until(world, lambda: contact.told["NewDevice"] >= devices)


async def backup_restored_twice(world: World) -> list[str]:
    """ID-27, SES-40: of two devices from one backup the later one goes on, and the first one is told."""
    company, customer = await meet(world)
    saved = await company.client.export("backup")
    await company.end()
    first = await restore(world, "first", saved)
    await _is_known(world, first, customer, 1)
    found = await _talk_again(world, first, customer, "first restored")
    second = await restore(world, "second", saved)
    await _is_known(world, second, customer, 2)
    found += await _talk_again(world, second, customer, "second restored")
    if not await until(world, lambda: bool(first.told["DeviceReplaced"]), step_ms=DAY_MS):
        found.append("the first restored device is not told that it was replaced")
    try:
        await first.say(customer.client.account_id, "from a device that is gone")
        found.append("a replaced device still sends")
    except DeviceReplacedError:
        pass
    found += twice(customer, second)
    for person in (first, second, customer):
        await person.end()
    return found


Scene: TypeAlias = Callable[[World], Awaitable[list[str]]]
SCENES: Final[dict[str, Scene]] = {
    "clocks wrong by up to a year": wrong_clocks,
    "clone beside its original": clone_beside_its_original,
    "backup restored twice": backup_restored_twice,
}
