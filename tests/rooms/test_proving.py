"""Proofs of consent as both sides make them from what they have (CNS-23, CNS-30)."""

from __future__ import annotations

import pytest
from conversations import until, until_read
from e2ee_client.errors import ProofIncomplete
from e2ee_client.rooms import CustomerRoom
from e2ee_client.rooms.errors import ProofInvalid
from e2ee_client.rooms.proof import open_proof
from e2ee_client.testing import FakeClock
from practice import Practice

from e2ee.errors import NoConsent
from e2ee.ids import AccountId
from e2ee.rooms.proof import Proof
from e2ee.rooms.state import Phase


def account(praxis: Practice) -> AccountId:
    return AccountId(praxis.company.client.account_id)


async def answered(praxis: Practice, room: CustomerRoom, *, is_of_withdrawal: bool = False) -> Proof:
    """Return the customer's proof when the company's answer is here."""

    async def answer() -> bool | None:
        found = open_proof(await room.proof(), account(praxis)).answer
        return None if found is None else found.is_of_withdrawal

    await until_read(answer, is_of_withdrawal)
    return open_proof(await room.proof(), account(praxis))


async def test_both_sides_prove_a_consent_and_its_withdrawal(praxis: Practice) -> None:
    """CNS-24, CNS-30: the customer has the company's answer as well."""
    me = await praxis.customer()
    room = await praxis.opened(me)
    await until(lambda: len(praxis.company.rooms()) == 1 and room.phase is Phase.OPEN)
    theirs = praxis.company.room(room.room_id)
    ours = await answered(praxis, room)
    assert (ours.customer, ours.room) == (me.client.account_id, room.room_id)
    assert ours.text == (await me.notice()).text("de")
    company = open_proof(await theirs.proof(), account(praxis))
    assert (company.answer, company.withdrawal) == (None, None)
    assert company.receipt == ours.receipt
    await room.withdraw()
    await until(lambda: theirs.phase is Phase.WITHDRAWN and room.phase is Phase.WITHDRAWN)
    left = await answered(praxis, room, is_of_withdrawal=True)
    assert left.is_withdrawn
    seen = open_proof(await theirs.proof(), account(praxis))
    assert seen.is_withdrawn
    assert all(one.doubts == frozenset() for one in (ours, company, left, seen))


async def test_a_flipped_byte_is_named_wherever_it_is(praxis: Practice) -> None:
    """CNS-24: by the code of what failed."""
    room = await praxis.opened(await praxis.customer())
    await answered(praxis, room)
    encoded, reasons = await room.proof(), set[str]()
    for place in range(0, len(encoded), 61):
        flipped = bytearray(encoded)
        flipped[place] ^= 1
        with pytest.raises(ProofInvalid) as caught:
            open_proof(bytes(flipped), account(praxis))
        assert caught.value.reason in str(caught.value)
        reasons.add(caught.value.reason)
    assert {"remote.signature", "remote.decode", "remote.identity"} <= reasons


async def test_a_proof_made_weeks_later_is_in_no_doubt(praxis: Practice) -> None:
    """CNS-25, CNS-30: lists and mandate of both sides were signed anew since."""
    me = await praxis.customer()
    room = await praxis.opened(me)
    await until(lambda: len(praxis.company.rooms()) == 1 and room.phase is Phase.OPEN)
    before = me.client.list_expires_ms
    assert isinstance(praxis.network.clock, FakeClock)
    praxis.network.clock.advance(20 * 86_400_000)
    await until(lambda: me.client.list_expires_ms > before)
    theirs = praxis.company.room(room.room_id)
    for proof in (await room.proof(), await theirs.proof()):
        assert open_proof(proof, account(praxis)).doubts == frozenset()


async def test_a_second_consent_is_what_is_proved(praxis: Practice) -> None:
    """CNS-30: the receipt with the highest number, without the withdrawal of the one before."""
    me = await praxis.customer()
    room = await praxis.opened(me)
    await until(lambda: len(praxis.company.rooms()) == 1 and room.phase is Phase.OPEN)
    theirs = praxis.company.room(room.room_id)
    await room.withdraw()
    await until(lambda: theirs.phase is Phase.WITHDRAWN)
    await praxis.opened(me)
    await until(lambda: theirs.phase is Phase.OPEN)
    found = [await answered(praxis, room), open_proof(await theirs.proof(), account(praxis))]
    assert [one.withdrawal for one in found] == [None, None]
    assert [one.is_withdrawn for one in found] == [False, False]


async def test_who_lacks_a_part_says_so(praxis: Practice) -> None:
    """CNS-30: an agent has not the texts of the notice; nothing is proved in a room of notes."""
    agent = await praxis.agent("Agent A")
    room = await praxis.opened(await praxis.customer())
    waiting = await anext(agent.waiting())
    await waiting.claim(600)
    with pytest.raises(ProofIncomplete):
        await waiting.proof()
    theirs = praxis.company.room(room.room_id)
    notes = await theirs.notes()
    with pytest.raises(NoConsent):
        await notes._proof()
