"""A company whose account key is kept offline, and who keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conversations import until
from e2ee_client import sign_renewal
from e2ee_client.errors import AccountKeyAbsent, ConfigError, SealroomError
from e2ee_client.rooms import Agent, Company, sign_mandate, sign_notice
from e2ee_client.rooms.notices import EXAMPLE, Notice
from e2ee_client.runtime.clock import Clock
from e2ee_client.testing import FakeClock, MemoryNetwork

ORIGIN = "https://praxis.example"
PASSPHRASE = "kept in a safe"
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def written(company: Company, mode: str = "consent") -> Notice:
    facts = {**EXAMPLE, "relay_url": company.client.card().relay_url}
    return Notice.draft("health", mode, facts, is_reviewed=True)


async def later(clock: FakeClock, happened: Callable[[], bool]) -> None:
    """Let time pass until something has happened: who was away for weeks asks again after minutes."""

    def looked() -> bool:
        clock.advance(MINUTE_MS)
        return happened()

    await until(looked)


class Holder:
    """Who keeps the account key: has its file and the passphrase, and no store."""

    def __init__(self, key_file: Path) -> None:
        self.exported = key_file.read_bytes()

    def sign(self, request: bytes) -> bytes:
        """Sign a device list."""
        return sign_renewal(self.exported, PASSPHRASE, request)

    async def renew(self, company: Company) -> None:
        """Sign device list and mandate."""
        await company.install_list(self.sign(company.renewal_request()))
        request = await company.mandate_request()
        await company.install_mandate(sign_mandate(self.exported, PASSPHRASE, request))

    async def publish(self, company: Company, notice: Notice) -> bytes:
        """Sign a notice."""
        signed = sign_notice(self.exported, PASSPHRASE, await company.notice_request(notice))
        return await company.install_notice(notice, signed)


@asynccontextmanager
async def opened_offline(network: MemoryNetwork, key_file: Path) -> AsyncIterator[Company]:
    async with Company.create(
        None,
        relay=network.url,
        name="Praxis",
        origins=[ORIGIN],
        keys="offline",
        key_file=key_file,
        key_passphrase=PASSPHRASE,
        runtime=network.runtime(),
    ) as company:
        yield company


async def holder_of(company: Company, key_file: Path) -> Holder:
    """Return who keeps the key of a company, and has signed what it needs to be ready."""
    holder = Holder(key_file)
    await holder.publish(company, written(company))
    await holder.renew(company)
    await company.wait_ready(60)
    return holder


class NotingClock:
    """The clock of one device, which notes until when something waits."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.waits: set[int] = set()

    def now_ms(self) -> int:
        return self.clock.now_ms()

    async def wait_until(self, deadline_ms: int) -> None:
        self.waits.add(deadline_ms)
        await self.clock.wait_until(deadline_ms)


async def asked_for(network: MemoryNetwork, company: Company) -> tuple[asyncio.Task[Agent], bytes]:
    """Return a device that waits for its list, and the list that the account key is to sign."""
    shown = asyncio.get_running_loop().create_future()
    clock = NotingClock(network.clock)

    async def join(text: str) -> Agent:
        runtime = replace(network.runtime(), clock=clock)
        return await Agent.join(None, text, show_digits=shown.set_result, runtime=runtime)

    async with await company.invite("Frau Sommer", teams=["empfang"]) as invite:
        with pytest.raises(ConfigError):
            await invite.request()
        joining = asyncio.create_task(join(invite.text))
        try:
            assert await invite.digits(60) == await shown
            with pytest.raises(AccountKeyAbsent):
                await invite.confirm(60)
            request = await invite.request(60)
        except SealroomError:
            joining.cancel()
            raise
    await until(lambda: max(clock.waits) > clock.now_ms() + HOUR_MS)
    return joining, request
