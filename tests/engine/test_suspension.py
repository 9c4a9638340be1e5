"""How long a device that the company has taken out is taken for one of it (ROOM-16, ACC-04, ACC-09, ID-08).

The relay works with that device: it hides from a customer what the company says of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from e2ee_client.engine.company import Founding
from e2ee_client.engine.rooms import taking
from e2ee_client.room_events import EntryRefused
from engine_world import Node, World
from relay_scenes import withholding
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, accept, act, add, texts, write
from struck_off import heedless
from team_thief import EvilDirectory, Loot, slot_of, suspend
from team_world import account, colleague, company_of, do, founded, in_force, team_of, this, view

from e2ee.content import Content
from e2ee.ids import ContentId
from e2ee.rooms.entry import Author, RoomId
from e2ee.rooms.mandate import next_seq
from e2ee.rooms.room import Admission
from e2ee.rooms.slots import encode_slot
from e2ee.rooms.team import Condition

SUSPENDED = "room.suspended"
ROSTER_BOUND_MS, LIST_BOUND_MS = 8 * DAY_MS, 31 * DAY_MS


@dataclass
class Scene:
    """A founder, a colleague who answers a customer, and their room."""

    world: World
    founder: Node
    agent: Node
    customer: Node
    room_id: RoomId

    def goes_on(self) -> None:
        """From now on the colleague's device is a thief's: it does as if nothing had happened."""
        before, context = view(self.agent, self.founder), self.agent.engine._context
        context.rooms.around.team = lambda *_: before  # type: ignore[method-assign]  # a thief
        context.team.condition = lambda: Condition.ACTIVE  # type: ignore[method-assign]  # a thief
        context.recovering.replaced = lambda *_, **__: None  # type: ignore[method-assign]  # a thief
        context.team.learn_content = lambda *_: None  # type: ignore[method-assign]  # a thief
        context.team.note_entry = lambda *_: None  # type: ignore[method-assign]  # a thief
        context.rooms.dropping.look = lambda *_: None  # type: ignore[method-assign]  # a thief
        heedless(self.agent)

    def says(self, text: str) -> bool:
        """Let the thief write; tell whether the customer shows it."""
        write(self.agent, self.room_id, text)
        self.world.advance(MINUTE_MS)
        return text in texts(self.customer, self.room_id)

    def rest(self, ms: int) -> None:
        """Let time pass while only the customer is online; afterwards the thief is too."""
        self.agent.stop()
        self.world.advance(ms)
        self.agent.start()

    def last_shown_ms(self, begun_ms: int, until_ms: int, each_ms: int) -> int:
        """Let the thief write again and again; return when the customer showed it last."""
        last_ms = begun_ms
        while self.world.now_ms - begun_ms < until_ms:
            if self.says(f"um {self.world.now_ms}"):
                last_ms = self.world.now_ms
            self.rest(each_ms - MINUTE_MS)
        return last_ms - begun_ms

    def hide(self, *slots: bytes) -> EvilDirectory:
        """Let the relay bring the customer nothing of the founder, and show it old things only."""
        withholding(self.founder)
        evil, engine = EvilDirectory(self.customer, slots=slots, freezes=True), self.customer.engine
        contact = engine._state.contacts[account(self.founder)]
        do(self.customer, lambda turn: engine._context.directory.look_up(turn, contact))
        assert evil.first is not None
        return evil


def answered(*, front_desk: bool = False) -> Scene:
    """A room in which a colleague answers."""
    world = World()
    founder = founded(world)
    agent = colleague(founder, "Sachbearbeiter", front_desk=front_desk)
    customer = world.node("Kundin")
    customer.start()
    room_id = accept(customer, founder)
    world.advance(5 * MINUTE_MS)
    add(founder, room_id, founder, agent)
    world.advance(5 * MINUTE_MS)
    scene = Scene(world, founder, agent, customer, room_id)
    assert scene.says("vorher")
    return scene


def put_back(scene: Scene, old: Content) -> None:
    """Let the thief send the roster of before, and publish it."""
    to = [Author(account(node), this(node)) for node in (scene.customer, scene.founder)]
    act(scene.agent, lambda turn, rooms: rooms.around.post(turn, old, to))
    scene.world.advance(MINUTE_MS)


def roster_content(node: Node, founder: Node) -> Content:
    """What a device knows of its team, as content of type 12."""
    ref = view(node, founder).roster
    content = do(node, lambda turn: team_of(node).content(turn, account(founder), ref))
    assert content is not None
    return Content(ContentId(b"yesterday's slot"), node.now_ms, content.encode())


def codes(node: Node) -> list[str]:
    """How entries of the room were refused."""
    return [one.code for one in node.of(EntryRefused)]


def test_who_holds_the_new_roster_refuses_at_once_whatever_is_put_back() -> None:
    """ROOM-16, ACC-05, ACC-09: nothing of it is shown from then on, neither after yesterday's roster has come
    again by content and by directory, nor after a new start.
    """
    scene = answered()
    old, slot = roster_content(scene.agent, scene.founder), slot_of(scene.agent)
    scene.goes_on()
    suspend(scene.founder, scene.agent)
    scene.world.advance(MINUTE_MS)
    assert not scene.says("sofort danach")
    put_back(scene, old)
    assert not scene.says("mit dem alten Roster")
    EvilDirectory(scene.customer, slots=(slot,))
    scene.world.advance(2 * DAY_MS)
    assert not scene.says("mit dem alten Eintrag")
    for node in (scene.customer, scene.founder):
        node.crash()
        node.start()
    assert not scene.says("nach einem Neustart")
    for node in (scene.customer, scene.founder):
        assert texts(node, scene.room_id) == ["vorher"]
        assert set(codes(node)) == {SUSPENDED}
        assert len(codes(node)) >= 4
        assert this(scene.agent) not in in_force(node, scene.founder)


@pytest.mark.audit_only
def test_where_the_relay_hides_it_a_suspended_agent_is_out_after_eight_days() -> None:
    """ACC-04: the roster of before ends with its seven days and the clock tolerance. What the customer writes
    from then on is sealed for nobody, and comes to the company when the relay lets it hear again.
    """
    scene = answered()
    old = roster_content(scene.agent, scene.founder)
    evil = scene.hide(slot_of(scene.agent))
    scene.goes_on()
    suspend(scene.founder, scene.agent)
    scene.founder.stop()
    begun_ms = scene.world.now_ms
    scene.rest(7 * DAY_MS)
    last_ms = scene.last_shown_ms(begun_ms, 9 * DAY_MS, 6 * HOUR_MS)
    assert 7 * DAY_MS < last_ms <= ROSTER_BOUND_MS
    assert evil.seen
    put_back(scene, old)
    assert not scene.says("mit dem alten Roster")
    write(scene.customer, scene.room_id, "nicht fuer ihn")
    scene.world.advance(HOUR_MS)
    assert "nicht fuer ihn" not in texts(scene.agent, scene.room_id)
    evil.slots, evil.freezes = None, False
    scene.founder.outgoing = lambda _, data: [data]
    scene.founder.start()
    scene.world.advance(DAY_MS + HOUR_MS)
    assert "nicht fuer ihn" in texts(scene.founder, scene.room_id)
    assert "nicht fuer ihn" not in texts(scene.agent, scene.room_id)


def test_where_the_relay_hides_it_a_stolen_desk_is_out_after_31_days() -> None:
    """ID-08, ACC-06, ACC-19: the thief has the roster key and names itself, each day anew. The company
    answers with a new mandate and list; where they are hidden, the list of before ends all of it.
    """
    scene = answered(front_desk=True)
    world, thief = scene.world, this(scene.agent)
    loot = Loot.of(scene.founder)
    evil = scene.hide(slot_of(scene.agent))
    scene.goes_on()
    scene.founder.carry_out(scene.founder.engine.remove_device(thief, world.now_ms))
    do(scene.founder, lambda turn: company_of(scene.founder).set_powers(turn, Founding()))
    assert thief not in in_force(scene.founder, scene.founder)
    scene.founder.stop()
    begun_ms, last_ms = world.now_ms, 0
    scene.customer.stop()
    scene.rest(29 * DAY_MS)
    scene.customer.start()
    while world.now_ms - begun_ms < LIST_BOUND_MS + HOUR_MS:
        if world.now_ms < loot.device_list.expires_ms:
            roster = loot.sign(world.now_ms, next_seq(0, world.now_ms), [], [this(scene.founder), thief])
            evil.slots = (encode_slot(loot.standing.mandate, roster),)
        scene.rest(12 * HOUR_MS)
        if scene.says(f"um {world.now_ms}"):
            last_ms = world.now_ms - begun_ms
    assert 29 * DAY_MS < last_ms <= LIST_BOUND_MS


def test_the_control_shows_what_members_alone_would_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a device that asks who is a member, and not who is in force, shows all of it."""

    def admitted(*_: object) -> Admission:
        return Admission.TAKEN

    monkeypatch.setattr(taking, "admit", admitted)
    with pytest.raises(AssertionError):
        test_who_holds_the_new_roster_refuses_at_once_whatever_is_put_back()
