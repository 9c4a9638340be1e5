"""How far a text of ours has come, as a mark behind it."""

from __future__ import annotations

from typing import Final

from e2ee_client import MessageState

from .texts import Texts

_FULL: Final = {
    MessageState.QUEUED: ".",
    MessageState.SENT: "..",
    MessageState.DELIVERED: "\N{CHECK MARK}",
    MessageState.READ: "\N{CHECK MARK}\N{CHECK MARK}",
    MessageState.FAILED: "\N{BALLOT X}",
}
_ASCII: Final = {
    MessageState.QUEUED: ".",
    MessageState.SENT: "..",
    MessageState.DELIVERED: "v",
    MessageState.READ: "vv",
    MessageState.FAILED: "x",
}


def mark_of(state: MessageState, *, full: bool) -> str:
    """Return the mark; without `full` it is ASCII."""
    return (_FULL if full else _ASCII)[state]


def legend(texts: Texts, *, full: bool) -> str:
    """Return what the marks mean."""
    return texts.say("chat.legend", **{state.value: mark_of(state, full=full) for state in MessageState})
