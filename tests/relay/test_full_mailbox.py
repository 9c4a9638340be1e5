"""RLY-192: on a full disk a mailbox that is larger than the spare room can be removed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from disk_run import SETTINGS, small_disk
from e2ee_relay.limits import Policy
from e2ee_relay.protocol import DeleteMailbox, Done, ErrorCode
from e2ee_relay.relay import RelayCore
from e2ee_relay.state import Submit
from e2ee_relay.store.changes import DropMailbox, MailboxRow, PutMailbox, StoreFailure
from e2ee_relay.store.sqlite import SqliteStore
from relay_actors import DAY_MS, START_MS, Owner
from relay_process import RelayProcess
from relay_run import filled, free_b, peer_of

MIB = 1 << 20


@pytest.mark.processes
async def test_a_mailbox_larger_than_the_spare_room_is_removed(tmp_path: Path) -> None:
    """RLY-192: 12 MiB in a spare room of 1 MiB, for its owner."""
    try:
        with small_disk(tmp_path / "disk") as disk:
            relay = RelayProcess(disk / "relay", f"disk_reserve_b={6 * MIB}", *SETTINGS)
            relay.log_path = tmp_path / "log"
            with relay:
                peer, owner = await peer_of(relay), Owner()
                await owner.set_up(peer)
                for _ in range(210):
                    assert (await peer.send(owner.item(os.urandom(60_000))))[0].code is ErrorCode.OK
                relay.stop()
                await asyncio.to_thread(filled, disk / "filler")
                assert free_b(disk) == 0
                relay.start()
                peer = await peer_of(relay)
                await owner.prove(peer)
                assert isinstance(await peer.ask(DeleteMailbox(peer.next_id(), owner.mailbox)), Done)
    except PermissionError:
        pytest.skip("mounting is not allowed here")


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_request_is_gone_when_it_is_done(is_removed: bool) -> None:
    """RLY-192: and is read again where the removal could not be committed."""
    store = SqliteStore(None, os.urandom(16))
    store.execute([PutMailbox(MailboxRow(1, bytes(16), bytes(32), START_MS // DAY_MS))])
    store.connection.execute("INSERT INTO purge_request VALUES (?, 'mailbox')", (bytes(16),))
    core = RelayCore(Policy(), store.load(), START_MS)
    waiting = core.tick(START_MS)
    while waiting:
        submit = waiting.pop(0)
        assert isinstance(submit, Submit)
        fails = isinstance(submit.change, DropMailbox) and not is_removed
        result = StoreFailure("no room") if fails else store.execute([submit.change])[0]
        waiting += core.complete(submit.then, result, START_MS)
    left = store.connection.execute("SELECT count(*) FROM purge_request").fetchone()[0]
    assert left == (0 if is_removed else 1)
    assert (bytes(16) in core.state.mailboxes) is not is_removed
    store.close()
