"""The demonstration itself: it succeeds, its positive control is caught, and a bad file is named by its
line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import capture

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


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short conversation."""
    path = tmp_path_factory.mktemp("demo") / "conversation.txt"
    path.write_text(SHORT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def leaking(conversation: Path) -> subprocess.CompletedProcess[str]:
    """The search of a relay that leaks."""
    return demo(conversation, "--leaky")


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


@pytest.mark.xdist_group("leaking-demo")
@pytest.mark.processes
def test_a_leaking_relay_is_caught(leaking: subprocess.CompletedProcess[str]) -> None:
    """LKG-11, the positive control: each place into which it leaks, and names as well as sentences."""
    assert leaking.returncode == 1, leaking.stdout + leaking.stderr
    for place in ("memory", "file relay.log", "file relay.out", "file data/analytics.db", "file tmp"):
        assert f"in {place}" in leaking.stdout
    for thing in ("sentence 1", "name of the customer", "name of the company", "name for the contact"):
        assert f"FOUND  {thing} as raw in memory" in leaking.stdout


@pytest.mark.xdist_group("leaking-demo")
@pytest.mark.processes
def test_what_a_relay_says_on_the_wire_is_caught(leaking: subprocess.CompletedProcess[str]) -> None:
    """LKG-11, the positive control: a capture finds it as it is, and under WebSocket's masks in the echo."""
    reason = capture.why_not()
    if reason:
        assert os.environ.get("CI", "") != "1", reason
        pytest.skip(reason)
    assert "FOUND  sentence 1 as raw in wire" in leaking.stdout
    assert "FOUND  sentence 1 as raw, masked in wire" in leaking.stdout


def test_a_bad_file_is_named_by_its_line(tmp_path: Path) -> None:
    """A clear error instead of a traceback."""
    path = tmp_path / "bad.txt"
    path.write_text("customer: hello\nnobody: hello\n")
    done = demo(path)
    assert done.returncode == 2
    assert "error: line 2:" in done.stdout
    assert not done.stderr
