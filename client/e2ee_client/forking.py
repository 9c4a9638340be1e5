"""What a forked child inherits is its parent's, and is left alone (STO-22, STO-58).

The end of a database's connection empties and removes the log that the parent writes to. So in a child
nothing ends it, not even the child's own end.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable


def in_child(do: Callable[[], None]) -> None:
    """Do this first in every child that is forked from now on."""
    if sys.platform != "win32":
        os.register_at_fork(after_in_child=do)


def keep(inherited: object) -> None:
    """Let nothing end this object in this process, by one reference that nobody gives back."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))
