"""1000 messages in reverse order: the first to be opened leaves 999 keys behind, which then go one by one."""

from __future__ import annotations

from bench import floors, scenes
from bench.paired import PROCESSOR_TIME, Row
from e2ee import session
from e2ee.wire.envelope import decode

pytestmark = PROCESSOR_TIME


def test_open_in_reverse(row: Row) -> None:
    pair = scenes.talking()
    texts = [scenes.text("x" * 1024) for _ in range(row.size(1000, 20))]
    sealed = scenes.seal_all(pair.a, texts)
    work = scenes.trace(pair.b, sealed)
    backwards = sealed[::-1]

    def ours() -> None:
        state = pair.b
        for envelope in backwards:
            state = session.open_(state, decode(envelope), scenes.NOW_MS).session
        assert not len(state.ratchet.skipped)

    row(ours, floors.open_(work[::-1]), len(texts), rounds=20)
