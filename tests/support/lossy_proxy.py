"""A proxy of frames between clients and their relay that loses envelopes and brings others late.

Each envelope draws one fate when it is first seen, and meets it once. One that is lost vanishes at one of
four places: as its SEND, as the answer to that, as its MESSAGE, or as its ACK. The connection there is cut,
since TCP loses nothing of one that stands, and all else that was under way on it goes too. One that is late
is held back, on its way to the relay or from it, until some of those behind it have passed it, or else a
second is over.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

from e2ee_relay.protocol import (
    Ack,
    ErrorCode,
    Frame,
    KnownFrame,
    Message,
    Role,
    Send,
    SendResult,
    SendResults,
    decode_frames,
    encode_frames,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

LOST: Final = ("lost as SEND", "lost as answer", "lost as MESSAGE", "lost as ACK")
LATE: Final = ("late to the relay", "late from the relay")
SWALLOWED: Final = "answered OK and forgotten"
_AS_SEND, _AS_ANSWER, _AS_MESSAGE, _AS_ACK = LOST
_TO_RELAY, _FROM_RELAY = LATE
_MAX_MESSAGE_B: Final = 1 << 20
_PACK: Final = 40
_HOLD_S: Final = 1.0
_MOST_OVERTAKING: Final = 2

Socket: TypeAlias = ServerConnection | ClientConnection


@dataclass(frozen=True, slots=True)
class Chances:
    """Shares of all envelopes. Those behind the first `remembered` ones are answered OK and never passed on:
    the planted fault of a relay that forgets what it has confirmed (None: no such fault).
    """

    loss: float = 0.10
    late: float = 0.15
    remembered: int | None = None


class Fates:
    """What each envelope has to meet yet, by its id, and what was met."""

    def __init__(self, seed: int, chances: Chances) -> None:
        self._random = random.Random(f"{seed} fates")
        self._chances = chances
        self._to_meet: dict[bytes, str] = {}
        self._pack: list[str] = []
        self._remembered = chances.remembered
        self.met: Counter[str] = Counter()

    def mend(self) -> None:
        """Forget nothing from now on."""
        self._remembered = None

    @property
    def envelopes(self) -> int:
        """How many were seen."""
        return len(self._to_meet)

    def of(self, msg_id: bytes) -> str:
        """What an envelope has to meet yet, or nothing; it is drawn when it is first seen."""
        if msg_id not in self._to_meet:
            self._to_meet[msg_id] = self._drawn()
        return self._to_meet[msg_id]

    def meet(self, msg_id: bytes, fate: str) -> bool:
        """Whether an envelope is to meet this now; it will not again."""
        if self.of(msg_id) != fate:
            return False
        self._to_meet[msg_id] = ""
        self.met[fate] += 1
        return True

    def overtaking(self) -> int:
        """How many pass one that is held back."""
        return self._random.randint(1, _MOST_OVERTAKING)

    def _drawn(self) -> str:
        """Drawn from a pack, so that the shares are kept however few envelopes there are."""
        if self._remembered is not None and self.envelopes >= self._remembered:
            return SWALLOWED
        if not self._pack:
            lost, late = round(_PACK * self._chances.loss), round(_PACK * self._chances.late)
            some = [(LOST * _PACK)[:lost], (LATE * _PACK)[:late], [""] * (_PACK - lost - late)]
            self._pack = [fate for fates in some for fate in fates]
            self._random.shuffle(self._pack)
        return self._pack.pop()


class LossyProxy:
    """Listens on a port of its own. `counts` says what was done besides the fates of envelopes."""

    def __init__(self, relay_url: str, seed: int, chances: Chances) -> None:
        self._relay_url = relay_url
        self._server: Server | None = None
        self.fates = Fates(seed, chances)
        self.counts: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self._server = await serve(self._pass_on, "127.0.0.1", 0, max_size=_MAX_MESSAGE_B, compression=None)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """The address for clients."""
        if self._server is None:
            raise RuntimeError("the proxy does not listen")
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    def figures(self) -> dict[str, int]:
        """What envelopes have met, and what else was done."""
        met = self.fates.met
        lost, late = sum(met[one] for one in LOST), sum(met[one] for one in LATE)
        sums = {"envelopes": self.fates.envelopes, "lost": lost, "late": late}
        return {**sums, **{one: met[one] for one in (*LOST, *LATE)}, **dict(sorted(self.counts.items()))}

    async def _pass_on(self, client: ServerConnection) -> None:
        self.counts["connections"] += 1
        try:
            relay = await connect(self._relay_url, max_size=_MAX_MESSAGE_B, compression=None)
        except OSError:
            client.transport.abort()
            return
        await _Connection(self, client, relay).run()


@dataclass(eq=False, slots=True)
class _Held:
    """A frame that waits until so many others have passed it."""

    frame: KnownFrame
    left: int


@dataclass(slots=True)
class _Way:
    """One direction of a connection: where it leads, and what is held back on it."""

    target: Socket
    held: list[_Held] = field(default_factory=list)


class _Cut(Exception):
    """The connection vanishes now."""


class _Connection:
    """One connection of a client, and the one to the relay that stands for it."""

    def __init__(self, proxy: LossyProxy, client: ServerConnection, relay: ClientConnection) -> None:
        self._fates, self._counts = proxy.fates, proxy.counts
        self._up, self._down = _Way(relay), _Way(client)
        self._cut_at_answer: set[int] = set()
        self._cut_at_ack: dict[int, bytes] = {}
        self._releasing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Pass on until one side ends, or the connection is cut."""
        tasks = [
            asyncio.create_task(self._move(self._down.target, self._up, Role.RELAY)),
            asyncio.create_task(self._move(self._up.target, self._down, Role.CLIENT)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, *self._releasing):
            task.cancel()
        errors = await asyncio.gather(*tasks, *self._releasing, return_exceptions=True)
        for way in (self._up, self._down):
            way.target.transport.abort()
        self._counts["cut"] += any(isinstance(error, _Cut) for error in errors)
        self._counts["held when their connection ended"] += len(self._up.held) + len(self._down.held)
        for error in errors:
            if isinstance(error, Exception) and not isinstance(error, _Cut | ConnectionClosed):
                raise error

    async def _move(self, source: Socket, way: _Way, role: Role) -> None:
        async for data in source:
            if isinstance(data, bytes):
                for frame in decode_frames(data, role):
                    await self._frame(way, frame)

    async def _frame(self, way: _Way, frame: Frame) -> None:
        match frame:
            case Send():
                await self._send(way, frame)
            case Message():
                await self._message(way, frame)
            case SendResults() if frame.request_id in self._cut_at_answer:
                raise _Cut
            case Ack():
                self._acknowledge(frame)
                await way.target.send(encode_frames([frame]))
            case _:
                if isinstance(frame, KnownFrame):
                    await way.target.send(encode_frames([frame]))

    async def _send(self, way: _Way, frame: Send) -> None:
        """Of several envelopes in one SEND one fate is met; the others are when they come again."""
        ids = [item.msg_id for item in frame.items]
        if self._meets(ids, SWALLOWED):
            results = tuple(SendResult(ErrorCode.OK, 0) for _ in ids)
            await self._down.target.send(encode_frames([SendResults(frame.request_id, results)]))
        elif self._meets(ids, _AS_SEND):
            raise _Cut
        elif self._meets(ids, _TO_RELAY):
            self._hold(way, frame)
        else:
            if self._meets(ids, _AS_ANSWER):
                self._cut_at_answer.add(frame.request_id)
            await self._pass(way, frame)

    def _meets(self, ids: list[bytes], fate: str) -> bool:
        return sum(self._fates.meet(msg_id, fate) for msg_id in ids) > 0

    async def _message(self, way: _Way, frame: Message) -> None:
        if self._fates.meet(frame.msg_id, _AS_MESSAGE):
            raise _Cut
        if self._fates.meet(frame.msg_id, _FROM_RELAY):
            self._hold(way, frame)
            return
        if self._fates.of(frame.msg_id) == _AS_ACK:
            self._cut_at_ack[frame.seq] = frame.msg_id
        await self._pass(way, frame)

    def _acknowledge(self, frame: Ack) -> None:
        ids = [self._cut_at_ack[seq] for seq in frame.seqs if seq in self._cut_at_ack]
        if self._meets(ids, _AS_ACK):
            raise _Cut

    # --- late ---

    def _hold(self, way: _Way, frame: KnownFrame) -> None:
        held = _Held(frame, self._fates.overtaking())
        way.held.append(held)
        task = asyncio.create_task(self._give_up(way, held))
        self._releasing.add(task)
        task.add_done_callback(self._releasing.discard)

    async def _pass(self, way: _Way, frame: KnownFrame) -> None:
        """Pass a frame on, and behind it each for which it was the last to overtake."""
        await way.target.send(encode_frames([frame]))
        for held in way.held:
            held.left -= 1
        for held in [one for one in way.held if one.left <= 0]:
            await self._release(way, held, "overtaken")

    async def _give_up(self, way: _Way, held: _Held) -> None:
        """Nothing more came: hold back no longer."""
        await asyncio.sleep(_HOLD_S)
        with suppress(ConnectionClosed):
            await self._release(way, held, "late by time alone")

    async def _release(self, way: _Way, held: _Held, how: str) -> None:
        if held in way.held:
            way.held.remove(held)
            self._counts[how] += 1
            await way.target.send(encode_frames([held.frame]))
