"""The storage manifest: each table and column of the schema, what it is, why it is stored, and how long."""

from __future__ import annotations

from typing import Final

from .postgres_manifest import POSTGRES_INTRODUCTION, POSTGRES_MANIFEST
from .sqlite_schema import SCHEMA_VERSION
from .stored import (
    DIRECTORY,
    WITH_BLOB,
    Stored,
    blob_columns,
    mailbox_columns,
    message_columns,
    token_columns,
)

_WITH_MAILBOX: Final = "until the mailbox is deleted, purged or abandoned (400 days without use)"
_WITH_MESSAGE: Final = "until acknowledged, or expired (30 days, or 60 seconds for the short class)"
_WITH_ID: Final = "1 to 2 hours after the message came"

_MESSAGE: Final = {
    "row_id": Stored("running number", "order; tells the order of arrival over all mailboxes", _WITH_MESSAGE),
    "mailbox_no": Stored("the mailbox", "who gets it", _WITH_MESSAGE),
    "seq": Stored("number within the mailbox", "order and acknowledgement", _WITH_MESSAGE),
    "msg_id": Stored("random id chosen by the sender", "a repeated send is stored once", _WITH_MESSAGE),
    **message_columns(_WITH_MESSAGE, "it is deleted then"),
}
MANIFEST: Final[dict[str, dict[str, Stored]]] = {
    "meta": {
        "name": Stored(
            "name of a figure: instance, previous_instance, generation, handed_out, clock",
            "to find the value",
            "for good",
        ),
        "value": Stored(
            "random names of the last start and of the one that the mark named before, number of starts,"
            " count of one-time keys handed out, full hour of the last sweep",
            "a restored older copy is found out and burns its one-time keys; numbers are never given twice; a"
            " start with a wrong clock deletes nothing before its time",
            "for good",
        ),
    },
    "mailbox": {
        "no": Stored(
            "running number",
            "short reference inside the database; tells the order of creation",
            _WITH_MAILBOX,
        ),
        **mailbox_columns(_WITH_MAILBOX),
    },
    "token": token_columns("mailbox_no"),
    "message": _MESSAGE,
    "seen": {
        "row_id": Stored("running number", "the oldest is forgotten first", _WITH_ID),
        "mailbox_no": Stored("the mailbox", "ids are compared within it", _WITH_ID),
        "msg_id": Stored(
            "id of a message that has come",
            "a sender that missed the answer and repeats is answered OK, and nothing is stored twice",
            _WITH_ID,
        ),
        "until_hour": Stored("full hour at which it is forgotten", "it is deleted then", _WITH_ID),
    },
    "blob": {
        **blob_columns("key", "mailbox_no"),
        "is_whole": Stored("whether all parts are there", "only then it is handed out", WITH_BLOB),
    },
    **DIRECTORY,
    "purge_request": {
        "subject": Stored(
            "mailbox or account to remove, or `expire`", "the operator asked a running relay", "a few seconds"
        ),
        "kind": Stored("mailbox, account or expire", "what the subject is", "a few seconds"),
    },
}

_INTRODUCTION: Final = """# What the relay stores

Made from the schema by `sealroom-relay manifest`; a test compares both. Schema {version}.

Not stored anywhere: who sends (sends are not authenticated), client addresses, content, names, anything about
a customer beyond a random mailbox. Periods are the defaults; `retention_s`, `remembered_s`,
`blob_retention_s`, `blob_unfinished_s` and `abandoned_s` set them.

Beside the database `relay.db` (with `relay.db-wal` and `relay.db-shm` while the relay runs) lie
`relay.mark`, 48 bytes that repeat the table `meta`, the empty `relay.lock`, once the operator has
blocked somebody, `relay.blocked`: the ids of blocked mailboxes and accounts, until unblocked; once a
backup was put back, `relay.db.old`: the database of before, until the operator deletes it; while one is
put back, `relay.db.new`: its copy, until the next start where `restore` was killed; once somebody has put
a blob, `relay.blobs`: a file of sealed parts for each row of the table `blob`, deleted with it and
not overwritten; and, while the disk is ample, `relay.spare`: no content, a sixth of `disk_reserve_b` for
deletions on a full disk. Deleted bytes are overwritten in the database (`secure_delete`) and gone from the
write-ahead log after the next checkpoint: one idle second, at most a minute under load. File systems and
solid-state disks may keep older copies of blocks; that is beyond the relay, encrypt the disk.
"""


def render_manifest() -> str:
    """Return the manifest as Markdown, for both kinds of database."""
    parts = [_INTRODUCTION.format(version=SCHEMA_VERSION), *_tables(MANIFEST)]
    return "".join([*parts, POSTGRES_INTRODUCTION, *_tables(POSTGRES_MANIFEST)])


def _tables(manifest: dict[str, dict[str, Stored]]) -> list[str]:
    parts: list[str] = []
    for table, columns in manifest.items():
        parts.append(f"\n## {table}\n\n| Column | What | Why | How long |\n| --- | --- | --- | --- |\n")
        parts += [f"| {name} | {one.what} | {one.why} | {one.how_long} |\n" for name, one in columns.items()]
    return parts
