"""Start the child processes of this program: the only place that does.

A child may have privileges. So nothing that others can choose decides what it runs: neither the current
folder, nor PATH, nor a variable of Python. Also imported by the loader process: only the standard library,
Python 3.9.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""All that a child's environment has."""


def start_child(command: Sequence[str], **streams: Any) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C ends only the user interface.

    Args:
        command: the absolute path of a program, and its arguments.
        streams: `stdin`, `stdout`, `stderr` and `pass_fds` of `subprocess.Popen`; all other descriptors are
            closed.

    Raises:
        ValueError: the program would be looked for in PATH or in the current folder.
    """
    if not Path(command[0]).is_absolute():
        raise ValueError(f"{command[0]} is not an absolute path")
    return subprocess.Popen(
        command, cwd="/", env=ENVIRONMENT, close_fds=True, start_new_session=True, **streams
    )


def start_user_program(command: Sequence[str], **streams: Any) -> subprocess.Popen[bytes]:
    """Start a program as the user who runs this one would: by PATH, with the user's environment.

    Only for a process that has that user's rights (`starter`). The program gets no terminal: it asks nobody.

    Args:
        command: the program and its arguments; no shell reads them.
        streams: as for `start_child`.

    Raises:
        OSError: it cannot be started.
    """
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}
    return subprocess.Popen(command, env=environment, close_fds=True, start_new_session=True, **streams)
