"""What an embedding program passes on by mistake fails that call alone, whatever it is given for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Final

from conversations import until
from e2ee_client import Client, Invitation
from e2ee_client.errors import SealroomError
from e2ee_client.events import MessageState
from e2ee_client.room_events import EntryProgress
from e2ee_client.rooms import Desk, Invite
from e2ee_client.testing import MemoryNetwork
from practice import Practice
from run_counts import IS_FULL

from e2ee.errors import E2eeError

WRONG: Final[tuple[object, ...]] = (None, -1, 2**70, b"", "", [], object())
"""A call may take one of these where it is none that is wrong there."""
IN_ROOMS: Final[tuple[object, ...]] = WRONG if IS_FULL else (object(),)
"""In rooms each value that comes so far has the engine loaded again, which takes a while."""
ENDS: Final = frozenset({"close", "forget", "withdraw", "erase_all", "remove_account_key", "run", "advance"})
"""What ends what the others are tried on, or is not for applications."""
REFUSALS: Final = (TypeError, ValueError, AttributeError, SealroomError, E2eeError)


def calls(target: object) -> Iterator[tuple[Any, list[inspect.Parameter]]]:
    """Yield the public methods of an object that take something, with what they take."""
    for name in dir(type(target)):
        kept = inspect.getattr_static(type(target), name)
        if name.startswith("_") or name in ENDS or not callable(getattr(type(target), name)):
            continue
        if not isinstance(kept, property | classmethod):
            bound = getattr(target, name)
            yield bound, list(inspect.signature(bound).parameters.values())


def arguments(
    parameters: list[inspect.Parameter], wrong: inspect.Parameter, value: Any, usual: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return what a call is given: one wrong value, and what the others usually are."""
    args: list[Any] = []
    named: dict[str, Any] = {}
    for one in parameters:
        given = value if one is wrong else usual.get(one.name, one.default)
        given = None if given is inspect.Parameter.empty else given
        if one.kind is one.KEYWORD_ONLY:
            named[one.name] = given
        elif one is wrong or one.kind is not one.VAR_POSITIONAL:
            args.append(given)
    return args, named


async def call(bound: Any, args: list[Any], named: dict[str, Any]) -> None:
    """Call it, and wait for its first answer."""
    async with asyncio.timeout(10):
        answer = bound(*args, **named)
        if inspect.isawaitable(answer):
            answer = await answer
            if isinstance(answer, Invitation | Invite):
                await answer.close()
        elif isinstance(answer, AsyncIterator):
            await anext(answer, None)


async def try_all(
    target: object, client: Client, usual: Mapping[str, Any], values: Sequence[object] = WRONG
) -> None:
    """Give each parameter of each public method each wrong value; the store stays one that can be loaded."""
    for bound, parameters in calls(target):
        for wrong in parameters:
            for value in values:
                if wrong.name == "timeout_s" and value is None:
                    continue  # waits for ever
                args, named = arguments(parameters, wrong, value, usual)
                try:
                    await call(bound, args, named)
                except REFUSALS:
                    pass
                except Exception as error:
                    error.add_note(f"{type(target).__name__}.{bound.__name__}({wrong.name}={value!r})")
                    raise
        try:
            client.shell.check_open()
            await client._thread.run(lambda: client.shell._load(client.shell.now_ms))
        except Exception as error:
            error.add_note(f"{type(target).__name__}.{bound.__name__}")
            raise


async def test_no_value_ends_a_client_of_single_contacts(network: MemoryNetwork) -> None:
    """STO-08."""
    async with network.client(publish=True, name="Shop") as shop, network.client() as client:
        await shop.wait_online(60)
        contact = await client.add_contact(shop.card())
        message = await contact.send("Hallo")
        usual = {
            "card": shop.card(),
            "text": "Hallo",
            "message_id": message.message_id,
            "account_id": shop.account_id,
            "state": MessageState.SENT,
            "timeout_s": 0.01,
        }
        for target in (client, contact, message):
            await try_all(target, client, usual)
        await try_all(shop, shop, usual)
        await (await contact.send("Noch da")).wait_for(MessageState.SENT, timeout_s=60)


async def test_no_value_ends_a_device_of_rooms(praxis: Practice) -> None:
    """STO-08."""
    agent, customer = await praxis.agent("Berta", front_desk=True), await praxis.customer()
    desk = Desk(agent.client)
    room = await praxis.opened(customer)
    await until(lambda: any(one.room_id == room.room_id for one in desk.rooms()))
    theirs = desk.room(room.room_id)
    entry = await room.send("Hallo")
    usual = {
        "text": "Guten Tag",
        "title": "Frage",
        "words": "Hallo",
        "notice": await customer.notice(),
        "entry": entry,
        "entries": [entry],
        "entry_hash": entry.hash,
        "progress": EntryProgress.SENT,
        "device_id": praxis.company.client.devices()[0].device_id,
        "path": "/nowhere/file",
        "folder": "/nowhere",
        "key_file": "/nowhere/key",
        "timeout_s": 0.01,
    }
    for target, client in (
        (room, customer.client),
        (customer, customer.client),
        (theirs, desk.client),
        (desk, desk.client),
        (praxis.company, praxis.company.client),
    ):
        await try_all(target, client, usual, IN_ROOMS)
