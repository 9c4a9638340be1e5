"""A log that cannot be written does not stop the relay (RLY-73)."""

from __future__ import annotations

import io

from e2ee_relay.logs import Event, EventLog


class FullDisk(io.StringIO):
    """Refuses what is written."""

    def write(self, text: str, /) -> int:
        raise OSError(28, "no space left", text)


def test_a_full_disk_under_the_log_is_no_fault_of_a_client() -> None:
    """RLY-73: neither an event nor an error raises."""
    log = EventLog(FullDisk(), "debug", lambda: 0)
    log.write(Event.STORE_FAILING)
    log.write_error(RuntimeError("text"))
