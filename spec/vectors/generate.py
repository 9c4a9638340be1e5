"""Writes every vector file beside this one: `python -m spec.vectors.generate` from the root of the checkout.

Deterministic; only ML-KEM ciphertexts cannot be made anew, and they are read back from kem.json. With
`--check` it writes nothing and exits 1 if a file is missing, stale or no longer made.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from spec.vectors import (
    assets_vectors,
    company_vectors,
    content_vectors,
    defects,
    encapsulations,
    export_vectors,
    file_vectors,
    flight_lists,
    grammar_vectors,
    handshake_vectors,
    identity_vectors,
    invite_vectors,
    limits,
    login_vectors,
    negative_company,
    negative_flights,
    negative_forms,
    negative_identity,
    negative_messages,
    negative_pq,
    negative_rooms,
    pq_cases,
    pq_vectors,
    primitive_vectors,
    proof_vectors,
    ratchet_cases,
    ratchet_vectors,
    recovery_vectors,
    room_vectors,
    sealing,
    session_vectors,
    transcript,
)
from spec.vectors.encapsulations import Encapsulations

FOLDER: Final = Path(__file__).resolve().parent


def render(recorded: str | None) -> dict[str, str]:
    """Every file by its path in this folder; `recorded` is the text of kem.json, if there is one."""
    kem = Encapsulations(recorded)
    encapsulations.standalone(kem)
    played, exchange = transcript.conversation(kem), pq_vectors.exchange(kem)
    files = {
        "primitives.json": primitive_vectors.primitives(),
        "cbor.json": primitive_vectors.encodings(),
        "padding.json": primitive_vectors.padding(),
        "identity.json": identity_vectors.identity(),
        "grammar.json": grammar_vectors.grammar(),
        "card.json": identity_vectors.cards(),
        "safety.json": identity_vectors.safety(),
        "handshake.json": handshake_vectors.handshakes(kem),
        "flight_lists.json": flight_lists.flight_lists(kem),
        "ratchet.json": ratchet_vectors.transcript(played),
        "ratchet_cases.json": ratchet_cases.cases(played),
        "snapshot.json": ratchet_vectors.snapshots(played, exchange),
        "pq.json": pq_vectors.conversation(exchange),
        "pq_cases.json": pq_cases.cases(exchange, kem),
        "content.json": content_vectors.contents(),
        "files.json": file_vectors.files(),
        "invite.json": invite_vectors.invite(),
        "login.json": login_vectors.logins(),
        "assets.json": assets_vectors.document(),
        "recovery.json": recovery_vectors.recovery(),
        "sessions.json": session_vectors.sessions(),
        "transcript.json": room_vectors.transcript(),
        "order.json": room_vectors.ordered(),
        "room_heads.json": room_vectors.heads(),
        "room_acts.json": room_vectors.acts(),
        "rooms.json": room_vectors.payloads(),
        "accounts.json": company_vectors.accounts(),
        "consent.json": company_vectors.consents(),
        "proof.json": proof_vectors.proofs(),
        "export.json": export_vectors.exports(),
        "limits.json": limits.limits(played, kem),
    }
    refused = (
        *negative_forms.all_forms(),
        *file_vectors.all_files(),
        *negative_identity.all_identity(),
        *negative_messages.all_messages(played),
        *negative_pq.all_pq(exchange, kem),
        *negative_flights.all_flights(kem),
        *sealing.all_local(played),
        *negative_rooms.all_rooms(),
        *negative_company.all_company(),
        *proof_vectors.negatives(),
        *login_vectors.negatives(),
        *assets_vectors.negatives(),
    )
    return files | defects.files(refused) | {encapsulations.FILE: kem.render()}


def committed(folder: Path) -> dict[str, str]:
    """The files that are there."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*.json"))
    }


def differences(folder: Path) -> list[str]:
    """Names of files that are missing, stale, or made by nothing."""
    there = committed(folder)
    made = render(there.get(encapsulations.FILE))
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def write(folder: Path) -> None:
    """Write all files, and remove those that are no longer made."""
    there = committed(folder)
    made = render(there.get(encapsulations.FILE))
    for name, content in made.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    for name in there.keys() - made.keys():
        (folder / name).unlink()


def main() -> int:
    if "--check" not in sys.argv[1:]:
        write(FOLDER)
        return 0
    stale = differences(FOLDER)
    sys.stdout.writelines(
        f"spec/vectors/{name}: stale, run python -m spec.vectors.generate\n" for name in stale
    )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
