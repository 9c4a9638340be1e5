"""What each performance needs: a relay behind a proxy, processes, a capture, and what to look for."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from e2ee_relay.protocol import SendItem

from .capture import Capture
from .encodings import Pattern, patterns_of_key, patterns_of_text, unmasked
from .processes import Person, ProcessFailed, Relay
from .proxy import Proxy
from .scan import Hit, ScanRefused, search_memory, search_streams
from .screen import Screen

_ARRIVES_S: Final = 240.0
_QUIET_S: Final = 3.0
_KNOWN_B: Final = 64
# A message passes the proxy: the client's way to it, its way to the relay.
_LEGS: Final = 2


class Stage:
    """One performance: `texts`, `names` and `keys` are what no relay may know."""

    def __init__(
        self, screen: Screen, folder: Path, names: dict[str, str], *, leaky: bool, capture: bool
    ) -> None:
        self.screen = screen
        self.relay = Relay(folder / "relay", leaky=leaky)
        self.proxy = Proxy(lambda: self.relay.url, self._seen)
        self.people: dict[str, Person] = {}
        self.url = ""
        self.changed = asyncio.Event()
        self.texts: list[str] = []
        self.keys: dict[str, bytes] = {}
        self.names = names
        self.early_hits: list[Hit] = []
        self.last_item: SendItem | None = None
        self._captures = capture
        self._capture_file = folder / "loopback.pcapng"
        self._capture: Capture | None = None

    async def begin(self, people: Iterable[Person]) -> None:
        """Start the relay, the capture and the processes."""
        await self.relay.start()
        self.url = await self.proxy.start()
        if self._captures:
            self._capture = Capture(self._capture_file, [self.proxy.port, self.relay.port])
            await self._capture.start()
        self.people = {one.name: one for one in people}
        await asyncio.gather(*(one.start() for one in self.people.values()))

    async def stop(self) -> None:
        """End everything."""
        if self._capture is not None:
            await self._capture.stop()
        await asyncio.gather(*(one.stop() for one in self.people.values()))
        await self.proxy.stop()
        await self.relay.stop()

    # --- the relay ---

    async def kill_relay(self) -> None:
        """Search the memory of the relay, and end it as a crash would."""
        self.early_hits.extend(search_memory(self.relay.pid, self.patterns(), self.mailbox()))
        await self.relay.kill()
        self.screen.say("the relay process is killed (SIGKILL), its memory was searched just before")

    async def restart_relay(self) -> None:
        """Start it again."""
        await self.relay.start()
        self.screen.say("the relay is started again on the same files")

    def relay_runs(self) -> bool:
        """Whether the relay process is up."""
        try:
            return self.relay.pid > 0
        except ProcessFailed:
            return False

    async def tell_relay(self, *texts: str) -> None:
        """Hand texts to the leaking relay; an honest one has no such door."""
        for text in texts if self.relay_runs() else ():
            await self.relay.tell(text)

    def held(self) -> dict[str, int]:
        """Count what the relay's database holds, by table."""
        path = next(self.relay.database.glob("*.db"))
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            count = "SELECT count(*) FROM "
            return {name: db.execute(count + f'"{name}"').fetchone()[0] for name in sorted(tables)}

    def _seen(self, item: SendItem) -> None:
        """An envelope on its way to the relay, decoded as far as the relay can."""
        self.last_item = item
        is_first = item.body[1] == 2
        start = 2 + 2108 if is_first else 2
        self.show_envelope(item, item.body[start : start + 8].hex()[:8], is_first=is_first)

    def show_envelope(self, item: SendItem, tag: str, *, is_first: bool) -> None:
        """Show what the relay can tell of an envelope."""
        kind = "first flight" if is_first else "message"
        self.screen.row(
            relay=f"{kind}, {len(item.body)} B, mailbox {item.mailbox.hex()[:6]}…, "
            f"chain tag {tag}…, the rest sealed"
        )

    # --- waiting ---

    async def until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait for something that events bring about.

        Raises:
            ProcessFailed: not in time.
        """
        end = asyncio.get_running_loop().time() + _ARRIVES_S
        while not reached():
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                raise ProcessFailed(f"{what} within {_ARRIVES_S:.0f} s")
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), min(left, _QUIET_S))
            except TimeoutError:
                continue

    # --- what to look for, and on the wire ---

    async def keep_keys(self, person: Person) -> None:
        """Close a client and learn which keys to look for; one that two of them hold is looked for once."""
        await person.ask("close")
        found = {"store key": person.key.hex(), **(await person.ask("secrets"))["secrets"]}
        known = {value[:16] for name, value in self.keys.items() if not name.startswith(f"{person.name}'s ")}
        for name, value in found.items():
            key = bytes.fromhex(value)
            if key[:16] not in known:
                self.keys[f"{person.name}'s {name}"] = key

    async def search_wire(self, patterns: list[Pattern]) -> list[Hit]:
        """End the capture and search what was on the wire; nothing if there was no capture.

        Raises:
            ScanRefused: the capture does not hold what must be in it.
        """
        capture, self._capture = self._capture, None
        if capture is None:
            return []
        streams = await capture.stop()
        known = self._known()
        legs = [name for name, content in streams if unmasked(known) in unmasked(content)]
        if len(legs) < _LEGS:
            raise ScanRefused("the capture does not hold the last message on both of its ways")
        self.screen.say(
            f"the capture holds {len(streams)} streams, {sum(len(one) for _, one in streams)} bytes"
        )
        return search_streams(streams, patterns)

    def _known(self) -> bytes:
        """Return bytes that must be on the wire: the last envelope's end. It shows that the search sees."""
        return b"" if self.last_item is None else self.last_item.body[-_KNOWN_B:]

    def mailbox(self) -> bytes:
        """Return bytes that must be in the relay's memory: a mailbox. It shows that the search sees."""
        return b"" if self.last_item is None else self.last_item.mailbox

    def patterns(self) -> list[Pattern]:
        """Everything to look for so far."""
        found: list[Pattern] = []
        for number, text in enumerate(self.texts, 1):
            found.extend(patterns_of_text(f"sentence {number}", text))
        for what, name in self.names.items():
            found.extend(patterns_of_text(what, name))
        for name, key in self.keys.items():
            found.extend(patterns_of_key(name, key))
        return found
