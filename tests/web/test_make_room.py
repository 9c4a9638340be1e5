"""`make room`: everything on one machine, as a new user meets it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import checkout
import pytest
import room_pictures
import room_trial
from playwright.async_api import Browser

pytestmark = [
    pytest.mark.usefixtures("web_libraries"),
    pytest.mark.processes,
]
COMMAND = (sys.executable, "-m", "demo.web_room", "--no-browser")


@pytest.mark.audit_only
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("browser_name", ["chromium"], indirect=True, scope="session")
async def test_a_customer_is_answered_from_the_desk_and_both_are_in_the_picture(
    browser: Browser, tmp_path: Path
) -> None:
    work, pictures = tmp_path / "work", tmp_path / "pictures"
    work.mkdir()
    pictures.mkdir()
    assert await room_pictures.take(browser, work, pictures) == []
    assert {path.name for path in pictures.iterdir()} == {"customer.png", "desk.png"}


@pytest.mark.audit_only
@pytest.mark.asyncio(loop_scope="session")
async def test_a_conversation_from_consent_to_erasure(browser: Browser, tmp_path: Path) -> None:
    work, pictures = tmp_path / "work", tmp_path / "pictures"
    work.mkdir()
    pictures.mkdir()
    assert await room_trial.played(browser, work, pictures) == []


def test_it_shows_its_addresses_and_ends_with_one_key() -> None:
    keyboard, screen = pty.openpty()
    try:
        with subprocess.Popen(
            COMMAND, stdin=screen, stdout=subprocess.PIPE, cwd=checkout.ROOT, text=True
        ) as running:
            said = _until_ready(running)
            os.write(keyboard, b"q")
            assert running.wait(60) == 0
    finally:
        os.close(keyboard)
        os.close(screen)
    assert re.search(r"customer   http://www\.praxis\.localhost:\d+/", said)
    assert len(re.findall(r"http://127\.0\.0\.1:\d+/#[0-9a-f]{64}", said)) == 2


def _until_ready(running: subprocess.Popen[str]) -> str:
    said = ""
    for line in running.stdout or ():
        said += line
        if "Press a key" in line:
            return said
    return said
