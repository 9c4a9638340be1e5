"""A chat in lines: for pipes, simple terminals and screen readers. What was printed stays as it is."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from e2ee_client import Message, MessageState
from e2ee_client.errors import WaitTimeout

from .conversation import Conversation, Entry
from .failures import Refused
from .line_input import input_lines
from .marks import mark_of
from .neutral import neutral
from .session import local_date, local_time
from .slash import Slash, as_text, is_command
from .terminal import Terminal

_EARLIER: Final = 20
_LAST_WORD_S: Final = 30.0


class LineChat:
    """Prints each entry as a line, and each step of a text of ours as another: `[3] delivered`."""

    def __init__(self, conversation: Conversation, terminal: Terminal, slash: Slash) -> None:
        self._conversation = conversation
        self._terminal = terminal
        self._slash = slash
        self._states: dict[Entry, MessageState] = {}
        self._echoes = not sys.stdin.isatty()
        self._sent: list[Message] = []
        self._day = ""

    async def run(self) -> None:
        """Send each line of the input; at its end, wait until the relay has them all. Lines that a person
        types may be commands, those of a file are texts.

        Raises:
            Refused: send.kept; the relay has not taken all of them in time.
            MessageFailed: one will not be delivered.
        """
        talk = self._conversation
        self._terminal.remark(talk.texts.say("chat.begin", name=talk.name()))
        for entry in talk.entries[-_EARLIER:]:
            self._print(entry, with_mark=True)
        for entry in talk.entries:
            self._note(entry)
        talk.changed = self._changed
        async for line in input_lines(sys.stdin.fileno()):
            if not self._echoes and is_command(line):
                if not await self._slash.run(line):
                    break
            elif line.strip():
                await talk.send(line if self._echoes else as_text(line))
        await self._finish()

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(_LAST_WORD_S):
                for message in self._sent:
                    await message.wait_for(MessageState.SENT)
        except (TimeoutError, WaitTimeout):
            raise Refused("send.kept") from None
        finally:
            self._changed(None)

    def _changed(self, entry: Entry | None) -> None:
        if entry is None:
            self._print_steps()
            return
        if entry.is_ours and entry.message is not None:
            self._sent.append(entry.message)
        if self._echoes or not entry.is_ours:
            self._print(entry, with_mark=False)
        self._note(entry)

    def _print_steps(self) -> None:
        for entry, before in list(self._states.items()):
            if entry.message is None or entry.message.state is before:
                continue
            self._note(entry)
            state = self._conversation.texts.say(f"state.{entry.message.state.value}")
            reason = f" ({entry.message.reason})" if entry.message.reason else ""
            key = "chat.line_state"
            line = self._conversation.texts.say(key, number=entry.number, state=f"{state}{reason}")
            self._terminal.line(neutral(line))

    def _note(self, entry: Entry) -> None:
        if entry.message is not None and entry.is_ours:
            self._states[entry] = entry.message.state

    def _print(self, entry: Entry, *, with_mark: bool) -> None:
        if (day := local_date(entry.time_ms)) != self._day:
            self._day = day
            self._terminal.line(f"-- {day}")
        clock = local_time(entry.time_ms)
        if entry.message is None:
            for line in entry.text.split("\n"):
                self._terminal.line(f"{clock} -- {neutral(line)}")
        elif not entry.is_ours:
            sent = self._conversation.sent_before(entry)
            self._terminal.line(f"{clock} {self._conversation.name()}: {neutral(entry.text)}{sent}")
        else:
            mark = f"  {mark_of(entry.message.state, full=self._terminal.has_marks)}" if with_mark else ""
            you = self._conversation.texts.say("chat.you")
            self._terminal.line(f"{clock} [{entry.number}] {you}: {neutral(entry.text)}{mark}")
