"""Logins from the page to the room: a web server's key, a token, a known person in place."""

from __future__ import annotations

import asyncio
import stat
from dataclasses import replace
from pathlib import Path

import e2ee_login
import pytest
from e2ee_client.contacts import wait_until
from e2ee_client.errors import WaitTimeout
from e2ee_client.events import MandateSigned
from e2ee_client.rooms import (
    CompanyRoom,
    CustomerRoom,
    EntryProgress,
    IdentifyAnswered,
    LoggedIn,
    SignedOut,
)
from e2ee_client.rooms.errors import LoginsNotAllowed
from e2ee_client.testing import MemoryNetwork
from practice import Practice, practice

from e2ee.errors import DecodeError, LoginExpired, LoginOfAnother, LoginUsed, NoConsent
from e2ee.ids import AccountId
from e2ee.rooms.checks import MAX_SEQ
from e2ee.rooms.entry import RoomId
from e2ee.rooms.login import Challenge, Person, sign_login
from e2ee.rooms.login_texts import IssuingKey, parse_challenge, token_text
from e2ee.secret import LoginKey

pytestmark = pytest.mark.asyncio


async def allowed(made: Practice, folder: Path, *, shows_door: bool = True) -> str:
    """Let the web server of the practice issue logins; returns its key."""
    events = made.company.client.events()
    with pytest.raises(LoginsNotAllowed):
        await made.company.write_login_key(folder / "login.key")
    await made.company.allow_logins()
    async for event in events:
        if isinstance(event, MandateSigned):
            break
    await made.company.wait_ready(60)
    if shows_door:
        await made.publish_door()
    await made.company.write_login_key(folder / "login.key")
    assert stat.S_IMODE((folder / "login.key").stat().st_mode) == 0o600
    return (folder / "login.key").read_text()


async def opened(made: Practice) -> tuple[CustomerRoom, CompanyRoom]:
    """A customer in its room, and the room at the company."""
    customer = await made.customer()
    room = await made.opened(customer)
    text = await room.send("Guten Tag")
    await text.wait_for(EntryProgress.DELIVERED, 60)
    return room, made.company.room(room.room_id)


async def logged_in(made: Practice, room: CustomerRoom, key: str, subject: str = "4711") -> LoggedIn | None:
    """Log in by the web server, and wait until the company has taken it."""
    events = made.company.client.events()
    challenge = await room.login_challenge()
    token = e2ee_login.issue_login_token(
        key, challenge, subject=subject, name="Erika Muster", now_s=room._shell.now_ms / 1000
    )
    await room.identify(token)
    async for event in events:
        if isinstance(event, IdentifyAnswered) and event.room_id == room.room_id:
            assert event.code == ""
            break
    return await made.company.room(room.room_id).person()


async def test_an_anonymous_customer_becomes_known_in_place_and_signs_out(tmp_path: Path) -> None:
    """CNS-50 to CNS-57: the same room, what was written stays, no relay has the token."""
    network = MemoryNetwork()
    async with practice(network) as made:
        key = await allowed(made, tmp_path)
        room, at_company = await opened(made)
        assert await at_company.person() is None
        person = await logged_in(made, room, key)
        assert person is not None
        assert (person.subject, person.name, person.number, person.level) == ("4711", "Erika Muster", None, 1)
        assert [one.text for one in await at_company.texts()] == ["Guten Tag"]
        events = made.company.client.events()
        await room.sign_out()
        async for event in events:
            if isinstance(event, SignedOut):
                break
        assert await at_company.person() is None
        assert await room.person() is None


async def test_a_token_under_a_mandate_that_is_still_on_its_way_waits_for_it(tmp_path: Path) -> None:
    """CNS-52: the web page shows the door of before, and the web server signs with the new key already."""
    network = MemoryNetwork()
    async with practice(network) as made:
        key = await allowed(made, tmp_path, shows_door=False)
        room = await made.opened(await made.customer())
        person = await logged_in(made, room, key)
        assert person is not None
        assert person.subject == "4711"


async def test_a_token_under_a_mandate_that_does_not_come_is_an_error_that_may_pass(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with practice(network) as made:
        room, _ = await opened(made)
        network.cut()
        key = await allowed_offline(made, tmp_path)
        challenge = await room.login_challenge()
        now_s = room._shell.now_ms / 1000
        token = e2ee_login.issue_login_token(key, challenge, subject="4711", now_s=now_s)
        with pytest.raises(WaitTimeout, match=r"newer mandate.* give the token again"):
            await room.identify(token, timeout_s=0.2)
        network.mend()
        await room.identify(token, timeout_s=60)


async def test_a_token_waits_for_its_own_mandate_and_not_for_the_next_one(tmp_path: Path) -> None:
    """CNS-52: before, the first newer mandate ended the waiting with MandateInvalid."""
    network = MemoryNetwork()
    async with practice(network) as made:
        room, _ = await opened(made)
        network.cut()
        key = IssuingKey.parse(await allowed_offline(made, tmp_path))
        later = replace(key, mandate_seq=key.mandate_seq + 1).text()
        challenge = await room.login_challenge()
        now_s = room._shell.now_ms / 1000
        token = e2ee_login.issue_login_token(later, challenge, subject="4711", now_s=now_s)
        waiting = asyncio.create_task(room.identify(token, timeout_s=None))
        await asyncio.sleep(0)
        network.mend()

        def has_come() -> bool:
            rooms = room._shell.machine.rooms
            return rooms.mandate_seq(room.room_id, room._shell.now_ms) == key.mandate_seq

        await wait_until(has_come, room._client.progress, 60, "the mandate")
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        waiting.cancel()
        with pytest.raises(WaitTimeout, match=f"number {key.mandate_seq + 1}"):
            await room.identify(token, timeout_s=0)


async def test_what_is_seen_without_a_mandate_fails_at_once(tmp_path: Path) -> None:
    """CNS-53: who states a high number makes nobody wait; before, 30 seconds for each such token."""
    network = MemoryNetwork()
    async with practice(network) as made:
        room, _ = await opened(made)
        asked = parse_challenge(await room.login_challenge())
        now_ms, person = room._shell.now_ms, Person("4711")

        async def hand_in(challenge: Challenge, issued_ms: int = now_ms) -> None:
            signed = sign_login(LoginKey(bytes(32)), MAX_SEQ, challenge, person, issued_ms, 60_000)
            await room.identify(token_text(signed), timeout_s=0)

        with pytest.raises(LoginUsed):
            await hand_in(asked._replace(nonce=bytes(16)))
        with pytest.raises(LoginUsed):
            await hand_in(asked._replace(company=AccountId(bytes(32))))
        with pytest.raises(LoginOfAnother):
            await hand_in(asked._replace(room=RoomId(bytes(16))))
        with pytest.raises(LoginExpired):
            await hand_in(asked, now_ms - 3_600_000)
        with pytest.raises(WaitTimeout):
            await hand_in(asked)


async def allowed_offline(made: Practice, folder: Path) -> str:
    """Let the web server issue logins, of which nobody has heard yet."""
    await made.company.allow_logins()
    await made.company.write_login_key(folder / "login.key")
    return (folder / "login.key").read_text()


async def test_who_signs_out_without_a_consent_that_counts_has_the_login_erased(tmp_path: Path) -> None:
    """CNS-75, CNS-20: an erasure needs none; before, the login stayed on the person's device."""
    network = MemoryNetwork()
    async with practice(network) as made:
        key = await allowed(made, tmp_path)
        room, at_company = await opened(made)
        assert await logged_in(made, room, key) is not None
        await room.withdraw()
        assert await room.person() is not None
        erasure = await room.sign_out()
        await erasure.wait_for(EntryProgress.DELIVERED, 60)
        assert await room.person() is None
        assert await at_company.person() is None
        with pytest.raises(NoConsent):
            await room.sign_out()


async def test_a_token_of_somebody_else_never_leaves_the_device(tmp_path: Path) -> None:
    """CNS-53: for another room, replayed, or not asked for: a typed error, and nothing is sent."""
    network = MemoryNetwork()
    async with practice(network) as made:
        key = await allowed(made, tmp_path)
        (room, at_company), (other, _) = await opened(made), await opened(made)
        now_s = room._shell.now_ms / 1000
        challenge = await room.login_challenge()
        token = e2ee_login.issue_login_token(key, challenge, subject="4711", now_s=now_s)
        with pytest.raises(LoginOfAnother):
            await other.identify(token)
        await room.identify(token)
        with pytest.raises(LoginUsed):
            await room.identify(token)
        with pytest.raises(DecodeError):
            await room.identify("token")
        assert await other.person() is None
        assert len(await at_company.texts()) == 1


async def test_what_an_old_key_signs_counts_no_longer(tmp_path: Path) -> None:
    """CNS-52, ACC-06: ending logins ends them at once for whoever knows the new mandate."""
    network = MemoryNetwork()
    async with practice(network) as made:
        await allowed(made, tmp_path)
        await made.company.allow_logins(allowed=False)
        await made.company.wait_ready(60)
        await made.company.client.wait_settled(60)
        with pytest.raises(LoginsNotAllowed):
            await made.company.write_login_key(tmp_path / "again.key")
        assert not (tmp_path / "again.key").exists()
