"""A colleague who takes rooms that wait: SEALROOM_PASSPHRASE=... python agent.py STORE [INVITE]"""

import asyncio
import os
import sys

from e2ee_client.errors import RequestRefused
from e2ee_client.rooms import Agent, CompanyRoom

GREETING = "Guten Tag, ich sehe nach."


async def take(room: CompanyRoom) -> bool:
    """Take a room; of two colleagues the first has it."""
    try:
        await room.claim(timeout_s=600)
    except RequestRefused:
        return False
    await room.send(GREETING)
    return True


async def answer(agent: Agent) -> None:
    """Take what waits for this device's teams, now and from now on."""
    await agent.wait_ready()
    async for room in agent.waiting():
        if await take(room):
            print("you answer in room", room.room_id.hex()[:8], flush=True)


async def main(path: str, invite: str | None = None) -> None:
    passphrase = os.environ["SEALROOM_PASSPHRASE"]
    opening = (
        Agent.open(path, passphrase=passphrase)
        if invite is None
        else Agent.join(path, invite, passphrase=passphrase, show_digits=print)
    )
    async with opening as agent:
        await answer(agent)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
