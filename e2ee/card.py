"""Contact cards as URI and as JSON (ID-21 to ID-23)."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from . import labels
from .constants import ACCOUNT_ID_B
from .errors import DecodeError, InvalidArgument
from .ids import AccountId
from .primitives import kdf

_CHECK_B: Final = 4
_SCHEME: Final = "sealroom:contact?v=1"
_MAX_NAME: Final = 64
_MAX_URL: Final = 256
_MAX_CARD: Final = 2048
_JSON_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class ContactCard:
    """Who to write to and through which relay. The account id is what is trusted, nothing else."""

    account_id: AccountId
    relay_url: str
    name: str | None = None

    def __post_init__(self) -> None:
        if len(self.account_id) != ACCOUNT_ID_B:
            raise InvalidArgument("an account id has 32 bytes")
        if not is_relay_url(self.relay_url):
            raise InvalidArgument("a relay is wss://host, or ws:// on this machine")
        if self.name is not None and not _is_name(self.name):
            raise InvalidArgument("a name has 1 to 64 printable characters")

    def to_uri(self) -> str:
        """Return the `sealroom:` URI (ID-21)."""
        uri = f"{_SCHEME}&a={_encode_account(self.account_id)}&r={quote(self.relay_url, safe='')}"
        return uri if self.name is None else f"{uri}&n={quote(self.name, safe='')}"

    def to_json(self) -> str:
        """Return the JSON for `/.well-known/sealroom.json` (ID-22)."""
        members: dict[str, object] = {
            "sealroom": _JSON_VERSION,
            "account": _encode_account(self.account_id),
            "relay": self.relay_url,
        }
        if self.name is not None:
            members["name"] = self.name
        return json.dumps(members, ensure_ascii=False)


def parse(text: str) -> ContactCard:
    """Read a card from a URI or from JSON.

    Raises:
        DecodeError: neither, or damaged (ID-21 to ID-23).
    """
    stripped = text.strip()
    if len(stripped) > _MAX_CARD:
        raise DecodeError("too long for a contact card")
    return _parse_json(stripped) if stripped.startswith("{") else _parse_uri(stripped)


def is_relay_url(url: str) -> bool:
    """Whether a URL names a relay: wss with a host, or ws on this machine (ID-23)."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= _MAX_URL
    if not plain or not host or parts.username is not None or parts.fragment or parts.query:
        return False
    return parts.scheme == "wss" or (parts.scheme == "ws" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_name(name: str) -> bool:
    return 1 <= len(name) <= _MAX_NAME and name.isprintable()


def _encode_account(account_id: AccountId) -> str:
    check = kdf.hash_(labels.CARD, account_id)[:_CHECK_B]
    return base64.urlsafe_b64encode(account_id + check).decode("ascii")


def _decode_account(text: str) -> AccountId:
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise DecodeError("not an account id") from None
    account_id = AccountId(raw[:ACCOUNT_ID_B])
    if len(raw) != ACCOUNT_ID_B + _CHECK_B or _encode_account(account_id) != text:
        raise DecodeError("the account id has a typing error")
    return account_id


def _card(account: object, relay: object, name: object) -> ContactCard:
    if not isinstance(account, str) or not isinstance(relay, str) or not isinstance(name, str | None):
        raise DecodeError("a member of the contact card has the wrong type")
    try:
        return ContactCard(_decode_account(account), relay, name)
    except InvalidArgument as error:
        raise DecodeError(str(error)) from None


def _parse_uri(uri: str) -> ContactCard:
    if not uri.startswith(_SCHEME + "&"):
        raise DecodeError("not a contact card")
    pairs = [part.partition("=") for part in uri[len(_SCHEME) + 1 :].split("&")]
    names = [name for name, _, _ in pairs]
    if names not in (["a", "r"], ["a", "r", "n"]):
        raise DecodeError("the parts of the contact card are not a, r and perhaps n")
    try:
        values = [unquote_to_bytes(value).decode("utf-8") for _, _, value in pairs]
    except UnicodeError:
        raise DecodeError("not UTF-8") from None
    return _card(values[0], values[1], values[2] if len(values) == 3 else None)


def _parse_json(text: str) -> ContactCard:
    try:
        members = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise DecodeError("not JSON") from None
    known = {"sealroom", "account", "relay"}
    if not isinstance(members, dict) or not known <= members.keys() <= known | {"name"}:
        raise DecodeError("the members of the contact card are not those of version 1")
    if type(members["sealroom"]) is not int or members["sealroom"] != _JSON_VERSION:
        raise DecodeError("unknown version of a contact card")
    if "name" in members and members["name"] is None:
        raise DecodeError("a member of the contact card has the wrong type")
    return _card(members["account"], members["relay"], members.get("name"))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DecodeError("a member of the contact card stands twice")
    return members
