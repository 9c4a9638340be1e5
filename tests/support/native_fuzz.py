"""The extension beside its reference: equal bytes, or refusals of one class, for equal arguments (PRM-14).

    SEALROOM_PURE=1 python tests/support/native_fuzz.py EXTENSION --executions 10000000 --report

Arguments are drawn by a seeded generator: mostly of the right sizes, now and then one byte
beside them or far off; ciphertexts are those of the reference, whole or changed. One execution is one call of
each of the two. A report grows by blocks of executions with a seed each, as long as the extension is the
same; a run that is interrupted keeps those that ended.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, Final

import checkout
import kept_result
import native_build
import seeded_report

from e2ee import labels
from e2ee.primitives import IN_USE, aead, dh, kdf, xaead
from e2ee.ratchet import message

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
REPORT: Final = checkout.ROOT / "reports/native-fuzz.json"
BLOCK: Final = 100_000
_EXECUTIONS: Final = "executions"
P: Final = 2**255 - 19
# Above the last one the interpreter's lock is released.
_SIZES: Final = (0, 1, 15, 16, 17, 48, 63, 64, 65, 128, 512, 1024, 4096, 16_383, 16_384, 16_385, 40_000)
_LOW_ORDER: Final = (
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    P - 1,
    P,
    P + 1,
)


class Draws:
    """Arguments from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def sized(self, size_b: int) -> bytes:
        """Bytes of a size, or now and then of another one."""
        if self._random.random() < 0.03:
            size_b = max(0, self._random.choice((size_b - 1, size_b + 1, 0, size_b * 2, size_b // 2)))
        return self._random.randbytes(size_b)

    def some(self) -> bytes:
        """Bytes of any size, seldom many."""
        size_b = self._random.choice(_SIZES) if self._random.random() < 0.2 else self._random.randrange(200)
        return self._random.randbytes(size_b)

    def damaged(self, whole: bytes) -> bytes:
        """The bytes as they are, or with one bit, byte or end changed."""
        chosen = self._random.random()
        if chosen < 0.6 or not whole:
            return whole
        at = self._random.randrange(len(whole))
        if chosen < 0.85:
            return whole[:at] + bytes((whole[at] ^ 1 << self._random.randrange(8),)) + whole[at + 1 :]
        return whole[:at] if chosen < 0.95 else whole + b"\0"

    def one_of(self, choices: Sequence[Any]) -> Any:
        """One of several."""
        return self._random.choice(choices)

    def coin(self) -> bool:
        """One of two."""
        return self._random.random() < 0.5


def _seal(draws: Draws) -> Arguments:
    return (draws.sized(32), draws.some(), draws.some()), {}


def _open(draws: Draws) -> Arguments:
    key, plain, associated = draws.sized(32).ljust(32)[:32], draws.some(), draws.some()
    whole = aead.seal(key, plain, associated)
    return (draws.damaged(key), draws.damaged(whole), draws.damaged(associated)), {}


def _xseal(draws: Draws) -> Arguments:
    return (draws.sized(32), draws.sized(24), draws.some(), draws.some()), {}


def _xopen(draws: Draws) -> Arguments:
    key, nonce, plain, associated = bytes(32), draws.sized(24).ljust(24)[:24], draws.some(), draws.some()
    whole = xaead.seal(key, nonce, plain, associated)
    return (key, draws.damaged(nonce), draws.damaged(whole), draws.damaged(associated)), {}


def _prf(draws: Draws) -> Arguments:
    size_b = draws.one_of((8, 16, 32, 64, 0, 1, 65, -1, 63))
    label = draws.one_of((labels.CHAIN, labels.SALT, b"short", draws.sized(16)))
    named: dict[str, Any] = {"salt": draws.sized(16)} if draws.coin() else {}
    if draws.coin():
        named["data"] = draws.some()
    return (draws.one_of((draws.sized(32), draws.sized(16), draws.sized(64))), label, size_b), named


def _public(draws: Draws) -> bytes:
    if draws.coin():
        return draws.sized(32)
    low: int = draws.one_of(_LOW_ORDER)
    return (low + (draws.coin() << 255)).to_bytes(32, "little")


def _exchange(draws: Draws) -> Arguments:
    return (draws.sized(32), _public(draws)), {}


def _message(draws: Draws) -> Arguments:
    lead = draws.sized(draws.one_of((2, 2, 2, 2110)))
    fixed = [draws.sized(size_b) for size_b in (32, 32, 8, 32, 48, 16)]
    return (*fixed, lead, draws.some()), {}


def _opening(source: Callable[[bytes, bytes], bytes]) -> Callable[[Draws], Arguments]:
    def drawn(draws: Draws) -> Arguments:
        key, salt, plain, associated = draws.sized(32).ljust(32)[:32], bytes(16), draws.some(), draws.some()
        whole = aead.seal(source(key, salt), plain, associated)
        sized = draws.one_of((salt, salt, salt, draws.sized(16)))
        return (draws.damaged(key), sized, draws.damaged(whole), draws.damaged(associated)), {}

    return drawn


def _header_key(key: bytes, salt: bytes) -> bytes:
    return kdf.prf(key, labels.HEADER_KEY, 32, salt)


def _body_key(key: bytes, salt: bytes) -> bytes:
    return kdf.prf(key, labels.BODY_KEY, 32, salt)


def _next_body_key(key: bytes, salt: bytes) -> bytes:
    return _body_key(kdf.prf(key, labels.CHAIN, 64)[32:], salt)


# Name in the extension -> reference, what draws its arguments, and how often it comes.
PAIRS: Final[dict[str, tuple[Callable[..., Any], Callable[[Draws], Arguments], int]]] = {
    "aead_seal": (aead.seal, _seal, 12),
    "aead_open": (aead.open_, _open, 12),
    "xaead_seal": (xaead.seal, _xseal, 10),
    "xaead_open": (xaead.open_, _xopen, 10),
    "kdf_prf": (kdf.prf, _prf, 14),
    "dh_exchange": (dh.exchange, _exchange, 4),
    "message_seal": (message.seal, _message, 12),
    "message_open_header": (message.open_header, _opening(_header_key), 8),
    "message_open_skipped": (message.open_skipped, _opening(_body_key), 8),
    "message_open_next": (message.open_next, _opening(_next_body_key), 8),
}


class Differs(Exception):
    """The two gave something else; the text is enough to see it again."""


def outcome(function: Callable[..., Any], arguments: Arguments) -> tuple[str, Any]:
    """What a call gives: its value, or the class of its refusal."""
    try:
        return "value", function(*arguments[0], **arguments[1])
    except (Exception, SystemError) as error:  # noqa: BLE001 - whatever it is, the other has to raise it too
        return "refusal", type(error).__name__


def compare(extension: ModuleType, seed: int, executions: int) -> Counter[str]:
    """Run both on drawn arguments; return how often each kind of outcome was seen.

    Raises:
        Differs: the extension gives other bytes, or another refusal.
    """
    draws, seen = Draws(seed), Counter[str]()
    turns = [name for name, (_, _, weight) in PAIRS.items() for _ in range(weight)]
    for number in range(executions):
        name = draws.one_of(turns)
        reference, drawn, _ = PAIRS[name]
        arguments = drawn(draws)
        expected = outcome(reference, arguments)
        found = outcome(getattr(extension, name), arguments)
        if found != expected:
            raise Differs(f"{name} at {number} of seed {seed}: {expected[0]} became {found!r:.200}")
        seen[f"{name}: {expected[0] if expected[0] == 'value' else expected[1]}"] += 1
    return seen


def wrong_types(extension: ModuleType) -> Iterator[str]:
    """Functions that take something else than bytes, or another number of arguments."""
    for name in PAIRS:
        function = getattr(extension, name)
        for arguments in ((), (1,), ("text",) * 4, (None,) * 3, (b"",) * 9, (memoryview(bytearray(32)),) * 2):
            try:
                function(*arguments)
            except TypeError:
                continue
            yield f"{name}{arguments!r}"


def blocks(executions: int) -> Iterator[int]:
    """Yield how many executions each block has."""
    while executions > 0:
        yield min(executions, BLOCK)
        executions -= BLOCK


def known(path: Path, extension: Mapping[str, str]) -> dict[str, Any]:
    """Return the figures of a report, empty where it is of another extension, or not there."""
    figures: dict[str, Any] = seeded_report.recorded(path).get("figures", {})
    same = all(figures.pop(name, None) == value for name, value in extension.items())
    return figures if same else {}


def next_seed(figures: Mapping[str, Any]) -> int:
    """The first seed after those of a report."""
    return max((int(block.rpartition(" ")[2]) for block in figures.get("seeds", [])), default=0) + 1


def keep(path: Path, extension: Mapping[str, str], seed: int, seen: Counter[str]) -> None:
    """Add a block to the report."""
    figures = seeded_report.grown(known(path, extension), seed, 1, 0, seen)
    report = {
        "name": path.stem,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": "python tests/support/native_run.py",
        "result": "pass",
        "figures": {**extension, **figures},
        "limits": "arguments are drawn, not led by coverage; one machine and one libsodium",
    }
    kept_result.keep(report, path.parent)


def main() -> int:
    """Compare, print, and perhaps keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("extension", type=Path)
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first block, where no report is kept")
    parser.add_argument("--report", action="store_true", help="go on after the seeds of the report")
    chosen = parser.parse_args()
    if IN_USE != "reference":
        raise SystemExit("the reference is to run here: set SEALROOM_PURE=1")
    extension = native_build.load(chosen.extension)
    if taken := list(wrong_types(extension)):
        raise SystemExit(f"taken: {taken}")
    source = hashlib.sha256(native_build.SOURCE.read_bytes()).hexdigest()[:32]
    named = {"source": source, "libsodium": extension.LIBSODIUM}
    first = next_seed(known(REPORT, named)) if chosen.report else chosen.seed
    total = Counter[str]()
    for seed, executions in enumerate(blocks(chosen.executions), first):
        try:
            seen = compare(extension, seed, executions)
        except Differs as difference:
            print(difference)
            return 1
        total += seen
        if chosen.report:
            keep(REPORT, named, seed, Counter({_EXECUTIONS: executions}) + seen)
    print(f"{chosen.executions} executions with equal outcomes, {len(total)} kinds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
