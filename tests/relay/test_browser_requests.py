"""What a relay answers to a browser's request: a plain WebSocket, and no code (RLY-252, RLY-253)."""

from __future__ import annotations

import asyncio
from itertools import product
from pathlib import Path

import pytest
from held_port import HeldPort
from raw_websocket import REQUEST
from relay_here import relay_here

MARKED = (
    b"Origin: https://marked-company.example\r\nUser-Agent: Marked/7\r\nAccept-Language: gsw-LI\r\n"
    b"Cookie: marked=1\r\nPragma: no-cache\r\n"
)
OFFERS = (
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame\r\n"
    b"Sec-WebSocket-Protocol: sealroom, marked\r\n"
)
PATHS = (
    "/",
    "/livez",
    "/healthz",
    "/readyz",
    "/info",
    "/metrics",
    "/index.html",
    "/launcher.js",
    "/favicon.ico",
)
METHODS = ("GET", "HEAD", "OPTIONS", "POST")
FORBIDDEN = (b"access-control-", b"html", b"javascript", b"set-cookie", b"marked", b"<")


async def asked(port: int, request: bytes) -> bytes:
    """All that comes back until the connection ends, or what stands before the first frame."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    body = b"" if b" 101 " in head.split(b"\r\n", 1)[0] else await reader.read()
    writer.close()
    await writer.wait_closed()
    return head + body


async def test_an_upgrade_is_answered_without_what_a_browser_offers(tmp_path: Path) -> None:
    """RLY-252: no extension, no subprotocol; the headers of one browser and of none get the same answer."""
    async with relay_here(tmp_path) as relay:
        plain = await asked(relay.port, REQUEST)
        offered = await asked(relay.port, REQUEST.replace(b"\r\n\r\n", b"\r\n" + MARKED + OFFERS + b"\r\n"))
    assert b" 101 " in plain
    names = [
        {line.partition(b":")[0].lower() for line in answer.split(b"\r\n")[1:]} for answer in (plain, offered)
    ]
    assert names[0] == names[1]
    assert not [name for name in names[1] if b"extensions" in name or b"protocol" in name]


@pytest.mark.parametrize("method", METHODS)
async def test_no_answer_has_code_or_lets_another_origin_read_it(tmp_path: Path, method: str) -> None:
    """RLY-253: at any path, of both ports, to any kind of request, a preflight among them."""
    preflight = "Access-Control-Request-Method: GET\r\n" if method == "OPTIONS" else ""
    held = HeldPort()
    figures = held.number
    async with relay_here(tmp_path, metrics_listen=f"127.0.0.1:{figures}") as relay:
        for path, port in product(PATHS, (relay.port, figures)):
            head = f"{method} {path} HTTP/1.1\r\nHost: relay.test\r\n{preflight}".encode()
            answer = (await asked(port, head + MARKED + b"\r\n")).lower()
            assert answer.startswith(b"http/1.1 ")
            assert not [word for word in FORBIDDEN if word in answer], (method, path)
            if answer.startswith(b"http/1.1 200 "):
                assert b"\r\nx-content-type-options: nosniff\r\n" in answer
                assert b"\r\ncross-origin-resource-policy: same-origin\r\n" in answer
