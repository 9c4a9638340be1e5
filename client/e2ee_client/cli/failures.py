"""What can go wrong, as one line, a hint and an exit status that stays the same."""

from __future__ import annotations

from typing import Final

from e2ee.errors import E2eeError
from e2ee_client.errors import MessageFailed, PublishRefused, SealroomError
from e2ee_client.rooms.errors import ProofInvalid

from .neutral import neutral
from .terminal import Terminal
from .texts import Texts

DONE: Final = 0
FAILED: Final = 1
INTERRUPTED: Final = 130
TERMINATED: Final = 143

# The longest beginning of a code decides.
_STATUS: Final[dict[str, int]] = {
    "usage": 2,
    "config": 2,
    "desk": 2,
    "web": 2,
    "card": 2,
    "message.empty": 2,
    "message.too_large": 2,
    "file": 2,
    "file.relay": 6,
    "file.quota": 6,
    "file.expired": 5,
    "file.cancelled": 8,
    "file.corrupt": 7,
    "local.file": 5,
    "local.file_unusable": 2,
    "local.file_stalled": 2,
    "local.file_name": 2,
    "local.file_too_large": 2,
    "input": 2,
    "confirm": 2,
    "contact.name": 2,
    "local.argument": 2,
    "store": 3,
    "backup": 3,
    "store.wrong_key": 4,
    "store.misuse": 4,
    "backup.wrong_key": 4,
    "passphrase": 4,
    "contact": 5,
    "relay": 6,
    "wait": 6,
    "send": 6,
    "publish": 6,
    "renewal": 6,
    "contact.blocked": 7,
    "contact.succeeded": 7,
    "successor": 7,
    "successor.mismatch": 2,
    "successor.unchecked": 2,
    "successor.other_key": 2,
    "successor.unasked": 2,
    "verify": 7,
    "message.failed": 8,
    "transcript": 2,
    "archive.full": 8,
    "archive.old": 6,
    "door": 6,
    "door.too_large": 2,
    "door.invalid": 2,
    "door.expired": 2,
    "door.origin": 7,
    "door.identity": 7,
    "door.second": 2,
    "local.room": 5,
    "local.logins": 8,
    "local.rooms": 5,
    "local.colleagues": 5,
    "local.request": 5,
    "local.entry": 5,
    "local.notes": 8,
    "local.side": 2,
    "local.side_company": 2,
    "local.signing_unsure": 3,
    "local.list_number": 8,
    "local.locked": 8,
    "local.consent": 8,
    "local.not_accepted": 8,
    "local.entry_failed": 8,
    "local.proof": 8,
    "proof.invalid": 7,
    "local.request_refused": 8,
    "room": 8,
    "login": 8,
    "link.refused": 8,
    "recovery": 8,
}


class Refused(Exception):
    """The command line itself cannot do what was asked; `code` is stable, `values` fill in its text."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


Failure = Refused | SealroomError | E2eeError


def status_of(code: str) -> int:
    """Return the exit status of an error code."""
    parts = code.split(".")
    for count in range(len(parts), 0, -1):
        status = _STATUS.get(".".join(parts[:count]))
        if status is not None:
            return status
    return FAILED


def error_text(failure: Failure, texts: Texts, store: str = "") -> str:
    """Return an error as one harmless line with its code."""
    key = f"error.{failure.code}"
    known = texts.has(key)
    text = texts.say(key, **_values(failure, texts, store)) if known else texts.say("error.unknown")
    return f"{texts.say('error.word')}: {neutral(text)} ({failure.code})"


def report(failure: Failure, texts: Texts, terminal: Terminal, store: str) -> int:
    """Print an error as one line and its hint, and return the exit status."""
    terminal.remark(error_text(failure, texts, store))
    hint = f"hint.{failure.code}"
    if texts.has(hint):
        text = texts.say(hint, **_values(failure, texts, store))
        terminal.remark(f"{texts.say('hint.word')}: {neutral(text)}")
    return status_of(failure.code)


def _values(failure: Failure, texts: Texts, store: str) -> dict[str, object]:
    if isinstance(failure, Refused):
        return {"store": store, **failure.values}
    if isinstance(failure, ProofInvalid):
        return {"store": store, "reason": failure.reason}
    if isinstance(failure, PublishRefused):
        return {"store": store, "reason": texts.why(failure.reason)}
    detail = failure.reason if isinstance(failure, MessageFailed) else texts.detail(str(failure))
    return {"store": store, "detail": detail}
