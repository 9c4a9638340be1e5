"""The conversation file: who says what, and what happens in between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

PEOPLE: Final[tuple[str, ...]] = ("customer", "company")
_DIRECTIVES: Final = {
    "offline": PEOPLE,
    "online": PEOPLE,
    "kill": ("relay",),
    "start": ("relay",),
    "duplicate": ("",),
    "reorder": ("",),
}
_MAX_LINE: Final = 2000


class ScriptError(Exception):
    """A line that the demonstration does not understand; the text names its number."""


@dataclass(frozen=True, slots=True)
class Say:
    """Somebody writes a text."""

    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Happen:
    """Something happens: `offline customer`, `kill relay`, `duplicate`, `reorder`, ..."""

    what: str
    whom: str


Step = Say | Happen


def read(path: Path) -> list[Step]:
    """Read a conversation file.

    Raises:
        ScriptError: the file cannot be read, a line is not understood, or nobody says anything.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"cannot read {path}: {error}") from None
    steps = [
        step for number, line in enumerate(lines, 1) if (step := _step(number, line.strip())) is not None
    ]
    if not any(isinstance(step, Say) for step in steps):
        raise ScriptError(f"{path}: nobody says anything")
    return steps


def _step(number: int, line: str) -> Step | None:
    if not line or line.startswith("#"):
        return None
    if len(line) > _MAX_LINE:
        raise ScriptError(f"line {number}: longer than {_MAX_LINE} characters")
    if line.startswith("@"):
        what, _, whom = line[1:].partition(" ")
        if whom.strip() not in _DIRECTIVES.get(what, ()):
            raise ScriptError(f"line {number}: unknown directive {line!r}")
        return Happen(what, whom.strip())
    who, colon, text = line.partition(":")
    if not colon or who not in PEOPLE or not text.strip():
        raise ScriptError(f"line {number}: expected 'customer: ...', 'company: ...', '@...' or '# ...'")
    return Say(who, text.strip())
