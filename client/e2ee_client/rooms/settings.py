"""Files of settings: TOML in UTF-8, of a bounded size."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from e2ee_client.errors import ConfigError

FILE_MAX_B: Final = 262_144


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """Return the values of a file of at most 256 KiB; `what` names it in errors.

    Raises:
        ConfigError.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(FILE_MAX_B + 1)
        if len(data) > FILE_MAX_B:
            raise ConfigError(f"{what}: a file of at most {FILE_MAX_B} bytes")
        return tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{what}: the file cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigError(f"{what}: not TOML in UTF-8 ({error})") from None


def check(what: str, faults: Sequence[str]) -> None:
    """Raise all that is wrong with settings at once.

    Raises:
        ConfigError.
    """
    if faults:
        raise ConfigError(f"{what} cannot be used:" + "".join(f"\n- {fault}" for fault in faults))
