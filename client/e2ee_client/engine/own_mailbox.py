"""A mailbox of ours and the delivery tokens by which contacts reach it, each with its stored form (STO-08).

The row of a mailbox has the token that it was made with: its contact's, or the front door's. Each further
token has a row of its own, so that what a contact costs does not grow with their number.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from e2ee.constants import HASH_B, MAILBOX_B

from .row_codec import Row
from .turn import Turn


@dataclass(slots=True)
class DeliveryToken(Row):
    """The token of one contact for our published mailbox, and whether the relay knows it."""

    TABLE = "meta"
    PREFIX = b"token:"
    KEY = (("mailbox_id", MAILBOX_B), ("contact", HASH_B))
    mailbox_id: bytes
    contact: bytes
    token: bytes = field(repr=False)
    known: bool


@dataclass(slots=True)
class Mailbox(Row):
    """A mailbox of ours. `contact` is the one it was made for, or empty for the published one.

    `first` maps that contact (empty: the front door) to its delivery token and whether the relay knows it; in
    stores of before it has the tokens of others too, until these change. `tokens` has all, `unknown` names
    those that the relay does not know.
    """

    TABLE = "mailbox"
    KEY = (("id", MAILBOX_B),)
    id: bytes
    relay_url: str
    owner_seed: bytes = field(repr=False)
    contact: bytes
    created: bool
    first: dict[bytes, tuple[bytes, bool]] = field(repr=False)
    tokens: dict[bytes, tuple[bytes, bool]] = field(init=False, repr=False, compare=False)
    unknown: dict[bytes, None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.tokens, self.unknown = {}, {}
        for contact, (token, known) in self.first.items():
            self._note(contact, token, known=known)

    def load_token(self, row: DeliveryToken) -> None:
        """Take over the row of a token."""
        self._note(row.contact, row.token, known=row.known)

    def token_for(self, contact: bytes) -> tuple[bytes, bool]:
        """Return the token by which a contact reaches us, and whether the relay knows it: its own if that is
        known, else the front door's.
        """
        own = self.tokens.get(contact)
        if own is not None and (own[1] or contact == self.contact):
            return own
        return self.tokens[b""] if not self.contact else (b"", False)

    def set_token(self, turn: Turn, contact: bytes, token: bytes, *, known: bool) -> None:
        """Keep a token."""
        self._note(contact, token, known=known)
        if contact == self.contact:
            self.first[contact] = token, known
            self._put(turn)
        else:
            self._move_out(turn, contact)
            turn.put(DeliveryToken(self.id, contact, token, known).put())

    def drop_token(self, turn: Turn, contact: bytes) -> bytes:
        """Forget the token of a contact and return it."""
        token, _ = self.tokens.pop(contact)
        self.unknown.pop(contact, None)
        self._move_out(turn, contact)
        turn.delete(DeliveryToken.TABLE, DeliveryToken.key_of(self.id, contact))
        return token

    def forget_at_relay(self, turn: Turn) -> None:
        """The relay knows neither the mailbox nor a token."""
        self.created = False
        self._put(turn)
        for contact, (token, known) in list(self.tokens.items()):
            if known:
                self.set_token(turn, contact, token, known=False)

    def delete(self, turn: Turn) -> None:
        """Delete all rows."""
        turn.delete(self.TABLE, self.id)
        for contact in self.tokens.keys() - self.first.keys():
            turn.delete(DeliveryToken.TABLE, DeliveryToken.key_of(self.id, contact))

    def _note(self, contact: bytes, token: bytes, *, known: bool) -> None:
        self.tokens[contact] = token, known
        if known:
            self.unknown.pop(contact, None)
        else:
            self.unknown[contact] = None

    def _move_out(self, turn: Turn, contact: bytes) -> None:
        """A store of before has this token in the row of the mailbox."""
        if self.first.pop(contact, None) is not None:
            self._put(turn)

    def _put(self, turn: Turn) -> None:
        turn.put_at_end(self.TABLE, self.id, self.put)
