"""An account that begins anew: its statement is shown, a person has it followed, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from e2ee_client.engine.records import Contact
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import (
    ConfigError,
    ContactBlocked,
    ContactSucceeded,
    DeviceReplacedError,
    ListUnknown,
    SuccessorInvalid,
    UnknownContact,
)
from e2ee_client.events import IdentityAlarm, MessageState, MessageStateChanged
from e2ee_client.rows import Continuity
from engine_world import Node, World, acquainted
from rooms_world import MINUTE_MS, accept
from struck_off import backup_of, restored
from team_world import founded

from e2ee import identity, successor
from e2ee.identity import Successor
from e2ee.ids import AccountId
from e2ee.secret import RecoveryKey

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Scene:
    """A reader who knows the old account, and the one that its owner has begun anew with."""

    world: World
    old: Node
    reader: Node
    new: Node
    key: RecoveryKey

    def statement(self, to: Node | None = None) -> str:
        """What the owner of the recovery key states."""
        node = self.new if to is None else to
        return node.engine.sign_successor(self.key, self.old_id, node.now_ms)

    @property
    def old_id(self) -> AccountId:
        return AccountId(self.old.engine.account_id)

    def follow(self, text: str, to: Node | None = None) -> bytes:
        """The reader says yes."""
        card = (self.new if to is None else to).engine.card()
        followed, effects = self.reader.engine.follow_successor(text, card, self.reader.now_ms)
        self.reader.carry_out(effects)
        self.world.settle()
        return followed

    def view(self, account_id: bytes) -> tuple[bool, str] | None:
        """Whether the reader has a contact verified, and its alarm."""
        found = [one for one in self.reader.engine.contacts() if one.account_id == account_id]
        return (found[0].verified, found[0].alarm) if found else None


@pytest.fixture
def scene() -> Scene:
    """The old company does nothing more."""
    world, old, reader, _ = acquainted()
    old.stop()
    assert old.recovery_key is not None
    return Scene(world, old, reader, anew(world, "Praxis neu"), old.recovery_key)


def anew(world: World, name: str) -> Node:
    """An account that somebody has just made."""
    made = world.node(name, publish=True)
    made.start()
    return made


def test_a_statement_is_read_without_a_change(scene: Scene) -> None:
    """ID-13: by the paper and the old card alone, and weeks later as well."""
    text = scene.statement()
    scene.world.advance(40 * DAY_MS)
    before = dict(scene.reader.rows.tables), scene.reader.engine.contacts()
    found = scene.reader.engine.successor(text)
    new_id, issued_ms = AccountId(scene.new.engine.account_id), found.issued_ms
    assert found == Successor(scene.old_id, new_id, issued_ms)
    assert scene.world.now_ms - issued_ms >= 40 * DAY_MS
    assert (dict(scene.reader.rows.tables), scene.reader.engine.contacts()) == before


def test_who_is_followed_is_written_to_and_the_old_account_is_not(scene: Scene) -> None:
    """ID-62: the new account is not verified by it; both outlive a restart."""
    scene.reader.carry_out(scene.reader.engine.set_verified(scene.old_id, True, scene.reader.now_ms))
    new_id = scene.follow(scene.statement())
    again = restored(scene.world, backup_of(scene.reader), "Kundin, neues Gerät")
    with pytest.raises(ContactSucceeded):
        again.send(scene.old_id, "to the thief?")
    scene.reader.crash()
    scene.reader.start()
    assert (scene.view(new_id), scene.view(scene.old_id)) == ((False, ""), (True, ContactSucceeded.code))
    with pytest.raises(ContactSucceeded):
        scene.reader.send(scene.old_id, "to the thief?")
    scene.reader.send(new_id, "to you")
    scene.world.settle()
    assert scene.new.texts() == ["to you"]


def test_what_waited_for_the_old_account_is_not_sent(scene: Scene) -> None:
    """ID-62: until a person verifies the old account."""
    scene.reader.stop()
    scene.reader.send(scene.old_id, "waits")
    scene.follow(scene.statement())
    scene.reader.start()
    scene.old.start()
    scene.world.advance(60_000)
    assert scene.old.texts() == ["Guten Tag"]
    scene.reader.carry_out(scene.reader.engine.set_verified(scene.old_id, True, scene.reader.now_ms))
    scene.world.advance(60_000)
    assert scene.view(scene.old_id) == (True, "")
    assert scene.old.texts() == ["Guten Tag", "waits"]


def follow(scene: Scene) -> None:
    """The reader follows the new account."""
    scene.follow(scene.statement())


def fork(scene: Scene) -> None:
    """The reader learns of another list for the number of the one that it has pinned."""
    own = scene.old.engine._state.own
    assert own.account_key is not None
    listed = identity.next_list(own.account_id, None, [own.device.record], None, scene.world.now_ms)
    signed, turn = identity.sign_list(own.account_key, listed).signed, Turn(scene.world.now_ms)
    scene.reader.engine._context.contents._list(
        turn, scene.reader.engine._state.contact(scene.old_id), signed
    )
    scene.reader.carry_out(turn.effects())


@pytest.mark.parametrize("alarm", [follow, fork])
def test_nothing_goes_to_an_account_under_an_alarm(scene: Scene, alarm: Callable[[Scene], None]) -> None:
    """ID-66: what was sealed, receipts, answers, our newer lists; it all goes once a person verifies."""
    reader, reader_id = scene.reader, AccountId(scene.reader.engine.account_id)
    reader.stop()
    reader.send(scene.old_id, "sealed before")
    alarm(scene)
    reader.start()
    scene.old.start()
    scene.world.settle()
    for number in range(12):
        scene.old.send(reader_id, f"are you there? {number}")
        scene.world.advance(10 * MINUTE_MS)
    assert reader.texts()[-1] == "are you there? 11"
    read = [one.message_id for one in reader.engine.history(scene.old_id) if not one.outgoing]
    reader.carry_out(reader.engine.mark_read(scene.old_id, read, reader.now_ms))
    scene.world.advance(20 * DAY_MS)
    told = {one.state for one in scene.old.of(MessageStateChanged)}
    assert (scene.old.texts(), told) == (["Guten Tag"], {MessageState.SENT})
    assert len(list(reader.rows.items("outbox"))) == 1
    reader.carry_out(reader.engine.set_verified(scene.old_id, True, reader.now_ms))
    scene.world.advance(MINUTE_MS)
    delivered = [one for one in scene.old.of(MessageStateChanged) if one.state is MessageState.DELIVERED]
    assert (scene.old.texts(), len(delivered)) == (["Guten Tag", "sealed before"], 12)
    newest = scene.old.engine._state.contact(reader_id).head
    assert newest is not None
    assert newest.seq == reader.engine._state.own.device_list.seq > 1


def test_two_lists_of_the_old_account_end_no_hold(scene: Scene) -> None:
    """ID-62: else a second statement would be followed; verifying the account settles both (ID-52)."""
    thief = anew(scene.world, "Praxis wirklich neu")
    follow(scene)
    fork(scene)
    assert scene.view(scene.old_id) == (False, ContactSucceeded.code)
    assert scene.reader.of(IdentityAlarm) == [IdentityAlarm(scene.old_id, "remote.list_fork")]
    with pytest.raises(ContactSucceeded):
        scene.follow(scene.statement(thief), thief)
    scene.reader.carry_out(scene.reader.engine.set_verified(scene.old_id, True, scene.reader.now_ms))
    fork(scene)
    assert scene.view(scene.old_id) == (True, "")


def test_who_has_only_written_to_us_is_no_contact_that_is_followed_second() -> None:
    """ID-62: anybody can write to an account with an entry; once a person accepts them it is their choice."""
    world = World()
    old, reader = anew(world, "Praxis"), anew(world, "Kundin")
    reader.send(reader.add(old.engine.card()), "Guten Tag")
    world.advance(10_000)
    old.stop()
    assert old.recovery_key is not None
    scene, thief = (
        Scene(world, old, reader, anew(world, "Praxis neu"), old.recovery_key),
        anew(world, "Fremd"),
    )
    follow(scene)
    thief.send(thief.add(reader.engine.card()), "I am the real one")
    world.advance(60_000)
    assert scene.view(thief.engine.account_id) == (False, "")
    with pytest.raises(ContactSucceeded):
        scene.follow(scene.statement(thief), thief)
    reader.carry_out(reader.engine.accept_contact(thief.engine.account_id, world.now_ms))
    assert scene.follow(scene.statement(thief), thief) == thief.engine.account_id


def test_the_same_statement_twice_changes_nothing_more(scene: Scene) -> None:
    """ID-62: and a new account that was verified meanwhile stays so."""
    text = scene.statement()
    new_id = scene.follow(text)
    scene.reader.carry_out(scene.reader.engine.set_verified(new_id, True, scene.reader.now_ms))
    assert scene.follow(text) == new_id
    assert (scene.view(new_id), scene.view(scene.old_id)) == ((True, ""), (False, ContactSucceeded.code))


def test_a_second_successor_of_one_account_is_refused(scene: Scene) -> None:
    """ID-62: whoever was first may be the thief; a person adds the other card by hand."""
    thief = anew(scene.world, "Praxis wirklich neu")
    scene.follow(scene.statement(thief), thief)
    assert scene.reader.engine.successor(scene.statement()).new_account_id == scene.new.engine.account_id
    with pytest.raises(ContactSucceeded):
        scene.follow(scene.statement())
    assert scene.view(scene.new.engine.account_id) is None
    by_hand = scene.reader.add(scene.new.engine.card())
    assert scene.follow(scene.statement()) == by_hand


def test_a_successor_of_a_successor_is_followed_by_its_own_key(scene: Scene) -> None:
    """ID-13, ID-62: A to B, B to C; the statement of A is replayed in vain."""
    first = scene.statement()
    second = anew(scene.world, "Praxis noch einmal neu")
    assert scene.new.recovery_key is not None
    further = second.engine.sign_successor(
        scene.new.recovery_key, AccountId(scene.new.engine.account_id), second.now_ms
    )
    with pytest.raises(UnknownContact):
        scene.reader.engine.successor(further)
    new_id = scene.follow(first)
    scene.reader.send(new_id, "hello")
    scene.world.settle()
    scene.follow(further, second)
    assert scene.view(new_id) == (False, ContactSucceeded.code)
    with pytest.raises(ContactBlocked):
        scene.follow(first)
    assert scene.view(second.engine.account_id) == (False, "")


def test_a_circle_ends_where_it_would_close(scene: Scene) -> None:
    """ID-62: B is followed by A, which was followed by B."""
    new_id = scene.follow(scene.statement())
    scene.reader.send(new_id, "hello")
    scene.world.settle()
    assert scene.new.recovery_key is not None
    back = successor.to_text(
        identity.sign_successor(scene.new.recovery_key, AccountId(new_id), scene.old_id, scene.world.now_ms)
    )
    with pytest.raises(ContactBlocked):
        scene.follow(back, scene.old)
    assert (scene.view(new_id), scene.view(scene.old_id)) == ((False, ""), (False, ContactSucceeded.code))


def test_a_statement_that_does_not_hold_is_refused(scene: Scene) -> None:
    """ID-13, ID-61, ID-62"""
    now_ms, new_id = scene.world.now_ms, AccountId(scene.new.engine.account_id)
    thief = RecoveryKey(scene.world.nodes[0].rng(32))
    text = scene.statement()
    hostile = (
        "", "\x1b[2J", text[:-4], text[:-9] + "AAAA" + text[-5:], scene.new.engine.card().to_uri(),
        successor.to_text(identity.sign_successor(thief, scene.old_id, new_id, now_ms)),
        successor.to_text(identity.sign_successor(scene.key, scene.old_id, scene.old_id, now_ms)),
    )  # fmt: skip
    before = scene.reader.engine.contacts()
    for given in hostile:
        with pytest.raises(SuccessorInvalid):
            scene.reader.engine.successor(given)
        with pytest.raises(SuccessorInvalid):
            scene.follow(given)
    with pytest.raises(SuccessorInvalid):
        scene.follow(text, anew(scene.world, "Somebody else"))
    with pytest.raises(SuccessorInvalid):
        scene.reader.engine.successor(text, scene.old_id)
    stranger = identity.sign_successor(thief, new_id, scene.old_id, now_ms)
    with pytest.raises(UnknownContact):
        scene.reader.engine.successor(successor.to_text(stranger))
    assert scene.reader.engine.contacts() == before


def test_a_thief_of_the_account_key_who_renews_the_list_ends_no_statement(scene: Scene) -> None:
    """ID-13: the list of later names the same key."""
    text = scene.statement()
    pinned = scene.reader.engine._state.contact(scene.old_id).device_list()
    assert pinned is not None
    scene.old.start()
    scene.world.advance(20 * DAY_MS)
    scene.old.send(AccountId(scene.reader.engine.account_id), "it is me")
    scene.world.settle()
    renewed = scene.reader.engine._state.contact(scene.old_id).device_list()
    assert renewed is not None
    assert renewed.seq > pinned.seq
    assert scene.reader.engine.successor(text).new_account_id == scene.new.engine.account_id
    assert scene.follow(text) == scene.new.engine.account_id


@pytest.mark.parametrize("named", [None, "another"])
def test_a_thief_of_the_account_key_who_names_another_recovery_key_gains_nothing(
    scene: Scene, named: str | None
) -> None:
    """ID-64: for whoever knew the account before; it outlives a restart and a backup."""
    thief = RecoveryKey(scene.world.nodes[0].rng(32))
    text = scene.statement()
    own = scene.old.engine._state.own
    public = None if named is None else identity.recovery_public_of(thief)
    own.device_list = replace(own.device_list, recovery_public=public)
    scene.old.start()
    scene.world.advance(20 * DAY_MS)
    scene.old.send(AccountId(scene.reader.engine.account_id), "it is me")
    scene.world.settle()
    pinned = scene.reader.engine._state.contact(scene.old_id).device_list()
    assert pinned is not None
    assert pinned.recovery_public == public
    by_thief = successor.to_text(
        identity.sign_successor(thief, scene.old_id, AccountId(bytes(32)), scene.world.now_ms)
    )
    scene.reader.crash()
    with pytest.raises(SuccessorInvalid):
        scene.reader.engine.successor(by_thief)
    assert scene.reader.engine.successor(text).new_account_id == scene.new.engine.account_id
    again = restored(scene.world, backup_of(scene.reader), "Kundin, neues Gerät")
    with pytest.raises(SuccessorInvalid):
        again.engine.successor(by_thief)
    assert again.engine.successor(text).new_account_id == scene.new.engine.account_id
    scene.reader.carry_out(scene.reader.engine.forget_contact(scene.old_id, scene.world.now_ms))
    assert not [key for key, _ in scene.reader.rows.items("meta") if b"recovery" in key]


def test_without_a_list_nothing_is_said_of_a_statement(scene: Scene) -> None:
    """ID-13: a contact of whom nothing was heard."""
    reader = scene.world.node("Leserin")
    reader.add(scene.old.engine.card())
    with pytest.raises(ListUnknown):
        reader.engine.successor(scene.statement())
    reader.start()
    scene.world.advance(60_000)
    assert reader.engine.successor(scene.statement()).old_account_id == scene.old_id


def test_who_signs_is_told_of_a_wrong_key_where_that_can_be_known(scene: Scene) -> None:
    """ID-13: by the old account's list, once the old card was added."""
    wrong = RecoveryKey(scene.world.nodes[0].rng(32))
    text = scene.new.engine.sign_successor(wrong, scene.old_id, scene.world.now_ms)
    for reader in (scene.reader, scene.new):
        if reader is scene.new:
            reader.add(scene.old.engine.card())
            scene.world.advance(2 * 3_600_000)
        with pytest.raises(SuccessorInvalid):
            reader.engine.successor(text)
        assert reader.engine.successor(scene.statement()).old_account_id == scene.old_id
    with pytest.raises(ConfigError):
        scene.new.engine.sign_successor(scene.key, AccountId(scene.new.engine.account_id), scene.world.now_ms)


def test_a_thief_of_the_account_key_keeps_no_owner_from_stating(scene: Scene) -> None:
    """ID-13, ID-64: the owner's new account knows the old one by the thief's list; the readers decide."""
    own = scene.old.engine._state.own
    stolen = identity.recovery_public_of(RecoveryKey(scene.world.nodes[0].rng(32)))
    own.device_list = replace(own.device_list, recovery_public=stolen)
    scene.old.start()
    scene.world.advance(20 * DAY_MS)
    scene.new.add(scene.old.engine.card())
    scene.world.advance(2 * 3_600_000)
    text = scene.statement()
    with pytest.raises(SuccessorInvalid):
        scene.new.engine.successor(text)
    assert scene.follow(text) == scene.new.engine.account_id


def test_nobody_is_followed_to_oneself(scene: Scene) -> None:
    """ID-62"""
    ours = scene.reader.engine.card()
    text = successor.to_text(
        identity.sign_successor(scene.key, scene.old_id, ours.account_id, scene.world.now_ms)
    )
    with pytest.raises(ConfigError):
        scene.reader.engine.follow_successor(text, ours, scene.world.now_ms)
    assert scene.view(scene.old_id) == (False, "")


def test_an_account_with_rooms_is_not_followed_on_either_side() -> None:
    """ID-62: a room does not move; what a company's customers accepted was a notice of the old account."""
    world = World()
    company = founded(world)
    person = world.node("Kundin")
    person.start()
    accept(person, company)
    world.advance(5 * MINUTE_MS)
    fresh = anew(world, "Praxis neu")
    for old, reader in ((company, person), (person, company)):
        assert old.recovery_key is not None
        old_id = AccountId(old.engine.account_id)
        text = fresh.engine.sign_successor(old.recovery_key, old_id, world.now_ms)
        assert reader.engine.successor(text).old_account_id == old_id
        with pytest.raises(ConfigError):
            reader.engine.successor(text, AccountId(fresh.engine.account_id))
        with pytest.raises(ConfigError):
            reader.engine.follow_successor(text, fresh.engine.card(), world.now_ms)
        assert not [one for one in reader.engine.contacts() if one.alarm]


def test_a_device_that_was_struck_off_states_no_successor(scene: Scene) -> None:
    """ID-13, ID-41: the account goes on with another device."""
    restored(scene.world, backup_of(scene.new), "Praxis neu, restored").start()
    scene.new.crash()
    scene.new.start()
    with pytest.raises(DeviceReplacedError):
        scene.statement()


def test_an_older_copy_of_the_store_knows_of_no_successor(scene: Scene) -> None:
    """ID-62: what a store that was put back has forgotten can be followed again."""
    copy = scene.reader.rows.copy()
    text = scene.statement()
    scene.follow(text)
    key = Contact.key_of(scene.old_id)
    assert Contact.decode(key, scene.reader.rows.get("contact", key) or b"").alarm == ContactSucceeded.code
    scene.reader.crash(copy, Continuity.ROLLED_BACK)
    assert scene.follow(text) == scene.new.engine.account_id
