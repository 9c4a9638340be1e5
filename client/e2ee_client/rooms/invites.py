"""An agent's way into a company: what the company shows, and what the new device makes of it (ACC-31)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from e2ee.ids import DeviceId
from e2ee_client.client import Client
from e2ee_client.engine.context import Context
from e2ee_client.engine.records import AskedDevice
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import InviteExpired, InviteInvalid
from e2ee_client.inviting import Invitation, tell_listed
from e2ee_client.opening import Closing

T = TypeVar("T")


class Profile(NamedTuple):
    """What customers see of an agent: a name, languages, teams (ACC-14)."""

    name: str
    languages: Sequence[str] = ()
    teams: Sequence[str] = ()


class AnyInvite(Protocol):
    """An invite of `e2ee_client.rooms` or of `e2ee_client.rooms.sync`."""

    @property
    def text(self) -> str:
        """What the new device is given."""
        ...

    def compare(self) -> Comparison:
        """Confirm it by program: for `Agent.join`."""
        ...


class Invite(Closing):
    """An invite that waits for its device: give `text` to the agent, compare `digits`, then `confirm`.

    Good for ten minutes and one device, and only while the company's client is open.
    """

    def __init__(self, client: Client, invitation: Invitation, profile: Profile) -> None:
        """Not for callers: use `Company.invite`."""
        self._client = client
        self._invitation = invitation
        self._profile = profile
        self._before: AskedDevice | None = None

    @property
    def text(self) -> str:
        """What the new device is given: the company's contact card and the code, in one line."""
        return f"{self._client.card().to_uri()} {self._invitation.code}"

    async def digits(self, timeout_s: float | None = None) -> str:
        """Wait for the new device and return the six digits that it has to show as well.

        Raises:
            InviteExpired, InviteInvalid, WaitTimeout: as `Invitation.digits`.
        """
        return await self._invitation.digits(timeout_s)

    @property
    def fingerprint(self) -> str:
        """The 20 digits of the device that has come, for whoever signs its list elsewhere (ACC-44): the
        device shows the same, and `sealroom company device sign` those of each device in the list.

        Raises:
            InviteExpired, InviteInvalid: as `digits`. ConfigError: no device has come yet.
        """
        return self._invitation.fingerprint

    async def confirm(self, timeout_s: float | None = None) -> bytes:
        """Take the new device in: a person has compared the digits. Returns its device id.

        Its name, languages and teams stand in the next roster, which is signed at once.

        Raises:
            InviteExpired, InviteInvalid, AccountKeyAbsent, DeviceReplacedError, TooManyDevices, WaitTimeout:
                as `Invitation.confirm`.
            ConfigError: this device does not sign, or name, language or team is not allowed.
        """

        def set_card(turn: Turn, parts: Context, device_id: DeviceId) -> None:
            parts.company.set_card(turn, device_id, *self._profile)

        return await self._invitation.confirm(timeout_s, set_card)

    async def request(self, timeout_s: float | None = None) -> bytes:
        """In the place of `confirm`, where the account key is kept elsewhere: return the device list that
        names the new device, for `sign_renewal` and `Company.install_device`. The new device waits for it
        for 24 hours; its name, languages and teams are kept until then (ACC-42).

        Raises:
            InviteExpired, InviteInvalid: as `digits`; nothing was asked for, and a device that was asked for
                before still is.
            ConfigError: this device does not sign, or does not know all devices of the account yet (ID-42);
                name, language or team is not allowed.
            ConfigError: the list of the device before is installed, and it was not told yet.
            DeviceReplacedError, TooManyDevices: the device cannot be added.
            WaitTimeout: the new device could not be told in time; call it again.
        """
        asked = self._invitation.asked(*self._profile)

        def ask(turn: Turn, parts: Context) -> bytes:
            parts.company.check_signs()
            parts.company.new_card(asked.record.device_id, *self._profile)
            before = parts.devices.asked_or_none(turn)
            if before is None or before.record != asked.record:
                self._before = before
            return parts.upkeep.device_request(turn, asked)

        unsigned = await of_company(self._client, ask)
        try:
            await self._invitation.hold(timeout_s)
        except (InviteExpired, InviteInvalid):
            before = self._before
            await of_company(self._client, lambda turn, parts: parts.devices.ask_no_more(turn, asked, before))
            raise
        return unsigned

    def compare(self) -> Comparison:
        """Confirm it by program, where the device is made in the same one: for `Agent.join`."""
        return Comparison(self)

    async def close(self) -> None:
        """End the invite; without `confirm` before, nothing has changed."""
        await self._invitation.close()

    def __repr__(self) -> str:
        return "<Invite>"


async def install_asked(client: Client, signed: bytes, timeout_s: float | None) -> bytes:
    """Install the list that names the device which was asked for, and tell the device (ACC-42, ACC-43). What
    was kept for that goes when it was told, or has gone.
    """

    def install(turn: Turn, parts: Context) -> AskedDevice:
        asked = parts.upkeep.install_asked(turn, signed)
        parts.company.set_card(turn, asked.record.device_id, asked.name, asked.languages, asked.teams)
        parts.entry.refill(turn)
        return asked

    asked = await of_company(client, install)
    try:
        await tell_listed(client.shell, client.progress, client.runtime, asked, timeout_s)
    except InviteExpired:
        await forget_asked(client)
        raise
    await forget_asked(client)
    return asked.record.device_id


async def forget_asked(client: Client) -> None:
    """Tell nothing more to the device that was asked for (ACC-42)."""
    await of_company(client, lambda turn, parts: parts.devices.forget_asked(turn))


async def of_company(client: Client, do: Callable[[Turn, Context], T]) -> T:
    """Carry out what a person decides for the company."""
    return await client.shell.call(lambda engine, now_ms: engine.of_company(do, now_ms))


class Comparison:
    """Confirms an invite whose device is made in the same program, where no person has to compare digits."""

    def __init__(self, invite: Invite) -> None:
        self._shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._compare(invite), name="sealroom-compare")

    def show(self, digits: str) -> None:
        """Take the digits of the new device."""
        if not self._shown.done():
            self._shown.set_result(digits)

    async def _compare(self, invite: Invite) -> None:
        if await invite.digits() == await self._shown:
            await invite.confirm()
        else:
            await invite.close()

    async def end(self) -> None:
        """Wait until the company's side is done, or stop it."""
        if not self._shown.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()


ShowDigits = Callable[[str], None]
