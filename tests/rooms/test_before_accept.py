"""Before the first accept: one request to the company's page, and no other effect (CNS-18, CNS-26)."""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import before_accept
import checkout
import pytest
import traced_process
from company import TEXTS, Company
from e2ee_client.errors import NotAccepted, RelayUnavailable
from e2ee_client.opening import Runtime
from e2ee_client.rooms import Customer
from e2ee_client.rooms.doors import make_door
from e2ee_client.runtime.transport import Connection
from e2ee_client.store import INTERACTIVE

from e2ee.rooms import channels as core_channels

ORIGIN = "https://praxis.example"
NOWHERE = "wss://127.0.0.1:1/"


class Drawn(Exception):
    """Somebody asked for random bytes."""


def no_rng(size_b: int) -> bytes:
    """A source of randomness that nobody may ask."""
    raise Drawn(size_b)


class NoTransport:
    """A transport that notes who wants a connection."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        """Refuse."""
        self.asked.append(url)
        raise RelayUnavailable("nobody may connect")


def made_door(relay_url: str = NOWHERE) -> bytes:
    """The door of a company, made now."""
    now_ms = time.time_ns() // 1_000_000
    firm = Company.make(now_ms=now_ms)
    channels = core_channels.sign_channels(firm.roster_key, firm.mandate, [], {}, now_ms)
    notice = firm.notice(now_ms=now_ms, operator=("Relay GmbH", relay_url))
    return make_door(firm.mandate, notice, TEXTS, channels, now_ms)


DOOR = made_door()


async def served(origin: str) -> bytes:
    """The door, as the page has it."""
    assert origin == ORIGIN
    return DOOR


def person(path: Path, **runtime: object) -> Customer:
    """A person whose surroundings notice each effect."""
    given = {"transport": NoTransport(), "rng": no_rng, "kdf_profile": INTERACTIVE, **runtime}
    return Customer(path, None, bytes(32), ORIGIN, Runtime(**given), served, None)  # type: ignore[arg-type]  # doubles


async def look(customer: Customer) -> None:
    """Do all that a person can do without accepting."""
    for _ in range(2):
        notice = await customer.notice()
        assert notice.text("de") == TEXTS["de"]
        assert notice.text("en") == TEXTS["en"]
        assert (await customer.refuse(notice)).issued_ms
    assert not customer.has_accepted
    assert customer.rooms() == []
    with pytest.raises(NotAccepted):
        customer.client.card()


async def test_nothing_is_drawn_connected_or_stored_before_the_accept(tmp_path: Path) -> None:
    """CNS-18: the sources that the surroundings supply are not touched, and no file appears."""
    transport = NoTransport()
    async with Customer.open(
        tmp_path / "store",
        company=ORIGIN,
        key=bytes(32),
        runtime=Runtime(transport=transport, rng=no_rng, kdf_profile=INTERACTIVE),
        fetch=served,
    ) as customer:
        await look(customer)
    assert transport.asked == []
    assert os.listdir(tmp_path) == []


async def test_the_accept_draws_connects_and_stores(tmp_path: Path) -> None:
    """The control: the same surroundings notice it."""
    drawing = person(tmp_path / "a")
    with pytest.raises(Drawn):
        await drawing.accept(await drawing.notice())
    transport = NoTransport()
    customer = person(tmp_path / "b", transport=transport, rng=Runtime().rng)
    await customer.accept(await customer.notice())
    await customer.close()
    assert set(transport.asked) == {NOWHERE}
    assert (tmp_path / "b").exists()


# --- from outside ---


class Page(http.server.BaseHTTPRequestHandler):
    """The company's page on this machine."""

    def do_GET(self) -> None:
        """Serve the door, and nothing else."""
        is_door = self.path == "/.well-known/sealroom-door"
        self.send_response(200 if is_door else 404)
        self.end_headers()
        self.wfile.write(DOOR if is_door else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base names it
        """Say nothing."""


@pytest.fixture
def origin() -> Iterator[str]:
    """An origin that serves the door."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def trace(origin: str, folder: Path) -> list[str]:
    """Run the program under strace; return its system calls of files, network and randomness."""
    log, script = folder / "trace", Path(before_accept.__file__)
    calls = "trace=%file,%network,openat,getrandom,write,pwrite64,ftruncate"
    command = ["strace", "-f", "-qq", "-o", str(log), "-e", calls, sys.executable, "-B", str(script)]
    ran = subprocess.run(
        [*command, origin, str(folder / "store")],
        cwd=checkout.ROOT,
        env=traced_process.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == [str(len(TEXTS["de"])), "True"]
    return log.read_text("utf-8", "replace").splitlines()


def between(calls: list[str], first: str, last: str) -> list[str]:
    """The calls of one step."""
    marks = [n for n, line in enumerate(calls) for mark in (first, last) if f'"{mark}"' in line]
    return calls[marks[0] + 1 : marks[1]]


_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
_CHANGES = re.compile(
    r" (?:mkdir|rename|unlink|link|symlink|mknod|rmdir|chmod|chown|truncate|utime|setxattr|pwrite|ftruncate)"
)
_TARGET = re.compile(r" (?:connect|sendto|sendmsg|sendmmsg)\(.*?(sa_family=\w+.*?\})")


def effects(calls: list[str]) -> dict[str, list[str]]:
    """What a step wrote, drew and connected, by the calls of its process and threads."""
    opens = [one for one in calls if " open" in one or " creat(" in one]
    return {
        "files": [one for one in opens if _WRITES.search(one)]
        + [one for one in calls if _CHANGES.search(one)],
        "random": [
            one for one in calls if " getrandom(" in one or "/dev/urandom" in one or "/dev/random" in one
        ],
        "targets": [match[1] for one in calls if (match := _TARGET.search(one))],
    }


@pytest.mark.skipif(
    not traced_process.available(),
    reason="strace is not installed: system calls before the accept are not watched",
)
def test_seen_from_outside_only_the_origin_is_connected_before_the_accept(
    origin: str, tmp_path: Path
) -> None:
    """CNS-18, CNS-26: no file is written or made, no random byte is drawn, nothing but the page is connected.
    What follows draws and writes, and shows that the trace would tell.
    """
    calls = trace(origin, tmp_path)
    port = origin.rsplit(":", 1)[1]
    seen = effects(between(calls, before_accept.SHOWN, before_accept.DRAWN))
    assert seen["files"] == []
    assert seen["random"] == []
    assert len(seen["targets"]) == 2
    assert all(f"htons({port})" in one and "127.0.0.1" in one for one in seen["targets"])
    assert effects(between(calls, before_accept.DRAWN, before_accept.ACCEPTED))["random"]
    control = effects(between(calls, before_accept.ACCEPTED, before_accept.ENDED))
    assert any("store" in one for one in control["files"])
