"""Webhooks: events of rooms, signed, to a receiver of the company; without content unless it asks for it.

A receiver computes HMAC-SHA256 over the time, a full stop and the body, compares it with the header, and
takes no event that was signed more than five minutes ago, and none twice: `id` names it. What is not taken is
sent again with growing pauses.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import json
import re
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from e2ee.grammar import is_web_url
from e2ee.ports import Rng
from e2ee.rooms.entry import ROOM_ID_B
from e2ee.secret import Secret
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.errors import WebhookFailed, WebhookQueueFull
from e2ee_client.runtime.clock import Clock
from e2ee_client.runtime.first_of import first_of

from .exchange import encode_request, exchange, is_on_this_machine, read_answer

CAPACITY: Final = 1_000
BODY_MAX_B: Final = 65_536
PAUSES_S: Final = (10, 60, 600, 3_600, 21_600, 43_200, 86_400, 86_400, 86_400)
"""Pauses after each failure, of more than three days; after the last one an event is given up."""
TOLERANCE_S: Final = 300
TIME_LIMIT_S: Final = 15.0
ID_B: Final = 16


class WebhookSecret(Secret):
    """The 32 bytes that a receiver shares."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver: https, or http on this machine. `has_content` sends texts to it, which is the company's
    choice to make and to state in its notice.
    """

    url: str
    secret: WebhookSecret = field(repr=False)
    has_content: bool = False
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        path = urlsplit(self.url)._replace(scheme="https", netloc="a.example").geturl()
        local = is_on_this_machine(self.origin) and is_web_url(path)
        if len(self.url) > 1_000 or not (is_web_url(self.url) or local) or "#" in self.url:
            raise ConfigError("a webhook has an https address, or http on this machine")

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return "/".join(self.url.split("/", 3)[:3])

    @property
    def path(self) -> str:
        """What is asked of the origin."""
        return self.url[len(self.origin) :] or "/"


class RoomEvent(NamedTuple):
    """An event of a room: its kind, the room, the time, and the hash of the entry that it is about, of which
    only a receiver of content is told what it says.
    """

    kind: str
    room: bytes
    at_ms: int
    entry: bytes | None = None


def encode_event(event: RoomEvent, event_id: bytes) -> bytes:
    """Return the body: JSON with id, kind, room and time."""
    return _encode(id=event_id.hex(), kind=event.kind, room=event.room.hex(), at_ms=event.at_ms)


def with_text(body: bytes, text: str | None) -> bytes:
    """Return a body with what an entry says; without, where that is nothing, or too long. A text that the
    body has itself, from an earlier release, is dropped.
    """
    values = {name: value for name, value in json.loads(body).items() if name != "text"}
    bare, whole = _encode(**values), _encode(**values, text=text)
    return bare if text is None or len(whole) > BODY_MAX_B else whole


def _encode(**values: object) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace")


def signature(secret: WebhookSecret, at_s: int, body: bytes) -> str:
    """Return the value of `Sealroom-Signature`: `v1=` and HMAC-SHA256 over time, full stop and body."""
    message = str(at_s).encode("ascii") + b"." + body
    return "v1=" + hmac.new(secret.expose(), message, hashlib.sha256).hexdigest()


def is_genuine(secret: WebhookSecret, at: str, given: str, body: bytes, now_ms: int) -> bool:
    """Whether an event comes from who has the secret, and is at most five minutes old; for a receiver."""
    if not at.isascii() or not at.isdecimal() or len(at) > 15 or not given.isascii():
        return False
    in_time = abs(now_ms // 1000 - int(at)) <= TOLERANCE_S
    return hmac.compare_digest(signature(secret, int(at), body), given) and in_time


def _id_of(kind: str, of: bytes) -> bytes:
    """Return the id of an event about something that has a name."""
    return hashlib.sha256(kind.encode() + b"\0" + of).digest()[:ID_B]


# --- the queue ---


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits: its id, its body without what was written, when it is due, and how often it has
    failed; `content_of` is the room, and after it the hash of the entry, that it is about.
    """

    event_id: bytes
    body: bytes
    due_ms: int
    failures: int = 0
    content_of: bytes | None = None


_ROOM: Final = re.compile(rb'"room": "([0-9a-f]{32})"')


def _room_of(row: Waiting) -> bytes:
    """Return the room of an event; of a body that has none all have one turn."""
    if row.content_of is not None:
        return row.content_of[:ROOM_ID_B].hex().encode()
    found = _ROOM.search(row.body)
    return b"" if found is None else found[1]


def _is_offered_again(row: Waiting) -> bool:
    """Whether a desk tells of it anew at a start while it is unread: a text or a new wording (CNS-89)."""
    return json.loads(row.body).get("kind") in ("entry.text", "entry.edit")


class QueueStore(Protocol):
    """Where events wait; each call is on disk when it returns."""

    def rows(self) -> Iterable[Waiting]:
        """Return all rows."""
        ...

    async def put(self, row: Waiting) -> None:
        """Keep a row in the place of the one with its id."""
        ...

    async def drop(self, event_id: bytes) -> None:
        """Drop a row."""
        ...


class MemoryQueue:
    """A queue in memory: what waits is lost when the program ends."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Waiting] = {}

    def rows(self) -> Iterable[Waiting]:
        return list(self._rows.values())

    async def put(self, row: Waiting) -> None:
        self._rows[row.event_id] = row

    async def drop(self, event_id: bytes) -> None:
        self._rows.pop(event_id, None)


Post = Callable[[Webhook, bytes, int], Awaitable[None]]
Says = Callable[[bytes], Awaitable[str | None]]
"""What an entry says to a receiver, by `content_of`; None where it says nothing any more."""
Ready = Callable[[], Awaitable[None]]
Failed = Callable[[BaseException], None]


async def _nothing(_content_of: bytes) -> None:
    return None


async def _at_once() -> None:
    return None


def _unheard(_error: BaseException) -> None:
    return None


async def post(webhook: Webhook, body: bytes, now_ms: int) -> None:
    """Send an event to its receiver, which takes it with a status of 200 to 299.

    Raises:
        WebhookFailed.
    """
    at_s = now_ms // 1000
    request = encode_request(
        "POST",
        webhook.origin,
        webhook.path,
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Sealroom-Timestamp: {at_s}",
        f"Sealroom-Signature: {signature(webhook.secret, at_s, body)}",
        body=body,
    )
    try:
        answer = await exchange(webhook.origin, request, BODY_MAX_B, TIME_LIMIT_S, webhook.ssl_context)
        status = read_answer(answer, "POST").status
    except (OSError, UnicodeError, http.client.HTTPException, ValueError) as error:
        raise WebhookFailed(f"the receiver cannot be used ({type(error).__name__})") from None
    if status // 100 != 2:
        raise WebhookFailed(f"the receiver does not take the event (HTTP {status})")


class Webhooks:
    """Sends events to one receiver, rooms in turn, of one room what is due first (CNS-90); `lost` counts what
    was given up.
    """

    def __init__(
        self,
        webhook: Webhook,
        clock: Clock,
        rng: Rng,
        store: QueueStore | None = None,
        send: Post = post,
        says: Says = _nothing,
        ready: Ready = _at_once,
        failed: Failed = _unheard,
    ) -> None:
        """Nothing is sent before `ready` returns, and with content what an entry `says` when it is sent. An
        error of ours puts an event off as one of the receiver does; `failed` is told of it.
        """
        self._webhook, self._clock, self._rng, self._send = webhook, clock, rng, send
        self._says, self._ready, self._failed = says, ready, failed
        self._store = MemoryQueue() if store is None else store
        self._added = asyncio.Event()
        self._turns: dict[bytes, int] = {}
        self.lost = 0

    async def add(self, event: RoomEvent, of: bytes | None = None) -> None:
        """Keep an event until it is sent. Its entry, or what it is `of`, gives its id, the same one each
        time: a receiver that gets it again knows it.

        Raises:
            WebhookQueueFull.
        """
        waiting = {one.event_id for one in self._store.rows()}
        of = event.entry if of is None else of
        event_id = self._rng(ID_B) if of is None else _id_of(event.kind, of)
        if event_id in waiting:
            return
        if len(waiting) >= CAPACITY:
            self.lost += 1
            given_up = self._least(event.room.hex().encode())
            full = WebhookQueueFull("the receiver has taken nothing for so long that no event is kept")
            if given_up is None:
                raise full
            self._failed(full)
            await self._store.drop(given_up.event_id)
        content_of = None if event.entry is None else event.room + event.entry
        body = encode_event(event, event_id)
        await self._store.put(Waiting(event_id, body, self._clock.now_ms(), content_of=content_of))
        self._added.set()

    def _least(self, room: bytes) -> Waiting | None:
        """Return the event in whose place one of a room is kept, if more wait of another one: of the fullest
        that has one about an entry, the last text or wording, else the last about an entry (CNS-90).
        """
        rows = [(_room_of(row), row) for row in self._store.rows()]
        counts = Counter(one for one, _ in rows)
        given_up = [
            (counts[one], _is_offered_again(row), -row.failures, row.due_ms, row)
            for one, row in rows
            if row.content_of is not None and counts[one] > counts[room] + 1
        ]
        return max(given_up, key=lambda one: one[:4], default=(None,))[-1]

    async def run(self) -> None:
        """Send what is due, until cancelled."""
        while True:
            self._added.clear()
            await self.send_due()
            await self._next()

    async def send_due(self) -> None:
        """Send each event that is due, one after the other; one that fails waits for its next time."""
        while True:
            await self._ready()
            row = self._next_due()
            if row is None:
                return
            await self._try(row)

    def _next_due(self) -> Waiting | None:
        """Return the event that is sent next, and note the turn of its room (CNS-90)."""
        due = [(_room_of(row), row) for row in self._store.rows() if self._is_due(row)]
        self._turns = {room: self._turns.get(room, 0) for room, _ in due}
        room, row = min(due, key=lambda one: (self._turns[one[0]], one[1].due_ms), default=(b"", None))
        self._turns[room] = max(self._turns.values(), default=0) + 1
        return row

    def _is_due(self, row: Waiting) -> bool:
        """Whether an event is due; a time beyond the longest pause was noted by a clock that was ahead."""
        now_ms = self._clock.now_ms()
        return not now_ms < row.due_ms <= now_ms + PAUSES_S[-1] * 1000

    async def _try(self, row: Waiting) -> None:
        """Send an event; an error of ours puts it off, and is told (CNS-72)."""
        (error,) = await asyncio.gather(self._leave(row), return_exceptions=True)
        if error is not None:
            self._failed(error)
            await self._put_off(row)

    async def _leave(self, row: Waiting) -> None:
        text = None
        if self._webhook.has_content and row.content_of is not None:
            text = await self._says(row.content_of)
        try:
            await self._send(self._webhook, with_text(row.body, text), self._clock.now_ms())
        except WebhookFailed as error:
            if row.failures >= len(PAUSES_S):
                self._failed(error)
            await self._put_off(row)
        else:
            await self._store.drop(row.event_id)

    async def _put_off(self, row: Waiting) -> None:
        """Have an event sent again later, unless it was given up while it was sent (CNS-90)."""
        if all(one.event_id != row.event_id for one in self._store.rows()):
            return
        if row.failures >= len(PAUSES_S):
            self.lost += 1
            await self._store.drop(row.event_id)
            return
        due_ms = self._clock.now_ms() + PAUSES_S[row.failures] * 1000
        await self._store.put(replace(row, due_ms=due_ms, failures=row.failures + 1))

    async def _next(self) -> None:
        """Wait until an event is added or due."""
        due = [row.due_ms for row in self._store.rows()]
        timer = (self._clock.wait_until(min(due)),) if due else ()
        await first_of(self._added.wait(), *timer)
