"""What the parts of the engine have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .context import Context


class Part:
    """A part of the engine: it calls the others through the context and keeps no reference of its own."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._state = context.state
