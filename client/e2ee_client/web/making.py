"""From settings and a company's store to a site in a folder, with the list that the company signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from e2ee.errors import E2eeError
from e2ee.ids import AccountId
from e2ee.rooms.assets import ASSETS_MAX_B, Assets, Place, Served
from e2ee.rooms.channels import Channel
from e2ee.rooms.door import DOOR_MAX_B, stated_account
from e2ee_client.errors import ConfigError
from e2ee_client.rooms.company import Keys
from e2ee_client.rooms.doors import PATH as DOOR_PATH
from e2ee_client.rooms.doors import open_door

from .built import Built
from .findings import Finding
from .folders import folder_findings
from .servers import server_files
from .settings import SiteSettings
from .site import ASSETS_PATH, Site, compose
from .writing import FOLDERS, REQUEST, read_kept, write_beside, write_site

_ASSETS: Final = f"{FOLDERS[Place.ROOM]}{ASSETS_PATH}"
_DOOR: Final = f"{FOLDERS[Place.ROOM]}{DOOR_PATH}"


class Signer(Protocol):
    """What a site needs of a company; `e2ee_client.rooms.Company` is one."""

    @property
    def keys(self) -> Keys:
        """Whether the account key is here."""
        ...

    async def door(self, channels: Sequence[Channel] = (), hours: Mapping[str, str] | None = None) -> bytes:
        """Return the door."""
        ...

    async def sign_assets(self, served: Served, *, last_seq: int = 0) -> Assets:
        """Sign what is served."""
        ...

    async def assets_request(self, served: Served, *, last_seq: int = 0) -> bytes:
        """Return what the account key has to sign elsewhere."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """A site in a folder. `assets` are None where the account key is kept elsewhere; `request` is what it
    has to sign then.
    """

    site: Site
    files: tuple[Path, ...]
    assets: Assets | None
    request: Path | None


async def make_site(
    company: Signer, settings: SiteSettings, built: Built, folder: Path, release: str, now_ms: int
) -> Made:
    """Make door and files anew, sign what is served, and write all of it.

    Raises:
        ConfigError: settings, notice and folder do not go together. What `Company.sign_assets` raises.
    """
    encoded = await company.door(settings.channels, settings.hours)
    door = open_door(encoded, now_ms).door
    kept = read_kept(folder, door.mandate.account_id)
    site = compose(settings, built, encoded, door, release, kept)
    last_seq = 0 if kept is None else kept.assets.seq
    if company.keys == "here":
        assets = await company.sign_assets(site.served, last_seq=last_seq)
        return Made(site, tuple(write_site(folder, site, assets.signed, server_files(site))), assets, None)
    unsigned = await company.assets_request(site.served, last_seq=last_seq)
    files = write_site(folder, site, None, server_files(site))
    return Made(site, tuple(files), None, write_beside(folder, REQUEST, unsigned))


def install_assets(folder: Path, signed: bytes) -> Assets:
    """Put assets that were signed elsewhere into the site that they list.

    Raises:
        ConfigError: they are of another company, or list other files than those of the folder.
    """
    assets = _verified(folder, signed, None)
    faults = folder_findings(folder, assets)
    if faults:
        raise ConfigError(f"the signed list is not that of this folder: {faults[0].where} ({faults[0].code})")
    write_beside(folder, _ASSETS, signed)
    (folder / REQUEST).unlink(missing_ok=True)
    return assets


def look_at_folder(folder: Path, account_id: AccountId | None) -> tuple[Assets, list[Finding]]:
    """Compare a folder with the signed assets in it.

    Raises:
        ConfigError: there are none, or they are not signed by this account, else by that of the door.
    """
    try:
        with (folder / _ASSETS).open("rb") as file:
            signed = file.read(ASSETS_MAX_B + 1)
        assets = _verified(folder, signed, account_id)
        return assets, folder_findings(folder, assets)
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read ({error.strerror})") from None


def _verified(folder: Path, signed: bytes, account_id: AccountId | None) -> Assets:
    try:
        with (folder / _DOOR).open("rb") as file:
            stated = stated_account(file.read(DOOR_MAX_B + 1))
        return Assets.verify(account_id or stated, signed)
    except E2eeError as error:
        raise ConfigError(f"the list of files does not hold ({error.code})") from None
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read ({error.strerror})") from None
