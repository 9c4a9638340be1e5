"""Entries of a storage manifest, and those that both stores have alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Stored:
    """What one column holds."""

    what: str
    why: str
    how_long: str


_WITH_ENTRY: Final = "until the account is purged"
_WITH_DEVICE: Final = "until the device leaves the list or the account is purged"
_WITH_KEY: Final = "until handed out, expired, or its device or mailbox is gone"
_REUSABLE: Final = "until replaced, expired, or with the device"

DIRECTORY: Final[dict[str, dict[str, Stored]]] = {
    "device_list": {
        "account_id": Stored("public key of an account that publishes", "it is looked up by it", _WITH_ENTRY),
        "seq": Stored("number of the list", "clients ask for all later ones", _WITH_ENTRY),
        "signed_list": Stored(
            "list signed by the account", "clients check every link of the chain", _WITH_ENTRY
        ),
    },
    "device": {
        "record_hash": Stored("hash of the device record", "lists and prekeys name it", _WITH_DEVICE),
        "account_id": Stored("the account", "whose device it is", _WITH_DEVICE),
        "position": Stored("place in the list", "answers keep the list's order", _WITH_DEVICE),
        "record": Stored("device record: public keys, kind, dates", "clients need the keys", _WITH_DEVICE),
        "address": Stored(
            "signed mailbox and front-door token, published", "clients reach the device", _WITH_DEVICE
        ),
        "mailbox": Stored("the mailbox in the address", "its owner is told of low stocks", _WITH_DEVICE),
        "slot": Stored(
            "up to 4 KiB that the device publishes and the relay does not read",
            "clients get it with the entry",
            "until replaced, or until its device or mailbox is gone",
        ),
    },
    "prekey": {
        "record_hash": Stored("the device", "whose key it is", _WITH_KEY),
        "key_type": Stored("X25519 or ML-KEM-768", "one of each goes into a bundle", _WITH_KEY),
        "key_id": Stored("number given by the device", "handed out in order", _WITH_KEY),
        "not_after_ms": Stored("end of its time", "an expired key is not handed out", _WITH_KEY),
        "signed_prekey": Stored("signed one-time public key", "handed out once", _WITH_KEY),
    },
    "reusable_prekey": {
        "record_hash": Stored("the device", "whose key it is", _REUSABLE),
        "key_type": Stored("X25519 or ML-KEM-768", "one of each", _REUSABLE),
        "key_id": Stored("number given by the device", "told to the owner", _REUSABLE),
        "not_after_ms": Stored("end of its time", "not handed out after", _REUSABLE),
        "signed_prekey": Stored("signed prekey or last-resort key", "handed out", _REUSABLE),
    },
    "prekey_mark": {
        "record_hash": Stored("the device", "whose keys", _WITH_DEVICE),
        "key_type": Stored("X25519 or ML-KEM-768", "each has its own numbers", _WITH_DEVICE),
        "highest_id": Stored(
            "highest number ever uploaded", "a repeated upload adds nothing twice", _WITH_DEVICE
        ),
    },
}
"""Entries and prekeys, which stand in both stores alike."""
