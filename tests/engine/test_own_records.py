"""The records of a published device, which a noticed loss renews: what a store that was set back takes from
the entry, and what a contact makes of a list whose records it has missed (ID-28, ID-42, SES-32).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from e2ee_client.engine import Channel
from e2ee_client.events import ConnectionChanged, DeviceRemoved, DeviceReplaced, NewDevice
from e2ee_relay.protocol import Lookup, LookupResult, Role, decode_frames, encode_frames
from engine_world import Node, Rows
from relay_scenes import lose, losing, lossless, talking, the_peer, well, withholding

from e2ee.ids import RecordHash

MINUTE_MS = 60_000
DAY_MS = 86_400_000
RENEWED_MS = 16 * DAY_MS


def own_records(node: Node) -> set[RecordHash]:
    """Return the hashes of the records that a node goes on under."""
    own = node.engine._state.own
    return {one.hash for one in (own.device.record, own.older_record) if one is not None}


def lose_after(node: Node, copy: Rows, times: int) -> None:
    """Let a node renew its record so often, and then be set back without notice."""
    for _ in range(times):
        lose(node)
        node.world.advance(2 * MINUTE_MS)
    node.crash(copy)


def withholding_records(node: Node) -> Callable[[Channel, bytes], list[bytes]]:
    """Return a hook that answers each LOOKUP with lists alone."""

    def outgoing(channel: Channel, data: bytes) -> list[bytes]:
        asked = [one for one in decode_frames(data, Role.RELAY) if isinstance(one, Lookup)]
        for one in asked:
            answers: list[LookupResult] = []
            connection = node.world.relay.connect()
            node.world.relay.take(connection, connection.session, encode_frames([one]))
            while not connection._incoming.empty():
                frames = decode_frames(connection._incoming.get_nowait() or b"", Role.CLIENT)
                answers += [frame for frame in frames if isinstance(frame, LookupResult)]
            connection.drop()
            node.connections[channel].put(replace(answers[0], records=(), addresses=()))
        return [] if asked else [data]

    return outgoing


@pytest.mark.parametrize(("before", "times"), [(0, 2), (1, 1), (1, 3)])
def test_a_store_that_was_set_back_goes_on_under_both_records_of_its_list(before: int, times: int) -> None:
    """ID-42: whatever it knew of its records; so it can sign the next list, which leaves out no session's."""
    world, company, customer, praxis = talking()
    for _ in range(before):
        lose(company)
        world.advance(2 * MINUTE_MS)
    lose_after(company, company.rows.copy(), times)
    company.start()
    world.advance(MINUTE_MS)
    own = company.engine._state.own
    assert own_records(company) == set(own.device_list.record_hashes)
    assert own.older_record is not None
    assert own.device.record.created_ms > own.older_record.created_ms
    seq = own.device_list.seq
    world.advance(RENEWED_MS)
    assert company.engine._state.own.device_list.seq > seq
    assert own_records(company) == set(company.engine._state.own.device_list.record_hashes)
    assert [*customer.of(DeviceRemoved), *customer.of(NewDevice)] == []
    well(world, company, customer, praxis)


def test_a_relay_that_withholds_records_does_not_end_a_device() -> None:
    """ID-42: without them a store that was set back past two losses cannot tell whether its list names it."""
    world, company, customer, praxis = talking()
    lose_after(company, company.rows.copy(), 2)
    company.outgoing = withholding_records(company)
    company.start()
    world.advance(5 * MINUTE_MS)
    assert not company.of(DeviceReplaced)
    assert "remote.identity" in [one.code for one in company.of(ConnectionChanged)]
    company.outgoing = lossless
    company.send(customer.engine.account_id, "zeigt, wer zurueckliegt")
    world.advance(DAY_MS)
    assert own_records(company) == set(company.engine._state.own.device_list.record_hashes)
    well(world, company, customer, praxis)


@pytest.mark.parametrize("way", ["flight", "directory"])
def test_a_contact_that_missed_two_records_keeps_their_device(way: str) -> None:
    """ID-28: the list names another record of the same keys, so nobody was struck off."""
    world, company, customer, praxis = talking()
    customer.stop()
    _, end = withholding(company)
    for _ in range(2):
        lose(company)
        world.advance(DAY_MS // 2)
    if way == "flight":
        end()
        customer.outgoing = losing(Lookup)
    before = the_peer(customer).record
    world.advance(2 * DAY_MS)
    customer.start()
    customer.send(praxis, "weckt die Suche")
    world.advance(MINUTE_MS)
    assert the_peer(customer).record.hash == company.engine._state.own.device.record.hash != before.hash
    assert [*customer.of(DeviceRemoved), *customer.of(NewDevice)] == []
    company.outgoing = customer.outgoing = lossless
    world.advance(DAY_MS)
    well(world, company, customer, praxis)
