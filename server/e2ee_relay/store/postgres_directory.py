"""Entries and prekeys of one group of operations on the shared database, in one transaction.

Whoever replaces an entry or takes prekeys first locks the account or device (`lock_directory`), over all
nodes. Keys are deleted in the transaction that hands them out, and leave the node after its commit (RLY-63).
"""

from __future__ import annotations

from collections.abc import Sequence

from e2ee_relay.protocol import PrekeysFetch, PrekeysUpload, Publish

from .api import DeviceStock, Stock, Stocks
from .directory import STOCK
from .postgres_mailboxes import MailboxGroup
from .postgres_rows import PostgresDirectory, lock_directory


class DirectoryGroup(MailboxGroup, PostgresDirectory):
    """A view of mailboxes, entries and prekeys (`api.DirectoryView`)."""

    def read_ahead(self) -> None:
        """Lock accounts and devices, then mailboxes; look at the stocks that are asked for."""
        requests = [op.request for op in self.ops]
        if self._locks:
            lock_directory(self.db, _to_lock(requests))
        super().read_ahead()
        asked = {one.mailbox for one in requests if isinstance(one, Stocks)}
        self._stocks: dict[bytes, list[DeviceStock]] = {one: [] for one in asked}
        query = f"SELECT mailbox, account_id, record_hash, {STOCK} FROM device WHERE mailbox = ANY(?)"  # noqa: S608 - ours
        for mailbox, account_id, record_hash, *stock in self.rows(query, sorted(asked)) if asked else ():
            self._stocks[mailbox].append(DeviceStock(mailbox, account_id, record_hash, Stock(*stock)))

    def stocks_of(self, mailbox: bytes) -> list[DeviceStock]:
        """Return the stocks behind a mailbox; all were read ahead."""
        return self._stocks[mailbox]


def _to_lock(requests: Sequence[object]) -> set[bytes]:
    accounts = {one.account_id for one in requests if isinstance(one, Publish)}
    return accounts | {one.record_hash for one in requests if isinstance(one, PrekeysUpload | PrekeysFetch)}
