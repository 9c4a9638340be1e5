"""The model of a disk without power: what was synchronised stays, what was not may go in any part."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from power_disk import KINDS, Disk, UnknownChangeError, Write, sectors
from power_trace import Call, Step, read

HOME = Path("/srv/relay")
DATABASE = str(HOME / "relay.db")


def both(disk: Disk, name: str, place: str, *, data: bytes = b"", numbers: tuple[int, ...] = ()) -> None:
    """A call from its beginning to its end."""
    call = Call(name, place, (data,), numbers, "O_RDWR|O_CREAT" if name == "openat" else "", len(data))
    for is_end in (False, True):
        disk.follow(Step(0.0, call, is_end))


@pytest.fixture
def disk() -> Disk:
    """A durable directory with one durable file of two sectors."""
    disk = Disk(HOME)
    both(disk, "mkdir", str(HOME))
    both(disk, "fsync", str(HOME.parent))
    both(disk, "openat", DATABASE)
    both(disk, "pwrite64", DATABASE, data=b"a" * 1024, numbers=(1024, 0))
    both(disk, "fsync", DATABASE)
    both(disk, "fsync", str(HOME))
    return disk


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_synchronised_is_there(disk: Disk, kind: str) -> None:
    assert disk.left(kind, random.Random(1)) == {"relay.db": b"a" * 1024}


def test_what_was_not_synchronised_may_be_there_in_part(disk: Disk) -> None:
    both(disk, "pwrite64", DATABASE, data=b"b" * 1024, numbers=(1024, 0))
    assert disk.left("dropped", random.Random(1)) == {"relay.db": b"a" * 1024}
    assert disk.left("kept", random.Random(1)) == {"relay.db": b"b" * 1024}
    found = {disk.left("sectors in any order", random.Random(seed))["relay.db"] for seed in range(40)}
    a, b = b"a" * 512, b"b" * 512
    assert found == {a + a, a + b, b + a, b + b}


def test_a_synchronisation_covers_what_was_written_before_it_began(disk: Disk) -> None:
    sync = Call("fdatasync", DATABASE, (), (), "", 0)
    both(disk, "pwrite64", DATABASE, data=b"b", numbers=(1, 0))
    disk.follow(Step(0.0, sync, False))
    both(disk, "pwrite64", DATABASE, data=b"c", numbers=(1, 1))
    assert disk.left("dropped", random.Random(1))["relay.db"][:2] == b"aa"
    assert disk.follow(Step(0.0, sync, True))
    assert disk.left("dropped", random.Random(1))["relay.db"][:2] == b"ba"


def test_a_name_is_durable_with_its_directory(disk: Disk) -> None:
    journal = DATABASE + "-wal"
    both(disk, "openat", journal)
    both(disk, "pwrite64", journal, data=b"frame", numbers=(5, 0))
    both(disk, "fsync", journal)
    assert disk.left("dropped", random.Random(1)).keys() == {"relay.db"}
    both(disk, "fsync", str(HOME))
    both(disk, "unlink", journal)
    assert disk.left("dropped", random.Random(1)).keys() == {"relay.db", "relay.db-wal"}
    assert disk.left("kept", random.Random(1)).keys() == {"relay.db"}


def test_a_directory_whose_parent_was_not_synchronised_may_be_gone() -> None:
    disk = Disk(HOME)
    both(disk, "mkdir", str(HOME))
    both(disk, "openat", DATABASE)
    both(disk, "fsync", str(HOME))
    assert disk.left("dropped", random.Random(1)) == {}


def test_a_new_size_may_be_there_or_not(disk: Disk) -> None:
    both(disk, "ftruncate", DATABASE, numbers=(100,))
    assert len(disk.left("dropped", random.Random(1))["relay.db"]) == 1024
    assert disk.left("kept", random.Random(1))["relay.db"] == b"a" * 100


def test_a_change_that_the_model_does_not_know_is_no_silent_pass(disk: Disk) -> None:
    with pytest.raises(UnknownChangeError):
        both(disk, "rename", DATABASE)
    with pytest.raises(UnknownChangeError):
        both(disk, "pwrite64", str(HOME / "other"), data=b"x", numbers=(1, 0))


def test_writes_are_cut_where_sectors_end() -> None:
    pieces = list(sectors(Write(1, 500, b"x" * 600), 512))
    assert [(at, len(piece)) for at, piece in pieces] == [(500, 12), (512, 512), (1024, 76)]


def test_a_log_is_read_in_the_order_of_beginnings_and_ends(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    path, text = r"\x2f\x61", r"\x62\x63"
    log.write_text(
        f'7  10.000001 pwrite64(3<{path}>, "{text}", 2, 9) = 2\n'
        f"8  10.000002 fdatasync(3<{path}> <unfinished ...>\n"
        f'7  10.000003 sendto(4<{path}>, "{text}", 2, 0, NULL, 0) = 2\n'
        f"8  10.000004 <... fdatasync resumed>) = 0\n"
        f"7  10.000005 ftruncate(3<{path}>, 5) = -1 EIO (Input/output error)\n"
        "7  10.000006 +++ killed by SIGKILL +++\n"
    )
    steps = list(read(log))
    assert [(step.call.name, step.is_end) for step in steps] == [
        ("pwrite64", False), ("pwrite64", True), ("fdatasync", False), ("sendto", False), ("sendto", True),
        ("fdatasync", True),
    ]  # fmt: skip
    assert steps[0].call == Call("pwrite64", "/a", (b"bc",), (2, 9), "", 2)
