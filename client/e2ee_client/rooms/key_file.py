"""Files with keys that leave a store: on disk before the key is given up (ID-12), for their owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from e2ee_client.errors import ConfigError
from e2ee_client.store.files import synchronise_directory


def check_free(path: Path) -> None:
    """Refuse a place where something stands, or that is no folder's.

    Raises:
        ConfigError.
    """
    if os.path.lexists(path) or not path.parent.is_dir():
        raise ConfigError("the file of the account key is a new one, in a folder that is there")


def write(path: Path, data: bytes) -> None:
    """Write a new file for its owner only, and wait until it is on the disk.

    Raises:
        ConfigError: it cannot be written; nothing is left.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"the file of the key cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        synchronise_directory(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ConfigError(f"the file of the key cannot be written: {error.strerror}") from None


def replace(path: Path, data: bytes) -> None:
    """Write a file for its owner only in place of one that may stand there: readers find either, whole.

    Raises:
        ConfigError: it cannot be written; what stands there stays.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        write(draft, data)
        draft.replace(path)
        synchronise_directory(path.parent)
    except OSError as error:
        raise ConfigError(f"the file cannot be written: {error.strerror}") from None
