"""The machine on which something is measured."""

from __future__ import annotations

import platform
from pathlib import Path


def machine() -> str:
    """Return the name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())
