"""Builds the libsodium of released wheels, static: `python release/sodium.py FOLDER [TARBALL]`.

FOLDER gets `include` and `lib`, as `SEALROOM_SODIUM` takes it (hatch_build.py). The tarball is the one that
libsodium's keeper publishes; other bytes are refused before anything is unpacked. Its licence has to be
the text that wheels have.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from typing import Final

VERSION: Final = "1.0.20"
SHA256: Final = "ebb65ef6ca439333c2bb41a0c1990587288da07f6c7fd07cb3a18cc18d30ce19"
SOURCE: Final = f"https://download.libsodium.org/libsodium/releases/libsodium-{VERSION}.tar.gz"
MAX_B: Final = 16 << 20
LICENCE: Final = Path(__file__).resolve().parent / "licenses/libsodium.txt"


class OtherBytes(Exception):
    """The tarball is not the one that is pinned, or its licence not the text that wheels have."""


def pinned(tarball: bytes) -> bytes:
    """Return the tarball.

    Raises:
        OtherBytes: its SHA-256 is another.
    """
    found = hashlib.sha256(tarball).hexdigest()
    if found != SHA256:
        raise OtherBytes(f"SHA-256 {found}")
    return tarball


def check_licence(source: Path) -> None:
    """Compare the licence of what was unpacked, word by word, with the text that wheels have.

    Raises:
        OtherBytes: it is another.
    """
    found = re.findall(r"[^\s*/]+", (source / "LICENSE").read_text("utf-8"))
    if found != re.findall(r"[^\s*/]+", LICENCE.read_text("utf-8")):
        raise OtherBytes("LICENSE is another than release/licenses/libsodium.txt")


def download() -> bytes:
    """Fetch the tarball, of at most 16 MiB."""
    with urllib.request.urlopen(SOURCE, timeout=60) as answer:
        found: bytes = answer.read(MAX_B)
    return found


def build(source: Path, folder: Path) -> None:
    """Compile what was unpacked, run its own tests and lay out headers and library."""
    if sys.platform == "win32":
        _build_with_visual_studio(source, folder)
        return
    options = [f"--prefix={folder}", "--disable-shared", "--enable-static", "--with-pic"]
    jobs = f"-j{os.cpu_count() or 1}"
    for command in (
        ["./configure", "--quiet", *options],
        ["make", jobs],
        ["make", jobs, "check"],
        ["make", "install"],
    ):
        subprocess.run(command, cwd=source, check=True)


def _build_with_visual_studio(source: Path, folder: Path) -> None:
    solution = source / "builds/msvc/vs2022/libsodium.sln"
    options = ["/m", "/p:Configuration=StaticRelease", "/p:Platform=x64"]
    subprocess.run(["msbuild", str(solution), *options], check=True)
    (library,) = source.glob("bin/x64/Release/*/static/libsodium.lib")
    shutil.copytree(source / "src/libsodium/include", folder / "include", dirs_exist_ok=True)
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    shutil.copy(library, folder / "lib")


def main() -> None:
    """Take the tarball, check it, unpack and build."""
    folder = Path(sys.argv[1]).resolve()
    tarball = pinned(Path(sys.argv[2]).read_bytes() if len(sys.argv) > 2 else download())
    with tempfile.TemporaryDirectory(prefix="sodium-") as name:
        with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
            archive.extractall(name, filter="data")
        (source,) = Path(name).iterdir()
        check_licence(source)
        build(source, folder)


if __name__ == "__main__":
    main()
