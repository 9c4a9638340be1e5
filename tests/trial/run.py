"""A new operator on an empty machine: OPERATING.md followed to the letter, by the clock.

    python tests/trial/run.py [--root DIR]

A freshly installed Debian 13 is booted (as root, with debootstrap, systemd-nspawn and pasta); a user clones
the repository and runs each block of *The first ten minutes* and *On a server* as it stands. Then it is
looked at from outside: TLS, a message, what Prometheus has scraped, every query of dashboard and alarms; and
the unit has its bad days. Where no machine can be booted, the reason is printed and the first section alone
is followed on this machine, with an empty home. `--root` keeps the installed system there, or uses it again.
Writes `reports/operator-trial.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from bad_days import BAD_DAYS, script  # noqa: E402  # found on the path above
from empty_machine import HOME, EmptyMachine, MachineFailed, bundle, install, why_not  # noqa: E402
from fenced_blocks import Block, BlockFailed, PageRun, blocks  # noqa: E402
from kept_result import keep  # noqa: E402

PAGE: Final = ROOT / "server/deploy/OPERATING.md"
FIRST, SERVER, UPGRADE = "The first ten minutes", "On a server", "Stop and upgrade"
LOOK: Final = str(ROOT / "tests/trial/look.py")
LIMIT_S: Final = 600
# Slow, for a text with commands in it.
WORDS_A_MINUTE: Final = 120
# A pip on this machine may need to be told of its package index: these are what is left of the environment.
KEPT: Final = re.compile(r"PIP_.*|.*_proxy|.*_PROXY|SSL_CERT_FILE")
LIMITS = (
    "The reader types nothing wrong, pastes at once and knows what a shell is; reading is words by pace, not"
    " measured. The certificate signs itself. A container shares its kernel with the machine: no boot loader,"
    " no real disk (its files are in memory)."
)


@dataclass
class Trial:
    """What was done, how long each step took, and what must not be."""

    seconds: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    endured: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Take the time of a step."""
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 1)
        print(f"{self.seconds[name]:6.1f} s  {name}", flush=True)


def section(title: str) -> str:
    """Return a section of the page.

    Raises:
        BlockFailed: there is none.
    """
    found = re.search(rf"^## {title}\n.*?(?=^## )", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    if found is None:
        raise BlockFailed(f"the page has no section {title!r}")
    return found[0]


def reading_s(text: str) -> float:
    """Return the seconds that a reader needs for a section."""
    return round(len(text.split()) / WORDS_A_MINUTE * 60, 1)


def follow(title: str, trial: Trial, run: Callable[[Block], None]) -> None:
    """Run the blocks of a section one after the other."""
    for block in blocks(section(title)):
        with trial.step(f"{title}: {block.text.splitlines()[0][:60]}"):
            run(block)


def on_empty_machine(trial: Trial, root: Path) -> None:
    """Do all of it: both sections, the look from outside after each, and the bad days."""
    with EmptyMachine(root) as machine:
        clone = HOME.lstrip("/") + "/sealroom"

        def cloned() -> bool:
            return (machine.files / clone).exists()

        def run(block: Block) -> None:
            # The first block fetches git; all others are for the clone.
            if not cloned() and "root" not in block.words:
                machine.run("git clone --quiet /srv/sealroom sealroom")
            text = f"cd sealroom\n{block.text}" if cloned() else block.text
            ready = block.ready
            machine.start(text, ready) if "background" in block.words and ready else machine.run(text)

        def look(relay: str, port: int) -> None:
            chain = str(machine.files / clone / "chain.pem")
            trial.faults.extend(json.loads(machine.look(sys.executable, LOOK, relay, chain, str(port))))

        follow(FIRST, trial, run)
        look("wss://localhost:8443", 9091)
        # Ctrl-C in both terminals.
        machine.run(
            "pkill -INT -u ada -f '[b]in/sealroom-relay serve'; pkill -INT -u ada prometheus; sleep 3"
        )
        follow(SERVER, trial, run)
        look("wss://localhost:443", 9090)
        follow(UPGRADE, trial, run)
        for name in BAD_DAYS:
            print(machine.run(script(name), user="root"), end="")
            trial.endured.append(name)
            print(f"ok: {name}", flush=True)


def on_this_machine(trial: Trial) -> None:
    """Follow the first section alone, from the committed files and with an empty home."""
    with tempfile.TemporaryDirectory(prefix="trial-") as name:
        folder, home = Path(name) / "sealroom", Path(name) / "home"
        folder.mkdir()
        home.mkdir()
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
        kept = {key: value for key, value in os.environ.items() if KEPT.fullmatch(key)}
        environment = {**kept, "HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        with PageRun(folder, environment) as pages:
            prometheus = folder / "server/deploy/prometheus.yml"
            prometheus.write_text(pages.mapped(prometheus.read_text("utf-8")), "utf-8")

            def run(block: Block) -> None:
                if "root" not in block.words:
                    pages.run(f"```{block.language} {' '.join(block.words)}\n{block.text}```\n")

            follow(FIRST, trial, run)
            relay, chain = pages.mapped("wss://localhost:8443"), str(folder / "chain.pem")
            line = [sys.executable, LOOK, relay, chain, str(pages.ports["9091"].number)]
            looked = subprocess.run(line, capture_output=True, text=True, check=True)
            trial.faults += json.loads(looked.stdout)


def report(trial: Trial, machine: str) -> dict[str, object]:
    """Return the result as reports/README.md wants it."""
    whole = {
        title: round(sum(took) + reading_s(section(title)), 1)
        for title in (FIRST, SERVER, UPGRADE)
        if (took := [seconds for name, seconds in trial.seconds.items() if name.startswith(title)])
    }
    if whole.get(FIRST, 0) + whole.get(SERVER, 0) > LIMIT_S:
        trial.faults.append(f"more than ten minutes: {whole}")
    return {
        "name": "operator-trial",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "command": "python tests/trial/run.py",
        "result": "fail" if trial.faults else "pass",
        "figures": {
            "machine": machine,
            "seconds in all, with reading": whole,
            f"seconds of reading, {WORDS_A_MINUTE} words a minute": {
                title: reading_s(section(title)) for title in whole
            },
            "seconds": trial.seconds,
            "bad days": trial.endured,
            "what must not be": trial.faults,
        },
        "limits": LIMITS,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="OPERATING.md, followed on an empty machine")
    parser.add_argument("--root", type=Path, help="where the installed system is, or is to be kept")
    options = parser.parse_args()
    trial, machine, reason = Trial(), "an empty, booted Debian 13", why_not()
    try:
        if reason:
            print(f"no empty machine here ({reason}): the first section alone, on this machine", flush=True)
            machine = f"this one, with an empty home; the first section alone ({reason})"
            on_this_machine(trial)
        else:
            with tempfile.TemporaryDirectory(prefix="trial-") as name:
                root = options.root or Path(name) / "root"
                if not root.exists():
                    install(root)
                bundle(root, ROOT)
                on_empty_machine(trial, root)
    except (BlockFailed, MachineFailed) as failed:
        trial.faults.append(str(failed))
    kept = report(trial, machine)
    keep(kept)
    print(json.dumps(kept["figures"], indent=1))
    return 1 if trial.faults else 0


if __name__ == "__main__":
    sys.exit(main())
