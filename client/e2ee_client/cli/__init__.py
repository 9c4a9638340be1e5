"""`sealroom`, the command line of the client."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from e2ee.errors import E2eeError
from e2ee_client.errors import SealroomError

from .arguments import parse
from .failures import DONE, INTERRUPTED, Refused, report
from .session import Session, Terminated, default_store
from .terminal import Terminal, silence
from .texts import Texts, choose_language

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status, which `sealroom --help` explains."""
    given = sys.argv[1:] if arguments is None else arguments
    texts, terminal = Texts(choose_language(given, os.environ)), Terminal()
    store = str(default_store())
    try:
        options = parse(given, texts)
        session = Session(options, texts, terminal)
        store = str(session.store_path)
        status: int = options.run(session)
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
    return status
