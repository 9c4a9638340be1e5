"""One group of operations on the shared database: mailboxes, rights and messages, in one transaction.

The lock on a mailbox's row makes its numbers ascend in the order of commits, over all nodes: nobody sees a
number before all lower ones are there. Every group takes its locks in ascending order of mailboxes, so that
two nodes never wait for each other (RLY-104). A group of sends and acknowledgements takes two round trips:
what is asked in each is sent at once (pipeline).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, LiteralString, TypeAlias

import psycopg

from e2ee_relay.protocol import Ack, Send, TokenAdd, token_hash

from .api import (
    HOUR_MS,
    Box,
    Close,
    Fresh,
    HeldMessage,
    Op,
    Opened,
    Page,
    Read,
)
from .postgres_group import Aftermath, Context, Displacement, Interrupted, Mine, mailboxes_named
from .postgres_rows import erase_mailbox
from .postgres_upkeep import day_floor, day_of_seq, seq_floor_at

# What the column holds; a higher number of an acknowledgement is not held (RLY-37).
_MOST_SEQ: Final = (1 << 63) - 1
_ROW: Final = (
    "SELECT mailbox, owner_pub, used_day, last_seq, held, held_b, subscriber, subscription_no, cleared_seq"
    " FROM mailbox WHERE mailbox = ANY(%b::bytea[])"
)
_LOCK: Final = _ROW + " ORDER BY mailbox FOR NO KEY UPDATE"
_RIGHTS: Final = (
    "SELECT mailbox || token_hash, token_class"
    " FROM unnest(%b::bytea[], %b::bytea[]) AS asked(mailbox, token_hash)"
    " JOIN token USING (mailbox, token_hash)"
)
_PUBLISHED: Final = "SELECT DISTINCT mailbox FROM device WHERE mailbox = ANY(%b::bytea[])"
_TOKENS: Final = "SELECT mailbox, count(*) FROM token WHERE mailbox = ANY(%b::bytea[]) GROUP BY mailbox"
_SEEN: Final = (
    "SELECT mailbox || msg_id FROM unnest(%b::bytea[], %b::bytea[]) AS asked(mailbox, msg_id)"
    " JOIN seen USING (mailbox, msg_id) WHERE until_hour > %b"
)
# The owner's key guards the deletion; the bounds leave out the days that no number is of. Behind OFFSET each
# number is looked up by the whole key: joined otherwise, all messages of its mailbox may be looked at.
_DELETE: Final = (
    "DELETE FROM message USING (SELECT gone.mailbox, gone.seq"
    "  FROM unnest(%b::bytea[], %b::bigint[], %b::bytea[]) AS gone(mailbox, seq, owner_pub)"
    "  JOIN mailbox USING (mailbox) WHERE mailbox.owner_pub = gone.owner_pub OFFSET 0) AS gone"
    " WHERE message.mailbox = gone.mailbox AND message.seq = gone.seq AND message.seq BETWEEN %b AND %b"
    " RETURNING message.mailbox, message.seq, octet_length(body)"
)
_DELETE_EXPIRED: Final = "DELETE FROM message WHERE mailbox = ANY(%b::bytea[]) AND expires_ms <= %b"
_HELD: Final = (
    "SELECT mailbox, count(*), sum(octet_length(body))::bigint FROM message"
    " WHERE mailbox = ANY(%b::bytea[]) GROUP BY mailbox"
)
_INSERT: Final = (
    "INSERT INTO message (mailbox, seq, msg_id, expires_ms, received_ms, body)"
    " SELECT * FROM unnest(%b::bytea[], %b::bigint[], %b::bytea[], %b::bigint[], %b::bigint[], %b::bytea[])"
)
_INSERT_SEEN: Final = (
    "INSERT INTO seen (mailbox, msg_id, until_hour) SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::int[])"
)
_INSERT_SHORT: Final = (
    "INSERT INTO short_lived (mailbox, seq, expires_ms)"
    " SELECT * FROM unnest(%b::bytea[], %b::bigint[], %b::bigint[])"
)
_COUNT: Final = (
    "UPDATE mailbox SET last_seq = now.last_seq, held = now.held, held_b = now.held_b,"
    " cleared_seq = now.cleared_seq"
    " FROM unnest(%b::bytea[], %b::bigint[], %b::int[], %b::bigint[], %b::bigint[])"
    " AS now(mailbox, last_seq, held, held_b, cleared_seq) WHERE mailbox.mailbox = now.mailbox"
)
_CREATE: Final = (
    "INSERT INTO mailbox (mailbox, owner_pub, used_day, last_seq, subscription_no)"
    " SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::int[], %b::bigint[], %b::bigint[])"
    " ON CONFLICT (mailbox) DO NOTHING RETURNING 1"
)
_GRANT: Final = (
    "INSERT INTO token (mailbox, token_hash, token_class) SELECT %b, token_hash, %b"
    " FROM unnest(%b::bytea[]) AS token_hash"
    " ON CONFLICT (mailbox, token_hash) DO UPDATE SET token_class = excluded.token_class"
)
_REVOKE: Final = "DELETE FROM token WHERE mailbox = %b AND token_hash = ANY(%b::bytea[])"
_OPEN: Final = (
    "UPDATE mailbox SET subscriber = %b, subscription_no = now.no FROM unnest(%b::bytea[], %b::bigint[])"
    " AS now(mailbox, no) WHERE mailbox.mailbox = now.mailbox"
)
_CLOSE: Final = "UPDATE mailbox SET subscriber = NULL WHERE mailbox = %b AND subscription_no = %b"
# The inner limit bounds what is looked at, the sum what is sent: rows that begin before `most_b`, always one.
_PAGES: Final = (
    "SELECT asked.place, q.seq, q.msg_id, q.body, q.received_ms, q.expires_ms"
    " FROM unnest(%b::bytea[], %b::text[], %b::int[], %b::bigint[]) WITH ORDINALITY"
    " AS asked(mailbox, in_flight, most, most_b, place) CROSS JOIN LATERAL ("
    "  SELECT *, sum(octet_length(body)) OVER (ORDER BY seq) - octet_length(body) AS before_b FROM ("
    "   SELECT seq, msg_id, body, received_ms, expires_ms FROM message"
    "   WHERE message.mailbox = asked.mailbox AND seq > %b AND expires_ms > %b"
    "   AND seq <> ALL(asked.in_flight::bigint[]) ORDER BY seq LIMIT asked.most) AS oldest) AS q"
    " WHERE q.before_b < asked.most_b ORDER BY asked.place, q.seq"
)
# Mailboxes with hashes of tokens.
_Pairs: TypeAlias = list[tuple[bytes, bytes]]


class MailboxGroup:
    """A view of mailboxes (`api.MailboxView`): read ahead for a group, written when all is decided."""

    has_room = True  # the database's disk is watched where it is

    def __init__(self, db: psycopg.Connection, ops: Sequence[Op], context: Context, *, locks: bool) -> None:
        self.db = db
        self.ops = ops
        self.context = context
        self.limits = context.limits
        self.blocked = context.blocked
        self.skew_ms = context.skew_ms
        self.aftermath = Aftermath([], {})
        self._locks = locks
        self._boxes: dict[bytes, Box | None] = {}
        self._written_to: set[bytes] = set()
        self._rights: dict[bytes, int] = {}
        self._tokens: dict[bytes, int] = {}  # how many a mailbox has
        self._published: dict[bytes, bool] = {}
        self._seen: set[bytes] = set()
        self._gone: dict[tuple[bytes, int], int] = {}  # deleted by acknowledgements: size by mailbox and seq
        self._created: list[Box] = []
        self._changed: dict[bytes, Box] = {}
        self._puts: list[tuple[Fresh, int]] = []
        self._opened: dict[bytes, int] = {}
        self._closed: list[Close] = []
        self._reads: list[tuple[Op, Read]] = []

    def ask(self, query: LiteralString, values: Sequence[object]) -> psycopg.Cursor[tuple[Any, ...]]:
        """Send a statement with binary results; they are waited for when they are fetched."""
        return self.db.cursor(binary=True).execute(query, values)

    # --- first round trip ---

    def read_ahead(self) -> None:
        """Lock the mailboxes, then look up rights and ids: the locks guard what is read after them."""
        sends = [(item.mailbox, token_hash(item.token), item.msg_id)
                 for op in self.ops if isinstance(op.request, Send) for item in op.request.items]  # fmt: skip
        adding = [op.request for op in self.ops if isinstance(op.request, TokenAdd)]
        pairs = [(one[0], one[1]) for one in sends]
        pairs += [(one.mailbox, hashed) for one in adding for hashed in one.token_hashes]
        named = sorted(mailboxes_named(self.ops))
        self._written_to = {one[0] for one in sends}
        boxes = self.ask(_LOCK if self._locks else _ROW, [named]) if named else None
        rights = self._ask_rights(pairs)
        tokens = self.ask(_TOKENS, [[one.mailbox for one in adding]]) if adding else None
        hour = self.context.now_ms // HOUR_MS
        seen = (
            self.ask(_SEEN, [[one[0] for one in sends], [one[2] for one in sends], hour]) if sends else None
        )
        gone = self._delete_acknowledged()
        self._boxes = dict.fromkeys(named)
        self._keep_boxes(boxes)
        self._keep_rights(pairs, rights)
        self._tokens = dict(tokens.fetchall()) if tokens is not None else {}
        self._seen = {row[0] for row in seen.fetchall()} if seen is not None else set()
        if gone is not None:
            self._gone = {(row[0], row[1]): row[2] for row in gone.fetchall()}
        self._count_again_where_full()

    def _ask_rights(self, pairs: _Pairs) -> psycopg.Cursor[tuple[Any, ...]] | None:
        return self.ask(_RIGHTS, [[one[0] for one in pairs], [one[1] for one in pairs]]) if pairs else None

    def _keep_rights(self, pairs: _Pairs, found: psycopg.Cursor[tuple[Any, ...]] | None) -> None:
        self._rights.update(dict.fromkeys([mailbox + hashed for mailbox, hashed in pairs], 0))
        self._rights.update(found.fetchall() if found is not None else ())

    def _read_rights(self, pairs: _Pairs) -> None:
        self._keep_rights(pairs, self._ask_rights(pairs))

    def _keep_boxes(self, found: psycopg.Cursor[tuple[Any, ...]] | None) -> None:
        # Numbers of a day begin above those of all days before: a number tells its partition.
        floor = max(day_floor(self.context.now_ms), self.context.seq_floor)
        for address, owner_pub, used_day, last_seq, held, held_b, node, no, cleared in (
            found.fetchall() if found is not None else ()
        ):
            if address in self._written_to and last_seq < floor:
                last_seq = floor
            box = self._boxes[address] = Box(address, owner_pub, used_day, last_seq)
            box.held, box.held_b = held, held_b
            box.subscriber = "" if node is None else node.hex()
            box.mine = Mine(no, cleared)

    def _delete_acknowledged(self) -> psycopg.Cursor[tuple[Any, ...]] | None:
        """Delete what acknowledgements name, under the conditions of the rules (`rules.owned_box`)."""
        mailboxes: list[bytes] = []
        seqs: list[int] = []
        owners: list[bytes] = []
        for op in self.ops:
            ack = op.request
            owner_pub = op.peer.owned.get(ack.mailbox) if isinstance(ack, Ack) else None
            if not isinstance(ack, Ack) or owner_pub is None or ack.mailbox in self.blocked:
                continue
            named = [seq for seq in ack.seqs if seq <= _MOST_SEQ]
            mailboxes += [ack.mailbox] * len(named)
            seqs += named
            owners += [owner_pub] * len(named)
        return self.ask(_DELETE, [mailboxes, seqs, owners, min(seqs), max(seqs)]) if seqs else None

    def _count_again_where_full(self) -> None:
        """Count anew where a quota may refuse: dropped days leave the counts too high, never too low."""
        coming: dict[bytes, list[int]] = {}
        for op in self.ops:
            for item in op.request.items if isinstance(op.request, Send) else ():
                coming.setdefault(item.mailbox, []).append(len(item.body))
        policy = self.context.policy
        boxes = {address: box for address in coming if (box := self._boxes[address]) is not None}

        def beyond(messages: int, octets: int) -> list[bytes]:
            return [
                address
                for address, box in boxes.items()
                if box.held + len(coming[address]) > messages or box.held_b + sum(coming[address]) > octets
            ]

        usual, published = beyond(policy.quota_messages, policy.quota_b), beyond(*policy.published_quota)
        self._look_for_published(usual)
        # One that is published, and within its own quota, is not counted with each of its messages.
        full = {one: boxes[one] for one in usual if not self._published[one] or one in published}
        if full:
            self.ask(_DELETE_EXPIRED, [sorted(full), self.context.now_ms])
            found = {row[0]: (row[1], row[2]) for row in self.ask(_HELD, [sorted(full)]).fetchall()}
            # What this group has deleted is counted out when the rules take it.
            gone: dict[bytes, list[int]] = {}
            for (address, _), size_b in self._gone.items():
                gone.setdefault(address, []).append(size_b)
            for address, box in full.items():
                held, held_b = found.get(address, (0, 0))
                box.held, box.held_b = held + len(gone.get(address, ())), held_b + sum(gone.get(address, ()))
                self._changed[address] = box

    def partitions(self) -> tuple[set[int], set[int]]:
        """Days and hours of what is to be written."""
        return {day_of_seq(fresh.seq) for fresh, _ in self._puts}, {hour for _, hour in self._puts}

    # --- the view ---

    def box(self, address: bytes) -> Box | None:
        """Return a mailbox; one that was not read ahead is looked up, without a lock."""
        if address not in self._boxes:
            self._boxes[address] = None
            self._keep_boxes(self.ask(_ROW, [[address]]))
        return self._boxes[address]

    def right(self, address: bytes, hashed: bytes) -> int:
        """Return the class of a token; one that was not read ahead is looked up."""
        if address + hashed not in self._rights:
            self._read_rights([(address, hashed)])
        return self._rights[address + hashed]

    def knows(self, address: bytes, msg_id: bytes) -> bool:
        return address + msg_id in self._seen

    def is_published(self, address: bytes) -> bool:
        """Tell whether an entry names this mailbox; looked up where the usual quota is not enough."""
        if address not in self._published:
            self._look_for_published([address])
        return self._published[address]

    def _look_for_published(self, addresses: list[bytes]) -> None:
        self._published.update(dict.fromkeys(addresses, False))
        named = self.ask(_PUBLISHED, [addresses]) if addresses else None
        self._published.update({row[0]: True for row in named.fetchall()} if named is not None else {})

    def put(self, fresh: Fresh, until_hour: int) -> None:
        self._puts.append((fresh, until_hour))
        self._seen.add(fresh.box.address + fresh.msg_id)
        self._changed[fresh.box.address] = fresh.box

    def take(self, box: Box, seq: int) -> int:
        """Return the size of a message that was deleted ahead."""
        size_b = self._gone.pop((box.address, seq), 0)
        if size_b:
            self._changed[box.address] = box
        return size_b

    def create(self, box: Box) -> None:
        """Store a new mailbox: its numbers begin at this time, so that one made anew repeats none."""
        now_ms = self.context.now_ms
        box.last_seq = max(seq_floor_at(now_ms), self.context.seq_floor)
        box.mine = Mine(now_ms, box.last_seq)
        self._boxes[box.address] = box
        self._created.append(box)

    def count_tokens(self, box: Box, hashes: tuple[bytes, ...]) -> tuple[int, int]:
        keys = {box.address + hashed for hashed in hashes}
        return self._tokens.get(box.address, 0), sum(not self._rights.get(key) for key in keys)

    def grant(self, box: Box, hashes: tuple[bytes, ...], token_class: int) -> None:
        self._tokens[box.address] = sum(self.count_tokens(box, hashes))
        self._rights.update(dict.fromkeys([box.address + hashed for hashed in hashes], token_class))
        self._write_created()
        self.ask(_GRANT, [box.address, token_class, sorted(set(hashes))])

    def revoke(self, box: Box, hashes: tuple[bytes, ...]) -> None:
        """Admit them no longer: transactions that begin later refuse them, on every node (RLY-106)."""
        for key in [box.address + hashed for hashed in hashes]:
            if self._rights.get(key):
                self._tokens[box.address] = self._tokens.get(box.address, 1) - 1
            self._rights[key] = 0
        self.ask(_REVOKE, [box.address, list(hashes)])

    def drop(self, box: Box) -> None:
        """Remove a mailbox and what hangs on it, also what this group has decided to write."""
        self._write_created()
        erase_mailbox(self.db, box.address)
        self._boxes[box.address] = None
        self._changed.pop(box.address, None)
        self._opened.pop(box.address, None)
        self._tokens.pop(box.address, None)
        self._puts = [put for put in self._puts if put[0].box is not box]
        # One of the same name that this group makes is another.
        self._seen = {one for one in self._seen if not one.startswith(box.address)}
        self._rights.update((one, 0) for one in list(self._rights) if one.startswith(box.address))

    def touch(self, box: Box, day: int) -> None:
        """Note the day of use; it is written by itself, so that nobody waits for a mailbox in use."""
        box.used_day = day
        self.aftermath.touched[box.address] = day

    def open(self, box: Box) -> Opened:
        """Have this node deliver a mailbox; the node that did before is told after the commit (RLY-107)."""
        box.mine.subscription_no += 1
        no = self._opened[box.address] = box.mine.subscription_no
        if box.subscriber not in ("", self.context.node):
            self.aftermath.displaced.append(Displacement(box.subscriber, box.address, no))
        box.subscriber = self.context.node
        return Opened(box.address, box.last_seq, no)

    def close(self, close: Close) -> None:
        """Have nobody deliver a mailbox, unless a newer subscription does."""
        self._closed.append(close)

    def read(self, op: Op, read: Read, now_ms: int) -> None:
        """Take the oldest messages that are not in flight, with those of the group's other reads."""
        op.result = Page((), is_drained=True)
        box = self.box(read.mailbox)
        # A mailbox is empty when its count says so: counts may be too high, never too low.
        if box is not None and box.held:
            self._reads.append((op, read))

    # --- second round trip ---

    def write(self) -> None:
        """Write what was decided; the transaction's end commits it.

        Raises:
            Interrupted: another node has made one of the mailboxes.
        """
        self._write_created()
        if self._puts:
            self._write_messages()
        changed = [self._changed[address] for address in sorted(self._changed)]
        if changed:
            for box in changed:
                if not box.held:
                    box.mine.cleared_seq = box.last_seq
            self.ask(
                _COUNT,
                [[box.address for box in changed], [box.last_seq for box in changed],
                 [box.held for box in changed], [box.held_b for box in changed],
                 [box.mine.cleared_seq for box in changed]],
            )  # fmt: skip
        if self._opened:
            node = bytes.fromhex(self.context.node)
            self.ask(_OPEN, [node, list(self._opened), list(self._opened.values())])
        for close in self._closed:
            self.ask(_CLOSE, [close.mailbox, close.no])
        self._read_pages()

    def _write_created(self) -> None:
        if not self._created:
            return
        made, self._created = self._created, []
        columns = [
            [box.address for box in made], [box.owner_pub for box in made], [box.used_day for box in made],
            [box.last_seq for box in made], [box.mine.subscription_no for box in made],
        ]  # fmt: skip
        if len(self.ask(_CREATE, columns).fetchall()) != len(made):
            raise Interrupted

    def _write_messages(self) -> None:
        puts = [fresh for fresh, _ in self._puts]
        mailboxes, ids = [one.box.address for one in puts], [one.msg_id for one in puts]
        self.ask(
            _INSERT,
            [mailboxes, [one.seq for one in puts], ids, [one.expires_ms for one in puts],
             [one.received_ms for one in puts], [one.body for one in puts]],
        )  # fmt: skip
        self.ask(_INSERT_SEEN, [mailboxes, ids, [hour for _, hour in self._puts]])
        short = [one for one in puts if one.expires_ms < self.context.now_ms + HOUR_MS]
        if short:
            columns = [[one.box.address for one in short], [one.seq for one in short]]
            self.ask(_INSERT_SHORT, [*columns, [one.expires_ms for one in short]])

    def _read_pages(self) -> None:
        """Read for many mailboxes in one statement; days that are empty for all of them are left out."""
        if not self._reads:
            return
        reads = [read for _, read in self._reads]
        cleared = [box.mine.cleared_seq for read in reads if (box := self._boxes[read.mailbox]) is not None]
        found = self.ask(
            _PAGES,
            [[read.mailbox for read in reads],
             ["{" + ",".join(map(str, read.in_flight)) + "}" for read in reads],
             [read.most for read in reads], [read.most_b for read in reads],
             min(cleared), self.context.now_ms],
        )  # fmt: skip
        rows: dict[int, list[HeldMessage]] = {}
        for place, *columns in found.fetchall():
            rows.setdefault(place - 1, []).append(HeldMessage(*columns))
        for place, (op, read) in enumerate(self._reads):
            messages = rows.get(place, [])
            size_b = sum(len(one.body) for one in messages)
            op.result = Page(messages, is_drained=len(messages) < read.most and size_b < read.most_b)
