"""State that is lost or set back on one side or on both: who notices, what goes again, what is told."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from e2ee_client.events import (
    Doubt,
    MessageRejected,
    Parted,
    RolledBack,
    SecondCopy,
    SessionProven,
    Unconfirmed,
    Unreachable,
)
from e2ee_client.rows import Continuity
from e2ee_relay.protocol import Lookup
from engine_world import Node, World, acquainted
from relay_scenes import (
    active_of,
    delivered,
    lose,
    losing,
    lossless,
    once,
    push,
    share_one_session,
    strange,
    talking,
    the_peer,
    well,
)

from e2ee.prekeys import verify_compact

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

Scene = tuple[World, Node, Node, bytes]


@pytest.mark.parametrize("who", ["Praxis", "Kundin"])
def test_a_noticed_loss_ends_in_one_session_within_a_minute(who: str) -> None:
    """SES-32: the sessions go, the side that lost starts another one at once, and both write again."""
    world, company, customer, praxis = talking()
    node = {"Praxis": company, "Kundin": customer}[who]
    old = active_of(node).id
    lose(node)
    assert old not in node.engine._state.sessions
    assert old not in node.rows.tables["session"]
    world.advance(MINUTE_MS)
    assert share_one_session(company, customer)
    assert active_of(node).id != old
    assert len(company.of(SessionProven)) == len(customer.of(SessionProven)) == 1
    well(world, company, customer, praxis)


def test_a_noticed_loss_of_both_sides_is_mended() -> None:
    """SES-32, SES-22: both start a session; the one that goes before is active on both sides."""
    world, company, customer, praxis = talking()
    lose(company, start=False)
    lose(customer, start=False)
    company.send(customer.engine.account_id, "Befund")
    customer.send(praxis, "Frage")
    for node in (company, customer):
        node.carry_out(node.engine.start(world.now_ms))
    world.advance(MINUTE_MS)
    assert customer.texts().count("Befund") == company.texts().count("Frage") == 1
    well(world, company, customer, praxis)


def test_no_text_leaves_on_an_unproven_session_after_a_loss() -> None:
    """SES-22, SES-26: texts of a met pair wait until a session is proven; they are safe in the store."""
    world, company, customer, praxis = talking()
    company.stop()
    lose(customer)
    sent = customer.send(praxis, "wartet")
    world.advance(MINUTE_MS)
    (item,) = customer.engine._state.outbox.lane(praxis, the_peer(customer).device_id).waiting
    assert (item.content_id, item.envelope) == (sent, b"")
    company.start()
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)


def test_prekeys_are_made_anew_at_a_noticed_loss() -> None:
    """SES-32: a copy of the store may be in other hands."""
    _, company, customer, praxis = talking()
    for node, owner in ((company, b""), (customer, praxis)):
        before = node.engine._context.upkeep.current(owner)
        lose(node)
        after = node.engine._context.upkeep.current(owner)
        assert before is not None
        assert after is not None
        assert {one.pair.prekey.id for one in before}.isdisjoint(one.pair.prekey.id for one in after)


def test_a_newcomer_is_heard_whose_one_time_keys_went_with_a_loss() -> None:
    """SES-32: private keys that were made after the copy are gone, so the relay's stock must be replaced."""
    world = World()
    company = world.node("Praxis", publish=True)
    copy = company.rows.copy()
    company.start()
    world.settle()
    lose(company, copy)
    world.advance(MINUTE_MS)
    customer = world.node("Kundin")
    customer.start()
    sent = customer.send(customer.add(company.engine.card()), "Guten Tag")
    world.advance(MINUTE_MS)
    assert company.texts() == ["Guten Tag"]
    company.carry_out(company.engine.accept_contact(customer.engine.account_id, world.now_ms))
    world.advance(MINUTE_MS)
    assert sent in delivered(customer)


@pytest.mark.parametrize("who", ["Praxis", "Kundin"])
def test_a_rollback_that_nobody_notices_heals_and_is_told(who: str) -> None:
    """SES-25, SES-31: the store is older than it says. What was shown stays shown once; the side that was set
    back learns of it.
    """
    world, company, customer, praxis = talking()
    node, other = (company, customer) if who == "Praxis" else (customer, company)
    to, back = (
        (customer.engine.account_id, praxis) if who == "Praxis" else (praxis, customer.engine.account_id)
    )
    copy = node.rows.copy()
    for number in range(3):
        node.send(to, f"danach {number}")
        world.settle()
        other.send(back, f"zurück {number}")
        world.settle()
    world.advance(MINUTE_MS)
    node.crash(copy)
    node.start()
    node.send(to, "aus der alten Kopie")
    other.send(back, "an die alte Kopie")
    world.advance(2 * HOUR_MS)
    assert other.texts().count("aus der alten Kopie") == 1
    assert node.texts().count("an die alte Kopie") == 1
    assert once(other)
    assert node.of(RolledBack)
    well(world, company, customer, praxis)


def test_a_running_clone_is_told_and_ends_in_one_session() -> None:
    """SES-30, SES-35: two copies of a store write in turn; the peer is told, budgets hold, and when one ends
    the other one is well.
    """
    world, company, customer, praxis = talking()
    copy = customer.rows.copy()
    original = customer.rows
    for round_ in range(4):
        customer.crash(copy if round_ % 2 else original)
        customer.start()
        customer.send(praxis, f"von {round_ % 2}: {round_}")
        world.advance(26 * HOUR_MS)
    assert [company.texts().count(f"von {one % 2}: {one}") for one in range(4)] == [1] * 4
    assert company.of(Parted)
    assert customer.of(RolledBack)
    customer.crash(original)
    customer.start()
    world.advance(DAY_MS)
    well(world, company, customer, praxis)
    assert once(company)
    pair = the_peer(company).pair
    assert pair.budget.flights <= 8


def test_a_store_that_runs_twice_is_told_to_its_owner() -> None:
    """SES-35, RLY-39: each proves the mailbox and displaces the other."""
    world, _, customer, _ = talking()
    twin = Node(world, "Zwilling", customer.setup)
    twin.crash(customer.rows.copy())
    world.nodes.append(twin)
    twin.start()
    world.advance(10 * MINUTE_MS)
    assert customer.of(SecondCopy) or twin.of(SecondCopy)


@pytest.mark.parametrize("times", [5])
def test_losses_beyond_the_budget_lose_no_text(times: int) -> None:
    """SES-35: three sessions a day are started; a text that finds no budget waits for the next day."""
    world, company, customer, praxis = talking()
    for number in range(times):
        lose(customer)
        customer.send(praxis, f"Frage {number}")
        world.advance(MINUTE_MS)
    world.advance(2 * DAY_MS)
    assert [company.texts().count(f"Frage {number}") for number in range(times)] == [1] * times
    assert the_peer(customer).pair.budget.starts <= 3
    well(world, company, customer, praxis)


def test_the_sessions_of_an_older_copy_are_not_used_however_often_it_happens() -> None:
    """STO-15, SES-32."""
    _, _, customer, _ = talking()
    for _ in range(4):
        old = {one.id for one in the_peer(customer).pair.sessions}
        customer.crash(continuity=Continuity.CLONED)
        assert the_peer(customer).pair.sessions == ()
        assert not old & customer.rows.tables.get("session", {}).keys()
        assert not customer.engine._state.tags
        customer.start()


def test_a_device_that_was_never_met_has_no_session_started_at_a_loss() -> None:
    """SES-32: a company that lost its state does not write to strangers."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    stranger = world.node("Fremd")
    stranger.start()
    stranger.send(stranger.add(company.engine.card()), "eins")
    world.advance(MINUTE_MS)
    lose(company)
    world.advance(DAY_MS)
    assert the_peer(company).pair.wanted is None
    assert the_peer(company).pair.sessions == ()


def test_a_stranger_is_heard_again_whatever_it_loses() -> None:
    """SES-23, SES-38: each of its sessions is taken, nothing goes back, and an answer later arrives."""
    world = World()
    company = world.node("Praxis", publish=True)
    company.start()
    stranger = world.node("Fremd")
    stranger.start()
    praxis = stranger.add(company.engine.card())
    stranger.send(praxis, "eins")
    world.advance(MINUTE_MS)
    for number in range(3):
        lose(stranger)
        stranger.send(praxis, f"danach {number}")
        world.advance(2 * DAY_MS)
    assert company.texts() == ["eins", "danach 0", "danach 1", "danach 2"]
    assert stranger.texts() == []
    company.send(stranger.engine.account_id, "Guten Tag")
    world.advance(MINUTE_MS)
    assert stranger.texts() == ["Guten Tag"]
    well(world, company, stranger, praxis)


def test_who_forgets_and_adds_again_is_heard() -> None:
    """SES-21: the newcomer knows nothing of earlier epochs; minutes of the clock go on above them."""
    world, company, customer, praxis = talking()
    customer.carry_out(customer.engine.forget_contact(praxis, world.now_ms))
    world.settle()
    world.advance(MINUTE_MS)
    assert customer.add(company.engine.card()) == praxis
    customer.send(praxis, "neu")
    world.advance(MINUTE_MS)
    assert company.texts()[-1] == "neu"
    well(world, company, customer, praxis)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_nobody_is_unreachable_while_our_own_mailbox_is_not_read(is_restarted: bool) -> None:
    """SES-26, SES-43: the answer may wait there."""
    world, company, customer, praxis = talking()
    company.stop()
    lose(customer)
    customer.send(praxis, "noch da?")
    world.advance(5 * DAY_MS // 2)
    assert the_peer(customer).pair.candidate is not None
    world.cut()
    world.advance(3 * DAY_MS // 4)
    if is_restarted:
        customer.crash()
        customer.start()
    world.advance(MINUTE_MS)
    assert not customer.of(Unreachable)
    world.mend()
    company.start()
    world.advance(HOUR_MS)
    assert "noch da?" in company.texts()
    assert not customer.of(Unreachable)


def test_two_unpublished_prekeys_that_are_dead_are_told() -> None:
    """SES-26, SES-34: a company that lost its sessions and has no prekeys in force of a customer."""
    world, company, customer, praxis = talking()
    customer.stop()
    world.advance(30 * DAY_MS)
    lose(company)
    sent = company.send(customer.engine.account_id, "Befund")
    world.advance(MINUTE_MS)
    assert Unreachable(customer.engine.account_id) in company.events
    customer.start()
    world.advance(8 * DAY_MS)
    assert sent in delivered(company) or Unconfirmed(customer.engine.account_id, sent) in company.events
    well(world, company, customer, praxis)


def test_a_search_while_the_relay_answers_no_lookup_goes_on_when_it_does() -> None:
    """SES-26: texts wait; no session is used that is not shared."""
    world, _, customer, praxis = talking()
    lose(customer, start=False)
    customer.outgoing = losing(Lookup)
    customer.start()
    sent = customer.send(praxis, "später")
    world.advance(HOUR_MS)
    assert sent not in delivered(customer)
    customer.outgoing = lossless
    world.advance(10 * MINUTE_MS)
    assert sent in delivered(customer)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_lost_both_can_write_in_the_end(seed: int) -> None:
    """SES-11, SES-22, SES-32: losses, crashes, cuts and false alarms in any order."""
    chance, texts = random.Random(seed), map(str, itertools.count())
    world, company, customer, praxis = acquainted()

    def alarm() -> None:
        world.settle()
        if any(one.mailbox for one in customer.connections):
            push(customer, strange())

    def again(node: Node) -> None:
        node.crash(continuity=chance.choice([Continuity.CLONED, Continuity.CONTINUOUS]))
        node.start()

    def cut() -> None:
        world.cut()
        world.advance(chance.choice([MINUTE_MS, HOUR_MS]))
        world.mend()

    steps: list[Callable[[], object]] = [
        lambda: customer.send(praxis, next(texts)),
        lambda: company.send(customer.engine.account_id, next(texts)),
        lambda: again(customer),
        lambda: again(company),
        alarm,
        cut,
    ]
    for _ in range(30):
        chance.choice(steps)()
        world.advance(chance.choice([0, 0, 1_000, MINUTE_MS, 11 * MINUTE_MS, 5 * HOUR_MS]))
    world.advance(3 * DAY_MS)
    before = len(customer.sent) + len(company.sent)
    world.advance(2 * HOUR_MS)
    assert len(customer.sent) + len(company.sent) - before < 100, "they have come to rest"
    sent = {int(text) for node in (company, customer) for text in node.texts()[(node is company) :]}
    assert sent == set(range(len(sent)))
    assert once(company)
    assert once(customer)
    well(world, company, customer, praxis)


def test_false_alarms_cost_no_session() -> None:
    """SES-23, SES-25: junk in the mailbox of a contact is answered by asks, within their budget."""
    world, company, customer, praxis = talking()
    session = active_of(customer).id
    for _ in range(30):
        push(customer, strange())
        world.advance(11 * MINUTE_MS)
    assert active_of(customer).id == session
    assert 1 <= len(customer.of(Doubt)) <= 12 + 12
    assert len(customer.of(MessageRejected)) == 30
    well(world, company, customer, praxis)


def test_prekeys_given_by_a_customer_serve_the_company_after_its_loss() -> None:
    """SES-34: those of the session that was proven last."""
    world, company, customer, praxis = talking()
    given = the_peer(company).prekeys()
    assert given is not None
    own = customer.engine._context.upkeep.current(praxis)
    assert own is not None
    verified = verify_compact(the_peer(company).record, given.bundle)
    assert (verified.spk.id, verified.pqk.id) == tuple(one.pair.prekey.id for one in own)
    world.settle()
