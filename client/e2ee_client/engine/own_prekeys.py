"""Our prekeys in memory, also by whom they were given to and by id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, MutableMapping

from e2ee.prekeys import PrekeyKind
from e2ee.wire.fields import MAX_MS

from .records import OwnPrekey


class OwnPrekeys(MutableMapping[bytes, OwnPrekey]):
    """Prekeys by place; those of one kind and contact in the order of their making."""

    def __init__(self, prekeys: Iterable[OwnPrekey] = ()) -> None:
        self._by_place: dict[bytes, OwnPrekey] = {}
        self._of: dict[bytes, dict[PrekeyKind, dict[bytes, OwnPrekey]]] = {}
        self._ids: Counter[int] = Counter()
        self._none_ends_before_ms = MAX_MS
        for one in prekeys:
            self[one.key] = one

    def __getitem__(self, place: bytes) -> OwnPrekey:
        """Return a prekey."""
        return self._by_place[place]

    def __setitem__(self, place: bytes, item: OwnPrekey) -> None:
        """Add a prekey."""
        self.pop(place, None)
        self._by_place[place] = item
        prekey = item.pair.prekey
        self._of.setdefault(item.contact, {}).setdefault(prekey.kind, {})[place] = item
        self._ids[prekey.id] += 1
        self._none_ends_before_ms = min(self._none_ends_before_ms, prekey.not_after_ms)

    def __delitem__(self, place: bytes) -> None:
        """Drop a prekey."""
        gone = self._by_place.pop(place)
        prekey, kinds = gone.pair.prekey, self._of[gone.contact]
        del kinds[prekey.kind][place]
        if not any(kinds.values()):
            del self._of[gone.contact]
        self._ids[prekey.id] -= 1
        if not self._ids[prekey.id]:
            del self._ids[prekey.id]

    def __iter__(self) -> Iterator[bytes]:
        """Go through the places of all prekeys."""
        return iter(self._by_place)

    def __len__(self) -> int:
        """Count them."""
        return len(self._by_place)

    def of(self, contact: bytes) -> list[OwnPrekey]:
        """Return those that were given to a contact, or published."""
        return [one for kept in self._of.get(contact, {}).values() for one in kept.values()]

    def of_kind(self, kind: PrekeyKind, contact: bytes) -> list[OwnPrekey]:
        """Return those of one kind."""
        return list(self._of.get(contact, {}).get(kind, {}).values())

    def newest(self, kind: PrekeyKind, contact: bytes) -> OwnPrekey | None:
        """Return the one of a kind that was made last."""
        return next(reversed(self._of.get(contact, {}).get(kind, {}).values()), None)

    def ended(self, before_ms: int) -> list[OwnPrekey]:
        """Return those whose time ended before this one; goes through all only when some may have."""
        if before_ms <= self._none_ends_before_ms:
            return []
        self._none_ends_before_ms = min(
            (one.pair.prekey.not_after_ms for one in self._by_place.values()), default=MAX_MS
        )
        return [one for one in self._by_place.values() if one.pair.prekey.not_after_ms < before_ms]

    @property
    def ids(self) -> Counter[int]:
        """The ids of all, of whatever kind."""
        return self._ids
