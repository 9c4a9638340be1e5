"""A relay that fails with a frame in hand says where, and nothing of the frame (LKG-10)."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import checkout
import pytest
from e2ee_relay.logs import EventLog
from e2ee_relay.protocol import SendItem, TtlClass
from leakage_declaration import Row

from demo.crash import crash_everywhere, patterns_of_item
from demo.crashing_relay import PLACES
from demo.scan import search_files

BODY = b"\x01\x01" + os.urandom(614)
ITEM = SendItem(os.urandom(16), os.urandom(32), os.urandom(16), TtlClass.RETENTION, b"", BODY)
LIBRARIES = (
    "from e2ee_relay.logs import EventLog, take_over_error_reports",
    "import asyncio, sys, threading",
)
UNCAUGHT = {
    "main thread": "raise ValueError('Guten Tag')",
    "thread": "t = threading.Thread(target=lambda: int('Guten Tag')); t.start(); t.join()",
    "callback": "loop.call_soon(int, 'Guten Tag'); loop.call_soon(loop.stop); loop.run_forever()",
    "finalizer": "A = type('A', (), {'__del__': lambda self: int('Guten Tag')}); A()",
    "slow callback": "loop.call_soon(lambda text: __import__('time').sleep(0.2), 'Guten Tag');"
    " loop.call_soon(loop.stop); loop.run_forever()",
    "library": "__import__('logging').getLogger('psycopg').warning('connection lost: %s', 'Guten Tag')",
}
SILENT = ("slow callback", "library")


def test_an_error_that_quotes_a_frame_is_logged_without_its_text() -> None:
    """LKG-10: type and place only."""
    stream = io.StringIO()
    log = EventLog(stream, "debug", lambda: 1)
    try:
        raise ValueError("SEND to 0011 of b'Guten Tag'")
    except ValueError as error:
        log.write_error(error)
    assert set(json.loads(stream.getvalue())) == {"time_ms", "level", "event", "type", "place", "text"}
    assert "Guten" not in stream.getvalue()


@pytest.mark.parametrize("where", UNCAUGHT)
def test_what_nobody_catches_is_not_printed(where: str) -> None:
    """LKG-10, RLY-73: in the loop, in a thread, in the interpreter itself, in the loop's own debug mode, and
    by a library, as that of the database at each connection that is lost.
    """
    program = [*LIBRARIES, "loop = asyncio.new_event_loop(); loop.set_debug(True)"]
    program += ["take_over_error_reports(EventLog(sys.stderr, 'debug', lambda: 1), loop)", UNCAUGHT[where]]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(checkout.ROOT / "server")},
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["type"] for line in lines] == ([] if where in SILENT else ["ValueError"])
    assert not done.stdout


@pytest.mark.processes
async def test_a_relay_that_fails_with_a_message_in_hand_tells_nothing_of_it(
    tmp_path: Path, table: Mapping[str, Row]
) -> None:
    """LKG-10, LKG-01: the error is reported once, with declared keys, and quotes nothing."""
    logs = await crash_everywhere(tmp_path, ITEM)
    assert set(logs) == set(PLACES)
    for place, text in logs.items():
        lines = [json.loads(line) for line in text.splitlines() if not line.startswith("ready ")]
        errors = [line for line in lines if line["event"] == "internal_error"]
        assert [line["type"] for line in errors] == ["RuntimeError"], place
        assert {f"log.{key}" for line in lines for key in line} <= set(table)
    assert search_files(tmp_path, patterns_of_item(ITEM)) == []


@pytest.mark.processes
async def test_a_relay_that_prints_its_errors_is_found(tmp_path: Path) -> None:
    """LKG-10, control: the same faults, but each is also printed as Python does it by default."""
    await crash_everywhere(tmp_path, ITEM, careless=True)
    hits = search_files(tmp_path, patterns_of_item(ITEM))
    assert {hit.place.split("/")[0] for hit in hits} == {f"file {place}" for place in PLACES}
