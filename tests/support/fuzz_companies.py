"""Fuzz targets of chapter 15: what a company signs and publishes, and what it sends of that.

Where a signature hides the decoder, the target signs the input. Each is read by the independent reader too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, TypeVar

import fuzz_seeds
import independent_company as company_reader
import independent_reader as reader
from fuzz_beside import beside
from fuzz_signed import part_of, sign_as
from fuzz_target import Shape, Target, require
from vector_files import unhex

from e2ee import labels
from e2ee.errors import (
    ContentError,
    DecodeError,
    IdentityMismatch,
    MandateInvalid,
    UnsupportedVersion,
)
from e2ee.ids import AccountId
from e2ee.rooms import slots
from e2ee.rooms.agent_card import AgentCard
from e2ee.rooms.channels import Channels
from e2ee.rooms.mandate import Mandate
from e2ee.rooms.roster import Roster
from e2ee.rooms.slots import RosterContent
from e2ee.rooms.team import Learned
from e2ee.wire import cbor
from e2ee.wire.fields import array, bstr
from spec.vectors import company as of_vectors
from spec.vectors.suite import NOW_MS

_Found = TypeVar("_Found")
_FORMAT: Final = frozenset({DecodeError, UnsupportedVersion})
OF_ACCOUNT: Final = _FORMAT | {IdentityMismatch}
OF_MANDATE: Final = OF_ACCOUNT | {MandateInvalid}
ACCOUNT: Final = AccountId(of_vectors.ACCOUNT_ID)


# --- what stands under a signature ---


def signer(seed: bytes, label: bytes) -> Callable[[bytes], bytes]:
    return lambda unsigned: sign_as(seed, label, unsigned)


AS_MANDATE: Final = signer(of_vectors.ACCOUNT_SEED, labels.SIG_MANDATE)
AS_ROSTER: Final = signer(of_vectors.roster_seed(), labels.SIG_ROSTER)
AS_CHANNELS: Final = signer(of_vectors.roster_seed(), labels.SIG_CHANNELS)


@cache
def _mandate() -> Mandate:
    return Mandate.verify(ACCOUNT, of_vectors.sign_mandate(of_vectors.mandate()))


@cache
def _their_mandate() -> company_reader.Mandate:
    return company_reader.Mandate.verified(_mandate().signed, ACCOUNT)


def parts(operation: str, *honest: bytes) -> Callable[[], Iterator[bytes]]:
    """Return the seeds of a structure: what the honest one and those of an operation sign."""

    def seeds() -> Iterator[bytes]:
        yield from honest
        for signed in fuzz_seeds.negative(operation, "signed"):
            yield from part_of(signed)

    return seeds


def encoded(items: dict[int, Any] | list[Any]) -> bytes:
    return cbor.encode(items)


def same(again: Callable[[_Found], dict[int, cbor.Value]]) -> Callable[[bytes, _Found], None]:
    def holds(data: bytes, found: _Found) -> None:
        require(cbor.encode(again(found)) == data, "a structure has one encoding (ACC-03, CNS-02)")

    return holds


def _mandate_again(found: Mandate) -> dict[int, cbor.Value]:
    return {
        1: 1,
        2: found.account_id,
        3: found.seq,
        4: found.issued_ms,
        5: found.expires_ms,
        6: found.roster_public,
        7: found.login_public,
        8: list(found.supervisors),
        9: list(found.cleared),
        10: list(found.suspended),
        11: list(found.origins),
    }


def _roster_again(found: Roster) -> dict[int, cbor.Value]:
    return {
        1: 1,
        2: ACCOUNT,
        3: found.ref.mandate_seq,
        4: found.ref.seq,
        5: found.issued_ms,
        6: found.expires_ms,
        7: [found.list_head.seq, found.list_head.hash],
        8: [list(one) for one in found.named],
        9: found.notice_hash,
        10: [list(one) for one in found.older_notices],
        11: list(found.suspended),
    }


def _channels_again(found: Channels) -> dict[int, cbor.Value]:
    rows: list[cbor.Value] = [[int(one.kind), one.value, one.label] for one in found.channels]
    head: dict[int, cbor.Value] = {1: 1, 2: ACCOUNT, 3: _mandate().seq, 4: found.issued_ms}
    return {**head, 5: rows, 6: [list(one) for one in found.hours]}


def _card_holds(data: bytes, found: AgentCard) -> None:
    value = cbor.decode(data)
    blind = value[4] if isinstance(value, dict) else None
    lists: list[cbor.Value] = [list(found.languages), list(found.teams)]
    again: dict[int, cbor.Value] = {1: 1, 2: found.account_id, 3: found.device_id, 4: blind, 5: found.name}
    require(cbor.encode({**again, 6: lists[0], 7: lists[1]}) == data, "a card has one encoding (ACC-14)")


def _card_seeds() -> Iterator[bytes]:
    yield from (unhex(one["card"]) for one in fuzz_seeds.vectors("accounts")["cards"].values())
    yield from fuzz_seeds.negative("agent_card.decode", "card")


# --- slots, contents of type 12 ---


def _slot(data: bytes) -> bytes:
    """The input is [unsigned mandate, unsigned roster]."""
    parts = [bstr(one, 1, 2_000) for one in array(cbor.decode(data), 2, 2)]
    return cbor.encode([AS_MANDATE(parts[0]), AS_ROSTER(parts[1])])


def _read_slot(data: bytes) -> None:
    mandate_b, roster_b = (reader.octets(one) for one in reader.items(reader.decode(data), 2, 2))
    signed, signed_roster = AS_MANDATE(mandate_b), AS_ROSTER(roster_b)
    reader.need(min(len(mandate_b), len(roster_b)) > 0)
    mandate = company_reader.Mandate.verified(signed, ACCOUNT)
    roster = company_reader.Roster.verified(signed_roster, mandate)
    reader.need(max(mandate.issued_ms, roster.issued_ms) <= NOW_MS + reader.DAY_MS, "room.mandate")


def _decode_slot(data: bytes) -> Learned:
    learned = slots.read_slots(ACCOUNT, None, [_slot(data)], NOW_MS)
    if learned.refused:
        raise MandateInvalid(learned.refused[0])
    return learned


def _slot_holds(data: bytes, found: Learned) -> None:
    again = slots.read_slots(ACCOUNT, found.standing, [_slot(data)], NOW_MS)
    require(again.standing == found.standing is not None, "what is known changes nothing (ACC-05)")


def _content_holds(data: bytes, found: RosterContent) -> None:
    require(cbor.encode(found.encode().payload) == data, "a content has one encoding (ACC-12)")


def _content_seeds() -> Iterator[bytes]:
    yield unhex(fuzz_seeds.vectors("accounts")["content"])
    yield from fuzz_seeds.negative("roster_content.decode", "payload")


TARGETS: Final = (
    Target(
        "mandate",
        beside(
            lambda data: Mandate.verify(ACCOUNT, AS_MANDATE(data)),
            lambda data: company_reader.Mandate.verified(AS_MANDATE(data), ACCOUNT),
        ),
        same(_mandate_again),
        OF_ACCOUNT,
        parts("mandate.verify", encoded(of_vectors.mandate())),
        Shape.CBOR,
        1500,
    ),
    Target(
        "roster",
        beside(
            lambda data: Roster.verify(_mandate(), AS_ROSTER(data)),
            lambda data: company_reader.Roster.verified(AS_ROSTER(data), _their_mandate()),
        ),
        same(_roster_again),
        OF_MANDATE,
        parts("roster.verify", encoded(of_vectors.roster())),
        Shape.CBOR,
        1500,
    ),
    Target(
        "agent_card",
        beside(AgentCard.decode, company_reader.card),
        _card_holds,
        _FORMAT,
        _card_seeds,
        Shape.CBOR,
        1100,
    ),
    Target(
        "channels",
        beside(
            lambda data: Channels.verify(_mandate(), AS_CHANNELS(data), NOW_MS),
            lambda data: company_reader.channels(AS_CHANNELS(data), _their_mandate(), NOW_MS),
        ),
        same(_channels_again),
        OF_MANDATE,
        parts("channels.verify", encoded(of_vectors.channels())),
        Shape.CBOR,
    ),
    Target(
        "slot",
        beside(_decode_slot, _read_slot),
        _slot_holds,
        frozenset({DecodeError, MandateInvalid}),
        lambda: iter([encoded([encoded(of_vectors.mandate()), encoded(of_vectors.roster())]), b"\x80"]),
        Shape.CBOR,
        2048,
    ),
    Target(
        "roster_content",
        beside(lambda data: RosterContent.decode(cbor.decode(data)), company_reader.roster_content),
        _content_holds,
        frozenset({DecodeError, ContentError}),
        _content_seeds,
        Shape.CBOR,
    ),
)
