"""A company's door on the customer's side: fetched, verified, and whose it is (CNS-04, CNS-26, CNS-27).

Nothing is stored here, and nothing connected but the origin: who accepts pins the card (CNS-18).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from e2ee.card import ContactCard
from e2ee.errors import IdentityMismatch, MandateInvalid, RemoteError
from e2ee.grammar import is_name
from e2ee.ids import AccountId
from e2ee.rooms.door import Door, stated_account, stated_mandate
from e2ee_client.rooms.errors import (
    DoorError,
    DoorExpired,
    DoorInvalid,
    DoorOfAnotherCompany,
    DoorOfAnotherPage,
)
from e2ee_client.rooms.exchange import is_on_this_machine

from .fetching import fetch_door

Fetch = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class FoundDoor:
    """A verified door. `is_first` says that nothing was known of the company: its account is trusted because
    the origin serves it, and is to be pinned by the first accept (CNS-27). `origin` is to be shown with the
    notice; it is None for a door that came with an application.
    """

    door: Door
    origin: str | None
    is_first: bool

    @property
    def card(self) -> ContactCard:
        """The contact card of the company: its account, and the relay of its notice (CNS-27)."""
        name = self.door.notice.controller[0]
        account_id, relay_url = self.door.mandate.account_id, self.door.notice.relay_url
        return ContactCard(account_id, relay_url, name if is_name(name) else None)


async def find_door(
    origin: str, now_ms: int, *, known: ContactCard | None = None, fetch: Fetch = fetch_door
) -> FoundDoor:
    """Fetch and verify the door of an origin such as `https://praxis.example`.

    `known` is the card of the company, from elsewhere or from an earlier accept on this origin.

    Raises:
        ConfigError: not an origin. DoorError: each failure by its class.
    """
    encoded = await fetch(origin)
    # A mandate names no origin without TLS, so none on this machine can be checked.
    page = None if is_on_this_machine(origin) else origin
    found = open_door(encoded, now_ms, known=known, origin=page)
    return FoundDoor(found.door, origin, found.is_first)


def open_door(
    encoded: bytes, now_ms: int, *, known: ContactCard | None = None, origin: str | None = None
) -> FoundDoor:
    """Verify a door whose bytes are here, from an origin or part of an application.

    Raises:
        DoorInvalid, DoorExpired, DoorOfAnotherPage, DoorOfAnotherCompany.
    """
    account_id = _account(encoded, known)
    relay_url = None if known is None else known.relay_url
    try:
        door = Door.verify(account_id, encoded, now_ms, relay_url, origin)
    except MandateInvalid as error:
        raise _why(account_id, encoded, now_ms, origin, str(error)) from None
    except IdentityMismatch:
        if known is None:
            raise DoorInvalid("parts of the door are of another account") from None
        raise DoorOfAnotherCompany("the door names another account or relay than the card") from None
    except RemoteError as error:
        raise DoorInvalid(f"what came is no door of a company ({error.code})") from None
    return FoundDoor(door, origin, known is None)


def _account(encoded: bytes, known: ContactCard | None) -> AccountId:
    try:
        stated = stated_account(encoded)
    except RemoteError as error:
        raise DoorInvalid(f"what came is no door of a company ({error.code})") from None
    if known is not None and stated != known.account_id:
        raise DoorOfAnotherCompany("the door is of another account than the known one")
    return stated


def _why(account_id: AccountId, encoded: bytes, now_ms: int, origin: str | None, said: str) -> DoorError:
    """Tell the reasons apart for which mandate and time do not go together."""
    mandate = stated_mandate(account_id, encoded)
    try:
        mandate.check_time(now_ms)
    except MandateInvalid:
        return DoorExpired("the mandate of the door is not valid at this time")
    if origin is not None and origin not in mandate.origins:
        return DoorOfAnotherPage("the company that signed the door has not named this origin")
    return DoorExpired(f"a part of the door is not valid at this time: {said}")
