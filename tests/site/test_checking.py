"""`sealroom web check`: why a room would not work on its host and in the pages around it."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from e2ee_client.web.checking import Checker
from e2ee_client.web.embedding import read_page
from e2ee_client.web.origins import is_same_site
from e2ee_client.web.policy import allows, parse_policies
from service_certificate import certificate
from site_builder import Builder
from site_scene import Reply, Server, replies_of
from websockets.asyncio.server import ServerConnection, serve

PAGE = "/kontakt"


@pytest.fixture
async def site(builder: Builder) -> AsyncIterator[Server]:
    """A room and a page that embeds it, under one host of this machine."""
    async with relay() as at:
        builder.signer.relay = at
        with Server({}) as server:
            await set_up(server, builder)
            yield server


@asynccontextmanager
async def relay() -> AsyncIterator[str]:
    """What a room is connected by, and its address."""

    async def talk(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(talk, "127.0.0.1", 0) as made:
        yield f"ws://127.0.0.1:{made.sockets[0].getsockname()[1]}/"


async def set_up(server: Server, builder: Builder) -> None:
    server.replies.update(replies_of(builder.folder, await builder.assets()))
    room = server.replies["/room.html"].headers
    before, _, after = room["content-security-policy"].partition("frame-ancestors")
    room["content-security-policy"] = f"{before}frame-ancestors {server.origin}{after}"
    snippet = (builder.folder / "snippet.html").read_text("utf-8")
    html = snippet.replace("https://chat.praxis.example", server.origin)
    server.replies[PAGE] = Reply(f"<!doctype html><body>{html}".encode(), {"content-type": "text/html"})


async def look(server: Server, builder: Builder) -> set[tuple[str, str]]:
    """What is wrong with room and page."""
    checker = Checker(f"{server.origin}/room.html", [server.origin + PAGE], builder.now_ms)
    return {(one.code, one.what) for one in await checker.run()}


async def test_a_room_that_is_set_up_well_has_no_findings(site: Server, builder: Builder) -> None:
    assert await look(site, builder) == set()


async def test_each_weakness_of_the_rooms_policy_is_named(site: Server, builder: Builder) -> None:
    site.replies["/room.html"].headers["content-security-policy"] = (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors *"
    )
    found = await look(site, builder)
    assert {what for code, what in found if code == "policy_loose"} == {
        "default-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "require-trusted-types-for 'script'",
        "frame-ancestors *",
    }
    assert ("policy_relay", builder.signer.relay) in found


async def test_headers_of_the_room_that_are_missing_or_in_the_way_are_named(
    site: Server, builder: Builder
) -> None:
    headers = site.replies["/room.html"].headers
    del headers["content-security-policy"]
    del headers["x-content-type-options"]
    headers["referrer-policy"] = "unsafe-url"
    headers["cross-origin-resource-policy"] = "cross-origin"
    headers |= {"x-frame-options": "DENY", "vary": "*"}
    site.replies["/.well-known/sealroom-door"].headers["access-control-allow-origin"] = "*"
    assert await look(site, builder) == {
        ("policy_missing", ""),
        ("header_missing", "x-content-type-options"),
        ("header_other", "referrer-policy"),
        ("header_other", "cross-origin-resource-policy"),
        ("header_odd", "x-frame-options: DENY"),
        ("header_odd", "vary: *"),
        ("cors", "*"),
    }


async def test_a_page_that_may_not_frame_the_room_or_is_of_another_domain_is_named(
    site: Server, builder: Builder
) -> None:
    site.replies["/room.html"].headers["content-security-policy"] = (
        site.replies["/room.html"].headers["content-security-policy"].replace(site.origin, "")
    )
    other = site.origin.replace("127.0.0.1", "localhost")
    checker = Checker(f"{site.origin}/room.html", [other + PAGE], builder.now_ms)
    found = {(one.code, one.what) for one in await checker.run()}
    assert {("not_framed", other), ("other_site", site.origin)} <= found


async def test_what_a_page_lacks_or_forbids_is_named(site: Server, builder: Builder) -> None:
    page = site.replies[PAGE]
    page.headers["content-security-policy"] = "default-src 'none'; img-src *"
    page.headers["cross-origin-embedder-policy"] = "require-corp"
    page.body = page.body.replace(b"account=", b"data-account=").replace(b"integrity=", b"data-integrity=")
    page.body += b'<script src="http://cdn.example/x.js"></script><a href="http://cdn.example/">x</a>'
    found = await look(site, builder)
    assert {code for code, _ in found} == {
        "page_policy",
        "isolated",
        "no_account",
        "no_integrity",
        "insecure_part",
    }
    assert ("insecure_part", "http://cdn.example/x.js") in found
    page.body = b"<p>nothing</p>"
    del page.headers["content-security-policy"], page.headers["cross-origin-embedder-policy"]
    assert await look(site, builder) == {("not_embedded", "<script>")}


async def test_a_launcher_that_is_not_the_one_of_the_page_is_named(site: Server, builder: Builder) -> None:
    path = next(one for one in site.replies if "launcher-" in one)
    site.replies[path].body += b"//"
    assert {code for code, _ in await look(site, builder)} == {"integrity"}
    del site.replies[path]
    assert await look(site, builder) == {("status", "404")}


async def test_an_old_door_and_a_door_that_ends_soon_are_named(site: Server, builder: Builder) -> None:
    builder.now_ms += 85 * 86_400_000
    assert {code for code, _ in await look(site, builder)} == {"door_ends_soon"}
    builder.now_ms += 10 * 86_400_000
    assert ("door", "door.expired") in await look(site, builder)


async def test_a_name_that_has_no_address_and_a_host_that_is_off_are_told_apart(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server({}) as gone:
        pass
    absent = await Checker(f"{gone.origin}/room.html", [], builder.now_ms).run()
    assert [one.code for one in absent] == ["unreachable"]

    def nobody(*_given: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    missing = await Checker("https://chat.praxis.example/room.html", [], builder.now_ms).run()
    assert [(one.code, one.what) for one in missing] == [("no_name", "chat.praxis.example")]


async def test_a_relay_that_cannot_be_reached_is_named(site: Server, builder: Builder) -> None:
    with Server({}) as gone:
        pass
    builder.signer.relay = gone.origin.replace("http", "ws") + "/"
    assets = await builder.assets()
    door = "/.well-known/sealroom-door"
    site.replies[door] = replies_of(builder.folder, assets)[door]
    found = await Checker(f"{site.origin}/room.html", [], builder.now_ms).run()
    assert ("unreachable", builder.signer.relay) in {(one.code, one.where) for one in found}


async def test_a_web_server_in_the_place_of_a_relay_is_named(site: Server, builder: Builder) -> None:
    """The name in the notice may lead to a host that does not pass it on."""
    builder.signer.relay = site.origin.replace("http", "ws") + "/relay"
    site.replies.update(replies_of(builder.folder, await builder.assets()))
    found = await Checker(f"{site.origin}/room.html", [], builder.now_ms).run()
    assert ("no_relay", builder.signer.relay) in {(one.code, one.where) for one in found}


@pytest.mark.parametrize(
    ("policy", "attribute", "is_allowed"),
    [
        ("script-src 'self' 'nonce-abc'", "", True),
        ("script-src 'nonce-abc'", 'nonce="abc"', True),
        ("script-src 'nonce-abc'", 'nonce="other"', False),
        ("script-src 'self' 'nonce-abc' 'strict-dynamic'", "", False),
        ("script-src 'self' 'nonce-abc' 'Strict-Dynamic'", 'nonce="abc"', True),
        ("script-src {integrity} 'strict-dynamic'", "", True),
        ("script-src {integrity}, script-src 'self'", "", True),
        ("script-src 'sha384-xxxx'", "", False),
    ],
)
async def test_a_policy_of_scripts_is_read_as_browsers_read_it(
    site: Server, builder: Builder, policy: str, attribute: str, is_allowed: bool
) -> None:
    page = site.replies[PAGE]
    said = page.body.decode().partition('integrity="')[2].partition('"')[0]
    page.headers["content-security-policy"] = policy.replace("{integrity}", f"'{said}'")
    page.body = page.body.replace(b"<script ", f"<script {attribute} ".encode())
    assert {code for code, _ in await look(site, builder)} == (set() if is_allowed else {"page_policy"})


async def test_a_launcher_that_no_browser_takes_is_named(site: Server, builder: Builder) -> None:
    """A script of modules needs its type, and, on another host than the page, the leave of that host."""
    path = next(one for one in site.replies if "launcher-" in one)
    site.replies[path].headers["content-type"] = "text/plain"
    assert await look(site, builder) == {("media_type", "text/plain")}
    site.replies[path].headers["content-type"] = "text/javascript"
    other = site.origin.replace("127.0.0.1", "localhost")
    page = site.replies[PAGE]
    page.body = page.body.replace(f'src="{path}'.encode(), f'src="{other}{path}'.encode())
    assert await look(site, builder) == {("other_host", site.origin)}
    site.replies[path].headers["access-control-allow-origin"] = "*"
    assert await look(site, builder) == set()


async def test_a_certificate_that_does_not_hold_is_named(builder: Builder, tmp_path: Path) -> None:
    chain, key = certificate(datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3), 1)
    (tmp_path / "chain.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")

    async def nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0, ssl=context)
    address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/room.html"
    unknown = await Checker(address, [], builder.now_ms).run()
    trusted = ssl.create_default_context(cafile=tmp_path / "chain.pem")
    now_ms = int(datetime.datetime.now(datetime.UTC).timestamp() * 1000)
    known = await Checker(address, [], now_ms, trusted).run()
    server.close()
    await server.wait_closed()
    assert [one.code for one in unknown] == ["certificate"]
    assert known[0].code == "certificate_ends_soon"


# --- its parts ---


@pytest.mark.parametrize(
    ("policy", "address", "is_allowed"),
    [
        ("frame-src https://chat.praxis.example", "https://chat.praxis.example/room.html", True),
        ("child-src *.praxis.example", "https://chat.praxis.example/room.html", True),
        ("default-src *.praxis.example", "https://praxis.example/", False),
        ("default-src 'self'", "https://www.praxis.example/x", True),
        ("default-src 'self'", "https://chat.praxis.example/x", False),
        ("frame-src https:", "https://chat.praxis.example/", True),
        ("frame-src http://chat.praxis.example", "https://chat.praxis.example/", True),
        ("frame-src https://chat.praxis.example:8443", "https://chat.praxis.example/", False),
        ("frame-src https://chat.praxis.example:*", "https://chat.praxis.example:99/", True),
        ("frame-src https://chat.praxis.example/other/", "https://chat.praxis.example/room.html", False),
        ("frame-src 'none'; frame-src *", "https://chat.praxis.example/", False),
        ("img-src 'none'", "https://chat.praxis.example/", True),
        ("frame-src *, frame-src 'none'", "https://chat.praxis.example/", False),
    ],
)
def test_what_a_policy_lets_into_a_frame(policy: str, address: str, is_allowed: bool) -> None:
    policies = parse_policies([policy])
    assert allows(policies, "frame-src", address, "https://www.praxis.example/a") is is_allowed


@pytest.mark.parametrize(
    ("page", "room", "is_same"),
    [
        ("https://www.praxis.example", "https://chat.praxis.example", True),
        ("https://praxis.example", "https://praxis.example", True),
        ("https://www.shop.co.uk", "https://chat.shop.co.uk", True),
        ("https://a.co.uk", "https://b.co.uk", False),
        ("https://a.com", "https://b.com", False),
        ("https://evilpraxis.example", "https://praxis.example", False),
        ("https://praxis.example", "https://praxis.example.evil.example", False),
        ("http://www.praxis.example", "https://chat.praxis.example", False),
        ("http://127.0.0.1", "http://127.0.0.2", False),
        ("null", "https://praxis.example", False),
        ("https://[", "https://praxis.example", False),
    ],
)
def test_which_hosts_are_one_site_as_the_room_itself_judges(page: str, room: str, is_same: bool) -> None:
    assert is_same_site(page, room) is is_same


def test_a_page_is_read_as_browsers_read_it() -> None:
    page = read_page(
        '<base href="https://www.praxis.example/a/"><SCRIPT SRC=launcher-1.js INTEGRITY="x"></SCRIPT>'
        '<seal-room src="https://chat.praxis.example/room.html" src="https://evil.example/">'
        '<!-- <seal-room src="https://comment.example/"> --><meta http-equiv=Content-Security-Policy '
        "content=\"frame-src 'none'\">",
        "https://www.praxis.example/",
    )
    assert page.launchers == [{"src": "https://www.praxis.example/a/launcher-1.js", "integrity": "x"}]
    assert [one["src"] for one in page.rooms] == ["https://chat.praxis.example/room.html"]
    assert page.policies == ["frame-src 'none'"]
