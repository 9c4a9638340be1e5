"""Values of settings, read one by one; what is wrong with them is collected and told at once (RLY-168)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from .address_limits import Network
from .limits import Rate
from .setting_table import SETTINGS, Kind

# Python refuses to read a number of some thousand digits, with an error of its own.
_MAX_DIGITS: Final = 20
_MAX_PORT: Final = 0xFFFF
# A value that is longer is not repeated in an error.
_SHOWN: Final = 64


class ConfigError(ValueError):
    """A setting is missing or wrong; `setting` names it, the text says what is expected and who set it."""

    def __init__(self, setting: str, expected: str, origin: str = "") -> None:
        super().__init__(f"{setting}: {expected}" + (f" (set by {origin})" if origin else ""))
        self.setting = setting
        self.expected = expected

    @property
    def faults(self) -> Sequence[ConfigError]:
        """Return each fault by itself."""
        return (self,)


class ConfigErrors(ConfigError):
    """Several settings are wrong; the first one stands for all where one is asked for."""

    def __init__(self, faults: Sequence[ConfigError]) -> None:
        super().__init__(faults[0].setting, faults[0].expected)
        self.args = ("\n".join(str(one) for one in faults),)
        self._faults = tuple(faults)

    @property
    def faults(self) -> Sequence[ConfigError]:
        """Return each fault by itself."""
        return self._faults


def raise_all(faults: Sequence[ConfigError]) -> None:
    """Raise what there is.

    Raises:
        ConfigError: one fault.
        ConfigErrors: several.
    """
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ConfigErrors(faults)


def reason_of(error: OSError) -> str:
    """Return why a file cannot be read, without its path."""
    return (error.strerror or type(error).__name__).lower()


class Settings:
    """Settings by name with their origins. A value that is wrong is noted, and a default takes its place."""

    def __init__(self) -> None:
        self._values: dict[str, object] = {}
        self._origins: dict[str, str] = {}
        self.faults: list[ConfigError] = []

    def update(self, values: Mapping[str, object], origin: str) -> None:
        """Take values that go before those of earlier origins."""
        self._values.update(values)
        self._origins.update(dict.fromkeys(values, origin))

    def note(self, name: str, expected: str) -> None:
        """Note a fault of a setting; others of it may only follow from its first one."""
        if all(name != one.setting for one in self.faults):
            self.faults.append(ConfigError(name, expected, self._origins.get(name, "")))

    def note_all(self, error: ConfigError) -> None:
        """Note the faults of an error."""
        for one in error.faults:
            self.note(one.setting, one.expected)

    def names(self) -> list[str]:
        """Return what is set."""
        return list(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """Return a text; where none is set, `default`, else that of the table."""
        default = default or SETTINGS[name].default
        value = self._values.get(name, default)
        if not isinstance(value, str):
            self.note(name, "a text")
        elif not _is_usable(value, SETTINGS[name].kind):
            self.note(name, "a text in UTF-8 without a zero character")
        else:
            return value
        return default

    def directory(self, name: str) -> Path:
        """Return a path that has to be there: without one, files would get into the working directory."""
        if name in self and self._values[name] == "":
            self.note(name, "a directory, and not an empty text")
        return Path(self.text(name) or SETTINGS[name].default)

    def path(self, name: str) -> Path | None:
        """Return a path, None where none is set."""
        value = self.text(name)
        return Path(value) if value else None

    def flag(self, name: str) -> bool:
        """Return whether something is switched on."""
        value = self._values.get(name, False)
        # 1 and 0 are equal to them, and none of them.
        if not (isinstance(value, bool) or value in ("true", "false")):
            self.note(name, "true or false")
        return value is True or value == "true"

    def number(self, name: str) -> int | None:
        """Return a whole number within its bounds, None where it is none."""
        value = self._values[name]
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
            value = int(value)
        least, most = SETTINGS[name].least, SETTINGS[name].most
        if type(value) is int and least <= value <= most:
            return value
        self.note(name, f"a whole number from {least} to {most}")
        return None

    def rate(self, name: str) -> Rate | None:
        """Return a rate, None where it is none."""
        value = self._values[name]
        if isinstance(value, dict):
            value = f"{value.get('burst')}/{value.get('per_s')}"
        try:
            burst, per_s = (float(part) for part in str(value).split("/"))
        except ValueError:
            self.note(name, 'a rate as "burst/per_second"')
            return None
        if 1 <= burst <= 1e12 and 0 < per_s <= 1e12:
            return Rate(burst, per_s)
        self.note(name, "a burst of at least 1 and a refill above 0")
        return None

    def address(self, name: str) -> tuple[str, int]:
        """Return host and port."""
        value = self.text(name)
        host, colon, port = value.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        shown = f"{value!r} is not that: " if len(value) <= _SHOWN else ""
        if not colon or not host or not (port.isascii() and port.isdigit()):
            self.note(name, f"{shown}host:port, port 0 for any free one")
        elif len(port) > _MAX_DIGITS or int(port) > _MAX_PORT:
            self.note(name, f"{shown}a port is a number from 0 to {_MAX_PORT}")
        else:
            return host, int(port)
        host, _, port = SETTINGS[name].default.rpartition(":")
        return host, int(port)

    def url(self, name: str, schemes: tuple[str, ...]) -> str:
        """Return an address of another service."""
        value = self.text(name)
        if value and value.partition("://")[0] not in schemes:
            self.note(name, f"an address that begins with {schemes[0]}://")
        elif not _is_url(value):
            self.note(name, "an address whose host can be read")
            return ""
        return value

    def networks(self, name: str) -> tuple[Network, ...]:
        """Return addresses or networks."""
        named = self.text(name).replace(",", " ").split()
        try:
            return tuple(ipaddress.ip_network(one) for one in named)
        except ValueError:
            self.note(name, "addresses or networks, with commas between")
            return ()


def _is_usable(value: str, kind: Kind) -> bool:
    """Tell whether a text can be written down; a path may have any bytes but a zero."""
    if "\0" in value:
        return False
    try:
        value.encode("utf-8", "surrogateescape" if kind is Kind.PATH else "strict")
    except UnicodeEncodeError:
        return False
    return True


def _is_url(value: str) -> bool:
    try:
        urlsplit(value)  # its port is not looked at: a database may have several hosts
    except ValueError:
        return False
    return True
