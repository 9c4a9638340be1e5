"""Vectors that nobody here wrote: Wycheproof for every primitive, Appendix A of RFC 8949 for our codec.

Every case of every file is asserted, and so are the counts, so that a file that shrinks is noticed.
"""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from e2ee.constants import KEM_CIPHERTEXT_B, KEM_SEED_B
from e2ee.errors import AuthenticationError, BadSignature, DecodeError, InvalidArgument, InvalidKey
from e2ee.primitives import aead, dh, kdf, kem, sign
from e2ee.wire import cbor

_P = 2**255 - 19


class Case(NamedTuple):
    """One test of a Wycheproof file, with the group that it stands in."""

    group: dict[str, Any]
    test: dict[str, Any]

    @property
    def valid(self) -> bool:
        return str(self.test["result"]) == "valid"

    def hex(self, name: str) -> bytes:
        return bytes.fromhex(self.test[name])


def _cases(shared_vectors: Path, name: str) -> Iterator[Case]:
    whole = json.loads((shared_vectors / "wycheproof" / name).read_text("utf-8"))
    cases = [Case(group, test) for group in whole["testGroups"] for test in group["tests"]]
    assert len(cases) == whole["numberOfTests"]
    yield from cases


def test_the_folder_holds_no_file_that_no_test_reads(shared_vectors: Path) -> None:
    assert sorted(path.relative_to(shared_vectors).as_posix() for path in shared_vectors.rglob("*.json")) == [
        "cbor/appendix_a.json",
        "wycheproof/chacha20_poly1305_test.json",
        "wycheproof/ed25519_test.json",
        "wycheproof/hkdf_sha256_test.json",
        "wycheproof/hmac_sha256_test.json",
        "wycheproof/mlkem_768_keygen_seed_test.json",
        "wycheproof/mlkem_768_test.json",
        "wycheproof/x25519_test.json",
    ]


def _agree(case: Case) -> str:
    """How a key agreement must end: "equal", or refused as "non-canonical", as "zero", or as both."""
    non_canonical = int.from_bytes(case.hex("public"), "little") >= _P
    zero = not any(case.hex("shared"))
    assert zero == ("ZeroSharedSecret" in case.test["flags"])
    if not non_canonical and not zero:
        assert dh.exchange(case.hex("private"), case.hex("public")) == case.hex("shared")
        return "equal"
    with pytest.raises(InvalidKey):
        dh.exchange(case.hex("private"), case.hex("public"))
    return "both" if non_canonical and zero else "zero" if zero else "non-canonical"


def test_x25519(shared_vectors: Path) -> None:
    """PRM-01, PRM-02: equal, except where the public key is not canonical or the output is zero."""
    ends = Counter(_agree(case) for case in _cases(shared_vectors, "x25519_test.json"))
    assert sum(ends.values()) == 518
    assert ends["zero"] + ends["both"] == 31
    assert ends["non-canonical"] + ends["both"] == 29


def test_ed25519(shared_vectors: Path) -> None:
    """PRM-03: every valid signature verifies, no other does."""
    counted: Counter[bool] = Counter()
    for case in _cases(shared_vectors, "ed25519_test.json"):
        public = bytes.fromhex(case.group["publicKey"]["pk"])
        counted[case.valid] += 1
        if case.valid:
            sign.verify(public, case.hex("msg"), case.hex("sig"))
        else:
            with pytest.raises(BadSignature):
                sign.verify(public, case.hex("msg"), case.hex("sig"))
    assert counted == {True: 88, False: 63}


def _check_sealing(case: Case, sealed: bytes) -> None:
    """Our wrapper, with the nonce of the case in the place of its zero nonce."""
    key, plain, associated = case.hex("key"), case.hex("msg"), case.hex("aad")
    if case.valid:
        assert aead.seal(key, plain, associated) == sealed
        assert aead.open_(key, sealed, associated) == plain
    else:
        with pytest.raises(AuthenticationError):
            aead.open_(key, sealed, associated)


@pytest.mark.reference
def test_chacha20_poly1305(shared_vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PRM-07: no case has the zero nonce that our wrapper fixes, so that of each case is put in its place.

    Nonces that are not 12 bytes long cannot reach the wrapper; there the library below it must refuse.
    """
    counted: Counter[str] = Counter()
    for case in _cases(shared_vectors, "chacha20_poly1305_test.json"):
        nonce, sealed = case.hex("iv"), case.hex("ct") + case.hex("tag")
        if len(nonce) != 12:
            assert not case.valid
            with pytest.raises(ValueError, match=r"[Nn]once"):
                ChaCha20Poly1305(case.hex("key")).decrypt(nonce, sealed, case.hex("aad"))
            counted["nonce refused"] += 1
            continue
        monkeypatch.setattr(aead, "_NONCE", nonce)
        _check_sealing(case, sealed)
        counted["valid" if case.valid else "invalid"] += 1
        counted["zero nonce"] += not any(nonce)
    assert counted == {"valid": 256, "invalid": 60, "nonce refused": 9, "zero nonce": 0}


def test_hkdf(shared_vectors: Path) -> None:
    """PRM-13: and more than 255 blocks are refused."""
    counted: Counter[bool] = Counter()
    for case in _cases(shared_vectors, "hkdf_sha256_test.json"):
        salt, ikm, info, size_b = case.hex("salt"), case.hex("ikm"), case.hex("info"), case.test["size"]
        counted[case.valid] += 1
        if case.valid:
            assert kdf.hkdf(salt, ikm, info, size_b) == case.hex("okm")
        else:
            assert size_b > 8160
            with pytest.raises(ValueError, match="larger than 8160"):
                kdf.hkdf(salt, ikm, info, size_b)
    assert counted == {True: 83, False: 3}


def test_hmac(shared_vectors: Path) -> None:
    """PRM-10: the comparison that we use, beside the standard library's HMAC."""
    counted: Counter[bool] = Counter()
    for case in _cases(shared_vectors, "hmac_sha256_test.json"):
        tag = hmac.digest(case.hex("key"), case.hex("msg"), "sha256")[: case.group["tagSize"] // 8]
        assert kdf.equal(tag, case.hex("tag")) == case.valid
        counted[case.valid] += 1
    assert counted == {True: 66, False: 108}


def test_ml_kem_key_generation(shared_vectors: Path) -> None:
    """PRM-05: the seed is the whole private key; the expanded form ends with both of its halves' traces."""
    cases = list(_cases(shared_vectors, "mlkem_768_keygen_seed_test.json"))
    for case in cases:
        seed, public, expanded = case.hex("seed"), case.hex("ek"), case.hex("dk")
        assert case.valid
        assert kem.derive_public(seed) == public == kem.encapsulation_key(public)
        # FIPS 203: dk = dk_pke | ek | H(ek) | z, where z is the second half of the seed.
        assert expanded[-64 - len(public) : -64] == public
        assert expanded[-32:] == seed[32:]
    assert len(cases) == 100


def _decapsulate(case: Case) -> str:
    """How a decapsulation ends: with the secret of the case, or refused for a size."""
    seed, ciphertext = case.hex("seed"), case.hex("c")
    if len(seed) != KEM_SEED_B:
        with pytest.raises(InvalidArgument):
            kem.DecapsulationKey(seed)
        return "seed refused"
    key = kem.DecapsulationKey(seed)
    if len(ciphertext) != KEM_CIPHERTEXT_B:
        with pytest.raises(AuthenticationError):
            key.decapsulate(ciphertext)
        return "ciphertext refused"
    assert key.public == case.hex("ek")
    assert key.decapsulate(ciphertext) == case.hex("K")
    fresh, secret = kem.encapsulate(case.hex("ek"))
    assert key.decapsulate(fresh) == secret
    return "secret"


def test_ml_kem(shared_vectors: Path) -> None:
    """PRM-04, PRM-05: recorded secrets, implicit rejection among them; wrong sizes are refused."""
    ends: Counter[str] = Counter()
    for case in _cases(shared_vectors, "mlkem_768_test.json"):
        end = _decapsulate(case)
        assert case.valid == (end == "secret")
        ends[end] += 1
    assert ends["secret"] == 153
    assert ends["seed refused"] + ends["ciphertext refused"] == 40
    assert ends["ciphertext refused"] > 0


def _accepted(encoded: bytes) -> cbor.Value | type[DecodeError]:
    try:
        return cbor.decode(encoded)
    except DecodeError:
        return DecodeError


def test_appendix_a_of_the_cbor_standard(shared_vectors: Path) -> None:
    """WIRE-01 to WIRE-04: what is accepted round-trips to its bytes, all else is refused."""
    cases = json.loads((shared_vectors / "cbor" / "appendix_a.json").read_text("utf-8"))
    refused = []
    for case in cases:
        encoded = bytes.fromhex(case["hex"])
        value = _accepted(encoded)
        if value is DecodeError:
            refused.append(case["hex"])
            continue
        assert not isinstance(value, type)
        assert cbor.encode(value) == encoded
        assert case["roundtrip"]
        if "decoded" in case:
            assert value == case["decoded"]
            assert type(value) is type(case["decoded"])
    assert len(cases) == 82
    assert len(refused) == 82 - 34
    assert set(refused) == {case["hex"] for case in cases if not _in_the_set(case["hex"])}


def _in_the_set(encoded: str) -> bool:
    """By hand: no tag, float, other simple value, text key, or indefinite length."""
    text_keys = {"a26161016162820203", "826161a161626163", "a56161614161626142616361436164614461656145"}
    major, low = int(encoded[:2], 16) >> 5, int(encoded[:2], 16) & 31
    simple = major == 7 and encoded not in {"f4", "f5", "f6"}
    inside = encoded in {"83018202039f0405ff", "83019f0203ff820405", "826161bf61626163ff"}
    return not (major == 6 or simple or low == 31 or inside or encoded in text_keys)
