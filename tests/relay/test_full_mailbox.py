"""RLY-192: on a full disk a mailbox that is larger than the spare room can be removed."""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest
from core_bench import MAILBOX, Bench
from disk_run import SETTINGS, small_disk
from e2ee_relay.cli import main
from e2ee_relay.protocol import DeleteMailbox, Done, ErrorCode
from relay_actors import Owner
from relay_process import RelayProcess
from relay_run import filled, free_b, peer_of

MIB = 1 << 20


async def with_large_mailbox(relay: RelayProcess) -> Owner:
    peer, owner = await peer_of(relay), Owner()
    await owner.set_up(peer)
    for _ in range(210):
        assert (await peer.send(owner.item(os.urandom(60_000))))[0].code is ErrorCode.OK
    return owner


@pytest.mark.processes
async def test_a_mailbox_larger_than_the_spare_room_is_removed(tmp_path: Path) -> None:
    """RLY-192: 12 MiB in a spare room of 1 MiB, for its owner."""
    try:
        with small_disk(tmp_path / "disk") as disk:
            relay = RelayProcess(disk / "relay", f"disk_reserve_b={6 * MIB}", *SETTINGS)
            relay.log_path = tmp_path / "log"
            with relay:
                owner = await with_large_mailbox(relay)
                relay.stop()
                await asyncio.to_thread(filled, disk / "filler")
                assert free_b(disk) == 0
                relay.start()
                peer = await peer_of(relay)
                await owner.prove(peer)
                assert isinstance(await peer.ask(DeleteMailbox(peer.next_id(), owner.mailbox)), Done)
    except PermissionError:
        pytest.skip("mounting is not allowed here")


@pytest.mark.processes
@pytest.mark.parametrize("is_running", [False, True])
async def test_the_operator_purges_it(
    tmp_path: Path, is_running: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """RLY-192, RLY-77: with the relay stopped, when even a look finds no room, and beside it."""
    try:
        with small_disk(tmp_path / "disk") as disk:
            relay = RelayProcess(disk / "relay", f"disk_reserve_b={6 * MIB}", *SETTINGS)
            relay.log_path = tmp_path / "log"
            with relay:
                owner = await with_large_mailbox(relay)
            await asyncio.to_thread(filled, disk / "filler")
            with relay if is_running else nullcontext():
                asked = ["purge", "--data-dir", str(relay.data_dir), "--mailbox", owner.mailbox.hex()]
                settings = ["--set", f"disk_reserve_b={6 * MIB}", "--yes", "--wait-s", "120"]
                assert await asyncio.to_thread(main, [*asked, *settings]) == 0
                gc.collect()  # the descriptors of a process that would have ended
            assert "left: 0 rows" in capsys.readouterr().out
    except PermissionError:
        pytest.skip("mounting is not allowed here")


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_request_is_gone_when_it_is_done(is_removed: bool) -> None:
    """RLY-192: and is read again where the removal could not be committed."""
    bench = Bench().with_mailbox()
    bench.file.connection.execute("INSERT INTO purge_request VALUES (?, 'mailbox')", (MAILBOX,))
    bench.node.tick(bench.clock.now_ms)
    failure = None if is_removed else sqlite3.OperationalError("no room")
    bench.store.commit()
    with patch("e2ee_relay.store.sqlite_view.drop_mailbox", side_effect=failure):
        bench.commit()
    left = 0 if is_removed else 1
    assert bench.rows("SELECT count(*) FROM purge_request") == [(left,)]
    assert (MAILBOX in bench.store.view.boxes) is not is_removed
