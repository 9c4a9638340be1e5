"""What a company's own systems are told of entries, and in which words."""

from __future__ import annotations

from typing import Final

from e2ee.rooms.forms import Rating
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Edit, RoomText

from .entry import Entry

TOLD: Final[dict[int, str]] = {
    Kind.TEXT: "entry.text",
    Kind.EDIT: "entry.edit",
    Kind.ANSWER: "entry.answer",
    Kind.RATING: "entry.rating",
}
"""Kinds of entries that are told, and the kinds of their events."""


def said(entry: Entry) -> str | None:
    """Return what an entry says, as a text for a receiver of content; None where nothing can be shown."""
    match entry.payload:
        case RoomText(text=text):
            return text
        case Edit(text=text):
            return text
        case Rating(stars=stars, text=text):
            return str(stars) if text is None else f"{stars}: {text}"
        case _:
            answers = entry.answers or ()
            return "\n".join(f"{one.question.label}: {one.value}" for one in answers) or None
