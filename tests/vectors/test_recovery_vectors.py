"""Recovery codes and first lists recomputed by the core: every value of recovery.json."""

from __future__ import annotations

from typing import Any

import pytest
from vector_files import load, scripted, unhex

from e2ee import identity, recovery
from e2ee.errors import DecodeError, NoListNumber
from e2ee.identity import DeviceList, DeviceRecord
from e2ee.secret import AccountKey

FILE = load("recovery.json")
CODES, LISTS = FILE["codes"], FILE["lists"]


@pytest.mark.parametrize("name", CODES)
def test_codes_and_their_keys(name: str) -> None:
    """ACC-60, ACC-61."""
    case = CODES[name]
    code = recovery.new_code(scripted(case["r"]), entry=bool(case["entry"]))
    assert (code.text, code.text.split("-")) == (case["code"], list(code.groups))
    assert code.account_key() == AccountKey(unhex(case["account_seed"]))
    assert identity.account_id_of(code.account_key()).hex() == case["account_id"]


@pytest.mark.parametrize("name", FILE["read"])
def test_what_is_read_of_a_code(name: str) -> None:
    """ACC-62."""
    case = FILE["read"][name]
    code = recovery.parse(case["typed"])
    assert (code.text, code.entry) == (CODES[case["code"]]["code"], bool(CODES[case["code"]]["entry"]))
    assert code.secret.expose().hex() == CODES[case["code"]]["r"]


@pytest.mark.parametrize("name", FILE["refused"])
def test_what_is_refused_and_which_group_is_named(name: str) -> None:
    """ACC-62."""
    case = FILE["refused"][name]
    with pytest.raises(DecodeError):
        recovery.parse(case["typed"])
    assert recovery.doubtful_group(case["typed"]) == case["group"]


def first_list(case: dict[str, Any]) -> DeviceList:
    """The list of a case."""
    key = AccountKey(unhex(CODES["a"]["account_seed"]))
    account_id = identity.account_id_of(key)
    before = None if case["before"] is None else DeviceList.verify(account_id, unhex(case["before"]))
    record = DeviceRecord.decode(unhex(LISTS["record"]))
    return recovery.first_list(key, record, before, case["now_ms"], scripted(case["random"]))


@pytest.mark.parametrize("name", LISTS["cases"])
def test_first_lists(name: str) -> None:
    """ACC-63."""
    case = LISTS["cases"][name]
    made = first_list(case)
    assert (made.seq, made.signed.hex()) == (case["seq"], case["signed"])
    assert recovery.is_recovered(made)


@pytest.mark.parametrize("name", LISTS["none"])
def test_no_number_for_a_first_list(name: str) -> None:
    """ACC-70."""
    with pytest.raises(NoListNumber):
        first_list(LISTS["none"][name])
