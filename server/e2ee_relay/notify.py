"""Word to the service manager: ready, reloading, stopping, still alive (systemd's notification protocol).

The manager names a datagram socket in NOTIFY_SOCKET and takes lines NAME=VALUE there. Without the variable,
everything here does nothing. A manager that cannot be reached changes nothing for the relay either.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final

# Three times within the manager's patience: one word may come late.
_TIMES_WITHIN_PATIENCE: Final = 3


class ServiceNotifier:
    """Tells a service manager how the relay is."""

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        # A leading @ stands for the zero byte of an address outside the file system.
        self._address = "\0" + address[1:] if address is not None and address.startswith("@") else address
        self.interval_s = None if watchdog_s is None else watchdog_s / _TIMES_WITHIN_PATIENCE

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], pid: int) -> ServiceNotifier:
        """Read what the manager has set for the process `pid`."""
        patience_us = environment.get("WATCHDOG_USEC", "")
        is_meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        is_watched = is_meant and patience_us.isascii() and patience_us.isdigit() and int(patience_us) > 0
        watchdog_s = int(patience_us) / 1e6 if is_watched else None
        return cls(environment.get("NOTIFY_SOCKET") or None, watchdog_s)

    def ready(self) -> bool:
        """Say that clients are served, after the start and after a reload."""
        return self._say("READY=1")

    def reloading(self, monotonic_us: int) -> bool:
        """Say that certificate and secret are being read again; `ready` says when that is done."""
        return self._say(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}")

    def stopping(self) -> bool:
        """Say that the relay drains."""
        return self._say("STOPPING=1")

    def alive(self) -> bool:
        """Say that loop and store go on; the manager ends a relay that has not said so for too long."""
        return self._say("WATCHDOG=1")

    def _say(self, lines: str) -> bool:
        if self._address is None:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            # Never waits: a manager that does not read must not stop the relay.
            way.setblocking(False)
            try:
                way.sendto(lines.encode(), self._address)
            except OSError:
                return False
        return True
