"""Completion scripts, run by the shells themselves."""

from __future__ import annotations

import argparse
import os
import select
import shutil
import subprocess
import sys

import pytest

from tcpconntop.commands.completion import completions as completions_of
from tcpconntop.options import COMMANDS, SHELLS, full_parser

COMPLETE = """
source /dev/stdin
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_shtab_tcpconntop
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completions(shell):
    command = [sys.executable, "-m", "tcpconntop", "completion", shell]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def bash():
    text = completions("bash")
    return lambda *words: completed(text, *words)


def completed(text, *words, folder=None):
    """Return what bash completes after it has sourced a script."""
    script = COMPLETE.format(words=" ".join(words))
    done = subprocess.run(
        ["bash", "--norc", "-c", script], input=text, capture_output=True, text=True, check=True, cwd=folder
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("tcpconntop", "--pro"), ["--probe"]),
        (("tcpconntop", "log", "--pro"), ["--probe"]),
        (("tcpconntop", "--probe", "k"), ["kprobe"]),
        (("tcpconntop", "replay", "--ign"), ["--ignore"]),
        (("tcpconntop", "doctor", "--j"), ["--json"]),
        (("tcpconntop", "doc"), ["doctor"]),
        (("tcpconntop", "completion", "z"), ["zsh"]),
        (("tcpconntop", "doctor", "--pro"), []),
    ],
)
def test_bash_completes_a_word(bash, words, expected):
    assert bash(*words) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_has_every_command_and_is_valid_in_its_shell(shell):
    text = completions(shell)
    assert all(name in text for name in COMMANDS)
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here to read its completions")
    subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_the_full_parser_has_every_command_and_option():
    text = full_parser().format_help()
    assert all(name in text for name in COMMANDS)
    assert "--probe" in text


def test_file_names_are_completed_only_for_files(tmp_path):
    (tmp_path / "morning.rec").touch()
    parser = argparse.ArgumentParser(prog="tcpconntop")
    commands = parser.add_subparsers()
    command = commands.add_parser("play", help="play it")
    command.add_argument("--from", metavar="FILE")
    command.add_argument("--at", metavar="TIME")
    text = completions_of(parser, "bash")
    assert completed(text, "tcpconntop", "play", "--from", "mor", folder=tmp_path) == ["morning.rec"]
    assert completed(text, "tcpconntop", "play", "--at", "mor", folder=tmp_path) == []


LINES = [
    ("tcpconntop repl", "tcpconntop replay"),
    ("tcpconntop replay --sp", "tcpconntop replay --speed"),
    ("tcpconntop --conf", "tcpconntop --config"),
    ("tcpconntop log --probe kp", "tcpconntop log --probe kprobe"),
]


@pytest.mark.parametrize(
    ("begun", "completed"),
    [LINES[1], *(pytest.param(*line, marks=pytest.mark.long) for line in (LINES[0], *LINES[2:]))],
)
def test_zsh_completes_a_line(begun, completed, tmp_path):
    if not shutil.which("zsh"):
        pytest.skip("there is no zsh here")
    (tmp_path / "_tcpconntop").write_text(completions("zsh"))
    start = f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -D; PROMPT='ready''>'\n"
    with Terminal("zsh", "-f") as zsh:
        zsh.type(start, until="ready>")
        zsh.type(f"{begun}\t", until=f"{completed} ")


@pytest.mark.parametrize(("begun", "completed"), LINES)
def test_fish_completes_a_line(begun, completed):
    if not shutil.which("fish"):
        pytest.skip("there is no fish here")
    command = ["fish", "--no-config", "-c", f"source -; complete -C '{begun}'"]
    done = subprocess.run(command, input=completions("fish"), capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [completed.split()[-1]]


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, *command):
        self._ours, theirs = os.openpty()
        environment = os.environ | {"TERM": "dumb"}
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)

    def type(self, text, until):
        """Type a text, and read until the output contains `until`."""
        os.write(self._ours, text.encode())
        shown = ""
        while until not in shown:
            assert select.select([self._ours], [], [], 30)[0], f"expected {until!r}, got {shown!r}"
            shown += os.read(self._ours, 1 << 16).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
