"""RLY-132 and RLY-133: the relay's own time, and what goes by the machine's."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from e2ee_relay.clock import SteadyClock, resumed_ms
from e2ee_relay.config import Config
from e2ee_relay.datadir import DataDirectory
from e2ee_relay.engine import EmbeddedEngine
from e2ee_relay.protocol import hour_of
from e2ee_relay.rules import told_hour_ms
from e2ee_relay.store.sqlite_directory import sweep_tables

HOUR_MS = 3_600_000
TEN_YEARS_MS = 3652 * 24 * HOUR_MS
NOW_MS = 1_800_000_000_000


class Machine:
    """The two clocks of a machine."""

    def __init__(self) -> None:
        self.wall_ms = NOW_MS
        self.monotonic_ms = 5_000

    def clock(self, start_ms: int = NOW_MS) -> SteadyClock:
        return SteadyClock(start_ms, lambda: self.wall_ms * 1_000_000, lambda: self.monotonic_ms * 1_000_000)

    def pass_time(self, by_ms: int) -> None:
        self.wall_ms += by_ms
        self.monotonic_ms += by_ms


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_is_the_machines_time_as_long_as_that_runs(machine: Machine) -> None:
    clock = machine.clock()
    for _ in range(100):
        machine.pass_time(12_345)
        assert clock() == machine.wall_ms
    assert clock.skew_ms() == 0
    assert not clock.has_jumped()


def test_a_jump_forwards_takes_as_long_again_as_it_lasts(machine: Machine) -> None:
    """RLY-132: ten years ahead for an hour cost an hour."""
    clock = machine.clock()
    machine.wall_ms += TEN_YEARS_MS
    assert clock() == NOW_MS
    machine.pass_time(HOUR_MS)
    assert clock() == NOW_MS + 2 * HOUR_MS
    machine.wall_ms -= TEN_YEARS_MS
    assert clock() == NOW_MS + 2 * HOUR_MS
    machine.pass_time(10)
    assert clock() == NOW_MS + 2 * HOUR_MS + 10


def test_a_pause_between_its_two_readings_is_no_clock_ahead(machine: Machine) -> None:
    """RLY-132: a thread that is not run for a while between them puts the time not ahead of the machine's."""
    pauses_ms = iter((0, 7, 0, 0, 0))

    def read_ns(clock: str) -> int:
        read_ms: int = getattr(machine, clock)
        machine.pass_time(next(pauses_ms))
        return read_ms * 1_000_000

    clock = SteadyClock(NOW_MS, lambda: read_ns("wall_ms"), lambda: read_ns("monotonic_ms"))
    machine.pass_time(20)
    clock()
    assert clock() == machine.wall_ms


def test_a_jump_backwards_is_not_followed(machine: Machine) -> None:
    clock = machine.clock()
    machine.wall_ms -= TEN_YEARS_MS
    machine.pass_time(HOUR_MS)
    assert clock() == NOW_MS + HOUR_MS
    assert clock.skew_ms() == -TEN_YEARS_MS


def test_a_sleep_of_the_machine_is_caught_up(machine: Machine) -> None:
    clock = machine.clock()
    machine.wall_ms += 3 * HOUR_MS
    for _ in range(6):
        machine.pass_time(HOUR_MS // 2)
        clock()
    assert clock() == machine.wall_ms
    machine.pass_time(HOUR_MS)
    assert clock() == machine.wall_ms


def test_each_jump_is_told_once(machine: Machine) -> None:
    clock = machine.clock()
    machine.wall_ms += HOUR_MS - 1
    assert not clock.has_jumped()
    machine.wall_ms += 2
    assert [clock.has_jumped() for _ in range(3)] == [True, False, False]
    machine.wall_ms -= HOUR_MS
    assert not clock.has_jumped()
    machine.wall_ms -= TEN_YEARS_MS
    assert clock.has_jumped()


@pytest.mark.parametrize(
    ("kept", "wall", "resumed"),
    [
        (0, NOW_MS, NOW_MS),
        (NOW_MS - 600_000, NOW_MS, NOW_MS),
        (NOW_MS, NOW_MS + TEN_YEARS_MS, NOW_MS + 2 * HOUR_MS),
        (NOW_MS, NOW_MS - TEN_YEARS_MS, NOW_MS),
        (NOW_MS, 0, NOW_MS),
        # Swept in the last minute of the hour that is kept, and started 59 minutes later.
        (NOW_MS, NOW_MS + 2 * HOUR_MS - 120_000, NOW_MS + 2 * HOUR_MS - 120_000),
    ],
)
def test_a_start_goes_on_from_what_was_kept(kept: int, wall: int, resumed: int) -> None:
    assert resumed_ms(kept, wall) == resumed


def test_the_time_of_the_last_sweep_is_kept(tmp_path: Path) -> None:
    """RLY-132, RLY-150: its full hour and no more; a start ten years later begins two hours after that."""
    config = Config(data_dir=tmp_path / "relay")
    directory = DataDirectory.claim(config.data_dir)
    file = directory.open_store()
    assert file.clock_ms() == 0
    begun_ms = EmbeddedEngine(config, file, NOW_MS).clock() - NOW_MS
    assert 0 <= begun_ms < HOUR_MS // 2
    for now_ms in (NOW_MS + HOUR_MS // 2, NOW_MS - 1):
        sweep_tables(file.connection, now_ms)
        assert file.clock_ms() == NOW_MS
    file.close()
    file = directory.open_store()
    clock = EmbeddedEngine(config, file, NOW_MS + TEN_YEARS_MS).clock
    assert 0 <= clock() - (NOW_MS + 2 * HOUR_MS) < HOUR_MS // 2
    file.close()
    directory.release()


def test_what_is_told_of_an_arrival_follows_the_machine_by_whole_hours() -> None:
    """RLY-133, RLY-34: two hours that end at different minutes would tell the minutes."""
    for skew_ms in (0, 1, -1, 5, -500, HOUR_MS // 2 - 1):
        assert told_hour_ms(NOW_MS, skew_ms) == hour_of(NOW_MS)
    assert told_hour_ms(NOW_MS, TEN_YEARS_MS + 7) == hour_of(NOW_MS) + TEN_YEARS_MS


def test_threads_do_not_turn_it_back() -> None:
    """RLY-132: a store's threads ask it while the loop does."""
    begun_ns, switch_s = time.monotonic_ns(), sys.getswitchinterval()
    clock = SteadyClock(0, wall_ns=lambda: time.monotonic_ns() - begun_ns)
    turned_back: list[tuple[int, int]] = []

    def ask() -> None:
        last_ms = 0
        for _ in range(30_000):
            now_ms = clock()
            if now_ms < last_ms:
                turned_back.append((last_ms, now_ms))
            last_ms = now_ms

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    finally:
        sys.setswitchinterval(switch_s)
    assert turned_back == []
    before_ns, now_ms, after_ns = time.monotonic_ns(), clock(), time.monotonic_ns()
    assert (before_ns - begun_ns) // 1_000_000 - 1 <= now_ms <= (after_ns - begun_ns) // 1_000_000 + 1
