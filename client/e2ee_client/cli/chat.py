"""The command chat: a full screen on a terminal, lines on anything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from .addressing import find_contact
from .chat_lines import LineChat
from .conversation import Conversation
from .failures import DONE
from .session import Session, settle


def chat(session: Session) -> int:
    """Talk with a contact until the person leaves."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            contact = find_contact(client, session.options.contact)
            conversation = Conversation(client, contact, session.texts, _now_ms)
            await conversation.load()
            await _with_events(conversation, _show(session, conversation))
            await settle(client)
            return DONE

    return session.run(work())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _show(session: Session, conversation: Conversation) -> Coroutine[Any, Any, None]:
    if session.options.plain or not session.terminal.is_full:
        return LineChat(conversation, session.terminal).run()
    # Only a full screen pays for loading what draws it.
    from .chat_screen import ScreenChat

    return ScreenChat(conversation, session.terminal).run()


async def _with_events(conversation: Conversation, show: Coroutine[Any, Any, None]) -> None:
    """Show until the person leaves; a failure of the client ends the chat as well, as its own error."""
    tasks = [asyncio.create_task(show), asyncio.create_task(conversation.follow())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()
