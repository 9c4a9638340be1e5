"""Behind a locked screen nothing of rooms is shown, whoever held what before."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from conversations import until
from e2ee_client.errors import ConfigError, FileUnusable
from e2ee_client.rooms import CompanyRoom, CustomerRoom, Room
from e2ee_client.rooms.app_lock import MINUTE_MS, AppLock
from e2ee_client.rooms.errors import AppLocked
from practice import Practice

from e2ee.errors import DecodeError

NAMED = {"room_id"}
"""What a handle was made of."""

UNUSABLE = (ConfigError, DecodeError, FileUnusable, AttributeError, TypeError)
"""What is given to a member was looked at, and nothing else."""


async def no_check(passphrase: str) -> None:
    """Every passphrase is right."""


async def tries(room: Room, name: str) -> object:
    """Ask a room for something, as an application that goes on without looking."""
    member = getattr(type(room), name)
    if isinstance(member, property):
        return getattr(room, name)
    needed = [
        one
        for one in inspect.signature(member).parameters.values()
        if one.name != "self" and one.default is one.empty
    ]
    given: list[Any] = ["x"] * len([one for one in needed if one.kind is not one.KEYWORD_ONLY])
    more: dict[str, Any] = {one.name: True for one in needed if one.kind is one.KEYWORD_ONLY}
    found = member(room, *given, **more)
    if inspect.isasyncgen(found):
        return await anext(found)
    return await found


async def test_a_locked_application_shows_no_rooms(praxis: Practice) -> None:
    me = await praxis.customer()
    room = await praxis.opened(me)
    await room.send("Guten Tag")
    await until(lambda: len(praxis.company.rooms()) == 1)
    lock = AppLock(no_check, MINUTE_MS)
    now_ms = me.client.runtime.clock.now_ms
    await lock.unlock("", now_ms())
    me.lock_by(lock)
    assert me.rooms() == [room]
    lock.lock()
    with pytest.raises(AppLocked):
        me.rooms()
    with pytest.raises(AppLocked):
        me.room(room.room_id)
    with pytest.raises(AppLocked):
        await anext(me.search("Guten"))
    with pytest.raises(AppLocked):
        me.recovery_code()
    with pytest.raises(AppLocked):
        await me.confirm_recovery_code({1: "00000", 2: "00000"})
    await lock.unlock("", now_ms())
    assert [one.text for one in await room.texts()] == ["Guten Tag"]
    lock.lock()
    me.lock_by(None)
    assert me.rooms() == [room]


async def test_a_handle_from_before_says_nothing_either(praxis: Practice) -> None:
    """Each public member of a room is tried: one that is added later is too."""
    me = await praxis.customer()
    mine = await praxis.opened(me)
    await mine.send("Guten Tag")
    await until(lambda: len(praxis.company.rooms()) == 1)
    theirs = praxis.company.rooms()[0]
    lock = AppLock(no_check)
    me.lock_by(lock)
    praxis.company.lock_by(lock)
    said: set[str] = set()
    for room, kind in ((mine, CustomerRoom), (theirs, CompanyRoom)):
        for name in {one for one in dir(kind) if not one.startswith("_")} - NAMED:
            try:
                await tries(room, name)
            except (AppLocked, *UNUSABLE):
                continue
            said.add(name)
    assert said == set()
    with pytest.raises(AppLocked):
        await anext(praxis.company.waiting())
    praxis.company.lock_by(None)
