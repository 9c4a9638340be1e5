"""The table of transitions in chapter 09, drawn from the code: what each event does in each state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import kem_states
from kem_states import CIPHERTEXT_BLOCKS, KEY_BLOCKS, OTHER_CIPHERTEXT_BLOCKS, OTHER_KEY_BLOCKS, SESSION
from parties import ScriptedRng

from e2ee.errors import E2eeError
from e2ee.primitives import kem
from e2ee.ratchet import kem_ratchet
from e2ee.ratchet.kem_ratchet import CiphertextDue, KemState, KeyDue

CHAPTER = Path("spec") / "09-pq.md"
BEGIN = "<!-- transitions:begin (make spec) -->\n"
END = "<!-- transitions:end -->"
_COLUMNS = (
    "In",
    "a message is sent",
    "own sending step",
    "their chain, epoch + 1",
    "piece of the key",
    "all of them",
    "piece of another key",
    "piece of the ciphertext",
    "all of them",
    "piece of one for another key",
)


def message(state: KemState) -> KemState:
    """Seal a message of kind 1."""
    if isinstance(state, KeyDue | CiphertextDue):
        state = kem_ratchet.make(state, SESSION, 0, kem_states.NOW, ScriptedRng("x"), kem.encapsulate)
    return kem_ratchet.next_block(state)[0]


def own_step(state: KemState) -> KemState:
    """Take a sending step."""
    mixing = kem_ratchet.after_own_step(state)
    return state if mixing is None else mixing[0]


def their_step(state: KemState) -> KemState:
    """Meet a new chain with the epoch under way."""
    return kem_ratchet.after_their_step(state)[0]


def piece(*blocks: bytes) -> Callable[[KemState], KemState]:
    """Receive blocks one after the other."""
    return lambda state: kem_states.take(state, *blocks)


EVENTS: tuple[Callable[[KemState], KemState], ...] = (
    message,
    own_step,
    their_step,
    piece(KEY_BLOCKS[0]),
    piece(*KEY_BLOCKS),
    piece(OTHER_KEY_BLOCKS[1]),
    piece(CIPHERTEXT_BLOCKS[0]),
    piece(*CIPHERTEXT_BLOCKS),
    piece(OTHER_CIPHERTEXT_BLOCKS[0]),
)


def outcome(state: KemState, event: Callable[[KemState], KemState]) -> str:
    """The name of another state, "stays", "changes" within the state, or the code of a refusal."""
    try:
        after = event(state)
    except E2eeError as error:
        return f"*{error.code.removeprefix('remote.')}*"
    if type(after) is not type(state):
        return f"**{type(after).__name__}**"
    return "stays" if after == state else "changes"


def table() -> str:
    """The table."""
    lines = ["| " + " | ".join(_COLUMNS) + " |\n", "|" + " --- |" * (len(EVENTS) + 1) + "\n"]
    for name, state in kem_states.STATES.items():
        begun = name.partition(", ")[2]
        title = f"`{type(state).__name__}`" + (f", {begun}" if begun else "")
        lines.append("| " + " | ".join([title, *(outcome(state, event) for event in EVENTS)]) + " |\n")
    return "".join(lines)


def rendered(chapter: str) -> str:
    """The chapter with the table as the code says it."""
    before, _, rest = chapter.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def problems(root: Path) -> list[str]:
    """Whether the table is stale."""
    text = (root / CHAPTER).read_text("utf-8")
    return (
        []
        if rendered(text) == text
        else [f"{CHAPTER.as_posix()}: the table of transitions is stale: make spec"]
    )


def write(root: Path) -> None:
    """Draw the table anew."""
    path = root / CHAPTER
    path.write_text(rendered(path.read_text("utf-8")), "utf-8")
