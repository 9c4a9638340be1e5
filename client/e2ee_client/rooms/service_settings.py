"""The settings of a desk that is always on, from a file of TOML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from e2ee_client.errors import ConfigError

from .hours import Hours
from .mail import MailPassword, MailServer
from .routing import Routing
from .service import Service, Words
from .settings import check, read_toml
from .webhooks import Webhook, WebhookSecret

T = TypeVar("T")
_KEYS: Final = frozenset(
    {"greeting", "closed", "page", "mail_after_s", "history", "hours", "routing", "mail", "webhook"}
)
_SECRET_MAX_B: Final = 4096


def load_service(path: str | Path) -> Service:
    """Read what a desk does by itself. Secrets are in files of their own, named relative to this one.

    greeting, closed: a text, or a table with one for each language; hours, routing: tables as their own files
    have them; mail: host, port, sender, company, security, user, password_file; webhook: url, secret_file,
    has_content.

    Raises:
        ConfigError: with all that is wrong.
    """
    data, folder = read_toml(path, "the settings of the desk"), Path(path).parent
    faults = [f"{name}: no setting of a desk" for name in data if name not in _KEYS]
    known = {name: value for name, value in data.items() if name in ("page", "mail_after_s", "history")}
    for name, read in _readers(folder).items():
        if name in data:
            known[name] = _part(name, data[name], read, faults)
    check("the settings of the desk", faults)
    try:
        return Service(**known)
    except TypeError:
        raise ConfigError("the settings of the desk: a value of another kind") from None


def _readers(folder: Path) -> dict[str, Callable[[Any], Any]]:
    return {
        "greeting": _words,
        "closed": _words,
        "hours": Hours.of,
        "routing": Routing.of,
        "mail": lambda table: _mail(folder, table),
        "webhook": lambda table: _webhook(folder, table),
    }


def _part(name: str, value: Any, read: Callable[[Any], T], faults: list[str]) -> T | None:
    try:
        return read(value)
    except ConfigError as failure:
        faults.append(f"{name}: {failure}")
    except (TypeError, AttributeError, ValueError, KeyError):
        faults.append(f"{name}: a value is missing, too much or of another kind")
    return None


def _words(value: Any) -> Words:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, dict) and value and all(isinstance(one, str) and one for one in value.values()):
        return dict(value)
    raise ConfigError("a text, or a table of languages with a text each")


def _mail(folder: Path, table: Mapping[str, Any]) -> MailServer:
    given = dict(table)
    file = given.pop("password_file", None)
    password = None if file is None else MailPassword(_secret(folder, file).decode("utf-8").strip())
    return MailServer(**given, password=password)


def _webhook(folder: Path, table: Mapping[str, Any]) -> Webhook:
    given = dict(table)
    secret = bytes.fromhex(_secret(folder, given.pop("secret_file")).decode("ascii").strip())
    return Webhook(**given, secret=WebhookSecret(secret))


def _secret(folder: Path, name: str) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            return file.read(_SECRET_MAX_B)
    except OSError as error:
        raise ConfigError(f"a file with a secret cannot be read ({error.strerror})") from None
