"""A chat on the whole screen: heading, texts with marks that change in place, input lines, legend."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import HSplit, Layout, UIContent, UIControl, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import TextArea

from .chat_keys import ChatKeys
from .conversation import Conversation, Entry
from .marks import legend
from .screen_lines import Line, chat_lines, rows_of_input
from .slash import Slash, as_text, is_command
from .steady import drawn, is_plain, steady
from .terminal import Terminal

_STYLE: Final = Style.from_dict(
    {
        "heading": "reverse bold",
        "ours": "ansicyan",
        "theirs": "bold",
        "remark": "italic",
        "time": "ansibrightblack",
        "legend": "ansibrightblack",
    }
)
_PROMPT: Final = "> "
# Heading, rule, legend, keys, and some lines of the conversation.
_OTHER_ROWS: Final = 8


class _Texts(UIControl):
    """The entries, wrapped to the width; `back` lines are below the window while a person reads back."""

    def __init__(self, talk: Conversation, terminal: Terminal) -> None:
        self._talk = talk
        self._terminal = terminal
        self._total = 0
        self.height = 1
        self.back = 0

    def create_content(self, width: int, height: int) -> UIContent:
        lines: list[Line] = chat_lines(self._talk, width, full=self._terminal.has_marks)
        if self.back:
            # What arrives while somebody reads back does not move what they read.
            self.back += max(0, len(lines) - self._total)
        self.height, self._total = height, len(lines)
        self.back = max(0, min(self.back, len(lines) - height))
        end = len(lines) - self.back
        shown = lines[max(0, end - height) : end]
        return UIContent(lambda number: shown[number], line_count=len(shown), show_cursor=False)


class _Steady(Processor):
    """Draws what is typed as everything else is drawn; the text itself stays as it is."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = explode_text_fragments(transformation_input.fragments)
        parts = drawn("".join(text for _, text, *_ in fragments))
        places = [0]
        for part in parts:
            places.append(places[-1] + len(part))
        shown: StyleAndTextTuples = [
            (fragment[0], part) for fragment, part in zip(fragments, parts, strict=True) if part
        ]

        def to_display(place: int) -> int:
            return places[min(place, len(parts))] + max(0, place - len(parts))

        def to_source(place: int) -> int:
            return max((number for number, begin in enumerate(places) if begin <= place), default=0)

        return Transformation(shown, to_display, to_source)


class ScreenChat:
    """Runs until the person leaves."""

    def __init__(self, talk: Conversation, terminal: Terminal, slash: Slash) -> None:
        self._talk = talk
        self._slash = slash
        self._texts = _Texts(talk, terminal)
        self._tasks: set[asyncio.Task[None]] = set()
        self._was_plain = True
        self._input = TextArea(
            multiline=True,
            wrap_lines=True,
            dont_extend_height=True,
            input_processors=[_Steady()],
            get_line_prefix=lambda line, wrapped: _PROMPT if line == wrapped == 0 else " " * len(_PROMPT),
        )
        self._input.window.height = self._input_height
        say = talk.texts.say
        below = f"{legend(talk.texts, full=terminal.has_marks)}\n{say('chat.keys')}"
        keys = ChatKeys(self._input.buffer, self._entered, self._leaf)
        self._app: Application[None] = Application(
            layout=Layout(self._rows(below), focused_element=self._input),
            key_bindings=keys.bindings,
            style=_STYLE,
            full_screen=True,
            before_render=self._before_render,
        )

    async def run(self) -> None:
        """Show the chat."""
        self._talk.changed = self._changed
        await self._app.run_async()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _rows(self, below: str) -> HSplit:
        heading = FormattedTextControl(lambda: [("class:heading", f" {steady(self._talk.heading())} ")])
        return HSplit(
            [
                Window(heading, height=1, style="class:heading"),
                Window(self._texts, wrap_lines=False),
                Window(height=1, char="\N{BOX DRAWINGS LIGHT HORIZONTAL}", style="class:legend"),
                self._input,
                Window(
                    FormattedTextControl(below),
                    wrap_lines=True,
                    dont_extend_height=True,
                    style="class:legend",
                ),
            ]
        )

    def _input_height(self) -> int:
        """As many rows as the text needs, as long as the conversation stays visible."""
        size = self._app.output.get_size()
        needed = rows_of_input(self._input.text, max(2, size.columns - len(_PROMPT)))
        return max(1, min(needed, size.rows - _OTHER_ROWS))

    def _before_render(self, app: Application[None]) -> None:
        """Draw everything anew while there is text that terminals may measure in another way.

        What is drawn after a difference would stand beside its place, and stay behind when it is deleted.
        """
        entries = self._talk.entries
        plain = is_plain(self._input.text) and all(is_plain(entry.text) for entry in entries)
        if not (plain and self._was_plain):
            app.output.cursor_goto(0, 0)
            app.renderer.reset(leave_alternate_screen=False)
        self._was_plain = plain

    def _leaf(self, pages: int) -> None:
        """Go so many pages back, or forward if negative."""
        self._texts.back = max(0, self._texts.back + pages * max(1, self._texts.height - 1))

    def _entered(self, text: str) -> None:
        if not text.strip():
            return
        self._texts.back = 0
        if is_command(text):
            self._in_background(self._command(text))
        else:
            self._in_background(self._talk.send(as_text(text)))

    async def _command(self, line: str) -> None:
        if not await self._slash.run(line):
            self._app.exit()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _changed(self, _: Entry | None) -> None:
        self._app.invalidate()
