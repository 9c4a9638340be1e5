"""All directory entries of a relay, found by account and by the mailboxes that their addresses name."""

from __future__ import annotations

from .entry import Device, Entry


class Entries:
    """Entries by account; whoever subscribes is found by mailbox, however many accounts there are."""

    def __init__(self) -> None:
        self._by_account: dict[bytes, Entry] = {}
        self._by_mailbox: dict[bytes, dict[bytes, None]] = {}  # accounts, in the order of publication

    def __len__(self) -> int:
        return len(self._by_account)

    def __contains__(self, account_id: bytes) -> bool:
        return account_id in self._by_account

    def get(self, account_id: bytes) -> Entry | None:
        """Return the entry of an account."""
        return self._by_account.get(account_id)

    def put(self, entry: Entry) -> None:
        """Put an entry in the place of the account's last one."""
        account_id = entry.head.account_id
        self.remove(account_id)
        self._by_account[account_id] = entry
        for mailbox in entry.mailboxes():
            self._by_mailbox.setdefault(mailbox, {})[account_id] = None

    def remove(self, account_id: bytes) -> None:
        """Forget the entry of an account, if there is one."""
        entry = self._by_account.pop(account_id, None)
        for mailbox in () if entry is None else entry.mailboxes():
            accounts = self._by_mailbox[mailbox]
            del accounts[account_id]
            if not accounts:
                del self._by_mailbox[mailbox]

    def devices_of(self, mailbox: bytes) -> list[tuple[Entry, Device]]:
        """Return the devices that are reached by this mailbox, with their entries."""
        entries = [self._by_account[account_id] for account_id in self._by_mailbox.get(mailbox, ())]
        return [(entry, device) for entry in entries for device in entry.devices if device.mailbox == mailbox]
