"""What a forked child inherits is its parent's, and is left alone (STO-22, STO-58).

The end of a database's connection empties and removes the log that the parent writes to; the end of a task
says goodbye on the parent's connection to a relay. So in a child nothing ends them, not even its own end.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from typing import Final
from weakref import WeakSet

_CONNECTED: Final[WeakSet[asyncio.AbstractEventLoop]] = WeakSet()


def in_child(do: Callable[[], None]) -> None:
    """Do this first in every child that is forked from now on."""
    if sys.platform != "win32":
        os.register_at_fork(after_in_child=do)


def keep(inherited: object) -> None:
    """Let nothing end this object in this process, by one reference that nobody gives back.

    A list that holds it would not do: the interpreter's end clears modules. SQLite's own switch
    (`SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE`) needs Python 3.12, and connections alone have it.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))


def connected_in(loop: asyncio.AbstractEventLoop) -> None:
    """Take note that tasks of this event loop use connections to relays."""
    _CONNECTED.add(loop)


def _keep_tasks() -> None:
    for loop in _CONNECTED:
        keep(loop)
        for task in asyncio.all_tasks(loop):
            keep(task)


in_child(_keep_tasks)
