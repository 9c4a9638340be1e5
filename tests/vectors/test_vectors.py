"""The files themselves, and chapters 03 and 04: primitives, KEM, encodings, padding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import checkout
import pytest
from vector_files import FOLDER, hexed, load, unhex

from e2ee import labels
from e2ee.constants import FRAGMENT_B
from e2ee.primitives import aead, dh, kdf, kem, sign
from e2ee.wire import cbor, padding

FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.json"))


@pytest.fixture(scope="module")
def rendered() -> Iterator[None]:
    """Let the generator make its files once: it takes seconds, and is asked three times."""
    from spec.vectors import generate

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "render", cache(generate.render))
        yield


@pytest.mark.usefixtures("rendered")
def test_the_generator_makes_just_the_committed_files() -> None:
    """Regeneration is byte-identical: no file is edited by hand, missing, or left over (PRM-09)."""
    from spec.vectors import generate

    assert generate.differences(FOLDER) == []


@pytest.mark.usefixtures("rendered")
def test_the_generator_notices_a_changed_a_missing_and_a_superfluous_file(tmp_path: Path) -> None:
    from spec.vectors import generate

    recorded = (FOLDER / "kem.json").read_text("utf-8")
    (tmp_path / "kem.json").write_text(recorded, "utf-8")
    generate.write(tmp_path)
    assert generate.committed(tmp_path) == generate.committed(FOLDER)
    (tmp_path / "card.json").unlink()
    (tmp_path / "extra.json").write_text("{}", "utf-8")
    with (tmp_path / "safety.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    assert generate.differences(tmp_path) == ["card.json", "extra.json", "safety.json"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_is_and_cites_rules(name: str) -> None:
    whole = load(name)
    assert whole["description"]
    assert whole["rules"]
    assert all(re.fullmatch(r"[A-Z]{2,5}-[0-9]{2}", rule) for rule in whole["rules"])


def test_every_cited_rule_exists() -> None:
    chapters = [path.read_text("utf-8") for path in (checkout.ROOT / "spec").glob("*.md")]
    if not chapters:
        pytest.skip("only the vectors are here, not the chapters")
    defined = {rule for text in chapters for rule in re.findall(r"\*\*([A-Z]{2,5}-[0-9]{2})\*\*", text)}
    assert {rule for name in FILES for rule in load(name)["rules"]} <= defined


def test_labels_are_those_of_the_code() -> None:
    """PRM-06."""
    coded = {value for name, value in vars(labels).items() if name.isupper() and isinstance(value, bytes)}
    listed = load("primitives.json")["labels"]
    assert {unhex(padded) for padded in listed.values()} == coded
    assert all(unhex(padded) == name.encode().ljust(16, b"\0") for name, padded in listed.items())


def _label(name: str) -> bytes:
    return unhex(load("primitives.json")["labels"][name])


@pytest.mark.parametrize("case", load("primitives.json")["hash"])
def test_hash(case: dict[str, Any]) -> None:
    """PRM-11."""
    assert kdf.hash_(_label(case["label"]), unhex(case["data"])).hex() == case["hash"]


@pytest.mark.parametrize("case", load("primitives.json")["prf"])
def test_prf(case: dict[str, Any]) -> None:
    """PRM-12."""
    salt, data = unhex(case["salt"]), unhex(case["data"])
    output = kdf.prf(unhex(case["key"]), _label(case["label"]), case["size_b"], salt=salt, data=data)
    assert output.hex() == case["output"]
    assert len(output) == case["size_b"]


@pytest.mark.parametrize("case", load("primitives.json")["hkdf"])
def test_hkdf(case: dict[str, Any]) -> None:
    """PRM-13."""
    output = kdf.hkdf(unhex(case["salt"]), unhex(case["ikm"]), unhex(case["info"]), case["size_b"])
    assert output.hex() == case["output"]


@pytest.mark.parametrize("case", load("primitives.json")["dh"])
def test_dh(case: dict[str, Any]) -> None:
    """PRM-01."""
    private, public = unhex(case["private"]), unhex(case["public"])
    assert dh.derive_public(private).hex() == case["public_of_private"]
    assert dh.public_key(public).hex() == case["public"]
    assert dh.exchange(private, public).hex() == case["shared"]


@pytest.mark.parametrize("case", load("primitives.json")["sign"])
def test_sign(case: dict[str, Any]) -> None:
    """PRM-03, PRM-11."""
    message = _label(case["label"]) + unhex(case["data"])
    assert sign.derive_public(unhex(case["seed"])).hex() == case["public"]
    assert sign.sign(unhex(case["seed"]), message).hex() == case["signature"]
    sign.verify(unhex(case["public"]), message, unhex(case["signature"]))


@pytest.mark.parametrize("case", load("primitives.json")["aead"])
def test_aead(case: dict[str, Any]) -> None:
    """PRM-07."""
    key, plain, associated = (unhex(case[name]) for name in ("key", "plaintext", "associated"))
    assert aead.seal(key, plain, associated).hex() == case["ciphertext"]
    assert aead.open_(key, unhex(case["ciphertext"]), associated) == plain


@pytest.mark.parametrize("case", load("kem.json")["encapsulations"], ids=lambda case: case["name"])
def test_kem(case: dict[str, str]) -> None:
    """PRM-04, PRM-05: the seed gives the key, and a wrong ciphertext its own secret."""
    seed, ciphertext = unhex(case["seed"]), unhex(case["ciphertext"])
    assert kem.derive_public(seed).hex() == case["encapsulation_key"]
    assert kem.encapsulation_key(unhex(case["encapsulation_key"])).hex() == case["encapsulation_key"]
    key = kem.DecapsulationKey(seed)
    assert key.decapsulate(ciphertext).hex() == case["secret"]
    wrong = ciphertext[:-1] + bytes((ciphertext[-1] ^ 1,))
    assert key.decapsulate(wrong).hex() == case["rejected_secret"]
    ours, secret = kem.encapsulate(unhex(case["encapsulation_key"]))
    assert key.decapsulate(ours) == secret


@pytest.mark.parametrize("case", load("cbor.json")["cases"], ids=lambda case: case["diagnostic"][:40])
def test_encodings(case: dict[str, str]) -> None:
    """WIRE-01, WIRE-02, WIRE-04."""
    from spec.vectors.document import diagnostic

    value = cbor.decode(unhex(case["encoded"]))
    assert diagnostic(value) == case["diagnostic"]
    assert cbor.encode(value).hex() == case["encoded"]


@pytest.mark.parametrize("case", load("padding.json")["kind_1"])
def test_padding_of_a_message(case: dict[str, int]) -> None:
    """WIRE-07, WIRE-10, WIRE-11."""
    body_b = padding.body_class(FRAGMENT_B + case["content_b"] + 1)
    assert {"content_b": case["content_b"], "body_b": body_b, "envelope_b": 90 + body_b + 16} == case
    assert padding.body_class(body_b) == body_b


@pytest.mark.parametrize("case", load("padding.json")["kind_2"])
def test_padding_under_a_prefix(case: dict[str, int]) -> None:
    """WIRE-07, WIRE-12."""
    body_b = padding.body_class(case["content_b"] + 1, first=True)
    assert {"content_b": case["content_b"], "body_b": body_b, "envelope_b": 2198 + body_b + 16} == case
    assert padding.body_class(body_b, first=True) == body_b


def test_padme() -> None:
    """WIRE-11."""
    cases = load("padding.json")["padme"]
    assert [{"length_b": c["length_b"], "size_b": padding.padme(c["length_b"])} for c in cases] == cases


@pytest.mark.parametrize("case", load("padding.json")["padded"])
def test_padded(case: dict[str, str]) -> None:
    """WIRE-13."""
    plain = unhex(case["plain"])
    assert hexed(padding.pad(plain, 512)) == case["padded"]
    assert padding.unpad(unhex(case["padded"])) == plain
