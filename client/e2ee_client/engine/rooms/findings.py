"""What entries show about their devices, told to the application with evidence (TRN-09)."""

from __future__ import annotations

from collections.abc import Iterable

from e2ee.ids import DeviceId
from e2ee.rooms.entry import DeviceTag, Entry, device_tag
from e2ee.rooms.forward import encode_line
from e2ee.rooms.transcript import Finding, FindingKind
from e2ee.wire import cbor
from e2ee_client.engine.turn import Turn
from e2ee_client.room_events import ChainRestarted, Differ, EntryRefused, Equivocation

from .room_part import RoomPart


class Findings(RoomPart):
    """Differing entries, equivocations, restarts."""

    def device_of(self, tag: DeviceTag) -> DeviceId:
        """Return the device that a tag names, or the tag where none is known."""
        live, around = self._live, self._around
        known = [*self._room.states.room.known(), *self._room.states.customers(), around.us.device_id]
        known += list(around.devices(live.company))
        return next((one for one in known if device_tag(live.room_id, one) == tag), DeviceId(tag))

    def report(self, turn: Turn, findings: Iterable[Finding], entry: Entry) -> None:
        """Tell each finding."""
        for found in findings:
            self._report(turn, found, entry)

    def _report(self, turn: Turn, found: Finding, entry: Entry) -> None:
        room_id, device = self._live.room_id, self.device_of(found.tag)
        match found.kind:
            case FindingKind.DIFFER:
                self._around.tell(turn, Differ(room_id, device, found.n, self.device_of(found.by)))
            case FindingKind.EQUIVOCATION:
                evidence = self._evidence(turn, found, entry)
                self._around.tell(turn, Equivocation(room_id, device, found.n, evidence))
            case FindingKind.RESTARTED:
                if found.tag != self._live.view.us:
                    self._around.tell(turn, ChainRestarted(room_id, device, found.n))
            case FindingKind.ROLLED_BACK:
                self._live.restarts = True
                self._room.catching_up.begin(turn)
            case _:
                author = entry.author.device_id
                self._around.tell(turn, EntryRefused(room_id, entry.hash, author, "room.too_many"))

    def _evidence(self, turn: Turn, found: Finding, entry: Entry) -> bytes:
        """Return both entries as lines, without bodies: signatures hold for commitments (TRN-04)."""
        log, lines = self._room.log, [encode_line(entry.redacted())]
        for n in (found.n, found.n + 1):
            held = log.held(turn, found.tag, n)
            stored = None if held is None else log.find(turn, held.hash)
            if stored is not None and stored.hash != entry.hash:
                lines.append(encode_line(log.entry(turn, stored).redacted()))
        return cbor.encode(lines)
