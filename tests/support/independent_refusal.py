"""How independent readers refuse: in a module of its own, so that one executed anew raises the same class."""

from __future__ import annotations


class Refused(Exception):
    """An operation that ended with one of the registry's codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
