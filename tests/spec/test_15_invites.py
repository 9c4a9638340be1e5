"""Chapter 15: what an invite refuses."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

import pytest

from e2ee import identity
from e2ee.errors import (
    AuthenticationError,
    DecodeError,
    Expired,
    IdentityMismatch,
    ListExpired,
    RemoteError,
)
from e2ee.identity import DeviceKind, OurDevice
from e2ee.rooms import invite as invites
from e2ee.rooms.invite import Invite, Request, Step, Welcome
from e2ee.secret import AccountKey, InviteSecret

NOW_MS = 1_764_000_000_000
DAY_MS = 86_400_000
KEY = AccountKey(bytes(range(32)))
ACCOUNT_ID = identity.account_id_of(KEY)


@pytest.fixture
def invite() -> Invite:
    """An invite of a front desk."""
    return invites.new_invite(ACCOUNT_ID, DeviceKind.AGENT, front_desk=True, rng=os.urandom)[0]


@pytest.fixture
def device(invite: Invite) -> OurDevice:
    """The device that comes."""
    return invite.make_device(NOW_MS, NOW_MS + DAY_MS, os.urandom)


def test_a_code_is_of_its_account(invite: Invite) -> None:
    """ACC-31: every character counts, and so does the account."""
    assert len(invite.code) == 72
    assert invites.parse(ACCOUNT_ID, f"\t{invite.code}\r\n ") == invite
    other = identity.account_id_of(AccountKey(bytes(32)))
    damaged = [invite.code[:at] + "-" + invite.code[at + 1 :] for at in range(len(invite.code))]
    for code in (*(one for one in damaged if one != invite.code), "", invite.code + "A"):
        with pytest.raises(DecodeError):
            invites.parse(ACCOUNT_ID, code)
    with pytest.raises(DecodeError):
        invites.parse(other, invite.code)


@pytest.mark.parametrize("at", [0, 1])
def test_a_code_of_an_unknown_kind(invite: Invite, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """ACC-31: kind or front desk is 3, with check bytes that hold."""
    packed = bytearray(invite._packed())
    packed[32 + at] = 3
    monkeypatch.setattr(Invite, "_packed", lambda _self: bytes(packed))
    odd = invite
    with pytest.raises(DecodeError):
        invites.parse(ACCOUNT_ID, odd.code)


def test_a_secret_is_not_shown(invite: Invite) -> None:
    assert invite.secret.expose().hex() not in repr(invite)
    assert invite.code not in repr(invite)


def test_a_message_is_of_its_invite_and_step(invite: Invite) -> None:
    """ACC-33: what is changed, cut, of another step, invite or account does not open."""
    sealed = invite.seal(Step.IN, b"in", os.urandom)
    assert invite.open_(Step.IN, sealed) == b"in"
    assert len(sealed) == 90 + 512 + 16
    others = (
        (invite, Step.OUT, sealed),
        (replace(invite, secret=InviteSecret(bytes(16))), Step.IN, sealed),
        (replace(invite, account_id=identity.account_id_of(AccountKey(bytes(32)))), Step.IN, sealed),
        (invite, Step.IN, sealed[:-1]),
        (invite, Step.IN, b"\x01\x02" + sealed[2:]),
        (invite, Step.IN, bytes((*sealed[:9], sealed[9] ^ 1, *sealed[10:]))),
        (invite, Step.IN, b""),
        (invite, Step.IN, sealed[:90]),
        (invite, Step.IN, b"\x01\x01" + bytes(8_192)),
    )
    for of, step, body in others:
        with pytest.raises(AuthenticationError):
            of.open_(step, body)


def test_no_two_messages_of_a_step_are_sealed_under_one_key(invite: Invite) -> None:
    """ACC-33, PRM-07: with one key the sealed bytes would differ in what the messages differ in."""
    welcome, end = (invite.seal(Step.OUT, message, os.urandom)[90:-16] for message in (b"list", b""))
    assert _differ(welcome, end) != _differ(b"list\x80".ljust(512, b"\0"), b"\x80".ljust(512, b"\0"))


def test_every_random_byte_of_a_message_is_in_its_key(
    invite: Invite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACC-33: 88 bytes, and none of the two before them."""
    keys = set[bytes]()

    def noted(key: bytes, _text: bytes, _associated: bytes) -> bytes:
        keys.add(key)
        return b""

    monkeypatch.setattr("e2ee.rooms.invite.aead.seal", noted)
    for at in range(89):
        invite.seal(Step.OUT, b"", partial(_all_but_one, at))
    assert len(keys) == 89


def _all_but_one(place: int, size_b: int) -> bytes:
    return bytes(at == place for at in range(size_b))


def _differ(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def test_an_r_that_was_not_committed_to() -> None:
    """ACC-34."""
    invite, opening = invites.new_invite(ACCOUNT_ID, DeviceKind.BOT, front_desk=False, rng=os.urandom)
    invite.check_opening(opening)
    with pytest.raises(IdentityMismatch):
        invite.check_opening(bytes(32))


def test_digits_depend_on_each_of_three(invite: Invite) -> None:
    """ACC-34: with 16 other values of each, none gives the same digits (chance 1 in 20 000)."""
    digits = invite.digits(b"in", bytes(32))
    assert len(digits) == 6
    assert digits.isdigit()
    others = [invite.digits(bytes((one,)), bytes(32)) for one in range(16)]
    others += [invite.digits(b"in", bytes(31) + bytes((one,))) for one in range(1, 17)]
    others += [
        replace(invite, secret=InviteSecret(bytes((one,)) * 16)).digits(b"in", bytes(32)) for one in range(16)
    ]
    assert digits not in others


def test_the_record_is_the_one_that_was_invited(invite: Invite, device: OurDevice) -> None:
    """ACC-35."""
    request = Request(device.record, bytes(16), bytes(32))
    assert Request.decode(invite, request.encode(), NOW_MS) == request
    wrong = (
        replace(invite, kind=DeviceKind.BOT),
        replace(invite, front_desk=False),
        replace(invite, secret=InviteSecret(bytes(16))),
        replace(invite, account_id=identity.account_id_of(AccountKey(bytes(32)))),
    )
    for one in wrong:
        with pytest.raises(IdentityMismatch):
            Request.decode(one, request.encode(), NOW_MS)
    for off_ms in (-DAY_MS - 1, 2 * DAY_MS):
        with pytest.raises(Expired):
            Request.decode(invite, request.encode(), NOW_MS + off_ms)
    with pytest.raises(DecodeError):
        Request.decode(invite, b"\xa0", NOW_MS)


def test_a_new_device_is_no_older_than_the_clock_tolerance(invite: Invite) -> None:
    """ACC-35: its clock is behind then, and it would refuse the list that names it."""
    lasting = invite.make_device(NOW_MS, NOW_MS + 300 * DAY_MS, os.urandom).record
    message = Request(lasting, bytes(16), bytes(32)).encode()
    assert Request.decode(invite, message, NOW_MS + DAY_MS).record == lasting
    with pytest.raises(Expired):
        Request.decode(invite, message, NOW_MS + DAY_MS + 1)
    assert Request.read(message) == Request(lasting, bytes(16), bytes(32))


def test_the_list_is_the_accounts_and_names_the_device(invite: Invite, device: OurDevice) -> None:
    """ACC-35."""
    other = invite.make_device(NOW_MS, NOW_MS + DAY_MS, os.urandom)

    def welcome(listed: list[OurDevice], given: list[OurDevice], key: AccountKey = KEY) -> bytes:
        own = identity.account_id_of(key)
        records = [one.record for one in listed if one.record.account_id == own]
        unsigned = identity.next_list(own, None, records, None, NOW_MS)
        shown = sorted((one.record for one in given), key=lambda one: one.hash)
        return Welcome(identity.sign_list(key, unsigned), tuple(shown)).encode()

    both = [device, other]
    assert len(Welcome.decode(invite, device.record, welcome(both, both), NOW_MS).records) == 2
    refused = (
        welcome([other], [other]),
        welcome(both, [device]),
        welcome([device], both),
        welcome(both, both, AccountKey(bytes(32))),
        b"\xa0",
    )
    for message in refused:
        with pytest.raises(RemoteError):
            Welcome.decode(invite, device.record, message, NOW_MS)
    with pytest.raises(ListExpired):
        Welcome.decode(invite, device.record, welcome(both, both), NOW_MS + 31 * DAY_MS)


def test_a_record_is_compared_by_20_digits() -> None:
    """ACC-44: the first 10 bytes of its hash, in groups of four."""
    assert invites.fingerprint(bytes(range(0x10, 0x30))) == "1011-1213-1415-1617-1819"
