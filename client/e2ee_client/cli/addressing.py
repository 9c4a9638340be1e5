"""How people name a contact: by its name or the beginning of it, by the beginning of its id, or by its
card.
"""

from __future__ import annotations

from typing import Final

from e2ee import card as cards
from e2ee.errors import DecodeError
from e2ee_client import Client, Contact
from e2ee_client.errors import InvalidCard, UnknownContact

from .failures import Refused
from .neutral import neutral_name

SHORT_DIGITS: Final = 8
_LEAST_DIGITS: Final = 4


def short_id(account_id: bytes) -> str:
    """Return the first digits of an account id, as they are printed and accepted."""
    return account_id.hex()[:SHORT_DIGITS]


def label(contact: Contact) -> str:
    """Return what a contact is called here: its name made harmless, or the beginning of its id."""
    return label_of(contact.name, contact.account_id)


def label_of(name: str | None, account_id: bytes) -> str:
    """Return the same for a name and an id."""
    return neutral_name(name) if name else short_id(account_id)


def is_card(text: str) -> bool:
    """Whether a text is meant to be a contact card."""
    return text.strip().startswith(("sealroom:", "{"))


def find_contact(client: Client, wanted: str) -> Contact:
    """Return the one contact that is meant.

    Raises:
        UnknownContact: nobody, InvalidCard: a card with a typing error, Refused: contact.ambiguous.
    """
    if is_card(wanted):
        return client.contact(_account_of(wanted))
    found = _candidates(client.contacts(), wanted)
    if not found:
        raise UnknownContact("no such contact")
    if len(found) > 1:
        names = ", ".join(f"{label(one)} ({short_id(one.account_id)})" for one in found)
        raise Refused("contact.ambiguous", names=names)
    return found[0]


def _account_of(card: str) -> bytes:
    try:
        return cards.parse(card).account_id
    except DecodeError as error:
        raise InvalidCard(str(error)) from None


def _candidates(contacts: list[Contact], wanted: str) -> list[Contact]:
    """Everybody who may be meant; the exact name of one does not hide the id of another."""
    digits = wanted.strip().lower()
    if not digits:
        return []
    by_id = [
        one for one in contacts if len(digits) >= _LEAST_DIGITS and one.account_id.hex().startswith(digits)
    ]
    exact = [one for one in contacts if one.name == wanted]
    loose = [one for one in contacts if one.name is not None and one.name.casefold() == wanted.casefold()]
    begun = [
        one for one in contacts if one.name is not None and one.name.casefold().startswith(wanted.casefold())
    ]
    named = exact or loose or begun
    return list(dict.fromkeys([*named, *by_id]))
