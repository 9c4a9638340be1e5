"""XMPP (RFC 6120, RFC 6121) with stream management (XEP-0198), as much of it as the load needs.

A message is confirmed by the server's <a/>, and acknowledged to the server by ours: XMPP has no message that
is deleted on acknowledgement, so its job has a step less than that of the others.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import deque

from e2ee_relay.bench.load import Link, Load

HOST = "localhost"
PASSWORD = "load"
_OPEN = (
    f"<?xml version='1.0'?><stream:stream to='{HOST}' version='1.0' xmlns='jabber:client'"
    " xmlns:stream='http://etherx.jabber.org/streams'>"
).encode()
_EVENT = re.compile(
    rb"<message\b.*?</message>|<message\b[^>]*/>|<a\b[^>]*/>|<r\b[^>]*/>|<presence\b[^>]*?/>|<presence\b.*?</presence>"
    rb"|<iq\b[^>]*/>|<iq\b.*?</iq>|</stream:features>|<success\b[^>]*/>|<success\b.*?</success>|<failure\b.*?</failure>"
    rb"|<enabled\b[^>]*/>",
    re.DOTALL,
)
_BODY = re.compile(rb"<body>([^<]*)</body>")
_H = re.compile(rb"\bh=['\"](\d+)['\"]")


class XmppFailed(Exception):
    """The server answered something else."""


class XmppLink(Link):
    """One client with an account of its own."""

    def __init__(self, load: Load, place: int, port: int) -> None:
        super().__init__(load, place)
        self._port = port
        self._in = bytearray()
        self._unconfirmed: deque[int] = deque()
        self._confirmed_count = 0
        self._taken_count = 0
        self._is_counting = False
        self._expected = b""
        self._waiting: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Log in, bind a resource, turn stream management on, be present."""
        await self.load.loop.create_connection(lambda: self, "127.0.0.1", self._port)
        user = f"u{self.place}"
        login = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
        sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        bind = "urn:ietf:params:xml:ns:xmpp-bind"
        await self._ask(b"</stream:features>", _OPEN)
        await self._ask(b"<success", f"<auth xmlns='{sasl}' mechanism='PLAIN'>{login}</auth>".encode())
        await self._ask(b"</stream:features>", _OPEN)
        await self._ask(b"<iq", f"<iq type='set' id='b'><bind xmlns='{bind}'/></iq>".encode())
        await self._ask(b"<enabled", b"<enable xmlns='urn:xmpp:sm:3'/>")
        self._is_counting = True
        self.write(b"<presence/>")
        self._unconfirmed.append(0)

    async def _ask(self, expected: bytes, data: bytes) -> None:
        self._expected, self._waiting = expected, self.load.loop.create_future()
        self.write(data)
        async with asyncio.timeout(60):
            await self._waiting

    def send(self, recipient: int, tag: int, body: bytes) -> None:
        """A message, and the request to confirm it."""
        self._unconfirmed.append(tag)
        coded = base64.b64encode(body)
        head = b"<message to='u%d@localhost' type='chat' id='%d'>" % (recipient, tag)
        self.write(head + b"<body>%s</body></message><r xmlns='urn:xmpp:sm:3'/>" % coded)

    def data_received(self, data: bytes) -> None:
        """Take elements as they become whole."""
        self._in += data
        end = 0
        for found in _EVENT.finditer(self._in):
            end = found.end()
            self._take(bytes(found.group()))
        del self._in[:end]

    def _take(self, element: bytes) -> None:
        if element.startswith(b"<a"):
            self._confirm(element)
        elif element.startswith(b"<r"):
            self.write(b"<a xmlns='urn:xmpp:sm:3' h='%d'/>" % self._taken_count)
        elif self._waiting is not None and not self._waiting.done():
            if element.startswith(self._expected):
                self._waiting.set_result(None)
            elif element.startswith(b"<failure"):
                self._waiting.set_exception(XmppFailed(element.decode()))
        if self._is_counting and element.startswith((b"<message", b"<presence", b"<iq")):
            self._taken_count += 1
            body = _BODY.search(element)
            if body is not None:
                self.load.delivered(base64.b64decode(body.group(1)))

    def _confirm(self, element: bytes) -> None:
        found = _H.search(element)
        count = int(found.group(1)) if found else 0
        while self._confirmed_count < count and self._unconfirmed:
            self._confirmed_count += 1
            tag = self._unconfirmed.popleft()
            if tag:
                self.load.confirmed(tag)
