"""What a person is shown before it accepts (CNS-18)."""

from __future__ import annotations

from e2ee.rooms.channels import Channels
from e2ee.rooms.notice import Mode, Purpose

from .doors import FoundDoor


class ShownNotice:
    """What a company says before anybody writes, verified; show `text`, and `origin` beside it."""

    def __init__(self, found: FoundDoor) -> None:
        """Not for callers: use `Customer.notice`."""
        self.found = found

    @property
    def origin(self) -> str | None:
        """The page that it came from; None where it came with an application."""
        return self.found.origin

    @property
    def company(self) -> str:
        """The controller's name."""
        return self.found.door.notice.controller[0]

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages in which it can be shown."""
        return tuple(locale for locale, _ in self.found.door.texts)

    def text(self, locale: str | None = None) -> str:
        """Return the text in a language; in the default one where it has no other.

        The text that is shown is that which is accepted.
        """
        texts = dict(self.found.door.texts)
        return texts[self.locale(locale)]

    def locale(self, wished: str | None = None) -> str:
        """Return the language in which it is shown to who wishes one."""
        texts = dict(self.found.door.texts)
        return wished if wished is not None and wished in texts else self.found.door.notice.default_locale

    @property
    def mode(self) -> Mode:
        """What the company asks for: notice, consent, or explicit consent by Art. 9 of the GDPR."""
        return self.found.door.notice.mode

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What data is used for, each with its legal basis; the required ones cannot be left out."""
        return self.found.door.notice.purposes

    @property
    def channels(self) -> Channels:
        """Other ways to the company, for who refuses."""
        return self.found.door.channels

    @property
    def minimum_age(self) -> int | None:
        """From which age on a person may accept; None for any."""
        return self.found.door.notice.minimum_age

    def __repr__(self) -> str:
        return f"<ShownNotice {self.found.door.notice.hash.hex()[:8]}>"
