"""Texts of a simulated device: what it wrote, what it was given, and what is sent again (SES-37, SES-42)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from e2ee.numbers import Number
from e2ee.pair import DAY_MS

RESEND: Final = 8  # 64 by the rules: small, so that the limit is reached
RESEND_AGE_MS: Final = 7 * DAY_MS  # 14 days by the rules
MAX_SENDINGS: Final = 4
MAX_RECEIPTS: Final = 3
_NO_NUMBER: Final = 1 << 62


@dataclass
class TextRow:
    """A text of ours."""

    made_ms: int
    state: str = "waits"
    number: Number | None = None
    session_id: bytes | None = None
    sendings: int = 0
    sealed_ms: int = 0


@dataclass
class Texts:
    """Ours by id; how often each of the peer's came; those that a receipt is due for."""

    rows: dict[int, TextRow] = field(default_factory=dict)
    shown: dict[int, int] = field(default_factory=dict)
    receipts: list[int] = field(default_factory=list)

    def copied(self) -> Texts:
        """Return a copy."""
        rows = {key: replace(one) for key, one in self.rows.items()}
        return Texts(rows, dict(self.shown), list(self.receipts))

    def waiting(self) -> list[tuple[int, TextRow]]:
        """Return what waits, by number, then by age."""
        rows = [one for one in self.rows.items() if one[1].state == "waits"]
        return sorted(
            rows, key=lambda one: (one[1].number.n if one[1].number else _NO_NUMBER, one[1].made_ms)
        )

    def show(self, text_id: int) -> bool:
        """Note a text of the peer; tell whether it is new. A repeat is confirmed twice more at most."""
        count = self.shown[text_id] = self.shown.get(text_id, 0) + 1
        if count <= MAX_RECEIPTS:
            self.receipts.append(text_id)
        return count == 1

    def confirm(self, text_ids: tuple[int, ...]) -> None:
        """Note a receipt."""
        for text_id in text_ids:
            if text_id in self.rows:
                self.rows[text_id].state = "confirmed"

    def again(self, now_ms: int, chosen: Callable[[TextRow], bool]) -> int:
        """Let the newest unconfirmed texts of a kind wait again; tell how many."""
        rows = [
            row
            for row in self.rows.values()
            if row.state == "sent"
            and now_ms < row.made_ms + RESEND_AGE_MS
            and row.sendings < MAX_SENDINGS
            and chosen(row)
        ]
        for row in rows[-RESEND:]:
            row.state = "waits"
        return len(rows[-RESEND:])

    def are_unconfirmed(self, now_ms: int) -> bool:
        """Whether a text was sealed a day ago and is not confirmed."""
        return any(row.state == "sent" and now_ms >= row.sealed_ms + DAY_MS for row in self.rows.values())

    def set_times(self, now_ms: int) -> None:
        """Store times ahead of now as now."""
        for row in self.rows.values():
            row.made_ms, row.sealed_ms = min(row.made_ms, now_ms), min(row.sealed_ms, now_ms)


def _order(row: TextRow) -> tuple[int, int]:
    return row.number.n if row.number else _NO_NUMBER, row.made_ms
