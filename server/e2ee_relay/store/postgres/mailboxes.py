"""Mailboxes, tokens and blocked ids in the shared database."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from e2ee_relay.store.shared import (
    DAY_MS,
    AddTokens,
    CreateMailbox,
    EraseMailbox,
    FindMailboxes,
    FindTokens,
    Gone,
    MailboxStanding,
    ReadBlocked,
    RevokeTokens,
    TokensFull,
    TokenStanding,
    UseMailbox,
)

from .prekeys import drop_prekeys_of

# Numbers of a mailbox begin at the time of its creation: one that is made anew under its id repeats none.
_SEQ_PER_MS_BITS = 16


def find_mailboxes(db: psycopg.Connection, change: FindMailboxes) -> dict[bytes, MailboxStanding]:
    """Return owner, day of use, highest number and subscription of those that exist."""
    rows = db.execute(
        "SELECT mailbox, owner_pub, used_day, last_seq, subscription_no FROM mailbox"
        " WHERE mailbox = ANY(%b::bytea[])",
        [list(change.addresses)],
    )
    return {row[0]: MailboxStanding(*row[1:]) for row in rows}


def create_mailbox(db: psycopg.Connection, change: CreateMailbox) -> bytes:
    """Make a mailbox unless it exists; return the owner key that it has (RLY-20)."""
    first = (change.now_ms << _SEQ_PER_MS_BITS, change.now_ms)
    db.execute(
        "INSERT INTO mailbox (mailbox, owner_pub, used_day, last_seq, subscription_no)"
        " VALUES (%b, %b, %b, %b, %b) ON CONFLICT (mailbox) DO NOTHING",
        [change.address, change.owner_pub, change.now_ms // DAY_MS, *first],
    )
    row = db.execute("SELECT owner_pub FROM mailbox WHERE mailbox = %b", [change.address]).fetchone()
    # Removed by its owner between the two statements: it is not there, and not this owner's.
    return b"" if row is None else bytes(row[0])


def use_mailbox(db: psycopg.Connection, change: UseMailbox) -> None:
    """Note the day of use (RLY-79)."""
    db.execute("UPDATE mailbox SET used_day = %b WHERE mailbox = %b", [change.used_day, change.address])


def erase_mailbox(db: psycopg.Connection, change: EraseMailbox) -> Gone | None:
    """Remove a mailbox, its messages, tokens and ids, and address and prekeys of its devices (RLY-27)."""
    with db.transaction():
        if not _lock(db, change.address, change.owner_pub):
            return Gone()
        devices = db.execute(
            "SELECT account_id, record_hash FROM device WHERE mailbox = %b ORDER BY account_id",
            [change.address],
        ).fetchall()
        accounts = sorted({bytes(row[0]) for row in devices})
        db.execute(
            "UPDATE account SET version = version + 1 WHERE account_id IN (SELECT account_id FROM account"
            " WHERE account_id = ANY(%b::bytea[]) ORDER BY account_id FOR UPDATE)",
            [accounts],
        )
        db.execute("UPDATE device SET address = NULL, mailbox = NULL WHERE mailbox = %b", [change.address])
        drop_prekeys_of(db, [bytes(row[1]) for row in devices])
        db.execute("DELETE FROM message WHERE mailbox = %b", [change.address])
        db.execute("DELETE FROM held_id WHERE mailbox = %b", [change.address])
        db.execute("DELETE FROM remembered WHERE mailbox = %b", [change.address])
        db.execute("DELETE FROM token WHERE mailbox = %b", [change.address])
        db.execute("DELETE FROM mailbox WHERE mailbox = %b", [change.address])
    return None


def add_tokens(db: psycopg.Connection, change: AddTokens) -> Gone | TokensFull | None:
    """Admit senders, at most so many (RLY-25)."""
    with db.transaction():
        if not _lock(db, change.address, change.owner_pub):
            return Gone()
        hashes = sorted(set(change.token_hashes))
        row = db.execute(
            "SELECT count(*) FROM token WHERE mailbox = %b AND token_hash <> ALL(%b::bytea[])",
            [change.address, hashes],
        ).fetchone()
        if row is not None and row[0] + len(hashes) > change.most:
            return TokensFull()
        db.execute(
            "INSERT INTO token (mailbox, token_hash, token_class)"
            " SELECT %b, token_hash, %b FROM unnest(%b::bytea[]) AS token_hash"
            " ON CONFLICT (mailbox, token_hash) DO UPDATE SET token_class = excluded.token_class",
            [change.address, change.token_class, hashes],
        )
    return None


def revoke_tokens(db: psycopg.Connection, change: RevokeTokens) -> Gone | None:
    """Admit them no longer: messages whose transaction begins later are refused on every node (RLY-106)."""
    with db.transaction():
        if not _lock(db, change.address, change.owner_pub):
            return Gone()
        db.execute(
            "DELETE FROM token WHERE mailbox = %b AND token_hash = ANY(%b::bytea[])",
            [change.address, list(change.token_hashes)],
        )
    return None


def find_tokens(db: psycopg.Connection, change: FindTokens) -> list[TokenStanding]:
    """Return class and delivering node of each pair; class 0 where mailbox or token are unknown."""
    found: Sequence[tuple[int, int, bytes | None]] = db.execute(
        "SELECT asked.place, token.token_class, mailbox.subscriber"
        " FROM unnest(%b::bytea[], %b::bytea[]) WITH ORDINALITY AS asked(mailbox, token_hash, place)"
        " JOIN token USING (mailbox, token_hash) JOIN mailbox USING (mailbox)",
        [[pair[0] for pair in change.pairs], [pair[1] for pair in change.pairs]],
    ).fetchall()
    standing = {place: TokenStanding(token_class, subscriber) for place, token_class, subscriber in found}
    return [standing.get(place, TokenStanding(0, None)) for place in range(1, len(change.pairs) + 1)]


def read_blocked(db: psycopg.Connection, _change: ReadBlocked) -> frozenset[bytes]:
    """Return the ids that the operator has blocked (RLY-86)."""
    return frozenset(bytes(row[0]) for row in db.execute("SELECT subject FROM blocked"))


def _lock(db: psycopg.Connection, address: bytes, owner_pub: bytes | None) -> bool:
    """Lock a mailbox until the transaction's end; tell whether it exists and has this owner."""
    row = db.execute("SELECT owner_pub FROM mailbox WHERE mailbox = %b FOR UPDATE", [address]).fetchone()
    return row is not None and owner_pub in (None, bytes(row[0]))
