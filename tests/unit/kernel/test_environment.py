"""Odd environments: each gets one line that names it, and the documented exit code."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tcpconntop.core.errors import EXIT_FAILED, EXIT_UNSUPPORTED, EXIT_USAGE, FatalError
from tcpconntop.kernel import environment, launch
from tcpconntop.kernel.environment import check_descriptors, check_environment, memory_limit_hint
from tcpconntop.kernel.launch import PYTHON_VARIABLE, TracerError, spawn_loader
from tcpconntop.kernel.privileges import has_privileges

needs_privileges = pytest.mark.skipif(
    not has_privileges(), reason="tracing needs root or CAP_BPF+CAP_PERFMON"
)


def run(*words: str, prefix: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-m", "tcpconntop", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **variables},
    )


@pytest.mark.parametrize("value", ["", "root", "-1", "1.5", "²", "4294967295"])
@pytest.mark.parametrize("name", ["SUDO_UID", "SUDO_GID"])
def test_variables_of_sudo_that_are_no_ids(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(FatalError, match=f"{name} is '{value}'") as refused:
        check_environment()
    assert refused.value.exit_code == EXIT_USAGE


def test_without_proc_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="/proc is not mounted") as refused:
        check_environment(tmp_path)
    assert refused.value.exit_code == EXIT_UNSUPPORTED


def test_few_descriptors_are_made_more_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(18, 18)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    with pytest.raises(FatalError, match="the limit is 18"):
        check_descriptors()
    for soft, hard, after in ((18, 4096, 64), (18, resource.RLIM_INFINITY, 64), (1024, 4096, 1024)):
        limits.append((soft, hard))
        check_descriptors()
        assert limits[-1] == (after, hard)


def test_a_memory_limit_is_named_beside_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (300 << 20, resource.RLIM_INFINITY))
    assert "limited to 300 MB" in memory_limit_hint()
    assert "300 MB" in str(environment.out_of_memory())
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert memory_limit_hint() == ""


@needs_privileges
@pytest.mark.parametrize(
    ("prefix", "variables", "code", "reason"),
    [
        (("prlimit", "--nofile=18:18", "--"), {}, EXIT_FAILED, "64 file descriptors, and the limit is 18"),
        ((), {PYTHON_VARIABLE: "/bin/false"}, EXIT_UNSUPPORTED, "/bin/false, which is no Python"),
        ((), {PYTHON_VARIABLE: "/nothing"}, EXIT_UNSUPPORTED, "/nothing, which is no Python"),
        ((), {"SUDO_UID": "x"}, EXIT_USAGE, "SUDO_UID is 'x'"),
    ],
    ids=str,
)
def test_a_command_names_the_right_reason(
    prefix: tuple[str, ...], variables: dict[str, str], code: int, reason: str
) -> None:
    done = run("-b", "-n", "1", prefix=prefix, **variables)
    assert reason in done.stderr
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)


@needs_privileges
def test_a_loader_that_was_stopped_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_STOP_TIMEOUT_S", 0.1)
    loader = spawn_loader()
    loader.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, loader.process.pid, os.WSTOPPED | os.WNOWAIT)
    loader.close()
    assert loader.process.returncode == -signal.SIGKILL


@needs_privileges
def test_a_stopped_loader_that_may_not_be_ended_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a user who called sudo WHEN the loader is stopped THEN one line says how to end it."""
    monkeypatch.setattr(launch, "_STOP_TIMEOUT_S", 0.1)
    loader = spawn_loader()
    process, kill = loader.process, loader.process.kill

    def refused() -> None:
        raise PermissionError

    monkeypatch.setattr(process, "kill", refused)
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    with pytest.raises(TracerError, match=f"sudo kill -9 {process.pid}") as error:
        loader.close()
    assert error.value.exit_code == EXIT_FAILED
    kill()
    process.wait()
