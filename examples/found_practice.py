"""Found a practice: SEALROOM_PASSPHRASE=... python found_practice.py STORE RELAY NOTICE.TOML DOOR

Serve the file DOOR at https://praxis.example/.well-known/sealroom-door. `sealroom company notice draft`
writes a notice to begin with, for your counsel.
"""

import asyncio
import os
import sys
from pathlib import Path

from e2ee_client.rooms import Company, Notice, Service

PAGE = "https://praxis.example"
SERVICE = Service(greeting={"de": "Guten Tag, worum geht es?", "en": "Hello, how can we help?"})


async def publish(company: Company, notice: Notice, door: Path) -> None:
    """Sign what customers read before anybody writes, and write the file for the web server."""
    await company.publish(notice)
    await company.wait_ready(60)
    data = await company.door()
    await asyncio.to_thread(door.write_bytes, data)


async def invite(company: Company, name: str, team: str) -> bytes:
    """Take a colleague's device in, after a person has compared six digits."""
    async with await company.invite(name, teams=[team]) as invited:
        print("on the other computer: python agent.py STORE", repr(invited.text), flush=True)
        print("both have to show", await invited.digits(600), flush=True)
        await asyncio.to_thread(input, "the same digits? Enter, or Ctrl-C: ")
        return await invited.confirm(60)


async def main(path: str, relay: str, notice: str, door: str) -> None:
    passphrase = os.environ["SEALROOM_PASSPHRASE"]
    async with Company.create(
        path, relay=relay, name="Praxis", passphrase=passphrase, origins=[PAGE]
    ) as company:
        key = company.client.recovery_key
        print("print this and lock it away:", None if key is None else key.expose().hex(), flush=True)
        await publish(company, Notice.load(notice), Path(door))
        await invite(company, "Frau Sommer", "empfang")
        await company.run(SERVICE)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
