"""Configuration: defaults, then a TOML file, then the environment, then flags; each later one wins.

Every setting has one name. In the environment it is written SEALROOM_RELAY_ and the name in capitals; rates
are written "burst/per_second". Secrets come from a file or the environment, never from a flag.
"""

from __future__ import annotations

import difflib
import ipaddress
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from . import protocol
from .address_limits import Network
from .limits import Policy, Rate
from .logs import LEVELS
from .setting_table import SETTINGS, Kind, names_of
from .settings import ConfigError, Settings, raise_all, reason_of
from .store.room import DEFAULT_RESERVE_B
from .tls_files import load_pair

ENV_PREFIX: Final = "SEALROOM_RELAY_"
_OFF: Final = "off"
_PLAINTEXT: Final = (
    "other machines reach {host}, and there is no TLS on it: set tls_cert and tls_key, or listen on 127.0.0.1"
    " behind a proxy, or set public_plaintext where something else keeps the way to it private"
)
_POLICY_FIELDS: Final = frozenset(one.name for one in fields(Policy))


class ClientAddress(StrEnum):
    """Where the relay learns a client's address from, to bound its connections (RLY-144)."""

    CONNECTION = "connection"
    PROXY_PROTOCOL = "proxy-protocol"
    FORWARDED_FOR = "forwarded-for"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that `sealroom-relay serve` needs."""

    host: str = "127.0.0.1"
    port: int = 8765
    data_dir: Path = Path("relay-data")
    tls_cert: Path | None = None
    tls_key: Path | None = None
    public_plaintext: bool = False  # on an address that other machines reach (RLY-169)
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
    poll_s: int = 10
    policy: Policy = field(default_factory=Policy)

    @property
    def database_path(self) -> Path:
        """The database as a file; beside that, and not beside a link to it, SQLite keeps the journal."""
        path = self.data_dir / "relay.db"
        return path.resolve() if path.is_symlink() else path

    def tls_listener(self) -> ssl.SSLContext:
        """Return a context with certificate and key as their files have them now.

        Raises:
            ConfigError: certificate or key cannot be used.
        """
        if self.tls_cert is None or self.tls_key is None:
            raise ConfigError("tls_cert", "a certificate chain, with tls_key for its key")
        return load_pair(self.tls_cert, self.tls_key)

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


def load(
    file: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, str],
    *,
    serves: bool = False,
) -> Config:
    """Return the configuration from all its sources.

    `serves`: what only a relay that serves needs is looked at too, certificate and key for example.

    Raises:
        ConfigError: a setting is unknown, missing or wrong.
        ConfigErrors: several are (RLY-168).
    """
    settings = Settings()
    if file is not None:
        _take_file(settings, file)
    settings.update(_from_environment(environment), "the environment")
    settings.update(flags, "a flag")
    _note_unknown(settings)
    config = _build(settings)
    _note_contradictions(settings, config)
    if serves:
        _note_faults_of_serving(settings, config)
    raise_all(settings.faults)
    return config


def _note_unknown(settings: Settings) -> None:
    for name in settings.names():
        if name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, 1)
            settings.note(name, "not a setting of the relay" + (f"; {near[0]} is" if near else ""))


def _take_file(settings: Settings, file: Path) -> None:
    try:
        with file.open("rb") as stream:
            document = tomllib.load(stream)
    except OSError as error:
        settings.note("config", f"{file} cannot be read: {reason_of(error)}")
        return
    except UnicodeDecodeError:
        settings.note("config", f"{file} is not TOML: not UTF-8")
        return
    except tomllib.TOMLDecodeError as error:
        settings.note("config", f"{file} is not TOML: {error}")
        return
    for name, value in document.items():
        # Tables only group settings; a setting has the same name inside and outside.
        is_group = isinstance(value, dict) and name not in names_of(Kind.RATE)
        settings.update(value if is_group else {name: value}, "the file")


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    return {
        name.removeprefix(ENV_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(ENV_PREFIX) and name != ENV_PREFIX + "CONFIG"
    }


def _build(settings: Settings) -> Config:
    host, port = settings.address("listen")
    has_metrics = settings.text("metrics_listen") != _OFF
    metrics_host, metrics_port = settings.address("metrics_listen") if has_metrics else ("", None)
    config = Config(
        host=host,
        port=port,
        data_dir=settings.directory("data_dir"),
        tls_cert=settings.path("tls_cert"),
        tls_key=settings.path("tls_key"),
        public_plaintext=settings.flag("public_plaintext"),
        metrics_host=metrics_host,
        metrics_port=metrics_port,
        metrics_chosen="metrics_listen" in settings,
        log_level=settings.text("log_level"),
        contact=settings.text("contact"),
        privacy_url=settings.text("privacy_url"),
        source_url=settings.text("source_url"),
        secret_file=_secret_file(settings),
        client_address=_client_address(settings),
        trusted_proxies=settings.networks("trusted_proxies"),
        store=settings.url("store", ("postgresql", "postgres")),
        policy=_policy(settings, host),
    )
    return replace(config, **_given(settings, of_policy=False))


def _given(settings: Settings, *, of_policy: bool) -> dict[str, Any]:
    """Return the numbers and rates of `Policy`, or those of `Config`, that are set and right."""
    readers = {Kind.NUMBER: settings.number, Kind.RATE: settings.rate}
    found = {
        name: readers[SETTINGS[name].kind](name)
        for name in names_of(*readers)
        if name in settings and (name in _POLICY_FIELDS) is of_policy
    }
    return {name: value for name, value in found.items() if value is not None}


def _note_contradictions(settings: Settings, config: Config) -> None:
    if config.log_level not in LEVELS:
        settings.note("log_level", "one of " + ", ".join(LEVELS))
    if (config.tls_cert is None) != (config.tls_key is None):
        missing = "tls_key" if config.tls_key is None else "tls_cert"
        settings.note("tls_key", f"tls_cert and tls_key come together, and {missing} is not set")
    has_proxies = "trusted_proxies" in settings and bool(settings.text("trusted_proxies").strip())
    if (config.client_address is ClientAddress.CONNECTION) == has_proxies:
        settings.note("trusted_proxies", "comes together with a client_address from a proxy")


def _note_faults_of_serving(settings: Settings, config: Config) -> None:
    """Note files of TLS that cannot be used, and plaintext that nobody has asked for (RLY-168, RLY-169)."""
    if config.tls_cert is not None and config.tls_key is not None:
        try:
            config.tls_listener()
        except ConfigError as error:
            settings.note_all(error)
    elif not (config.tls_cert or config.tls_key or config.is_local or config.public_plaintext):
        settings.note("listen", _PLAINTEXT.format(host=config.host))


def _policy(settings: Settings, host: str) -> Policy:
    name = settings.text("relay_name", host)
    if not 1 <= len(name.encode()) <= protocol.MAX_NAME_B:
        settings.note("relay_name", f"1 to {protocol.MAX_NAME_B} bytes")
    given = _given(settings, of_policy=True)
    return replace(Policy(**given), relay_name=name, registration_secret=_secret(settings))


def _secret_file(settings: Settings) -> Path | None:
    # A secret that is set by itself goes before the file.
    return None if "registration_secret" in settings else settings.path("registration_secret_file")


def _secret(settings: Settings) -> bytes | None:
    try:
        if "registration_secret" in settings:
            return _usable_secret(settings.text("registration_secret").encode(), "registration_secret")
        file = _secret_file(settings)
        return None if file is None else _read_secret(file)
    except ConfigError as error:
        settings.note_all(error)
        return None


def _read_secret(file: Path) -> bytes:
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        text = f"{file} cannot be read: {reason_of(error)}"
        raise ConfigError("registration_secret_file", text) from None
    return _usable_secret(secret, "registration_secret_file", f"{file} has to have ")


def _usable_secret(secret: bytes, setting: str, where: str = "") -> bytes:
    if not 1 <= len(secret) <= protocol.MAX_SECRET_B:
        raise ConfigError(setting, f"{where}1 to {protocol.MAX_SECRET_B} bytes")
    return secret


def _client_address(settings: Settings) -> ClientAddress:
    try:
        return ClientAddress(settings.text("client_address"))
    except ValueError:
        settings.note("client_address", "one of " + ", ".join(ClientAddress))
        return ClientAddress.CONNECTION


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def config_path(environment: Mapping[str, str], flag: str | None) -> Path | None:
    """Return the configuration file that was named by flag or environment."""
    named = flag or environment.get(ENV_PREFIX + "CONFIG")
    return Path(named) if named else None
