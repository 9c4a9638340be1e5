"""Messages of one group in one transaction: rows locked in the order of their mailboxes, judged, written.

The lock on a mailbox's row makes its numbers ascend in the order of commits, over all nodes: nobody sees a
number before all lower ones are there. Every group takes its locks in ascending order of mailboxes, so that
two nodes never wait for each other. Two round trips: what is asked in each is sent at once (pipeline).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString, TypeAlias

import psycopg

from e2ee_relay.store.shared import (
    HOUR_MS,
    Acknowledge,
    Acknowledged,
    FindKnown,
    Gone,
    Incoming,
    Outcome,
    StoreMessages,
    Verdict,
)

_LOCK: Final = (
    "SELECT mailbox, owner_pub, last_seq, held, held_b, subscriber FROM mailbox"
    " WHERE mailbox = ANY(%b::bytea[]) ORDER BY mailbox FOR NO KEY UPDATE"
)
_TOKENS: Final = (
    "SELECT asked.place, token.token_class"
    " FROM unnest(%b::bytea[], %b::bytea[]) WITH ORDINALITY AS asked(mailbox, token_hash, place)"
    " JOIN token USING (mailbox, token_hash)"
)
_KNOWN: Final = (
    "SELECT asked.place"
    " FROM unnest(%b::bytea[], %b::bytea[]) WITH ORDINALITY AS asked(mailbox, msg_id, place)"
    " WHERE EXISTS (SELECT FROM held_id"
    " WHERE held_id.mailbox = asked.mailbox AND held_id.msg_id = asked.msg_id)"
    " OR EXISTS (SELECT FROM remembered WHERE remembered.mailbox = asked.mailbox"
    " AND remembered.msg_id = asked.msg_id AND until_hour > %b)"
)
_DELETE_OF_DAY: Final = (
    "DELETE FROM message USING unnest(%b::bytea[], %b::bigint[]) AS gone(mailbox, seq)"
    " WHERE message.mailbox = gone.mailbox AND message.seq = gone.seq AND expires_day = %b"
    " RETURNING message.mailbox, message.seq, msg_id, octet_length(body)"
)
_DELETE_OF_ANY_DAY: Final = (
    "DELETE FROM message USING unnest(%b::bytea[], %b::bigint[]) AS gone(mailbox, seq)"
    " WHERE message.mailbox = gone.mailbox AND message.seq = gone.seq"
    " RETURNING message.mailbox, message.seq, msg_id, octet_length(body)"
)
_HELD: Final = (
    "SELECT mailbox, count(*), coalesce(sum(octet_length(body)), 0)::bigint FROM message"
    " WHERE mailbox = ANY(%b::bytea[]) AND expires_ms > %b GROUP BY mailbox"
)
_INSERT: Final = (
    "INSERT INTO message (mailbox, seq, expires_day, msg_id, expires_ms, received_ms, body)"
    " SELECT * FROM unnest(%b::bytea[], %b::bigint[], %b::int[], %b::bytea[], %b::bigint[], %b::bigint[],"
    " %b::bytea[])"
)
_INSERT_IDS: Final = (
    "INSERT INTO held_id (mailbox, msg_id, expires_day)"
    " SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::int[])"
)
_FORGET_IDS: Final = (
    "DELETE FROM held_id USING unnest(%b::bytea[], %b::bytea[]) AS gone(mailbox, msg_id)"
    " WHERE held_id.mailbox = gone.mailbox AND held_id.msg_id = gone.msg_id"
)
_REMEMBER: Final = (
    "INSERT INTO remembered (mailbox, msg_id, until_hour)"
    " SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::int[])"
)
_COUNT: Final = (
    "UPDATE mailbox SET last_seq = now.last_seq, held = now.held, held_b = now.held_b"
    " FROM unnest(%b::bytea[], %b::bigint[], %b::int[], %b::bigint[]) AS now(mailbox, last_seq, held, held_b)"
    " WHERE mailbox.mailbox = now.mailbox"
)
# Of a message whose day the node does not know: it acknowledges what another node has delivered.
ANY_DAY: Final = -1

Hot: TypeAlias = StoreMessages | Acknowledge
HotResult: TypeAlias = list[Outcome] | Acknowledged | Gone


@dataclass(slots=True)
class _Box:
    """A locked mailbox row."""

    owner_pub: bytes
    last_seq: int
    held: int
    held_b: int
    subscriber: bytes | None
    is_counted: bool = False


@dataclass(slots=True)
class _Deletions:
    """Rows that acknowledgements name, by the day of their partition."""

    by_day: dict[int, tuple[list[bytes], list[int]]]

    @classmethod
    def of(cls, changes: Sequence[Acknowledge]) -> _Deletions:
        by_day: dict[int, tuple[list[bytes], list[int]]] = {}
        for change in changes:
            for seq, day in change.seqs:
                mailboxes, seqs = by_day.setdefault(day, ([], []))
                mailboxes.append(change.address)
                seqs.append(seq)
        return cls(by_day)


def carry_out_group(db: psycopg.Connection, changes: Sequence[Hot], seq_floor: int) -> list[HotResult]:
    """Carry out messages and acknowledgements in one transaction; numbers are above `seq_floor` (RLY-104).

    Raises:
        psycopg.Error: nothing of it was done.
    """
    with db.pipeline(), db.transaction():
        group = _Group(db, changes, seq_floor)
        group.read()
        group.judge()
        group.write()
    return group.results()


def find_known(db: psycopg.Connection, change: FindKnown) -> set[tuple[bytes, bytes]]:
    """Return the pairs that are held or remembered."""
    columns = [list(column) for column in zip(*change.pairs, strict=True)]
    places = db.execute(_KNOWN, [*columns, change.now_ms // HOUR_MS])
    return {change.pairs[int(row[0]) - 1] for row in places}


class _Group:
    """One group on its way."""

    def __init__(self, db: psycopg.Connection, changes: Sequence[Hot], seq_floor: int) -> None:
        self._db = db
        self._changes = changes
        self._seq_floor = seq_floor
        self._items = [
            item for change in changes if isinstance(change, StoreMessages) for item in change.items
        ]
        self._acks = [change for change in changes if isinstance(change, Acknowledge)]
        self._now_ms = max((change.now_ms for change in changes), default=0)
        self._boxes: dict[bytes, _Box] = {}
        self._classes: dict[int, int] = {}
        self._known: set[int] = set()
        self._outcomes: list[Outcome] = []
        self._rows: list[tuple[int, Incoming]] = []
        self._gone: dict[bytes, dict[int, bytes]] = {}  # mailbox, seq, message id

    # --- first round trip ---

    def read(self) -> None:
        """Lock the mailboxes, then look up tokens and ids: the locks guard what is read after them."""
        named = {item.mailbox for item in self._items} | {ack.address for ack in self._acks}
        locked = self._fetch(_LOCK, [sorted(named)])
        mailboxes = [item.mailbox for item in self._items]
        if self._items:
            tokens = self._fetch(_TOKENS, [mailboxes, [item.token_hash for item in self._items]])
            ids = [item.msg_id for item in self._items]
            known = self._fetch(_KNOWN, [mailboxes, ids, self._now_ms // HOUR_MS])
            self._classes = {int(row[0]) - 1: int(row[1]) for row in tokens.fetchall()}
            self._known = {int(row[0]) - 1 for row in known.fetchall()}
        for row in locked.fetchall():
            self._boxes[row[0]] = _Box(row[1], max(row[2], self._seq_floor), row[3], row[4], row[5])

    def _fetch(self, query: LiteralString, values: list[object]) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._db.cursor(binary=True).execute(query, values)

    # --- judgement ---

    def judge(self) -> None:
        """Delete what is acknowledged, then decide on each item."""
        self._delete([ack for ack in self._acks if self._owns(ack)])
        self._decide()
        suspects = [box for box in self._over_quota() if not self._boxes[box].is_counted]
        if suspects:
            # Dropped partitions leave the count too high; nobody is refused for what is gone.
            self._count_again(suspects)
            self._decide()

    def _owns(self, ack: Acknowledge) -> bool:
        box = self._boxes.get(ack.address)
        return box is not None and box.owner_pub == ack.owner_pub

    def _delete(self, acks: Sequence[Acknowledge]) -> None:
        cursors = [
            self._fetch(_DELETE_OF_ANY_DAY, [mailboxes, seqs])
            if day == ANY_DAY
            else self._fetch(_DELETE_OF_DAY, [mailboxes, seqs, day])
            for day, (mailboxes, seqs) in _Deletions.of(acks).by_day.items()
        ]
        for cursor in cursors:
            for mailbox, seq, msg_id, size_b in cursor.fetchall():
                self._gone.setdefault(mailbox, {})[seq] = msg_id
                box = self._boxes[mailbox]
                box.held, box.held_b = max(0, box.held - 1), max(0, box.held_b - size_b)

    def _count_again(self, mailboxes: list[bytes]) -> None:
        found = {row[0]: row for row in self._fetch(_HELD, [mailboxes, self._now_ms]).fetchall()}
        for mailbox in mailboxes:
            box, row = self._boxes[mailbox], found.get(mailbox)
            box.held, box.held_b = (0, 0) if row is None else (row[1], row[2])
            box.is_counted = True

    def _over_quota(self) -> list[bytes]:
        pairs = zip(self._items, self._outcomes, strict=True)
        return sorted({item.mailbox for item, one in pairs if one.verdict is Verdict.OVER_QUOTA})

    def _decide(self) -> None:
        """Judge all items anew, from the boxes as they were read."""
        self._outcomes, self._rows = [], []
        added: dict[bytes, tuple[int, int]] = {}
        fresh: set[tuple[bytes, bytes]] = set()
        place = 0
        for change in self._changes:
            for item in change.items if isinstance(change, StoreMessages) else ():
                outcome = self._decide_one(change, place, item, added, fresh)
                self._outcomes.append(outcome)
                if outcome.verdict is Verdict.STORED:
                    self._rows.append((outcome.seq, item))
                    fresh.add((item.mailbox, item.msg_id))
                    count, size_b = added.get(item.mailbox, (0, 0))
                    added[item.mailbox] = (count + 1, size_b + len(item.body))
                place += 1

    def _decide_one(
        self,
        change: Hot,
        place: int,
        item: Incoming,
        added: dict[bytes, tuple[int, int]],
        fresh: set[tuple[bytes, bytes]],
    ) -> Outcome:
        box, token_class = self._boxes.get(item.mailbox), self._classes.get(place, 0)
        if box is None or not token_class or not isinstance(change, StoreMessages):
            return Outcome(Verdict.NO_RIGHT)
        if place in self._known or (item.mailbox, item.msg_id) in fresh:
            return Outcome(Verdict.KNOWN, token_class)
        count, size_b = added.get(item.mailbox, (0, 0))
        over_b = box.held_b + size_b + len(item.body) > change.quota_b
        if box.held + count >= change.quota_messages or over_b:
            return Outcome(Verdict.OVER_QUOTA, token_class)
        return Outcome(Verdict.STORED, token_class, box.last_seq + count + 1, box.subscriber)

    # --- second round trip ---

    def write(self) -> None:
        """Write what was decided; the transaction's end commits it."""
        if self._rows:
            items = [item for _, item in self._rows]
            mailboxes, ids = [item.mailbox for item in items], [item.msg_id for item in items]
            days = [item.expires_day for item in items]
            self._fetch(_INSERT, [
                mailboxes, [seq for seq, _ in self._rows], days, ids,
                [item.expires_ms for item in items], [item.received_ms for item in items],
                [item.body for item in items],
            ])  # fmt: skip
            self._fetch(_INSERT_IDS, [mailboxes, ids, days])
        self._remember()
        self._count()

    def _remember(self) -> None:
        until = {ack.address: ack.until_hour for ack in self._acks}
        gone = [(mailbox, msg_id) for mailbox, seqs in self._gone.items() for msg_id in seqs.values()]
        if gone:
            mailboxes, ids = [one[0] for one in gone], [one[1] for one in gone]
            self._fetch(_FORGET_IDS, [mailboxes, ids])
            self._fetch(_REMEMBER, [mailboxes, ids, [until[mailbox] for mailbox in mailboxes]])

    def _count(self) -> None:
        for seq, item in self._rows:
            box = self._boxes[item.mailbox]
            box.last_seq, box.held, box.held_b = seq, box.held + 1, box.held_b + len(item.body)
        changed = sorted({item.mailbox for _, item in self._rows} | self._gone.keys())
        if changed:
            boxes = [self._boxes[mailbox] for mailbox in changed]
            figures = [
                [box.last_seq for box in boxes],
                [box.held for box in boxes],
                [box.held_b for box in boxes],
            ]
            self._fetch(_COUNT, [changed, *figures])

    def results(self) -> list[HotResult]:
        """Return one result for each change, in order."""
        results: list[HotResult] = []
        taken = 0
        for change in self._changes:
            if isinstance(change, StoreMessages):
                results.append(self._outcomes[taken : taken + len(change.items)])
                taken += len(change.items)
            elif self._owns(change):
                gone = self._gone.get(change.address, {})
                results.append(Acknowledged(sum(seq in gone for seq in {seq for seq, _ in change.seqs})))
            else:
                results.append(Gone())
        return results
