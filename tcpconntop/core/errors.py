"""How the program ends when it cannot go on: one line for the user and an exit code."""

from __future__ import annotations

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NOT_PRIVILEGED, EXIT_UNSUPPORTED, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130
"""The exit codes, which scripts may depend on."""


class FatalError(Exception):
    """One actionable line (`str`) and the exit code that goes with it."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
