"""Defects of chapters 03, 04 and 10 that need no keys: encodings, keys, cards, envelopes, contents."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from typing import Final

from spec.vectors import content_vectors, edwards, identity_vectors, parties
from spec.vectors.defects import Negative, flipped
from spec.vectors.suite import Value, cbor, draw, hash_, label, sign, sign_public

P: Final = 2**255 - 19

# Name, bytes, description, rule.
ENCODINGS: Final = (
    ("empty", "", "no bytes at all", "WIRE-03"),
    ("trailing-byte", "0000", "a byte after the item", "WIRE-03"),
    ("truncated-bytes", "4101"[:2], "a byte string that ends too early", "WIRE-03"),
    ("truncated-map", "a101", "a map without its value", "WIRE-03"),
    ("integer-not-shortest", "1817", "23 in two bytes", "WIRE-03"),
    ("integer-not-shortest-16", "1900ff", "255 in three bytes", "WIRE-03"),
    ("integer-not-shortest-32", "1a0000ffff", "65 535 in five bytes", "WIRE-03"),
    ("integer-not-shortest-64", "1b00000000ffffffff", "2^32 - 1 in nine bytes", "WIRE-03"),
    ("negative-not-shortest-32", "3a0000ffff", "-65 536 in five bytes", "WIRE-03"),
    ("negative-not-shortest-64", "3b00000000ffffffff", "-2^32 in nine bytes", "WIRE-03"),
    ("length-not-shortest-16", "59000101", "a length in three bytes where one is enough", "WIRE-03"),
    ("length-not-shortest-32", "5a0000000101", "a length in five bytes where one is enough", "WIRE-03"),
    ("length-not-shortest-64", "5b000000000000000101", "a length in nine bytes", "WIRE-03"),
    ("text-length-not-shortest-32", "7a0000000161", "a text length in five bytes", "WIRE-03"),
    ("array-length-not-shortest-32", "9a0000000100", "an array length in five bytes", "WIRE-03"),
    ("map-length-not-shortest-64", "bb00000000000000010101", "a map length in nine bytes", "WIRE-03"),
    ("length-beyond-the-input", "5b7fffffffffffffff00", "a length of 2^63 - 1 before one byte", "WIRE-03"),
    ("length-not-shortest", "580101", "a length in two bytes where one is enough", "WIRE-03"),
    ("map-length-not-shortest", "b8010101", "a map length in two bytes where one is enough", "WIRE-03"),
    ("indefinite-bytes", "5f4101ff", "a byte string of indefinite length", "WIRE-03"),
    ("indefinite-text", "7f6161ff", "a text of indefinite length", "WIRE-03"),
    ("indefinite-array", "9fff", "an array of indefinite length", "WIRE-03"),
    ("indefinite-map", "bfff", "a map of indefinite length", "WIRE-03"),
    ("float-16", "f93c00", "1.0 in half precision", "WIRE-03"),
    ("float-64", "fb3ff0000000000000", "1.0 in double precision", "WIRE-03"),
    ("undefined", "f7", "the value undefined", "WIRE-03"),
    ("simple-value", "f0", "the simple value 16", "WIRE-03"),
    ("true-in-two-bytes", "f815", "true in the long form of a simple value", "WIRE-03"),
    ("tag", "c100", "a time under tag 1", "WIRE-03"),
    ("bignum", "c249010000000000000000", "2^64 as a bignum", "WIRE-03"),
    ("self-described", "d9d9f700", "the tag of self-described CBOR", "WIRE-03"),
    ("text-key", "a1616100", "a map with a text as key", "WIRE-02 WIRE-03"),
    ("negative-key", "a12000", "a map with a negative key", "WIRE-02 WIRE-03"),
    ("keys-descending", "a202000100", "map keys in descending order", "WIRE-02"),
    ("keys-doubled", "a201000101", "one map key twice", "WIRE-02"),
    ("text-not-utf8", "61ff", "a text that is not UTF-8", "WIRE-01"),
    ("text-surrogate", "63eda080", "a text with half of a surrogate pair", "WIRE-01"),
    ("too-deep", "81" * 9 + "00", "nine arrays around a value", "WIRE-03"),
    ("reserved-length", "1c", "a reserved length code", "WIRE-03"),
)


def encodings() -> Iterator[Negative]:
    for name, encoded, description, rules in ENCODINGS:
        yield Negative(
            f"cbor-{name}",
            f"CBOR: {description}.",
            rules,
            "cbor.decode",
            {"encoded": encoded},
            "remote.decode",
        )


def keys() -> Iterator[Negative]:
    """X25519, ML-KEM and Ed25519."""
    private = draw("negative private", 32)
    low = {
        "zero": bytes(32),
        "one": b"\x01" + bytes(31),
        "order-8": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    }
    for name, point in low.items():
        said = f"X25519 with the point of low order {name}: the output is all zero."
        given = {"private": private, "public": point}
        yield Negative(f"dh-low-order-{name}", said, "PRM-02", "dh.exchange", given, "remote.key")
    for name, number in (("p", P), ("p-plus-one", P + 1), ("top-bit", 9 | 1 << 255)):
        given = {"private": private, "public": number.to_bytes(32, "little")}
        said = f"An X25519 public key that is not canonical: {name}."
        yield Negative(f"dh-not-canonical-{name}", said, "PRM-01", "dh.exchange", given, "remote.key")
        public = {"public": given["public"]}
        yield Negative(f"dh-key-{name}", said, "PRM-01", "dh.public", public, "remote.key")
    key = parties.prekey(parties.device("negative kem"), parties.PQK_ONE_TIME, 1).key
    # The first coefficient, 12 bits, becomes 4095: not below 3329.
    unreduced = b"\xff" + bytes((key[1] | 0x0F,)) + key[2:]
    # 3329 itself, the smallest that is not reduced, as the first coefficient and as the last one.
    first = b"\x01" + bytes((key[1] & 0xF0 | 0x0D,)) + key[2:]
    last = key[:1150] + bytes((key[1150] & 0x0F | 0x10, 0xD0)) + key[1152:]
    at_modulus = (("coefficient-3329-first", first), ("coefficient-3329-last", last))
    for name, wrong in (*at_modulus, ("unreduced", unreduced), ("short", key[:-1]), ("long", key + b"\0")):
        said = f"An ML-KEM-768 encapsulation key that is {name}."
        yield Negative(f"kem-key-{name}", said, "PRM-04", "kem.key", {"key": wrong}, "remote.key")
    yield from _signatures()


def _signatures() -> Iterator[Negative]:
    seed, data = draw("negative signer", 32), draw("negative signed", 50)
    public, good = sign_public(seed), sign(seed, "SR1-sig-list", data)
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = good[:32] + (int.from_bytes(good[32:], "little") + order).to_bytes(32, "little")
    neutral = b"\x01" + bytes(31)
    nonce = int.from_bytes(draw("negative cofactored nonce", 32), "little") % order
    secret = int.from_bytes(draw("negative cofactored key", 32), "little") % order
    to_sign = label("SR1-sig-list") + data
    cofactored = edwards.cofactored_only(secret, nonce, to_sign)
    if not edwards.holds_cofactored(cofactored[0], to_sign, cofactored[1]):
        raise ArithmeticError("the cofactored equation does not hold")
    counted = (data[:-1] + bytes((last,)) for last in range(256))
    small, small_data = next(
        (found, one)
        for one in counted
        if (found := edwards.of_small_order(label("SR1-sig-list") + one)) is not None
    )
    cases = {
        "malleable": (public, malleable, "S plus the group order: not canonical"),
        "bit-flipped": (public, flipped(good, 5), "one bit of R flipped"),
        "other-label": (public, sign(seed, "SR1-sig-prekey", data), "made under another label"),
        "small-order-key": (neutral, neutral + bytes(32), "A and R are the neutral element, S is 0"),
        "cofactored": (*cofactored, "R has a part of order 8: right only in the equation times eight"),
        "small-order-key-order-8": (*small, "A and R are of order 8, S is 0: right in both equations"),
        "short": (public, good[:63], "63 bytes"),
    }
    for name, (by, signature, said) in cases.items():
        signed = small_data if name == "small-order-key-order-8" else data
        given = {"public": by, "label": "SR1-sig-list", "data": signed, "signature": signature}
        about = f"An Ed25519 signature: {said}."
        yield Negative(
            f"signature-{name}", about, "PRM-03 PRM-11", "signature.verify", given, "remote.signature"
        )


def cards() -> Iterator[Negative]:
    """Contact cards and safety numbers."""
    account_id = sign_public(draw("negative card", 32))
    relay = "wss://relay.example/"
    good = identity_vectors.account_text(account_id, relay)
    swapped = good[1] + good[0] + good[2:]
    uri = identity_vectors.card_uri

    def whole(name: str | None, url: str = relay) -> str:
        """A card whose check bytes are right, whatever stands in it."""
        return uri(identity_vectors.account_text(account_id, url, name), url, name)

    named, escaped = whole("A~\u00e4"), whole("A b")
    long_name = "\U0001f511" * 64
    long_account = identity_vectors.account_text(account_id, relay, long_name)
    account_2 = identity_vectors.account_text(sign_public(draw("negative card two", 32)), relay)
    texts = {
        "relay-changed": (uri(good, "wss://relay.exemple/"), "a letter of the relay changed", "ID-34"),
        "name-changed": (named.replace("A~", "B~"), "a letter of the name changed", "ID-34"),
        "name-removed": (named.partition("&n=")[0], "the name removed", "ID-34"),
        "name-added": (uri(good, relay) + "&n=A", "a name added", "ID-34"),
        "check-of-the-account-alone": (
            uri(_card_account(account_id, hash_("SR1-card", account_id)), relay),
            "check bytes over the account alone",
            "ID-34",
        ),
        "check-of-another-account": (
            uri(good[:43] + account_2[43:], relay),
            "check bytes of another card",
            "ID-34",
        ),
        "account-padded": (uri(good, relay).replace("&r", "=&r"), "padded base64url", "ID-21"),
        "account-of-47": (uri(good[:47], relay), "47 characters of base64url", "ID-21"),
        "account-of-52": (uri(good + "AAAA", relay), "52 characters of base64url", "ID-21"),
        "account-in-base64": (
            _standard(uri, relay),
            "the other alphabet of base64, with + and /",
            "ID-21",
        ),
        "account-escaped": (uri("%41" + good[1:], relay), "an escape in the account", "ID-21"),
        "escape-of-a-letter": (named.replace("n=A", "n=%41"), "an escape of a letter", "ID-21"),
        "escape-in-lower-case": (named.replace("%C3%A4", "%c3%a4"), "an escape in lower case", "ID-21"),
        "escape-cut-off": (escaped.replace("%20b", "%2"), "an escape of one digit", "ID-21"),
        "escape-without-digits": (escaped.replace("%20", "%zz"), "an escape without digits", "ID-21"),
        "escape-missing": (escaped.replace("%20", "+"), "a plus for a space", "ID-21"),
        "relay-not-escaped": (uri(good, relay).replace("%3A%2F%2F", "://"), "a relay as it is", "ID-21"),
        "name-with-an-equals-sign": (whole("a=b").replace("%3D", "="), "a = that is not escaped", "ID-21"),
        "name-in-long-utf8": (uri(good, relay) + "&n=%C0%80", "a null in two bytes", "ID-21"),
        "name-with-surrogate": (uri(good, relay) + "&n=%ED%A0%80", "half of a surrogate pair", "ID-21"),
        "scheme-in-upper-case": (uri(good, relay).replace("sealroom", "SEALROOM"), "another case", "ID-21"),
        "fragment": (uri(good, relay) + "#a", "a fragment behind it", "ID-21"),
        "no-break-space-around": ("\u00a0" + uri(good, relay), "a no-break space before it", "ID-35"),
        "form-feed-around": (uri(good, relay) + "\f", "a form feed behind it", "ID-35"),
        "byte-order-mark": ("\ufeff" + uri(good, relay), "a byte order mark before it", "ID-35"),
        "too-long": (
            f'{{"sealroom":1,"account":"{good}",{" " * 2000}"relay":"{relay}"}}',
            "more than 2048 bytes",
            "ID-35",
        ),
        "name-bidi": (whole("a\u202eb"), "a change of direction in the name", "ID-33"),
        "name-with-two-spaces": (whole("a  b"), "two spaces in the name", "ID-33"),
        "relay-in-upper-case": (whole(None, "wss://RELAY.example/"), "a host in upper case", "ID-23"),
        "relay-with-query": (whole(None, "wss://relay.example/?a"), "a query", "ID-23"),
        "json-version-1-0": (f'{{"sealroom":1.0,"account":"{good}","relay":"{relay}"}}', "", "ID-22"),
        "json-version-text": (f'{{"sealroom":"1","account":"{good}","relay":"{relay}"}}', "", "ID-22"),
        "json-account-number": (f'{{"sealroom":1,"account":1,"relay":"{relay}"}}', "", "ID-22"),
        "json-member-escaped": (
            f'{{"sealroom":1,"\\u0061ccount":"{good}","relay":"{relay}"}}',
            "",
            "ID-22",
        ),
        "json-comma-at-the-end": (f'{{"sealroom":1,"account":"{good}","relay":"{relay}",}}', "", "ID-22"),
        "json-text-behind": (f'{{"sealroom":1,"account":"{good}","relay":"{relay}"}}x', "", "ID-22"),
        "json-unknown-escape": (
            f'{{"sealroom":1,"account":"{good}","relay":"{relay}","name":"\\x41"}}',
            "",
            "ID-22",
        ),
        "json-line-feed-in-a-string": (
            f'{{"sealroom":1,"account":"{good}","relay":"{relay}","name":"a\nb"}}',
            "",
            "ID-22",
        ),
        "json-relay-changed": (
            f'{{"sealroom":1,"account":"{good}","relay":"wss://relay.exemple/"}}',
            "",
            "ID-34",
        ),
        "json-name-added": (f'{{"sealroom":1,"account":"{good}","relay":"{relay}","name":"A"}}', "", "ID-34"),
        "json-account-missing": (f'{{"sealroom":1,"relay":"{relay}"}}', "", "ID-22"),
        "typing-error": (uri(swapped, relay), "two characters of the account exchanged", "ID-21"),
        "no-checksum": (uri(good[:43], relay), "an account without its checksum", "ID-21"),
        "version-2": (uri(good, relay).replace("v=1", "v=2"), "version 2", "ID-21"),
        "parameters-exchanged": (f"sealroom:contact?v=1&r=wss%3A%2F%2Fx&a={good}", "r before a", "ID-21"),
        "parameter-unknown": (uri(good, relay) + "&x=1", "an unknown parameter", "ID-21"),
        "parameter-doubled": (uri(good, relay) + "&n=a&n=b", "a name twice", "ID-21"),
        "name-not-utf8": (uri(good, relay) + "&n=%FF", "a name that is not UTF-8", "ID-21"),
        "name-with-control": (whole("a\nb"), "a line feed in the name", "ID-33"),
        "name-too-long": (whole("x" * 65), "a name of 65 characters", "ID-33"),
        "name-empty": (whole(""), "an empty name", "ID-33"),
        "name-empty-with-the-check-of-none": (uri(good, relay) + "&n=", "an empty name", "ID-21"),
        "name-before-the-relay": (
            whole("A").replace("&r=", "&R=").replace("&n=A", "").replace("&R=", "&n=A&r="),
            "n before r",
            "ID-21",
        ),
        "too-long-in-bytes": (
            f'{{"sealroom":1,{" " * 1700}"account":"{long_account}","relay":"{relay}","name":"{long_name}"}}',
            "2048 characters at most, more bytes",
            "ID-35",
        ),
        "relay-plain": (whole(None, "ws://relay.example/"), "ws:// with a host elsewhere", "ID-23"),
        "relay-https": (whole(None, "https://relay.example/"), "another scheme", "ID-23"),
        "relay-no-host": (whole(None, "wss:///x"), "no host", "ID-23"),
        "json-member-unknown": (
            f'{{"sealroom":1,"account":"{good}","relay":"{relay}","x":1}}',
            "one",
            "ID-22",
        ),
        "json-member-doubled": (
            f'{{"sealroom":1,"sealroom":1,"account":"{good}","relay":"{relay}"}}',
            "",
            "ID-22",
        ),
        "json-version-true": (f'{{"sealroom":true,"account":"{good}","relay":"{relay}"}}', "", "ID-22"),
        "json-name-null": (f'{{"sealroom":1,"account":"{good}","relay":"{relay}","name":null}}', "", "ID-22"),
    }
    for name, (text, said, rules) in texts.items():
        about = f"A contact card: {said if ' ' in said else name.replace('-', ' ')}."
        yield Negative(f"card-{name}", about, rules, "card.parse", {"text": text}, "remote.decode")
    yield from _scans(account_id)


def _card_account(account_id: bytes, check: bytes) -> str:
    return base64.urlsafe_b64encode(account_id + check[:4]).decode()


def _standard(uri: Callable[[str, str], str], relay: str) -> str:
    """A card whose account needs both characters in which the alphabets differ."""
    numbers = (sign_public(draw(f"negative card {number}", 32)) for number in itertools.count())
    texts = (identity_vectors.account_text(account_id, relay) for account_id in numbers)
    text = next(one for one in texts if "-" in one and "_" in one)
    return uri(text.replace("-", "+").replace("_", "/"), relay)


def _scans(account_id: bytes) -> Iterator[Negative]:
    other = sign_public(draw("negative card other", 32))
    ours = "SEALROOM:1:" + "0" * 128
    scans = {"version": ours.replace(":1:", ":2:"), "short": ours[:-1], "foreign": "https://example.org/"}
    scans["lower-case"] = "SEALROOM:1:" + "0" * 127 + "a"
    for name, scanned in scans.items():
        given = {"ours": account_id, "theirs": other, "scanned": scanned}
        about = f"A scanned text that is not a safety number: {name}."
        yield Negative(f"safety-{name}", about, "ID-26", "safety.compare", given, "remote.decode")


def envelopes() -> Iterator[Negative]:
    """Sizes, versions, kinds, prefixes."""
    message, flight = b"\x01\x01" + bytes(104 + 512), b"\x01\x02" + bytes(4094)
    cases = {
        "empty": (b"", "no bytes", "remote.version"),
        "version-0": (b"\0" + message[1:], "version 0", "remote.version"),
        "version-2": (b"\x02" + message[1:], "version 2", "remote.version"),
        "kind-0": (b"\x01\0" + message[2:], "kind 0", "remote.version"),
        "kind-3": (b"\x01\x03" + message[2:], "kind 3", "remote.version"),
        "one-byte-short": (
            message[:-1],
            "a message that is one byte shorter than its class",
            "remote.decode",
        ),
        "one-byte-long": (
            message + b"\0",
            "a message that is one byte longer than its class",
            "remote.decode",
        ),
        "kind-1-of-flight-size": (
            b"\x01\x01" + flight[2:],
            "kind 1 in the size of a flight",
            "remote.decode",
        ),
        "kind-2-of-message-size": (
            b"\x01\x02" + message[2:],
            "kind 2 without room for a prefix",
            "remote.decode",
        ),
        "flight-class-512": (flight[: 2198 + 16 + 512], "a flight with a body of 512", "remote.decode"),
        "over-96-kib": (b"\x01\x01" + bytes(98303), "98 305 bytes", "remote.decode"),
        "over-96-kib-of-a-padding-class": (b"\x01\x01" + bytes(104 + 98304), "98 410 bytes", "remote.decode"),
        "not-padme": (b"\x01\x01" + bytes(104 + 4097), "a body of 4097 bytes", "remote.decode"),
    }
    for name, (envelope, said, error) in cases.items():
        rules = "WIRE-06" if error == "remote.version" else "WIRE-07 WIRE-11 WIRE-12"
        # A long run of zero bytes is not worth its room in a file.
        given = {"head": envelope[:2], "zeros": max(len(envelope) - 2, 0)}
        about = f"An envelope: {said}. It is `head` and so many zero bytes."
        yield Negative(f"envelope-{name}", about, rules, "envelope.decode", given, error)
    yield from _prefixes()


def _prefixes() -> Iterator[Negative]:
    ek, rest = b"\x09" + bytes(31), bytes(1088 + 976)
    ids = {name: bytes.fromhex(text) for name, text in {"one": "00000001", "zero": "00000000"}.items()}
    cases = {
        "spk-id-zero": (ek + ids["zero"] + ids["one"] * 2 + rest, "WIRE-08", "remote.decode"),
        "pqk-id-zero": (ek + ids["one"] * 2 + ids["zero"] + rest, "WIRE-08", "remote.decode"),
        "ek-not-canonical": (b"\xff" * 32 + ids["one"] * 3 + rest, "PRM-01", "remote.key"),
        "short": (ek + ids["one"] * 3 + rest[:-1], "WIRE-08", "remote.decode"),
    }
    for name, (prefix, rules, error) in cases.items():
        about = f"A handshake prefix: {name.replace('-', ' ')}."
        yield Negative(f"prefix-{name}", about, rules, "prefix.decode", {"prefix": prefix}, error)


def contents() -> Iterator[Negative]:
    """Contents that break chapter 10."""
    text, content, number = content_vectors.text, content_vectors.content, content_vectors.number
    ask: dict[int, Value] = {1: 1, 2: bytes(8), 3: None, 4: None, 5: 0}
    us = parties.device("negative content")
    ids: list[Value] = [draw(f"negative id {at}", 16) for at in range(65)]
    back = parties.way_back(us)
    opk = parties.prekey(us, parties.OPK, 1).compact
    nine = {**content_vectors.compact_bundle(us), 3: [opk] * 9}
    good = text("negative", "x")
    cases: dict[str, tuple[Value, str]] = {
        "not-a-map": ([1, 2], "CON-01"),
        "type-missing": ({key: good[key] for key in (2, 3, 4, 9)}, "CON-01"),
        "payload-missing": ({key: good[key] for key in (1, 2, 3, 9)}, "CON-01"),
        "id-short": ({**good, 2: bytes(15)}, "CON-01"),
        "key-0": ({0: 0, **good}, "CON-01"),
        "key-10": ({**good, 10: None}, "CON-01"),
        "key-63": ({**good, 63: None}, "CON-01"),
        "type-negative": (content("negative", -1, None), "CON-01"),
        "type-above-32-bit": (content("negative", 2**32, None), "CON-01"),
        "type-true": ({**good, 1: True}, "CON-01"),
        "sent-negative": ({**good, 3: -1}, "CON-01"),
        "text-empty": (text("negative", ""), "CON-03"),
        "text-as-bytes": ({**good, 4: {1: b"x"}}, "CON-03"),
        "text-with-more": ({**good, 4: {1: "x", 2: 0}}, "CON-03"),
        "receipt-empty": (content("negative", 2, {1: 1, 2: []}), "CON-04"),
        "receipt-65-ids": (content("negative", 2, {1: 1, 2: ids}), "CON-04"),
        "receipt-state-3": (content("negative", 2, {1: 3, 2: ids[:1]}), "CON-03"),
        "address-without-address": (content("negative", 3, None), "CON-03"),
        "address-with-payload": (content("negative", 3, 0, {7: back}), "CON-03"),
        "sync-kind-0": (content("negative", 5, {**ask, 1: 0}), "CON-03"),
        "sync-kind-3": (content("negative", 5, {**ask, 1: 3}), "CON-03"),
        "sync-ask-without-id": (content("negative", 5, {**ask, 2: None}), "CON-03"),
        "sync-id-of-7-bytes": (content("negative", 5, {**ask, 2: bytes(7)}), "CON-03"),
        "sync-without-got": (content("negative", 5, {1: 1, 2: bytes(8), 3: None, 4: None}), "CON-03"),
        "sync-top-epoch-2-to-32": (content("negative", 5, {**ask, 3: [2**32, bytes(8)]}), "CON-03"),
        "sync-top-id-of-7-bytes": (content("negative", 5, {**ask, 3: [1, bytes(7)]}), "CON-03"),
        "sync-number-zero": (content("negative", 5, {**ask, 4: number(0, 1)}), "CON-12"),
        "sync-got-2-to-53": (content("negative", 5, {**ask, 5: 2**53}), "CON-03"),
        "sync-with-number": ({**content("negative", 5, ask), 9: number(1, 1)}, "CON-12"),
        "text-without-number": (content("negative", 1, {1: "x"}), "CON-12"),
        "entry-without-number": (content("negative", 8, None), "CON-12"),
        "roster-without-number": (content("negative", 12, None), "CON-12"),
        "signal-with-number": ({**content("negative", 9, None), 9: number(1, 1)}, "CON-12"),
        "unknown-type-with-number": ({**content("negative", 13, None), 9: number(1, 1)}, "CON-12"),
        "number-of-19-bytes": ({**good, 9: number(1, 1)[:19]}, "CON-12"),
        "number-of-21-bytes": ({**good, 9: number(1, 1) + b"\0"}, "CON-12"),
        "number-zero": ({**good, 9: number(0, 1)}, "CON-12"),
        "number-2-to-53": ({**good, 9: number(2**53, 1)}, "CON-12"),
        "number-first-zero": ({**good, 9: number(5, 0)}, "CON-12"),
        "number-first-two-above": ({**good, 9: number(5, 7)}, "CON-12"),
        "number-as-array": ({**good, 9: [1, b"line", 1]}, "CON-12"),
        "receipt-with-number": ({**content("negative", 2, {1: 1, 2: ids[:1]}), 9: number(1, 1)}, "CON-12"),
        "nothing-with-payload": (content("negative", 7, {1: 0}), "CON-03 CON-11"),
        "list-empty": (content("negative", 6, {1: b""}), "CON-03"),
        "list-of-1025-bytes": (content("negative", 6, {1: bytes(1025)}), "CON-03"),
        "epoch-2-to-32": ({**good, 6: 2**32, 7: back}, "SES-21"),
        "address-relay-plain": ({**good, 7: {**back, 3: "ws://relay.example/"}}, "CON-06"),
        "address-token-short": ({**good, 7: {**back, 2: bytes(31)}}, "CON-06"),
        "heads-own-null": ({**good, 5: {1: None, 2: None}}, "CON-05"),
        "heads-seq-zero": ({**good, 5: {1: [0, bytes(32)], 2: None}}, "CON-05"),
        "bundle-nine-keys": ({**good, 8: nine}, "CON-07"),
    }
    for name, (value, rules) in cases.items():
        yield _content(name, cbor(dict(sorted(value.items())) if isinstance(value, dict) else value), rules)
    yield _content("empty", b"", "CON-01")
    yield _content("trailing-byte", cbor(good) + b"\0", "WIRE-03 CON-01")
    descending = b"".join(cbor({key: good[key]})[1:] for key in (4, 1, 2, 3, 9))
    yield _content("keys-descending", b"\xa5" + descending, "WIRE-02 CON-01")


def _content(name: str, encoded: bytes, rules: str) -> Negative:
    about = f"A content: {name.replace('-', ' ')}."
    return Negative(f"content-{name}", about, rules, "content.decode", {"content": encoded}, "remote.content")


def all_forms() -> Iterator[Negative]:
    """Everything here."""
    for part in (encodings, keys, cards, envelopes, contents):
        yield from part()
