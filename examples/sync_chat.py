"""Without an event loop: SEALROOM_PASSPHRASE=... python sync_chat.py CONTACT-CARD RELAY TEXT

Sends one text and waits for one answer.
"""

import os
import sys

from e2ee_client import MessageReceived, sync


def main(card: str, relay: str, text: str) -> None:
    passphrase = os.environ["SEALROOM_PASSPHRASE"]
    with sync.Client.open_or_create("me-sync.db", passphrase=passphrase, relay=relay) as me:
        me.add_contact(card).send(text)
        for event in me.events():
            if isinstance(event, MessageReceived):
                print("answer:", event.text)
                break


main(*sys.argv[1:4])
