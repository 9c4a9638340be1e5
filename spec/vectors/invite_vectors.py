"""invite.json: the code and the messages of an invite (chapter 15)."""

from __future__ import annotations

import base64
from typing import Any

from spec.vectors import parties
from spec.vectors.document import render
from spec.vectors.suite import NOW_MS, aead, body_size, cbor, draw, hash_, pad, prf

KIND, FRONT_DESK = 1, 1


def invite() -> str:
    """One invite of an account, from its code to the list that names the new device."""
    holder = parties.device("invite holder", kind=1, flags=1, account="invite")
    account_id = holder.account_id
    s, r = draw("invite s", 16), draw("invite r", 32)
    place = prf(s, "SR1-link-place", 64, data=account_id)
    entries = {**parties.device("invite joiner", kind=KIND, flags=FRONT_DESK, account="invite").entries}
    entries[4] = place[48:]
    joiner = cbor(entries)
    records = sorted((holder.record, joiner), key=lambda one: hash_("SR1-record", one))
    hashes = [hash_("SR1-record", one) for one in records]
    listed = parties.sign_list(holder, parties.list_entries(holder, 1, None, hashes))
    request = cbor({1: joiner, 2: draw("invite mailbox", 16), 3: draw("invite token", 32)})
    welcome = cbor({1: listed, 2: records})
    commitment = hash_("SR1-link-commit", r)[:16]
    return render(
        "An invite: its code, where the holder waits and which id the new device has, the keys of the four"
        " messages, each message sealed with 88 given random bytes, and the digits that both devices show.",
        "ACC-31 ACC-32 ACC-33 ACC-34 ACC-35 ACC-43",
        {
            "now_ms": NOW_MS,
            "account_id": account_id,
            "s": s,
            "r": r,
            "kind": KIND,
            "front_desk": FRONT_DESK,
            "commitment": commitment,
            "code": _code(account_id, s + commitment + bytes((KIND, FRONT_DESK))),
            "place": {"mailbox": place[:16], "token": place[16:48], "device_id": place[48:]},
            "messages": [
                _message(account_id, s, number, message)
                for number, message in enumerate((request, r, welcome, b""), start=1)
            ],
            "digits": f"{int.from_bytes(hash_('SR1-link-sas', s + request + r)[:8], 'big') % 10**6:06}",
        },
    )


def _code(account_id: bytes, packed: bytes) -> str:
    check = hash_("SR1-link-code", account_id + packed)[:5]
    return "sealroom:join?v=1&c=" + base64.urlsafe_b64encode(packed + check).decode("ascii")


def _message(account_id: bytes, s: bytes, number: int, message: bytes) -> dict[str, Any]:
    fresh = draw(f"invite message {number}", 88)
    key = prf(s, "SR1-link-keys", 32, data=account_id + bytes((number,)) + fresh)
    ahead = b"\x01\x01" + fresh
    padded = pad(message, body_size(len(message) + 1, first=False))
    return {
        "n": number,
        "message": message,
        "key": key,
        "fresh": fresh,
        "sealed": ahead + aead(key, padded, ahead),
    }
