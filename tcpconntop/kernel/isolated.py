"""The command of an isolated Python: neither the current folder nor a variable decides what it imports.

Imports nothing that Python has not loaded before this package. Works with Python 3.9.
"""

from __future__ import annotations

import os

PACKAGE_PARENT = os.path.abspath(f"{__file__}/../../..")  # noqa: PTH100  # pathlib is not loaded yet
"""The folder that this package is imported from."""

LOADER = "tcpconntop.kernel.loader"
"""The module that the loader process runs."""

# This project's folder comes last on the path: the interpreter's own packages are what was installed for it.
_START = (
    "import importlib, sys; sys.path.append(sys.argv[1]); "
    "importlib.import_module(sys.argv[2]).run(sys.argv[3:])"
)


def python_command(interpreter: str, entry: str, *arguments: str) -> list[str]:
    """Return the command that calls `run(arguments)` of the module `entry` in an isolated Python.

    Args:
        interpreter: the path of the Python.
        entry: a module of this package.
        arguments: for the function.
    """
    return [interpreter, "-I", "-c", _START, PACKAGE_PARENT, entry, *arguments]


def loader_command(entry: str, fd: int, interpreter: str, *others: str) -> list[str]:
    """Return the command that runs the module `entry` in an interpreter.

    Args:
        entry: a module with a function `run(arguments)`.
        fd: the socket that the job comes from.
        interpreter: the Python to start.
        others: those to try next if this one has no BCC.
    """
    return python_command(interpreter, entry, str(fd), *others)
