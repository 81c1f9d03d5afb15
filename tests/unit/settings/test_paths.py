"""Paths of the user's files, also when HOME belongs to another user."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from tcpconntop.settings.paths import config_file, home, state_folder


def test_files_are_below_home(tmp_path):
    environment = {"HOME": str(tmp_path)}
    assert home(environment) == tmp_path
    assert config_file(environment) == tmp_path / ".config/tcpconntop/config.toml"
    assert state_folder(environment) == tmp_path / ".local/state/tcpconntop"


def test_xdg_variables_are_used_unless_they_are_relative(tmp_path):
    environment = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "s"}
    assert config_file(environment) == Path("/c/tcpconntop/config.toml")
    assert state_folder(environment) == tmp_path / ".local/state/tcpconntop"


def test_without_a_home_of_ones_own_the_user_database_is_used(tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    own = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    if os.geteuid() == 0:
        os.chown(foreign, 12345, 12345)
        assert home({"HOME": str(foreign)}) == own
    for nowhere in ({}, {"HOME": ""}, {"HOME": "relative"}, {"HOME": str(tmp_path / "nowhere")}):
        assert home(nowhere) == own
