"""A Hypothesis machine of ill-behaved clients against a real relay process, with a model of what it holds.

Some connections speak the protocol, some send noise, half frames or pings, all vanish when they like. The
model knows which messages were answered OK and not acknowledged. At the end, and whenever a mailbox is
subscribed anew, the relay delivers exactly those, in the order of their numbers (RLY-30, RLY-35, RLY-37).
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import ClassVar, Final

import pytest
from e2ee_relay.protocol import (
    Ack,
    Auth,
    AuthResult,
    CreateMailbox,
    Done,
    ErrorCode,
    ErrorReply,
    Frame,
    Hello,
    KnownFrame,
    Message,
    QueueEmpty,
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
    token_hash,
)
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from nacl.signing import SigningKey
from raw_websocket import BINARY, CONTINUATION, PING, frame
from relay_process import RelayProcess
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

_PATIENCE_S: Final = 20.0
_SEVERAL: Final = st.integers(1, 4)


@dataclass(eq=False)
class Box:
    """A mailbox: ids of the messages that are held, in order, and the numbers of those that were read."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    address: bytes = field(default_factory=lambda: os.urandom(16))
    token: bytes = field(default_factory=lambda: os.urandom(32))
    held: list[bytes] = field(default_factory=list)
    number_of: dict[bytes, int] = field(default_factory=dict)
    sent: list[bytes] = field(default_factory=list)

    def item(self, msg_id: bytes) -> SendItem:
        return SendItem(self.address, self.token, msg_id, TtlClass.RETENTION, b"", msg_id)


class Line:
    """One connection that speaks the protocol; every request is answered exactly once (RLY-07)."""

    def __init__(self, url: str) -> None:
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(url, compression=None, max_size=1 << 20, close_timeout=0.2, ping_interval=None)
        )
        self.pushes: list[Frame] = []
        self._last = 0
        self.hello = next(one for one in self._take() if isinstance(one, Hello))

    def close(self) -> None:
        self._stack.close()

    def number(self) -> int:
        self._last += 1
        return self._last

    def _take(self) -> list[Frame]:
        return decode_frames(self.socket.recv(timeout=_PATIENCE_S, decode=False), Role.CLIENT)

    def ask(self, *requests: KnownFrame) -> list[Frame]:
        """Send all in one message; return the answers in the order of the requests."""
        self.socket.send(encode_frames(requests))
        awaited, answers = {one.request_id for one in requests}, dict[int, Frame]()
        while len(answers) < len(requests):
            for one in self._take():
                if one.request_id == 0:
                    self.pushes.append(one)
                else:
                    assert one.request_id in awaited - answers.keys(), "an answer that nobody waits for"
                    answers[one.request_id] = one
        return [answers[one.request_id] for one in requests]

    def exhaust(self) -> None:
        """Take what comes until the connection is closed, which is raised."""
        while True:
            self._take()

    def prove(self, box: Box) -> None:
        payload = auth_payload(self.hello.relay_name, self.hello.nonce, [box.address])
        public, signature = bytes(box.key.verify_key), box.key.sign(payload).signature
        assert self.ask(Auth(self.number(), (box.address,), public, signature)) == [
            AuthResult(self._last, ())
        ]

    def empty(self, box: Box) -> list[Message]:
        """Subscribe, and return what is delivered until the queue is empty."""
        assert self.ask(Subscribe(self.number(), (box.address,))) == [Done(self._last)]
        found = list[Message]()
        while True:
            while self.pushes:
                one = self.pushes.pop(0)
                if isinstance(one, QueueEmpty):
                    return found
                if isinstance(one, Message) and one.mailbox == box.address:
                    found.append(one)
            self.pushes += self._take()


class FrameMachine(RuleBasedStateMachine):
    """`relay` is set by whoever runs it; mailboxes of one example do not meet those of another."""

    relay: ClassVar[RelayProcess]
    boxes = Bundle("boxes")
    lines = Bundle("lines")

    def __init__(self) -> None:
        super().__init__()
        self.known: list[Box] = []
        self.open: list[Line] = []
        self.quiet = Line(self.relay.url)

    @initialize(target=lines)
    def connect(self) -> MultipleResults[Line]:
        return multiple(*(self._new_line() for _ in range(2)))

    @initialize(target=boxes)
    def create(self) -> MultipleResults[Box]:
        return multiple(*(self._new_box() for _ in range(2)))

    def _new_line(self) -> Line:
        self.open.append(Line(self.relay.url))
        return self.open[-1]

    def _new_box(self) -> Box:
        box, line = Box(), self.quiet
        create = CreateMailbox(line.number(), box.address, bytes(box.key.verify_key))
        assert line.ask(create) == [Done(create.request_id)]
        line.prove(box)
        hashes = (token_hash(box.token),)
        add = TokenAdd(line.number(), box.address, hashes, TokenClass.CONTACT)
        assert line.ask(add) == [Done(add.request_id)]
        self.known.append(box)
        self.send(line, box, 3, False)
        return box

    @rule(line=lines, box=boxes, several=_SEVERAL, again=st.booleans())
    def send_more(self, line: Line, box: Box, several: int, again: bool) -> None:
        self.send(line, box, several, again)

    def send(self, line: Line, box: Box, several: int, again: bool) -> None:
        """Fresh messages, and perhaps one that was sent before: it is answered OK and not held twice."""
        fresh = [os.urandom(16) for _ in range(several)]
        repeated = box.sent[:1] if again else []
        request = Send(line.number(), tuple(box.item(one) for one in [*fresh, *repeated, *fresh[:1]]))
        (answer,) = line.ask(request)
        assert isinstance(answer, SendResults)
        assert {one.code for one in answer.results} == {ErrorCode.OK}
        box.sent += fresh
        box.held += fresh

    @rule(line=lines, box=boxes)
    def send_without_a_right(self, line: Line, box: Box) -> None:
        wrong = SendItem(box.address, os.urandom(32), os.urandom(16), TtlClass.RETENTION, b"", b"x")
        (answer,) = line.ask(Send(line.number(), (wrong,)))
        assert isinstance(answer, SendResults)
        assert answer.results[0].code is ErrorCode.DENIED

    @rule(box=boxes)
    def read(self, box: Box) -> None:
        """On a connection of its own: exactly what is held, in the order of numbers."""
        line = Line(self.relay.url)
        line.prove(box)
        found = line.empty(box)
        line.close()
        assert [one.msg_id for one in found] == box.held
        assert [one.seq for one in found] == sorted({one.seq for one in found})
        box.number_of = {one.msg_id: one.seq for one in found}

    @rule(line=lines, box=boxes, data=st.data())
    def acknowledge(self, line: Line, box: Box, data: st.DataObject) -> None:
        """Some of what was read, in any order, twice, among numbers that nobody has."""
        if not box.number_of.keys() & set(box.held):
            self.read(box)
        seen = [one for one in box.held if one in box.number_of]
        gone = data.draw(st.lists(st.sampled_from(seen), unique=True)) if seen else []
        seqs = [box.number_of[one] for one in gone]
        noise = data.draw(st.lists(st.integers(1 << 60, (1 << 64) - 1), min_size=1, max_size=3))
        line.prove(box)
        ack = Ack(line.number(), box.address, (*noise, *seqs, *reversed(seqs)))
        assert line.ask(ack) == [Done(ack.request_id)]
        box.held = [one for one in box.held if one not in gone]

    @rule(line=lines, several=_SEVERAL)
    def acknowledge_nobodys(self, line: Line, several: int) -> None:
        requests = [Ack(line.number(), os.urandom(16), (1,)) for _ in range(several)]
        for answer in line.ask(*requests):
            assert isinstance(answer, ErrorReply)
            assert answer.code is ErrorCode.NOT_AUTHENTICATED

    @rule(target=lines, line=consumes(lines), noise=st.binary(min_size=1, max_size=64))
    def noise(self, line: Line, noise: bytes) -> Line:
        """A message that is none: the connection is closed with 1002."""
        line.socket.send(b"\xff" + noise)
        with pytest.raises(ConnectionClosed) as closed:
            line.exhaust()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002
        line.close()
        self.open.remove(line)
        return self._new_line()

    @rule(target=lines, line=consumes(lines), cut=st.integers(1, 30))
    def half_a_frame(self, line: Line, cut: int) -> Line:
        return self._vanish(line, frame(BINARY, os.urandom(100))[:cut])

    @rule(target=lines, line=consumes(lines))
    def half_a_message(self, line: Line) -> Line:
        return self._vanish(line, frame(BINARY, b"\x81", fin=False) + frame(CONTINUATION, b"\xa2", fin=False))

    @rule(target=lines, line=consumes(lines), several=_SEVERAL)
    def pings(self, line: Line, several: int) -> Line:
        return self._vanish(line, frame(PING, os.urandom(125)) * (100 * several))

    def _vanish(self, line: Line, last_words: bytes) -> Line:
        line.socket.socket.sendall(last_words)
        line.socket.socket.close()
        line.close()
        self.open.remove(line)
        return self._new_line()

    @invariant()
    def is_there(self) -> None:
        """The connection that does nothing wrong is served."""
        unknown = Subscribe(self.quiet.number(), (bytes(16),))
        (answer,) = self.quiet.ask(unknown)
        assert isinstance(answer, ErrorReply)

    def teardown(self) -> None:
        for box in self.known:
            self.read(box)
        for line in (*self.open, self.quiet):
            line.close()
