"""A company and a customer who say things that stand nowhere else, while everything goes wrong.

Machines lose their power between any two writes, devices are off, and go on from older stores.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from e2ee_client.engine.rooms.rooms import Rooms
from e2ee_client.engine.rooms.surroundings import Policy
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import SealroomError
from e2ee_client.rows import Continuity
from engine_world import Node
from erase_scan import Needle
from erase_world import CutWorld, begin_again, rows_of
from own_devices import joined
from rooms_world import MINUTE_MS, accept, acceptance, act, add, rooms_of, write
from team_world import colleague, founded

from e2ee.constants import DEVICE_ID_B
from e2ee.errors import E2eeError
from e2ee.files import padded_size
from e2ee.identity import DeviceKind
from e2ee.ids import DeviceId
from e2ee.rooms.entry import EntryHash, RoomId
from e2ee.rooms.payloads import Edit, EntryPayload, File, RoomText
from e2ee.rooms.state import Retention, RetentionClass
from e2ee.secret import FileKey

WAYS: Final = ("author", "steward", "customer", "room", "withdrawal", "closed", "ephemeral")
"""Who erases, or what: an entry by its author, by a steward, by the customer; all by the customer; a
withdrawal; the timer of a closed room, that of what was read.
"""
TTL_S: Final = 2 * 86_400
_COPIES: Final = (Continuity.ROLLED_BACK, Continuity.CLONED, Continuity.UNKNOWN)
_MEDIA: Final = "application/pdf"


class Fault(Exception):
    """Something is left of what was to go, or what was to stay is not found."""


class Said(NamedTuple):
    """Something that stands nowhere else: who wrote it, what to look for, and whether it is a note."""

    author: Node
    hash: EntryHash
    needle: Needle
    of: EntryHash
    is_note: bool = False
    is_file: bool = False

    @property
    def is_text(self) -> bool:
        """Whether it is a text of the room itself, and no new wording."""
        return self.hash == self.of and not self.is_note and not self.is_file


class Talk:
    """A room and those in it, who talk while things go wrong; all that is random comes from the seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rnd = random.Random(seed)
        self.way = WAYS[seed % len(WAYS)]
        self.world = CutWorld(folder)
        self.said: list[Said] = []
        self.figures: Counter[str] = Counter()
        self._copies: dict[str, list[Path]] = {}
        self._number = 0
        self.absent: Node | None = None
        self.desk = founded(self.world)
        if self.way == "ephemeral":
            policy = Policy(Retention(RetentionClass.EPHEMERAL, TTL_S))
        else:
            policy = Policy(Retention(RetentionClass.DEFAULT, TTL_S))
        act(self.desk, lambda turn, rooms: rooms.set_policy(turn, policy))
        names = [f"Platz {at}" for at in range(self.rnd.randint(1, 2))]
        self.team = [self.desk, *(colleague(self.desk, name) for name in names)]
        customer = self.world.node("Kundin", publish=True, front_desk=False)
        customer.start()
        self.customers = [customer]
        self.room_id = self._opened()

    def _opened(self) -> RoomId:
        room_id = accept(self.customers[0], self.desk)
        self.world.advance(5 * MINUTE_MS)
        add(self.desk, room_id, *self.team)
        self.world.advance(5 * MINUTE_MS)
        if self.rnd.random() < 0.6:
            self._link(room_id)
        return room_id

    def _link(self, room_id: RoomId) -> None:
        """The customer has a second device, which is given the room (ACC-52)."""
        first = self.customers[0]
        second = joined(self.world, first, "Kundin zwei", front_desk=False, kind=DeviceKind.PERSON)
        second.carry_out(second.engine.know_company(acceptance(self.desk), second.now_ms)[1])
        self.world.advance(10 * MINUTE_MS)
        if room_id not in rooms_of(second).index:
            raise Fault("the second device was not given the room")
        self.customers.append(second)

    @property
    def nodes(self) -> list[Node]:
        return [*self.team, *self.customers]

    # --- what happens ---

    def go_away(self) -> None:
        """One device may be off all the time, with what was said before, until all others have erased."""
        first = 2 if self.way == "steward" else 1
        others = [*self.team[first:], *self.customers[1:]]
        if others and self.rnd.random() < 0.5:
            for _ in range(2):
                self.say(self.rnd.choice(self.nodes), secret=True)
            self.world.advance(MINUTE_MS)
            self.absent = self.rnd.choice(others)
            self._off(self.absent)
            self.say(self.absent, secret=True)

    def _off(self, node: Node) -> None:
        node.stop()
        node.alive = False
        self.figures["off"] += 1

    def _days(self) -> int:
        return {"closed": 1, "ephemeral": 11}.get(self.way, 1)

    def talk(self, steps: int, *, trouble: float = 0.35, secret: bool = True) -> None:
        for _ in range(steps):
            if self.rnd.random() < trouble:
                self._trouble(self.rnd.choice([one for one in self.nodes if one is not self.absent]))
            self.say(self.rnd.choice([one for one in self.nodes if one.alive]), secret=secret)
            self.world.advance(self.rnd.randint(1_000, 5 * MINUTE_MS))
            self._look()

    def say(self, node: Node, *, secret: bool) -> None:
        """Write a text, a new wording, a file or a note."""
        words = self._words(node)
        dice = self.rnd.random()
        own = [one for one in self.said if one.author is node and one.is_text]
        if not secret:
            self.attempt(lambda: write(node, self.room_id, words))
        elif dice < 0.15 and own:
            self.word_anew(self.rnd.choice(own))
        elif dice < 0.3:
            key = self.rnd.randbytes(32)
            self._note_said(node, _file(self.rnd, words, key), Needle.of_key(key))
        elif dice < 0.45 and node in self.team:
            noted = self.attempt(
                lambda: act(node, lambda turn, rooms: rooms.acting.note(turn, self.room_id, words))
            )
            if noted is not None:
                self.said.append(Said(node, noted, Needle.of_text(words), noted, is_note=True))
        else:
            self._note_said(node, RoomText(words), Needle.of_text(words))

    def _words(self, node: Node) -> str:
        """Words that stand nowhere else."""
        self._number += 1
        return f"Kanarienvogel {self._number} von {node.name} {self.rnd.getrandbits(64):016x}"

    def word_anew(self, text: Said) -> None:
        """Its author words a text anew."""
        words = self._words(text.author)
        self._note_said(text.author, Edit(text.hash, words), Needle.of_text(words), text.hash)

    def _note_said(
        self, node: Node, payload: EntryPayload, needle: Needle, of: EntryHash | None = None
    ) -> None:
        written = self.attempt(lambda: write(node, self.room_id, payload))
        if written is not None:
            is_file = isinstance(payload, File)
            self.said.append(Said(node, written, needle, of or written, is_file=is_file))

    def attempt(self, step: Callable[[], EntryHash | None]) -> EntryHash | None:
        """Do what may be refused where a device has not heard of all yet, or has lost its power."""
        try:
            return step()
        except (E2eeError, SealroomError):
            self.figures["refused"] += 1
            return None

    def _trouble(self, node: Node) -> None:
        dice = self.rnd.random()
        if dice < 0.5:
            self.cut(node)
        elif dice < 0.6:
            self._copies.setdefault(node.name, []).append(rows_of(node).copied("copy"))
        elif dice < 0.8 and self._copies.get(node.name) and node is not self.desk:
            self._put_back(node)
        elif dice < 0.9 and node.alive and node is not self.desk and self._on(node) > 1:
            self._off(node)
        else:
            node.break_connections()

    def _on(self, node: Node) -> int:
        """How many devices of this one's side are on."""
        return sum(one.alive for one in (self.team if node in self.team else self.customers))

    def cut(self, node: Node) -> None:
        """The machine loses its power at one of its next writes."""
        rows_of(node).cut_in = self.rnd.randint(1, 6)
        rows_of(node).cut_where = self.rnd.choice(("before", "within", "after"))
        self.figures["power cuts"] += 1

    def _put_back(self, node: Node) -> None:
        """A copy of the store is put back, which the store notices (STO-14)."""
        copies = self._copies[node.name]
        rows_of(node).go_on_from(copies.pop(self.rnd.randrange(len(copies))))
        node.alive = True
        begin_again(node, self.rnd.choice(_COPIES))
        self.world.settle()
        self.figures["older stores"] += 1

    def all_on(self) -> None:
        """All devices are on, with power; each says one thing, so that all hear of what they lack."""
        for node in self.nodes:
            rows_of(node).cut_in = -1
            if not node.alive and node is not self.absent:
                node.alive = True
                node.start()
        self.world.advance(10 * MINUTE_MS)
        for node in [one for one in self.nodes if one.alive]:
            self.say(node, secret=False)
            self.world.advance(2 * MINUTE_MS)
        self.world.advance(30 * MINUTE_MS)

    def _look(self) -> None:
        """What is of the past in a room is read by the people of the company."""
        if self.way != "ephemeral":
            return
        for node in self.team:
            self._read(node)

    def _read(self, node: Node) -> None:
        hashes = [one.hash for one in self.said if not one.is_note]

        def read(turn: Turn, rooms: Rooms) -> None:
            rooms.do(turn, self.room_id, lambda room: room.mark_read(turn, hashes))

        self.attempt(lambda: act(node, read))


def _file(rnd: random.Random, name: str, key: bytes) -> File:
    """What announces a file; it is the key that has to go."""
    size_b = rnd.randint(1, 100_000)
    payer = DeviceId(bytes(DEVICE_ID_B))
    return File(
        *(rnd.randbytes(32), FileKey(key), padded_size(size_b), rnd.randbytes(32), size_b),
        *(f"{name}.pdf", _MEDIA, 0, payer),
    )
