"""Lists that the account key signed elsewhere, and that were installed nowhere, shown to a store with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from e2ee_client import restoring
from e2ee_client.events import ConnectionChanged, CopyStopped
from e2ee_relay.protocol import LookupResult
from engine_world import Node, acquainted
from list_scenes import is_calm, is_published
from relay_scenes import lossless
from struck_off import HidingRelay, restored

from e2ee.identity import DeviceList, sign_list

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


def shown(node: Node, answer: LookupResult, *lists: DeviceList) -> None:
    """Open a node again, which is shown these lists as its entry for some minutes."""
    node.stop()
    HidingRelay(node, node.engine.account_id)._old = replace(answer, lists=tuple(one.signed for one in lists))
    node.events.clear()
    node.crash(node.rows)
    node.start()
    node.world.advance(5 * MINUTE_MS)
    node.outgoing = lossless


@pytest.mark.parametrize("seq", [2, 3])
def test_a_kept_answer_stops_no_restored_store(seq: int) -> None:
    """ID-51, ID-53: of a lower number, or of that in use; it goes on when its own list is shown."""
    world, company, customer, praxis = acquainted()
    key = company.engine.export_account_key()
    company.carry_out(company.engine.remove_account_key(world.now_ms))
    kept = {2: sign_list(key, company.engine.renewal_request(world.now_ms))}
    world.advance(MINUTE_MS)
    installed = sign_list(key, company.engine.renewal_request(world.now_ms))
    company.carry_out(company.engine.install_list(installed.signed, world.now_ms))
    world.advance(MINUTE_MS)
    kept[3] = sign_list(key, company.engine.renewal_request(world.now_ms))
    answer = HidingRelay(company, praxis)._old
    saved = restoring.gather(company.rows, None, key)
    company.stop()
    again = restored(world, saved, "Praxis neu")
    again.start()
    world.advance(HOUR_MS)
    assert (again.engine._state.own.device_list.seq, kept[seq].seq) == (3, seq)
    shown(again, answer, kept[seq])
    assert not again.of(CopyStopped)
    assert again.of(ConnectionChanged)[-1].code == "remote.list_fork"
    world.advance(HOUR_MS)
    assert is_published(again)
    again.send(customer.engine.account_id, "vom neuen Gerät")
    customer.send(praxis, "an das neue Gerät")
    world.advance(MINUTE_MS)
    assert (customer.texts()[-1], again.texts()) == ("vom neuen Gerät", ["an das neue Gerät"])
    assert is_calm(customer)
