"""What counts of entries that say something about others: wordings, answers, ratings (TRN-40, TRN-44)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from e2ee.ids import DeviceId

from .entry import DeviceTag, EntryHash
from .kinds import Kind


class Said(NamedTuple):
    """What matters of an entry: who wrote it, where it stands, who alone vouches for it (TRN-17)."""

    hash: EntryHash
    kind: int
    device_id: DeviceId
    n: int
    k: int
    forwarded_by: DeviceTag | None
    is_hidden: bool


def is_wording(text: Said, edit: Said) -> bool:
    """Whether an edit that names a text is one of its wordings (TRN-40)."""
    kinds = (text.kind, edit.kind) == (Kind.TEXT, Kind.EDIT)
    return kinds and edit.device_id == text.device_id and edit.forwarded_by in (None, text.forwarded_by)


def wording_that_counts(text: Said, edits: Iterable[Said]) -> EntryHash | None:
    """Return the edit that gives a text its newest wording; None for the first one (TRN-40)."""
    found = [one for one in edits if is_wording(text, one) and not one.is_hidden]
    return max(found, key=lambda one: one.n).hash if found else None


def last_that_counts(answers: Iterable[Said]) -> EntryHash | None:
    """Return the last one in order of answers that fit, or of ratings (TRN-44)."""
    found = [one for one in answers if not one.is_hidden]
    return max(found, key=lambda one: (one.forwarded_by is None, one.k, one.hash)).hash if found else None
