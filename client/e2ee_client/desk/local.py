"""What a desk keeps on this device alone, in its store: canned answers, and labels of rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from e2ee.rooms.entry import ROOM_ID_B
from e2ee_client.client import Client
from e2ee_client.engine.row_codec import Row
from e2ee_client.rooms.desk_rows import DeskRows

from .errors import TooMany
from .schema import AnswerRow

MAX_ANSWERS: Final = 200
MAX_LABELLED: Final = 10_000
_ID_B: Final = 16


@dataclass(slots=True)
class StoredAnswer(Row):
    """A canned answer."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"answ"
    KEY: ClassVar = (("answer_id", _ID_B),)
    answer_id: bytes
    shortcut: str
    title: str
    text: str = field(repr=False)


@dataclass(slots=True)
class StoredLabels(Row):
    """The labels of a room."""

    TABLE: ClassVar[str] = "desk"
    PREFIX: ClassVar[bytes] = b"labl"
    KEY: ClassVar = (("room_id", ROOM_ID_B),)
    room_id: bytes
    labels: tuple[str, ...] = field(repr=False)


class LocalRows:
    """Both, in memory as well."""

    def __init__(self, client: Client) -> None:
        self._rows = DeskRows(client.shell)
        self._answers: dict[bytes, StoredAnswer] = {}
        self._labels: dict[bytes, tuple[str, ...]] = {}

    async def load(self) -> None:
        """Read what is kept."""
        self._answers = {one.answer_id: one for one in await self._rows.load(StoredAnswer)}
        self._labels = {one.room_id: one.labels for one in await self._rows.load(StoredLabels)}

    def answers(self) -> tuple[AnswerRow, ...]:
        """Return the canned answers by their titles."""
        found = sorted(self._answers.values(), key=lambda one: one.title.casefold())
        return tuple(AnswerRow(one.answer_id.hex(), one.shortcut, one.title, one.text) for one in found)

    def labelled(self) -> tuple[bytes, ...]:
        """Return the rooms that have labels."""
        return tuple(self._labels)

    def labels(self, room_id: bytes) -> tuple[str, ...]:
        """Return the labels of a room."""
        return self._labels.get(room_id, ())

    async def save_answer(self, answer: AnswerRow) -> None:
        """Keep a canned answer in place of the one with its id.

        Raises:
            TooMany.
        """
        row = StoredAnswer(bytes.fromhex(answer.id), answer.shortcut, answer.title, answer.text)
        if row.answer_id not in self._answers and len(self._answers) >= MAX_ANSWERS:
            raise TooMany("no more canned answers")
        await self._rows.put(row)
        self._answers[row.answer_id] = row

    async def drop_answer(self, answer_id: bytes) -> None:
        """Drop a canned answer."""
        if answer_id in self._answers:
            await self._rows.drop(StoredAnswer, answer_id)
            self._answers.pop(answer_id, None)

    async def set_labels(self, room_id: bytes, labels: tuple[str, ...]) -> None:
        """Set the labels of a room; none are dropped.

        Raises:
            TooMany.
        """
        chosen = tuple(sorted(dict.fromkeys(labels), key=str.casefold))
        if not chosen:
            await self.forget(room_id)
            return
        if room_id not in self._labels and len(self._labels) >= MAX_LABELLED:
            raise TooMany("no more rooms with labels")
        await self._rows.put(StoredLabels(room_id, chosen))
        self._labels[room_id] = chosen

    async def forget(self, room_id: bytes) -> None:
        """Drop the labels of a room."""
        if room_id in self._labels:
            await self._rows.drop(StoredLabels, room_id)
            self._labels.pop(room_id, None)
