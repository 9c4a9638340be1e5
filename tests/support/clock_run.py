"""A real relay whose machine's clock jumps by ten years, and back, while it runs and while it starts.

The clock is libfaketime's (Debian: faketime): its offset stands in a file that the program reads at each
look; the monotonic clock stays the machine's.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import checkout
from e2ee_relay.protocol import (
    ErrorCode,
    Frame,
    Message,
    PrekeysBundle,
    PrekeysFetch,
    PrekeysStock,
    QueueEmpty,
    TtlClass,
)
from relay_actors import Company, Owner, Peer, SocketLink
from relay_process import PROGRAM, RelayProcess
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEN_YEARS_S: Final = 3652 * 86_400
WALL_CLOCK: Final = (sys.executable, str(checkout.ROOT / "tests/support/wall_clock_relay.py"))
_LIBRARIES: Final = (
    "/usr/lib/x86_64-linux-gnu/faketime",
    "/usr/lib/aarch64-linux-gnu/faketime",
    "/usr/lib/faketime",
)
JUMPS: Final = (("ten years ahead", TEN_YEARS_S), ("ten years behind", -TEN_YEARS_S))
_WATCH_S: Final = 3.0
_IDLE_SHARE: Final = 0.25
_SLICES: Final = 11
_HELD: Final = 20
_BURST: Final = 10
SETTINGS: Final = (
    # Ten messages at once, then ten a second: whether it refills can be seen in a moment.
    f"contact_messages={_BURST}/10",
    "fetches_per_device=1000/100",
    "prekeys_b=1e9/1e9",
    "fetches=1000/100",
    "log_level=warning",
)


def library() -> Path | None:
    """The library that fakes the time, if it is installed."""
    found = [Path(folder) / "libfaketime.so.1" for folder in _LIBRARIES]
    return next((path for path in found if path.exists()), None)


@dataclass
class ClockRun:
    """One relay through all jumps; `faults` are sentences, each with the jump after which it was seen."""

    folder: Path
    program: Sequence[str] = PROGRAM
    watch_s: float = _WATCH_S
    offsets: Sequence[tuple[str, int]] = JUMPS
    faults: list[str] = field(default_factory=list)
    jumps: list[str] = field(default_factory=list)
    busiest: float = 0.0
    delivered: int = 0
    keys: int = 0

    def __post_init__(self) -> None:
        self._offset = self.folder / "offset"
        environment = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        self.relay = RelayProcess(
            self.folder / "relay", *SETTINGS, environment=environment, program=self.program
        )
        # Nobody reads the first; the second's contact writes all the time; the third belongs to a company.
        self._held, self._busy = Owner(), Owner()
        self._company = Company(Owner(), time.time_ns() // 1_000_000)
        self._sent: set[bytes] = set()

    async def run(self) -> None:
        """Jump forwards and back, backwards and back, and start anew under a wrong clock."""
        self._set(0)
        await asyncio.to_thread(self.relay.start)
        try:
            await self._prepare()
            await self._stay("no jump")
            for name, offset_s in self.offsets:
                await self._jump(name, offset_s)
                await self._jump(f"back from {name}", 0)
                self._set(offset_s)
                await asyncio.to_thread(self.relay.restart)
                await self._stay(f"started {name}")
                await self._jump(f"back from a start {name}", 0)
            await self._read_all()
        finally:
            await asyncio.to_thread(self.relay.kill)

    def _set(self, offset_s: int) -> None:
        partial = self._offset.with_suffix(".new")
        partial.write_text(f"{offset_s:+d}\n")
        partial.replace(self._offset)

    async def _jump(self, name: str, offset_s: int) -> None:
        self._set(offset_s)
        await self._stay(name)

    @asynccontextmanager
    async def _peer(self) -> AsyncIterator[Peer]:
        async with connect(self.relay.url, compression=None, max_size=1 << 20, close_timeout=1) as socket:
            yield await Peer(SocketLink(socket)).greet()

    async def _prepare(self) -> None:
        async with self._peer() as peer:
            for owner in (self._held, self._busy, self._company.owner):
                await owner.set_up(peer)
            await self._company.publish(peer)
            await peer.expect(PrekeysStock, self._company.upload(peer, 40, 40))
        await self._send(self._held, _HELD // 2)

    async def _send(self, owner: Owner, count: int) -> float:
        """Send so many, waiting where the rate asks for it; return the seconds that it took."""
        began = time.monotonic()
        async with self._peer() as peer:
            for _ in range(count):
                item = owner.item(os.urandom(100), ttl=TtlClass.RETENTION)
                while (result := (await peer.send(item))[0]).code is ErrorCode.RATE_LIMITED:
                    if not 0 < result.retry_after_ms <= 10_000:
                        self.faults.append(f"a wait of {result.retry_after_ms} ms for one message")
                        return time.monotonic() - began
                    await asyncio.sleep(result.retry_after_ms / 1000)
                if result.code is not ErrorCode.OK:
                    self.faults.append(f"a message was answered {result.code.name}")
                elif owner is self._held:
                    self._sent.add(item.msg_id)
        return time.monotonic() - began

    async def _stay(self, name: str) -> None:
        """See whether the relay does its work under this clock."""
        self.jumps.append(name)
        known = len(self.faults)
        await self._watch_idle()
        await self._send(self._busy, _BURST + 5)
        await self._send(self._held, 1)
        await self._read(self._busy, acknowledged=True)
        found = len(await self._read(self._held, acknowledged=False))
        if found < len(self._sent):
            self.faults.append(f"{len(self._sent) - found} of {len(self._sent)} held messages are gone")
        status, page = await asyncio.to_thread(self.relay.get, "/readyz")
        if status != 200:
            self.faults.append(page.strip())
        if "started" not in name and "ahead" not in name.split(" from ")[0]:
            await self._fetch()
        self.faults[known:] = [f"{name}: {fault}" for fault in self.faults[known:]]

    async def _watch_idle(self) -> None:
        """Ticks of a second, long enough for a sweep that a jump makes due; an idle relay takes no time.

        The median of short slices: a timer that is always due spins in all of them. Single slices cost an
        honest relay much on a machine that has taken its idle pages back, in the kernel, which fetches them.
        """
        used_s = [_cpu_s(self.relay.pid)]
        for _ in range(_SLICES):
            await asyncio.sleep(self.watch_s / _SLICES)
            used_s.append(_cpu_s(self.relay.pid))
        share = median(after - before for before, after in pairwise(used_s)) * _SLICES / self.watch_s
        self.busiest = max(self.busiest, share)
        if share > _IDLE_SHARE:
            self.faults.append(f"idle, it takes {share:.0%} of a processor")

    async def _fetch(self) -> None:
        """Prekeys that are in force by a right clock are handed out, one-time keys among them."""
        company = self._company
        async with self._peer() as peer:
            answer = await peer.ask(
                PrekeysFetch(peer.next_id(), company.account_id, company.record_hash, company.front_token)
            )
        if isinstance(answer, PrekeysBundle) and answer.one_time_x25519 and answer.one_time_kem:
            self.keys += 1
        else:
            self.faults.append(f"no one-time keys: {_name(answer)}")

    async def _read_all(self) -> None:
        found = await self._read(self._held, acknowledged=True)
        self.delivered = len(found)
        if {one.msg_id for one in found} != self._sent:
            self.faults.append("at the end: what is delivered is not what was confirmed")

    async def _read(self, owner: Owner, *, acknowledged: bool) -> list[Message]:
        """What a mailbox holds; nothing if it is gone."""
        found = list[Message]()
        async with self._peer() as peer:
            if getattr(await peer.ask(owner.auth(peer)), "refused", None) != ():
                self.faults.append("a mailbox is gone")
                return found
            await owner.subscribe(peer)
            await peer.push(QueueEmpty)
            found = [one for one in peer.pushes if isinstance(one, Message)]
            if acknowledged and found:
                await owner.ack(peer, *found)
        return found


def _name(answer: Frame) -> str:
    code = getattr(answer, "code", None)
    return type(answer).__name__ if code is None else str(code)


def _cpu_s(pid: int) -> float:
    """Processor time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
