"""The steps of an audit: what each shows, its command, a short form for an afternoon, and what it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

JUNIT = "reports/raw/tests.xml"
FULL_COUNTS_JUNIT = "reports/raw/full-counts.xml"
# Steps that run tests which the claims name, with their records.
RECORDS = {"tests": JUNIT, "full-counts": FULL_COUNTS_JUNIT}
_WORST = ("--only", "handshakes", "--only", "pings", "--only", "hellos of TLS")
_DEEP = "tests/property/deep.py"
_PYTEST = ("python", "-m", "pytest", "-q", "-n", "2", "--hypothesis-profile=full")
_FULL_COUNTS = ("env", "SEALROOM_FULL_COUNTS=1", *_PYTEST, f"--junitxml={FULL_COUNTS_JUNIT}")
NATIVE_SHORT = ("tests/spec", "tests/vectors", "tests/negative", "tests/fuzz/test_corpus.py")
# What no step of the short profile takes, even where other work shares the machine.
SHORT_BOUND_S = 2 * 3600.0
_HAS_A_PART = re.compile(
    r"^from run_counts import|pytest\.mark\.audit_only|@browsers\.firefox_in_audit", re.MULTILINE
)
_ROOT = Path(__file__).resolve().parents[1]
# Test files with a part that `make test` leaves out: numbers of tests/support/run_counts.py, tests or cases.
REPEATED = tuple(
    path.relative_to(_ROOT).as_posix()
    for path in sorted((_ROOT / "tests").rglob("test_*.py"))
    if _HAS_A_PART.search(path.read_text("utf-8"))
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command. `result` is its file under reports/; `tools` are programs with their Debian packages;
    `reads` is what the result depends on, with all that it imports (empty: the whole checkout); `bound_s` is
    how long it may take at most.
    """

    name: str
    shows: str
    command: tuple[str, ...]
    short: tuple[str, ...] = ()
    result: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    must_fail: bool = False
    reads: tuple[str, ...] = ()
    bound_s: float = 24 * 3600.0

    def words(self, quick: bool) -> tuple[str, ...]:
        """The command of a profile."""
        return self.short if quick and self.short else self.command

    def most_s(self, quick: bool) -> float:
        """The seconds after which a step is ended: one that hangs does not keep the others from running."""
        return min(self.bound_s, SHORT_BOUND_S) if quick else self.bound_s


STEPS = (
    Step("checks", "lint, types, import contracts, rules against code and tests", ("make", "check")),
    Step(
        "tests",
        "every test; every line and branch of the core is executed",
        ("env", f"PYTEST_ADDOPTS=--junitxml={JUNIT}", "make", "test"),
        tools=(("strace", "strace"),),
    ),
    Step(
        "vectors",
        "vectors with intermediate values, negative vectors, a reader written from the chapters alone",
        ("python", "-m", "pytest", "-q", "tests/vectors", "tests/negative", "tests/interop"),
        reads=(
            "e2ee",
            "spec/vectors",
            "tests/conftest.py",
            "tests/vectors",
            "tests/negative",
            "tests/interop",
        ),
    ),
    Step(
        "wheel",
        "two builds of the wheel are the same, bit by bit",
        ("python", "-m", "audit.wheel"),
        result="wheel.json",
    ),
    Step(
        "secrecy",
        "which messages a thief of the state opens, from every point of a run; healing windows",
        ("python", "tests/secrecy/report.py"),
        ("python", "tests/secrecy/report.py", "--quick"),
        result="secrecy.json",
        reads=("e2ee", "tests/secrecy"),
    ),
    Step(
        "attacks",
        "a malicious relay, attack by attack, each with a control that succeeds",
        ("python", "tests/attacks/report.py"),
        result="attacks.json",
    ),
    Step(
        "canaries",
        "a relay searched for its conversation: disk, logs, memory, core image, wire, temporary files;"
        " one that leaks into each place is caught in each",
        ("python", "-m", "demo.audit"),
        result="canary-scan.json",
        tools=(("tshark", "tshark"), ("gcore", "gdb")),
    ),
    Step(
        "tla",
        "state machines of relay queue, stored ratchet, prekeys, sessions of a pair and rooms, whole within"
        " bounds; controls refuted",
        ("python", "spec/models/tla/run.py"),
        result="tla.json",
        reads=("spec/models/tla",),
        tools=(("java", "default-jre-headless"),),
    ),
    Step(
        "prove",
        "symbolic models: no attack on a claim, a path to its twin, an attack on each control",
        ("python", "spec/models/prove.py"),
        # The step before has run TLC over the same configurations.
        ("python", "spec/models/prove.py", "--no-tlc"),
        result="prove.json",
        reads=("spec/models",),
        tools=(("SPASS", "spass"), ("java", "default-jre-headless")),
    ),
    Step(
        "crash",
        "killed at every sync, disk full at every write: nothing confirmed is lost, no key used twice",
        ("python", "tests/crash/run.py"),
        ("python", "tests/crash/run.py", "--quick"),
        result="crash.json",
        reads=("e2ee", "client/e2ee_client", "server/e2ee_relay", "tests/crash", "tests/support/crash_*.py"),
        tools=(("strace", "strace"),),
    ),
    Step(
        "erasure",
        "random erasures by either side, withdrawals and timers, with power cuts between any two writes and"
        " older stores put back: nothing is left that opens; each planted fault is found",
        ("python", "tests/support/erase_runs.py"),
        # Each kind of erasure once.
        ("python", "tests/support/erase_runs.py", "--runs", "7"),
        result="erasure.json",
        reads=("e2ee", "client/e2ee_client", "tests/support/erase_*.py"),
    ),
    Step(
        "power-loss",
        "a relay's disk without power, at sampled points with any part of what was not synchronised: all that"
        " was confirmed is there; relays that do not wait for their disk are caught",
        ("python", "tests/reliability/power_loss.py"),
        ("python", "tests/reliability/power_loss.py", "--seconds", "6", "--points", "60"),
        result="power-loss.json",
        tools=(("strace", "strace"),),
    ),
    Step(
        "disk-full",
        "a relay whose disk fills: refused with a type, read and deleted meanwhile, nothing confirmed lost",
        ("python", "tests/reliability/disk_full.py"),
        result="disk-full.json",
        tools=(("mount", "mount"),),
    ),
    Step(
        "clock-jumps",
        "ten years forwards and back under a running and a starting relay: nothing that was held is gone",
        ("python", "tests/reliability/clock_jumps.py"),
        result="clock-jumps.json",
        tools=(("faketime", "faketime"),),
    ),
    Step(
        "kills",
        "kill -9 of a relay under full load: nothing confirmed lost, nothing twice, no one-time key twice",
        ("python", "tests/reliability/kills.py"),
        ("python", "tests/reliability/kills.py", "--rounds", "5"),
        result="kills.json",
    ),
    Step(
        "client-kills",
        "kill -9 of clients and relay with clocks wrong by up to a year, a clone, a backup restored twice:"
        " both write again, nothing is shown twice, what is lost was told",
        ("python", "tests/reliability/client_kills.py"),
        ("python", "tests/reliability/client_kills.py", "--runs", "2", "--rounds", "3"),
        result="client-kills.json",
        reads=("e2ee", "client/e2ee_client", "server/e2ee_relay", "tests/support/kill_scenes.py"),
    ),
    Step(
        "interop",
        "customers in Python, Chromium and Firefox with a company in Python, 200 texts each way, 10 % of"
        " envelopes lost, 15 % late: one transcript, no gap left, KEM epochs; a relay that forgets is found",
        ("python", "tests/reliability/interop.py"),
        ("python", "tests/reliability/interop.py", "--texts", "40"),
        result="interop.json",
        tools=(("chromium", "chromium"), ("firefox-esr", "firefox-esr")),
        reads=(
            "e2ee",
            "client/e2ee_client",
            "client/web",
            "server/e2ee_relay",
            "tests/reliability/interop.py",
        ),
    ),
    Step(
        "large-files",
        "a file of 64 MiB each way, in constant memory, over a relay that is killed twice each way: whole,"
        " with at most the parts sent again that were on their way",
        ("python", "tests/reliability/large_files.py"),
        result="large-files.json",
        reads=("e2ee", "client/e2ee_client", "server/e2ee_relay", "tests/support/file_kill_scene.py"),
    ),
    Step(
        "soak",
        "moderate load, drains and kills: nothing lost or double; memory, descriptors and files stay flat",
        ("python", "tests/reliability/soak.py"),
        ("python", "tests/reliability/soak.py", "--minutes", "3"),
        result="soak.json",
        reads=("server/e2ee_relay",),
    ),
    Step(
        "chaos",
        "three nodes and a database that fail in every way: nothing confirmed is lost, no key is given twice",
        ("python", "tests/chaos/run.py"),
        ("python", "tests/chaos/run.py", "--quick"),
        result="chaos.json",
        tools=(("ip", "iproute2"), ("pg_ctlcluster", "postgresql")),
    ),
    Step(
        "failover",
        "the database below two nodes killed under load, its standby promoted: nothing confirmed is lost, no"
        " key given twice; one that fell behind loses messages and is caught, and gives no key twice",
        ("python", "tests/reliability/failover.py"),
        ("python", "tests/reliability/failover.py", "--rounds", "2"),
        result="failover.json",
        tools=(("pg_ctlcluster", "postgresql"),),
    ),
    Step(
        "frames",
        "broken, slow and flooding clients: the relay lives, others are not affected",
        ("python", "tests/support/frame_fuzz.py"),
        ("python", "tests/support/frame_fuzz.py", "--rounds", "3"),
        result="frames.json",
    ),
    Step(
        "abuse",
        "attackers of every kind, each beside users who go on: their latency against quiet spells, the"
        " relay's memory, and how long newcomers wait",
        ("nice", "-n", "-15", "python", "tests/abuse/run.py"),
        ("nice", "-n", "-15", "python", "tests/abuse/run.py", "--seconds", "1", *_WORST),
        result="abuse.json",
    ),
    Step(
        "newcomers",
        "whether newcomers get through beside one host, and twenty, that take all that a relay gives them,"
        " over both stores",
        ("nice", "-n", "-15", "python", "tests/abuse/newcomers.py"),
        ("nice", "-n", "-15", "python", "tests/abuse/newcomers.py", "--hosts", "20", "--only", "junk"),
        result="newcomers.json",
        tools=(("pg_ctlcluster", "postgresql"),),
    ),
    Step(
        "operator-trial",
        "from an empty, booted Debian to a relay with TLS under Prometheus, by the page alone; every query"
        " answers; the unit on its bad days: certificate, disk, watchdog, restore",
        ("python", "tests/trial/run.py"),
        result="operator-trial.json",
        tools=(("prometheus", "prometheus"), ("openssl", "openssl"), ("curl", "curl")),
    ),
    Step(
        "refusals",
        "an unknown mailbox, an unknown and a revoked token cannot be told apart by the clock",
        ("python", "tests/abuse/clock.py"),
        ("python", "tests/abuse/clock.py", "--rounds", "1500"),
        result="refusals.json",
    ),
    Step(
        "fuzz",
        "every decoder of outside bytes: no error but its own, one encoding per value",
        ("python", "tests/fuzz/run.py", "--seconds", "60"),
        ("python", "tests/fuzz/run.py", "--seconds", "5"),
        result="fuzz.json",
        reads=("tests/fuzz", "tests/support/fuzz_*.py"),
    ),
    Step(
        "native",
        "the extension in C gives the bytes and refusals of its reference, and stays within its memory",
        ("python", "tests/support/native_run.py"),
        ("python", "tests/support/native_run.py", "--executions", "200000"),
        result="native-fuzz.json",
        reads=("e2ee", "tests/native", "tests/support/native_*.py", "hatch_build.py"),
        tools=(("cc", "gcc"),),
    ),
    Step(
        "native-tests",
        "vectors, negatives, properties, secrecy, store and client over each kind of wheel, as installed",
        ("make", "native-test"),
        # Bytes and refusals of the extension; all else is for the whole profile.
        ("make", "native-test", "KINDS=native", "KEEP=", f"TESTS={' '.join(NATIVE_SHORT)}"),
        result="native-tests.json",
        reads=(
            "Makefile",
            "bench",
            "client/e2ee_client",
            "compile_core.py",
            "e2ee",
            "examples",
            "hatch_build.py",
            "release",
            "requirements/native.txt",
            "spec",
            "tests",
        ),
        tools=(("cc", "gcc"),),
    ),
    Step(
        "mutation",
        "faults planted into the core are noticed by the tests",
        ("python", "tests/mutation/run.py"),
        ("python", "tests/mutation/run.py", "--file", "e2ee/handshake.py", "--file", "e2ee/ratchet/step.py"),
        result="mutation.json",
        reads=(
            "e2ee",
            "spec/vectors",
            "tests/conftest.py",
            "tests/mutation",
            "tests/negative",
            "tests/property",
            "tests/spec",
            "tests/support/mutation_*.py",
            "tests/vectors",
        ),
    ),
    Step(
        "full-counts",
        "tests that repeat, with their full numbers, of which `make test` plays a part: queues of 34 000"
        " texts, sessions of a pair, random conversations and rooms, killed processes, skipped keys,"
        " grammars, misreadings, synchronisations of a store; scenes of rooms over months or of many items;"
        " and what only a release needs: wheels built twice, controls of the long runs, benchmarks,"
        " some screens and stories in Firefox",
        (*_FULL_COUNTS, *REPEATED),
        # Whatever `make test` does not run at all. What it runs in part, it has shown in part.
        (*_FULL_COUNTS, "-m", "audit_only", *REPEATED),
        tools=(("strace", "strace"), ("tshark", "tshark"), ("faketime", "faketime")),
    ),
    Step(
        "deep-state-machine",
        "a million steps of sessions under a hostile network",
        ("env", "SEALROOM_DEEP_STEPS=1000000", "python", _DEEP),
        ("env", "SEALROOM_DEEP_STEPS=20000", "python", _DEEP),
        result="deep-state-machine.json",
        reads=("e2ee", "tests/property/deep.py"),
    ),
)


def names() -> frozenset[str]:
    """Names of all steps."""
    return frozenset(step.name for step in STEPS)
