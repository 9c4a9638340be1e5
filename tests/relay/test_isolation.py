"""The relay runs without anything that could decrypt (RLY-80)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BLOCKING = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"cryptography", "e2ee", "e2ee_client"}:
            raise ImportError("blocked: " + name)
        return None

sys.meta_path.insert(0, Blocked())
import asyncio, os, pkgutil, importlib
import e2ee_relay
for module in pkgutil.walk_packages(e2ee_relay.__path__, "e2ee_relay."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
try:
    import cryptography
except ImportError:
    print("cryptography is blocked")
from e2ee_relay.memory import MemoryRelay
from relay_actors import Owner, Peer
from e2ee_relay.protocol import Message

async def converse():
    relay = MemoryRelay(lambda: 1_900_000_000_000, os.urandom)
    peer = await Peer(relay.connect()).greet()
    owner = Owner()
    await owner.set_up(peer)
    await owner.subscribe(peer)
    await peer.send(owner.item(b"sealed"))
    print((await peer.push(Message)).body.decode())
    relay.close()

asyncio.run(converse())
print(sorted({name.split(".")[0] for name in sys.modules} & {"cryptography", "e2ee", "e2ee_client"}))
"""

ONLY_STANDARD = """
import sys
before = set(sys.modules)
import e2ee_relay.protocol
new = set(sys.modules) - before
print(sorted(name for name in new if name.startswith(("e2ee_relay", "nacl", "websockets"))))
"""


def run(code: str, root: Path) -> list[str]:
    path = f"{root / 'server'}:{root / 'tests' / 'support'}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_whole_relay_runs_without_cryptography(repo_root: Path) -> None:
    """RLY-80: every module imports, and a message goes through, with the core and cryptography blocked."""
    assert run(BLOCKING, repo_root) == ["cryptography is blocked", "sealed", "[]"]


def test_the_frames_need_nothing_of_the_relay(repo_root: Path) -> None:
    """RLY-80: the module that clients import brings nothing else of the package."""
    modules = ["", ".cbor", ".frames", ".proofs", ".protocol", ".shapes"]
    assert run(ONLY_STANDARD, repo_root) == [str([f"e2ee_relay{one}" for one in modules])]
