"""The wheel is reproducible: who builds it again gets the same bytes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from packages import needs_packages, package_file

pytestmark = needs_packages


def build(source: Path, target: Path, **environment: str) -> tuple[str, str]:
    """Build a wheel of the source distribution; return its name and a hash of its bytes."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={target}", source]
    subprocess.run(command, env=os.environ | environment, check=True, umask=int(environment["UMASK"], 8))
    (wheel,) = target.glob("*.whl")
    return wheel.name, hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_two_builds_are_the_same(tmp_path: Path) -> None:
    """GIVEN SOURCE_DATE_EPOCH WHEN folder, time zone, umask and language differ THEN the bytes do not."""
    source = package_file("*.tar.gz")
    epoch = {"SOURCE_DATE_EPOCH": "1767225600"}
    first = build(source, tmp_path / "a", TZ="UTC", UMASK="022", LC_ALL="C", COLUMNS="80", **epoch)
    second = build(
        source, tmp_path / "b", TZ="Asia/Tokyo", UMASK="077", LC_ALL="C.UTF-8", COLUMNS="200", **epoch
    )
    assert first == second
