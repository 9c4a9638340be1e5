"""Entries and prekeys: tables that both databases have alike, read and written by the same statements.

A one-time key is taken as each database knows it. A statement has `?` in the place of each value. The
transaction is the store's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Any, Final, LiteralString

from e2ee_relay.entry import Entry, SignedList, entry_from_rows

from .api import ML_KEM_768, X25519, DeviceStock, PrekeyRow, Stock

OF_ACCOUNT: Final[tuple[LiteralString, ...]] = ("device_list", "entry", "device")
OF_DEVICE: Final[tuple[LiteralString, ...]] = ("prekey", "reusable_prekey", "prekey_mark")

_PREKEY: Final = ("record_hash", "key_type", "key_id", "not_after_ms", "signed_prekey")
_DEVICE: Final = ("record_hash", "account_id", "position", "record", "address", "mailbox", "slot")
# A list that was taken before may end later (RLY-265).
_PUT_DUE: Final = (
    "INSERT INTO entry VALUES (?, ?) ON CONFLICT (account_id)"
    " DO UPDATE SET due_day = excluded.due_day WHERE entry.due_day < excluded.due_day"
)
# All but the newest ones (RLY-259).
_FORGET_LISTS: Final = (
    "DELETE FROM device_list WHERE account_id = ? AND seq <= (SELECT seq FROM device_list"
    " WHERE account_id = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)"
)
# A `Stock`, by type: how many one-time keys, the highest id ever uploaded, the id of the reusable key.
_OF_TYPE: Final = "WHERE record_hash = device.record_hash AND key_type ="
STOCK: Final = ", ".join(
    f"({query} {_OF_TYPE} {key_type})"
    for query in (
        "SELECT count(*) FROM prekey",
        "SELECT coalesce(max(highest_id), 0) FROM prekey_mark",
        "SELECT key_id FROM reusable_prekey",
    )
    for key_type in (X25519, ML_KEM_768)
)


class DirectoryTables(ABC):
    """The part of a view that is about them (`api.DirectoryView`)."""

    @abstractmethod
    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Carry out a statement; return the rows that it finds."""

    @abstractmethod
    def run(self, statement: str, *values: object) -> None:
        """Carry out a statement that finds none."""

    @abstractmethod
    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]], key: str = ""
    ) -> None:
        """Add rows; where `key` names columns, one takes the place of that with the same values there."""

    # --- entries ---

    def entry(self, account_id: bytes) -> Entry | None:
        # The same look-ups where there is none (RLY-65).
        heads = self.rows(
            "SELECT signed_list FROM device_list WHERE account_id = ? ORDER BY seq DESC LIMIT 1", account_id
        )
        devices = self.rows(
            "SELECT record_hash, record, address, slot FROM device WHERE account_id = ? ORDER BY position",
            account_id,
        )
        return entry_from_rows(heads[0][0], devices) if heads else None

    def replace(self, entry: Entry, lists: Sequence[SignedList], most: int, due_day: int) -> None:
        account_id, devices = entry.head.account_id, entry.devices
        fresh = [(account_id, one.seq, one.encoded) for one in lists]
        self.insert("device_list", ("account_id", "seq", "signed_list"), fresh)
        self.run(_FORGET_LISTS, account_id, account_id, most)
        self.run(_PUT_DUE, account_id, due_day)
        self.drop_prekeys(self._devices(account_id) - {one.record_hash for one in devices})
        self.run("DELETE FROM device WHERE account_id = ?", account_id)
        rows = [
            (one.record_hash, account_id, position, one.record, one.address, one.mailbox, one.slot)
            for position, one in enumerate(devices)
        ]
        self.insert("device", _DEVICE, rows)

    def _devices(self, account_id: bytes) -> set[bytes]:
        return {
            row[0] for row in self.rows("SELECT record_hash FROM device WHERE account_id = ?", account_id)
        }

    def lists(self, account_id: bytes, after_seq: int, most: int) -> list[bytes]:
        query = "SELECT signed_list FROM device_list WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?"
        return [row[0] for row in self.rows(query, account_id, after_seq, most)]

    def devices_of(self, mailbox: bytes) -> list[tuple[bytes, bytes]]:
        rows = self.rows("SELECT account_id, record_hash FROM device WHERE mailbox = ?", mailbox)
        return [(account_id, record_hash) for account_id, record_hash in rows]

    def drop_account(self, account_id: bytes) -> None:
        self.drop_prekeys(self._devices(account_id))
        for table in OF_ACCOUNT:
            self.run(f"DELETE FROM {table} WHERE account_id = ?", account_id)  # noqa: S608 - fixed names

    def forget_mailbox(self, mailbox: bytes) -> None:
        """Remove address, slot and prekeys of the devices that a mailbox reached (RLY-27)."""
        named = {record_hash for _, record_hash in self.devices_of(mailbox)}
        self.run("UPDATE device SET address = NULL, mailbox = NULL, slot = NULL WHERE mailbox = ?", mailbox)
        self.drop_prekeys(named)

    # --- prekeys ---

    def stock(self, record_hash: bytes) -> Stock:
        return Stock(*self.rows(f"SELECT {STOCK} FROM (SELECT ? AS record_hash) AS device", record_hash)[0])  # noqa: S608 - ours

    def stocks_of(self, mailbox: bytes) -> list[DeviceStock]:
        query = f"SELECT account_id, record_hash, {STOCK} FROM device WHERE mailbox = ?"  # noqa: S608 - ours
        return [DeviceStock(mailbox, row[0], row[1], Stock(*row[2:])) for row in self.rows(query, mailbox)]

    def add_prekeys(
        self, record_hash: bytes, reusable: Sequence[PrekeyRow], one_time: Sequence[PrekeyRow]
    ) -> None:
        key = "record_hash, key_type"
        self.insert("reusable_prekey", _PREKEY, [(record_hash, *row) for row in reusable], key)
        self.insert("prekey", _PREKEY, [(record_hash, *row) for row in one_time])
        highest = {row.key_type: row.key_id for row in one_time}
        marks = [(record_hash, *mark) for mark in highest.items()]
        self.insert("prekey_mark", ("record_hash", "key_type", "highest_id"), marks, key)

    def reusable(self, record_hash: bytes, key_type: int, wall_ms: int) -> bytes | None:
        query = (
            "SELECT signed_prekey FROM reusable_prekey"
            " WHERE record_hash = ? AND key_type = ? AND not_after_ms > ?"
        )
        return next((row[0] for row in self.rows(query, record_hash, key_type, wall_ms)), None)

    def drop_prekeys(self, devices: Collection[bytes]) -> None:
        """Remove all prekeys of devices, the highest ids included."""
        for record_hash in devices:
            for table in OF_DEVICE:
                self.run(f"DELETE FROM {table} WHERE record_hash = ?", record_hash)  # noqa: S608 - fixed names


def put_in_place(columns: Sequence[str], key: str) -> str:
    """Return the end of an INSERT whose rows take the place of those with the same key."""
    changed = [f"{name} = excluded.{name}" for name in columns if name not in key.split(", ")]
    return f" ON CONFLICT ({key}) DO UPDATE SET {', '.join(changed)}" if key else ""
