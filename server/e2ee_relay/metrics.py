"""Prometheus text of the relay's figures. No label names a mailbox, account, token or client (RLY-72)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from .protocol import ErrorCode
from .state import RelayState

_COMMIT_BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5)
_COUNTERS: Final = {
    "accepted": "Messages committed",
    "accepted_bytes": "Bytes of committed messages",
    "delivered": "Messages pushed to their owner, repetitions included",
    "acknowledged": "Messages deleted on acknowledgement",
    "expired": "Messages deleted at the end of their time",
    "bundles": "Prekey bundles handed out",
    "bundles_last_resort": "Prekey bundles without a one-time KEM key",
    "mailboxes_created": "Mailboxes created",
}


@dataclass(slots=True)
class CommitFigures:
    """A histogram of commits: how long, and how many changes each."""

    bounds: list[int] = field(default_factory=lambda: [0] * len(_COMMIT_BOUNDS_S))
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


@dataclass(frozen=True, slots=True)
class ShellFigures:
    """What the shell knows and the core does not."""

    connections: int
    slow_clients_dropped: int
    journal_b: int
    database_b: int
    store_backlog: int
    is_ready: bool


def render(state: RelayState, commits: CommitFigures, shell: ShellFigures) -> str:
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
    return "\n".join(lines) + "\n"


def _gauges(state: RelayState, shell: ShellFigures) -> list[str]:
    mailboxes = state.mailboxes.values()
    gauges: dict[str, tuple[str, int]] = {
        "connections": ("Open connections", shell.connections),
        "mailboxes": ("Mailboxes", len(state.mailboxes)),
        "subscriptions": (
            "Mailboxes with a subscriber",
            sum(one.subscription is not None for one in mailboxes),
        ),
        "held_messages": ("Messages held", sum(len(one.held) for one in mailboxes)),
        "held_bytes": ("Bytes of messages held", sum(one.held_b for one in mailboxes)),
        "remembered_ids": ("Message ids remembered after deletion", len(state.remembered)),
        "accounts": ("Directory entries", len(state.entries)),
        "store_backlog": ("Changes that wait for a commit", shell.store_backlog),
        "journal_bytes": ("Size of the write-ahead log", shell.journal_b),
        "database_bytes": ("Size of the database", shell.database_b),
        "ready": ("1 if the relay takes traffic", int(shell.is_ready)),
    }
    lines: list[str] = []
    for name, (text, value) in gauges.items():
        lines += _metric(f"sealroom_relay_{name}", "gauge", text, [("", value)])
    dropped = [("", shell.slow_clients_dropped)]
    lines += _metric(
        "sealroom_relay_slow_clients_total", "counter", "Connections dropped for not reading", dropped
    )
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
    text = "Changes carried out; divided by commits: the size of a group"
    lines += _metric("sealroom_relay_changes_total", "counter", text, [("", commits.changes)])
    text = "Changes that could not be committed"
    return lines + _metric("sealroom_relay_store_failures_total", "counter", text, [("", commits.failures)])


def _metric(name: str, kind: str, text: str, values: Iterable[tuple[str, int]]) -> list[str]:
    return [
        f"# HELP {name} {text}",
        f"# TYPE {name} {kind}",
        *[f"{name}{label} {value}" for label, value in values],
    ]
