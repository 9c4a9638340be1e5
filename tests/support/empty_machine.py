"""An empty Debian 13 that boots: a container of systemd-nspawn with systemd, users and a network of its own.

What the Debian installer would leave: the base system, `sudo`, one user who may use it. Whoever runs it has
to be root. The network is a namespace of its own behind pasta: packages can be fetched, and nothing listens
outside.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final

SUITE: Final = "trixie"
USER: Final = "ada"
HOME: Final = f"/home/{USER}"
_TOOLS: Final = {"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "pasta": "passt"}
_BOOT_S: Final = 60.0
_SCRIPT_S: Final = 300.0
# Where packages come from is the site's affair: the new machine is told what this one knows.
_SITE: Final = re.compile(r"PIP_(EXTRA_)?INDEX_URL|PIP_TRUSTED_HOST|.*_proxy|.*_PROXY")
_AUTHORITIES: Final = Path("usr/local/share/ca-certificates")
# Under a manager without the unified hierarchy the container gets one for itself.
_OWN_CGROUPS: Final = """
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
exec "$@"
"""


class MachineFailed(Exception):
    """The machine did not come up, or a script in it failed."""


def why_not() -> str:
    """Return why no empty machine can be made here; empty if one can."""
    if os.geteuid() != 0:
        return "only root can boot one"
    missing = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    return f"missing: apt install {' '.join(missing)}" if missing else ""


def install(root: Path) -> None:
    """Install the base system into `root`.

    Raises:
        MachineFailed: a package could not be fetched, for example.
    """
    _do("debootstrap", "--include=sudo", SUITE, str(root))
    (root / "etc/hosts").write_text("127.0.0.1 localhost empty\n::1 localhost\n", "utf-8")
    (root / "etc/hostname").write_text("empty\n", "utf-8")
    _do("chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", "--groups", "sudo", USER)
    (root / "etc/sudoers.d/user").write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n", "utf-8")
    site = [f"{name}={value}\n" for name, value in os.environ.items() if _SITE.fullmatch(name)]
    (root / "etc/environment").write_text("".join(site), "utf-8")
    (root / _AUTHORITIES).mkdir(parents=True, exist_ok=True)
    for authority in (Path("/") / _AUTHORITIES).glob("*.crt"):
        shutil.copy(authority, root / _AUTHORITIES)


def bundle(root: Path, repository: Path) -> None:
    """Put what is committed in `repository` into the machine, to be cloned from /srv/sealroom.

    Raises:
        MachineFailed: git could not.
    """
    _do("git", "-C", str(repository), "bundle", "create", "--quiet", str(root / "srv/sealroom"), "HEAD")


def _do(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise MachineFailed(f"{' '.join(command)}: {done.stdout[-500:]}")


class EmptyMachine:
    """A machine that runs while this context lasts; what it writes goes to memory and is gone afterwards."""

    def __init__(self, root: Path) -> None:
        self.network = f"sealroom-{os.getpid()}"
        self._root = root
        self._pasta = root.with_name(root.name + ".pasta")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> EmptyMachine:
        _do("ip", "netns", "add", self.network)
        none = [word for option in ("-t", "-u", "-T", "-U") for word in (option, "none")]
        network = f"/run/netns/{self.network}"
        _do("pasta", "--config-net", "--netns", network, "--runas", "0", "--quiet",
            "--pid", str(self._pasta), *none)  # fmt: skip
        line = ["systemd-nspawn", "--quiet", "--register=no", "--boot", "--volatile=overlay"]
        line += [f"--directory={self._root}", f"--network-namespace-path={network}", "--console=pipe"]
        line += [
            "--resolv-conf=copy-host",
            *([] if Path("/run/systemd/system").exists() else ["--keep-unit"]),
        ]
        apart = ["unshare", "--mount", "--cgroup", "--propagation", "private", "sh", "-euc", _OWN_CGROUPS]
        self._process = subprocess.Popen(
            [*apart, "sh", *line],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait_until_booted()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            # systemd-nspawn passes it on as an orderly shutdown.
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_BOOT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._pasta.exists():
            os.kill(int(self._pasta.read_text()), signal.SIGTERM)
            self._pasta.unlink()
        _do("ip", "netns", "delete", self.network)

    @property
    def files(self) -> Path:
        """The machine's root directory as it is while it runs."""
        return Path(f"/proc/{self._leader()}/root")

    def _leader(self) -> int:
        if self._process is None or self._process.poll() is not None:
            raise MachineFailed("the machine does not run")
        number = self._process.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text("utf-8").split()
        if not children:
            raise MachineFailed("the machine has not begun")
        return int(children[0])

    def _wait_until_booted(self) -> None:
        deadline = time.monotonic() + _BOOT_S
        while time.monotonic() < deadline:
            time.sleep(0.5)
            try:
                self.run("systemctl is-system-running --wait", user="root")
            except MachineFailed:
                continue
            return
        raise MachineFailed("the machine does not come up")

    def _inside(self, user: str, script: str) -> list[str]:
        entering = ["nsenter", "--target", str(self._leader())]
        entering += ["--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup"]
        return [*entering, "--", "/bin/su", "-", user, "-c", f"set -euo pipefail\n{script}"]

    def run(self, script: str, user: str = USER) -> str:
        """Run a shell script as after a login; return what it printed.

        Raises:
            MachineFailed: its status was not 0, or it took five minutes.
        """
        line = self._inside(user, script)
        try:
            done = subprocess.run(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=_SCRIPT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as slow:
            raise MachineFailed(f"still running after {_SCRIPT_S:.0f} s:\n{script}") from slow
        printed = done.stdout.decode("utf-8", "replace")
        if done.returncode != 0:
            raise MachineFailed(f"exit {done.returncode}\n{script}\n{printed[-2000:]}")
        return printed

    def start(self, script: str, ready: str) -> None:
        """Run a script that goes on, and wait until it has printed `ready`.

        Raises:
            MachineFailed: it ended before, or did not print it within half a minute.
        """
        process = subprocess.Popen(
            self._inside(USER, script), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if process.stdout is None:
            raise MachineFailed("no pipe")
        deadline, printed = time.monotonic() + 30.0, ""
        while ready not in printed:
            line = process.stdout.readline()
            printed += line
            if not line or time.monotonic() > deadline:
                raise MachineFailed(f"did not print {ready!r}:\n{script}\n{printed}")

    def look(self, *command: str) -> str:
        """Run a program of this checkout in the machine's network; return what it printed.

        Raises:
            MachineFailed: its status was not 0.
        """
        line = ["ip", "netns", "exec", self.network, *command]
        done = subprocess.run(line, capture_output=True, text=True, timeout=_SCRIPT_S, check=False)
        if done.returncode != 0:
            raise MachineFailed(done.stdout + done.stderr)
        return done.stdout
