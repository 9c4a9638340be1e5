"""What engine and store say to each other: tables, row changes, and whether the rows continue the last run.

Pure data, so that the engine needs to know nothing of files or databases.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final, TypeAlias

TABLES: Final = frozenset(
    {
        "account",
        "contact",
        "desk",
        "entry_about",
        "entry_chain",
        "entry_index",
        "entry_key",
        "entry_named",
        "entry_page",
        "entry_segment",
        "file_in",
        "file_out",
        "held",
        "list",
        "mailbox",
        "message",
        "meta",
        "outbox",
        "pair",
        "peer",
        "posted",
        "prekey",
        "replay",
        "request",
        "room",
        "room_live",
        "room_states",
        "session",
        "skipped",
        "team",
        "timeline",
        "tombstone",
    }
)
"""The closed set of tables (STO-08). A new table is added here and nowhere else; names are ASCII, at most
32 bytes.
"""


DESTROYED_AT_ONCE: Final = frozenset({"entry_key"})
"""Tables whose old rows are in no file any more when a commit that changes one returns (STO-51)."""


@dataclass(frozen=True, slots=True)
class Put:
    """Insert or replace the row (table, key). A replaced row keeps its place in the order (STO-11)."""

    table: str
    key: bytes = field(repr=False)
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the row (table, key); deleting a row that is not there changes nothing."""

    table: str
    key: bytes = field(repr=False)


Change: TypeAlias = Put | Delete


class Continuity(enum.Enum):
    """Whether the rows continue the last run of this store (STO-14)."""

    FRESH = 1
    """No row was ever written."""
    CONTINUOUS = 2
    """The rows are those that the last run left."""
    ROLLED_BACK = 3
    """The rows are older than the last run: a copy was put back."""
    CLONED = 4
    """The rows come from a copy, or were used elsewhere as well."""
    UNKNOWN = 5
    """Nothing to compare with: the anchor is missing, damaged or of another store."""

    @property
    def keeps_sessions(self) -> bool:
        """True if ratchet sessions may go on; otherwise the engine marks every session as lost (STO-15)."""
        return self in (Continuity.FRESH, Continuity.CONTINUOUS)
