"""Which modules have fuzz targets; one alone is imported by the process that fuzzes it."""

from __future__ import annotations

import importlib
from typing import Final

from fuzz_target import Target

MODULES: Final = (
    "fuzz_planted",
    "fuzz_wire",
    "fuzz_identity",
    "fuzz_prekeys",
    "fuzz_cards",
    "fuzz_sessions",
    "fuzz_rooms",
    "fuzz_entries",
    "fuzz_companies",
    "fuzz_consent",
    "fuzz_transcripts",
    "fuzz_invites",
    "fuzz_logins",
    "fuzz_stored",
    "fuzz_relay",
    "fuzz_texts",
    "fuzz_forms",
)


def find(name: str) -> Target:
    """Import modules until one has the target."""
    for module in MODULES:
        for target in importlib.import_module(module).TARGETS:
            if target.name == name:
                found: Target = target
                return found
    raise KeyError(name)
