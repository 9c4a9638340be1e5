"""Accounts that are recovered: the last word to the old device, whatever the connection does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client.engine import Recovery
from e2ee_client.engine.dossiers import Dossiers
from e2ee_client.engine.entry import Entry
from e2ee_client.engine.link import Link
from e2ee_client.engine.own_mailbox import Mailbox
from e2ee_client.engine.records import OwnDevice
from e2ee_client.engine.recovering import Recovering, RecoveryRow
from e2ee_client.engine.turn import Turn
from e2ee_client.events import DeviceRemoved, DeviceReplaced, IdentityAlarm, NewDevice, OwnDeviceListed
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import LookupResult, Send
from engine_world import RELAY_URL, Node, SeededRng, World
from relay_scenes import losing
from struck_off import backup_of, restored

from e2ee import recovery
from e2ee.constants import DEVICE_LIFE_MS
from e2ee.content import WayBack
from e2ee.errors import ContentError, NoRight
from e2ee.identity import DeviceKind, DeviceList, DeviceRecord, new_device, next_list, redated, sign_list
from e2ee.ids import AccountId
from e2ee.ports import Rng
from e2ee.rooms.invite import fingerprint
from e2ee.rooms.signals import Contact as Introduced
from e2ee.rooms.signals import Dossier, encode_dossier
from e2ee.secret import AccountKey
from e2ee.wire import cbor

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * 60 * MINUTE_MS
CODE = recovery.new_code(SeededRng("code"), entry=False)


def person_and_company(*, publish: bool = False) -> tuple[World, Node, Node]:
    """A person with a code, who has written to a company that knows it."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    phone = world.node("Telefon", publish=publish, recovery=Recovery(CODE))
    phone.start()
    phone.send(phone.add(company.engine.card()), "vorher")
    world.settle()
    company.carry_out(company.engine.accept_contact(phone.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    return world, company, phone


def recovered(world: World, company: Node, name: str = "Neu") -> Node:
    """Another device that goes on with the account, and writes to the company."""
    node = world.node(name, recovery=Recovery(CODE, is_typed=True))
    node.start()
    node.send(node.add(company.engine.card()), "ich bin es")
    return node


def test_the_last_word_outlives_a_lost_connection_and_a_restart() -> None:
    """ACC-66: it is on disk before the session is dropped, and goes when there is a connection again."""
    world, company, phone = person_and_company()
    company.outgoing = losing(Send)
    recovered(world, company)
    world.settle()
    assert company.of(DeviceRemoved)
    assert not phone.of(DeviceReplaced)
    company.crash()
    company.outgoing = lambda _channel, data: [data]
    company.start()
    world.advance(MINUTE_MS)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]
    assert phone.engine.is_replaced
    assert not company.rows.tables["outbox"]


def test_the_last_word_goes_once_and_a_second_recovery_tells_the_first_device_alone() -> None:
    """ACC-66, ACC-67: each device is told when it is struck off."""
    world, company, phone = person_and_company()
    first = recovered(world, company)
    world.advance(MINUTE_MS)
    company.carry_out(company.engine.accept_contact(first.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    second = recovered(world, company, "Wieder")
    world.advance(MINUTE_MS)
    assert [len(one.of(DeviceReplaced)) for one in (phone, first, second)] == [1, 1, 0]
    assert not company.of(IdentityAlarm)


def test_the_last_word_is_kept_when_the_account_is_recovered_again_before_it_leaves() -> None:
    """ACC-66: of a device without a session what is on its way still goes."""
    world, company, phone = person_and_company()
    company.outgoing = losing(Send)
    for name in ("Neu", "Wieder"):
        recovered(world, company, name)
        world.advance(MINUTE_MS)
    assert len(company.of(DeviceRemoved)) == 2
    company.crash()
    company.outgoing = lambda _channel, data: [data]
    company.start()
    world.advance(MINUTE_MS)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]


def test_a_device_that_was_replaced_signs_no_more_lists_and_says_so_after_a_restart() -> None:
    """ACC-67: what it knows is on disk."""
    world, company, phone = person_and_company()
    recovered(world, company)
    world.advance(MINUTE_MS)
    lists = dict(phone.rows.tables["list"])
    phone.crash()
    phone.start()
    world.wakes = 0
    world.advance(40 * 24 * 60 * MINUTE_MS)
    # It starts no session that it may have wanted, and does not wake for one: three look each hour.
    assert world.wakes <= 40 * 100
    assert phone.engine.is_replaced
    assert phone.rows.tables["list"] == lists


def test_a_replaced_device_with_an_entry_signs_and_publishes_nothing_after_a_restart() -> None:
    """ACC-67: a relay that hid the entry from the new device cannot have the old one go on with it."""
    world, company, phone = person_and_company(publish=True)
    recovered(world, company)
    world.advance(MINUTE_MS)
    assert phone.engine.is_replaced
    lists = dict(phone.rows.tables["list"])
    for node in (company, phone):
        node.crash()
    world.now_ms += 20 * DAY_MS
    phone.start()
    world.advance(MINUTE_MS)
    assert phone.rows.tables["list"] == lists


def test_a_last_word_that_no_relay_takes_ends_with_what_is_known_of_the_device() -> None:
    """ACC-66: who strikes off its own devices behind a dead relay fills nobody's store."""
    world, company, _ = person_and_company()
    company.outgoing = losing(Send)
    recovered(world, company)
    world.advance(MINUTE_MS)
    peers, waiting = len(company.rows.tables["peer"]), len(company.rows.tables["outbox"])
    for node in world.nodes:
        node.crash()
    world.now_ms += 50 * DAY_MS
    company.start()
    world.advance(2 * 60 * MINUTE_MS)
    assert len(company.rows.tables["peer"]) == peers - 1
    assert len(company.rows.tables["outbox"]) == waiting - 1


def test_groups_that_are_no_text_are_wrong_groups_and_change_nothing() -> None:
    """ACC-68: half a character, and more than a code may have."""
    world, _, phone = person_and_company()
    meta = dict(phone.rows.tables["meta"])
    for wrong in ("\ud800", CODE.groups[0] + " " * 300 + "X"):
        typed = {1: wrong, 2: CODE.groups[1]}
        assert phone.engine.recovery_code_typed(typed, world.now_ms) == (1, [])
    assert phone.rows.tables["meta"] == meta


def test_what_is_kept_of_a_code_shows_nothing_of_it() -> None:
    """ACC-60: the row has no r in its repr."""
    row = RecoveryRow.of(Recovery(CODE))
    assert RecoveryRow.decode(RecoveryRow.PREFIX, row.put().value) == row
    assert CODE.secret.expose().hex() not in repr(row)
    assert not any(group in repr((row, Recovery(CODE))) for group in CODE.groups)


@pytest.mark.parametrize("has_code", [False, True])
def test_a_recovered_device_that_was_set_back_by_two_records_is_given_its_list_back(has_code: bool) -> None:
    """ID-40, ACC-67: a list that names its record as it was made anew is its own, and nobody's recovery. With
    the code it is taken for somebody else's, since it names a record of before, which is unknown (ACC-75).
    """
    world, company, _ = person_and_company()
    phone = world.node("Neu", recovery=Recovery(CODE, is_typed=True), ahead_ms=20 * HOUR_MS)
    if not has_code:
        phone.rows.tables["meta"].pop(RecoveryRow.PREFIX)
    phone.start()
    praxis = phone.add(company.engine.card())
    phone.send(praxis, "ich bin es")
    world.advance(HOUR_MS)
    company.carry_out(company.engine.accept_contact(phone.engine.account_id, world.now_ms))
    world.advance(HOUR_MS)
    older, first = phone.rows.copy(), phone.engine._state.own.device.record
    for ahead_ms in (10 * HOUR_MS, 0):
        phone.set_clock(ahead_ms)
        world.advance(2 * HOUR_MS)
    newest = phone.engine._state.own.device_list
    assert first.hash not in newest.record_hashes
    phone.crash(older)
    turn = Turn(phone.now_ms, phone.engine.account_id)
    assert phone.engine._context.upkeep.take_back(turn, newest.signed)
    phone.carry_out(turn.effects())
    phone.crash(phone.rows)
    assert phone.engine.is_replaced == has_code
    phone.start()
    if has_code:
        return
    for text in ("zurückgesetzt", "und weiter"):
        phone.send(praxis, text)
        world.advance(DAY_MS)
    assert company.texts()[-2:] == ["zurückgesetzt", "und weiter"]
    assert not company.of(IdentityAlarm)


# --- with an entry in the directory ---


def recovered_with_entry() -> tuple[World, Node, Node, Node]:
    """An account that a new device goes on with from what the directory shows; who has its card has not heard
    of it yet.
    """
    world, _, phone = person_and_company(publish=True)
    labor = world.node("Labor", publish=True)
    labor.start()
    labor.send(labor.add(phone.engine.card()), "an das alte Gerät")
    world.advance(MINUTE_MS)
    phone.stop()
    shown = phone.engine._state.own.device_list
    tablet = world.node("Neu", publish=True, recovery=Recovery(CODE, is_typed=True, shown=shown))
    tablet.start()
    world.advance(MINUTE_MS)
    return world, labor, phone, tablet


def test_with_an_entry_too_a_list_that_names_the_record_made_anew_is_nobodys_recovery() -> None:
    """ID-39, ACC-67: it comes from a contact, after the store was set back."""
    world, _, _, tablet = recovered_with_entry()
    own, now_ms = tablet.engine._state.own, world.now_ms + HOUR_MS
    key = own.account_key
    assert key is not None
    anew = redated(own.device.record, now_ms, now_ms + DEVICE_LIFE_MS)
    newest = sign_list(key, next_list(own.account_id, own.device_list, [anew], None, now_ms))
    turn = Turn(now_ms, own.account_id)
    assert recovery.has_replaced(newest, own.device_list, [own.device.record.hash])
    assert tablet.engine._context.upkeep.take_back(turn, newest.signed)
    assert not tablet.engine.is_replaced


def test_with_an_entry_and_without_the_code_a_list_of_no_recovery_is_left_to_the_entry() -> None:
    """ACC-67: a contact gives one that leaves this device out, and the directory does not show it."""
    world, _, phone = person_and_company(publish=True)
    phone.rows.tables["meta"].pop(RecoveryRow.PREFIX)
    own, asked = phone.engine._state.own, len(phone.sent)
    beside = signed_beside(phone, own.device_list, names_phone=False)
    assert recovery.has_replaced(beside, own.device_list, [own.device.record.hash])
    give_back(phone, beside)
    assert len(phone.sent) > asked
    world.advance(MINUTE_MS)
    assert not phone.engine.is_replaced


def test_who_looks_up_a_recovered_account_finds_the_new_device() -> None:
    """ID-07, ACC-63: by its card, and from a list of before; the old device finds itself replaced."""
    world, labor, phone, tablet = recovered_with_entry()
    newcomer = world.node("Apotheke", publish=True)
    newcomer.start()
    account_id = newcomer.add(tablet.engine.card())
    newcomer.send(account_id, "von jemand Neuem")
    world.advance(MINUTE_MS)
    assert tablet.texts() == ["von jemand Neuem"]
    world.advance(8 * DAY_MS)
    labor.send(account_id, "von früher")
    world.advance(MINUTE_MS)
    assert tablet.texts()[-1] == "von früher"
    assert not labor.of(IdentityAlarm)
    phone.crash(phone.rows)
    phone.start()
    world.advance(MINUTE_MS)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]


def test_a_relay_that_has_lost_the_entry_of_a_recovered_account_gets_it_back() -> None:
    """RLY-51, ACC-63: the lists from before the recovery are nowhere any more."""
    world, _, _, tablet = recovered_with_entry()
    world.advance(20 * DAY_MS)
    assert len(tablet.rows.tables["list"]) > 1
    for node in world.nodes:
        node.stop()
    world.relay = MemoryRelay(lambda: world.now_ms, SeededRng("another relay"))
    tablet.crash(tablet.rows)
    tablet.start()
    world.advance(10 * MINUTE_MS)
    newcomer = world.node("Apotheke")
    newcomer.start()
    newcomer.send(newcomer.add(tablet.engine.card()), "gefunden")
    world.advance(MINUTE_MS)
    assert tablet.texts() == ["gefunden"]


def test_a_device_that_is_listed_again_is_given_nothing_from_before_that() -> None:
    """TRN-48: whoever takes an account back and forth has a new number each time."""
    world, company, phone = person_and_company()
    state, contents = company.engine._context.state, company.engine._context.contents
    account_id, now_ms = AccountId(phone.engine.account_id), world.now_ms
    contact, key = state.contacts[account_id], CODE.account_key()
    (peer,) = state.peers_of(account_id)
    first = contact.device_list()
    assert first is not None
    assert peer.listed_seq == first.seq
    other = new_device(account_id, DeviceKind.PERSON, 0, now_ms, now_ms + DAY_MS, SeededRng("other"))
    for record in (other.record, peer.record):
        unsigned = next_list(account_id, contact.device_list(), [record], None, now_ms)
        contents.pin(Turn(now_ms), contact, sign_list(key, unsigned))
        assert peer.listed_seq == (None if record == other.record else first.seq + 2)


# --- somebody with the code, and a program of its own (ACC-75) ---


def beside(monkeypatch: pytest.MonkeyPatch, *records: DeviceRecord) -> None:
    """Let who recovers sign the next list, which names these records beside its own."""

    def signed(
        key: AccountKey, own: DeviceRecord, before: DeviceList | None, now_ms: int, _: Rng
    ) -> DeviceList:
        return sign_list(key, next_list(own.account_id, before, [*records, own], None, now_ms))

    monkeypatch.setattr(recovery, "first_list", signed)


def told_of_beside(
    monkeypatch: pytest.MonkeyPatch, *, publish: bool, names_phone: bool, knows_phone: bool = False
) -> Node:
    """The phone of a person whose code a thief has used: it went on with the account by the next list, which
    it publishes where it knows all that the list names.
    """
    world, company, phone = person_and_company(publish=publish)
    own = phone.engine._state.own
    beside(monkeypatch, *([own.device.record] if names_phone else []))
    thief = world.node("Dieb", publish=publish, recovery=Recovery(CODE, is_typed=True, shown=own.device_list))
    if knows_phone:
        record = own.device.record
        thief.engine._state.own_devices[record.hash] = OwnDevice(record.hash, record, None, listed=True)
    thief.start()
    thief.send(thief.add(company.engine.card()), "ich bin es")
    world.advance(HOUR_MS)
    assert company.of(NewDevice)
    company.send(phone.engine.account_id, "an wen auch immer")
    world.advance(2 * HOUR_MS)
    assert ("an wen auch immer" in phone.texts()) == names_phone
    assert not thief.engine.is_replaced
    return phone


@pytest.mark.parametrize(
    ("publish", "names_phone", "knows_phone"),
    [
        (False, False, False),
        (False, True, False),
        (True, False, False),
        (True, True, False),
        (True, True, True),
    ],
)
def test_a_device_with_the_code_is_ended_by_a_list_that_it_has_not_signed(
    monkeypatch: pytest.MonkeyPatch, publish: bool, names_phone: bool, knows_phone: bool
) -> None:
    """ACC-66, ACC-67, ACC-75, ACC-74: whatever its number is, whether it names the device or not, and whether
    the directory has it or only the company.
    """
    phone = told_of_beside(monkeypatch, publish=publish, names_phone=names_phone, knows_phone=knows_phone)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]
    phone.crash(phone.rows)
    assert phone.engine.is_replaced


def signed_beside(phone: Node, before: DeviceList | None, *, names_phone: bool) -> DeviceList:
    """A list after another one that the account key signs elsewhere, for a device that nobody knows."""
    own, now_ms = phone.engine._state.own, phone.now_ms
    assert own.account_key is not None
    other = new_device(own.account_id, DeviceKind.PERSON, 0, now_ms, now_ms + DAY_MS, SeededRng("other"))
    named = [own.device.record, other.record] if names_phone else [other.record]
    return sign_list(own.account_key, next_list(own.account_id, before, named, None, now_ms))


def give_back(phone: Node, device_list: DeviceList) -> None:
    """Let a contact give the device a list of its account."""
    turn = Turn(phone.now_ms, phone.engine.account_id)
    assert phone.engine._context.upkeep.take_back(turn, device_list.signed)
    phone.carry_out(turn.effects())


@pytest.mark.parametrize("names_phone", [False, True])
def test_another_list_of_the_number_of_its_first_one_ends_a_device_with_the_code(names_phone: bool) -> None:
    """ACC-75: not only one with a higher number."""
    _, _, phone = person_and_company()
    first = phone.engine._state.own.device_list
    beside = signed_beside(phone, None, names_phone=names_phone)
    assert (beside.seq, beside.hash != first.hash) == (first.seq, True)
    give_back(phone, beside)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]


@pytest.mark.parametrize("publish", [False, True])
def test_control_without_the_check_a_list_that_names_the_device_too_is_its_own(
    monkeypatch: pytest.MonkeyPatch, publish: bool
) -> None:
    """ACC-75, without the countermeasure: nothing tells the person that somebody reads along."""
    monkeypatch.setattr(Recovering, "strangers", lambda *_: set())
    monkeypatch.setattr(Dossiers, "show_listed", lambda *_: None)
    phone = told_of_beside(monkeypatch, publish=publish, names_phone=True, knows_phone=publish)
    assert not phone.of(DeviceReplaced)
    assert len(phone.engine._state.own.device_list.record_hashes) == 2


def test_control_without_last_words_a_device_that_the_next_list_leaves_out_hears_of_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ACC-66, without the countermeasure."""
    monkeypatch.setattr(Recovering, "last_words", lambda *_: set())
    phone = told_of_beside(monkeypatch, publish=False, names_phone=False)
    assert not phone.of(DeviceReplaced)


@pytest.mark.parametrize("is_shown", [True, False])
@pytest.mark.parametrize("has_code", [True, False])
def test_a_list_of_ours_that_waits_ends_no_device_that_is_given_it(has_code: bool, is_shown: bool) -> None:
    """ACC-75, ACC-78, ID-39: its record is made anew; the relay has taken it, and a contact knows it before
    we do.
    """
    _, _, phone = person_and_company(publish=True)
    if not has_code:
        phone.rows.tables["meta"].pop(RecoveryRow.PREFIX)
    own, upkeep = phone.engine._state.own, phone.engine._context.upkeep
    assert own.account_key is not None
    own.record_anew = True
    turn = Turn(phone.now_ms, own.account_id)
    following = upkeep.next_list(turn, own.account_key)
    phone.carry_out(turn.effects())
    turn = Turn(phone.now_ms, own.account_id)
    assert upkeep.take_back(turn, following.device_list.signed, is_shown=is_shown)
    phone.carry_out(turn.effects())
    assert not phone.engine.is_replaced


@pytest.mark.parametrize("is_withheld", [True, False])
def test_a_record_that_the_relay_withholds_ends_no_device_that_was_set_back(
    monkeypatch: pytest.MonkeyPatch, is_withheld: bool
) -> None:
    """ACC-75, ID-42: the list names our own record of since; it is followed when that is shown."""
    world, _, phone = person_and_company(publish=True)
    older, own = phone.rows.copy(), phone.engine._state.own
    first = own.device.record.hash
    own.record_anew = True
    world.advance(HOUR_MS)
    turn = Turn(phone.now_ms, own.account_id)
    phone.engine._context.entry.compare(turn)
    phone.carry_out(turn.effects())
    world.advance(HOUR_MS)
    newest = own.device_list.seq
    adopt = Entry._adopt_newer

    def withholds(self: Entry, turn: Turn, link: Link, mailbox: Mailbox, frame: LookupResult) -> None:
        if self._state is phone.engine._state:
            shown = [
                one
                for one in zip(frame.records, frame.addresses, strict=True)
                if DeviceRecord.decode(one[0]).hash == first
            ]
            records, addresses = [one for one, _ in shown], [one for _, one in shown]
            frame = replace(frame, records=tuple(records), addresses=tuple(addresses))
        adopt(self, turn, link, mailbox, frame)

    with monkeypatch.context() as patch:
        if is_withheld:
            patch.setattr(Entry, "_adopt_newer", withholds)
        phone.crash(older)
        phone.start()
        world.advance(HOUR_MS)
        assert not phone.engine.is_replaced
        assert (phone.engine._state.own.device_list.seq == newest) is not is_withheld
    world.advance(HOUR_MS)
    assert phone.engine._state.own.device_list.seq >= newest


# --- a device that is listed while the person's are off, and taken out again (ACC-76, ACC-77) ---


class Thief:
    """Who has seen the code, with a device and lists of his own."""

    def __init__(self, world: World, company: Node, phone: Node) -> None:
        self._world, self._company = world, company
        self.phone = phone.engine._state.own.device.record
        self.node = world.node("Dieb", recovery=Recovery(CODE, is_typed=True))
        self.record = self.node.engine._state.own.device.record
        self.account_id = self.record.account_id

    def signs(self, *records: DeviceRecord) -> DeviceList:
        """Sign the list after the one that the company has."""
        before = self._company.engine._state.contacts[self.account_id].device_list()
        return sign_list(
            CODE.account_key(), next_list(self.account_id, before, records, None, self._world.now_ms)
        )

    def phone_anew(self) -> DeviceRecord:
        """Return the record of the person's device as it would be made anew for a list of now (ID-39)."""
        return redated(self.phone, self._world.now_ms, self._world.now_ms + DEVICE_LIFE_MS)

    def comes(self, *records: DeviceRecord) -> None:
        """Write to the company under a list that names these, and the thief's device."""
        self.node.engine._state.own.device_list = self.signs(self.record, *records)
        self.node.start()
        self.node.send(self.node.add(self._company.engine.card()), "ich bin es")
        self._world.advance(HOUR_MS)

    def gives(self, *records: DeviceRecord) -> None:
        """Have the company pin a list that names these alone, in the session that is there."""
        engine = self._company.engine
        turn = Turn(self._world.now_ms, engine.account_id)
        contact = engine._state.contacts[self.account_id]
        engine._context.contents._list(turn, contact, self.signs(*records).signed)
        self._company.carry_out(turn.effects())
        self._world.advance(MINUTE_MS)


def evening() -> tuple[World, Node, Node, Thief]:
    """The person's device is off, and a thief has the code."""
    world, company, phone = person_and_company()
    company.send(phone.engine.account_id, "am Abend")
    world.advance(MINUTE_MS)
    phone.stop()
    phone.alive = False
    world.advance(20 * DAY_MS)
    return world, company, phone, Thief(world, company, phone)


def night(*, is_struck_off: bool = False, lists_before: int = 0) -> tuple[World, Node, Node, Thief]:
    """A thief lists a device beside the person's, or in its place, and takes it out again."""
    world, company, phone, thief = evening()
    for _ in range(lists_before):
        thief.gives(thief.phone, thief.phone_anew())
    thief.comes(*([] if is_struck_off else [thief.phone]))
    company.send(phone.engine.account_id, "in der Nacht")
    world.advance(HOUR_MS)
    assert thief.node.texts() == ["in der Nacht"]
    thief.node.stop()
    if is_struck_off:
        thief.gives()
    thief.gives(thief.phone)
    return world, company, phone, thief


def morning(world: World, company: Node, phone: Node) -> None:
    """The person's device is on again, and signs the list that is due, of a number above the night's."""
    at_night = company.engine._state.contacts[AccountId(phone.engine.account_id)].device_list()
    assert at_night is not None
    assert at_night.record_hashes == (phone.engine._state.own.device.record.hash,)
    phone.alive = True
    phone.start()
    assert phone.engine._state.own.device_list.seq > at_night.seq
    world.advance(DAY_MS)


@pytest.mark.parametrize("is_struck_off", [False, True])
def test_a_device_that_was_listed_over_night_and_taken_out_again_is_told_of(
    monkeypatch: pytest.MonkeyPatch, is_struck_off: bool
) -> None:
    """ACC-75, ACC-76: beside the person's device, or in its place, where a relay keeps the last word, and
    then by way of a list that names nobody.
    """
    monkeypatch.setattr(Recovering, "last_words", lambda *_: set())
    world, company, phone, _ = night(is_struck_off=is_struck_off)
    morning(world, company, phone)
    if is_struck_off:  # its sessions are gone, which it finds out when what it writes is not confirmed
        phone.send(company.engine.account_id, "guten Morgen")
        world.advance(2 * DAY_MS)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]
    assert not company.rows.tables["posted"]


@pytest.mark.parametrize("is_struck_off", [False, True])
def test_control_without_the_list_shown_the_person_hears_nothing_of_the_night(
    monkeypatch: pytest.MonkeyPatch, is_struck_off: bool
) -> None:
    """ACC-76, without the countermeasure."""
    monkeypatch.setattr(Recovering, "last_words", lambda *_: set())
    monkeypatch.setattr(Dossiers, "show_listed", lambda *_: None)
    world, company, phone, _ = night(is_struck_off=is_struck_off)
    morning(world, company, phone)
    phone.send(company.engine.account_id, "guten Morgen")
    world.advance(2 * DAY_MS)
    assert not phone.of(DeviceReplaced)
    assert company.texts()[-1] == "guten Morgen"


def test_a_list_is_shown_again_until_the_device_has_it() -> None:
    """ACC-77, TRN-29: a relay loses all that it took over night; what is counted comes again."""
    world, company, phone, _ = night()
    world.relay = MemoryRelay(lambda: world.now_ms, SeededRng("another relay"))
    for node in (company, phone):
        node.crash(node.rows)
        node.alive = True
        node.start()
    for text in ("am Morgen", "und weiter"):
        company.send(phone.engine.account_id, text)
        phone.send(company.engine.account_id, text)
        world.advance(2 * DAY_MS)
        if phone.of(DeviceReplaced):
            return
    raise AssertionError("it is not shown again")


def test_a_thief_fills_no_store_by_lists_of_one_night() -> None:
    """ACC-77: 16 wait for a device, all of which tell of the thief."""
    world, company, phone, thief = night()
    for number in range(20):
        other = new_device(
            thief.account_id,
            DeviceKind.PERSON,
            0,
            world.now_ms,
            world.now_ms + DAY_MS,
            SeededRng(str(number)),
        )
        thief.gives(thief.phone, other.record)
        thief.gives(thief.phone)
    assert len(company.rows.tables["posted"]) == 16
    morning(world, company, phone)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]


def test_no_list_of_the_persons_device_alone_takes_the_place_of_one_that_tells_of_another() -> None:
    """ACC-78: 16 wait which name the person's device by two records, and the next one is not shown."""
    world, company, phone, _ = night(lists_before=16)
    morning(world, company, phone)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]


def test_no_list_of_the_persons_device_hides_that_which_has_left_it_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ACC-78: the one before that which names it again names its record as it is made anew."""
    monkeypatch.setattr(Recovering, "last_words", lambda *_: set())
    world, company, phone, thief = evening()
    thief.comes()
    thief.node.stop()
    thief.gives(thief.phone_anew())
    thief.gives(thief.phone)
    morning(world, company, phone)
    phone.send(company.engine.account_id, "guten Morgen")
    world.advance(2 * DAY_MS)
    assert phone.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_store_that_was_set_back_is_shown_a_list_of_its_own_of_since(is_known: bool) -> None:
    """ACC-78, ID-40: a company that is hostile ends nobody by one that names the same records."""
    world, _, phone = person_and_company()
    older, own = phone.rows.copy(), phone.engine._state.own
    own.record_anew = not is_known
    world.advance(20 * DAY_MS)
    newest = phone.engine._state.own.device_list
    phone.crash(older)
    assert phone.engine._state.own.device_list.seq < newest.seq
    assert shown(phone, newest.signed) is not is_known
    assert (phone.engine._state.own.device_list == newest) is is_known


def test_no_two_lists_of_the_persons_devices_wait_that_name_the_same_ones() -> None:
    """ACC-78: the company does not know the second device, so that it shows a list which names it beside."""
    world, company, phone, thief = evening()
    own, now_ms = phone.engine._state.own, world.now_ms
    tablet = new_device(thief.account_id, DeviceKind.PERSON, 0, now_ms, now_ms + DAY_MS, SeededRng("b"))
    record = tablet.record
    own.device_list = thief.signs(thief.phone, record)
    for _ in range(17):
        thief.gives(thief.phone, record)
        thief.gives(thief.phone)
    assert len(company.rows.tables["posted"]) == 1
    thief.comes(thief.phone)
    thief.node.stop()
    thief.gives(thief.phone)
    assert len(company.rows.tables["posted"]) == 2


def shown(phone: Node, signed: bytes) -> bool:
    """Let the device be shown a list, in a dossier; whether it is replaced then."""
    itself = Introduced(
        phone.engine._state.own.device.record.encoded, WayBack(bytes(16), bytes(32), RELAY_URL), None
    )
    turn = Turn(phone.now_ms, phone.engine.account_id)
    phone.engine._context.dossiers.take_shown(turn, encode_dossier(Dossier(signed, (itself,))))
    phone.carry_out(turn.effects())
    return phone.engine.is_replaced


def test_lists_that_were_signed_here_and_those_from_before_end_no_device() -> None:
    """ACC-75, ACC-77: a company shows them late, or again; one of a number from before is nobody's theft."""
    world, company, first = person_and_company()
    before = first.engine._state.own
    assert before.account_key is not None
    phone = recovered(world, company)
    own = phone.engine._state.own
    earliest = own.device_list
    other = new_device(
        own.account_id, DeviceKind.PERSON, 0, world.now_ms, world.now_ms + DAY_MS, SeededRng("b")
    )
    linked = sign_list(
        before.account_key, next_list(own.account_id, before.device_list, [other.record], None, world.now_ms)
    )
    world.advance(20 * DAY_MS)
    assert own.device_list.seq > earliest.seq
    for one in (before.device_list, linked, earliest, own.device_list):
        assert not shown(phone, one.signed)
    beside = next_list(own.account_id, earliest, [own.device.record, other.record], None, world.now_ms)
    assert shown(phone, sign_list(before.account_key, beside).signed)


@pytest.mark.parametrize("publish", [False, True])
def test_a_device_that_was_restored_with_the_account_key_judges_what_names_it(publish: bool) -> None:
    """ACC-79, ACC-74: all lists that name it were signed by it; one that does not may be of before."""
    world, _, phone = person_and_company(publish=publish)
    world.advance(DAY_MS)
    saved = backup_of(phone)
    phone.stop()
    tablet = restored(world, saved, "Tablet")
    own, now_ms = tablet.engine._state.own, world.now_ms
    assert own.account_key is not None
    assert tablet.engine.has_recovery_code is None
    thief = new_device(own.account_id, DeviceKind.PERSON, 0, now_ms, now_ms + DAY_MS, SeededRng("b"))
    for before, named, is_ended in (
        (None, [own.device.record, thief.record], False),
        (phone.engine._state.own.device_list, [thief.record], False),
        (own.device_list, [own.device.record, thief.record], True),
    ):
        beside = sign_list(own.account_key, next_list(own.account_id, before, named, None, now_ms))
        assert shown(tablet, beside.signed) == is_ended
    assert tablet.of(DeviceReplaced) == [DeviceReplaced(by_code=True)]


def test_without_the_code_a_lower_list_that_is_shown_ends_nothing_and_is_told() -> None:
    """ACC-75, ACC-80: a linked device does not know what the one with the code has signed."""
    world, _, phone = person_and_company()
    phone.rows.tables["meta"].pop(RecoveryRow.PREFIX)
    earliest = phone.engine._state.own.device_list
    world.advance(20 * DAY_MS)
    own = phone.engine._state.own
    assert own.account_key is not None
    other = new_device(
        own.account_id, DeviceKind.PERSON, 0, world.now_ms, world.now_ms + DAY_MS, SeededRng("b")
    )
    beside = next_list(own.account_id, earliest, [own.device.record, other.record], None, world.now_ms)
    signed = sign_list(own.account_key, beside)
    assert not shown(phone, signed.signed)
    told = OwnDeviceListed(fingerprint(other.record.hash), signed.issued_ms, own.device_list.issued_ms)
    assert phone.of(OwnDeviceListed) == [told]
    anew = redated(own.device.record, world.now_ms, world.now_ms + DEVICE_LIFE_MS)
    unsigned = next_list(own.account_id, earliest, [own.device.record, anew], None, world.now_ms)
    assert not shown(phone, sign_list(own.account_key, unsigned).signed)
    assert phone.of(OwnDeviceListed) == [told]
    assert not shown(phone, signed.signed)
    assert phone.of(OwnDeviceListed) == [told]


def test_a_thief_has_a_person_told_of_so_many_devices_and_no_more() -> None:
    """ACC-80: a list of nothing but devices that nobody knows, and another one."""
    world, _, phone = person_and_company()
    phone.rows.tables["meta"].pop(RecoveryRow.PREFIX)
    earliest = phone.engine._state.own.device_list
    world.advance(20 * DAY_MS)
    own = phone.engine._state.own
    assert own.account_key is not None
    for name in ("a", "b"):
        made = (SeededRng(f"{name}{n}") for n in range(15))
        until_ms = world.now_ms + DAY_MS
        devices = [
            new_device(own.account_id, DeviceKind.PERSON, 0, world.now_ms, until_ms, rng) for rng in made
        ]
        named = [own.device.record, *(one.record for one in devices)]
        beside = next_list(own.account_id, earliest, named, None, world.now_ms)
        assert not shown(phone, sign_list(own.account_key, beside).signed)
    assert len(phone.of(OwnDeviceListed)) == 16


def test_a_company_shows_no_list_of_another_account() -> None:
    """ACC-77: it is refused, and so is what is no dossier."""
    _, company, phone = person_and_company()
    with pytest.raises(NoRight):
        shown(phone, company.engine._state.own.device_list.signed)
    turn = Turn(phone.now_ms, phone.engine.account_id)
    wrong_ones: tuple[cbor.Value, ...] = ({2: []}, {1: 1}, b"list")
    for wrong in wrong_ones:
        with pytest.raises(ContentError):
            phone.engine._context.dossiers.take_shown(turn, wrong)


@pytest.mark.parametrize("has_code", [True, False])
@pytest.mark.parametrize("names_thief", [True, False])
def test_a_list_of_the_entry_before_the_newest_ends_a_device_with_the_code(
    monkeypatch: pytest.MonkeyPatch, names_thief: bool, has_code: bool
) -> None:
    """ACC-75, ACC-80: the thief's device is struck off again by the newest one, which names the person's
    alone; without the code the person is told.
    """
    world, _, phone = person_and_company(publish=True)
    if not has_code:
        phone.rows.tables["meta"].pop(RecoveryRow.PREFIX)
    own = phone.engine._state.own
    assert own.account_key is not None
    phone.stop()
    record, now_ms = own.device.record, world.now_ms + HOUR_MS
    thief = new_device(
        own.account_id, DeviceKind.PERSON, 0, now_ms, now_ms + DAY_MS, SeededRng("thief")
    ).record
    named = [record, thief] if names_thief else [record]
    beside = sign_list(own.account_key, next_list(own.account_id, own.device_list, named, None, now_ms))
    newest = sign_list(own.account_key, next_list(own.account_id, beside, [record], None, now_ms))
    adopt, compare = Entry._adopt_newer, Entry._compare_with

    def shows(
        self: Entry, turn: Turn, link: Link, mailbox: Mailbox, held: DeviceList, frame: LookupResult
    ) -> None:
        if self._state is phone.engine._state:
            frame = replace(frame, lists=(*frame.lists, beside.signed, newest.signed))
            adopt(self, turn, link, mailbox, frame)
        else:
            compare(self, turn, link, mailbox, held, frame)

    world.advance(HOUR_MS)
    with monkeypatch.context() as patch:
        patch.setattr(Entry, "_compare_with", shows)
        phone.crash(phone.rows)
        phone.start()
    is_ended = names_thief and has_code
    assert phone.engine.is_replaced == is_ended
    assert (phone.engine._state.own.device_list == newest) is not is_ended
    told = OwnDeviceListed(fingerprint(thief.hash), now_ms, now_ms)
    assert phone.of(OwnDeviceListed) == ([told] if names_thief and not has_code else [])
