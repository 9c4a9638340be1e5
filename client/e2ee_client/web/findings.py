"""What is found about a site: a stable code, where, and a value; the command line has the words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final, NamedTuple


class Weight(Enum):
    """How much a finding says."""

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """One finding. `where` is an address or a file, `what` a value, `seen_by` the programs to which it was
    served where that is not all of them.
    """

    code: str
    where: str
    what: str = ""
    seen_by: str = ""

    @property
    def weight(self) -> Weight:
        """Whether it is a fault."""
        return _WEIGHTS.get(self.code, Weight.FAULT)


_WEIGHTS: Final[Mapping[str, Weight]] = {
    "newer": Weight.NOTE,
    "ends_soon": Weight.WARNING,
    "door_ends_soon": Weight.WARNING,
    "certificate_ends_soon": Weight.WARNING,
    "no_integrity": Weight.WARNING,
    "no_account": Weight.WARNING,
}


def has_faults(findings: Iterable[Finding]) -> bool:
    """Whether one of them is a fault."""
    return any(one.weight is Weight.FAULT for one in findings)
