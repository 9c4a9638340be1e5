"""What a node reads for delivery: all rows of a mailbox that are not in flight there.

Not "all rows after number n": what a failed acknowledgement left, or another node had in flight when it died,
is found like what is new (RLY-105). One statement reads for many mailboxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import psycopg

from e2ee_relay.store.shared import (
    CloseSubscription,
    Gone,
    Opened,
    OpenSubscriptions,
    Queue,
    QueueRow,
    ReadQueue,
)

_STANDING: Final = "SELECT mailbox, last_seq, subscription_no FROM mailbox WHERE mailbox = ANY(%b::bytea[])"
# The inner limit bounds what is looked at, the sum what is sent: rows that begin before `most_b`, always one.
_ROWS: Final = (
    "SELECT asked.place, q.seq, q.expires_day, q.msg_id, q.expires_ms, q.received_ms, q.body"
    " FROM unnest(%b::bytea[], %b::text[], %b::int[], %b::bigint[]) WITH ORDINALITY"
    " AS asked(mailbox, in_flight, most, most_b, place) CROSS JOIN LATERAL ("
    "  SELECT *, sum(octet_length(body)) OVER (ORDER BY seq) - octet_length(body) AS before_b FROM ("
    "   SELECT seq, expires_day, msg_id, expires_ms, received_ms, body FROM message"
    "   WHERE message.mailbox = asked.mailbox AND expires_ms > %b AND seq <> ALL(asked.in_flight::bigint[])"
    "   ORDER BY seq LIMIT asked.most) AS oldest) AS q"
    " WHERE q.before_b < asked.most_b ORDER BY asked.place, q.seq"
)


def read_queues(db: psycopg.Connection, changes: Sequence[ReadQueue]) -> list[Queue | Gone]:
    """Read for many mailboxes at once; the standing comes first, so that it claims nothing missing."""
    addresses = [change.address for change in changes]
    with db.pipeline():
        standing = db.cursor(binary=True).execute(_STANDING, [addresses])
        found = db.cursor(binary=True).execute(
            _ROWS,
            [
                addresses,
                ["{" + ",".join(map(str, change.in_flight)) + "}" for change in changes],
                [change.most for change in changes],
                [change.most_b for change in changes],
                max(change.now_ms for change in changes),
            ],
        )
        boxes = {row[0]: (int(row[1]), int(row[2])) for row in standing.fetchall()}
        rows: dict[int, list[QueueRow]] = {}
        for place, *columns in found.fetchall():
            rows.setdefault(place - 1, []).append(QueueRow(*columns))
    return [
        _queue(change, boxes.get(change.address), rows.get(place, [])) for place, change in enumerate(changes)
    ]


def _queue(change: ReadQueue, box: tuple[int, int] | None, rows: list[QueueRow]) -> Queue | Gone:
    if box is None:
        return Gone()
    last_seq, subscription_no = box
    size_b = sum(len(row.body) for row in rows)
    return Queue(
        rows=tuple(rows),
        last_seq=max(last_seq, rows[-1].seq if rows else 0),
        is_displaced=subscription_no != change.no,
        is_drained=len(rows) < change.most and size_b < change.most_b,
    )


def open_subscriptions(db: psycopg.Connection, change: OpenSubscriptions) -> list[Opened] | Gone:
    """Begin delivery on a node; whoever delivered before is told of it (RLY-107)."""
    owners = dict(change.owned)
    with db.transaction():
        locked = db.execute(
            "SELECT mailbox, owner_pub, subscriber FROM mailbox"
            " WHERE mailbox = ANY(%b::bytea[]) ORDER BY mailbox FOR NO KEY UPDATE",
            [sorted(owners)],
        ).fetchall()
        earlier = {row[0]: row[2] for row in locked if owners[row[0]] == row[1]}
        if len(earlier) != len(owners):
            return Gone()
        rows = db.execute(
            "UPDATE mailbox SET subscriber = %b, subscription_no = subscription_no + 1"
            " WHERE mailbox = ANY(%b::bytea[]) RETURNING mailbox, subscription_no, last_seq",
            [change.node, sorted(owners)],
        ).fetchall()
    opened = {row[0]: Opened(row[0], int(row[1]), int(row[2]), earlier[row[0]]) for row in rows}
    return [opened[address] for address, _ in change.owned]


def close_subscription(db: psycopg.Connection, change: CloseSubscription) -> None:
    """Nobody delivers any more, unless a newer subscription does."""
    db.execute(
        "UPDATE mailbox SET subscriber = NULL WHERE mailbox = %b AND subscription_no = %b",
        [change.address, change.no],
    )
