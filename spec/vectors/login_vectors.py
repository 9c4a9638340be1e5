"""login.json and its defects: login tokens (chapter 18)."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from spec.vectors import company, parties
from spec.vectors.defects import Negative
from spec.vectors.document import render
from spec.vectors.suite import NOW_MS, Value, cbor, draw, hash_, signed

MINUTE_MS = 60_000
SEQ = 3_100_000
DECODE, EXPIRED, HOLDER = "remote.decode", "login.expired", "login.holder"


def token(**changes: Value) -> dict[int, Value]:
    """The map of a token of the company's web server."""
    customer = parties.device("login customer", account="login customer")
    good: dict[int, Value] = {
        1: 1,
        2: company.ACCOUNT_ID,
        3: SEQ,
        4: customer.account_id,
        5: customer.device_id,
        6: company.ROOM,
        7: draw("login nonce", 16),
        8: NOW_MS,
        9: NOW_MS + 5 * MINUTE_MS,
        10: "4711",
        11: "Erika Muster",
        12: "K-2026/17",
        13: 2,
    }
    return {**good, **{int(key[1:]): value for key, value in changes.items()}}


def sign_token(entries: dict[int, Value], number: int = 1) -> bytes:
    """A signed token."""
    return signed("SR1-sig-login", company.login_seed(number), entries)


def _text(prefix: str, label: str, packed: bytes) -> str:
    return prefix + base64.urlsafe_b64encode(packed + hash_(label, packed)[:5]).decode("ascii")


def challenge() -> str:
    """The challenge that the token answers."""
    good = token()
    packed = b"".join(one for one in (good[key] for key in (2, 4, 5, 6, 7)) if isinstance(one, bytes))
    return _text("sealroom:login?v=1&c=", "SR1-login-ask", packed)


def issuing_key() -> str:
    """What the web server signs with."""
    ends_ms = NOW_MS + company.MANDATE_LIFE_MS
    numbers = SEQ.to_bytes(4, "big") + ends_ms.to_bytes(8, "big")
    packed = company.ACCOUNT_ID + numbers + company.login_seed()
    return _text("sealroom:login-key?v=1&k=", "SR1-login-key", packed)


def logins() -> str:
    """A challenge, a web server's key, and the token that answers."""
    good = token()
    made = sign_token(good)
    bare = token(_11=None, _12=None, _13=1)
    return render(
        "A login: the challenge of a device, the key of the web server, the token that it issues at `now_ms`"
        " for 5 minutes, and one without name and number; `mandate` names the key.",
        "CNS-50 CNS-51 CNS-52 CNS-53 CNS-55",
        {
            "now_ms": NOW_MS,
            "mandate": company.sign_mandate(company.mandate()),
            "challenge": challenge(),
            "issuing_key": issuing_key(),
            "token": {
                "encoded": cbor(good),
                "signed": made,
                "text": base64.urlsafe_b64encode(made).decode("ascii").rstrip("="),
            },
            "bare": {"encoded": cbor(bare), "signed": sign_token(bare)},
            "customer": good[4],
            "device_id": good[5],
            "room": good[6],
            "nonce": good[7],
            "person": [good[10], good[11], good[12], good[13]],
        },
    )


def given(made: bytes, **changes: Value) -> dict[str, Value]:
    """The input of `login.check`."""
    good = token()
    whole: dict[str, Value] = {
        "account_id": company.ACCOUNT_ID,
        "mandate": company.sign_mandate(company.mandate()),
        "signed": made,
        "customer": good[4],
        "device_id": good[5],
        "room": good[6],
        "sent_ms": NOW_MS,
        "now_ms": NOW_MS,
    }
    return {**whole, **changes}


def negatives() -> Iterator[Negative]:
    """Tokens that are refused by themselves, and good ones in the wrong place or at the wrong time."""
    cases: dict[str, tuple[dict[int, Value], str]] = {
        "version-2": (token(_1=2), "remote.version"),
        "version-2-of-another-company": (token(_1=2, _2=bytes(32)), "remote.version"),
        "of-another-company": (token(_2=bytes(32)), "remote.identity"),
        "of-another-company-with-an-account-short": (token(_2=bytes(32), _4=bytes(31)), "remote.identity"),
        "account-short": (token(_4=bytes(31)), DECODE),
        "device-short": (token(_5=bytes(15)), DECODE),
        "room-short": (token(_6=bytes(15)), DECODE),
        "nonce-short": (token(_7=bytes(15)), DECODE),
        "ends-when-it-begins": (token(_9=NOW_MS), DECODE),
        "of-10-minutes-and-a-millisecond": (token(_9=NOW_MS + 10 * MINUTE_MS + 1), DECODE),
        "subject-null": (token(_10=None), DECODE),
        "subject-empty": (token(_10=""), DECODE),
        "subject-of-65": (token(_10="x" * 65), DECODE),
        "subject-with-a-line": (token(_10="a\nb"), DECODE),
        "name-turned": (token(_11="a\u202eb"), DECODE),
        "number-of-65": (token(_12="1" * 65), DECODE),
        "level-0": (token(_13=0), DECODE),
        "level-4": (token(_13=4), DECODE),
        "key-missing": ({key: value for key, value in token().items() if key != 13}, DECODE),
        "key-added": (token(_14=0), DECODE),
        "over-1200-bytes": (token(_1=2, _7=bytes(1200)), DECODE),
        "of-the-mandate-before": (token(_3=SEQ - 1), EXPIRED),
        "of-the-next-mandate": (token(_3=SEQ + 1), "room.mandate"),
        "of-mandate-0": (token(_3=0), DECODE),
    }
    for name, (entries, error) in cases.items():
        yield _negative(name, "CNS-51 CNS-52", given(sign_token(entries)), error)
    good = token()
    for name, label, key in (
        ("by-the-roster-key", "SR1-sig-login", company.roster_seed()),
        ("by-the-account", "SR1-sig-login", company.ACCOUNT_SEED),
        ("by-the-next-login-key", "SR1-sig-login", company.login_seed(2)),
        ("label-of-channels", "SR1-sig-channels", company.login_seed()),
    ):
        yield _negative(name, "CNS-50", given(signed(label, key, good)), "remote.signature")
    without = company.sign_mandate({**company.mandate(), 7: None})
    yield _negative(
        "of-a-mandate-without-a-login-key",
        "CNS-50",
        given(sign_token(good), mandate=without),
        "remote.signature",
    )
    made, late_ms = sign_token(good), NOW_MS + 10 * MINUTE_MS
    for name, changes, error in (
        ("in-another-account", {"customer": bytes(32)}, HOLDER),
        ("in-another-account-and-too-late", {"customer": bytes(32), "sent_ms": late_ms + 1}, HOLDER),
        ("on-another-device", {"device_id": bytes(16)}, HOLDER),
        ("in-another-room", {"room": bytes(16)}, HOLDER),
        ("sent-too-early", {"sent_ms": NOW_MS - 5 * MINUTE_MS - 1}, EXPIRED),
        ("sent-too-late", {"sent_ms": late_ms + 1}, EXPIRED),
        ("that-comes-too-late", {"now_ms": NOW_MS + 5 * MINUTE_MS + 30 * 86_400_000 + 1}, EXPIRED),
    ):
        yield _negative(name, "CNS-52", given(made, **changes), error)
    for name, operation, text in _texts():
        about = f"A login: {name.replace('-', ' ')}."
        yield Negative(f"login-{name}", about, "CNS-55", operation, {"text": text}, DECODE)


def _texts() -> Iterator[tuple[str, str, str]]:
    asked, key = challenge(), issuing_key()
    made = base64.urlsafe_b64encode(sign_token(token())).decode("ascii").rstrip("=")
    other = "A" if asked[60] != "A" else "B"
    yield "challenge-damaged", "login.challenge", asked[:60] + other + asked[61:]
    yield "challenge-of-version-2", "login.challenge", asked.replace("v=1", "v=2")
    yield "challenge-cut", "login.challenge", asked[:-1]
    yield "key-as-challenge", "login.challenge", key
    yield "key-damaged", "login.key", key[:60] + ("A" if key[60] != "A" else "B") + key[61:]
    yield "key-of-mandate-0", "login.key", _key_with(0)
    yield "token-padded", "login.token", made + "=" * (-len(made) % 4 or 4)
    yield "token-with-a-line", "login.token", made[:10] + "\n" + made[10:]
    yield "token-of-1201-bytes", "login.token", base64.urlsafe_b64encode(bytes(1201)).decode().rstrip("=")
    yield "token-with-bits-left", "login.token", "AB"


def _key_with(seq: int) -> str:
    numbers = seq.to_bytes(4, "big") + NOW_MS.to_bytes(8, "big")
    packed = company.ACCOUNT_ID + numbers + company.login_seed()
    return _text("sealroom:login-key?v=1&k=", "SR1-login-key", packed)


def _negative(name: str, rules: str, values: dict[str, Value], error: str) -> Negative:
    text = f"A login token: {name.replace('-', ' ')}."
    return Negative(f"login-{name}", text, rules, "login.check", values, error)


def edges() -> Iterator[tuple[str, str, str, dict[str, Value]]]:
    """Tokens at the last value that is accepted."""
    early, late = NOW_MS - 5 * MINUTE_MS, NOW_MS + 10 * MINUTE_MS
    made = sign_token(token())
    long = "\U0001f600" * 64
    full = sign_token(token(_9=NOW_MS + 10 * MINUTE_MS, _10=long, _11=long, _12=long, _13=3))
    yield "a login sent at the first moment", "CNS-52", "login.check", given(made, sent_ms=early)
    yield "a login sent at the last moment", "CNS-52", "login.check", given(made, sent_ms=late)
    arrival = NOW_MS + 5 * MINUTE_MS + 30 * 86_400_000
    yield "a login that comes at the last moment", "CNS-52", "login.check", given(made, now_ms=arrival)
    yield "a login token that is full", "CNS-51", "login.check", given(full)
