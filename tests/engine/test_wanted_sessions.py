"""When a session that is wanted is tried, and when nothing is: until a person looks, no time brings one."""

from __future__ import annotations

import pytest
from e2ee_client.engine.peers import Peer
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from e2ee_client.events import Doubt, SessionStarted
from e2ee_client.rows import Continuity
from engine_world import Node, World, acquainted
from own_devices import company, device_id
from rooms_world import change, opened, texts, write
from team_world import colleague, this

from e2ee import pair as pairs

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
_A_FEW = 10


def left_alone() -> tuple[World, Node, bytes]:
    """A customer who has talked to a company, whose device then goes away."""
    world, company, customer, praxis = acquainted()
    company.send(customer.engine.account_id, "Gern")
    world.advance(10 * MINUTE_MS)
    company.stop()
    company.alive = False
    return world, customer, praxis


def peer_of(device: Node, account_id: bytes) -> Peer:
    (peer,) = device.engine._state.peers_of(account_id)
    return peer


@pytest.mark.parametrize("is_alarmed", [True, False])
def test_what_waits_for_a_person_wakes_no_device_and_goes_on_when_it_has_looked(is_alarmed: bool) -> None:
    """SES-22, ID-07, SES-38: a session that is wanted with a contact under an alarm, or one not accepted."""
    world, device, account_id = left_alone()
    contact = device.engine._state.contacts[account_id]
    contact.alarm, contact.accepted = ("remote.list_fork", True) if is_alarmed else ("", False)
    device.rows.commit((contact.put(),))
    device.crash(continuity=Continuity.ROLLED_BACK)
    device.start()
    world.advance(5 * MINUTE_MS)
    before, started = world.wakes, len(device.of(SessionStarted))
    world.advance(HOUR_MS)
    assert peer_of(device, account_id).pair.wanted is not None
    assert len(device.of(SessionStarted)) == started
    assert world.wakes - before < _A_FEW
    if is_alarmed:
        device.carry_out(device.engine.set_verified(account_id, True, world.now_ms))
    else:
        device.carry_out(device.engine.accept_contact(account_id, world.now_ms))
    world.advance(MINUTE_MS // 2)
    assert len(device.of(SessionStarted)) == started + 1


def test_a_session_that_may_be_started_earlier_than_was_noted_is_started_then() -> None:
    """SES-35: a budget that was spent under a clock ahead is free a day after the next look at the pair."""
    world, device, account_id = left_alone()
    device.crash(continuity=Continuity.ROLLED_BACK)
    peer, turn = peer_of(device, account_id), Turn(world.now_ms)
    pair, renewal = peer.pair, device.engine._context.renewal
    for _ in range(pairs.LIMITS.starts):
        pair = pairs.used(pair, "starts", world.now_ms + 365 * DAY_MS)
    device.engine._state.set_pair(turn, peer, pair)
    device.carry_out(turn.effects())
    started = len(device.of(SessionStarted))
    device.start()
    world.advance(MINUTE_MS)
    renewal._starts.set(peer.key, world.now_ms + 366 * DAY_MS)
    renewal._wake(turn)
    world.advance(20 * HOUR_MS)
    assert len(device.of(SessionStarted)) == started
    world.advance(6 * HOUR_MS)
    assert len(device.of(SessionStarted)) == started + 1


@pytest.mark.audit_only
def test_a_colleague_who_joined_a_room_goes_by_the_newest_prekeys_of_its_customer() -> None:
    """SES-34: not for ever by those of the dossier, which were over after four weeks."""
    world, desk, customer, room_id = opened()
    agent = colleague(desk, "Frau Klein")
    world.advance(MINUTE_MS)
    change(desk, room_id, Change(add=(this(agent),), assign=this(agent)))
    world.advance(MINUTE_MS)
    write(customer, room_id, "eins")
    for _ in range(6):
        world.advance(5 * DAY_MS)
        write(agent, room_id, "zwischendurch")
    given = peer_of(agent, customer.engine.account_id).prekeys()
    assert given is not None
    assert given.ends_ms > world.now_ms
    agent.crash(continuity=Continuity.ROLLED_BACK)
    agent.start()
    write(agent, room_id, "nach dem Verlust")
    world.advance(HOUR_MS)
    assert "nach dem Verlust" in texts(customer, room_id)


@pytest.mark.audit_only
def test_a_device_that_is_off_is_not_asked_while_a_session_with_it_is_wanted() -> None:
    """SES-25: its prekeys are over and a text waits; the asks of each hour filled its mailbox."""
    world, holder, second, customer, praxis = company()
    second.stop()
    second.alive = False
    for _ in range(40):
        customer.send(praxis, "täglich")
        world.advance(DAY_MS)
    (its,) = (one for one in customer.engine._state.peers_of(praxis) if one.device_id == device_id(second))
    assert its.pair.wanted is not None
    customer.events.clear()
    customer.send(praxis, "noch einer")
    world.advance(3 * DAY_MS)
    assert its.pair.wanted is not None
    assert not customer.of(Doubt)
    second.alive = True
    second.start()
    world.advance(HOUR_MS)
    customer.send(praxis, "zurück")
    world.advance(HOUR_MS)
    assert holder.texts()[-1] == second.texts()[-1] == "zurück"
    assert its.pair.wanted is None
