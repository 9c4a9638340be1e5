"""Nothing of what was erased is left: every byte of each device's files, and whatever their keys open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from e2ee_client.engine.rooms.entry_keys import EntryKeys
from e2ee_client.room_events import EntryErased
from e2ee_client.store import store
from engine_world import Node
from erase_scan import DiskWorld, boxes_of_rooms, left_of, remains
from rooms_world import HOUR_MS, MINUTE_MS, add, opened, texts, write
from team_world import colleague

from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.kinds import Kind
from e2ee.rooms.payloads import Erase

SECRET = "Diagnose: Kanarienvogel im dritten Wirbel"
OTHER = "Termin am Dienstag um zehn"


class Scene(NamedTuple):
    """A desk, an agent and a customer, who has told them something and goes on talking."""

    world: DiskWorld
    desk: Node
    agent: Node
    customer: Node
    room_id: RoomId
    said: EntryHash

    @property
    def devices(self) -> tuple[Node, Node, Node]:
        return self.desk, self.agent, self.customer

    def left(self, text: str = SECRET) -> dict[str, list[str]]:
        """Where a text is left, by device."""
        return {node.name: found for node in self.devices if (found := remains(node, text))}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    world = DiskWorld(tmp_path)
    _, desk, customer, room_id = opened(world)
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    world.advance(5 * MINUTE_MS)
    said = write(customer, room_id, SECRET)
    write(customer, room_id, OTHER)
    world.advance(10 * MINUTE_MS)
    yield Scene(world, desk, agent, customer, room_id, said)
    world.close()


def test_a_text_that_its_author_erases_is_left_nowhere(scene: Scene) -> None:
    """STO-31, STO-50, STO-51, ROOM-26: on no device, and what was said beside it is."""
    before = {node.name: boxes_of_rooms(node) for node in scene.devices}
    assert len(scene.left()) == 3
    write(scene.customer, scene.room_id, Erase((scene.said,)))
    scene.world.advance(26 * HOUR_MS)
    assert scene.left() == {}
    assert len(scene.left(OTHER)) == 3
    for node in scene.devices:
        assert OTHER in texts(node, scene.room_id)
        assert EntryErased(scene.room_id, scene.said, int(Kind.TEXT), is_destroyed=True) in node.events
        changed = before[node.name] - boxes_of_rooms(node)
        assert len(changed) >= 2
        assert left_of(node, changed) == 0


def test_control_the_scan_finds_what_an_erasure_leaves(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-51: bodies that go without their keys are found by who has copied the disk before."""
    monkeypatch.setattr(EntryKeys, "make", lambda self, turn, number: self.get(turn, number))
    monkeypatch.setattr(EntryKeys, "destroy", lambda self, turn, number: None)
    write(scene.customer, scene.room_id, Erase((scene.said,)))
    scene.world.advance(26 * HOUR_MS)
    left = ["a body under a key that remains"]
    assert scene.left() == {node.name: left for node in scene.devices}


def test_control_the_scan_finds_the_log_of_a_store(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """STO-51: without an erasure in the commit that changes a key, the old boxes are in the log."""
    monkeypatch.setattr(store, "DESTROYED_AT_ONCE", frozenset())
    before = {node.name: boxes_of_rooms(node) for node in scene.devices}
    write(scene.customer, scene.room_id, Erase((scene.said,)))
    scene.world.advance(26 * HOUR_MS)
    assert all(left_of(node, before[node.name] - boxes_of_rooms(node)) for node in scene.devices)
