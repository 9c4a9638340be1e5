"""What was to be erased, and what each device of the company has answered, signed (ROOM-45)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from e2ee.ids import DeviceId
from e2ee.rooms.desk import TURN_MS
from e2ee.rooms.entry import Entry, EntryHash
from e2ee.rooms.erasure import ANSWERED_WITHIN_MS
from e2ee.rooms.kinds import Kind, Side
from e2ee.rooms.payloads import EntryPayload, Erased, Outcome
from e2ee.rooms.state import Phase, RetentionClass
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import ErasureAnswered, ErasureUnanswered

from .entry_log import EntryLog, StoredEntry
from .erasing import kind_of
from .records import Answer, Erasure, LiveRoom, Order
from .room_part import RoomPart

MAX_ERASURES: Final = 64
"""Orders of one side to erase that are remembered with their answers, the newest ones."""


class Erasures(RoomPart):
    """An answer is of the device that signs it, and of no other; who owes one is shown until it is here."""

    def asked(self, turn: Turn, order: Order) -> None:
        """Remember an order, and of whom an answer is due: the devices of the company that got it."""
        if any(one.by == order.by for one in self._live.erasures):
            return
        by = self._room.log.find(turn, order.by)
        to = self._room.states.recipients(int(Kind.ERASE), turn.now_ms)
        devices = (one.device_id for one in to if one.account_id == self._live.company)
        found = self._owing(turn, order.hashes, devices)
        if self._around.side is Side.COMPANY:
            found.add(self._around.us.device_id)
        if by is not None and by.account_id == self._live.company:
            found.add(by.device_id)
        erasure = Erasure(order.by, order.hashes, turn.now_ms, tuple(sorted(found)))
        self._live.erasures = (*self._live.erasures, erasure)
        if len(self._live.erasures) > MAX_ERASURES:
            self._drop_oldest(turn)

    def _drop_oldest(self, turn: Turn) -> None:
        """Forget the oldest orders of a side that has given more than are remembered (ROOM-45)."""
        live, log = self._live, self._room.log
        theirs = [one for one in live.erasures if _is_of_customer(turn, live, log, one)]
        ours = [one for one in live.erasures if one not in theirs]
        kept = (*theirs[-MAX_ERASURES:], *ours[-MAX_ERASURES:])
        live.erasures = tuple(one for one in live.erasures if one in kept)

    def reached(self, turn: Turn, by: EntryHash, devices: Iterable[DeviceId]) -> None:
        """An order that had waited is on its way to these devices: an answer is due of them, and of nobody
        else (ROOM-45, ROOM-52); from now on, unless one is owed already, so that nothing puts that off.
        """
        kept, devices = list[Erasure](), tuple(devices)
        for one in self._live.erasures:
            if one.by == by:
                due_from = tuple(sorted(self._owing(turn, one.hashes, devices)))
                is_known = {*due_from} <= {*one.due_from}
                asked_ms = one.asked_ms if is_known or self._is_owed(one) else turn.now_ms
                one = one._replace(due_from=due_from, asked_ms=asked_ms, is_told=one.is_told and is_known)
            kept.append(one)
        self._live.erasures = tuple(kept)

    def _owing(self, turn: Turn, hashes: Sequence[EntryHash], devices: Iterable[DeviceId]) -> set[DeviceId]:
        """Of these devices of the company those which may have what is to be erased: a steward that no valid
        state, nor `open`, has named was sent addresses and logins alone, and none once the consent had ended.
        """
        states = self._room.states
        known, phase = states.room.known(), states.condition().phase
        is_open = phase not in (Phase.WITHDRAWN, Phase.ERASED)
        found = self._room.log.several(turn, hashes) if is_open else []
        all_have = any(kind_of(one) in (Kind.REACH, Kind.IDENTIFY) for one in found)
        return {one for one in devices if all_have or one in known}

    def reached_too(self, turn: Turn, by: EntryHash, devices: Collection[DeviceId]) -> None:
        """An order is on its way to further devices: an answer is due of them, too (ROOM-61)."""
        for one in self._live.erasures:
            if one.by == by:
                self.reached(turn, by, {*one.due_from, *devices})

    def are_for(self, entry: Entry, payload: EntryPayload | None) -> bool:
        """Whether a device answers an order that is remembered for the first time, or now with done: so that
        who was a member writes no more than twice of each (ROOM-16).
        """
        if not isinstance(payload, Erased):
            return False
        orders = (one for one in self._live.erasures if one.named == payload.hashes)
        found = [_said(one, entry.author.device_id) for one in orders]
        return any(
            said is None or (payload.outcome is Outcome.DONE and said is not Outcome.DONE) for said in found
        )

    def taken(self, turn: Turn, entry: Entry, payload: Erased) -> None:
        """Note what a device says of itself; a login that it has given us goes with its own (ROOM-88)."""
        if self._room.taking.side_of(entry.author) is Side.COMPANY:
            self._note(turn, entry.author.device_id, payload)
            if payload.outcome is Outcome.DONE and not self._room.states.condition().keeps:
                by = self._room.taking.tag_of(entry.author)
                found = self._room.log.several(turn, payload.hashes or ())
                given = (one for one in found if kind_of(one) == Kind.IDENTIFY and one.forwarded_by == by)
                self._room.erasing.destroy(turn, given)

    def _note(self, turn: Turn, device_id: DeviceId, payload: Erased) -> None:
        answer = Answer(device_id, payload.outcome, payload.until_ms, turn.now_ms)
        kept: list[Erasure] = []
        for one in self._live.erasures:
            is_meant = one.named == payload.hashes and _said(one, device_id) is not Outcome.DONE
            if is_meant and not _says_the_same(one, answer):
                others = tuple(old for old in one.answers if old.device_id != device_id)
                one = one._replace(answers=(*others, answer))
                event = ErasureAnswered(
                    self._live.room_id, one.by, device_id, payload.outcome.name.lower(), payload.until_ms
                )
                self._around.tell(turn, event)
            kept.append(one)
        self._live.erasures = tuple(kept)

    # --- what is due ---

    def due_ms(self, turn: Turn) -> int | None:
        """Return when an answer is to be given, or one that is missing told of."""
        due = [one.asked_ms + ANSWERED_WITHIN_MS for one in self._live.erasures if self._is_owed(one)]
        if self._unsaid(turn):
            due.append(max(turn.now_ms, self._live.retry_ms))
        return min(due, default=None)

    def _is_owed(self, one: Erasure) -> bool:
        return bool(one.missing) and not one.is_told

    def tick(self, turn: Turn) -> None:
        """Say what stands above an order, and tell who has not answered within seven days."""
        if self._live.retry_ms <= turn.now_ms:
            for one, outcome in self._unsaid(turn):
                self._answer(turn, one, outcome)
        kept: list[Erasure] = []
        for one in self._live.erasures:
            one = one._replace(asked_ms=min(one.asked_ms, turn.now_ms))
            if self._is_owed(one) and one.asked_ms + ANSWERED_WITHIN_MS <= turn.now_ms:
                one = one._replace(is_told=True)
                self._around.tell(turn, ErasureUnanswered(self._live.room_id, one.by, one.missing))
            kept.append(one)
        self._live.erasures = tuple(kept)

    def _answer(self, turn: Turn, erasure: Erasure, outcome: Outcome) -> None:
        if not self._room.writing.write_quietly(turn, Erased(erasure.named, outcome)):
            self._live.retry_ms = turn.now_ms + TURN_MS

    def _unsaid(self, turn: Turn) -> list[tuple[Erasure, Outcome]]:
        """What this device has to say, of orders that are carried out and of those that have to wait."""
        if not self._live.erasures or not self._room.states.answers(turn.now_ms):
            return []
        if not self._room.writing.can_write(turn):
            return []
        keeps, found = self._room.states.condition().keeps, list[tuple[Erasure, Outcome]]()
        waiting = {one.by for one in self._live.orders}
        for one in self._live.erasures:
            said = _said(one, self._around.us.device_id)
            if one.by not in waiting and said is not Outcome.DONE:
                found.append((one, Outcome.DONE))
            elif one.by in waiting and keeps and said is None:
                found.append((one, self._kept_by()))
        return found

    def _kept_by(self) -> Outcome:
        state = self._room.states.state
        is_class = state is not None and state.retention.kind is RetentionClass.STATUTORY
        return Outcome.CLASS if is_class else Outcome.HOLD


def _said(erasure: Erasure, device_id: DeviceId) -> Outcome | None:
    return next((one.outcome for one in erasure.answers if one.device_id == device_id), None)


def _says_the_same(erasure: Erasure, answer: Answer) -> bool:
    said = next((one for one in erasure.answers if one.device_id == answer.device_id), None)
    return said is not None and (said.outcome, said.until_ms) == (answer.outcome, answer.until_ms)


def is_erased_by_customer(turn: Turn, live: LiveRoom, log: EntryLog, stored: StoredEntry) -> bool:
    """Whether an erasure of the customer is about an entry, or may have been: of older ones than are
    remembered nobody knows (CNS-77).
    """
    orders = ((one.hashes, log.find(turn, one.by)) for one in live.erasures)
    theirs = [(hashes, by) for hashes, by in orders if by is not None and by.account_id == live.customer]
    place = stored.k, stored.hash
    return len(theirs) >= MAX_ERASURES or any(
        stored.hash in hashes if hashes else place < (by.k, by.hash) for hashes, by in theirs
    )


def _is_of_customer(turn: Turn, live: LiveRoom, log: EntryLog, erasure: Erasure) -> bool:
    by = log.find(turn, erasure.by)
    return by is not None and by.account_id == live.customer
