"""The examples as their readers run them: real processes over a real relay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked_relay import ForkedRelay
from relay_process import RelayProcess

pytestmark = pytest.mark.processes


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[RelayProcess]:
    with ForkedRelay(tmp_path / "relay") as running:
        yield running


# As `python FILE ARGUMENTS`, but for the cost of the keys.
QUICKLY = "import runpy, sys, quick_keys; sys.argv[:1] = []; runpy.run_path(sys.argv[0], run_name='__main__')"


def _environment(root: Path) -> dict[str, str]:
    paths = os.pathsep.join(str(root / part) for part in (".", "client", "server", "tests/support"))
    return {**os.environ, "PYTHONPATH": paths, "SEALROOM_PASSPHRASE": "correct horse"}


def test_the_first_message_takes_ten_lines(repo_root: Path) -> None:
    source = (repo_root / "examples/first_message.py").read_text().split('"""')[2]
    lines = [line for line in source.splitlines() if line.strip() and not line.startswith(("import", "from"))]
    assert len(lines) <= 10


def test_first_message_and_bot_and_chat(repo_root: Path, tmp_path: Path, relay: RelayProcess) -> None:
    """A bot opens its desk, gives its card, answers two customers, and is the same after a restart."""
    environment = _environment(repo_root)

    def run(name: str, *arguments: str) -> str:
        command = [sys.executable, "-c", QUICKLY, str(repo_root / "examples" / name), *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    command = [sys.executable, "-c", QUICKLY, str(repo_root / "examples/bot.py"), "bot.db", relay.url]
    cards = []
    for _ in range(2):
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        ) as bot:
            assert bot.stdout is not None
            cards.append(bot.stdout.readline().strip())
            if len(cards) == 1:
                for _ in range(2):
                    assert "compare before you trust" in run("first_message.py", cards[0], relay.url)
            else:
                assert run("sync_chat.py", cards[1], relay.url, "Hallo").startswith("answer: Guten Tag")
            bot.terminate()
    assert cards[0] == cards[1]
    assert cards[0].startswith("sealroom:contact?v=1&a=")
