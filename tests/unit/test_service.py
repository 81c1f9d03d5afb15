"""The systemd service: what systemd thinks of it, and whether it starts a command that there is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tcpconntop.options import COMMANDS, parse

UNIT = Path(__file__).parents[2] / "packaging" / "systemd" / "tcpconntop-record.service"
EXPOSED_MOST = 20
"""Of 100, by systemd's own reckoning; 2.0 of 10 in its table. It calls up to 2.0 `OK`."""


def command():
    return re.search(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)[1]


@pytest.fixture
def unit(tmp_path):
    """The unit with a command that is installed here, for systemd to look at."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("not run: there is no systemd-analyze here")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(command(), "/bin/true"))
    return copy


def test_given_the_unit_when_systemd_verifies_it_then_it_finds_nothing(unit):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert UNIT.name not in done.stderr


def test_given_the_unit_when_systemd_judges_it_then_it_is_well_shut_in(unit):
    options = ["--offline=yes", f"--threshold={EXPOSED_MOST}", "--no-pager"]
    done = subprocess.run(
        ["systemd-analyze", "security", *options, unit], capture_output=True, text=True, check=False
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("not run: this systemd-analyze cannot look at files")
    assert done.returncode == 0, done.stdout[-400:]


def test_given_its_command_then_it_is_one_of_ours():
    words = shlex.split(command())[1:]
    if words[0] not in COMMANDS:
        pytest.skip(f"not run: there is no command {words[0]} yet")
    assert parse(words).command == "record"
