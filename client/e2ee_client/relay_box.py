"""A mailbox for the few messages of an invite, and the connection that holds it (ACC-32).

It lives beside the engine: for minutes, and without a row in any store.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, NamedTuple

from e2ee_relay.protocol import (
    Ack,
    Auth,
    AuthResult,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    FrameError,
    Hello,
    Message,
    Request,
    Response,
    Role,
    Send,
    SendItem,
    SendResults,
    Subscribe,
    TokenAdd,
    TokenClass,
    TtlClass,
    auth_payload,
    decode_frames,
    encode_frames,
    find_pow,
    pow_context_create,
    token_hash,
)

from e2ee.ports import Rng
from e2ee.primitives import sign
from e2ee_client.errors import InviteExpired, RelayUnavailable

from .engine.link import why_unusable
from .runtime.transport import Connection, Transport

_ANSWER_S: Final = 30.0
_AGAIN_S: Final = 1.0
_MSG_ID_B: Final = 16
_SEED_B: Final = 32
_BROKEN: Final = b""


class BoxAddress(NamedTuple):
    """Where a mailbox is written to."""

    mailbox: bytes
    token: bytes


class RelayBox:
    """Receives and sends whole messages; a connection that breaks is made again."""

    def __init__(
        self, transport: Transport, url: str, address: BoxAddress, registration_secret: bytes | None, rng: Rng
    ) -> None:
        """Use `open`."""
        self.address = address
        self._transport = transport
        self._url = url
        self._secret = registration_secret
        self._rng = rng
        self._owner_seed = rng(_SEED_B)
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[Response]] = {}
        self._last_id = 0
        self._one_at_a_time = asyncio.Lock()
        self._connection: Connection | None = None
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        transport: Transport,
        url: str,
        address: BoxAddress,
        registration_secret: bytes | None,
        rng: Rng,
    ) -> RelayBox:
        """Make the mailbox and listen to it.

        Raises:
            RelayUnavailable: the relay cannot be reached, or makes no mailbox.
        """
        box = cls(transport, url, address, registration_secret, rng)
        await box._connect()
        return box

    async def receive(self) -> bytes:
        """Wait for the next message; it is acknowledged."""
        while True:
            body = await self._received.get()
            if body:
                return body
            await self._again()

    async def send(self, to: BoxAddress, body: bytes) -> None:
        """Hand a message to the relay, again and again until it has it.

        Raises:
            InviteExpired: nobody listens there (any more). Not after an attempt that was not answered: it may
                have come, and the device have left with it (ACC-32).
        """
        item = SendItem(to.mailbox, to.token, self._rng(_MSG_ID_B), TtlClass.RETENTION, b"", body)
        is_in_doubt = False
        while True:
            await self._again()
            try:
                frame = await self._ask(Send(self._next_id(), (item,)))
            except RelayUnavailable:
                is_in_doubt = True
            else:
                code = frame.results[0].code if isinstance(frame, SendResults) else ErrorCode.UNAVAILABLE
                if code is ErrorCode.OK or (code is ErrorCode.DENIED and is_in_doubt):
                    return
                if code is ErrorCode.DENIED:
                    raise InviteExpired("nobody waits where the code says")
            await asyncio.sleep(_AGAIN_S)

    async def _again(self) -> None:
        """Make the connection anew where it has broken."""
        async with self._one_at_a_time:
            while self._connection is None:
                with suppress(RelayUnavailable):
                    await self._connect()
                    return
                await asyncio.sleep(_AGAIN_S)

    async def close(self) -> None:
        """Delete the mailbox and leave; what the relay does not hear of, it forgets in time."""
        if self._connection is not None:
            with suppress(RelayUnavailable):
                await self._ask(DeleteMailbox(self._next_id(), self.address.mailbox))
        await self._disconnect()

    # --- the connection ---

    async def _connect(self) -> None:
        """Connect and listen, or leave nothing: half a connection would never be made again."""
        await self._disconnect()
        try:
            await self._set_up()
        except BaseException:
            await self._disconnect()
            raise

    async def _set_up(self) -> None:
        connection = self._connection = await self._transport.open(self._url)
        hello = await _greeting(connection)
        if why := why_unusable(hello):
            raise RelayUnavailable(f"the relay makes no mailbox for the invite: {why}")
        self._reader = asyncio.create_task(self._read(connection), name="sealroom-invite")
        public, mailbox = sign.derive_public(self._owner_seed), self.address.mailbox
        context = pow_context_create(hello.nonce, mailbox, public)
        work = await asyncio.to_thread(find_pow, context, hello.limits.pow_bits_create)
        payload = auth_payload(hello.relay_name, hello.nonce, [mailbox])
        await self._do(CreateMailbox(self._next_id(), mailbox, public, work, self._secret))
        await self._do(Auth(self._next_id(), (mailbox,), public, sign.sign(self._owner_seed, payload)))
        hashes = (token_hash(self.address.token),)
        await self._do(TokenAdd(self._next_id(), mailbox, hashes, TokenClass.CONTACT))
        await self._do(Subscribe(self._next_id(), (mailbox,)))

    async def _disconnect(self) -> None:
        reader, connection = self._reader, self._connection
        self._reader = self._connection = None
        if reader is not None:
            reader.cancel()
        if connection is not None:
            await connection.close()

    async def _read(self, connection: Connection) -> None:
        try:
            while True:
                for frame in decode_frames(await connection.receive(), Role.CLIENT):
                    await self._take(connection, frame)
        except (RelayUnavailable, FrameError):
            self._broke(connection)

    async def _take(self, connection: Connection, frame: object) -> None:
        if isinstance(frame, Message):
            self._received.put_nowait(frame.body)
            await connection.send(encode_frames([Ack(self._next_id(), frame.mailbox, (frame.seq,))]))
        elif isinstance(frame, Response):
            answer = self._answers.pop(frame.request_id, None)
            if answer is not None and not answer.done():
                answer.set_result(frame)

    def _broke(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
            self._received.put_nowait(_BROKEN)
        waiting, self._answers = self._answers, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(RelayUnavailable("the connection broke"))

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def _do(self, request: Request) -> None:
        frame = await self._ask(request)
        if isinstance(frame, Done) or (isinstance(frame, AuthResult) and not frame.refused):
            return
        name = frame.code.name.lower() if isinstance(frame, ErrorReply) else "refused"
        raise RelayUnavailable(f"the relay makes no mailbox for the invite: relay.{name}")

    async def _ask(self, request: Request) -> Response:
        connection = self._connection
        if connection is None:
            raise RelayUnavailable("the connection broke")
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._answers[request.request_id] = answer
        try:
            async with asyncio.timeout(_ANSWER_S):
                await connection.send(encode_frames([request]))
                return await answer
        except TimeoutError:
            raise RelayUnavailable("the relay does not answer") from None
        finally:
            self._answers.pop(request.request_id, None)


async def _greeting(connection: Connection) -> Hello:
    try:
        async with asyncio.timeout(_ANSWER_S):
            while True:
                for frame in decode_frames(await connection.receive(), Role.CLIENT):
                    if isinstance(frame, Hello):
                        return frame
    except (TimeoutError, FrameError):
        raise RelayUnavailable("the relay does not answer as it should") from None
