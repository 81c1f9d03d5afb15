"""Exit codes."""

from __future__ import annotations

from tcpconntop.core import errors
from tcpconntop.kernel import load_error


def test_the_loader_side_uses_the_same_exit_codes():
    """The loader keeps copies: it must run with the standard library alone."""
    assert load_error.EXIT_NOT_PRIVILEGED == errors.EXIT_NOT_PRIVILEGED
    assert load_error.EXIT_UNSUPPORTED == errors.EXIT_UNSUPPORTED


def test_the_documented_exit_codes_are_kept():
    codes = ("OK", "FAILED", "USAGE", "NOT_PRIVILEGED", "UNSUPPORTED")
    assert [getattr(errors, f"EXIT_{code}") for code in codes] == [0, 1, 2, 3, 4]
