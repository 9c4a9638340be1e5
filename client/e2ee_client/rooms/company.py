"""The device that founded a company: it holds the account key, signs, invites, and is a front desk itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeVar

from e2ee.ids import DeviceId
from e2ee.rooms.channels import Channel
from e2ee_client.client import Client
from e2ee_client.engine.company import Founding
from e2ee_client.engine.context import Context
from e2ee_client.engine.signing import SigningView
from e2ee_client.engine.signing_row import Highest
from e2ee_client.engine.turn import Turn
from e2ee_client.opening import Kind, Opening, Runtime, StorePath

from .desk import Desk
from .doors import make_door
from .invites import Invite, Profile
from .notices import Notice

T = TypeVar("T")


class Company(Desk):
    """The founder's front desk. It answers rooms, runs handlers like every `Desk`, and signs what the others
    act by.
    """

    @classmethod
    def create(
        cls,
        path: StorePath,
        *,
        relay: str,
        name: str,
        passphrase: str | None = None,
        key: bytes | None = None,
        languages: Sequence[str] = (),
        teams: Sequence[str] = (),
        origins: Sequence[str] = (),
        registration_secret: str | bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Found a company in a new store. `name` stands on its contact card and on the card of this desk.

        `origins` are the web pages that may show its door, such as https://praxis.example.
        `client.recovery_key` is set afterwards: print it, it is kept nowhere.

        Raises:
            ConfigError, StoreExists, StoreLocked, StoreFull, StoreUnavailable: as `Client.create`.
        """
        opened = Client.create(
            path,
            relay=relay,
            passphrase=passphrase,
            key=key,
            name=name,
            kind="agent",
            publish=True,
            front_desk=True,
            registration_secret=registration_secret,
            online=online,
            runtime=runtime,
        )

        async def work() -> Self:
            client = await opened
            founding = Founding(origins=tuple(origins))

            def found(turn: Turn, parts: Context) -> None:
                parts.publishing.found(turn, founding, name, languages, teams)

            try:
                await client.shell.call(lambda engine, now_ms: engine.of_company(found, now_ms))
            except BaseException:
                await client.close()
                raise
            return cls(client)

        return Opening(work)

    # --- what customers read first ---

    async def publish(self, notice: Notice, *, until_ms: int | None = None) -> bytes:
        """Sign a notice and state it from now on, with the roster that everybody acts by.

        Consent to the notice before counts until `until_ms`; 30 days from now where that is None. Returns the
        hash of the notice. `wait_settled` returns when the relay has the roster that states it.

        Raises:
            AccountKeyAbsent: the account key is kept elsewhere; sign `notice.unsigned` there.
            SigningUnsure: this store may be an older copy; see `signing`.
        """
        published = await self._company(
            lambda turn, parts: parts.publishing.publish(turn, notice.fields, notice.texts, until_ms)
        )
        return published.hash

    async def door(self, channels: Sequence[Channel] = (), hours: Mapping[str, str] | None = None) -> bytes:
        """Return the file to be served at `/.well-known/sealroom-door`: mandate, notice, texts, channels.

        It is static and good as long as the mandate (90 days); make it anew after `publish`.

        Raises:
            ConfigError: no notice is published, or channels and hours are not such.
        """
        given = {} if hours is None else hours
        parts = await self._company(lambda turn, parts: parts.publishing.door(turn, channels, given))
        return make_door(*parts, self._shell.now_ms)

    # --- the team ---

    async def invite(
        self,
        name: str,
        *,
        languages: Sequence[str] = (),
        teams: Sequence[str] = (),
        kind: Kind = "agent",
        front_desk: bool = False,
    ) -> Invite:
        """Invite a colleague's device, or a bot; customers see the name, languages and teams.

        Raises:
            AccountKeyAbsent, DeviceReplacedError, ConfigError, TooManyDevices: no device can be added.
            RelayUnavailable: the relay cannot be reached.
        """
        invitation = await self.client.invite(kind=kind, front_desk=front_desk)
        return Invite(self.client, invitation, Profile(name, languages, teams))

    async def suspend(self, device_id: bytes) -> None:
        """Take a device out at once; it locks its rooms and keeps them (ACC-15).

        Raises:
            UnknownDevice: the account has no such device. ConfigError: it is this one.
            TooManyDevices: a roster suspends at most 16.
        """
        await self._company(lambda turn, parts: parts.company.suspend(turn, DeviceId(device_id)))

    async def reinstate(self, device_id: bytes) -> None:
        """Let a suspended device act again, by a new mandate.

        Raises:
            ConfigError: it is not suspended.
        """
        await self._company(lambda turn, parts: parts.company.reinstate(turn, DeviceId(device_id)))

    async def remove(self, device_id: bytes) -> None:
        """Strike a device off the company's list: it erases its rooms when it learns of it (ACC-15).

        Raises:
            AccountKeyAbsent, UnknownDevice, ConfigError: as `Client.remove_device`.
        """
        await self.client.remove_device(device_id)

    # --- keys ---

    async def signing(self) -> SigningView | None:
        """Return what is signed here, the highest numbers that others state, and why nothing is signed."""
        return await self._company(lambda turn, parts: parts.company.view(turn))

    async def confirm_signing(self, highest: Highest) -> None:
        """A person has looked up the highest numbers: go on above them (ACC-07).

        Raises:
            SigningUnsure: higher ones are known.
        """
        await self._company(lambda turn, parts: parts.company.confirm_signing(turn, highest))

    async def _company(self, do: Callable[[Turn, Context], T]) -> T:
        return await self._shell.call(lambda engine, now_ms: engine.of_company(do, now_ms))
