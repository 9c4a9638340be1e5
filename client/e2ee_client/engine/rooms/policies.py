"""The company's choices as a row of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import Retention, RetentionClass
from e2ee_client.engine.ports import RowReader
from e2ee_client.engine.row_codec import Row
from e2ee_client.errors import RetentionNotStated

from .surroundings import Policy


def check_told(policy: Retention, told: Sequence[tuple[int, int]]) -> None:
    """Refuse a policy that keeps rooms longer than a notice tells, or in a class of which it tells nothing
    (CNS-46).

    Raises:
        RetentionNotStated.
    """
    if as_told(policy, told) != policy:
        raise RetentionNotStated((int(policy.kind), policy.ttl_s), told)


def as_told(policy: Retention, told: Sequence[tuple[int, int]]) -> Retention:
    """Return how long a room is kept that is opened under a policy and a notice (CNS-46)."""
    stated = dict(told)
    if policy.kind not in stated:
        kind, ttl_s = min(told)
        return Retention(RetentionClass(kind), ttl_s)
    return policy._replace(ttl_s=min(policy.ttl_s, stated[policy.kind]))


@dataclass(slots=True)
class StoredPolicy(Row):
    """A `Policy` but its `history`; what is granted stands as numbers."""

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


@dataclass(slots=True)
class StoredHistory(Row):
    """How many entries are handed over with a room (ROOM-56), in a row of its own: a store may have none."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"history"
    count: int


def rows_of(policy: Policy) -> tuple[StoredPolicy, StoredHistory]:
    """Return the rows of a policy."""
    return StoredPolicy.of(policy), StoredHistory(policy.history)


def load_policy(rows: RowReader) -> Policy:
    """Return the policy that is stored, else the usual one."""
    row, history = (rows.get(kind.TABLE, kind.PREFIX) for kind in (StoredPolicy, StoredHistory))
    policy = Policy()
    if row is not None:
        found = StoredPolicy.decode(StoredPolicy.PREFIX, row)
        grants = frozenset(RequestKind(one) for one in found.grants)
        policy = Policy(found.retention, found.team, grants)
    if history is None:
        return policy
    return replace(policy, history=StoredHistory.decode(StoredHistory.PREFIX, history).count)
