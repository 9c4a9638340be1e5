"""Waiting for a key of a terminal, or for the end of the input."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _key_by_key(descriptor: int) -> Iterator[None]:
    """A terminal hands out each key at once, without showing it; anything else is left as it is."""
    if not os.isatty(descriptor):
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def until_a_key(asking: str) -> None:
    """Print what is asked for; return when a key was pressed, or the input has ended."""
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()
    descriptor = sys.stdin.fileno()
    with _key_by_key(descriptor):
        print(asking, flush=True)
        loop.add_reader(descriptor, pressed.set)
        try:
            await pressed.wait()
        finally:
            loop.remove_reader(descriptor)
        os.read(descriptor, 1)
