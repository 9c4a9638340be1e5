"""A person who talks to a company: nothing is made, drawn, connected or stored before it accepts (CNS-18)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Self

from e2ee import recovery as codes
from e2ee.rooms.channels import Channels
from e2ee_client import opening
from e2ee_client.client import Client
from e2ee_client.engine import DeviceView, Recovery
from e2ee_client.engine.rooms.consenting import Acceptance
from e2ee_client.errors import ConfigError
from e2ee_client.opening import Opening, Runtime, StorePath

from . import recovering, screen_lock
from .customer_room import CustomerRoom
from .device import Device
from .doors import fetch_door, find_door
from .doors.finding import Fetch
from .errors import DoorOfAnotherCompany, RecoveryCodeAbsent, RecoveryCodeInvalid, SecondCompany
from .linking import IsOwn, Link, linked, offered, rooms_given
from .recovering import RecoverySheet
from .shown_notice import ShownNotice


class Customer(Device[CustomerRoom]):
    """A person's device. Before the first `accept` there is no store, and `client` raises `NotAccepted`."""

    _handle = CustomerRoom

    def __init__(
        self,
        path: StorePath,
        passphrase: str | None,
        key: bytes | None,
        company: str,
        runtime: Runtime,
        fetch: Fetch,
        client: Client | None,
        *,
        linkable: bool = False,
    ) -> None:
        """Not for callers: use `open`."""
        super().__init__(client)
        self._linkable = linkable
        self._path = path
        self._passphrase, self._key = passphrase, key
        self._company = company
        self._runtime = runtime
        self._fetch = fetch
        self._making = asyncio.Lock()
        self._asked: tuple[int, ...] = ()

    @classmethod
    def open(
        cls,
        path: StorePath,
        *,
        company: str,
        passphrase: str | None = None,
        key: bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
        fetch: Fetch = fetch_door,
        linkable: bool = False,
    ) -> Opening[Self]:
        """Open the store of a person, or say where there will be one; `path` None keeps it in memory.

        `company` is the origin of the company's page, such as https://praxis.example. Where there is no
        store yet nothing is made and nothing is connected. With `linkable` the account that the first accept
        makes has an entry in the relay's directory, so that further devices can be linked.

        Raises:
            ConfigError: not exactly one of passphrase and key. StoreError: as `Client.open`.
        """
        runtime = runtime or Runtime()
        if path is not None:
            opening.unlock_by(passphrase, key)

        is_there = path is not None and os.path.lexists(path)

        async def work() -> Self:
            client: Client | None = None
            if path is not None and is_there:
                client = await Client.open(
                    path, passphrase=passphrase, key=key, online=online, runtime=runtime
                )
            return cls(path, passphrase, key, company, runtime, fetch, client, linkable=linkable)

        return Opening(work)

    @property
    def has_accepted(self) -> bool:
        """Whether there is a store, with an account that was made by accepting a notice."""
        return self._opened is not None

    async def notice(self) -> ShownNotice:
        """Fetch the company's notice from its page, and verify it. Nothing is stored.

        Raises:
            DoorError: each failure by its class; SecondCompany where this store holds rooms with another one.
        """
        known = None if self._opened is None else self._opened.shell.machine.rooms.company_card()
        now_ms = self._runtime.clock.now_ms()
        try:
            return ShownNotice(await find_door(self._company, now_ms, known=known, fetch=self._fetch))
        except DoorOfAnotherCompany:
            check_page(self.client, self._company)
            raise

    async def accept(
        self, notice: ShownNotice, *, locale: str | None = None, purposes: Iterable[int] | None = None
    ) -> CustomerRoom:
        """The person accepts what it was shown: from here on there are keys, a store, and a room.

        `locale` is the language in which it was shown; `purposes` are those that it agrees to, all required
        ones where that is None. Where a room of the company is there whose consent has ended or is about
        a notice before, consent is given for that room, which is opened again.

        Raises:
            ConfigError: not purposes of the notice, or a required one is missing.
            StoreError: the store cannot be made.
        """
        acceptance = _acceptance(notice, locale, purposes)
        async with self._making:
            if self._opened is None:
                made = Recovery(codes.new_code(self._runtime.rng, entry=self._linkable))
                self._opened = await self._create(notice, made, publish=self._linkable)
        return await self._take(acceptance)

    async def _take(self, acceptance: Acceptance) -> CustomerRoom:
        room_id = await self._shell.call(lambda engine, now_ms: engine.accept_notice(acceptance, now_ms))
        return self._room(room_id)

    async def _create(self, notice: ShownNotice, made: Recovery, *, publish: bool) -> Client:
        return await Client.create(
            self._path,
            relay=notice.found.card.relay_url,
            passphrase=self._passphrase,
            key=self._key,
            publish=publish,
            recovery=made,
            runtime=self._runtime,
        )

    # --- recovery ---

    async def recover(
        self,
        notice: ShownNotice,
        code: str,
        *,
        locale: str | None = None,
        purposes: Iterable[int] | None = None,
    ) -> CustomerRoom:
        """The person, who has lost every device, accepts what it was shown and goes on with its account, by
        the recovery code: on this device, in a new room. Older devices are struck off (ACC-63 to ACC-65).

        The company is shown a new device of a known customer. What was written before does not come back. An
        account with a directory entry needs its relay for this.

        Raises:
            RecoveryCodeInvalid: no recovery code; `group` says where to look. Nothing was sent or made.
            ConfigError: a store is there, not purposes of the notice, or a required one is missing.
            NoListNumber: this device's clock is wrong, or the account has used up its numbers (ACC-70).
            RelayUnavailable, StoreError: nothing was made.
        """
        typed = recovering.parse(code)
        acceptance = _acceptance(notice, locale, purposes)
        async with self._making:
            if self._opened is not None:
                raise ConfigError("this device has an account already: recover into a new store")
            self._opened = await self._recovered(notice, typed)
        return await self._take(acceptance)

    async def _recovered(self, notice: ShownNotice, typed: codes.RecoveryCode) -> Client:
        runtime = self._runtime
        opening.check_free(self._path)
        codes.recovered_seq(runtime.clock.now_ms(), 0, runtime.rng)
        shown = await recovering.newest_list(typed, notice.found.card.relay_url, runtime.transport)
        made = Recovery(typed, is_typed=True, shown=shown)
        return await self._create(notice, made, publish=shown is not None)

    def recovery_code(self) -> RecoverySheet:
        """Return the code to be written down or printed, at the person's wish alone: who has it has the
        account. It stays the same as long as the account lives; `RecoverySheet.asked` until it is confirmed.
        Show `RecoverySheet.company` and `origins` with it, to be written down as well (ACC-72).

        Raises:
            NotAccepted. AppLocked: behind a lock (`lock_by`).
            RecoveryCodeAbsent: this device has none.
        """
        screen_lock.check(self.client)
        code = self._shell.machine.recovery_code()
        if code is None:
            raise RecoveryCodeAbsent("this device has no recovery code")
        self._asked = self._asked or recovering.drawn(len(code.groups), self._runtime.rng)
        return RecoverySheet(code, self._asked, *self._known_as())

    def _known_as(self) -> tuple[str, tuple[str, ...]]:
        """Return the company's name and page as the store has them; all its pages where none was given that
        its mandate names (ACC-72).
        """
        rooms = self._shell.machine.rooms
        card, origins = rooms.company_card(), rooms.company_origins()
        name = "" if card is None or card.name is None else card.name
        return name, (self._company,) if self._company in origins else origins

    async def confirm_recovery_code(self, typed: Mapping[int, str]) -> None:
        """The person has typed groups of the code back, by their numbers: those of `RecoverySheet.asked`.

        Raises:
            NotAccepted, RecoveryCodeAbsent. RecoveryCodeInvalid: `group` is the first that is wrong.
            ConfigError: other groups than were asked for. AppLocked: behind a lock (`lock_by`).
        """
        screen_lock.check(self.client)
        if self._shell.machine.recovery_code() is None:
            raise RecoveryCodeAbsent("this device has no recovery code")
        if not self._asked or set(typed) != set(self._asked):
            raise ConfigError("the groups to type back are those that `RecoverySheet.asked` names")
        wrong = await self._shell.call(lambda engine, now_ms: engine.recovery_code_typed(typed, now_ms))
        if wrong is not None:
            raise RecoveryCodeInvalid(wrong)
        self._asked = ()

    @property
    def has_recovery_code(self) -> bool:
        """Whether the person has shown that it has the code on paper (ACC-68)."""
        return self._opened is not None and bool(self._shell.machine.has_recovery_code)

    @property
    def is_replaced(self) -> bool:
        """Whether another device has recovered the account, or took this one's place: nothing is written
        any more (ACC-67).
        """
        return self._opened is not None and self._shell.machine.is_replaced

    # --- further devices ---

    @classmethod
    def join(
        cls,
        path: StorePath,
        text: str,
        *,
        company: str,
        is_own: IsOwn,
        show_digits: Callable[[str], None],
        passphrase: str | None = None,
        key: bytes | None = None,
        runtime: Runtime | None = None,
        fetch: Fetch = fetch_door,
    ) -> Opening[Self]:
        """Make this device a further one of a person, by the text that `link` shows on another one.

        `is_own` is called once, before anything leaves this device: ask the person whether the other device
        is its own and before it. `show_digits` is called with six digits that the person compares with those
        on the other device; this returns when they have been confirmed there. Rooms come by themselves.

        Raises:
            LinkRefused: `is_own` said no. InviteInvalid: no such text, one about another company, or another
                device came as well. InviteExpired: nobody waits, or has confirmed within ten minutes.
            DoorError, StoreError, RelayUnavailable.
        """
        runtime = runtime or Runtime()
        unlock = passphrase, key

        async def work() -> Self:
            given, found = await offered(text, company, is_own, runtime, fetch)
            client = await linked(path, given, found, show_digits, unlock, runtime)
            return cls(path, passphrase, key, company, runtime, fetch, client)

        return Opening(work)

    async def link(self) -> Link:
        """Let a further device of this person in: show `Link.text` to it.

        Raises:
            NotAccepted. ConfigError: the account was not made with `linkable`.
            AccountKeyAbsent: only the first device can. TooManyDevices. RelayUnavailable.
        """
        return Link(self.client, await self.client.invite(kind="person"))

    def devices(self) -> list[DeviceView]:
        """Return the devices of this person, this one first.

        Raises:
            NotAccepted.
        """
        return self.client.devices()

    async def give_rooms(self, device_id: bytes, timeout_s: float | None = None) -> None:
        """Give rooms and history to another device of this person again.

        Raises:
            UnknownDevice. NoRight: it is being struck off. WaitTimeout: not in time; it is given them later.
        """
        await self.client.shell.do(lambda engine, now_ms: engine.give_rooms(device_id, now_ms))
        await rooms_given(self.client, device_id, timeout_s)

    async def remove_device(self, device_id: bytes) -> None:
        """Strike another device of this person off: nobody sends it anything more (ID-28).

        Raises:
            AccountKeyAbsent, UnknownDevice. ConfigError: it is this device.
        """
        await self.client.remove_device(device_id)

    async def refuse(self, notice: ShownNotice) -> Channels:
        """The person refuses: nothing is stored, a consent that stands stays (CNS-83). Returns other ways."""
        return notice.channels

    def rooms(self) -> list[CustomerRoom]:
        """Return all rooms; none before the first accept."""
        return [] if self._opened is None else super().rooms()


def check_page(client: Client, origin: str) -> None:
    """Say of a door of another company whether its page is the known one's: then it is an alarm.

    Raises:
        SecondCompany: it is none of its pages; a store holds rooms with one company (CNS-44).
    """
    if origin not in client.shell.machine.rooms.company_origins():
        raise SecondCompany("this store holds rooms with another company") from None


def _acceptance(notice: ShownNotice, locale: str | None, purposes: Iterable[int] | None) -> Acceptance:
    found, shown = notice.found, notice.locale(locale)
    required = [one.number for one in notice.purposes if one.is_required]
    chosen = set(required if purposes is None else purposes)
    if not chosen >= set(required) or not chosen <= {one.number for one in notice.purposes}:
        raise ConfigError("consent is given to purposes of the notice, and to all required ones")
    bits = sum(1 << (number - 1) for number in chosen)
    texts = {shown: notice.text(shown)}
    return Acceptance(found.card, found.door.mandate, found.door.notice, texts, shown, bits)
