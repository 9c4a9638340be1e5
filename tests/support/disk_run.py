"""A real relay on a real small disk (tmpfs) that fills: by its own messages, then by somebody else's file."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from e2ee_relay.protocol import (
    Ack,
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    Message,
    QueueEmpty,
    Subscribe,
)
from relay_actors import Owner, Peer, SocketLink
from relay_process import RelayProcess
from websockets.asyncio.client import connect

DISK_B: Final = 48 << 20
RESERVE_B: Final = 16 << 20
_BODY_B: Final = 60_000
_AT_ONCE: Final = 8
_PATIENCE_S: Final = 30.0
SETTINGS: Final = (
    "contact_messages=1000000/1000000",
    "contact_b=1000000000000/1000000000",
    "mailbox_messages=1000000/1000000",
    "mailbox_b=1000000000000/1000000000",
    "quota_messages=100000",
    "quota_b=1000000000",
    "window_messages=100000",
    "window_b=6291456",
)


@contextmanager
def small_disk(folder: Path, size_b: int = DISK_B) -> Iterator[Path]:
    """Mount a tmpfs of this size.

    Raises:
        PermissionError: that is not allowed here.
    """
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_b}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True)
    if mounted.returncode:
        raise PermissionError(mounted.stderr.decode().strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class StuckError(Exception):
    """Owners cannot delete: nothing will make room any more, and the run ends."""


@dataclass
class DiskRun:
    """One relay through a disk that fills twice; `faults` are sentences about what must not be."""

    disk: Path
    log: Path
    reserve_b: int = RESERVE_B
    faults: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    figures: dict[str, int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.relay = RelayProcess(self.disk / "relay", f"disk_reserve_b={self.reserve_b}", *SETTINGS)
        # On a full disk of its own the log would be lost.
        self.relay.log_path = self.log
        self._owner = Owner()
        self._confirmed: dict[bytes, bytes] = {}
        self._may_be_gone: set[bytes] = set()

    async def run(self) -> None:
        """Fill, delete, fill by a stranger, make room, crash on the reserve, and read everything."""
        await asyncio.to_thread(self.relay.start)
        try:
            async with self._peer() as peer:
                await self._owner.set_up(peer)
            await self._until("the disk fills", ErrorCode.UNAVAILABLE)
            self.figures["confirmed until the reserve"] = len(self._confirmed)
            self.figures["left on the disk, KiB"] = self._free_b() >> 10
            await self._at_the_reserve()
            await self._until("room was made by deletions", ErrorCode.OK)
            await self._until("the disk fills again", ErrorCode.UNAVAILABLE)
            await self._without_any_room()
            await asyncio.to_thread(self.relay.restart)
            await self._read_all()
        except StuckError:
            return
        finally:
            await asyncio.to_thread(self.relay.kill)

    @asynccontextmanager
    async def _peer(self) -> AsyncIterator[Peer]:
        async with connect(self.relay.url, compression=None, max_size=1 << 20, close_timeout=1) as socket:
            yield await Peer(SocketLink(socket), timeout_s=_PATIENCE_S).greet()

    async def _until(self, what: str, awaited: ErrorCode) -> None:
        """Send until an item gets that answer, which has to come."""
        deadline = time.monotonic() + _PATIENCE_S
        async with self._peer() as peer:
            while time.monotonic() < deadline:
                codes = await self._send(peer)
                if awaited in codes:
                    return
                await asyncio.sleep(0.2 if ErrorCode.UNAVAILABLE in codes else 0)
        self.faults.append(f"{what}: no answer {awaited.name} in {_PATIENCE_S:.0f} s")

    async def _send(self, peer: Peer) -> set[ErrorCode]:
        items = [self._owner.item(os.urandom(_BODY_B)) for _ in range(_AT_ONCE)]
        results = await peer.send(*items)
        for item, result in zip(items, results, strict=True):
            self.answers[result.code.name] += 1
            if result.code is ErrorCode.OK:
                self._confirmed[item.msg_id] = item.body
            elif result.code is not ErrorCode.UNAVAILABLE or not result.retry_after_ms:
                self.faults.append(f"a message was answered {result.code.name}, {result.retry_after_ms} ms")
        return {result.code for result in results}

    async def _at_the_reserve(self) -> None:
        """Nothing is added, readiness says so, reading and deleting go on."""
        await self._ready("at the reserve", 503, "no room")
        async with self._peer() as peer:
            other = Owner()
            request: KnownFrame = CreateMailbox(peer.next_id(), other.mailbox, other.owner_pub)
            self._refused("CREATE at the reserve", await peer.ask(request))
        # Half of what is held: more than the reserve's quarter.
        await self._read(len(self._confirmed) // 2, delete=True)

    async def _without_any_room(self) -> None:
        """Somebody else takes the reserve: changes are refused, reading goes on; then the file goes."""
        filler = self.disk / "filler"
        fill(filler)
        async with self._peer() as peer:
            if ErrorCode.OK in await self._send(peer):
                self.faults.append("without any room: a message was confirmed")
        await self._ready("without any room", 503, "")
        held = await self._read(20, delete=False)
        if not held:
            self.faults.append("without any room: nothing is delivered")
        filler.unlink()
        await self._read(20, delete=True)
        self.figures["held when the relay was killed on its reserve"] = len(self._owed())

    async def _read(self, count: int, *, delete: bool) -> list[Message]:
        """Take so many of what is held, and perhaps delete it."""
        async with self._peer() as peer:
            await self._owner.prove(peer)
            await peer.expect(Done, Subscribe(peer.next_id(), (self._owner.mailbox,)))
            taken = list[Message]()
            while len(taken) < min(count, len(self._owed())):
                one = await peer.push(Message)
                taken.append(one)
                if self._confirmed.get(one.msg_id) != one.body and one.msg_id in self._confirmed:
                    self.faults.append("a message has another content")
                if delete:
                    await self._delete(peer, one)
        return taken

    async def _delete(self, peer: Peer, message: Message) -> None:
        self._may_be_gone.add(message.msg_id)
        answer = await peer.ask(Ack(peer.next_id(), self._owner.mailbox, (message.seq,)))
        self.answers["deleted" if isinstance(answer, Done) else "deletion refused"] += 1
        if not isinstance(answer, Done):
            self.faults.append(f"a deletion was answered {getattr(answer, 'code', answer)}")
            raise StuckError

    def _owed(self) -> set[bytes]:
        return self._confirmed.keys() - self._may_be_gone

    async def _read_all(self) -> None:
        """Everything that was confirmed and not deleted is there, also after a crash on the reserve."""
        found: dict[bytes, bytes] = {}
        owed = self._owed()
        async with self._peer() as peer:
            await self._owner.prove(peer)
            await peer.expect(Done, Subscribe(peer.next_id(), (self._owner.mailbox,)))
            while not any(isinstance(one, QueueEmpty) for one in peer.pushes):
                messages = [one for one in peer.pushes if isinstance(one, Message)]
                peer.pushes = [one for one in peer.pushes if not isinstance(one, Message)]
                found.update({one.msg_id: one.body for one in messages})
                for one in messages:
                    await self._delete(peer, one)
                if not peer.pushes:
                    await peer.pump()
            found.update({one.msg_id: one.body for one in peer.pushes if isinstance(one, Message)})
        lost = [one for one in owed if found.get(one) != self._confirmed[one]]
        self.figures["confirmed"], self.figures["lost"] = len(self._confirmed), len(lost)
        if lost:
            self.faults.append(f"{len(lost)} confirmed messages are lost")

    def _refused(self, what: str, answer: object) -> None:
        if not isinstance(answer, ErrorReply) or answer.code is not ErrorCode.UNAVAILABLE:
            self.faults.append(f"{what} was answered {answer}")

    async def _ready(self, when: str, status: int, word: str) -> None:
        found, page = await asyncio.to_thread(self.relay.get, "/readyz")
        if found != status or word not in page:
            self.faults.append(f"{when}: /readyz says {found} {page.strip()}")

    def _free_b(self) -> int:
        disk = os.statvfs(self.disk)
        return disk.f_bavail * disk.f_frsize


def fill(path: Path) -> None:
    """Write until the disk has no room."""
    with path.open("wb", buffering=0) as filler:
        for size_b in (1 << 20, 1 << 12):
            try:
                while filler.write(bytes(size_b)) == size_b:
                    pass
            except OSError:
                continue
