"""Exit codes, and the error that ends the program with one of them."""

from __future__ import annotations

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_NOT_PRIVILEGED, EXIT_UNSUPPORTED = 0, 1, 2, 3, 4
"""The exit codes, which scripts may depend on; 128 + n is the end by signal n (130 at Ctrl-C)."""


class FatalError(Exception):
    """An error that ends the program: one line that says what to do (`str`), and an exit code."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
