"""What an operation of the embedded store has to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Task: TypeAlias = Callable[[], None]


class Writes:
    """What one operation has to write, as rows of few statements for a whole group."""

    __slots__ = ("gone", "gone_blobs", "is_writing", "part_job", "puts", "seen", "tasks")

    def __init__(self) -> None:
        self.puts: list[tuple[Any, ...]] = []
        self.seen: list[tuple[int, int, bytes, int]] = []
        self.gone: list[int] = []
        self.gone_blobs: list[bytes] = []  # their files go after the commit
        self.part_job: Callable[[], Writes | None] | None = None  # comes first, and says what is written
        self.tasks: list[Task] = []
        self.is_writing = False  # a task writes; without one, and without rows, no transaction is needed

    def later(self, task: Task) -> None:
        """Have the writer write something within the transaction."""
        self.tasks.append(task)
        self.is_writing = True
