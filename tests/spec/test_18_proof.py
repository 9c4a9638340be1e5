"""Chapter 18: proofs of consent, which anybody verifies offline by the account of the company."""

from __future__ import annotations

from typing import Any

import pytest
from company import TEXTS, Company
from parties import NOW_MS, Party
from vector_files import load, unhex

from e2ee.errors import DecodeError, IdentityMismatch, RemoteError
from e2ee.ids import AccountId
from e2ee.rooms import consent
from e2ee.rooms.consent import Receipt, Terms
from e2ee.rooms.door import TEXT_MAX_B
from e2ee.rooms.entry import Author, Entry, make_header, write_entry
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Open
from e2ee.rooms.proof import Answer, Evidence, Proof, Signed, encode_proof
from e2ee.rooms.room import room_id
from e2ee.rooms.state import Phase, Retention, RetentionClass, State
from e2ee.rooms.team import Rank
from e2ee.wire import cbor

VECTORS = load("proof.json")
NONCE = b"nonce" + bytes(11)


@pytest.mark.parametrize("case", VECTORS["proofs"], ids=lambda case: str(case["name"]))
def test_a_proof_shows_what_it_holds_and_names_its_doubts(case: dict[str, Any]) -> None:
    """CNS-23 to CNS-25"""
    found = Proof.verify(AccountId(unhex(VECTORS["account_id"])), unhex(case["proof"]))
    answer = None if found.answer is None else "withdrawal" if found.answer.is_of_withdrawal else "receipt"
    doubts = sorted(doubt.value for doubt in found.doubts)
    assert (found.is_withdrawn, answer, doubts) == (case["withdrawn"], case["answer"], case["doubts"])
    assert dict(found.notice.texts).keys() >= {found.receipt.terms.locale}


@pytest.mark.parametrize("at", range(0, 4_000, 37))
def test_a_changed_bit_of_a_proof_is_refused(at: int) -> None:
    """CNS-24: all is signed, named by a hash, or what the rest has to fit."""
    proofs = {case["name"]: unhex(case["proof"]) for case in VECTORS["proofs"]}
    whole = bytearray(proofs["of the customer, withdrawn"])
    whole[at % len(whole)] ^= 1
    with pytest.raises(RemoteError):
        Proof.verify(AccountId(unhex(VECTORS["account_id"])), bytes(whole))


@pytest.fixture(scope="module")
def firm() -> Company:
    """A company whose roster names its notice."""
    made = Company.make()
    made.new_roster(NOW_MS, notice_hash=made.notice().hash)
    return made


@pytest.fixture(scope="module")
def anna() -> Party:
    """A customer."""
    return Party.make("anna")


def evidence_of(firm: Company, who: Party, text: str = TEXTS["de"]) -> Evidence:
    """What the company keeps of a consent."""
    room = room_id(firm.account_id, who.account_id, NONCE)
    terms = Terms(firm.notice().hash, "de", firm.notice().mode, 1)
    signed = consent.sign_receipt(who.device.signing_key, terms, NOW_MS, room, 1)
    given = Signed(signed, who.device.record.encoded, who.device_list.signed)
    accounts = firm.account_id, who.account_id, NONCE
    return Evidence(*accounts, firm.mandate.signed, firm.notice().signed, text, given)


def answer_of(firm: Company, who: Party, evidence: Evidence) -> Answer:
    """The first state of the room, of the chief."""
    room = room_id(firm.account_id, who.account_id, NONCE)
    customer = Author(who.account_id, who.device.record.device_id)
    header = make_header(room, int(Kind.OPEN), 0, NOW_MS)
    opened = write_entry(customer, header, Open(NONCE, evidence.receipt.signed).value(), bytes(16), None)
    return Answer(
        firm.mandate.signed,
        firm.roster.signed,
        firm.device_list.signed,
        tuple(one.encoded for one in firm.records),
        opened,
        state_of(firm, who, opened),
    )


def state_of(firm: Company, who: Party, opened: Entry) -> Entry:
    """That state."""
    chief = firm.devices["chief"]
    state = State(
        *(1, 1, opened.hash, Phase.OPEN, (), None, who.device_list.head, firm.roster.ref),
        *(firm.notice().hash, Retention(RetentionClass.DEFAULT, 7_776_000)),
    )
    header = make_header(opened.header.room_id, int(Kind.STATE), 0, NOW_MS + 5)
    author = Author(firm.account_id, chief.record.device_id)
    return write_entry(author, header, state.value(), bytes(16), chief.signing_key)


def test_what_both_sides_keep_makes_a_proof(firm: Company, anna: Party) -> None:
    """CNS-23: the same file, with the answer on the customer's side."""
    evidence = evidence_of(firm, anna)
    mine = Proof.verify(firm.account_id, encode_proof(evidence))
    whole = evidence._replace(answer=answer_of(firm, anna, evidence))
    theirs = Proof.verify(firm.account_id, encode_proof(whole))
    assert (mine.answer, mine.withdrawal, mine.doubts, mine.text) == (None, None, frozenset(), TEXTS["de"])
    assert theirs.answer is not None
    assert (theirs.answer.record, theirs.answer.rank) == (firm.devices["chief"].record, Rank.SUPERVISOR)
    assert (theirs.answer.phase, theirs.answer.sent_ms) == (Phase.OPEN, NOW_MS + 5)
    assert theirs.receipt == mine.receipt
    assert theirs.room == Receipt.verify(anna.device.record.sign_public, evidence.receipt.signed).room


def test_a_withdrawal_stands_in_a_proof(firm: Company, anna: Party) -> None:
    """CNS-09, CNS-25"""
    evidence = evidence_of(firm, anna)
    receipt = Proof.verify(firm.account_id, encode_proof(evidence)).receipt
    signed = consent.sign_withdrawal(anna.device.signing_key, receipt.hash, receipt.room, NOW_MS, 1)
    left = evidence._replace(withdrawal=evidence.receipt._replace(signed=signed))
    assert Proof.verify(firm.account_id, encode_proof(left)).is_withdrawn


def test_a_company_that_invents_a_consent_has_no_proof(firm: Company, anna: Party) -> None:
    """CNS-24: it has records, lists and every key of its own, but not the key of the customer's device."""
    room = room_id(firm.account_id, anna.account_id, NONCE)
    terms = Terms(firm.notice().hash, "de", firm.notice().mode, 3)
    forged = consent.sign_receipt(firm.devices["chief"].signing_key, terms, NOW_MS, room, 9)
    evidence = evidence_of(firm, anna)
    own = Signed(forged, firm.devices["chief"].record.encoded, firm.device_list.signed)
    for receipt in (evidence.receipt._replace(signed=forged), own):
        with pytest.raises(RemoteError):
            Proof.verify(firm.account_id, encode_proof(evidence._replace(receipt=receipt)))


def test_a_proof_is_of_the_company_that_the_reader_knows(firm: Company, anna: Party) -> None:
    """CNS-24"""
    encoded = encode_proof(evidence_of(firm, anna))
    with pytest.raises(IdentityMismatch):
        Proof.verify(Company.make("other").account_id, encoded)


def test_the_longest_text_fits_and_no_longer_one(firm: Company, anna: Party) -> None:
    """CNS-23, CNS-05"""
    evidence = evidence_of(firm, anna)
    with pytest.raises(DecodeError):
        Proof.verify(firm.account_id, encode_proof(evidence._replace(text="x" * (TEXT_MAX_B + 1))))
    assert len(cbor.encode(encode_proof(evidence))) < 65_536
