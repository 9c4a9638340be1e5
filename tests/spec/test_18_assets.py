"""Chapter 18: the files that a company serves for browsers, as its account lists and signs them."""

from __future__ import annotations

import pytest
from company import Company
from parties import DAY_MS, NOW_MS

from e2ee.errors import BadSignature, DecodeError, Expired, IdentityMismatch, ListFork, ListRollback
from e2ee.identity import account_id_of
from e2ee.rooms.assets import Asset, Assets, Place, Served, is_asset_path, next_assets, sign_assets
from e2ee.wire import cbor

ROOM, PAGE = "https://chat.praxis.example", "https://www.praxis.example"
HEADERS = (("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff"))
FILES = (
    Asset(Place.PAGE, "/seal/launcher.js", 9, bytes(32), 0, 0),
    Asset(Place.ROOM, "/vault.js", 9, bytes(32), 0, 1),
    Asset(Place.ROOM, "/room.html", 9, bytes(32), 0, 0),
)


def made(seq: int = 7, release: str = "1", who: str = "praxis") -> Assets:
    """Assets of a company for 90 days."""
    company = Company.make(who)
    served = Served(release, ROOM, [PAGE], [HEADERS[::-1]], FILES)
    account_id = account_id_of(company.account_key)
    unsigned = next_assets(account_id, seq, served, NOW_MS, NOW_MS + 90 * DAY_MS)
    return sign_assets(company.account_key, unsigned)


def test_assets_come_back_as_they_were_signed_in_the_one_order() -> None:
    """CNS-60, CNS-61"""
    found = Assets.verify(made().account_id, made().signed)
    assert [one.path for one in found.files] == ["/room.html", "/vault.js", "/seal/launcher.js"]
    assert found.header_sets == (HEADERS,)
    assert (found.seq, found.origin, found.pages) == (7, ROOM, (PAGE,))


def test_the_account_that_assets_state_is_read_without_a_check() -> None:
    """CNS-60"""
    assert Assets.stated_account(made().signed) == made().account_id
    with pytest.raises(DecodeError):
        Assets.stated_account(cbor.encode([cbor.encode([2]), bytes(64)]))


def test_assets_of_another_company_are_refused() -> None:
    """CNS-60"""
    with pytest.raises(BadSignature):
        Assets.verify(made().account_id, made(who="another").signed)


def test_a_file_whose_set_of_headers_is_missing_is_not_signed() -> None:
    """CNS-61"""
    company = Company.make()
    served = Served("1", ROOM, [PAGE], [HEADERS], [FILES[0]._replace(headers=1)])
    unsigned = next_assets(account_id_of(company.account_key), 1, served, NOW_MS, NOW_MS + DAY_MS)
    with pytest.raises(DecodeError):
        sign_assets(company.account_key, unsigned)


@pytest.mark.parametrize("path", ["/a", "/.well-known/x", "/a/b.js", "/..."])
def test_paths_of_files(path: str) -> None:
    """CNS-61"""
    assert is_asset_path(path)


@pytest.mark.parametrize("path", ["", "/", "a", "/a/", "//a", "/../a", "/a/..", "/a b", "/ä", "/a\n", "/a?b"])
def test_what_is_no_path_of_a_file(path: str) -> None:
    """CNS-61"""
    assert not is_asset_path(path)


def test_assets_end_and_hold_on_their_origin_only() -> None:
    """CNS-62"""
    found = made()
    for now_ms in (NOW_MS - DAY_MS, NOW_MS + 91 * DAY_MS):
        found.check(now_ms, ROOM)
    for now_ms in (NOW_MS - DAY_MS - 1, NOW_MS + 91 * DAY_MS + 1):
        with pytest.raises(Expired):
            found.check(now_ms, None)
    with pytest.raises(IdentityMismatch):
        found.check(NOW_MS, PAGE)


def test_older_assets_and_others_of_one_number_do_not_follow_known_ones() -> None:
    """CNS-63"""
    known = made()
    for other in (known, made(8)):
        other.check_follows(known)
    with pytest.raises(ListRollback):
        made(6).check_follows(known)
    with pytest.raises(ListFork):
        made(7, "2").check_follows(known)
