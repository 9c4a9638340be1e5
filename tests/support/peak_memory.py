"""How much more memory this process needs at most, from one point to another (Linux)."""

from __future__ import annotations

import gc
import re
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


class PeakMemory:
    """The peak of the resident set, from `begin` to `end`, beyond what it was at `begin`."""

    extra_b = 0

    def begin(self) -> None:
        """Count from here."""
        gc.collect()
        _CLEAR.write_text(_RESET_PEAK)
        self._before_b = _value_b("VmRSS")

    def end(self) -> None:
        """Count up to here."""
        self.extra_b = max(0, _value_b("VmHWM") - self._before_b)


def _value_b(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"no {name} of this process")
    return int(found[1]) << 10
