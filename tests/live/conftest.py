"""Live tests trace this very kernel. They filter by their own process or port: other traffic is no matter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tcpconntop.kernel.launch import INTERPRETERS, TracerError, spawn_loader
from tcpconntop.kernel.loader import EXIT_UNSUPPORTED
from tcpconntop.kernel.privileges import has_privileges
from tcpconntop.kernel.session import open_session

sys.path.insert(0, str(Path(__file__).parent))

import way
from tracer import Tracer


def _missing() -> str:
    if not has_privileges():
        return "live tests need root or CAP_BPF+CAP_PERFMON"
    if not Path("/sys/kernel/btf/vmlinux").exists():
        return "live tests need a kernel with BTF"
    probe = "import bcc; bcc.BPF"
    if all(
        subprocess.run([p, "-Ic", probe], check=False, capture_output=True).returncode for p in INTERPRETERS
    ):
        return "live tests need the distribution's BCC (python3-bpfcc)"
    try:
        open_session(spawn_loader(), way.request()).close()
    except TracerError as error:
        if error.exit_code != EXIT_UNSUPPORTED or way.PROBE == "auto":
            raise
        return str(error)
    return ""


@pytest.fixture(scope="session", autouse=True)
def _this_kernel_can() -> None:
    if missing := _missing():
        pytest.skip(missing)


@pytest.fixture
def trace() -> Iterator[Callable[..., Tracer]]:
    """Opens sessions with a request's arguments; without any, of this process alone."""
    sessions = []

    def start(**request: object) -> Tracer:
        request = request or {"pids": (os.getpid(),)}
        sessions.append(open_session(spawn_loader(), way.request(**request)))
        return Tracer(sessions[-1])

    yield start
    for session in sessions:
        session.close()
