"""So many sessions in the memory of a company: each next message is of another one, drawn at random.

The sessions are copies of one under other ids, stored as when a store has been opened; each is decoded when
it is first looked at, which the first round pays for. Nothing is committed: this is the way of a message
through memory.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

from e2ee_client.engine.stored_sessions import Sessions
from engine_world import Rows

from bench import scenes
from bench.growth.subject import Operation, Subject
from e2ee import session
from e2ee.ids import SessionId
from e2ee.primitives import kem
from e2ee.snapshot import encode_session

_AT_ONCE = 2_000


def sessions(count: int, _folder: Path) -> Subject:
    """Find one by its id, seal a text, keep the new state."""
    one = scenes.talking().a
    row, ids = encode_session(one), [SessionId(os.urandom(len(one.id))) for _ in range(count)]
    rows = Rows()
    rows.tables["session"] = {name: row.replace(one.id, name) for name in ids}
    held = Sessions()
    held.load(rows)
    rows.tables.clear()
    drawn = random.Random(1)
    some = [ids[drawn.randrange(count)] for _ in range(_AT_ONCE)]
    text = scenes.text("x" * 1_024)

    def seal() -> None:
        for name in some:
            held[name], _ = session.seal(held[name], text, scenes.NOW_MS, os.urandom, kem.encapsulate)

    return Subject({"seal and keep": Operation(seal, _AT_ONCE)})
