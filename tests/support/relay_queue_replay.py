"""The relay's real core and store under a trace of the model RelayQueue (RLY-30 to RLY-41).

The writer is played by the test, so that a crash can come between a commit and its answer. The client is a
list: what the real client does with a message is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from e2ee_relay.limits import Policy, Rate
from e2ee_relay.mailbox import SEQ_COUNTER_BITS, Mailbox
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
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Effect, Submit, Then
from e2ee_relay.store.changes import Change, DropMessages, PutMessages, ReadBodies, Result, StoreFailure
from e2ee_relay.store.sqlite import SqliteStore
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


class Waiting(NamedTuple):
    """A change on its way to the disk, and what the model calls it; None if the model does not know it."""

    change: Change
    then: Then
    named: Mapping[str, Any] | None


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
        self._rows: dict[int, Row] = {}
        self._asked: dict[int, list[int]] = {}  # request id to the id sent, or to the seqs acknowledged
        self._confirmed: set[int] = set()
        self._acked: set[int] = set()
        self._given: list[Row] = []
        self._to_ack: set[int] = set()
        self._open()
        self._set_up()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    # --- the relay's process ---

    def _open(self) -> None:
        self._store = SqliteStore(self._place / "relay.db", _INSTANCE)
        self.core = RelayCore(_POLICY, self._store.load(), self._now_ms)
        self._queue: list[Waiting] = []
        self._done: list[tuple[Waiting, Result]] = []
        self._wire: list[Row] = []
        self._owner: int | None = None
        self._subs = 0
        self._sender, _ = self.core.connect(bytes(32))

    def _set_up(self) -> None:
        connection = self._authenticated()
        self._receive(connection, CreateMailbox(self._next_id(), _MAILBOX, bytes(_KEY.verify_key)))
        self._commit(len(self._queue))
        self._prove(connection)
        hashes = (token_hash(_TOKEN),)
        self._receive(connection, TokenAdd(self._next_id(), _MAILBOX, hashes, TokenClass.CONTACT))
        self._commit(len(self._queue))
        self.core.disconnect(connection)

    @property
    def _now_ms(self) -> int:
        return START_MS + self._now * LIFE_MS

    @property
    def _mailbox(self) -> Mailbox:
        return self.core.state.mailboxes[_MAILBOX]

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _authenticated(self) -> int:
        connection, _ = self.core.connect(_NONCE)
        self._prove(connection)
        return connection

    def _prove(self, connection: int) -> None:
        signature = _KEY.sign(auth_payload("localhost", _NONCE, (_MAILBOX,))).signature
        self._receive(connection, Auth(self._next_id(), (_MAILBOX,), bytes(_KEY.verify_key), signature))

    def _receive(self, connection: int, frame: KnownFrame, number: int = 0) -> None:
        self._take(self.core.receive(connection, frame, self._now_ms), number)

    def _take(self, effects: Iterable[Effect], number: int = 0) -> None:
        for effect in effects:
            if isinstance(effect, Submit):
                self._queue.append(Waiting(effect.change, effect.then, self._named(effect.change, number)))
            elif isinstance(effect.frame, Message) and effect.connection == self._owner:
                frame = effect.frame
                self._wire.append({"seq": seq_of(frame.seq), "id": int.from_bytes(frame.msg_id, "big")})
            elif isinstance(effect.frame, SendResults) and effect.frame.results[0].code is ErrorCode.OK:
                self._confirmed |= set(self._asked[effect.frame.request_id])
            elif isinstance(effect.frame, Done):
                self._acked |= set(self._asked.get(effect.frame.request_id, ()))

    def _named(self, change: Change, number: int) -> Mapping[str, Any] | None:
        match change:
            case PutMessages(rows):
                self._rows |= {row.row_id: row_of(row.seq, row.msg_id, row.expires_ms) for row in rows}
                # A fresh copy has to be confirmed for itself.
                self._confirmed -= {number} if rows else set()
                return self._change("put", [row.row_id for row in rows], number)
            case DropMessages(row_ids, remember):
                lapses = bool(row_ids) and not remember
                return self._change("lapse" if lapses else "drop", row_ids, sub=0 if lapses else self._subs)
            case ReadBodies(row_ids):
                return self._change("read", row_ids, sub=self._subs)
            case _:
                return None

    def _change(self, op: str, row_ids: Iterable[int], number: int = 0, sub: int = 0) -> Mapping[str, Any]:
        rows = as_set(self._rows[row_id] for row_id in row_ids)
        return {"op": op, "id": number, "rows": rows, "sub": sub}

    # --- the writer ---

    def _commit(self, count: int) -> None:
        """Commit the first changes in one transaction; what the model does not know is answered at once."""
        group = self._first(count)
        for waiting, result in zip(group, self._store.execute([one.change for one in group]), strict=True):
            if waiting.named is None:
                self._take(self.core.complete(waiting.then, result, self._now_ms))
            else:
                self._done.append((waiting, result))

    def _first(self, count: int) -> list[Waiting]:
        """Take the first `count` changes that the model knows, and all before the next such one."""
        group: list[Waiting] = []
        while self._queue and (count or self._queue[0].named is None):
            group.append(self._queue.pop(0))
            count -= group[-1].named is not None
        return group

    def _fail(self) -> None:
        group = self._first(1)
        for waiting in group:
            if waiting.named is None:
                self._take(self.core.complete(waiting.then, None, self._now_ms))
            else:
                self._done.append((waiting, StoreFailure("no room")))

    def _answer(self) -> None:
        waiting, result = self._done.pop(0)
        self._take(self.core.complete(waiting.then, result, self._now_ms))

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
            case "answer":
                self._answer()
            case "tick":
                self._now += 1
                self._take(self.core.tick(self._now_ms))
            case "crash":
                self._crash()
            case other:
                self._client_step(other)

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
        self._receive(self._sender, Send(request, (item,)), number)

    def _crash(self) -> None:
        """Go on with the files as they are now."""
        self._crashes += 1
        self._place = crash_image(self._place, self._folder / str(self._crashes))
        self._store.close()
        self._open()

    def _connect(self) -> None:
        older, self._owner = self._owner, self._authenticated()
        self._subs += 1
        self._wire, self._last = [], 0
        self._receive(self._owner, Subscribe(self._next_id(), (_MAILBOX,)))
        if older is not None:
            self.core.disconnect(older)

    def _take_message(self) -> None:
        message = self._wire.pop(0)
        if message["id"] not in {one["id"] for one in self._given}:
            self._given.append(message)
        self._to_ack.add(message["seq"])
        self._last = message["seq"]

    def _ack(self) -> None:
        request = self._next_id()
        seqs = tuple(real_seq_of(seq) for seq in sorted(self._to_ack))
        known = {*self._mailbox.held, *self._mailbox.leaving}
        self._asked[request] = [seq_of(seq) for seq in seqs if seq in known]
        self._to_ack = set()
        if self._owner is None:
            raise ValueError("no connection to acknowledge on")
        self._receive(self._owner, Ack(request, _MAILBOX, seqs))

    def _client_crash(self) -> None:
        if self._owner is not None:
            self.core.disconnect(self._owner)
        self._owner, self._wire, self._to_ack, self._last = None, [], set(), 0

    # --- the state in the model's words ---

    def state(self) -> Mapping[str, Any]:
        """What disk, memory, queue and client hold."""
        return {
            "disk": self._disk(),
            "core": self._memory(),
            "queue": [one.named for one in self._queue if one.named is not None],
            "done": [self._result(waiting, result) for waiting, result in self._done],
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
        rows = self._store.connection.execute
        held = rows("SELECT seq, msg_id, expires_ms FROM message").fetchall()
        gone = rows("SELECT DISTINCT msg_id FROM remembered").fetchall()
        (generation,) = rows("SELECT value FROM meta WHERE name = 'generation'").fetchone()
        return {
            "gen": generation,
            "held": as_set(row_of(*one) for one in held),
            "gone": as_set(int.from_bytes(msg_id, "big") for (msg_id,) in gone),
        }

    def _memory(self) -> Mapping[str, Any]:
        mailbox, state = self._mailbox, self.core.state
        subscription = mailbox.subscription
        known = [msg_id for _, msg_id in state.remembered._until_ms]
        return {
            "gen": state.generation,
            "count": mailbox._counter % (1 << SEQ_COUNTER_BITS),
            "held": held_of(mailbox.held),
            "pending": as_set(int.from_bytes(msg_id, "big") for msg_id in mailbox.pending),
            "leaving": held_of(mailbox.leaving),
            "known": as_set(int.from_bytes(msg_id, "big") for msg_id in known),
            "sub": 0 if subscription is None else self._subs,
            "subs": self._subs,
            "backlog": as_set(
                seq_of(seq) for seq in (() if subscription is None else subscription.backlog or ())
            ),
            "reading": subscription is not None and subscription.is_reading,
        }

    def _result(self, waiting: Waiting, result: Result) -> Mapping[str, Any]:
        named = dict(waiting.named or {})
        if isinstance(result, dict):
            named["rows"] = as_set(self._rows[row_id] for row_id in result)
        return {**named, "ok": not isinstance(result, StoreFailure)}
