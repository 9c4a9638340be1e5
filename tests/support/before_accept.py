"""A person's program up to the accept, watched from outside: `before_accept.py ORIGIN STORE`.

Each step begins with a look at a file that is not there, which shows in a trace: `shown` opens, fetches,
shows and refuses; `drawn` draws one byte, which the trace has to show; `accepted` accepts, as the control.

A C library that has drawn goes on in memory, without a system call (vDSO), until its process forks. So the
steps are taken in a fork, where each library has seeded its hash tables and the first draw of anybody shows.
It is the bare fork: that of `os` seeds `random` anew.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from contextlib import suppress

from e2ee_client.rooms import Customer

from e2ee.wire import cbor

SHOWN, DRAWN, ACCEPTED, ENDED = "/step/shown", "/step/drawn", "/step/accepted", "/step/ended"


async def main(origin: str, store: str) -> None:
    """Look at what the company says; refuse; at last accept."""
    os.access(SHOWN, os.F_OK)
    customer = await Customer.open(store, company=origin, key=bytes(32))
    notice = await customer.notice()
    shown = (notice.text(), notice.purposes, notice.mode, await customer.refuse(notice), customer.rooms())
    again = await customer.notice()
    os.access(DRAWN, os.F_OK)
    os.urandom(1)
    os.access(ACCEPTED, os.F_OK)
    with suppress(TimeoutError):
        async with asyncio.timeout(20):
            await customer.accept(again)
    os.access(ENDED, os.F_OK)
    await customer.close()
    sys.stdout.write(f"{len(shown[0])} {customer.has_accepted}\n")


if __name__ == "__main__":
    cbor.decode(cbor.encode({1: 1}), 100)
    if child := ctypes.PyDLL(None).fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    asyncio.run(main(*sys.argv[1:]))
