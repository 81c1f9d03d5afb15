"""The signals that end a program: in every mode, a recording is complete and the exit code is 128 + n."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import way
from command import DEADLINE_S, TCPCONNTOP, Known, full_pipe, run, tcpconntop
from pseudo_terminal import on_terminal, state

pytestmark = pytest.mark.compiles


def assert_complete(file: Path, attempts: int | None = None) -> None:
    """Assert that a recording has its end, and so many attempts."""
    played = run("replay", str(file), "-b", "--json", "-w", "all")
    assert "has no end" not in played.stderr
    assert played.returncode == 0, played.stderr
    if attempts is not None:
        assert json.loads(played.stdout.splitlines()[-1])["attempts"] == attempts


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGHUP, ["record", "FILE"]),
        pytest.param(signal.SIGTERM, ["record", "FILE"], marks=pytest.mark.long),
        pytest.param(signal.SIGQUIT, ["-b", "--record", "FILE"], marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, ["log", "--record", "FILE"], marks=pytest.mark.long),
        (signal.SIGTERM, ["check", "--for", "1h", "--assert", "count>0", "--record", "FILE"]),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else value[0],
)
def test_a_headless_command_ends_in_order(
    number: signal.Signals, words: list[str], known: Known, tmp_path: Path
) -> None:
    """GIVEN a recording WHEN a signal comes, and comes again THEN it is complete, and the code is 128+n."""
    file = tmp_path / "r"
    words = [str(file) if word == "FILE" else word for word in words]
    with tcpconntop(*words, "-P", known.ports) as command:
        known.run()
        for _ in range(3):
            command.process.send_signal(number)
        _, err = command.process.communicate(timeout=DEADLINE_S)
        assert command.process.returncode == 128 + number, err
        assert "Traceback" not in err
    assert_complete(file, known.count)


def test_a_signal_while_it_compiles_ends_it(tmp_path: Path) -> None:
    """GIVEN a loader at work WHEN SIGTERM comes THEN both end, before anything is traced."""
    command = [*TCPCONNTOP, "record", str(tmp_path / "r"), *way.OPTIONS]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not (loaders := children.read_text("ascii").split()):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err) == (143, "")
    deadline_s = time.monotonic() + DEADLINE_S
    while state(int(loaders[0])) not in ("gone", "Z"):  # it may have been importing BCC
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_reader_that_goes_leaves_a_complete_recording(known: Known, tmp_path: Path) -> None:
    """GIVEN `log --record` WHEN the reader of stdout goes THEN the file gets its end."""
    file = tmp_path / "r"
    with tcpconntop("log", "--record", str(file), "-P", known.ports) as command:
        assert command.process.stdout is not None
        os.close(os.dup(command.process.stdout.fileno()))
        command.process.stdout.close()
        known.run()
        assert command.process.wait(DEADLINE_S) == -signal.SIGPIPE
    assert_complete(file)


def test_a_reader_that_does_not_read_holds_nothing_up(known: Known, tmp_path: Path) -> None:
    """GIVEN a pipe that is full WHEN SIGTERM comes THEN the command ends."""
    file = tmp_path / "r"
    command = [*TCPCONNTOP, "log", "--record", str(file), "-P", known.ports, *way.OPTIONS]
    with (
        full_pipe() as writer,
        subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        assert any(line.startswith("tracing: ") for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 143
    assert_complete(file)


def test_a_hung_up_dashboard_leaves_a_complete_recording(known: Known, tmp_path: Path) -> None:
    """GIVEN a dashboard that records WHEN its terminal goes THEN the file gets its end."""
    file = tmp_path / "r"
    words = ["--record", str(file), "-P", known.ports, "-d", "0.2", "-w", "all"]
    with on_terminal([*TCPCONNTOP, *words, *way.OPTIONS]) as terminal:
        terminal.until("live")
        known.run()
        terminal.until("refused")
        terminal.hang_up()
        assert terminal.process.wait(DEADLINE_S) == 129
    assert_complete(file)
