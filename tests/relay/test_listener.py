"""Who is let in: by address, behind proxies, not too many at a time (RLY-143, RLY-144, RLY-145)."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import os
import signal
import socket
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conversations import until
from e2ee_relay import listener
from e2ee_relay.address_limits import AddressLimits, Shares, forwarded_for, is_within
from e2ee_relay.config import ClientAddress, load
from e2ee_relay.limits import Rate
from e2ee_relay.listener import Admission
from e2ee_relay.protocol import ErrorCode, ErrorReply, Lookup
from e2ee_relay.proxy_header import ProxyHeaderError, client_of, missing_b
from e2ee_relay.settings import ConfigError
from raw_tls import RawTls
from raw_websocket import GONE, REQUEST, RawWebSocket, end_by_reset
from relay_actors import Peer, SocketLink
from relay_here import relay_here
from relay_process import RelayProcess
from service_certificate import write_pair
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

V4, OTHER, V6 = (ipaddress.ip_address(one) for one in ("192.0.2.7", "192.0.2.8", "2001:db8:1:2::3"))
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def binary(address: str, port: int = 40_000, extensions: bytes = b"", command: int = 0x21) -> bytes:
    packed = ipaddress.ip_address(address).packed
    family = 0x11 if len(packed) == 4 else 0x21
    rest = 2 * packed + port.to_bytes(2, "big") + (443).to_bytes(2, "big") + extensions
    return SIGNATURE + bytes((command, family)) + len(rest).to_bytes(2, "big") + rest


def text(address: str) -> bytes:
    family = "TCP6" if ":" in address else "TCP4"
    return f"PROXY {family} {address} {address} 40000 443\r\n".encode()


def read(stream: bytes) -> tuple[bytes, bytes]:
    """Read a header as the relay does; return it, and what is left for TLS."""
    head = b""
    while wanted := missing_b(head):
        if len(head) + wanted > len(stream):
            raise ProxyHeaderError("the stream ends")
        head += stream[len(head) : len(head) + wanted]
    return head, stream[len(head) :]


@pytest.mark.parametrize("header", [binary, text])
@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8:1:2::3"])
def test_a_header_names_the_client_and_nothing_behind_it_is_read(header, address: str) -> None:  # type: ignore[no-untyped-def]  # two makers
    """RLY-145."""
    head, rest = read(header(address) + b"\x16\x03\x01 TLS")
    assert client_of(head) == ipaddress.ip_address(address)
    assert rest == b"\x16\x03\x01 TLS"


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ::1 ::1 1 1\r\n",
        SIGNATURE + b"\x20\x00\x00\x00",
        SIGNATURE + b"\x21\x00\x00\x02ab",
        binary("192.0.2.7", command=0x20),
    ],
)
def test_a_balancer_may_speak_for_itself(header: bytes) -> None:
    """RLY-145: its own checks name no client."""
    assert client_of(read(header)[0]) is None


def test_extensions_are_skipped() -> None:
    """RLY-145."""
    assert client_of(read(binary("192.0.2.7", extensions=b"\x04\x00\x02ab"))[0]) == V4


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01" + bytes(100),
        b"PROXY TCP4 192.0.2.7 192.0.2.7 40000\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.7 40000 443 1\r\n",
        b"PROXY  TCP4 192.0.2.7 192.0.2.7 40000 443\r\n",
        b"PROXY TCP4 192.0.2.07 192.0.2.7 40000 443\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::1 40000 443\r\n",
        b"PROXY TCP6 192.0.2.7 192.0.2.7 40000 443\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::1 40000 443\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.7 40000 65536\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.7 04000 443\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.7 -1 443\r\n",
        b"PROXY UDP4 192.0.2.7 192.0.2.7 1 443\r\n",
        b"PROXY TCP4 192.0.2.7\n 192.0.2.7 1 443\r\n",
        b"PROXY TCP4 \xff.0.2.7 192.0.2.7 1 443\r\n",
        b"PROXY TCP4 " + b"1" * 107 + b"\r\n",
        b"PROXY UNKNOWN",
        SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\x00\x0b" + bytes(11),
        SIGNATURE + b"\x21\x21\x00\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff" + bytes(0xFFFF),
        binary("192.0.2.7", extensions=b"\x04\x00\x03ab"),
        binary("192.0.2.7", extensions=b"\x04"),
    ],
)
def test_what_is_no_header_is_refused(header: bytes) -> None:
    """RLY-145: typed, whatever it is."""
    with pytest.raises(ProxyHeaderError):
        client_of(read(header)[0])


def test_an_address_has_so_many_connections_and_no_more() -> None:
    """RLY-144: others are not affected; who leaves makes room."""
    limits = AddressLimits(bytes(32), Shares(2, 99), Rate(100, 1))
    one, other = limits.ticket(V4), limits.ticket(OTHER)
    assert limits.enter(one, 0)
    assert limits.enter(one, 0)
    assert not limits.enter(one, 0)
    assert limits.enter(other, 0)
    limits.leave(one)
    assert limits.enter(one, 0)


def test_new_connections_come_at_a_rate() -> None:
    """RLY-144: also where they leave at once."""
    limits = AddressLimits(bytes(32), Shares(99, 99), Rate(3, 1))
    ticket = limits.ticket(V4)
    for _ in range(3):
        assert limits.enter(ticket, 0)
        limits.leave(ticket)
    assert not limits.enter(ticket, 0)
    assert limits.enter(ticket, 1_100)


def test_a_network_of_ipv6_counts_as_one_and_a_mapped_address_as_itself() -> None:
    """RLY-144."""
    ticket = AddressLimits(bytes(32), Shares(1, 99), Rate(100, 1)).ticket
    assert ticket(V6) == ticket(ipaddress.ip_address("2001:db8:1:2:ffff::9"))
    assert ticket(V6) != ticket(ipaddress.ip_address("2001:db8:1:3::3"))
    assert ticket(V4) == ticket(ipaddress.ip_address("::ffff:192.0.2.7"))


def test_no_address_is_held_and_nothing_of_those_who_are_gone() -> None:
    """RLY-144: a hash under a key of this run, until the bucket is full again."""
    limits, same, other = (AddressLimits(key * 32, Shares(9, 99), Rate(2, 1)) for key in (b"a", b"a", b"b"))
    ticket = limits.ticket(V4)
    assert V4.packed not in ticket
    assert ticket == same.ticket(V4) != other.ticket(V4)
    assert limits.enter(ticket, 0)
    limits.leave(ticket)
    assert [*limits._places._held, *limits._buckets._by_key] == [ticket]
    limits.forget(10_000)
    assert [*limits._places._held, *limits._buckets._by_key] == []


def test_shares_of_one_address_and_of_all() -> None:
    """RLY-143, RLY-180: a refusal changes nothing, what is given back is free."""
    shares = Shares(3, 7)
    assert shares.take(b"a", 3)
    assert not shares.take(b"a")
    assert shares.take(b"b", 2)
    assert shares.take(b"", 2)
    assert not shares.take(b"c")
    shares.give_back(b"a", 3)
    assert shares.total == 4
    assert shares.take(b"", 3)
    shares.give_back(b"", 5)
    shares.give_back(b"b", 2)
    assert shares.total == 0
    assert not shares._held


def test_addresses_at_their_limits_leave_room_for_others() -> None:
    """RLY-220: one alone has its whole bound; of twenty, each has of what the others leave."""
    shares, alone = Shares(100, 1000), Shares(100, 1000)
    assert sum(alone.take(b"one") for _ in range(200)) == 100
    for host in range(20):
        for _ in range(200):
            shares.take(bytes([host]))
    assert shares.total < 900
    assert sum(shares.take(b"newcomer") for _ in range(200)) >= 10
    for _ in range(900):
        shares.take(b"")
    assert shares.total == 1000
    assert not shares.take(b"last")


def test_only_our_own_proxies_are_believed() -> None:
    """RLY-144: whatever a client writes into the header stands left of what they add."""
    ours = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"))
    assert forwarded_for(["203.0.113.1, 192.0.2.7, 10.0.0.2"], ours) == V4
    assert forwarded_for(["203.0.113.1", " 192.0.2.7 "], ours) == V4
    assert forwarded_for(["10.1.1.1"], ours) is None
    for wrong in (["192.0.2.7, unknown"], [""], ["192.0.2.7:80"]):
        with pytest.raises(ValueError, match="address"):
            forwarded_for(wrong, ours)
    assert is_within(ipaddress.ip_address("::ffff:10.0.0.9"), ours)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"client_address": "guess"}, "client_address"),
        ({"client_address": "proxy-protocol"}, "trusted_proxies"),
        ({"trusted_proxies": "10.0.0.0/8"}, "trusted_proxies"),
        ({"client_address": "forwarded-for", "trusted_proxies": "10.0.0.1/8"}, "trusted_proxies"),
        ({"connects_per_address": "0/1"}, "connects_per_address"),
        ({"max_handshakes": "0"}, "max_handshakes"),
    ],
)
def test_settings_of_admission(settings: dict[str, str], names: str) -> None:
    """RLY-144: a proxy that nobody has named is nobody's."""
    with pytest.raises(ConfigError) as error:
        load(None, {}, settings)
    assert error.value.setting == names


def test_two_networks() -> None:
    """RLY-144."""
    config = load(None, {}, {"client_address": "forwarded-for", "trusted_proxies": "10.0.0.0/8, ::1"})
    assert config.client_address is ClientAddress.FORWARDED_FOR
    assert [str(one) for one in config.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


BEHIND_PROXY = {"client_address": "proxy-protocol", "trusted_proxies": "127.0.0.1"}
PROXY = (*(f"{name}={value}" for name, value in BEHIND_PROXY.items()), "max_connections_per_address=2")


async def greet_behind(port: int, header: bytes) -> RawWebSocket:
    socket = await RawWebSocket.connect(port)
    await socket.write(header)
    try:
        return await socket.upgrade()
    except (ConnectionError, EOFError):
        socket.abort()
        raise


async def until_greeted(port: int, header: bytes = b"") -> RawWebSocket:
    """Come again until there is a place: nothing tells that one is free."""
    async with asyncio.timeout(60):
        while True:
            with suppress(ConnectionError, EOFError):
                return await greet_behind(port, header)


@pytest.mark.processes
async def test_behind_a_balancer(tmp_path: Path) -> None:
    """RLY-144, RLY-145, RLY-73: bounds are those of the client; figures and log name none."""
    with RelayProcess(tmp_path / "relay", *PROXY, "metrics_listen=127.0.0.1:0") as relay:
        first, second = [await greet_behind(relay.port, text("192.0.2.7")) for _ in range(2)]
        with pytest.raises((ConnectionError, EOFError)):
            await greet_behind(relay.port, binary("192.0.2.7"))
        third = await greet_behind(relay.port, binary("192.0.2.8"))
        for stranger in (b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 x\r\n"):
            with pytest.raises((ConnectionError, EOFError)):
                await greet_behind(relay.port, stranger)
        first.abort()
        again = await until_greeted(relay.port, text("192.0.2.7"))
        for one in (second, third, again):
            assert (await one.listen(60, messages=1)).messages
            one.abort()
        assert "192.0.2" not in relay.log()
        assert relay.stop() == 0


@pytest.mark.processes
async def test_tls_begins_behind_the_header(tmp_path: Path) -> None:
    """RLY-145: in one packet, or byte by byte."""
    chain, key = write_pair(tmp_path, 1)
    context = ssl.create_default_context(cafile=chain)
    with RelayProcess(tmp_path / "relay", *PROXY, f"tls_cert={chain}", f"tls_key={key}") as relay:
        for header in (text("192.0.2.7"), binary("2001:db8::1")):
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            for place in range(len(header)):
                writer.write(header[place : place + 1])
                await writer.drain()
            await writer.start_tls(context, server_hostname="127.0.0.1")
            socket = await RawWebSocket(reader, writer).upgrade()
            assert (await socket.listen(60, messages=1)).messages
            socket.abort()
        assert relay.stop() == 0


async def until_let_in(url: str, named: str) -> ClientConnection:
    """Come again until the place of the client that a proxy names is free."""
    async with asyncio.timeout(60):
        while True:
            with suppress(InvalidStatus):
                return await connect(url, additional_headers={"X-Forwarded-For": named})


@pytest.mark.processes
async def test_behind_a_proxy_that_speaks_http(tmp_path: Path) -> None:
    """RLY-144: X-Forwarded-For of a proxy of ours; what a client has written there counts for nothing."""
    settings = ("client_address=forwarded-for", "trusted_proxies=127.0.0.1", "max_connections_per_address=1")
    with RelayProcess(tmp_path / "relay", *settings) as relay:
        async with connect(
            relay.url, compression=None, additional_headers={"X-Forwarded-For": "198.51.100.9, 192.0.2.7"}
        ) as first:
            await Peer(SocketLink(first)).greet()
            for named in ("192.0.2.7", "198.51.100.1, 192.0.2.7"):
                with pytest.raises(InvalidStatus, match="429"):
                    await connect(relay.url, additional_headers={"X-Forwarded-For": named})
            with pytest.raises(InvalidStatus, match="429"):
                await connect(relay.url, additional_headers={"X-Forwarded-For": "nonsense"})
            async with connect(relay.url, additional_headers={"X-Forwarded-For": "192.0.2.8"}):
                pass
        assert 'sealroom_relay_not_let_in_total{reason="address"} 2' in relay.figures()
        async with await until_let_in(relay.url, "192.0.2.7") as again:
            await Peer(SocketLink(again)).greet()
        assert relay.stop() == 0


@pytest.mark.processes
async def test_what_a_connection_asks_is_charged_to_its_address(tmp_path: Path) -> None:
    """RLY-56, RLY-144: the address that a proxy of ours names, over connections; another one is free."""
    settings = (
        "client_address=forwarded-for", "trusted_proxies=127.0.0.1", "lookups_per_address=1/0.001",
    )  # fmt: skip
    codes = []
    with RelayProcess(tmp_path / "relay", *settings) as relay:
        for named in ("192.0.2.7", "192.0.2.7", "192.0.2.8"):
            headers = {"X-Forwarded-For": named}
            async with connect(relay.url, compression=None, additional_headers=headers) as socket_:
                peer = await Peer(SocketLink(socket_)).greet()
                codes.append((await peer.expect(ErrorReply, Lookup(1, bytes(32), 0))).code)
    assert codes == [ErrorCode.NOT_FOUND, ErrorCode.RATE_LIMITED, ErrorCode.NOT_FOUND]


@pytest.mark.processes
async def test_a_crowd_in_handshakes(tmp_path: Path) -> None:
    """RLY-143: who never says what it wants does not pile up; who is in stays, and there is room again."""
    with RelayProcess(tmp_path / "relay", "max_handshakes=20") as relay:
        inside = await RawWebSocket.greet(relay.port)
        crowd = [await RawWebSocket.connect(relay.port) for _ in range(60)]
        async with asyncio.timeout(60):
            while len([one for one in crowd if (await one.listen(0.01)).code == GONE]) < 40:
                pass
        assert (await inside.listen(60, messages=1)).messages
        assert 'sealroom_relay_not_let_in_total{reason="handshakes"} 40' in relay.figures()
        for one in crowd:
            one.abort()
            one.writer.close()
        late = await until_greeted(relay.port)
        assert (await late.listen(60, messages=1)).messages
        late.abort()
        inside.abort()
        assert relay.stop() == 0


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The tickets of the connections that began."""
    tickets: list[bytes] = []
    begin = Admission.begin

    def noted(admission: Admission, ticket: bytes) -> bool:
        tickets.append(ticket)
        return begin(admission, ticket)

    monkeypatch.setattr(Admission, "begin", noted)
    return tickets


async def test_one_is_accepted_in_one_pass(tmp_path: Path, begun: list[bytes]) -> None:
    """RLY-146: sixty connections wait; the loop gets to its other work between any two of them."""
    each_pass = []
    async with relay_here(tmp_path) as server:
        waiting = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(60)]
        async with asyncio.timeout(30):
            while len(begun) < 60:
                before = len(begun)
                await asyncio.sleep(0)
                each_pass.append(len(begun) - before)
        assert max(each_pass) == 1
        for one in waiting:
            one.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
async def test_who_has_left_before_the_accept_is_let_go(tmp_path: Path, begun: list[bytes]) -> None:
    """RLY-159: nobody begins who reset or ended the connection before the accept; the others get in."""
    async with relay_here(tmp_path) as server:
        crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        for one in crowd[:15]:
            end_by_reset(one)
        for one in crowd[:30]:
            one.close()
        late = await RawWebSocket.greet(server.port)
        assert (await late.listen(60, messages=1)).messages
        assert len(begun) == 11
        late.abort()
        for one in crowd[30:]:
            one.close()


async def test_a_mistake_with_one_lets_the_next_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-146, RLY-73: it is reported, and the relay goes on accepting."""
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(type(context["exception"]).__name__)
    )
    async with relay_here(tmp_path) as server:
        with monkeypatch.context() as broken:
            broken.setattr(Admission, "begin", None)
            lost = await RawWebSocket.connect(server.port)
            await until(lambda: bool(reported))
        client = await RawWebSocket.greet(server.port)
        assert (await client.listen(60, messages=1)).messages
        for one in (lost, client):
            one.abort()
    assert reported == ["TypeError"]


async def test_answers_do_not_wait_for_more(tmp_path: Path) -> None:
    """RLY-160: asyncio leaves Nagle's algorithm on for accepted sockets, and a delayed ACK takes 40 ms."""
    async with relay_here(tmp_path) as server:
        client = await RawWebSocket.greet(server.port)
        (connection,) = server._standing
        assert connection.transport is not None
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        client.abort()


@pytest.mark.parametrize("tls", [False, True])
async def test_an_address_has_a_tenth_of_the_places_for_handshakes(tmp_path: Path, tls: bool) -> None:
    """RLY-143: whoever fills its own places leaves nine tenths to others, who get in meanwhile."""
    settings = BEHIND_PROXY | {"max_handshakes": "50"}
    if tls:
        chain, key = write_pair(tmp_path, 1)
        settings |= {"tls_cert": str(chain), "tls_key": str(key)}
    async with relay_here(tmp_path, **settings) as server:
        crowd = [await RawWebSocket.connect(server.port) for _ in range(20)]
        for one in crowd:
            await one.write(text("192.0.2.7"))
        async with asyncio.timeout(60):
            while len([one for one in crowd if (await one.listen(0.01)).code == GONE]) < 15:
                pass
        assert server._admission.handshakes.total == 5
        if tls:
            client = RawTls()
            with client.socket:
                await client.connect(server.port, text("192.0.2.8"))
                await client.shake_hands(REQUEST)
                assert b" 101 " in await client.read()
        else:
            other = await greet_behind(server.port, text("192.0.2.8"))
            assert (await other.listen(60, messages=1)).messages
            other.abort()
        for one in crowd:
            one.abort()


async def test_handshakes_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-84: from the accept to the end of the request, whatever trickles in meanwhile."""
    monkeypatch.setattr(listener, "HANDSHAKE_S", 1.0)
    async with relay_here(tmp_path, **BEHIND_PROXY) as server:
        silent, header, request = [await RawWebSocket.connect(server.port) for _ in range(3)]
        await header.write(text("192.0.2.7")[:20])
        await request.write(text("192.0.2.7"))

        async def trickle() -> None:
            for octet in itertools.chain(REQUEST[:60], itertools.repeat(ord("x"))):
                if not await request.write(bytes((octet,))):
                    return
                await asyncio.sleep(0.03)

        trickling = asyncio.create_task(trickle())
        for one in (silent, header, request):
            assert (await one.listen(60)).code == GONE
            one.abort()
        await trickling
        assert not server._admission._shaking


@pytest.mark.processes
async def test_those_who_come_while_the_relay_is_busy_wait(tmp_path: Path) -> None:
    """RLY-146: three hundred connect while it does nothing at all, and each gets in afterwards."""
    with RelayProcess(tmp_path / "relay") as relay:
        os.kill(relay.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(30):
                crowd = await asyncio.gather(*(RawWebSocket.connect(relay.port) for _ in range(300)))
        finally:
            os.kill(relay.pid, signal.SIGCONT)
        await asyncio.gather(*(one.upgrade() for one in crowd))
        heard = await asyncio.gather(*(one.listen(60, messages=1) for one in crowd))
        assert sum(len(one.messages) for one in heard) == 300
        for one in crowd:
            one.abort()
        assert relay.stop() == 0


@pytest.mark.processes
async def test_a_newcomer_gets_in_beside_a_crowd_that_wants_tls(tmp_path: Path) -> None:
    """RLY-143: whoever breaks off, hangs or goes through with it, those behind are served."""
    chain, key = write_pair(tmp_path, 1)
    context = ssl.create_default_context(cafile=chain)
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1").do_handshake()
    hello = outgoing.read()
    with RelayProcess(tmp_path / "relay", f"tls_cert={chain}", f"tls_key={key}") as relay:
        crowd = [await asyncio.open_connection("127.0.0.1", relay.port) for _ in range(150)]
        for number, (_, writer) in enumerate(crowd):
            writer.write(hello if number % 3 else hello[:100])
            if number % 3 == 1:
                writer.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port, ssl=context)
        late = await RawWebSocket(reader, writer).upgrade()
        assert (await late.listen(60, messages=1)).messages
        for number, (reader, _) in enumerate(crowd):
            if number % 3 == 2:
                assert (await reader.read(1)) == b"\x16"
        for _, writer in crowd:
            writer.transport.abort()
        late.abort()
        assert relay.stop() == 0
        assert "error" not in relay.log()


async def test_of_two_that_are_bound_to_a_port_at_a_time_one_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """RLY-83, RLY-167: the other is told as of any port that is taken, and nothing of it stays open."""
    loop = asyncio.get_running_loop()
    really = loop.create_server
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))

        async def create(*words: Any, **named: Any) -> asyncio.Server:
            server = await really(*words, **named)
            other.listen()
            return server

        monkeypatch.setattr(loop, "create_server", create)
        with pytest.raises(OSError, match="in use"):
            await listener.bind(*other.getsockname())
