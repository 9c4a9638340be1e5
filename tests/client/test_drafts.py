"""Files in the clear that are not whole yet leave nothing behind, whatever ends the program."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from e2ee_client.runtime import drafts
from e2ee_client.runtime.drafts import draft

WORDS = b"in the clear"


@pytest.fixture(params=["nameless", "named"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """As on Linux, and as where the system has no files without a name."""
    if request.param == "named":
        monkeypatch.setattr(drafts, "_OPEN_FILES", Path("/none"))
    elif sys.platform != "linux":
        pytest.skip("this system has no files without a name")
    return str(request.param)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_draft_has_its_name_when_it_is_whole(kind: str, tmp_path: Path) -> None:
    """FIL-16: for its owner only, and readable meanwhile; in the place of nothing."""
    with draft(tmp_path) as made:
        made.file.write(WORDS)
        made.file.flush()
        assert made.path.read_bytes() == WORDS
        assert len(names(tmp_path)) == (kind == "named")
        made.keep(tmp_path / "final")
    assert names(tmp_path) == ["final"]
    assert (tmp_path / "final").read_bytes() == WORDS
    assert stat.S_IMODE((tmp_path / "final").stat().st_mode) == 0o600
    with draft(tmp_path) as made, pytest.raises(FileExistsError):
        made.keep(tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == WORDS


def test_a_program_that_is_killed_leaves_no_draft(tmp_path: Path) -> None:
    """FIL-16: nothing in the clear stays where nobody looks for it."""
    if sys.platform != "linux":
        pytest.skip("this system has no files without a name")
    child = os.fork()
    if not child:
        with draft(tmp_path) as made:
            made.file.write(WORDS)
            made.file.flush()
            os._exit(0)
    os.waitpid(child, 0)
    assert names(tmp_path) == []


def test_a_disk_without_links_gives_a_name_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FIL-16"""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(drafts, "_OPEN_FILES", Path("/none"))
    monkeypatch.setattr(os, "link", refuse)
    with draft(tmp_path) as made:
        made.file.write(WORDS)
        made.keep(tmp_path / "final")
    with draft(tmp_path) as made, pytest.raises(FileExistsError):
        made.keep(tmp_path / "final")
    assert names(tmp_path) == ["final"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), draft(tmp_path / "none"):
        pass
