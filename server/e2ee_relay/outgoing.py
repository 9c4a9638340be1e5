"""What leaves a connection: frames collect, leave as one message, and wait for room in the transport."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from websockets.frames import Frame, Opcode

from .address_limits import Shares
from .cbor import MAX_MESSAGE_B
from .frames import MAX_FRAMES, array_head

# An array head is at most three bytes.
_ROOM_B: Final = MAX_MESSAGE_B - 3
# More than both windows of a connection together: whoever lets so much pile up does not read.
MAX_WAITING_B: Final = 8 << 20
# It counts in steps of so much.
_STEP_B: Final = 1 << 17
# TLS encrypts all that it is given at once, and does not tell how much of it has gone out: it gets a little.
_WRITE_B: Final = 64 << 10
# Two pings: what waits keeps those from going out that would notice a dead client (RLY-71).
STALLED_S: Final = 50.0
# How long the answers that nobody waits for wait for others (RLY-161).
DELAY_S: Final = 0.045
# More would make a pass of the event loop long (RLY-149).
_AT_ONCE: Final = 128


class Flusher:
    """Writes what connections have collected: at the end of a pass of the event loop, or a while later."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._now: deque[Outgoing] = deque()
        self._delayed: deque[Outgoing] = deque()

    def add(self, one: Outgoing) -> None:
        """Flush at the end of this pass."""
        if not self._now:
            self._loop.call_soon(self._flush)
        self._now.append(one)

    def add_delayed(self, one: Outgoing) -> None:
        """Flush within DELAY_S."""
        if not self._delayed:
            self._loop.call_later(DELAY_S, self._flush_delayed)
        self._delayed.append(one)

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call in the next pass."""
        self._loop.call_soon(call)

    def _flush(self) -> None:
        leaving, self._now = self._now, deque()
        self._write(leaving, Outgoing.flush)

    def _flush_delayed(self) -> None:
        leaving, self._delayed = self._delayed, deque()
        self._write(leaving, Outgoing.flush_delayed)

    def _write(self, leaving: deque[Outgoing], flush: Callable[[Outgoing], None]) -> None:
        """Write some, the others in the next pass.

        A mistake of ours with one is reported by the event loop, and the others are written all the same.
        """
        try:
            for _ in range(min(len(leaving), _AT_ONCE)):
                flush(leaving.popleft())
        finally:
            if leaving:
                self._loop.call_soon(self._write, leaving, flush)


@dataclass(slots=True, eq=False, repr=False)
class Outgoing:
    """Frames and bytes that wait for the transport of one connection."""

    _flusher: Flusher
    _transport: asyncio.Transport | None
    _frames: list[bytes] = field(default_factory=list[bytes])
    _frames_b: int = 0
    _unsent: bytearray | None = None  # what waits for room; None: nothing, and the transport has room
    _stalled_b: int = 0
    _stalled_s: float = 0.0
    _counted_b: int = 0
    _is_flushing: bool = False
    _is_delayed: bool = False
    _has_ended: bool = False
    is_full: bool = False
    closes_at_end: bool = False  # the other side has ended, or TLS knows no end of one direction

    def put(self, frame: bytes, *, can_wait: bool = False) -> None:
        """Queue an encoded frame; it leaves at the end of the pass, or with one that does."""
        if self._frames_b + len(frame) > _ROOM_B or len(self._frames) >= MAX_FRAMES:
            self._close_message()
        self._frames.append(frame)
        self._frames_b += len(frame)
        if not can_wait:
            if not self._is_flushing:
                self._is_flushing = True
                self._flusher.add(self)
        elif not self._is_delayed:
            self._is_delayed = True
            self._flusher.add_delayed(self)

    def flush(self) -> None:
        """Write what has collected."""
        self._is_flushing = False
        if self._frames:
            self._close_message()

    def flush_delayed(self) -> None:
        """Write the frames that no other has taken along."""
        self._is_delayed = False
        if self._frames:
            self._close_message()

    def _close_message(self) -> None:
        frames, self._frames, self._frames_b = self._frames, [], 0
        frames.insert(0, array_head(len(frames)))
        # As the library's send_binary does, but also while its close frame waits for this one to go first.
        self.write(Frame(Opcode.BINARY, b"".join(frames)).serialize(mask=False))

    def write(self, data: bytes) -> None:
        """Write bytes, or let them wait for room behind those that do."""
        if self._transport is None:
            return
        if self._unsent is None and not self.is_full and len(data) <= _WRITE_B:
            self._transport.write(data)
            return
        if self._unsent is None:
            self._unsent = bytearray()
        self._unsent += data
        self._write_on()

    def end(self) -> None:
        """Close this direction, or the connection, once everything is written."""
        self._has_ended = True
        if self._unsent is None:
            self._say_end()

    def has_no_room(self, now_s: float) -> None:
        """Let everything wait: the transport is full."""
        self.is_full = True
        self._stalled_b, self._stalled_s = self.handed_over_b, now_s

    def count(self, shares: Shares, ticket: bytes) -> bool:
        """Count what waits for who does not read; False: that is too much (RLY-71, RLY-184)."""
        more_b = self.waiting_b - self._counted_b
        if more_b > 0:
            more_b = max(more_b, _STEP_B)
            if self._counted_b + more_b > MAX_WAITING_B or not shares.take(ticket, more_b):
                return False
            self._counted_b += more_b
        return True

    def count_none(self, shares: Shares, ticket: bytes) -> None:
        """Count nothing any more: there is room, or the connection is lost."""
        if self._counted_b:
            shares.give_back(ticket, self._counted_b)
            self._counted_b = 0

    def is_stalled(self, now_s: float) -> bool:
        """Tell whether nothing has gone out for STALLED_S of what the transport has (RLY-71)."""
        if not self.is_full:
            return False
        waiting_b = self.handed_over_b
        if waiting_b < self._stalled_b:
            self._stalled_b, self._stalled_s = waiting_b, now_s
        return now_s - self._stalled_s >= STALLED_S

    def has_room(self) -> None:
        """Go on: the transport has room again."""
        self.is_full = False
        self._write_on()

    def clear(self) -> None:
        """Forget everything: the connection is lost."""
        self._transport = self._unsent = None
        self._frames = []

    @property
    def waiting_b(self) -> int:
        """How much waits to be written, in the transport too."""
        unsent_b = 0 if self._unsent is None else len(self._unsent)
        return self._frames_b + unsent_b + self.handed_over_b

    @property
    def handed_over_b(self) -> int:
        """How much of it the transport has."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _write_on(self) -> None:
        """Write until the transport is full, which it says by pause_writing within `write`."""
        if self._unsent is None or self._transport is None:
            return
        place = 0
        while place < len(self._unsent) and not self.is_full:
            self._transport.write(bytes(self._unsent[place : place + _WRITE_B]))
            place += _WRITE_B
        del self._unsent[:place]
        if not self._unsent:
            self._unsent = None
            if self._has_ended:
                # Later: asyncio is in the midst of writing where it says that there is room.
                self._flusher.call_soon(self._say_end)

    def _say_end(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self.closes_at_end or not self._transport.can_write_eof():
            self._transport.close()
            return
        # The other end may have gone meanwhile; that is told by connection_lost.
        with suppress(OSError):
            self._transport.write_eof()
