"""Chapter 19: transcripts as files, and what is said of each entry."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from company import Company
from parties import DAY_MS, NOW_MS, Party
from transcript_world import (
    NONCE,
    Talk,
    Writer,
    conversation,
    edited,
    file_of,
    line_of,
    of_entry,
    verify,
)
from vector_files import load, unhex

from e2ee import identity
from e2ee.errors import DecodeError, IdentityMismatch, RemoteError, TooMany, UnsupportedVersion
from e2ee.ids import AccountId
from e2ee.rooms import consent, transcript_chains, transcript_evidence, transcript_verifier
from e2ee.rooms.entry import Entry, Link, device_tag
from e2ee.rooms.payloads import (
    Access,
    AccessKind,
    Act,
    ActKind,
    Mark,
    Open,
    RoomText,
    UnknownKind,
    read_payload,
)
from e2ee.rooms.signed_payloads import Consent, Withdrawal
from e2ee.rooms.slots import encode_slot
from e2ee.rooms.state import Phase
from e2ee.rooms.transcript import View
from e2ee.rooms.transcript_chains import longest_ascending
from e2ee.rooms.transcript_file import (
    LINE_MAX_B,
    Evidence,
    Head,
    Part,
    decode_element,
    encode_entry,
    encode_evidence,
    encode_head,
)
from e2ee.rooms.transcript_report import Fault, Note, TranscriptReport, Verdict

SIGNED, STALE, ACKNOWLEDGED, CLAIMED = Verdict


@pytest.fixture(scope="module")
def firm() -> Company:
    """A company whose roster names its notice."""
    return firm_of("praxis")


def firm_of(name: str) -> Company:
    made = Company.make(name)
    made.new_roster(NOW_MS, notice_hash=made.notice().hash)
    return made


@pytest.fixture(scope="module")
def anna() -> Party:
    """A customer."""
    return Party.make("anna")


@pytest.fixture
def talk(firm: Company, anna: Party) -> Talk:
    """A room of eight entries."""
    return conversation(firm, anna)


def verdicts(report: TranscriptReport) -> list[Verdict]:
    return [one.verdict for one in report.entries]


def notes(report: TranscriptReport) -> dict[int, set[Note]]:
    """The notes of entries, by their place in the file, but for those of the open."""
    return {at: set(one.notes) for at, one in enumerate(report.entries) if one.notes - {Note.CONSENT}}


def faults(report: TranscriptReport) -> list[tuple[int, Fault]]:
    return [(one.line, one.fault) for one in report.refused]


# --- vectors ---


VECTORS = load("export.json")


@pytest.mark.parametrize("case", VECTORS["transcripts"], ids=lambda case: str(case["name"]))
def test_what_is_said_of_a_file(case: dict[str, Any]) -> None:
    """EXP-01, EXP-02, EXP-05 to EXP-13, EXP-16 to EXP-19"""
    report = verify([one.encode() for one in case["lines"]], AccountId(unhex(VECTORS["account_id"])))
    said = [
        [one.verdict.value, sorted(note.value for note in one.notes), [two.hex() for two in one.witnesses]]
        for one in report.entries
    ]
    assert [one.hash.hex() for one in report.entries] == case["hashes"]
    assert said == case["entries"]
    assert [[one.line, one.fault.value] for one in report.refused] == case["refused"]
    missing = [[one.tag.hex(), one.n, one.after, one.hash.hex()] for one in report.missing]
    assert missing == case["missing"]
    assert (report.holds, report.has_end, report.phase) == (case["holds"], case["has_end"], case["phase"])


@pytest.mark.parametrize("case", VECTORS["heads"], ids=lambda case: str(case["name"]))
def test_what_is_no_transcript(case: dict[str, Any]) -> None:
    """EXP-05"""
    with pytest.raises(RemoteError) as caught:
        verify([one.encode() for one in case["lines"]], AccountId(unhex(case["account_id"])))
    assert caught.value.code == case["error"]


# --- an honest file ---


def test_an_honest_transcript_holds_and_says_who_wrote_what(talk: Talk, firm: Company) -> None:
    """EXP-01 to EXP-03, EXP-12, EXP-13"""
    report = verify(talk.lines(), firm.account_id)
    assert verdicts(report) == [
        *(ACKNOWLEDGED, SIGNED, ACKNOWLEDGED, SIGNED, ACKNOWLEDGED, SIGNED, SIGNED, CLAIMED),
    ]
    assert report.holds
    assert not report.is_stale
    assert report.phase is Phase.OPEN
    assert report.names[firm.id("agent")] == ("Agent",)
    assert notes(report) == {}
    assert report.entries[0].notes == {Note.CONSENT}
    desk, agent = (one.author.device_id for one in (talk.desk, talk.agent))
    assert set(of_entry(report, talk.entries[2]).witnesses) == {desk, agent}
    assert of_entry(report, talk.entries[5]).witnesses == (agent,)
    assert of_entry(report, talk.entries[7]).witnesses == ()


def test_a_file_is_json_that_any_program_reads(talk: Talk) -> None:
    """EXP-01, EXP-02"""
    read = json.loads(b"\n".join(talk.lines()))
    shown = [one for one in read if "entry" in one]
    assert [one["payload"]["1"] for one in shown if one["kind"] == 3] == [
        one.text for one in map(_text, talk.entries) if one is not None
    ]
    assert read[0]["nonce"] == NONCE.hex()
    assert read[-1] == {"end": len(talk.entries)}


def _text(entry: Entry) -> RoomText | None:
    payload = read_payload(entry)
    return payload if isinstance(payload, RoomText) else None


def test_payloads_of_every_shape_are_shown(talk: Talk, firm: Company) -> None:
    """EXP-02: negative numbers, nested maps, byte strings, nothing."""
    odd = UnknownKind(40, {1: [-5, True, None, b"\xff", {2: "é\x7f\u2028"}], 10: {}})
    entry = talk.say(talk.customer, odd)
    line = encode_entry(entry).decode()
    assert line.endswith(',"payload":{"1":[-5,true,null,"ff",{"2":"é\x7f\u2028"}],"10":{}}}')
    talk.mark(talk.desk)
    assert verify(talk.lines(), firm.account_id).holds


@pytest.mark.parametrize("text", ["A", "AAAAA", "AB"], ids=["one character", "five", "bits left over"])
def test_bytes_have_one_encoding(text: str) -> None:
    """EXP-02: base64url without padding."""
    assert decode_element(b'{"slot":"AA"}') == Evidence(Part.SLOT, b"\x00")
    with pytest.raises(DecodeError):
        decode_element(f'{{"slot":"{text}"}}'.encode())


# --- one change each ---


def flip(place: int, line: bytes) -> bytes:
    return line[:place] + bytes((line[place] ^ 1,)) + line[place + 1 :]


def test_a_flipped_byte_names_the_entry(talk: Talk, firm: Company) -> None:
    """EXP-06, EXP-07: at every place of every line, also of parts and of what is shown."""
    lines = talk.lines()
    for at in range(2, len(lines) - 2):
        for place in range(0, len(lines[at]), max(1, len(lines[at]) // 3)):
            report = verify(edited(lines, at, partial(flip, place)), firm.account_id)
            assert not report.holds
            assert report.refused[0].line == at + 1


def test_a_flipped_byte_of_the_frame_is_told(talk: Talk, firm: Company) -> None:
    """EXP-05, EXP-13: the head ends the verification, the end is said not to be there."""
    lines = talk.lines()
    for at in (0, 1):
        # The comma of the head is no part of it.
        for place in range(len(lines[at].removesuffix(b","))):
            with pytest.raises((DecodeError, IdentityMismatch, UnsupportedVersion)):
                verify(edited(lines, at, partial(flip, place)), firm.account_id)
    for at in (-1, -2):
        changed = [*lines[:at], lines[at][:-1] + b"x", *lines[len(lines) + at + 1 :]]
        assert not verify(changed, firm.account_id).has_end
    assert not verify(lines[:-2], firm.account_id).has_end
    assert faults(verify([*lines, b"]"], firm.account_id)) == [(len(lines) + 1, Fault.FORM)]


def test_an_entry_that_was_removed_is_missing(talk: Talk, firm: Company) -> None:
    """EXP-09"""
    for at in range(1, 7):
        gone = talk.entries[at]
        lines = file_of(talk.head, talk.parts(), [one for one in talk.entries if one is not gone])
        report = verify(lines, firm.account_id)
        (missing,) = report.missing
        assert (missing.hash, missing.n) == (gone.hash, gone.header.n)
        assert missing.device_id == gone.author.device_id
        assert missing.after == (gone.header.n - 1 if gone.header.n else None)
        assert missing.named_by
        assert not report.holds
        assert report.has_end


def test_several_that_were_removed_are_named_as_one_part(talk: Talk, firm: Company) -> None:
    """EXP-09"""
    for text in ("a", "b", "c"):
        talk.say(talk.customer, text)
    talk.mark(talk.desk)
    gone = [one for one in talk.entries if one.author == talk.customer.author][2:6]
    kept = [one for one in talk.entries if one not in gone]
    report = verify(file_of(talk.head, talk.parts(), kept), firm.account_id)
    named = [(one.n, one.after) for one in report.missing if one.device_id == talk.customer.author.device_id]
    assert named == [(2, 1), (5, 2)]


def test_what_nobody_named_can_be_left_out_at_the_end(talk: Talk, firm: Company) -> None:
    """EXP-13: the limit that is stated."""
    assert verify(file_of(talk.head, talk.parts(), talk.entries[:-1]), firm.account_id).holds


@pytest.mark.parametrize(("first", "second"), [(2, 3), (3, 6), (5, 2), (7, 1), (1, 7)])
def test_entries_out_of_order_are_named(talk: Talk, firm: Company, first: int, second: int) -> None:
    """EXP-10: the one that was moved, and no other."""
    lines = talk.lines()
    begin = line_of(lines, talk.entries[0])
    shown = lines[begin : begin + len(talk.entries)]
    shown.insert(second, shown.pop(first))
    report = verify([*lines[:begin], *shown, *lines[begin + len(shown) :]], firm.account_id)
    moved = [at for at, one in enumerate(report.entries) if Note.PLACE in one.notes]
    assert len(moved) == 1
    if abs(first - second) > 1:
        assert moved == [second]
    assert not report.holds


def test_an_author_that_was_forged_is_refused(talk: Talk, firm: Company, anna: Party) -> None:
    """EXP-07: the agent's as the desk's, the customer's as the agent's, the other way, of nobody known."""
    lines = talk.lines()
    by_agent, by_customer = talk.entries[3], talk.entries[4]
    stranger = Party.make("stranger").device.record
    of_stranger = talk.customer.author._replace(device_id=stranger.device_id)
    for entry, author, fault in (
        (by_agent, talk.desk.author, Fault.SIGNATURE),
        (by_customer, talk.agent.author, Fault.SIGNATURE),
        (by_agent, talk.customer.author, Fault.SIGNATURE),
        (by_agent, talk.agent.author._replace(device_id=stranger.device_id), Fault.IDENTITY),
        (by_agent, talk.agent.author._replace(account_id=stranger.account_id), Fault.IDENTITY),
    ):
        forged = Entry(author, entry.header, entry.commitment, entry.body, entry.signature, entry.hash)
        at = line_of(lines, entry)
        report = verify(edited(lines, at, lambda _, one=forged: encode_entry(one) + b","), firm.account_id)  # type: ignore[misc]
        assert faults(report) == [(at + 1, fault)]
    unsigned = Writer(talk.who.device, talk.head)
    unsigned.author = of_stranger
    said = unsigned.make(9, by_customer.hash, talk.now_ms, RoomText("nicht von mir"))
    found = of_entry(verify(talk.lines([*talk.entries, said]), firm.account_id), said)
    assert (found.verdict, Note.DEVICE in found.notes) == (CLAIMED, True)


def test_a_withheld_body_is_redacted_and_its_signature_holds(talk: Talk, firm: Company) -> None:
    """EXP-02, EXP-03: header, links and signature say the same without it."""
    shown = [one.redacted() if one.header.kind == 3 else one for one in talk.entries]
    report = verify(talk.lines(shown), firm.account_id)
    assert verdicts(report) == verdicts(verify(talk.lines(), firm.account_id))
    assert all((Note.REDACTED in one.notes) == (one.kind == 3) for one in report.entries)
    assert report.holds
    assert b"Rezept" not in b"".join(talk.lines(shown))


def test_a_text_that_is_shown_otherwise_is_refused(talk: Talk, firm: Company) -> None:
    """EXP-02: the words that people read are those that were signed, for each thing that is shown."""
    lines = talk.lines()
    at = line_of(lines, talk.entries[3])
    for old, new in (
        (b"Gern", b"Nein"),
        (b'"kind":3', b'"kind":4'),
        (b'"n":0', b'"n":1'),
        (b'"sent_ms":1', b'"sent_ms":2'),
        (talk.entries[3].hash.hex().encode(), bytes(32).hex().encode()),
        (talk.agent.author.device_id.hex().encode(), talk.desk.author.device_id.hex().encode()),
        (b'"payload"', b'"Payload"'),
        (b',"payload":{"1":"Gern', b',"payload":{"1":"x","1":"Gern'),
        (b"welches", b"w\\u0065lches"),
    ):
        report = verify(edited(lines, at, lambda line, a=old, b=new: line.replace(a, b, 1)), firm.account_id)  # type: ignore[misc]
        assert faults(report) == [(at + 1, Fault.SHOWN)]


# --- who was in force ---


def later(talk: Talk, days: int) -> None:
    talk.now_ms += days * DAY_MS


def test_a_roster_that_had_ended_makes_an_entry_stale(firm: Company, anna: Party) -> None:
    """EXP-08: within seven days and the tolerance it is signed, and acknowledges; after that neither."""
    talk = conversation(firm, anna)
    later(talk, 7)
    in_time = talk.say(talk.agent, "noch")
    unheard = talk.say(talk.customer, "Hallo?")
    later(talk, 1)
    over = talk.say(talk.agent, "nicht mehr")
    report = verify(talk.lines(), firm.account_id)
    assert (of_entry(report, in_time).verdict, of_entry(report, over).verdict) == (SIGNED, STALE)
    assert of_entry(report, talk.entries[7]).verdict is ACKNOWLEDGED
    assert of_entry(report, unheard).verdict is CLAIMED
    assert of_entry(report, unheard).witnesses == ()
    assert (report.holds, report.is_stale) == (True, True)


def test_a_file_without_the_roster_of_its_time_says_so(talk: Talk, firm: Company) -> None:
    """EXP-08, EXP-11: without roster, list or record nothing is signed, and no state judged."""
    for left_out in (Part.SLOT, Part.COMPANY_LIST, Part.RECORD):
        parts = [one for one in talk.parts() if one[0] is not left_out]
        if left_out is Part.RECORD:
            chief = firm.devices["chief"].record.encoded
            parts = [one for one in talk.parts() if one[1] != chief]
        report = verify(file_of(talk.head, parts, talk.entries), firm.account_id)
        assert SIGNED not in verdicts(report)
        assert ACKNOWLEDGED not in verdicts(report)
        if left_out is not Part.COMPANY_LIST:
            assert Note.HELD in of_entry(report, talk.first).notes
            assert report.is_stale
        assert report.phase is None


def dated_back(talk: Talk) -> Entry:
    """An entry that somebody who is to leave signs, dated back by an hour."""
    talk.now_ms -= 3_600_000
    return talk.say(talk.agent, "Wir zahlen alles")


def test_a15_what_a_leaver_dates_back_has_no_witness(talk: Talk, firm: Company) -> None:
    """EXP-12, attack 15: nobody has linked it, whatever its time says; what was said then was linked."""
    honest = talk.entries[5]
    forged = dated_back(talk)
    report = verify(talk.lines(), firm.account_id)
    assert forged.author == honest.author or of_entry(report, honest).verdict is SIGNED
    assert of_entry(report, forged).witnesses == ()
    assert of_entry(report, honest).witnesses != ()


def test_a15_control_by_signature_and_time_alone_it_passes(talk: Talk, firm: Company) -> None:
    """Attack 15, without the countermeasure: it is signed like the others, and its time is theirs."""
    forged = dated_back(talk)
    report = verify(talk.lines(), firm.account_id)
    assert of_entry(report, forged).verdict is SIGNED
    assert forged.header.sent_ms < max(one.header.sent_ms for one in talk.entries)


def test_what_a_customer_is_said_to_have_linked_vouches_for_nothing(talk: Talk, firm: Company) -> None:
    """EXP-12, attack 15: the leaver writes an entry of the customer too, which has its own."""
    forged = dated_back(talk)
    link = Link(talk.agent.tag, forged.header.n, forged.hash)
    last = talk.entries[-2]
    alibi = talk.customer.make(talk.now_ms, None, last.header.sent_ms, RoomText("Danke!"), (link,))
    report = verify(talk.lines([*talk.entries, alibi]), firm.account_id)
    assert (of_entry(report, forged).witnesses, of_entry(report, alibi).verdict) == ((), CLAIMED)


def test_nobody_is_shown_as_a_device_of_the_company_but_that(talk: Talk, firm: Company) -> None:
    """EXP-17: a customer's entry under the id of an agent; by the record, or by an entry before."""
    twin = Writer(talk.who.device, talk.head)
    twin.author = twin.author._replace(device_id=talk.agent.author.device_id)
    said = twin.make(9, talk.entries[6].hash, talk.now_ms, RoomText("Ich bin der Agent"))
    report = verify(talk.lines([*talk.entries, said]), firm.account_id)
    assert [one.fault for one in report.refused] == [Fault.IDENTITY]
    assert of_or_none(report, said) is None
    unlisted = [one for one in talk.parts() if one[1] != firm.devices["agent"].record.encoded]
    report = verify(file_of(talk.head, unlisted, talk.entries), firm.account_id)
    assert firm.id("agent") not in report.names


def test_a_device_that_was_given_another_name_is_shown_by_both() -> None:
    """EXP-25: in the order of the file; a card that is there twice has its name once."""
    firm = Company.make()
    firm.new_roster(NOW_MS, notice_hash=firm.notice().hash)
    talk = conversation(firm, Party.make("anna"))
    agent, old, slot = firm.id("agent"), firm.cards["agent"], encode_slot(firm.mandate, firm.roster)
    firm.cards["agent"] = firm.card("agent", "Dr. Unbeteiligt")
    firm.new_roster(NOW_MS + 40 * 60_000, notice_hash=firm.notice().hash)
    parts = talk.parts()
    parts.insert([part for part, _ in parts].index(Part.SLOT), (Part.SLOT, slot))
    added = [(Part.CARD, old.encoded)]
    for given, names in ((added, ("Dr. Unbeteiligt", "Agent")), ([], ("Dr. Unbeteiligt",))):
        report = verify(file_of(talk.head, [*parts, *given, *given], talk.entries), firm.account_id)
        assert (report.names[agent], report.holds) == (names, True)


def test_two_devices_of_one_tag_are_not_in_one_file(
    talk: Talk, firm: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXP-17, TRN-03: of the customer's side, where no record tells."""
    other = Writer(talk.who.device, talk.head)
    other.author = other.author._replace(device_id=Party.make("other").device.record.device_id)
    said = other.make(0, None, talk.now_ms, RoomText("auch ich"))
    lines = talk.lines([*talk.entries, said])
    tags = {said.author.device_id: talk.customer.tag}
    honest = device_tag
    monkeypatch.setattr(
        transcript_verifier, "device_tag", lambda room, device: tags.get(device, honest(room, device))
    )
    assert [one.fault for one in verify(lines, firm.account_id).refused] == [Fault.IDENTITY]


def test_a_proof_whose_body_is_withheld_is_told(talk: Talk, firm: Company) -> None:
    """EXP-18, TRN-24: what may be erased may be missing; a withdrawal, a state or a log may not."""
    left = consent.sign_withdrawal(talk.who.device.signing_key, bytes(32), talk.head.room, NOW_MS, 3)
    for by, payload, is_proof in (
        (talk.customer, Withdrawal(left), True),
        (talk.desk, Access(AccessKind.EXPORT, None, 1, None), True),
        (talk.desk, Mark(), True),
        (talk.customer, RoomText("weg"), False),
        (talk.desk, UnknownKind(40, 1), False),
    ):
        said = talk.say(by, payload)
        report = verify(talk.lines([*talk.entries[:-1], said.redacted()]), firm.account_id)
        assert (Note.WITHHELD in of_entry(report, said).notes, report.holds) == (is_proof, not is_proof)


def test_the_phase_is_not_said_where_a_state_could_not_be_read(talk: Talk, firm: Company) -> None:
    """EXP-11: a state that closed the room goes as its commitment."""
    closed = talk.say(talk.desk, talk.state(talk.state(), talk.first, phase=Phase.CLOSED))
    report = verify(talk.lines([*talk.entries[:-1], closed.redacted()]), firm.account_id)
    assert (report.phase, report.holds) == (None, False)
    assert {Note.HELD, Note.WITHHELD} <= of_entry(report, closed).notes


def test_a_receipt_that_is_shown_again_is_outdated(talk: Talk, firm: Company, anna: Party) -> None:
    """EXP-19: after the withdrawal the company shows an older receipt as if it were new."""
    room, notice, key = talk.head.room, firm.notice(), anna.device.signing_key
    terms = consent.Terms(notice.hash, "de", notice.mode, 1)
    first = consent.sign_receipt(key, terms, NOW_MS, room, 2)
    told = []
    for payload in (
        Consent(first),
        Withdrawal(consent.sign_withdrawal(key, bytes(32), room, NOW_MS, 2)),
        Consent(first),
        Withdrawal(consent.sign_withdrawal(key, bytes(32), room, NOW_MS, 2)),
        Consent(talk.receipt()),
        Consent(consent.sign_receipt(key, terms, NOW_MS, room, 3)),
        Withdrawal(consent.sign_withdrawal(key, bytes(32), room, NOW_MS, 2)),
    ):
        said = talk.say(talk.customer, payload)
        report = verify(talk.lines(), firm.account_id)
        told.append(next(iter(of_entry(report, said).notes)))
        assert report.holds
    assert told == [*[Note.CONSENT] * 2, *[Note.OUTDATED] * 3, Note.CONSENT, Note.OUTDATED]


def test_a_suspended_device_is_refused_and_vouches_for_nothing(anna: Party) -> None:
    """EXP-07, EXP-08: the newer roster counts, whoever is named by the older one."""
    firm = firm_of("suspending")
    talk = conversation(firm, anna)
    before = encode_slot(firm.mandate, firm.roster)
    claimed = talk.entries[-1]
    later(talk, 2)
    firm.new_roster(talk.now_ms, ("chief", "desk"), suspended=("agent",), notice_hash=firm.notice().hash)
    late = talk.say(talk.agent, "Ich bin noch da")
    parts = talk.parts()
    slot = [one[0] for one in parts].index(Part.SLOT)
    both = [*parts[:slot], (Part.SLOT, before), *parts[slot:]]
    lines = file_of(talk.head, both, talk.entries)
    report = verify(lines, firm.account_id)
    assert faults(report) == [(line_of(lines, late) + 1, Fault.IN_FORCE)]
    assert of_entry(report, claimed).verdict is CLAIMED
    assert of_entry(report, claimed).witnesses == ()
    only_old = [*parts[:slot], (Part.SLOT, before), *parts[slot + 1 :]]
    old = verify(file_of(talk.head, only_old, talk.entries[:-1]), firm.account_id)
    assert of_entry(old, talk.entries[3]).verdict is SIGNED


def test_a_clock_that_is_behind_finds_the_next_roster(anna: Party) -> None:
    """EXP-08: a device added an hour ago writes by a clock that is two hours behind."""
    firm = firm_of("adding")
    firm.new_roster(NOW_MS, ("chief", "desk"), notice_hash=firm.notice().hash)
    before = encode_slot(firm.mandate, firm.roster)
    added_ms = NOW_MS + 2 * DAY_MS
    firm.new_roster(added_ms, notice_hash=firm.notice().hash)
    talk = Talk(firm, anna)
    parts = talk.parts()
    parts.insert([one[0] for one in parts].index(Part.SLOT), (Part.SLOT, before))
    for sent_ms, verdict in ((added_ms - DAY_MS, SIGNED), (added_ms - DAY_MS - 1, None)):
        agent = Writer(firm.devices["agent"], talk.head)
        said = agent.make(0, None, sent_ms, RoomText("da"))
        report = verify(file_of(talk.head, parts, [talk.opened, said]), firm.account_id)
        found = [one.verdict for one in report.entries if one.hash == said.hash]
        assert found == ([] if verdict is None else [verdict])


def test_a_roster_of_an_older_mandate_counts_no_more(anna: Party) -> None:
    """EXP-08: a stolen roster key signs one that is dated later; the newer mandate counts."""
    firm = firm_of("stolen")
    old_mandate, old_key = firm.mandate, firm.roster_key
    firm.new_mandate(NOW_MS + 60_000, seq=old_mandate.seq + 1)
    firm.new_roster(NOW_MS + 60_000, ("chief", "desk"), notice_hash=firm.notice().hash)
    good = encode_slot(firm.mandate, firm.roster)
    mandate = firm.mandate
    firm.mandate, firm.roster_key = old_mandate, old_key
    firm.new_roster(NOW_MS + 120_000, seq=old_mandate.seq + 9, notice_hash=firm.notice().hash)
    stolen = encode_slot(firm.mandate, firm.roster)
    firm.mandate = mandate
    talk = Talk(firm, anna)
    talk.now_ms = NOW_MS + 2 * DAY_MS
    said = talk.say(talk.agent, "Ich darf wieder")
    parts = [one for one in talk.parts() if one[0] not in (Part.SLOT, Part.CARD)]
    report = verify(
        file_of(talk.head, [*parts, (Part.SLOT, good), (Part.SLOT, stolen)], talk.entries), firm.account_id
    )
    assert said.hash not in [one.hash for one in report.entries]
    assert Fault.IN_FORCE in [one.fault for one in report.refused]


def test_a_roster_that_never_held_puts_nobody_in_force(anna: Party) -> None:
    """EXP-08, ACC-21: it was made long before its mandate."""
    firm = firm_of("early")
    firm.new_mandate(NOW_MS + 3 * DAY_MS)
    firm.new_roster(NOW_MS, notice_hash=firm.notice().hash)
    talk = conversation(firm, anna)
    report = verify(talk.lines(), firm.account_id)
    assert {one.fault for one in report.refused} == {Fault.IN_FORCE}
    assert report.refused_count == 4
    assert verdicts(report) == [CLAIMED] * 4


def of_or_none(report: TranscriptReport, entry: Entry) -> Verdict | None:
    return next((one.verdict for one in report.entries if one.hash == entry.hash), None)


# --- states ---


def test_states_are_judged_and_the_phase_is_that_of_the_head(talk: Talk, firm: Company) -> None:
    """EXP-11: closed by the desk; a state of an agent has no right."""
    first = talk.state()
    closed = talk.say(talk.desk, talk.state(first, talk.first, phase=Phase.CLOSED))
    report = verify(talk.lines(), firm.account_id)
    assert (report.phase, report.holds) == (Phase.CLOSED, True)
    by_agent = talk.say(talk.agent, talk.state(first, talk.first, phase=Phase.OPEN, reason=7))
    report = verify(talk.lines(), firm.account_id)
    assert Note.RIGHT in of_entry(report, by_agent).notes
    assert of_entry(report, closed).notes == frozenset()
    assert (report.phase, report.holds) == (Phase.CLOSED, False)


def test_a_state_after_one_that_was_removed_is_held(talk: Talk, firm: Company) -> None:
    """EXP-11"""
    first = talk.state()
    second = talk.state(first, talk.first, reason=1)
    gone = talk.say(talk.desk, second)
    third = talk.say(talk.desk, talk.state(second, gone, reason=2))
    kept = [one for one in talk.entries if one is not gone]
    assert Note.HELD in of_entry(verify(talk.lines(kept), firm.account_id), third).notes


def test_only_so_many_states_are_judged(talk: Talk, firm: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """EXP-11"""
    talk.say(talk.desk, talk.state(talk.state(), talk.first, phase=Phase.CLOSED))
    monkeypatch.setattr(transcript_verifier, "MAX_STATES", 1)
    report = verify(talk.lines(), firm.account_id)
    assert [Note.HELD in one.notes for one in report.entries if one.kind == 2] == [False, True]
    assert report.phase is None


# --- what the customer signs ---


def test_a_receipt_that_the_device_has_not_signed_is_refused(firm: Company, anna: Party) -> None:
    """EXP-07: in an open, a consent, a withdrawal; of another device, of another room."""
    talk = conversation(firm, anna)
    room, notice = talk.head.room, firm.notice()
    terms = consent.Terms(notice.hash, "de", notice.mode, 1)
    ours, theirs = anna.device.signing_key, firm.devices["desk"].signing_key
    for payload, holds in (
        (Consent(consent.sign_receipt(ours, terms, NOW_MS, room, 2)), True),
        (Consent(consent.sign_receipt(theirs, terms, NOW_MS, room, 2)), False),
        (Consent(consent.sign_receipt(ours, terms, NOW_MS, bytes(16), 2)), False),
        (Withdrawal(consent.sign_withdrawal(ours, bytes(32), room, NOW_MS, 3)), True),
        (Withdrawal(consent.sign_withdrawal(ours, bytes(32), bytes(16), NOW_MS, 3)), False),
        (Withdrawal(consent.sign_withdrawal(theirs, bytes(32), room, NOW_MS, 3)), False),
        (Open(bytes(16), talk.receipt()), False),
    ):
        where = 0 if isinstance(payload, Open) else 9
        said = talk.customer.make(where, talk.entries[-1].hash if where else None, talk.now_ms, payload)
        report = verify(talk.lines([*talk.entries, said]), firm.account_id)
        assert [one.fault for one in report.refused] == ([] if holds else [Fault.CONSENT])
        if holds:
            assert Note.CONSENT in of_entry(report, said).notes


def test_a_device_of_the_customer_that_no_list_names_is_noted(talk: Talk, firm: Company) -> None:
    """EXP-06: nothing that it carries counts as signed."""
    parts = [one for one in talk.parts() if one[0] is not Part.CUSTOMER_LIST]
    report = verify(file_of(talk.head, parts, talk.entries), firm.account_id)
    assert [one.fault for one in report.refused] == [Fault.IDENTITY]
    assert of_entry(report, talk.opened).notes == {Note.DEVICE}
    assert of_entry(report, talk.entries[2]).verdict is ACKNOWLEDGED
    assert report.is_stale


# --- kinds, numbers, chains ---


def test_a_kind_of_the_other_side_is_refused(talk: Talk, firm: Company) -> None:
    """EXP-07"""
    access = Access(AccessKind.EXPORT, None, 1, None)
    for by, payload in ((talk.customer, access), (talk.agent, Act(ActKind.CLOSE))):
        said = by.make(9, talk.entries[-1].hash, talk.now_ms, payload)
        report = verify(talk.lines([*talk.entries, said]), firm.account_id)
        assert [one.fault for one in report.refused] == [Fault.RIGHT]


def test_two_entries_under_one_number_are_both_named(talk: Talk, firm: Company) -> None:
    """EXP-09: of the company, and of the customer."""
    for by in (talk.agent, talk.customer):
        there = next(one for one in talk.entries[2:] if one.author == by.author)
        header = there.header
        other = by.make(header.n, header.prev, header.sent_ms, RoomText("etwas anderes"), header.seen)
        report = verify(talk.lines([*talk.entries, other]), firm.account_id)
        assert {Note.NUMBER in of_entry(report, one).notes for one in (there, other)} == {True}
        assert not report.holds
        alone = [other if one is there else one for one in talk.entries]
        report = verify(talk.lines(alone), firm.account_id)
        assert Note.NUMBER in of_entry(report, other).notes
        assert there.hash in [one.hash for one in report.missing]


def test_names_of_another_place_are_named(talk: Talk, firm: Company) -> None:
    """EXP-09: a prev that is not the one before, a link with another number, before and after its entry."""
    agents = [one for one in talk.entries if one.author == talk.agent.author]
    jump = talk.agent.make(7, agents[-1].hash, talk.now_ms, RoomText("sieben"))
    link = Link(talk.customer.tag, 8, talk.entries[2].hash)
    wrong = talk.desk.make(9, talk.entries[5].hash, talk.now_ms, Mark(), (link,))
    for said in (jump, wrong):
        report = verify(talk.lines([*talk.entries, said]), firm.account_id)
        assert Note.NUMBER in of_entry(report, said).notes
    lines = talk.lines([*talk.entries, wrong])
    at, target = line_of(lines, wrong), line_of(lines, talk.entries[2])
    moved = [*lines[:target], lines[at], *lines[target:at], *lines[at + 1 :]]
    report = verify(moved, firm.account_id)
    assert Note.NUMBER in of_entry(report, wrong).notes
    assert Note.NUMBER not in of_entry(report, talk.entries[2]).notes


def test_a_restart_is_noted_and_holds(talk: Talk, firm: Company) -> None:
    """TRN-07"""
    said = talk.customer.make(talk.now_ms, None, talk.now_ms, RoomText("neu"))
    report = verify(talk.lines([*talk.entries, said]), firm.account_id)
    assert (of_entry(report, said).notes, report.holds) == (frozenset({Note.RESTARTED}), True)


def test_an_entry_that_stands_twice_is_refused_once(talk: Talk, firm: Company) -> None:
    """EXP-06"""
    lines = talk.lines()
    at = line_of(lines, talk.entries[3])
    report = verify([*lines[: at + 1], lines[at], *lines[at + 1 :]], firm.account_id)
    assert faults(report) == [(at + 2, Fault.REPEATED)]
    assert len(report.entries) == len(talk.entries)
    assert not report.has_end


# --- files of others ---


def test_a_transcript_of_another_company_is_told_at_once(talk: Talk) -> None:
    """EXP-05"""
    other = Company.make("other")
    with pytest.raises(IdentityMismatch):
        verify(talk.lines(), other.account_id)
    lines = edited(talk.lines(), 1, lambda line: line.replace(b'transcript":1', b'transcript":2'))
    with pytest.raises(UnsupportedVersion):
        verify(lines, talk.head.company)
    same = Head(talk.head.company, talk.head.company, NONCE)
    with pytest.raises(IdentityMismatch):
        verify([b"[", encode_head(same) + b","], talk.head.company)
    for lines in ([], [b"["], [b"{}"], [b"[", b"{}"]):
        with pytest.raises(DecodeError):
            verify(lines, talk.head.company)


def test_entries_of_another_room_or_company_are_refused(talk: Talk, firm: Company, anna: Party) -> None:
    """EXP-07: of the same people in another room, of another company's room."""
    other_head = Head(firm.account_id, anna.account_id, bytes(16))
    by = Writer(firm.devices["agent"], other_head)
    elsewhere = by.make(0, None, talk.now_ms, RoomText("im anderen Raum"))
    by_customer = Writer(anna.device, other_head).make(0, None, talk.now_ms, RoomText("auch"))
    foreign = conversation(firm_of("rival"), anna).entries[3]
    for entry, fault in (
        (elsewhere, Fault.ROOM),
        (by_customer, Fault.ROOM),
        (foreign, Fault.IDENTITY),
    ):
        lines = talk.lines()
        at = len(lines) - 2
        report = verify([*lines[:at], encode_entry(entry) + b",", *lines[at:]], firm.account_id)
        assert faults(report) == [(at + 1, fault)]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"entry":"AA","hash":"' + b"0" * 64 + b'",x', Fault.FORM),
        (b'{"entry":"hUFBQUFB","hash":"' + b"0" * 64 + b'",x', Fault.FORM),
        (b'{"entry":"A","hash":"' + b"0" * 64 + b'",x', Fault.FORM),
        (b'{"entry":"AB","hash":"' + b"0" * 64 + b'",x', Fault.FORM),
        (b'{"record":"AA"}', Fault.FORM),
        (b'{"unknown":"AA"}', Fault.FORM),
        (b'{"end":01}', Fault.FORM),
        (b'{"end":1' + b"0" * 5_000 + b"}", Fault.FORM),
        (b'{"n":1e999999}', Fault.FORM),
        (b"[" * 100_000, Fault.FORM),
        (b'{"a":' * 20_000, Fault.FORM),
        (b'{"record":"AA","record":"AA"}', Fault.FORM),
        (b"\xff\xfe\x00", Fault.FORM),
        (b"", Fault.FORM),
        (b" " * (LINE_MAX_B + 1), Fault.FORM),
        (b'{"record":"' + b"A" * LINE_MAX_B + b'"}', Fault.FORM),
    ],
    ids=lambda given: str(given)[:24],
)
def test_no_line_ends_the_verification(talk: Talk, firm: Company, line: bytes, fault: Fault) -> None:
    """EXP-06: duplicate keys, great numbers, deep nesting, no UTF-8, nothing, too much."""
    lines = talk.lines()
    at = line_of(lines, talk.entries[3])
    report = verify([*lines[:at], line + b",", *lines[at:]], firm.account_id)
    assert faults(report) == [(at + 1, fault)]
    assert len(report.entries) == len(talk.entries)


def test_a_comma_is_where_it_belongs(talk: Talk, firm: Company) -> None:
    """EXP-01"""
    lines = talk.lines()
    for at, change in ((4, lambda line: line[:-1]), (len(lines) - 2, lambda line: line + b",")):
        report = verify(edited(lines, at, change), firm.account_id)
        assert (at + 1, Fault.FORM) in faults(report)


def test_parts_that_do_not_hold_are_named_and_not_used(talk: Talk, firm: Company, anna: Party) -> None:
    """EXP-06"""
    other, rival = Party.make("other"), Company.make("rival")
    wrong = {
        encode_evidence(Part.CUSTOMER_LIST, other.device_list.signed): Fault.SIGNATURE,
        encode_evidence(Part.COMPANY_LIST, anna.device_list.signed): Fault.SIGNATURE,
        encode_evidence(Part.RECORD, other.device.record.encoded): Fault.IDENTITY,
        encode_evidence(Part.RECORD, b"\xa0"): Fault.FORM,
        encode_evidence(Part.SLOT, encode_slot(rival.mandate, rival.roster)): Fault.SIGNATURE,
        encode_evidence(Part.CARD, rival.cards["agent"].encoded): Fault.IDENTITY,
        encode_evidence(Part.CARD, firm.card("agent", "Falscher Name").encoded): Fault.IDENTITY,
    }
    for line, fault in wrong.items():
        name = line.split(b'"')[1]
        lines = talk.lines()
        at = max(place for place, one in enumerate(lines) if one.startswith(b'{"' + name)) + 1
        report = verify([*lines[:at], line + b",", *lines[at:]], firm.account_id)
        assert faults(report) == [(at + 1, fault)]
        assert verdicts(report) == verdicts(verify(lines, firm.account_id))


def test_two_pairs_of_keys_of_one_device_are_refused(talk: Talk, firm: Company) -> None:
    """EXP-06, ID-27"""
    record = firm.devices["agent"].record
    fresh = identity.new_device(
        firm.account_id, record.kind, record.flags, NOW_MS, NOW_MS + 9 * DAY_MS, firm.rng
    ).record
    twin_b = fresh.encoded.replace(fresh.device_id, record.device_id)
    twin = identity.DeviceRecord.decode(twin_b)
    signed = identity.sign_list(
        firm.account_key, identity.next_list(firm.account_id, firm.device_list, [twin], None, NOW_MS)
    )
    parts = talk.parts()
    at = [one[0] for one in parts].index(Part.SLOT)
    given = [(Part.COMPANY_LIST, signed.signed), *parts[:at], (Part.RECORD, twin_b), *parts[at:]]
    report = verify(file_of(talk.head, given, talk.entries), firm.account_id)
    assert [one.fault for one in report.refused] == [Fault.IDENTITY]


def test_parts_stand_before_entries_and_in_their_order(talk: Talk, firm: Company) -> None:
    """EXP-01"""
    lines = talk.lines()
    first = line_of(lines, talk.entries[0])
    moved = [*lines[:2], *lines[3 : first + 1], lines[2], *lines[first + 1 :]]
    report = verify(moved, firm.account_id)
    assert (first + 1, Fault.FORM) in faults(report)


# --- bounds ---


@pytest.mark.parametrize(
    ("module", "name", "most"),
    [
        (transcript_verifier, "MAX_LINES", 12),
        (transcript_chains, "MAX_ENTRIES", 3),
        (transcript_chains, "MAX_DEVICES", 1),
        (transcript_evidence, "MAX_EVIDENCE", 2),
        (transcript_chains, "MAX_ABSENT", 0),
    ],
)
def test_a_file_beyond_the_bounds_is_too_many(
    talk: Talk, firm: Company, monkeypatch: pytest.MonkeyPatch, module: object, name: str, most: int
) -> None:
    """EXP-14"""
    monkeypatch.setattr(module, name, most)
    with pytest.raises(TooMany):
        verify(talk.lines(talk.entries[1:]), firm.account_id)


def test_of_refused_lines_so_many_are_named_and_all_are_counted(talk: Talk, firm: Company) -> None:
    """EXP-14"""
    lines = talk.lines()
    report = verify([*lines[:-2], *([b"x,"] * 1_500), *lines[-2:]], firm.account_id)
    assert (len(report.refused), report.refused_count) == (1_024, 1_500)


def test_the_longest_part_that_ascends() -> None:
    """EXP-10"""
    for numbers, kept in (
        ([], []),
        ([1, 2, 3], [0, 1, 2]),
        ([3, 1, 2], [1, 2]),
        ([1, 9, 2, 3], [0, 2, 3]),
        ([2, 2], [0]),
        ([2, 1], [0]),
        ([2, 1, 4, 3], [0, 2]),
        ([5, 1, 2, 6, 3, 4], [1, 2, 4, 5]),
    ):
        assert longest_ascending([(one, b"") for one in numbers]) == kept


# --- deniability ---


def shape(report: TranscriptReport, who: Party) -> list[tuple[object, ...]]:
    """All that is said of the customer's side."""
    return [
        (one.verdict, one.notes, one.witnesses, one.n, one.kind, one.sent_ms)
        for one in report.entries
        if one.device_id == who.device.record.device_id
    ]


def forged_by(firm: Company, honest: Sequence[Entry], who: Party, words: Sequence[str]) -> Talk:
    """What a company makes of a room with its own keys alone: its first entry of the customer is the real
    `open`, whose receipt it has; all else of the customer it writes itself.
    """
    talk = Talk.__new__(Talk)
    talk.firm, talk.who = firm, who
    talk.head = Head(firm.account_id, who.account_id, NONCE)
    record = who.device.record
    keyless = Writer(firm.devices["desk"], talk.head)
    keyless.author = honest[0].author
    keyless.tag, keyless.is_company = Writer(who.device, talk.head).tag, False
    keyless.view = View(keyless.tag)
    assert keyless.author.device_id == record.device_id
    talk.customer = keyless
    talk.desk, talk.agent = (Writer(firm.devices[name], talk.head) for name in ("desk", "agent"))
    talk.entries, talk.opened = [honest[0]], honest[0]
    talk.now_ms = honest[0].header.sent_ms
    for one in (talk.customer, talk.desk, talk.agent):
        one.take(honest[0], talk.now_ms)
    talk.first = talk.say(talk.desk, talk.state())
    talk.say(talk.customer, words[0])
    talk.say(talk.agent, "Gern, welches?", state=talk.first.hash)
    talk.say(talk.customer, words[1])
    talk.say(talk.desk, "Liegt am Freitag bereit.")
    talk.mark(talk.agent)
    talk.say(talk.customer, words[2])
    return talk


def test_a_company_alone_makes_a_transcript_of_equal_verdict(talk: Talk, firm: Company, anna: Party) -> None:
    """EXP-12, EXP-13: with its own keys and what it was sent, and no key of the customer."""
    words = ("Ich schulde Ihnen 10 000 Euro.", "Ich zahle morgen.", "Das verspreche ich.")
    forged = forged_by(firm, talk.entries, anna, words)
    honest, lie = verify(talk.lines(), firm.account_id), verify(forged.lines(), firm.account_id)
    assert shape(honest, anna) == shape(lie, anna)
    assert verdicts(honest) == verdicts(lie)
    assert lie.holds
    assert b"10 000 Euro" in b"".join(forged.lines())


def test_a_customer_alone_makes_no_entry_of_the_company(talk: Talk, firm: Company, anna: Party) -> None:
    """EXP-07: another word of the agent, signed by the customer's key, or not at all."""
    there = talk.entries[3]
    for key in (anna.device.signing_key, None):
        liar = Writer(firm.devices["agent"], talk.head)
        liar.is_company = key is not None
        liar.device = anna.device if key is not None else liar.device
        said = liar.make(
            there.header.n, None, there.header.sent_ms, RoomText("Sie bekommen Ihr Geld zurück.")
        )
        report = verify(talk.lines([*talk.entries, said]), firm.account_id)
        assert [one.fault for one in report.refused] == [Fault.SIGNATURE]
        assert of_or_none(report, said) is None


def test_a_customer_cannot_have_more_acknowledged_than_was(talk: Talk, firm: Company) -> None:
    """EXP-12: what it words anew after the company has linked it is not the entry that was linked."""
    there = talk.entries[2]
    other = talk.customer.make(1, there.header.prev, there.header.sent_ms, RoomText("anders"))
    report = verify(talk.lines([other if one is there else one for one in talk.entries]), firm.account_id)
    found = of_entry(report, other)
    assert (found.verdict, Note.NUMBER in found.notes) == (CLAIMED, True)
