"""What a relay sees of random form looks random, and what is not random is found (LKG-05)."""

from __future__ import annotations

import functools
import operator
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import byte_statistics
import pytest
from byte_statistics import LIMIT, judge
from leakage_declaration import Row
from leakage_scripts import SCRIPTS, Played
from relay_view import all_fields

from e2ee.primitives import kem

# What of a value is uniform: the highest byte of an encoded point or scalar is not.
UNIFORM: dict[str, Callable[[bytes], bytes]] = {
    "uniform": lambda value: value,
    "key": lambda value: value[:31],
    "signature": lambda value: value[:31] + value[32:63],
}

# One worker plays the scripts for all of these tests.


@pytest.fixture(scope="module")
def values(played: Played, table: Mapping[str, Row]) -> dict[Row, set[bytes]]:
    """All distinct random values of all runs, by row of the declaration."""
    found: dict[Row, set[bytes]] = defaultdict(set)
    for script in SCRIPTS:
        for cast in ("first", "second"):
            for _, field in all_fields(played(script, cast).relay.view):
                row = table[field.path]
                if row.is_random and isinstance(field.value, bytes):
                    found[row].add(field.value)
    return found


def chances(row: Row, values: set[bytes]) -> Iterator[tuple[str, float]]:
    """Every test that fits a form."""
    ordered = sorted(values)
    if row.form == "kem-ciphertext":
        yield from byte_statistics.kem_ciphertexts(ordered)
    elif row.form == "kem-key":
        yield from byte_statistics.kem_keys(ordered)
    else:
        yield from judge([UNIFORM[row.form](value) for value in ordered])


def test_random_fields_look_random(values: dict[Row, set[bytes]]) -> None:
    """LKG-05: no field is less likely than the limit; sealed bodies have over a hundred thousand bytes."""
    found = [
        f"{row.what}: {test} has the chance {chance:.1e}"
        for row, seen in values.items()
        for test, chance in chances(row, seen)
        if chance < LIMIT
    ]
    assert found == []
    sizes_b = {row.what: sum(map(len, seen)) for row, seen in values.items()}
    assert sizes_b["sealed body"] > 100_000
    assert min(sizes_b.values()) >= 64


def test_every_random_row_was_seen(values: dict[Row, set[bytes]], table: Mapping[str, Row]) -> None:
    """LKG-05: a row that the scripts never fill would be judged by nobody; HTTP and blobs have their own."""
    expected = {
        row
        for row in table.values()
        if row.is_random and row.scope != "blob" and not row.paths[0].startswith("http.")
    }
    assert {row.what for row in expected - set(values)} == set()


def test_no_value_of_one_run_comes_again_in_another(played: Played, table: Mapping[str, Row]) -> None:
    """LKG-05: two casts are other people, so that no random value is in both of their runs."""
    runs = []
    for cast in ("first", "second"):
        fields = [field for script in SCRIPTS for _, field in all_fields(played(script, cast).relay.view)]
        runs.append({one.value for one in fields if table[one.path].is_random and one.value is not None})
    assert runs[0].isdisjoint(runs[1])


# --- controls ---


def mostly_ones() -> int:
    """A byte whose bits are 1 but for one in 32."""
    return functools.reduce(operator.or_, os.urandom(5))


def worst(values: list[bytes]) -> float:
    """The least chance of all tests."""
    return min(chance for _, chance in judge(values))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a counter in front", lambda n: n.to_bytes(2, "big") + os.urandom(14)),
        ("a constant byte", lambda _: b"\x01" + os.urandom(15)),
        ("a flag in one bit", lambda _: bytes([os.urandom(1)[0] & 0xFE]) + os.urandom(15)),
        ("seven bits of eight", lambda _: bytes(byte & 0x7F for byte in os.urandom(16))),
        ("text", lambda n: f"Guten Tag Nr. {n:02}".encode()),
        ("zeros at the end", lambda _: os.urandom(12) + bytes(4)),
        ("one bit in 64 turned off", lambda _: bytes(byte & mostly_ones() for byte in os.urandom(16))),
    ],
)
def test_what_is_not_random_is_found(name: str, make: Callable[[int], bytes]) -> None:
    """LKG-05: 2000 ids of 16 bytes, each with one fault."""
    assert name
    assert worst([make(n) for n in range(2_000)]) < LIMIT


def test_a_biased_field_of_the_view_is_found(values: dict[Row, set[bytes]]) -> None:
    """LKG-05: the very bodies of the view, with every tenth byte drawn from letters."""
    row = next(row for row in values if row.what == "sealed body")
    biased = {
        bytes(97 + byte % 26 if place % 10 == 0 else byte for place, byte in enumerate(value))
        for value in values[row]
    }
    assert min(chance for _, chance in chances(row, biased)) < LIMIT


def test_random_bytes_pass() -> None:
    """LKG-05: and what is random is not found."""
    for size_b in (8, 16, 32, 500):
        assert worst([os.urandom(size_b) for _ in range(2_000)]) > LIMIT


def test_kem_values_pass_and_plain_bytes_in_their_place_do_not() -> None:
    """LKG-05: uniform bytes are not what ML-KEM-768 makes, and the tests of its forms know the difference."""
    keys = [kem.derive_public(os.urandom(64)) for _ in range(60)]
    ciphertexts = [kem.encapsulate(key)[0] for key in keys]
    for test, seen in ((byte_statistics.kem_keys, keys), (byte_statistics.kem_ciphertexts, ciphertexts)):
        assert min(chance for _, chance in test(seen)) > LIMIT
        plain = [os.urandom(len(value)) for value in seen]
        assert min(chance for _, chance in test(plain)) < LIMIT
