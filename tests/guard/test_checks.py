"""Check digits of the guard: published examples, a second implementation, and one digit wrong."""

from __future__ import annotations

import guard_values as values
import pytest
from e2ee_client.guard import checks
from hypothesis import given
from hypothesis import strategies as st

DIGITS = "0123456789"


@pytest.mark.parametrize(
    "value",
    [
        "de89370400440532013000",
        "gb29nwbk60161331926819",
        "no9386011117947",
        "mt84malt011000012345mtlcast001s",
        "by13nbrb3600900000002z00ab00",
    ],
)
def test_ibans_of_the_registry(value: str) -> None:
    assert checks.is_iban(value)
    assert not checks.is_iban(value[:-1])
    assert not checks.is_iban(value[2:4] + value)


@pytest.mark.parametrize(
    "value", ["4111111111111111", "5555555555554444", "371449635398431", "30569309025904"]
)
def test_cards_that_issuers_publish_for_trials(value: str) -> None:
    assert checks.is_card(value)


@pytest.mark.parametrize(
    "value", ["1234567812345670", "0000000000000000", "9999999999999995", "411111111111111"]
)
def test_a_right_digit_in_no_issuers_range_or_length_is_no_card(value: str) -> None:
    assert not checks.is_card(value)


def test_published_examples_of_german_numbers() -> None:
    assert checks.is_tax_id("12345678995")
    assert checks.is_health_insurance("a123456780")
    assert checks.is_health_insurance("z999999997")
    assert checks.is_pension_insurance("15070649c103")
    assert checks.is_pension_insurance("38551285k051"), "a day that is 50 higher"


@pytest.mark.parametrize(
    ("digits", "is_right"),
    [
        ("1234567890", False),  # none twice
        ("1123456789", True),
        ("1122345678", False),  # two of them twice
        ("1112345678", False),  # three in a row
        ("1211345678", True),
        ("1211143567", False),  # four times
    ],
)
def test_how_often_a_digit_of_a_tax_id_may_stand(digits: str, is_right: bool) -> None:
    assert any(checks.is_tax_id(digits + last) for last in DIGITS) is is_right


@pytest.mark.parametrize("birth", ["000649", "320649", "070049", "071349", "820649"])
def test_a_pension_insurance_number_holds_a_date(birth: str) -> None:
    assert not checks.is_pension_insurance(values.pension_insurance("15", birth, "C", "10").lower())


@given(st.text(DIGITS, min_size=18, max_size=18), st.data())
def test_two_implementations_agree_and_a_wrong_digit_shows(filling: str, data: st.DataObject) -> None:
    numbers = (
        (values.iban("DE", filling), checks.is_iban),
        (values.card("4", filling), checks.is_card),
        (values.card("2221", filling), checks.is_card),
        (values.health_insurance("KMZ"[len(set(filling)) % 3], filling[:8]), checks.is_health_insurance),
        (values.pension_insurance("53", "170582", "W", filling[:2]), checks.is_pension_insurance),
    )
    for value, is_right in numbers:
        assert is_right(value.lower())
        place = data.draw(st.integers(len(value) - 8, len(value) - 1))
        other = data.draw(
            st.sampled_from(DIGITS.replace(value[place], "") if value[place] in DIGITS else "A")
        )
        changed = value[:place] + other + value[place + 1 :]
        assert not is_right(changed.lower()), (value, changed)


@given(st.permutations(DIGITS), st.integers(0, 7), st.data())
def test_a_tax_id_is_taken_and_one_with_a_wrong_digit_is_not(
    order: list[str], place: int, data: st.DataObject
) -> None:
    digits = "".join(order).lstrip("0")[:9]
    digits = (digits[: place + 1] + digits[0] + digits[place + 1 :])[:10]
    if len(digits) < 10 or len(set(digits)) != 9:
        return
    value = values.tax_id(digits)
    assert checks.is_tax_id(value)
    last = data.draw(st.sampled_from(DIGITS.replace(value[-1], "")))
    assert not checks.is_tax_id(value[:-1] + last)
