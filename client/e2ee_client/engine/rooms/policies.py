"""The company's choices as a row of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import Retention
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import Row

from .surroundings import Policy


@dataclass(slots=True)
class StoredPolicy(Row):
    """A `Policy`; what is granted stands as numbers."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"policy"
    retention: Retention
    team: str | None
    grants: tuple[int, ...]

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Return a policy as it is stored."""
        # As plain numbers: a member of an enumeration would be stored as its ordinal.
        return cls(policy.retention, policy.team, tuple(sorted(map(int, policy.grants))))

    @classmethod
    def load(cls, rows: RowReader) -> Policy:
        """Return the policy that is stored, else the usual one."""
        row = rows.get(cls.TABLE, cls.PREFIX)
        if row is None:
            return Policy()
        found = cls.decode(cls.PREFIX, row)
        return Policy(found.retention, found.team, frozenset(RequestKind(one) for one in found.grants))
