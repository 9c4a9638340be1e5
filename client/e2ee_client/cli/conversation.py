"""What a chat shows: the texts of one contact, how far ours have come, and remarks. It knows no screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from e2ee_client import (
    Client,
    ClientEvent,
    ConnectionChanged,
    ConnectionState,
    Contact,
    Message,
    MessageReceived,
    MessageState,
    MessageStateChanged,
    SessionStarted,
)
from e2ee_client.errors import SealroomError, UnknownContact

from .addressing import label, short_id
from .event_lines import event_text, is_told, name_of
from .failures import error_text
from .session import local_date, local_time
from .texts import Texts

MAX_EARLIER: Final = 500
# These change the chat itself: a mark, or the words of the heading.
_SHOWN_OTHERWISE: Final = (MessageStateChanged, SessionStarted)
_LATE_MS: Final = 5 * 60_000


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One thing that is shown. Ours has a `number` and holds the message, whose state moves on."""

    text: str
    time_ms: int
    message: Message | None = None
    number: int = 0

    @property
    def is_ours(self) -> bool:
        """We wrote it."""
        return self.message is not None and self.message.outgoing


class Conversation:
    """The entries of one chat; `changed` is called with a new entry, or with None when known ones did."""

    def __init__(self, client: Client, contact: Contact, texts: Texts, now_ms: Callable[[], int]) -> None:
        self.client = client
        self.contact = contact
        self.texts = texts
        self.entries: list[Entry] = []
        self.changed: Callable[[Entry | None], None] = _nothing
        self._now_ms = now_ms
        self._numbered = 0
        self._seen: set[tuple[bytes, bool]] = set()
        self._connection = ""

    async def load(self) -> None:
        """Take over the newest texts of the history."""
        messages = await self.contact.history(limit=MAX_EARLIER)
        self._seen.update((one.message_id, one.outgoing) for one in messages)
        self.entries.extend(map(self._entry, messages))
        await self.contact.mark_read(messages)

    async def switch(self, contact: Contact) -> None:
        """Go over to another contact."""
        self.contact = contact
        self.entries.clear()
        self._seen.clear()
        await self.load()
        self.changed(None)

    async def refresh(self) -> None:
        """Take over texts that another command has sent to the contact."""
        try:
            messages = await self.contact.history(limit=MAX_EARLIER)
        except SealroomError as error:
            self.remark(error_text(error, self.texts))
            return
        for message in messages:
            self._take_over(message)
        self.changed(None)

    async def send(self, text: str) -> None:
        """Send a text; what refuses it becomes a remark."""
        try:
            message = await self.contact.send(text)
        except SealroomError as error:
            self.remark(error_text(error, self.texts))
            return
        self._take_over(message)

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

    def name(self) -> str:
        """Return what the contact is called; it may be forgotten meanwhile."""
        return name_of(self.client, self.contact.account_id)

    def sent_before(self, entry: Entry) -> str:
        """Return when a text was sent, if that was some time before it came: by the sender's clock."""
        message = entry.message
        if message is None or message.outgoing or message.received_ms - message.sent_ms < _LATE_MS:
            return ""
        same_day = local_date(message.sent_ms) == local_date(message.received_ms)
        time = local_time(message.sent_ms, "%H:%M" if same_day else "%Y-%m-%d %H:%M")
        return f"  ({self.texts.say('chat.sent', time=time)})"

    def heading(self) -> str:
        """Return who we talk with, whether compared, and whether connected."""
        say = self.texts.say
        try:
            view = self.contact.view
        except UnknownContact:
            return f"{self.name()} \N{MIDDLE DOT} {say('chat.forgotten')}"
        words = [label(self.contact), say("chat.verified" if view.verified else "chat.not_verified")]
        if not view.accepted:
            words.append(say("chat.not_accepted"))
        if view.alarm:
            words.append(say("contacts.alarm", code=view.alarm))
        words.append(say(f"chat.{self.client.connection_state.value}"))
        return " \N{MIDDLE DOT} ".join(words)

    # --- inside ---

    async def _take(self, event: ClientEvent) -> None:
        if isinstance(event, MessageReceived):
            await self._received(event)
        elif isinstance(event, ConnectionChanged):
            self._connected(event)
        elif is_told(event) and not isinstance(event, _SHOWN_OTHERWISE):
            self.remark(event_text(event, self.client, self.texts))
        self.changed(None)

    def _connected(self, event: ConnectionChanged) -> None:
        """Say why there is no connection: once, not at each further attempt."""
        if event.state is ConnectionState.OFFLINE and event.code:
            text = event_text(event, self.client, self.texts)
            if text != self._connection:
                self._connection = text
                self.remark(text)
        elif event.state is ConnectionState.ONLINE:
            self._connection = ""

    async def _received(self, event: MessageReceived) -> None:
        if event.account_id != self.contact.account_id:
            name, short = name_of(self.client, event.account_id), short_id(event.account_id)
            self.remark(self.texts.say("chat.other", name=name, short=short))
            return
        if (event.message_id, False) in self._seen:
            return
        message = await self.contact.message(event.message_id, outgoing=False)
        self._take_over(message)
        await self.contact.mark_read([message])

    def _take_over(self, message: Message) -> None:
        place = (message.message_id, message.outgoing)
        if place not in self._seen:
            self._seen.add(place)
            self._add(self._entry(message))

    def _entry(self, message: Message) -> Entry:
        self._numbered += message.outgoing
        number = self._numbered if message.outgoing else 0
        return Entry(message.text, message.received_ms, message, number)

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.changed(entry)


def _nothing(_: Entry | None) -> None:
    """Nobody looks yet."""
