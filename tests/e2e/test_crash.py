"""Acceptance: relay and clients are killed at random points, and nothing is lost or repeated.

200 messages in `make test`, 500 in the audit. Real processes, stores on disk, SIGKILL. A proxy between
clients and relay records every envelope; no hook in shipped code takes part.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from e2ee_relay.protocol import SendItem
from run_counts import count

from demo.processes import Person, ProcessFailed, Relay
from demo.proxy import Proxy

MESSAGES = count(200, 500)
KILLS = count(9, 24)
SEED = 20261124
ARRIVE_S = 120.0


class Run:
    """Two clients, a relay and a recording proxy."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.relay = Relay(folder / "relay")
        self.envelopes: dict[tuple[bytes, bytes], set[bytes]] = defaultdict(set)
        self.proxy = Proxy(lambda: self.relay.url, self.record)
        self.people = {name: Person(name, folder, self.event) for name in ("customer", "company")}
        self.events: dict[str, list[str]] = {"customer": [], "company": []}
        self.confirmed: dict[str, list[str]] = {"customer": [], "company": []}
        self.unsure: dict[str, list[str]] = {"customer": [], "company": []}

    def record(self, item: SendItem) -> None:
        self.envelopes[item.mailbox, item.msg_id].add(item.body)

    def event(self, name: str, fact: dict[str, Any]) -> None:
        if fact["event"] == "received":
            self.events[name].append(fact["text"])

    async def begin(self) -> None:
        await self.relay.start()
        url = await self.proxy.start()
        for name, person in self.people.items():
            await person.start()
            answer = await person.ask("create", relay=url, name=name, publish=name == "company")
            person.id, person.card = answer["id"], answer["card"]
        await self.people["company"].ask("wait_online")
        await self.people["customer"].ask("add", card=self.people["company"].card)
        await self.send("customer", "first contact")
        await self.until(lambda: "first contact" in self.events["company"])

    async def send(self, who: str, text: str, *, killed_after_s: float | None = None) -> None:
        """Send; with `killed_after_s` the sender is killed meanwhile, and its word may or may not count."""
        other = "company" if who == "customer" else "customer"
        asking = asyncio.create_task(self.people[who].ask("send", to=self.people[other].id, text=text))
        if killed_after_s is not None:
            await asyncio.sleep(killed_after_s)
            await self.people[who].kill()
        try:
            await asking
        except ProcessFailed:
            self.unsure[other].append(text)
        else:
            self.confirmed[other].append(text)
        if killed_after_s is not None:
            await self.revive(who)

    async def revive(self, name: str) -> None:
        await self.people[name].start()
        await self.people[name].ask("open", online=True)

    async def disturb(self, who: str, text: str) -> None:
        """Kill something at a random moment around a message."""
        match self.chance.randrange(3):
            case 0:
                await self.send(who, text, killed_after_s=self.chance.random() * 0.03)
            case 1:
                await self.send(who, text)
                await asyncio.sleep(self.chance.random() * 0.02)
                await self.relay.kill()
                await self.relay.start()
            case _:
                await self.send(who, text)
                other = "company" if who == "customer" else "customer"
                await asyncio.sleep(self.chance.random() * 0.05)
                await self.people[other].kill()
                await self.revive(other)

    async def until(self, reached: Any) -> None:
        end = time.monotonic() + ARRIVE_S
        while not reached():
            if time.monotonic() > end:
                raise AssertionError(f"not within {ARRIVE_S} s")
            await asyncio.sleep(0.05)

    async def received(self, name: str) -> list[str]:
        other = "company" if name == "customer" else "customer"
        answer = await self.people[name].ask("history", **{"with": self.people[other].id})
        return list(answer["received"])

    async def all_here(self, name: str) -> bool:
        return set(self.confirmed[name]) <= set(await self.received(name))

    async def end(self) -> None:
        for person in self.people.values():
            await person.kill()
        await self.proxy.stop()
        await self.relay.stop()


@pytest.mark.processes
@pytest.mark.slow
async def test_killed_at_random_points_nothing_is_lost_or_repeated(tmp_path: Path) -> None:
    """STO-09, RLY-30, RLY-32, SES-11, DR-04: exactly once to the application, and no number seals two
    texts.
    """
    print(f"seed {SEED}")
    run = Run(tmp_path, SEED)
    await run.begin()
    try:
        kills = set(run.chance.sample(range(MESSAGES), KILLS))
        for number in range(MESSAGES):
            who = run.chance.choice(("customer", "company"))
            text = f"message {number} from the {who}"
            if number in kills:
                await run.disturb(who, text)
            else:
                await run.send(who, text)
        end = time.monotonic() + ARRIVE_S
        while not (await run.all_here("customer") and await run.all_here("company")):
            assert time.monotonic() < end, "a confirmed message did not arrive"
            await asyncio.sleep(0.3)
        for name in ("customer", "company"):
            received = Counter(await run.received(name))
            assert max(received.values()) == 1, "a message was kept twice"
            assert set(run.confirmed[name]) <= set(received) <= {*run.confirmed[name], *run.unsure[name]}
            assert max(Counter(run.events[name]).values()) == 1, "the application was told twice"
    finally:
        await run.end()
    # The same message id always carries the same bytes, and no two ids the same: what was sealed once is
    # sent as it
    # was. A number that had sealed two texts would have lost one of them at the receiver, which opens each
    # number once.
    assert all(len(bodies) == 1 for bodies in run.envelopes.values())
    bodies = [body for bodies in run.envelopes.values() for body in bodies]
    assert len(set(bodies)) == len(bodies)
    assert len(bodies) >= MESSAGES
    salted = [(body[2:10], body[10:26]) for body in bodies if body[1] == 1]
    assert len(set(salted)) == len(salted)
