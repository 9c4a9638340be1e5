"""Commands for files in rooms: send one, save one, with a bar of how far it is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from e2ee_client import Client
from e2ee_client.errors import FileMissing
from e2ee_client.room_events import FileProgress
from e2ee_client.rooms import Entry, Room

from .failures import Refused
from .fetching import when_fetched
from .handing_over import hand_over
from .neutral import neutral
from .room_addressing import find_room
from .room_lines import entry_json
from .session import Session, Work

T = TypeVar("T")
_WIDTH: Final = 30
_LOOKED_AT: Final = 500
_LEAST_DIGITS: Final = 4


def send_file(session: Session) -> Work:
    """Send a file, and wait until the room has it."""
    options = session.options

    async def act(client: Client) -> None:
        room = find_room(client, options.room)
        async with _shown(session, client):
            # What is not sealed is not kept; a source that hangs is given up (FIL-28).
            sent = await room.start_file(
                options.path, name=options.name, strip_metadata=options.strip_metadata
            )
            entry = await _in_time(session, sent.wait())
        await hand_over(session, client, room)
        if options.json:
            session.terminal.json(entry_json(entry))
        else:
            name = "" if entry.file is None else entry.file.name
            session.say("file.sent", file=neutral(name), entry=entry.hash.hex()[:8])

    return when_fetched(session, act)


def save(session: Session) -> Work:
    """Save the file of an entry to a folder."""
    options = session.options

    async def act(client: Client) -> None:
        entry = await _find_file(find_room(client, options.room), options.entry)
        async with _shown(session, client):
            path = await _in_time(session, entry.save(options.folder))
        await hand_over(session, client, entry.room)
        session.result("file.saved", {"path": str(path), "entry": entry.hash.hex()}, path=neutral(str(path)))

    return when_fetched(session, act)


async def _find_file(room: Room, wanted: str) -> Entry:
    """Return the entry of a file by the beginning of its hash; `-` is the newest one.

    Raises:
        FileMissing: none begins so.
    """
    digits = "" if wanted.strip() == "-" else wanted.strip().lower()
    if digits and len(digits) < _LEAST_DIGITS:
        raise FileMissing("at least four digits name a file")
    for entry in reversed(await room.history(limit=_LOOKED_AT)):
        if entry.file is not None and entry.hash.hex().startswith(digits):
            return entry
    raise FileMissing("no such file")


async def _in_time(session: Session, work: Awaitable[T]) -> T:
    """Wait for a file.

    Raises:
        Refused: send.file_kept, not in time; it goes on when the device is online again.
    """
    try:
        async with asyncio.timeout(session.options.timeout):
            return await work
    except TimeoutError:
        raise Refused("send.file_kept") from None


@asynccontextmanager
async def _shown(session: Session, client: Client) -> AsyncIterator[None]:
    """Show with a bar how far a file is."""
    bar = asyncio.create_task(_bar(client)) if sys.stderr.isatty() and not session.options.json else None
    try:
        yield
    finally:
        if bar is not None:
            bar.cancel()
            await asyncio.wait([bar])
            sys.stderr.write("\r" + " " * (_WIDTH + 8) + "\r")


async def _bar(client: Client) -> None:
    async for event in client.events():
        if isinstance(event, FileProgress):
            sys.stderr.write("\r" + bar_of(event.done_b, event.size_b))
            sys.stderr.flush()


def bar_of(done_b: int, size_b: int) -> str:
    """Return a bar of ASCII, with the percentage behind it."""
    share = done_b / max(1, size_b)
    filled = int(share * _WIDTH)
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {int(share * 100):3} %"
