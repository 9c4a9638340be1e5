"""Notices by what the roster says of them, with texts that this device has shown or published (CNS-05)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from e2ee.constants import HASH_B
from e2ee.ids import AccountId
from e2ee.rooms.door import check_texts
from e2ee.rooms.notice import Notice

from .part import Part
from .row_codec import Row
from .turn import Turn


@dataclass(slots=True)
class TextsRow(Row):
    """Texts of a notice, by locale; they are kept as proof of what was shown."""

    TABLE = "team"
    PREFIX = b"texts:"
    KEY = (("account_id", HASH_B), ("hash", HASH_B))
    account_id: AccountId
    hash: bytes
    texts: list[tuple[str, str]]


class Notices(Part):
    """The notices themselves are kept with the rosters that state them (ACC-23)."""

    def put_texts(self, turn: Turn, notice: Notice, texts: Mapping[str, str]) -> None:
        """Keep texts of a notice.

        Raises:
            DecodeError: a text is not of it (CNS-05).
        """
        check_texts(notice, [(locale, text.encode()) for locale, text in sorted(texts.items())])
        both = {**self.texts(turn, notice.account_id, notice.hash), **texts}
        turn.put(TextsRow(notice.account_id, notice.hash, sorted(both.items())).put())

    def texts(self, turn: Turn, account_id: AccountId, notice_hash: bytes) -> dict[str, str]:
        """Return the texts of a notice that are here, by locale."""
        key = TextsRow.key_of(account_id, notice_hash)
        row = turn.read(self._state.rows, TextsRow.TABLE, key)
        return {} if row is None else dict(TextsRow.decode(key, row).texts)

    def stated(self, turn: Turn, account_id: AccountId) -> list[Notice]:
        """Return the notices that the roster which counts states, the newest first; without one all."""
        standing, known = self._context.team.standing(account_id), self._context.team.known(account_id)
        roster = None if standing is None else standing.roster
        kept = [] if known is None else sorted(known.notices, reverse=True)
        if roster is not None:
            named = {roster.notice_hash, *(one.hash for one in roster.older_notices)}
            kept = [one for one in kept if one.hash in named]
        found = [self._context.team.notice(turn, account_id, one.hash) for one in kept]
        return [one for one in found if one is not None]

    def in_force(self, turn: Turn) -> Notice | None:
        """Return the notice of our company: the one that this device states, else that of the roster."""
        account_id = self._state.own.account_id
        stated, standing = self._context.company.notice(), self._context.team.standing(account_id)
        if stated is not None or standing is None or standing.roster is None:
            return stated
        return self._context.team.notice(turn, account_id, standing.roster.notice_hash)

    def newest_number(self, account_id: AccountId) -> int:
        """Return the highest number of a notice that is kept; 0 for none."""
        known = self._context.team.known(account_id)
        return max((one.version for one in known.notices), default=0) if known is not None else 0
