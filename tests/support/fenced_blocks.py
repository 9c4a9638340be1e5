"""Runs the command blocks of a Markdown page in order, in one folder, as a reader would who follows the page.

What a block's info string says, and a comment in the line above it, `<!-- run: WORD ... -->`, on pages whose
renderer takes a language and a title only:

- `bash`, `sh`: one shell script; it must exit 0.
- `python`: one script; it must exit 0.
- `console`: lines with `$ ` are commands, and the lines below are their output; `...` stands for anything.
- `background` after the language: the script keeps running while the rest of the page is read, and is ended
  at the page's end. `ready=TEXT` waits until it has printed TEXT, at most 30 seconds.
- `title="NAME"`: the terminal in which the block is run; what a shell block exports there stays.
- any other language: shown, not run.

On the reader's machine `make` and `pip` would build environments and `git clone` would fetch this repository.
Here `make` checks that each target exists, `pip` that what is to be installed is this distribution or an
existing folder or requirements file, and `git clone` makes an empty folder. Each port of 127.0.0.1 that the
page names is one that nobody else has, the same in all its blocks. Where a run
`forks`, the first block of each language that runs `sealroom`, and each in the background, has the installed
command; later ones have the same program, forked from a process that has imported it. Keys of passphrases
are derived at a low cost (`quick_keys`). All else is real.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import checkout
from forked_command import address_of
from held_port import HeldPort

READY_S = 60.0
STOP_S = 10.0
BLOCK_S = 120.0
KEEP_EXPORTS = """[ ! -e {file} ] || . {file}
{script}
export -p > {file}
"""
RUN_LANGUAGES = frozenset({"bash", "sh", "python", "console"})
_QUICK_KEYS = f"import runpy; runpy.run_path({str(checkout.ROOT / 'tests/support/quick_keys.py')!r})\n"
_SEALROOM = re.compile(r"(?<![\w./-])sealroom ")
_COMMENT = re.compile(r"^ {0,3}<!-- run: (?P<words>.*) -->$")
_ADDRESS = re.compile(r"(?<=\b127\.0\.0\.1:)\d+")
_LOCALHOST = re.compile(r"(?<=\blocalhost:)\d+")
_OPENING = re.compile(r"^(?P<indent> {0,3})(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)$")


class BlockFailed(AssertionError):
    """A block of the page did not do what the page says."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the words after it, its text, and the line where it begins."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    @property
    def ready(self) -> str | None:
        """What a background block prints when it is ready."""
        return self._value("ready=")

    @property
    def terminal(self) -> str | None:
        """Where the block is run."""
        return self._value("title=")

    def _value(self, name: str) -> str | None:
        return next((word.removeprefix(name) for word in self.words if word.startswith(name)), None)


def blocks(page: str) -> Iterator[Block]:
    """All fenced blocks of a page; a block that never ends is an error."""
    lines = iter(enumerate(page.splitlines(), 1))
    above = ""
    for number, line in lines:
        comment, above = _COMMENT.match(above), line
        if not (opening := _OPENING.match(line)):
            continue
        words = shlex.split(opening["info"]) + shlex.split(comment["words"] if comment else "")
        body: list[str] = []
        for _, inner in lines:
            if inner.strip() == opening["fence"]:
                break
            body.append(inner.removeprefix(opening["indent"]))
        else:
            raise BlockFailed(f"line {number}: the block never ends")
        yield Block(words[0] if words else "", tuple(words[1:]), "\n".join(body) + "\n", number)


def console_steps(text: str) -> list[tuple[str, list[str]]]:
    """Commands of a console block, each with the output lines that are shown below it."""
    steps: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif steps and steps[-1][0].endswith("\\"):
            steps[-1] = (steps[-1][0] + "\n" + line.removeprefix("> "), [])
        elif steps and line.strip():
            steps[-1][1].append(line)
    return steps


def missing_line(shown: Sequence[str], printed: str) -> str | None:
    """The first shown line that the real output does not have, in order; `...` matches anything."""
    real = iter(printed.splitlines())
    for line in shown:
        if line.strip() in {"...", "…"}:
            continue
        pattern = re.compile(".*?".join(re.escape(part) for part in re.split(r"\.\.\.|…", line.rstrip())))
        if not any(pattern.fullmatch(text.rstrip()) for text in real):
            return line
    return None


@dataclass(slots=True)
class PageRun:
    """Runs the blocks of one page in `folder`; ends its background blocks at exit. `ports` are those that it
    has in the place of the page's own.
    """

    folder: Path
    environment: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ports: dict[str, HeldPort] = field(default_factory=dict)
    forks: bool = False  # whether later blocks of a language have a forked `sealroom`
    installed: set[str] = field(default_factory=set)  # languages in which the installed one has run

    def __enter__(self) -> PageRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.running:
            _end_group(process)

    def run(self, page: str) -> int:
        """Runs all command blocks in order and returns their number. Raises BlockFailed."""
        count = 0
        for block in blocks(self.mapped(page)):
            if block.language not in RUN_LANGUAGES:
                continue
            count += 1
            if "background" in block.words:
                self._start(block)
            elif block.language == "console":
                self._converse(block)
            else:
                self._execute(block, block.text)
        return count

    def mapped(self, text: str) -> str:
        """A text with the ports of this run; of localhost those that 127.0.0.1 has been named with."""
        text = _ADDRESS.sub(self._port, text)
        return _LOCALHOST.sub(lambda one: self._port(one) if one[0] in self.ports else one[0], text)

    def _port(self, named: re.Match[str]) -> str:
        return str(self.ports.setdefault(named[0], HeldPort()).number)

    def _argv(self, block: Block, script: str) -> list[str]:
        if block.language == "python":
            return [sys.executable, "-c", _QUICK_KEYS * ("e2ee_client" in script) + script]
        if block.terminal and "background" not in block.words:
            file = shlex.quote(str(self.folder / f".exports-{block.terminal}"))
            script = KEEP_EXPORTS.format(file=file, script=script)
        return ["bash", "-euo", "pipefail", "-c", script]

    def _variables(self, block: Block) -> dict[str, str]:
        if not self.forks or block.language == "python" or not _SEALROOM.search(block.text):
            return self.environment
        if block.language not in self.installed:
            self.installed.add(block.language)
            return self.environment
        programs = self.folder.with_name("forked")
        if not programs.exists():
            programs.mkdir()
            (programs / "sealroom").write_text(
                _FORKED.format(python=sys.executable, address=address_of("sealroom")), "utf-8"
            )
            (programs / "sealroom").chmod(0o755)
        return {**self.environment, "PATH": f"{programs}{os.pathsep}{self.environment['PATH']}"}

    def _execute(self, block: Block, script: str) -> str:
        try:
            done = subprocess.run(
                self._argv(block, script),
                cwd=self.folder,
                env=self._variables(block),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=BLOCK_S,
                check=False,
            )
        except subprocess.TimeoutExpired as slow:
            raise BlockFailed(
                f"line {block.line}: still running after {BLOCK_S:.0f} s; tag it as background?"
            ) from slow
        printed = done.stdout.decode("utf-8", "replace")
        if done.returncode != 0:
            logs = "\n".join(
                one.read_text("utf-8", "replace") for one in self.folder.glob(".background-*.log")
            )
            raise BlockFailed(f"line {block.line}: exit {done.returncode}\n{script}\n{printed}\n{logs}")
        return printed

    def _converse(self, block: Block) -> None:
        for command, shown in console_steps(block.text):
            printed = self._execute(block, command)
            missing = missing_line(shown, printed)
            if missing is not None:
                raise BlockFailed(f"line {block.line}: `{command}` did not print {missing!r} but\n{printed}")

    def _start(self, block: Block) -> None:
        """Start a background block, and wait until it is ready."""
        output = self.folder / f".background-{block.line}.log"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                self._argv(block, block.text),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        deadline = time.monotonic() + (READY_S if block.ready else 1.0)
        printed = ""
        while time.monotonic() < deadline:
            printed = output.read_text("utf-8", "replace")
            if process.poll() is not None:
                raise BlockFailed(f"line {block.line}: ended with exit {process.returncode}\n{printed}")
            if block.ready and re.search(rf"\b{re.escape(block.ready)}\b", printed):
                return
            time.sleep(0.05)
        if block.ready:
            raise BlockFailed(f"line {block.line}: never printed {block.ready!r}\n{printed}")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a background block with all that it has started: the next block may want the same port."""
    deadline = time.monotonic() + STOP_S
    number: int = signal.SIGTERM
    while True:
        process.poll()
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        number = 0
        time.sleep(0.05)
        if time.monotonic() > deadline:
            number = signal.SIGKILL
    process.wait()


_MAKE = """#!/bin/sh
exec "{make}" -n -C {root} "$@" PYTHON={python} >/dev/null
"""
_PIP = """#!{python}
import pathlib, sys
words = [word for word in sys.argv[1:] if not word.startswith("-")]
known = ("sealroom", "." , "./")
wrong = [w for w in words[1:] if not w.startswith(known) and not (pathlib.Path({root}) / w).exists()]
sys.exit("cannot be installed from this page: " + " ".join(wrong) if wrong or words[:1] != ["install"] else 0)
"""
_PROGRAM = """#!{python}
import sys
{before}from {module} import {function}
sys.argv[0] = {name!r}
sys.exit({function}())
"""
_FORKED = """#!{python} -IS
import json, os, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
request = dict(arguments=sys.argv[1:], environment=dict(os.environ), folder=os.getcwd(), targets=[0, 1, 2])
data = json.dumps(dict(request, terminal=False, program="sealroom")).encode()
connection.sendall(len(data).to_bytes(4, "big"))
socket.send_fds(connection, [b"x"], [0, 1, 2])
connection.sendall(data)
connection.recv(4, socket.MSG_WAITALL)
sys.exit(os.waitstatus_to_exitcode(int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")))
"""
_GIT = """#!/bin/sh
if [ "$1" = clone ]; then mkdir -p "${{3:-$(basename "$2" .git)}}"; exit 0; fi
exec "{git}" "$@"
"""


def write_programs(folder: Path, root: Path, scripts: dict[str, str]) -> None:
    """Writes the programs that a reader would have: python, make, pip, git and the console scripts."""
    folder.mkdir(parents=True)
    python, quoted = sys.executable, shlex.quote(str(root))
    texts = {
        "make": _MAKE.format(make=_which("make"), root=quoted, python=shlex.quote(python)),
        "git": _GIT.format(git=_which("git")),
        "pip": _PIP.format(python=python, root=repr(str(root))),
    }
    for name, target in scripts.items():
        module, function = target.split(":")
        before = _QUICK_KEYS if module.startswith("e2ee_client") else ""
        texts[name] = _PROGRAM.format(
            python=python, before=before, module=module, function=function, name=name
        )
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o755)
    for name in ("python", "python3"):
        (folder / name).write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', "utf-8")
        (folder / name).chmod(0o755)


def _which(name: str) -> str:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = next((f"{folder}/{name}" for folder in folders if os.access(f"{folder}/{name}", os.X_OK)), None)
    if found is None:
        raise BlockFailed(f"{name} is not installed")
    return found


def environment(programs: Path, home: Path, root: Path) -> dict[str, str]:
    """The environment of a reader with an empty home folder who has this distribution installed."""
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    imports = os.pathsep.join(str(root / package) for package in ("", "client", "server"))
    return {"PATH": path, "HOME": str(home), "PYTHONPATH": imports, "LANG": "C.UTF-8", "TERM": "dumb"}


def page_run(folder: Path, root: Path) -> PageRun:
    """A reader of a page of this checkout, with a home and an empty folder below `folder`."""
    scripts = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    programs, home, reading = folder / "programs", folder / "home", folder / "folder"
    write_programs(programs, root, scripts)
    home.mkdir()
    reading.mkdir()
    return PageRun(reading, environment(programs, home, root), forks=True)
