"""Message keys of numbers that have not arrived: bounded in number and age (DR-12, DR-16, DR-17)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from e2ee.constants import MAX_SKIPPED_KEYS, SKIPPED_KEY_TTL_MS
from e2ee.ids import Tag
from e2ee.secret import HeaderKey, MessageKey


class SkippedKey(NamedTuple):
    """One stored key: a row of its own in a store (SES-14)."""

    tag: Tag
    number: int
    header_key: HeaderKey
    message_key: MessageKey
    stored_ms: int


class _Chain(NamedTuple):
    tag: Tag
    header_key: HeaderKey
    keys: dict[int, tuple[MessageKey, int]]

    def __repr__(self) -> str:
        return f"<chain with {len(self.keys)} skipped keys>"


class SkippedKeys:
    """An immutable set of skipped keys by chain, oldest chain first, ascending numbers within a chain."""

    __slots__ = ("_chains", "_count")

    def __init__(self, chains: tuple[_Chain, ...] = (), count: int = 0) -> None:
        self._chains = chains
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<{self._count} skipped keys>"

    def __iter__(self) -> Iterator[SkippedKey]:
        for chain in self._chains:
            for number, (key, stored_ms) in chain.keys.items():
                yield SkippedKey(chain.tag, number, chain.header_key, key, stored_ms)

    def chains(self) -> Iterator[tuple[Tag, HeaderKey]]:
        """Tags and header keys of chains that still have keys (DR-17)."""
        return ((chain.tag, chain.header_key) for chain in self._chains)

    def get(self, header_key: HeaderKey, number: int) -> MessageKey | None:
        """Return the message key of a number in the chain of `header_key`, or None."""
        for chain in self._chains:
            if chain.header_key is header_key or chain.header_key == header_key:
                entry = chain.keys.get(number)
                return None if entry is None else entry[0]
        return None

    def without(self, header_key: HeaderKey, number: int) -> SkippedKeys:
        """Return the set without one key."""
        found = (at for at, chain in enumerate(self._chains) if chain.header_key == header_key)
        return self._without([(at, number) for at in found if number in self._chains[at].keys])

    def with_keys(
        self, tag: Tag, header_key: HeaderKey, first: int, keys: Sequence[MessageKey], now_ms: int
    ) -> SkippedKeys:
        """Return the set with one or more consecutive keys from number `first` on added to a chain."""
        added = {number: (key, now_ms) for number, key in enumerate(keys, first)}
        chains = list(self._chains)
        for at, chain in enumerate(chains):
            if chain.header_key == header_key:
                chains[at] = chain._replace(keys={**chain.keys, **added})
                break
        else:
            chains.append(_Chain(tag, header_key, added))
        return SkippedKeys(tuple(chains), self._count + len(keys))

    def trimmed(self, now_ms: int) -> tuple[SkippedKeys, int]:
        """Drop keys past their age, and the oldest beyond 1000; return the set and how many went (DR-16)."""
        oldest_ms = now_ms - SKIPPED_KEY_TTL_MS
        if not self._chains:
            return self, 0
        surplus = max(self._count - MAX_SKIPPED_KEYS, 0)
        if not surplus and all(next(iter(one.keys.values()))[1] >= oldest_ms for one in self._chains):
            return self, 0
        by_age = sorted(
            (stored_ms, chain.tag, number, at)
            for at, chain in enumerate(self._chains)
            for number, (_, stored_ms) in chain.keys.items()
        )
        expired = sum(stored_ms < oldest_ms for stored_ms, *_ in by_age)
        gone = [(at, number) for _, _, number, at in by_age[: max(expired, surplus)]]
        return self._without(gone), len(gone)

    def _without(self, gone: Sequence[tuple[int, int]]) -> SkippedKeys:
        """Return the set without keys by (place of the chain, number); a chain goes with its last key."""
        chains = list(self._chains)
        for at in {at for at, _ in gone}:
            chains[at] = chains[at]._replace(keys=dict(chains[at].keys))
        for at, number in gone:
            del chains[at].keys[number]
        return SkippedKeys(tuple(chain for chain in chains if chain.keys), self._count - len(gone))


EMPTY: Final = SkippedKeys()


def restore(rows: list[SkippedKey]) -> SkippedKeys:
    """Rebuild the set from its rows, in whatever order a store gives them (DR-16)."""
    if not rows:
        return EMPTY
    chains: dict[bytes, _Chain] = {}
    for row in sorted(rows, key=lambda row: (row.stored_ms, row.tag, row.number)):
        chain = chains.setdefault(row.header_key.expose(), _Chain(row.tag, row.header_key, {}))
        chain.keys[row.number] = (row.message_key, row.stored_ms)
    return SkippedKeys(tuple(chains.values()), len(rows))
