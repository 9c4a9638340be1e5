"""A relay that fails with a frame in hand says where, and nothing of the frame (LKG-10)."""

from __future__ import annotations

import io
import json

from e2ee_relay.logs import EventLog


def test_an_error_that_quotes_a_frame_is_logged_without_its_text() -> None:
    """LKG-10: type and place only."""
    stream = io.StringIO()
    log = EventLog(stream, "debug", lambda: 1)
    try:
        raise ValueError("SEND to 0011 of b'Guten Tag'")
    except ValueError as error:
        log.write_error(error)
    assert set(json.loads(stream.getvalue())) == {"time_ms", "level", "event", "type", "place"}
    assert "Guten" not in stream.getvalue()
