"""Lists of a contact that part from one another: an alarm, until a person verifies it (ID-07, ID-52)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from e2ee import identity
from e2ee.errors import E2eeError, ListFork
from e2ee.identity import DeviceList, ListHead
from e2ee_client.errors import ContactSucceeded
from e2ee_client.events import IdentityAlarm, MessageRejected

from .part import Part
from .records import Contact, ForkedLists
from .turn import Turn

MAX_KEPT: Final = 8

T = TypeVar("T")


class Forks(Part):
    """Of two lists that an account has signed for one number neither is the right one. Once a person has
    verified the account, each of those that were known then may be the one that goes on.
    """

    def alarm(self, turn: Turn, contact: Contact, error: ListFork) -> None:
        """Stop a conversation until a person has looked, and keep the list (ID-07). Of a stranger that is
        only refused, and of our own account: that is the matter of our entry (ID-48, ID-51). One that was
        followed stays so (ID-62).
        """
        if not contact.accepted or contact is self._state.colleagues:
            turn.notify(MessageRejected(contact.account_id, error.code))
            return
        row = self._row(turn, contact)
        if error.signed not in row.unsettled:
            row.unsettled = [*row.unsettled, error.signed][-MAX_KEPT:]
            turn.put(row.put())
        if contact.alarm != ContactSucceeded.code:
            contact.alarm = error.code
            turn.put(contact.put())
        turn.notify(IdentityAlarm(contact.account_id, error.code))

    def settle(self, turn: Turn, contact: Contact) -> None:
        """A person has verified the account: what is known of its lists raises no alarm any more (ID-52)."""
        row, pinned = self._row(turn, contact), contact.signed_list
        if row.unsettled and pinned is not None:
            others = [one for one in (*row.settled, *row.unsettled) if one != pinned]
            row.settled, row.unsettled = [pinned, *others[1 - MAX_KEPT :]], []
            turn.put(row.put())

    def forget(self, turn: Turn, account_id: bytes) -> None:
        """Forget the lists of a contact that parted."""
        key = ForkedLists.key_of(account_id)
        if turn.read(self._state.rows, ForkedLists.TABLE, key) is not None:
            turn.delete(ForkedLists.TABLE, key)

    def from_pinned(self, turn: Turn, contact: Contact, take: Callable[[DeviceList | None], T]) -> T:
        """Take something that comes with a list by the pinned list, or by one that was settled beside it.

        Raises:
            ListFork: it parts from these as well. What `take` raises.
        """
        try:
            return take(contact.device_list())
        except ListFork as error:
            other = self.beside(turn, contact, error)
            if other is None:
                raise
            return take(other)

    def beside(self, turn: Turn, contact: Contact, error: ListFork) -> DeviceList | None:
        """Return the settled list that a list is, or follows. The first one that follows is pinned, and ends
        it: a second one of its number is a new difference. See `in_force`.
        """
        given = DeviceList.verify(contact.account_id, error.signed)
        return next((one for one in self._settled(turn, contact) if _leads_to(one, given)), None)

    def is_settled(self, turn: Turn, contact: Contact, head: ListHead) -> bool:
        """Whether a head that a device states is that of a settled list."""
        return head in [one.head for one in self._settled(turn, contact)]

    def _settled(self, turn: Turn, contact: Contact) -> list[DeviceList]:
        """Return the settled lists, as long as one of them is pinned, from its number on."""
        pinned = contact.device_list()
        known = [DeviceList.verify(contact.account_id, one) for one in self._row(turn, contact).settled]
        if pinned is None or pinned.head not in [one.head for one in known]:
            return []
        return [one for one in known if one.seq >= pinned.seq]

    def _row(self, turn: Turn, contact: Contact) -> ForkedLists:
        key = ForkedLists.key_of(contact.account_id)
        found = turn.read(self._state.rows, ForkedLists.TABLE, key)
        return ForkedLists(contact.account_id) if found is None else ForkedLists.decode(key, found)


def in_force(contact: Contact, accepted: DeviceList) -> DeviceList:
    """Return the list that stands once one was accepted: of one number the pinned one does, so that no list
    that was settled beside it brings a device back that was struck off (ID-52, ID-28).
    """
    pinned = contact.device_list()
    return accepted if pinned is None or pinned.seq != accepted.seq else pinned


def _leads_to(known: DeviceList, given: DeviceList) -> bool:
    try:
        identity.check_link(known.head, given)
    except E2eeError:
        return False
    return True
