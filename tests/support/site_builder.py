"""Builds the site of a scripted company, without a store and a relay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from company import RELAY_URL, TEXTS, Company
from e2ee_client.rooms.company import Keys
from e2ee_client.rooms.doors import make_door
from e2ee_client.web.making import Made, make_site
from e2ee_client.web.settings import SiteSettings
from parties import NOW_MS
from site_scene import PAGES, ROOM, built, settings

from e2ee.rooms.assets import Assets, Served, next_assets, sign_assets
from e2ee.rooms.channels import Channel, sign_channels
from e2ee.rooms.mandate import next_seq


class ScriptedSigner:
    """A company whose keys are all here; its mandate names the room's host."""

    keys: Keys = "here"

    def __init__(self, name: str = "praxis") -> None:
        self.company, self.relay = Company.make(name), RELAY_URL
        self.company.new_mandate(NOW_MS, origins=[ROOM, *PAGES])

    async def door(self, channels: Sequence[Channel] = (), hours: Mapping[str, str] | None = None) -> bytes:
        """Return the door."""
        firm = self.company
        ways = sign_channels(firm.roster_key, firm.mandate, channels, hours or {}, NOW_MS)
        return make_door(firm.mandate, firm.notice(operator=("Relay GmbH", self.relay)), TEXTS, ways, NOW_MS)

    async def sign_assets(self, served: Served, *, last_seq: int = 0) -> Assets:
        """Sign what is served."""
        return sign_assets(self.company.account_key, await self.assets_request(served, last_seq=last_seq))

    async def assets_request(self, served: Served, *, last_seq: int = 0) -> bytes:
        """Return what the account key has to sign."""
        seq, ends_ms = next_seq(last_seq, NOW_MS), self.company.mandate.expires_ms
        return next_assets(self.company.account_id, seq, served, NOW_MS, ends_ms)


@dataclass(slots=True)
class Builder:
    """Builds the site of a practice into folders."""

    folder: Path
    signer: ScriptedSigner = field(default_factory=ScriptedSigner)
    builds: int = 0
    now_ms: int = NOW_MS

    async def make(self, release: str = "one", wanted: SiteSettings | None = None) -> Made:
        """Build a release into `folder`."""
        self.builds += 1
        files = built(self.folder.parent / f"built {self.builds}", release)
        return await make_site(self.signer, wanted or settings(), files, self.folder, release, self.now_ms)

    async def assets(self, release: str = "one") -> Assets:
        """Build a release, and return what is signed."""
        found = (await self.make(release)).assets
        assert found is not None
        return found
