"""primitives.json, cbor.json and padding.json: chapters 03 and 04."""

from __future__ import annotations

from typing import Any, Final

from spec.vectors import suite
from spec.vectors.document import diagnostic, render
from spec.vectors.suite import Value, draw, label

_LABELS: Final = (
    "SR1-record SR1-list SR1-sig-list SR1-sig-prekey SR1-sig-address SR1-sig-succ SR1-card SR1-safety"
    " SR1-ephemeral SR1-hs-t0 SR1-hs-t1 SR1-hs-id SR1-hs-keys SR1-root SR1-chain SR1-tag SR1-header-key"
    " SR1-body-key SR1-salt SR1-kem-key SR1-kem-text SR1-kem-epoch SR1-relay-auth"
    " SR1-mandate SR1-sig-mandate SR1-roster SR1-sig-roster SR1-agent-card SR1-sig-channels SR1-link-code"
    " SR1-link-place SR1-link-keys SR1-link-commit SR1-link-sas SR1-room-id"
    " SR1-room-notes SR1-device-tag SR1-commit SR1-entry SR1-sig-entry SR1-notice SR1-sig-notice SR1-consent"
    " SR1-sig-consent SR1-sig-withdraw SR1-sig-assets SR1-sig-login SR1-login-ask SR1-login-key"
    " SR1-file-chunk SR1-file-hash SR1-recovery SR1-recover-code"
)

ACCEPTED: Final[tuple[Value, ...]] = (
    0,
    23,
    24,
    255,
    256,
    65535,
    65536,
    2**32 - 1,
    2**32,
    2**64 - 1,
    -1,
    -24,
    -25,
    -256,
    -257,
    -(2**64),
    b"",
    bytes(23),
    bytes(24),
    bytes(256),
    "",
    "Grüße",
    "漢",
    "\ufeffx",
    "a\0b",
    "e\u0301",
    [],
    [1, [2, [3]]],
    {},
    {0: None, 23: True, 24: False, 256: b"\x01", 65536: "x", 2**32: [{1: -1}]},
    [[[[[[[[]]]]]]]],
)


def primitives() -> str:
    """One or more cases of every function of chapter 03, and of the functions of chapter 07."""
    return render(
        "The functions of suite SR1. Labels are padded to 16 bytes where they are used.",
        "PRM-06 PRM-07 PRM-11 PRM-12 PRM-13",
        {
            "labels": {name: label(name) for name in _LABELS.split()},
            "hash": [
                _hash("SR1-record", draw("hash data", 40)),
                _hash("SR1-list", b""),
                _hash("SR1-kem-key", draw("hash data", 1184)),
            ],
            "prf": [
                _prf("SR1-ephemeral", 32, data=draw("prf data", 5000)),
                _prf("SR1-chain", 64),
                _prf("SR1-tag", 8),
                _prf("SR1-header-key", 32, salt=draw("prf salt", 16)),
                _prf("SR1-body-key", 32, salt=draw("prf salt", 16)),
                _prf("SR1-salt", 16, data=draw("prf data", 576)),
            ],
            "hkdf": [
                _hkdf(label("SR1-hs-id"), 32, 128),
                _hkdf(label("SR1-hs-keys"), 128, 224),
                _hkdf(label("SR1-root") + suite.u32(0), 96, 32),
                _hkdf(label("SR1-root") + suite.u32(1), 96, 64),
                _hkdf(label("SR1-kem-epoch") + suite.u32(1) + draw("hkdf exchange hash", 32), 64, 32),
            ],
            "dh": [_dh("one", "two"), _dh("two", "one")],
            "sign": [_sign("SR1-sig-list", b""), _sign("SR1-sig-prekey", draw("signed data", 100))],
            "aead": [_aead(0, 0), _aead(48, 58), _aead(512, 90)],
        },
    )


def _hash(name: str, data: bytes) -> dict[str, Any]:
    return {"label": name, "data": data, "hash": suite.hash_(name, data)}


def _prf(name: str, size_b: int, salt: bytes = bytes(16), data: bytes = b"") -> dict[str, Any]:
    key = draw(f"prf key {name}", 32)
    output = suite.prf(key, name, size_b, salt, data)
    return {"key": key, "label": name, "salt": salt, "data": data, "size_b": size_b, "output": output}


def _hkdf(info: bytes, size_b: int, ikm_b: int) -> dict[str, Any]:
    salt, ikm = draw(f"hkdf salt {size_b}", 32), draw(f"hkdf ikm {size_b}", ikm_b)
    output = suite.hkdf(salt, ikm, info, size_b)
    return {"salt": salt, "ikm": ikm, "info": info, "size_b": size_b, "output": output}


def _dh(ours: str, theirs: str) -> dict[str, Any]:
    private, public = draw(f"dh {ours}", 32), suite.dh_public(draw(f"dh {theirs}", 32))
    return {
        "private": private,
        "public_of_private": suite.dh_public(private),
        "public": public,
        "shared": suite.dh(private, public),
    }


def _sign(name: str, data: bytes) -> dict[str, Any]:
    seed = draw(f"sign seed {name}", 32)
    signature = suite.sign(seed, name, data)
    return {
        "seed": seed,
        "public": suite.sign_public(seed),
        "label": name,
        "data": data,
        "signature": signature,
    }


def _aead(plain_b: int, associated_b: int) -> dict[str, Any]:
    key, plain = draw(f"aead key {plain_b}", 32), draw(f"aead plain {plain_b}", plain_b)
    associated = draw(f"aead associated {plain_b}", associated_b)
    sealed = suite.aead(key, plain, associated)
    return {"key": key, "plaintext": plain, "associated": associated, "ciphertext": sealed}


def encodings() -> str:
    """Values at the edges of the accepted set and their only encoding."""
    cases = [{"diagnostic": diagnostic(value), "encoded": suite.cbor(value)} for value in ACCEPTED]
    return render(
        "Accepted values in the diagnostic notation of RFC 8949 and their deterministic encoding.",
        "WIRE-01 WIRE-02 WIRE-04",
        {"cases": cases},
    )


def padding() -> str:
    """Sizes at every class boundary."""
    return render(
        "Padding. `content_b` is the length of the encoded content; a body of kind 1 has a fragment block of"
        " 272 bytes before it. `padme` is the bare function for lengths above 4096.",
        "WIRE-07 WIRE-10 WIRE-11 WIRE-12 WIRE-13 WIRE-14",
        {
            "kind_1": [_sizes(length, first=False) for length in _around(239, 751, 1775, 3823, 4096, 65536)],
            "kind_2": [_sizes(length, first=True) for length in _around(1881, 2047, 4095, 65536)],
            "padme": [
                {"length_b": length, "size_b": suite.padme(length)}
                for length in (
                    4097,
                    4099,
                    4100,
                    4223,
                    4224,
                    4225,
                    4352,
                    4353,
                    5000,
                    8191,
                    8192,
                    8193,
                    16385,
                    33000,
                    65535,
                    65537,
                    65809,
                )
            ],
            "padded": [
                {"plain": plain, "padded": suite.pad(plain, 512)}
                for plain in (b"", b"\x80", b"text\0\0", draw("padded", 511))
            ],
        },
    )


def _around(*lengths: int) -> list[int]:
    return [1, *(length + step for length in lengths for step in (0, 1) if length + step <= 65536)]


def _sizes(content_b: int, *, first: bool) -> dict[str, int]:
    lead_b = 2 + 2108 if first else 2
    before_b = 0 if first else suite.FRAGMENT_B
    body_b = suite.body_size(before_b + content_b + 1, first=first)
    return {"content_b": content_b, "body_b": body_b, "envelope_b": lead_b + 8 + 16 + 64 + body_b + 16}
