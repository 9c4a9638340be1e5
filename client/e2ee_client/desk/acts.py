"""What a person does at the page, as calls of rooms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from e2ee.rooms.entry import EntryHash
from e2ee.rooms.state import Retention
from e2ee_client.errors import UnknownEntry
from e2ee_client.rooms import Agent, CompanyRoom, Entry

from . import schema
from .local import LocalRows
from .showing import RETENTION_CLASSES

CLAIM_S: Final = 30.0
Act: TypeAlias = (
    (schema.Send | schema.Edit | schema.Erase | schema.MarkSensitive | schema.MarkRead | schema.Claim)
    | (schema.Transfer | schema.Add | schema.HandOver | schema.Leave | schema.Close | schema.Reopen)
    | (schema.SetHold | schema.SetSensitive | schema.SetRetention | schema.Decide | schema.DecideObjection)
    | schema.Note
    | schema.KeepDraft
)
Local: TypeAlias = schema.SetLabels | schema.SaveAnswer | schema.DropAnswer


class _Named:
    """An entry by its hash alone."""

    def __init__(self, name: str) -> None:
        self.hash = EntryHash(bytes.fromhex(name))


async def carry_out(agent: Agent, act: Act) -> None:
    """Do it; what the room says to it is raised."""
    room = agent.room(bytes.fromhex(act.room))
    do: Callable[[CompanyRoom, Any], Awaitable[object]] = _ACTS[type(act)]
    await do(room, act)


async def keep(local: LocalRows, act: Local) -> None:
    """Change what is kept on this device."""
    match act:
        case schema.SetLabels():
            await local.set_labels(bytes.fromhex(act.room), act.labels)
        case schema.SaveAnswer():
            await local.save_answer(act.answer)
        case schema.DropAnswer():
            await local.drop_answer(bytes.fromhex(act.id))


def _entries(names: tuple[str, ...]) -> list[_Named]:
    return [_Named(one) for one in names]


async def _entry(room: CompanyRoom, name: str) -> Entry:
    return await room.entry(bytes.fromhex(name))


async def _send(room: CompanyRoom, act: schema.Send) -> None:
    await room.send(act.text, reply_to=None if act.reply is None else await _entry(room, act.reply))


async def _transfer(room: CompanyRoom, act: schema.Transfer) -> None:
    device_id = None if act.device is None else bytes.fromhex(act.device)
    await room.transfer(team=act.team, device_id=device_id, note=act.note)


async def _set_retention(room: CompanyRoom, act: schema.SetRetention) -> None:
    await room.set_retention(Retention(RETENTION_CLASSES[act.kind], act.seconds))


async def _decide(room: CompanyRoom, act: schema.Decide) -> None:
    for asked in await room.requests():
        if asked.request_id.hex() == act.request:
            await room.decide(asked, grant=act.grant)
            return
    for login in await room.identifications():
        if login.entry_hash.hex() == act.request:
            await room.decide_identification(login, grant=act.grant)
            return
    raise UnknownEntry("nothing of this id waits")


_ACTS: Final[dict[type, Callable[[CompanyRoom, Any], Awaitable[object]]]] = {
    schema.Send: _send,
    schema.Edit: lambda room, act: room.edit(_Named(act.entry), act.text),
    schema.Erase: lambda room, act: room.erase(_entries(act.entries)),
    schema.MarkSensitive: lambda room, act: room.mark_sensitive(_entries(act.entries)),
    schema.MarkRead: lambda room, act: room.mark_read(_entries(act.entries)),
    schema.Claim: lambda room, _: room.claim(CLAIM_S),
    schema.Transfer: _transfer,
    schema.Add: lambda room, act: room.add(bytes.fromhex(act.device)),
    schema.HandOver: lambda room, act: room.hand_over(bytes.fromhex(act.device), act.count, act.reason),
    schema.Leave: lambda room, _: room.leave(),
    schema.Close: lambda room, act: room.close(act.reason),
    schema.Reopen: lambda room, _: room.reopen(),
    schema.SetHold: lambda room, act: room.set_hold(act.on, act.reason),
    schema.SetSensitive: lambda room, act: room.set_sensitive(act.on),
    schema.SetRetention: _set_retention,
    schema.Decide: _decide,
    schema.DecideObjection: lambda room, act: room.decide_objection(act.text, close=act.close),
    schema.Note: lambda room, act: room.note(act.text),
    schema.KeepDraft: lambda room, act: room.keep_draft(act.text, in_notes=act.notes),
}
