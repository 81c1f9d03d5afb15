"""The systemd units: they are valid, restricted enough, and run existing commands."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tcpconntop.options import COMMANDS, parse

UNITS = Path(__file__).parents[2] / "packaging" / "systemd"
COMMANDS_OF = {"tcpconntop-record.service": "record", "tcpconntop-exporter.service": "exporter"}
MAX_EXPOSURE = 20
"""Out of 100, as for --threshold: 2.0 of 10 in the table of `systemd-analyze security`, which is `OK`."""


def command(unit):
    return re.search(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)[1]


def test_given_the_folder_then_every_unit_in_it_is_tested():
    assert {unit.name for unit in UNITS.iterdir()} == COMMANDS_OF.keys()


@pytest.fixture(params=COMMANDS_OF)
def unit(tmp_path, request):
    """Return a copy of a unit whose command exists on this machine, which systemd checks."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("not run: systemd-analyze is not installed")
    original, copy = UNITS / request.param, tmp_path / request.param
    copy.write_text(original.read_text().replace(f"={command(original)}\n", "=/bin/true\n"))
    return copy


def test_given_the_unit_when_systemd_verifies_it_then_there_are_no_errors(unit):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert unit.name not in done.stderr


def test_given_the_unit_when_systemd_rates_it_then_its_exposure_is_low(unit):
    options = ["--offline=yes", f"--threshold={MAX_EXPOSURE}", "--no-pager"]
    done = subprocess.run(
        ["systemd-analyze", "security", *options, unit], capture_output=True, text=True, check=False
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("not run: this systemd-analyze cannot read files")
    assert done.returncode == 0, done.stdout[-400:]


@pytest.mark.parametrize("name", COMMANDS_OF)
def test_given_its_command_then_the_parser_accepts_it(name):
    words = shlex.split(command(UNITS / name))[1:]
    assert words[0] in COMMANDS
    assert parse(words).command == COMMANDS_OF[name]
