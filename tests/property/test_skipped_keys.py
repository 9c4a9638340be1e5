"""Skipped keys against a plain dict (DR-12, DR-13, DR-16, DR-17, SES-14)."""

from __future__ import annotations

import hashlib
import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from parties import NOW_MS
from run_counts import count

from e2ee import snapshot
from e2ee.constants import MAX_SKIPPED_KEYS, SKIPPED_KEY_TTL_MS
from e2ee.ids import Tag
from e2ee.ratchet import skipped
from e2ee.ratchet.skipped import EMPTY, SkippedKeys
from e2ee.secret import HeaderKey, MessageKey

ANY = st.integers(0, 2**16)
SPAN_MS = st.sampled_from((0, 1, SKIPPED_KEY_TTL_MS // 3, SKIPPED_KEY_TTL_MS))


def header_key(number: int) -> HeaderKey:
    """The header key of a chain."""
    return HeaderKey(hashlib.sha256(b"chain %d" % number).digest())


def tag(number: int) -> Tag:
    """The tag of a chain."""
    return Tag(hashlib.sha256(b"tag %d" % number).digest()[:8])


class SkippedKeysMachine(RuleBasedStateMachine):
    """Chains follow one another, as in a ratchet; the model is a dict in the order of storing."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: SkippedKeys = EMPTY
        self.model: dict[tuple[int, int], tuple[bytes, int]] = {}
        self.before: SkippedKeys = EMPTY
        self.rows: dict[bytes, bytes] = {}
        self.chain = 0
        self.next_number = 0
        self.now_ms = NOW_MS

    @rule(count=st.sampled_from((0, 1, 2, 5, 40, 400)), opened=st.integers(1, 3))
    def pass_over(self, count: int, opened: int) -> None:
        """Store consecutive keys, and pass some numbers whose messages were opened at once."""
        first = self.next_number
        keys = [hashlib.sha256(b"%d %d" % (self.chain, first + at)).digest() for at in range(count)]
        if keys:
            self.keys = self.keys.with_keys(
                tag(self.chain), header_key(self.chain), first, [*map(MessageKey, keys)], self.now_ms
            )
        for number, key in enumerate(keys, first):
            self.model[self.chain, number] = key, self.now_ms
        self.next_number = first + count + opened
        self.trim()

    @rule()
    def turn(self) -> None:
        self.chain, self.next_number = self.chain + 1, 0

    @rule(span_ms=SPAN_MS)
    def pass_time(self, span_ms: int) -> None:
        self.now_ms += span_ms
        self.trim()

    def trim(self) -> None:
        """DR-16: first those past 30 days go, then the oldest beyond 1000, in an order of their own."""
        kept, dropped = self.keys.trimmed(self.now_ms)
        young = {
            place: one for place, one in self.model.items() if one[1] >= self.now_ms - SKIPPED_KEY_TTL_MS
        }
        surplus = max(len(young) - MAX_SKIPPED_KEYS, 0)
        order = sorted(young, key=lambda place: (young[place][1], tag(place[0]), place[1]))
        expected = {place: one for place, one in young.items() if place not in set(order[:surplus])}
        assert dropped == len(self.model) - len(expected)
        self.keys, self.model = kept, expected

    @precondition(lambda self: self.model)
    @rule(at=ANY)
    def open_one(self, at: int) -> None:
        """DR-12: a key opens one message and is gone; the set before still has it."""
        chain, number = list(self.model)[at % len(self.model)]
        before = self.keys
        assert before.get(header_key(chain), number) == MessageKey(self.model.pop((chain, number))[0])
        self.keys = before.without(header_key(chain), number)
        assert self.keys.get(header_key(chain), number) is None
        assert before.get(header_key(chain), number) is not None
        assert len(before) == len(self.keys) + 1

    @rule(chain=st.integers(0, 9), number=st.integers(0, 500))
    def ask(self, chain: int, number: int) -> None:
        found = self.model.get((chain, number))
        assert self.keys.get(header_key(chain), number) == (None if found is None else MessageKey(found[0]))
        if found is None:
            assert list(self.keys.without(header_key(chain), number)) == list(self.keys)

    @rule(order=st.integers(0, 2**32))
    def store_and_restore(self, order: int) -> None:
        """SES-14, DR-16: from rows in any order, the same keys come back, and go in the same order later."""
        rows = [snapshot.encode_skipped(row) for row in self.keys]
        random.Random(order).shuffle(rows)
        restored = skipped.restore([snapshot.decode_skipped(place, value) for place, value in rows])
        assert sorted(map(snapshot.encode_skipped, restored)) == sorted(rows)
        assert len(restored) == len(self.keys)
        self.keys = restored

    @invariant()
    def same_as_the_model(self) -> None:
        assert len(self.keys) == len(self.model) <= MAX_SKIPPED_KEYS
        expected = [
            (tag(chain), number, header_key(chain).expose(), key, stored_ms)
            for (chain, number), (key, stored_ms) in self.model.items()
        ]
        found = [
            (row.tag, row.number, row.header_key.expose(), row.message_key.expose(), row.stored_ms)
            for row in self.keys
        ]
        assert sorted(found) == sorted(expected)
        chains = [key.expose() for _, key in self.keys.chains()]
        assert sorted(chains) == sorted({row[2] for row in expected}), "DR-17: a chain without keys stays"

    @invariant()
    def rows_follow(self) -> None:
        """SES-14: applying the changes since the last state to its rows gives the rows of this one."""
        added, gone = snapshot.skipped_changes(self.before, self.keys)
        for place in gone:
            del self.rows[place]
        self.rows.update(snapshot.encode_skipped(row) for row in added)
        assert self.rows == dict(snapshot.encode_skipped(row) for row in self.keys)
        self.before = self.keys


TestSkippedKeys = SkippedKeysMachine.TestCase
# A step costs more here than elsewhere, since every one compares all keys and rows.
TestSkippedKeys.settings = settings(max_examples=count(25, 60), stateful_step_count=40)
