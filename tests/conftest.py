"""Fixtures and settings that every test may use."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import checkout
import coverage
import pytest
from hypothesis import HealthCheck, settings
from run_counts import IS_FULL

import e2ee

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# A run in the background inherits that Ctrl-C is ignored; the programs that it starts must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# `make test` asks for "full"; a plain `pytest` run stays quick, and "deep" is for a long recorded run.
_SLOW_MACHINE = [HealthCheck.too_slow]
settings.register_profile(
    "quick", deadline=None, max_examples=40, stateful_step_count=30, suppress_health_check=_SLOW_MACHINE
)
settings.register_profile(
    "full",
    deadline=None,
    max_examples=100,
    stateful_step_count=60,
    suppress_health_check=_SLOW_MACHINE,
    print_blob=True,
)
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=20_000,
    stateful_step_count=60,
    suppress_health_check=_SLOW_MACHINE,
    print_blob=True,
)
settings.load_profile("full" if IN_CI else "quick")


# The tests of chapters and vectors execute every line and branch of the core. To trace the others too, which
# drive it through client and relay, would show nothing more and take twice to three times as long.
_MEASURED = ("models", "mutation", "negative", "spec", "vectors")
MEASURED = tuple(f"tests/{name}/" for name in _MEASURED)


def _stop_counting() -> coverage.Coverage | None:
    """Stop counting lines; return what counted them, if anything did.

    A process of pytest-xdist has two counters, of which pytest-cov reads the one that was started last: where
    that one alone stops, the other goes on for nobody.
    """
    last = counting = coverage.Coverage.current()
    while counting is not None:
        counting.stop()
        counting = coverage.Coverage.current()
    return last


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage and count no lines while tests are collected; what stays is skipped afterwards.

    To look through it again and again took a quarter of that time, in each process, and to trace it as long
    as all else. The core is imported before, while lines are counted.
    """
    if coverage.Coverage.current() is not None:
        for module in pkgutil.walk_packages(e2ee.__path__, "e2ee."):
            importlib.import_module(module.name)
    counting = _stop_counting()
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        if counting is not None:
            counting.start()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only the audit runs; order for several processes what is handed out to them."""
    left_out = [] if IS_FULL else [item for item in items if item.get_closest_marker("audit_only")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
    if hasattr(config, "workerinput"):
        from together import rank

        items.sort(key=lambda item: rank(item.nodeid))


_stopped: list[coverage.Coverage] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Count lines and branches in the tests of chapters and vectors, and in no others.

    To stop and to start for each test cost more than most tests take.
    """
    if item.nodeid.startswith(MEASURED):
        if _stopped:
            _stopped.pop().start()
    elif (counting := _stop_counting()) is not None:
        _stopped.append(counting)


def pytest_configure(config: pytest.Config) -> None:
    """Let one of several processes say less."""
    if hasattr(config, "workerinput"):
        import brief_reports  # where one process runs the tests, nothing of it is imported

        config.pluginmanager.register(brief_reports)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out tests to several processes, those that share something to one."""
    from together import Scheduling  # where one process runs the tests, nothing of it is imported

    return Scheduling(config, log)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The root of the checkout."""
    return checkout.ROOT


def _shared_vectors_folder() -> Path:
    named = os.environ.get("SEALROOM_SHARED_VECTORS")
    return Path(named) if named else checkout.ROOT.parent / "shared" / "vectors"


@pytest.fixture(scope="session")
def shared_vectors() -> Path:
    """The folder of vectors that nobody here wrote; where it is absent, CI fails and others skip."""
    folder = _shared_vectors_folder()
    if not folder.is_dir():
        reason = "the folder ../shared/vectors is not beside the checkout"
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
