"""Attackers of one kind, as fast as they can, from a process of their own that gets only what is left over.

    python tests/support/abuse_crowd.py PORT NAME [--copies N] [--tls]

For each line of its input, a number of seconds, it attacks so long and answers with a line of JSON: what it
has done (connections, bytes). Every attack of ATTACKS is one client that goes on until the time is over and
begins anew where it is cut off. The process runs when neither the relay nor its users want the processor
(SCHED_IDLE, elsewhere priority 19): attackers have machines of their own, and what theirs costs is not what
the relay has to answer for. That an attack was one is told by its counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

import cbor2  # noqa: E402
from e2ee_relay.protocol import Ack, Ping, Publish, encode_frames  # noqa: E402
from frame_sessions import peer_of  # noqa: E402
from raw_websocket import BINARY, CONTINUATION, PING, PONG, RawWebSocket, frame  # noqa: E402
from relay_actors import Owner  # noqa: E402

Attack = Callable[[int, float], Awaitable[None]]
_MIB: Final = 1 << 20
_DONE: Final[Counter[str]] = Counter()


class Attacker(RawWebSocket):
    """Counts what it does; speaks TLS where `tls` is set, for all of them."""

    tls: ssl.SSLContext | None = None

    @classmethod
    async def connect(cls, port: int) -> RawWebSocket:
        """Connect without a handshake of WebSocket."""
        socket = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=cls.tls))
        _DONE["connections"] += 1
        return socket

    async def write(self, data: bytes) -> bool:
        """Write and count."""
        _DONE["bytes"] += len(data)
        return await super().write(data)


async def flood(port: int, until: float, data: bytes, *, reads: bool = True) -> None:
    """Write the same bytes over and over on one connection."""
    socket = await Attacker.greet(port)
    if not reads:
        socket.stop_reading()
    drain = asyncio.create_task(_drain(socket)) if reads else None
    try:
        async with asyncio.timeout(until - time.monotonic()):
            while await socket.write(data):  # noqa: ASYNC110  # gives way to the other attackers
                await asyncio.sleep(0)
    except TimeoutError:
        pass
    finally:
        if drain is not None:
            drain.cancel()
        socket.abort()


async def _drain(socket: RawWebSocket) -> None:
    """Read and forget."""
    while await socket.reader.read(1 << 16):
        pass


def flooding(data: Callable[[], bytes], *, reads: bool = True) -> Attack:
    async def attack(port: int, until: float) -> None:
        await flood(port, until, data(), reads=reads)

    return attack


def requests(count: int) -> bytes:
    return frame(BINARY, encode_frames([Ping(number + 1) for number in range(count)]))


def entries() -> bytes:
    """Publications with lists that are none: as much to check as a message holds."""
    lists = tuple(cbor2.dumps([os.urandom(400), os.urandom(64)]) for _ in range(64))
    return frame(BINARY, encode_frames([Publish(7, os.urandom(32), lists, (), ()) for _ in range(20)]))


async def connections(port: int, until: float) -> None:
    """Connect, and say nothing; keep up to fifty."""
    kept: list[RawWebSocket] = []
    while time.monotonic() < until:
        kept.append(await Attacker.connect(port))
        if len(kept) > 50:
            kept.pop(0).abort()
    for one in kept:
        one.abort()


async def handshakes(port: int, until: float) -> None:
    """Whole handshakes, one after the other."""
    while time.monotonic() < until:
        (await Attacker.greet(port)).abort()


def client_hello() -> bytes:
    """The first bytes of a client that wants TLS."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="relay.test")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise RuntimeError("a handshake with nobody")


async def hellos(port: int, until: float) -> None:
    """Have the relay sign for TLS, and leave: it costs the attacker next to nothing."""
    hello = client_hello()
    while time.monotonic() < until:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        _DONE["connections"] += 1
        _DONE["bytes"] += len(hello)
        writer.write(hello)
        await reader.read(1)
        writer.transport.abort()


async def slow(port: int, until: float) -> None:
    """A hundred connections that send a big frame byte by byte."""
    sockets = [await Attacker.greet(port) for _ in range(100)]
    for one in sockets:
        await one.write(frame(BINARY, claimed_b=_MIB))
    while time.monotonic() < until:
        for one in sockets:
            await one.write(b"\x00")
        await asyncio.sleep(0.05)
    for one in sockets:
        one.abort()


async def giants(port: int, until: float) -> None:
    """Messages of 1 MiB that are none, and frames that claim more than may be."""
    while time.monotonic() < until:
        socket = await Attacker.greet(port)
        await socket.write(frame(BINARY, b"\x81" + bytes(_MIB - 1)))
        await socket.write(frame(BINARY, claimed_b=1 << 40))
        await socket.listen(0.5)
        socket.abort()


async def acknowledgements(port: int, until: float) -> None:
    """An owner who acknowledges what was never sent, as many as a request holds."""
    owner, peer = Owner(), await peer_of(port)
    await owner.set_up(peer)
    message = encode_frames([Ack(number + 1, owner.mailbox, tuple(range(1, 1000))) for number in range(16)])
    draining = asyncio.create_task(_take(peer.link))
    while time.monotonic() < until:
        _DONE["bytes"] += len(message)
        await peer.link.send_bytes(message)
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    await peer.link.close()


async def _take(link: object) -> None:
    while True:
        await link.receive_bytes()  # type: ignore[attr-defined]  # a Link


ATTACKS: Final[dict[str, Attack]] = {
    "connections that say nothing": connections,
    "handshakes": handshakes,
    "slow senders": slow,
    "giant messages": giants,
    "tiny fragments": flooding(
        lambda: frame(BINARY, b"\x81", fin=False) + frame(CONTINUATION, fin=False) * 4000
    ),
    "pings": flooding(lambda: frame(PING) * 40_000),
    "pings, never reading": flooding(lambda: frame(PING, b"p" * 125) * 2_000, reads=False),
    "pongs": flooding(lambda: frame(PONG) * 40_000),
    "requests": flooding(lambda: requests(512)),
    "requests, never reading": flooding(lambda: requests(512), reads=False),
    "entries that are none": flooding(entries),
    "acknowledgements of nothing": acknowledgements,
    "hellos of TLS": hellos,
}


async def again_and_again(attack: Attack, port: int, until: float) -> None:
    """Begin anew where the relay has cut an attacker off."""
    while time.monotonic() < until:
        try:
            await attack(port, until)
        except (ConnectionError, EOFError, TimeoutError, OSError):
            await asyncio.sleep(0.01)


async def crowd(port: int, name: str, seconds: float, copies: int) -> dict[str, int]:
    """Attack for so long; return what was done."""
    _DONE.clear()
    until = time.monotonic() + seconds
    await asyncio.gather(*(again_and_again(ATTACKS[name], port, until) for _ in range(copies)))
    return dict(_DONE)


def only_what_is_left() -> None:
    """Leave the processor to everybody else."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)


def main() -> None:
    parser = argparse.ArgumentParser(description="A crowd of attackers.")
    parser.add_argument("port", type=int)
    parser.add_argument("name", choices=ATTACKS)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--tls", action="store_true", help="speak TLS, whatever the certificate says")
    options = parser.parse_args()
    if options.tls:
        Attacker.tls = ssl.create_default_context()
        Attacker.tls.check_hostname, Attacker.tls.verify_mode = False, ssl.CERT_NONE
    only_what_is_left()
    for line in sys.stdin:
        done = asyncio.run(crowd(options.port, options.name, float(line), options.copies))
        sys.stdout.write(json.dumps(done) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
