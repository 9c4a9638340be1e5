"""The libraries of the TypeScript workspace, for whatever test needs them."""

from __future__ import annotations

import os

import pytest
import web_packages


@pytest.fixture(scope="session")
def web_libraries() -> None:
    """Install them once; where npm's registry cannot be reached, CI fails and others skip."""
    try:
        web_packages.install()
    except web_packages.NotInstalled as problem:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(str(problem))
        pytest.skip(str(problem))
