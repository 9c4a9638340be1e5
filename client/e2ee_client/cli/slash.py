"""Lines of a chat that begin with `/`: commands of the command line, on the contact of the chat."""

from __future__ import annotations

from typing import Final

from e2ee_client.errors import SealroomError

from .addressing import find_contact
from .conversation import Conversation
from .failures import Refused, error_text
from .session import Session
from .shared_session import run_shared
from .terminal import Terminal

_CONTACT: Final = "CONTACT"
_REST: Final = "REST"
# Each is a command line; CONTACT is the contact of the chat, REST what stands behind the word.
_LINES: Final[dict[str, tuple[str, ...]]] = {
    "contacts": ("contacts",),
    "verify": ("verify", _CONTACT),
    "mark": ("verify", _CONTACT, "--mark"),
    "unmark": ("verify", _CONTACT, "--unmark"),
    "accept": ("accept", _CONTACT),
    "name": ("add", _CONTACT, "--name", _REST),
    "card": ("card",),
}
LEAVE: Final = frozenset({"quit", "exit"})


def is_command(line: str) -> bool:
    """Whether a line is a command; `//` at the beginning stands for a text that begins with `/`."""
    return line.startswith("/") and not line.startswith("//")


def as_text(line: str) -> str:
    """Return the text that a line stands for."""
    return line[1:] if line.startswith("//") else line


class Slash:
    """The commands of one chat."""

    def __init__(self, session: Session, talk: Conversation) -> None:
        self._session = session
        self._talk = talk

    async def run(self, line: str) -> bool:
        """Carry out a line; what it says becomes a remark. Return False if the person wants to leave."""
        word, _, rest = line[1:].strip().partition(" ")
        if word in LEAVE:
            return False
        if word == "help":
            self._talk.remark(self._talk.texts.say("chat.help"))
        elif word == "chat":
            await self._switch(rest.strip())
        elif word in _LINES:
            await self._command(_LINES[word], rest.strip())
        else:
            self._talk.remark(self._talk.texts.say("chat.no_command", word=word))
        return True

    async def _switch(self, wanted: str) -> None:
        try:
            contact = find_contact(self._talk.client, wanted)
        except (Refused, SealroomError) as failure:
            self._talk.remark(error_text(failure, self._talk.texts))
            return
        await self._talk.switch(contact)

    async def _command(self, line: tuple[str, ...], rest: str) -> None:
        values = {_CONTACT: self._talk.contact.account_id.hex(), _REST: rest}
        said = _Lines(self._session.terminal)
        await run_shared(
            self._session,
            [values.get(part, part) for part in line],
            self._talk.client,
            texts=self._talk.texts,
            terminal=said,
            ask=_nobody,
        )
        self._talk.remark("\n".join(said.lines))
        self._talk.changed(None)


class _Lines(Terminal):
    """Collects what a command prints."""

    in_chat = True

    def __init__(self, screen: Terminal) -> None:
        self.lines: list[str] = []
        self._screen = screen

    def line(self, text: str = "") -> None:
        """Keep a line."""
        self.lines.append(text)

    def remark(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)

    @property
    def shows(self) -> bool:
        """QR codes have no room here."""
        return False

    @property
    def has_blocks(self) -> bool:
        """Nor for their blocks."""
        return False

    @property
    def has_marks(self) -> bool:
        """Whether the screen has check marks."""
        return self._screen.has_marks


async def _nobody(_: str) -> str:
    raise Refused("confirm.missing")
