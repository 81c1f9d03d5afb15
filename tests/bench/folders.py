"""A folder for what measured programs read and write."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_folder() -> Iterator[Path]:
    """Run a block in a new folder, without settings and without anything that is remembered.

    Measured programs may write there. They have the rights of the user who called sudo; or, if that user may
    not read this Python, those of root without capabilities, for whom the group counts.
    """
    folder, environment = Path.cwd(), os.environ.copy()
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, int(os.environ.get("SUDO_UID", "-1")), -1)
        Path(name).chmod(0o770)
        os.environ |= {"XDG_STATE_HOME": f"{name}/state", "XDG_CONFIG_HOME": f"{name}/config"}
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
