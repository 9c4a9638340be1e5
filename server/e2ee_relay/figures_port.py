"""The port for figures (RLY-167): plain HTTP, of which no request becomes a WebSocket."""

from __future__ import annotations

from websockets.http11 import Request, Response

from .frames import Frame
from .listener import Admission
from .pages import Pages
from .service import Service
from .websocket import Connection


class FiguresOnly(Service):
    """Answers each connection with a page."""

    def __init__(self, pages: Pages, admission: Admission) -> None:
        self._pages = pages
        self._admission = admission

    def answer(self, connection: Connection, request: Request) -> Response:
        """Answer every request with a page."""
        return self._pages.for_operators(request.path.split("?", 1)[0])

    def opened(self, connection: Connection) -> None:
        """No request becomes a WebSocket."""

    def received(self, connection: Connection, frame: Frame) -> None:
        """Nor has frames."""

    def ended(self, connection: Connection, *, refused: bool) -> None:
        """Nor an end of its own."""

    def lost(self, connection: Connection) -> None:
        """Give back the place."""
        self._admission.left(connection)
