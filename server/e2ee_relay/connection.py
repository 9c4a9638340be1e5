"""One client's WebSocket: the library's, with messages carried out as they come and a bound on what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from websockets.asyncio.server import Server, ServerConnection
from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Event, State
from websockets.server import ServerProtocol

from .inlet import Inlet
from .protocol import MAX_MESSAGE_B
from .turns import Share, Turns

try:
    from websockets.speedups import apply_mask
except ImportError:  # the library compiles it where it can
    from websockets.utils import apply_mask

# More than both windows of a connection together: whoever lets so much pile up does not read.
_MAX_BUFFERED_B: Final = 8 << 20
# So much of what waits goes to the transport in one pass: TLS encrypts all that it is given at once.
_WRITE_B: Final = 128 << 10
# Two of the library's pings. It cannot send any where nothing goes out.
STALLED_S: Final = 50.0
_READ_B: Final = 64 << 10
# So many messages are cut in one go: even the smallest take no longer than a fifth of a millisecond.
_CUTS: Final = 64
# An opening handshake is parsed in parts of so much.
_REQUEST_B: Final = 1 << 10
_REQUEST_END: Final = b"\r\n\r\n"
# The longest head of a frame, without its mask.
_HEAD_B: Final = 10
_BINARY: Final = 0x80 | Opcode.BINARY
_DATA: Final = frozenset((Opcode.BINARY, Opcode.TEXT, Opcode.CONT))
# Of one message; they may be empty, so that their sum is no bound.
_MOST_FRAGMENTS: Final = 1024
# Stands for the opening handshake once it is over: the headers of 5 000 connections are 15 MB.
_FORGOTTEN: Final = Request("/", Headers())

# Carries out a message in pieces, between which others come.
Take: TypeAlias = Callable[[bytes], Iterator[None]]


class _Gone(asyncio.Transport):
    """Stands for the transport of who is lost: asyncio's own fails if it is cut off after a wait for room."""

    def is_closing(self) -> bool:
        """Tell that nothing can be written."""
        return True

    def write(self, data: object) -> None:
        """Nobody hears it."""

    def abort(self) -> None:
        """Do nothing more."""


_GONE: Final = _Gone()


@dataclass(slots=True)
class Parts:
    """A message of several frames, or of text, as far as it has come."""

    is_text: bool
    count: int = 0
    octets: bytearray = field(default_factory=bytearray)


class BoundedConnection(ServerConnection):
    """Shares the event loop with the others, and drops itself when its client does not read (RLY-71).

    What the client had not acknowledged stays held. The bound stands here and not in the outbox, since the
    library answers pings by itself: a client that sends pings and never reads would make answers pile up.
    """

    was_slow = False
    _has_ended = False
    _has_heard_end = False
    # What waits for the transport to have room; None where nothing does.
    _unsent: bytearray | None = None
    _stalled: asyncio.TimerHandle | None = None
    # TCP's transport below TLS, which does not count what waits there.
    below: asyncio.Transport | None = None
    _has_closed = False
    _parts: Parts | None = None
    # Of a frame that the library has begun to parse.
    _missing_b = 0

    def __init__(
        self, turns: Turns, newcomers: Share, protocol: ServerProtocol, server: Server, **options: Any
    ) -> None:
        """`options` are the library's; until it is greeted, it uses the time of all newcomers."""
        super().__init__(protocol, server, **options)
        self.share = newcomers
        self._turns = turns
        self._inlet: Inlet | None = None
        self.when_greeted: Callable[[], None] = _nothing
        self.before_close: Callable[[], None] = _nothing
        self.when_lost: list[Callable[[], None]] = []
        self.visitor = b""  # stands for the client's address, where that is counted
        self._take: Take | None = None
        self._over: asyncio.Future[CloseCode | None] = self.loop.create_future()
        # The last bytes of a handshake that has not ended; the first ones of a frame whose head has not.
        self._beginning = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read, through an inlet that shares the event loop with the others (RLY-140)."""
        super().connection_made(transport)
        # asyncio's own 256 KiB are mapped and unmapped by the kernel at each read.
        vars(transport)["max_size"] = _READ_B
        self._inlet = Inlet(self._turns, self._payer, cast("asyncio.Transport", transport), self._feed)

    def _payer(self) -> Share:
        return self.share

    async def serve(self, share: Share, take: Take) -> CloseCode | None:
        """Carry out each message on `share`'s time until the connection is gone, or refused: return why."""
        self.share, self._take = share, take
        self.request, self.response = _FORGOTTEN, None
        if not self._over.done():
            self._beginning = b""
        if self._inlet is not None:
            self._inlet.release()
        try:
            return await self._over
        finally:
            self._take = None

    def refuse(self, code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        """Carry out nothing more, nor read on before the connection is closed; `serve` returns `code`."""
        if not self._over.done():
            self._end(code)
            self.hold()

    def hold(self) -> None:
        """Read no more for now: enough of its requests wait for an answer."""
        if self._inlet is not None:
            self._inlet.hold()

    def release(self) -> None:
        """Go on reading."""
        if self._inlet is not None:
            self._inlet.release()

    @property
    def is_gone(self) -> bool:
        """Tell whether the connection is lost."""
        return self.connection_lost_waiter.done()

    @property
    def is_busy(self) -> bool:
        """Tell whether something that was read waits to be carried out."""
        return self._inlet is not None and self._inlet.is_busy

    def _end(self, why: CloseCode | None) -> None:
        """Carry out nothing more; what comes is for the library, which waits for the other side's goodbye."""
        if not self._over.done():
            self._over.set_result(why)
            if self._take is None:
                # That of the handshake, of which nothing is read any more.
                self._beginning = b""
        if self._inlet is not None:
            self._inlet.give_up()

    def _feed(self, data: bytes, place: int) -> int:
        """Take some messages that are whole in one frame, as most are, or one frame for the library, which
        parses all else (RLY-84); return where they end.

        What comes of them is carried out before more is taken, and so before the library, which answers at
        once, reads the end of a connection.
        """
        if self._take is None and not self._over.done():
            return self._feed_request(data, place)
        end = place
        if self._is_between_messages():
            for _ in range(_CUTS):
                cut = _cut(data, end)
                if cut is None:
                    break
                message, end = cut
                self._message(message)
        return end if end > place else self._feed_frame(data, place)

    def _is_between_messages(self) -> bool:
        protocol = self.protocol
        is_between_frames = not self._missing_b and not self._beginning
        return is_between_frames and protocol.current_size is None and protocol.state is State.OPEN

    def _feed_request(self, data: bytes, place: int) -> int:
        """Let the library have the opening handshake; what is behind it waits for `serve`."""
        if self.request is not None:
            self.hold()
            return place
        known = self._beginning + data[place : place + _REQUEST_B]
        found = known.find(_REQUEST_END)
        if found >= 0:
            known = known[: found + len(_REQUEST_END)]
        new = known[len(self._beginning) :]
        self._beginning = known[1 - len(_REQUEST_END) :]
        super().data_received(new)
        return place + len(new)

    def _feed_frame(self, data: bytes, place: int) -> int:
        """Let the library have one frame, or what there is of it, and no byte of the next."""
        end = len(data)
        if not self._missing_b:
            head = self._beginning + data[place : place + _HEAD_B]
            extent = _extent(head, 0)
            self._missing_b = 0 if extent is None else extent[1] - len(self._beginning)
            self._beginning = head if extent is None else b""
        if self._missing_b:
            end = min(end, place + self._missing_b)
            self._missing_b -= end - place
        super().data_received(data[place:end])
        return end

    def process_event(self, event: Event) -> None:
        """Take whole messages here, without the library's queue and a task that waits at its end."""
        if not isinstance(event, Frame) or event.opcode not in _DATA:
            super().process_event(event)
        elif event.fin and event.opcode is Opcode.BINARY:
            self._message(bytes(event.data))
        else:
            self._collect(event)

    def _collect(self, event: Frame) -> None:
        """Put a message together from fragments, whose sum the library bounds; refuse text (RLY-84)."""
        if event.opcode is not Opcode.CONT:
            self._parts = Parts(event.opcode is Opcode.TEXT)
        parts = self._parts
        if parts is None:
            return
        parts.count += 1
        parts.octets += event.data
        if parts.count > _MOST_FRAGMENTS:
            self.refuse(CloseCode.MESSAGE_TOO_BIG)
        elif event.fin:
            self._parts = None
            if parts.is_text:
                self.refuse(_why_no_text(parts.octets))
            else:
                self._message(bytes(parts.octets))

    def _message(self, message: bytes) -> None:
        if self._inlet is not None and self._take is not None and not self._over.done():
            self._inlet.add(self._take(message))

    def data_received(self, data: bytes) -> None:
        """Take what the transport has read."""
        if self._inlet is not None:
            self._inlet.put(data)

    def eof_received(self) -> bool | None:  # type: ignore[override]  # as asyncio has it
        """End of what the client has to say.

        What was read before is carried out first. Over TLS the end cannot wait: then it is as if lost on its
        way (RLY-140).
        """
        if self.is_busy and self.transport.can_write_eof():
            # When reading goes on, the end is read again.
            self.transport.pause_reading()
            return True
        if self._inlet is not None:
            self._inlet.clear()
        self.before_close()
        self._has_heard_end = True
        super().eof_received()
        if self._unsent is None or not self.transport.can_write_eof():
            return None
        # The transport would close with what it has, and nobody see to what it has not.
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._inlet is not None:
            self._inlet.clear()
        self._end(None)
        super().connection_lost(exc)
        self.let_go()
        self._untie()

    def let_go(self) -> None:
        """Tell those who count connections that this one is gone."""
        gone, self.when_lost = self.when_lost, []
        self.when_greeted = _nothing
        for tell in gone:
            tell()

    def _untie(self) -> None:
        """Let no part point to another in a circle: it goes at once, and not when all garbage is collected.

        That stops the relay for everybody, 0.2 seconds for 2 000 connections (RLY-140).
        """
        self._inlet = self._take = None
        self.transport = _GONE
        self.before_close = _nothing
        self._unsent = self.below = None
        self._watch(None)
        # The library's parser, at its end now, and the tracebacks of how it came to its end.
        self.protocol.parser.close()
        self.protocol.handshake_exc = self.protocol.parser_exc = None

    def write_message(self, parts: list[bytes]) -> None:
        """Write one binary message, unless the close frame was written before.

        The library's own `send` is a coroutine with a lock and a context for each message; the bound on what
        waits takes the place of its waiting. A server's message in one frame is a head before its bytes
        (RFC 6455, 5.2).
        """
        state = self.protocol.state
        if state is State.OPEN or (state is State.CLOSING and not self._has_closed):
            parts.insert(0, _head(sum(map(len, parts))))
            self._write(b"".join(parts))

    def send_data(self) -> None:
        """Write what the protocol has to say in one piece."""
        parts = self.protocol.data_to_send()
        if self.protocol.close_sent is not None and not self._has_closed:
            # It stands in `parts`. What is ready goes before it.
            self.before_close()
            self._has_closed = True
        if parts:
            # The library's sign that this side has no more to say.
            self._has_ended = self._has_ended or b"" in parts
            self._write(b"".join(parts))
        if self._has_closed or self._has_ended:
            # Nothing that is asked or pushed from here on could be said (RLY-162).
            self._end(None)

    def _write(self, data: bytes) -> None:
        """Write bytes; drop the connection when too much waits (RLY-71).

        While the transport is full they wait here. A transport keeps each piece by itself and counts them all
        at every write: thousands of small answers, which nobody reads, would cost a hundred times their size
        and the relay's time.
        """
        if self._unsent is None and not self.paused:
            if data:
                self.transport.write(data)
            self._say_end()
            return
        if self._unsent is None:
            self._unsent = bytearray()
        self._unsent += data
        if len(self._unsent) + self._handed_over_b() > _MAX_BUFFERED_B:
            self._drop()

    def pause_writing(self) -> None:
        """Wait for the transport to have room, but not for ever (RLY-71)."""
        super().pause_writing()
        self._watch(self._handed_over_b())

    def resume_writing(self) -> None:
        """Go on: the transport has room."""
        super().resume_writing()
        self._watch(None)
        self._write_on()

    def _write_on(self) -> None:
        """Write some of what waits; the rest in the next pass, or when the transport has room again."""
        if self._unsent is None or self.paused:
            return
        self.transport.write(bytes(self._unsent[:_WRITE_B]))
        del self._unsent[:_WRITE_B]
        if not self._unsent:
            self._unsent = None
            # Later: asyncio itself is in the midst of writing where it says that there is room.
            self.loop.call_soon(self._say_end)
        elif not self.paused:
            self.loop.call_soon(self._write_on)

    def _watch(self, waiting_b: int | None) -> None:
        """Look again after a while whether less waits in the transport, to which nothing is added now."""
        if self._stalled is not None:
            self._stalled.cancel()
        self._stalled = (
            None if waiting_b is None else self.loop.call_later(STALLED_S, self._look_again, waiting_b)
        )

    def _look_again(self, before_b: int) -> None:
        waiting_b = self._handed_over_b()
        if waiting_b >= before_b:
            self._drop()
        else:
            self._watch(waiting_b)

    def _handed_over_b(self) -> int:
        below_b = 0 if self.below is None else self.below.get_write_buffer_size()
        return self.transport.get_write_buffer_size() + below_b

    def _drop(self) -> None:
        self.was_slow = True
        self.transport.abort()

    def _say_end(self) -> None:
        """Close this direction once all that was to be said is written; over TLS that is said only once."""
        if not self._has_ended or self._unsent is not None or self.transport.is_closing():
            return
        if self._has_heard_end or not self.transport.can_write_eof():
            self.transport.close()
            return
        # The other end may have gone meanwhile; that is told by connection_lost.
        with suppress(OSError):
            self.transport.write_eof()


def _extent(data: bytes, place: int) -> tuple[int, int] | None:
    """Return where the payload of a frame begins and ends (RFC 6455, 5.2); None if its head is cut off."""
    if len(data) < place + 2:
        return None
    size_b, start = data[place + 1] & 0x7F, place + 2
    if size_b > 125:
        wide_b = 2 if size_b == 126 else 8
        start += wide_b
        if len(data) < start:
            return None
        size_b = int.from_bytes(data[start - wide_b : start], "big")
    start += 4 if data[place + 1] & 0x80 else 0
    return start, start + size_b


def _cut(data: bytes, place: int) -> tuple[bytes, int] | None:
    """Return a client's binary message in one frame, and where it ends.

    None where there is something else, or less than a whole frame.
    """
    extent = _extent(data, place)
    if extent is None or data[place] != _BINARY or data[place + 1] < 0x80:
        return None
    start, end = extent
    if end > len(data) or end - start > MAX_MESSAGE_B:
        return None
    return apply_mask(data[start:end], data[start - 4 : start]), end


def _head(size_b: int) -> bytes:
    if size_b < 126:
        return bytes((_BINARY, size_b))
    if size_b < 1 << 16:
        return bytes((_BINARY, 126)) + size_b.to_bytes(2, "big")
    return bytes((_BINARY, 127)) + size_b.to_bytes(8, "big")


def _why_no_text(octets: bytearray) -> CloseCode:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return CloseCode.INVALID_DATA
    return CloseCode.PROTOCOL_ERROR


def _nothing() -> None:
    """Nobody counts this connection."""
