"""Many messages one way: what a company's answer in several parts costs."""

from __future__ import annotations

import os

import pytest

from bench import floors, scenes
from bench.paired import PROCESSOR_TIME, Row
from e2ee import session
from e2ee.constants import MAX_CONTENT_B
from e2ee.primitives import kem
from e2ee.wire.envelope import decode

pytestmark = PROCESSOR_TIME

_GERMAN = "Grüße aus Köln, die Bücher sind für Sie zurückgelegt. "
TEXTS = {
    "32 B": "x" * 32,
    "1 KiB": "x" * 1024,
    "1 KiB German": (_GERMAN * 20)[:980],
    "64 KiB": "x" * (MAX_CONTENT_B - scenes.content_frame_b()),
}
COUNT = {"64 KiB": 20}
TARGET = {"1 KiB": 2.2}


@pytest.mark.parametrize("size", TEXTS)
def test_encrypt(row: Row, size: str) -> None:
    pair = scenes.talking()
    texts = [scenes.text(TEXTS[size]) for _ in range(row.size(COUNT.get(size, 100), 3))]
    work = scenes.trace(pair.b, scenes.seal_all(pair.a, texts))

    def ours() -> None:
        state = pair.a
        for content in texts:
            state, _ = session.seal(state, content, scenes.NOW_MS, os.urandom, kem.encapsulate)

    row(ours, floors.seal(work), len(texts), target=TARGET.get(size))


@pytest.mark.parametrize("size", TEXTS)
def test_decrypt(row: Row, size: str) -> None:
    pair = scenes.talking()
    texts = [scenes.text(TEXTS[size]) for _ in range(row.size(COUNT.get(size, 100), 3))]
    sealed = scenes.seal_all(pair.a, texts)
    work = scenes.trace(pair.b, sealed)

    def ours() -> None:
        state = pair.b
        for envelope in sealed:
            state = session.open_(state, decode(envelope), scenes.NOW_MS).session

    row(ours, floors.open_(work), len(texts), target=TARGET.get(size))
