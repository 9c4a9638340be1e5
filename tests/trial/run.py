"""A new operator on an empty account: OPERATING.md followed to the letter, by the clock.

    python tests/trial/run.py

The committed files, an empty home, the system's own programs and nothing else; each block of the page is
run as it stands. Then it is looked at from outside: TLS, what Prometheus has scraped, every query of
dashboard and alarms. Writes `reports/operator-trial.json`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from fenced_blocks import PageRun, blocks  # noqa: E402  # found on the path above
from relay_actors import Owner, Peer, SocketLink  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402

PAGE: Final = "server/deploy/OPERATING.md"
SECTION: Final = re.compile(r"^## The first ten minutes\n.*?(?=^## )", re.MULTILINE | re.DOTALL)
LIMIT_S: Final = 600
# A pip on this machine may need to be told of its package index: these are what is left of the environment.
KEPT: Final = re.compile(r"PIP_.*|.*_proxy|.*_PROXY|SSL_CERT_FILE")
LIMITS = (
    "The reader types nothing wrong and knows what a shell is; the times are those of the programs, so"
    " what remains of ten minutes is for reading. Debian packages are installed beforehand. Loopback, a"
    " certificate that signs itself."
)


def checkout(folder: Path) -> None:
    """Copy the committed files: what a fresh clone has."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)


def environment(home: Path) -> dict[str, str]:
    """Return a login's environment and no more."""
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    return {**kept, "HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def ask(address: str, chain: Path | None = None) -> bytes:
    """Return what an address of this machine answers."""
    context = None if chain is None else ssl.create_default_context(cafile=chain)
    with urllib.request.urlopen(address, timeout=10, context=context) as answer:  # noqa: S310 - ours
        body: bytes = answer.read()
        return body


def query(expression: str) -> list[Any]:
    """Return what Prometheus finds."""
    where = "http://127.0.0.1:9090/api/v1/query?query=" + urllib.parse.quote(expression)
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


def scraped(most_s: float) -> float:
    """Wait until Prometheus has scraped the relay; return the seconds, or what it waited at most."""
    begun = time.monotonic()
    while time.monotonic() - begun < most_s:
        if query('up{job="sealroom-relay"} == 1'):
            break
        time.sleep(0.5)
    return time.monotonic() - begun


def follow(folder: Path, home: Path) -> tuple[dict[str, float], list[str]]:
    """Run the page, then look at what stands; return seconds by step and what must not be."""
    page = (folder / PAGE).read_text("utf-8")
    section = SECTION.search(page)
    if section is None:
        return {}, ["the page has no such section"]
    seconds: dict[str, float] = {}
    with PageRun(folder, environment(home)) as run:
        for number, block in enumerate(blocks(section[0]), 1):
            begun = time.monotonic()
            run.run(f"```{block.language} {' '.join(block.words)}\n{block.text}```\n")
            seconds[f"block {number}: {block.text.splitlines()[0][:60]}"] = round(time.monotonic() - begun, 1)
        seconds["until Prometheus has scraped"] = round(scraped(60), 1)
        faults = examine(folder)
    return seconds, faults


async def use(chain: Path) -> None:
    """Send a message that is confirmed, and one that is refused."""
    context = ssl.create_default_context(cafile=chain)
    async with connect("wss://localhost:8443", compression=None, ssl=context) as socket:
        peer, owner = await Peer(SocketLink(socket)).greet(), Owner()
        await owner.set_up(peer)
        await peer.send(owner.item(bytes(1000)), owner.item(b"x", token=bytes(32)))


def examine(folder: Path) -> list[str]:
    """Say what is missing."""
    faults: list[str] = []
    if b"sealroom-relay" not in ask("https://localhost:8443/info", folder / "chain.pem"):
        faults.append("the relay does not say what it is")
    asyncio.run(use(folder / "chain.pem"))
    # Rates need two scrapes, and quotients of them something to divide by.
    time.sleep(35)
    faults += [f"no answer: {one}" for one in expressions() if not query(one)]
    if not query("sealroom_relay_certificate_end_seconds - time() > 80 * 86400"):
        faults.append("the end of the certificate is not seen")
    return faults


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="trial-") as name:
        folder, home = Path(name) / "sealroom", Path(name) / "home"
        folder.mkdir()
        home.mkdir()
        checkout(folder)
        seconds, faults = follow(folder, home)
    whole = round(sum(seconds.values()), 1)
    faults += [] if whole <= LIMIT_S else [f"it took {whole} s"]
    report = {
        "name": "operator-trial",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": "python tests/trial/run.py",
        "result": "fail" if faults else "pass",
        "figures": {"seconds in all": whole, "seconds": seconds, "what must not be": faults},
        "limits": LIMITS,
    }
    (ROOT / "reports" / "operator-trial.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report["figures"], indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
