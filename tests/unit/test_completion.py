"""Completions of the shells, as the shells themselves see them."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys

import pytest

from tcpconntop.commands.completion import completions as completions_of
from tcpconntop.options import COMMANDS, SHELLS, documented

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
    """What bash offers after it has sourced a text."""
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
        (("tcpconntop", "doctor", "--j"), ["--json"]),
        (("tcpconntop", "doc"), ["doctor"]),
        (("tcpconntop", "completion", "z"), ["zsh"]),
        (("tcpconntop", "doctor", "--pro"), []),
    ],
)
def test_given_the_begin_of_a_word_when_bash_completes_then_it_is_the_word_that_fits(bash, words, expected):
    assert bash(*words) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_given_a_shell_then_its_completions_name_every_command_and_are_its_language(shell):
    text = completions(shell)
    assert all(name in text for name in COMMANDS)
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here to read its completions")
    subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_given_the_documented_parser_then_it_has_every_command_and_its_options():
    text = documented().format_help()
    assert all(name in text for name in COMMANDS)
    assert "--probe" in text


def test_given_an_option_that_wants_a_file_then_files_are_offered_and_nowhere_else(tmp_path):
    (tmp_path / "morning.rec").touch()
    parser = argparse.ArgumentParser(prog="tcpconntop")
    commands = parser.add_subparsers()
    command = commands.add_parser("play", help="play it")
    command.add_argument("--from", metavar="FILE")
    command.add_argument("--at", metavar="TIME")
    text = completions_of(parser, "bash")
    assert completed(text, "tcpconntop", "play", "--from", "mor", folder=tmp_path) == ["morning.rec"]
    assert completed(text, "tcpconntop", "play", "--at", "mor", folder=tmp_path) == []
