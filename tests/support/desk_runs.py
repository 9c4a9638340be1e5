"""Desks that run in a test, what they send, and a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from conversations import until
from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.turn import Turn
from e2ee_client.rooms import Desk, Service
from e2ee_client.rooms.errors import WebhookFailed
from e2ee_client.rooms.mail import MailServer
from e2ee_client.rooms.webhooks import Webhook, WebhookSecret
from e2ee_client.testing import FakeClock
from practice import Practice

from e2ee.ids import DeviceId
from e2ee.rooms.entry import EntryHash, RoomId

HOOK = Webhook("https://praxis.example/hook", WebhookSecret(b"s" * 32), has_content=True)
MAIL = MailServer("localhost", 25, "post@praxis.example", "Praxis", "none")
PAGE = "https://praxis.example/nachrichten"


@asynccontextmanager
async def running(desk: Desk, service: Service) -> AsyncIterator[None]:
    """Let a desk run; what it had to do when it ran last has been read, and is begun."""
    task = asyncio.create_task(desk.run(service))

    def has_begun() -> bool:
        return desk._attending is not None and bool(desk._attending.lanes._kept)

    try:
        await until(lambda: has_begun() or task.done())
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def ahead(praxis: Practice) -> FakeClock:
    """The clock of the practice's network, which a test moves."""
    assert isinstance(praxis.network.clock, FakeClock)
    return praxis.network.clock


class Receiver:
    """Takes events while it is up."""

    def __init__(self) -> None:
        self.is_up = False
        self.bodies: list[dict[str, str]] = []

    async def __call__(self, hook: Webhook, body: bytes, now_ms: int) -> None:
        if not self.is_up:
            raise WebhookFailed("not now")
        self.bodies.append(json.loads(body))

    @property
    def kinds(self) -> list[str]:
        return [one["kind"] for one in self.bodies]

    @property
    def texts(self) -> list[str]:
        """What it was told of what was written."""
        return [one["text"] for one in self.bodies if "text" in one]


async def second_desk(praxis: Practice) -> Desk:
    """Another front desk of the practice."""
    invite = await praxis.company.invite("Zweiter Empfang", front_desk=True)
    desk = await Desk.join(None, invite, runtime=praxis.network.runtime())
    praxis.stack.push_async_callback(desk.close)
    await desk.wait_ready(60)
    await desk.wait_settled(60)
    return desk


def waiting(desk: Desk) -> int:
    """How many events that say what was written wait at a desk that runs."""
    assert desk._attending is not None
    return sum(one.content_of is not None for one in desk._attending._queue.rows())


async def settled(praxis: Practice, desk: Desk) -> None:
    """Wait until a desk has done what is to be done now, and looked at each room that is due for a mail.

    After some leaps of the clock the next connection may be a minute off: time goes on until it is there.
    """
    assert desk._attending is not None
    lanes, mails = desk._attending.lanes, desk._mailing
    timed = {} if mails is None else mails._timed._due

    def is_settled() -> bool:
        return not lanes._tasks and all(at_ms > ahead(praxis).now_ms() for at_ms in timed.values())

    await asyncio.sleep(0.05)
    if not is_settled():
        await until_later(praxis, is_settled)


def confirmed_by(turn: Turn, rooms: Rooms, room_id: bytes, entry: bytes, device_id: DeviceId) -> None:
    """A device of the company has confirmed an entry of ours."""
    engine = rooms.room(turn, RoomId(room_id))
    stored = engine.log.find(turn, EntryHash(entry))
    assert stored is not None
    engine.writing.confirmed(turn, stored, device_id)


async def until_later(praxis: Practice, happened: Callable[[], bool]) -> None:
    """Wait for what may need a new connection first: a leap of the clock ends those that there were.

    Time goes no faster than a busy machine answers what a connection asks within its limits.
    """

    def has_happened() -> bool:
        ahead(praxis).advance(100)
        return happened()

    await until(has_happened)
