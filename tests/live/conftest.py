"""Live tests trace this very kernel. They filter by their own process or port: other traffic is no matter."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tcpconntop.kernel.launch import TracerError, interpreters, spawn_loader
from tcpconntop.kernel.privileges import has_privileges
from tcpconntop.kernel.program import EXIT_UNSUPPORTED
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import Session, open_session

sys.path.insert(0, str(Path(__file__).parent))

import way
from tracer import Tracer

TRACED = pytest.StashKey[Session]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how these tests traced, and what this kernel refused."""
    traced = config.stash.get(TRACED, None)
    if traced is not None:
        terminalreporter.section("live tests")
        for line in (f"traced by {traced.probe}/{traced.transport}", *traced.notes):
            terminalreporter.line(line)


def _missing() -> str:
    if not has_privileges():
        return "live tests need root or CAP_BPF+CAP_PERFMON"
    if not Path("/sys/kernel/btf/vmlinux").exists():
        return "live tests need a kernel with BTF"
    probe = "import bcc; bcc.BPF"
    if all(
        subprocess.run([p, "-Ic", probe], check=False, capture_output=True).returncode for p in interpreters()
    ):
        return "live tests need the distribution's BCC (python3-bpfcc)"
    return ""


@pytest.fixture(scope="session", autouse=True)
def session(
    record_testsuite_property: Callable[[str, object], None], pytestconfig: pytest.Config
) -> Iterator[Session]:
    """The session that tests share."""
    if missing := _missing():
        pytest.skip(missing)
    begin_s = time.monotonic()
    try:
        shared = open_session(spawn_loader(), way.request())
    except TracerError as error:
        if error.exit_code != EXIT_UNSUPPORTED or way.PROBE == "auto":
            raise
        pytest.skip(str(error))
    record_testsuite_property("start_s", round(time.monotonic() - begin_s, 1))
    record_testsuite_property("notes", "\n".join(shared.notes))
    pytestconfig.stash[TRACED] = shared
    with shared:
        yield shared


@pytest.fixture
def trace(session: Session) -> Callable[..., Tracer]:
    """Starts to trace with a request's arguments; without any, this process alone."""
    return lambda **request: Tracer(session, wanted(request))


@pytest.fixture
def own_trace() -> Iterator[Callable[..., Tracer]]:
    """Likewise, in sessions of the test's own."""
    sessions = []

    def start(**request: object) -> Tracer:
        sessions.append(open_session(spawn_loader(), wanted(request)))
        return Tracer(sessions[-1], wanted(request))

    yield start
    for session in sessions:
        session.close()


def wanted(request: dict[str, object]) -> TraceRequest:
    return way.request(**(request or {"pids": (os.getpid(),)}))
