"""Who erases what in a room, and what may then be left of it where."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from e2ee_client.engine.rooms.stewarding import Change
from e2ee_client.engine.turn import Turn
from engine_world import Node
from erase_scan import left_on
from erase_talk import TTL_S, Fault, Said, Talk
from erase_world import backup_of, opened_of_traffic, rows_of
from rooms_world import DAY_MS, HOUR_MS, MINUTE_MS, act, change, rooms_of, write

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.erasure import EPHEMERAL_MAX_MS
from e2ee.rooms.payloads import Erase
from e2ee.rooms.state import Phase


class Run(Talk):
    """One performance; everything that is random comes from the seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        super().__init__(seed, folder)
        self.target: Said | None = None
        self._given: EntryHash | None = None
        self._ordered_by: Node | None = None

    def play(self) -> None:
        """Talk, erase, and let time pass, with all that goes wrong meanwhile."""
        self.go_away()
        self.talk(self.rnd.randint(6, 12))
        self.all_on()
        self.check_before()
        self._ordered()
        self.talk(self.rnd.randint(2, 6), trouble=0.6, secret=False)
        self.all_on()
        for _ in range(3):
            self.world.advance(self._days() * DAY_MS)
            self.talk(1, trouble=0.5, secret=False)
            self.all_on()
        self.world.advance(30 * HOUR_MS)
        self.check(one for one in self.nodes if one is not self.absent)
        if self.absent is not None:
            self._comes_back(self.absent)

    def _comes_back(self, away: Node) -> None:
        """Who was away brings nothing back; what it said meanwhile, and what it has, goes in its time."""
        self.absent = None
        self.all_on()
        self.world.advance(30 * HOUR_MS)
        self.check((one for one in self.nodes if one is not away), without=away)
        self.world.advance(self._kept_by_timers())
        self.check(self.nodes)

    def _kept_by_timers(self) -> int:
        """How long who was away may keep what a timer destroys: it counts by its own clock (ROOM-41)."""
        return {"closed": TTL_S * 1_000, "ephemeral": EPHEMERAL_MAX_MS}.get(self.way, 0)

    # --- who erases, and what is to go ---

    def _ordered(self) -> None:
        """Give the order; one that was lost with the power is given again."""
        self.target = self._target()
        while not self._is_given():
            if self.rnd.random() < 0.5:
                self.cut(self._by())
            self._given = self.attempt(self._order) or self._given
            self.world.advance(self.rnd.randint(0, 5 * MINUTE_MS))
        self._ordered_by = self._by()

    def _put_back(self, node: Node) -> None:
        """Who gave the order is not set back to before it: it would have it by hearsay alone (TRN-17)."""
        if node is not self._ordered_by:
            super()._put_back(node)

    def _target(self) -> Said | None:
        """An entry to be erased; None where all of them are."""
        sides = {"steward": self.team[1:], "author": self.nodes, "customer": self.customers}
        if self.way not in sides:
            return None
        texts = [one for one in self.said if one.is_text]
        found = [
            one
            for one in texts
            if one.author in sides[self.way] and one.author is not self.absent and self._is_there(one)
        ]
        while not found:
            self.say(self.rnd.choice([one for one in sides[self.way] if one.alive]), secret=True)
            self.all_on()
            last = self.said[-1:]
            found = [one for one in last if one.is_text and self._is_there(one)]
        target = self.rnd.choice(found)
        if self.rnd.random() < 0.6 and target.author.alive:
            self.word_anew(target)
            self.world.advance(5 * MINUTE_MS)
        return target

    def _is_there(self, one: Said) -> bool:
        stored = rooms_of(one.author).log(self.room_id).find(Turn(one.author.now_ms), one.hash)
        return stored is not None and stored.body is not None

    def _by(self) -> Node:
        """Who erases."""
        if self.way in ("author", "customer") and self.target is not None:
            return self.target.author
        return self.customers[0] if self.way in ("room", "withdrawal") else self.desk

    def _order(self) -> EntryHash | None:
        node = self._by()
        match self.way:
            case "room":
                return write(node, self.room_id, Erase(None))
            case "closed":
                return change(node, self.room_id, Change(phase=Phase.CLOSED))
            case "withdrawal":
                act(node, lambda turn, rooms: rooms.consenting.withdraw(turn, self.room_id))
                return None
            case _:
                assert self.target is not None
                return write(node, self.room_id, Erase((self.target.hash,)))

    def _is_given(self) -> bool:
        """Whether the one who gives the order has it in its store."""
        node = self._by()
        room = rooms_of(node).room(Turn(node.now_ms), self.room_id)
        if self.way in ("closed", "ephemeral"):
            return self.way == "ephemeral" or room.states.condition().phase is Phase.CLOSED
        if self.way == "withdrawal":
            return bool(room.live.consent.is_withdrawn)
        return self._given is not None and room.log.find(Turn(node.now_ms), self._given) is not None

    def _goes_from(self, one: Said) -> list[Node]:
        """The devices on which it is not to be left: the customer keeps what it was promised (ROOM-26)."""
        if self.target is not None:
            is_named, by_customer = one.of == self.target.hash, self.target.author in self.customers
        else:
            is_named, by_customer = not one.is_note or self.way != "ephemeral", self.way == "room"
        return [] if not is_named else self.nodes if by_customer else self.team

    # --- what is left ---

    def check_before(self) -> None:
        """What was said stands where it was said: the search sees it.

        Raises:
            Fault.
        """
        needles = [one.needle for one in self.said]
        found = sum(bool(places) for places in left_on(self.desk, needles).values())
        self.figures["found before"] += found
        if not found:
            raise Fault("the search finds nothing of what was said")

    def check(self, nodes: Iterable[Node], without: Node | None = None) -> None:
        """Nothing is left of what was to go on these devices, but for what one has said.

        Raises:
            Fault.
        """
        left = [f"{node.name}: {place}" for node in nodes for place in self._left(node, without)]
        if left:
            raise Fault(f"{self.way}: {'; '.join(sorted(set(left)))}")

    def _left(self, node: Node, without: Node | None) -> Iterable[str]:
        looked_for = (one for one in self.said if one.author is not without)
        gone = [one.needle for one in looked_for if node in self._goes_from(one)]
        self.figures["erased from a device"] += len(gone)
        for places in left_on(node, gone).values():
            yield from places
        backup, traffic = backup_of(node), opened_of_traffic(self.world, node)
        for raw, _ in gone:
            if raw in backup:
                yield "a backup"
            if any(raw in content for content in traffic):
                yield "an envelope under a key that remains"
        if rows_of(node).boxes_left():
            yield "boxes of keys that are no more"
