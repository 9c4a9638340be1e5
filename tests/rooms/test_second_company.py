"""A store holds rooms with one company: a second one is told from one that pretends."""

from __future__ import annotations

import pytest
from e2ee_client.rooms import Customer
from e2ee_client.rooms.errors import DoorOfAnotherCompany, SecondCompany
from e2ee_client.testing import MemoryNetwork
from practice import ORIGIN, Practice, practice

SECOND = "https://labor.example"


async def test_a_second_company_is_refused_and_one_that_pretends_is_an_alarm(
    network: MemoryNetwork, praxis: Practice
) -> None:
    """CNS-44, CNS-27: nothing changes in the store, and the first company goes on."""
    me = await praxis.customer()
    room = await praxis.opened(me)
    async with practice(network, SECOND) as other:
        doors = {ORIGIN: other.door, SECOND: other.door}

        async def fetch(origin: str) -> bytes:
            return doors[origin]

        there = Customer(None, None, None, SECOND, network.runtime(), fetch, me.client)
        with pytest.raises(SecondCompany):
            await there.notice()
        stolen = Customer(None, None, None, ORIGIN, network.runtime(), fetch, me.client)
        with pytest.raises(DoorOfAnotherCompany) as caught:
            await stolen.notice()
        assert caught.value.code == "door.identity"
    assert me.rooms() == [room]
    assert (await me.notice()).origin == ORIGIN
