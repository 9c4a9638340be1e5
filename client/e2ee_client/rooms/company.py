"""The device that founded a company: it holds the account key, signs, invites, and is a front desk itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self, TypeAlias, TypeVar

from e2ee.ids import DeviceId
from e2ee.rooms.assets import Assets, Served
from e2ee.rooms.channels import Channel
from e2ee_client.client import Client
from e2ee_client.engine.company import Founding
from e2ee_client.engine.context import Context
from e2ee_client.engine.signing import SigningView
from e2ee_client.engine.signing_row import Highest
from e2ee_client.engine.turn import Turn
from e2ee_client.errors import ConfigError
from e2ee_client.opening import Kind, Opening, Runtime, StorePath

from . import key_file as key_files
from .desk import Desk
from .doors import make_door
from .errors import LoginsNotAllowed
from .invites import Invite, Profile, forget_asked, install_asked, of_company
from .notices import Notice

T = TypeVar("T")
Keys: TypeAlias = Literal["here", "offline"]


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
        keys: Keys = "here",
        key_file: str | os.PathLike[str] | None = None,
        key_passphrase: str | None = None,
        registration_secret: str | bytes | None = None,
        online: bool = True,
        runtime: Runtime | None = None,
    ) -> Opening[Self]:
        """Found a company in a new store. `name` stands on its contact card and on the card of this desk.

        `origins` are the web pages that may show its door, such as https://praxis.example. With
        `keys="offline"` the account key goes into `key_file`, under `key_passphrase`, and stays in no store
        (ACC-16).
        `client.recovery_key` is set afterwards: print it, it is kept nowhere.

        Raises:
            ConfigError, StoreExists, StoreLocked, StoreFull, StoreUnavailable: as `Client.create`.
        """
        place = _key_file(keys, key_file, key_passphrase)
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

            company = cls(client)
            try:
                await client.shell.call(lambda engine, now_ms: engine.of_company(found, now_ms))
                if place is not None:
                    await company.move_account_key(*place)
            except BaseException:
                await client.close()
                raise
            return company

        return Opening(work)

    # --- what customers read first ---

    async def publish(self, notice: Notice, *, until_ms: int | None = None) -> bytes:
        """Sign a notice and state it from now on, with the roster that everybody acts by.

        Consent to the notice before counts until `until_ms`; 30 days from now where that is None. Returns the
        hash of the notice. `wait_settled` returns when the relay has the roster that states it.

        Raises:
            AccountKeyAbsent: the account key is kept elsewhere; as `notice_request`.
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

    async def sign_assets(self, served: Served, *, last_seq: int = 0) -> Assets:
        """Sign the list of files that the company serves for browsers; `last_seq` is the number of the last
        one. It ends with the mandate, as the door does.

        Raises:
            AccountKeyAbsent: the account key is kept elsewhere; as `assets_request`.
            ConfigError: no notice is published, or these files cannot be listed.
        """
        return await self._company(lambda turn, parts: parts.publishing.sign_assets(turn, served, last_seq))

    async def assets_request(self, served: Served, *, last_seq: int = 0) -> bytes:
        """Return that list for `sign_assets`, where the account key is kept."""
        return await self._company(
            lambda turn, parts: parts.publishing.assets_request(turn, served, last_seq)
        )

    async def origins(self) -> tuple[str, ...]:
        """Return the web pages that may show the door, by the next mandate.

        Raises:
            ConfigError: this device does not sign for its company.
        """
        return await self._company(lambda turn, parts: parts.company.origins())

    async def origins_named(self) -> tuple[str, ...] | None:
        """Return the web pages that may show the door by the mandate that counts; None before the first one.
        They are others than `origins` until a mandate is signed that names these.
        """
        return await self._company(lambda turn, parts: parts.company.origins_named())

    async def set_origins(self, origins: Sequence[str]) -> None:
        """Let these web pages show the door, and no others, by a new mandate; make the door anew afterwards.

        Where the account key is kept elsewhere, the mandate is signed there: `mandate_request`.

        Raises:
            ConfigError: this device does not sign for its company, or they are not such, or more than 4.
        """
        await self._company(lambda turn, parts: parts.company.set_origins(turn, origins))

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
        """Invite a colleague's device, or a bot; customers see the name, languages and teams. Where the
        account key is kept elsewhere, `Invite.request` takes the place of `Invite.confirm`.

        Raises:
            ConfigError: this device does not sign for its company.
            DeviceReplacedError, ConfigError, TooManyDevices: no device can be added.
            RelayUnavailable: the relay cannot be reached.
        """
        await self._company(lambda turn, parts: parts.company.check_signs())
        invitation = await self.client.invite(
            kind=kind, front_desk=front_desk, signed_elsewhere=self.keys == "offline"
        )
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

    # --- logins of customers ---

    async def allow_logins(self, *, allowed: bool = True) -> None:
        """Let the company's web server say who its customers are, by a key of its own in each mandate. What
        an earlier key has signed ends with the next mandate; `allowed=False` ends it at once.

        Raises:
            ConfigError: this device does not sign for its company.
        """
        await self._company(lambda turn, parts: parts.company.allow_logins(turn, allowed=allowed))

    async def write_login_key(self, path: str | os.PathLike[str]) -> None:
        """Write the key for `e2ee_login.issue_login_token` to a file that its owner alone reads, in place of
        one that stands there. It is good as long as the mandate: write it again at each `MandateSigned`.

        Raises:
            LoginsNotAllowed: the mandate that counts names no key of this device; `allow_logins` first.
            ConfigError: the file cannot be written.
        """
        key = await self._company(lambda turn, parts: parts.company.issuing_key())
        if key is None:
            raise LoginsNotAllowed("the mandate that counts names no login key of this device")
        await asyncio.to_thread(key_files.replace, Path(path), key.text().encode())

    # --- the account key elsewhere ---

    @property
    def keys(self) -> Keys:
        """Whether the account key is on this device, or is kept offline."""
        return "here" if self._shell.machine.has_account_key else "offline"

    async def move_account_key(self, key_file: str | os.PathLike[str], key_passphrase: str) -> None:
        """Write the account key into a new file, then forget it here: from now on a person signs device list,
        mandate and notices where the file is kept, and is reminded by `CompanyKeysExpiring` (ACC-16).

        Copies of the store that were made before still have the key. Nobody can be struck off without it;
        an invite has its list signed elsewhere, too (`Invite.request`).

        Raises:
            AccountKeyAbsent: it is not here. ConfigError: the file cannot be written, or a list waits for the
                directory (ID-47); the key stays.
        """
        self._shell.machine.check_none_waits(self._shell.now_ms)
        path = Path(key_file)
        key_files.check_free(path)
        data = await self.client.export_account_key(key_passphrase)
        await asyncio.to_thread(key_files.write, path, data)
        await self.client.remove_account_key()

    def renewal_request(self) -> bytes:
        """Return the next device list, for `sign_renewal`; good for 30 days, so sign it every other week."""
        return self.client.renewal_request()

    async def install_list(self, signed: bytes) -> None:
        """Install the signed device list.

        Raises:
            ConfigError: it does not fit.
        """
        await self.client.install_list(signed)

    async def install_device(self, signed: bytes, timeout_s: float | None = None) -> bytes:
        """Install the signed list that `Invite.request` has asked for, and tell the new device. Returns its
        device id; a roster that names it is signed at once.

        Raises:
            ConfigError: no device was asked for, or the list does not fit: invite anew.
            InviteExpired: the device is there no more. The list names it all the same: suspend it.
            RelayUnavailable, WaitTimeout: relay or device could not be told; call it again.
        """
        return await install_asked(self.client, signed, timeout_s)

    async def cancel_device(self) -> None:
        """Forget the device that `Invite.request` has asked for: an answer is not installed any more, and
        another device may be asked for. If its list is installed, the list names it all the same: suspend it.
        """
        await forget_asked(self.client)

    async def mandate_request(self) -> bytes:
        """Return the next mandate, for `sign_mandate`; its keys are made here and stay here (ACC-26). It is
        good for 90 days. A device that was reinstated acts again under the next one.

        Raises:
            ConfigError: this device does not sign for its company.
            SigningUnsure: this store may be an older copy; see `signing`.
        """
        return await self._company(lambda turn, parts: parts.company.mandate_request(turn))

    async def install_mandate(self, signed: bytes) -> None:
        """Install the signed mandate; rosters follow by themselves. Make the `door` anew.

        Raises:
            ConfigError: it is not the one that was asked for here, not valid now, or gives other powers than
                were chosen since: ask anew.
        """
        await self._company(lambda turn, parts: parts.company.install_mandate(turn, signed))

    async def notice_request(self, notice: Notice) -> bytes:
        """Return a notice for `sign_notice`, in the place of `publish`."""
        return await self._company(lambda turn, parts: parts.publishing.request(turn, notice.fields))

    async def install_notice(self, notice: Notice, signed: bytes, *, until_ms: int | None = None) -> bytes:
        """State a notice that was signed elsewhere; otherwise as `publish`.

        Raises:
            ConfigError: the signed one does not fit the texts or this account, or is older than the last.
        """
        installed = await self._company(
            lambda turn, parts: parts.publishing.install_signed(turn, signed, notice.texts, until_ms)
        )
        return installed.hash

    async def _company(self, do: Callable[[Turn, Context], T]) -> T:
        return await of_company(self.client, do)


def _key_file(
    keys: Keys, key_file: str | os.PathLike[str] | None, passphrase: str | None
) -> tuple[Path, str] | None:
    """Return where the account key goes, and under which passphrase; None where it stays.

    Raises:
        ConfigError: a file or passphrase is missing or too much, or something stands there.
    """
    if keys == "here":
        if key_file is not None or passphrase is not None:
            raise ConfigError('key_file and key_passphrase go with keys="offline"')
        return None
    if keys != "offline":
        raise ConfigError("keys is here or offline")
    if key_file is None or passphrase is None:
        raise ConfigError('keys="offline" needs key_file and key_passphrase')
    key_files.check_free(Path(key_file))
    return Path(key_file), passphrase
