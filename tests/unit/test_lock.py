"""What `make setup` installs is what the lock file says, or nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "locked_example"
FILES = {
    f"{NAME}.py": "",
    f"{NAME}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n",
    f"{NAME}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{NAME}-1.0.dist-info/RECORD": "",
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A package that pip can install."""
    file = tmp_path / "wheels" / f"{NAME}-1.0-py3-none-any.whl"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    return file


def install(wheel: Path, requirement: str) -> tuple[subprocess.CompletedProcess[str], bool]:
    """Install from a lock file with one line; return how that ended, and if the package is there."""
    folder = wheel.parents[1]
    lock, target = folder / "run.txt", folder / "target"
    lock.write_text(requirement + "\n", "utf-8")
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent), "PIP_TARGET": str(target)}
    ended = subprocess.run(
        [ROOT / "scripts/install-locked", Path(sys.executable).with_name("pip"), lock],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended, (target / f"{NAME}.py").exists()


@pytest.mark.long
def test_a_package_with_its_hash_is_installed(wheel: Path) -> None:
    """GIVEN the hash of the file WHEN it is installed THEN it is there, and nothing is said."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    ended, there = install(wheel, f"{NAME}==1.0 --hash=sha256:{digest}")
    assert (ended.returncode, there, ended.stdout + ended.stderr) == (0, True, "")


def test_a_package_with_another_hash_is_refused(wheel: Path) -> None:
    """GIVEN the hash of another file WHEN it is installed THEN that is an error, and it is not there."""
    digest = hashlib.sha256(b"another file").hexdigest()
    ended, there = install(wheel, f"{NAME}==1.0 --hash=sha256:{digest}")
    assert (ended.returncode, there) == (1, False)
    assert "Nothing was installed" in ended.stderr


@pytest.mark.long
def test_a_lock_that_does_not_apply_is_said(wheel: Path) -> None:
    """GIVEN a version that there is not for this Python WHEN it is installed THEN that is said, no error."""
    ended, there = install(wheel, f"{NAME}==2.0 --hash=sha256:{'0' * 64}")
    assert (ended.returncode, there) == (0, False)
    assert "without checking hashes" in ended.stderr
