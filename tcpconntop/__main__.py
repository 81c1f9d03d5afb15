"""`python -m tcpconntop`, and the `tcpconntop` command."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the program and return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports: no traceback
    from tcpconntop import cli
    from tcpconntop.commands.signals import raise_interrupted
    from tcpconntop.commands.streams import run_with_safe_streams

    raise_interrupted()
    return run_with_safe_streams(cli.main)


if __name__ == "__main__":
    sys.exit(main())
