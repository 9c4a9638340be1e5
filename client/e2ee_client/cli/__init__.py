"""`sealroom`, the command line of the client."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Final

from e2ee.errors import E2eeError
from e2ee_client.errors import SealroomError, StoreLocked

from .arguments import parse
from .failures import DONE, INTERRUPTED, Refused, report
from .forwarding import forward
from .session import Session, Terminated, default_store
from .terminal import Terminal, silence
from .texts import Texts, choose_language

__all__ = ["main"]

# Another command may have the store open for as long as it takes to send a text.
_LOCKED_S: Final = 3.0
_AGAIN_S: Final = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status, which `sealroom --help` explains."""
    given = sys.argv[1:] if arguments is None else arguments
    texts, terminal = Texts(choose_language(given, os.environ)), Terminal()
    store = str(default_store())
    try:
        session = Session(parse(given, texts), texts, terminal, parse)
        store = str(session.store_path)
        return _run(session, given)
    except (Refused, SealroomError, E2eeError) as failure:
        return report(failure, texts, terminal, store)
    except KeyboardInterrupt:
        if terminal.err.isatty():
            terminal.remark("")
        return INTERRUPTED
    except Terminated as terminated:
        return terminated.status
    except BrokenPipeError:
        # Whoever read our output has enough: `sealroom listen | head`.
        silence()
        return DONE


def _run(session: Session, given: Sequence[str]) -> int:
    """Run the command here, or in the process that has the store open; wait a little for one that has not
    long.
    """
    until = time.monotonic() + _LOCKED_S
    while True:
        try:
            return session.run(session.options.run(session))
        except StoreLocked:
            status = forward(session, given)
            if status is not None:
                return status
            if time.monotonic() > until:
                raise
            time.sleep(_AGAIN_S)
