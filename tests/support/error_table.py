"""The page with all errors, made from their classes.

python tests/support/error_table.py [--write]
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from e2ee_client import errors as client_errors
from e2ee_client.rooms import errors as room_errors

from e2ee import errors as core_errors

PAGE: Final = "docs/reference/errors.md"
_HEAD: Final = """# Errors

Made from the classes by `make spec`. Every error has a `code`, which stays the same, and says by `hint` what
to do next; a `SealroomError` says by `retryable` whether the same call may succeed later.

## Of the client (`e2ee_client.errors`)

What calls raise; all are `SealroomError`.

| Code | Class | Retryable | Meaning | Hint |
| --- | --- | --- | --- | --- |
"""
_ROOMS: Final = """
## Of rooms (`e2ee_client.rooms.errors`)

`SealroomError`s too.

| Code | Class | Retryable | Meaning | Hint |
| --- | --- | --- | --- | --- |
"""
_CORE: Final = """
## Of the core (`e2ee.errors`)

Codes in events, and what calls of rooms raise: `E2eeError`s, with no hint where a caller can do nothing.
`local.` is where our own side is at fault, `remote.` where bytes from outside are. What is refused has
changed nothing.

| Code | Class | Meaning | Hint |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the page as it has to stand in the repository."""
    core = "".join(
        f"| `{one.code}` | `{one.__name__}` | {meaning(one)} | {one.hint} |\n"
        for one in _classes(core_errors)
    )
    return _HEAD + _client_rows(client_errors) + _ROOMS + _client_rows(room_errors) + _CORE + core


def _client_rows(module: ModuleType) -> str:
    return "".join(
        f"| `{one.code}` | `{one.__name__}` | {_yes(one.retryable)} | {meaning(one)} | {one.hint} |\n"
        for one in _classes(module)
    )


def _classes(module: ModuleType) -> Iterator[Any]:
    """The classes with a code of their own; what only groups others has a code without a dot."""
    for _, one in inspect.getmembers(module, inspect.isclass):
        if one.__module__ == module.__name__ and "." in getattr(one, "code", ""):
            yield one


def meaning(one: Any) -> str:
    """The first paragraph of the docstring, without its rules."""
    text = " ".join((inspect.getdoc(one) or "").split("\n\n")[0].split())
    return re.sub(r" \([A-Z]+-\d+[^)]*\)", "", text).replace("|", "\\|")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    place = Path(__file__).resolve().parents[2] / PAGE
    if "--write" in sys.argv:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(page(), "utf-8")
    elif place.read_text("utf-8") != page():
        sys.exit(f"{PAGE} is not current: make spec")
