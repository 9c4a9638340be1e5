"""A chat on the whole screen: heading, texts with marks that change in place, input line, legend."""

from __future__ import annotations

import asyncio
from typing import Final

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import HSplit, Layout, UIContent, UIControl, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import TextArea

from .conversation import Conversation, Entry
from .marks import legend
from .screen_lines import Line, entry_lines
from .terminal import Terminal

_STYLE: Final = Style.from_dict(
    {
        "heading": "reverse bold",
        "alarm": "ansired bold",
        "ours": "ansicyan",
        "theirs": "bold",
        "remark": "italic",
        "time": "ansibrightblack",
        "legend": "ansibrightblack",
    }
)
_MAX_INPUT_LINES: Final = 5


class _Texts(UIControl):
    """The entries, wrapped to the width; `back` lines are below the window while a person reads back."""

    def __init__(self, conversation: Conversation, terminal: Terminal) -> None:
        self._conversation = conversation
        self._terminal = terminal
        self._total = 0
        self.height = 1
        self.back = 0

    def create_content(self, width: int, height: int) -> UIContent:
        lines = self._lines(width)
        if self.back:
            # What arrives while somebody reads back does not move what they read.
            self.back += max(0, len(lines) - self._total)
        self.height, self._total = height, len(lines)
        self.back = max(0, min(self.back, len(lines) - height))
        end = len(lines) - self.back
        shown = lines[max(0, end - height) : end]
        return UIContent(lambda number: shown[number], line_count=len(shown), show_cursor=False)

    def _lines(self, width: int) -> list[Line]:
        talk, full = self._conversation, self._terminal.has_marks
        return [line for entry in talk.entries for line in entry_lines(entry, talk, width, full=full)]


class ScreenChat:
    """Runs until the person leaves."""

    def __init__(self, conversation: Conversation, terminal: Terminal) -> None:
        self._conversation = conversation
        self._texts = _Texts(conversation, terminal)
        self._tasks: set[asyncio.Task[None]] = set()
        self._input = TextArea(
            prompt="> ",
            multiline=False,
            wrap_lines=True,
            accept_handler=self._accept,
            dont_extend_height=True,
        )
        self._input.window.height = self._input_height
        say = conversation.texts.say
        below = f"{legend(conversation.texts, full=terminal.has_marks)}\n{say('chat.keys')}"
        self._app: Application[None] = Application(
            layout=Layout(self._rows(below), focused_element=self._input),
            key_bindings=self._keys(),
            style=_STYLE,
            full_screen=True,
        )

    async def run(self) -> None:
        """Show the chat."""
        self._conversation.changed = self._changed
        await self._app.run_async()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _rows(self, below: str) -> HSplit:
        heading = FormattedTextControl(lambda: [("class:heading", f" {self._conversation.heading()} ")])
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
        """As many lines as the text needs, up to a few."""
        columns = max(1, self._app.output.get_size().columns)
        return min(_MAX_INPUT_LINES, 1 + (len(self._input.text) + 2) // columns)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        @keys.add("c-q")
        @keys.add("<sigint>")
        def leave(event: KeyPressEvent) -> None:
            event.app.exit()

        @keys.add("c-d")
        def leave_if_empty(event: KeyPressEvent) -> None:
            if not self._input.text:
                event.app.exit()

        @keys.add("pageup")
        def earlier(event: KeyPressEvent) -> None:
            self._texts.back += max(1, self._texts.height - 1)

        @keys.add("pagedown")
        def later(event: KeyPressEvent) -> None:
            self._texts.back = max(0, self._texts.back - max(1, self._texts.height - 1))

        return keys

    def _accept(self, buffer: Buffer) -> bool:
        if buffer.text.strip():
            self._texts.back = 0
            task = asyncio.get_running_loop().create_task(self._conversation.send(buffer.text))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return False

    def _changed(self, _: Entry | None) -> None:
        self._app.invalidate()
