"""The relay's memory as a debugger sees it: a core image of the live process, by `gcore` (Debian: gdb)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .scan import ScanRefused


def why_not() -> str:
    """Return why no core image can be made here, or nothing."""
    return "" if shutil.which("gcore") else "gcore is not installed (Debian: apt install gdb)"


def core_of(pid: int, folder: Path) -> Path:
    """Write the core image of a process; the process goes on.

    Raises:
        ScanRefused: the system does not allow it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["gcore", "-o", str(folder / "core"), str(pid)], capture_output=True, text=True, check=False
    )
    core = folder / f"core.{pid}"
    if done.returncode or not core.exists():
        raise ScanRefused("gcore could not make a core image of the relay")
    return core
