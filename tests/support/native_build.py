"""Builds the extension of `e2ee/primitives` beside the checkout, and loads what was built."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Final

import checkout

import hatch_build

SOURCE: Final = checkout.ROOT / "e2ee/primitives/_native.c"
SANITIZERS: Final = (
    "-O1",
    "-g",
    "-U_FORTIFY_SOURCE",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
)


class CannotBuild(Exception):
    """There is no compiler, or no libsodium, or the source is wrong; the text says which."""


def build(folder: Path, *flags: str, source: Path = SOURCE) -> Path:
    """Build the extension into a folder.

    Raises:
        CannotBuild: it does not compile.
    """
    target = folder / hatch_build.EXTENSION
    if reason := hatch_build.compile_extension(source, target, *flags):
        raise CannotBuild(reason)
    return target


def sanitizer_environment() -> dict[str, str]:
    """What a process needs that loads an extension built with `SANITIZERS`.

    Raises:
        CannotBuild: the compiler has no AddressSanitizer.
    """
    command = ["cc", "-print-file-name=libasan.so"]
    library = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(library).is_absolute():
        raise CannotBuild("the compiler has no AddressSanitizer")
    # Python itself keeps memory to its end, so leaks are not looked for.
    return {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}


def can_build() -> bool:
    """Whether this machine has a compiler of C, and the headers of Python and libsodium."""
    headers = (Path(sysconfig.get_path("include")) / "Python.h", Path("/usr/include/sodium.h"))
    return shutil.which("cc") is not None and all(header.exists() for header in headers)


def load(path: Path) -> ModuleType:
    """Load an extension from its file."""
    spec = importlib.util.spec_from_file_location("_native", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
