"""The client without I/O: events in, effects out (see `engine.engine` for how it works)."""

from __future__ import annotations

from .devices import DeviceView
from .effects import Channel, Close, Commit, Effect, Notify, Open, Transmit, Work
from .engine import ContactView, Engine
from .ports import Ports, Recovery, RowReader, Setup

__all__ = [
    "Channel",
    "Close",
    "Commit",
    "ContactView",
    "DeviceView",
    "Effect",
    "Engine",
    "Notify",
    "Open",
    "Ports",
    "Recovery",
    "RowReader",
    "Setup",
    "Transmit",
    "Work",
]
