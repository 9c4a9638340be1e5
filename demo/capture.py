"""What the network sees: a packet capture of the loopback interface, put together to byte streams (LKG-11).

The capture is made and read by `tshark` (Debian: tshark) and needs the rights to capture. The streams hold
what TCP carries, before any encryption of a transport is added: the demonstration's relay has no TLS, so
nothing but the protocol itself protects what is in them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Final

from .scan import ScanRefused

_BEGIN_S: Final = 15.0
_KNOCK_S: Final = 0.2
_FIELDS: Final = ("tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.payload")


def why_not() -> str:
    """Return why nothing can be captured here, or nothing."""
    if shutil.which("tshark") is None:
        return "tshark is not installed (Debian: apt install tshark)"
    if os.geteuid() != 0:
        return "capturing packets needs root"
    return ""


class Capture:
    """A capture of all TCP connections to some ports of this machine."""

    def __init__(self, file: Path, ports: list[int]) -> None:
        self._file = file
        self._ports = ports
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Begin, and return when packets are kept.

        Raises:
            ScanRefused: it does not begin.
        """
        wanted = " or ".join(f"tcp port {port}" for port in self._ports)
        self._process = await asyncio.create_subprocess_exec(
            *("tshark", "-q", "-i", "lo", "-f", wanted, "-w", str(self._file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_BEGIN_S):
                await self._knock_until_heard()
        except TimeoutError:
            await self._end()
            raise ScanRefused("tshark does not begin to capture") from None

    async def _knock_until_heard(self) -> None:
        for _ in range(round(_BEGIN_S / _KNOCK_S)):
            if await self._keeps_packets():
                return
            await asyncio.sleep(_KNOCK_S)
        raise TimeoutError

    async def _keeps_packets(self) -> bool:
        """Knock at a port; tell whether a packet of an earlier knock stands in the file."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._ports[0])
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return self._file.exists() and self._file.stat().st_size > 1_000

    async def stop(self) -> list[tuple[str, bytes]]:
        """End the capture; return each direction of each connection by name.

        Raises:
            ScanRefused: the file cannot be read.
        """
        await self._end()
        return await asyncio.to_thread(streams, self._file)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()


def streams(file: Path) -> list[tuple[str, bytes]]:
    """Put a capture together.

    Raises:
        ScanRefused: it cannot be read.
    """
    columns = [word for name in _FIELDS for word in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-r", str(file), "-Y", "tcp.len > 0", "-T", "fields", *columns],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ScanRefused("tshark cannot read its capture")
    parts: dict[tuple[str, str, str], dict[int, bytes]] = defaultdict(dict)
    for line in done.stdout.splitlines():
        stream, source, target, number, payload = line.split("\t")
        # A segment that was sent again has the same number.
        parts[stream, source, target].setdefault(int(number), bytes.fromhex(payload))
    return [
        (f"connection {stream}, port {source} to {target}", _joined(segments))
        for (stream, source, target), segments in parts.items()
    ]


def _joined(segments: dict[int, bytes]) -> bytes:
    first = next(iter(segments))
    ordered = sorted(segments, key=lambda number: (number - first) % 2**32)
    return b"".join(segments[number] for number in ordered)
