"""Which tests one process runs where several share the work: those that share what is dear to make.

The scheduler hands out the parts with most tests first: the browsers begin at once, and the many short tests
of chapters and vectors, which stand last, fill up the end.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = (
    "tests/web/",  # a release is built and two browsers are started once
    "tests/leakage/",  # each stage is played once
    "tests/secrecy/",  # each conversation is recorded once
    "tests/interop/test_misreadings.py",  # the readings' tests are loaded once
    "tests/meta/test_distribution.py",  # a wheel is built once
)


class Scheduling(LoadScopeScheduling):
    """Hands out what stands together as one part, and every other test by itself."""

    def _split_scope(self, nodeid: str) -> str:
        return next((part for part in TOGETHER if nodeid.startswith(part)), nodeid)
