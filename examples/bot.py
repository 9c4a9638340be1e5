"""A front desk that answers by itself: SEALROOM_PASSPHRASE=... python bot.py STORE [RELAY]."""

import asyncio
import os
import sys

from e2ee_client import Client, Contact, ContactAdded, MessageReceived, MessageState, SealroomError

PASSPHRASE = os.environ["SEALROOM_PASSPHRASE"]


async def answer(contact: Contact) -> None:
    """Greet who writes for the first time; say how many messages came, also before a restart."""
    try:
        texts = await contact.history()
        if not any(text.outgoing for text in texts):
            await contact.send("Guten Tag, wir melden uns gleich. / Hello!")
        for count, text in enumerate((one for one in texts if not one.outgoing), 1):
            if text.state is not MessageState.READ:
                await contact.send(f"Message {count} has arrived.")
                await contact.mark_read([text])
    except SealroomError as error:  # of this contact alone: the others are answered
        print("no answer:", error.code, file=sys.stderr)


async def answer_all(me: Client) -> None:
    """Answer what came before, and what comes."""
    for contact in me.contacts():
        await answer(contact)
    async for event in me.events():
        if isinstance(event, ContactAdded | MessageReceived):
            await answer(event.contact)


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
        await answer_all(me)


asyncio.run(main(*sys.argv[1:]))
