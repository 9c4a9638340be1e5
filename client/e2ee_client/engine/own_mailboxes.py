"""Our mailboxes in memory, also by the contact that each was made for and by relay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, MutableMapping

from .own_mailbox import Mailbox


class OwnMailboxes(MutableMapping[bytes, Mailbox]):
    """Mailboxes by id, in the order of their making. Contact and relay of a mailbox never change."""

    def __init__(self, mailboxes: Iterable[Mailbox] = ()) -> None:
        self._by_id: dict[bytes, Mailbox] = {}
        self._of: dict[bytes, dict[bytes, Mailbox]] = {}
        self._relays: Counter[str] = Counter()
        for one in mailboxes:
            self[one.id] = one

    def __getitem__(self, mailbox_id: bytes) -> Mailbox:
        """Return a mailbox."""
        return self._by_id[mailbox_id]

    def __setitem__(self, mailbox_id: bytes, mailbox: Mailbox) -> None:
        """Add a mailbox."""
        self.pop(mailbox_id, None)
        self._by_id[mailbox_id] = mailbox
        self._of.setdefault(mailbox.contact, {})[mailbox_id] = mailbox
        self._relays[mailbox.relay_url] += 1

    def __delitem__(self, mailbox_id: bytes) -> None:
        """Drop a mailbox."""
        gone = self._by_id.pop(mailbox_id)
        del self._of[gone.contact][mailbox_id]
        if not self._of[gone.contact]:
            del self._of[gone.contact]
        self._relays[gone.relay_url] -= 1

    def __iter__(self) -> Iterator[bytes]:
        """Go through the ids of all mailboxes."""
        return iter(self._by_id)

    def __len__(self) -> int:
        """Count them."""
        return len(self._by_id)

    def for_contact(self, account_id: bytes) -> Mailbox | None:
        """Return the mailbox made for a contact, or the published one; None where there is neither."""
        for contact in (account_id, b""):
            found = self._of.get(contact)
            if found:
                return next(iter(found.values())) if contact else next(reversed(found.values()))
        return None

    def has_relay(self, relay_url: str) -> bool:
        """Whether a relay holds a mailbox of ours."""
        return self._relays[relay_url] > 0
