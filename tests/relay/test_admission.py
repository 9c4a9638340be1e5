"""No new mailboxes while room or commits run short; who is there goes on (RLY-158)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from e2ee_relay.config import Config
from e2ee_relay.datadir import DataDirectory
from e2ee_relay.engine import EmbeddedEngine
from e2ee_relay.protocol import CreateMailbox, Done, ErrorCode, ErrorReply, Message, TokenClass
from e2ee_relay.store.room import is_ample
from e2ee_relay.store.sqlite import Submitted
from e2ee_relay.store.sqlite_writes import Writes
from relay_actors import START_MS, Owner, Peer
from relay_backends import AnyRelay, states_of

MIB = 1 << 20


def admit(relay: AnyRelay, answer: Callable[[], bool]) -> None:
    for state in states_of(relay):
        state.admits_mailboxes = answer


async def test_newcomers_are_asked_to_come_later(
    relay: AnyRelay, peer: Peer, sender: Peer, owner: Owner
) -> None:
    """RLY-158, RLY-20: a typed answer with a time; those who are there notice nothing; then it goes on."""
    admit(relay, lambda: False)
    new = Owner()
    request = CreateMailbox(peer.next_id(), new.mailbox, new.owner_pub)
    answer = await peer.expect(ErrorReply, request)
    assert (answer.code, answer.retry_after_ms) == (ErrorCode.UNAVAILABLE, 60_000)
    await owner.create(peer)
    await owner.admit(peer, os.urandom(32), TokenClass.FRONT_DOOR)
    assert (await sender.send(owner.item(b"still here")))[0].code is ErrorCode.OK
    await owner.subscribe(peer)
    await owner.ack(peer, await peer.push(Message))
    admit(relay, lambda: True)
    await peer.expect(Done, request)
    await new.prove(peer)


async def test_a_refusal_for_want_of_room_costs_no_rate(relay: AnyRelay, peer: Peer) -> None:
    """RLY-158, RLY-21: who was asked to come later has not used up what a connection may create."""
    admit(relay, lambda: False)
    owners = [Owner() for _ in range(40)]
    for one in owners:
        await peer.expect(ErrorReply, CreateMailbox(peer.next_id(), one.mailbox, one.owner_pub))
    admit(relay, lambda: True)
    for one in owners[:20]:
        await one.create(peer)


@pytest.mark.parametrize(
    ("free_b", "reserve_b", "ample"),
    [(60 * MIB, 30 * MIB, True), (60 * MIB - 4096, 30 * MIB, False), (0, 0, True), (0, 1, False)],
)
def test_twice_the_reserve_is_ample(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_b: int, reserve_b: int, ample: bool
) -> None:
    """RLY-158: twice what is kept for deletions; a disk that cannot be asked is not ample."""
    assert not is_ample(tmp_path / "gone", reserve_b)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free_b // 4096, f_frsize=4096))
    assert is_ample(tmp_path, reserve_b) == ample


def test_room_and_backlog_decide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """RLY-158: one of both suffices for a refusal, and it ends by itself."""
    free = [1000 * MIB]
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=free[0] // 4096, f_frsize=4096))
    config = Config(data_dir=tmp_path / "relay", disk_reserve_b=30 * MIB, registration_backlog=2)
    directory = DataDirectory.claim(config.data_dir)
    engine = EmbeddedEngine(config, directory.open_store(config.disk_reserve_b), START_MS)
    admits = engine.core.admits_mailboxes
    assert admits()
    free[0] = 59 * MIB
    assert not admits()
    free[0] = 60 * MIB
    for _ in range(3):
        assert admits()
        engine.store._queue.put(Submitted(None, Writes()))
    assert not admits()
    while engine.store.backlog:
        engine.store._queue.get()
    assert admits()
    assert engine.store.stop(10)
    directory.release()
