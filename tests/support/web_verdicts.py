"""Inputs about which the TypeScript core and this one have to have the same verdict.

    python tests/support/web_verdicts.py --runs 20000 --seed 1

Inputs are those of the fuzz corpora and changed vectors, in the form that operations of negative vectors
take.
Where a signature would hide the decoder, the input is signed anew.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import checkout
import fuzz_mutation
import fuzz_seeds
import negative_operations
import web_packages
from fuzz_signed import account_seed, device_seed, part_of, sign_as
from fuzz_target import Shape, Target
from negative_operations import LABELS

from e2ee.errors import E2eeError
from spec.vectors import company

Case = tuple[str, dict[str, Any]]
# What of an input is changed.
FIELDS: Final = {
    "address.verify": "signed",
    "agent_card.decode": "card",
    "bundle.verify": "bundle",
    "card.parse": "text",
    "cbor.decode": "encoded",
    "channels.verify": "signed",
    "compact.verify": "compact_bundle",
    "consent_receipt.verify": "signed",
    "content.decode": "content",
    "dh.public": "public",
    "door.verify": "door",
    "dossier.decode": "dossier",
    "envelope.decode": "head",
    "forward.decode": "forward",
    "line.decode": "line",
    "list.verify": "signed",
    "mandate.verify": "signed",
    "notice.verify": "signed",
    "pair.restore": "pair",
    "payload.decode": "payload",
    "prefix.decode": "prefix",
    "prekey.verify": "signed",
    "proof.verify": "proof",
    "record.decode": "record",
    "roster.verify": "signed",
    "roster_content.decode": "payload",
    "safety.compare": "scanned",
    "session.restore": "session",
    "signal.decode": "signal",
    "state.check": "state",
    "successor.verify": "signed",
    "withdrawal.verify": "signed",
}
TEXTS: Final = ("card.parse", "safety.compare")
# Targets of the corpus and the operation that reads the same bytes.
CORPUS: Final = {
    "address": "address.verify",
    "agent_card": "agent_card.decode",
    "bundle": "bundle.verify",
    "card": "card.parse",
    "cbor": "cbor.decode",
    "channels": "channels.verify",
    "compact_bundle": "compact.verify",
    "content": "content.decode",
    "device_list": "list.verify",
    "device_record": "record.decode",
    "door": "door.verify",
    "envelope": "envelope.decode",
    "mandate": "mandate.verify",
    "notice": "notice.verify",
    "prefix": "prefix.decode",
    "prekey": "prekey.verify",
    "receipt": "consent_receipt.verify",
    "room_dossier": "dossier.decode",
    "room_forward": "forward.decode",
    "room_line": "line.decode",
    "room_signal": "signal.decode",
    "roster": "roster.verify",
    "roster_content": "roster_content.decode",
    "safety_number": "safety.compare",
    "snapshot_pair": "pair.restore",
    "snapshot_session": "session.restore",
    "withdrawal": "withdrawal.verify",
}


class Signer(NamedTuple):
    """Who signs a structure, and under which label."""

    seed: bytes
    label: str


@cache
def signers() -> dict[str, Signer]:
    """The keys of the vectors, by operation."""
    return {
        "address.verify": Signer(device_seed(), "SR1-sig-address"),
        "channels.verify": Signer(company.roster_seed(), "SR1-sig-channels"),
        "consent_receipt.verify": Signer(company.customer().sign_seed, "SR1-sig-consent"),
        "list.verify": Signer(account_seed(), "SR1-sig-list"),
        "mandate.verify": Signer(company.ACCOUNT_SEED, "SR1-sig-mandate"),
        "notice.verify": Signer(company.ACCOUNT_SEED, "SR1-sig-notice"),
        "prekey.verify": Signer(device_seed(), "SR1-sig-prekey"),
        "roster.verify": Signer(company.roster_seed(), "SR1-sig-roster"),
        "withdrawal.verify": Signer(company.customer().sign_seed, "SR1-sig-withdraw"),
    }


@cache
def inputs(operation: str) -> list[dict[str, Any]]:
    """Inputs of the negative vectors of an operation."""
    return list(fuzz_seeds.inputs(operation))


def with_field(operation: str, given: dict[str, Any], data: bytes) -> Case:
    """The operation with these bytes in the place of what it reads."""
    field = FIELDS[operation]
    changed: Any = data.decode("utf-8", "replace") if operation in TEXTS else data.hex()
    more = {"zeros": 0} if operation == "envelope.decode" else {}
    return operation, given | {field: changed} | more


def signed(operation: str, unsigned: bytes) -> bytes:
    """The bytes, signed where the operation reads something signed."""
    signer = signers().get(operation)
    return unsigned if signer is None else sign_as(signer.seed, LABELS[signer.label], unsigned)


def of_corpus() -> Iterator[Case]:
    """Each input of the corpora that an operation reads."""
    for target, operation in CORPUS.items():
        given = inputs(operation)[0]
        for path in sorted((checkout.ROOT / "tests/fuzz/corpus" / target).iterdir()):
            yield with_field(operation, given, signed(operation, path.read_bytes()))


def _unused(*_: Any) -> None:
    raise AssertionError("a target that only says the shape")


def _raw(data: bytes, size_b: int) -> bytes:
    place = len(data) // 2
    return (data[:place] + b"\xff" + data[place + 1 :])[:size_b]


@cache
def _shape(shape: Shape) -> Target:
    return Target("shape", _unused, _unused, frozenset(), tuple, shape, 20_000)


def changed(rng: random.Random) -> Case:
    """A vector with something changed in it."""
    operation = rng.choice(sorted(FIELDS))
    given = rng.choice(inputs(operation))
    field = given[FIELDS[operation]]
    if operation in TEXTS:
        data = field.encode("utf-8", "surrogatepass")
    else:
        data = bytes.fromhex(field) + bytes(given.get("zeros", 0))
    resign = operation in signers() and rng.random() < 0.9
    parts = list(part_of(data)) if resign else [data]
    plain = parts[0] if parts else data
    donors = (
        [bytes.fromhex(one[FIELDS[operation]]) for one in inputs(operation)[:4]]
        if operation not in TEXTS
        else []
    )
    shape = Shape.TEXT if operation in TEXTS else Shape.CBOR
    for _ in range(rng.choice((1, 1, 2))):
        plain = fuzz_mutation.mutate(_shape(shape), plain, 20_000, rng.getrandbits(32), _raw, donors)
    return with_field(operation, given, signed(operation, plain) if resign and parts else plain)


def verdict(case: Case) -> str | None:
    """The code with which this core refuses an input, or None."""
    operation, given = case
    try:
        negative_operations.OPERATIONS[operation](given)
    except E2eeError as error:
        # The vectors give this operation states that can be read; what cannot is `remote.content` (ROOM-04).
        return (
            "remote.content" if operation == "state.check" and error.code == "remote.decode" else error.code
        )
    return None


def differences(cases: list[Case]) -> tuple[list[str], Counter[str | None]]:
    """About which inputs the cores differ, and how often which verdict was given."""
    ours = [verdict(case) for case in cases]
    done = web_packages.run("packages/core/tests/verdicts.ts", given=json.dumps(cases))
    if done.returncode != 0:
        return [done.stderr[-2_000:]], Counter()
    theirs: list[str | None] = json.loads(done.stdout)
    found = [
        f"{case[0]}: {their} in TypeScript, {our} here: {json.dumps(case[1])}"
        for case, our, their in zip(cases, ours, theirs, strict=True)
        if our != their
    ]
    return found, Counter(ours)


def main() -> int:
    parser = argparse.ArgumentParser(description="inputs about which both cores have to agree")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    found, verdicts = differences([*of_corpus(), *(changed(rng) for _ in range(options.runs))])
    print(f"{sum(verdicts.values())} inputs, {len(found)} differences; {dict(verdicts.most_common())}")
    for one in found[:30]:
        print(one[:600])
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
