"""Prometheus text of the relay's figures. No label names a mailbox, account, token or client (RLY-72)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .machine import MachineFigures
from .protocol import ErrorCode
from .state import Answering

_COMMIT_BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)
_GROUP_BOUNDS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 512, 4096)
_COUNTERS: Final = {
    "accepted": "Messages committed",
    "accepted_bytes": "Bytes of committed messages",
    "delivered": "Messages pushed to their owner, repetitions included",
    "acknowledged": "Messages deleted on acknowledgement",
    "expired": "Messages deleted at the end of their time",
    "bundles": "Prekey bundles handed out",
    "bundles_last_resort": "Prekey bundles without a one-time KEM key",
    "bundles_held_back": "Prekey bundles without one-time keys because too many were asked of a device",
    "mailboxes_created": "Mailboxes created",
    "words_heard": "Words from other nodes of the same relay",
    "found_by_poll": "Mailboxes with messages that no word told of",
    "limited_by_mailbox": "Messages refused because their mailbox had got too many in a short time",
    "low_prekeys": "Times that an owner was told of a stock of one-time keys that runs low",
}


@dataclass(slots=True)
class CommitFigures:
    """Histograms of commits: how long, and how many changes each."""

    bounds: list[int] = field(default_factory=lambda: [0] * len(_COMMIT_BOUNDS_S))
    groups: list[int] = field(default_factory=lambda: [0] * len(_GROUP_BOUNDS))
    commits: int = 0
    changes: int = 0
    seconds: float = 0.0
    failures: int = 0

    def observe(self, seconds: float, changes: int) -> None:
        """Count one commit."""
        self.commits += 1
        self.changes += changes
        self.seconds += seconds
        for place, bound in enumerate(_COMMIT_BOUNDS_S):
            if seconds <= bound:
                self.bounds[place] += 1
        for place, most in enumerate(_GROUP_BOUNDS):
            if changes <= most:
                self.groups[place] += 1


@dataclass(frozen=True, slots=True)
class ShellFigures:
    """What the shell knows and the core does not."""

    connections: int
    slow_clients_dropped: int
    journal_b: int
    database_b: int
    store_backlog: int
    is_ready: bool
    is_draining: bool = False
    now_ms: int = 0
    certificate_ends_s: int | None = None
    machine: MachineFigures = field(default_factory=MachineFigures)
    not_let_in: Mapping[str, int] = field(default_factory=dict)


def render(state: Answering, commits: CommitFigures, shell: ShellFigures) -> str:
    """Return the figures in Prometheus' text format 0.0.4."""
    lines: list[str] = []
    for name, text in _COUNTERS.items():
        lines += _metric(f"sealroom_relay_{name}_total", "counter", text, [("", state.counters[name])])
    refusals = [
        (f'{{code="{code.name}"}}', state.refusals[code]) for code in ErrorCode if code is not ErrorCode.OK
    ]
    lines += _metric(
        "sealroom_relay_refusals_total", "counter", "Refused requests and items by reason", refusals
    )
    lines += _commit_histogram(commits)
    lines += _gauges(state, shell)
    lines += _machine_figures(shell)
    return "\n".join(lines) + "\n"


def _gauges(state: Answering, shell: ShellFigures) -> list[str]:
    gauges: dict[str, tuple[str, int]] = {
        "connections": ("Open connections", shell.connections),
        **state.gauges(shell.now_ms),
        "store_backlog": ("Changes that wait for a commit", shell.store_backlog),
        "journal_bytes": ("Size of the write-ahead log", shell.journal_b),
        "database_bytes": ("Size of the database", shell.database_b),
        "mailboxes_admitted": ("1 if new mailboxes are made", int(state.admits_mailboxes())),
        "ready": ("1 if the relay takes traffic", int(shell.is_ready)),
        "draining": ("1 if the relay is about to close", int(shell.is_draining)),
        "clock_skew_seconds": ("How far the machine's clock is ahead of the relay's", state.skew_ms // 1000),
    }
    lines: list[str] = []
    for name, (text, value) in gauges.items():
        lines += _metric(f"sealroom_relay_{name}", "gauge", text, [("", value)])
    dropped = [("", shell.slow_clients_dropped)]
    lines += _metric(
        "sealroom_relay_slow_clients_total", "counter", "Connections dropped for not reading", dropped
    )
    turned_away = [(f'{{reason="{reason}"}}', count) for reason, count in shell.not_let_in.items()]
    return lines + _metric(
        "sealroom_relay_not_let_in_total",
        "counter",
        "Connections that were not let in, by reason",
        turned_away,
    )


def _machine_figures(shell: ShellFigures) -> list[str]:
    machine = shell.machine
    figures: list[tuple[str, str, str, float]] = [
        ("disk_free_bytes", "gauge", "Free space on the data directory's disk", machine.disk_free_b),
        ("disk_bytes", "gauge", "Size of the data directory's disk", machine.disk_b),
        ("resident_bytes", "gauge", "Memory of the process", machine.resident_b),
        ("open_files", "gauge", "Open files and sockets of the process", machine.open_files),
        ("cpu_seconds_total", "counter", "Processor time of the process", machine.processor_ms / 1000),
    ]
    if shell.certificate_ends_s is not None:
        text = "When the first certificate of the chain ends, in seconds since 1970"
        figures.append(("certificate_end_seconds", "gauge", text, shell.certificate_ends_s))
    lines: list[str] = []
    for name, kind, text, value in figures:
        lines += _metric(f"sealroom_relay_{name}", kind, text, [("", value)])
    return lines


def _commit_histogram(commits: CommitFigures) -> list[str]:
    name = "sealroom_relay_commit_seconds"
    lines = [f"# HELP {name} Time of one commit", f"# TYPE {name} histogram"]
    lines += [
        f'{name}_bucket{{le="{bound}"}} {count}'
        for bound, count in zip(_COMMIT_BOUNDS_S, commits.bounds, strict=True)
    ]
    lines += [
        f'{name}_bucket{{le="+Inf"}} {commits.commits}',
        f"{name}_sum {commits.seconds:.6f}",
        f"{name}_count {commits.commits}",
    ]
    lines += _group_histogram(commits)
    text = "Changes carried out"
    lines += _metric("sealroom_relay_changes_total", "counter", text, [("", commits.changes)])
    text = "Changes that could not be committed"
    return lines + _metric("sealroom_relay_store_failures_total", "counter", text, [("", commits.failures)])


def _group_histogram(commits: CommitFigures) -> list[str]:
    name = "sealroom_relay_commit_changes"
    counted = zip(_GROUP_BOUNDS, commits.groups, strict=True)
    return [
        f"# HELP {name} Changes of one commit",
        f"# TYPE {name} histogram",
        *[f'{name}_bucket{{le="{bound}"}} {count}' for bound, count in counted],
        f'{name}_bucket{{le="+Inf"}} {commits.commits}',
        f"{name}_sum {commits.changes}",
        f"{name}_count {commits.commits}",
    ]


def _metric(name: str, kind: str, text: str, values: Iterable[tuple[str, float]]) -> list[str]:
    return [
        f"# HELP {name} {text}",
        f"# TYPE {name} {kind}",
        *[f"{name}{label} {value}" for label, value in values],
    ]
