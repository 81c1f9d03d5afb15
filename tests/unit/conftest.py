"""Set-up of the unit tests: property tests use the same examples in every run."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=25, database=None)
settings.register_profile("long", settings.get_profile("repeatable"), max_examples=100)


def pytest_configure(config: pytest.Config) -> None:
    """Draw more of them with `--long`."""
    settings.load_profile("long" if config.getoption("long") else "repeatable")
