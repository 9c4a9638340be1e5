"""Accounts that begin anew: what a statement says, and what becomes of the old contact (ID-13, ID-62)."""

from __future__ import annotations

from dataclasses import replace

from e2ee import identity, successor
from e2ee.errors import BadSignature, RemoteError
from e2ee.identity import DeviceList, Successor
from e2ee.ids import AccountId, SignPublic
from e2ee.secret import RecoveryKey
from e2ee_client.errors import ConfigError, ContactBlocked, ContactSucceeded, ListUnknown, SuccessorInvalid

from .part import Part
from .records import Contact, FirstRecovery
from .turn import Turn


class Successors(Part):
    """A statement moves nobody: a person has it followed, and may take that back by verifying the old one."""

    def sign(self, key: RecoveryKey, old: AccountId, now_ms: int) -> str:
        """Return the text by which an old account is followed by ours. No list judges the key: a thief of the
        old account's key may have signed the one that is known here. Those who read the statement decide.

        Raises:
            ConfigError: the old account is ours. DeviceReplacedError, SecondCopyError: this device does not
            act for our account any more.
        """
        own = self._state.own
        self._state.check_goes_on()
        if old == own.account_id:
            raise ConfigError("the account that is lost is this one")
        return successor.to_text(identity.sign_successor(key, old, own.account_id, now_ms))

    def read(self, text: str) -> Successor:
        """Verify a statement by the list of its old account that is pinned; nothing changes.

        Raises:
            SuccessorInvalid, UnknownContact. ListUnknown: no list is pinned yet.
        """
        try:
            signed = successor.parse(text)
            old = self._state.contact(successor.old_account(signed))
            return identity.verify_successor(self._list(old), signed)
        except BadSignature:
            raise SuccessorInvalid("not signed by the recovery key of the list that is known") from None
        except RemoteError as error:
            raise SuccessorInvalid(str(error)) from None

    def check(self, text: str, new: AccountId) -> Successor:
        """Return what a statement says that may be followed to the account of a card (ID-62).

        Raises:
            As `read`. SuccessorInvalid: the card is another account's. ConfigError: rooms are with it.
            ContactSucceeded: another one was followed. ContactBlocked: the new one is under an alarm.
        """
        found = self.read(text)
        if new != found.new_account_id:
            raise SuccessorInvalid("the contact card is of another account than the statement")
        old, known = self._state.contact(found.old_account_id), self._state.contacts.get(new)
        if self._context.rooms.index.of(old.account_id):
            raise ConfigError("rooms with an account do not go on with another one")
        if (known is None or not known.accepted) and old.alarm == ContactSucceeded.code:
            raise ContactSucceeded("this account was followed by another one already")
        if known is not None and known.alarm:
            raise ContactBlocked("the new account is under an alarm")
        return found

    def _list(self, contact: Contact) -> DeviceList:
        """Return the pinned list of a contact, with the recovery key that its first one has named (ID-64).

        Raises:
            ListUnknown: none is pinned yet.
        """
        pinned, key = contact.device_list(), FirstRecovery.key_of(contact.account_id)
        if pinned is None:
            raise ListUnknown("no device list of the old account is known here")
        row = self._state.rows.get(FirstRecovery.TABLE, key)
        if row is None:
            return pinned
        return replace(pinned, recovery_public=SignPublic(FirstRecovery.decode(key, row).recovery_public))

    def keep_key(self, turn: Turn, contact: Contact, before: DeviceList | None) -> None:
        """Keep the recovery key of the list before, where the pinned one names another or none (ID-64)."""
        pinned = contact.device_list()
        if before is None or pinned is None or before.recovery_public in (None, pinned.recovery_public):
            return
        key = FirstRecovery.key_of(contact.account_id)
        if turn.read(self._state.rows, FirstRecovery.TABLE, key) is None:
            turn.put(FirstRecovery(contact.account_id, before.recovery_public).put())

    def forget(self, turn: Turn, account_id: bytes) -> None:
        """Forget the key that was kept of a contact."""
        key = FirstRecovery.key_of(account_id)
        if turn.read(self._state.rows, FirstRecovery.TABLE, key) is not None:
            turn.delete(FirstRecovery.TABLE, key)

    def hold(self, turn: Turn, account_id: AccountId) -> None:
        """Send nothing more to an account that was followed, until a person verifies it (ID-62)."""
        old = self._state.contact(account_id)
        old.alarm = ContactSucceeded.code
        turn.put(old.put())
