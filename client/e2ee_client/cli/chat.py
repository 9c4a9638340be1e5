"""The command chat: a full screen on a terminal, lines on anything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from e2ee_client.runtime.first_of import first_of, raise_faults

from .addressing import find_contact
from .chat_lines import LineChat
from .conversation import Conversation
from .failures import DONE
from .serving import serving
from .session import Session, Work, settle
from .slash import Slash


def chat(session: Session) -> Work:
    """Talk with a contact until the person leaves."""
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=True) as client:
            contact = find_contact(client, session.options.contact)
            talk = Conversation(client, contact, session.texts, _now_ms)
            await talk.load()
            background: set[asyncio.Task[None]] = set()

            def served() -> None:
                task = asyncio.ensure_future(talk.refresh())
                background.add(task)
                task.add_done_callback(background.discard)

            async with serving(session, client, passphrase, served):
                # A failure of the client ends the chat as well, as its own error.
                raise_faults(await first_of(_show(session, talk), talk.follow()))
            await settle(client)
            return DONE

    return work()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _show(session: Session, talk: Conversation) -> Coroutine[Any, Any, None]:
    slash = Slash(session, talk)
    if session.options.plain or not session.terminal.is_full:
        return LineChat(talk, session.terminal, slash).run()
    # Only a full screen pays for loading what draws it.
    from .chat_screen import ScreenChat

    return ScreenChat(talk, session.terminal, slash).run()
