"""Look from outside at what a new operator has set up: TLS, a message, what Prometheus has, every query.

    python tests/trial/look.py wss://localhost:8443 chain.pem 9091

Relay, chain of its certificate, port of Prometheus. Prints as JSON what is missing.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from relay_actors import Owner, Peer, SocketLink  # noqa: E402  # found on the path above
from websockets.asyncio.client import connect  # noqa: E402


def ask(address: str, chain: Path | None = None) -> bytes:
    """Return what an address answers."""
    context = None if chain is None else ssl.create_default_context(cafile=chain)
    with urllib.request.urlopen(address, timeout=10, context=context) as answer:  # noqa: S310 - ours
        body: bytes = answer.read()
        return body


def query(port: int, expression: str) -> list[Any]:
    """Return what Prometheus finds."""
    where = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(expression)}"
    found: list[Any] = json.loads(ask(where))["data"]["result"]
    return found


def expressions() -> Iterator[str]:
    """Every query of the dashboard, and what each alarm compares."""
    deploy = ROOT / "server/deploy"
    dashboard = json.loads((deploy / "grafana-dashboard.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        yield from (one["expr"].replace("$job", "sealroom-relay") for one in panel["targets"])
    for one in re.findall(r"^ +expr: (.+)$", (deploy / "alerts.yml").read_text("utf-8"), re.MULTILINE):
        yield re.sub(r" (==|<|>) [0-9.e *]+( and .*)?$", "", one)


def scraped(port: int, most_s: float) -> bool:
    """Wait until Prometheus has scraped the relay."""
    deadline = time.monotonic() + most_s
    while time.monotonic() < deadline:
        if query(port, 'up{job="sealroom-relay"} == 1'):
            return True
        time.sleep(0.5)
    return False


async def use(relay: str, chain: Path) -> None:
    """Send a message that is confirmed, and one that is refused."""
    context = ssl.create_default_context(cafile=chain)
    async with connect(relay, compression=None, ssl=context) as socket:
        peer, owner = await Peer(SocketLink(socket)).greet(), Owner()
        await owner.set_up(peer)
        await peer.send(owner.item(bytes(1000)), owner.item(b"x", token=bytes(32)))


def examine(relay: str, chain: Path, port: int) -> list[str]:
    """Say what is missing."""
    faults: list[str] = []
    if b"sealroom-relay" not in ask(relay.replace("wss:", "https:") + "/info", chain):
        faults.append("the relay does not say what it is")
    asyncio.run(use(relay, chain))
    # Rates need two scrapes, and quotients of them something to divide by.
    time.sleep(35)
    faults += [f"no answer: {one}" for one in expressions() if not query(port, one)]
    if not query(port, "sealroom_relay_certificate_end_seconds - time() > 80 * 86400"):
        faults.append("the end of the certificate is not seen")
    return faults


def main() -> int:
    relay, chain, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if not scraped(port, 60):
        print(json.dumps(["Prometheus does not scrape the relay"]))
        return 0
    print(json.dumps(examine(relay, chain, port)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
