"""The extension: builds without a warning, does what its reference does, stays within its memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import native_build
import pytest
import wheel_build

FUZZ = Path(native_build.__file__).with_name("native_fuzz.py")
LINES = 400

needs_compiler = pytest.mark.skipif(not native_build.can_build(), reason="no cc, or no headers of libsodium")

# What is planted into the source -> a function that then differs. Each is a promise of the auditor's page.
FAULTS = {
    "another label": ('"SR1-salt"', '"SR1-sale"', "message_seal"),
    "a nonce that is not zero": (
        "NO_NONCE[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0}",
        "NO_NONCE[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {1}",
        "aead_seal|aead_open",
    ),
    "keys that are not canonical": ("return u[i] < P[i];", "return 1;", "dh_exchange"),
    "a session that is not bound": (
        "memcpy(ad + body_at, session.at",
        "memcpy(ad + body_at, ad",
        "message_seal",
    ),
    "sizes that nobody looks at": ("if (into[i].size != sizes[i])", "if (sized > 9)", "."),
}


def fuzz(extension: Path, executions: int, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the comparison in a process where the reference is in force."""
    kept = wheel_build.clean_environment(
        SEALROOM_PURE="1", PYTHONPATH=str(FUZZ.parent), PYTHONDONTWRITEBYTECODE="1", **environment
    )
    command = [sys.executable, str(FUZZ), str(extension), f"--executions={executions}"]
    return subprocess.run(command, env=kept, capture_output=True, text=True, check=False)


def test_an_auditor_reads_at_most_400_lines() -> None:
    text = native_build.SOURCE.read_text("utf-8")
    assert len(text.splitlines()) <= LINES
    assert max(map(len, text.splitlines())) <= 120


def test_the_extension_calls_nothing_but_python_libsodium_and_memory() -> None:
    """PRM-14: no file, clock, environment, randomness or process."""
    text = native_build.SOURCE.read_text("utf-8")
    included = [line.split()[1] for line in text.splitlines() if line.startswith("#include")]
    assert included == ["<Python.h>", "<sodium.h>", "<string.h>"]
    for word in (
        "randombytes",
        "getenv",
        "malloc",
        "free(",
        "printf",
        "time(",
        "_Call",
        "PyRun",
    ):
        assert word not in text


def test_one_build_serves_older_versions_of_python() -> None:
    """PRM-14: what 3.13 builds from a format with `#`, older versions refuse at the call."""
    formats = re.findall(r'PyArg_\w+\([^;]*?"([^"]*)"', native_build.SOURCE.read_text("utf-8"))
    assert formats
    assert not any("#" in one for one in formats)


@needs_compiler
def test_the_extension_gives_what_the_reference_gives(tmp_path: Path) -> None:
    """PRM-14: equal bytes or refusals for equal arguments, and TypeError for what is not bytes."""
    run = fuzz(native_build.build(tmp_path), 8000)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "8000 executions with equal outcomes, 26 kinds" in run.stdout


@needs_compiler
def test_the_extension_stays_within_memory_under_sanitizers(tmp_path: Path) -> None:
    """PRM-14: built for AddressSanitizer and UndefinedBehaviorSanitizer, which end the process at a fault."""
    try:
        watched = native_build.sanitizer_environment()
    except native_build.CannotBuild as reason:
        pytest.skip(str(reason))
    extension = native_build.build(tmp_path, *native_build.SANITIZERS)
    run = fuzz(extension, 2000, **watched)
    assert run.returncode == 0, run.stdout + run.stderr
    text = native_build.SOURCE.read_text("utf-8")
    short = text.replace("#define MAX_AHEAD_B (LEAD_B + PREFIX_B", "#define MAX_AHEAD_B (LEAD_B")
    assert short != text
    source = tmp_path / "_native.c"
    source.write_text(short, "utf-8")
    run = fuzz(native_build.build(tmp_path, *native_build.SANITIZERS, source=source), 2000, **watched)
    assert "stack-buffer-overflow" in run.stderr


@needs_compiler
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_extension_is_found(fault: str, tmp_path: Path) -> None:
    before, after, names = FAULTS[fault]
    text = native_build.SOURCE.read_text("utf-8")
    assert text.count(before) == 1
    source = tmp_path / "_native.c"
    source.write_text(text.replace(before, after), "utf-8")
    run = fuzz(native_build.build(tmp_path, "-Wno-error", source=source), 1500)
    assert run.returncode == 1, run.stdout + run.stderr
    assert any(run.stdout.startswith(name) for name in names.split("|")) or names == "."


@needs_compiler
def test_other_threads_run_while_many_bytes_are_sealed(tmp_path: Path) -> None:
    """PRM-14: above 16 KiB the interpreter's lock is released; here no thread gives it up by itself."""
    script = f"""
import sys, threading
sys.path.insert(0, {str(FUZZ.parent)!r})
import native_build
from pathlib import Path
native = native_build.load(Path({str(native_build.build(tmp_path))!r}))
sys.setswitchinterval(3600)
moved = threading.Event()
thread = threading.Thread(target=moved.set, daemon=True)
begun, plain = threading.Lock(), bytes(8 << 20)
thread.start()
turns = 0
while not moved.is_set() and turns < 1000:
    native.aead_seal(bytes(32), plain, b"")
    turns += 1
print("moved" if moved.is_set() else "stood")
"""
    kept = wheel_build.clean_environment(PYTHONDONTWRITEBYTECODE="1")
    run = subprocess.run(
        [sys.executable, "-c", script], env=kept, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "moved", run.stdout + run.stderr
