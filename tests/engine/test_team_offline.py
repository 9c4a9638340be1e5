"""A company whose account key is kept elsewhere: requests, installing, reminders (ACC-16, ACC-26)."""

from __future__ import annotations

import pytest
from e2ee_client.engine.company import Founding
from e2ee_client.engine.signing_row import Keys
from e2ee_client.errors import ConfigError
from e2ee_client.events import CompanyKeysExpiring, SigningStopped
from engine_world import Node, World
from own_devices import joined
from team_world import (
    DAY_MS,
    HOUR_MS,
    account,
    company_of,
    do,
    founded,
    in_force,
    notice,
    online,
    set_card,
    standing,
    team_of,
    this,
)

from e2ee.identity import sign_list
from e2ee.rooms.mandate import Mandate, Powers, next_mandate, sign_mandate
from e2ee.secret import AccountKey


def offline(node: Node) -> AccountKey:
    """Take the account key off a device."""
    key = node.engine.export_account_key()
    node.carry_out(node.engine.remove_account_key(node.now_ms))
    return key


def renewed(node: Node, key: AccountKey) -> Mandate:
    """Sign list and mandate where the key is kept, and install both."""
    signed = sign_list(key, node.engine.renewal_request(node.now_ms)).signed
    node.carry_out(node.engine.install_list(signed, node.now_ms))
    mandate = sign_mandate(key, do(node, company_of(node).mandate_request))
    do(node, lambda turn: company_of(node).install_mandate(turn, mandate.signed))
    return mandate


def founded_offline() -> tuple[World, Node, AccountKey]:
    world = World()
    founder = online(world)
    do(founder, lambda turn: company_of(founder).found(turn, Founding()))
    set_card(founder, founder, "Frau Braun")
    made = notice(founder)
    key = offline(founder)
    do(founder, lambda turn: company_of(founder).publish_notice(turn, made.signed, 0))
    return world, founder, key


def test_a_mandate_is_asked_for_signed_elsewhere_and_installed() -> None:
    """ACC-26: rosters follow by themselves; a request asked for twice has the keys of the first."""
    world = World()
    founder = online(world)
    do(founder, lambda turn: company_of(founder).found(turn, Founding()))
    set_card(founder, founder, "Frau Braun")
    key = founder.engine.export_account_key()
    do(founder, company_of(founder).mandate_request)
    mandate = sign_mandate(key, do(founder, company_of(founder).mandate_request))
    offline(founder)
    do(founder, lambda turn: company_of(founder).install_mandate(turn, mandate.signed))
    assert standing(founder, founder).roster is None


def test_reminders_come_at_14_7_and_2_days_each_once() -> None:
    """ACC-16: and begin anew after a renewal."""
    world, founder, key = founded_offline()
    renewed(founder, key)
    world.advance(HOUR_MS)
    assert in_force(founder, founder) == {this(founder): 3}
    for _ in range(2):
        founder.events.clear()
        for days, expected in ((15, []), (17, [14]), (24, [14, 7]), (29, [14, 7, 2])):
            founder.stop()
            world.advance(days * DAY_MS - (world.now_ms - standing(founder, founder).mandate.issued_ms))
            founder.crash(founder.rows)
            founder.start()
            world.advance(2 * HOUR_MS)
            assert [one.days for one in founder.of(CompanyKeysExpiring)] == expected
        renewed(founder, key)
        world.advance(2 * HOUR_MS)
        assert in_force(founder, founder) == {this(founder): 3}
    assert founder.of(SigningStopped) == []


def test_what_was_not_asked_for_is_not_installed() -> None:
    """ACC-26: another mandate of the account, one of somebody else, one again, garbage."""
    world, founder, key = founded_offline()
    stranger = founded(world, "Fremde Praxis")
    asked = do(founder, company_of(founder).mandate_request)
    good = sign_mandate(key, asked).signed
    keys = Keys.new(founder.rng, login=False).publics()
    other = sign_mandate(key, next_mandate(account(founder), 2**30, *keys, Powers(), world.now_ms)).signed
    for wrong in (b"", good[:-1], other, standing(stranger, stranger).mandate.signed):
        with pytest.raises(ConfigError):
            do(founder, lambda turn, wrong=wrong: company_of(founder).install_mandate(turn, wrong))  # type: ignore[misc]
    assert team_of(founder).standing(account(founder)) is None
    do(founder, lambda turn: company_of(founder).install_mandate(turn, good))
    with pytest.raises(ConfigError):
        do(founder, lambda turn: company_of(founder).install_mandate(turn, good))


@pytest.mark.parametrize("chosen", ["origins", "supervisors", "cleared", "login"])
def test_a_mandate_that_was_asked_for_before_another_choice_is_not_installed(chosen: str) -> None:
    """ACC-26: it would put back what a person has taken away; the one that is asked for anew counts."""
    _, founder, key = founded_offline()
    company, both = company_of(founder), Founding(origins=["https://praxis.example", "https://old.example"])
    do(founder, lambda turn: company.set_powers(turn, both))
    late = sign_mandate(key, do(founder, company.mandate_request)).signed
    if chosen == "login":
        do(founder, lambda turn: company.allow_logins(turn, allowed=True))
    elif chosen == "origins":
        do(founder, lambda turn: company.set_origins(turn, ["https://praxis.example"]))
    else:
        other = (
            Founding([], None, both.origins) if chosen == "supervisors" else Founding(None, [], both.origins)
        )
        do(founder, lambda turn: company.set_powers(turn, other))
    for _ in range(2):
        with pytest.raises(ConfigError, match="anew"):
            do(founder, lambda turn: company.install_mandate(turn, late))
        assert company.origins_named() is None
    anew = sign_mandate(key, do(founder, company.mandate_request))
    do(founder, lambda turn: company.install_mandate(turn, anew.signed))
    assert company.origins_named() == anew.origins == company.origins()


def test_another_front_desk_takes_over_and_the_first_signs_no_more() -> None:
    """ACC-26: its keys never left the first one; who is in force goes on."""
    world = World()
    founder = founded(world)
    desk = joined(world, founder, "Empfang", front_desk=True)
    set_card(founder, desk, "Empfang")
    key = offline(founder)
    world.advance(DAY_MS + HOUR_MS)
    assert in_force(desk, founder) == {this(founder): 3, this(desk): 2}
    signing = company_of(founder)._signing
    assert signing is not None
    assert signing.notice is not None
    signed = signing.notice
    do(desk, lambda turn: company_of(desk).found(turn, Founding(supervisors=[this(founder)])))
    for node, name in ((founder, "Frau Braun"), (desk, "Empfang")):
        set_card(desk, node, name)
    do(desk, lambda turn: company_of(desk).publish_notice(turn, signed, 0))
    seen = do(desk, company_of(desk).view)
    assert seen is not None
    do(desk, lambda turn: company_of(desk).confirm_signing(turn, seen.stated))
    mandate = sign_mandate(key, do(desk, company_of(desk).mandate_request))
    do(desk, lambda turn: company_of(desk).install_mandate(turn, mandate.signed))
    world.advance(2 * DAY_MS)
    for node in (desk, founder):
        assert standing(node, founder).mandate == mandate
        assert in_force(node, founder) == {this(founder): 3, this(desk): 2}
    assert [one.code for one in founder.of(SigningStopped)][-1] == "local.signing_unsure"
