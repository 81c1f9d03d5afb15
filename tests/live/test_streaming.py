"""`record - | replay -`: what one machine traces, another one shows. Started as a user starts them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
import way
import workload
from command import DEADLINE_S, TCPCONNTOP, UNPRIVILEGED, Known, full_pipe, run, tcpconntop
from pseudo_terminal import on_terminal

pytestmark = pytest.mark.compiles


def documents_of(known: Known, *words: str) -> list[dict[str, object]]:
    """Return what a command without privileges prints of a stream of known connects."""
    with tcpconntop("record", "-", "-P", known.ports) as recorder:
        assert recorder.process.stdout is not None
        with subprocess.Popen(
            [*UNPRIVILEGED, *TCPCONNTOP, *words],
            stdin=recorder.process.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as reader:  # fmt: skip
            recorder.process.stdout.close()
            known.run()
            recorder.process.send_signal(signal.SIGINT)
            out, err = reader.communicate(timeout=DEADLINE_S)
            assert reader.returncode == 0, err
            assert recorder.process.wait(DEADLINE_S) == 130
            assert recorder.process.stderr is not None
            assert f"{Known.count} connects recorded" in recorder.process.stderr.read()
    assert "no end" not in err
    assert "without an end" not in err
    return [json.loads(line) for line in out.splitlines()]


def test_a_stream_has_exactly_what_happened(known: Known) -> None:
    """GIVEN known connects WHEN they come through a pipe THEN -b has their totals, which balance."""
    last = documents_of(known, "replay", "-", "-b", "--json", "-w", "all")[-1]
    assert last["source"] == "stream"
    assert (last["attempts"], last["in_flight"], last["lost"]) == (Known.count, 0, 0)
    outcomes = last["outcomes"]
    assert isinstance(outcomes, dict)
    assert (outcomes["ok"], outcomes["refused"], outcomes["cancelled"]) == (30, 5, 3)
    assert sum(outcomes.values()) == Known.count


@pytest.mark.long
def test_log_has_the_connects_of_a_stream(known: Known) -> None:
    lines = documents_of(known, "log", "--json", "--replay", "/dev/stdin")
    assert [line["result"] for line in lines] == ["ok"] * 30 + ["refused"] * 5 + ["cancelled"] * 3
    assert {line["pid"] for line in lines} == {os.getpid()}


def test_a_connect_is_shown_while_the_recording_goes_on(known: Known) -> None:
    """GIVEN a stream that goes on WHEN something connects THEN `log` prints it, and neither has ended."""
    port = str(workload.port_of(known.v4))
    with tcpconntop("record", "-", "-P", port) as recorder:
        assert recorder.process.stdout is not None
        with subprocess.Popen(
            [*TCPCONNTOP, "log", "--json", "--replay", "-"],
            stdin=recorder.process.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as reader:  # fmt: skip
            assert reader.stdout is not None
            for _ in range(2):
                workload.connect(known.v4, 1)
                assert json.loads(reader.stdout.readline())["dport"] == int(port)
            assert reader.poll() is None
            assert recorder.process.poll() is None
            reader.send_signal(signal.SIGINT)
            assert reader.wait(DEADLINE_S) == 130
            recorder.process.stdout.close()
            assert recorder.process.wait(DEADLINE_S) == -signal.SIGPIPE


def test_a_reader_that_goes_ends_the_tracer_silently() -> None:
    """GIVEN a stream without connects WHEN its reader goes THEN the tracer ends, as by SIGPIPE."""
    with tcpconntop("record", "-", "-P", "1") as recorder:
        assert recorder.process.stdout is not None
        recorder.process.stdout.close()
        assert recorder.process.wait(DEADLINE_S) == -signal.SIGPIPE
        assert recorder.process.stderr is not None
        assert recorder.process.stderr.read() == ""


def test_a_reader_that_reads_nothing_does_not_hold_up_the_end() -> None:
    """GIVEN a pipe that is full WHEN SIGTERM comes THEN the tracer ends, and says that the end is missing."""
    command = [*TCPCONNTOP, "record", "-", "-P", "1", *way.OPTIONS]
    with (
        full_pipe() as writer,
        subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        assert any(line.startswith("tracing: ") for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 143
        assert "the recording has no end" in process.stderr.read()


def test_stdout_as_a_file_is_a_recording(known: Known, tmp_path: Path) -> None:
    file = tmp_path / "r"
    with file.open("wb") as out, subprocess.Popen(
        [*TCPCONNTOP, "record", "-", "-P", known.ports, *way.OPTIONS],
        stdout=out, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert any(line.startswith("tracing: ") for line in process.stderr)
        known.run()
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    done = run("replay", str(file), "-b", "--json", "-w", "all", prefix=UNPRIVILEGED)
    assert json.loads(done.stdout.splitlines()[-1])["attempts"] == Known.count


def test_the_dashboard_of_a_stream(known: Known) -> None:
    """GIVEN `record - | replay -` in a terminal WHEN something connects THEN it is shown; q ends both."""
    record = shlex.join([*TCPCONNTOP, "record", "-", "-P", known.ports, *way.OPTIONS])
    replay = shlex.join([*TCPCONNTOP, "replay", "-", "-w", "all", "-g", "port"])
    with on_terminal(["bash", "-c", f'{record} | {replay}; echo "ended: ${{PIPESTATUS[*]}}"']) as terminal:
        terminal.until("● stream")
        known.run()
        terminal.until(str(workload.port_of(known.v4)))
        terminal.press("g")
        terminal.until("by subnet")
        terminal.press("q")
        terminal.until("ended: 141 0")
        assert terminal.end() == 0
        assert terminal.modes() == set()
