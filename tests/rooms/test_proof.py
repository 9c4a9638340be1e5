"""Proofs of consent as files, and as pages that people read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from company import TEXTS, Company
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.errors import ProofInvalid
from e2ee_client.rooms.proof import _WORDS, LANGUAGES, describe, make_proof, open_proof, read_proof
from parties import NOW_MS, Party
from vector_files import load, unhex

from e2ee.ids import AccountId
from e2ee.rooms import consent
from e2ee.rooms.consent import Terms
from e2ee.rooms.notice import Mode, Notice
from e2ee.rooms.proof import Doubt, Evidence, Proof, Signed
from e2ee.rooms.room import room_id
from e2ee.rooms.state import Phase
from e2ee.rooms.team import Rank

VECTORS = load("proof.json")
COMPANY = AccountId(unhex(VECTORS["account_id"]))
FILES: dict[str, bytes] = {case["name"]: unhex(case["proof"]) for case in VECTORS["proofs"]}
FIRM, ANNA = Company.make(), Party.make("anna")


def evidence(**changes: Any) -> Evidence:
    """What a company keeps of a consent to its notice."""
    notice: Notice = FIRM.notice(**changes)
    nonce = bytes(16)
    room = room_id(FIRM.account_id, ANNA.account_id, nonce)
    terms = Terms(notice.hash, "de", notice.mode, 1)
    signed = consent.sign_receipt(ANNA.device.signing_key, terms, NOW_MS, room, 1)
    given = Signed(signed, ANNA.device.record.encoded, ANNA.device_list.signed)
    sides = FIRM.account_id, ANNA.account_id, nonce
    text = (changes.get("texts") or {"de": TEXTS["de"].encode()})["de"].decode()
    return Evidence(*sides, FIRM.mandate.signed, notice.signed, text, given)


def test_a_proof_is_made_written_and_read_offline(tmp_path: Path) -> None:
    """CNS-23, CNS-24"""
    path = tmp_path / "anna.sealroom-consent"
    path.write_bytes(make_proof(evidence()))
    assert read_proof(path, FIRM.account_id).receipt.accepted_ms == NOW_MS
    with pytest.raises(ProofInvalid) as caught:
        read_proof(path, COMPANY)
    assert caught.value.reason == "remote.identity"
    path.write_bytes(bytes(70_000))
    with pytest.raises(ProofInvalid):
        read_proof(path, FIRM.account_id)
    with pytest.raises(ConfigError):
        read_proof(tmp_path / "none", FIRM.account_id)


def test_parts_that_do_not_go_together_make_no_proof() -> None:
    """CNS-24"""
    with pytest.raises(ProofInvalid) as caught:
        make_proof(evidence()._replace(text="Something else."))
    assert caught.value.reason == "remote.decode"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", list(FILES))
def test_a_page_says_what_is_shown_and_what_is_not(name: str, language: str) -> None:
    """CNS-25"""
    proof = open_proof(FILES[name], COMPANY)
    page, words = describe(proof, language), _WORDS[language]
    assert words["limits"] in page
    for shown in (proof.company.hex(), proof.customer.hex(), proof.record.device_id.hex(), proof.text):
        assert shown in page
    assert (words["no answer"] in page) is (proof.answer is None)
    assert (words["not withdrawn"] in page) is (proof.withdrawal is None)
    assert (words["no doubt"] in page) is (not proof.doubts)
    for doubt in Doubt:
        assert (words[f"doubt {doubt.name}"] in page) is (doubt in proof.doubts)
    assert "{" not in page


def test_a_page_of_one_consent_reads_as_this() -> None:
    page = describe(open_proof(FILES["of the customer, withdrawn"], COMPANY), "de").splitlines()
    assert page[2] == "Unternehmen: Praxis Dr. Müller, Hauptstraße 1, 10115 Berlin, praxis@praxis.example"
    assert page[8] == "Eingewilligt am 2025-11-24 16:00:00 UTC (Zeitangabe des Geräts)"
    assert page[10:12] == [
        "Zweck 1 (Art. 6 (1) a): angenommen",
        "Zweck 2 (Art. 6 (1) a): angenommen",
    ]
    assert page[13].endswith("Der Widerruf gilt.")
    assert "Empfang" in page[14]
    assert "Zustand des Raums: widerrufen" in page[14]
    assert page[-1] == f"| {TEXTS_OF_VECTORS}"


TEXTS_OF_VECTORS = "Wir lesen, was Sie schreiben, um zu antworten."


def test_both_languages_have_words_for_everything() -> None:
    german, english = _WORDS["de"], _WORDS["en"]
    assert german.keys() == english.keys()
    needed = [f"mode {one.name}" for one in Mode] + [f"phase {one.name}" for one in Phase]
    needed += [f"doubt {one.name}" for one in Doubt] + [
        f"rank {one.name}" for one in Rank if one >= Rank.DESK
    ]
    assert set(needed) <= german.keys()
    proof = open_proof(FILES["of the company"], COMPANY)
    with pytest.raises(ConfigError):
        describe(proof, "fr")


def test_a_text_cannot_pass_for_the_page() -> None:
    """CNS-25: neither the notice's text nor a field of several lines writes a line of its own."""
    words = _WORDS["de"]
    lie = f"x\n{words['not withdrawn']}\n{words['no doubt']}"
    texts = {"de": lie.encode(), "en": b"x"}
    controller = ("Praxis", words["limits"][:100] + "\nWiderrufen am nie", "a@b.example")
    page = describe(
        open_proof(make_proof(evidence(texts=texts, controller=controller)), FIRM.account_id), "de"
    )
    assert page.splitlines().count(words["not withdrawn"]) == 1
    assert page.splitlines().count(words["no doubt"]) == 1
    assert "Widerrufen am nie" not in page.splitlines()


def test_an_absurd_time_is_still_described() -> None:
    proof: Proof = open_proof(FILES["of the company"], COMPANY)
    late = replace(proof, receipt=replace(proof.receipt, accepted_ms=2**53 - 1))
    assert "9007199254740991 ms" in describe(late, "en")
