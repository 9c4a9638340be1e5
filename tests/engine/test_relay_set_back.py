"""A relay that was put back has lost the newest lists of an account, or all of them (ID-48, ID-54, ID-56)."""

from __future__ import annotations

import pytest
from e2ee_client.engine import Channel
from e2ee_client.events import ConnectionChanged, CopyStopped
from e2ee_client.rows import Delete
from e2ee_relay import rules_directory
from e2ee_relay.memory import MemoryRelay
from e2ee_relay.protocol import Lookup, Publish, Role, decode_frames
from engine_world import Node, SeededRng, World, acquainted
from list_scenes import agent_of, change_twice, copy_of, is_calm, is_published, lost_by_the_relay, noting
from own_devices import company
from relay_scenes import lossless, well

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@pytest.mark.parametrize("lost", [1, 2])
def test_a_relay_that_has_lost_the_newest_lists_is_given_them_again(lost: int) -> None:
    """ID-54: where nothing stands behind the number that was asked for, all is asked for."""
    world, praxis, customer, praxis_id = acquainted()
    world.advance(15 * DAY_MS - 2 * HOUR_MS)
    praxis.outgoing = lost_by_the_relay(praxis, tells=True)
    world.advance(4 * HOUR_MS + (lost - 1) * 15 * DAY_MS)
    assert praxis.engine._state.own.published_seq == 1 + lost
    praxis.stop()
    praxis.crash(praxis.rows)
    praxis.outgoing = lossless
    praxis.start()
    world.advance(MINUTE_MS)
    assert is_published(praxis)
    assert praxis.engine._context.entry.published
    well(world, praxis, customer, praxis_id)
    assert is_calm(praxis, customer)


def test_a_relay_that_has_lost_the_newest_list_of_a_team_is_given_it_without_an_opening() -> None:
    """ID-54, ID-41: with other devices the entry is compared once a day."""
    world, holder, _, _, _ = company()
    holder.outgoing = lost_by_the_relay(holder, tells=True)
    holder.carry_out(holder.engine.add_device(agent_of(holder), world.now_ms))
    world.settle()
    holder.outgoing = lossless
    holder.events.clear()
    world.advance(2 * DAY_MS)
    assert holder.engine._context.entry.published
    assert is_published(holder)
    assert not holder.of(ConnectionChanged)


@pytest.mark.parametrize("is_told", [False, True])
def test_the_copy_whose_lists_the_relay_has_lost_waits_while_the_others_is_of_a_lower_number(
    *, is_told: bool
) -> None:
    """ID-51, ID-48: it publishes nothing, also where a contact has told it of another list (CON-13), and
    stops when the other copy has signed its number.
    """
    world, first, _, _ = acquainted()
    world.advance(15 * DAY_MS - 2 * HOUR_MS)
    twin = copy_of(first)
    first.outgoing = lost_by_the_relay(first, tells=True)
    world.advance(15 * DAY_MS + 6 * HOUR_MS)
    first.stop()
    twin.start()
    world.advance(MINUTE_MS)
    seqs = [one.engine._state.own.device_list.seq for one in (first, twin)]
    assert seqs == [3, 2]
    twin.stop()
    first.outgoing = lossless
    first.crash(first.rows)
    first.start()
    world.advance(MINUTE_MS)
    asked: list[Publish | Lookup] = []
    first.outgoing = noting(asked)
    if is_told:
        _, effects = first.engine.of_company(lambda turn, parts: parts.entry.check(turn), world.now_ms)
        first.carry_out(effects)
    world.advance(HOUR_MS)
    assert first.of(ConnectionChanged)[-1].code == "remote.list_fork"
    assert not first.of(CopyStopped)
    assert not [one for one in asked if isinstance(one, Publish)]
    assert 30 < len(asked) < 200
    first.stop()
    world.now_ms += 16 * DAY_MS
    twin.crash(twin.rows)
    twin.start()
    world.advance(MINUTE_MS)
    twin.stop()
    first.crash(first.rows)
    first.start()
    world.advance(MINUTE_MS)
    assert first.of(CopyStopped) == [CopyStopped()]
    assert not twin.of(CopyStopped)


def test_a_device_that_was_away_brings_the_lists_back_that_came_meanwhile() -> None:
    """ID-56, RLY-51: the one that signed them is gone, and so is the entry."""
    world, holder, second, customer, praxis = company()
    second.stop()
    change_twice(world, holder)
    change_twice(world, holder)
    second.crash(second.rows)
    second.start()
    world.advance(2 * HOUR_MS)
    seq = holder.engine._state.own.device_list.seq
    assert second.engine._state.own.device_list.seq == seq == 6
    goes_on_at_another_relay(world, holder, second, customer, praxis)


def test_a_device_that_lacks_lists_publishes_those_that_follow_one_another() -> None:
    """ID-56: what a store of before has kept of the lists that the directory showed it."""
    world, holder, second, customer, praxis = company()
    change_twice(world, holder)
    change_twice(world, holder)
    world.advance(DAY_MS + HOUR_MS)
    second.stop()
    assert len(second.rows.tables["list"]) == 5
    second.rows.commit((Delete("list", (4).to_bytes(8, "big")),))
    goes_on_at_another_relay(world, holder, second, customer, praxis)


def goes_on_at_another_relay(world: World, holder: Node, second: Node, customer: Node, praxis: bytes) -> None:
    """The relay has lost everything, and the holder stays away: the second desk is found and written to."""
    for node in (holder, second, customer):
        node.stop()
    holder.alive = False
    world.relay = MemoryRelay(lambda: world.now_ms, SeededRng("another relay"))
    for node in (second, customer):
        node.crash(node.rows)
        node.start()
    world.advance(HOUR_MS)
    assert is_published(second)
    customer.send(praxis, "noch da?")
    world.advance(HOUR_MS)
    assert second.texts()[-1] == "noch da?"


def mute(_: Channel, data: bytes) -> list[bytes]:
    """Lose what asks for an entry."""
    return [] if any(isinstance(one, Lookup) for one in decode_frames(data, Role.RELAY)) else [data]


def test_lists_on_two_pages_of_an_answer_are_judged_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """ID-54: the last page alone does not reach the list in use. A page has four here, not 64."""
    monkeypatch.setattr(rules_directory, "MAX_LISTS", 4)
    world, holder, second, _, _ = company()
    holder.carry_out(holder.engine.add_device(agent_of(holder), world.now_ms))
    world.advance(2 * DAY_MS)
    assert second.engine._state.own.device_list.seq == 3
    second.outgoing = mute
    _, effects = second.engine.of_company(lambda turn, parts: parts.entry.check(turn), world.now_ms)
    second.carry_out(effects)
    second.stop()
    change_twice(world, holder)
    second.outgoing = lossless
    second.crash(second.rows)
    second.start()
    world.advance(MINUTE_MS)
    assert second.engine._state.own.device_list == holder.engine._state.own.device_list
    assert second.engine._state.own.device_list.seq == 5
