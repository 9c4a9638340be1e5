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


_WITH_ENTRY: Final = (
    "until its mailboxes are gone, its lists over and it was not published for 400 days, or it is purged"
)
_WITH_LIST: Final = "until 1 024 newer ones of the account are held, or its entry is removed"
_WITH_DEVICE: Final = "until the device leaves the list or the entry is removed"
_WITH_KEY: Final = "until handed out, expired, or its device or mailbox is gone"
_REUSABLE: Final = "until replaced, expired, or with the device"

WITH_BLOB: Final = "until dropped, or expired (30 days, a day while it is not whole), or its mailbox is gone"
_OF_RIGHT: Final = "until revoked, or with the mailbox"


def mailbox_columns(how_long: str) -> dict[str, Stored]:
    """Return what a mailbox's row has in both stores."""
    return {
        "mailbox": Stored("random 16-byte id", "senders name it", how_long),
        "owner_pub": Stored(
            "public key made for this mailbox alone", "the owner proves possession", how_long
        ),
        "used_day": Stored(
            "day of the last proof, written at most once in 7 days", "abandoned mailboxes are found", how_long
        ),
    }


def message_columns(how_long: str, when_expired: str) -> dict[str, Stored]:
    """Return what a held message's row has in both stores."""
    end = "end of its time, from the end of the hour of arrival (short class: exact)"
    return {
        "expires_ms": Stored(end, when_expired, how_long),
        "received_ms": Stored("hour of arrival", "told to the owner", how_long),
        "body": Stored("sealed envelope, padded", "what the owner came for", how_long),
    }


def token_columns(mailbox: str) -> dict[str, Stored]:
    """Return a token's row; `mailbox` is the column that names its mailbox, as below."""
    return {
        mailbox: Stored("the mailbox", "what the token opens", _OF_RIGHT),
        "token_hash": Stored("BLAKE2b-256 of a delivery token", "the right to write", _OF_RIGHT),
        "token_class": Stored("contact or front door", "which limits apply", _OF_RIGHT),
    }


def blob_columns(key: str, mailbox: str) -> dict[str, Stored]:
    """Return what a blob's row has in both stores."""
    return {
        key: Stored("BLAKE2b-256 of a blob's random id", "it is found by the id", WITH_BLOB),
        "writer": Stored("BLAKE2b-256 of its writer's secret", "who may put parts, and drop it", WITH_BLOB),
        mailbox: Stored("the mailbox", "pays, and takes the blob with it", WITH_BLOB),
        "token_hash": Stored("the token with which it was opened", "what one token pays", WITH_BLOB),
        "is_trusted": Stored("whether the owner trusted that token", "how much it pays", WITH_BLOB),
        "size_b": Stored("padded size", "quota; the size of each part", WITH_BLOB),
        "expires_ms": Stored("end of its time, from the end of an hour", "it is deleted then", WITH_BLOB),
    }


DIRECTORY: Final[dict[str, dict[str, Stored]]] = {
    "device_list": {
        "account_id": Stored("public key of an account that publishes", "it is looked up by it", _WITH_LIST),
        "seq": Stored("number of the list", "clients ask for all later ones", _WITH_LIST),
        "signed_list": Stored(
            "list signed by the account", "clients check every link of the chain", _WITH_LIST
        ),
    },
    "entry": {
        "account_id": Stored("the account", "whose entry it is", _WITH_ENTRY),
        "due_day": Stored(
            "day of the last publication and 400 days more, or the day after its last list's end",
            "an entry without a mailbox is removed then",
            _WITH_ENTRY,
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
