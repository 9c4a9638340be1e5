"""Clients and a relay as programs that are killed while clocks are wrong by up to a year, a clone runs beside
its original, or a backup is restored twice.

Each scene says what must not be: a text that is shown twice, one that is lost and nobody is told, two who do
not hear each other in the end. Killed programs are started again on what is on their disks.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from crash_people import PASSPHRASE, Died, Person, Relay, Stuck

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WRONG_DAYS: Final = (-365, -30, -1, 1, 30, 365)
_STEP_MS: Final = 2 * HOUR_MS
_STEP_S: Final = 0.1
_TRIES: Final = 8
_REPLACED: Final = "account.replaced"


class KillScenes:
    """The programs of one scene, their clocks, and what was written."""

    def __init__(self, folder: Path, seed: int, *, rounds: int = 3, patience_s: float = 60.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.rounds = rounds
        self.chance = random.Random(seed)
        self.relay = Relay(folder, None, early=False)
        self.people: dict[str, Person] = {}
        self.sent: dict[str, list[tuple[str, str]]] = {}
        self.unsure: set[str] = set()
        self.kills: Counter[str] = Counter()
        self._folder = folder
        self._patience_s = patience_s
        self._moved_ms = 0
        self._wrong_ms: Counter[str] = Counter()

    # --- programs and their clocks ---

    def person(self, name: str) -> Person:
        """Return a client that has no store yet, with a clock of its own."""
        clock = self._folder / f"{name}.clock"
        one = Person(name, self._folder, None, lambda: self.relay.url, [f"--clock={clock}"])
        self.people[name], self.sent[name] = one, []
        self._set_clock(name)
        return one

    def _set_clock(self, name: str) -> None:
        written = self._folder / f"{name}.clock.new"
        written.write_text(str(self._moved_ms + self._wrong_ms[name]), "ascii")
        written.replace(self._folder / f"{name}.clock")

    def set_wrong(self, name: str, days: int) -> None:
        """Let a clock be wrong by some days from now on."""
        self._wrong_ms[name] = days * DAY_MS
        self._set_clock(name)

    def move(self, ms: int) -> None:
        """Let time pass at once."""
        self._moved_ms += ms
        for name in self.people:
            self._set_clock(name)

    async def _rest(self) -> None:
        """Let what is under way come to its end: hours that pass meanwhile would end every connection."""
        for one in self.people.values():
            if one.program.runs:
                await one.surely("rest")

    async def pass_time(self, ms: int) -> None:
        """Let time pass for everybody, in steps in which the clients act."""
        for _ in range(max(1, ms // _STEP_MS)):
            await self._rest()
            self.move(min(ms, _STEP_MS))
            await asyncio.sleep(_STEP_S)

    async def until(self, reached: Callable[[], Awaitable[bool]], step_ms: int = HOUR_MS) -> bool:
        """Let time pass until something is so; tell whether it came to be."""
        end = time.monotonic() + self._patience_s
        while not await reached():
            if time.monotonic() > end:
                return False
            await self._rest()
            self.move(step_ms)
            await asyncio.sleep(2 * _STEP_S)
        return True

    async def kill(self, name: str) -> None:
        """Kill a client or the relay; who was there comes back."""
        self.kills[name] += 1
        if name == "relay":
            await self.relay.program.kill()
            return
        await self.people[name].program.kill()
        await self.people[name].begin()

    async def end(self) -> None:
        """Kill everybody for good."""
        for one in self.people.values():
            await one.program.kill()
        await self.relay.kill()

    # --- what they say ---

    async def meet(self) -> tuple[Person, Person]:
        """Return a company and a customer who have exchanged texts."""
        await self.relay.start()
        company, customer = self.person("company"), self.person("customer")
        await company.begin()
        await company.surely("settle")
        await customer.begin()
        await customer.surely("add", card=company.account.card)
        await self.surely_say("customer", "company", "hello")
        await self.until(lambda: self.has("company", "customer", "hello"), step_ms=0)
        await self.surely_say("company", "customer", "welcome")
        await self.until(lambda: self.has("customer", "company", "welcome"), step_ms=0)
        return company, customer

    async def say(self, who: str, to: str, text: str, killed: str = "") -> bool:
        """Write a text, and kill a program meanwhile; tell whether it was taken."""
        asking = asyncio.create_task(self.people[who].ask("send", to=self.people[to].account.id, text=text))
        if killed:
            await asyncio.sleep(self.chance.random() * 0.03)
            self.kills[killed] += 1
            await (self.relay if killed == "relay" else self.people[killed]).program.kill()
        try:
            answer = await asking
        except Died:
            self.unsure.add(text)
            return False
        if "failed" not in answer:
            self.sent[who].append((answer["id"], text))
        return "failed" not in answer

    async def surely_say(self, who: str, to: str, text: str) -> None:
        """Write a text that nothing disturbs."""
        for _ in range(_TRIES):
            if await self.say(who, to, text):
                return
            await asyncio.sleep(_STEP_S)
        raise Stuck(f"the {who} cannot send: {dict(self.people[who].account.codes)}")

    async def received(self, name: str, sender: str) -> list[str]:
        """Return what a client has of another one."""
        answer = await self.people[name].surely("history", **{"with": self.people[sender].account.id})
        return list(answer["received"])

    async def has(self, name: str, sender: str, text: str) -> bool:
        """Tell whether a text has arrived; starts again who has ended."""
        return text in await self.received(name, sender)

    async def told(self, events: tuple[str, ...], *names: str) -> bool:
        """Tell whether somebody was told one of these events; starts again who has ended."""
        for name in names:
            await self.people[name].be_there()
        return any(self.people[name].account.told[event] for name in names for event in events)

    # --- what must not be ---

    async def talk_again(self, one: str, other: str, word: str) -> list[str]:
        """Both write and hear each other, or what they did not hear."""
        found: list[str] = []
        for who, to in ((one, other), (other, one)):
            await self.surely_say(who, to, f"{word}, by the {who}")
        for who, to in ((one, other), (other, one)):
            text = f"{word}, by the {who}"
            if not await self.until(lambda to=to, who=who, text=text: self.has(to, who, text)):  # type: ignore[misc]  # bound now
                found.append(f"the {to} does not hear: {text}")
        return found

    async def twice(self, name: str, sender: str) -> list[str]:
        """What a client has twice, or was told twice."""
        shown = Counter(await self.received(name, sender))
        found = [f"the {name} has twice: {text}" for text, count in shown.items() if count > 1]
        events = self.people[name].account.events
        return found + [f"the {name} was told twice" for count in events.values() if count > 1]

    async def lost(self, who: str, to: str) -> list[str]:
        """What did not arrive without a word to either side."""
        shown = set(await self.received(to, who))
        missing = [(key, text) for key, text in self.sent[who] if text not in shown]
        told = self.people[to].account.told["Gap"] > 0
        untold = [text for key, text in missing if key not in self.people[who].account.given_up and not told]
        return [f"lost and nobody told: {text}" for text in untold]


async def wrong_clocks(scene: KillScenes) -> list[str]:
    """SES-21, SES-25, SES-26: clocks jump by up to a year, either way, and are right again in the end."""
    await scene.meet()
    directions = (("company", "customer"), ("customer", "company"))
    for number in range(scene.rounds):
        scene.set_wrong(scene.chance.choice(("company", "customer")), scene.chance.choice(WRONG_DAYS))
        for who, to in directions:
            await scene.say(who, to, f"{number}, by the {who}", scene.chance.choice((who, to, "relay")))
        await scene.pass_time(6 * HOUR_MS)
    for name in ("company", "customer"):
        scene.set_wrong(name, 0)
        await scene.kill(name)
    await scene.pass_time(2 * DAY_MS)
    found = await scene.talk_again("company", "customer", "right again")
    await scene.pass_time(DAY_MS)
    for who, to in directions:
        found += await scene.twice(to, who) + await scene.lost(who, to)
    return found


async def clone_beside_its_original(scene: KillScenes) -> list[str]:
    """SES-30, SES-31, RLY-28: two copies of one store run at a time; somebody is told, then one goes on."""
    _, customer = await scene.meet()
    await customer.program.kill()
    clone = scene.person("clone")
    clone.key, clone.account.id = customer.key, customer.account.id
    for path in sorted(customer.store.parent.glob(f"{customer.store.name}*")):
        shutil.copy(path, path.with_name(path.name.replace("customer", "clone", 1)))
    await customer.begin()
    await clone.begin()
    signs, everybody = ("Parted", "RolledBack", "SecondCopy"), ("company", "customer", "clone")
    for number in range(4 * scene.rounds):
        if number >= scene.rounds and await scene.told(signs, *everybody):
            break
        for who in ("customer", "clone"):
            killed = scene.chance.choice((who, "company", "relay"))
            await scene.say(who, "company", f"{number}, by the {who}", killed)
        await scene.say("company", "customer", f"{number}, to both")
        await scene.pass_time(HOUR_MS)
    await clone.leave()
    found = (
        [] if await scene.told(signs, *everybody[:2]) or clone.account.told else ["nobody was told of two"]
    )
    found += await scene.talk_again("company", "customer", "one copy left")
    return found + await scene.twice("company", "customer") + await scene.twice("customer", "company")


async def backup_restored_twice(scene: KillScenes) -> list[str]:
    """ID-27, SES-40: of two devices from one backup the later one goes on, and the first one is told."""
    company, customer = await scene.meet()
    backup = scene._folder / "backup"
    await company.surely("export", backup=str(backup), passphrase=PASSPHRASE)
    await company.program.kill()
    company.backup = backup
    found: list[str] = []
    for devices, name in enumerate(("first", "second"), 1):
        restored = scene.person(name)
        restored.backup = backup
        await restored.begin()
        await scene.until(lambda devices=devices: _knows(scene, devices), step_ms=11 * 60_000)  # type: ignore[misc]  # bound now
        await scene.say(name, "customer", f"by the {name}", scene.chance.choice((name, "customer", "relay")))
        await scene.kill(name)
        found += await scene.talk_again(name, "customer", f"restored as {name}")
        found += await scene.twice("customer", name) + await scene.twice(name, "customer")
    first = scene.people["first"]
    if not await scene.until(lambda: scene.told(("DeviceReplaced",), "first"), step_ms=DAY_MS):
        found.append("the first restored device is not told that it was replaced")
    answer = await first.ask("send", to=customer.account.id, text="from a device that is gone")
    if answer.get("failed") != _REPLACED:
        found.append("a replaced device still sends")
    return found


async def _knows(scene: KillScenes, devices: int) -> bool:
    await scene.people["customer"].be_there()
    return scene.people["customer"].account.told["NewDevice"] >= devices


Scene: TypeAlias = Callable[[KillScenes], Awaitable[list[str]]]
SCENES: Final[dict[str, Scene]] = {
    "clocks wrong by up to a year": wrong_clocks,
    "clone beside its original": clone_beside_its_original,
    "backup restored twice": backup_restored_twice,
}


async def play(name: str, folder: Path, seed: int, rounds: int) -> tuple[KillScenes, list[str]]:
    """Play a scene; return it with what must not be."""
    scene = KillScenes(folder, seed, rounds=rounds)
    try:
        found = await SCENES[name](scene)
    except (Stuck, TimeoutError) as stuck:
        found = [f"the scene came to a halt: {stuck}"]
    finally:
        with suppress(TimeoutError):
            await scene.end()
    said = [one.program.said_on_stderr() for one in scene.people.values()]
    said.append(scene.relay.program.said_on_stderr())
    return scene, found + [text.strip().splitlines()[-1] for text in said if "Traceback" in text]
