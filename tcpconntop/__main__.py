"""`python -m tcpconntop`, and the `tcpconntop` command."""

from __future__ import annotations

import os
import sys

from tcpconntop import __version__

UNSAFE_VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR")
"""Variables that make Python import what others may have written."""


def main() -> int:
    """Run the program and return its exit code."""
    _leave_current_folder()
    _isolate()
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports: no traceback
    from tcpconntop.commands.signals import raise_interrupted
    from tcpconntop.commands.streams import run_with_safe_streams

    raise_interrupted()
    if sys.argv[1:] == ["--version"]:
        return run_with_safe_streams(_print_version)
    # One thread is enough for what we ask of numpy, and starting the others takes as long as the rest of it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from tcpconntop import cli

    return run_with_safe_streams(cli.main)


def _print_version() -> int:
    """Print the version without the parser, which takes longer to load than everything else together."""
    print(f"tcpconntop {__version__}")
    return 0


def run(arguments: list[str]) -> None:
    """Run as the process that `_isolate` starts, and exit."""
    sys.argv[1:] = arguments
    sys.exit(main())


def _leave_current_folder() -> None:
    """Import nothing from the current folder: `python -m` puts it first, the command does not."""
    if __name__ == "__main__" and sys.path and sys.path[0] in ("", os.path.realpath(".")):
        del sys.path[0]


def _isolate() -> None:
    """Start again as root without what the variables of Python name: root's shell may have inherited them."""
    if os.geteuid() == 0 and not sys.flags.isolated and any(map(os.environ.get, UNSAFE_VARIABLES)):
        from tcpconntop.kernel.isolated import python_command

        for name in UNSAFE_VARIABLES:
            os.environ.pop(name, None)
        command = python_command(sys.executable, "tcpconntop.__main__", *sys.argv[1:])
        os.execv(sys.executable, command)  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
