"""Fixtures of the dashboard's tests."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _same_terminal_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Show times of day in UTC, wherever the tests run, and colours, whatever the shell says."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def update_goldens(pytestconfig: pytest.Config) -> bool:
    """True if screens are to be written instead of compared: `--snapshot-update`, as for the pictures."""
    return bool(pytestconfig.getoption("update_snapshots"))
