"""What the relay takes from its machine: disk, memory, processor, open files."""

from __future__ import annotations

import os
import resource
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/statm")
_OPEN_FILES = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class MachineFigures:
    """Figures of one moment; 0 where the system does not tell."""

    disk_free_b: int = 0
    disk_b: int = 0
    resident_b: int = 0
    processor_ms: int = 0
    open_files: int = 0


def allow_open_files(wanted: int) -> int:
    """Raise the limit of open files so far, or as far as the system lets it; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    # Some systems have a bound below the one that they tell.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def forbid_core_dumps() -> None:
    """Have no end of this process write its memory to a disk (RLY-275)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def measure(data_dir: Path) -> MachineFigures:
    """Return the figures of now; of the disk none while the data directory is gone."""
    try:
        disk = shutil.disk_usage(data_dir)
        disk_b, disk_free_b = disk.total, disk.free
    except OSError:
        disk_b = disk_free_b = 0
    times = resource.getrusage(resource.RUSAGE_SELF)
    return MachineFigures(
        disk_free_b=disk_free_b,
        disk_b=disk_b,
        resident_b=_resident_b(),
        processor_ms=int((times.ru_utime + times.ru_stime) * 1000),
        open_files=len(os.listdir(_OPEN_FILES)) if _OPEN_FILES.exists() else 0,
    )


def _resident_b() -> int:
    if not _STATUS.exists():
        return 0
    return int(_STATUS.read_text("ascii").split()[1]) * resource.getpagesize()
