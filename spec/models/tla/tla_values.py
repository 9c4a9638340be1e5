"""Reads the values that TLC prints: numbers, strings, truth values, sets, sequences and records."""

from __future__ import annotations

import json
import re
from typing import Final, TypeAlias

Value: TypeAlias = "int | str | bool | list[Value] | dict[str, Value]"

_TOKEN: Final = re.compile(r'\s*(<<|>>|\|->|:>|@@|[\[\]{}(),]|"[^"]*"|-?\d+|\w+)')
_VARIABLE: Final = re.compile(r"^/\\ (\w+) = ", re.MULTILINE)


def states(text: str) -> list[dict[str, Value]]:
    """Return every state of a trace file or of an error trace, variable by variable."""
    blocks = re.split(r"^(?:STATE_\d+ == *|State \d+: .*)$", text, flags=re.MULTILINE)[1:]
    return [_state(block) for block in blocks]


def _state(block: str) -> dict[str, Value]:
    pieces = _VARIABLE.split(block)[1:]
    return {name: parse(text) for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


def parse(text: str) -> Value:
    """Read one value; what follows it is ignored. A set becomes a sorted list."""
    return _Reader(_TOKEN.findall(text)).value()


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    def _next(self) -> str:
        self._place += 1
        return self._tokens[self._place - 1]

    def value(self) -> Value:
        token = self._next()
        match token:
            case "<<":
                return self._items(">>")
            case "{":
                return sorted(self._items("}"), key=lambda item: json.dumps(item, sort_keys=True))
            case "[":
                return self._fields("]", "|->")
            case "(":
                return _sequence(self._fields(")", ":>"))
            case "TRUE" | "FALSE":
                return token == "TRUE"
            case _:
                return token[1:-1] if token.startswith('"') else int(token)

    def _items(self, end: str) -> list[Value]:
        found: list[Value] = []
        while self._tokens[self._place] != end:
            found.append(self.value())
            if self._tokens[self._place] == ",":
                self._place += 1
        self._place += 1
        return found

    def _fields(self, end: str, arrow: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        token = ","
        while token != end:
            name = self._next()
            if self._next() != arrow:
                raise ValueError(f"no {arrow} after {name}")
            found[name] = self.value()
            token = self._next()
        return found


def _sequence(fields: dict[str, Value]) -> Value:
    """Return a function on 1 to n as a list, on other numbers by number."""
    places = [str(place) for place in range(1, len(fields) + 1)]
    return [fields[place] for place in places] if fields.keys() == set(places) else fields
