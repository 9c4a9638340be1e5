"""What a desk does by itself for a company: words of greeting, hours, routing, mail, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from e2ee.rooms.payloads import RoomText
from e2ee_client.engine.rooms.forwarding import MAX_HANDED_OVER
from e2ee_client.errors import ConfigError

from .hours import Hours
from .mail import MailServer
from .routing import Routing
from .webhooks import Webhook

FALLBACK: Final = "en"
Words = str | Mapping[str, str]
_SLOT: Final = "{opens}"
_DAYS: Final = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_LATER: Final = {"de": "später", "en": "later"}


@dataclass(frozen=True, slots=True)
class Service:
    """Everything is optional. `greeting` is said in each room that is opened; `closed` in its place while
    nobody is there by `hours`, where {opens} stands for when somebody will be. Both are a text, or one for
    each language. `page` is where people read, for the links of mail. `archive` is a folder in which
    each room is kept as a transcript, written anew once in `archive_every_s` where it has changed. `history`
    is how many of the newest entries a colleague is handed who takes a room, by this desk and by the agent
    that gives it away (0 to 256), None as the policy says; the customer sees it.
    """

    greeting: Words | None = None
    closed: Words | None = None
    hours: Hours | None = None
    routing: Routing | None = None
    mail: MailServer | None = None
    page: str | None = None
    webhook: Webhook | None = field(default=None, repr=False)
    mail_after_s: int = 900
    archive: Path | None = None
    archive_every_s: int = 86_400
    history: int | None = None

    def __post_init__(self) -> None:
        """Refuse settings that do not go together.

        Raises:
            ConfigError.
        """
        if (self.closed is None) != (self.hours is None):
            raise ConfigError("words for closed hours go with hours")
        if (self.mail is None) != (self.page is None):
            raise ConfigError("mail goes with a page that its links show")
        if self.history is not None and not 0 <= self.history <= MAX_HANDED_OVER:
            raise ConfigError("a colleague is handed 0 to 256 entries")
        if self.archive_every_s < 3_600:
            raise ConfigError("an archive is written once in an hour at most")
        if self.mail_after_s < 60:
            raise ConfigError("mail is sent a minute after a text at the earliest")

    def welcome(self, locale: str, now_ms: int) -> str | None:
        """Return what is said in a room that is opened now; None for nothing."""
        if self.hours is not None and self.closed is not None and not self.hours.is_open(now_ms):
            text = _words(self.closed, locale)
            return text.replace(_SLOT, _opens(self.hours, locale, now_ms))
        return None if self.greeting is None else _words(self.greeting, locale)


def _words(words: Words, locale: str) -> str:
    if isinstance(words, str):
        return words
    for one in (locale, locale.partition("-")[0], FALLBACK):
        if one in words:
            return words[one]
    return next(iter(words.values()), "")


def _opens(hours: Hours, locale: str, now_ms: int) -> str:
    language = "de" if locale.partition("-")[0] == "de" else "en"
    at_ms = hours.next_opening(now_ms)
    if at_ms is None:
        return _LATER[language]
    at = datetime.fromtimestamp(at_ms / 1000, hours.zone)
    day = _DAYS[language][at.weekday()]
    return f"{day}, {at:%d.%m.}, {at:%H:%M} Uhr" if language == "de" else f"{day}, {at:%d/%m}, {at:%H:%M}"


def machine_text(text: str, language: str | None) -> RoomText:
    """Return a text that says that a machine wrote it."""
    return RoomText(text, None, language, True)
