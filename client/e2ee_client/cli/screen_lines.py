"""Entries of a chat as lines of a screen: wrapped, with the time before and the mark behind."""

from __future__ import annotations

from typing import Final, TypeAlias

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.utils import get_cwidth

from .conversation import Conversation, Entry
from .marks import mark_of
from .session import local_date, local_time
from .steady import steady

Line: TypeAlias = StyleAndTextTuples
_LEAST_WIDTH: Final = 10
_RULE: Final = "\N{BOX DRAWINGS LIGHT HORIZONTAL}"


def chat_lines(talk: Conversation, width: int, *, full: bool) -> list[Line]:
    """Return the lines of all entries, with a line where a new day begins."""
    lines: list[Line] = []
    day = ""
    for entry in talk.entries:
        if (date := local_date(entry.time_ms)) != day:
            day = date
            lines.append([("class:time", f" {date} ".center(width - 1, _RULE if full else "-"))])
        lines.extend(entry_lines(entry, talk, width, full=full))
    return lines


def entry_lines(entry: Entry, talk: Conversation, width: int, *, full: bool) -> list[Line]:
    """Return the lines of one entry; all but the first are indented, so that no text looks like another
    entry.
    """
    clock = local_time(entry.time_ms, "%H:%M ")
    style, name = _who(entry, talk)
    indent = get_cwidth(clock) + get_cwidth(name)
    if indent > width // 2:
        indent = 2
    text = entry.text if entry.message is None else f"{entry.text}{_behind(entry, talk, full=full)}"
    # The last column stays free: a mark above the letter in it would not be drawn.
    room = max(_LEAST_WIDTH, width - indent - 1)
    lines = text.replace("\r\n", "\n").split("\n")
    rows = [_ended(row) for line in lines for row in wrap(steady(line), room)]
    head: Line = [("class:time", clock), (style, name)]
    if indent == 2:
        return [head, *(_indented(row, style, 2) for row in rows)]
    first: Line = [*head, (style, rows[0])]
    return [first, *(_indented(row, style, indent) for row in rows[1:])]


def _ended(row: str) -> str:
    """A mark at the end would be drawn twice, once more in a cell of its own, if no cell followed."""
    return f"{row} " if row and get_cwidth(row[-1]) == 0 else row


def _indented(row: str, style: str, columns: int) -> Line:
    return [("", " " * columns), (style, row)]


def _who(entry: Entry, talk: Conversation) -> tuple[str, str]:
    if entry.message is None:
        return "class:remark", "-- "
    if entry.is_ours:
        return "class:ours", f"{talk.texts.say('chat.you')}: "
    return "class:theirs", f"{steady(talk.name())}: "


def _behind(entry: Entry, talk: Conversation, *, full: bool) -> str:
    if entry.message is None:
        return ""
    if not entry.is_ours:
        return talk.sent_before(entry)
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


def rows_of_input(text: str, width: int) -> int:
    """Return how many rows a text needs where it is broken at the last column, with room for the cursor."""
    rows = 0
    for line in text.split("\n"):
        rows, columns = rows + 1, 0
        for char in [*steady(line), " "]:
            size = get_cwidth(char)
            if columns + size > width:
                rows, columns = rows + 1, 0
            columns += size
    return rows
