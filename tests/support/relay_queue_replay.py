"""The relay's real node and store under a trace of the model RelayQueue (RLY-30 to RLY-41).

The writer is played by the test, so that a crash can come between a commit and its answer. The client is a
list: what the real client does with a message is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from core_bench import PlayedStore
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.node import Node
from e2ee_relay.protocol import (
    Ack,
    Auth,
    CreateMailbox,
    Done,
    ErrorCode,
    KnownFrame,
    Message,
    Send,
    SendItem,
    SendResults,
    Subscribe,
    TokenAdd,
    TokenClass,
    TtlClass,
    auth_payload,
    token_hash,
)
from e2ee_relay.session import Session
from e2ee_relay.store.api import Op, Read
from e2ee_relay.store.sqlite import Submitted
from e2ee_relay.store.sqlite_file import DatabaseFile
from e2ee_relay.store.sqlite_view import SEQ_COUNTER_BITS
from model_traces import Step, as_set, crash_image
from nacl.signing import SigningKey
from relay_queue_words import LIFE_MS, START_MS, Row, held_of, real_seq_of, row_of, seq_of

_KEY: Final = SigningKey(b"k" * 32)
_MAILBOX: Final = b"m" * 16
_TOKEN: Final = b"t" * 32
_NONCE: Final = b"o" * 32
_INSTANCE: Final = b"i" * 16
_UNBOUNDED: Final = Rate(1e9, 1e9)
_POLICY: Final = Policy(
    contact_messages=_UNBOUNDED,
    contact_b=_UNBOUNDED,
    mailbox_messages=_UNBOUNDED,
    subscriptions=_UNBOUNDED,
    auths=_UNBOUNDED,
)
# What the model has no word for is carried out ahead of the queue.
_NAMED: Final = (Send, Ack, Read)


class QueuedStore(PlayedStore):
    """Carries out at once what the model does not know."""

    def _commit_waiting(self) -> None:
        if self._is_committing:
            return
        self._is_committing = True
        for one in [one for one in self._waiting if not is_named(one)]:
            self._waiting.remove(one)
            self._carry_out([one])
            self.answer(one, failed=False)
        self._is_committing = False
        if any(not is_named(one) for one in self._waiting):
            self._commit_waiting()

    def carry_out(self, group: list[Submitted]) -> None:
        """Commit, and let nobody hear of it yet."""
        if not self._carry_out(group):
            raise ValueError("a commit failed by itself")

    def answer(self, one: Submitted, *, failed: bool) -> None:
        """Have the node hear of one operation."""
        if one.op is not None:
            self._node.committed([one.op], failed=failed)

    def recover(self) -> None:
        """What the loop does when the writer could not commit."""
        self.view.is_stopped = True
        lost = [one.op for one in self._waiting if one.op is not None]
        self._waiting.clear()
        self._node.committed(lost, failed=True)
        self._reload()
        self._begin_generation()


def is_named(one: Submitted) -> bool:
    """Tell whether the model has a word for it."""
    if one.op is not None:
        return isinstance(one.op.request, _NAMED)
    return one.writes is not None and bool(one.writes.gone)


class Finished(NamedTuple):
    """An operation that was committed, or failed, and is not answered."""

    one: Submitted
    named: Mapping[str, Any]
    is_ok: bool


class RelayQueueReplay:
    """One mailbox. A message id is its number in 16 bytes; a seq is generation * 10 + counter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._place = folder / "0"
        self._place.mkdir()
        self._crashes = 0
        self._now = 0
        self._last_id = 0
        self._last = 0
        self._rows: dict[int, Row] = {}  # by row id
        self._asked: dict[int, list[int]] = {}  # request id to the id sent, or to the seqs acknowledged
        self._confirmed: set[int] = set()
        self._acked: set[int] = set()
        self._given: list[Row] = []
        self._to_ack: set[int] = set()
        self._open()
        self._set_up()

    def close(self) -> None:
        """Let go of the store."""
        self._file.close()

    # --- the relay's process ---

    def _open(self) -> None:
        self._file = DatabaseFile(self._place / "relay.db", _INSTANCE)
        self._store = QueuedStore(self._file)
        self.node = Node(_POLICY, self._store, lambda: self._now_ms)
        self._store.load(self.node)
        self._done: list[Finished] = []
        self._named: dict[int, Mapping[str, Any]] = {}  # by the identity of what was submitted
        self._submitted: list[Submitted] = []  # kept, so that no identity comes again
        self._wire: list[Row] = []
        self._owner: Session | None = None
        self._subs = 0
        self._is_broken = False
        self._sender = self.node.connect(self, bytes(32))

    def _set_up(self) -> None:
        session = self.node.connect(self, _NONCE)
        self.node.receive(session, CreateMailbox(self._next_id(), _MAILBOX, bytes(_KEY.verify_key)))
        self._prove(session)
        hashes = (token_hash(_TOKEN),)
        self.node.receive(session, TokenAdd(self._next_id(), _MAILBOX, hashes, TokenClass.CONTACT))
        self.node.disconnect(session)

    @property
    def _now_ms(self) -> int:
        return START_MS + self._now * LIFE_MS

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _prove(self, session: Session) -> None:
        signature = _KEY.sign(auth_payload("localhost", _NONCE, (_MAILBOX,))).signature
        self.node.receive(session, Auth(self._next_id(), (_MAILBOX,), bytes(_KEY.verify_key), signature))

    def put(self, frame: KnownFrame, *, can_wait: bool = False) -> None:
        """Take a frame of any connection: only that of the owner gets messages."""
        if isinstance(frame, Message):
            self._wire.append({"seq": seq_of(frame.seq), "id": int.from_bytes(frame.msg_id, "big")})
        elif isinstance(frame, SendResults) and frame.results[0].code is ErrorCode.OK:
            self._confirmed |= set(self._asked[frame.request_id])
        elif isinstance(frame, Done):
            self._acked |= set(self._asked.get(frame.request_id, ()))

    # --- the writer ---

    def _queue(self) -> list[Mapping[str, Any]]:
        return [self._name_of(one) for one in self._store._waiting]

    def _name_of(self, one: Submitted) -> Mapping[str, Any]:
        """Return what the model calls it; the words are those of the moment in which it was submitted."""
        if id(one) not in self._named:
            self._named[id(one)] = self._words(one)
            self._submitted.append(one)
        return self._named[id(one)]

    def _words(self, one: Submitted) -> Mapping[str, Any]:
        writes, op = one.writes, one.op
        if writes is None:
            raise ValueError("the model has no directory")
        self._rows |= {row[0]: row_of(row[2], row[3], row[4]) for row in writes.puts}
        put = [self._rows[row[0]] for row in writes.puts]
        gone = [self._row(row_id) for row_id in writes.gone]
        if op is None:
            return _word("lapse", 0, gone, 0, ())
        if isinstance(op.request, Send):
            return _word("send", int.from_bytes(op.request.items[0].msg_id, "big"), put, 0, ())
        if isinstance(op.request, Ack):
            freed = [seq_of(seq) for seq in op.kept or ()]
            return _word("ack", 0, gone, self._subs, freed)
        return _word("read", 0, self._to_read(op), self._subs, ())

    def _to_read(self, op: Op) -> list[Row]:
        """What a read has chosen: what is held and was not in flight."""
        box = self._store.view.boxes[_MAILBOX]
        chosen = [
            row.row_id
            for seq, row in box.mine.rows.items()
            if seq not in op.request.in_flight and row.expires_ms > self._now_ms
        ]
        return [self._row(row_id) for row_id in chosen]

    def _row(self, row_id: int) -> Row:
        return self._rows[row_id]

    def _commit(self, count: int) -> None:
        group = [self._store._waiting.popleft() for _ in range(count)]
        names = [self._name_of(one) for one in group]
        self._store.carry_out(group)
        for one, name in zip(group, names, strict=True):
            found = name
            if one.op is not None and isinstance(one.op.request, Read):
                seqs = {seq_of(message.seq) for message in one.op.result.messages}
                found = {**name, "rows": as_set(row for row in name["rows"] if row["seq"] in seqs)}
            self._done.append(Finished(one, found, is_ok=True))

    def _fail(self) -> None:
        one = self._store._waiting.popleft()
        self._done.append(Finished(one, self._name_of(one), is_ok=False))
        self._is_broken = True

    # --- steps ---

    def carry_out(self, step: Step) -> None:
        """Carry out one step of the model."""
        number = int(step.step["n"])
        match step.step["op"]:
            case "send":
                self._send(number)
            case "flush":
                self._commit(number)
            case "fail":
                self._fail()
            case "recover":
                self._store.recover()
                self._is_broken = False
            case "answer":
                done = self._done.pop(0)
                self._store.answer(done.one, failed=not done.is_ok)
            case "tick":
                self._now += 1
                self.node.tick(self._now_ms)
            case "pump":
                if self._owner is not None:
                    self.node.delivery.pump_postponed(self._owner)
            case "crash":
                self._crash()
            case other:
                self._client_step(other)
        self._queue()

    def _client_step(self, op: str) -> None:
        match op:
            case "connect":
                self._connect()
            case "take":
                self._take_message()
            case "ack":
                self._ack()
            case "client crash":
                self._client_crash()
            case other:
                raise ValueError(f"no such step: {other}")

    def _send(self, number: int) -> None:
        request = self._next_id()
        self._asked[request] = [number]
        item = SendItem(_MAILBOX, _TOKEN, number.to_bytes(16, "big"), TtlClass.MINUTE, b"", b"body")
        self.node.receive(self._sender, Send(request, (item,)))

    def _crash(self) -> None:
        """Go on with the files as they are now."""
        self._crashes += 1
        self._place = crash_image(self._place, self._folder / str(self._crashes))
        self._file.close()
        self._open()

    def _connect(self) -> None:
        older, self._owner = self._owner, self.node.connect(self, _NONCE)
        self._prove(self._owner)
        self._subs += 1
        self._wire, self._last = [], 0
        self.node.receive(self._owner, Subscribe(self._next_id(), (_MAILBOX,)))
        if older is not None:
            self.node.disconnect(older)

    def _take_message(self) -> None:
        message = self._wire.pop(0)
        if message["id"] not in {one["id"] for one in self._given}:
            self._given.append(message)
        self._to_ack.add(message["seq"])
        self._last = message["seq"]

    def _ack(self) -> None:
        request = self._next_id()
        seqs = tuple(real_seq_of(seq) for seq in sorted(self._to_ack))
        held = self._store.view.boxes[_MAILBOX].mine.rows
        self._asked[request] = [seq_of(seq) for seq in seqs if seq in held]
        self._to_ack = set()
        if self._owner is None:
            raise ValueError("no connection to acknowledge on")
        self.node.receive(self._owner, Ack(request, _MAILBOX, seqs))

    def _client_crash(self) -> None:
        if self._owner is not None:
            self.node.disconnect(self._owner)
        self._owner, self._wire, self._to_ack, self._last = None, [], set(), 0

    # --- the state in the model's words ---

    def state(self) -> Mapping[str, Any]:
        """What disk, memory, queue and client hold."""
        return {
            "disk": self._disk(),
            "core": self._memory(),
            "queue": self._queue(),
            "done": [{**one.named, "ok": one.is_ok} for one in self._done],
            "wire": self._wire,
            "client": {
                "given": self._given,
                "inbox": [],
                "toack": as_set(self._to_ack),
                "last": self._last,
            },
            "confirmed": as_set(self._confirmed),
            "acked": as_set(self._acked),
        }

    def _disk(self) -> Mapping[str, Any]:
        rows = self._file.connection.execute
        held = rows("SELECT seq, msg_id, expires_ms FROM message").fetchall()
        seen = rows("SELECT DISTINCT msg_id FROM seen").fetchall()
        (generation,) = rows("SELECT value FROM meta WHERE name = 'generation'").fetchone()
        return {
            "gen": generation,
            "held": as_set(row_of(*one) for one in held),
            "seen": as_set(int.from_bytes(msg_id, "big") for (msg_id,) in seen),
        }

    def _memory(self) -> Mapping[str, Any]:
        view = self._store.view
        box = view.boxes[_MAILBOX]
        subscription = self.node.delivery.subscriptions.get(_MAILBOX)
        ids = {key[-16:] for part in view.seen._parts for key in part.ids}
        return {
            "gen": self._store.generation,
            "count": box.last_seq % (1 << SEQ_COUNTER_BITS),
            "held": held_of(box.mine.rows, self._rows),
            "seen": as_set(int.from_bytes(msg_id, "big") for msg_id in ids),
            "broken": self._is_broken,
            "sub": 0 if subscription is None else self._subs,
            "subs": self._subs,
            "behind": subscription is not None and subscription.is_behind,
            "reading": subscription is not None and subscription.is_reading,
            "flight": as_set(seq_of(seq) for seq in (() if subscription is None else subscription.unacked)),
        }


def _word(op: str, number: int, rows: Iterable[Row], sub: int, freed: Iterable[int]) -> Mapping[str, Any]:
    return {"op": op, "id": number, "rows": as_set(rows), "sub": sub, "freed": as_set(freed)}
