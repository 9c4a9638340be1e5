"""Builds the wheel and installs it without any download."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import checkout

SOURCE_DATE_EPOCH = "1700000000"


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without anything that would make Python find the checkout."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "PYTEST"))
    }
    return kept | extra


def build(folder: Path, kind: str = "pure") -> Path:
    """Builds the wheel of the checkout into `folder`, pure or of another kind (hatch_build.py)."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    environment = clean_environment(SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH, SEALROOM_WHEEL=kind)
    run = subprocess.run(
        command, cwd=checkout.ROOT, env=environment, check=False, capture_output=True, text=True
    )
    if run.returncode != 0:
        raise RuntimeError(f"the wheel was not built: {run.stdout}{run.stderr}")
    return next(folder.glob("*.whl"))


def make_environment(folder: Path, wheel: Path, libraries: Path) -> Path:
    """Makes an environment with the wheel and the libraries of a folder; returns its Python."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, capture_output=True
    )
    python = folder / "bin" / "python"
    install = [
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run([sys.executable, *install], env=clean_environment(), check=True, capture_output=True)
    asked = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        env=clean_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    # A folder named in a .pth file joins the path; its own .pth files, of an editable install, do not count.
    (Path(asked.stdout.strip()) / "libraries.pth").write_text(f"{libraries}\n", "utf-8")
    return python


def installed_libraries() -> Path:
    """Where the libraries of the running environment are."""
    return Path(sysconfig.get_path("purelib"))


def locked_names(lock: Path) -> list[str]:
    """Names of the distributions in a lock file."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text("utf-8"), re.MULTILINE)


def library_folder(folder: Path, lock: Path) -> Path:
    """Fills `folder` with links to just those installed libraries that a lock file names."""
    folder.mkdir()
    for name in locked_names(lock):
        files = importlib.metadata.distribution(name).files or []
        for top in sorted({file.parts[0] for file in files} - {"..", "__pycache__"}):
            source = Path(str(importlib.metadata.distribution(name).locate_file(top)))
            if not (folder / top).exists():
                (folder / top).symlink_to(source)
    return folder
