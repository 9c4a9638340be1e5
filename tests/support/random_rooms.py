"""Random rooms of real engines: `python tests/support/random_rooms.py --runs N --seed S --write FILE`.

Two to six devices talk, with dates that may be wrong, while the relay loses and reorders envelopes,
connections break and devices start anew. Then each says one thing more over a good network, and after 20
minutes of quiet all have one head and one order; so has a colleague who joins and is handed all of it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("", "client", "server", "tests/support")]

from e2ee_client.engine import Channel  # noqa: E402 - after the path
from e2ee_client.engine.rooms import writing  # noqa: E402
from e2ee_client.engine.rooms.forwarding import MAX_HANDED_OVER  # noqa: E402
from e2ee_client.engine.rooms.stewarding import Change  # noqa: E402
from e2ee_client.errors import SealroomError  # noqa: E402
from e2ee_client.room_events import Differ, Equivocation  # noqa: E402
from e2ee_relay.protocol import (  # noqa: E402
    ErrorCode,
    Role,
    Send,
    SendItem,
    SendResult,
    SendResults,
    decode_frames,
)
from engine_world import OPEN, Node, World  # noqa: E402
from relay_scenes import push  # noqa: E402
from room_runs_book import wrongly_dated  # noqa: E402
from rooms_world import MINUTE_MS, accept, act, add, change, head, order, page, texts, write  # noqa: E402
from seeded_report import grown, record, recorded  # noqa: E402
from team_world import colleague, founded, this  # noqa: E402

from e2ee.errors import E2eeError  # noqa: E402

QUIET_MS = 20 * MINUTE_MS
MAX_COLLEAGUES = 4


class Fault(Exception):
    """A run that did not end as it has to."""


class Run:
    """One room; everything that is random comes from the seed."""

    def __init__(self, seed: int) -> None:
        self.rnd = rnd = random.Random(seed)
        self.world = world = World()
        self.founder = founded(world)
        count = rnd.randint(0, MAX_COLLEAGUES)
        self.desks = [self.founder]
        colleagues = [
            colleague(self.founder, f"Platz {at}", front_desk=rnd.random() < 0.3) for at in range(count)
        ]
        self.desks += [one for one in colleagues if one.engine._state.own.device.record.front_desk]
        customer = world.node("Kundin")
        customer.start()
        self.room_id = accept(customer, self.founder)
        world.advance(5 * MINUTE_MS)
        self.nodes, self.joiner = [self.founder, *colleagues, customer], colleague(self.founder, "Neu")
        for one in (self.founder, *colleagues):
            add(self.founder, self.room_id, one)
            world.advance(MINUTE_MS)
        world.advance(20 * MINUTE_MS)
        self.loss, self.delay = rnd.choice((0.0, 0.1, 0.25)), rnd.choice((0.0, 0.2))
        self.held: list[SendItem] = []
        self.before = set(order(self.founder, self.room_id))

    def play(self) -> None:
        """Talk over a bad network, and let it rest over a good one."""
        for node in self.nodes:
            node.outgoing = partial(self._outgoing, node)
        with patch.object(writing, "make_header", partial(wrongly_dated, self.rnd)):
            for _ in range(self.rnd.randint(5, 25)):
                self._act(self.rnd.choice(self.nodes))
                self.world.advance(self.rnd.randint(100, 30_000))
                self._release(0.5)
        for node in self.nodes:
            node.outgoing = lambda _, data: [data]
        self._release(1.0)
        # What a relay has confirmed and lost comes again with the next that is said (SES-30, TRN-13).
        for node in self.nodes:
            self._try(partial(write, node, self.room_id, f"{node.name} zuletzt"))
            self.world.advance(MINUTE_MS)
        self.world.advance(QUIET_MS)

    def _outgoing(self, node: Node, channel: Channel, data: bytes) -> list[bytes]:
        """Confirm what is sent, and lose it or keep it for later."""
        sends = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Send)]
        dice = self.rnd.random()
        if not sends or dice >= self.loss + self.delay:
            return [data]
        for one in sends:
            if dice >= self.loss:
                self.held += one.items
            results = tuple(SendResult(ErrorCode.OK, 0) for _ in one.items)
            node.connections[channel].put(SendResults(one.request_id, results))
        return []

    def _release(self, share: float) -> None:
        """Deliver what was kept, in another order."""
        self.rnd.shuffle(self.held)
        count = int(len(self.held) * share + 0.5)
        waiting, self.held = self.held[:count], self.held[count:]
        for item in waiting:
            for node in self.world.nodes:
                if any(one.mailbox == item.mailbox for one in node.connections):
                    push(node, item.body, mailbox=item.mailbox)
        self.world.settle()

    def _act(self, node: Node) -> None:
        what = self.rnd.random()
        if what < 0.08:
            node.crash()
            node.start()
        elif what < 0.16:
            node.break_connections()
        elif what < 0.26 and node in self.desks:
            self._try(lambda: change(node, self.room_id, Change(reason=self.rnd.randint(1, 99))))
        else:
            self._try(lambda: write(node, self.room_id, f"{node.name} um {self.world.now_ms}"))

    def _try(self, step: Callable[[], object]) -> None:
        """Do what may be refused where a device has not heard of the room's states yet."""
        try:
            step()
        except E2eeError:
            return

    def check(self) -> None:
        """One head, one order of what was said since the beginning, nobody accused.

        Raises:
            Fault.
        """
        heads = {node.name: head(node, self.room_id) for node in self.nodes}
        if len(set(heads.values())) != 1:
            raise Fault(f"heads {heads}")
        orders = {
            node.name: tuple(one for one in order(node, self.room_id) if one not in self.before)
            for node in self.nodes
        }
        if len(set(orders.values())) != 1:
            raise Fault(f"orders { ({name: len(one) for name, one in orders.items()}) }")
        if any(node.of(Differ) or node.of(Equivocation) for node in (*self.nodes, self.joiner)):
            raise Fault("an accusation")

    def hand_over(self) -> None:
        """Give a colleague who joins all that was said: it shows that as the founder does (TRN-50).

        Raises:
            Fault.
        """
        founder, joiner, room_id = self.founder, self.joiner, self.room_id
        add(founder, room_id, joiner)
        self.world.advance(5 * MINUTE_MS)
        count = act(
            founder, lambda turn, rooms: rooms.acting.hand_over(turn, room_id, this(joiner), MAX_HANDED_OVER)
        )
        self.world.advance(5 * MINUTE_MS)
        if count >= MAX_HANDED_OVER or texts(founder, room_id) != texts(joiner, room_id):
            raise Fault("other texts after a hand-over")
        given, taken = ({one.hash: one for one in page(node, room_id)} for node in (founder, joiner))
        both = [[one for one in shown if one in given and one in taken] for shown in (given, taken)]
        if both[0] != both[1]:
            raise Fault("another order after a hand-over")
        # What is dated ahead is shown as written when it came (TRN-49), which is later for the joiner.
        past = [one for one in given.values() if one.hash in taken and one.written_ms < one.received_ms]
        if any(taken[one.hash].written_ms != one.written_ms for one in past):
            raise Fault("other times after a hand-over")


def run(seed: int) -> str:
    """Play and check one room; return how many devices were in it.

    Raises:
        Fault.
    """
    played = Run(seed)
    try:
        played.play()
        played.check()
        played.hand_over()
    finally:
        while OPEN:
            OPEN.pop().relay.close()
    return f"{len(played.nodes)} devices"


class Found:
    """What was played, and what broke; a report grows by the runs of further seeds."""

    def __init__(self, first: int) -> None:
        self.first, self.runs = first, 0
        self.figures: Counter[str] = Counter()
        self.faults: list[str] = []

    def play(self, seed: int) -> None:
        """Play one room; an error that its people would see is a fault as well."""
        self.runs += 1
        try:
            self.figures[run(seed)] += 1
        except (Fault, SealroomError, E2eeError) as fault:
            self.faults.append(f"seed {seed}: {type(fault).__name__}: {fault}")
            sys.stdout.write(self.faults[-1] + "\n")
            sys.stdout.flush()

    def report(self, before: dict[str, Any]) -> dict[str, Any]:
        """The report of this and of what was played before."""
        return grown(before, self.first, self.runs, len(self.faults), self.figures)


def main() -> int:
    """Play many; write what was found, so far after each 20."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    before = recorded(chosen.write)
    found = Found(chosen.seed)
    for seed in range(chosen.seed, chosen.seed + chosen.runs):
        found.play(seed)
        if chosen.write is not None and (found.runs % 20 == 0 or found.runs == chosen.runs):
            record(chosen.write, found.report(before))
    sys.stdout.write(json.dumps(found.report({})) + "\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
