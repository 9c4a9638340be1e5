"""Why a relay cannot be reached: each cause has a code of its own, and a foreign relay one more."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import websockets.exceptions
from conversations import next_of
from e2ee_client import ConnectionChanged, ConnectionState, WebSocketTransport
from e2ee_client.errors import ConfigError, RelayNotFollowed, RelayUnavailable
from e2ee_client.runtime import reasons
from e2ee_client.testing import MemoryNetwork
from service_certificate import certificate
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

PRIVATE = ("10.0.0.5", "127.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1%1", "::ffff:10.0.0.5")
GLOBAL = "93.184.216.34"
Answer = Callable[[ServerConnection, Request], Response | None]


async def _stay(connection: ServerConnection) -> None:
    await connection.wait_closed()


@asynccontextmanager
async def server(context: ssl.SSLContext | None = None, answer: Answer | None = None) -> AsyncIterator[str]:
    """The address of a WebSocket server on this machine."""
    async with serve(_stay, "127.0.0.1", 0, ssl=context, process_request=answer) as running:
        scheme = "ws" if context is None else "wss"
        yield f"{scheme}://127.0.0.1:{running.sockets[0].getsockname()[1]}/"


def tls(folder: Path, **certificate_is: Any) -> tuple[ssl.SSLContext, Path]:
    """A server's settings, and the file of the authority that signed its certificate."""
    days = certificate_is.pop("days", 30)
    chain, key = certificate(
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(days), 7, **certificate_is
    )
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return context, folder / "chain.pem"


@asynccontextmanager
async def mail_server() -> AsyncIterator[str]:
    """Something that speaks another protocol."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()
        writer.close()

    running = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with running:
        yield f"127.0.0.1:{running.sockets[0].getsockname()[1]}"


async def refusal(opening: Awaitable[object]) -> str:
    with pytest.raises(RelayUnavailable) as raised:
        await opening
    assert raised.value.hint
    return raised.value.code


async def test_a_certificate_of_the_operators_own_authority(tmp_path: Path) -> None:
    context, ca_file = tls(tmp_path)
    async with server(context) as url:
        assert await refusal(WebSocketTransport().open(url)) == "relay.certificate_authority"
        connection = await WebSocketTransport(ca_file=ca_file).open(url)
        await connection.close()


@pytest.mark.parametrize(
    ("certificate_is", "code"),
    [
        ({"days": -1}, "relay.certificate_expired"),
        ({"begins_year": 2099, "days": 365 * 90}, "relay.certificate_expired"),
        ({"address": "127.0.0.2"}, "relay.certificate_name"),
    ],
)
async def test_a_certificate_that_does_not_hold(
    tmp_path: Path, certificate_is: dict[str, Any], code: str
) -> None:
    context, ca_file = tls(tmp_path, **certificate_is)
    async with server(context) as url:
        assert await refusal(WebSocketTransport(ca_file=ca_file).open(url)) == code


async def test_names_ports_silence_and_what_is_no_relay() -> None:
    def page(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(HTTPStatus(int(request.path[1:])), "a page")

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert await refusal(WebSocketTransport().open(f"ws://127.0.0.1:{port}")) == "relay.refused"
        held.listen()
        impatient = WebSocketTransport(open_timeout_s=0.05)
        assert await refusal(impatient.open(f"ws://127.0.0.1:{port}")) == "relay.timeout"
    assert await refusal(WebSocketTransport().open("wss://relay.invalid")) == "relay.dns"
    async with mail_server() as address:
        for scheme in ("ws", "wss"):
            assert await refusal(WebSocketTransport().open(f"{scheme}://{address}")) == "relay.not_a_relay"
    async with server(answer=page) as url:
        codes = [await refusal(WebSocketTransport().open(url + status)) for status in ("404", "200", "502")]
    assert codes == ["relay.not_a_relay", "relay.not_a_relay", "relay.unavailable"]


async def test_a_redirect_is_not_followed() -> None:
    """RLY-170."""
    async with server() as other:

        def redirect(connection: ServerConnection, _: Request) -> Response:
            response = connection.respond(HTTPStatus.FOUND, "")
            response.headers["Location"] = other
            return response

        async with server(answer=redirect) as url:
            assert await refusal(WebSocketTransport().open(url)) == "relay.not_a_relay"


def test_reasons_that_need_an_unusual_machine() -> None:
    strange = ssl.SSLCertVerificationError("secret-detail")
    strange.verify_code = 24
    for error, code in (
        (strange, "relay.certificate"),
        (OSError(101, "secret-detail"), "relay.unavailable"),
        (websockets.exceptions.ProxyError("secret-detail"), "relay.unavailable"),
        (websockets.exceptions.InvalidURI("x", "secret-detail"), "relay.unavailable"),
    ):
        found = reasons.of(error)
        assert (found.code, "secret" in str(found)) == (code, False)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_of_authorities_that_cannot_be_used(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ConfigError):
        WebSocketTransport(ca_file=tmp_path / "ca.pem")
    with pytest.raises(ConfigError):
        WebSocketTransport(ca_file=tmp_path / "ca.pem", ssl_context=ssl.create_default_context())


async def test_the_application_is_told_the_reason() -> None:
    network = MemoryNetwork()

    async def refuse(url: str, *, foreign: bool = False) -> Any:
        raise reasons.of(ConnectionRefusedError())

    network.open = refuse  # type: ignore[method-assign]  # a transport that reaches nothing
    async with network.client(publish=True) as client:
        event = await next_of(client.events(), ConnectionChanged)
        assert (event.state, event.code) == (ConnectionState.OFFLINE, "relay.refused")


# --- a relay that a contact named ---


class Resolver:
    """Names resolve to what the test says; what is connected to is noted and refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0
        self.connected: list[str] = []
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", self._resolve)
        monkeypatch.setattr(loop, "sock_connect", self._connect)

    async def _resolve(self, host: str, port: int, **_: object) -> list[Any]:
        self.asked += 1
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in one], socket.SOCK_STREAM, 0, "", (one, port)) for one in self.addresses]

    async def _connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        self.connected.append(address[0])
        raise ConnectionRefusedError


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_contact_makes_nobody_connect_into_a_private_network(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """RLY-170: named by address or by a name that resolves to it; no packet goes there."""
    resolver = Resolver(monkeypatch, address)
    transport = WebSocketTransport(proxy=None)
    assert await refusal(transport.open("wss://relay.example/", foreign=True)) == "relay.not_followed"
    assert resolver.connected == []
    assert await refusal(transport.open("wss://relay.example/")) == "relay.refused"
    assert resolver.connected == [address]


async def test_the_address_that_was_judged_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-170: a name is resolved once, and of its addresses only the global ones are tried."""
    resolver = Resolver(monkeypatch, "10.0.0.5", GLOBAL, "::1")
    code = await refusal(WebSocketTransport(proxy=None).open("wss://relay.example/", foreign=True))
    assert (code, resolver.connected, resolver.asked) == ("relay.refused", [GLOBAL], 1)


async def test_a_contacts_relay_without_tls_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-170."""
    resolver = Resolver(monkeypatch, GLOBAL)
    transport = WebSocketTransport(proxy=None)
    assert await refusal(transport.open("ws://relay.example/", foreign=True)) == "relay.not_followed"
    assert resolver.asked == 0


async def test_where_our_own_relay_is_local_a_contacts_may_be(tmp_path: Path) -> None:
    """RLY-170: but without TLS only where ours is without it."""
    context, ca_file = tls(tmp_path)
    async with server() as plain, server(context) as secure:
        transport = WebSocketTransport(ca_file=ca_file, proxy=None)
        assert await refusal(transport.open(secure, foreign=True)) == "relay.not_followed"
        for own, reached in ((secure, [secure]), (plain, [secure, plain])):
            await (await transport.open(own)).close()
            for url in (secure, plain):
                if url in reached:
                    await (await transport.open(url, foreign=True)).close()
                else:
                    assert await refusal(transport.open(url, foreign=True)) == "relay.not_followed"


async def test_through_a_proxy_only_if_the_application_says_so() -> None:
    """RLY-170: the address behind a proxy is not seen."""
    url, proxy = "wss://relay.example/", "http://127.0.0.1:9"
    assert await refusal(WebSocketTransport(proxy=proxy).open(url, foreign=True)) == RelayNotFollowed.code
    trusting = WebSocketTransport(proxy=proxy, foreign_by_proxy=True)
    assert await refusal(trusting.open(url, foreign=True)) == "relay.refused"
