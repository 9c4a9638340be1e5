"""The Unix socket beside an open store, through which one command hands its work to another (ADR 0026).

The socket file is for its owner only (0600), each side checks that the other one runs as the same user, and
the side that has the store open asks for the store's passphrase all the same: who may not open the store may
not use it while it is open. Where a system has no Unix sockets, or does not tell the user of the other side,
there is no socket.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_ENDING: Final = ".socket"
# An address of this family has 104 bytes on some systems, 108 on others, with a zero at its end.
_MAX_ADDRESS_B: Final = 103
_MAC_LOCAL: Final = 0
_MAC_PEER: Final = 1


def socket_path(store: Path) -> Path:
    """Return where the socket of a store is."""
    return store.with_name(store.name + _ENDING)


def listen_at(path: Path) -> socket.socket | None:
    """Return a socket that waits for commands, or None where there can be none.

    Only for the holder of the store's lock: a socket that is there already is of a run that crashed.
    """
    if not _tells_of_users():
        return None
    try:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with suppress(FileNotFoundError):
                path.unlink()
            # No mask of the process is touched: nobody can connect between bind and listen.
            with _address(path) as address:
                listening.bind(address)
            path.chmod(0o600)
            listening.listen(8)
        except BaseException:
            listening.close()
            raise
    except OSError:
        return None
    listening.setblocking(False)
    return listening


def connect_to(path: Path) -> socket.socket | None:
    """Return a connection to the command that has the store open, or None if there is none of this user."""
    if not _tells_of_users():
        return None
    try:
        found = path.lstat()
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
            return None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _address(path) as address:
                connection.connect(address)
        except BaseException:
            connection.close()
            raise
    except OSError:
        return None
    if not is_same_user(connection):
        connection.close()
        return None
    return connection


def is_same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end runs as the user of this one."""
    try:
        if sys.platform == "linux":
            _, user, _ = struct.unpack(
                "iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            )
        elif sys.platform == "darwin":
            _, user = struct.unpack("II", connection.getsockopt(_MAC_LOCAL, _MAC_PEER, 76)[:8])
        else:
            return False
    except OSError:
        return False
    return bool(user == os.geteuid())


def _tells_of_users() -> bool:
    return sys.platform in ("linux", "darwin")


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """Give an address that is short enough: that of the folder's descriptor where the path is too long."""
    if len(os.fsencode(path)) <= _MAX_ADDRESS_B:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
