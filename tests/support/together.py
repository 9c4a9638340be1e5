"""Which tests one process runs where several share the work, and which it begins with.

What shares something dear to make begins, and waits for browsers and relays while others use the cores. All
else is handed out by itself, in its order. The short tests of chapters, vectors and readers, which stand
last, are handed out by the file: to hand out each cost more than many of them take.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = (
    "tests/web/",  # a release is built once in each part
    "tests/leakage/",  # each stage is played once
    "tests/secrecy/",  # each conversation is recorded once
    "tests/interop/test_misreadings.py",  # the readings' tests are loaded once
    "tests/meta/test_distribution.py",  # a wheel is built once
    "tests/meta/test_wheels.py",  # and here
    "tests/meta/test_specification.py",  # citations are looked for once
)
SHORT: Final = (
    "tests/interop/",
    "tests/models/",
    "tests/mutation/",
    "tests/negative/",
    "tests/spec/",
    "tests/vectors/",
)
_BROWSER: Final = re.compile(r"\b(?:chromium|firefox)\b")


def part_of(nodeid: str) -> str:
    """Return the name of the part that a test belongs to. Each browser is started in a part of its own."""
    found = next((part for part in TOGETHER if nodeid.startswith(part)), None)
    if found is None:
        return nodeid.partition("::")[0] if nodeid.startswith(SHORT) else nodeid
    browser = _BROWSER.search(nodeid.partition("[")[2]) if found == TOGETHER[0] else None
    return found if browser is None else f"{found} {browser[0]}"


def rank(nodeid: str) -> int:
    """Return how early a test begins: what stands together before all else, the short ones last."""
    found = next((place for place, part in enumerate(TOGETHER) if nodeid.startswith(part)), len(TOGETHER))
    return found + nodeid.startswith(SHORT)


class Places(list[str]):
    """The names of all tests in their order, of which each is found without a look at all before it."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self._places = {name: place for place, name in enumerate(names)}

    def index(self, name: str, *between: Any) -> int:
        """Return the place of a name."""
        return self._places[name]


class Scheduling(LoadScopeScheduling):
    """Hands out the parts in the order of their first tests, and forgets those that are done."""

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        super().add_node_collection(node, collection)
        if node in self.registered_collections:
            self.registered_collections[node] = Places(collection)

    def _assign_work_unit(self, node: Any) -> None:
        mine = self.assigned_work.get(node, {})
        self.assigned_work[node] = {part: tests for part, tests in mine.items() if not all(tests.values())}
        super()._assign_work_unit(node)
