"""Lines of the standard input without a thread: one that hangs in a read would outlive the program's end."""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import AsyncIterator
from typing import Final

_CHUNK_B: Final = 65536


async def input_lines(descriptor: int) -> AsyncIterator[str]:
    """Yield lines without their ends until the input ends; what is not UTF-8 is replaced."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while True:
        chunk = await _read(descriptor)
        rest += decoder.decode(chunk, final=not chunk)
        *lines, rest = rest.split("\n")
        for line in lines:
            yield line.removesuffix("\r")
        if not chunk:
            if rest:
                yield rest
            return


async def _read(descriptor: int) -> bytes:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:
        # A regular file: it never makes anybody wait.
        return os.read(descriptor, _CHUNK_B)
    try:
        await ready.wait()
        return os.read(descriptor, _CHUNK_B)
    finally:
        loop.remove_reader(descriptor)
