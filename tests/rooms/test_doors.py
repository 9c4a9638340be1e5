"""Doors: made by a company, found by a customer from an origin, with one request and nothing else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from company import RELAY_URL, TEXTS, Company
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.doors import find_door, make_door, open_door
from e2ee_client.rooms.doors.fetching import fetch_door
from e2ee_client.rooms.errors import (
    DoorCertificate,
    DoorElsewhere,
    DoorError,
    DoorExpired,
    DoorInvalid,
    DoorMissing,
    DoorOfAnotherCompany,
    DoorOfAnotherPage,
    DoorRefused,
    DoorTooLarge,
    DoorUnreachable,
)
from hypothesis import given
from hypothesis import strategies as st
from parties import DAY_MS, NOW_MS
from service_certificate import write_pair

from e2ee.card import ContactCard
from e2ee.rooms import channels as core_channels
from e2ee.rooms.channels import Channel, ChannelKind, Channels
from e2ee.rooms.door import DOOR_MAX_B, encode_door

ORIGIN = "https://praxis.example"


def channels_of(firm: Company, now_ms: int = NOW_MS) -> Channels:
    """Other ways to the company."""
    ways = [Channel(ChannelKind.PHONE, "+49 30 1234", "Empfang")]
    return core_channels.sign_channels(firm.roster_key, firm.mandate, ways, {"de": "8 bis 12"}, now_ms)


def door_of(firm: Company) -> bytes:
    """The door of a company."""
    return make_door(firm.mandate, firm.notice(), TEXTS, channels_of(firm), NOW_MS)


FIRM = Company.make()
DOOR = door_of(FIRM)
CARD = ContactCard(FIRM.account_id, RELAY_URL)


def serving(encoded: bytes) -> Callable[[str], Awaitable[bytes]]:
    """An origin that serves some bytes."""

    async def fetch(origin: str) -> bytes:
        return encoded

    return fetch


# --- made ---

FIVE: dict[str, str] = {"aa": "x", "bb": "x", "cc": "x", "dd": "x", "ee": "x"}


def test_a_door_is_verified_before_it_is_published() -> None:
    """CNS-04, CNS-05: parts that a customer would refuse make no door."""
    notice, late = FIRM.notice(), channels_of(FIRM, NOW_MS + 30 * DAY_MS)
    for mandate, texts, channels, now_ms in (
        (FIRM.mandate, {}, channels_of(FIRM), NOW_MS),
        (FIRM.mandate, FIVE, channels_of(FIRM), NOW_MS),
        (FIRM.mandate, {**TEXTS, "en": "Something else."}, channels_of(FIRM), NOW_MS),
        (FIRM.mandate, {"en": TEXTS["en"]}, channels_of(FIRM), NOW_MS),
        (FIRM.mandate, TEXTS, channels_of(FIRM), NOW_MS + 100 * DAY_MS),
        (FIRM.mandate, TEXTS, late, NOW_MS),
        (Company.make("other").mandate, TEXTS, channels_of(FIRM), NOW_MS),
    ):
        with pytest.raises(ConfigError):
            make_door(mandate, notice, texts, channels, now_ms)


# --- verified ---


async def test_an_origin_leads_to_notice_texts_channels_and_a_card() -> None:
    """CNS-27: trusted at first use, and the card is the account with the relay of the notice."""
    found = await find_door(ORIGIN, NOW_MS, fetch=serving(DOOR))
    assert (found.origin, found.is_first) == (ORIGIN, True)
    assert dict(found.door.texts) == TEXTS
    assert found.card == replace(CARD, name="Praxis Dr. Müller")
    again = await find_door(ORIGIN, NOW_MS, known=found.card, fetch=serving(DOOR))
    assert not again.is_first


def test_a_name_that_no_card_can_have_is_left_out() -> None:
    notice = FIRM.notice(controller=("x" * 65, "Hauptstraße 1", "a@b.example"))
    encoded = make_door(FIRM.mandate, notice, TEXTS, channels_of(FIRM), NOW_MS)
    assert open_door(encoded, NOW_MS).card == CARD


async def test_another_account_or_relay_on_a_known_origin_is_an_alarm() -> None:
    """CNS-27: a stolen web server serves a whole door of its own, whose mandate names the origin."""
    thief = door_of(Company.make("thief"))
    assert (await find_door(ORIGIN, NOW_MS, fetch=serving(thief))).is_first
    with pytest.raises(DoorOfAnotherCompany):
        await find_door(ORIGIN, NOW_MS, known=CARD, fetch=serving(thief))
    with pytest.raises(DoorOfAnotherCompany):
        open_door(DOOR, NOW_MS, known=replace(CARD, relay_url="wss://other.example/"))


async def test_a_door_copied_to_another_page_is_refused() -> None:
    """CNS-04."""
    with pytest.raises(DoorOfAnotherPage):
        open_door(DOOR, NOW_MS, origin="https://praxis.example.evil.example")
    assert open_door(DOOR, NOW_MS, origin=ORIGIN).origin == ORIGIN
    with pytest.raises(DoorOfAnotherPage):
        await find_door("https://evil.example", NOW_MS, fetch=serving(DOOR))


def test_a_door_ends_with_its_mandate_and_is_none_before_it() -> None:
    """CNS-04: at the latest after 90 days and the clock tolerance."""
    open_door(DOOR, NOW_MS + 91 * DAY_MS)
    for now_ms in (NOW_MS + 91 * DAY_MS + 1, NOW_MS - DAY_MS - 1):
        with pytest.raises(DoorExpired):
            open_door(DOOR, now_ms, origin="https://evil.example")
    firm = Company.make(now_ms=NOW_MS)
    notice = firm.notice(now_ms=NOW_MS + 2 * DAY_MS)
    ahead = make_door(firm.mandate, notice, TEXTS, channels_of(firm), NOW_MS + 2 * DAY_MS)
    with pytest.raises(DoorExpired):
        open_door(ahead, NOW_MS, origin=ORIGIN)


@given(at=st.integers(0, len(DOOR) - 1), mask=st.integers(1, 255), known=st.booleans())
def test_a_changed_byte_is_refused(at: int, mask: int, known: bool) -> None:
    """CNS-04, CNS-05: every part is signed or named by its hash."""
    changed = DOOR[:at] + bytes([DOOR[at] ^ mask]) + DOOR[at + 1 :]
    with pytest.raises(DoorError):
        open_door(changed, NOW_MS, known=CARD if known else None, origin=ORIGIN)


@pytest.mark.parametrize(
    "garbage", [b"", b"<html>", b"\x80", b"\x84\x40\x40\x80\x40", DOOR[:-1], DOOR + b"\0"]
)
def test_garbage_is_no_door(garbage: bytes) -> None:
    with pytest.raises(DoorInvalid):
        open_door(garbage, NOW_MS)


def test_a_door_with_a_part_of_another_account_is_invalid() -> None:
    other = Company.make("other")
    mixed = encode_door(FIRM.mandate, other.notice(), TEXTS, channels_of(FIRM))
    with pytest.raises(DoorInvalid):
        open_door(mixed, NOW_MS)


# --- fetched ---

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Web:
    """A web server that gives one answer, and keeps what it was asked."""

    def __init__(self, answer: bytes, *, closes: bool = True) -> None:
        self.answer, self.closes = answer, closes
        self.asked: list[bytes] = []

    @asynccontextmanager
    async def serve(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        """Serve on a free port of this machine; gives the port."""
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0, ssl=tls)
        try:
            yield str(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            await server.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
            if not self.closes:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def ok(body: bytes, *headers: str) -> bytes:
    """An answer with a body."""
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode() + body


async def test_one_request_with_no_header_that_is_not_needed() -> None:
    """CNS-18, CNS-26: nothing else is asked, nothing tells who asks."""
    web = Web(ok(DOOR, f"Content-Length: {len(DOOR)}", "Set-Cookie: a=b"))
    async with web.serve() as port:
        found = await find_door(f"http://127.0.0.1:{port}", NOW_MS)
        assert (await find_door(f"http://localhost:{port}", NOW_MS)).card == found.card
    assert found.door.notice.hash == FIRM.notice().hash
    assert web.asked == [
        b"GET /.well-known/sealroom-door HTTP/1.1\r\n"
        + f"Host: {host}:{port}\r\n".encode()
        + b"Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
        for host in ("127.0.0.1", "localhost")
    ]


async def test_a_door_over_tls_by_an_own_authority_and_not_without_it(tmp_path: Path) -> None:
    """CNS-26."""
    chain, key = write_pair(tmp_path, 1, ("localhost",))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(chain, key)
    web = Web(ok(DOOR))
    async with web.serve(tls) as port:
        trusting = ssl.create_default_context(cafile=str(chain))
        assert await fetch_door(f"https://localhost:{port}", ssl_context=trusting) == DOOR
        with pytest.raises(DoorCertificate):
            await fetch_door(f"https://localhost:{port}")
    assert len(web.asked) == 1


async def test_what_does_not_speak_tls_or_is_not_there() -> None:
    async with Web(ok(DOOR)).serve() as port:
        with pytest.raises(DoorError):
            await fetch_door(f"https://localhost:{port}", time_limit_s=0.2)
    with pytest.raises(DoorUnreachable):
        await fetch_door(f"http://127.0.0.1:{port}")
    with pytest.raises(DoorUnreachable):
        await fetch_door("https://company.invalid")


CHUNKED = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (DOOR[:100], DOOR[100:], b""))


@pytest.mark.parametrize(
    "answer",
    [ok(DOOR), ok(DOOR, f"Content-Length: {len(DOOR)}"), ok(CHUNKED, "Transfer-Encoding: chunked")],
)
async def test_each_form_of_an_answer_is_read(answer: bytes) -> None:
    async with Web(answer).serve() as port:
        assert await fetch_door(f"http://127.0.0.1:{port}") == DOOR


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", DoorMissing),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", DoorMissing),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", DoorRefused),
        (b"HTTP/1.1 429 Too Many\r\n\r\n", DoorRefused),
        (ok(bytes(DOOR_MAX_B + 1)), DoorTooLarge),
        (ok(bytes(DOOR_MAX_B + 1), f"Content-Length: {DOOR_MAX_B + 1}"), DoorTooLarge),
        (ok(DOOR[:-1], f"Content-Length: {len(DOOR)}"), DoorUnreachable),
        (ok(CHUNKED[:-9], "Transfer-Encoding: chunked"), DoorUnreachable),
        (b"", DoorInvalid),
        (b"SSH-2.0-x\r\n", DoorInvalid),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", DoorInvalid),
    ],
)
async def test_each_failure_has_its_error(answer: bytes, error: type[DoorError]) -> None:
    """CNS-26."""
    async with Web(answer).serve() as port:
        with pytest.raises(error):
            await fetch_door(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("location", "origin"),
    [
        ("https://www.praxis.example/.well-known/sealroom-door", "https://www.praxis.example"),
        ("https://evil@praxis.example/", None),
        ("/door", None),
        ("http://praxis.example/", None),
    ],
)
async def test_a_redirect_is_named_and_not_followed(location: str, origin: str | None) -> None:
    """CNS-26."""
    async with Web(f"HTTP/1.1 301 Moved\r\nLocation: {location}\r\n\r\n".encode()).serve() as port:
        with pytest.raises(DoorElsewhere) as caught:
            await fetch_door(f"http://127.0.0.1:{port}")
    assert caught.value.origin == origin


async def test_an_origin_that_never_ends_costs_the_limits_at_most() -> None:
    """CNS-26: neither endless bytes nor silence."""
    async with Web(b"HTTP/1.1 200 OK\r\n", closes=False).serve() as port:
        with pytest.raises(DoorUnreachable):
            await fetch_door(f"http://127.0.0.1:{port}", time_limit_s=0.05)
    async with Web(ok(bytes(2 * DOOR_MAX_B)), closes=False).serve() as port:
        with pytest.raises(DoorTooLarge):
            await fetch_door(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "origin",
    [
        "http://praxis.example",
        "https://praxis.example/",
        "https://u:p@praxis.example",
        "https://praxis.example:0",
        "https://PRAXIS.example",
        "https://10.0.0.1",
        "ftp://praxis.example",
        "https://" + "a." * 100 + "example",
        "https://praxis.example\r\nX: y",
        "",
    ],
)
async def test_what_is_no_origin_is_not_asked(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """CNS-26: without TLS on this machine only."""

    async def never(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(asyncio, "open_connection", never)
    with pytest.raises(ConfigError):
        await fetch_door(origin)
