"""A short chaos run, and the book that judges it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import chaos_net
import pytest
from chaos_clients import SCENES, World, lost, meet, twice
from chaos_people import Book
from e2ee_client.testing import Dice, Faults, MemoryNetwork
from postgres_server import missing_programs
from relay_backends import skip_or_fail

RUN = Path(__file__).with_name("run.py")


class WorldClock:
    """The relay's clock: that of the scene, which only the clients wait for."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now_ms(self) -> int:
        return self._world.now_ms

    async def wait_until(self, deadline_ms: int) -> None:
        """Nobody waits by the clock of the network itself."""
        raise AssertionError(f"waited for {deadline_ms}")


def world_of(folder: Path, seed: int) -> World:
    """A relay in memory behind a network that loses, doubles and swaps."""
    world = World(MemoryNetwork(), "", folder, random.Random(seed))
    faults = Faults(lose=0.02, duplicate=0.05, reorder=0.05, dice=Dice(f"chaos {seed}"))
    network = MemoryNetwork(clock=WorldClock(world), faults=faults)
    world.transport, world.url, world.moved = network, network.url, network.relay.tick
    return world


@pytest.mark.parametrize("scene", SCENES)
async def test_clients_in_chaos_come_to_rest(tmp_path: Path, scene: str) -> None:
    """SES-25, SES-30, SES-40, ID-27: wrong clocks, a clone, a backup restored twice; nothing comes twice."""
    assert await SCENES[scene](world_of(tmp_path, seed=3)) == []


async def test_what_clients_must_not_do_is_found(tmp_path: Path) -> None:
    """The control: a text that was shown twice, one that nobody has and nobody misses."""
    world = world_of(tmp_path, seed=1)
    company, customer = await meet(world)
    assert twice(company, customer) == lost(customer, company) == lost(company, customer) == []
    company.shown["hello"] += 1
    customer.shown.clear()
    assert twice(company, customer) == ["shown twice: hello"]
    assert lost(company, customer) == ["lost and nobody told: welcome"]
    company.unconfirmed.update(company.sent)
    assert lost(company, customer) == []
    for person in (company, customer):
        await person.end()


def test_the_book_finds_what_must_not_be() -> None:
    """RLY-105, RLY-63: a lost message, one after its acknowledgement, and a key given twice."""
    book = Book(confirmed={b"a", b"b"}, after_acknowledgement={b"b"})
    book.arrived.update([b"b", b"b"])
    book.keys.update([b"k", b"k", b"other"])
    assert book.findings() == {
        "confirmed_lost": 1,
        "delivered_after_acknowledgement": 1,
        "one_time_keys_given_twice": 1,
    }
    book = Book(confirmed={b"a"})
    book.arrived.update([b"a", b"a"])
    assert not any(book.findings().values())


@pytest.mark.audit_only
@pytest.mark.slow
@pytest.mark.processes
def test_a_short_run_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """RLY-63, RLY-105, RLY-107, RLY-109: nodes killed, database crashed, links cut, wake-ups dropped."""
    lacking = missing_programs() or chaos_net.missing()
    if lacking and os.geteuid() != 0:
        pytest.skip(lacking)
    if lacking:
        skip_or_fail(lacking)
    report = tmp_path / "chaos.json"
    words = ["--conversations", "12", "--messages", "6", "--people", "3", "--seconds", "8", "--keys", "400"]
    command = [sys.executable, str(RUN), *words, "--output", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert report.exists(), done.stderr[-2000:]
    found = json.loads(report.read_text())
    assert found["holds"], found
    assert found["messages_confirmed"] == 72
