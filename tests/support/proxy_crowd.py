"""Clients of one run behind a proxy: one address that floods, newcomers from addresses of their own.

    python tests/support/proxy_crowd.py URL CHAIN SECONDS FLOOD   (in the network of the clients)

Prints JSON: milliseconds of each newcomer who got a message confirmed, how many did not, what the flood did.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import ssl
import statistics
import sys
import time
from collections import Counter
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from relay_actors import Owner, Peer, SocketLink
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

FLOODER: Final = "10.77.0.200"
NEWCOMERS: Final = tuple(f"10.77.0.{last}" for last in range(101, 121))
LIMIT_S: Final = 10.0
_HANDSHAKES_AT_ONCE: Final = 40
_SILENT: Final = 4_000


class Flood:
    """One address that opens connections as fast as it can: half of them say nothing, half begin TLS."""

    def __init__(self, host: str, port: int) -> None:
        self._at = host, port
        self._silent: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.counts: Counter[str] = Counter()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._hold())]
        self._tasks += [asyncio.create_task(self._shake_hands()) for _ in range(_HANDSHAKES_AT_ONCE)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._silent:
            one.close()

    async def _hold(self) -> None:
        """Open connections that say nothing, and replace those that were cut off."""
        loop = asyncio.get_running_loop()
        while True:
            one = socket.socket()
            one.setblocking(False)
            one.bind((FLOODER, 0))
            try:
                async with asyncio.timeout(0.2):
                    await loop.sock_connect(one, self._at)
            except OSError:
                one.close()
                self.counts["connections refused"] += 1
                await asyncio.sleep(0.001)
                continue
            self.counts["connections opened"] += 1
            self._silent.append(one)
            if len(self._silent) > _SILENT:
                self._silent.pop(0).close()

    async def _shake_hands(self) -> None:
        """Carry out TLS handshakes and leave."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        while True:
            try:
                async with asyncio.timeout(2):
                    _, writer = await asyncio.open_connection(*self._at, ssl=context, local_addr=(FLOODER, 0))
                self.counts["handshakes"] += 1
                writer.transport.abort()
            except OSError:
                self.counts["handshakes refused"] += 1
                await asyncio.sleep(0.005)


async def arrive(url: str, context: ssl.SSLContext, address: str) -> float:
    """Come from an address, make a mailbox and have a message confirmed; return the milliseconds."""
    begun = time.monotonic()
    async with connect(url, ssl=context, compression=None, local_addr=(address, 0)) as client:
        peer, owner = await Peer(SocketLink(client), timeout_s=LIMIT_S).greet(), Owner()
        await owner.set_up(peer)
        results = await peer.send(owner.item(bytes(1000)))
    if results[0].code != 0:
        raise ConnectionError("not confirmed")
    return (time.monotonic() - begun) * 1000


async def newcomers(url: str, context: ssl.SSLContext, most_s: float) -> list[float]:
    """Have newcomers arrive evenly over a time; return the times of those who got through in time."""

    async def one(place: int, address: str) -> float | None:
        await asyncio.sleep(place * most_s / len(NEWCOMERS))
        with suppress(OSError, WebSocketException, EOFError, ValueError):
            async with asyncio.timeout(LIMIT_S):
                return await arrive(url, context, address)
        return None

    taken = await asyncio.gather(*(one(place, address) for place, address in enumerate(NEWCOMERS)))
    return [one for one in taken if one is not None]


async def main(url: str, chain: str, seconds: float, floods: bool) -> dict[str, object]:
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=chain)
    flood = Flood(str(parts.hostname), parts.port or 443)
    if floods:
        flood.start()
        await asyncio.sleep(2)
    begun = time.monotonic()
    before = Counter(flood.counts)
    taken = await newcomers(url, context, seconds)
    done_s = time.monotonic() - begun
    counts = flood.counts - before
    await flood.stop()
    return {
        "through": len(taken),
        "of": len(NEWCOMERS),
        "median ms": round(statistics.median(taken)) if taken else None,
        "slowest ms": round(max(taken)) if taken else None,
        "flood per second": {name: round(count / done_s) for name, count in sorted(counts.items())},
    }


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4] == "flood"))))
