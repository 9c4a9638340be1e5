"""What a clerk is told who gives a room away."""

from __future__ import annotations

from argparse import Namespace
from typing import Any, cast

import pytest
from e2ee_client import EventIterator
from e2ee_client.cli import arguments
from e2ee_client.cli.handing_over import until_passed_on
from e2ee_client.cli.session import Session
from e2ee_client.cli.terminal import Terminal
from e2ee_client.cli.texts import Texts
from e2ee_client.rooms import Room

NOBODY = cast("EventIterator", None)
"""Nothing is waited for."""


class _Left:
    """A room that this device is not in."""

    members: tuple[Any, ...] = ()


@pytest.mark.parametrize(("language", "words"), [("de", "wird nicht übergeben"), ("en", "is handed over")])
async def test_an_agent_that_hands_nothing_over_is_told_so(
    language: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """ROOM-33, ROOM-56: as to a team; a desk hands over by itself."""
    session = Session(Namespace(timeout=1.0), Texts(language), Terminal(), arguments.parse)
    room = cast("Room", _Left())
    await until_passed_on(session, NOBODY, room, is_agent=False)
    assert capsys.readouterr().err == ""
    await until_passed_on(session, NOBODY, room, is_agent=True)
    said = capsys.readouterr().err
    assert words in said
    assert "sealroom room note" in said
