"""Webhooks: signed, without content, sent again with growing pauses, and bounded."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.errors import WebhookFailed, WebhookQueueFull
from e2ee_client.rooms.webhooks import (
    CAPACITY,
    PAUSES_S,
    MemoryQueue,
    RoomEvent,
    Waiting,
    Webhook,
    Webhooks,
    WebhookSecret,
    is_genuine,
    post,
    signature,
)
from e2ee_client.testing import FakeClock
from parties import DAY_MS, NOW_MS, ScriptedRng

SECRET = WebhookSecret(b"s" * 32)
HOOK = Webhook("https://praxis.example/hook?a=1", SECRET)
CONTENT = Webhook(HOOK.url, SECRET, has_content=True)
ENTRY = b"e" * 32
EVENT = RoomEvent("message", b"room" * 4, NOW_MS)


class Receiver:
    """Takes events, or fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.bodies: list[dict[str, Any]] = []
        self.times: list[int] = []

    async def __call__(self, webhook: Webhook, body: bytes, now_ms: int) -> None:
        self.times.append(now_ms)
        if self.failures:
            self.failures -= 1
            raise WebhookFailed("no")
        self.bodies.append(json.loads(body))


def sender(receiver: Receiver, clock: FakeClock, hook: Webhook = HOOK) -> Webhooks:
    """What sends to a receiver."""
    return Webhooks(hook, clock, ScriptedRng("hook"), MemoryQueue(), receiver)


async def test_an_event_has_no_content_unless_the_company_says_so() -> None:
    """CNS-43: and none that makes it longer than a receiver takes."""
    receiver, clock, texts = Receiver(), FakeClock(NOW_MS), ["Ich habe Fieber", "x" * 65_536]

    async def says(content_of: bytes) -> str:
        assert content_of == EVENT.room + ENTRY
        return texts[0]

    plain, whole = (
        Webhooks(hook, clock, ScriptedRng("hook"), MemoryQueue(), receiver, says) for hook in (HOOK, CONTENT)
    )
    for events in (plain, whole):
        for event in (EVENT, EVENT._replace(entry=ENTRY)):
            await events.add(event)
            await events.send_due()
    texts.pop(0)
    await whole.add(EVENT._replace(entry=ENTRY))
    await whole.send_due()
    bodies = receiver.bodies
    assert [one.get("text") for one in bodies] == [None, None, None, "Ich habe Fieber", None]
    assert set(bodies[0]) == {"id", "kind", "room", "at_ms"}
    assert bodies[0]["room"] == EVENT.room.hex()
    assert bodies[1]["id"] == bodies[3]["id"] == bodies[4]["id"]


def test_a_signature_holds_for_its_time_and_body_only() -> None:
    body, at_s = b"{}", NOW_MS // 1000
    good = signature(SECRET, at_s, body)
    assert is_genuine(SECRET, str(at_s), good, body, NOW_MS + 300_000)
    other = WebhookSecret(b"o" * 32)
    for secret, at, given, what, now_ms in (
        (other, str(at_s), good, body, NOW_MS),
        (SECRET, str(at_s + 1), good, body, NOW_MS),
        (SECRET, str(at_s), good, b"{ }", NOW_MS),
        (SECRET, str(at_s), good, body, NOW_MS + 301_000),
        (SECRET, str(at_s), good, body, NOW_MS - 301_000),
        (SECRET, str(at_s), good[:-1] + "ä", body, NOW_MS),
        (SECRET, "1e9", good, body, NOW_MS),
        (SECRET, "٣", good, body, NOW_MS),
        (SECRET, "9" * 16, good, body, NOW_MS),
    ):
        assert not is_genuine(secret, at, given, what, now_ms)


async def test_what_is_not_taken_is_sent_again_with_growing_pauses_and_given_up_at_last() -> None:
    """CNS-72: after three days, and that is told."""
    receiver, clock, errors = Receiver(failures=100), FakeClock(NOW_MS), list[BaseException]()
    one = Webhooks(HOOK, clock, ScriptedRng("hook"), MemoryQueue(), receiver, failed=errors.append)
    await one.add(EVENT)
    assert sum(PAUSES_S) * 1000 >= 3 * DAY_MS
    for pause_s in (0, *PAUSES_S):
        clock.advance(pause_s * 1000 - 1 if pause_s else 0)
        tried = len(receiver.times)
        if pause_s:
            await one.send_due()
            assert len(receiver.times) == tried
            clock.advance(1)
        await one.send_due()
        assert len(receiver.times) == tried + 1
    assert (one.lost, [type(error) for error in errors]) == (1, [WebhookFailed])
    clock.advance(10**9)
    await one.send_due()
    assert len(receiver.times) == len(PAUSES_S) + 1


async def test_an_event_that_came_while_the_clock_was_ahead_is_sent_when_it_is_right() -> None:
    """CNS-43: before, it waited until the clock had come that far."""
    receiver, clock, queue = Receiver(), FakeClock(NOW_MS), MemoryQueue()
    ahead = Webhooks(HOOK, FakeClock(NOW_MS + 20 * DAY_MS), ScriptedRng("hook"), queue, receiver)
    await ahead.add(EVENT)
    await Webhooks(HOOK, clock, ScriptedRng("hook"), queue, receiver).send_due()
    assert len(receiver.bodies) == 1


async def test_an_event_keeps_its_id_when_it_is_sent_again() -> None:
    receiver, clock = Receiver(failures=1), FakeClock(NOW_MS)
    one = sender(receiver, clock)
    await one.add(EVENT)
    await one.send_due()
    await one.add(EVENT)
    clock.advance(10_000)
    await one.send_due()
    assert len({body["id"] for body in receiver.bodies}) == 2


async def test_no_more_than_a_thousand_events_wait() -> None:
    one = sender(Receiver(), FakeClock(NOW_MS))
    for _ in range(1_000):
        await one.add(EVENT)
    with pytest.raises(WebhookQueueFull):
        await one.add(EVENT)
    assert one.lost == 1


async def test_who_writes_without_end_keeps_no_other_room_from_being_told_of() -> None:
    """CNS-90, CNS-72: what goes for another room is the newest entry of the one with most, and is counted."""
    receiver, clock, failed = Receiver(), FakeClock(NOW_MS), list[BaseException]()
    events = Webhooks(HOOK, clock, ScriptedRng("hook"), MemoryQueue(), receiver, failed=failed.append)
    loud, quiet = b"loud" * 4, [b"%016d" % at for at in range(3)]
    await events.add(RoomEvent("room.opened", loud, NOW_MS))
    for at in range(CAPACITY - 1):
        await events.add(RoomEvent("entry.text", loud, NOW_MS + at, b"%032d" % at))
    for room in quiet:
        await events.add(RoomEvent("room.closed", room, NOW_MS))
    assert (events.lost, [type(one) for one in failed]) == (len(quiet), [WebhookQueueFull] * len(quiet))
    with pytest.raises(WebhookQueueFull):
        await events.add(RoomEvent("entry.text", loud, NOW_MS, b"x" * 32))
    await events.send_due()
    rooms = [bytes.fromhex(one["room"]) for one in receiver.bodies]
    assert sorted(rooms[:4]) == sorted((loud, *quiet))
    assert rooms[4:] == [loud] * (CAPACITY - 4)
    assert "room.opened" in {one["kind"] for one in receiver.bodies}


async def test_what_is_given_up_is_offered_again_and_of_the_next_room_where_the_fullest_has_none() -> None:
    """CNS-90, CNS-89: a text rather than the rating or the answer, which no start tells of again; and where
    all of the fullest room are about no entry, one of the room that is the next.
    """
    queue, clock = MemoryQueue(), FakeClock(NOW_MS)
    events = Webhooks(HOOK, clock, ScriptedRng("hook"), queue, Receiver())
    waiting, loud, quiet = b"waiting." * 2, b"loud" * 4, b"quiet!!!" * 2
    for at in range(CAPACITY // 2 + 2):
        await events.add(RoomEvent("room.waiting", waiting, NOW_MS), b"%032d" % at)
    kinds = ["entry.text", "entry.rating", "entry.answer"]
    for at in range(CAPACITY // 2 - 2):
        clock.advance(1)
        await events.add(RoomEvent(kinds[at % 3], loud, NOW_MS, b"%032d" % at))
    for at in range(170):
        await events.add(RoomEvent("room.closed", quiet, NOW_MS), b"%032d" % at)
    left = Counter(json.loads(one.body)["kind"] for one in queue.rows())
    assert (left["room.waiting"], left["room.closed"], events.lost) == (CAPACITY // 2 + 2, 170, 170)
    assert left["entry.text"] == 0
    assert left["entry.rating"] + left["entry.answer"] == CAPACITY // 2 - 2 - 170


async def test_what_is_given_up_while_it_is_sent_does_not_wait_again() -> None:
    """CNS-90: never more than a thousand, also where the receiver fails with what went for another room."""
    loud, quiet, queue, clock = b"loud" * 4, b"quiet!!!" * 2, MemoryQueue(), FakeClock(NOW_MS)

    async def send(webhook: Webhook, body: bytes, now_ms: int) -> None:
        if events.lost == 0:
            await events.add(RoomEvent("room.closed", quiet, NOW_MS))
        raise WebhookFailed("no")

    events = Webhooks(HOOK, clock, ScriptedRng("hook"), queue, send)
    for at in range(CAPACITY):
        await events.add(RoomEvent("entry.text", loud, NOW_MS, b"%032d" % at))
    await events.send_due()
    assert (len(list(queue.rows())), events.lost) == (CAPACITY, 1)


async def test_a_sender_that_runs_wakes_for_new_events_and_for_due_ones() -> None:
    receiver, clock = Receiver(failures=1), FakeClock(NOW_MS)
    one = sender(receiver, clock)
    task = asyncio.create_task(one.run())
    await asyncio.sleep(0)
    await one.add(EVENT)
    await _until(lambda: len(receiver.times) == 1)
    clock.advance(10_000)
    await _until(lambda: len(receiver.bodies) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_erased_while_another_event_is_taken_is_not_sent_any_more() -> None:
    """CNS-43: a receiver may take each event for fifteen seconds, and a thousand may wait."""
    receiver, clock = Receiver(), FakeClock(NOW_MS)
    said = {bytes([at]) * 48: f"Bitte löschen {at}" for at in (1, 2)}

    async def take(webhook: Webhook, body: bytes, now_ms: int) -> None:
        await receiver(webhook, body, now_ms)
        said.pop(bytes([1]) * 48, None)

    async def says(content_of: bytes) -> str | None:
        return said.get(content_of)

    one = Webhooks(CONTENT, clock, ScriptedRng("hook"), MemoryQueue(), take, says)
    await one.add(EVENT)
    for at in (1, 2):
        await one.add(RoomEvent("entry.text", bytes([at]) * 16, NOW_MS, bytes([at]) * 32))
    await one.send_due()
    assert [body["kind"] for body in receiver.bodies] == ["message", "entry.text", "entry.text"]
    assert [body.get("text") for body in receiver.bodies] == [None, None, "Bitte löschen 2"]


async def test_nothing_is_sent_before_the_sender_is_ready_and_nothing_is_lost_by_it() -> None:
    """CNS-71: a desk that is suspended for a day; before each event, not only before the first."""
    receiver, clock, is_ready = Receiver(), FakeClock(NOW_MS), asyncio.Event()

    async def ready() -> None:
        await is_ready.wait()

    async def take(webhook: Webhook, body: bytes, now_ms: int) -> None:
        await receiver(webhook, body, now_ms)
        is_ready.clear()

    one = Webhooks(HOOK, clock, ScriptedRng("hook"), MemoryQueue(), take, ready=ready)
    await one.add(EVENT)
    await one.add(EVENT)
    task = asyncio.create_task(one.run())
    clock.advance(10 * 86_400_000)
    for taken in (0, 1, 2):
        for _ in range(100):
            await asyncio.sleep(0)
        assert (len(receiver.bodies), one.lost) == (taken, 0)
        is_ready.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_waited_for_a_receiver_of_content_goes_without_to_one_that_is_none() -> None:
    """CNS-43: the company has chosen otherwise before the desk was started again."""
    store, clock, receiver = MemoryQueue(), FakeClock(NOW_MS), Receiver(failures=1)

    async def says(_content_of: bytes) -> str:
        return "Fieber"

    for hook in (CONTENT, HOOK):
        events = Webhooks(hook, clock, ScriptedRng("hook"), store, receiver, says)
        await events.add(EVENT._replace(entry=ENTRY))
        await events.send_due()
        clock.advance(10_000)
    assert [set(one) for one in receiver.bodies] == [{"id", "kind", "room", "at_ms"}]


async def test_what_was_written_is_not_kept_with_the_event() -> None:
    """CNS-43: neither while it waits, nor when the receiver has refused it."""
    store = MemoryQueue()

    async def says(_content_of: bytes) -> str:
        return "Fieber"

    receiver = Receiver(failures=1)
    one = Webhooks(CONTENT, FakeClock(NOW_MS), ScriptedRng("hook"), store, receiver, says)
    await one.add(EVENT._replace(entry=ENTRY))
    await one.send_due()
    assert [row.failures for row in store.rows()] == [1]
    assert not any(b"Fieber" in row.body for row in store.rows())


@pytest.mark.parametrize("says", [None, "Ich habe Fieber"])
async def test_what_an_event_of_a_program_before_this_one_says_itself_does_not_leave(
    says: str | None,
) -> None:
    """CNS-43: it was stored before what was written was read anew."""
    receiver, clock, queue = Receiver(), FakeClock(NOW_MS), MemoryQueue()
    body = json.dumps({"id": "aa", "kind": "entry.text", "text": "Zurückgezogen"}).encode()
    await queue.put(Waiting(b"a" * 16, body, 0, content_of=EVENT.room + ENTRY))

    async def answer(content_of: bytes) -> str | None:
        return says

    await Webhooks(CONTENT, clock, ScriptedRng("hook"), queue, receiver, answer).send_due()
    assert [one.get("text") for one in receiver.bodies] == [says]


async def test_an_event_that_cannot_be_made_is_put_off_and_ends_nothing() -> None:
    """CNS-72: those after it are sent; it is told by its error, and given up as one that is refused."""
    receiver, clock, queue, errors = Receiver(), FakeClock(NOW_MS), MemoryQueue(), list[BaseException]()
    await queue.put(Waiting(b"a" * 16, b"{", 0))
    one = Webhooks(HOOK, clock, ScriptedRng("hook"), queue, receiver, failed=errors.append)
    await one.add(EVENT)
    await one.send_due()
    assert (len(receiver.bodies), len(errors), len(list(queue.rows()))) == (1, 1, 1)
    for pause_s in PAUSES_S:
        clock.advance(pause_s * 1000)
        await one.send_due()
    assert (one.lost, len(errors), list(queue.rows())) == (1, len(PAUSES_S) + 1, [])


async def _until(holds: Any) -> None:
    """Let the others run, a thousand times at most."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize(
    "url",
    [
        "http://praxis.example/hook",
        "https://praxis.example/#x",
        "ftp://praxis.example",
        "http://localhost:80/\r\nX: y",
        "https://u:p@praxis.example/",
        "http://127.0.0.1.evil.example/",
        "https://praxis.example/" + "x" * 1_000,
        "",
    ],
)
def test_a_receiver_is_https_or_on_this_machine(url: str) -> None:
    with pytest.raises(ConfigError):
        Webhook(url, SECRET)


@pytest.mark.parametrize(
    "url",
    ["https://tickets.firma.intern/hook", "http://127.0.0.1:8000/", "http://localhost/x"],
)
def test_a_receiver_may_stand_in_the_company_s_own_network(url: str) -> None:
    """Only the company names receivers; beyond this machine each has a name and its certificate."""
    assert Webhook(url, SECRET).url == url


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "https://169.254.169.254/", "http://[fd00::1]/"]
)
def test_no_receiver_by_address_or_without_tls_beyond_this_machine(url: str) -> None:
    with pytest.raises(ConfigError):
        Webhook(url, SECRET)


def test_a_secret_stays_out_of_sight() -> None:
    assert "ssss" not in repr(HOOK)


@pytest.mark.parametrize(
    ("answer", "is_taken"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\nthanks", True),
        (b"HTTP/1.1 302 Found\r\nLocation: https://evil.example\r\n\r\n", False),
        (b"HTTP/1.1 500 Oops\r\n\r\n", False),
        (b"nonsense\r\n", False),
        (b"", False),
    ],
)
async def test_a_post_is_signed_and_follows_no_redirect(answer: bytes, is_taken: bool) -> None:
    heard: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"}"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    hook = Webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", SECRET)
    if is_taken:
        await post(hook, b"{}", NOW_MS)
    else:
        with pytest.raises(WebhookFailed):
            await post(hook, b"{}", NOW_MS)
    server.close()
    with pytest.raises(WebhookFailed):
        await post(hook, b"{}", NOW_MS)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    headers = dict(line.split(": ") for line in head.decode().split("\r\n")[1:])
    at, given = headers["Sealroom-Timestamp"], headers["Sealroom-Signature"]
    assert is_genuine(SECRET, at, given, body, NOW_MS)
    assert len(heard) == 1
