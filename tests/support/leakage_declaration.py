"""The leakage function of a relay as the specification declares it: the tables of chapter 02, parsed
(LKG-01).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHAPTER = Path("spec") / "02-threat-model.md"
HEADING = "### Fields"
FORMS = frozenset({"plain", "time", "local", "uniform", "key", "kem-key", "kem-ciphertext", "signature"})
RANDOM = FORMS - {"plain", "time", "local"}
SCOPES = frozenset({"-", "message", "flight", "chain", "connection", "mailbox", "account", "blob"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what it is, the form of its values, and how far one value of it may come again."""

    what: str
    paths: tuple[str, ...]
    form: str
    scope: str

    @property
    def is_random(self) -> bool:
        """Whether the values say nothing but how often they come again."""
        return self.form in RANDOM


def rows(root: Path) -> list[Row]:
    """All rows of the declaration.

    Raises:
        ValueError: a form or scope that the chapter does not know, or a path that stands twice.
    """
    parsed = [
        Row(what, tuple(_paths(paths)), form, scope)
        for what, paths, form, scope, _ in _cells((root / CHAPTER).read_text("utf-8"))
    ]
    for row in parsed:
        if row.form not in FORMS or row.scope not in SCOPES or row.is_random != (row.scope != "-"):
            raise ValueError(f"{row.what}: form {row.form}, scope {row.scope}")
    twice = _twice([path for row in parsed for path in row.paths])
    if twice:
        raise ValueError(f"declared twice: {', '.join(twice)}")
    return parsed


def by_path(root: Path) -> dict[str, Row]:
    """The row of each declared path."""
    return {path: row for row in rows(root) for path in row.paths}


def _cells(text: str) -> Iterator[list[str]]:
    """Cells of every row of the tables below the headings of fields, without the tables' heads."""
    inside, head = False, True
    for line in text.splitlines():
        if line.startswith("#"):
            inside = line.startswith(HEADING)
        elif not line.startswith("|"):
            head = True
        elif inside and not head and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]
        else:
            head = False


def _paths(cell: str) -> Iterator[str]:
    """Paths of a cell; `a.{b, c}` stands for `a.b` and `a.c`."""
    for name in re.findall(r"`([^`]+)`", cell):
        before, brace, rest = name.partition("{")
        if not brace:
            yield name
            continue
        inside, _, after = rest.rpartition("}")
        yield from (before + one.strip() + after for one in inside.split(","))


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
