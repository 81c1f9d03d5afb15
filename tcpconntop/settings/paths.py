"""Where this user's files are, also after sudo: HOME may then still be the home of root."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

SYSTEM_CONFIG = Path("/etc/tcpconntop/config.toml")


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the home of the user that this process is: HOME where it is theirs, else what passwd says."""
    named = Path(environment.get("HOME") or "")
    try:
        if named.is_absolute() and named.stat().st_uid == os.geteuid():
            return named
    except OSError:
        pass  # it does not exist, or is not ours to look at
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:  # a user without an entry in the user database
        return named if named.is_absolute() else Path("/")


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Give where the user's own settings are."""
    return _base("XDG_CONFIG_HOME", ".config", environment) / "tcpconntop" / "config.toml"


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Give where the program remembers what the user chose."""
    return _base("XDG_STATE_HOME", ".local/state", environment) / "tcpconntop"


def _base(variable: str, otherwise: str, environment: Mapping[str, str]) -> Path:
    named = Path(environment.get(variable) or "")
    return named if named.is_absolute() else home(environment) / otherwise
