"""Proof of consent as a file and as a page for people (CNS-23 to CNS-25).

What is shown comes from a verified proof only. Each line of the notice's text begins with a bar, so that a
text cannot pass for what this page itself says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from e2ee.errors import RemoteError
from e2ee.ids import AccountId
from e2ee.rooms.notice import Mode
from e2ee.rooms.proof import PROOF_MAX_B, CompanyAnswer, Doubt, Evidence, Proof, encode_proof
from e2ee.rooms.state import Phase
from e2ee.rooms.team import Rank
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.errors import ProofInvalid

LANGUAGES: Final = ("de", "en")
_LAST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""


def make_proof(evidence: Evidence) -> bytes:
    """Return the bytes of a proof file, verified as a reader would.

    Raises:
        ProofInvalid: the parts do not go together.
    """
    encoded = encode_proof(evidence)
    open_proof(encoded, evidence.company)
    return encoded


def proof_of(evidence: Evidence) -> bytes:
    """Return the bytes of a proof file; without the answer where it would be too large with it.

    Raises:
        ProofInvalid: the parts do not go together.
    """
    is_large = len(encode_proof(evidence)) > PROOF_MAX_B
    return make_proof(evidence._replace(answer=None) if is_large else evidence)


def open_proof(encoded: bytes, company: AccountId) -> Proof:
    """Verify a proof by the company's account, which the reader has from its card.

    Raises:
        ProofInvalid: with the code of what failed.
    """
    try:
        return Proof.verify(company, encoded)
    except RemoteError as error:
        raise ProofInvalid(f"the proof does not hold: {error} ({error.code})", reason=error.code) from None


def read_proof(path: str | Path, company: AccountId) -> Proof:
    """Read and verify a proof file.

    Raises:
        ConfigError: the file cannot be read. ProofInvalid: it does not hold.
    """
    try:
        with Path(path).open("rb") as file:
            encoded = file.read(PROOF_MAX_B + 1)
    except OSError as error:
        raise ConfigError(f"the proof cannot be read: {error.strerror}") from None
    return open_proof(encoded, company)


def describe(proof: Proof, language: str) -> str:
    """Return what a proof shows, and what it does not, for people; times are UTC.

    Raises:
        ConfigError: neither German nor English.
    """
    if language not in LANGUAGES:
        raise ConfigError("a proof is described in de or en")
    words = _WORDS[language]
    lines = [words["title"], "", *_parties(proof, words), "", *_consent(proof, words), ""]
    lines += [*_withdrawal(proof, words), *_answer(proof.answer, words), *_doubts(proof, words), ""]
    lines += [words["limits"], "", words["text"].format(proof.receipt.terms.locale)]
    return "\n".join([*lines, *(f"| {line}" for line in proof.text.split("\n")), ""])


Words = Mapping[str, str]


def _parties(proof: Proof, words: Words) -> Iterator[str]:
    name, address, email = (part.replace("\n", ", ") for part in proof.notice.controller)
    yield words["company"].format(f"{name}, {address}, {email}")
    yield words["account"].format(proof.company.hex())
    yield words["customer"].format(proof.customer.hex())
    yield words["device"].format(proof.record.device_id.hex())
    yield words["room"].format(proof.room.hex())


def _consent(proof: Proof, words: Words) -> Iterator[str]:
    receipt, notice = proof.receipt, proof.notice
    yield words[f"mode {Mode(notice.mode).name}"].format(_time(receipt.accepted_ms))
    yield words["notice"].format(notice.version, _time(notice.issued_ms), notice.hash.hex())
    for purpose in notice.purposes:
        is_accepted = receipt.terms.purposes >> (purpose.number - 1) & 1
        basis = purpose.basis.replace("\n", " ")
        yield words["purpose yes" if is_accepted else "purpose no"].format(purpose.number, basis)


def _withdrawal(proof: Proof, words: Words) -> Iterator[str]:
    left = proof.withdrawal
    if left is None:
        yield words["not withdrawn"]
    else:
        yield words["withdrawn" if proof.is_withdrawn else "withdrawn before"].format(
            _time(left.withdrawn_ms)
        )


def _answer(answer: CompanyAnswer | None, words: Words) -> Iterator[str]:
    if answer is None:
        yield words["no answer"]
        return
    what = words["answer withdrawal" if answer.is_of_withdrawal else "answer receipt"]
    who = words[f"rank {Rank(answer.rank).name}"]
    phase = words[f"phase {Phase(answer.phase).name}"]
    yield what.format(_time(answer.sent_ms), who, answer.record.device_id.hex(), phase)


def _doubts(proof: Proof, words: Words) -> Iterator[str]:
    found = [doubt for doubt in Doubt if doubt in proof.doubts]
    yield from (words[f"doubt {doubt.name}"] for doubt in found)
    if not found:
        yield words["no doubt"]


def _time(at_ms: int) -> str:
    """Return a time to the second, in UTC; a stated time may be absurd."""
    if at_ms > _LAST_MS:
        return f"{at_ms} ms"
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_DE: Final[Words] = {
    "title": "Nachweis einer Einwilligung oder Kenntnisnahme",
    "company": "Unternehmen: {0}",
    "account": "Konto des Unternehmens: {0}",
    "customer": "Konto der Kundin oder des Kunden: {0}",
    "device": "Unterschrieben mit dem Gerät: {0}",
    "room": "Raum: {0}",
    "mode NOTICE": "Hinweise zur Kenntnis genommen am {0} (Zeitangabe des Geräts)",
    "mode CONSENT": "Eingewilligt am {0} (Zeitangabe des Geräts)",
    "mode EXPLICIT": "Ausdrücklich eingewilligt (Art. 9 Abs. 2 Buchst. a DSGVO) am {0}"
    " (Zeitangabe des Geräts)",
    "notice": "Hinweise Nummer {0} vom {1}, Prüfsumme {2}",
    "purpose yes": "Zweck {0} ({1}): angenommen",
    "purpose no": "Zweck {0} ({1}): nicht angenommen",
    "not withdrawn": "Ein Widerruf liegt diesem Nachweis nicht bei.",
    "withdrawn": "Widerrufen am {0} (Zeitangabe des Geräts). Der Widerruf gilt.",
    "withdrawn before": "Ein Widerruf vom {0} ist älter als die Einwilligung und gilt nicht.",
    "no answer": "Eine Antwort des Unternehmens liegt diesem Nachweis nicht bei.",
    "answer receipt": "Vom Unternehmen bestätigt am {0}, durch: {1}, Gerät {2}. Zustand des Raums: {3}.",
    "answer withdrawal": "Widerruf vom Unternehmen bestätigt am {0}, durch: {1}, Gerät {2}."
    " Zustand des Raums: {3}.",
    "rank DESK": "Empfang",
    "rank SUPERVISOR": "Aufsicht",
    "phase OPEN": "offen",
    "phase CLOSED": "abgeschlossen",
    "phase FROZEN": "eingeschränkt",
    "phase WITHDRAWN": "widerrufen",
    "phase ERASED": "gelöscht",
    "no doubt": "Alle Unterschriften stimmen, und die Zeitangaben passen zueinander.",
    "doubt RECORD": "Zweifel: Zur angegebenen Zeit war der Ausweis des Geräts nicht gültig.",
    "doubt DEVICE_LIST": "Zweifel: Zur angegebenen Zeit war die Geräteliste des Kontos nicht gültig.",
    "doubt MANDATE": "Zweifel: Zur angegebenen Zeit war die Vollmacht des Unternehmens nicht gültig.",
    "doubt NOTICE": "Zweifel: Die Hinweise sind jünger als die angegebene Zeit.",
    "limits": "Nicht gezeigt wird, wer das Gerät in der Hand hatte, wem das Konto gehört, ob die Zeitangabe"
    " des Geräts richtig ist, und ob später etwas anderes unterschrieben wurde.",
    "text": "Wortlaut der Hinweise ({0}):",
}
_EN: Final[Words] = {
    "title": "Proof of consent or of having been informed",
    "company": "Company: {0}",
    "account": "Account of the company: {0}",
    "customer": "Account of the customer: {0}",
    "device": "Signed by the device: {0}",
    "room": "Room: {0}",
    "mode NOTICE": "Informed by the notice at {0} (stated by the device)",
    "mode CONSENT": "Consented at {0} (stated by the device)",
    "mode EXPLICIT": "Consented explicitly (Art. 9 (2) (a) GDPR) at {0} (stated by the device)",
    "notice": "Notice number {0} of {1}, hash {2}",
    "purpose yes": "Purpose {0} ({1}): accepted",
    "purpose no": "Purpose {0} ({1}): not accepted",
    "not withdrawn": "This proof holds no withdrawal.",
    "withdrawn": "Withdrawn at {0} (stated by the device). The withdrawal counts.",
    "withdrawn before": "A withdrawal of {0} is older than the consent and does not count.",
    "no answer": "This proof holds no answer of the company.",
    "answer receipt": "Confirmed by the company at {0}, by: {1}, device {2}. State of the room: {3}.",
    "answer withdrawal": "Withdrawal confirmed by the company at {0}, by: {1}, device {2}."
    " State of the room: {3}.",
    "rank DESK": "front desk",
    "rank SUPERVISOR": "supervisor",
    "phase OPEN": "open",
    "phase CLOSED": "closed",
    "phase FROZEN": "restricted",
    "phase WITHDRAWN": "withdrawn",
    "phase ERASED": "erased",
    "no doubt": "All signatures hold, and the stated times go together.",
    "doubt RECORD": "Doubt: at the stated time the record of the device was not valid.",
    "doubt DEVICE_LIST": "Doubt: at the stated time the device list of the account was not valid.",
    "doubt MANDATE": "Doubt: at the stated time the mandate of the company was not valid.",
    "doubt NOTICE": "Doubt: the notice is younger than the stated time.",
    "limits": "Not shown: who held the device, whose account it is, whether the time that the device stated"
    " is right, and whether anything else was signed later.",
    "text": "Wording of the notice ({0}):",
}
_WORDS: Final[Mapping[str, Words]] = {"de": _DE, "en": _EN}
