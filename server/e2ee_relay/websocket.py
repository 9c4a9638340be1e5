"""One client's connection: bytes in, requests to the service, frames out, on the sans-I/O `websockets`.

    connection_made --> handshake --101--> open --goodbye, end, refusal--> ending --> connection_lost

What comes in waits in `_input`. In a step of the scheduler a part of it is parsed, a message is decoded, and
when all of it is known to be good its requests are carried out, one by one (RLY-03, RLY-140). The library
answers an end as soon as it parses it: the answer waits in `_last_words` until what came before is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

from websockets.frames import Close, CloseCode, Opcode
from websockets.frames import Frame as WebSocketFrame
from websockets.http11 import Request
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from .cbor import MAX_MESSAGE_B
from .fast_frames import encode
from .frames import Frame, KnownFrame
from .messages import MessageRefused, Messages
from .outgoing import Outgoing
from .scheduler import QUANTUM_S, Flow
from .service import Endpoint

# From the accept to the end of the opening handshake.
HANDSHAKE_S: Final = 10.0
# How long a client may take to end the connection after the close frame (RLY-162).
GOODBYE_S: Final = 4.0
PING_S: Final = 25.0
# Who has not asked for anything by then may have to go (RLY-182).
SILENT_S: Final = 10.0
_CHECK_S: Final = 5.0
# What may wait unparsed before reading pauses.
_READ_AHEAD_B: Final = 1 << 14
_REQUEST_B: Final = 1 << 14
_REQUEST_END: Final = b"\r\n\r\n"
_LEAST_SLICE_B, _MOST_SLICE_B = 1 << 7, 1 << 14
# Requests that wait for their answer; beyond, nothing more is read.
MOST_OUTSTANDING: Final = 128
_HIGH_WATER_B: Final = 1 << 16


class Connection(asyncio.BufferedProtocol, Flow):
    """One connection from its acceptance, or the end of its TLS handshake, until it is lost."""

    __slots__ = (
        "_endpoint", "_has_asked", "_has_heard_end", "_input", "_is_deaf", "_is_ending", "_is_held",
        "_is_paused", "_is_tolerated", "_last_words", "_messages", "_pinged_s", "_slice_b", "_timer",
        "_until_s", "_was_heard", "_ws", "is_open", "outgoing", "outstanding", "session", "ticket",
        "transport", "was_slow",
    )  # fmt: skip

    def __init__(self, endpoint: Endpoint, ticket: bytes, until_s: float) -> None:
        """`ticket` stands for the client's address, `until_s` is when its opening handshake must be over."""
        super().__init__()
        self._endpoint = endpoint
        self.ticket = ticket
        self.session: Any = None  # the service's, of an open connection
        self.transport: asyncio.Transport | None = None
        self.outgoing: Outgoing | None = None
        # Made with the request: who says nothing costs little.
        self._ws: ServerProtocol | None = None
        self._messages: Messages | None = None
        self._until_s = until_s
        self._timer: asyncio.TimerHandle | None = None
        self.is_open = False  # requests are carried out
        self._is_ending = self._is_held = self._is_paused = False
        self._is_deaf = False  # what comes is dropped
        self._has_asked = self._is_tolerated = self._has_heard_end = self.was_slow = False
        self._input = b""
        self._slice_b = 1 << 9
        self.outstanding = 0  # requests that were begun and not answered
        self._last_words: list[bytes] | None = None
        self._pinged_s = 0.0
        self._was_heard = True

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(_HIGH_WATER_B)
        self.outgoing = Outgoing(self._endpoint.flusher, self.transport)
        self._timer = self._endpoint.loop.call_at(self._until_s, self.abort)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Offer the buffer that all share: it is emptied before another connection reads."""
        return self._endpoint.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        self._was_heard = True
        if self._is_deaf:
            return
        data = bytes(self._endpoint.buffer[:nbytes])
        self._input = self._input + data if self._input else data
        if not self._is_held:
            self._endpoint.scheduler.serve(self)
        if len(self._input) > _READ_AHEAD_B:
            self._pause()

    def eof_received(self) -> bool:
        """End of what the client has to say; it is answered when all that came before it is carried out.

        Over TLS the connection ends at once, and what waits is as if lost on its way (RLY-140).
        """
        self._has_heard_end = True
        if self.outgoing is not None:
            self.outgoing.closes_at_end = True
            if self._is_deaf:
                self.outgoing.end()
        if not self._is_held:
            self._endpoint.scheduler.serve(self)
        return self.transport is not None and self.transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """End. No part points to another in a circle: collecting garbage would stop everybody (RLY-140)."""
        self._end(refused=False)
        self._grow_deaf()
        self._set_timer(None)
        if self.outgoing is not None:
            self.outgoing.count_none(self._endpoint.unread, self.ticket)
            self.outgoing.clear()
        self.transport = self.outgoing = self._messages = None
        if self._ws is not None:
            # A generator that holds its own protocol, and tracebacks of how it came to its end.
            self._ws.parser.close()
            self._ws.handshake_exc = self._ws.parser_exc = None
            self._ws = None
        self._endpoint.service.lost(self)

    def pause_writing(self) -> None:
        """The transport is full: nothing more is carried out for who does not read."""
        outgoing = self.outgoing
        if outgoing is not None:
            outgoing.has_no_room(self._endpoint.loop.time())
            self._hold()
            self._count_unread(outgoing)

    def resume_writing(self) -> None:
        """The transport has room."""
        if self.outgoing is not None:
            self.outgoing.has_room()
            if not self.outgoing.is_full:
                self.outgoing.count_none(self._endpoint.unread, self.ticket)
            self._release()

    # --- for the service ---

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Send a frame; it leaves at the end of this pass, or within 45 ms if it `can_wait`."""
        outgoing = self.outgoing
        if outgoing is None or not self.is_open:
            return
        outgoing.put(encode(frame), can_wait=can_wait)
        if frame.request_id:
            self.outstanding -= 1
            if self._is_held:
                self._release()
        if outgoing.is_full:
            self._count_unread(outgoing)

    def close(self, code: int) -> None:
        """Say goodbye behind what is ready, and carry out nothing more; who is in a handshake is cut off."""
        ws = self._ws
        if ws is None or self.outgoing is None or ws.state is State.CONNECTING:
            self.abort()
        elif ws.state is State.OPEN:
            ws.send_close(code)
            self.outgoing.flush()
            self.outgoing.write(b"".join(ws.data_to_send()))
            self._end(refused=False)
            self._await_end()

    def abort(self) -> None:
        """Cut the connection off."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def answered(self) -> Callable[[int], None] | None:
        """What hears of each request that is answered; it outlives the connection (RLY-180)."""
        return None if self._messages is None else self._messages.answered

    @property
    def is_busy(self) -> bool:
        """Tell whether something that was read waits to be carried out."""
        messages = self._messages
        return bool(self._input) or (messages is not None and bool(messages.is_decoding or messages.requests))

    # --- reading ---

    def _hold(self) -> None:
        self._is_held = True
        self._pause()

    def _release(self) -> None:
        """Go on, if nothing else is in the way."""
        outgoing = self.outgoing
        if outgoing is not None and not outgoing.is_full and self.outstanding <= MOST_OUTSTANDING:
            self._is_held = False
            self._endpoint.scheduler.add(self)

    def _pause(self) -> None:
        if not self._is_paused and self.transport is not None:
            self._is_paused = True
            self.transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and self.transport is not None and len(self._input) <= _READ_AHEAD_B:
            self._is_paused = False
            self.transport.resume_reading()

    def _grow_deaf(self) -> None:
        self._is_deaf = True
        self._input = b""

    # --- steps ---

    def step(self, until_s: float) -> bool:
        """Carry out some of what was read (RLY-140)."""
        clock = self._endpoint.scheduler.clock
        try:
            while (has_more := not self._is_held and self._advance(until_s)) and clock() < until_s:
                pass
        except MessageRefused as refusal:
            self._refuse(refusal.code)
            has_more = True
        except BaseException:
            # A mistake of ours: this connection ends, and the event loop reports it.
            self._grow_deaf()
            self.abort()
            raise
        if not self._is_held:
            self._resume()
        return has_more

    def _advance(self, until_s: float) -> bool:
        """Do the next piece of work; tell whether there was one. What came first is done first."""
        messages = self._messages
        if messages is not None and messages.requests:
            self._carry_out(messages.pop(messages.requests))
        elif messages is not None and messages.is_decoding:
            if messages.decode(self._endpoint.scheduler.clock, until_s):
                self._has_asked = True
                self._tolerate(False)
        elif self._last_words is not None:
            self._say_last_words(self._last_words)
        elif self._input and self._ws is not None:
            self._feed(self._ws)
        elif self._input:
            return self._shake()
        elif self._has_heard_end and not self._is_deaf:
            self._last_words = self._hear_end()
        else:
            return False
        return True

    def _carry_out(self, request: Frame) -> None:
        self.outstanding += 1
        self._endpoint.service.received(self, request)
        if self.outstanding > MOST_OUTSTANDING:
            self._hold()

    def _shake(self) -> bool:
        """Let the library have the opening handshake once it is whole, and no byte of what follows it.

        The library would answer a ping behind the request ahead of it.
        """
        end = self._input.find(_REQUEST_END) + len(_REQUEST_END)
        is_whole = end >= len(_REQUEST_END)
        if not is_whole and len(self._input) <= _REQUEST_B:
            if self._has_heard_end:
                self._last_words = [SEND_EOF]
            return self._has_heard_end
        ws = self._ws = ServerProtocol(max_size=MAX_MESSAGE_B, logger=self._endpoint.logger)
        data, self._input = (self._input[:end], self._input[end:]) if is_whole else (self._input, b"")
        ws.receive_data(data)
        for event in ws.events_received():
            self._answer(ws, cast("Request", event))
        if ws.state is State.CONNECTING:
            self._last_words = ws.data_to_send() or _reject(ws)
        return True

    def _answer(self, ws: ServerProtocol, request: Request) -> None:
        service = self._endpoint.service
        ws.send_response(service.answer(self, request) or ws.accept(request))
        if ws.state is State.OPEN and self.outgoing is not None:
            self.outgoing.write(b"".join(ws.data_to_send()))
            self.is_open = True
            self._messages = Messages(self._endpoint.unfinished, self.ticket)
            self._pinged_s = self._endpoint.loop.time()
            self._set_timer(SILENT_S)
            service.opened(self)

    def _feed(self, ws: ServerProtocol) -> None:
        """Let the library parse a slice, which is as long as keeps steps short."""
        clock, size_b = self._endpoint.scheduler.clock, self._slice_b
        begun_s = clock()
        taken_b = size_b if self._messages is None else self._messages.slice_b(self._input, size_b)
        if len(self._input) <= taken_b:
            data, self._input = self._input, b""
        else:
            data, self._input = self._input[:taken_b], self._input[taken_b:]
        sound_b = len(data) if self._messages is None else self._messages.heads.follow(data)
        ws.receive_data(data[:sound_b])
        if sound_b < len(data):
            ws.fail(CloseCode.PROTOCOL_ERROR)
        frames = cast("list[WebSocketFrame]", ws.events_received())
        if words := ws.data_to_send():
            self._pass_on(ws, words)
        if clock() - begun_s > QUANTUM_S / 2:
            self._slice_b = max(_LEAST_SLICE_B, size_b // 2)
        elif size_b < _MOST_SLICE_B:
            self._slice_b = size_b * 2
        if self.is_open and self._messages is not None:
            was_great = self._messages.is_great
            self._messages.add(frames, self._endpoint.loop.time)
            if self._messages.is_great and not was_great:
                self._set_timer(_CHECK_S)

    def _pass_on(self, ws: ServerProtocol, words: list[bytes]) -> None:
        """Write the library's answers; an end waits for what came before it."""
        if ws.state is State.OPEN and self.outgoing is not None:
            self.outgoing.write(b"".join(words))
        elif SEND_EOF in words or not self._is_ending:
            self._last_words = [*(self._last_words or ()), *words]

    # --- the end ---

    def _hear_end(self) -> list[bytes]:
        if self._ws is not None:
            self._ws.receive_eof()
            return self._ws.data_to_send() or [SEND_EOF]
        return [SEND_EOF]

    def _say_last_words(self, words: list[bytes]) -> None:
        """Say what ends the connection, behind the answers that are ready (RLY-07)."""
        self._last_words = None
        outgoing = self.outgoing
        if outgoing is None:
            return
        outgoing.flush()
        outgoing.write(b"".join(words))
        self._end(refused=False)
        if SEND_EOF in words:
            self._grow_deaf()
            outgoing.end()
            self._resume()
        self._await_end()

    def _await_end(self) -> None:
        """Cut the connection off if the client does not end it (RLY-162)."""
        if not self._is_ending:
            self._is_ending = True
            self._set_timer(GOODBYE_S)

    def _refuse(self, code: CloseCode) -> None:
        """Carry out nothing more, and close, though the library may have parsed an end behind it."""
        ws = self._ws
        if ws is None or not self.is_open:
            return
        if ws.state is State.OPEN:
            ws.fail(code)
            words = ws.data_to_send()
        else:
            payload = Close(code, "").serialize()
            words = [WebSocketFrame(Opcode.CLOSE, payload).serialize(mask=False), SEND_EOF]
        self._end(refused=True)
        self._say_last_words(words)

    def _end(self, *, refused: bool) -> None:
        if self._messages is not None:
            self._messages.clear()
        self._tolerate(False)
        if self.is_open:
            self.is_open = False
            self._endpoint.service.ended(self, refused=refused)
        self.outstanding = 0
        if self._is_held:
            # What still comes is for the library, which waits for the other side's goodbye.
            self._is_held = False
            self._endpoint.scheduler.add(self)

    # --- time limits ---

    def _set_timer(self, seconds: float | None) -> None:
        """Look at the connection after a while, in the place of what was to be done before."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._endpoint.loop.call_later(seconds, self._check)

    def _check(self) -> None:
        """Drop who takes too long, and ping who has been quiet."""
        now_s, messages = self._endpoint.loop.time(), self._messages
        if not self.is_open or self.outgoing is None or messages is None:
            self.abort()
        elif self.outgoing.is_stalled(now_s):
            self._drop()
        elif messages.is_overdue(now_s) and not self._is_held:
            self._refuse(CloseCode.POLICY_VIOLATION)
        elif not (self._has_asked or self._is_tolerated or self._tolerate(True)):
            self._refuse(CloseCode.TRY_AGAIN_LATER)
        elif now_s - self._pinged_s >= PING_S - 1.0 and not self._ping(now_s):
            self._refuse(CloseCode.INTERNAL_ERROR)
        else:
            self._set_timer(_CHECK_S if messages.is_unfinished or self.outgoing.is_full else PING_S)

    def _tolerate(self, is_silent: bool) -> bool:
        """Count a client that has asked for nothing, or no longer; tell whether there was room (RLY-182)."""
        if self._is_tolerated and not is_silent:
            self._is_tolerated = False
            self._endpoint.silent.give_back(self.ticket)
        elif is_silent:
            self._is_tolerated = self._endpoint.silent.take(self.ticket)
        return self._is_tolerated

    def _ping(self, now_s: float) -> bool:
        """Ping; False: nothing has come since the last one. What is not read cannot be heard."""
        if not self._was_heard and not self._is_paused:
            return False
        self._pinged_s, self._was_heard = now_s, False
        if self._ws is not None and self.outgoing is not None and self._ws.state is State.OPEN:
            self._ws.send_ping(b"")
            self.outgoing.write(b"".join(self._ws.data_to_send()))
        return True

    def _count_unread(self, outgoing: Outgoing) -> None:
        if not outgoing.count(self._endpoint.unread, self.ticket):
            self._drop()

    def _drop(self) -> None:
        self.was_slow = True
        self.abort()


def _reject(ws: ServerProtocol) -> list[bytes]:
    ws.send_response(ws.reject(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long\n"))
    return ws.data_to_send()
