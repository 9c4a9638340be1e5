"""A person who writes to a practice: SEALROOM_PASSPHRASE=... python customer.py STORE TEXT

Before the person has accepted, nothing is made, stored or connected.
"""

import asyncio
import os
import sys
from pathlib import Path

from e2ee_client.rooms import Customer, CustomerRoom, EntryAdded, Role

PAGE = "https://praxis.example"
PROOF = Path("consent.sealroom-consent")


async def accepted(me: Customer) -> CustomerRoom | None:
    """Show the notice, and ask; who refuses is shown other ways to the practice."""
    notice = await me.notice()
    print(notice.text(), "\n\nshown by", notice.origin, flush=True)
    if await asyncio.to_thread(input, "do you accept? [y/n] ") == "y":
        return await me.accept(notice)
    for channel in (await me.refuse(notice)).channels:
        print(channel.label, channel.value)
    return None


async def talk(me: Customer, room: CustomerRoom, text: str) -> str:
    """Write a text, and wait for the first answer of a person."""
    events = me.events()
    await room.send(text)
    async for event in events:
        if isinstance(event, EntryAdded):
            entry = await room.entry(event.entry_hash)
            if entry.text and entry.author.role is not Role.CUSTOMER and not entry.author.is_bot:
                return f"{entry.author.name}: {entry.text}"
    return ""


async def main(path: str, text: str) -> None:
    async with Customer.open(path, company=PAGE, passphrase=os.environ["SEALROOM_PASSPHRASE"]) as me:
        room = me.rooms()[0] if me.has_accepted else await accepted(me)
        if room is not None:
            print(await talk(me, room, text))
            proof = await room.proof()
            await asyncio.to_thread(PROOF.write_bytes, proof)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
