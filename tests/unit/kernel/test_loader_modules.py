"""What runs inside the loader process: any interpreter with BCC can run it, from Python 3.9 on."""

from __future__ import annotations

import ast
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tcpconntop.doctor import try_load
from tcpconntop.kernel import loader
from tcpconntop.kernel.isolated import loader_command

ROOT = Path(__file__).parents[3]
ENTRIES = [loader.__name__, try_load.ENTRY]
LIST_MODULES = (
    "print(json.dumps({n: m.__file__ for n, m in sys.modules.items() if n.startswith('tcpconntop')}))"
)


def files_of(entry: str) -> dict[str, str]:
    """The project's modules that the entry module imports, in a Python without installed packages."""
    program = (
        f"import importlib, json, sys; sys.path.append({str(ROOT)!r}); importlib.import_module({entry!r})"
    )
    isolated = [sys.executable, "-I", "-S", "-c", f"{program}; {LIST_MODULES}"]
    done = subprocess.run(isolated, capture_output=True, text=True, check=True, timeout=60)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("entry", ENTRIES)
def test_given_no_installed_package_then_the_loader_can_be_imported(entry: str) -> None:
    files = files_of(entry)
    assert entry in files
    assert "tcpconntop.kernel.programs" in files


@pytest.mark.parametrize("entry", ENTRIES)
def test_given_a_module_of_the_loader_then_python_3_9_can_parse_it(entry: str) -> None:
    for file in files_of(entry).values():
        ast.parse(Path(file).read_text(), feature_version=(3, 9))


def test_given_an_entry_module_then_the_command_runs_it_over_the_socket() -> None:
    command = loader_command(try_load.ENTRY, 7, "/usr/bin/python3", "/opt/python")
    assert command[0] == "/usr/bin/python3"
    assert command[-4:] == [str(ROOT), try_load.ENTRY, "7", "/opt/python"]


def test_when_the_watch_has_ended_its_thread_is_gone_from_the_kernel_too() -> None:
    """A thread that the kernel still lists has capabilities that cannot be dropped any more."""
    threads = Path("/proc/self/task")
    before = {thread.name for thread in threads.iterdir()}
    for _ in range(500):
        own_end, loader_end = socket.socketpair()
        with own_end, loader_end:
            loader.exit_on_hangup(loader_end)()
            assert {thread.name for thread in threads.iterdir()} <= before
