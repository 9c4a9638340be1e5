"""A room on the customer's side."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from e2ee.errors import MandateInvalid
from e2ee.ids import DeviceId
from e2ee.rooms.forms import Rating
from e2ee.rooms.login import stated_mandate
from e2ee.rooms.login_texts import challenge_text, parse_token
from e2ee.rooms.payloads import Act, ActKind, Erase, Reach
from e2ee_client.contacts import wait_until
from e2ee_client.engine.rooms.consenting import ConsentState
from e2ee_client.engine.rooms.identifying import Identifying
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import UnknownEntry, WaitTimeout

from .entry import AnyEntry, Entry
from .questions import Value, answer_of
from .room import Room

T = TypeVar("T")


class CustomerRoom(Room):
    """What the person of a room can do. Each of these takes effect when the company has it (ROOM-12)."""

    @property
    def consent(self) -> ConsentState:
        """Whether consent counts, is about a notice that was replaced, or has ended."""
        return self._shell.machine.rooms.consent(self.room_id, self._shell.now_ms)

    async def proof(self) -> bytes:
        """Return a file that shows anybody who knows the company's account, offline, what was accepted, by
        which device, and how the company answered; `e2ee_client.rooms.proof` reads it (CNS-23).

        Raises:
            NoConsent: nothing was accepted. ProofIncomplete: a part of it is not on this device.
        """
        return await self._proof()

    async def close(self) -> Entry:
        """Close the room; `reopen` within 90 days opens it again.

        Raises:
            NoConsent: the room was never opened.
        """
        return await self.write(Act(ActKind.CLOSE))

    async def reopen(self) -> Entry:
        """Ask for the room to be opened again."""
        return await self.write(Act(ActKind.REOPEN))

    async def freeze(self) -> Entry:
        """Object: the company decides within 30 days, and takes nothing meanwhile."""
        return await self.write(Act(ActKind.FREEZE))

    async def unfreeze(self) -> Entry:
        """Take an objection back."""
        return await self.write(Act(ActKind.UNFREEZE))

    async def call_desk(self) -> Entry:
        """Call a front desk into the room."""
        return await self.write(Act(ActKind.CALL_DESK))

    async def withdraw(self) -> None:
        """Withdraw the consent, in one action: the company takes nothing more, and erases (chapter 18).

        Raises:
            NoConsent: it was withdrawn already.
        """
        await self._do(lambda turn, rooms: rooms.consenting.withdraw(turn, self.room_id))

    async def erase_all(self) -> Entry:
        """Have the whole room erased, on all devices (ROOM-26)."""
        return await self.write(Erase(None))

    async def reach(self, email: str | None) -> Entry:
        """Leave an address for a note without content that something waits, or take it back with None.

        Raises:
            ConfigError: not an address.
        """
        return await self.write(Reach(email))

    # --- logging in ---

    async def login_challenge(self) -> str:
        """Return what this device asks the company's web server for: hand it to the page that the person is
        logged in on, and what comes back to `identify`, within ten minutes.

        Raises:
            UnknownRoom. NoConsent: a consent does not count.
        """
        return challenge_text(await self._identifying(lambda part, turn: part.ask(turn)))

    async def identify(self, token: str, timeout_s: float | None = 30) -> Entry:
        """Say who the person is, by a token of the company's web server: the room stays, what was written
        stays. `IdentifyAnswered` tells whether the company takes it; `person` then says who it is. A token
        under a mandate that has not come here yet waits for it.

        Raises:
            WaitTimeout: the mandate has not come in time, or there is none of that number. The token may be
            given again within its time.
            LoginExpired: too late, or this device's clock is wrong, or the web server has an old key.
            LoginOfAnother: for another device or room. LoginUsed: used before, or never asked for here.
            DecodeError, BadSignature and other RemoteErrors: not a token of this company. As `send`.
        """
        signed = parse_token(token)
        with suppress(MandateInvalid):
            return await self._hand_in(signed)
        await self._wait_for_mandate(stated_mandate(signed), timeout_s)
        return await self._hand_in(signed)

    async def _wait_for_mandate(self, seq: int, timeout_s: float | None) -> None:
        rooms, shell = self._shell.machine.rooms, self._shell
        try:
            await wait_until(
                lambda: rooms.mandate_seq(self.room_id, shell.now_ms) >= seq,
                self._client.progress,
                timeout_s,
                "a mandate",
            )
        except WaitTimeout:
            raise WaitTimeout(
                f"the company's newer mandate, number {seq}, has not come: give the token again within its "
                "time, and have the page show the door of that mandate"
            ) from None

    async def _hand_in(self, signed: bytes) -> Entry:
        return await self._written(
            lambda turn, rooms: rooms.identify(turn, self.room_id, lambda part: part.hand_in(turn, signed))
        )

    async def sign_out(self) -> Entry:
        """Sign the person out: from now on the room is of nobody known. What was said stays; see `erase_all`.
        The login is erased on all devices, in a closed or frozen room, too (CNS-75).

        Raises:
            RoomClosed, RoomFrozen, ConsentWithdrawn, RoomErased, NoConsent: nobody is logged in there.
        """
        return await self._written(lambda turn, rooms: rooms.sign_out(turn, self.room_id))

    async def _identifying(self, do: Callable[[Identifying, Turn], T]) -> T:
        return await self._do(
            lambda turn, rooms: rooms.identify(turn, self.room_id, lambda part: do(part, turn))
        )

    async def hand_over(self, device_id: bytes) -> None:
        """Give another device of this person all that is here; nobody else is told (TRN-19).

        Raises:
            NoRight: not another device of this account.
        """
        to = DeviceId(device_id)
        await self._do(
            lambda turn, rooms: rooms.do(
                turn, self.room_id, lambda room: room.forwarding.give_own_device(turn, to)
            )
        )

    async def answer(self, entry: AnyEntry, *values: Value | None) -> Entry:
        """Answer the questions of a form in their order: an option by its words, a day by a `date`; None
        leaves out what is not required. Whoever answers again corrects what was answered (TRN-44).

        Raises:
            ConfigError: it does not fit. UnknownEntry: no such form here. As `send`.
        """
        form = (await self.entry(entry.hash)).form
        if form is None:
            raise UnknownEntry("no such form in this room")
        return await self.write(answer_of(form, entry.hash, values))

    async def rate(self, stars: int, text: str | None = None) -> Entry:
        """Rate the conversation, with 1 to 5; of several the last one counts. A room that is closed takes it
        as long as it can be opened again, and stays closed (ROOM-19).

        Raises:
            ConfigError: another number, or more than 500 bytes of text. RoomClosed: for more than 90 days.
            RoomFrozen, ConsentWithdrawn, RoomErased, NoConsent.
        """
        return await self.write(Rating(stars, text))
