"""Directory entries in the shared database, replaced only by whoever has checked the latest version."""

from __future__ import annotations

import psycopg

from e2ee_relay.store.changes import DeviceRow, DropAccount, ListRow, ReadLists, ReadStock
from e2ee_relay.store.shared import DeviceStock, HeldEntry, Outdated, ReadDevices, ReadEntry, ReplaceEntry

from .prekeys import drop_prekeys_of, read_stock


def read_entry(db: psycopg.Connection, change: ReadEntry) -> HeldEntry:
    """Return version, head and devices as of one moment."""
    with db.transaction():
        db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        version = db.execute(
            "SELECT version FROM account WHERE account_id = %b", [change.account_id]
        ).fetchone()
        head = db.execute(
            "SELECT account_id, seq, signed_list FROM device_list WHERE account_id = %b"
            " ORDER BY seq DESC LIMIT 1",
            [change.account_id],
        ).fetchone()
        devices = db.execute(
            "SELECT account_id, record_hash, position, record, address FROM device"
            " WHERE account_id = %b ORDER BY position",
            [change.account_id],
        ).fetchall()
    return HeldEntry(
        version=0 if version is None else int(version[0]),
        head=None if head is None else ListRow(*head),
        devices=tuple(DeviceRow(*row) for row in devices),
    )


def replace_entry(db: psycopg.Connection, change: ReplaceEntry) -> Outdated | None:
    """Append lists and replace the devices; devices that are gone lose their prekeys."""
    account_id = change.account_id
    with db.transaction():
        if not _advance(db, account_id, change.version):
            return Outdated()
        with db.cursor() as cursor:
            cursor.executemany("INSERT INTO device_list VALUES (%b, %b, %b)", change.lists)
        kept = [row.record_hash for row, _ in change.devices]
        gone = db.execute(
            "SELECT record_hash FROM device WHERE account_id = %b AND record_hash <> ALL(%b::bytea[])",
            [account_id, kept],
        ).fetchall()
        drop_prekeys_of(db, [bytes(row[0]) for row in gone])
        db.execute("DELETE FROM device WHERE account_id = %b", [account_id])
        with db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO device (account_id, record_hash, position, record, address, mailbox)"
                " VALUES (%b, %b, %b, %b, %b, %b)",
                [(*row, mailbox) for row, mailbox in change.devices],
            )
    return None


def _advance(db: psycopg.Connection, account_id: bytes, version: int) -> bool:
    """Go to the next version if this one is the latest; the account stays locked until the commit."""
    if version == 0:
        query = "INSERT INTO account VALUES (%b, 1) ON CONFLICT (account_id) DO NOTHING"
        return db.execute(query, [account_id]).rowcount == 1
    query = "UPDATE account SET version = version + 1 WHERE account_id = %b AND version = %b"
    return db.execute(query, [account_id, version]).rowcount == 1


def drop_account(db: psycopg.Connection, change: DropAccount) -> None:
    """Remove an account with its lists, devices and prekeys."""
    account_id = change.account_id
    with db.transaction():
        db.execute("DELETE FROM account WHERE account_id = %b", [account_id])
        devices = db.execute("SELECT record_hash FROM device WHERE account_id = %b", [account_id]).fetchall()
        drop_prekeys_of(db, [bytes(row[0]) for row in devices])
        db.execute("DELETE FROM device WHERE account_id = %b", [account_id])
        db.execute("DELETE FROM device_list WHERE account_id = %b", [account_id])


def read_lists(db: psycopg.Connection, change: ReadLists) -> list[bytes]:
    """Return signed lists, ascending, at most so many (RLY-55)."""
    rows = db.execute(
        "SELECT signed_list FROM device_list WHERE account_id = %b AND seq > %b ORDER BY seq LIMIT %b",
        [change.account_id, change.after_seq, change.limit],
    )
    return [bytes(row[0]) for row in rows]


def read_devices(db: psycopg.Connection, change: ReadDevices) -> list[DeviceStock]:
    """Return the devices that are reached by mailboxes, with their stocks."""
    rows = db.execute(
        "SELECT mailbox, account_id, record_hash FROM device WHERE mailbox = ANY(%b::bytea[])"
        " ORDER BY mailbox, account_id, record_hash",
        [list(change.mailboxes)],
    ).fetchall()
    return [
        DeviceStock(mailbox, account_id, device, read_stock(db, ReadStock(device)))
        for mailbox, account_id, device in rows
    ]
