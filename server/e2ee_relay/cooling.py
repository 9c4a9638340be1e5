"""What is not acknowledged within minutes goes out of the way of fresh messages, mailbox by mailbox."""

from __future__ import annotations

from collections import deque
from typing import Final

from .mailbox import Mailbox
from .state import RelayState, Then
from .store.changes import Chill, Result, StoreFailure

_MINUTE_MS: Final = 60_000
_AGE_MS: Final = 5 * _MINUTE_MS
# One move rides along with a commit, so it must not hold up the others of its group.
_MOVE_MESSAGES: Final = 256
_MOVE_B: Final = 1 << 20
_MOVES_PER_TICK: Final = 16
# Mailboxes and messages that one step looks at: about a millisecond of the event loop.
_LOOKS: Final = 5_000


class Cooling:
    """Walks over all mailboxes once a minute and moves what is old, in the order of the walk (RLY-91)."""

    def __init__(self, state: RelayState) -> None:
        self._state = state
        self._marks: deque[tuple[int, int]] = deque()  # (time, last row id of that time)
        self._old_row_id = 0
        self._walk: list[Mailbox] = []  # those still to visit, the next one last
        self._moves_left = 0
        self._is_moving = False
        self._has_failed = False

    def tick(self, now_ms: int) -> None:
        """Begin a walk when there may be something old; go on with the one that is under way."""
        if not self._marks or now_ms - self._marks[-1][0] >= _MINUTE_MS:
            self._marks.append((now_ms, self._state.last_row_id))
            self._age(now_ms)
        self._moves_left = _MOVES_PER_TICK
        if not self._is_moving:
            self._move()

    def _age(self, now_ms: int) -> None:
        risen = False
        while now_ms - self._marks[0][0] >= _AGE_MS:
            risen = risen or self._marks[0][1] > self._old_row_id
            self._old_row_id = self._marks.popleft()[1]
        if (risen or self._has_failed) and not self._walk:
            self._has_failed = False
            self._walk = list(reversed(self._state.mailboxes.values()))

    def _move(self) -> None:
        wanted = self._collect()
        if wanted:
            self._is_moving = True
            self._moves_left -= 1
            self._state.submit(Chill(tuple(row_id for _, _, row_id in wanted)), self._after(wanted))

    def _collect(self) -> list[tuple[Mailbox, int, int]]:
        """Return the next old messages of the walk, as mailbox, seq and row id."""
        wanted: list[tuple[Mailbox, int, int]] = []
        left_b, looks = _MOVE_B, _LOOKS
        while self._walk and looks > 0:
            mailbox = self._walk[-1]
            looks -= 1 + len(mailbox.held)
            for seq, message in mailbox.held.items():
                if seq <= mailbox.cold_to:
                    continue
                if message.row_id > self._old_row_id:
                    break
                if len(wanted) >= _MOVE_MESSAGES or left_b <= 0:
                    return wanted
                wanted.append((mailbox, seq, message.row_id))
                left_b -= message.size_b
            self._walk.pop()
        return wanted

    def _after(self, moved: list[tuple[Mailbox, int, int]]) -> Then:
        def then(result: Result, _now_ms: int) -> None:
            self._is_moving = False
            if isinstance(result, StoreFailure):
                self._walk = []
                self._has_failed = True  # tried again in a minute
                return
            for mailbox, seq, _ in moved:
                mailbox.cold_to = seq
            if self._moves_left > 0:
                self._move()

        return then
