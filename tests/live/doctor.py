"""Run `doctor`, or any other command, like a user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import way

NAMES = [
    "kernel", "btf", "capabilities", "image", "bcc", "raw_tracepoints", "fentry", "kprobe", "ring", "perf",
    "tracefs", "lockdown", "memlock", "ipv6", "cgroups",
]  # fmt: skip
"""The names of the checks in a document, in order."""


def run(*arguments: str, prefix: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-m", "tcpconntop", *arguments],
        env=os.environ | variables,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=way.DEADLINE_S,
        check=False,
    )


def checks(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in document["checks"]}
