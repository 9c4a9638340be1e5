"""The demonstration itself: it succeeds, its positive control is caught, and a bad file is named by its
line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHORT = """@offline company
customer: Darf ich mein Kind zur Untersuchung mitbringen?
@online company
company: Selbstverständlich, wir freuen uns.
customer: ok
@duplicate
company: The entrance is on the left side of the building.
"""


def demo(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demonstration as `make demo` does."""
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "client", "server"))
    return subprocess.run(
        [sys.executable, "-m", "demo", "--file", str(path), *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "120"},
        check=False,
    )


@pytest.fixture
def conversation(tmp_path: Path) -> Path:
    """A short conversation."""
    path = tmp_path / "conversation.txt"
    path.write_text(SHORT, encoding="utf-8")
    return path


@pytest.mark.processes
def test_the_relay_knows_nothing(conversation: Path) -> None:
    """LKG-11: the three views, the short line named as such, and nothing found."""
    done = demo(conversation)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "customer sees" in done.stdout
    assert "relay holds" in done.stdout
    assert "company sees" in done.stdout
    assert "Too short to judge, so not searched for: 'ok'" in done.stdout
    assert "Nothing found" in done.stdout


@pytest.mark.processes
def test_a_leaking_relay_is_caught(conversation: Path) -> None:
    """LKG-11, the positive control: memory, log and a file beside the database."""
    done = demo(conversation, "--leaky")
    assert done.returncode == 1, done.stdout + done.stderr
    for place in ("memory", "file relay.log", "file data/analytics.db"):
        assert f"in {place}" in done.stdout


def test_a_bad_file_is_named_by_its_line(tmp_path: Path) -> None:
    """A clear error instead of a traceback."""
    path = tmp_path / "bad.txt"
    path.write_text("customer: hello\nnobody: hello\n")
    done = demo(path)
    assert done.returncode == 2
    assert "error: line 2:" in done.stdout
    assert not done.stderr
