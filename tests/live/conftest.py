"""Live tests trace this kernel, from their own network namespace.

Sessions see the connects of all namespaces: tests filter by their own process or by their own ports.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tcpconntop.core.errors import EXIT_UNSUPPORTED
from tcpconntop.kernel.launch import TracerError, interpreters, spawn_loader
from tcpconntop.kernel.privileges import has_privileges
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import Session, open_session

sys.path.insert(0, str(Path(__file__).parent))

import network
import way
from command import Known
from tracer import Tracer

REPEATED = ("test_ledger", "test_outcomes", "test_answers")
"""The modules whose tests always run in every way of tracing."""

TRACED = pytest.StashKey[list[str]]()
"""The lines about the session that tests share."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how these tests traced, and what this kernel refused."""
    if traced := config.stash.get(TRACED, []):
        terminalreporter.section("live tests")
        for line in traced:
            terminalreporter.line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send these lines to the main process, if this one is a worker of pytest-xdist."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["traced"] = session.config.stash.get(TRACED, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Receive the lines of a worker; one that ended early has none."""
    if traced := getattr(node, "workeroutput", {}).get("traced"):
        note_lines(node.config, traced)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that counts events again if it fails once while other workers attach programs, and say so.

    Linux 6.18 passes by all programs of a tracepoint for some ms while anybody attaches another one there or
    detaches one, without counting it. Without other workers nothing is run again.
    """
    if "trace" not in getattr(item, "fixturenames", ()) or "PYTEST_XDIST_WORKER" not in os.environ:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if failed := [report.when for report in reports if report.failed]:
        note_lines(
            item.config, [f"run again: {item.nodeid} failed ({failed[0]}) beside tests that attach programs"]
        )
        item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def note_lines(config: pytest.Config, lines: list[str]) -> None:
    """Add lines to those that are printed at the end, each once."""
    config.stash[TRACED] = list(dict.fromkeys([*config.stash.get(TRACED, []), *lines]))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With `--every-way`, repeat in the other ways of tracing what does not open sessions of its own.

    Each way has one worker of pytest-xdist, which opens one session for all of its tests. In full length all
    are repeated; else those that hold times, outcomes and counts, with perf buffers. With BCC the kernel gets
    the same programs (a test compares them), so what starts the program itself is not repeated with it.
    """
    is_long = metafunc.config.getoption("long")
    shares = "trace" in metafunc.fixturenames
    repeated = shares and (is_long or metafunc.module.__name__ in REPEATED)
    others = [
        name for name in way.OTHERS if (repeated and is_long) or (name == "perf" and (repeated or is_long))
    ]
    alone = any(map(metafunc.definition.get_closest_marker, ("compiles", "xdist_group")))
    if metafunc.config.getoption("every_way") and not alone and "own_trace" not in metafunc.fixturenames:
        ways = [pytest.param(None, id=pytest.HIDDEN_PARAM)]  # type: ignore[arg-type]
        ways += [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in others]
        metafunc.parametrize("session", ways, indirect=True)


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
def _own_network() -> Iterator[None]:
    """Move to a new network namespace, where no other process of this machine connects.

    Each worker of pytest-xdist has its own, so that it can compare its connects with the kernel's own count.
    """
    if missing := _missing():
        pytest.skip(missing)
    reserved, ports = network.reserve_ports()
    with reserved:
        network.enter()
        network.use_ports(ports)
        yield


@pytest.fixture(scope="session", autouse=True)
def session(
    request: pytest.FixtureRequest,
    _own_network: None,
    record_testsuite_property: Callable[[str, object], None],
    pytestconfig: pytest.Config,
) -> Iterator[Session]:
    """The session that all tests share; with `--every-way`, those of one way."""
    begin_s = time.monotonic()
    with another_way(getattr(request, "param", None)):
        try:
            # With a filter from the start: connects of the machine that hang would be in flight for minutes.
            shared = open_session(spawn_loader(), way.request(pids=(os.getpid(),)))
        except TracerError as error:
            if error.exit_code != EXIT_UNSUPPORTED or way.PROBE == "auto":
                raise
            pytest.skip(str(error))
        record_testsuite_property("start_s", round(time.monotonic() - begin_s, 1))
        record_testsuite_property("notes", "\n".join(shared.notes))
        line = f"traced by {shared.probe}/{shared.transport}, programs of {shared.loader}"
        note_lines(pytestconfig, [line, *shared.notes])
        with shared:
            yield shared


@contextmanager
def another_way(name: str | None) -> Iterator[None]:
    """Trace in one of `way.OTHERS` until the end of the block, also in processes that are started there."""
    with pytest.MonkeyPatch.context() as patch:
        for constant, value in way.OTHERS[name].items() if name else ():
            patch.setattr(way, constant, value)
            patch.setenv(f"TCPCONNTOP_TEST_{constant}", value)
        options = ("--probe", way.PROBE, "--transport", way.TRANSPORT, "--loader", way.LOADER)
        patch.setattr(way, "OPTIONS", options)
        yield


@pytest.fixture
def alone() -> Iterator[None]:
    """A network namespace for one test: what an earlier one left may still connect in the worker's."""
    with network.another():
        yield


@pytest.fixture
def trace(session: Session) -> Callable[..., Tracer]:
    """A function that starts to trace with a request's arguments; without any, only this process."""
    return lambda **request: Tracer(session, wanted(request))


@pytest.fixture
def own_trace() -> Iterator[Callable[..., Tracer]]:
    """The same as `trace`, with a new session for each call."""
    sessions = []

    def start(**request: object) -> Tracer:
        sessions.append(open_session(spawn_loader(), wanted(request)))
        return Tracer(sessions[-1], wanted(request))

    yield start
    for session in sessions:
        session.close()


@pytest.fixture
def known() -> Iterator[Known]:
    """Listeners and ports for the known connects."""
    with ExitStack() as stack:
        yield Known(stack)


def wanted(request: dict[str, object]) -> TraceRequest:
    return way.request(**(request or {"pids": (os.getpid(),)}))
