"""A real PostgreSQL for tests: started on a socket in a temporary directory, as a user that is not root."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql

_START_S = 60.0
_NUMBERS = itertools.count()


def missing_programs() -> str:
    """Name what is not installed; empty: PostgreSQL can be started."""
    return "" if binary("postgres") is not None else "PostgreSQL is not installed (Debian: postgresql)"


def binary(name: str) -> Path | None:
    """Find a server program: Debian keeps them out of the path, a directory for each version."""
    found = shutil.which(name)
    places = (
        [Path(found)] if found else sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    )
    return next((place for place in places if place.exists()), None)


class PostgresServer:
    """One cluster of databases; commits are as durable as by default."""

    def __init__(self, *settings: str, port: int = 5432, prefix: tuple[str, ...] = ()) -> None:
        """`settings` are NAME=VALUE; `prefix` runs it elsewhere, in a network namespace for example."""
        self.directory = Path(tempfile.mkdtemp(prefix="srpg-", dir="/tmp"))
        self._settings = settings
        self._port = port
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None
        account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._as_user = (
            () if account is None else ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        )
        if account is not None:
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        self._run(
            "initdb",
            "-D",
            str(self.data),
            "-U",
            "sealroom",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        )

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_user, str(binary(name)), *arguments],
            check=True,
            capture_output=True,
            cwd=self.directory,
        )

    def url(self, database: str = "postgres", host: str | None = None) -> str:
        return f"postgresql://sealroom@/{database}?host={host or self.directory}&port={self._port}"

    def admit(self, network: str) -> None:
        """Admit connections from a network, before the start."""
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} trust\n")

    def start(self) -> PostgresServer:
        """Start it and wait until it answers."""
        command = [
            *self._prefix,
            *self._as_user,
            str(binary("postgres")),
            "-D",
            str(self.data),
            "-p",
            str(self._port),
        ]
        for setting in (f"unix_socket_directories={self.directory}", "listen_addresses=", *self._settings):
            command += ["-c", setting]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)
            else:
                return self

    def stop(self, how: str = "fast") -> None:
        """End it: `fast` as an orderly restart does, `immediate` as a crash does."""
        if self._process is not None:
            self._run("pg_ctl", "-D", str(self.data), "stop", "-m", how, "-w")
            self._process.wait(_START_S)
            self._process = None

    def restart(self, how: str = "fast") -> None:
        self.stop(how)
        self.start()

    def make_database(self) -> str:
        """Make an empty database; return its address."""
        name = f"relay_{next(_NUMBERS)}"
        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def remove(self) -> None:
        """End it and delete everything."""
        self.stop("immediate")
        shutil.rmtree(self.directory)
