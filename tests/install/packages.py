"""The packages that `make test-install` has built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DIST = os.environ.get("TCPCONNTOP_TEST_DIST", "")
needs_packages = pytest.mark.skipif(
    not DIST, reason="run by make test-install, which builds the packages first"
)


def package_file(pattern: str) -> Path:
    """Return the one package whose name matches a pattern."""
    (file,) = Path(DIST).glob(pattern)
    return file.resolve()
