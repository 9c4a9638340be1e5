"""How many functions a text passes on its way out and in: those on the stack where it is sealed or opened,
where its rows are committed, and where its bytes meet the connection.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
from conversations import until
from e2ee_client.events import MessageState
from e2ee_client.testing import MemoryNetwork

MOST = 25
SEALED, OPENED = ("e2ee/session.py", "seal"), ("e2ee/session.py", "open_")
COMMITTED = ("e2ee_client/store/store.py", "Store.commit")
SENT = ("e2ee_client/testing/network.py", "_FaultyConnection.send")
TOLD = ("e2ee_client/runtime/event_stream.py", "EventLog.put")
ASKED = ("e2ee_client/runtime/inbox.py", "Inbox.put")
ENVELOPE_LEAVES = ("e2ee_client/engine/turn.py", "Turn.transmit")
EVENT_LEAVES = ("e2ee_client/engine/turn.py", "Turn.notify")
ARRIVED = ("e2ee_client/runtime/inbox.py", "Inbox.put_data")


class Path:
    """Collects the functions of `e2ee_client` that stand on the stack where one of the stops is called.

    Both clients run in one process: a stack with the function `other` belongs to what the other one does
    meanwhile.
    """

    def __init__(self, other: str, *stops: tuple[str, str]) -> None:
        self._other = other
        self._stops = stops
        self.is_on = False
        self.functions: set[str] = set()
        self.met: set[str] = set()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or not self.is_on:
            return
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        for ending, stop in self._stops:
            if name == stop.rpartition(".")[2] and file.endswith(ending):
                self._note(stop, frame.f_back)

    def _note(self, stop: str, frame: FrameType | None) -> None:
        found: set[str] = set()
        while frame is not None:
            file, name = frame.f_code.co_filename, frame.f_code.co_qualname
            if "/e2ee_client/" in file and "/testing/" not in file:
                found.add(f"{file.rpartition('/e2ee_client/')[2]} {name}")
            frame = frame.f_back
        if not any(one.endswith(self._other) for one in found):
            self.met.add(stop)
            self.functions |= found


@contextmanager
def profiled(path: Path) -> Iterator[None]:
    """Let threads that begin from now on, and this one, report their calls."""
    threading.setprofile(path)
    sys.setprofile(path)
    try:
        yield
    finally:
        threading.setprofile(None)
        sys.setprofile(None)


async def _path(out: Path, back: Path) -> None:
    network = MemoryNetwork()
    async with network.client(name="Praxis", publish=True) as company, network.client() as customer:
        praxis = await customer.add_contact(company.card())
        await company.wait_settled(60)
        await (await praxis.send("first")).wait_for(MessageState.SENT, 60)
        await until(lambda: bool(company.contacts()))
        await company.contacts()[0].accept()
        await (await praxis.send("second")).wait_for(MessageState.DELIVERED, 60)
        events = company.events()
        out.is_on = back.is_on = True
        message = await praxis.send("third")
        while getattr(await events.next(60), "text", None) != "third":
            pass
        out.is_on = back.is_on = False
        await message.wait_for(MessageState.DELIVERED, 60)


@pytest.mark.reference
def test_a_text_passes_few_functions_on_its_way_out_and_in() -> None:
    """From `Contact.send` to the connection, and from there to the event; what is compiled is on no stack."""
    out = Path("Shell._heard", ASKED, SEALED, ENVELOPE_LEAVES, COMMITTED, SENT)
    back = Path("Delivery._answered", ARRIVED, OPENED, EVENT_LEAVES, COMMITTED, TOLD)

    class Both:
        def __call__(self, frame: FrameType, event: str, argument: object) -> None:
            out(frame, event, argument)
            back(frame, event, argument)

    with profiled(Both()):  # type: ignore[arg-type]  # it is called like one
        asyncio.run(_path(out, back))
    assert len(out.met) == len(back.met) == 5
    assert len(out.functions) <= MOST, sorted(out.functions)
    assert len(back.functions) <= MOST, sorted(back.functions)
