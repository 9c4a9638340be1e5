"""What one node delivers of a shared database, and what nodes tell each other of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from .api import Close, Fresh, HandedOut, Listener, Op, Open, Refusal
from .postgres_group import Displacement
from .postgres_words import (
    BadWord,
    Ended,
    LowStock,
    Passing,
    Wake,
    Word,
    Words,
    decode_word,
    encode_word,
    mark_of,
    wake_words,
)

_STANDING: Final = "SELECT mailbox, last_seq, subscription_no FROM mailbox WHERE mailbox = ANY(%b::bytea[])"


@dataclass(slots=True, eq=False, repr=False)
class _Delivered:
    """A mailbox that this node delivers."""

    mailbox: bytes
    no: int
    seen_seq: int  # the node has been told of all up to this number


class Wakes:
    """All that this node delivers. In the event loop's thread."""

    def __init__(self, name: str, words: Words, node: Listener, low_prekeys: int) -> None:
        self._name = name
        self._words = words
        self._node = node
        self._low_prekeys = low_prekeys
        self._by_mailbox: dict[bytes, _Delivered] = {}
        self._by_mark: dict[bytes, _Delivered] = {}
        self._to_poll: list[_Delivered] = []

    # --- after a commit ---

    def note(self, ops: Iterable[Op]) -> None:
        """Take over which subscriptions have begun and ended."""
        for op in ops:
            if isinstance(op.request, Open) and not isinstance(op.result, Refusal):
                for one in op.result:
                    delivered = _Delivered(one.mailbox, one.no, one.last_seq)
                    self._by_mailbox[one.mailbox] = self._by_mark[mark_of(one.mailbox)] = delivered
            elif isinstance(op.request, Close):
                held = self._by_mailbox.get(op.request.mailbox)
                if held is not None and held.no <= op.request.no:
                    self._forget(held)

    def _forget(self, delivered: _Delivered) -> None:
        if self._by_mailbox.get(delivered.mailbox) is delivered:
            del self._by_mailbox[delivered.mailbox]
            del self._by_mark[mark_of(delivered.mailbox)]

    def tell_of(self, ops: Iterable[Op], displaced: Iterable[Displacement]) -> None:
        """Tell other nodes of messages for what they deliver, of what they deliver no longer, of stocks."""
        woken: dict[str, set[bytes]] = {}
        for op in ops:
            for fresh in op.fresh or ():
                node = fresh.box.subscriber
                if node == self._name:
                    self._note_seen(fresh)
                elif node and fresh.seq:
                    woken.setdefault(node, set()).add(fresh.box.address)
                elif node:
                    self._tell(node, Passing(mark_of(fresh.box.address), fresh.msg_id, fresh.body))
            if isinstance(op.result, HandedOut):
                self._tell_of_stock(op.result)
        for node, mailboxes in woken.items():
            for wake in wake_words(mailboxes):
                self._tell(node, wake)
        for one in displaced:
            self._tell(one.node, Ended(mark_of(one.mailbox), one.no))

    def _note_seen(self, fresh: Fresh) -> None:
        # Where others have stored messages before it, a word or the poll tells of those.
        delivered = self._by_mailbox.get(fresh.box.address)
        if delivered is not None and fresh.seq == delivered.seen_seq + 1:
            delivered.seen_seq = fresh.seq

    def _tell_of_stock(self, handed: HandedOut) -> None:
        node = handed.box.subscriber
        is_low = min(handed.left_x25519, handed.left_kem) < self._low_prekeys
        if node not in ("", self._name) and (is_low or handed.is_held_back):
            self._tell(node, LowStock(mark_of(handed.box.address), handed.is_held_back))

    def _tell(self, node: str, word: Word) -> None:
        self._words.tell(node, encode_word(word))

    # --- from other nodes ---

    def heard(self, data: bytes) -> None:
        """Take a word from another node; what is no word is passed over."""
        self._node.counters["words_heard"] += 1
        try:
            word = decode_word(data)
        except BadWord:
            self._node.counters["bad_words"] += 1
            return
        for mark in word.marks if isinstance(word, Wake) else (word.mark,):
            delivered = self._by_mark.get(mark)
            if delivered is not None:
                self._heed(word, delivered)

    def _heed(self, word: Word, delivered: _Delivered) -> None:
        mailbox = delivered.mailbox
        if isinstance(word, Wake):
            self._node.wake(mailbox)
        elif isinstance(word, Ended):
            self._end(delivered, word.no)
        elif isinstance(word, Passing):
            self._node.passing(mailbox, word.msg_id, word.body)
        else:
            self._node.low_stock(mailbox, is_held_back=word.is_held_back)

    def _end(self, delivered: _Delivered, no: int) -> None:
        if no > delivered.no:
            self._forget(delivered)
            self._node.displaced(delivered.mailbox, no)

    # --- the poll ---

    def next_part(self, polls: int) -> list[_Delivered]:
        """Return the next part of the subscriptions; each is in one of so many parts."""
        if not self._to_poll:
            self._to_poll = list(self._by_mailbox.values())
        most = -(-len(self._by_mailbox) // polls)
        part, self._to_poll = self._to_poll[:most], self._to_poll[most:]
        return part

    def polled(self, part: Sequence[_Delivered], rows: Iterable[tuple[bytes, int, int]]) -> None:
        """Do what a lost word would have told of (RLY-105, RLY-107)."""
        found = {mailbox: (last_seq, no) for mailbox, last_seq, no in rows}
        for one in part:
            if self._by_mailbox.get(one.mailbox) is not one:
                continue
            standing = found.get(one.mailbox)
            if standing is None:
                self.drop(one.mailbox)
            elif standing[1] != one.no:
                self._end(one, standing[1])
            elif standing[0] > one.seen_seq:
                one.seen_seq = standing[0]
                self._node.counters["found_by_poll"] += 1
                self._node.wake(one.mailbox)

    def drop(self, mailbox: bytes) -> None:
        """End what there is of a mailbox that is gone, or blocked."""
        delivered = self._by_mailbox.get(mailbox)
        if delivered is not None:
            self._forget(delivered)
            self._node.dropped(mailbox)


def ask_standing(db: psycopg.Connection, part: Sequence[_Delivered]) -> list[tuple[bytes, int, int]]:
    """Return highest number and newest subscription of mailboxes; what does not exist is missing."""
    rows = db.cursor(binary=True).execute(_STANDING, [[one.mailbox for one in part]]).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]
