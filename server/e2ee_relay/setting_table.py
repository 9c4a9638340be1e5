"""The one table of settings: kind, bounds, default and meaning of each (RLY-168).

`config.py` reads settings by it, and `docs/reference/settings.md` is made from it. Defaults of numbers and
rates are those of the classes `Config` and `Policy`, whose fields have the same names.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from . import protocol


class Kind(StrEnum):
    """How a value is written."""

    TEXT = "text"
    PATH = "path"
    ADDRESS = "host:port"
    NETWORKS = "addresses or networks, with commas between"
    URL = "URL"
    FLAG = "true or false"
    NUMBER = "whole number"
    RATE = "burst/per second"


MOST: Final = 1 << 40  # of a number that nothing else bounds


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `least` and `most` bound a number, `default` is that of anything that is no number."""

    kind: Kind
    meaning: str
    default: str = ""
    least: int = 1
    most: int = MOST


def _text(meaning: str, default: str = "") -> Setting:
    return Setting(Kind.TEXT, meaning, default)


def _path(meaning: str, default: str = "") -> Setting:
    return Setting(Kind.PATH, meaning, default)


def _number(meaning: str, *, least: int = 1, most: int = MOST) -> Setting:
    return Setting(Kind.NUMBER, meaning, least=least, most=most)


def _rate(meaning: str) -> Setting:
    return Setting(Kind.RATE, meaning)


def _work_bits(meaning: str) -> Setting:
    # More is refused by clients (RLY-142).
    return _number(meaning, least=0, most=protocol.MAX_POW_BITS)


# A window above what is buffered for a connection (RLY-71) would make every client a slow one.
_MAX_WINDOW_B: Final = 6 << 20

GROUPS: Final[dict[str, dict[str, Setting]]] = {
    "Addresses and files": {
        "listen": Setting(
            Kind.ADDRESS, "address and port for clients; port 0 takes any free one", "127.0.0.1:8765"
        ),
        "relay_name": _text(
            "host that clients are given, and sign: never change it; unset, that of `listen`"
        ),
        "data_dir": _path("directory of the database, its mark and its lock", "relay-data"),
        "tls_cert": _path("certificate chain, PEM; TLS 1.3 only. SIGHUP reads it again"),
        "tls_key": _path("its key, PEM, without a passphrase. SIGHUP reads it again"),
        "public_plaintext": Setting(
            Kind.FLAG, "listen without TLS on an address that other machines can reach", "false"
        ),
        "metrics_listen": Setting(
            Kind.ADDRESS,
            "address and port of metrics and health, plain HTTP; `off`: none",
            "127.0.0.1:9465",
        ),
        "log_level": _text("`debug`, `info`, `warning` or `error`", "info"),
        "registration_secret_file": _path(
            "file with a secret without which no mailbox is created. SIGHUP reads it again"
        ),
        "registration_secret": _text("the secret itself, for the environment; wins over the file"),
    },
    "Disclosure at /info": {
        "contact": _text("how the operator is reached"),
        "privacy_url": _text("address of the privacy notice"),
        "source_url": _text("address of the source code"),
    },
    "Proxies": {
        "client_address": _text(
            "client's address: `connection`, `proxy-protocol` or `forwarded-for`",
            "connection",
        ),
        "trusted_proxies": Setting(Kind.NETWORKS, "proxies whose word on client addresses is taken"),
    },
    "Connections": {
        "max_connections": _number("open connections; beyond, a handshake is answered 503"),
        "max_connections_per_address": _number("of one client address; of IPv6, of a /64"),
        "max_handshakes": _number("connections on their way in (TLS, WebSocket); of one address a tenth"),
        "connects_per_address": _rate("new connections of one client address"),
        "drain_s": _number("seconds for answering and committing what was read, at the end", least=0),
        "retry_after_ms": _number(
            "after how many milliseconds clients come back to a relay that closes", least=0
        ),
    },
    "Storage": {
        "disk_reserve_b": _number(
            "free bytes below which nothing is added; twice as many: no mailbox",
            least=0,
        ),
        "registration_backlog": _number("changes waiting for a commit above which no mailbox is created"),
        "quota_messages": _number("messages held for one mailbox"),
        "quota_b": _number("their bytes"),
        "published_quota_messages": _number("messages held for one that a directory entry names"),
        "published_quota_b": _number("their bytes"),
        "retention_s": _number("seconds for which a message is held"),
        "minute_s": _number("the same for messages of the short class"),
        "remembered_s": _number("seconds for which the id of a message is known", least=0),
        "remembered_max": _number("so many such ids are kept in memory, and less than a quarter more"),
        "abandoned_s": _number(
            "seconds without use after which a mailbox is deleted, and then its directory entry"
        ),
        "max_blob_b": _number("bytes of one blob; 0: no blobs", least=0, most=protocol.MAX_BLOB_B),
        "blob_quota_b": _number("bytes of blobs that one mailbox pays for"),
        "blob_contact_b": _number("of these with one contact's token, until the owner trusts it"),
        "blob_retention_s": _number("seconds for which a blob is held"),
        "blob_unfinished_s": _number("the same for one that is not whole"),
        "max_one_time_keys": _number("one-time keys of each kind held for one device", most=10_000),
        "low_prekeys": _number("keys below which the owner is told", least=0),
    },
    "Sizes and windows": {
        "max_body_b": _number("bytes of one message", most=protocol.MAX_BODY_B),
        "max_send_items": _number("messages in one request", most=protocol.MAX_SEND_ITEMS),
        "max_mailboxes": _number("mailboxes authenticated on one connection", most=protocol.MAX_MAILBOXES),
        "max_tokens": _number("delivery tokens of one mailbox"),
        "window_messages": _number("messages of a mailbox delivered and not yet acknowledged"),
        "window_b": _number("their bytes", most=_MAX_WINDOW_B),
        "connection_window_b": _number("the same for all mailboxes of a connection", most=_MAX_WINDOW_B),
    },
    "Proof of work": {
        "pow_bits_create": _work_bits("bits of work for a new mailbox"),
        "pow_bits_send": _work_bits("for a message with a public (front-door) token"),
        "pow_bits_fetch": _work_bits("for prekeys of a device"),
    },
    "Rates of a connection": {
        "requests": _rate("requests; each message of a request counts"),
        "creations": _rate("new mailboxes"),
        "auths": _rate("proofs of ownership"),
        "lookups": _rate("directory lookups"),
        "fetches": _rate("fetches of prekeys"),
        "subscriptions": _rate("mailboxes subscribed to"),
        "blob_opens": _rate("blobs begun or taken up again"),
        "tokens": _rate("delivery tokens that are new"),
    },
    "Rates of the whole relay": {
        "creations_global": _rate("new mailboxes"),
        "directory_b_global": _rate("bytes of directory entries begun"),
    },
    "Rates of a token, a mailbox, an address, a device, an account": {
        "contact_messages": _rate("messages with a contact's token"),
        "contact_b": _rate("their bytes"),
        "front_door_messages": _rate("messages with a public (front-door) token"),
        "front_door_b": _rate("their bytes"),
        "mailbox_messages": _rate("messages to one mailbox, over all of its tokens"),
        "mailbox_b": _rate("their bytes"),
        "blob_parts_b": _rate("bytes of blobs put with one token, or put and got on one connection"),
        "blob_gets": _rate("times that one blob is got"),
        "lookups_per_address": _rate("directory lookups of one client address"),
        "fetches_per_address": _rate("fetches of prekeys of one client address"),
        "creations_per_address": _rate("new mailboxes of one client address"),
        "directory_b": _rate("bytes of directory entries published with one mailbox"),
        "directory_b_per_address": _rate("bytes of directory entries begun from one client address"),
        "prekeys_b": _rate("bytes of prekeys uploaded with one mailbox"),
        "knocks_per_address": _rate("messages with public (front-door) tokens of one client address"),
        "knocks_b_per_address": _rate("their bytes"),
        "blob_opens_per_address": _rate("blobs begun or taken up again by one client address"),
        "tokens_per_address": _rate("delivery tokens that are new, of one client address"),
        "fetches_per_device": _rate("fetches that get one-time keys of one device"),
        "lists_per_account": _rate("device lists that one account publishes behind its first"),
    },
    "Several nodes over PostgreSQL": {
        "store": Setting(Kind.URL, "address of the database, `postgresql://...`; empty: SQLite in data_dir"),
        "poll_s": _number("seconds after which a lost wake-up is made good"),
    },
}
SETTINGS: Final = {name: setting for group in GROUPS.values() for name, setting in group.items()}


def names_of(*kinds: Kind) -> tuple[str, ...]:
    """Return the settings of some kinds, in the order of the table."""
    return tuple(name for name, setting in SETTINGS.items() if setting.kind in kinds)
