"""One step of the engine: row changes first, everything that leaves the device after them (STO-09)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from e2ee_client.events import CompanyFork, Event, MessageRejected, OfContact, Parted, TeamUnknown
from e2ee_client.rows import Change, Delete, Put

from .effects import Channel, Close, Commit, Effect, Notify, Open, Transmit, Work
from .ports import RowReader


class Saved(NamedTuple):
    """What a step wanted at one moment."""

    changes: dict[tuple[str, bytes], Change | Callable[[], Put]]
    after: int


class Turn:
    """Collects what a step wants; `effects` puts one commit before all the rest. `own_account` is no
    contact.
    """

    __slots__ = ("_after", "_changes", "_own_account", "now_ms")

    def __init__(self, now_ms: int, own_account: bytes = b"") -> None:
        self.now_ms = now_ms
        self._own_account = own_account
        self._changes: dict[tuple[str, bytes], Change | Callable[[], Put]] = {}
        self._after: list[Effect] = []

    def put(self, row: Put) -> None:
        """Change a row; the last change of a row counts."""
        self._changes[row.table, row.key] = row

    def put_at_end(self, table: str, key: bytes, row: Callable[[], Put]) -> None:
        """Change a row that a step may change many times: it is encoded once, when the step has ended."""
        self._changes[table, key] = row

    def read(self, rows: RowReader, table: str, key: bytes) -> bytes | None:
        """Return a row as it will be after this step; None where there will be none."""
        change = self._changes.get((table, key))
        if change is None:
            return rows.get(table, key)
        change = change() if callable(change) else change
        return change.value if isinstance(change, Put) else None

    def items(self, rows: RowReader, table: str) -> list[tuple[bytes, bytes]]:
        """Return the rows of a table as they will be after this step."""
        found = dict(rows.items(table))
        for (changed, key), change in self._changes.items():
            if changed != table:
                continue
            change = change() if callable(change) else change
            if isinstance(change, Put):
                found[key] = change.value
            else:
                found.pop(key, None)
        return list(found.items())

    def delete(self, table: str, key: bytes) -> None:
        """Delete a row."""
        self._changes[table, key] = Delete(table, key)

    def transmit(self, channel: Channel, data: bytes) -> None:
        """Send after the commit."""
        self._after.append(Transmit(channel, data))

    def open(self, channel: Channel) -> None:
        """Open a connection after the commit."""
        self._after.append(Open(channel))

    def close(self, channel: Channel) -> None:
        """Close a connection after the commit."""
        self._after.append(Close(channel))

    def work(self, channel: Channel, number: int, context: bytes, bits: int) -> None:
        """Look for proof of work after the commit."""
        self._after.append(Work(channel, number, context, bits))

    def notify(self, event: Event) -> None:
        """Tell the application after the commit. Of devices of our own account it is told only what was
        refused, that one was set back or runs twice, and what is known of the team (ACC-38).
        """
        is_own = isinstance(event, OfContact) and event.account_id == self._own_account
        if not is_own or isinstance(event, MessageRejected | Parted | TeamUnknown | CompanyFork):
            self._after.append(Notify(event))

    def save(self) -> Saved:
        """Return what a step wants so far; rows that were to be encoded at its end are encoded now."""
        self._changes = {key: one() if callable(one) else one for key, one in self._changes.items()}
        return Saved(dict(self._changes), len(self._after))

    def restore(self, saved: Saved) -> None:
        """Go back to what was saved: of what came after nothing is stored, sent or told."""
        self._changes = dict(saved.changes)
        del self._after[saved.after :]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be stored, sent or told."""
        return not self._changes and not self._after

    def effects(self) -> list[Effect]:
        """Return the effects of the step, in order."""
        if not self._changes:
            return self._after
        changes = (one() if callable(one) else one for one in self._changes.values())
        return [Commit(tuple(changes)), *self._after]
