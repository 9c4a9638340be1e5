"""renewal follow: of which devices the relay's list is comes before the question (ID-55)."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from e2ee_client.cli import account_keys, arguments
from e2ee_client.cli.failures import Refused
from e2ee_client.cli.session import Session
from e2ee_client.cli.terminal import Terminal
from e2ee_client.cli.texts import Texts
from e2ee_client.errors import WaitTimeout

from e2ee.identity import DeviceKind, DeviceList, account_id_of, new_account, new_device, next_list, sign_list
from e2ee.rooms.invite import fingerprint

DAY_MS = 86_400_000


def two_devices() -> DeviceList:
    """A list of two devices."""
    key = new_account(os.urandom)
    account_id = account_id_of(key)
    records = [new_device(account_id, DeviceKind.AGENT, 0, 0, DAY_MS, os.urandom).record for _ in range(2)]
    return sign_list(key, next_list(account_id, None, records, None, 0))


class _Client:
    """A device whose relay shows this list in the place of its own."""

    list_expires_ms = DAY_MS

    def __init__(self, shown: DeviceList | None, *, is_compared: bool) -> None:
        self.shown, self.is_compared = shown, is_compared
        self.account_id = b"" if shown is None else shown.account_id
        self.followed: list[bytes] = []

    async def list_beside(self, _: float) -> bytes | None:
        if self.shown is None:
            raise WaitTimeout("no relay")
        return self.shown.signed

    async def follow_entry(self, signed: bytes) -> None:
        self.followed.append(signed)

    async def wait_compared(self, _: float) -> None:
        if not self.is_compared:
            raise WaitTimeout("another list")

    async def events(self) -> AsyncIterator[object]:
        nothing: tuple[object, ...] = ()
        for one in nothing:
            yield one


class _Answering(Session):
    def __init__(self, client: _Client, answer: str) -> None:
        options = Namespace(yes=False, json=False, timeout=1.0)
        super().__init__(options, Texts("en"), Terminal(), arguments.parse)
        self.client, self.answer = client, answer

    def passphrase(self, *, new: bool = False) -> str:
        return ""

    @asynccontextmanager
    async def open(self, *_: object, **__: object) -> AsyncIterator[Any]:
        yield self.client

    async def ask(self, question: str, without_terminal: str = "confirm.missing") -> str:
        return self.answer


@pytest.mark.parametrize("answer", ["yes", "no"])
async def test_a_person_sees_of_which_devices_a_list_is_before_it_is_taken(
    answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """ID-55: and that list is taken, or none."""
    shown = two_devices()
    client = _Client(shown, is_compared=True)
    if answer == "yes":
        await account_keys.follow(_Answering(client, answer))
        assert client.followed == [shown.signed]
    else:
        with pytest.raises(Refused) as refused:
            await account_keys.follow(_Answering(client, answer))
        assert refused.value.code == "confirm.declined"
        assert not client.followed
    said = capsys.readouterr()
    assert all(fingerprint(one) in said.out + said.err for one in shown.record_hashes)


@pytest.mark.parametrize(("is_shown", "code"), [(True, "renewal.not_followed"), (False, "renewal.offline")])
async def test_a_list_that_is_not_taken_is_told(*, is_shown: bool, code: str) -> None:
    """ID-55: it names a device that was struck off, say."""
    client = _Client(two_devices() if is_shown else None, is_compared=False)
    with pytest.raises(Refused) as refused:
        await account_keys.follow(_Answering(client, "yes"))
    assert refused.value.code == code
