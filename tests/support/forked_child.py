"""What is so in a forked child, and leaves the parent as it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

FORKING = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
WITH_THREADS = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
_LONGEST_S = 60


def in_child(work: Callable[[], bool]) -> bool:
    """Do it in a child, which ends without finalizers; tell whether it was true there, in time."""
    child = os.fork()
    if child == 0:
        signal.alarm(_LONGEST_S)
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
