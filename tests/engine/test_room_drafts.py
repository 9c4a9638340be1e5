"""What is written and not sent: on one device, until it is sent or its room is emptied (ROOM-74)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2ee_client.engine.effects import Commit
from e2ee_client.engine.rooms.drafts import MAX_DRAFTS, DraftRow
from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.errors import RoomsLocked, UnknownRoom
from engine_world import Node
from erase_scan import DiskWorld, disk_of, left_of, remains
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, act, add, change, opened, rooms_of, write
from store_probe import keyless
from team_thief import suspend
from team_world import colleague

from e2ee.errors import RoomErased
from e2ee.rooms.entry import RoomId
from e2ee.rooms.payloads import Erase
from e2ee.rooms.state import Phase, Retention, RetentionClass

DRAFT = "Der Befund vom Kanarienvogel ist da, bitte rufen Sie"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DiskWorld]:
    made = DiskWorld(tmp_path)
    yield made
    made.close()


def person(world: DiskWorld, name: str) -> Node:
    """Another customer."""
    node = world.node(name)
    node.start()
    return node


def keep(node: Node, room_id: RoomId, text: str, *, in_notes: bool = False) -> None:
    """Keep what a person writes."""
    act(node, lambda turn, rooms: rooms.drafts.keep(turn, room_id, text, in_notes=in_notes))


def kept(node: Node, room_id: RoomId) -> tuple[str, str]:
    """What is kept of a room, and of its notes."""
    here = act(node, lambda turn, rooms: rooms.drafts.text(turn, room_id, in_notes=False))
    return here, act(node, lambda turn, rooms: rooms.drafts.text(turn, room_id, in_notes=True))


def boxes_of_drafts(node: Node) -> set[bytes]:
    """The boxes of drafts as they stand now, from a copy of the open store."""
    rows = disk_of(node)
    ledger = rows.store._run.ledger._rows  # type: ignore[union-attr]  # an open store has a run
    keys = [key for key, _ in rows.store.items("desk") if key.startswith(DraftRow.PREFIX)]
    ids = {ledger.row_id("desk", key) for key in keys}
    path = rows.copied("boxes")
    with keyless(path) as connection:
        found = connection.execute("SELECT p.id, s.box FROM place p JOIN slot s ON s.n = p.slot").fetchall()
    shutil.rmtree(path.parent)
    return {box for row_id, box in found if row_id in ids}


def test_a_draft_outlives_a_restart_and_leaves_no_device(world: DiskWorld) -> None:
    _, desk, customer, room_id = opened(world)
    keep(desk, room_id, DRAFT)
    _, effects = desk.engine.of_rooms(
        lambda turn, rooms: rooms.drafts.keep(turn, room_id, "ruft zurück", in_notes=True), desk.now_ms
    )
    assert [type(one) for one in effects] == [Commit]
    desk.carry_out(effects)
    disk_of(desk).reload()
    desk.crash()
    assert kept(desk, room_id) == (DRAFT, "ruft zurück")
    world.advance(DAY_MS)
    assert remains(customer, DRAFT) == []


def test_nothing_of_it_is_left_once_it_is_sent(world: DiskWorld) -> None:
    """STO-12: neither of what was sent nor of what was kept before that."""
    _, desk, _, room_id = opened(world)
    keep(desk, room_id, DRAFT[:20])
    boxes = boxes_of_drafts(desk)
    keep(desk, room_id, DRAFT)
    keep(desk, room_id, "ruft zurück", in_notes=True)
    boxes |= boxes_of_drafts(desk)
    assert left_of(desk, boxes) == len(boxes) == 3  # The control: what was kept first is in the log.
    write(desk, room_id, DRAFT)
    act(desk, lambda turn, rooms: rooms.acting.note(turn, room_id, "ruft zurück"))
    assert (kept(desk, room_id), boxes_of_drafts(desk)) == (("", ""), set())
    disk_of(desk).store.erase()
    assert left_of(desk, boxes) == 0


@pytest.mark.parametrize(
    ("draft", "sent", "left"),
    [
        (" Guten Tag,\nund noch etwas", "Guten Tag,", "und noch etwas"),
        ("Guten", "Guten Tag", ""),
        ("etwas anderes", "Guten Tag", "etwas anderes"),
        ("   ", "Guten Tag", ""),
    ],
)
def test_what_was_sent_goes_and_the_rest_stays(world: DiskWorld, draft: str, sent: str, left: str) -> None:
    _, desk, customer, room_id = opened(world)
    keep(desk, room_id, draft)
    keep(desk, room_id, draft, in_notes=True)
    write(customer, room_id, sent)
    world.advance(MINUTE_MS)
    write(desk, room_id, sent)
    assert kept(desk, room_id) == (left, draft if draft.strip() else "")


@pytest.mark.parametrize("phase", [Phase.WITHDRAWN, Phase.ERASED])
def test_it_goes_with_the_room_and_is_not_kept_afterwards(world: DiskWorld, phase: Phase) -> None:
    _, desk, customer, room_id = opened(world)
    write(customer, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    keep(desk, room_id, DRAFT)
    keep(desk, room_id, DRAFT, in_notes=True)
    boxes = boxes_of_drafts(desk)
    if phase is Phase.WITHDRAWN:
        act(customer, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    else:
        write(customer, room_id, Erase(None))
    world.advance(MINUTE_MS)
    assert rooms_of(desk).index[room_id].phase == phase
    assert kept(desk, room_id) == ("", "")
    with pytest.raises(RoomErased):
        keep(desk, room_id, DRAFT)
    world.advance(26 * HOUR_MS)
    assert (remains(desk, DRAFT), left_of(desk, boxes)) == ([], 0)


def test_it_goes_with_the_room_also_where_a_hold_keeps_what_was_said(world: DiskWorld) -> None:
    """ROOM-26: what was not sent is no content that a hold keeps."""
    _, desk, customer, room_id = opened(world)
    write(customer, room_id, "Guten Tag")
    world.advance(MINUTE_MS)
    change(desk, room_id, Change(hold=True, text="Klage"))
    keep(desk, room_id, DRAFT)
    world.advance(MINUTE_MS)
    act(customer, lambda turn, rooms: rooms.consenting.withdraw(turn, room_id))
    world.advance(MINUTE_MS)
    assert rooms_of(desk).index[room_id].phase == Phase.WITHDRAWN
    assert kept(desk, room_id) == ("", "")
    assert remains(desk, "Guten Tag") != []


def test_it_goes_when_the_timer_of_a_closed_room_empties_it(world: DiskWorld) -> None:
    """ROOM-41, ROOM-43: also what was kept while the clock was ahead."""
    _, desk, _, room_id = opened(world)
    act(
        desk,
        lambda turn, rooms: rooms.set_policy(turn, Policy(Retention(RetentionClass.DEFAULT, 7 * 86_400))),
    )
    patient = person(world, "Patientin")
    short = accept(patient, desk)
    world.advance(5 * MINUTE_MS)
    write(patient, short, "Guten Tag")
    world.advance(MINUTE_MS)
    desk.ahead_ms = 60 * DAY_MS
    keep(desk, short, DRAFT)
    desk.ahead_ms = 0
    keep(desk, room_id, "bleibt")
    change(desk, short, Change(phase=Phase.CLOSED))
    world.advance(6 * DAY_MS)
    assert kept(desk, short) == (DRAFT, "")
    world.advance(2 * DAY_MS)
    assert (kept(desk, short), kept(desk, room_id)) == (("", ""), ("bleibt", ""))
    assert remains(desk, DRAFT) == []


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(RetentionClass.EPHEMERAL, marks=pytest.mark.audit_only),
        RetentionClass.DEFAULT,
        RetentionClass.PROOF,
    ],
)
def test_it_goes_also_where_it_was_kept_after_the_last_content_is_gone(
    world: DiskWorld, kind: RetentionClass
) -> None:
    """ROOM-74, ROOM-41: whoever is answered has written before, and a page keeps what a room has lost."""
    _, desk, _, _ = opened(world)
    policy = Policy(Retention(kind, 7 * 86_400))
    act(desk, lambda turn, rooms: rooms.set_policy(turn, policy))
    patient = person(world, "Patientin")
    room_id = accept(patient, desk)
    world.advance(5 * MINUTE_MS)
    write(patient, room_id, "Guten Tag")
    if kind is not RetentionClass.EPHEMERAL:
        change(desk, room_id, Change(phase=Phase.CLOSED))
        world.advance(8 * DAY_MS)
    world.advance(MINUTE_MS)
    desk.ahead_ms = 20 * DAY_MS
    keep(desk, room_id, DRAFT)
    desk.ahead_ms = 0
    keep(desk, room_id, DRAFT, in_notes=True)
    boxes = boxes_of_drafts(desk)
    if kind is RetentionClass.EPHEMERAL:
        world.advance(29 * DAY_MS)
        assert kept(desk, room_id) == (DRAFT, DRAFT)
        world.advance(2 * DAY_MS)
    world.advance(2 * HOUR_MS)
    assert kept(desk, room_id) == ("", "")
    disk_of(desk).store.erase()
    assert (remains(desk, DRAFT), left_of(desk, boxes)) == ([], 0)


def test_of_more_rooms_than_are_kept_the_oldest_draft_goes(
    world: DiskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_DRAFTS == 256
    monkeypatch.setattr("e2ee_client.engine.rooms.drafts.MAX_DRAFTS", 2)
    _, desk, _, first = opened(world)
    rooms = [first, *(accept(person(world, name), desk) for name in ("Zwei", "Drei"))]
    world.advance(5 * MINUTE_MS)
    for at, room_id in enumerate((*rooms[:2], first, rooms[2])):
        keep(desk, room_id, f"Entwurf {at}")
        world.advance(1_000)
    assert [kept(desk, one)[0] for one in rooms] == ["Entwurf 2", "", "Entwurf 3"]


def test_nothing_is_kept_of_a_room_that_is_not_here_or_on_a_device_that_is_out(world: DiskWorld) -> None:
    _, desk, _, room_id = opened(world)
    agent = colleague(desk, "Frau Anders")
    world.advance(5 * MINUTE_MS)
    add(desk, room_id, desk, agent)
    world.advance(5 * MINUTE_MS)
    with pytest.raises(UnknownRoom):
        keep(agent, RoomId(bytes(16)), DRAFT)
    keep(agent, room_id, DRAFT)
    suspend(desk, agent)
    world.advance(5 * MINUTE_MS)
    for step in (lambda: keep(agent, room_id, "x"), lambda: kept(agent, room_id)):
        with pytest.raises(RoomsLocked):
            step()
