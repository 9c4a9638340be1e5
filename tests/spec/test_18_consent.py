"""Chapter 18: notice and door, receipts and withdrawals, the gate, consent on the customer's side."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import checkout
import forgery
import pytest
import registries
from company import DRAFT, RELAY_URL, TEXTS, Company
from parties import DAY_MS, NOW_MS, Party

from e2ee import labels
from e2ee.content import ContentType
from e2ee.errors import (
    BadSignature,
    ConsentRequired,
    CounterExhausted,
    DecodeError,
    IdentityMismatch,
    InvalidArgument,
    NoConsent,
    NoRight,
    NoticeIncomplete,
    RemoteError,
    UnsupportedVersion,
)
from e2ee.ids import DeviceId
from e2ee.primitives import kdf
from e2ee.rooms import channels, consent, customer, door, gate
from e2ee.rooms.consent import Receipt, RoomConsent, Terms, Withdrawal
from e2ee.rooms.customer import (
    Accept,
    Accepted,
    Ask,
    Elsewhere,
    Ended,
    Event,
    Given,
    GiveReceipt,
    Leave,
    OpenRoom,
    Refuse,
    Refused,
    Replace,
    ShowChannels,
    Shown,
    ShowNotice,
    Stale,
    State,
    Withdraw,
)
from e2ee.rooms.door import Door
from e2ee.rooms.gate import Column, Row
from e2ee.rooms.notice import Draft, Mode, Notice, Purpose, sign_notice
from e2ee.rooms.roster import OlderNotice
from e2ee.wire import cbor

ROOM = b"room" * 4
SEQ = (NOW_MS - 1_577_836_800_000) // 60_000
Change = dict[int, cbor.Value]


@pytest.fixture
def firm() -> Company:
    """A company."""
    return Company.make()


@pytest.fixture
def anna() -> Party:
    """A customer."""
    return Party.make("anna")


def notice_with(firm: Company, changes: Change) -> bytes:
    """Sign the company's notice again, with entries replaced."""
    entries = forgery.entries_of(firm.notice().signed) | changes
    return forgery.signed(firm.account_key.expose(), labels.SIG_NOTICE, dict(sorted(entries.items())))


def terms_of(notice: Notice, purposes: int = 1) -> Terms:
    """Terms that accept a notice in German."""
    return Terms(notice.hash, "de", notice.mode, purposes)


def receipt_of(who: Party, terms: Terms, seq: int = 1, room: bytes = ROOM) -> Receipt:
    """Sign and verify a receipt."""
    signed = consent.sign_receipt(who.device.signing_key, terms, NOW_MS, room, seq)
    return Receipt.verify(who.device.record.sign_public, signed)


def withdrawal_of(who: Party, receipt: Receipt, seq: int, room: bytes = ROOM) -> Withdrawal:
    """Sign and verify a withdrawal."""
    signed = consent.sign_withdrawal(who.device.signing_key, receipt.hash, room, NOW_MS, seq)
    return Withdrawal.verify(who.device.record.sign_public, signed, room)


# --- notice ---


def test_a_notice_is_signed_by_the_account(firm: Company) -> None:
    """CNS-01: one hash for all languages; texts are known by their hashes."""
    notice = firm.notice()
    assert Notice.verify(firm.account_id, notice.signed) == notice
    encoded = cbor.encode(forgery.entries_of(notice.signed))
    assert notice.hash == kdf.hash_(b"SR1-notice".ljust(16, b"\0"), encoded)
    assert dict(notice.texts) == {name: kdf.sha256(text.encode()) for name, text in TEXTS.items()}
    assert notice.controller == DRAFT.controller
    assert (notice.relay_url, notice.default_locale, notice.mode) == (RELAY_URL, "de", Mode.CONSENT)
    entries = forgery.entries_of(notice.signed)
    for key, label in ((firm.roster_key, labels.SIG_NOTICE), (firm.account_key, labels.SIG_MANDATE)):
        with pytest.raises(BadSignature):
            Notice.verify(firm.account_id, forgery.signed(key.expose(), label, entries))


DEFECTS: list[tuple[Change, type[RemoteError]]] = [
    ({1: 2}, UnsupportedVersion),
    ({2: bytes(32)}, IdentityMismatch),
    ({2: bytes(32), 3: 0}, IdentityMismatch),
    ({2: bytes(31)}, DecodeError),
    ({3: 0}, DecodeError),
    ({3: 2**31}, DecodeError),
    ({4: -1}, DecodeError),
    ({5: 0}, DecodeError),
    ({5: 4}, DecodeError),
    ({6: ["a", "b"]}, DecodeError),
    ({6: ["a", "b", "c"]}, DecodeError),
    ({6: ["", "b", "c@d"]}, DecodeError),
    ({6: ["a" * 241, "b", "c@d"]}, DecodeError),
    ({7: ""}, DecodeError),
    ({8: []}, DecodeError),
    ({8: [[0, "x", True]]}, DecodeError),
    ({8: [[33, "x", True]]}, DecodeError),
    ({8: [[1, "x", 1]]}, DecodeError),
    ({8: [[1, "x"]]}, DecodeError),
    ({8: [[1, "x", True], [1, "y", True]]}, DecodeError),
    ({8: [[2, "x", True], [1, "y", True]]}, DecodeError),
    ({9: ["x"]}, DecodeError),
    ({9: ["x", "https://relay.example/"]}, DecodeError),
    ({9: ["x", "wss://relay.example/" + "a" * 37]}, DecodeError),
    ({10: ["x"] * 33}, DecodeError),
    ({11: ["a\u202eb"]}, DecodeError),
    ({12: []}, DecodeError),
    ({12: [[5, 0]]}, DecodeError),
    ({12: [[1, 2**32]]}, DecodeError),
    ({12: [[2, 0], [1, 0]]}, DecodeError),
    ({13: None}, DecodeError),
    ({14: "http://praxis.example"}, DecodeError),
    ({15: "javascript:alert(1)"}, DecodeError),
    ({16: 0}, DecodeError),
    ({17: 151}, DecodeError),
    ({18: None}, DecodeError),
    ({19: []}, DecodeError),
    ({19: [["de", bytes(31)]]}, DecodeError),
    ({19: [["en", bytes(32)], ["de", bytes(32)]]}, DecodeError),
    ({19: [["de", bytes(32)], ["de", bytes(32)]]}, DecodeError),
    ({20: "fr"}, DecodeError),
    ({20: "deutsch"}, DecodeError),
    ({21: ""}, DecodeError),
    ({22: 0}, DecodeError),
]


@pytest.mark.parametrize(("wrong", "error"), DEFECTS)
def test_a_malformed_notice_is_refused(firm: Company, wrong: Change, error: type[RemoteError]) -> None:
    """CNS-02"""
    with pytest.raises(error):
        Notice.verify(firm.account_id, notice_with(firm, wrong))


def test_the_ends_of_a_notice_are_taken(firm: Company) -> None:
    """CNS-02"""
    longest = "wss://relay.example/" + "a" * 36
    rights: list[Change] = [{3: 2**31 - 1}, {7: "x" * 240}, {9: ["x", longest]}, {10: ["x"] * 32}, {17: 150}]
    for right in rights:
        assert Notice.verify(firm.account_id, notice_with(firm, right)).version


@pytest.mark.parametrize(
    "name", [name for name in Draft._fields if name not in ("protection_officer", "minimum_age")]
)
def test_a_notice_without_what_the_law_asks_for_is_not_signed(firm: Company, name: str) -> None:
    """CNS-03"""
    with pytest.raises(NoticeIncomplete) as caught:
        firm.notice(1, NOW_MS, **{name: None})
    assert (caught.value.code, caught.value.field) == ("config.notice", name)
    with pytest.raises(NoticeIncomplete):
        firm.notice(authority="")
    assert sign_notice(firm.account_key, 1, DRAFT._replace(texts={"de": b"x"}), NOW_MS).texts


# --- door ---


def door_of(firm: Company, notice: Notice | None = None, texts: dict[str, str] | None = None) -> bytes:
    """The door file of a company."""
    signed = channels.sign_channels(firm.roster_key, firm.mandate, [], {}, NOW_MS)
    return door.encode_door(firm.mandate, notice or firm.notice(), texts or TEXTS, signed)


def test_a_door_holds_all_that_is_read_before_accepting(firm: Company) -> None:
    """CNS-04, CNS-05"""
    encoded = door_of(firm)
    found = Door.verify(firm.account_id, encoded, NOW_MS, RELAY_URL, "https://praxis.example")
    assert (found.mandate, found.notice, dict(found.texts)) == (firm.mandate, firm.notice(), TEXTS)
    late_ms = NOW_MS + 91 * DAY_MS
    assert Door.verify(firm.account_id, encoded, late_ms, None, None) == found
    only = Door.verify(firm.account_id, door_of(firm, texts={"de": TEXTS["de"]}), NOW_MS, None, None)
    assert dict(only.texts) == {"de": TEXTS["de"]}


def test_a_door_states_whose_it_is_to_who_knows_nobody(firm: Company) -> None:
    """CNS-27: stated is not verified; the mandate alone can be, whatever else is wrong."""
    encoded = door_of(firm)
    assert door.stated_account(encoded) == firm.account_id
    assert door.stated_mandate(firm.account_id, encoded) == firm.mandate
    with pytest.raises(BadSignature):
        door.stated_mandate(Company.make("other").account_id, encoded)
    signed = cbor.decode(encoded, door.DOOR_MAX_B)
    assert isinstance(signed, list)
    nobody = cbor.encode([cbor.encode(1), bytes(64)])
    for mandate in (nobody, cbor.encode([cbor.encode({2: b""}), bytes(64)]), cbor.encode([b"", b""])):
        with pytest.raises(DecodeError):
            door.stated_account(cbor.encode([mandate, *signed[1:]]))


def test_the_first_failure_of_a_door_names_the_code(firm: Company) -> None:
    """CNS-04: a stolen web server, another relay, another company, a wrong clock."""

    def code(
        encoded: bytes, now_ms: int = NOW_MS, relay: str | None = None, origin: str | None = None
    ) -> str:
        with pytest.raises(RemoteError) as caught:
            Door.verify(firm.account_id, encoded, now_ms, relay, origin)
        return caught.value.code

    good, other = door_of(firm), Company.make("other")
    assert code(door_of(other)) == "remote.signature"
    assert code(good, NOW_MS + 91 * DAY_MS + 1, origin="https://evil.example") == "room.mandate"
    assert code(good, origin="https://evil.example") == "room.mandate"
    assert code(good, relay="wss://other.example/") == "remote.identity"
    assert (
        code(door_of(firm, firm.notice(now_ms=NOW_MS + DAY_MS + 1)), relay="wss://x.example/")
        == "room.mandate"
    )
    assert code(door_of(firm, other.notice())) == "remote.signature"
    assert code(door_of(firm, texts={**TEXTS, "de": "Alles gut."})) == "remote.decode"
    assert code(door_of(firm, texts={"en": TEXTS["en"]})) == "remote.decode"
    assert code(door_of(firm, texts={**TEXTS, "fr": "x"})) == "remote.decode"
    for hidden in ("a\u202eb".encode(), b"\xff"):
        notice = firm.notice(texts={"de": hidden})
        rows: list[cbor.Value] = [["de", hidden]]
        signed = channels.sign_channels(firm.roster_key, firm.mandate, [], {}, NOW_MS).signed
        assert code(cbor.encode([firm.mandate.signed, notice.signed, rows, signed])) == "remote.decode"
    old = channels.sign_channels(firm.roster_key, firm.mandate, [], {}, NOW_MS)
    firm.new_mandate(NOW_MS)
    assert code(door.encode_door(firm.mandate, firm.notice(), TEXTS, old)) == "remote.signature"
    for wrong in (b"", cbor.encode([]), good + b"\0"):
        assert code(wrong) == "remote.decode"


# --- receipts and withdrawals ---


def test_a_receipt_is_signed_by_a_device_and_names_nobody(firm: Company, anna: Party) -> None:
    """CNS-06"""
    receipt = receipt_of(anna, terms_of(firm.notice(), 3), 7)
    assert (receipt.terms.purposes, receipt.seq, receipt.room) == (3, 7, ROOM)
    encoded = cbor.encode(forgery.entries_of(receipt.signed))
    assert receipt.hash == kdf.hash_(b"SR1-consent".ljust(16, b"\0"), encoded)
    names: tuple[bytes, ...] = anna.account_id, anna.device.record.device_id, anna.device.record.sign_public
    assert [name for name in names if name in receipt.signed] == []
    public, seed = anna.device.record.sign_public, anna.device.signing_key.expose()
    entries = forgery.entries_of(receipt.signed)
    with pytest.raises(BadSignature):
        Receipt.verify(Party.make("eve").device.record.sign_public, receipt.signed)
    with pytest.raises(BadSignature):
        Receipt.verify(public, forgery.signed(seed, labels.SIG_WITHDRAWAL, entries))
    wrongs: list[Change] = [
        {1: bytes(31)},
        {2: "deutsch"},
        {3: 0},
        {3: 4},
        {4: 2**32},
        {5: NOW_MS + 1},
        {6: bytes(15)},
        {7: 0},
        {7: 2**31},
        {8: 0},
    ]
    for wrong in wrongs:
        with pytest.raises(DecodeError):
            Receipt.verify(public, forgery.signed(seed, labels.SIG_CONSENT, entries | wrong))
    odd = consent.sign_receipt(anna.device.signing_key, terms_of(firm.notice()), NOW_MS + 999, ROOM, 1)
    assert Receipt.verify(public, odd).accepted_ms == NOW_MS


def test_a_receipt_says_what_its_notice_asks(firm: Company, anna: Party) -> None:
    """CNS-07"""
    notice = firm.notice()
    for purposes in (1, 3):
        receipt_of(anna, terms_of(notice, purposes)).check(ROOM, notice)
    good = terms_of(notice)
    wrongs = [good._replace(**change) for change in _wrong_terms()]
    for terms in wrongs:
        with pytest.raises(ConsentRequired) as caught:
            receipt_of(anna, terms).check(ROOM, notice)
        assert caught.value.code == "room.consent_required"
    for room, known in ((bytes(16), notice), (ROOM, None), (ROOM, firm.notice(2))):
        with pytest.raises(ConsentRequired):
            receipt_of(anna, good).check(room, known)


def _wrong_terms() -> Iterator[dict[str, Any]]:
    yield from ({"purposes": one} for one in (0, 2, 4, 5, 2**31 | 1))
    yield {"locale": "fr"}
    yield {"mode": Mode.EXPLICIT}


def test_a_withdrawal_is_of_one_room_and_device(firm: Company, anna: Party) -> None:
    """CNS-08"""
    receipt = receipt_of(anna, terms_of(firm.notice()))
    withdrawal = withdrawal_of(anna, receipt, 2)
    assert (withdrawal.receipt_hash, withdrawal.seq, withdrawal.withdrawn_ms) == (receipt.hash, 2, NOW_MS)
    public, seed = anna.device.record.sign_public, anna.device.signing_key.expose()
    entries = forgery.entries_of(withdrawal.signed)
    with pytest.raises(ConsentRequired):
        Withdrawal.verify(public, withdrawal.signed, bytes(16))
    with pytest.raises(BadSignature):
        Withdrawal.verify(public, forgery.signed(seed, labels.SIG_CONSENT, entries), ROOM)
    wrongs: list[Change] = [{1: bytes(31)}, {2: bytes(17)}, {3: -1}, {4: 0}, {4: 2**31}, {5: 0}]
    for wrong in wrongs:
        with pytest.raises(DecodeError):
            Withdrawal.verify(public, forgery.signed(seed, labels.SIG_WITHDRAWAL, entries | wrong), ROOM)


def test_the_highest_number_counts_in_any_order(firm: Company, anna: Party) -> None:
    """CNS-09: also of equal numbers, from two devices at once or a store that was set back."""
    notice = firm.notice()
    one, two, twin = (receipt_of(anna, terms_of(notice, bits), seq) for bits, seq in ((1, 1), (1, 3), (3, 3)))
    leave, late, again = (withdrawal_of(anna, one, seq) for seq in (2, 3, 3))
    other = withdrawal_of(anna, two, 3)
    ends = set()
    everything: list[Receipt | Withdrawal] = [one, two, twin, leave, late, again, other]
    for order in itertools.permutations(everything):
        known = RoomConsent()
        for given in order:
            known = known.with_receipt(given) if isinstance(given, Receipt) else known.with_withdrawal(given)
        ends.add((known.receipt, known.withdrawal, known.seq, known.is_withdrawn))
    ((newest, withdrawal, seq, is_withdrawn),) = ends
    assert newest == min(two, twin, key=lambda item: item.hash)
    assert withdrawal == min(late, other, key=lambda item: item.signed)
    assert (seq, is_withdrawn) == (3, True)
    assert not RoomConsent(two, leave).is_withdrawn
    assert not RoomConsent().is_withdrawn
    assert RoomConsent().seq == 0


def test_a_tombstone_stands_against_its_open(firm: Company, anna: Party) -> None:
    """CNS-10: a withdrawal that overtakes, or comes before a receipt that was kept back for weeks."""
    notice = firm.notice()
    receipt, newer = receipt_of(anna, terms_of(notice), 1), receipt_of(anna, terms_of(notice), 3)
    tombstone = RoomConsent().with_withdrawal(withdrawal_of(anna, receipt, 2))
    assert gate.column(tombstone, 1, firm.view(), NOW_MS) is Column.NONE
    overtaken = consent.opened(tombstone, receipt, ROOM, notice, is_desk=True)
    assert gate.column(overtaken, 1, firm.view(), NOW_MS) is Column.WITHDRAWN
    after = consent.opened(tombstone, newer, ROOM, notice, is_desk=True)
    assert (after.receipt, after.is_withdrawn) == (newer, False)
    with pytest.raises(ConsentRequired):
        gate.check_upkeep(ContentType.SYNC, has_consent=tombstone.receipt is not None)


def test_a_later_consent_finds_a_room_whose_open_was_overtaken(firm: Company, anna: Party) -> None:
    """CNS-10: in whatever order open, withdrawal and the consent after it come, and come again, it counts."""
    notice = firm.notice()
    firm.new_roster(NOW_MS, notice_hash=notice.hash)
    first, newer = receipt_of(anna, terms_of(notice), 1), receipt_of(anna, terms_of(notice), 3)
    withdrawal = withdrawal_of(anna, first, 2)
    everything: list[Receipt | Withdrawal] = [first, withdrawal, newer]
    for order in itertools.permutations(everything):
        known = RoomConsent()
        for given in order * 3:
            if isinstance(given, Withdrawal):
                known = known.with_withdrawal(given)
            elif given is first:
                known = consent.opened(known, first, ROOM, notice, is_desk=True)
            elif Column.NONE is not gate.column(known, 1, firm.view(), NOW_MS):
                known = known.with_receipt(given)
        assert gate.column(known, 1, firm.view(), NOW_MS) is Column.OPEN


def test_tombstones_are_bounded_and_only_old_ones_make_room() -> None:
    """CNS-10: 64 strangers fill the table, for 45 days at most, and drive nobody's tombstone out."""
    full = [NOW_MS + 1, NOW_MS, *[NOW_MS + 2] * 254]
    assert gate.check_tombstones(3, full[:255], NOW_MS) is None
    assert gate.check_tombstones(0, full, NOW_MS + 45 * DAY_MS) == 1
    later = NOW_MS + 90 * DAY_MS
    for of_account, kept_ms, now_ms in ((4, full[:4], later), (0, full, NOW_MS + 45 * DAY_MS - 1)):
        with pytest.raises(ConsentRequired):
            gate.check_tombstones(of_account, kept_ms, now_ms)


def test_a_note_by_e_mail_is_a_purpose_of_its_own(firm: Company, anna: Party) -> None:
    """CNS-11"""
    notice = firm.notice()
    assert not gate.may_reach(receipt_of(anna, terms_of(notice, 1)))
    assert gate.may_reach(receipt_of(anna, terms_of(notice, 3)))
    assert gate.row_of(ContentType.ENTRY, 14) is Row.CONTENT
    assert gate.row_of(ContentType.ENTRY, 14, is_null=True) is Row.ACT


def test_an_older_notice_counts_until_the_roster_says(firm: Company, anna: Party) -> None:
    """CNS-12, CNS-13"""
    old, new = firm.notice(1), firm.notice(2)
    known = RoomConsent(receipt_of(anna, terms_of(old)))
    firm.new_roster(NOW_MS, notice_hash=old.hash)
    assert gate.column(known, 1, firm.view(), NOW_MS) is Column.OPEN
    until_ms = NOW_MS + DAY_MS
    firm.new_roster(NOW_MS, seq=2**30, notice_hash=new.hash, older=[OlderNotice(old.hash, until_ms)])
    view = firm.view()
    for now_ms, found in ((until_ms, Column.OPEN), (until_ms + 1, Column.STALE)):
        assert gate.column(known, 1, view, now_ms) is found
    firm.new_roster(NOW_MS, seq=2**30 + 1, notice_hash=new.hash)
    assert gate.column(known, 1, firm.view(), NOW_MS) is Column.STALE
    assert gate.column(known, 2, firm.view(), NOW_MS) is Column.ENDED


# --- the gate ---


def _cells() -> Iterator[tuple[Row, Column, str]]:
    """Row, column and cell of the table of CNS-13."""
    rows = registries.tables((checkout.ROOT / "spec" / "18-consent.md").read_text("utf-8"))["The gate"]
    for name, *cells in rows:
        if name in {row.value for row in Row} and len(cells) == len(Column):
            yield from ((Row(name), kind, cell) for kind, cell in zip(Column, cells, strict=True))


@pytest.mark.parametrize(("row", "found", "cell"), list(_cells()))
def test_the_table_of_the_gate(row: Row, found: Column, cell: str) -> None:
    """CNS-13: each cell."""
    if cell == "yes":
        gate.check(row, found)
        return
    with pytest.raises(RemoteError) as caught:
        gate.check(row, found)
    assert caught.value.code == cell


def test_the_table_of_the_gate_is_whole() -> None:
    """CNS-13"""
    assert [(row, kind) for row, kind, _ in _cells()] == list(itertools.product(Row, Column))


def test_each_content_has_a_row() -> None:
    """CNS-13: kinds and signals, unknown ones too."""
    kinds = {kind: gate.row_of(ContentType.ENTRY, kind) for kind in range(1, 64)}
    assert {kind for kind, row in kinds.items() if row is Row.ACT} == {5, 8, 10, 15, 21}
    assert {kind for kind, row in kinds.items() if row is Row.TEAM} == {2, 6, 12, 13, 16, 18, 22}
    assert (kinds[1], kinds[9]) == (Row.OPEN, Row.WITHDRAWAL)
    assert {row for kind, row in kinds.items() if kind in (3, 4, 7, 14, 17, 19, 11, 23, 63)} == {Row.CONTENT}
    assert [kind for kind, row in kinds.items() if row is Row.RATING] == [20]
    signals = [gate.row_of(ContentType.SIGNAL, what) for what in range(1, 7)]
    assert signals == [Row.CONTENT, Row.WANT, Row.TEAM, Row.TEAM, Row.WANT, Row.TEAM]
    assert gate.row_of(ContentType.FORWARD) is Row.ACT
    assert gate.row_of(ContentType.DOSSIER) is gate.row_of(ContentType.ROSTER) is Row.TEAM


def test_each_line_of_a_forward_has_a_row() -> None:
    """CNS-92: as the entry itself; what the team alone writes is no content but a form."""
    for kind in range(1, 64):
        expected = gate.row_of(ContentType.ENTRY, kind)
        if expected is Row.TEAM:
            expected = Row.CONTENT if kind == 18 else Row.ACT
        assert gate.row_of_line(kind) is expected
    assert gate.row_of_line(14, is_null=True) is Row.ACT


def test_the_column_of_a_room(firm: Company, anna: Party) -> None:
    """CNS-13: in this order: no receipt, erased, withdrawn, the phase, stale or ended."""
    notice = firm.notice()
    firm.new_roster(NOW_MS, notice_hash=notice.hash)
    receipt = receipt_of(anna, terms_of(notice))
    given, stale = RoomConsent(receipt), RoomConsent(receipt_of(anna, terms_of(firm.notice(2))))
    gone = given.with_withdrawal(withdrawal_of(anna, receipt, 2))
    view = firm.view()

    def columns(known: RoomConsent | None, *, may_reopen: bool = True) -> list[Column]:
        return [gate.column(known, phase, view, NOW_MS, may_reopen=may_reopen) for phase in range(1, 6)]

    rest = [Column.FROZEN, Column.WITHDRAWN, Column.ERASED]
    assert columns(None) == [Column.NONE] * 5
    assert columns(given) == [Column.OPEN, Column.CLOSED, *rest]
    assert columns(given, may_reopen=False) == [Column.OPEN, Column.ENDED, *rest]
    assert columns(stale) == [Column.STALE, Column.ENDED, *rest]
    assert columns(gone) == [*[Column.WITHDRAWN] * 4, Column.ERASED]


def test_what_belongs_to_no_room() -> None:
    """CNS-14"""
    for content_type in (2, 3, 5, 6, 7, 13, 99):
        gate.check_upkeep(content_type, has_consent=True)
    for content_type in (1, 2, 5, 12, 99):
        with pytest.raises(ConsentRequired):
            gate.check_upkeep(content_type, has_consent=False)
    for content_type in (1, 11, 12):
        with pytest.raises(NoRight):
            gate.check_upkeep(content_type, has_consent=True)


def test_an_open_is_taken_by_a_front_desk(firm: Company, anna: Party) -> None:
    """CNS-15: by others when they know the room."""
    notice = firm.notice()
    receipt = receipt_of(anna, terms_of(notice))
    known = consent.opened(RoomConsent(), receipt, ROOM, notice, is_desk=True)
    assert known == RoomConsent(receipt)
    assert consent.opened(known, receipt, ROOM, notice, is_desk=False) == known
    with pytest.raises(ConsentRequired):
        consent.opened(RoomConsent(), receipt, ROOM, notice, is_desk=False)
    with pytest.raises(ConsentRequired):
        consent.opened(RoomConsent(), receipt, bytes(16), notice, is_desk=True)


def test_a_login_waits_where_a_device_is_new() -> None:
    """CNS-16"""
    one, two = (DeviceId(bytes([at]) * 16) for at in (1, 2))
    assert not gate.identify_waits([one], [one, two])
    assert gate.identify_waits([one, two], [one])


# --- on the customer's side ---


def states(firm: Company) -> dict[str, State]:
    """A state of each kind, of a company with notices 1 and 2."""
    first, second = firm.notice(1), firm.notice(2)
    given = Given(terms_of(first), NOW_MS, SEQ)
    plain = firm.notice(1, mode=Mode.NOTICE)
    return {
        "Shown": Shown(first),
        "Refused": Refused(first),
        "Accepted": Accepted(first, given),
        "Stale": Stale(second, given, NOW_MS + DAY_MS),
        "Stale of mode 1": Stale(second, given._replace(terms=terms_of(plain)), NOW_MS),
        "Ended": Ended(first, SEQ),
    }


def test_each_event_in_each_state(firm: Company) -> None:
    """CNS-17, CNS-83: the table; what has no cell is refused and changes nothing, a refusal in Stale too."""
    all_states, third = states(firm), firm.notice(3)
    seq, left = SEQ + 1, Withdraw(SEQ + 1)

    def accepted(name: str, number: int) -> Given:
        return Given(terms_of(all_states[name].notice, 3), NOW_MS, number)

    def withdrawn(name: str) -> Ended:
        return Ended(all_states[name].notice, seq)

    cells: dict[tuple[str, str], tuple[object, tuple[object, ...]]] = {
        ("Shown", "accept"): (
            Accepted(firm.notice(1), accepted("Shown", SEQ)),
            (OpenRoom(accepted("Shown", SEQ)),),
        ),
        ("Shown", "refuse"): (Refused(firm.notice(1)), (ShowChannels(),)),
        ("Refused", "ask"): (Shown(firm.notice(1)), (ShowNotice(firm.notice(1)),)),
        ("Accepted", "leave"): (withdrawn("Accepted"), (left, ShowChannels())),
        ("Stale", "leave"): (withdrawn("Stale"), (left, ShowChannels())),
        ("Stale of mode 1", "leave"): (withdrawn("Stale of mode 1"), (left, ShowChannels())),
    }
    for name in ("Stale", "Stale of mode 1", "Ended"):
        given = accepted(name, seq)
        effect = GiveReceipt(given, reopens=name == "Ended")
        cells[name, "accept"] = Accepted(all_states[name].notice, given), (effect,)
    for name, state in all_states.items():
        shows = (ShowNotice(third),) if name not in ("Refused", "Ended") else ()
        after: State = (
            Stale(third, state.given, 5) if isinstance(state, Accepted | Stale) else _with(state, third)
        )
        cells[name, "replace"] = after, shows
    for name, state in all_states.items():
        events: dict[str, Event] = {
            "accept": Accept(state.notice.hash, "de", 3),
            "refuse": Refuse(),
            "ask": Ask(),
            "leave": Leave(),
            "replace": Replace(third, 5),
        }
        for event_name, event in events.items():
            if (name, event_name) in cells:
                assert customer.step(state, event, NOW_MS) == cells[name, event_name], (name, event_name)
            else:
                with pytest.raises(NoConsent) as caught:
                    customer.step(state, event, NOW_MS)
                assert caught.value.code == "local.consent"


def _with(state: State, notice: Notice) -> State:
    match state:
        case Shown():
            return Shown(notice)
        case Refused():
            return Refused(notice)
        case Ended(seq=seq):
            return Ended(notice, seq)
        case Accepted(given=given) | Stale(given=given):
            return Stale(notice, given, 5)


def test_what_is_accepted_is_what_was_shown(firm: Company) -> None:
    """CNS-18: a notice that was replaced between showing and touching the button, languages, purposes."""
    notice = firm.notice()
    for wrong in (("fr", 1), ("de", 0), ("de", 2), ("de", 5)):
        with pytest.raises(InvalidArgument):
            customer.step(Shown(notice), Accept(notice.hash, *wrong), NOW_MS)
    with pytest.raises(NoConsent):
        customer.step(Shown(firm.notice(2)), Accept(notice.hash, "de", 1), NOW_MS)


def test_numbers_go_on_above_those_of_a_store_that_was_set_back(firm: Company) -> None:
    """CNS-09, ACC-07: a consent long ago, given again after the loss of a withdrawal."""
    state = Ended(firm.notice(), 5)
    after, _ = customer.step(state, Accept(state.notice.hash, "de", 1), NOW_MS)
    assert isinstance(after, Accepted)
    assert after.given.seq == SEQ
    with pytest.raises(CounterExhausted):
        customer.step(Ended(firm.notice(), 2**31 - 1), Accept(state.notice.hash, "de", 1), NOW_MS)


def test_a_notice_never_goes_back(firm: Company) -> None:
    """CNS-19: whatever the roster's key, or a server, shows again."""
    first, second = firm.notice(1), firm.notice(2)
    for state in (Shown(second), Refused(second), Stale(second, Given(terms_of(first), NOW_MS, 1), 7)):
        assert customer.step(state, Replace(first, 9), NOW_MS) == (state, ())
    accepted = Accepted(second, Given(terms_of(second), NOW_MS, 1))
    assert customer.step(accepted, Replace(second, 0), NOW_MS) == (accepted, ())
    assert customer.step(Shown(second), Replace(second, 0), NOW_MS) == (Shown(second), ())
    stale = Stale(second, Given(terms_of(first), NOW_MS, 1), 7)
    assert customer.step(stale, Replace(second, 9), NOW_MS) == (Stale(second, stale.given, 9), ())
    twin = firm.notice(2, sector="law")
    assert customer.step(stale, Replace(twin, 9), NOW_MS) == (
        Stale(twin, stale.given, 9),
        (ShowNotice(twin),),
    )


def test_what_another_device_did_counts_by_its_number(firm: Company) -> None:
    """CNS-09, CNS-19"""
    first, second = firm.notice(1), firm.notice(2)
    given = Given(terms_of(first), NOW_MS, 7)
    newer = Given(terms_of(second), NOW_MS, 8)
    accepted, stale = Accepted(first, given), Stale(second, given, NOW_MS)
    ended = Ended(first, 7)
    cases: list[tuple[State, Elsewhere, State]] = [
        (Shown(first), Elsewhere(given, 7), accepted),
        (Refused(first), Elsewhere(given, 7), accepted),
        (accepted, Elsewhere(given, 7), accepted),
        (accepted, Elsewhere(newer._replace(seq=6), 6), accepted),
        (accepted, Elsewhere(newer, 8), Stale(first, newer, 0)),
        (stale, Elsewhere(newer, 8), Accepted(second, newer)),
        (accepted, Elsewhere(None, 6), accepted),
        (accepted, Elsewhere(None, 7), ended),
        (stale, Elsewhere(None, 9), Ended(second, 9)),
        (ended, Elsewhere(given, 7), ended),
        (ended, Elsewhere(newer, 8), Stale(first, newer, 0)),
    ]
    for before, event, after in cases:
        assert customer.step(before, event, NOW_MS) == (after, ())


def test_nothing_is_sent_without_a_consent_that_counts(firm: Company) -> None:
    """CNS-20"""
    for name, state in states(firm).items():
        if name in ("Accepted", "Stale", "Stale of mode 1"):
            customer.check_sending(state, NOW_MS)
        else:
            with pytest.raises(NoConsent) as caught:
                customer.check_sending(state, NOW_MS)
            assert caught.value.code == "local.consent"
    stale = states(firm)["Stale"]
    customer.check_sending(stale, NOW_MS + DAY_MS)
    with pytest.raises(NoConsent):
        customer.check_sending(stale, NOW_MS + DAY_MS + 1)


def test_purposes_are_the_bits_of_their_numbers(firm: Company) -> None:
    """CNS-06, CNS-07"""
    notice = firm.notice(purposes=[Purpose(1, "x", True), Purpose(32, "x", True), Purpose(3, "x", False)])
    allowed = [
        bits for bits in (1, 1 | 1 << 31, 5 | 1 << 31, 4 | 1 << 31, 3 | 1 << 31) if notice.allows(bits)
    ]
    assert allowed == [1 | 1 << 31, 5 | 1 << 31]
