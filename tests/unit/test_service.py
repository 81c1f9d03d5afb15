"""The systemd unit: it is valid, it is restricted enough, and it runs an existing command."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tcpconntop.options import COMMANDS, parse

UNIT = Path(__file__).parents[2] / "packaging" / "systemd" / "tcpconntop-record.service"
MAX_EXPOSURE = 20
"""Out of 100, as for --threshold: 2.0 of 10 in the table of `systemd-analyze security`, which is `OK`."""


def command():
    return re.search(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)[1]


@pytest.fixture
def unit(tmp_path):
    """Return a copy of the unit whose command exists on this machine, which systemd checks."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("not run: systemd-analyze is not installed")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(command(), "/bin/true"))
    return copy


def test_given_the_unit_when_systemd_verifies_it_then_there_are_no_errors(unit):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert UNIT.name not in done.stderr


def test_given_the_unit_when_systemd_rates_it_then_its_exposure_is_low(unit):
    options = ["--offline=yes", f"--threshold={MAX_EXPOSURE}", "--no-pager"]
    done = subprocess.run(
        ["systemd-analyze", "security", *options, unit], capture_output=True, text=True, check=False
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("not run: this systemd-analyze cannot read files")
    assert done.returncode == 0, done.stdout[-400:]


def test_given_its_command_then_the_parser_accepts_it():
    words = shlex.split(command())[1:]
    if words[0] not in COMMANDS:
        pytest.skip(f"not run: there is no command {words[0]} yet")
    assert parse(words).command == "record"
