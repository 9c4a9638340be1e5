"""A front desk that answers by itself: SEALROOM_PASSPHRASE=... python bot.py STORE [RELAY]."""

import asyncio
import os
import sys

from e2ee_client import Client, ContactAdded, MessageReceived
from e2ee_client.errors import StoreMissing

PASSPHRASE = os.environ["SEALROOM_PASSPHRASE"]


async def desk(path: str, relay: str) -> Client:
    """Open the desk's account, or make it the first time."""
    try:
        return await Client.open(path, passphrase=PASSPHRASE)
    except StoreMissing:
        return await Client.create(
            path,
            passphrase=PASSPHRASE,
            relay=relay,
            name="Front desk",
            kind="bot",
            publish=True,
            front_desk=True,
        )


async def answer(me: Client) -> None:
    """Greet who writes for the first time; repeat to the others how many messages came."""
    counts: dict[bytes, int] = {}
    async for event in me.events():
        match event:
            case ContactAdded(account_id):
                await me.contact(account_id).send("Guten Tag, wir melden uns gleich. / Hello!")
            case MessageReceived(account_id):
                counts[account_id] = counts.get(account_id, 0) + 1
                await me.contact(account_id).send(f"Message {counts[account_id]} has arrived.")
            case _:
                pass


async def main(path: str, relay: str = "ws://127.0.0.1:8443") -> None:
    me = await desk(path, relay)
    try:
        await me.wait_online(timeout_s=30)
        print(me.card().to_uri(), flush=True)
        await answer(me)
    finally:
        await me.close()


asyncio.run(main(*sys.argv[1:]))
