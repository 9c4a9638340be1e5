"""What would make a silent fuzzer worthless: targets that swallow errors, and mutations that never get in."""

from __future__ import annotations

import random
from dataclasses import replace

import fuzz_cbor_tree
import fuzz_planted
import independent_reader
import pytest
from fuzz_beside import beside
from fuzz_mutation import mutate
from fuzz_target import ACCEPTED, OracleBroken, Target, run
from fuzz_targets import TARGETS
from independent_refusal import Refused

from e2ee.errors import DecodeError, RemoteError
from e2ee.wire import cbor


def _flip(data: bytes, max_b: int) -> bytes:
    """A plain mutation in the place of the fuzzer's: one byte is another."""
    if not data:
        return b"\0"
    at = random.Random(data).randrange(len(data))
    return (data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])[:max_b]


def test_an_error_that_is_not_listed_is_a_finding() -> None:
    """WIRE-03: neither a foreign error nor a subclass or base of a listed one passes as a refusal."""
    with pytest.raises(IndexError, match="planted"):
        run(fuzz_planted.TARGET, cbor.encode({1: 2**31, 2: b"planted", 3: bytes(65)}))
    lenient = replace(fuzz_planted.TARGET, may_raise=frozenset({RemoteError}))
    with pytest.raises(DecodeError):
        run(lenient, b"\x00")
    assert run(fuzz_planted.TARGET, b"\x00") == "DecodeError"


def test_a_decoder_that_reads_two_encodings_is_a_finding() -> None:
    """WIRE-02: the target of the codec notices a decoder that is not strict."""
    loose = replace(TARGETS["cbor"], decode=lambda data: cbor.decode(data[:1]))
    assert run(loose, b"\x05") == ACCEPTED
    with pytest.raises(OracleBroken):
        run(loose, b"\x05\x05")


def test_two_readers_that_differ_are_a_finding() -> None:
    """ID-29: what only one of both takes is noticed, whichever it is; what both refuse is a refusal."""

    def none(_: bytes) -> None:
        raise Refused("remote.decode")

    def strict(data: bytes) -> cbor.Value:
        return cbor.decode(data)

    assert beside(strict, independent_reader.decode)(b"\x05") == 5
    for decode, read, data in ((strict, none, b"\x05"), (strict, lambda _: None, b"\x05\x05")):
        with pytest.raises(OracleBroken):
            beside(decode, read)(data)
    with pytest.raises(DecodeError):
        beside(strict, none)(b"\x05\x05")


def test_mutations_get_behind_five_checks() -> None:
    """The planted bug is reached from its one harmless seed within some thousand changes."""
    target = fuzz_planted.TARGET
    pool = list(target.seeds())
    chooser = random.Random(5)
    for number in range(40_000):
        data = mutate(target, chooser.choice(pool), target.max_b, number, _flip, pool)
        try:
            if run(target, data) == ACCEPTED and len(pool) < 200:
                pool.append(data)
        except IndexError:
            return
    pytest.fail("the planted bug was not reached")


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_mutations_keep_to_the_size_and_repeat(target: Target) -> None:
    """A number stands for one change, so that a finding can be made again."""
    seed = next(iter(target.seeds()))
    for number in range(30):
        once = mutate(target, seed, target.max_b, number, _flip, [seed])
        assert once == mutate(target, seed, target.max_b, number, _flip, [seed])
        assert len(once) <= target.max_b


def test_trees_are_written_as_they_were_read() -> None:
    """The tree reads what the codec writes, and writes it again byte for byte."""
    value: cbor.Value = {1: [0, 23, 24, 2**32, -1, -(2**64)], 2: b"x" * 300, 3: "ä", 4: [True, None, {}]}
    encoded = cbor.encode(value)
    assert fuzz_cbor_tree.write(fuzz_cbor_tree.parse(encoded)) == encoded
    for broken in (encoded[:-1], encoded + b"\0", b"\x9f\xff", b"\x9b" + b"\xff" * 8, b""):
        with pytest.raises(fuzz_cbor_tree.NotATree):
            fuzz_cbor_tree.parse(broken)
