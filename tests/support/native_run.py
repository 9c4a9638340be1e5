"""The extension beside its reference, 10^7 executions, and a part of them under sanitizers.

python tests/support/native_run.py [--executions N]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import native_build

_SUPPORT: Final = Path(__file__).resolve().parent
# Sanitizers make a call several times slower.
_SANITIZED: Final = 50


def compared(extension: Path, executions: int, *more: str, **environment: str) -> bool:
    """Compare in a process where the reference is in force; whether all outcomes were equal."""
    command = [sys.executable, str(_SUPPORT / "native_fuzz.py"), str(extension), f"--executions={executions}"]
    kept = os.environ | environment | {"SEALROOM_PURE": "1", "PYTHONPATH": str(_SUPPORT)}
    return subprocess.run([*command, *more], env=kept, check=False).returncode == 0


def main() -> int:
    """Build both, run both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--executions", type=int, default=10_000_000)
    executions = parser.parse_args().executions
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        watched = native_build.build(folder / "watched", *native_build.SANITIZERS)
        plain = native_build.build(folder / "plain")
        sound = compared(
            watched, executions // _SANITIZED, "--seed=2", **native_build.sanitizer_environment()
        )
        return 0 if sound and compared(plain, executions, "--report") else 1


if __name__ == "__main__":
    sys.exit(main())
