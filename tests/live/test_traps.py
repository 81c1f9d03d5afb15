"""Every command, started where others have left programs and modules of the names that it uses."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import way
import workload
from test_dashboard import Terminal

pytestmark = [
    pytest.mark.compiles,
    pytest.mark.skipif(not way.FIRST, reason="the same for all probe sets: runs with the first"),
]

SCRIPT = str(Path(sys.executable).with_name("tcpconntop"))
INSTALLED = ("bcc", "numpy", "plotext", "pygments", "rich", "shtab", "textual", "tomli", "tcpconntop")
MODULES = {*sys.stdlib_module_names, *INSTALLED, "sitecustomize", "usercustomize"}
COMPILERS = ("gcc", "cc", "clang", "ld", "ldconfig", "objdump", "python", "python3", "git")
SHELLS = ("sh", "bash", "env", "sudo", "id", "getent", "uname", "hostname", "stty", "tput", "tty", "less")
NETWORK = ("ip", "ss", "ps", "lsof", "mount", "modprobe", "kmod", "bpftool", "systemctl", "docker", "nsenter")
PROGRAMS = {*COMPILERS, *SHELLS, *NETWORK, "tar", "xz", "xdg-open", "tcpconntop", Path(sys.executable).name}
TRAP = "#!/bin/sh\necho program $0 >> {marker}\n"
TRAP_MODULE = "open({marker!r}, 'a').write(__file__ + '\\n')\nraise ImportError('trapped')\n"


class Traps:
    """A folder full of traps, and the file that each of them writes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._marker = folder / "traps", folder / "sprung"
        self.folder.mkdir()
        for name in MODULES:
            (self.folder / f"{name}.py").write_text(TRAP_MODULE.format(marker=str(self._marker)))
        for name in PROGRAMS:
            program = self.folder / name
            program.write_text(TRAP.format(marker=self._marker))
            program.chmod(0o755)
        state = {"XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self.environment = {"PATH": str(self.folder), "TERM": "xterm-256color", "LANG": "C.UTF-8", **state}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *arguments], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=way.DEADLINE_S, check=False,
        )  # fmt: skip

    def show(self, arguments: Sequence[str], wanted: str) -> int:
        """Run a dashboard in a terminal until some text is drawn; return its exit code."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [SCRIPT, *arguments], cwd=self.folder, env={**self.environment, "COLUMNS": "120", "LINES": "36"},
            stdin=slave, stdout=slave, stderr=slave,
        )  # fmt: skip
        try:
            terminal = Terminal(process, master)
            terminal.until(wanted)
            terminal.press("q")
            return terminal.end()
        finally:
            process.kill()
            process.wait()
            os.close(slave)
            os.close(master)

    def sprung(self) -> str:
        return self._marker.read_text() if self._marker.exists() else ""


@pytest.fixture
def traps(tmp_path: Path) -> Traps:
    found = Traps(tmp_path)
    # The traps work: the interpreter falls into them where nothing protects it.
    subprocess.run(
        [sys.executable, "-c", "import argparse"], cwd=found.folder, capture_output=True, check=False
    )
    assert "argparse.py" in found.sprung()
    (tmp_path / "sprung").unlink()
    return found


def test_no_headless_command_runs_what_lies_around(traps: Traps, long: bool) -> None:
    """GIVEN traps WHEN each command runs THEN none does; `doctor` compiles, as perf buffers need it."""
    file = str(traps.folder.parent / "recording")
    like_others = (
        ("--version",),
        ("completion", "bash"),
        ("export", file, "--format", "jsonl"),
        ("doctor",),
        ("log", "--help"),
        ("-b", "-n", "1", "-d", "0.2", "--transport", "perf"),
        ("log", "--replay", file),
        ("export", file, "--format", "csv"),
    )
    for arguments in (
        ("--help",),
        ("-b", "-n", "1", "-d", "0.2", *way.OPTIONS),
        ("record", file, "--for", "1s", *way.OPTIONS),
        ("check", "--for", "0.2s", "--assert", "count>=0", *way.OPTIONS),
        ("replay", "-b", "--speed", "max", file),
        ("export", file, "--format", "parquet"),
        *(like_others if long else ()),
    ):
        done = traps.run(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert traps.sprung() == "", arguments


def test_log_runs_nothing_that_lies_around(traps: Traps) -> None:
    with workload.listener() as listener:
        port = str(workload.port_of(listener))
        process = subprocess.Popen(
            [SCRIPT, "log", "-P", port, *way.OPTIONS],
            cwd=traps.folder, env=traps.environment, text=True, stdout=subprocess.PIPE, stderr=-1,
        )  # fmt: skip
        with process:
            assert process.stderr
            assert process.stdout
            assert any(line.startswith("tracing: ") for line in process.stderr)
            workload.connect(listener, 1)
            assert "PID" in process.stdout.readline()
            assert str(os.getpid()) in process.stdout.readline()
            process.kill()
    assert traps.sprung() == ""


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [((), os.uname().release), pytest.param(("demo",), "nginx", marks=pytest.mark.long)],
    ids=["dashboard", "demo"],
)
def test_no_dashboard_runs_what_lies_around(arguments: tuple[str, ...], wanted: str, traps: Traps) -> None:
    """GIVEN traps WHEN the dashboard, or the demo with its workload, runs THEN none of them does."""
    assert traps.show(arguments, wanted) == 0
    assert traps.sprung() == ""
