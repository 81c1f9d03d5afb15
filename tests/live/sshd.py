"""Debian's sshd, with keys made for a test. It listens where the test says, and nowhere else."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from command import DEADLINE_S, lines_until

SSHD = Path("/usr/sbin/sshd")

CLIENT = (
    "User root\nIdentitiesOnly yes\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n"
)
"""What the client does about every host."""


def make_keys(folder: Path) -> None:
    """Make the keys `host` and `user`."""
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key]
        subprocess.run(command, check=True, timeout=DEADLINE_S)


def start(
    folder: Path, address: str, port: int, *lines: str, prefix: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Start an sshd that takes the key `user`, and wait until it listens.

    Args:
        folder: where the keys are; its configuration is written there.
        address: where it listens.
        port: where it listens.
        lines: further lines of its configuration.
        prefix: comes before the command.
    """
    configuration = folder / f"sshd-{address}-{port}"
    own = (
        f"Port {port}",
        f"ListenAddress {address}",
        f"HostKey {folder}/host",
        "PidFile none",
        "StrictModes no",
        f"AuthorizedKeysFile {folder}/user.pub",
        "UsePAM no",
        "PasswordAuthentication no",
        "PermitRootLogin prohibit-password",
    )
    configuration.write_text("\n".join((*own, *lines)) + "\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    command = [*prefix, SSHD, "-D", "-e", "-f", configuration]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines_until(process.stderr, lambda line: "listening" in line)
    return process


def end(process: subprocess.Popen[str]) -> None:
    """Kill an sshd, and every session of it: its clients see the connection close."""
    for pid in (*_sessions(process.pid), process.pid):
        subprocess.run(["kill", "-9", str(pid)], check=False, capture_output=True)
    process.communicate()


@contextmanager
def running(folder: Path, address: str, port: int) -> Iterator[None]:
    """An sshd until the end of the block."""
    process = start(folder, address, port)
    try:
        yield
    finally:
        end(process)


def _sessions(parent: int) -> list[int]:
    """Return the processes called sshd below another one."""
    listed = subprocess.run(
        ["ps", "--no-headers", "-o", "pid,comm", "--ppid", str(parent)],
        capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    children = [int(pid) for pid, name in zip(listed[::2], listed[1::2], strict=True) if "sshd" in name]
    return [pid for child in children for pid in (*_sessions(child), child)]
