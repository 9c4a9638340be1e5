"""A device of a company's team: rooms that wait, rooms of its own, colleagues."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from typing import Self

from e2ee_client.client import Client
from e2ee_client.contacts import wait_until
from e2ee_client.engine.rooms.surroundings import ANYBODY
from e2ee_client.errors import ConfigError, PublishRefused, UnknownDevice, WaitTimeout
from e2ee_client.opening import Opening, Runtime, StorePath
from e2ee_client.people import Person
from e2ee_client.room_events import WaitingChanged

from . import screen_lock
from .company_room import CompanyRoom
from .device import Device
from .invites import AnyInvite, ShowDigits


def answers_for(us: Person, team: str | None, people: Iterable[Person]) -> bool:
    """Whether one of these people answers for a team: it is one of its card's, or stands for anybody, as one
    does of which nobody is in force. Who has no team answers for all.
    """
    if team is None or team == ANYBODY or not us.teams or team in us.teams:
        return team is not None
    return all(team not in one.teams for one in people)


class Agent(Device[CompanyRoom]):
    """An agent's, a bot's or a desk's device."""

    _handle = CompanyRoom

    @classmethod
    def join(
        cls,
        path: StorePath,
        invite: AnyInvite | str,
        *,
        show_digits: ShowDigits | None = None,
        show_fingerprint: ShowDigits | None = None,
        passphrase: str | None = None,
        key: bytes | None = None,
        registration_secret: str | bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Make a new device for a company from what `Company.invite` shows, in a new store.

        `show_digits` is called with six digits that a person compares with those of the company's desk. An
        `Invite` object of the same program needs none: nothing came between. `show_fingerprint` is called
        where the company's account key is kept elsewhere, with 20 digits that whoever signs compares.

        Raises:
            ConfigError: `show_digits` is missing.
            InvalidCard, InviteInvalid, InviteExpired, RelayUnavailable, StoreError: as `Client.join`.
        """
        if isinstance(invite, str) and show_digits is None:
            raise ConfigError("show_digits has to show a person six digits to compare")
        card, _, code = (invite if isinstance(invite, str) else invite.text).strip().partition(" ")

        async def work() -> Self:
            compared = None if isinstance(invite, str) else invite.compare()

            def show(digits: str) -> None:
                for shown in (show_digits, None if compared is None else compared.show):
                    if shown is not None:
                        shown(digits)

            try:
                client = await Client.join(
                    path,
                    code.strip(),
                    card=card,
                    show_digits=show,
                    show_fingerprint=show_fingerprint,
                    of_company=True,
                    passphrase=passphrase,
                    key=key,
                    registration_secret=registration_secret,
                    online=online,
                    runtime=runtime,
                )
            finally:
                if compared is not None:
                    await compared.end()
            return cls(client)

        return Opening(work)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        passphrase: str | None = None,
        key: bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Open the store of a device of a company.

        Raises:
            ConfigError: it is the store of a person. StoreError: as `Client.open`.
        """
        opened = Client.open(path, passphrase=passphrase, key=key, online=online, runtime=runtime)

        async def work() -> Self:
            client = await opened
            if not client.shell.machine.is_company:
                await client.close()
                raise ConfigError("this is not the store of a company's device")
            return cls(client)

        return Opening(work)

    @property
    def is_ready(self) -> bool:
        """Whether this device can act: in force, with the notice that customers accept, and published with
        prekeys, so that all can reach it.
        """
        return self._shell.machine.rooms.is_ready(self._shell.now_ms)

    async def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until this device can act: after `publish`, and after joining.

        Raises:
            WaitTimeout: not in time. PublishRefused: nor has the relay taken what it publishes.
            ClientClosed: closed meanwhile.
        """
        try:
            await wait_until(
                lambda: self.is_ready, self.client.progress, timeout_s, "being taken into the team"
            )
        except WaitTimeout:
            if reason := self._shell.machine.publish_refusal:
                raise PublishRefused(reason) from None
            raise

    # --- colleagues ---

    def me(self) -> Person:
        """Return this device as rooms show it.

        Raises:
            UnknownDevice: it is not in the team, or not yet; see `wait_ready`.
        """
        found = next((one for one in self.team() if one.is_this), None)
        if found is None:
            raise UnknownDevice("this device is not in force")
        return found

    def team(self) -> list[Person]:
        """Return the devices of the company that are in force, this one among them; none where it is not."""
        return self._shell.machine.rooms.team(self._shell.now_ms)

    @property
    def roster_ends_ms(self) -> int | None:
        """When the roster that says who is in force ends or has ended, from four days before on, where
        another device signs it: shown to people, with `RosterExpiring` (ACC-82). None: nothing to be told.
        """
        return self._shell.machine.rooms.roster_ends_ms(self._shell.now_ms)

    # --- rooms that wait ---

    async def waiting(self) -> AsyncIterator[CompanyRoom]:
        """Yield the rooms whose customer waits for somebody of this device's teams, now and from now on.

        A room comes again when it waits again. Ends when the client is closed.
        """
        screen_lock.check(self.client)
        events = self.events()
        rooms = self._shell.machine.rooms
        for one in rooms.all():
            view = rooms.view(one.room_id)
            if view is not None and self.is_for_us(view.waits_for):
                yield self._room(one.room_id)
        async for event in events:
            screen_lock.check(self.client)
            view = rooms.view(event.room_id) if isinstance(event, WaitingChanged) else None
            if view is not None and self.is_for_us(view.waits_for):
                yield self._room(view.room_id)

    def is_for_us(self, team: str | None) -> bool:
        """Whether this device answers for a team: it is one of its card's, or stands for anybody, as one does
        of which nobody is in force. Who has no team answers for all.
        """
        people = self.team()
        return any(answers_for(one, team, people) for one in people if one.is_this)
