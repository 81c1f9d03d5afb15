"""What exists while a session is open, and that nothing is left after it, however it ended."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import way

from tcpconntop.doctor import try_load
from tcpconntop.doctor.examine import examine
from tcpconntop.kernel.attach import PROBE_SETS
from tcpconntop.kernel.launch import TracerError, spawn_loader
from tcpconntop.kernel.privileges import caller
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session

pytestmark = pytest.mark.compiles

INTERFACE = str(Path(__file__).with_name("interface.py"))
GONE_S = way.DEADLINE_S
MARK = (1 << 31) + os.getpid()
"""No process has this ID: with it as filter, a test finds the maps of its own session."""


def bpftool(*arguments: str) -> Any:
    """Return the JSON output of bpftool. A map that is deleted while it is listed is not an error."""
    return json.loads(subprocess.run(["bpftool", "-j", *arguments], capture_output=True, check=False).stdout)


def is_traced(pid: int) -> bool:
    """True if a program that filters by this process is loaded: it keeps the settings map alive."""
    for entry in bpftool("map", "show"):
        if entry.get("name") == "tct_settings":
            dump = bpftool("map", "lookup", "id", str(entry["id"]), "key", "0", "0", "0", "0")
            value = bytes(int(byte, 16) for byte in dump.get("value", ()))
            if value and struct.unpack_from("=I", value, 32)[0] == pid:
                return True
    return False


def is_running(pid: int) -> bool:
    """True if the process still runs, and is not a zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(reached: Any, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def interface(until: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A user interface process that has reached this step, and everything it has reported."""
    usual = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    process = subprocess.Popen(
        [sys.executable, INTERFACE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**usual, **environment},
    )
    reported: dict[str, Any] = {}
    assert process.stdout
    with process:
        try:
            while reported.get("step") != until:
                reported |= json.loads(process.stdout.readline())
            yield process, reported
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("step", "later_s"),
    [
        ("spawned", 0),
        *(pytest.param("opening", later_s, marks=pytest.mark.long) for later_s in (0, 0.1, 0.3)),
        ("open", 0),
    ],
)
def test_kill_9_leaves_nothing(step: str, later_s: float) -> None:
    """GIVEN an interface at some step WHEN it is killed THEN loader, programs and maps end at once."""
    with interface(step) as (process, reported):
        time.sleep(later_s)  # at different times of the compilation
        if step == "open":
            assert is_traced(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: not is_running(reported["loader"]), GONE_S)
        wait_until(lambda: not is_traced(process.pid), GONE_S)


@pytest.mark.parametrize("sudo", [pytest.param(False, marks=pytest.mark.long), True])
def test_the_interface_has_no_capability(sudo: bool) -> None:
    user = {"SUDO_UID": "65534", "SUDO_GID": "65534"} if sudo else {"SUDO_UID": "0", "SUDO_GID": "0"}
    with interface("open", PRELOAD="1" if sudo else "", **user) as (process, reported):
        assert len(reported["capabilities"]) > 1
        assert set(reported["capabilities"]) == {"0" * 16}
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert reported["uid"] == reported["gid"] == [int(user["SUDO_UID"])] * 3
        assert reported["groups"] == ([65534] if sudo else os.getgroups())
        assert reported["pages"] > 0
        assert is_running(reported["loader"]) == (reported["transport"] == "perf")
        process.kill()
        assert process.stderr
        assert process.stderr.read() == b""


def test_close_detaches() -> None:
    with open_session(spawn_loader(), way.request(pids=(MARK,))) as session:
        assert is_traced(MARK)
        assert session.probe in (PROBE_SETS if way.PROBE == "auto" else (way.PROBE,))
        assert session.transport == ("ring" if way.TRANSPORT == "auto" else way.TRANSPORT)
    session.close()
    wait_until(lambda: not is_traced(MARK), GONE_S)


@pytest.mark.parametrize(
    "interpreters",
    [(sys.executable,), pytest.param(None, marks=pytest.mark.long)],
    ids=["without BCC", "with"],
)
def test_doctor_leaves_nothing(interpreters: tuple[str, ...] | None) -> None:
    """GIVEN doctor, which attaches every probe set WHEN it has ended THEN no probe is left."""
    before = descriptors()
    report = examine(spawn_loader(interpreters, entry=try_load.ENTRY), caller(), TraceRequest(pids=(MARK,)))
    assert report.exit_code == 0
    wait_until(lambda: not is_traced(MARK), GONE_S)
    assert descriptors() == before


def descriptors() -> list[str]:
    return sorted(link.name for link in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("later_s", [0, pytest.param(0.1, marks=pytest.mark.long), 0.3])
def test_cancel(later_s: float) -> None:
    """GIVEN a session being opened WHEN another thread cancels THEN it ends at once, with nothing left."""
    before = descriptors()
    loader = spawn_loader()
    timer = threading.Timer(later_s, loader.cancel)
    timer.start()
    slow = replace(way.request(pids=(MARK,)), loader="bcc")  # an image is loaded before the timer ends
    with pytest.raises(TracerError):
        open_session(loader, slow)
    timer.join()
    assert loader.process.returncode is not None
    assert descriptors() == before
    wait_until(lambda: not is_traced(MARK), GONE_S)


def refusal_of(probe: str, interpreters: tuple[str, ...] | None = None) -> TracerError | None:
    try:
        open_session(spawn_loader(interpreters), TraceRequest(probe=probe)).close()
    except TracerError as error:
        return error
    return None


@pytest.mark.parametrize("probe", [name for name in PROBE_SETS if name != "tracepoint"])
def test_a_refused_probe_set_is_one_line(probe: str) -> None:
    """GIVEN a refused probe set WHEN requested THEN one line has the reason and an alternative."""
    before = descriptors()
    error = refusal_of(probe)
    if error is None:
        pytest.skip(f"this kernel has {probe}")
    assert re.fullmatch(rf"--probe {probe} is not available here \(.+\): use --probe tracepoint", str(error))
    assert error.exit_code == 4
    assert set(descriptors()) <= set(before)  # what other tests left may be gone by now
    # The kernel has answered: nobody asks BCC, which has the same programs.
    assert str(refusal_of(probe, (sys.executable,))) == str(error)


def test_auto_selects_the_first_probe_set_that_works() -> None:
    with open_session(spawn_loader(), TraceRequest()) as session:
        taken, notes = session.probe, session.notes
    assert next(probe for probe in PROBE_SETS if refusal_of(probe) is None) == taken
    assert any(note.startswith("only tracepoints can be attached (") for note in notes) == (
        taken == "tracepoint"
    )


@pytest.mark.parametrize("interpreters", [(), ("/nonexistent",), (sys.executable, sys.executable)])
def test_without_bcc_the_error_names_the_package(interpreters: tuple[str, ...]) -> None:
    with pytest.raises(TracerError, match="no Python here has BCC: install python3-bpfcc") as caught:
        open_session(spawn_loader(interpreters), TraceRequest(loader="bcc"))
    assert caught.value.exit_code == 4


def test_a_loader_that_dies_is_a_failure_here_and_now() -> None:
    """GIVEN a loader that somebody kills WHEN it is to trace THEN the error says how it ended."""
    loader = spawn_loader()
    loader.process.kill()
    with pytest.raises(TracerError, match=r"^the loader was ended by signal 9 \(Killed\) before") as caught:
        open_session(loader, TraceRequest())
    assert caught.value.exit_code == 1


@pytest.mark.long
def test_an_interpreter_without_bcc_is_skipped() -> None:
    loader = spawn_loader((sys.executable, "/usr/bin/python3"))
    with open_session(loader, TraceRequest(loader="bcc", pids=(MARK,))) as session:
        assert is_traced(MARK)
        assert session.counters().attempts == session.counters().in_flight == 0


def test_a_broken_program_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "include" / "linux").mkdir(parents=True)
    (tmp_path / "include" / "linux" / "kconfig.h").touch()
    (tmp_path / "tcpconntop.bpf.c").write_text("int broken(")
    monkeypatch.setattr("tcpconntop.kernel.job.bpf_folder", lambda: tmp_path)
    with pytest.raises(TracerError, match=r"^the BPF program does not compile") as caught:
        open_session(spawn_loader(), TraceRequest())
    assert caught.value.exit_code == 4
    assert "error:" in caught.value.detail


UNPRIVILEGED = """
import sys
from tcpconntop.kernel import launch
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session
try:
    open_session(launch.spawn_loader(privileged={privileged}), TraceRequest())
except launch.TracerError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(
    ("privileged", "says"),
    [
        (
            True,
            "tracing needs CAP_BPF and CAP_PERFMON, which root lacks here: "
            "start the container with --cap-add BPF --cap-add PERFMON\n",
        ),
        (False, "tracing needs root or CAP_BPF+CAP_PERFMON: run with sudo\n"),
    ],
    ids=["checked", "refused"],
)
def test_without_privileges(privileged: bool, says: str) -> None:
    """One line and exit code 3, whether the program checks it or the kernel refuses."""
    code = UNPRIVILEGED.format(privileged=privileged)
    bare = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    done = subprocess.run([*bare, sys.executable, "-c", code], capture_output=True, check=False)
    assert done.stdout.decode() == says
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.long
def test_the_loader_stays_with_perf_buffers() -> None:
    """GIVEN perf buffers WHEN the first owner closes it THEN it stays; WHEN killed THEN reading fails."""
    loader = spawn_loader()
    with open_session(loader, TraceRequest(transport="perf", pids=(MARK,))) as session:
        loader.cancel()
        loader.close()
        assert len(session.read(0)) == 0
        loader.process.kill()
        loader.process.wait()
        with pytest.raises(TracerError, match="has ended") as caught:
            session.read(0)
        assert caught.value.exit_code == 1
    wait_until(lambda: not is_traced(MARK), GONE_S)
