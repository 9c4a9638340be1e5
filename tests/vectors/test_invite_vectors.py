"""Invites recomputed by the core: every value of invite.json."""

from __future__ import annotations

from vector_files import load, scripted, unhex

from e2ee.identity import DeviceKind
from e2ee.ids import AccountId
from e2ee.rooms import invite as invites
from e2ee.rooms.invite import Request, Step, Welcome

FILE = load("invite.json")
ACCOUNT_ID = AccountId(unhex(FILE["account_id"]))


def test_an_invite() -> None:
    """ACC-31 to ACC-35."""
    kind, front_desk = DeviceKind(FILE["kind"]), bool(FILE["front_desk"])
    rng = scripted(FILE["r"], FILE["s"])
    invite, opening = invites.new_invite(ACCOUNT_ID, kind, front_desk=front_desk, rng=rng)
    assert (invite.code, invite.commitment.hex(), opening.hex()) == (
        FILE["code"],
        FILE["commitment"],
        FILE["r"],
    )
    assert invites.parse(ACCOUNT_ID, FILE["code"]) == invite
    assert {name: value.hex() for name, value in invite.place()._asdict().items()} == FILE["place"]
    messages = [unhex(one["message"]) for one in FILE["messages"]]
    for step, one in zip(Step, FILE["messages"], strict=True):
        sealed = invite.seal(step, unhex(one["message"]), scripted(one["fresh"]))
        assert (one["n"], sealed.hex()) == (step, one["sealed"])
        assert invite.open_(step, sealed) == unhex(one["message"])
    request = Request.decode(invite, messages[0], FILE["now_ms"])
    welcome = Welcome.decode(invite, request.record, messages[2], FILE["now_ms"])
    assert (request.encode(), welcome.encode()) == (messages[0], messages[2])
    assert invite.digits(messages[0], opening) == FILE["digits"]
