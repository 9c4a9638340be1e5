"""From nothing to a first message: SEALROOM_PASSPHRASE=... python first_message.py CONTACT-CARD RELAY."""

import asyncio
import os
import sys

from e2ee_client import Client, MessageState

PASSPHRASE = os.environ["SEALROOM_PASSPHRASE"]


async def main(card: str, relay: str) -> None:
    async with Client.open_or_create("me.db", passphrase=PASSPHRASE, relay=relay) as me:
        contact = await me.add_contact(card)
        message = await contact.send("Hello, is this the shop?")
        await message.wait_for(MessageState.SENT, timeout_s=30)
        print("sent; compare before you trust:", contact.safety_number())


asyncio.run(main(sys.argv[1], sys.argv[2]))
