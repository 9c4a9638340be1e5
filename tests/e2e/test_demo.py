"""The demonstration itself: its story succeeds, its positive control is caught, it plays conversation files,
and a bad one is named by its line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import capture

ROOT = Path(__file__).resolve().parents[2]
SHORT = """customer: Darf ich mein Kind zur Untersuchung mitbringen?
company: Selbstverständlich, wir freuen uns.
@duplicate
customer: ok
"""


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the demonstration as `make demo` does."""
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "client", "server"))
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "120"},
        check=False,
    )


@pytest.fixture(scope="module")
def leaking() -> subprocess.CompletedProcess[str]:
    """The search of a relay that leaks."""
    return demo("--leaky")


@pytest.mark.processes
def test_the_relay_knows_nothing() -> None:
    """LKG-11: the story of a room by processes of their own, its three views, and nothing found."""
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    for view in ("customer sees", "relay holds", "team sees"):
        assert view in done.stdout
    place = 0
    for words in (
        *(
            "of the customer: no connection yet",
            "I agree",
            "eine Kundin wartet",
            "[desk] Notiz / note: Bitte",
        ),
        *("(SIGKILL)", "the relay is started again", "[agent B] Notiz / note: Bitte", "twice"),
        *("second device", "history is", "sensitive:", "erase:", "hidden, destroyed"),
        *("I withdraw", "Einwilligung widerrufen", "erased at", "Nothing found"),
    ):
        place = done.stdout.find(words, place)
        assert place >= 0, f"{words!r} is missing or elsewhere:\n{done.stdout}"


@pytest.mark.processes
def test_a_conversation_file_is_played(tmp_path: Path) -> None:
    """LKG-11: of two people, with a text that is too short to judge, which is named as such."""
    path = tmp_path / "conversation.txt"
    path.write_text(SHORT, encoding="utf-8")
    done = demo("--file", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "company sees" in done.stdout
    assert "Too short to judge, so not searched for: 'ok'" in done.stdout
    assert "Nothing found" in done.stdout


@pytest.mark.audit_only
@pytest.mark.processes
def test_a_leaking_relay_is_caught(leaking: subprocess.CompletedProcess[str]) -> None:
    """LKG-11, the positive control: each place into which it leaks, and names as well as sentences."""
    assert leaking.returncode == 1, leaking.stdout + leaking.stderr
    for place in ("memory", "file relay.log", "file relay.out", "file data/analytics.db", "file tmp"):
        assert f"in {place}" in leaking.stdout
    things = ("sentence 1", "note 2", "name of the company", "name of agent A", "address in the notice")
    for thing in (*things, "name of a file", "content of a file"):
        assert f"FOUND  {thing} as raw in memory" in leaking.stdout


@pytest.mark.audit_only
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
    done = demo("--file", str(path))
    assert done.returncode == 2
    assert "error: line 2:" in done.stdout
    assert not done.stderr
