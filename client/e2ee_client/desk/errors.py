"""Errors of the desk's page."""

from __future__ import annotations

from typing import ClassVar

from e2ee_client.errors import SealroomError


class DeskBusy(SealroomError):
    """So much is under way on this page that nothing more is begun."""

    code: ClassVar[str] = "local.desk_busy"
    retryable: ClassVar[bool] = True
    hint: ClassVar[str] = "wait until what was asked for is answered"


class InputRefused(SealroomError):
    """A text or number of the page is beyond its bounds."""

    code: ClassVar[str] = "local.desk_input"
    hint: ClassVar[str] = "shorten it, and leave out tabs, line ends and other control characters"


class TooMany(SealroomError):
    """This device keeps no more canned answers, or labels."""

    code: ClassVar[str] = "local.desk_full"
    hint: ClassVar[str] = "drop some that are not used any more"
