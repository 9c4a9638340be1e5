"""A command handed to the one that has the store open (`serving`), from the caller's side."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from typing import Any

from .failures import Refused
from .local_socket import connect_to, socket_path
from .session import Session
from .shared_session import COMMANDS


def forward(session: Session, arguments: Sequence[str]) -> int | None:
    """Let the command that has the store open carry this one out; return its exit status.

    None if nothing serves there: the store is held by a program without a socket, or for a moment only.

    Raises:
        Refused: store.busy for a command that has to open the store itself, store.locked if the other one
            ended meanwhile.
    """
    connection = connect_to(socket_path(session.store_path))
    if connection is None:
        return None
    with connection:
        if session.options.command not in COMMANDS:
            raise Refused("store.busy", command=session.options.command)
        _send(connection, _request(session, arguments))
        status = _follow(session, connection)
    if status is None:
        raise Refused("store.locked")
    return status


def _request(session: Session, arguments: Sequence[str]) -> dict[str, object]:
    terminal = session.terminal
    return {
        "arguments": list(arguments),
        "passphrase": session.store_passphrase,
        "language": session.texts.language,
        "input": session.input or "",
        "folder": os.getcwd(),
        "shows": terminal.shows,
        "marks": terminal.has_marks,
        "blocks": terminal.has_blocks,
    }


def _follow(session: Session, connection: socket.socket) -> int | None:
    """Print what comes and answer what is asked, until the exit status comes."""
    with connection.makefile("rb") as lines:
        for line in lines:
            match json.loads(line):
                case {"out": str(text)}:
                    session.terminal.line(text)
                case {"err": str(text)}:
                    session.terminal.remark(text)
                case {"ask": str(question)}:
                    _send(connection, {"answer": _answer(session, question)})
                case {"status": int(status)}:
                    return status
                case _:
                    return None
    return None


def _answer(session: Session, question: str) -> str:
    if not os.isatty(0):
        raise Refused("confirm.missing")
    session.terminal.prompt(question)
    return os.read(0, 64).decode(errors="replace")


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")
