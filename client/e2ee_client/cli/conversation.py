"""What a chat shows: the texts of one contact, how far ours have come, and remarks. It knows no screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from e2ee_client import (
    Client,
    ClientEvent,
    ConnectionChanged,
    Contact,
    IdentityAlarm,
    Message,
    MessageReceived,
    MessageState,
    MessageStateChanged,
    SessionStarted,
)
from e2ee_client.errors import SealroomError

from .addressing import label, short_id
from .event_lines import event_text, name_of
from .failures import error_text
from .texts import Texts

MAX_EARLIER: Final = 500
# These change the chat itself: a mark, or the words of the heading.
_SHOWN_OTHERWISE: Final = (MessageStateChanged, SessionStarted, ConnectionChanged)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One thing that is shown. Ours has a `number` and holds the message, whose state moves on."""

    text: str
    time_ms: int
    message: Message | None = None
    number: int = 0

    @property
    def is_remark(self) -> bool:
        """Neither side wrote it."""
        return self.message is None

    @property
    def is_ours(self) -> bool:
        """We wrote it."""
        return self.message is not None and self.message.outgoing


class Conversation:
    """The entries of one chat; `changed` is called with a new entry, or with None when a known one moved
    on.
    """

    def __init__(self, client: Client, contact: Contact, texts: Texts, now_ms: Callable[[], int]) -> None:
        self.client = client
        self.contact = contact
        self.texts = texts
        self.entries: list[Entry] = []
        self.changed: Callable[[Entry | None], None] = _nothing
        self._now_ms = now_ms
        self._numbered = 0
        self._seen: set[bytes] = set()

    async def load(self) -> None:
        """Take over the newest texts of the history."""
        for message in await self.contact.history(limit=MAX_EARLIER):
            self._seen.add(message.message_id)
            self.entries.append(self._entry(message))
        await self.contact.mark_read([one.message for one in self.entries if one.message is not None])

    async def send(self, text: str) -> None:
        """Send a text; what refuses it becomes a remark."""
        try:
            message = await self.contact.send(text)
        except SealroomError as error:
            self.remark(error_text(error, self.texts))
            return
        self._seen.add(message.message_id)
        self._add(self._entry(message))

    async def follow(self) -> None:
        """Take events until the client is closed."""
        async for event in self.client.events():
            await self._take(event)

    def remark(self, text: str) -> None:
        """Show a line that neither side wrote."""
        self._add(Entry(text, self._now_ms()))

    def waiting(self) -> list[Message]:
        """Return our texts that the relay does not have yet."""
        ours = [one.message for one in self.entries if one.message is not None and one.is_ours]
        return [message for message in ours if message.state is MessageState.QUEUED]

    def numbered(self, message_id: bytes) -> Entry | None:
        """Return the entry of a text of ours."""
        for entry in reversed(self.entries):
            if entry.is_ours and entry.message is not None and entry.message.message_id == message_id:
                return entry
        return None

    # --- inside ---

    async def _take(self, event: ClientEvent) -> None:
        if isinstance(event, MessageReceived):
            await self._received(event)
        elif isinstance(event, _SHOWN_OTHERWISE):
            self.changed(None)
        else:
            self.remark(event_text(event, self.client, self.texts))
            if isinstance(event, IdentityAlarm):
                self.changed(None)

    async def _received(self, event: MessageReceived) -> None:
        if event.account_id != self.contact.account_id:
            name, short = name_of(self.client, event.account_id), short_id(event.account_id)
            self.remark(self.texts.say("chat.other", name=name, short=short))
            return
        if event.message_id in self._seen:
            return
        message = await self.contact.message(event.message_id, outgoing=False)
        self._seen.add(event.message_id)
        self._add(self._entry(message))
        await self.contact.mark_read([message])

    def _entry(self, message: Message) -> Entry:
        self._numbered += message.outgoing
        number = self._numbered if message.outgoing else 0
        return Entry(message.text, message.received_ms, message, number)

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.changed(entry)

    def heading(self) -> str:
        """Return who we talk with, whether compared, and whether connected."""
        say, view = self.texts.say, self.contact.view
        words = [label(self.contact), say("chat.verified" if view.verified else "chat.not_verified")]
        if not view.accepted:
            words.append(say("chat.not_accepted"))
        if view.alarm:
            words.append(say("contacts.alarm", code=view.alarm))
        words.append(say(f"chat.{self.client.connection_state.value}"))
        return " \N{MIDDLE DOT} ".join(words)


def _nothing(_: Entry | None) -> None:
    """Nobody looks yet."""
