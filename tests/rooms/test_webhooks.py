"""Webhooks: signed, without content, sent again with growing pauses, and bounded."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from e2ee_client.errors import ConfigError
from e2ee_client.rooms import webhooks
from e2ee_client.rooms.errors import WebhookFailed, WebhookQueueFull
from e2ee_client.rooms.webhooks import (
    PAUSES_S,
    MemoryQueue,
    RoomEvent,
    Webhook,
    Webhooks,
    WebhookSecret,
    is_genuine,
    post,
    signature,
)
from e2ee_client.testing import FakeClock
from parties import NOW_MS, ScriptedRng

SECRET = WebhookSecret(b"s" * 32)
HOOK = Webhook("https://praxis.example/hook?a=1", SECRET)
EVENT = RoomEvent("message", b"room" * 4, NOW_MS, "Ich habe Fieber")


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
    receiver, clock = Receiver(), FakeClock(NOW_MS)
    for hook in (HOOK, Webhook(HOOK.url, SECRET, has_content=True)):
        one = sender(receiver, clock, hook)
        await one.add(EVENT)
        await one.send_due()
    plain, whole = receiver.bodies
    assert set(plain) == {"id", "kind", "room", "at_ms"}
    assert plain["room"] == EVENT.room.hex()
    assert whole["text"] == EVENT.text


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
    receiver, clock = Receiver(failures=100), FakeClock(NOW_MS)
    one = sender(receiver, clock)
    await one.add(EVENT)
    for pause_s in (0, *PAUSES_S):
        clock.advance(pause_s * 1000 - 1 if pause_s else 0)
        tried = len(receiver.times)
        if pause_s:
            await one.send_due()
            assert len(receiver.times) == tried
            clock.advance(1)
        await one.send_due()
        assert len(receiver.times) == tried + 1
    assert one.lost == 1
    clock.advance(10**9)
    await one.send_due()
    assert len(receiver.times) == len(PAUSES_S) + 1


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
    with pytest.raises(ConfigError):
        await sender(Receiver(), FakeClock(NOW_MS), Webhook(HOOK.url, SECRET, has_content=True)).add(
            EVENT._replace(text="x" * 65_536)
        )


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
    receiver, clock, gone = Receiver(), FakeClock(NOW_MS), set[bytes]()
    said = [(bytes([at]) * 16, bytes([at]) * 32) for at in (1, 2)]

    async def take(webhook: Webhook, body: bytes, now_ms: int) -> None:
        await receiver(webhook, body, now_ms)
        gone.add(b"".join(said[0]))

    async def stands(content_of: bytes) -> bool:
        return content_of not in gone

    hook = Webhook(HOOK.url, SECRET, has_content=True)
    one = Webhooks(hook, clock, ScriptedRng("hook"), MemoryQueue(), take, stands)
    await one.add(EVENT)
    for room, entry in said:
        await one.add(RoomEvent("entry.text", room, NOW_MS, "Bitte löschen"), entry)
    await one.add(RoomEvent("room.ended", said[0][0], NOW_MS))
    await one.send_due()
    assert [body["kind"] for body in receiver.bodies] == ["message", "entry.text", "room.ended"]
    assert receiver.bodies[1]["room"] == said[1][0].hex()


async def test_what_nobody_can_tell_of_waits_and_is_not_lost() -> None:
    """CNS-43: a desk that is suspended for a day keeps what its receiver has not taken."""
    receiver, clock, stands_now = Receiver(), FakeClock(NOW_MS), list[bool | None]([None])

    async def stands(_content_of: bytes) -> bool | None:
        return stands_now[-1]

    hook = Webhook(HOOK.url, SECRET, has_content=True)
    one = Webhooks(hook, clock, ScriptedRng("hook"), MemoryQueue(), receiver, stands)
    await one.add(RoomEvent("entry.text", b"room" * 4, NOW_MS, "Guten Tag"), b"1" * 32)
    for _ in range(2 * len(PAUSES_S)):
        await one.send_due()
        clock.advance(PAUSES_S[0] * 1000)
    assert (receiver.bodies, one.lost) == ([], 0)
    stands_now.append(True)
    await one.send_due()
    assert [body["kind"] for body in receiver.bodies] == ["entry.text"]


async def test_what_is_erased_is_neither_kept_nor_put_off() -> None:
    """CNS-43: while it waits, and while the receiver refuses it."""
    clock, store, gone = FakeClock(NOW_MS), MemoryQueue(), set[bytes]()

    async def refuse(webhook: Webhook, body: bytes, now_ms: int) -> None:
        if b"zwei" in body:
            gone.add(b"room" * 4 + b"2" * 32)
        raise WebhookFailed("no")

    async def stands(content_of: bytes) -> bool:
        return content_of not in gone

    hook = Webhook(HOOK.url, SECRET, has_content=True)
    one = Webhooks(hook, clock, ScriptedRng("hook"), store, refuse, stands)
    for text, entry in (("eins", b"1" * 32), ("zwei", b"2" * 32), ("drei", b"3" * 32)):
        await one.add(EVENT._replace(text=text), entry)
    await one.send_due()
    assert sum(row.failures for row in store.rows()) == len(list(store.rows())) == 2
    task = asyncio.create_task(one.forget())
    gone.add(b"room" * 4 + b"1" * 32)
    await _until(lambda: len(list(store.rows())) == 1)
    gone.add(b"room" * 4 + b"3" * 32)
    one.erased()
    await _until(lambda: not list(store.rows()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


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


def test_a_secret_and_a_text_stay_out_of_sight() -> None:
    assert "ssss" not in repr(HOOK)
    one = webhooks.Waiting(b"i", b"Fieber", 0)
    assert "Fieber" not in repr(one)


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
