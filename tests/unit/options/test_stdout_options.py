"""`record -`, `replay -`: what cannot be is one line and exit code 2."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

TCPCONNTOP = (sys.executable, "-m", "tcpconntop")


def said(words: list[str], folder: Path, **streams: object) -> list[str]:
    """Return the lines on stderr of a command that must refuse."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **streams}
    done = subprocess.run(  # type: ignore[call-overload]
        [*TCPCONNTOP, *words],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        **streams,
    )
    assert (done.returncode, done.stdout or "") == (2, "")
    assert list(folder.iterdir()) == []
    return str(done.stderr).splitlines()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["log"], id="log"),
        *(
            pytest.param(words, id=name, marks=pytest.mark.long)
            for name, words in (
                ("batch", ["-b"]),
                ("check", ["check", "--for", "1s", "--assert", "count>0"]),
                ("dashboard", []),
            )
        ),
    ],
)
def test_a_recording_on_stdout_is_refused_beside_other_output(words: list[str], tmp_path: Path) -> None:
    assert said([*words, "--record", "-"], tmp_path) == [
        "tcpconntop: --record - is not possible beside other output: use tcpconntop record - "
        "(see tcpconntop --help)"
    ]


@pytest.mark.parametrize(
    "option",
    [
        ["--rotate-size", "1M"],
        *(
            pytest.param(option, marks=pytest.mark.long)
            for option in (["--rotate-age", "1h"], ["--keep", "3"])
        ),
    ],
)
def test_stdout_is_not_rotated(option: list[str], tmp_path: Path) -> None:
    assert said(["record", "-", *option], tmp_path) == [
        "tcpconntop: stdout cannot be rotated: --rotate-size, --rotate-age and --keep need a file "
        "(see tcpconntop --help)"
    ]


def test_several_hosts_are_not_recorded_to_stdout(tmp_path: Path) -> None:
    assert said(["record", "-", "--fleet", "db-07", "--ssh-command", "false"], tmp_path) == [
        "tcpconntop: stdout takes the recording of one host: name a file, and each host has FILE.HOST "
        "(see tcpconntop --help)"
    ]


def test_no_recording_is_written_to_a_terminal(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        assert said(["record", "-"], tmp_path, stdout=slave) == [
            "tcpconntop: a recording is binary: redirect stdout to a file or a program "
            "(see tcpconntop --help)"
        ]
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("words", [["replay", "-"], ["log", "--replay", "-"], ["replay", "/dev/stdin", "-b"]])
def test_no_recording_is_read_from_a_terminal(words: list[str], tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        assert said(words, tmp_path, stdin=slave) == [
            "tcpconntop: /dev/stdin is a terminal: send a recording to it through a pipe "
            "(see tcpconntop --help)"
        ]
    finally:
        os.close(master)
        os.close(slave)
