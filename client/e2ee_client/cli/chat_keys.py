"""The keys of a chat: Enter sends; what a person takes for one character goes and is passed as a whole."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from .steady import clusters


class ChatKeys:
    """Bindings on the buffer of the input."""

    def __init__(self, buffer: Buffer, entered: Callable[[str], None], leaf: Callable[[int], None]) -> None:
        self._buffer = buffer
        self._entered = entered
        self._leaf = leaf
        self.bindings = KeyBindings()
        for keys, handler in (
            (("enter",), self._send),
            (("escape", "enter"), self._new_line),
            (("c-j",), self._new_line),
            (("c-c",), self._leave),
            (("c-q",), self._leave),
            (("<sigint>",), self._leave),
            (("c-d",), self._leave_if_empty),
            (("pageup",), lambda _: self._leaf(1)),
            (("pagedown",), lambda _: self._leaf(-1)),
            (("backspace",), self._delete_before),
            (("delete",), self._delete_behind),
            (("left",), self._left),
            (("right",), self._right),
        ):
            self.bindings.add(*keys)(handler)

    def _send(self, _: KeyPressEvent) -> None:
        text = self._buffer.text
        self._buffer.reset()
        self._entered(text)

    def _new_line(self, _: KeyPressEvent) -> None:
        self._buffer.insert_text("\n")

    def _leave(self, event: KeyPressEvent) -> None:
        event.app.exit()

    def _leave_if_empty(self, event: KeyPressEvent) -> None:
        if not self._buffer.text:
            event.app.exit()

    def _delete_before(self, _: KeyPressEvent) -> None:
        self._buffer.delete_before_cursor(self._size_before())

    def _delete_behind(self, _: KeyPressEvent) -> None:
        self._buffer.delete(self._size_behind())

    def _left(self, _: KeyPressEvent) -> None:
        self._buffer.cursor_position -= self._size_before()

    def _right(self, _: KeyPressEvent) -> None:
        self._buffer.cursor_position += self._size_behind()

    def _size_before(self) -> int:
        return len(["", *clusters(self._buffer.document.text_before_cursor)][-1])

    def _size_behind(self) -> int:
        return len(next(clusters(self._buffer.document.text_after_cursor), ""))
