"""Every call with which a relay changes its files or answers a client, as strace saw it, in order.

The log has all strings and paths in hex (`-xx -y`), so that a line is read without guessing. A call of one
thread may begin and end around another's: `Step.is_end` tells the two apart.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WRITES: Final = frozenset({"pwrite64", "write"})
SYNCS: Final = frozenset({"fsync", "fdatasync"})
SENDS: Final = frozenset({"sendto", "sendmsg"})
UNLINKS: Final = frozenset({"unlink", "unlinkat"})
_OTHERS: Final = (
    "openat", "mkdir", "mkdirat", "ftruncate", "truncate", "rename", "renameat", "renameat2", "writev",
    "pwritev", "pwritev2", "fallocate", "copy_file_range", "sendfile",
)  # fmt: skip
_LINE: Final = re.compile(r"^(\d+) +(\d+\.\d+) (?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$")
_UNFINISHED: Final = " <unfinished ...>"
_RESULT: Final = re.compile(r"\) += (-?\d+)")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_PLACE: Final = re.compile(r"^(-?\w+)<((?:\\x[0-9a-f]{2})*)>")
_NUMBERS: Final = re.compile(r", (\d+)(?=[,)])")
_ENDED: Final = re.compile(rb"\+\+\+ (?:exited with|killed by)")
_END_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded. `place` is the file or socket of its handle, or the path that it names."""

    name: str
    place: str
    texts: tuple[bytes, ...]
    numbers: tuple[int, ...]
    flags: str
    result: int


@dataclass(frozen=True, slots=True)
class Step:
    """A call begins or ends, `at` seconds of the system's clock."""

    at: float
    call: Call
    is_end: bool


def command(log: Path) -> tuple[str, ...]:
    """What goes in front of a program's words; the program keeps its process number (`-D`)."""
    traced = ",".join(sorted({*WRITES, *SYNCS, *SENDS, *UNLINKS, *_OTHERS}))
    return (
        "strace", "-D", "-f", "--seccomp-bpf", "-q", "-ttt", "-y", "-xx", "-s", "4000000",
        "-o", str(log), "-e", f"trace={traced}",
    )  # fmt: skip


def wait_until_written(log: Path, pid: int) -> None:
    """Wait for the last line of a program that has ended.

    Raises:
        TimeoutError: strace does not write it.
    """
    deadline = time.monotonic() + _END_S
    while time.monotonic() < deadline:
        lines = log.read_bytes()[-4096:].splitlines() if log.exists() else []
        if any(line.startswith(b"%d " % pid) and _ENDED.search(line) for line in lines):
            return
        time.sleep(0.05)
    raise TimeoutError("strace has not ended with its program")


def read(log: Path) -> Iterator[Step]:
    """The beginnings and ends of the calls, in the order in which they were seen."""
    begun: dict[str, tuple[int, float, str, str]] = {}
    steps: list[tuple[int, Step]] = []
    with log.open("r", encoding="ascii") as lines:
        for number, line in enumerate(lines):
            match = _LINE.match(line.rstrip("\n"))
            if match is None:
                continue
            thread, at, resumed, name, rest = match[1], float(match[2]), match[3], match[4], match[5]
            if rest.endswith(_UNFINISHED):
                begun[thread] = number, at, name, rest.removesuffix(_UNFINISHED)
                continue
            first, began_at, before = number, at, ""
            if resumed:
                first, began_at, name, before = begun.pop(thread)
            call = _call(name, before + rest)
            if call is not None:
                steps.append((first, Step(began_at, call, False)))
                steps.append((number, Step(at, call, True)))
    # Killed while it went on: it may have done its work.
    for number, at, name, rest in begun.values():
        call = _call(name, f"{rest}) = {1 << 62}")
        if call is not None:
            steps.append((number, Step(at, call, False)))
    steps.sort(key=lambda one: one[0])
    return (step for _, step in steps)


def _call(name: str, rest: str) -> Call | None:
    found = list(_RESULT.finditer(rest))
    if not found or int(found[-1][1]) < 0:
        return None
    texts = tuple(_octets(text) for text in _TEXT.findall(rest))
    place = _PLACE.match(rest)
    path = _octets(place[2]) if place and place[1] != "AT_FDCWD" else texts[0] if texts else b""
    # Numbers of a call stand behind its text, outside quotation marks.
    numbers = tuple(int(one) for one in _NUMBERS.findall(rest[: found[-1].start() + 1]))
    return Call(name, path.decode(), texts, numbers, rest if name == "openat" else "", int(found[-1][1]))


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
