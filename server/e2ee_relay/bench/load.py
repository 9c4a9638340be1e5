"""The load: who sends to whom and when, and what is measured. It knows no protocol; a Link speaks one.

The job of one message: sent, taken in by the server, confirmed to its sender, delivered to its recipient,
acknowledged by it, so that the server may delete it. A message is done when it is confirmed and, unless its
recipient is offline, delivered and acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

TAG_B: Final = 8
_TURN_S: Final = 0.001
_READ_B: Final = 64 << 10
# Sends of an open loop that may wait for confirmation; beyond, the server is overrun and the run says so.
_MOST_IN_FLIGHT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in figures."""

    clients: int = 200
    in_flight: int = 1  # messages of one client that are not done; closed loop
    rate_per_s: float = 0.0  # open loop; 0: closed
    size_b: int = 1024
    offline_share: float = 0.0  # of messages that go to recipients who are not there
    warm_up_s: float = 2.0
    measure_s: float = 10.0


@dataclass(slots=True)
class Measured:
    """What was counted and timed between the end of the warm-up and the end of the run."""

    seconds: float = 0.0
    done: int = 0
    refused: int = 0
    unfinished: int = 0
    overrun: bool = False
    confirm_s: array[float] = field(default_factory=lambda: array("d"))
    deliver_s: array[float] = field(default_factory=lambda: array("d"))


class Link(asyncio.Protocol, ABC):
    """One client's connection: writes what a turn of the event loop has collected in one piece."""

    def __init__(self, load: Load, place: int) -> None:
        self.load = load
        self.place = place
        self.transport: asyncio.Transport | None = None
        self.lost = asyncio.Event()
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
            # asyncio's own 256 KiB are mapped and unmapped by the kernel at each read.
            vars(transport)["max_size"] = _READ_B

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end; a run in which a server drops clients says so."""
        self.lost.set()

    def write(self, data: bytes) -> None:
        """Queue bytes for the end of this turn."""
        if not self._out:
            self.load.loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self.transport is not None and not self.lost.is_set():
            self.transport.write(self.packed(out))

    def packed(self, out: list[bytes]) -> bytes:
        """Return what goes over the wire for what was written in one turn."""
        return b"".join(out)

    @abstractmethod
    def send(self, recipient: int, tag: int, body: bytes) -> None:
        """Send `body` to the client of that place; tell the load of its confirmation by `tag`."""


class Load:
    """Drives links through a plan. Recipients from `plan.clients` on are offline ones."""

    def __init__(self, plan: Plan, offline: int = 0) -> None:
        self.plan = plan
        self.loop = asyncio.get_running_loop()
        self.measured = Measured()
        self.links: Sequence[Link] = ()
        self._offline = offline
        self._filler = os.urandom(plan.size_b - TAG_B)
        self._begun: dict[
            int, tuple[float, int]
        ] = {}  # tag to time and sender, of messages that are not done
        self._half: set[int] = set()  # tags of messages confirmed or delivered, not yet both
        self._last = 0
        self._from = float("inf")
        self._is_over = False

    async def run(self, links: Sequence[Link]) -> Measured:
        """Carry the plan out."""
        self.links = links
        started = time.perf_counter()
        self._from = started + self.plan.warm_up_s
        over = self._from + self.plan.measure_s
        if self.plan.rate_per_s:
            await self._open_loop(started, over)
        else:
            for _ in range(self.plan.in_flight):
                for place in range(self.plan.clients):
                    self._send(place, time.perf_counter())
            await asyncio.sleep(over - time.perf_counter())
        self.measured.seconds = time.perf_counter() - self._from
        self.measured.unfinished = len(self._begun)
        self._is_over = True
        return self.measured

    async def _open_loop(self, started: float, over: float) -> None:
        """Send at the times of a schedule, whatever the server does; latency counts from the schedule."""
        gap_s = 1 / self.plan.rate_per_s
        due = started
        sender = 0
        while (now := time.perf_counter()) < over:
            while due <= now:
                if len(self._begun) > _MOST_IN_FLIGHT:
                    self.measured.overrun = True
                    return
                self._send(sender, due)
                sender = (sender + 1) % self.plan.clients
                due += gap_s
            await asyncio.sleep(_TURN_S)

    def _send(self, sender: int, at: float) -> None:
        self._last += 1
        tag = self._last
        self._begun[tag] = (at, sender)
        clients = self.plan.clients
        if self._offline and secrets.randbelow(1000) < self.plan.offline_share * 1000:
            recipient = clients + secrets.randbelow(self._offline)
            self._half.add(tag)
        else:
            recipient = (sender + 1 + secrets.randbelow(clients - 1)) % clients
        self.links[sender].send(recipient, tag, tag.to_bytes(TAG_B, "big") + self._filler)

    # --- what links tell ---

    def confirmed(self, tag: int) -> None:
        """The server has taken a message in."""
        self._one_half(tag, self.measured.confirm_s)

    def delivered(self, body: bytes) -> None:
        """A message has reached its recipient, which acknowledges it in the same turn."""
        self._one_half(int.from_bytes(body[:TAG_B], "big"), self.measured.deliver_s)

    def refused(self, tag: int) -> None:
        """The server has turned a message away, for good."""
        self.measured.refused += 1
        begun = self._begun.pop(tag, None)
        self._half.discard(tag)
        if begun is not None:
            self._go_on(begun[1])

    def _one_half(self, tag: int, times_s: array[float]) -> None:
        if tag not in self._begun:
            return
        (begun, sender), now = self._begun[tag], time.perf_counter()
        if begun >= self._from and not self._is_over:
            times_s.append(now - begun)
        if tag not in self._half:
            self._half.add(tag)
            return
        self._half.discard(tag)
        del self._begun[tag]
        if now >= self._from and not self._is_over:
            self.measured.done += 1
        self._go_on(sender)

    def _go_on(self, sender: int) -> None:
        if not self.plan.rate_per_s and not self._is_over:
            self._send(sender, time.perf_counter())
