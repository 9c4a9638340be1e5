"""Where frames of a client begin and end, however their stream is cut (RLY-84, RLY-180)."""

from __future__ import annotations

import random

import pytest
from e2ee_relay.frame_heads import FrameHeads
from raw_websocket import BINARY, PING, frame

SIZES_B = (0, 1, 125, 126, 127, 300, 65_535, 65_536, 70_000)


def pieces_of(stream: bytes, chance: random.Random) -> list[bytes]:
    pieces: list[bytes] = []
    place = 0
    while place < len(stream):
        size_b = chance.choice((1, 2, 3, 9, 100, 5_000, 100_000))
        pieces.append(stream[place : place + size_b])
        place += size_b
    return pieces


@pytest.mark.parametrize("seed", range(8))
def test_what_has_begun_and_what_is_missing_are_told_at_every_cut(seed: int) -> None:
    """RLY-180: exactly the bytes of the frame that is not over."""
    chance = random.Random(seed)
    frames = [frame(BINARY, bytes(chance.choice(SIZES_B))) for _ in range(30)]
    ends = [0]
    for one in frames:
        ends.append(ends[-1] + len(one))
    heads, place = FrameHeads(), 0
    for piece in pieces_of(b"".join(frames), chance):
        assert heads.follow(piece) == len(piece)
        place += len(piece)
        begin, end = max(one for one in ends if one <= place), min(one for one in ends if one >= place)
        assert heads.begun_b == place - begin
        assert heads.left_b in (0, end - place)
        if place - begin >= 10:
            assert heads.left_b == end - place


@pytest.mark.parametrize(("size_b", "length_b"), [(0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65_535, 8)])
@pytest.mark.parametrize("cut", range(11))
def test_a_length_in_more_bytes_than_it_needs_is_found(size_b: int, length_b: int, cut: int) -> None:
    """RLY-84: wherever its head is cut, behind frames that are sound; nothing of it counts."""
    sound = frame(PING, b"x") + frame(BINARY, bytes(200)) + frame(BINARY, bytes(65_536))
    stream = sound + frame(BINARY, bytes(size_b), length_b=length_b)
    heads, first = FrameHeads(), stream[: len(sound) + cut]
    taken_b = heads.follow(first)
    if taken_b == len(first):
        taken_b += heads.follow(stream[len(first) :])
    assert taken_b == len(sound) + (cut if cut < 2 + length_b else 0)
    assert heads.begun_b == 0


@pytest.mark.parametrize("size_b", [125, 126, 65_535, 65_536])
def test_the_least_length_is_taken(size_b: int) -> None:
    """RLY-84: at both ends of each form."""
    stream = frame(BINARY, bytes(size_b))
    heads = FrameHeads()
    great_b = len(stream) if size_b == 65_536 else 0
    assert (heads.great_b(stream), heads.follow(stream), heads.begun_b) == (great_b, len(stream), 0)
