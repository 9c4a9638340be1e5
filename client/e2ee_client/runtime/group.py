"""Several steps of the engine under one commit (STO-27): what they change together, and what waits for it.

A step reads rows that an earlier one of its group has changed. They are not on disk yet, so the engine reads
through `Uncommitted`, which knows them until the commit has succeeded or failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final

from e2ee_client.engine import Commit, Effect, Notify, Transmit
from e2ee_client.engine.ports import RowReader
from e2ee_client.rows import Change, Put

MAX_STEPS: Final = 64
MAX_CHANGES: Final = 512
_Place = tuple[str, bytes]


class Uncommitted:
    """The rows of a store as they will be after the commit that is being prepared."""

    def __init__(self, rows: RowReader) -> None:
        self._rows = rows
        self._changes: dict[_Place, Change] = {}

    def hold(self, changes: Iterable[Change]) -> None:
        """Read these from now on; the last change of a row counts."""
        self._changes.update(((change.table, change.key), change) for change in changes)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Everything that is held, in the order in which rows were first changed."""
        return tuple(self._changes.values())

    def clear(self) -> None:
        """Hold nothing: it is on disk, or will never be."""
        self._changes = {}

    def get(self, table: str, key: bytes) -> bytes | None:
        change = self._changes.get((table, key))
        if change is None:
            return self._rows.get(table, key)
        return change.value if isinstance(change, Put) else None

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value) in the order of first insertion; rows that are not on disk yet come last."""
        held = {key: change for (place, key), change in list(self._changes.items()) if place == table}
        for key, value in self._rows.items(table):
            change = held.pop(key, None)
            if change is None:
                yield key, value
            elif isinstance(change, Put):
                yield key, change.value
        yield from ((key, change.value) for key, change in held.items() if isinstance(change, Put))


class Group:
    """What waits for the commit: effects, and callers with the value that their step returned."""

    def __init__(self, rows: Uncommitted) -> None:
        self.after: list[Effect] = []
        self._rows = rows
        self._answers: list[tuple[asyncio.Future[Any], Any]] = []
        self._steps = 0
        self._ended = False

    @property
    def takes_more(self) -> bool:
        """Whether another step may join."""
        return not self._ended and self._steps < MAX_STEPS and len(self._rows.changes) < MAX_CHANGES

    def joins(self, effects: list[Effect]) -> bool:
        """Take in a step whose only commit comes first; anything but sending and telling ends the group.

        Connections are opened and closed before the next step, which is about those that there are then.
        """
        first = effects[0].changes if effects and isinstance(effects[0], Commit) else ()
        after = effects[1:] if first else effects
        if any(isinstance(effect, Commit) for effect in after):
            return False
        self._rows.hold(first)
        self.after += after
        self._steps += 1
        self._ended = not all(isinstance(effect, Transmit | Notify) for effect in after)
        return True

    def awaits(self, answer: asyncio.Future[Any], value: Any = None) -> None:
        """Let a caller wait for the commit."""
        self._answers.append((answer, value))

    def answer(self) -> None:
        """It is on disk: tell all callers."""
        for answer, value in self._answers:
            if not answer.done():
                answer.set_result(value)
        self._answers.clear()

    def refuse(self, error: BaseException) -> None:
        """Nothing of it happened: tell all callers."""
        for answer, _ in self._answers:
            refuse(answer, error)
        self._answers.clear()


def refuse(answer: asyncio.Future[Any], error: BaseException) -> None:
    """Tell a caller why not, if it still waits."""
    if not answer.done():
        answer.set_exception(error)
