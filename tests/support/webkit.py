"""WebKitGTK, for want of Safari: Debian's WebKitWebDriver on a screen in memory, by the WebDriver protocol.

Scripts find elements, through the shadow trees that selectors do not enter.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from held_port import HeldPort

DRIVER: Final = "/usr/bin/WebKitWebDriver"
SCREEN: Final = "/usr/bin/Xvfb"
WAIT_S: Final = 60.0
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
_ARGUMENTS: Final = "const done = arguments[arguments.length - 1], [selector, text] = arguments;"
# The last element that is seen and has this text or name, in all shadow trees, as soon as there is one.
_FIND: Final = (
    _ARGUMENTS
    + """
const within = (one) => (one.shadowRoot ? all(one.shadowRoot) : []);
const all = (root) => [...root.querySelectorAll("*")].flatMap((one) => [one, ...within(one)]);
const name = (one) => one.getAttribute("aria-label") ?? one.textContent;
const isSeen = (one) => one.type === "file" || one.checkVisibility();
const isWanted = (one) => one.matches(selector) && isSeen(one) && name(one).includes(text);
const look = () => {
  const found = all(document).filter(isWanted).at(-1);
  if (found) done(found); else setTimeout(look, 10);
};
look();"""
)


def missing() -> str | None:
    """Say why WebKitGTK cannot be driven; None where it can."""
    absent = [path for path in (DRIVER, SCREEN) if not os.access(path, os.X_OK)]
    return f"WebKitGTK is not there: {', '.join(absent)} (Debian: webkit2gtk-driver xvfb)" if absent else None


class WebKit:
    """One session: a window, in which all acts are of the frame that was entered last."""

    def __init__(self, http: httpx.AsyncClient, session: str) -> None:
        self._http = http
        self._session = session

    async def _ask(self, path: str, **details: object) -> Any:
        return await ask(self._http, "POST", f"/session/{self._session}/{path}", details)

    async def open(self, url: str) -> None:
        """Go to an address; done when its page has loaded."""
        await self._ask("url", url=url)

    async def reload(self) -> None:
        """Load the page anew."""
        await self._ask("refresh")

    async def run(self, script: str, *arguments: object) -> Any:
        """Run the body of a function, and return what it returns."""
        return await self._ask("execute/sync", script=script, args=arguments)

    async def find(self, selector: str, text: str = "") -> str:
        """Wait for an element that is seen and has a text, or a name that has it."""
        found = await self._ask("execute/async", script=_FIND, args=(selector, text))
        return str(found[_ELEMENT])

    async def enter(self, selector: str) -> None:
        """Go on in a frame."""
        await self._ask("frame", id={_ELEMENT: await self.find(selector)})

    async def click(self, selector: str, text: str = "") -> None:
        """Click as a person does: at the middle of what is seen."""
        await self._ask(f"element/{await self.find(selector, text)}/click")

    async def press(self, keys: str) -> None:
        """Press keys, which go to whatever has the focus."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        await self._ask("actions", actions=[{"type": "key", "id": "keys", "actions": strokes}])

    async def choose(self, selector: str, file: Path) -> None:
        """Choose a file."""
        await self._ask(f"element/{await self.find(selector)}/value", text=str(file))


async def ask(http: httpx.AsyncClient, method: str, path: str, details: object = None) -> Any:
    """Ask a driver. Raises AssertionError with what it refuses."""
    answer = await http.request(method, path, json=details)
    value = answer.json()["value"]
    assert answer.is_success, value
    return value


@contextmanager
def _screen() -> Iterator[str]:
    """A screen in memory, and its name."""
    read, write = os.pipe()
    command = (SCREEN, "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp")
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as process:
        os.close(write)
        try:
            with os.fdopen(read) as number:
                yield f":{number.readline().strip()}"
        finally:
            process.terminate()


@contextmanager
def _driver(port: int, folder: Path) -> Iterator[None]:
    """The driver, whose browser shows itself on a screen of its own."""
    command = (DRIVER, f"--port={port}", "--host=127.0.0.1")
    with _screen() as screen, (folder / "webkit.log").open("wb") as log:
        here = {"DISPLAY": screen, "GDK_BACKEND": "x11", "HOME": str(folder), "NO_AT_BRIDGE": "1"}
        with subprocess.Popen(command, env={**os.environ, **here}, stderr=log) as process:
            try:
                yield
            finally:
                process.terminate()


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[WebKit]:
    """A browser with a fresh profile, which keeps what it keeps in a folder."""
    port = HeldPort()
    with _driver(port.number, folder):
        base = f"http://127.0.0.1:{port.number}"
        http = httpx.AsyncClient(base_url=base, timeout=WAIT_S, trust_env=False)
        async with http, _session(http) as session:
            yield WebKit(http, session)


@asynccontextmanager
async def _session(http: httpx.AsyncClient) -> AsyncIterator[str]:
    """A session of a driver that has just begun to listen."""
    async with asyncio.timeout(WAIT_S):
        while not await _listens(http):  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)
    wanted = {"timeouts": {"script": int(WAIT_S * 1_000)}}
    begun = await ask(http, "POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
    try:
        yield str(begun["sessionId"])
    finally:
        await ask(http, "DELETE", f"/session/{begun['sessionId']}")


async def _listens(http: httpx.AsyncClient) -> bool:
    try:
        return bool((await ask(http, "GET", "/status"))["ready"])
    except httpx.ConnectError:
        return False
