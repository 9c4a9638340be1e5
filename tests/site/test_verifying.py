"""`sealroom web verify`: each way in which a served site differs from what was signed is named, in bounds."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from company import Company
from e2ee_client.rooms import exchange
from e2ee_client.web import fetching, verifying
from e2ee_client.web.findings import Finding, has_faults
from e2ee_client.web.folders import folder_findings
from e2ee_client.web.verifying import BROWSERS, Verified, Verifier
from site_builder import Builder
from site_scene import Reply, Server, replies_of

from e2ee.rooms.assets import Assets, Served, next_assets, sign_assets

ASSETS, DOOR = "/.well-known/sealroom-assets", "/.well-known/sealroom-door"


@pytest.fixture
async def site(builder: Builder) -> AsyncIterator[tuple[Server, Assets, Builder]]:
    """A site that is served as it was signed."""
    assets = await builder.assets()
    with Server(replies_of(builder.folder, assets)) as server:
        yield server, assets, builder


Site = tuple[Server, Assets, Builder]


async def look(site: Site, **given: object) -> Verified:
    """Verify it as somebody who knows the company's account."""
    server, assets, builder = site
    values = {"account_id": assets.account_id, "pages": (server.origin,), **given}
    return await Verifier(server.origin, builder.now_ms, **values).run()  # type: ignore[arg-type]  # by name


def codes(verified: Verified, path: str) -> set[str]:
    """What was found of a path."""
    return {one.code for one in verified.findings if one.where.endswith(path)}


def script(assets: Assets, name: str = "vault-") -> str:
    """The path of a script."""
    return next(one.path for one in assets.files if name in one.path)


async def test_a_site_that_is_served_as_signed_holds(site: Site) -> None:
    """CNS-64"""
    verified = await look(site)
    assert verified.findings == ()
    assert verified.assets == site[1]
    asked = set(site[0].requests)
    assert asked == {one.path for one in site[1].files} | {ASSETS}


@pytest.mark.parametrize(
    "name", ["vault-", "launcher-", "room.html", "notice.de", "third-party", "sealroom-door"]
)
async def test_one_changed_byte_names_its_file(site: Site, name: str) -> None:
    """CNS-64"""
    server, assets, _ = site
    path = script(assets, name)
    reply = server.replies[path]
    server.replies[path] = dataclasses.replace(reply, body=reply.body[:-1] + bytes([reply.body[-1] ^ 1]))
    verified = await look(site)
    assert has_faults(verified.findings)
    assert "changed" in codes(verified, path)
    assert {one.where for one in verified.findings} == {server.origin + path}


async def test_headers_that_are_missing_wrong_or_too_much_are_named(site: Site) -> None:
    """CNS-64"""
    server, assets, _ = site
    page = server.replies["/room.html"]
    del page.headers["referrer-policy"]
    page.headers["content-security-policy"] = page.headers["content-security-policy"] + "; script-src *"
    page.headers["access-control-allow-origin"] = "*"
    server.replies[script(assets)].headers["content-type"] = "text/plain"
    server.replies["/third-party.txt"].headers["set-cookie"] = "id=1"
    found = {(one.code, one.what.partition(":")[0]) for one in (await look(site)).findings}
    assert found == {
        ("header_missing", "referrer-policy"),
        ("header_other", "content-security-policy"),
        ("header_odd", "access-control-allow-origin"),
        ("header_odd", "set-cookie"),
        ("media_type", "text/plain"),
    }


@pytest.mark.parametrize(
    "name", ["NEL", "Report-To", "Reporting-Endpoints", "Speculation-Rules", "Origin-Trial", "Accept-CH"]
)
async def test_a_header_that_reports_tries_or_loads_something_is_named(site: Site, name: str) -> None:
    """CNS-67"""
    server, _, _ = site
    server.replies["/room.html"].headers[name] = "x"
    verified = await look(site)
    assert [(one.code, one.what) for one in verified.findings] == [("header_odd", f"{name.lower()}: x")]
    assert has_faults(verified.findings)


@pytest.mark.parametrize(
    "odd",
    [
        "content-security-policy: default-src 'self'; report-uri https://stranger.example/",
        "content-disposition: attachment",
        "vary: Accept-Encoding, *",
        'alt-svc: h3="stranger.example:443"',
        'alt-svc: h3=":1"; ma=60',
        'alt-svc: h3=":PORT", h2="stranger.example:443"',
        'alt-svc: h3=":PORT"; ma="1, h3=x"',
    ],
)
async def test_a_header_that_its_set_lacks_and_that_leads_elsewhere_is_named(site: Site, odd: str) -> None:
    """CNS-67"""
    server, assets, _ = site
    name, _, value = odd.replace("PORT", server.origin.rpartition(":")[2]).partition(": ")
    server.replies[script(assets)].headers[name] = value
    named = Finding("header_odd", server.origin + script(assets), f"{name}: {value}")
    assert (await look(site)).findings == (named,)


@pytest.mark.parametrize(
    "value", ["clear", 'h3=":PORT"; ma=2592000', 'h3=":PORT"; ma=1, h2=":PORT"; persist=1']
)
async def test_headers_that_every_server_may_send_are_not_named(site: Site, value: str) -> None:
    """CNS-67: other protocols of the same host and port; a policy of the page's host beside the launcher."""
    server, assets, _ = site
    given = {"alt-svc": value.replace("PORT", server.origin.rpartition(":")[2]), "vary": "Accept-Encoding"}
    server.replies[script(assets)].headers |= given
    launcher = server.replies[script(assets, "launcher-")].headers
    launcher |= {**given, "content-security-policy": "default-src 'self'"}
    assert (await look(site)).findings == ()


async def test_a_file_that_is_served_otherwise_to_one_browser_is_named_with_it(site: Site) -> None:
    """CNS-64"""
    server, assets, _ = site
    path = script(assets)

    def alter(asked: str, headers: Mapping[str, str], reply: Reply) -> Reply:
        is_theirs = asked == path and "iPhone" in headers.get("user-agent", "")
        return dataclasses.replace(reply, body=b"steal()") if is_theirs else reply

    server.alter = alter
    (found,) = (await look(site)).findings
    assert (found.code, found.where, found.seen_by) == ("changed", server.origin + path, "iPhone")
    assert len(BROWSERS) == 4


@pytest.mark.parametrize(
    "odd", ["no header", " folded: 1", "access-control-allow-origin : *", "x: 1\rrefresh: 0", "x: \0"]
)
async def test_a_line_that_is_no_header_hides_none_behind_it(site: Site, odd: str) -> None:
    """CNS-66"""
    server, _, _ = site
    page = server.replies["/room.html"]
    head, _, body = page.encoded().partition(b"\r\n\r\n")
    hidden = f"\r\n{odd}\r\nrefresh: 0; url=https://stranger.example/\r\n\r\n"
    page.raw = head + hidden.encode() + body
    verified = await look(site)
    assert codes(verified, "/room.html") == {"odd_head"}
    assert has_faults(verified.findings)


def _coded(server: Server, path: str, coding: str, data: bytes) -> None:
    """Serve other bytes to who asks for a coding."""

    def alter(asked: str, headers: Mapping[str, str], reply: Reply) -> Reply:
        if asked != path or coding not in headers.get("accept-encoding", ""):
            return reply
        return Reply(data, {**reply.headers, "content-encoding": coding})

    server.alter = alter


async def test_a_file_that_is_compressed_on_its_way_is_read_as_browsers_do(site: Site) -> None:
    """CNS-65"""
    server, _, _ = site
    _coded(server, "/room.html", "gzip", gzip.compress(server.replies["/room.html"].body))
    assert (await look(site)).findings == ()


async def test_another_file_behind_a_coding_is_named_with_the_browsers_that_ask_for_it(site: Site) -> None:
    """CNS-65"""
    server, _, _ = site
    body = server.replies["/room.html"].body
    for data, code in (
        (gzip.compress(bytes([body[0] ^ 1]) + body[1:]), "changed"),
        (gzip.compress(body) + b"x", "cut"),
        (gzip.compress(body)[:-1], "cut"),
        (body, "cut"),
        (gzip.compress(bytes(4 * 1024 * 1024)), "larger"),
    ):
        _coded(server, "/room.html", "gzip", data)
        (found,) = (await look(site)).findings
        assert (found.code, found.seen_by) == (code, "Chrome, Firefox, iPhone")
    for path in ("/room.html", DOOR):
        _coded(server, path, "br", b"of an older site")
        (found,) = (await look(site)).findings
        assert (found.code, found.what, found.seen_by) == ("encoded", "br", "Chrome")
        assert has_faults([found])


async def test_a_coding_that_nobody_asked_for_is_a_fault(site: Site) -> None:
    """CNS-64"""
    server, _, _ = site
    server.replies["/room.html"].headers["content-encoding"] = "br"
    found = {(one.code, one.seen_by) for one in (await look(site)).findings}
    assert ("header_odd", "-, Firefox, iPhone") in found


@pytest.mark.parametrize(
    "said", ["text/html; charset=utf-16le", "text/html\r\ncontent-type: text/plain", "text/html; x=1"]
)
async def test_a_type_by_which_a_browser_reads_other_text_is_named(site: Site, said: str) -> None:
    """CNS-64"""
    server, _, _ = site
    server.replies["/notice.de.html"].headers["content-type"] = said
    assert codes(await look(site), "/notice.de.html") == {"media_type"}


# --- the list itself ---


async def test_an_older_list_that_was_put_back_is_told_by_who_has_seen_a_newer_one(site: Site) -> None:
    """CNS-63"""
    server, older, builder = site
    newer = await builder.assets("two")
    found = (await look(site, known=newer)).findings
    assert ("older", f"{older.seq} < {newer.seq}") in {(one.code, one.what) for one in found}
    assert not has_faults((await look(site)).findings)
    server.replies.update(replies_of(builder.folder, newer))
    assert [one.code for one in (await look(site, known=older)).findings] == ["newer"]


async def test_another_list_of_one_number_is_told(site: Site) -> None:
    """CNS-63"""
    server, assets, builder = site
    company = Company.make()
    made = [
        sign_assets(
            company.account_key,
            next_assets(company.account_id, 9, served, builder.now_ms, builder.now_ms + 1),
        )
        for served in (
            Served("1", assets.origin, assets.pages, assets.header_sets, assets.files),
            Served("2", assets.origin, assets.pages, assets.header_sets, assets.files),
        )
    ]
    server.replies[ASSETS].body = made[0].signed
    verified = await look(site, account_id=company.account_id, known=made[1])
    assert "forked" in codes(verified, ASSETS)


async def test_a_list_of_another_account_is_refused_and_nothing_of_it_is_asked_for(site: Site) -> None:
    """CNS-60"""
    server, assets, builder = site
    company = Company.make("another")
    served = Served("1", assets.origin, assets.pages, assets.header_sets, assets.files)
    unsigned = next_assets(company.account_id, 9, served, builder.now_ms, builder.now_ms + 86_400_000)
    server.replies[ASSETS].body = sign_assets(company.account_key, unsigned).signed
    verified = await look(site)
    assert verified.findings == (Finding("not_signed", server.origin + ASSETS, "remote.signature"),)
    assert verified.assets is None
    assert server.requests == [ASSETS]


async def test_without_an_account_that_of_the_door_is_said_and_the_site_is_not_verified(site: Site) -> None:
    """CNS-68"""
    verified = await look(site, account_id=None)
    assert [(one.code, one.what) for one in verified.findings] == [
        ("account_stated", site[1].account_id.hex())
    ]
    assert has_faults(verified.findings)


async def test_a_list_past_its_end_and_a_door_past_its_own_are_told(site: Site) -> None:
    """CNS-62"""
    server, assets, builder = site
    soon = assets.expires_ms - 86_400_000
    early = await Verifier(server.origin, soon, assets.account_id, pages=(server.origin,)).run()
    assert {one.code for one in early.findings} == {"ends_soon", "door_ends_soon"}
    late = await Verifier(server.origin, assets.expires_ms + 2 * 86_400_000, assets.account_id).run()
    assert codes(late, ASSETS) == {"expired"}
    assert {one.what for one in late.findings if one.code == "door"} == {"door.expired"}
    assert builder.now_ms < soon


# --- servers that do not behave ---


async def test_a_redirect_is_named_and_not_followed(site: Site) -> None:
    server, assets, _ = site
    path = script(assets)
    with Server({path: server.replies[path]}) as other:
        server.replies[path] = Reply(b"", {"location": f"{other.origin}{path}"}, 302)
        (found,) = (await look(site)).findings
        assert (found.code, found.what) == ("redirect", f"{other.origin}{path}")
        assert other.requests == []


async def test_a_huge_answer_is_read_to_its_limit_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    server, assets, _ = site
    path, most = script(assets), []
    server.replies[path].body = bytes(8 * 1024 * 1024)
    server.replies["/third-party.txt"].raw = b"HTTP/1.1 200 x\r\n" + b"x: " + b"y" * 1024 * 1024
    real = exchange.exchange

    async def counted(*given: object) -> bytes:
        received = await real(*given)  # type: ignore[arg-type]  # as it is called
        most.append(len(received))
        return received

    monkeypatch.setattr(fetching, "exchange", counted)
    verified = await look(site)
    assert codes(verified, path) == {"larger"}
    assert codes(verified, "/third-party.txt") == {"not_http"}
    assert max(most) < 400_000


async def test_a_server_that_never_answers_ends_with_what_was_seen(site: Site) -> None:
    server, assets, _ = site
    path = script(assets)
    server.alter = lambda asked, _headers, reply: None if asked == path else reply
    verified = await look(site, all_limit_s=0.5)
    assert "slow_all" in {one.code for one in verified.findings}


async def test_a_file_that_is_not_answered_in_time_is_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, assets, _ = site
    path = script(assets)
    server.alter = lambda asked, _headers, reply: None if asked == path else reply

    async def hurried(origin: str, asked: str, max_b: int, **given: Any) -> fetching.Answer:
        limit_s = 0.05 if asked == path else fetching.TIME_LIMIT_S
        return await fetching.fetch(origin, asked, max_b, time_limit_s=limit_s, **given)

    monkeypatch.setattr(verifying, "fetch", hurried)
    (found,) = (await look(site)).findings
    assert (found.code, found.where) == ("slow", server.origin + path)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\nab", "cut"),
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "cut"),
        (b"HTTP/1.1 500 x\r\n\r\n", "status"),
        (b"SSH-2.0\r\n", "not_http"),
        (b"", "not_http"),
    ],
)
async def test_answers_that_are_none_are_named(site: Site, raw: bytes, code: str) -> None:
    server, _, _ = site
    server.replies["/room.html"].raw = raw
    assert codes(await look(site), "/room.html") == {code}


async def test_a_site_that_cannot_be_reached_is_said(site: Site) -> None:
    server, assets, builder = site
    with Server({}) as gone:
        pass
    verified = await Verifier(gone.origin, builder.now_ms, assets.account_id).run()
    assert [one.code for one in verified.findings] == ["unreachable"]
    assert server.requests == []


# --- a folder ---


async def test_a_folder_names_what_is_changed_missing_beside_it_or_a_link(
    builder: Builder, tmp_path: Path
) -> None:
    assets = await builder.assets()
    room = builder.folder / "room"
    assert folder_findings(builder.folder, assets) == []
    (room / "evil.html").write_text("x")
    (room / "notice.en.html").unlink()
    (room / "third-party.txt").write_text("x")
    page = tmp_path / "elsewhere.html"
    (room / "room.html").rename(page)
    (room / "room.html").symlink_to(page)
    found = {(one.code, Path(one.where).name) for one in folder_findings(builder.folder, assets)}
    assert found == {
        ("unlisted", "evil.html"),
        ("absent", "notice.en.html"),
        ("changed", "third-party.txt"),
        ("link", "room.html"),
    }
