"""What each column of the shared database holds, why it is kept, and how long (RLY-78)."""

from __future__ import annotations

from typing import Final

from .stored import (
    DIRECTORY,
    WITH_BLOB,
    Stored,
    blob_columns,
    mailbox_columns,
    message_columns,
    token_columns,
)

_WITH_MAILBOX: Final = "until the owner deletes the mailbox, or 400 days without use"
_WITH_MESSAGE: Final = "until acknowledged, or until all that arrived on its day has expired"
_SHORT: Final = "for a minute, acknowledged or not"
_SEEN: Final = "1 to 2 hours after the sending"

POSTGRES_MANIFEST: Final[dict[str, dict[str, Stored]]] = {
    "meta": {
        "name": Stored(
            "schema, system, timeline, table, lineage or seq_floor", "name of a setting", "for good"
        ),
        "value": Stored(
            "schema number; the server's identity; where numbers begin after a restore",
            "migrations; a copy that was put back is noticed",
            "for good",
        ),
    },
    "mailbox": {
        **mailbox_columns(_WITH_MAILBOX),
        "last_seq": Stored(
            "highest number given; its upper bits are a day, it begins at the time of creation",
            "order over all nodes; tells how many messages there have been on its day",
            _WITH_MAILBOX,
        ),
        "held": Stored("messages held, or a few more", "quota", _WITH_MAILBOX),
        "held_b": Stored("their bytes, or a few more", "quota", _WITH_MAILBOX),
        "cleared_seq": Stored(
            "highest number when the mailbox was last empty",
            "days without a message of it are not searched",
            _WITH_MAILBOX,
        ),
        "subscription_no": Stored(
            "number of the newest subscription; begins at the time of creation",
            "a newer one ends older ones; tells how often the owner has subscribed",
            _WITH_MAILBOX,
        ),
        "subscriber": Stored(
            "random name of the node that delivers", "it is woken", "until the owner has gone"
        ),
    },
    "token": token_columns("mailbox"),
    "message": {
        "mailbox": Stored("the mailbox", "who gets it", _WITH_MESSAGE),
        "seq": Stored(
            "number within the mailbox, the day of arrival in its upper bits",
            "order and acknowledgement; the day is the partition that is dropped",
            _WITH_MESSAGE,
        ),
        "msg_id": Stored("random id chosen by the sender", "told to the owner", _WITH_MESSAGE),
        **message_columns(_WITH_MESSAGE, "it is not delivered after"),
    },
    "short_lived": {
        "mailbox": Stored("the mailbox", "whose message it is", _SHORT),
        "seq": Stored("number of a message of the short class", "which message it is", _SHORT),
        "expires_ms": Stored("end of its time, exact", "it is deleted then, before its day is over", _SHORT),
    },
    "seen": {
        "mailbox": Stored("the mailbox", "ids are compared within it", _SEEN),
        "msg_id": Stored(
            "id of a message that was sent",
            "a sender that missed the answer and repeats is answered OK, and nothing is delivered twice",
            _SEEN,
        ),
        "until_hour": Stored("full hour at which it is forgotten", "the partition is dropped", _SEEN),
    },
    "blob": {
        **blob_columns("blob", "mailbox"),
        "next": Stored("number of parts that are there", "an upload goes on there", WITH_BLOB),
    },
    "blob_part": {
        "blob": Stored("the blob", "whose part it is", WITH_BLOB),
        "index": Stored("place in it", "order", WITH_BLOB),
        "part": Stored("up to 64 KiB of it, sealed", "what its readers come for", WITH_BLOB),
    },
    **DIRECTORY,
    "blocked": {
        "subject": Stored(
            "mailbox or account that the operator blocked", "it is not served", "until unblocked"
        ),
    },
}

POSTGRES_INTRODUCTION: Final = """
# What several nodes store in one database

Where `store` names a PostgreSQL database, these tables in its schema `sealroom` take the place of all of the
above; nothing is kept in files of the nodes. Beyond the tables: the server's write-ahead log and its archives
repeat every change for as long as you keep them; the server reuses pages of deleted rows without overwriting
them before, and drops a day's messages as a whole (`message_<day>`, `seen_<hour>`). Notifications pass
through the server's memory: hashes of mailboxes, and ephemeral messages, sealed.
"""
