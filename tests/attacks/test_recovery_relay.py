"""A hostile relay that is asked for the newest list of an account that is to be recovered (ACC-64)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import pytest
from e2ee_client import restoring
from e2ee_client.engine.records import OWN_KEY, Own
from e2ee_client.errors import RelayUnavailable
from e2ee_client.restoring import Saved
from e2ee_client.rooms import recovering
from e2ee_client.runtime.transport import Connection
from e2ee_client.testing import MemoryNetwork
from e2ee_relay.protocol import (
    ErrorCode,
    ErrorReply,
    Lookup,
    LookupResult,
    Role,
    decode_frames,
    encode_frames,
)
from engine_world import SeededRng

from e2ee import identity, recovery
from e2ee.errors import ListFork
from e2ee.identity import DeviceKind, DeviceList
from e2ee.recovery import RecoveryCode
from e2ee.secret import AccountKey

pytestmark = pytest.mark.asyncio

NOW_MS: Final = 1_764_000_000_000
CODE: Final = recovery.new_code(SeededRng("code"), entry=True)
OTHER: Final = recovery.new_code(SeededRng("other"), entry=True)
Answer = Callable[[Lookup], bytes]


class Hostile:
    """A relay that greets, and then says what it likes: one answer to each lookup, then nothing more."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = iter(answers)
        self._said: asyncio.Queue[bytes] = asyncio.Queue()
        self.asked: list[Lookup] = []
        self.closed = 0

    async def open(self, url: str, *, foreign: bool = False) -> Connection:
        """Connect: the greeting is a true one."""
        inner = await MemoryNetwork().open(url)
        self._said.put_nowait(await inner.receive())
        await inner.close()
        return self

    async def send(self, data: bytes) -> None:
        """Take a lookup."""
        for frame in decode_frames(data, Role.RELAY):
            assert isinstance(frame, Lookup)
            self.asked.append(frame)
            for answer in itertools.islice(self._answers, 1):
                self._said.put_nowait(answer(frame))

    async def receive(self) -> bytes:
        """Say the next thing, or nothing for ever."""
        return await self._said.get()

    async def close(self) -> None:
        """Close."""
        self.closed += 1


def lists(code: RecoveryCode, count: int) -> list[DeviceList]:
    """The chain of an account."""
    key = code.account_key()
    account_id = identity.account_id_of(key)
    device = identity.new_device(account_id, DeviceKind.PERSON, 0, NOW_MS, NOW_MS + 10**10, SeededRng("d"))
    found: list[DeviceList] = []
    for _ in range(count):
        before = found[-1] if found else None
        found.append(_signed(key, identity.next_list(account_id, before, [device.record], None, NOW_MS)))
    return found


def _signed(key: AccountKey, unsigned: bytes) -> DeviceList:
    return identity.sign_list(key, unsigned)


OURS: Final = lists(CODE, 4)
THEIRS: Final = lists(OTHER, 6)


def shows(*signed: bytes, more: bool = False) -> Answer:
    """Show these lists."""
    return lambda asked: _encoded(LookupResult(asked.request_id, signed, (), (), more))


def _encoded(frame: LookupResult | ErrorReply) -> bytes:
    return encode_frames([frame])


def says(code: ErrorCode) -> Answer:
    """Refuse."""
    return lambda asked: _encoded(ErrorReply(asked.request_id, code, 0))


def forged(one: DeviceList) -> bytes:
    """A list with another bit in its signature."""
    return one.signed[:-1] + bytes((one.signed[-1] ^ 1,))


async def asked(*answers: Answer, code: RecoveryCode = CODE) -> tuple[DeviceList | None, Hostile]:
    """What a device that recovers takes as the newest list."""
    relay = Hostile(answers)
    found = await recovering.newest_list(code, "wss://relay.test", relay)
    assert relay.closed == 1
    return found, relay


async def test_nothing_is_asked_for_an_account_without_an_entry() -> None:
    """ACC-64."""
    code = recovery.new_code(SeededRng("code"), entry=False)
    relay = Hostile([])
    assert await recovering.newest_list(code, "wss://relay.test", relay) is None
    assert not relay.asked


@pytest.mark.parametrize(
    ("signed", "seq"),
    [
        ([OURS[0].signed], 1),
        ([one.signed for one in reversed(OURS)], 4),
        ([OURS[1].signed, THEIRS[5].signed, forged(OURS[3]), b"\x01", b"\x80", OURS[0].signed], 2),
        ([OURS[1].signed] * 64, 2),
    ],
    ids=["an older one", "descending", "of others, forged, none", "one again and again"],
)
async def test_only_lists_that_the_account_has_signed_count_and_the_highest_is_taken(
    signed: list[bytes], seq: int
) -> None:
    """ACC-64: what the relay shows beside them changes nothing; it can only hold back."""
    found, _ = await asked(shows(*signed))
    assert found is not None
    assert (found.seq, found.account_id) == (seq, identity.account_id_of(CODE.account_key()))


@pytest.mark.parametrize(
    "answer", [shows(), shows(THEIRS[0].signed, forged(OURS[0])), says(ErrorCode.NOT_FOUND)]
)
async def test_without_a_list_of_the_account_there_is_no_entry(answer: Answer) -> None:
    """ACC-64: the account goes on without one, above all numbers of the clock's time (ACC-63)."""
    found, relay = await asked(answer)
    assert found is None
    assert [(one.account_id, one.after_seq) for one in relay.asked] == [
        (identity.account_id_of(CODE.account_key()), 0)
    ]


async def test_pages_that_change_from_one_answer_to_the_next_never_lower_what_is_known() -> None:
    """ACC-64: it asks behind the highest list that it has seen."""
    pages = (
        shows(OURS[2].signed, more=True),
        shows(OURS[0].signed, THEIRS[5].signed, more=True),
        shows(more=True),
        says(ErrorCode.NOT_FOUND),
    )
    found, relay = await asked(*pages)
    assert found == OURS[2]
    assert [one.after_seq for one in relay.asked] == [0, 3, 3, 3]


async def test_pages_without_an_end_are_refused() -> None:
    """ACC-64: after 64 of them."""
    relay = Hostile(itertools.repeat(shows(OURS[0].signed, more=True)))
    with pytest.raises(RelayUnavailable):
        await recovering.newest_list(CODE, "wss://relay.test", relay)
    assert (len(relay.asked), relay.closed) == (64, 1)


def _nonsense() -> Iterator[Answer]:
    yield lambda _: b""
    yield lambda _: b"\x00" * 70_000
    yield lambda _: b"\xff" * 3
    yield lambda asked: shows(OURS[0].signed)(asked)[:-1]
    yield says(ErrorCode.QUOTA)
    yield says(ErrorCode.NOT_AUTHENTICATED)


@pytest.mark.parametrize("answer", list(_nonsense()))
async def test_nonsense_and_refusals_are_a_relay_that_cannot_be_reached(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-64: nothing is signed; frames that say nothing end with the time that is waited."""
    monkeypatch.setattr(recovering, "LOOKUP_TIMEOUT_S", 0.05)
    with pytest.raises(RelayUnavailable):
        await asked(answer)


async def test_a_relay_that_says_nothing_ends_with_the_time_that_is_waited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ACC-64."""
    monkeypatch.setattr(recovering, "LOOKUP_TIMEOUT_S", 0.05)
    relay = Hostile([])
    with pytest.raises(RelayUnavailable):
        await recovering.newest_list(CODE, "wss://relay.test", relay)
    assert relay.closed == 1


@pytest.mark.parametrize("answer", [shows(), says(ErrorCode.NOT_FOUND)])
async def test_control_a_restore_that_is_shown_no_later_list_signs_a_number_again_and_is_seen(
    answer: Answer,
) -> None:
    """SES-40, ID-07: of a recovered account, too; a recovery takes a number far ahead (ACC-63)."""
    key, rng = CODE.account_key(), SeededRng("restored")
    account_id = identity.account_id_of(key)
    device = identity.new_device(account_id, DeviceKind.PERSON, 0, NOW_MS, NOW_MS + 10**10, rng)
    first = recovery.first_list(key, device.record, None, NOW_MS, rng)
    saved = Saved(
        account_key=key,
        recovery_key=None,
        record=device.record,
        device_list=first,
        relay_url="wss://relay.test",
        name=None,
        publish=True,
        read_receipts=False,
        lists=[(first.seq.to_bytes(8), first.signed)],
        contacts=[],
        messages=[],
        timeline=[],
        devices=[],
    )
    renewed = _signed(key, identity.next_list(account_id, first, [device.record], None, NOW_MS + 1))
    newest = await restoring.newest(saved, Hostile([answer]))
    rows = restoring.new_rows(saved, newest, None, rng, NOW_MS + 2)
    (restored,) = (Own.decode(one.key, one.value).device_list for one in rows if one.key == OWN_KEY)
    assert restored.seq == renewed.seq == first.seq + 1
    with pytest.raises(ListFork):
        identity.check_link(renewed.head, restored)
    assert recovery.first_list(key, device.record, first, NOW_MS + 2, rng).seq > renewed.seq
