"""How often a test repeats: in `make test` enough for what was planted to be found, in the audit more.

`SEALROOM_FULL_COUNTS=1` asks for the full number (step `full-counts` of the audit), and for the tests marked
`audit_only`, which are left out of `make test`.
"""

from __future__ import annotations

import os
from typing import Final

IS_FULL: Final = os.environ.get("SEALROOM_FULL_COUNTS") == "1"


def count(usual: int, full: int) -> int:
    """Return how often it is this time."""
    return full if IS_FULL else usual
