"""Child processes: what others can choose does not decide what they run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tcpconntop.kernel.children import ENVIRONMENT, start_child
from tcpconntop.kernel.isolated import PACKAGE_PARENT, python_command

PACKAGE = Path(PACKAGE_PARENT) / "tcpconntop"
STARTS = re.compile(
    r"subprocess\.(?!Popen\[|DEVNULL|PIPE|TimeoutExpired)\w+|os\.(exec|spawn|posix_spawn|popen|system)\w*\("
)


def test_a_child_gets_nothing_of_the_callers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN traps in the current folder and in variables WHEN a child starts THEN it gets none of them."""
    (tmp_path / "json.py").write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "PATH", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(name, str(tmp_path))
    show = "import json, os, sys; print(json.dumps([dict(os.environ), os.getcwd(), sys.flags.isolated]))"
    command = [*python_command(sys.executable, "")[:3], show]
    with start_child(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        out, err = child.communicate()
    assert err == b""
    environment, folder, isolated = json.loads(out)
    assert environment.items() >= ENVIRONMENT.items()
    assert environment.keys() - ENVIRONMENT.keys() <= {"LC_CTYPE"}  # Python's own
    assert (folder, isolated) == ("/", 1)


def test_a_program_is_not_looked_for() -> None:
    with pytest.raises(ValueError, match="not an absolute path"):
        start_child(["python3"])


def test_children_are_started_in_one_place() -> None:
    found = {
        str(file.relative_to(PACKAGE)): match[0]
        for file in PACKAGE.rglob("*.py")
        for match in STARTS.finditer(file.read_text())
    }
    # These replace their own process by the same program in an isolated Python.
    assert found == {
        "kernel/children.py": "subprocess.Popen",
        "kernel/loader.py": "os.execv(",
        "__main__.py": "os.execv(",
    }
