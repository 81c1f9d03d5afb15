"""Standard streams that are closed, full, or without a reader: one line or none, never a traceback."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from recordings import Scenario, record

from tcpconntop.kernel.launch import PYTHON_VARIABLE

TCPCONNTOP = [sys.executable, "-m", "tcpconntop"]
like_others = partial(pytest.param, marks=pytest.mark.long)
COMMANDS = [
    like_others(["--version"]),
    ["--help"],
    like_others(["log", "--help"]),
    like_others(["completion", "fish"]),
    like_others(["doctor", "--json"]),
    ["log", "--replay", "FILE"],
    like_others(["replay", "FILE", "-b"]),
    like_others(["replay", "FILE", "-b", "--json"]),
    ["check", "--replay", "FILE", "--assert", "count>1"],
    like_others(["check", "--replay", "FILE", "--assert", "count>1", "--json"]),
    ["export", "FILE", "--format", "csv"],
    like_others(["export", "FILE", "--format", "jsonl"]),
]
each_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
SHARPEST = (["--help"], ["log", "--replay", "FILE"])
each_kind_of_command = pytest.mark.parametrize(
    "words",
    [words if words in SHARPEST or not isinstance(words, list) else like_others(words) for words in COMMANDS],
    ids=" ".join,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streams") / "r"
    record(path, Scenario(3))
    return path


def without_bcc() -> dict[str, str]:
    """Return an environment in which `doctor` has much to print, and nothing to compile."""
    return os.environ | {PYTHON_VARIABLE: sys.executable}


def run(words: list[str], file: Path, **streams: object) -> subprocess.CompletedProcess[str]:
    command = [*TCPCONNTOP, *(str(file) if word == "FILE" else word for word in words)]
    return subprocess.run(command, check=False, text=True, timeout=60, env=without_bcc(), **streams)  # type: ignore[call-overload]


@each_command
def test_a_reader_that_has_gone_ends_it_silently(words: list[str], file: Path) -> None:
    """GIVEN a pipe without a reader WHEN something is written THEN SIGPIPE ends the process."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = run(words, file, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    assert done.returncode == -signal.SIGPIPE
    assert [line for line in done.stderr.splitlines() if not line.startswith("replaying: ")] == []


@each_command
def test_a_full_disk_is_one_line(words: list[str], file: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(words, file, stdout=full, stderr=subprocess.PIPE)
    said = [line for line in done.stderr.splitlines() if not line.startswith("replaying: ")]
    assert said == ["tcpconntop: cannot write to stdout: No space left on device"]
    assert done.returncode == 1


@each_kind_of_command
def test_closed_streams_are_opened_as_dev_null(words: list[str], file: Path) -> None:
    """GIVEN streams that are closed WHEN something is written THEN no other file gets it."""
    whole = run(words, file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    command = "exec " + shlex.join([*TCPCONNTOP, *words]).replace("FILE", str(file))
    silent = ["sh", "-c", f"{command} 2>&- <&-"]
    done = subprocess.run(
        silent, check=False, stdout=subprocess.PIPE, text=True, timeout=60, env=without_bcc()
    )
    assert done.returncode == whole.returncode
    assert len(done.stdout.splitlines()) == len(whole.stdout.splitlines())
    deaf = ["sh", "-c", f"{command} >&-"]
    done = subprocess.run(deaf, check=False, stderr=subprocess.PIPE, text=True, timeout=60, env=without_bcc())
    assert done.returncode == whole.returncode
    assert done.stderr == whole.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["log", "--replay", "no\x1b[31m\n\u202e such"],
        like_others(["export", "\x9b31m", "--format", "csv"]),
        ["-b", "--config", "/no\x1b]0;x\x07"],
        like_others(["-b", "-g", "\x1b[31m\nfake"]),
        ["-b", "--filter", "nofield=\x1b[31m\n1"],
        ["\x1b[31m\nfake"],
        os.fsencode("FILE\udcff"),
    ],
    ids=repr,
)
def test_an_error_is_one_printable_line_whatever_it_names(words: list[str] | bytes, file: Path) -> None:
    words = ["log", "--replay", os.fsdecode(words)] if isinstance(words, bytes) else words
    done = run(words, file, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.stderr.startswith("tcpconntop: ")
    assert done.stderr.removesuffix("\n").isprintable()
    assert (done.returncode, done.stdout) in ((1, ""), (2, ""))


@pytest.mark.parametrize(("words", "code"), [(["log", "--replay", "/nothing"], 1), (["-b", "-g", "no"], 2)])
def test_where_stderr_cannot_be_written_the_exit_code_is_right(
    words: list[str], code: int, file: Path
) -> None:
    with Path("/dev/full").open("w") as full:
        assert run(words, file, stdout=subprocess.DEVNULL, stderr=full).returncode == code


def test_a_replay_does_not_end_because_stderr_cannot_be_written(file: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = run(["log", "--replay", "FILE"], file, stdout=subprocess.PIPE, stderr=full)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 10
