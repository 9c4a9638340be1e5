"""The benchmarks import and run: one small round of each row.

`make bench` measures; no test has a limit of time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = (
    "blobs",
    "burst",
    "handshake",
    "ping_pong",
    "reverse",
    "rooms",
    "snapshot",
    "fan_out",
    "durable",
    "relay",
    "transcripts",
    "files",
    "room_store",
)
# Folders of kept results, and what ran.
KEPT = (("bench/results", "reference"), ("bench/results/native", "native, compiled"))


@pytest.mark.audit_only
@pytest.mark.slow
def test_every_row_runs_one_round(repo_root: Path) -> None:
    files = [f"bench/test_{name}.py" for name in FILES]
    command = [sys.executable, "-m", "pytest", *files, "--benchmark-disable", "-q", "-p", "no:cacheprovider"]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    run = subprocess.run(
        command,
        check=False,
        cwd=repo_root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_file_is_run(repo_root: Path) -> None:
    assert {path.stem for path in (repo_root / "bench").glob("test_*.py")} == {
        f"test_{name}" for name in FILES
    }


@pytest.mark.parametrize(("folder", "core"), KEPT)
def test_kept_results_name_no_machine_and_every_row_has_its_floor(
    repo_root: Path, folder: str, core: str
) -> None:
    kept = json.loads((repo_root / folder / "latest.json").read_text(encoding="utf-8"))
    assert set(kept) == {"date", "python", "core", "libraries", "rows"}
    assert kept["core"].startswith(core)
    assert kept["rows"]
    assert all(row["floor_ratio"] > 0 and row["floor_us"] > 0 for row in kept["rows"])


_EVERY_ROW = """
from bench.peers.crypto.peer import ROWS, Row, prepared, recovered
from bench.peers.crypto.sealroom_peer import Sealroom
ours = Sealroom()
for row in ROWS:
    prepared(ours, Row(row.name, 2))()
assert recovered(ours) == 1000 and ours.state_b() > 500
"""


def test_every_row_beside_peers_runs_with_ours(repo_root: Path) -> None:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    run = subprocess.run(
        [sys.executable, "-c", _EVERY_ROW],
        check=False,
        cwd=repo_root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(repo_root), path))},
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("folder", [folder for folder, _ in KEPT])
def test_kept_results_beside_peers_say_what_each_peer_does_and_which_targets_are_met(
    repo_root: Path, folder: str
) -> None:
    kept = json.loads((repo_root / folder / "peers-crypto.json").read_text(encoding="utf-8"))
    assert set(kept) == {"date", "python", "text_b", "clock", "peers", "rows", "targets"}
    assert all(peer[what] for peer in kept["peers"] for what in ("version", "header", "padding", "stored"))
    assert all("sealroom" in row["best_us"] for row in kept["rows"])
    assert all(target["met"] == (target["ratio"] >= target["least"]) for target in kept["targets"])
