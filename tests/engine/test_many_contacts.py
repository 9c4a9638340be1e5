"""What a company with very many contacts keeps and does for each of them."""

from __future__ import annotations

import pytest
from e2ee_client.engine import Commit
from e2ee_client.engine.deadlines import Deadlines
from e2ee_client.engine.own_mailbox import DeliveryToken, Mailbox
from e2ee_client.engine.rooms.files import Files
from e2ee_client.engine.timers import Timers
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import StoreCorrupt
from e2ee_client.events import ConnectionChanged
from e2ee_client.rows import Put
from e2ee_relay.limits import Policy, Rate
from e2ee_relay.protocol import Role, TokenAdd, decode_frames
from e2ee_relay.store.api import Box
from e2ee_relay.store.sqlite_view import SqliteView
from engine_world import RELAY_URL, START_MS, Node, World, acquainted

MANY = 600
SLOW = Policy(tokens=Rate(300, 10), tokens_per_address=Rate(300, 10))


def mailbox_of(node: Node) -> Mailbox:
    (mailbox,) = node.engine._state.mailboxes.values()
    return mailbox


def company_with(customers: int, policy: Policy | None = None) -> tuple[World, Node, list[Node]]:
    """A company that has accepted so many customers."""
    world = World(policy)
    company = world.node("Praxis", publish=True)
    company.start()
    people = [world.node(f"Kundin {number}") for number in range(customers)]
    for one in people:
        one.start()
        one.send(one.add(company.engine.card()), "Guten Tag")
        world.settle()
        company.carry_out(company.engine.accept_contact(one.engine.account_id, world.now_ms))
        world.settle()
    return world, company, people


def forget_tokens(world: World, company: Node) -> None:
    """Have a company give very many tokens on a fresh connection."""
    mailbox, turn = mailbox_of(company), Turn(world.now_ms)
    for number in range(MANY):
        mailbox.set_token(turn, number.to_bytes(32, "big"), number.to_bytes(32, "big"), known=False)
    company.carry_out(turn.effects())
    company.crash()
    company.start()
    world.settle()


def test_every_token_is_given_to_a_relay_that_knows_none_on_one_connection() -> None:
    """CON-14: as after an older backup of the relay."""
    world, company, _, _ = acquainted()
    forget_tokens(world, company)
    mailbox = mailbox_of(company)
    assert not mailbox.unknown
    (box,) = (one for one in world.relay.store.view.boxes.values() if one.address == mailbox.id)
    assert len(box.mine.tokens) == len(mailbox_of(company).tokens) >= MANY


def test_a_contact_for_whose_token_there_is_no_room_writes_through_the_front_door() -> None:
    """CON-14."""
    world, company, people = company_with(3, Policy(max_tokens=3))
    assert len(mailbox_of(company).unknown) == 1
    world.advance(60_000)
    for one in people:
        company.send(one.engine.account_id, "Gern")
        world.settle()
        one.send(company.engine.account_id, f"Danke, {one.name}")
        world.settle()
        assert one.texts()[-1] == "Gern"
        assert company.texts()[-1] == f"Danke, {one.name}"
    company.crash()
    company.start()
    world.advance(60_000)
    people[-1].send(company.engine.account_id, "Noch da?")
    world.settle()
    assert company.texts()[-1] == "Noch da?"


def test_a_relay_that_takes_tokens_slowly_gets_them_on_the_same_connection() -> None:
    """CON-16: whoever is there already is served meanwhile."""
    world, company, (customer,) = company_with(1, SLOW)
    forget_tokens(world, company)
    assert len(mailbox_of(company).unknown) > MANY // 2
    before = len(company.of(ConnectionChanged))
    customer.send(company.engine.account_id, "Noch da?")
    world.settle()
    assert company.texts()[-1] == "Noch da?"
    world.advance(60_000)
    assert not mailbox_of(company).unknown
    assert company.of(ConnectionChanged)[before:] == []


def test_what_a_relay_puts_off_beyond_a_connection_is_given_on_the_next_one() -> None:
    """CON-16: nothing is asked of a connection that is not there."""
    world, company, _ = company_with(1, SLOW)
    forget_tokens(world, company)
    world.cut()
    world.advance(60_000)
    assert mailbox_of(company).unknown
    world.mend()
    world.advance(120_000)
    assert not mailbox_of(company).unknown


@pytest.mark.parametrize("room", [0, 1, 200, 300, MANY - 1])
def test_a_relay_without_room_for_all_tokens_gets_as_many_as_it_takes(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CON-14: those of trusted contacts first; what does not fit stops nothing, and few requests are made."""
    world, company, _, _ = acquainted()
    mailbox = mailbox_of(company)
    turn, ids = Turn(world.now_ms), [number.to_bytes(32, "big") for number in range(MANY)]
    for one in ids:
        mailbox.set_token(turn, one, one, known=False)
    company.carry_out(turn.effects())
    company.crash()
    monkeypatch.setattr(Files, "is_trusted", lambda _, account_id: account_id == ids[-1])
    (box,) = (one for one in world.relay.store.view.boxes.values() if one.address == mailbox.id)
    others = Policy().max_tokens - len(box.mine.tokens) - room
    count = SqliteView.count_tokens

    def count_with_others(view: SqliteView, box: Box, hashes: tuple[bytes, ...]) -> tuple[int, int]:
        held, fresh = count(view, box, hashes)
        return held + others, fresh

    monkeypatch.setattr(SqliteView, "count_tokens", count_with_others)
    company.sent.clear()
    company.start()
    world.settle()
    assert len(mailbox_of(company).unknown) == MANY - room
    assert (ids[-1] in mailbox_of(company).unknown) == (room == 0)
    frames = [one for data in company.sent for one in decode_frames(data, Role.RELAY)]
    assert sum(isinstance(one, TokenAdd) for one in frames) <= MANY // 256 + 1 + 3 * 8


def test_accepting_a_contact_writes_one_row_of_its_token_and_not_the_mailbox() -> None:
    """What the next contact costs does not grow with those before it."""
    world, company, _ = company_with(1)
    other = world.node("Andere")
    other.start()
    other.send(other.add(company.engine.card()), "Guten Tag")
    world.settle()
    before = dict(company.rows.tables["mailbox"])
    company.carry_out(company.engine.accept_contact(other.engine.account_id, world.now_ms))
    world.settle()
    assert company.rows.tables["mailbox"] == before
    key = DeliveryToken.key_of(mailbox_of(company).id, other.engine.account_id)
    assert DeliveryToken.decode(key, company.rows.tables["meta"][key]).known


def test_tokens_in_the_row_of_a_mailbox_from_before_are_read_and_move_out_when_they_change() -> None:
    _, company, customer, _ = acquainted()
    mailbox, contact = mailbox_of(company), customer.engine.account_id
    token, _ = mailbox.tokens[contact]
    old = Mailbox(mailbox.id, RELAY_URL, bytes(32), b"", True, {**mailbox.first, contact: (token, True)})
    read = Mailbox.decode(old.id, old.put().value)
    assert read.token_for(contact) == (token, True)
    turn = Turn(START_MS)
    read.set_token(turn, contact, token, known=False)
    (commit,) = turn.effects()
    assert isinstance(commit, Commit)
    changes = {one.table: one for one in commit.changes if isinstance(one, Put)}
    assert contact not in Mailbox.decode(old.id, changes["mailbox"].value).tokens
    assert changes["meta"] == DeliveryToken(old.id, contact, token, False).put()


def test_a_token_without_its_mailbox_is_a_fault_of_the_store() -> None:
    _, company, _, _ = acquainted()
    company.rows.commit((DeliveryToken(bytes(16), bytes(32), bytes(32), True).put(),))
    with pytest.raises(StoreCorrupt):
        company.crash()


def test_deadlines_come_in_the_order_of_their_times_however_often_they_are_moved() -> None:
    times: Deadlines[int] = Deadlines()
    for step in range(200):
        for name in range(50):
            times.set(name, 10_000 - step * 10 + (name * 7) % 50)
    for name in range(0, 50, 2):
        times.drop(name)
    assert len(times) == 25
    assert len(times._heap) <= 2 * 50 + 64 + 50
    first_ms = times.first_ms()
    assert first_ms == min(times.at_ms(name) or 0 for name in times)
    assert list(times.pop_all(10_000).values()) == sorted(
        10_000 - 1990 + (name * 7) % 50 for name in range(1, 50, 2)
    )
    assert times.first_ms() is None


def test_of_equal_times_the_lower_rank_comes_first_and_a_clock_that_is_put_back_moves_all() -> None:
    times: Deadlines[str] = Deadlines()
    for name, rank in (("second", 2), ("first", 1), ("third", 3)):
        times.set(name, 500_000, rank)
    times.at_the_latest(1_000)
    assert [times.pop(1_000), times.pop(1_000), times.pop(1_000), times.pop(1_000)] == [
        "first",
        "second",
        "third",
        None,
    ]


def test_a_timer_that_another_one_sets_or_drops_in_the_same_run_is_not_run() -> None:
    timers, ran = Timers(), list[str]()

    def first(_: Turn) -> None:
        ran.append("a")
        timers.set("b", 1, lambda _: ran.append("b"))
        timers.drop("c")

    timers.set("a", 1, first)
    timers.set("b", 2, lambda _: ran.append("old"))
    timers.set("c", 3, lambda _: ran.append("c"))
    timers.run(Turn(5))
    assert ran == ["a"]
    assert timers.at_ms("b") == 1
    timers.run(Turn(5))
    assert ran == ["a", "b"]
