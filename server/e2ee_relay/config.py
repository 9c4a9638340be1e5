"""Configuration: defaults, then a TOML file, then the environment, then flags; each later one wins.

Every setting has one name. In the environment it is written SEALROOM_RELAY_ and the name in capitals; rates
are written "burst/per_second". Secrets come from a file or the environment, never from a flag.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from . import protocol
from .limits import Policy, Rate
from .logs import LEVELS
from .store.room import DEFAULT_RESERVE_B
from .visitors import Network

ENV_PREFIX: Final = "SEALROOM_RELAY_"
_METRICS_LISTEN: Final = "127.0.0.1:9465"
_OFF: Final = "off"
_TEXT: Final = (
    "listen", "data_dir", "relay_name", "tls_cert", "tls_key", "metrics_listen", "log_level",
    "registration_secret", "registration_secret_file", "contact", "privacy_url", "source_url",
    "client_address", "trusted_proxies", "store", "bus",
)  # fmt: skip
_NUMBERS: Final = (
    "max_connections", "max_connections_per_address", "max_handshakes", "drain_s", "retry_after_ms",
    "store_connections", "poll_s", "disk_reserve_b", "registration_backlog",
)  # fmt: skip
_RATES: Final = ("connects_per_address",)
_POLICY_NUMBERS: Final = tuple(one.name for one in fields(Policy) if one.type == "int")
_POLICY_RATES: Final = tuple(one.name for one in fields(Policy) if one.type == "Rate")
SETTINGS: Final = (*_TEXT, *_NUMBERS, *_RATES, *_POLICY_NUMBERS, *_POLICY_RATES)
# Python refuses to read a number of some thousand digits, with an error of its own.
_MAX_DIGITS: Final = 20
# What the wire format admits at most; a larger grant could not be used.
_CEILINGS: Final = {
    "max_body_b": protocol.MAX_BODY_B,
    "max_send_items": protocol.MAX_SEND_ITEMS,
    "max_mailboxes": protocol.MAX_MAILBOXES,
    "max_one_time_keys": 10_000,
    "store_connections": 64,
    # Below what the shell buffers for a connection (RLY-71): a window alone must never make a client "slow".
    "window_b": 6 << 20,
    "connection_window_b": 6 << 20,
    # More is refused by clients (RLY-142).
    "pow_bits_create": protocol.MAX_POW_BITS,
    "pow_bits_send": protocol.MAX_POW_BITS,
    "pow_bits_fetch": protocol.MAX_POW_BITS,
}
_MAY_BE_ZERO: Final = frozenset(
    {
        "remembered_s",
        "low_prekeys",
        "pow_bits_create",
        "pow_bits_send",
        "pow_bits_fetch",
        "drain_s",
        "retry_after_ms",
        "disk_reserve_b",
    }
)


class ClientAddress(StrEnum):
    """Where the relay learns a client's address from, to bound its connections (RLY-144)."""

    CONNECTION = "connection"
    PROXY_PROTOCOL = "proxy-protocol"
    FORWARDED_FOR = "forwarded-for"


class ConfigError(ValueError):
    """A setting is missing or wrong; `setting` names it, the text says what is expected and who set it."""

    def __init__(self, setting: str, expected: str, origin: str = "") -> None:
        super().__init__(f"{setting}: {expected}" + (f" (set by {origin})" if origin else ""))
        self.setting = setting
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that `sealroom-relay serve` needs."""

    host: str = "127.0.0.1"
    port: int = 8765
    data_dir: Path = Path("relay-data")
    tls_cert: Path | None = None
    tls_key: Path | None = None
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    metrics_chosen: bool = True  # the address of the figures was set, and is not the default
    log_level: str = "info"
    max_connections: int = 20_000
    max_connections_per_address: int = 1_000
    max_handshakes: int = 1_000
    connects_per_address: Rate = field(default=Rate(1_000, 50))
    client_address: ClientAddress = ClientAddress.CONNECTION
    trusted_proxies: tuple[Network, ...] = ()
    drain_s: int = 10
    retry_after_ms: int = 2_000
    disk_reserve_b: int = DEFAULT_RESERVE_B
    registration_backlog: int = 10_000
    contact: str = ""
    privacy_url: str = ""
    source_url: str = ""
    secret_file: Path | None = None
    store: str = ""  # address of a shared PostgreSQL database; empty: a database of its own in data_dir
    bus: str = ""  # address of NATS; empty: notifications of the shared database
    store_connections: int = 2
    poll_s: int = 10
    policy: Policy = field(default_factory=Policy)

    @property
    def database_path(self) -> Path:
        """The database; the mark and the lock are its siblings."""
        return self.data_dir / "relay.db"

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the context for TLS, or None behind a proxy.

        Raises:
            ConfigError: certificate or key cannot be used.
        """
        return None if self.tls_cert is None else self.tls_listener()

    def tls_listener(self) -> ssl.SSLContext:
        """Return a context with certificate and key as their files have them now.

        Raises:
            ConfigError: certificate or key cannot be used.
        """
        if self.tls_cert is None:
            raise ConfigError("tls_cert", "a certificate chain")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError):
            raise ConfigError(
                "tls_cert", "a certificate chain with its key, both readable PEM files"
            ) from None
        return context

    @property
    def is_local(self) -> bool:
        """Tell whether clients can come from this machine only, a proxy's for example."""
        return _is_loopback(self.host)

    def registration_secret(self) -> bytes | None:
        """Return the registration secret as its file has it now; without a file, the one that was set.

        Raises:
            ConfigError: the file cannot be used.
        """
        return self.policy.registration_secret if self.secret_file is None else _read_secret(self.secret_file)

    def doubts(self) -> list[str]:
        """Return what is allowed but seldom meant."""
        found: list[str] = []
        if not self.is_local and self.tls_cert is None:
            found.append("listen: other machines reach this address, and there is no TLS on it")
        if not _is_loopback(self.metrics_host) and self.metrics_port is not None:
            found.append("metrics_listen: other machines reach the figures")
        if self.store and urlsplit(self.store).password:
            found.append("store: the password is in the address; a file named by PGPASSFILE keeps it apart")
        if self.policy.relay_name in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            found.append("relay_name: set it to the host in the address that clients have")
        return found


def load(file: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]) -> Config:
    """Return the configuration from all its sources.

    Raises:
        ConfigError: a setting is unknown, missing or wrong.
    """
    settings: dict[str, object] = {}
    origins: dict[str, str] = {}
    for origin, given in (
        ("the file", {} if file is None else _from_file(file)),
        ("the environment", _from_environment(environment)),
        ("a flag", flags),
    ):
        settings.update(given)
        origins.update(dict.fromkeys(given, origin))
    try:
        _refuse_unknown(settings)
        return _build(settings)
    except ConfigError as error:
        raise ConfigError(error.setting, error.expected, origins.get(error.setting, "")) from None


def _refuse_unknown(settings: Mapping[str, object]) -> None:
    for name in settings:
        if name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, 1)
            raise ConfigError(name, "not a setting of the relay" + (f"; {near[0]} is" if near else ""))


def _from_file(file: Path) -> dict[str, object]:
    try:
        with file.open("rb") as stream:
            document = tomllib.load(stream)
    except OSError:
        raise ConfigError("config", "a readable TOML file") from None
    except UnicodeDecodeError:
        raise ConfigError("config", "not TOML: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config", f"not TOML: {error}") from None
    settings: dict[str, object] = {}
    for name, value in document.items():
        # Tables only group settings; a setting has the same name inside and outside.
        settings.update(
            value if isinstance(value, dict) and name not in (*_RATES, *_POLICY_RATES) else {name: value}
        )
    return settings


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    return {
        name.removeprefix(ENV_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENV_PREFIX) and name != ENV_PREFIX + "CONFIG"
    }


def _build(settings: Mapping[str, object]) -> Config:
    host, port = _address(settings, "listen", "127.0.0.1:8765")
    metrics = settings.get("metrics_listen") != _OFF
    metrics_host, metrics_port = _address(settings, "metrics_listen", _METRICS_LISTEN) if metrics else ("", 0)
    config = Config(
        host=host,
        port=port,
        data_dir=Path(_text(settings, "data_dir", "relay-data")),
        tls_cert=_path(settings, "tls_cert"),
        tls_key=_path(settings, "tls_key"),
        metrics_host=metrics_host,
        metrics_port=metrics_port if metrics else None,
        metrics_chosen="metrics_listen" in settings,
        log_level=_text(settings, "log_level", "info"),
        contact=_text(settings, "contact", ""),
        privacy_url=_text(settings, "privacy_url", ""),
        source_url=_text(settings, "source_url", ""),
        secret_file=_secret_file(settings),
        client_address=_client_address(settings),
        trusted_proxies=_networks(settings),
        store=_url(settings, "store", ("postgresql", "postgres")),
        bus=_url(settings, "bus", ("nats", "tls")),
        policy=_policy(settings, host),
    )
    numbers: dict[str, Any] = {name: _number(settings, name) for name in _NUMBERS if name in settings}
    numbers.update({name: _rate(settings, name) for name in _RATES if name in settings})
    config = replace(config, **numbers)
    if config.log_level not in LEVELS:
        raise ConfigError("log_level", "one of " + ", ".join(LEVELS))
    if (config.tls_cert is None) != (config.tls_key is None):
        raise ConfigError("tls_key", "tls_cert and tls_key come together")
    if (config.client_address is ClientAddress.CONNECTION) == bool(config.trusted_proxies):
        raise ConfigError("trusted_proxies", "comes together with a client_address from a proxy")
    if config.bus and not config.store:
        raise ConfigError("bus", "only nodes of a shared store speak to each other: set store too")
    return config


def _policy(settings: Mapping[str, object], host: str) -> Policy:
    name = _text(settings, "relay_name", host)
    if not 1 <= len(name.encode()) <= protocol.MAX_NAME_B:
        raise ConfigError("relay_name", f"1 to {protocol.MAX_NAME_B} bytes")
    given: dict[str, Any] = {one: _number(settings, one) for one in _POLICY_NUMBERS if one in settings}
    given.update({one: _rate(settings, one) for one in _POLICY_RATES if one in settings})
    return replace(Policy(**given), relay_name=name, registration_secret=_secret(settings))


def _secret_file(settings: Mapping[str, object]) -> Path | None:
    # A secret that is set by itself goes before the file.
    return None if "registration_secret" in settings else _path(settings, "registration_secret_file")


def _secret(settings: Mapping[str, object]) -> bytes | None:
    if "registration_secret" in settings:
        return _usable_secret(_text(settings, "registration_secret", "").encode(), "registration_secret")
    file = _secret_file(settings)
    return None if file is None else _read_secret(file)


def _read_secret(file: Path) -> bytes:
    try:
        secret = file.read_bytes().strip()
    except OSError:
        raise ConfigError("registration_secret_file", "a readable file") from None
    return _usable_secret(secret, "registration_secret_file")


def _usable_secret(secret: bytes, setting: str) -> bytes:
    if not 1 <= len(secret) <= protocol.MAX_SECRET_B:
        raise ConfigError(setting, f"1 to {protocol.MAX_SECRET_B} bytes")
    return secret


def _text(settings: Mapping[str, object], name: str, default: str) -> str:
    value = settings.get(name, default)
    if not isinstance(value, str):
        raise ConfigError(name, "a text")
    return value


def _url(settings: Mapping[str, object], name: str, schemes: tuple[str, ...]) -> str:
    value = _text(settings, name, "")
    if value and value.partition("://")[0] not in schemes:
        raise ConfigError(name, f"an address that begins with {schemes[0]}://")
    return value


def _path(settings: Mapping[str, object], name: str) -> Path | None:
    return Path(_text(settings, name, "")) if settings.get(name) else None


def _number(settings: Mapping[str, object], name: str) -> int:
    value = settings[name]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        value = int(value)
    least, most = 0 if name in _MAY_BE_ZERO else 1, _CEILINGS.get(name, 1 << 40)
    if type(value) is not int or not least <= value <= most:
        raise ConfigError(name, f"a whole number from {least} to {most}")
    return value


def _rate(settings: Mapping[str, object], name: str) -> Rate:
    value = settings[name]
    if isinstance(value, dict):
        value = f"{value.get('burst')}/{value.get('per_s')}"
    try:
        burst, per_s = (float(part) for part in str(value).split("/"))
    except ValueError:
        raise ConfigError(name, 'a rate as "burst/per_second"') from None
    if not (1 <= burst <= 1e12 and 0 < per_s <= 1e12):
        raise ConfigError(name, "a burst of at least 1 and a refill above 0")
    return Rate(burst, per_s)


def _address(settings: Mapping[str, object], name: str, default: str) -> tuple[str, int]:
    host, colon, port = _text(settings, name, default).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    is_number = port.isascii() and port.isdigit() and len(port) <= _MAX_DIGITS
    if not colon or not host or not is_number or int(port) > 0xFFFF:
        raise ConfigError(name, "host:port, port 0 for any free one")
    return host, int(port)


def _client_address(settings: Mapping[str, object]) -> ClientAddress:
    try:
        return ClientAddress(_text(settings, "client_address", ClientAddress.CONNECTION))
    except ValueError:
        raise ConfigError("client_address", "one of " + ", ".join(ClientAddress)) from None


def _networks(settings: Mapping[str, object]) -> tuple[Network, ...]:
    named = _text(settings, "trusted_proxies", "").replace(",", " ").split()
    try:
        return tuple(ipaddress.ip_network(one) for one in named)
    except ValueError:
        raise ConfigError("trusted_proxies", "addresses or networks, with commas between") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def config_path(environment: Mapping[str, str], flag: str | None) -> Path | None:
    """Return the configuration file that was named by flag or environment."""
    named = flag or environment.get(ENV_PREFIX + "CONFIG")
    return Path(named) if named else None


def environment() -> Mapping[str, str]:
    """Return the process's environment."""
    return os.environ
