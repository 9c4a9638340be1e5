"""The site of a practice."""

from __future__ import annotations

from pathlib import Path

import pytest
from site_builder import Builder


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    """A practice whose mandate names the room's host."""
    return Builder(tmp_path / "site")
