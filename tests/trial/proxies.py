"""A flood of connections from one address against a relay behind each proxy of server/deploy.

    python tests/trial/proxies.py [--seconds N] [--only NAME]

Relay and proxy run in one network namespace, the clients in another (as root, with iproute2). The files of
deploy are used as they are, but for addresses and certificate. Behind each proxy a customer and a company
exchange a text with the real client; then 20 newcomers, each from an address of its own, have to get a
message confirmed within 10 seconds, on a quiet relay and while one address opens connections as fast as it
can: silent ones, and TLS handshakes. The relay without a proxy stands beside them, and decides nothing.
Writes `reports/proxies.json`; exits 1 if fewer than 18 of 20 get through any proxy.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from chaos_net import Net, address, missing, wait_until_ready  # noqa: E402  # found on the path above
from kept_result import keep  # noqa: E402
from proxy_crowd import FLOODER, NEWCOMERS  # noqa: E402
from service_certificate import certificate  # noqa: E402

DEPLOY: Final = ROOT / "server/deploy"
HOST: Final = address(0)
STREAM: Final = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
LEAST: Final = 18
ALONE: Final = "relay alone"
PASSING: Final = ("client_address=proxy-protocol", "trusted_proxies=127.0.0.1")
FORWARDING: Final = ("client_address=forwarded-for", "trusted_proxies=127.0.0.1")
LIMITS: Final = (
    "Flood, newcomers, proxy and relay share two cores and one kernel: the flood cannot be stronger than what"
    " is left, and its own handshakes take most of the processor. One address, not a botnet."
)
NGINX: Final = (
    "daemon off; pid nginx.pid; worker_processes 1; worker_rlimit_nofile 18000;\n"
    "events { worker_connections 8000; }\n"
)


@dataclass(frozen=True)
class Way:
    """A relay as clients reach it: where it listens, with which settings, behind what."""

    name: str
    listen: str
    settings: tuple[str, ...]
    has_tls: bool
    command: tuple[str, ...] = ()
    needs: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    rules: bool = False


def deployed(name: str, *changes: tuple[str, str]) -> str:
    """Return a file of deploy with other addresses.

    Raises:
        ValueError: it does not have what is to be changed.
    """
    text = (DEPLOY / name).read_text("utf-8")
    for ours, theirs in changes:
        if ours not in text:
            raise ValueError(f"{name} has no {ours!r}")
        text = text.replace(ours, theirs)
    return text


def ways(folder: Path) -> list[Way]:
    """Return the relay alone, and behind each proxy."""
    local = "127.0.0.1:8765"
    chain, key = folder / "chain.pem", folder / "key.pem"
    log = str(folder / "relay-error.log")
    nginx = ("nginx", "-p", str(folder), "-e", "stderr", "-c", "nginx.conf")
    site = deployed(
        "nginx.conf",
        ("listen [::]:443 ssl;", ""),
        ("/etc/ssl/relay/chain.pem", str(chain)),
        ("/etc/ssl/relay/key.pem", str(key)),
        ("/var/log/nginx/relay-error.log", log),
    )
    stream = deployed("nginx-stream.conf", ("listen [::]:443;", ""), ("/var/log/nginx/relay-error.log", log))
    return [
        Way(ALONE, f"{HOST}:443", (), True),
        Way(
            "HAProxy", local, PASSING, True, ("haproxy", "-db", "-f", "haproxy.cfg"), "haproxy",
            {"haproxy.cfg": deployed("haproxy.cfg", ("maxconn 40000", "maxconn 8000"))},
        ),
        Way(
            "nginx, TLS passed through", local, PASSING, True, nginx, "nginx",
            {"nginx.conf": f"load_module {STREAM};\n{NGINX}{stream}"},
        ),
        Way(
            "nginx, TLS passed through, nftables", local, PASSING, True, nginx, "nginx",
            {"nginx.conf": f"load_module {STREAM};\n{NGINX}{stream}"}, rules=True,
        ),
        Way(
            "nginx, TLS ends there", local, FORWARDING, False, nginx, "nginx",
            {"nginx.conf": f"{NGINX}http {{ {site} }}\n"},
        ),
        Way(
            "Caddy, nftables", local, FORWARDING, False, ("caddy", "run", "--config", "Caddyfile"), "caddy",
            {
                "Caddyfile": "{\n\tadmin off\n\tauto_https off\n}\n"
                + deployed(
                    "Caddyfile", ("relay.example.org {", f"https://{HOST}:443 {{\n\ttls {chain} {key}")
                )
            },
            rules=True,
        ),
    ]  # fmt: skip


@contextmanager
def process(inside: str, *words: str, folder: Path, log: str) -> Iterator[None]:
    """Run a program in a namespace."""
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "client", "server", "tests/support"))
    environment = {**os.environ, "PYTHONPATH": paths, "HOME": str(folder)}
    with (folder / log).open("ab") as output:
        running = subprocess.Popen(
            ["ip", "netns", "exec", inside, *words],
            stdout=output, stderr=output, cwd=folder, env=environment,
        )  # fmt: skip
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(40)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def inside(namespace: str, *words: str, timeout_s: float = 180) -> str:
    """Run a program in a namespace and return what it printed."""
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "client", "server", "tests/support"))
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, *words],
        capture_output=True, text=True, timeout=timeout_s, check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{words[0]}: {done.stderr[-1500:]}")
    return done.stdout


CONVERSE: Final = """
import asyncio, sys, pathlib, tempfile
from e2ee_client import Client, MessageState, Runtime, WebSocketTransport
async def main(url, chain):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        runtime = Runtime(transport=WebSocketTransport(ca_file=chain))
        own = {"key": bytes(32), "relay": url, "runtime": runtime}
        async with (
            Client.create(folder / "desk.db", publish=True, **own) as desk,
            Client.create(folder / "me.db", **own) as me,
        ):
            praxis = await me.add_contact(desk.card())
            message = await praxis.send("through a proxy")
            await message.wait_for(MessageState.SENT, timeout_s=60)
asyncio.run(main(*sys.argv[1:]))
"""


def measured(way: Way, net: Net, folder: Path, seconds: float) -> dict[str, Any]:
    """Return the figures of one way, quiet and flooded."""
    server, clients = net.hosts
    folder.mkdir(exist_ok=True)
    ends = datetime.now(UTC) + timedelta(days=30)
    chain, key = folder / "chain.pem", folder / "key.pem"
    for path, content in zip((chain, key), certificate(ends, 1, address=HOST), strict=True):
        path.write_bytes(content)
    for name, text in way.files.items():
        (folder / name).write_text(text, "utf-8")
    tls = (f"tls_cert={chain}", f"tls_key={key}") if way.has_tls else ()
    settings = [word for one in (*way.settings, *tls, f"relay_name={HOST}") for word in ("--set", one)]
    relay = [sys.executable, "-m", "e2ee_relay", "serve", "--listen", way.listen]
    relay += ["--data-dir", str(folder / "data"), *settings]
    crowd = (sys.executable, str(ROOT / "tests/support/proxy_crowd.py"), f"wss://{HOST}", str(chain))
    found: dict[str, Any] = {}
    try:
        if way.rules:
            inside(server, "nft", "-f", str(DEPLOY / "nftables.conf"))
        with process(server, *relay, folder=folder, log="relay.log"):
            wait_until_ready(folder / "relay.log")
            with process(server, *(way.command or ("sleep", "infinity")), folder=folder, log="proxy.log"):
                time.sleep(3)
                inside(clients, sys.executable, "-c", CONVERSE, f"wss://{HOST}", str(chain))
                for case in ("quiet", "flood"):
                    found[case] = json.loads(inside(clients, *crowd, str(seconds), case))
                    print(f"{way.name}, {case}: {found[case]}", flush=True)
                    if case == "flood":
                        found[case]["turned away by the relay"] = turned_away(server)
    finally:
        inside(server, "nft", "flush", "ruleset")
    return found


def turned_away(server: str) -> dict[str, int]:
    """Return how many connections the relay itself did not let in, by reason."""
    page = inside(server, "curl", "--silent", "http://127.0.0.1:9465/metrics")
    lines = [line for line in page.splitlines() if line.startswith("sealroom_relay_not_let_in_total{")]
    return {line.split('"')[1]: int(float(line.rsplit(" ", 1)[1])) for line in lines}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    why = missing() or next(
        (f"{one} is not installed" for one in ("nft", "curl") if not shutil.which(one)), ""
    )
    if why:
        print(why, file=sys.stderr)
        return 2
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="proxies-") as name, Net(2) as net:
        Path(name).chmod(0o755)
        for one in (FLOODER, *NEWCOMERS):
            inside(net.hosts[1], "ip", "addr", "add", f"{one}/24", "dev", "eth0")
        for place, way in enumerate(ways(Path(name) / "files")):
            if options.only not in way.name:
                continue
            if way.needs and shutil.which(way.needs) is None:
                figures[way.name] = f"{way.needs} is not installed"
                continue
            folder = Path(name) / str(place)
            figures[way.name] = measured(ways(folder)[place], net, folder, options.seconds)
    proxies = [one for name, one in figures.items() if isinstance(one, dict) and name != ALONE]
    good = all(one["flood"]["through"] >= LEAST for one in proxies)
    if not options.only:
        keep(
            {
                "name": "proxies",
                "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
                "command": "python tests/trial/proxies.py",
                "python": sys.version.split()[0],
                "result": "pass" if good else "fail",
                "figures": figures,
                "limits": LIMITS,
            }
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
