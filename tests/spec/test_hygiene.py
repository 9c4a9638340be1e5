"""Secrets stay where they are: not in text, not in exceptions, not in copies; errors say one thing only."""

from __future__ import annotations

import ast
import base64
import copy
import dataclasses
import itertools
import json
import pickle  # noqa: TID251  # it must refuse
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import forgery
import parties
import pytest
from parties import NOW_MS, Party, ScriptedRng, open_

import e2ee.secret
from e2ee import card, errors, handshake, identity, prekeys, session, snapshot
from e2ee.content import Text
from e2ee.errors import AuthenticationError, E2eeError, InvalidArgument, LocalError, RemoteError
from e2ee.primitives import aead, dh, kem
from e2ee.primitives.kem import DecapsulationKey
from e2ee.ratchet.skipped import SkippedKeys
from e2ee.secret import ChainKey, InviteSecret, RecoverySecret, RootKey, Secret
from e2ee.wire import envelope

ROLES = [kind for kind in vars(e2ee.secret).values() if isinstance(kind, type) and issubclass(kind, Secret)]
CANARY = b"\xc0\xff\xee" + bytes(range(100, 161))


def secret_of(role: type[Secret]) -> Secret:
    """A secret of this role with canary bytes."""
    return role(CANARY[: role.SIZE_B])


def forms(value: bytes) -> list[str]:
    """How bytes could stand in a text."""
    core = value[4:-4] if len(value) > 16 else value
    texts = [core.hex(), core.hex().upper(), repr(core)[2:-1], base64.b64encode(value).decode()[8:24]]
    return [*texts, str(list(core))[1:-1]]


def assert_absent(text: str, values: list[bytes]) -> None:
    """No value stands in the text in any form."""
    for value in values:
        for form in forms(value):
            assert form not in text


@pytest.mark.parametrize("role", ROLES)
def test_a_secret_shows_its_role_only(role: type[Secret]) -> None:
    """PRM-10: repr, str, format and every way to print it."""
    secret = secret_of(role)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret!s}", "%s" % secret]  # noqa: UP031  # a way to print
    shown += ["{}".format(secret), repr([secret]), repr({1: secret}), ascii(secret)]  # noqa: UP032  # another
    for text in shown:
        assert role.__name__ in text
        assert_absent(text, [secret.expose()])
    with pytest.raises(TypeError):
        format(secret, "x")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "leak",
    [
        *(lambda secret, p=protocol: pickle.dumps(secret, p) for protocol in range(6)),
        copy.copy,
        copy.deepcopy,
        hash,
        json.dumps,
        bytes,
        iter,
        vars,
        lambda secret: {secret},
        lambda secret: {secret: 1},
        lambda secret: secret.__getstate__(),
        lambda secret: secret.__reduce__(),
        lambda secret: secret + b"",
        lambda secret: b"".join([secret]),
    ],
)
def test_a_secret_is_neither_copied_nor_serialised(role: type[Secret], leak: Callable[[Any], Any]) -> None:
    """PRM-10: and is no key of a mapping."""
    secret = secret_of(role)
    with pytest.raises(TypeError) as caught:
        leak(secret)
    assert_absent(str(caught.value), [secret.expose()])


@pytest.mark.parametrize("role", ROLES)
def test_a_secret_has_one_size(role: type[Secret]) -> None:
    """PRM-05, PRM-10: and equals only a secret of its own role."""
    for size_b in (0, role.SIZE_B - 1, role.SIZE_B + 1):
        with pytest.raises(InvalidArgument):
            role(bytes(size_b))
    secret = secret_of(role)
    assert secret == secret_of(role)
    assert secret != role(bytes(role.SIZE_B))
    assert secret != secret.expose()
    other = ChainKey if role is RootKey else RootKey
    if role.SIZE_B == other.SIZE_B:
        assert secret != other(secret.expose())
    sizes_b: dict[type[Secret], int] = {DecapsulationKey: 64, InviteSecret: 16, RecoverySecret: 16}
    assert sizes_b.get(role, 32) == role.SIZE_B
    assert not hasattr(secret, "__dict__")


def secrets_in(value: object) -> Iterator[bytes]:
    """Every secret byte string that an object holds, however deep."""
    if isinstance(value, Secret):
        yield value.expose()
    elif isinstance(value, Text):
        yield value.text.encode()
    elif isinstance(value, tuple | list):
        for item in value:
            yield from secrets_in(item)
    elif isinstance(value, dict):
        yield from secrets_in(list(value.values()))
    elif dataclasses.is_dataclass(value):
        yield from secrets_in([getattr(value, field.name) for field in dataclasses.fields(value)])
    elif isinstance(value, SkippedKeys):
        for row in value:
            yield from secrets_in(row)


def holders() -> dict[str, object]:
    """One object of each kind that holds secrets."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a = alice.initiate(bob)
    a, flight = alice.seal(a, "a text that nobody else may read")
    accepted = bob.accept(flight)
    b, answer = bob.seal(accepted.opened.session, "an answer that nobody else may read", way_back=None)
    a = open_(a, answer).session
    a, _ = alice.seal(a, "skipped")
    _, last = alice.seal(a, "the last text that nobody else may read")
    late = open_(b, last)
    raw = envelope.decode(flight)
    keys = bob.responder_keys(raw)
    response = handshake.respond(envelope.decode_prefix(raw.prefix), keys, parties.unpinned, NOW_MS)
    return {
        "session that waits": alice.initiate(bob),
        "session that sends": a,
        "session with skipped keys": late.session,
        "opened": late,
        "accepted": accepted,
        "our device": alice.device,
        "prekey pair": bob.opk,
        "KEM prekey pair": bob.pqk,
        "responder keys": keys,
        "response": response,
        "initiation": handshake.initiate(
            alice.device, alice.device_list, bob.verified(), alice.rng, kem.encapsulate
        ),
        "skipped keys": late.session.ratchet.skipped,
        "row of a skipped key": next(iter(late.session.ratchet.skipped)),
        "chain of skipped keys": late.session.ratchet.skipped._chains[0],
    }


HOLDERS = holders()


@pytest.mark.parametrize("name", HOLDERS)
def test_what_holds_secrets_does_not_show_them(name: str) -> None:
    """PRM-10: neither keys nor texts, in repr, str and format."""
    holder = HOLDERS[name]
    found = list(secrets_in(holder))
    if name == "chain of skipped keys":
        found = list(secrets_in(HOLDERS["skipped keys"]))
    assert found
    for text in (repr(holder), str(holder), f"{holder}"):
        assert_absent(text, found)


@pytest.mark.parametrize("name", HOLDERS)
def test_what_holds_secrets_is_not_serialised(name: str) -> None:
    """PRM-10, SES-12: pickle, deepcopy, asdict and JSON stop at the first secret, or at a frozen field."""
    holder = HOLDERS[name]
    if name in ("opened", "accepted", "responder keys"):
        holder = (holder, secret_of(RootKey))
    for leak in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises((TypeError, dataclasses.FrozenInstanceError)):
            leak(holder)
    if dataclasses.is_dataclass(holder) and not isinstance(holder, type):
        with pytest.raises(TypeError):
            dataclasses.asdict(holder)
        with pytest.raises(TypeError):
            dataclasses.astuple(holder)


def test_a_decapsulation_key_does_not_show_itself() -> None:
    """PRM-05, PRM-10"""
    key = DecapsulationKey(CANARY)
    assert repr(key) == str(key) == "<DecapsulationKey>"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            leak(key)


def test_tokens_and_texts_are_not_shown() -> None:
    """CON-06, ID-20: whoever has a token can write to the mailbox."""
    alice = Party.make("alice")
    content = alice.text("a text that nobody else may read", bundle=alice.compact_bundle())
    signed = identity.sign_address(alice.device, bytes(16), CANARY[:32], NOW_MS)
    address = identity.verify_address(alice.device.record, signed)
    values = [alice.way_back.token, b"a text that nobody else may read", CANARY[:32]]
    for shown in (content, alice.way_back, address):
        assert_absent(f"{shown!r} {shown}", values)


def failing() -> dict[str, Callable[[], object]]:
    """Ways in which canary bytes from outside, or a wrong secret of ours, come to an error."""
    alice, bob = Party.make("alice"), Party.make("bob")
    a, flight = alice.seal(alice.initiate(bob), "hello")
    canary = CANARY.decode("latin-1")
    contact = parties.connected_pair()
    wrong_body = forgery.body(CANARY)
    return {
        "record": lambda: identity.DeviceRecord.decode(CANARY),
        "list": lambda: identity.DeviceList.verify(bob.account_id, CANARY),
        "list fields": lambda: identity.DeviceList.verify(
            bob.account_id, forgery.foreign_list(bob, _8=[CANARY])
        ),
        "bundle": lambda: prekeys.verify_bundle(bob.account_id, None, [], CANARY, NOW_MS),
        "address": lambda: identity.verify_address(bob.device.record, CANARY),
        "flight": lambda: bob.accept(flight[:3000] + CANARY + flight[3064:]),
        "identity": lambda: bob.accept(forgery.flight(alice, bob, identity=CANARY + b"\x80")),
        "content": lambda: open_(contact.b, forgery.message(contact.a, wrong_body)),
        "message": lambda: open_(contact.b, b"\1\1" + CANARY * 9 + bytes(40)),
        "envelope": lambda: envelope.decode(CANARY),
        "card": lambda: card.parse(f"sealroom:contact?v=1&a={canary}"),
        "JSON card": lambda: card.parse('{"sealroom": 1, "account": "' + canary + '", "relay": "x"}'),
        "snapshot": lambda: snapshot.decode_session(CANARY),
        "skipped row": lambda: snapshot.decode_skipped(CANARY[:12], CANARY),
        "DH key": lambda: dh.exchange(CANARY[:32], b"\xff" * 32),
        "private key": lambda: dh.exchange(CANARY[:31], dh.derive_public(bytes(32))),
        "KEM key": lambda: kem.encapsulate(CANARY),
        "KEM seed": lambda: DecapsulationKey(CANARY[:63]),
        "AEAD": lambda: aead.open_(CANARY[:32], CANARY, CANARY),
        "secret": lambda: RootKey(CANARY),
        "text": lambda: session.seal(
            contact.a, alice.text("\ud800" + canary), NOW_MS, ScriptedRng("x"), kem.encapsulate
        ),
        "too large": lambda: session.seal(
            a, alice.text(canary * 2000), NOW_MS, ScriptedRng("x"), kem.encapsulate
        ),
    }


FAILING = failing()


@pytest.mark.parametrize("name", FAILING)
def test_an_exception_carries_no_bytes(name: str) -> None:
    """HS-10, DR-11: neither the peer's nor ours, in its text, its arguments, or the chain behind it."""
    with pytest.raises(E2eeError) as caught:
        FAILING[name]()
    error = caught.value
    # The source lines of this file would show the canary's name only; the last line is what the error says.
    text = "".join(traceback.format_exception(error))
    pieces = [CANARY[4:20], CANARY[20:36], CANARY[40:56]]
    for piece in pieces:
        assert_absent(text, [piece])
        assert piece.decode("latin-1") not in text
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert all(isinstance(argument, str) and len(argument) < 100 for argument in error.args)


def raise_over_bytes() -> None:
    """Raise an error of the core while another one, with bytes, is handled."""
    try:
        CANARY.decode("ascii")
    except UnicodeDecodeError:
        raise RemoteError("fixed")  # noqa: B904  # what is tested


def test_an_error_of_the_core_hides_what_was_behind_it() -> None:
    """HS-10, DR-11: also where nothing says `from None`."""
    with pytest.raises(RemoteError) as caught:
        raise_over_bytes()
    assert caught.value.args == ("fixed",)
    assert "UnicodeDecodeError" not in "".join(traceback.format_exception(caught.value))


def _is_fixed(argument: ast.expr) -> bool:
    """Whether it is a text that stands there, or a member of the closed list of faults of a transcript."""
    match argument:
        case ast.Constant(value=str()) | ast.Attribute(value=ast.Name(id="Fault")):
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return _is_fixed(body) and _is_fixed(orelse)
        case _:
            return False


@pytest.mark.reference
def test_errors_are_raised_with_fixed_texts() -> None:
    """HS-10, DR-11: no text of an error in the core is built from a value, but for a type's name and size."""
    allowed = {
        "f'{type(self).__name__} has {self.SIZE_B} bytes'",
        "f'{type(self).__name__} is neither copied nor serialised'",
        "str(error)",
    }
    found = set()
    for path in sorted(Path(e2ee.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                for argument in node.exc.args:
                    if not _is_fixed(argument):
                        found.add(ast.unparse(argument))
    assert found <= allowed
    assert found


def test_authentication_has_one_text() -> None:
    """HS-10, DR-11: and no way to give it another."""
    assert str(AuthenticationError()) == "the message does not open"
    assert AuthenticationError().args == ("the message does not open",)
    with pytest.raises(TypeError):
        AuthenticationError("why")  # type: ignore[call-arg]  # what must not work


def test_every_error_has_a_code_and_a_side() -> None:
    """HS-10: one tree; a code names one class, and its first part the side at fault."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, E2eeError)]
    leaves = [kind for kind in kinds if kind not in (E2eeError, LocalError, RemoteError)]
    assert len({kind.code for kind in leaves}) == len(leaves)
    for kind in leaves:
        side = LocalError if kind.code.startswith(("local.", "config.")) else RemoteError
        assert issubclass(kind, side)
        assert kind.__mro__[1] is side
    assert not issubclass(LocalError, RemoteError)


def test_states_do_not_share_what_could_be_changed() -> None:
    """DR-18: a state's parts are immutable, so that an older state stays what it was."""
    for name, holder in itertools.chain(HOLDERS.items()):
        if dataclasses.is_dataclass(holder) and not isinstance(holder, type):
            field = dataclasses.fields(holder)[0].name
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(holder, field, None)
        elif isinstance(holder, tuple):
            with pytest.raises(TypeError):
                holder[0] = None  # type: ignore[index]  # what must not work
        else:
            assert name == "skipped keys"
