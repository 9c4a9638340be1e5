"""A bot at a front desk, with routing: SEALROOM_PASSPHRASE=... python support_bot.py STORE [INVITE]"""

import asyncio
import os
import sys

from e2ee_client.rooms import CompanyRoom, Desk, Entry, Hours, Routing, Service

WEEK = {day: ["08:00-12:00", "14:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
SERVICE = Service(
    greeting={"de": "Guten Tag, worum geht es?", "en": "Hello, how can we help?"},
    closed={"de": "Wir sind ab {opens} wieder da.", "en": "We are back on {opens}."},
    hours=Hours.of({"zone": "Europe/Berlin", "german_holidays": True, "week": WEEK}),
    routing=Routing.of({"default": "empfang", "rules": [{"team": "abrechnung", "words": ["rechnung*"]}]}),
)


def teach(bot: Desk) -> None:
    @bot.on_message(pattern=r"(?i)\brezept", language="de")
    async def prescription(room: CompanyRoom, entry: Entry) -> None:
        await room.send("Rezepte liegen am nächsten Werktag bereit.", reply_to=entry, by_machine=True)


async def main(path: str, invite: str | None = None) -> None:
    passphrase = os.environ["SEALROOM_PASSPHRASE"]
    opening = (
        Desk.open(path, passphrase=passphrase)
        if invite is None
        else Desk.join(path, invite, passphrase=passphrase, show_digits=print)
    )
    async with opening as bot:
        teach(bot)
        await bot.run(SERVICE)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
