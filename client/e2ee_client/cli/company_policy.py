"""The command on a company's choices on one of its desks: how long, for whom, what is granted (ROOM-22)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from e2ee.errors import InvalidArgument
from e2ee.rooms.signals import RequestKind
from e2ee.rooms.state import Retention, RetentionClass
from e2ee_client.engine.rooms.surroundings import OF_MEMBERS, Policy

from .failures import DONE, Refused
from .neutral import neutral
from .room_addressing import company_of
from .session import Session, Work

CLASSES: Final = {one.name.lower(): one for one in RetentionClass}
ASKED: Final = {one.name.lower(): one for one in sorted(OF_MEMBERS)}
_ANYBODY: Final = "*"
_DAY_S: Final = 86_400
_MOST_DAYS: Final = 36_500


def policy(session: Session) -> Work:
    """Show what this desk goes by, after setting what is given."""
    _check(session)
    passphrase = session.passphrase()

    async def work() -> int:
        async with session.open(passphrase, online=False) as client:
            company = company_of(client)
            chosen = _chosen(session, company.policy)
            if chosen != company.policy:
                await company.set_policy(chosen)
        _show(session, chosen)
        return DONE

    return work()


def _check(session: Session) -> None:
    """Refuse what contradicts itself, before anything is asked for."""
    options = session.options
    detail = ""
    if options.keep is not None and options.keep > _MOST_DAYS:
        detail = f"--keep 1..{_MOST_DAYS}"
    elif set(options.grant) & set(options.ask):
        detail = "--grant | --ask"
    elif options.team is not None and (options.anybody or options.nobody):
        detail = "--team | --anybody | --nobody"
    if detail:
        raise Refused("usage.invalid", detail=detail, program="sealroom company policy")


def _chosen(session: Session, before: Policy) -> Policy:
    options = session.options
    kind, ttl_s = before.retention
    if options.kind is not None:
        kind = CLASSES[options.kind]
    if options.keep is not None:
        ttl_s = options.keep * _DAY_S
    grants = (before.grants | _kinds(options.grant)) - _kinds(options.ask)
    try:
        return replace(
            before, retention=Retention(kind, ttl_s), team=_team(session, before.team), grants=grants
        )
    except InvalidArgument:
        raise Refused("usage.invalid", detail="--team", program="sealroom company policy") from None


def _team(session: Session, before: str | None) -> str | None:
    options = session.options
    if options.anybody:
        return _ANYBODY
    if options.nobody:
        return None
    given: str | None = options.team
    return before if given is None else given


def _kinds(names: Iterable[str]) -> frozenset[RequestKind]:
    return frozenset(ASKED[one] for one in names)


def _show(session: Session, chosen: Policy) -> None:
    kind, ttl_s = chosen.retention
    if session.options.json:
        session.terminal.json(
            {
                "retention_class": kind.name.lower(),
                "retention_s": ttl_s,
                "team": chosen.team,
                "grants": [name for name, one in ASKED.items() if one in chosen.grants],
            }
        )
        return
    session.say("policy.keep", days=ttl_s // _DAY_S, kind=kind.name.lower())
    if chosen.team is None:
        session.say("policy.nobody")
    elif chosen.team == _ANYBODY:
        session.say("policy.anybody")
    else:
        session.say("policy.team", team=neutral(chosen.team))
    for name, one in ASKED.items():
        what = session.texts.say(f"request.{name}")
        session.say("policy.granted" if one in chosen.grants else "policy.asked", what=what)
