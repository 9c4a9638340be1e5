"""The settings that a build writes for web servers: these serve just what was signed, with its headers."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from e2ee_client.rooms.doors import PATH, open_door
from e2ee_client.web.servers import server_files
from e2ee_client.web.site import compose
from e2ee_client.web.verifying import Verifier
from held_port import HeldPort
from outside_servers import answer, program, running, until_answered
from site_builder import Builder
from site_scene import ROOM, built, settings

from e2ee.rooms.assets import Assets, Place
from e2ee.rooms.door import Door

MODULES = ("mpm_event", "authz_core", "mime", "headers", "filter", "deflate")
UPSTREAM = "wss://relay.operator.example/in"


async def look(builder: Builder, assets: Assets, origin: str) -> None:
    """Nothing differs, texts come compressed to who takes that, and nothing else is served."""
    verified = await Verifier(origin, builder.now_ms, assets.account_id).run()
    assert verified.findings == ()
    for path in ("", "_headers", "evil.html", "room.html/", "vault.js", ".well-known/", "room.html~"):
        assert answer(f"{origin}/{path}")[0] in (403, 404), path
    await look_compressed(assets, origin)


async def look_compressed(assets: Assets, origin: str) -> None:
    """Texts come by gzip to who takes it, and what keeps answers on the way is told so; nothing else does."""
    (script,) = [one for one in assets.files if one.path.startswith("/vault-")]
    async with httpx.AsyncClient(base_url=origin, trust_env=False) as browser:
        for asked, coding in (("gzip, deflate, br, zstd", "gzip"), ("identity", None)):
            got = await browser.get(script.path, headers={"Accept-Encoding": asked})
            assert got.headers.get("content-encoding") == coding
            assert hashlib.sha256(got.content).digest() == script.sha256
            if coding is not None:
                assert got.headers["vary"] == "Accept-Encoding"
                assert got.num_bytes_downloaded < script.size_b / 4
        door = await browser.get(PATH, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in door.headers


def with_more(builder: Builder) -> None:
    """Files that nobody has listed, and a link out of the folder."""
    room = builder.folder / "room"
    (room / "evil.html").write_text("<script>steal()</script>")
    (room / "room.html~").write_text("old")


@pytest.mark.processes
async def test_nginx_serves_what_was_signed_and_nothing_else(builder: Builder, tmp_path: Path) -> None:
    """CNS-64"""
    nginx = program("nginx", "nginx-light")
    assets = await builder.assets()
    with_more(builder)
    held = HeldPort()
    user = "user root; " if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; {user}pid nginx.pid; events {{}}\n"
        "http { access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f;\n"
        f"uwsgi_temp_path u; scgi_temp_path s; server {{ listen 127.0.0.1:{held.number};\n"
        f"root {builder.folder / 'room'}; include {builder.folder / 'servers/nginx.conf'}; }} }}\n",
        "utf-8",
    )
    command = (nginx, "-p", str(tmp_path), "-e", "stderr", "-c", "nginx.conf")
    with running(*command, folder=tmp_path):
        origin = f"http://127.0.0.1:{held.number}"
        await until_answered(f"{origin}/room.html")
        await look(builder, assets, origin)


@pytest.mark.processes
async def test_caddy_serves_what_was_signed_and_nothing_else(builder: Builder, tmp_path: Path) -> None:
    """CNS-64"""
    caddy = program("caddy", "caddy")
    assets = await builder.assets()
    with_more(builder)
    held = HeldPort()
    origin = f"http://127.0.0.1:{held.number}"
    text = (builder.folder / "servers/Caddyfile").read_text("utf-8")
    for ours, theirs in (
        ("chat.praxis.example {", f"{origin} {{"),
        ("/srv/sealroom/room", str(builder.folder / "room")),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    (tmp_path / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text, "utf-8")
    with running(caddy, "run", "--config", "Caddyfile", folder=tmp_path):
        await until_answered(f"{origin}/room.html")
        await look(builder, assets, origin)


@contextmanager
def readable(folder: Path) -> Iterator[Path]:
    """A copy that every user may read: where a test runs as root, Apache does not."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield shutil.copytree(folder, Path(place) / "room", symlinks=True)


def apache_settings(builder: Builder, apache: str, here: Path, port: int, room: Path) -> Path:
    """Write what stands around the settings of the site."""
    modules = Path(apache).parents[1] / "lib/apache2/modules"
    loads = "".join(f"LoadModule {name}_module {modules}/mod_{name}.so\n" for name in MODULES)
    (here / "mime.types").write_text("text/html html\ntext/plain txt\n", "utf-8")
    settings = here / "apache.conf"
    settings.write_text(
        f"{loads}ServerName localhost\nServerRoot {here}\nDefaultRuntimeDir {here}\nUser nobody\n"
        f"Group nogroup\nPidFile pid\nErrorLog errors\nTypesConfig mime.types\nListen 127.0.0.1:{port}\n"
        f"<VirtualHost *:{port}>\nDocumentRoot {room}\n"
        f"Include {builder.folder / 'servers/apache.conf'}\n</VirtualHost>\n",
        "utf-8",
    )
    return settings


@pytest.mark.processes
async def test_apache_serves_what_was_signed_and_nothing_else(builder: Builder, tmp_path: Path) -> None:
    """CNS-64"""
    apache = program("apache2", "apache2-bin")
    assets = await builder.assets()
    with_more(builder)
    held = HeldPort()
    with readable(builder.folder / "room") as room:
        settings = apache_settings(builder, apache, tmp_path, held.number, room)
        with running(apache, "-f", str(settings), "-DFOREGROUND", folder=tmp_path):
            origin = f"http://127.0.0.1:{held.number}"
            await until_answered(f"{origin}/room.html")
            await look(builder, assets, origin)


async def through(builder: Builder, tmp_path: Path) -> dict[str, str]:
    """Settings of a room whose host passes the relay on."""
    builder.signer.relay = "wss://chat.praxis.example/relay"
    encoded = await builder.signer.door()
    door: Door = open_door(encoded, builder.now_ms).door
    site = compose(settings(relay_upstream=UPSTREAM), built(tmp_path / "b"), encoded, door, "one", None)
    assert (
        "connect-src 'self' wss://chat.praxis.example;"
        in dict(site.header_sets[0])["content-security-policy"]
    )
    return server_files(site)


async def test_a_relay_behind_the_rooms_host_learns_nothing_of_the_browser(
    builder: Builder, tmp_path: Path
) -> None:
    files = await through(builder, tmp_path)
    assert "proxy_pass https://relay.operator.example/in;" in files["nginx.conf"]
    assert "reverse_proxy https://relay.operator.example" in files["Caddyfile"]
    assert 'ProxyPass "wss://relay.operator.example/in"' in files["apache.conf"]
    for header in ("Origin", "User-Agent", "Accept-Language", "Cookie", "Sec-WebSocket-Extensions"):
        assert f'proxy_set_header {header} "";' in files["nginx.conf"]
        assert f"header_up -{header}\n" in files["Caddyfile"]
        assert f"RequestHeader unset {header}\n" in files["apache.conf"]


@pytest.mark.processes
async def test_nginx_and_caddy_take_the_settings_with_a_relay(builder: Builder, tmp_path: Path) -> None:
    files = await through(builder, tmp_path)
    nginx, caddy = program("nginx", "nginx-light"), program("caddy", "caddy")
    text = re.sub(r"  proxy_ssl_trusted_certificate [^;]+;\n", "", files["nginx.conf"])
    text = text.replace("https://relay.operator.example", "https://127.0.0.1")
    text = text.replace("proxy_ssl_verify on", "proxy_ssl_verify off")
    (tmp_path / "nginx.conf").write_text(
        "pid nginx.pid; events {} http { client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;\n"
        "uwsgi_temp_path u; scgi_temp_path s; access_log off;\n"
        f"server {{ listen 127.0.0.1:1; root .; {text} }} }}",
        "utf-8",
    )
    (tmp_path / "Caddyfile").write_text(files["Caddyfile"], "utf-8")
    check(tmp_path, nginx, "-t", "-p", str(tmp_path), "-e", "stderr", "-c", "nginx.conf")
    check(tmp_path, caddy, "validate", "--config", "Caddyfile")


def check(folder: Path, *command: str) -> None:
    """A program takes its settings."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_apache_and_static_hosts_are_told_each_header_of_each_file(builder: Builder) -> None:
    assets = await builder.assets()
    apache = (builder.folder / "servers/apache.conf").read_text("utf-8")
    static = (builder.folder / "room/_headers").read_text("utf-8")
    parts = dict(re.findall(r"^(/\S+)\n((?:  .+\n)+)", static, re.MULTILINE))
    matches = re.findall(r'<LocationMatch "\^\(\?:(.+)\)\$">\n((?:  Header .+\n)+)', apache)
    for one in assets.files:
        if one.place is Place.PAGE:
            continue
        (block,) = [lines for pattern, lines in matches if re.fullmatch(pattern, one.path)]
        for name, value in assets.header_sets[one.headers]:
            assert re.search(rf"(?i)  {name}: (?-i:{re.escape(value)})\n", parts[one.path])
            assert re.search(rf'(?i)Header always set {name} "(?-i:{re.escape(value)})"\n', block)
    denied = re.search(r'<LocationMatch "(\^\(\?!.+)">\n  Require all denied', apache)
    assert denied is not None
    assert re.match(denied[1], "/evil.html")
    assert not re.match(denied[1], "/room.html")
    assert ROOM.removeprefix("https://") in apache
