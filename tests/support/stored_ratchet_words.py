"""States of the real store, anchor and session in the words of the model StoredRatchet."""

from __future__ import annotations

from typing import Any, Final

from e2ee_client.rows import Continuity
from e2ee_client.store.state import StoreState
from stored_ratchet_machines import Named

from e2ee import snapshot
from e2ee.ratchet.state import Sending
from e2ee.session import Session

NONE: Final = (0, 0, 0)
VERDICTS: Final = {
    None: "none",
    Continuity.CONTINUOUS: "continuous",
    Continuity.ROLLED_BACK: "rolled back",
    Continuity.CLONED: "cloned",
}
NO_STATE: Final = StoreState(0, b"", b"", 0, 0, 0, 0, None)
NO_ANCHOR: Final = {"gen": 0, "inst": 0, "commits": 0, "mark": 0}


def shown_state(state: StoreState, instance: int, previous: int) -> dict[str, Any]:
    """Return the store's part of a database."""
    return {
        "gen": state.generation,
        "inst": instance,
        "prev": previous,
        "commits": state.commits,
        "opened": state.commits_at_opening,
        "unsettled": VERDICTS[state.unsettled],
    }


def shown(named: Named) -> dict[str, int]:
    """Return an envelope."""
    return dict(zip(("sess", "n", "text"), named, strict=True))


def number_of(session: Session) -> int:
    """Return the next number of the sending chain."""
    sending = session.ratchet.sending
    return sending.number if isinstance(sending, Sending) else 0


def stored_session(row: bytes | None) -> tuple[int, Session]:
    """Read the row of a session: its number, and its state."""
    if row is None:
        raise ValueError("no session is stored")
    return row[0], snapshot.decode_session(row[1:])


def stored_envelope(row: bytes | None) -> tuple[Named, bytes] | None:
    """Read the row of an envelope that waits to be sent."""
    if row is None or tuple(row[:3]) == NONE:
        return None
    return (row[0], row[1], row[2]), row[3:]
