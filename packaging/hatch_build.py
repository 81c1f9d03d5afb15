"""Puts the man page into the wheel; an editable installation goes without."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPage(BuildHookInterface[Any]):
    """Makes it, for as long as the wheel is being built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the page and have it installed as share/man/man1/tcpconntop.1."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        page = Path(self._folder.name, "tcpconntop.1")
        subprocess.run([Path(self.root, "packaging/man/make-man"), sys.executable, page], check=True)
        build_data["shared_data"][str(page)] = "share/man/man1/tcpconntop.1"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Take the page away again."""
        if version != "editable":
            self._folder.cleanup()
