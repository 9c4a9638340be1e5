"""Entries of a chat as lines of a screen: wrapped, with the time before and the mark behind."""

from __future__ import annotations

from typing import Final, TypeAlias

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.utils import get_cwidth

from .addressing import label
from .conversation import Conversation, Entry
from .marks import mark_of
from .neutral import neutral_lines
from .session import local_time

Line: TypeAlias = StyleAndTextTuples
_LEAST_WIDTH: Final = 10


def entry_lines(entry: Entry, talk: Conversation, width: int, *, full: bool) -> list[Line]:
    """Return the lines of one entry; all but the first are indented, so that no text looks like another
    entry.
    """
    clock = local_time(entry.time_ms, "%H:%M ")
    style, name = _who(entry, talk)
    indent = get_cwidth(clock) + get_cwidth(name)
    if indent > width // 2:
        indent = 2
    text = entry.text if entry.message is None else f"{entry.text}{_behind(entry, full=full)}"
    room = max(_LEAST_WIDTH, width - indent)
    rows = [row for line in neutral_lines(text) for row in wrap(line, room)]
    head: Line = [("class:time", clock), (style, name)]
    if indent == 2:
        return [head, *(_indented(row, style, 2) for row in rows)]
    first: Line = [*head, (style, rows[0])]
    return [first, *(_indented(row, style, indent) for row in rows[1:])]


def _indented(row: str, style: str, columns: int) -> Line:
    return [("", " " * columns), (style, row)]


def _who(entry: Entry, talk: Conversation) -> tuple[str, str]:
    if entry.message is None:
        return "class:remark", "-- "
    if entry.is_ours:
        return "class:ours", f"{talk.texts.say('chat.you')}: "
    return "class:theirs", f"{label(talk.contact)}: "


def _behind(entry: Entry, *, full: bool) -> str:
    if entry.message is None or not entry.is_ours:
        return ""
    reason = f" ({entry.message.reason})" if entry.message.reason else ""
    return f"  {mark_of(entry.message.state, full=full)}{reason}"


def wrap(line: str, width: int) -> list[str]:
    """Return a line in pieces of at most so many columns, broken at spaces where there are any."""
    rows: list[str] = []
    row, columns, last_space = "", 0, -1
    for char in line:
        size = get_cwidth(char)
        while columns + size > width and row:
            cut = last_space + 1 if last_space > 0 else len(row)
            rows.append(row[:cut].rstrip(" "))
            row = row[cut:]
            columns = get_cwidth(row)
            last_space = row.rfind(" ")
        row += char
        columns += size
        if char == " ":
            last_space = len(row) - 1
    return [*rows, row]
