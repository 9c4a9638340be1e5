"""Ill-behaved clients that speak the protocol: requests without a right, acknowledgements of anything."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from typing import Final

from e2ee_relay.protocol import (
    Ack,
    CreateMailbox,
    DeleteMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    KnownFrame,
    Message,
    Ping,
    PrekeysCount,
    PrekeysFetch,
    PrekeysUpload,
    Publish,
    Role,
    Subscribe,
    TokenAdd,
    TokenClass,
    TokenRevoke,
    decode_frames,
    encode_frames,
)
from frame_attacks import Attack
from raw_websocket import BINARY, RawWebSocket, frame
from relay_actors import Owner, Peer, SocketLink
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

_PATIENCE_S: Final = 60.0
_NOT_MINE: Final = ErrorCode.NOT_AUTHENTICATED


async def peer_of(port: int) -> Peer:
    """A connection that has seen its Hello."""
    socket = await connect(f"ws://127.0.0.1:{port}", compression=None, max_size=1 << 20, close_timeout=1)
    return await Peer(SocketLink(socket), timeout_s=_PATIENCE_S).greet()


def without_a_right(peer: Peer, owner: Owner) -> list[tuple[KnownFrame, ErrorCode]]:
    """Requests about somebody's mailbox and about nobody's, with the error that answers each."""
    box, account = owner.mailbox, os.urandom(32)
    number, hashes = peer.next_id, (os.urandom(32),)
    return [
        (CreateMailbox(number(), box, os.urandom(32)), ErrorCode.DENIED),
        (Subscribe(number(), (box,)), _NOT_MINE),
        (Subscribe(number(), (os.urandom(16),)), _NOT_MINE),
        (Ack(number(), box, (1, 2, 3)), _NOT_MINE),
        (TokenAdd(number(), box, hashes, TokenClass.CONTACT), _NOT_MINE),
        (TokenRevoke(number(), box, hashes), _NOT_MINE),
        (DeleteMailbox(number(), box), _NOT_MINE),
        (PrekeysCount(number(), account, os.urandom(32)), _NOT_MINE),
        (PrekeysUpload(number(), account, os.urandom(32), None, None, (), ()), _NOT_MINE),
        (PrekeysFetch(number(), account, os.urandom(32), os.urandom(32)), ErrorCode.DENIED),
        (Publish(number(), account, (b"x",), (), ()), ErrorCode.BAD_ENTRY),
    ]


async def ask_without_a_right(port: int, _scale: int) -> str | None:
    """RLY-26, RLY-31, RLY-60, RLY-65: each is refused with its code, and the connection stays open."""
    owner, mine, other = Owner(), await peer_of(port), await peer_of(port)
    await owner.set_up(mine)
    await mine.send(owner.item(b"held"))
    wrong: list[str] = []
    for request, code in without_a_right(other, owner):
        answer = await other.ask(request)
        if not isinstance(answer, ErrorReply) or answer.code is not code:
            wrong.append(f"{type(request).__name__} was answered {answer}")
    denied = await other.send(
        owner.item(b"x", token=os.urandom(32)), owner.item(b"x", mailbox=os.urandom(16))
    )
    wrong += [f"a send was answered {one}" for one in denied if one.code is not ErrorCode.DENIED]
    await owner.subscribe(mine)
    if (await mine.push(Message)).body != b"held":
        wrong.append("the mailbox was changed by somebody else")
    await mine.link.close()
    await other.link.close()
    return "; ".join(wrong) or None


async def acknowledge_anything(port: int, scale: int) -> str | None:
    """RLY-35, RLY-37: unknown numbers, others' mailboxes, any order, twice; what was not named stays."""
    chance = random.Random(port)
    owner, other, peer = Owner(), Owner(), await peer_of(port)
    await owner.set_up(peer)
    await other.set_up(peer)
    await peer.send(other.item(b"untouched"))
    bodies = [f"{number}".encode() for number in range(30)]
    for _ in range(scale):
        await peer.send(*(owner.item(body) for body in bodies))
    count = len(bodies) * scale
    await owner.subscribe(peer)
    messages = [await peer.push(Message) for _ in range(count)]
    gone = chance.sample(messages, count // 2)
    for message in gone:
        noise = tuple(chance.randrange(1, 1 << 64) for _ in range(3))
        await peer.expect(Done, Ack(peer.next_id(), owner.mailbox, (*noise, message.seq, message.seq)))
        await peer.expect(Done, Ack(peer.next_id(), other.mailbox, noise))
    left = [message.body for message in messages if message not in gone]
    wrong = (
        [] if await _held(port, owner, len(left)) == left else ["what was not acknowledged is not all there"]
    )
    wrong += [] if await _held(port, other, 1) == [b"untouched"] else ["somebody else's message went"]
    await peer.link.close()
    return "; ".join(wrong) or None


async def _held(port: int, owner: Owner, count: int) -> list[bytes]:
    """What a mailbox holds, in order, asked for on a connection of its own."""
    peer = await peer_of(port)
    await owner.prove(peer)
    await owner.subscribe(peer)
    found = [(await peer.push(Message)).body for _ in range(count)]
    await peer.link.close()
    return found


async def noise_in_a_session(port: int, _scale: int) -> str | None:
    """RLY-03, RLY-35: after hello, authentication and subscription; what was held is delivered again."""
    owner, peer = Owner(), await peer_of(port)
    await owner.set_up(peer)
    await peer.send(owner.item(b"held"))
    await owner.subscribe(peer)
    await peer.push(Message)
    await peer.link.send_bytes(encode_frames([Ping(peer.next_id())]) + b"\x00")
    try:
        await peer.answer(peer.next_id())
    except ConnectionClosed as closed:
        code = None if closed.rcvd is None else closed.rcvd.code
        if code != 1002:
            return f"closed with {code}"
    return None if await _held(port, owner, 1) == [b"held"] else "a held message is gone"


async def flood_of_requests(port: int, scale: int) -> str | None:
    """RLY-07: more than a bucket holds. Each is answered once, by Done or by RATE_LIMITED."""
    socket = await RawWebSocket.greet(port)
    count = 512 * 24 * scale
    sending = asyncio.create_task(_send_pings(socket, count))
    answered: Counter[int] = Counter()
    end = time.monotonic() + _PATIENCE_S
    while answered.total() < count and time.monotonic() < end and socket.heard.code is None:
        heard, socket.heard.messages = (await socket.listen(1.0, messages=1)).messages, []
        for answer in (one for data in heard for one in decode_frames(data, Role.CLIENT) if one.request_id):
            limited = isinstance(answer, ErrorReply) and answer.code is ErrorCode.RATE_LIMITED
            answered[answer.request_id] += 1 if limited or isinstance(answer, Done) else count
    await sending
    socket.abort()
    return None if answered == Counter(range(1, count + 1)) else "a request was not answered exactly once"


async def _send_pings(socket: RawWebSocket, count: int) -> None:
    for start in range(1, count + 1, 512):
        await socket.write(frame(BINARY, encode_frames([Ping(start + place) for place in range(512)])))


SESSIONS: Final[dict[str, Attack]] = {
    "requests without a right to them": ask_without_a_right,
    "acknowledgements of anything": acknowledge_anything,
    "noise in a session": noise_in_a_session,
    "requests": flood_of_requests,
}
