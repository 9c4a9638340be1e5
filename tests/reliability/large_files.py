"""A file of 64 MiB each way, in constant memory, over a relay that is killed twice in each direction.

    python tests/reliability/large_files.py

Desk and customer share a process, so that what it needs at most beyond what it had is that of both sides
together; the control holds the file in memory, and is caught. Then the relay is killed (SIGKILL) at 30 and at
60 percent of the way out and of the way in: the file is whole, and each kill costs at most the parts that
were on their way. Writes `reports/large-files.json`; exits 1 if anything must not be. Needs Linux.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("tests/support", "", "client", "server")]

from e2ee_client.runtime.transfer import IN_FLIGHT, parts_of  # noqa: E402  # found on the path above
from file_kill_scene import KILLED_AT, large_file, saved_over_kills, scene_of, sent_over_kills, the_file  # noqa: E402
from kept_result import keep, result  # noqa: E402
from peak_memory import PeakMemory  # noqa: E402

from e2ee.files import sealed_size  # noqa: E402

SIZE_B: Final = 64 << 20
WARM_B: Final = 1 << 20
MOST_B: Final = 40 << 20
LIMITS: Final = (
    "Both sides and their stores in one process, the relay in another one on the same machine; sockets"
    " instead of a network. Memory is the resident set of the process; the system's cache is not in it."
)


async def memory(folder: Path) -> dict[str, int]:
    """What a file needs out and in, beyond what a small one has left."""
    small, large = folder / "small", folder / "large"
    small.mkdir()
    large.mkdir()
    first, path = large_file(small, WARM_B), large_file(large, SIZE_B)
    out, back, control = PeakMemory(), PeakMemory(), PeakMemory()
    async with scene_of(folder) as scene:
        ours, theirs = scene.desk.rooms()[0], scene.customer.rooms()[0]
        await (await the_file(theirs, (await ours.send_file(first)).hash)).save(small)
        out.begin()
        sent = await ours.send_file(path)
        out.end()
        got = await the_file(theirs, sent.hash)
        back.begin()
        saved = await got.save(large)
        back.end()
    if saved.stat().st_size != path.stat().st_size:
        raise RuntimeError("not the file that was sent")
    control.begin()
    len(path.read_bytes())
    control.end()
    return {"sent": out.extra_b, "saved": back.extra_b, "control, a copy in memory": control.extra_b}


async def kills(folder: Path) -> dict[str, Any]:
    """What two kills on each way cost."""
    async with scene_of(folder) as scene:
        path = large_file(folder, SIZE_B)
        sent = await sent_over_kills(scene, path)
        saved = await saved_over_kills(scene, folder)
        is_whole = saved.read_bytes() == path.read_bytes()
    return {"parts sent again": sent - parts_of(sealed_size(path.stat().st_size)), "whole": is_whole}


async def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="large-files-") as name:
        folders = [Path(name) / one for one in ("memory", "kills")]
        for one in folders:
            one.mkdir()
        extra_b, cost = await memory(folders[0]), await kills(folders[1])
    *ours, control_b = extra_b.values()
    again: int = cost["parts sent again"]
    good = max(ours) <= MOST_B < control_b and cost["whole"] and again <= len(KILLED_AT) * IN_FLIGHT
    figures = {
        "size_b": SIZE_B,
        "extra memory of both sides, bytes": extra_b,
        "load": [round(one, 1) for one in os.getloadavg()],
        "kills": {"each way": len(KILLED_AT), **cost},
    }
    keep(result("large-files", arguments, "pass" if good else "fail", figures, LIMITS))
    print(f"{extra_b}; {cost}: {'pass' if good else 'fail'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
