"""A person who talks to a company: nothing is made, drawn, connected or stored before it accepts (CNS-18)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Self

from e2ee.rooms.channels import Channels
from e2ee.rooms.notice import Mode, Purpose
from e2ee_client import opening
from e2ee_client.client import Client
from e2ee_client.engine import DeviceView
from e2ee_client.engine.rooms.consenting import Acceptance
from e2ee_client.errors import ConfigError
from e2ee_client.opening import Opening, Runtime, StorePath

from .customer_room import CustomerRoom
from .device import Device
from .doors import FoundDoor, fetch_door, find_door
from .doors.finding import Fetch
from .errors import DoorOfAnotherCompany, SecondCompany
from .linking import IsOwn, Link, give_rooms, linked, offered


class ShownNotice:
    """What a company says before anybody writes, verified; show `text`, and `origin` beside it."""

    def __init__(self, found: FoundDoor) -> None:
        """Not for callers: use `Customer.notice`."""
        self.found = found

    @property
    def origin(self) -> str | None:
        """The page that it came from; None where it came with an application."""
        return self.found.origin

    @property
    def company(self) -> str:
        """The controller's name."""
        return self.found.door.notice.controller[0]

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages in which it can be shown."""
        return tuple(locale for locale, _ in self.found.door.texts)

    def text(self, locale: str | None = None) -> str:
        """Return the text in a language; in the default one where it has no other.

        The text that is shown is that which is accepted.
        """
        texts = dict(self.found.door.texts)
        return texts[self.locale(locale)]

    def locale(self, wished: str | None = None) -> str:
        """Return the language in which it is shown to who wishes one."""
        texts = dict(self.found.door.texts)
        return wished if wished is not None and wished in texts else self.found.door.notice.default_locale

    @property
    def mode(self) -> Mode:
        """What the company asks for: notice, consent, or explicit consent by Art. 9 of the GDPR."""
        return self.found.door.notice.mode

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What data is used for, each with its legal basis; the required ones cannot be left out."""
        return self.found.door.notice.purposes

    @property
    def channels(self) -> Channels:
        """Other ways to the company, for who refuses."""
        return self.found.door.channels

    @property
    def minimum_age(self) -> int | None:
        """From which age on a person may accept; None for any."""
        return self.found.door.notice.minimum_age

    def __repr__(self) -> str:
        return f"<ShownNotice {self.found.door.notice.hash.hex()[:8]}>"


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
        if self._opened is None:
            self._opened = await self._create(notice)
        room_id = await self._shell.call(lambda engine, now_ms: engine.accept_notice(acceptance, now_ms))
        return self._room(room_id)

    async def _create(self, notice: ShownNotice) -> Client:
        return await Client.create(
            self._path,
            relay=notice.found.card.relay_url,
            passphrase=self._passphrase,
            key=self._key,
            publish=self._linkable,
            runtime=self._runtime,
        )

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
            UnknownDevice. WaitTimeout: it was not seen in time.
        """
        await give_rooms(self.client, device_id, timeout_s)

    async def remove_device(self, device_id: bytes) -> None:
        """Strike another device of this person off: nobody sends it anything more (ID-28).

        Raises:
            AccountKeyAbsent, UnknownDevice. ConfigError: it is this device.
        """
        await self.client.remove_device(device_id)

    async def refuse(self, notice: ShownNotice) -> Channels:
        """The person refuses: nothing is stored, a consent that stood is withdrawn. Returns other ways."""
        if self._opened is not None:
            refused = notice.found.door.notice
            await self._shell.call(
                lambda engine, now_ms: engine.of_rooms(
                    lambda turn, rooms: rooms.consenting.refuse(turn, refused), now_ms
                )
            )
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
