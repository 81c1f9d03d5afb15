"""Paths of the user's files. After sudo, HOME may still be the home of root, so it is checked first."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

SYSTEM_CONFIG = Path("/etc/tcpconntop/config.toml")


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the home of the effective user: HOME if that user owns it, else the one in the user database."""
    variable = Path(environment.get("HOME") or "")
    try:
        if variable.is_absolute() and variable.stat().st_uid == os.geteuid():
            return variable
    except OSError:
        pass  # it does not exist, or may not be read
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:  # a user without an entry in the user database
        return variable if variable.is_absolute() else Path("/")


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the user's settings file."""
    return _base_folder("XDG_CONFIG_HOME", ".config", environment) / "tcpconntop" / "config.toml"


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the state that the dashboard remembers."""
    return _base_folder("XDG_STATE_HOME", ".local/state", environment) / "tcpconntop"


def _base_folder(variable: str, default: str, environment: Mapping[str, str]) -> Path:
    """Return the folder that an XDG variable names if it is absolute, else the default below home."""
    folder = Path(environment.get(variable) or "")
    return folder if folder.is_absolute() else home(environment) / default
