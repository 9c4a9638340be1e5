"""Several works at a time, of which the first that ends ends the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any


async def first_of(*works: Awaitable[Any]) -> list[asyncio.Future[Any]]:
    """Run all until the first one ends, then end the others; return them in their order, all done."""
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return tasks


def raise_faults(tasks: list[asyncio.Future[Any]]) -> None:
    """Raise the first fault among works that are done; one that was cancelled has none."""
    for task in tasks:
        if not task.cancelled():
            task.result()
