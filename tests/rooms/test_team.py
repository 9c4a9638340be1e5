"""How a company's devices come to know what they act by."""

from __future__ import annotations

from functools import partial

import pytest
from conversations import next_of, until
from e2ee_client import ConnectionChanged, ConnectionState, MessageRejected
from e2ee_client.engine.context import Context
from e2ee_client.engine.records import Contact
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import PublishRefused, WaitTimeout
from e2ee_client.rooms import Agent, Company
from e2ee_client.testing import MemoryNetwork
from e2ee_relay.limits import SharedLimits
from practice import ORIGIN, Practice

from e2ee.ids import AccountId


async def test_a_new_agent_is_told_the_notice_and_the_names(praxis: Practice) -> None:
    """ACC-40, ACC-12"""
    agent = await praxis.agent("Agent A", languages=["de"], teams=["Empfang"])
    assert {one.name for one in agent.team()} == {"Praxis", "Agent A"}
    assert agent.me()[2:5] == ("Agent A", ("de",), ("Empfang",))
    notices = agent.client.shell.machine._context.notices
    account_id, turn = AccountId(agent.client.account_id), Turn(agent.client.shell.now_ms)
    assert [one.version for one in notices.stated(turn, account_id)] == [notices.newest_number(account_id)]


@pytest.mark.parametrize("joined", [False, True])
async def test_a_company_is_gated_before_it_knows_a_mandate(network: MemoryNetwork, joined: bool) -> None:
    """CNS-29: who has founded or joined one takes nothing without a receipt."""
    async with (
        Company.create(
            None, relay=network.url, name="Praxis", origins=[ORIGIN], runtime=network.runtime()
        ) as company,
        network.client() as stranger,
    ):
        await company.wait_online(60)
        device: Agent = company
        if joined:
            invite = await company.invite("Agent A", front_desk=True)
            device = await Agent.join(None, invite, runtime=network.runtime())
            await device.wait_online(60)
        events = device.events()
        contact = await stranger.add_contact(company.client.card())
        await contact.send("Hello")
        assert (await next_of(events, MessageRejected)).code == "room.consent_required"
        assert device.client.contacts() == []
        if joined:
            await device.close()


async def test_a_customer_writes_to_no_device_that_is_not_in_its_room(praxis: Practice) -> None:
    """TRN-31: a new agent is learned of, and no session with it is started; the room goes on."""
    me = await praxis.customer()
    room = await praxis.opened(me)
    await room.send("Guten Tag")
    await until(lambda: bool(praxis.company.rooms()))
    agent = await praxis.agent("Agent A")
    state, company_id = me.client.shell.machine._state, praxis.company.client.account_id
    contact = state.contact(company_id)
    await until(lambda: contact.head is not None and contact.head.seq == 2)
    look_up = partial(_look_up, contact)
    await me.client.shell.call(lambda engine, now_ms: engine.of_company(look_up, now_ms))
    await until(lambda: len(state.peers_of(company_id)) == 2)
    (new,) = [one for one in state.peers_of(company_id) if one.device_id == agent.me().device_id]
    assert new.pair.wanted is None
    assert not new.pair.sessions


def _look_up(contact: Contact, turn: Turn, parts: Context) -> None:
    parts.directory.catch_up(turn, contact)


async def test_who_waits_for_a_device_hears_that_the_relay_refuses_its_prekeys(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ID-60: with the relay's code, and by an event at once."""
    monkeypatch.setattr(SharedLimits, "charge_prekeys", lambda *_: 3_600_000)
    network.cut()
    founded = Company.create(
        None, relay=network.url, name="Praxis", origins=[ORIGIN], runtime=network.runtime()
    )
    async with founded as company:
        events = company.events()
        network.mend()
        while (event := await next_of(events, ConnectionChanged)).state is ConnectionState.OFFLINE:
            pass
        assert (event.state, event.code) == (ConnectionState.CONNECTING, "relay.rate_limited")
        with pytest.raises(PublishRefused) as refused:
            await company.wait_ready(0.1)
        assert refused.value.reason == "relay.rate_limited"
        assert "relay.rate_limited" in str(refused.value)


async def test_a_device_without_a_notice_is_not_ready_whatever_the_relay_takes(
    network: MemoryNetwork,
) -> None:
    """ID-60: nothing was refused."""
    founded = Company.create(
        None, relay=network.url, name="Praxis", origins=[ORIGIN], runtime=network.runtime()
    )
    async with founded as company:
        await company.wait_settled(60)
        with pytest.raises(WaitTimeout) as late:
            await company.wait_ready(0.1)
        assert late.value.code == "wait.timeout"
