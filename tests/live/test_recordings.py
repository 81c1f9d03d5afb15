"""record, replay and export end to end: started as a user starts them, with known connects."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import way
import workload
from command import TCPCONNTOP, UNPRIVILEGED, Known, ended, run, tcpconntop

from tcpconntop.core.wire import EVENT
from tests.bench.recorded_storm import comparable

pytestmark = pytest.mark.compiles

DEADLINE_S = way.DEADLINE_S


def log_of(*arguments: str) -> list[dict[str, object]]:
    """Return the connects that `log` reads without privileges, from a recording."""
    done = run("log", "--json", *arguments, prefix=UNPRIVILEGED)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_recording_has_exactly_what_happened(known: Known, tmp_path: Path) -> None:
    """GIVEN recorded connects WHEN played without privileges THEN log, -b and export have all of them."""
    file = str(tmp_path / "r")
    with tcpconntop("record", file, "-P", known.ports) as recorder:
        known.run()
        _, said = recorder.interrupt()
    assert f"{Known.count} connects recorded" in said

    connects = log_of("--replay", file)
    results = [(line["result"], line["errno"]) for line in connects]
    assert results == [("ok", None)] * 30 + [("refused", "ECONNREFUSED")] * 5 + [("cancelled", None)] * 3
    assert {line["pid"] for line in connects} == {os.getpid()}

    done = run("replay", file, "-b", "--json", "-w", "all", prefix=UNPRIVILEGED)
    last = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1].startswith("replaying: ")
    assert "tracing: " not in done.stderr
    assert last["source"] == "recording"
    assert (last["attempts"], last["in_flight"], last["lost"]) == (Known.count, 0, 0)
    assert (last["outcomes"]["ok"], last["outcomes"]["refused"], last["outcomes"]["cancelled"]) == (30, 5, 3)
    assert sum(row["count"] for row in last["rows"]) == Known.count

    lines = run("export", file, "--format", "jsonl", prefix=UNPRIVILEGED).stdout.splitlines()
    assert [json.loads(line) for line in lines] == connects
    v6 = run("export", file, "--format", "csv", "-6", prefix=UNPRIVILEGED).stdout.splitlines()
    assert len(v6) == 1 + 7


@pytest.mark.parametrize(
    "arguments",
    [["-b", "--json", "-w", "all", "-d", "0.3"], pytest.param(["log", "--json"], marks=pytest.mark.long)],
)
def test_recording_while_batch_or_log_runs(known: Known, tmp_path: Path, arguments: list[str]) -> None:
    """GIVEN a filter of the view WHEN `--record` is given THEN the filter does not apply to the recording."""
    file = str(tmp_path / "r")
    with tcpconntop(*arguments, "-P", known.ports, "--dest", "::1", "--record", file) as beside:
        known.run()
        out, err = beside.interrupt()
    assert "recording" not in err
    documents = [json.loads(line) for line in out]
    rows = documents[-1]["rows"] if arguments[0] == "-b" else documents
    assert sum(row.get("count", 1) for row in rows) == 7
    assert len(log_of("--replay", file)) == Known.count
    assert "no end" not in run("log", "--replay", file).stderr


def test_a_replay_equals_what_batch_showed(known: Known, tmp_path: Path) -> None:
    """GIVEN a recording by -b WHEN played THEN the last document is the same, with completeness."""
    file = str(tmp_path / "r")
    with tcpconntop("-b", "--json", "-w", "all", "--record", file) as beside:
        known.run()
        live = json.loads(beside.interrupt()[0][-1])
    again = json.loads(run("replay", file, "-b", "--json", "-w", "all").stdout.splitlines()[-1])
    assert comparable(again) == comparable(live)


def test_kill_9_loses_only_the_newest_records(known: Known, tmp_path: Path) -> None:
    """GIVEN a running recording WHEN its process is killed THEN what was written can be read."""
    file = tmp_path / "r"
    with tcpconntop("record", str(file), "-P", str(workload.port_of(known.v4))) as recorder:
        early = workload.connect(known.v4, 211)
        deadline_s = time.monotonic() + DEADLINE_S
        while len(log_of("--replay", str(file))) < len(early):
            assert time.monotonic() < deadline_s, "the traced connects were not written"
        late = workload.connect(known.v4, 23)
        recorder.process.kill()
        recorder.process.wait()
    done = run("log", "--json", "--replay", str(file))
    found = [json.loads(line)["lport"] for line in done.stdout.splitlines()]
    assert found[:211] == early
    assert set(found[211:]) <= set(late)
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1].startswith("tcpconntop: the recording has no end")


def bytes_in(folder: Path) -> int:
    """Return how much the files of a folder hold."""
    return sum(file.stat().st_size for file in folder.iterdir())


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait for what a recorder does once a second or so."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_files_rotate_and_play_as_one(known: Known, tmp_path: Path) -> None:
    file, port = str(tmp_path / "r"), workload.port_of(known.v4)
    options = ("--rotate-size", "64k", "--compress", "none", "--keep", "50")
    with tcpconntop("record", file, "-P", str(port), *options) as recorder:
        for made in (401, 802, 1203, 1604):
            workload.connect(known.v4, 401)
            wait_until(lambda made=made: bytes_in(tmp_path) >= made * EVENT.itemsize)
        recorder.interrupt()
    files = sorted(map(str, tmp_path.iterdir()))
    assert len(files) > 2
    assert all(Path(name).stat().st_size <= 64 << 10 for name in files)
    done = run("replay", *files, "-b", "--json", "-w", "all")
    assert json.loads(done.stdout.splitlines()[-1])["outcomes"]["ok"] == 4 * 401


def test_a_full_disk_is_reported_in_one_line(known: Known, tmp_path: Path) -> None:
    """GIVEN a limit of file sizes WHEN it is reached THEN record ends with 1, and log continues."""
    for arguments in (["record", str(tmp_path / "a")], ["log", "--record", str(tmp_path / "b")]):
        command = [*TCPCONNTOP, *arguments, "-P", str(workload.port_of(known.v4)), *way.OPTIONS]
        process = subprocess.Popen(
            ["prlimit", "--fsize=1500", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with process:
            assert process.stderr is not None
            assert any(line.startswith("tracing: ") for line in process.stderr)
            workload.connect(known.v4, 211)
            if arguments[0] == "log":
                wait_until(lambda: bytes_in(tmp_path) >= 2 * 1500)  # the file of `record` is there already
                workload.connect(known.v4, 5)
                process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 1
        assert err == f"tcpconntop: cannot write {arguments[-1]}: File too large\n"
        assert len(out.splitlines()) == (1 + 216 if arguments[0] == "log" else 0)


like_others = partial(pytest.param, marks=pytest.mark.long)


@pytest.mark.parametrize(
    ("arguments", "names", "code"),
    [
        like_others(["check", "--for", "1s", "--assert", "nginx"], "nginx", 2),
        (["check", "--for", "1s", "--assert", "p98<1s"], "p98", 2),
        like_others(["check", "--assert", "p99<1s"], "--for", 2),
        like_others(["check", "--for", "1s", "--assert", "p99<1s", "--filter", "p99>1s"], "p99", 2),
        like_others(["log", "--rotate-size", "1M"], "--record", 2),
        like_others(["record", "f", "--keep", "3"], "--keep", 2),
        (["log", "--replay", __file__, "--record", "f"], "--record", 2),
        like_others(["log", "--replay", "/nonexistent"], "/nonexistent", 1),
        like_others(["replay", "-b", "/"], "directory", 1),
        (["replay", "-b", __file__], "not a recording", 1),
        like_others(["export", __file__, "--format", "csv"], "not a recording", 1),
        (["replay", __file__], "terminal", 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line(arguments: list[str], names: str, code: int) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert names in done.stderr


def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("precious")
    done = run("record", str(tmp_path / "r"), "--for", "1s", *way.OPTIONS)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"tcpconntop: {tmp_path / 'r'} exists: remove it, or choose another name"
    ]
    assert (tmp_path / "r").read_text() == "precious"


def test_a_closed_pipe_ends_export_and_log_silently(known: Known, tmp_path: Path) -> None:
    """GIVEN `export | head -1` WHEN head has its line THEN export ends by SIGPIPE and prints nothing."""
    file = str(tmp_path / "r")
    with tcpconntop("record", file, "-P", str(workload.port_of(known.v4))) as recorder:
        workload.connect(known.v4, 1009)
        recorder.interrupt()
    for command in (["export", file, "--format", "csv"], ["log", "--replay", file]):
        with subprocess.Popen(
            [*TCPCONNTOP, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            said = process.stderr.read()
            assert process.wait(DEADLINE_S) == -signal.SIGPIPE
            assert "Error" not in said


def test_replaying_starts_no_loader_and_keeps_no_privilege(known: Known, tmp_path: Path) -> None:
    """GIVEN root WHEN a recording is played THEN it starts no process and keeps no capability."""
    file = str(tmp_path / "r")
    with tcpconntop("record", file, "--for", "2s", "-P", known.ports) as recorder:
        ended(recorder)
        assert recorder.process.returncode == 0
    with subprocess.Popen(
        [sys.executable, "-m", "tcpconntop", "replay", file, "-b", "--speed", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert any(line.startswith("replaying: ") for line in process.stderr)
        status = Path(f"/proc/{process.pid}/status").read_text()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)
    assert "CapEff:\t0000000000000000" in status
    assert children == ""
    assert process.returncode == 130


def test_connects_left_out_by_the_filter_are_not_recorded(known: Known, tmp_path: Path) -> None:
    file = str(tmp_path / "r")
    with tcpconntop("record", file, "-P", known.ports, "--dest", "::1") as recorder:
        known.run()
        recorder.interrupt()
    assert {line["daddr"] for line in log_of("--replay", file)} == {"::1"}
    assert socket.gethostname() in run("replay", file, "-b").stderr
