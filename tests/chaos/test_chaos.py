"""A short chaos run, and the book that judges it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import chaos_net
import pytest
from chaos_people import Book
from postgres_server import missing_programs
from relay_backends import skip_or_fail

RUN = Path(__file__).with_name("run.py")


def test_the_book_finds_what_must_not_be() -> None:
    """RLY-105, RLY-63: a lost message, one after its acknowledgement, and a key given twice."""
    book = Book(confirmed={b"a", b"b"}, after_acknowledgement={b"b"})
    book.arrived.update([b"b", b"b"])
    book.keys.update([b"k", b"k", b"other"])
    assert book.findings() == {
        "confirmed_lost": 1,
        "delivered_after_acknowledgement": 1,
        "one_time_keys_given_twice": 1,
    }
    book = Book(confirmed={b"a"})
    book.arrived.update([b"a", b"a"])
    assert not any(book.findings().values())


@pytest.mark.slow
@pytest.mark.processes
def test_a_short_run_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """RLY-63, RLY-105, RLY-107, RLY-109: nodes killed, database crashed, links cut, wake-ups dropped."""
    lacking = missing_programs() or chaos_net.missing()
    if lacking and os.geteuid() != 0:
        pytest.skip(lacking)
    if lacking:
        skip_or_fail(lacking)
    report = tmp_path / "chaos.json"
    words = ["--conversations", "12", "--messages", "6", "--people", "3", "--seconds", "8", "--keys", "400"]
    command = [sys.executable, str(RUN), *words, "--output", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert report.exists(), done.stderr[-2000:]
    found = json.loads(report.read_text())
    assert found["holds"], found
    assert found["messages_confirmed"] == 72
