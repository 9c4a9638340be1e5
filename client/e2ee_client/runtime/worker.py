"""Proof of work outside the event loop, one piece after the other, given up with its connection (RLY-142)."""

from __future__ import annotations

import asyncio
from typing import Final

from e2ee_relay.protocol import try_pow

from e2ee_client.engine import Work

from .channels import ChannelTask
from .inbox import Inbox, Worked

# Some twenty milliseconds: so long a client that closes waits for its worker.
_ATTEMPTS: Final = 1 << 15


class Worker:
    """Looks for one piece of work at a time, in a thread."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def find(self, task: ChannelTask, wanted: Work, inbox: Inbox) -> None:
        """Put what was found into the inbox; nothing, once the connection is gone."""
        async with self._one_at_a_time:
            start, work = 0, None
            while work is None and not task.is_over:
                counters = range(start, start + _ATTEMPTS)
                work = await asyncio.to_thread(try_pow, wanted.context, wanted.bits, counters)
                start += _ATTEMPTS
            if work is not None:
                inbox.put(Worked(task, wanted.number, work))
