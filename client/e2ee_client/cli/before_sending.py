"""A second look at a text before it is sent: what the guard finds is told by kind, and a person is asked."""

from __future__ import annotations

from e2ee_client import guard

from .session import Session


async def look_before_sending(session: Session, text: str) -> None:
    """Warn of what the guard finds, and ask; with `--yes` warn alone.

    Raises:
        Refused: confirm.declined, or confirm.missing without a terminal.
    """
    kinds = dict.fromkeys(one.kind for one in guard.find(text, packs=session.options.pack))
    for kind in kinds:
        session.remark("guard.found", what=session.texts.say(f"guard.{kind.value}"))
    if kinds:
        await session.confirm("ask.send")
