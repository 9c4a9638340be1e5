"""The files of server/deploy work: dashboard, alarms, scrape, proxies, container (RLY-72)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.parse
import zipfile
from pathlib import Path

import pytest
from e2ee_relay.machine import MachineFigures
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.metrics import CommitFigures, ShellFigures, render
from held_port import HeldPort
from outside_servers import WAIT_S, answer, program, running, until_answered
from relay_actors import Owner, Peer, SocketLink
from relay_process import RelayProcess
from service_certificate import write_pair
from websockets.asyncio.client import connect

from release import wheel_contents

SERIES = re.compile(r"sealroom_relay_[a-z0-9_]+")
COUNTED = re.compile(r"(?:rate|increase)\((sealroom_relay_[a-z0-9_]+)")
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


@pytest.fixture
def deploy(repo_root: Path) -> Path:
    return repo_root / "server" / "deploy"


def expressions(deploy: Path) -> list[str]:
    """Return every query of dashboard and alarms."""
    dashboard = json.loads((deploy / "grafana-dashboard.json").read_text("utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries = [query.replace("$job", "sealroom-relay") for query in queries]
    alarms = re.findall(r"^ +expr: (.+)$", (deploy / "alerts.yml").read_text("utf-8"), re.MULTILINE)
    assert min(len(queries), len(alarms)) >= 8
    return [*queries, *alarms]


def kinds(relay: MemoryRelay) -> dict[str, str]:
    """Return each series that /metrics has, with its type."""
    shell = ShellFigures(0, 0, 0, 0, True, certificate_ends_s=1, machine=MachineFigures())
    text = render(relay.node, CommitFigures(), shell)
    found: dict[str, str] = {}
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found.update({name + part: "counter" if part else kind for part in parts})
    return found


def test_every_query_names_series_that_exist(deploy: Path, relay: MemoryRelay) -> None:
    """RLY-72: dashboard and alarms; rates are taken of counters only, and of counters only rates."""
    known = kinds(relay)
    named = {name for query in expressions(deploy) for name in SERIES.findall(query)}
    assert named <= set(known)
    counted = {name for query in expressions(deploy) for name in COUNTED.findall(query)}
    assert {name for name in named if known[name] == "counter"} == counted


def test_every_figure_is_on_the_dashboard(deploy: Path, relay: MemoryRelay) -> None:
    """RLY-72: nothing is measured for nobody."""
    shown = {name for query in expressions(deploy) for name in SERIES.findall(query)}
    assert set(kinds(relay)) - shown == set()


async def use(url: str, **options: object) -> None:
    """Send one message that is confirmed and one that is refused."""
    async with connect(url, compression=None, **options) as client:  # type: ignore[arg-type]  # TLS options
        owner = Owner()
        peer = await Peer(SocketLink(client)).greet()
        await owner.set_up(peer)
        results = await peer.send(owner.item(bytes(90_000)), owner.item(b"x", token=bytes(32)))
        assert [int(result.code) for result in results] == [0, 6]


@pytest.mark.processes
async def test_prometheus_answers_every_query(deploy: Path, tmp_path: Path) -> None:
    """RLY-72: Debian's Prometheus on a live relay with TLS; each query finds something."""
    prometheus = program("prometheus", "prometheus")
    held = HeldPort(), HeldPort()
    port, at = [one.number for one in held]
    chain, key = write_pair(tmp_path, 1)
    settings = (f"tls_cert={chain}", f"tls_key={key}", f"metrics_listen=127.0.0.1:{port}")
    config = (deploy / "prometheus.yml").read_text("utf-8")
    assert "127.0.0.1:9465" in config
    config = config.replace("127.0.0.1:9465", f"127.0.0.1:{port}").replace("15s", "1s")
    (tmp_path / "prometheus.yml").write_text(config, "utf-8")
    shutil.copy(deploy / "alerts.yml", tmp_path)
    with RelayProcess(tmp_path / "relay", *settings) as relay:
        context = ssl.create_default_context(cafile=chain)
        address = f"--web.listen-address=127.0.0.1:{at}"
        with running(
            prometheus, "--config.file=prometheus.yml", address, "--storage.tsdb.path=data", folder=tmp_path
        ):
            await until_answered(f"http://127.0.0.1:{at}/-/ready")
            await until_found(at, "up == 1")
            await use(f"wss://127.0.0.1:{relay.port}", ssl=context)
            for query in expressions(deploy):
                # An alarm's condition does not hold here: what it compares must be there.
                await until_found(at, re.sub(r" (==|<|>) [0-9.e *]+( and .*)?$", "", query))


async def found(port: int, query: str) -> bool:
    """Ask Prometheus; tell whether there is a result."""
    address = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
    status, body = await asyncio.to_thread(answer, address)
    assert status == 200, query
    return bool(json.loads(body)["data"]["result"])


async def until_found(port: int, query: str) -> None:
    for _ in range(int(WAIT_S * 10)):
        if await found(port, query):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"no result of {query}")


def test_alarms_and_scrape_are_valid(deploy: Path) -> None:
    """RLY-72: as Prometheus' own checker reads them."""
    promtool = program("promtool", "prometheus")
    done = subprocess.run(
        [promtool, "check", "config", str(deploy / "prometheus.yml")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.processes
async def test_a_message_goes_through_nginx(deploy: Path, tmp_path: Path) -> None:
    """RLY-10, RLY-72: TLS ends at the proxy, frames pass; figures do not, and no address is written down."""
    nginx = program("nginx", "nginx-light")
    chain, key = write_pair(tmp_path, 1)
    held = HeldPort()
    at = held.number
    with RelayProcess(tmp_path / "relay") as relay:
        site = (deploy / "nginx.conf").read_text("utf-8")
        for ours, theirs in (
            ("127.0.0.1:8765", f"127.0.0.1:{relay.port}"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{at} ssl;"),
            ("listen [::]:443 ssl;", ""),
            ("/etc/ssl/relay/chain.pem", str(chain)),
            ("/etc/ssl/relay/key.pem", str(key)),
            ("/var/log/nginx/relay-error.log", str(tmp_path / "relay-error.log")),
        ):
            assert ours in site
            site = site.replace(ours, theirs)
        (tmp_path / "site.conf").write_text(site, "utf-8")
        (tmp_path / "nginx.conf").write_text(
            "daemon off; master_process off; pid nginx.pid; events {}\n"
            "http { client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f;\n"
            "uwsgi_temp_path u; scgi_temp_path s; include site.conf; }\n",
            "utf-8",
        )
        command = (nginx, "-p", str(tmp_path), "-e", "stderr", "-c", "nginx.conf")
        with running(*command, folder=tmp_path):
            await until_answered(f"https://127.0.0.1:{at}/info")
            await use(f"wss://127.0.0.1:{at}", ssl=ssl.create_default_context(cafile=chain))
            for path in ("metrics", "readyz", "livez", "healthz"):
                assert answer(f"https://127.0.0.1:{at}/{path}")[0] == 404
        written = (tmp_path / "output").read_text() + (tmp_path / "relay-error.log").read_text()
        assert "127.0.0.1" not in written


@pytest.mark.processes
async def test_a_message_goes_through_caddy(deploy: Path, tmp_path: Path) -> None:
    """RLY-10, RLY-72: the same with Caddy, whose certificate comes from a file here."""
    caddy = program("caddy", "caddy")
    chain, key = write_pair(tmp_path, 1)
    held = HeldPort()
    at = held.number
    with RelayProcess(tmp_path / "relay") as relay:
        site = (deploy / "Caddyfile").read_text("utf-8")
        assert "relay.example.org {" in site
        assert "127.0.0.1:8765" in site
        site = site.replace("127.0.0.1:8765", f"127.0.0.1:{relay.port}")
        site = site.replace("relay.example.org {", f"https://127.0.0.1:{at} {{\n\ttls {chain} {key}")
        (tmp_path / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site, "utf-8")
        with running(caddy, "run", "--config", "Caddyfile", folder=tmp_path):
            await until_answered(f"https://127.0.0.1:{at}/info")
            await use(f"wss://127.0.0.1:{at}", ssl=ssl.create_default_context(cafile=chain))
            assert answer(f"https://127.0.0.1:{at}/metrics")[0] == 404


@pytest.mark.processes
async def test_a_message_goes_through_haproxy(deploy: Path, tmp_path: Path) -> None:
    """RLY-144, RLY-145: TLS of the relay, untouched; it learns the client's address by the PROXY protocol."""
    haproxy = program("haproxy", "haproxy")
    await passed_through(
        deploy / "haproxy.cfg",
        tmp_path,
        (haproxy, "-db", "-f", "haproxy.cfg"),
        ("bind :::443 v4v6", "bind 127.0.0.1:{at}"),
        ("check port 9465", "check port {figures}"),
        ("maxconn 40000", "maxconn 1000"),
    )


@pytest.mark.processes
async def test_a_message_goes_through_nginx_that_passes_tls_on(deploy: Path, tmp_path: Path) -> None:
    """RLY-144, RLY-145: the same with nginx and its stream module."""
    nginx = program("nginx", "nginx-light")
    program(str(STREAM_MODULE), "libnginx-mod-stream")
    (tmp_path / "nginx.conf").write_text(
        f"load_module {STREAM_MODULE}; daemon off; master_process off; pid nginx.pid;\n"
        "events {} include nginx-stream.conf;\n",
        "utf-8",
    )
    await passed_through(
        deploy / "nginx-stream.conf",
        tmp_path,
        (nginx, "-p", str(tmp_path), "-e", "stderr", "-c", "nginx.conf"),
        ("listen 443;", "listen 127.0.0.1:{at};"),
        ("listen [::]:443;", ""),
        ("/var/log/nginx/relay-error.log", "relay-error.log"),
    )


def write_changed(file: Path, folder: Path, *changes: tuple[str, str]) -> None:
    """Copy a file of deploy with the ports and patience of a test."""
    text = file.read_text("utf-8")
    for ours, theirs in (*changes, ("5s", "1s")):
        assert ours in text
        text = text.replace(ours, theirs)
    (folder / file.name).write_text(text, "utf-8")


async def passed_through(
    file: Path, folder: Path, command: tuple[str, ...], *changes: tuple[str, str]
) -> None:
    """Send a message through a proxy that passes TLS on; another one that says nothing is cut off by it."""
    chain, key = write_pair(folder, 1)
    held = HeldPort(), HeldPort()
    at, figures = (one.number for one in held)
    settings = (
        f"tls_cert={chain}",
        f"tls_key={key}",
        f"metrics_listen=127.0.0.1:{figures}",
        "client_address=proxy-protocol",
        "trusted_proxies=127.0.0.1",
    )
    with RelayProcess(folder / "relay", *settings) as relay:
        to_relay = ("127.0.0.1:8765", f"127.0.0.1:{relay.port}")
        write_changed(file, folder, *[(a, b.format(at=at, figures=figures)) for a, b in changes], to_relay)
        with running(*command, folder=folder):
            await until_answered(f"https://127.0.0.1:{at}/info")
            await use(f"wss://127.0.0.1:{at}", ssl=ssl.create_default_context(cafile=chain))
            reader, writer = await asyncio.open_connection("127.0.0.1", at)
            assert await asyncio.wait_for(reader.read(), 30) == b""
            writer.close()
            # What does not come through the proxy has no header, and is cut off by the relay (RLY-145).
            assert answer(f"https://127.0.0.1:{relay.port}/info")[0] == 0
    assert "127.0.0.1" not in (folder / "output").read_text()


def test_the_rules_of_nftables_are_valid(deploy: Path) -> None:
    """RLY-144: as the kernel takes them, in a network of their own."""
    nft = program("nft", "nftables")
    if os.geteuid() != 0:
        pytest.skip("only root loads rules")
    name = f"nft{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow network namespaces")
    try:
        inside = ["ip", "netns", "exec", name, nft]
        subprocess.run([*inside, "-f", str(deploy / "nftables.conf")], check=True, timeout=60)
        shown = subprocess.run([*inside, "list", "ruleset"], capture_output=True, text=True, check=True)
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
    assert shown.stdout.count("tcp dport 443") == 4


def test_the_container_builds_the_relay_of_what_it_copies(
    deploy: Path, repo_root: Path, tmp_path: Path
) -> None:
    """RLY-70: a whole wheel, by what the lock has; the relay is nobody special and ends by SIGTERM."""
    text = (deploy / "Containerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *paths, place = line.split()
        for path in paths:
            target = tmp_path / place / (Path(path).name if place == "./" else "")
            copy = shutil.copytree if (repo_root / path).is_dir() else shutil.copy
            copy(repo_root / path, target)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
    environment = os.environ | {"SEALROOM_WHEEL": "pure"}
    subprocess.run(build, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    wheel_contents.read(wheel)
    names = {path.partition("/")[0] for path in zipfile.ZipFile(wheel).namelist()}
    assert {"e2ee", "e2ee_client", "e2ee_login", "e2ee_relay"} <= names
    for installed in re.findall(r"pip install (.*)", text):
        assert "--no-index" in installed or "--require-hashes --only-binary=:all: -r " in installed
    assert "pip wheel --no-deps --no-build-isolation " in text
    assert (tmp_path / "relay.txt").is_file()
    assert (tmp_path / "build.txt").is_file()
    assert "\nUSER relay\n" in text
    assert "\nSTOPSIGNAL SIGTERM\n" in text


def test_the_program_is_built_by_what_is_locked(deploy: Path) -> None:
    """With build isolation pip takes the newest hatchling that an index has, which can write any program."""
    builds = re.findall(r"^.*pip wheel .*$", (deploy / "OPERATING.md").read_text("utf-8"), re.MULTILINE)
    assert len(builds) == 2
    assert all(" --no-build-isolation " in line for line in builds)


def test_the_unit_is_started_again_however_long_a_fault_lasts(deploy: Path) -> None:
    """RLY-109: a start fails in a second while the database is away; after five systemd would give up."""
    unit = (deploy / "sealroom-relay.service").read_text("utf-8")
    before, service = unit.split("[Service]")
    assert "\nStartLimitIntervalSec=0\n" in before
    assert "\nRestart=on-failure\n" in service
