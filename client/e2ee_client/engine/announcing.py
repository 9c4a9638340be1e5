"""Rosters on their way to all whom they concern, with what a reader needs beside them (ACC-12, ACC-17)."""

from __future__ import annotations

from dataclasses import replace

from e2ee.constants import CONTENT_ID_B
from e2ee.ids import AccountId
from e2ee.rooms.entry import Author
from e2ee.rooms.roster import Roster, RosterRef
from e2ee.rooms.slots import MAX_NOTICES, RosterContent

from .part import Part
from .peers import Peer
from .posted import Posted
from .turn import Turn


class Announcing(Part):
    """Contents of type 12: cards go to devices of the company only, notices to all."""

    def announce(self, turn: Turn, roster: Roster) -> None:
        """Send a roster at once to customers with open rooms, and to our devices: those in force, and those
        that it suspends, which lock their rooms (ACC-17).
        """
        own = self._state.own
        listed = {one.record.device_id for one in self._state.own_devices.values()}
        ids = [one.device_id for one in roster.named]
        ours = [Author(own.account_id, one) for one in (*ids, *roster.suspended) if one in listed]
        self._post(turn, roster.ref, ours)
        customers = [Author(*one) for one in self._context.rooms.customers()]
        self._post(turn, roster.ref, [one for one in customers if one.account_id in self._state.contacts])

    def met(self, turn: Turn, peer: Peer) -> None:
        """A colleague's device has been learned of: who signs tells it what counts; a new device makes itself
        known to the desks, which may not have seen its address yet (ACC-40).
        """
        if peer.contact is not self._state.colleagues:
            return
        if self._context.company.signs:
            standing = self._context.team.standing(peer.account_id)
            if standing is not None and standing.roster is not None:
                self._post(turn, standing.roster.ref, [Author(peer.account_id, peer.device_id)])
        elif peer.record.front_desk and self._context.rooms.is_gated():
            self._context.renewal.want(turn, peer)
            self._context.renewal.try_start(turn, peer)

    def _post(self, turn: Turn, ref: RosterRef, to: list[Author]) -> None:
        content = None if not to else self.content(turn, self._state.own.account_id, ref, to[0])
        if content is not None:
            payload = content.encode()
            content_id = self._state.ports.rng(CONTENT_ID_B)
            posted = Posted(content_id, turn.now_ms, payload.type, payload.payload)
            self._context.posting.post(turn, posted, to)

    def content(self, turn: Turn, company: AccountId, ref: RosterRef, to: Author) -> RosterContent | None:
        """Return what a device needs to go by a roster; None where it is not kept here (ACC-12)."""
        content = self._context.team.content(turn, company, ref)
        if content is None:
            return None
        notices = self._context.notices.stated(turn, company)[:MAX_NOTICES]
        cards = self._context.team.cards(turn, company) if to.account_id == company else ()
        return replace(
            content,
            notices=tuple(one.signed for one in notices),
            cards=tuple(one.encoded for one in cards),
        )
