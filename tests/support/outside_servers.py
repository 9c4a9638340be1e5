"""Servers of others that tests start, such as nginx and Caddy, and whether they answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WAIT_S = 60.0


def program(name: str, package: str) -> str:
    """Return the path of a program that Debian has; skip without it, but not where all must run."""
    found = shutil.which(name, os.F_OK) or shutil.which(name, path="/usr/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing")
        pytest.skip(f"{name} (Debian: {package}) is not installed")
    return found


@contextmanager
def running(*command: str, folder: Path) -> Iterator[None]:
    """Run a server for the length of a test; its output is in `output` of the folder."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_S)


def answer(address: str) -> tuple[int, bytes]:
    """Ask a server of this test, without a look at its certificate; 0 when nobody answers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(address, timeout=60, context=context) as got:  # noqa: S310 - ours
            return got.status, got.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


async def until_answered(address: str, status: int = 200) -> None:
    """Wait until a server answers with this status."""
    for _ in range(int(WAIT_S * 10)):
        if (await asyncio.to_thread(answer, address))[0] == status:
            return
        await asyncio.sleep(0.1)
    pytest.fail("nobody answers")
