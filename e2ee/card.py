"""Contact cards as URI and as JSON, each with a checksum over the whole card (ID-21, ID-22, ID-34)."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from . import labels
from .constants import ACCOUNT_ID_B
from .errors import DecodeError, InvalidArgument
from .grammar import is_name, is_relay_url
from .ids import AccountId
from .primitives import kdf
from .wire import cbor

_CHECK_B: Final = 4
_MAX_CARD_B: Final = 2048
_SPACES: Final = "\t\n\r "
_SPACE: Final = f"[{_SPACES}]*"
_ACCOUNT: Final = "[A-Za-z0-9_-]{48}"
_ESCAPED: Final = "(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+"
_URI: Final = re.compile(
    rf"sealroom:contact\?v=1&a=(?P<account>{_ACCOUNT})&r=(?P<relay>{_ESCAPED})(?:&n=(?P<name>{_ESCAPED}))?"
)
_STRING: Final = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*"'
_MEMBER: Final = rf'(?:"sealroom"{_SPACE}:{_SPACE}1|"(?:account|relay|name)"{_SPACE}:{_SPACE}{_STRING})'
_JSON: Final = re.compile(rf"\{{{_SPACE}{_MEMBER}(?:{_SPACE},{_SPACE}{_MEMBER})*{_SPACE}\}}")
_REQUIRED: Final = ["account", "relay", "sealroom"]


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
        if self.name is not None and not is_name(self.name):
            raise InvalidArgument("a name has 1 to 64 printable characters")

    @property
    def account_text(self) -> str:
        """Account id and checksum of the whole card: 48 characters of base64url (ID-34)."""
        check = kdf.hash_(labels.CARD, cbor.encode([self.account_id, self.relay_url, self.name]))
        return base64.urlsafe_b64encode(self.account_id + check[:_CHECK_B]).decode("ascii")

    def to_uri(self) -> str:
        """Return the `sealroom:` URI, with all bytes of UTF-8 but the unreserved ones escaped (ID-21)."""
        uri = f"sealroom:contact?v=1&a={self.account_text}&r={quote(self.relay_url, safe='')}"
        return uri if self.name is None else f"{uri}&n={quote(self.name, safe='')}"

    def to_json(self) -> str:
        """Return the JSON for `/.well-known/sealroom.json` (ID-22)."""
        members: dict[str, object] = {
            "sealroom": 1,
            "account": self.account_text,
            "relay": self.relay_url,
        }
        if self.name is not None:
            members["name"] = self.name
        return json.dumps(members, ensure_ascii=False)


def parse(text: str) -> ContactCard:
    """Read a card from a URI or from JSON, with spaces, tabs and line ends around it.

    Raises:
        DecodeError: neither, or damaged (ID-21 to ID-23, ID-33, ID-34).
    """
    stripped = text.strip(_SPACES)
    if len(stripped.encode("utf-8", "surrogatepass")) > _MAX_CARD_B:
        raise DecodeError("too long for a contact card")
    return _parse_json(stripped) if stripped.startswith("{") else _parse_uri(stripped)


def _parse_uri(uri: str) -> ContactCard:
    match = _URI.fullmatch(uri)
    if match is None:
        raise DecodeError("not a contact card")
    name = match["name"]
    found = _card(match["account"], _unescaped(match["relay"]), None if name is None else _unescaped(name))
    if found.to_uri() != uri:
        raise DecodeError("the contact card is damaged")
    return found


def _parse_json(text: str) -> ContactCard:
    if _JSON.fullmatch(text) is None:
        raise DecodeError("not the JSON of a contact card")
    pairs = json.loads(text, object_pairs_hook=list)
    members = dict(pairs)
    if len(members) != len(pairs) or sorted(members.keys() - {"name"}) != _REQUIRED:
        raise DecodeError("the members of the contact card are not those of version 1")
    found = _card(members["account"], members["relay"], members.get("name"))
    if found.account_text != members["account"]:
        raise DecodeError("the contact card is damaged")
    return found


def _card(account: str, relay: str, name: str | None) -> ContactCard:
    if re.fullmatch(_ACCOUNT, account) is None:
        raise DecodeError("not an account id")
    account_id = AccountId(base64.urlsafe_b64decode(account)[:ACCOUNT_ID_B])
    try:
        return ContactCard(account_id, relay, name)
    except InvalidArgument as error:
        raise DecodeError(str(error)) from None


def _unescaped(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise DecodeError("not UTF-8") from None
