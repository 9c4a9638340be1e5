"""ratchet.json, and the stored sessions of snapshot.json: chapters 07, 08 and 09."""

from __future__ import annotations

from typing import Any, Final

from spec.vectors import pair_vectors
from spec.vectors.document import render
from spec.vectors.epochs import shown_kem, shown_step
from spec.vectors.handshake_vectors import bundle_of, device, prekey
from spec.vectors.kem_ratchet import CIPHERTEXT_TYPE, KEY_TYPE, LENGTHS_B, PIECE_B, PIECES, KemState
from spec.vectors.ratchet import State
from spec.vectors.suite import NOW_MS, Value, cbor
from spec.vectors.transcript import EPOCH, Transcript

AWAITING: Final = "AwaitingReply"
ESTABLISHED: Final = "Established"


def transcript(played: Transcript) -> str:
    """The whole conversation."""
    return render(
        "A conversation of A (initiator) and B, step by step. A step sends a message or receives one; both"
        " state the side's ratchet before and after it. `fresh` are the 16 random bytes of the salt, whose"
        " input is fresh | header | body; `root_step` is null where no step is taken, and its `kem` is empty"
        f" where no epoch is mixed; associated data is as DR-07 and DR-08 say. {HOW_KEM_IS_SHOWN}",
        "DR-01 DR-02 DR-03 DR-04 DR-05 DR-06 DR-07 DR-08 DR-10 DR-12 DR-13 DR-14 DR-15 DR-16 DR-17 DR-19"
        " HS-04 WIRE-06 WIRE-09 WIRE-10 WIRE-11 WIRE-12 PQ-01 PQ-02 PQ-04 PQ-05 PQ-07 PQ-09",
        conversation(played),
    )


HOW_KEM_IS_SHOWN: Final = (
    "`kem_step` is what the KEM ratchet made in a step, with the draw of it: seed, or ciphertext and secret;"
    " all that follows from them is in `epochs`. `fragment` is the block in the body, empty under a prefix."
    " In a kem state keys and ciphertext messages stand by their ids, and pieces by hash and indexes."
)


def conversation(played: Transcript) -> dict[str, Any]:
    """What a file shows of a conversation: the parties, the first flight, the epochs, and every step."""
    return {
        "start_ms": NOW_MS,
        "epoch": EPOCH,
        "initiator": device(played.sides["A"].device),
        "responder": device(played.sides["B"].device),
        "bundle": bundle_of(played.offer),
        "spk": prekey(played.offer.spk),
        "opk": prekey(played.offer.opk),
        "pqk": prekey(played.offer.pqk),
        "fresh": played.flight.fresh,
        "ephemeral_private": played.flight.ephemeral_private,
        "ciphertext": played.flight.ciphertext,
        "kem_secret": played.flight.kem_secret,
        "epochs": played.epochs.render(),
        "start": {name: shown_state(state, played) for name, state in played.start.items()},
        "steps": [_shown(step, played) for step in played.steps],
    }


def shown_state(state: State, played: Transcript) -> dict[str, Any]:
    """A state for a file."""
    return {**state, "kem": shown_kem(state["kem"], played.epochs.wholes)}


def _shown(step: dict[str, Any], played: Transcript) -> dict[str, Any]:
    states = {name: shown_state(step[name], played) for name in ("before", "after")}
    return {**step, "kem_step": shown_step(step["kem_step"]), **states}


def snapshots(played: Transcript, exchange: Transcript) -> str:
    """The stored form of both sessions in each kind of state, and of the skipped keys and the pair."""
    cases = [_snapshot(played, at, "ratchet.json") for at in _chosen(played)]
    cases += [_snapshot(exchange, at, "pq.json") for at in _each_kem_state(exchange)]
    return render(
        "Stored sessions after steps of ratchet.json and pq.json (the step -1 is the start of A), as SES-14"
        " lays them out: sending is [0, ...] (Listening), [1, ...] (Sending) or [2, ...] (StepDue); receiving"
        " is null or [their key, header key, chain key, number, pq_epoch]; kem is [0] (KeyDue) to [5, ...]"
        " (Answering). A skipped key is a row: tag | number u32 names it, [format 1, header key, message key,"
        " stored_ms] is its value. A pair is shown by the names of chapter 12, and as its row.",
        "SES-14 SES-15 PQ-14",
        {"cases": cases, "pairs": _pairs(played)},
    )


def _chosen(played: Transcript) -> list[int]:
    """The start, and the first step that ends in each kind of state."""
    found: dict[tuple[object, ...], int] = {}
    for at, step in enumerate(played.steps):
        state = step["after"]
        kind = (
            step["side"],
            state["sending"]["state"],
            state["receiving"]["state"],
            min(len({row["tag"] for row in state["skipped"]}), 2),
        )
        found.setdefault(kind, at)
    return [-1, *sorted(found.values()), len(played.steps) - 1]


def _each_kem_state(played: Transcript) -> list[int]:
    """The first step that ends in each kem state that can be stored, without pieces and with the most."""
    found: dict[tuple[object, ...], int] = {}
    for at, step in enumerate(played.steps):
        kem = step["after"]["kem"]
        pieces = kem.get("pieces")
        there = 0 if pieces is None else sum(piece is not None for piece in pieces["pieces"])
        found.setdefault((kem["state"], min(there, 1), there == PIECES - 1), at)
    return sorted(found.values())


def _snapshot(played: Transcript, at: int, file: str) -> dict[str, Any]:
    name = "A" if at < 0 else played.steps[at]["side"]
    state = played.start["A"] if at < 0 else played.steps[at]["after"]
    phase, opened_ms = _phase(played, name, at)
    return {
        "file": file,
        "side": name,
        "step": at,
        "kem": state["kem"]["state"],
        "session": cbor(stored_session(played, name, state, phase, opened_ms)),
        "skipped": [stored_row(row) for row in state["skipped"]],
    }


def _phase(played: Transcript, name: str, at: int) -> tuple[Value, int]:
    """Phase, and when a message opened last."""
    ours = [step for step in played.steps[: at + 1] if step["side"] == name]
    opened = [step["now_ms"] for step in ours if step["action"] == "receive"]
    if opened:
        chains = sum(step["root_step"] is not None for step in ours if step["action"] == "receive")
        return chains > (0 if name == "A" else 1), opened[-1]
    not_after_ms = played.offer.spk.entries[7]
    return [played.flight.prefix, not_after_ms], 0


def stored_session(played: Transcript, name: str, state: State, phase: Value, opened_ms: int) -> list[Value]:
    """The array of a stored session of one side of the transcript."""
    side = played.sides[name]
    peer = side.peer
    created_ms = NOW_MS
    if name == "B":
        created_ms = next(step["now_ms"] for step in played.steps if step["side"] == "B")
    return [
        3,
        state["session_id"],
        side.device.record_hash,
        [peer.account_id, peer.device_id, peer.record_hash],
        name == "A",
        EPOCH,
        phase,
        [True, True],
        created_ms,
        opened_ms,
        state["root_key"],
        _sending(state["sending"]),
        _receiving(state["receiving"]),
        state["next_receive"]["header_key"],
        state["pq_epoch"],
        state["healed_ms"],
        stored_kem(state["kem"]),
        state["finished"],
        [state["pq_healing"]["healed_ms"], state["pq_healing"]["at"]],
    ]


def stored_kem(kem: KemState) -> list[Value]:
    """The array of a kem state (SES-14)."""
    fields = {
        "KeyDue": (),
        "Offering": ("seed", "sent", "pieces", "made"),
        "SecretHeld": ("epoch_secret", "ciphertext_id", "made"),
        "Collecting": ("pieces",),
        "CiphertextDue": ("key",),
        "Answering": ("key_id", "ciphertext_message", "epoch_secret", "sent", "pieces", "made"),
    }
    values: list[Value] = [list(fields).index(kem["state"])]
    length_b = LENGTHS_B[CIPHERTEXT_TYPE if kem["state"] == "Offering" else KEY_TYPE]
    return [*values, *(_stored_field(name, kem[name], length_b) for name in fields[kem["state"]])]


def _stored_field(name: str, value: Any, length_b: int) -> Value:
    match name, value:
        case "pieces", dict():
            return [
                value["hash"],
                [_without_fill(at, one, length_b) for at, one in enumerate(value["pieces"])],
            ]
        case "made", _:
            return [value["ms"], value["at"]]
        case _:
            plain: Value = value
            return plain


def _sending(sending: dict[str, Any]) -> list[Value]:
    names = {
        "Listening": ("private_key", "next_header_key"),
        "Sending": (
            "private_key",
            "public_key",
            "header_key",
            "chain_key",
            "number",
            "previous_length",
            "next_header_key",
        ),
        "StepDue": ("their_key", "next_header_key", "previous_length"),
    }
    numbers = {"Listening": 0, "Sending": 1, "StepDue": 2}
    kind = sending["state"]
    return [numbers[kind], *(sending[name] for name in names[kind])]


def _without_fill(index: int, piece: bytes | None, length_b: int) -> bytes | None:
    """A piece of a whole of this length as it is stored."""
    return None if piece is None else piece[: length_b - PIECE_B * index]


def _receiving(receiving: dict[str, Any]) -> Value:
    if receiving["state"] == "NoChain":
        return None
    return [receiving[name] for name in ("their_key", "header_key", "chain_key", "number", "pq_epoch")]


def stored_row(row: dict[str, Any]) -> dict[str, bytes]:
    """The row of a skipped key."""
    return {
        "place": row["tag"] + row["number"].to_bytes(4, "big"),
        "value": cbor([1, row["header_key"], row["message_key"], row["stored_ms"]]),
    }


def _pairs(played: Transcript) -> list[dict[str, Any]]:
    session_id: bytes = played.start["A"]["session_id"]
    return [{**shown, "pair": cbor([2, *shown.values()])} for shown in pair_vectors.stored(session_id)]
