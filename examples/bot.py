"""A front desk that answers by itself: SEALROOM_PASSPHRASE=... python bot.py STORE [RELAY]."""

import asyncio
import os
import sys

from e2ee_client import Client, ContactAdded, MessageReceived

PASSPHRASE = os.environ["SEALROOM_PASSPHRASE"]


async def answer(me: Client) -> None:
    """Greet who writes for the first time; repeat to the others how many messages came."""
    counts: dict[bytes, int] = {}
    async for event in me.events():
        match event:
            case ContactAdded():
                await event.contact.send("Guten Tag, wir melden uns gleich. / Hello!")
            case MessageReceived(account_id):
                counts[account_id] = counts.get(account_id, 0) + 1
                await event.contact.send(f"Message {counts[account_id]} has arrived.")
            case _:
                pass


async def main(path: str, relay: str = "ws://127.0.0.1:8443") -> None:
    async with Client.open_or_create(
        path,
        passphrase=PASSPHRASE,
        relay=relay,
        name="Front desk",
        kind="bot",
        publish=True,
        front_desk=True,
    ) as me:
        await me.wait_online(timeout_s=30)
        print(me.card().to_uri(), flush=True)
        await answer(me)


asyncio.run(main(*sys.argv[1:]))
