"""Devices whose list is signed where the account key is kept, when something goes wrong (ACC-42)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conversations import until
from e2ee_client.engine import Effect, Engine
from e2ee_client.errors import ConfigError, InviteExpired, InviteInvalid, InviteLeft, RelayUnavailable
from e2ee_client.inviting import Invitation
from e2ee_client.relay_box import RelayBox
from e2ee_client.rooms import Agent, Company
from e2ee_client.rooms import invites as room_invites
from e2ee_client.testing import MemoryNetwork
from e2ee_relay.protocol import Request, Response, Send
from offline_keys import DAY_MS, ORIGIN, PASSPHRASE, Holder, asked_for, holder_of, opened_offline
from practice import practice

from e2ee.constants import MAX_TEAM
from e2ee.identity import DeviceKind, DeviceRecord, new_device
from e2ee.ids import AccountId


def agent_of(company: Company) -> DeviceRecord:
    now_ms = company.client.shell.now_ms
    account_id = AccountId(company.client.account_id)
    return new_device(account_id, DeviceKind.AGENT, 0, now_ms, now_ms + 365 * DAY_MS, os.urandom).record


def adding(record: DeviceRecord) -> Callable[[Engine, int], list[Effect]]:
    return lambda engine, now_ms: engine.add_device(record, now_ms)


async def take_in(company: Company, holder: Holder, joining: asyncio.Task[Agent], request: bytes) -> None:
    """Sign and install the list of a device that waits, which comes in."""
    device_id = await company.install_device(holder.sign(request), 60)
    async with await joining as agent:
        assert agent.client.devices()[0].device_id == device_id


async def test_the_last_device_that_has_room_is_told(network: MemoryNetwork, tmp_path: Path) -> None:
    """ACC-36, ACC-43: with it the list is full, and nobody else is asked for."""
    key_file = tmp_path / "praxis.key"
    async with Company.create(
        None, relay=network.url, name="Praxis", origins=[ORIGIN], runtime=network.runtime()
    ) as company:
        for _ in range(MAX_TEAM - 2):
            await company.client.shell.do(adding(agent_of(company)))
        await company.client.wait_settled(60)
        await company.move_account_key(key_file, PASSPHRASE)
        holder = await holder_of(company, key_file)
        joining, request = await asked_for(network, company)
        await take_in(company, holder, joining, request)
        assert len(company.client.devices()) == MAX_TEAM


async def test_a_device_is_told_whatever_list_has_come_since(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-43, ACC-45: its own list, then a renewal; its answer tells it. None takes its place before."""
    async with opened_offline(network, tmp_path / "praxis.key") as company:
        holder = await holder_of(company, tmp_path / "praxis.key")
        joining, request = await asked_for(network, company)

        async def cut(*_: object) -> None:
            raise RelayUnavailable("the line is cut")

        with monkeypatch.context() as patched:
            patched.setattr(room_invites, "tell_listed", cut)
            with pytest.raises(RelayUnavailable):
                await company.install_device(holder.sign(request), 60)
        await company.client.wait_settled(60)
        with pytest.raises(ConfigError, match="not told"):
            await asked_for(network, company)
        await company.install_list(holder.sign(company.renewal_request()))
        await company.client.wait_settled(60)
        await take_in(company, holder, joining, request)


async def test_a_device_that_came_in_is_not_told_of_as_gone(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-32, ACC-43: `out` came, its mailbox is gone, and the relay's answer to it was lost."""
    async with opened_offline(network, tmp_path / "praxis.key") as company:
        holder = await holder_of(company, tmp_path / "praxis.key")
        joining, request = await asked_for(network, company)
        came = lose_an_answer(monkeypatch, joining)
        device_id = await company.install_device(holder.sign(request), 60)
        assert came == [device_id]


def lose_an_answer(monkeypatch: pytest.MonkeyPatch, joining: asyncio.Task[Agent]) -> list[bytes]:
    """Let the answer to the next message be lost when its device has come in; return who came."""
    really, came = RelayBox._ask, list[bytes]()

    async def ask(box: RelayBox, request: Request) -> Response:
        answer = await really(box, request)
        if isinstance(request, Send) and not came:
            async with await joining as agent:
                came.append(agent.client.devices()[0].device_id)
            raise RelayUnavailable("the connection broke before the answer came")
        return answer

    monkeypatch.setattr(RelayBox, "_ask", ask)
    return came


async def test_a_device_that_does_not_sign_invites_nobody(network: MemoryNetwork, tmp_path: Path) -> None:
    """ACC-42: nothing is asked, compared or signed in vain; the account key here changes nothing."""
    async with opened_offline(network, tmp_path / "praxis.key") as company:
        holder = await holder_of(company, tmp_path / "praxis.key")
        joining, request = await asked_for(network, company)
        await company.install_device(holder.sign(request), 60)
        async with await joining as agent:
            with pytest.raises(ConfigError):
                await Company(agent.client).invite("Herr Winter")


async def test_a_request_that_fails_forgets_no_device_that_was_asked_for_before(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-45, ACC-34: a second device came by the later code; the earlier one is taken in by its answer."""
    async with opened_offline(network, tmp_path / "praxis.key") as company:
        holder = await holder_of(company, tmp_path / "praxis.key")
        joining, request = await asked_for(network, company)

        async def ended(*_: object) -> None:
            raise InviteInvalid("a second device has come")

        with monkeypatch.context() as patched:
            patched.setattr(Invitation, "hold", ended)
            with pytest.raises(InviteInvalid):
                await asked_for(network, company)
        await take_in(company, holder, joining, request)


async def test_what_was_asked_for_can_be_cancelled(network: MemoryNetwork, tmp_path: Path) -> None:
    """ACC-42: an answer to it is not installed any more, and another device is asked for."""
    async with opened_offline(network, tmp_path / "praxis.key") as company:
        holder = await holder_of(company, tmp_path / "praxis.key")
        joining, request = await asked_for(network, company)
        await company.cancel_device()
        await company.cancel_device()
        with pytest.raises(ConfigError, match="no device waits"):
            await company.install_device(holder.sign(request), 60)
        joining.cancel()
        joining, request = await asked_for(network, company)
        await take_in(company, holder, joining, request)


async def test_a_device_that_was_confirmed_and_has_left_is_in_no_list_and_no_roster(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-54, ACC-14: with the account key here."""

    async def gone(*_: object) -> None:
        raise InviteExpired("nobody waits where the code says")

    async with practice(network) as praxis:
        company, shown = praxis.company, asyncio.get_running_loop().create_future()

        async def join(text: str) -> Agent:
            return await Agent.join(None, text, show_digits=shown.set_result, runtime=network.runtime())

        async with await company.invite("Frau Sommer") as invite:
            joining = asyncio.create_task(join(invite.text))
            assert await invite.digits(60) == await shown
            monkeypatch.setattr(Invitation, "_tell", gone)
            with pytest.raises(InviteLeft):
                await invite.confirm(60)
        await until(lambda: len(company.client.devices()) == 1)
        await until(lambda: {one.name for one in company.team()} == {"Praxis"})
        joining.cancel()
