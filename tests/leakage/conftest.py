"""Stages are played once for all tests of a worker, and their relays closed at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import engine_world
import leakage_declaration
import leakage_scripts
import pytest
from leakage_declaration import Row
from leakage_scripts import FIRST, SCRIPTS, SECOND, Cast, Played

CASTS: dict[str, Cast] = {"first": FIRST, "second": SECOND}


@pytest.fixture(scope="session")
def played() -> Iterator[Played]:
    """Plays a script with a cast, both by name; the second call gives the same stage."""
    yield cache(lambda script, cast: leakage_scripts.play(SCRIPTS[script], CASTS[cast]))
    while engine_world.OPEN:
        engine_world.OPEN.pop().relay.close()


@pytest.fixture(scope="session")
def table(repo_root: Path) -> Mapping[str, Row]:
    """The declaration by path."""
    return leakage_declaration.by_path(repo_root)
