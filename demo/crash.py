"""A relay is made to fail with a real message in hand, at each place that a message passes (LKG-10)."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from e2ee_relay.logs import Event
from e2ee_relay.protocol import CreateMailbox, Send, SendItem, encode_frames
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from .crashing_relay import CARELESS, PLACES
from .encodings import Pattern, patterns_of_key
from .processes import Relay

_FAILS_S: Final = 10.0
_LOOKS_S: Final = 0.1


async def crash_everywhere(folder: Path, item: SendItem, *, careless: bool = False) -> dict[str, str]:
    """Crash one relay for each place; return what each logged. Output and files stay below the folder."""
    logs = await asyncio.gather(*(_crash(folder / one, one, item, careless=careless) for one in PLACES))
    return dict(zip(PLACES, logs, strict=True))


async def _crash(folder: Path, place: str, item: SendItem, *, careless: bool) -> str:
    relay = Relay(folder, module="demo.crashing_relay", before=(place + (CARELESS if careless else ""),))
    await relay.start()
    try:
        with suppress(ConnectionClosed):
            async with connect(relay.url, compression=None, close_timeout=1) as socket:
                await socket.recv()
                await socket.send(encode_frames([Send(1, (item,))]))
                # An answer to this one passes the store and what follows a commit.
                create = CreateMailbox(2, secrets.token_bytes(16), secrets.token_bytes(32))
                await socket.send(encode_frames([create]))
                await asyncio.sleep(_LOOKS_S)
        await _has_failed(folder / "relay.log")
    finally:
        await relay.kill()
    return _written(folder)


def _written(folder: Path) -> str:
    return (folder / "relay.log").read_text() + (folder / "relay.out").read_text()


def _tells_of_failure(log: Path) -> bool:
    return Event.INTERNAL_ERROR.value in log.read_text()


async def _has_failed(log: Path) -> None:
    """Wait until the failure is reported, and a little longer: what else it says belongs to the evidence."""
    for _ in range(round(_FAILS_S / _LOOKS_S)):
        if _tells_of_failure(log):
            break
        await asyncio.sleep(_LOOKS_S)
    await asyncio.sleep(_LOOKS_S)


def patterns_of_item(item: SendItem) -> list[Pattern]:
    """What of a message must not be told: where it goes, by which right, and its sealed bytes."""
    parts = {
        "mailbox in hand": item.mailbox,
        "token in hand": item.token,
        "message id in hand": item.msg_id,
        "end of the envelope in hand": item.body[-16:],
    }
    found = [pattern for name, value in parts.items() for pattern in patterns_of_key(name, value)]
    return found + [
        Pattern(name, "as Python shows it", repr(value)[2:-1].encode()) for name, value in parts.items()
    ]
