"""Build hook: puts the man page into the wheel. An editable installation gets none."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManPage(BuildHookInterface[Any]):
    """Makes the man page in a temporary folder while the wheel is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the page and add it to the wheel as share/man/man1/tcpconntop.1."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        page = Path(self._folder.name, "tcpconntop.1")
        subprocess.run([Path(self.root, "packaging/man/make-man"), sys.executable, page], check=True)
        build_data["shared_data"][str(page)] = "share/man/man1/tcpconntop.1"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Delete the temporary folder."""
        if version != "editable":
            self._folder.cleanup()
